//! The cluster file: TOML text → [`Cluster`].

use crate::{
    Problems, declared,
    fields::{Fields, Log},
    location::{is_consequence, place_mistake},
    problem::Found,
    schema,
    syntax::mistakes,
};
use std::path::Path;
use tenure_core::{
    GroupName, HmcName, NodeName, ResourceName, RuleName, ServerName, ServiceName,
    command::DECLARATION_LIMIT,
    config::{Agent, Cluster, Group, Kind, Lpar, Node, Resource, looks_secret},
};
use toml::de::DeTable;

/// The tables of the file that hold named objects, in their order: `[groups.web]`.
pub const NAMED: [&str; 8] = ["managers", "servers", "nodes", "groups", "lpars", "resources", "services", "rules"];
/// The tables of the file without a name, in their order: `[timings]`.
pub const SINGLE: [&str; 3] = ["tolerance", "brakes", "timings"];

/// Longest cluster file, in bytes: a tree of its values takes many times that.
pub const TEXT_LIMIT: usize = 24 << 20;

/// Reads a cluster file. `file` is its name in messages.
///
/// # Errors
/// All mistakes in it.
pub fn parse(file: &str, text: &str) -> Result<Cluster, Problems> {
    if text.len() > TEXT_LIMIT {
        return Err(too_long(file, "the file", text.len(), TEXT_LIMIT));
    }
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return Err(Problems::new(file, text, mistakes(text, &errors)));
    }
    let mut log = Log::default();
    let (cluster, strange) = read(&mut log, table.get_ref());
    // With a misspelt section, most names would seem to be unknown.
    if !strange {
        let broken = cluster.mistakes();
        let new: Vec<Found> = broken
            .iter()
            .filter(|mistake| !is_consequence(&log, &cluster, mistake))
            .map(|mistake| place_mistake(table.get_ref(), &cluster, mistake))
            .collect();
        log.found.extend(new);
    }
    if !log.found.is_empty() {
        return Err(Problems::new(file, text, log.found));
    }
    match cluster.length() {
        length if length > DECLARATION_LIMIT => {
            Err(too_long(file, "the cluster in the log", length, DECLARATION_LIMIT))
        }
        _ => Ok(cluster),
    }
}

/// What is too long to be declared has no one place.
fn too_long(file: &str, what: &str, bytes: usize, limit: usize) -> Problems {
    let found = Found::new(0..0, format!("{what} has {bytes} bytes, at most {limit} are allowed"));
    Problems::new(file, "", vec![found.help("declare shorter server lists, or two clusters")])
}

/// Reads a cluster file from disk.
///
/// # Errors
/// All mistakes in it, or the error of reading it.
pub fn load(file: &Path) -> Result<Cluster, Problems> {
    let name = file.display().to_string();
    parse(&name, &Problems::read(file)?)
}

/// What is allowed and yet deserves a look: attributes that hold a secret in plain text, by their names.
pub fn warnings(cluster: &Cluster) -> Vec<String> {
    let mut warnings = Vec::new();
    for (name, resource) in &cluster.resources {
        let Some(agent) = resource.as_agent() else { continue };
        let own = agent.on.iter().flat_map(|(server, own)| own.iter().map(move |one| (format!("on.{server}"), one)));
        let all = agent.attributes.iter().map(|one| ("attributes".to_owned(), one)).chain(own);
        warnings.extend(all.filter(|(_, (attribute, value))| looks_secret(attribute, value)).map(|(table, (attribute, _))| {
            format!(
                "resources.{name}.{table}.{attribute}: this looks like a secret, and everybody who may read the cluster file \
                 reads it; write secret://NAME, and the secret into a file of that name on each node"
            )
        }));
    }
    warnings
}

/// Reads the cluster; also returns whether the file has unknown sections.
pub(crate) fn read(log: &mut Log, table: &DeTable<'_>) -> (Cluster, bool) {
    let mut root = Fields::root(table);
    let mut cluster = Cluster::default();
    schema::read(log, &mut root, &declared::whole(), &mut cluster);
    for (name, fields) in root.tables(log, "managers") {
        let draft = whole(log, fields, &declared::manager(), declared::blank_manager());
        cluster.managers.insert(HmcName::from(name), draft.finish());
    }
    for (name, fields) in root.tables(log, "servers") {
        let server = whole(log, fields, &declared::server(), declared::blank_server());
        cluster.servers.insert(ServerName::from(name), server);
    }
    for (name, fields) in root.tables(log, "nodes") {
        let node = whole(log, fields, &declared::node(), Node { server: None, lpar: None, watchdog: None });
        cluster.nodes.insert(NodeName::from(name), node);
    }
    for (name, fields) in root.tables(log, "groups") {
        let group = whole(log, fields, &declared::group(), Group::new(Vec::new()));
        cluster.groups.insert(GroupName::from(name), group);
    }
    read_resources(log, &mut root, &mut cluster);
    for (name, fields) in root.tables(log, "services") {
        if let Some(service) = declared::SERVICE.open(log, fields) {
            cluster.services.insert(ServiceName::from(name), service);
        }
    }
    for (name, fields) in root.tables(log, "rules") {
        if let Some(rule) = declared::RULE.open(log, fields) {
            cluster.rules.insert(RuleName::from(name), rule);
        }
    }
    if let Some(fields) = root.table(log, "tolerance") {
        cluster.tolerance = whole(log, fields, &declared::tolerance(), cluster.tolerance);
    }
    if let Some(fields) = root.table(log, "brakes") {
        cluster.brakes = whole(log, fields, &declared::brakes(), cluster.brakes);
    }
    if let Some(fields) = root.table(log, "timings") {
        cluster.timings = whole(log, fields, &declared::timings(), cluster.timings);
    }
    let strange = root.close(log);
    (cluster, strange)
}

/// LPARs and other resources share one set of names, and most of their keys.
fn read_resources(log: &mut Log, root: &mut Fields<'_>, cluster: &mut Cluster) {
    let common = declared::resource();
    let (lpars, agents) = (declared::lpar(), declared::agent());
    for (name, mut fields) in root.tables(log, "lpars") {
        let mut resource = Resource::lpar(GroupName::from(""), "");
        schema::read(log, &mut fields, &common, &mut resource);
        if let Kind::Lpar(lpar) = &mut resource.kind {
            schema::read::<Lpar>(log, &mut fields, &lpars, lpar);
        }
        fields.close(log);
        cluster.resources.insert(ResourceName::from(name), resource);
    }
    for (name, mut fields) in root.tables(log, "resources") {
        let mut resource = Resource::agent(GroupName::from(""), "");
        schema::read(log, &mut fields, &common, &mut resource);
        if let Kind::Agent(agent) = &mut resource.kind {
            schema::read::<Agent>(log, &mut fields, &agents, agent);
        }
        let (place, span) = (fields.place.clone(), fields.key.clone());
        fields.close(log);
        if cluster.resources.contains_key(name.as_str()) {
            let found = Found::new(span, format!("{name} is the name of an LPAR already"));
            log.wrong(&place, found.help("give it another name"));
        } else {
            cluster.resources.insert(ResourceName::from(name), resource);
        }
    }
}

/// Reads a table to its end.
fn whole<T>(log: &mut Log, mut table: Fields<'_>, fields: &[schema::Field<T>], mut value: T) -> T {
    schema::read(log, &mut table, fields, &mut value);
    table.close(log);
    value
}
