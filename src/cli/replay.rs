//! `tenure replay`: replays the log of a stopped node, and shows every decision in it.
//!
//! Promises: it shows what this program's ledger makes of the log; if the log does not reach back to its beginning,
//! it says from which index on it can show. Refuses to know more than the log holds: the leader's view of its nodes
//! is not in it, only the decisions that followed.

mod words;

use super::{
    Exit, Fault, Terminal,
    args::{Global, Output, Replay},
    render,
};
use crate::api::{
    self,
    wire::{GroupView, RecordView, ServerView},
};
use serde::Serialize;
use std::collections::BTreeMap;
use tenure_core::{
    Command, Entry, GroupName, Ledger, NodeName, Span, View, codec, command::Author, plan::plan, view::NodeView,
};
use tenure_raft::{OpenError, StoredCommand, StoredEntry, StoredError, StoredLog, stored};
use words::Concerned;

/// A section of a replayed log.
#[derive(Debug, Serialize)]
pub struct Replays {
    /// The name of the cluster.
    pub cluster: String,
    /// The node's number in consensus.
    pub node: u64,
    /// The first index that can be shown.
    pub first: u64,
    /// The last one.
    pub last: u64,
    /// Whether the beginning of the log was purged.
    pub purged: bool,
    /// The entries asked for.
    pub entries: Vec<Replayed>,
}

/// A replayed entry of the log.
#[derive(Debug, Serialize)]
pub struct Replayed {
    /// Log index.
    pub index: u64,
    /// Term of the leader that proposed it.
    pub term: u64,
    /// Whether this node knew that it was committed.
    pub committed: bool,
    /// Time of the proposal, RFC 3339 in UTC.
    pub at: Option<String>,
    /// Its author, or the kind of an entry of consensus itself.
    pub author: String,
    /// Its commands, in words.
    pub commands: Vec<String>,
    /// Its refused commands, with the reasons.
    pub refused: Vec<String>,
    /// Its effects.
    pub records: Vec<RecordView>,
    /// The groups and servers that it concerned, in their state before it; only for a single entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Before>,
    /// The proposal of today's planner; only for a single entry by a planner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub today: Option<Today>,
}

/// The groups and servers that an entry concerned, in their state before it.
#[derive(Debug, Serialize)]
pub struct Before {
    /// Groups.
    pub groups: Vec<GroupView>,
    /// Servers.
    pub servers: Vec<ServerView>,
}

/// The proposal of today's planner on the same ledger, compared with the entry.
#[derive(Debug, Serialize)]
pub struct Today {
    /// Whether both are the same, in the same order.
    pub same: bool,
    /// Commands in the entry alone.
    pub only_then: Vec<String>,
    /// Commands in today's proposal alone.
    pub only_today: Vec<String>,
}

pub(super) fn replay(args: &Replay, global: &Global, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let log = stored(&args.directory).map_err(|why| unreadable(&why))?;
    let replays = replays(log, args)?;
    if global.output == Output::Json {
        terminal.json(&replays)?;
    } else if args.at.is_some() {
        terminal.print(&render::replayed(&replays, terminal.style))?;
    } else {
        terminal.print(&render::replays(&replays, terminal.style))?;
    }
    Ok(Exit::Done)
}

fn unreadable(why: &StoredError) -> Fault {
    let mut message = why.to_string();
    let mut cause = std::error::Error::source(why);
    while let Some(why) = cause {
        message.push_str(&format!(": {why}"));
        cause = why.source();
    }
    let next = match why {
        StoredError::Storage(OpenError::InUse { .. }) => {
            "stop that node first: a copy of a directory in use may be torn; the others carry on without it"
        }
        StoredError::Storage(OpenError::NoData { .. }) => "name the data_dir of its tenured.toml, or a copy of it",
        StoredError::Storage(_) | StoredError::Unknown(_) => {
            "try the directory of another node, with a tenure as new as its tenured"
        }
    };
    Fault::usage(message, next)
}

