//! `tenure status`: everything on one screen, what needs somebody on top.

use super::{
    Style, Tone,
    detail::level_tone,
    moment, short_moment,
    table::{Field, maybe, names, plain, table, toned},
};
use crate::{
    api::wire::{CapacityView, GroupView, Level, LparView, NodeView, ServerView, StatusView},
    config,
};

/// The whole screen.
pub fn status(view: &StatusView, style: Style) -> String {
    let mut parts = vec![head(view, style)];
    if !view.alarms.is_empty() {
        let lines = view.alarms.iter().map(|alarm| style.paint(Tone::Bad, &format!("ALARM  {}", alarm.text)) + "\n");
        parts.push(lines.collect());
    }
    parts.push(servers(view, style));
    parts.push(nodes(view, style));
    parts.push(groups(view, style));
    parts.push(lpars(view, style));
    parts.push(waits(view, style));
    parts.push(orders(view, style));
    parts.retain(|part| !part.is_empty());
    parts.join("\n")
}

fn head(view: &StatusView, style: Style) -> String {
    let name = if view.cluster.is_empty() { "(no cluster file applied)" } else { &view.cluster };
    let leader = match &view.leader {
        Some(leader) => format!("{leader} leads (term {})", view.term),
        None => style.paint(Tone::Bad, "nobody leads"),
    };
    let stale =
        if view.stale { style.paint(Tone::Busy, "  STALE, as read on ") + &view.answered_by } else { String::new() };
    let cluster = style.paint(Tone::Head, &format!("cluster {name}"));
    if view.configured == 0 {
        let next = "next: describe the site in a cluster file, then `tenure apply FILE`";
        return format!("{cluster}  {leader}{stale}\n{next}\n");
    }
    format!("{cluster}  {leader}  index {}  {} UTC{stale}\n", view.index, moment(&view.at))
}

fn servers(view: &StatusView, style: Style) -> String {
    if view.servers.is_empty() {
        return String::new();
    }
    let row = |server: &ServerView| {
        let tone = match server.state.as_str() {
            "ready" => Tone::Good,
            "dirty" | "unread" | "doubtful" => Tone::Busy,
            _ => Tone::Bad,
        };
        let reads = if server.live { server.reads.clone() } else { format!("{} (not live)", server.reads) };
        let manager = match &server.manager {
            Some(manager) if server.surrogate => toned(format!("{manager} (surrogate)"), Tone::Busy),
            Some(manager) => plain(manager),
            None => toned("nobody", Tone::Busy),
        };
        let vios =
            if server.vios_down.is_empty() { maybe(None) } else { toned(server.vios_down.join(", "), Tone::Bad) };
        vec![
            plain(&server.name),
            toned(&server.state, tone),
            plain(reads),
            manager,
            plain(capacity(&server.memory, config::memory)),
            plain(capacity(&server.processors, tenure_core::config::hundredths)),
            vios,
            names(&server.groups),
        ]
    };
    let head = ["SERVER", "STATE", "HMC READS", "WATCHED BY", "MEMORY>", "CPU>", "VIOS DOWN", "GROUPS"];
    table(&head, view.servers.iter().map(row).collect(), style)
}

fn capacity(capacity: &CapacityView, show: fn(u64) -> String) -> String {
    match capacity.total {
        Some(total) => format!("{} of {}", show(capacity.used), show(total)),
        None => show(capacity.used),
    }
}

fn nodes(view: &StatusView, style: Style) -> String {
    let row = |node: &NodeView| {
        let role = match node.role.as_str() {
            "leader" => Tone::Good,
            "voter" => Tone::Plain,
            _ => Tone::Busy,
        };
        let state = match &node.lapsed {
            Some(since) => toned(format!("silent since {}", short_moment(since, &view.at)), Tone::Bad),
            None if !node.declared => toned("not in the cluster file", Tone::Busy),
            None if node.role == "absent" => toned("has not joined", Tone::Busy),
            None => toned("ok", Tone::Good),
        };
        let server = match &node.server {
            Some(server) => plain(server),
            None if node.declared => plain("(arbiter)"),
            None => maybe(None),
        };
        vec![plain(&node.name), server, toned(&node.role, role), state, maybe(node.address.as_ref())]
    };
    table(&["NODE", "SERVER", "ROLE", "STATE", "ADDRESS"], view.nodes.iter().map(row).collect(), style)
}

