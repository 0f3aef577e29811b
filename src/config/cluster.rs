//! The cluster file: TOML text → [`Cluster`].

use crate::{
    Problems,
    fields::{Fields, Log, instead, nearest, syntax},
    problem::Found,
};
use std::{ops::Range, path::Path};
use tenure_core::{
    GroupName, HmcName, NodeName, ResourceName, ServerName,
    config::{Cluster, Group, Hmc, Kind, Mistake, Node, Resource, Rule, Server, Timings},
};
use toml::de::{DeTable, DeValue};

/// Names shorter than this are not guessed.
const SHORT_NAME: usize = 4;
/// Kinds of group that exist.
const KINDS: [&str; 1] = ["failover"];

/// Reads a cluster file. `file` is its name in messages.
pub fn parse(file: &str, text: &str) -> Result<Cluster, Problems> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return Err(Problems::new(file, text, errors.iter().map(syntax).collect()));
    }
    let mut log = Log::default();
    let (cluster, strange) = read(&mut log, table.get_ref());
    // With a misspelt section, most names would seem to be unknown.
    if !strange {
        let mistakes = cluster.mistakes();
        let new: Vec<Found> = mistakes
            .iter()
            .filter(|mistake| !is_consequence(&log, &cluster, mistake))
            .map(|mistake| place_mistake(table.get_ref(), &cluster, mistake))
            .collect();
        log.found.extend(new);
    }
    if log.found.is_empty() { Ok(cluster) } else { Err(Problems::new(file, text, log.found)) }
}

/// Reads a cluster file from disk.
pub fn load(file: &Path) -> Result<Cluster, Problems> {
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file).map_err(|why| Problems::unreadable(&name, &why))?;
    parse(&name, &text)
}

/// The cluster, and whether the file has sections that nobody knows.
fn read(log: &mut Log, table: &DeTable<'_>) -> (Cluster, bool) {
    let mut root = Fields::root(table);
    let mut cluster = Cluster { name: root.required(log, "name", "site"), ..Cluster::default() };
    for (name, fields) in root.tables(log, "hmcs") {
        cluster.hmcs.insert(HmcName::from(name), hmc(log, fields));
    }
    for (name, fields) in root.tables(log, "servers") {
        let server = server(log, fields);
        cluster.servers.insert(ServerName::from(name), server);
    }
    for (name, fields) in root.tables(log, "nodes") {
        cluster.nodes.insert(NodeName::from(name), node(log, fields));
    }
    for (name, fields) in root.tables(log, "groups") {
        cluster.groups.insert(GroupName::from(name), group(log, fields));
    }
    for (name, fields) in root.tables(log, "lpars") {
        cluster.resources.insert(ResourceName::from(name), lpar(log, fields));
    }
    if let Some(fields) = root.table(log, "timings") {
        cluster.timings = timings(log, fields);
    }
    let strange = root.close(log);
    (cluster, strange)
}

fn hmc(log: &mut Log, mut fields: Fields<'_>) -> Hmc {
    let hmc = Hmc {
        address: fields.required(log, "address", "hmc1.site:22"),
        user: fields.required(log, "user", "tenure"),
        host_key: fields.required(log, "host_key", "SHA256:…"),
    };
    fields.close(log);
    hmc
}

fn server(log: &mut Log, mut fields: Fields<'_>) -> Server {
    let server = Server {
        system: fields.required(log, "system", "Server-9009-42A-SN1234567"),
        mtms: fields.required(log, "mtms", "9009-42A*1234567"),
        hmcs: fields.list(log, "hmcs").into_iter().map(HmcName::from).collect(),
        surrogate: fields.flag(log, "surrogate").unwrap_or(false),
        memory: fields.memory(log, "memory"),
        processors: fields.processors(log, "processors"),
        ..Server::new("", "", Vec::new())
    };
    fields.close(log);
    server
}

fn node(log: &mut Log, mut fields: Fields<'_>) -> Node {
    let node = Node { server: fields.text(log, "server").map(ServerName::from), lpar: fields.text(log, "lpar") };
    fields.close(log);
    node
}

fn group(log: &mut Log, mut fields: Fields<'_>) -> Group {
    fields.word(log, "kind", &KINDS, "is not a kind of group");
    let names = |list: Vec<String>| list.into_iter().map(ServerName::from).collect::<Vec<_>>();
    let mut group = Group::new(names(fields.list(log, "servers")));
    group.autostart_servers = names(fields.list(log, "autostart_servers"));
    set(&mut group.priority, fields.number(log, "priority"));
    set(&mut group.autostart, fields.flag(log, "autostart"));
    set(&mut group.restart_limit, fields.number(log, "restart_limit"));
    set(&mut group.restart_window, fields.span(log, "restart_window"));
    fields.close(log);
    group
}

fn lpar(log: &mut Log, mut fields: Fields<'_>) -> Resource {
    let group = GroupName::from(fields.required(log, "group", "web"));
    let mut resource = Resource::lpar(group, &fields.required(log, "partition", "web1"));
    let Kind::Lpar(lpar) = &mut resource.kind else { return resource };
    lpar.profile = fields.text(log, "profile");
    lpar.vios = fields.list(log, "vios");
    set(&mut lpar.memory, fields.memory(log, "memory"));
    set(&mut lpar.processors, fields.processors(log, "processors"));
    set(&mut resource.start_timeout, fields.span(log, "start_timeout"));
    set(&mut resource.stop_timeout, fields.span(log, "stop_timeout"));
    fields.close(log);
    resource
}

