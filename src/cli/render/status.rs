//! `tenure status`: the whole cluster on one screen, states that need an operator on top.

use super::{
    Style, Tone,
    detail::level_tone,
    maintenance::servers,
    moment,
    nodes::nodes,
    services::services,
    short_moment,
    table::{Field, maybe, plain, table, toned},
};
use crate::api::wire::{GroupStatus, GroupView, Intent, Level, ResourceView, StatusView};

/// The whole screen.
pub fn status(view: &StatusView, style: Style) -> String {
    let mut parts = vec![head(view, style)];
    let stands = |text: &String| style.paint(Tone::Bad, text) + "\n";
    parts.push(view.standstills.iter().map(stands).collect());
    if !view.alarms.is_empty() {
        let lines = view.alarms.iter().map(|alarm| style.paint(Tone::Bad, &format!("ALARM  {}", alarm.text)) + "\n");
        parts.push(lines.collect());
    }
    parts.push(servers(view, style));
    parts.push(nodes(view, style));
    parts.push(services(view, style));
    parts.push(groups(view, style));
    parts.push(resources(view, style));
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

/// The groups.
pub fn groups(view: &StatusView, style: Style) -> String {
    if view.groups.is_empty() {
        return String::new();
    }
    let row = |group: &GroupView| {
        let state = match &group.migrating_to {
            Some(to) => format!("migrating to {to}"),
            None => group.state.to_string(),
        };
        let since = group.since.as_ref().map(|since| short_moment(since, &view.at));
        vec![
            plain(&group.name),
            plain(group.priority),
            toned(state, group_tone(group)),
            maybe(group.server.as_ref()),
            maybe(since.as_ref()),
            plain(group.system_list.join(" ")),
            remarks(group),
        ]
    };
    let head = ["GROUP", "PRIORITY>", "STATE", "SERVER", "SINCE", "SYSTEM LIST", "REMARKS"];
    let mut rows = Vec::new();
    let mut above = None;
    for group in &view.groups {
        if let Some(parallel) = group.instance_of.as_ref().filter(|parallel| above != Some(*parallel)) {
            rows.push(whole(parallel, view));
        }
        above = group.instance_of.as_ref();
        rows.push(row(group));
    }
    table(&head, rows, style)
}

/// The row of a parallel group, above its instances.
fn whole(parallel: &String, view: &StatusView) -> Vec<Field> {
    let all: Vec<&GroupView> = view.groups.iter().filter(|one| one.instance_of.as_ref() == Some(parallel)).collect();
    let online = all.iter().filter(|one| one.state == GroupStatus::Online).count();
    let tone = if online == all.len() { Tone::Good } else { Tone::Busy };
    let servers: Vec<&str> = all.iter().flat_map(|one| &one.system_list).map(String::as_str).collect();
    vec![
        plain(parallel),
        plain(all.first().map_or(0, |one| one.priority)),
        toned(format!("{online} of {} online", all.len()), tone),
        maybe(None),
        maybe(None),
        plain(servers.join(" ")),
        toned("parallel", Tone::Dim),
    ]
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
    all.extend(group.flags.iter().map(|flag| match flag.as_str() {
        "partial" => "partly down".to_owned(),
        "faulted" => "a resource faulted".to_owned(),
        "watched" => "only watched".to_owned(),
        _ => flag.clone(),
    }));
    if let Some(prefer) = &group.prefer {
        all.push(format!("to {prefer}"));
    }
    if group.wait.is_some() {
        all.push("waits".to_owned());
    }
    if all.is_empty() { maybe(None) } else { toned(all.join(", "), Tone::Busy) }
}

pub(super) fn group_tone(group: &GroupView) -> Tone {
    match (&group.state, &group.intent) {
        (GroupStatus::Online, Intent::Online) => Tone::Good,
        (GroupStatus::Offline, Intent::Offline) => Tone::Dim,
        (GroupStatus::Held, _) => Tone::Bad,
        (
            GroupStatus::Online
            | GroupStatus::Offline
            | GroupStatus::Starting
            | GroupStatus::Leaving
            | GroupStatus::Migrating
            | GroupStatus::Pending
            | GroupStatus::Other(_),
            _,
        ) => Tone::Busy,
    }
}

/// The resources.
pub fn resources(view: &StatusView, style: Style) -> String {
    if view.resources.is_empty() {
        return String::new();
    }
    let row = |resource: &ResourceView| {
        let restarts = format!("{} of {}", resource.restarts, resource.restart_limit);
        let state = match resource.confidence.filter(|confidence| *confidence < 100) {
            Some(confidence) => format!("{} ({confidence} %)", resource.state),
            None => resource.state.clone(),
        };
        vec![
            plain(&resource.name),
            plain(&resource.group),
            plain(&resource.of_type),
            toned(state, power_tone(&resource.state)),
            maybe(resource.server.as_ref()),
            toned(restarts, if resource.restarts > 0 { Tone::Busy } else { Tone::Dim }),
            resource.down.as_ref().map_or_else(|| maybe(None), |down| toned(down, Tone::Busy)),
        ]
    };
    let head = ["RESOURCE", "GROUP", "TYPE", "STATE", "SERVER", "RESTARTS", "WHY DOWN"];
    table(&head, view.resources.iter().map(row).collect(), style)
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
    // Alarms stand on top already.
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
