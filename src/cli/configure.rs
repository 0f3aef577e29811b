//! `tenure validate`, `apply`, `export`.

use super::{
    Context, Exit, Fault, Terminal,
    args::{Apply, Global, Output, Validate},
    diff::{self, Change},
    render,
};
use crate::api::{
    Client, ClientError, Read,
    wire::{ConfigureBody, OutcomeView},
};
use std::path::Path;
use tenure_core::{RequestId, config::Cluster};
use toml::Table;

pub(super) fn validate(file: &Path, global: &Global, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let cluster = load(file)?;
    let warnings = tenure_config::cluster::warnings(&cluster);
    if global.output == Output::Json {
        let counts = counts(&cluster).into_iter().map(|(what, n)| (format!("{}s", what.to_lowercase()), n.into()));
        let mut view = serde_json::Map::from_iter([
            ("valid".to_owned(), true.into()),
            ("cluster".to_owned(), cluster.name.clone().into()),
        ]);
        view.extend(counts);
        view.insert("warnings".to_owned(), warnings.into());
        terminal.json(&view)?;
    } else {
        terminal.warn(&warnings);
        terminal.line(format!("{} is valid: {}", file.display(), summary(&cluster)))?;
    }
    Ok(Exit::Done)
}

/// Reads a cluster file.
pub(super) fn load(file: &Path) -> Result<Cluster, Fault> {
    // All of a file of VCS would be mistakes.
    let of_vcs = |text: &str| text.lines().any(|line| line.starts_with("include \"") && line.ends_with(".cf\""));
    if std::fs::read_to_string(file).is_ok_and(|text| of_vcs(&text)) {
        let message = format!("{} is a main.cf of VCS, not a cluster file", file.display());
        return Err(Fault::usage(message, "docs/from-vcs.md says what becomes of it"));
    }
    tenure_config::cluster::load(file).map_err(Fault::Invalid)
}

/// Validates the file here, and has the nodes check it: against their agents, by logging in to its HMCs, or both.
pub(super) async fn check(args: Validate, context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let cluster = load(&args.file)?;
    let text = tenure_config::export(&cluster);
    let mut warnings = Vec::new();
    let mut sure = Vec::new();
    if args.agents {
        let found = context.client.check(&text).await?;
        if !found.errors.is_empty() {
            return Err(Fault::Unsuitable(found));
        }
        warnings.extend(found.warnings);
        sure.push("the agents of the nodes can keep what it asks");
    }
    if args.managers {
        context.client.check_managers(&text).await?;
        sure.push("its HMCs let a node in");
    }
    warnings.extend(tenure_config::cluster::warnings(&cluster));
    if context.json() {
        terminal.json(&serde_json::json!({ "valid": true, "cluster": cluster.name, "warnings": warnings }))?;
    } else {
        terminal.warn(&warnings);
        let with = if warnings.is_empty() { "" } else { ", with warnings" };
        let sure = sure.join(", and ");
        terminal.line(format!("{} is valid, and {sure}{with}: {}", args.file.display(), summary(&cluster)))?;
    }
    Ok(Exit::Done)
}

pub(super) async fn export(context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let config = context.client.config(context.read()).await?;
    if context.json() {
        terminal.json(&config)?;
    } else if config.configured == 0 {
        return Err(Fault::usage("no cluster file was applied yet", "write one, then `tenure apply FILE`"));
    } else {
        terminal.print(&config.text)?;
    }
    Ok(Exit::Done)
}

pub(super) async fn apply(args: Apply, context: &Context, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let cluster = load(&args.file)?;
    let text = tenure_config::export(&cluster);
    let present = context.client.config(Read::Linearizable).await?;
    let changes = diff::diff(&table(&present.text)?, &table(&text)?);
    let id = context.global.request_id.map_or_else(Client::request_id, RequestId);
    // A repeated request finds its own changes made; it is sent nevertheless, to learn the outcome of the first
    // attempt.
    if changes.is_empty() && present.configured != 0 && context.global.request_id.is_none() {
        report(context, terminal, &changes, None)?;
        return Ok(Exit::Done);
    }
    if !context.json() {
        terminal.print(&render::changes(&changes, terminal.style))?;
        terminal.warn(&tenure_config::cluster::warnings(&cluster));
    }
    if !args.yes {
        if !terminal.interactive || context.json() {
            return Err(Fault::usage("nobody is here to confirm this", "repeat it with --yes"));
        }
        let answer = terminal.ask(&format!("Apply {} to cluster {}? [y/N] ", count(&changes), cluster.name))?;
        if !["y", "yes"].contains(&answer.to_ascii_lowercase().as_str()) {
            return Err(Fault::Declined);
        }
    }
    let body = ConfigureBody {
        request_id: format!("{:032x}", id.0),
        text,
        strand: args.strand,
        expect: Some(present.configured),
        no_check: args.no_check,
    };
    let outcome = context.client.configure_as(&body).await?;
    report(context, terminal, &changes, Some(&outcome))?;
    Ok(Exit::Done)
}

fn report(
    context: &Context,
    terminal: &mut Terminal,
    changes: &[Change],
    outcome: Option<&OutcomeView>,
) -> Result<(), Fault> {
    let warnings = outcome.map(|outcome| outcome.warnings.as_slice()).unwrap_or_default();
    let index = outcome.map(|outcome| outcome.index);
    if context.json() {
        return terminal.json(&serde_json::json!({ "changes": changes, "index": index, "warnings": warnings }));
    }
    terminal.warn(warnings);
    match index {
        Some(index) => terminal.line(format!("applied at log index {index}; see `tenure status`")),
        None => terminal.line("nothing changes"),
    }
}

fn table(text: &str) -> Result<Table, Fault> {
    let parsed = text.parse::<Table>();
    parsed.map_err(|why| Fault::Client(ClientError::Garbled(format!("the declared cluster: {}", why.message()))))
}

fn count(changes: &[Change]) -> String {
    match changes.len() {
        1 => "this change".to_owned(),
        n => format!("these {n} changes"),
    }
}

/// Number of declared objects of each kind.
fn counts(cluster: &Cluster) -> [(&'static str, usize); 8] {
    let lpars = cluster.resources.values().filter(|resource| resource.as_lpar().is_some()).count();
    [
        ("manager", cluster.managers.len()),
        ("server", cluster.servers.len()),
        ("node", cluster.nodes.len()),
        ("group", cluster.groups.len()),
        ("LPAR", lpars),
        ("resource", cluster.resources.len() - lpars),
        ("service", cluster.services.len()),
        ("rule", cluster.rules.len()),
    ]
}

/// `cluster site, 1 manager, 2 servers, 3 nodes, 2 groups, 3 LPARs`; kinds without objects are left out.
fn summary(cluster: &Cluster) -> String {
    let mut text = format!("cluster {}", cluster.name);
    for (what, n) in counts(cluster).into_iter().filter(|(_, n)| *n > 0) {
        text.push_str(&format!(", {n} {what}{}", if n == 1 { "" } else { "s" }));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_declared_is_counted() {
        let cluster = tenure_config::cluster::parse("sample.toml", tenure_config::reference::SAMPLE).unwrap();
        let said = "cluster site, 1 manager, 3 servers, 3 nodes, 4 groups, 4 LPARs, 2 resources, 1 service, 1 rule";
        assert_eq!(summary(&cluster), said);
        assert_eq!(summary(&Cluster { name: "new".to_owned(), ..Cluster::default() }), "cluster new");
    }
}
