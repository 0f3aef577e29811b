//! Nodes: their roles, their leases, and the proof that nothing runs inside one.

use super::{
    Style, Tone, short_moment,
    status::now,
    table::{Field, maybe, plain, table, toned},
};
use crate::api::wire::{MembersView, NodeOut, NodeRole, NodeView, StatusView};

/// The nodes, as `tenure status` shows them.
pub fn nodes(view: &StatusView, style: Style) -> String {
    if view.nodes.is_empty() {
        return String::new();
    }
    let dogs = view.nodes.iter().any(|node| node.watchdog.is_some());
    let row = |node: &NodeView| {
        let role = match node.role {
            NodeRole::Leader => Tone::Good,
            NodeRole::Voter | NodeRole::Learner => Tone::Plain,
            NodeRole::Absent | NodeRole::Other(_) => Tone::Busy,
        };
        let mut row = vec![
            plain(&node.name),
            home(node),
            toned(&node.role, role),
            state(node, now(view), view.heard.is_some()),
            maybe(node.address.as_ref()),
        ];
        if dogs {
            row.insert(4, maybe(node.watchdog.as_ref()));
        }
        row
    };
    let mut head = vec!["NODE", "SERVER", "ROLE", "STATE", "ADDRESS"];
    if dogs {
        head.insert(4, "WATCHDOG>");
    }
    table(&head, view.nodes.iter().map(row).collect(), style)
}

/// The consensus group.
pub fn members(view: &MembersView, style: Style) -> String {
    let dogs = view.nodes.iter().any(|node| node.watchdog.is_some());
    let rows = view.members.iter().map(|member| {
        let leads = view.leader.as_ref() == Some(&member.name);
        let role = match (leads, member.voter) {
            (true, _) => toned("leader", Tone::Good),
            (false, true) => plain("voter"),
            (false, false) => plain("learner"),
        };
        let node = view.nodes.iter().find(|node| node.name == member.name);
        let mut row = vec![
            plain(&member.name),
            plain(member.id),
            role,
            node.map_or_else(|| maybe(None), home),
            node.map_or_else(|| maybe(None), |node| state(node, &view.at, view.heard.is_some())),
            plain(&member.address),
            maybe(member.api_address.as_ref()),
            maybe(member.version.as_ref()),
            maybe(member.level.map(|level| level.to_string()).as_ref()),
        ];
        if dogs {
            row.insert(5, maybe(node.and_then(|node| node.watchdog.as_ref())));
        }
        row
    });
    let mut head = vec!["NODE", "ID>", "ROLE", "SERVER", "STATE", "ADDRESS", "ADMIN API", "VERSION", "LEVEL>"];
    if dogs {
        head.insert(5, "WATCHDOG>");
    }
    let mut out = table(&head, rows.collect(), style);
    let lagging = view.members.iter().any(|member| member.level.is_some_and(|level| level != view.level));
    if lagging {
        let level = view.level;
        out.push_str(&format!(
            "The cluster is at feature level {level}; LEVEL is what a node understands: `tenure cluster upgrade`\n"
        ));
    }
    if view.leader.is_none() {
        out.push_str(&style.paint(Tone::Bad, "nobody leads at the moment"));
        out.push('\n');
    }
    out
}

fn home(node: &NodeView) -> Field {
    match &node.server {
        Some(server) => plain(server),
        None if node.declared => plain("(arbiter)"),
        None => maybe(None),
    }
}

/// Its state; not known by a node that has lost touch with the others (`apart`).
fn state(node: &NodeView, now: &str, apart: bool) -> Field {
    let since = node.lapsed.as_ref().map(|since| format!(" since {}", short_moment(since, now)));
    let since = since.unwrap_or_default();
    match (&node.out, &node.proof) {
        (_, Some(proof)) => toned(format!("proven off: {proof}"), Tone::Bad),
        (Some(NodeOut::Silent), None) if node.stopped => toned(format!("stopped{since}; start it again"), Tone::Busy),
        (Some(NodeOut::Silent), None) => {
            let lpar = node.lpar_reads.as_ref().map(|reads| format!(", its LPAR reads {reads}")).unwrap_or_default();
            let reset =
                node.reset_by.as_ref().map(|by| format!(", reset by its watchdog at {}", short_moment(by, now)));
            toned(format!("silent{since}{lpar}{}", reset.unwrap_or_default()), Tone::Bad)
        }
        (Some(out), None) => toned(format!("silent{since}, its LPAR is {out}"), Tone::Bad),
        (None, None) if !node.declared => toned("not in the cluster file", Tone::Busy),
        (None, None) if node.role == NodeRole::Absent => toned("has not joined", Tone::Busy),
        (None, None) if apart => toned("not known", Tone::Busy),
        (None, None) => toned("ok", Tone::Good),
    }
}