fn timings(log: &mut Log, mut fields: Fields<'_>) -> Timings {
    let mut timings = Timings::default();
    set(&mut timings.heartbeat, fields.span(log, "heartbeat"));
    set(&mut timings.suspect, fields.span(log, "suspect"));
    set(&mut timings.lease, fields.span(log, "lease"));
    set(&mut timings.monitor, fields.span(log, "monitor"));
    set(&mut timings.settle, fields.span(log, "settle"));
    set(&mut timings.fence, fields.span(log, "fence"));
    fields.close(log);
    timings
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

/// Whether a rule is only broken because a value could not be read, which was reported already.
fn is_consequence(log: &Log, cluster: &Cluster, mistake: &Mistake) -> bool {
    let broken = |places: &[&str]| {
        let place: Vec<String> = places.iter().map(|step| (*step).to_owned()).collect();
        log.is_broken(&place)
    };
    let under = |section: &str, field: &str| {
        let ends = |place: &Vec<String>| place.len() == 1 || place.last().is_some_and(|last| last == field);
        log.broken.iter().any(|place| place.first().is_some_and(|first| first == section) && ends(place))
    };
    if log.is_broken(&mistake.place) {
        return true;
    }
    match &mistake.rule {
        Rule::EmptySystemList { group } => broken(&["groups", group.as_str(), "servers"]),
        Rule::NoHmc { server } => broken(&["servers", server.as_str(), "hmcs"]),
        Rule::EmptyGroup { .. } => under("lpars", "group"),
        Rule::AutostartOutsideList { server } => {
            let list_is_broken = mistake.place.get(1).is_some_and(|group| broken(&["groups", group, "servers"]));
            list_is_broken || !cluster.servers.contains_key(server)
        }
        Rule::Unmanaged { .. } => under("nodes", "server"),
        Rule::TooShort { .. } => log.broken.iter().any(|place| place.first().is_some_and(|one| one == "timings")),
        Rule::UnknownHmc { .. } => under("hmcs", ""),
        Rule::UnknownServer { .. } => under("servers", ""),
        Rule::UnknownGroup { .. } => under("groups", ""),
        Rule::Name { .. }
        | Rule::HmcTwice { .. }
        | Rule::Mtms { .. }
        | Rule::SystemTwice { .. }
        | Rule::HostKey { .. }
        | Rule::Address { .. }
        | Rule::NodesOnOneServer { .. }
        | Rule::LparWithoutServer { .. }
        | Rule::ServerTwice { .. }
        | Rule::PartitionTwice { .. }
        | Rule::ManagedNode { .. }
        | Rule::Zero { .. }
        | Rule::LinkTwice { .. }
        | Rule::LinkMisfit { .. }
        | Rule::HardParentTwice { .. }
        | Rule::TooDeep { .. }
        | Rule::Cycle { .. }
        | Rule::EmptyTier
        | Rule::TierTwice { .. }
        | Rule::NeverFits { .. } => false,
    }
}

/// A broken rule with its place in the file.
fn place_mistake(table: &DeTable<'_>, cluster: &Cluster, mistake: &Mistake) -> Found {
    let span = locate(table, &mistake.place);
    let text = mistake.rule.to_string();
    let (message, help) = text.split_once("; ").unwrap_or((&text, ""));
    let found = Found { span, message: message.to_owned(), help: (!help.is_empty()).then(|| help.to_owned()) };
    // Short names differ little from each other: there, all of them are more help than a guess.
    let near = |word: &str, known: Vec<&str>| {
        let near = nearest(word, known.into_iter()).filter(|_| word.len() >= SHORT_NAME);
        near.map(|near| format!("did you mean {near:?}?"))
    };
    let meant = match &mistake.rule {
        Rule::UnknownHmc { hmc, .. } => near(hmc, cluster.hmcs.keys().map(HmcName::as_str).collect()),
        Rule::UnknownServer { server, .. } => near(server, cluster.servers.keys().map(ServerName::as_str).collect()),
        Rule::UnknownGroup { group, .. } => near(group, cluster.groups.keys().map(GroupName::as_str).collect()),
        _ => None,
    };
    match meant {
        Some(meant) => found.help(meant),
        None => found,
    }
}

/// Where the value at this place stands: the value, or the key if the place is a table. If it is not written down, what
/// it would stand in.
fn locate(table: &DeTable<'_>, place: &[String]) -> Range<usize> {
    let mut span = 0..0;
    let mut table = Some(table);
    let mut list = None;
    for step in place {
        if let Some((key, value)) = table.and_then(|table| table.get_key_value(step.as_str())) {
            let value_is_table = matches!(value.get_ref(), DeValue::Table(_));
            span = if value_is_table { key.span() } else { value.span() };
            table = value.get_ref().as_table();
            list = value.get_ref().as_array();
        } else if let Some(item) = list.and_then(|list| list.get(step.parse::<usize>().ok()?)) {
            span = item.span();
            list = None;
        } else {
            break;
        }
    }
    span
}

impl Fields<'_> {
    /// A word out of a closed set.
    fn word(&mut self, log: &mut Log, field: &'static str, known: &[&str], wrong: &str) {
        if let Some(word) = self.text(log, field)
            && !known.contains(&word.as_str())
        {
            self.refuse(log, field, format!("{word:?} {wrong}"), instead(&word, known));
        }
    }
}