/// Replays the log, and keeps the entries asked for.
fn replays(log: StoredLog, args: &Replay) -> Result<Replays, Fault> {
    let (mut ledger, start) = beginning(&log)?;
    let first = log.entries.iter().map(|entry| entry.index).find(|index| start.is_none_or(|start| *index > start));
    let last = log.entries.last().map(|entry| entry.index);
    let (Some(first), Some(last)) = (first, last) else {
        return Err(Fault::usage(
            "this directory holds a snapshot and no entry after it",
            "try the directory of another node",
        ));
    };
    let (from, to) = match args.at {
        Some(at) => (at, at),
        None => (args.from.unwrap_or(first), args.to.unwrap_or(last)),
    };
    let asked = args.at.or(args.from);
    if asked.is_some_and(|asked| asked < first || asked > last) {
        let why = format!("log indexes {first} to {last} can be shown; what is older was left behind by a snapshot");
        return Err(Fault::usage(why, "older entries are in older copies of a data directory"));
    }
    let mut replays = Replays {
        cluster: log.identity.cluster.clone(),
        node: log.identity.node,
        first,
        last,
        purged: log.purged.is_some(),
        entries: Vec::new(),
    };
    let group = args.group.as_deref().map(GroupName::from);
    for entry in log.entries.iter().filter(|entry| entry.index >= first && entry.index <= to) {
        let wanted = entry.index >= from;
        let committed = log.committed.is_some_and(|committed| entry.index <= committed);
        let again = again(&mut ledger, entry, committed, wanted && args.at.is_some());
        replays.entries.extend(again.filter(|_| wanted).and_then(|(again, concerned)| match &group {
            Some(group) => of_group(again, &concerned, group),
            None => Some(again),
        }));
    }
    Ok(replays)
}

/// The state before the first entry to be replayed, and the log index of its snapshot if it is from one.
fn beginning(log: &StoredLog) -> Result<(Ledger, Option<u64>), Fault> {
    match (&log.snapshot, log.purged) {
        (_, None) => Ok((Ledger::default(), None)),
        (Some((index, state)), Some(_)) => {
            let ledger = codec::decode::<Ledger>(state);
            let newer = |why: codec::CodecError| {
                Fault::usage(format!("read the snapshot: {why}"), "use a tenure as new as the node's tenured")
            };
            Ok((ledger.map_err(newer)?, Some(*index)))
        }
        (None, Some(purged)) => Err(Fault::usage(
            format!("the log begins after index {purged}, and there is no snapshot of what was before"),
            "try the directory of another node",
        )),
    }
}

/// Applies one entry. `None` if consensus wrote it and a single entry was not asked for.
fn again(ledger: &mut Ledger, entry: &StoredEntry, committed: bool, closely: bool) -> Option<(Replayed, Concerned)> {
    let mut replayed = Replayed {
        index: entry.index,
        term: entry.term,
        committed,
        at: None,
        author: String::new(),
        commands: Vec::new(),
        refused: Vec::new(),
        records: Vec::new(),
        before: None,
        today: None,
    };
    let bytes = match &entry.what {
        StoredCommand::Command(bytes) => bytes,
        StoredCommand::Own(what) => {
            replayed.author = format!("consensus: {what}");
            return closely.then(|| (replayed, Concerned::default()));
        }
    };
    let decoded = match codec::decode::<Entry>(bytes) {
        Ok(decoded) => decoded,
        Err(why) => {
            replayed.author = "nobody known".to_owned();
            replayed.refused.push(format!("not understood: {why}"));
            return Some((replayed, Concerned::default()));
        }
    };
    let mut concerned = Concerned::default();
    for command in &decoded.commands {
        concerned.by(ledger, command);
    }
    replayed.at = Some(api::time(decoded.wall));
    replayed.author = words::author(&decoded.author);
    replayed.commands = decoded.commands.iter().map(|command| words::command(ledger, command)).collect();
    if closely {
        replayed.before = Some(Before {
            groups: concerned.groups.iter().filter_map(|name| api::group(ledger, name)).collect(),
            servers: concerned.servers.iter().filter_map(|name| api::server(ledger, name)).collect(),
        });
        if let Author::Planner(node) = &decoded.author {
            replayed.today = Some(today(ledger, node, &decoded, &replayed.commands));
        }
    }
    let outcome = ledger.apply(entry.index, &decoded);
    let place = |place: u32| usize::try_from(place).ok().and_then(|place| replayed.commands.get(place).cloned());
    let refused = outcome.refused.iter().map(|(at, why)| format!("{}: {why}", place(*at).unwrap_or_default()));
    replayed.refused = refused.collect();
    replayed.records = outcome.reply.events.iter().map(api::event).collect();
    Some((replayed, concerned))
}

