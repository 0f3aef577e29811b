//! `tenure backup`: images of the ledger in files.

use super::{Context, Exit, Fault, Terminal, args, args::Global, maintenance::Doubt};
use crate::{
    api::Client,
    backup::{self, Backup, BackupError},
};
use jiff::Timestamp;
use serde_json::json;
use std::path::Path;
use tenure_core::{GroupName, RequestId, ledger::GroupState, ledger::Intent};

pub(super) async fn run(command: args::Backup, global: Global, terminal: &mut Terminal) -> Result<Exit, Fault> {
    match command {
        args::Backup::Show { file } => {
            let backup = read(&file)?.1;
            if global.output == args::Output::Json {
                terminal.json(&view(&backup))?;
            } else {
                terminal.print(&text(&backup))?;
            }
        }
        args::Backup::Save { file } => {
            let context = Context::new(global)?;
            let id = context.global.request_id.map_or_else(Client::request_id, RequestId);
            let bytes = context.client.backup(id).await?;
            let saved = backup::open(&bytes).map_err(fault)?;
            backup::write(&file, &bytes).map_err(fault)?;
            if context.json() {
                terminal.json(&view(&saved))?;
            } else {
                terminal.line(format!("{}: {}", file.display(), first_line(&saved)))?;
            }
        }
        args::Backup::Restore { file, sure } => {
            let (bytes, backup) = read(&file)?;
            let context = Context::new(global)?;
            let name = if backup.head.name.is_empty() { &backup.head.cluster } else { &backup.head.name };
            let doubt = Doubt {
                name,
                what: "restored",
                warning: "No node of the cluster that it is of may run any more: it would act on the same LPARs.",
                question: "Type the name of the cluster in the backup if you have seen to that: ",
            };
            if !doubt.is_settled(&sure, &context, terminal)? {
                doubt.ask(&text(&backup), terminal)?;
            }
            let id = context.global.request_id.map_or_else(Client::request_id, RequestId);
            let outcome = context.client.restore(id, &bytes).await?;
            if context.json() {
                terminal.json(&outcome)?;
            } else {
                terminal.line(format!("restored: {}", first_line(&backup)))?;
                terminal.line(
                    "the cluster is disarmed; join the nodes, look at `tenure status`, then `tenure cluster arm`",
                )?;
                terminal.line("users need tokens for new certificates: `tenure user token NAME`")?;
            }
        }
    }
    Ok(Exit::Done)
}

fn read(file: &Path) -> Result<(Vec<u8>, Backup), Fault> {
    let bytes = backup::read(file).map_err(fault)?;
    let backup =
        backup::open(&bytes).map_err(|why| Fault::usage(format!("{}: {why}", file.display()), why.advice()))?;
    Ok((bytes, backup))
}

fn fault(why: BackupError) -> Fault {
    let cause = std::error::Error::source(&why).map_or(String::new(), |cause| format!(": {cause}"));
    Fault::usage(format!("{why}{cause}"), why.advice())
}

fn first_line(backup: &Backup) -> String {
    let head = &backup.head;
    let name = if head.name.is_empty() { "nothing declared" } else { &head.name };
    let at = i64::try_from(head.wall.0).ok().and_then(|at| Timestamp::from_millisecond(at).ok());
    let at = at.map_or_else(|| "an unknown time".to_owned(), |at| format!("{at:.0}"));
    format!(
        "cluster {name} ({}) at {at}, log index {} of term {}, written by {} with tenure {}",
        head.cluster, head.index, head.term, head.node, head.version
    )
}

/// Names of the groups of which something is true.
fn groups<'a>(backup: &'a Backup, so: impl Fn(&GroupState) -> bool + 'a) -> impl Iterator<Item = &'a str> {
    backup.ledger.groups.iter().filter(move |(_, group)| so(group)).map(|(name, _)| GroupName::as_str(name))
}

fn view(backup: &Backup) -> serde_json::Value {
    let servers = |so: &dyn Fn(&tenure_core::ledger::Upkeep) -> bool| -> Vec<&str> {
        backup.ledger.servers.iter().filter(|(_, state)| so(&state.upkeep)).map(|(name, _)| name.as_str()).collect()
    };
    json!({
        "cluster": backup.head.cluster,
        "name": backup.head.name,
        "node": backup.head.node,
        "index": backup.head.index,
        "term": backup.head.term,
        "at": backup.head.wall.0,
        "version": backup.head.version,
        "sha256": backup.hash.to_string(),
        "groups": backup.ledger.groups.len(),
        "offline": groups(backup, |group| group.intent == Intent::Offline).collect::<Vec<_>>(),
        "frozen": groups(backup, |group| group.frozen).collect::<Vec<_>>(),
        "faulted": groups(backup, |group| !group.faults.is_empty()).collect::<Vec<_>>(),
        "waiting_to_be_enabled": groups(backup, |group| group.upkeep.disabled.is_some()).collect::<Vec<_>>(),
        "servers": backup.ledger.servers.len(),
        "servers_frozen": servers(&|upkeep| upkeep.frozen),
        "servers_drained": servers(&|upkeep| upkeep.drain.is_some()),
        "servers_in_quarantine": servers(&|upkeep| upkeep.quarantine.is_some()),
        "nodes": backup.ledger.nodes.keys().map(|node| node.as_str()).collect::<Vec<_>>(),
        "users": backup.ledger.trust.users.keys().map(|user| user.as_str()).collect::<Vec<_>>(),
    })
}

/// What is in it, a line for each thing that is not empty.
fn text(backup: &Backup) -> String {
    let mut text = format!("{}\nSHA-256 {}\n", first_line(backup), backup.hash);
    let view = view(backup);
    for key in [
        "groups",
        "offline",
        "frozen",
        "faulted",
        "waiting_to_be_enabled",
        "servers",
        "servers_frozen",
        "servers_drained",
        "servers_in_quarantine",
        "nodes",
        "users",
    ] {
        let value = match &view[key] {
            serde_json::Value::Array(names) if names.is_empty() => continue,
            serde_json::Value::Array(names) => {
                names.iter().filter_map(serde_json::Value::as_str).collect::<Vec<_>>().join(", ")
            }
            value => value.to_string(),
        };
        text.push_str(&format!("{:<24}{value}\n", format!("{}:", key.replace('_', " "))));
    }
    text
}