/// The groups.
pub fn groups(view: &StatusView, style: Style) -> String {
    if view.groups.is_empty() {
        return String::new();
    }
    let row = |group: &GroupView| {
        let since = group.since.as_ref().map(|since| short_moment(since, &view.at));
        vec![
            plain(&group.name),
            plain(group.priority),
            toned(&group.state, group_tone(group)),
            maybe(group.server.as_ref()),
            maybe(since.as_ref()),
            plain(group.system_list.join(" ")),
            remarks(group),
        ]
    };
    let head = ["GROUP", "PRIORITY>", "STATE", "SERVER", "SINCE", "SYSTEM LIST", "REMARKS"];
    table(&head, view.groups.iter().map(row).collect(), style)
}

fn remarks(group: &GroupView) -> Field {
    let mut all = Vec::new();
    if group.frozen {
        all.push("frozen".to_owned());
    }
    if !group.faults.is_empty() {
        let servers: Vec<&str> = group.faults.iter().map(|fault| fault.server.as_str()).collect();
        all.push(format!("faulted on {}", servers.join(" ")));
    }
    if let Some(prefer) = &group.prefer {
        all.push(format!("to {prefer}"));
    }
    if group.wait.is_some() {
        all.push("waits".to_owned());
    }
    if all.is_empty() { maybe(None) } else { toned(all.join(", "), Tone::Busy) }
}

pub(super) fn group_tone(group: &GroupView) -> Tone {
    match (group.state.as_str(), group.intent.as_str()) {
        ("online", "online") => Tone::Good,
        ("offline", "offline") => Tone::Dim,
        ("held", _) => Tone::Bad,
        _ => Tone::Busy,
    }
}

/// The LPARs.
pub fn lpars(view: &StatusView, style: Style) -> String {
    if view.lpars.is_empty() {
        return String::new();
    }
    let row = |lpar: &LparView| {
        let restarts = format!("{} of {}", lpar.restarts, lpar.restart_limit);
        vec![
            plain(&lpar.name),
            plain(&lpar.group),
            toned(&lpar.state, power_tone(&lpar.state)),
            maybe(lpar.server.as_ref()),
            toned(restarts, if lpar.restarts > 0 { Tone::Busy } else { Tone::Dim }),
            plain(config::memory(lpar.memory)),
            plain(tenure_core::config::hundredths(lpar.processors)),
        ]
    };
    let head = ["LPAR", "GROUP", "STATE", "SERVER", "RESTARTS", "MEMORY>", "CPU>"];
    table(&head, view.lpars.iter().map(row).collect(), style)
}

pub(super) fn power_tone(state: &str) -> Tone {
    match state {
        "Running" => Tone::Good,
        "Off" | "not defined" => Tone::Dim,
        "Unknown" | "not read" => Tone::Bad,
        _ => Tone::Busy,
    }
}

fn waits(view: &StatusView, style: Style) -> String {
    // What is loud stands on top already.
    let waits: Vec<_> = view.waits.iter().filter(|wait| wait.level != Level::Alarm).collect();
    if waits.is_empty() {
        return String::new();
    }
    let mut out = style.paint(Tone::Head, "WAITS") + "\n";
    for wait in waits {
        let until = wait.until.as_ref().map(|until| format!(" (until {})", short_moment(until, &view.at)));
        let text = format!("{} {}: {}{}", wait.what, wait.name, wait.text, until.unwrap_or_default());
        out.push_str(&style.paint(level_tone(wait.level), &text));
        out.push('\n');
    }
    out
}

fn orders(view: &StatusView, style: Style) -> String {
    if view.orders.is_empty() {
        return String::new();
    }
    let rows = view.orders.iter().map(|order| {
        let since = short_moment(&order.issued, &view.at);
        vec![plain(&order.id), plain(&order.what), plain(&order.server), plain(&order.node), plain(since)]
    });
    table(&["ORDER", "WHAT", "ON", "BY", "SINCE"], rows.collect(), style)
}