/// Reduces an entry to one group; `None` if it does not concern the group.
fn of_group(mut replayed: Replayed, concerned: &Concerned, group: &GroupName) -> Option<Replayed> {
    replayed.records.retain(|record| record.group.as_deref() == Some(group.as_str()));
    (concerned.groups.contains(group) || !replayed.records.is_empty()).then_some(replayed)
}

/// Plans again on the ledger before the entry, with as much of the leader's view as the entry reveals.
fn today(ledger: &Ledger, node: &NodeName, entry: &Entry, then: &[String]) -> Today {
    let planned = plan(ledger, &view(ledger, entry), node, entry.at);
    let now: Vec<String> = planned.commands.iter().map(|command| words::command(ledger, command)).collect();
    Today { same: planned.commands == entry.commands, only_then: beyond(then, &now), only_today: beyond(&now, then) }
}

/// The elements that occur more often in one list than in the other, in its order.
fn beyond(one: &[String], other: &[String]) -> Vec<String> {
    let mut left: BTreeMap<&String, usize> = BTreeMap::new();
    for text in other {
        *left.entry(text).or_default() += 1;
    }
    let mut more = Vec::new();
    for text in one {
        match left.get_mut(text).filter(|left| **left > 0) {
            Some(left) => *left -= 1,
            None => more.push(text.clone()),
        }
    }
    more
}

/// The leader's view, as far as its proposal reveals it: the readings that it passed on; nodes whose leases were over
/// or that it heard again; and, as not heard, nodes whose servers it assigned to others or had fenced.
fn view(ledger: &Ledger, entry: &Entry) -> View {
    let timings = &ledger.config.timings;
    let mut view = View::default();
    let seen = |silence: Span, lease_over| NodeView { heard: true, silence, lease_over, reaches_manager: true };
    for command in &entry.commands {
        if let Command::Observe(reading) = command {
            view.readings.insert(reading.server.clone(), reading.clone().into());
        } else if let Command::LapseNode(node) = command {
            view.nodes.insert(node.clone(), seen(timings.suspect.plus(timings.lease), true));
        } else if let Command::TakeBackNode(node) = command {
            view.nodes.insert(node.clone(), seen(Span(0), false));
        } else if let Command::Assign { server, .. } | Command::Fence(server) = command {
            let home = ledger.config.node_on(server).cloned();
            let own = matches!(command, Command::Assign { node, .. } if Some(node) == home.as_ref());
            if let Some(home) = home.filter(|_| !own) {
                view.nodes.entry(home).or_insert_with(|| seen(timings.suspect, false));
            }
        }
    }
    view
}

#[cfg(test)]
mod tests {
    use super::beyond;

    #[test]
    fn what_is_said_more_often_is_beyond() {
        let list = |text: &str| text.chars().map(String::from).collect::<Vec<_>>();
        assert_eq!(beyond(&list("abca"), &list("ab")), list("ca"));
        assert_eq!(beyond(&list("ab"), &list("ba")), Vec::<String>::new());
    }
}
