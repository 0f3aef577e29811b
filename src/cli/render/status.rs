//! `tenure status`: the whole cluster on one screen, states that need an operator on top.

use super::{
    Style, Tone, age, count,
    hmcs::hmcs,
    kept,
    maintenance::servers,
    nodes::nodes,
    services::services,
    short_moment,
    table::{Field, maybe, plain, table, toned},
};
use crate::api::wire::{GroupStatus, GroupView, Intent, Level, ResourceView, StatusView, TotalView};

/// The rows of `tenure status` that are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// None.
    None,
    /// Those of what is not as it should be.
    Amiss,
    /// All.
    All,
}

/// The whole screen. For [`Rows::Amiss`] the view holds what is amiss, and perhaps not all of it.
pub fn status(view: &StatusView, rows: Rows, style: Style) -> String {
    let mut parts = vec![super::verdict(view, style)];
    if rows != Rows::None {
        parts.push(hmcs(view, style));
        parts.push(servers(view, style));
        parts.push(nodes(view, style));
        parts.push(services(view, style));
        parts.push(groups(view, style));
        parts.push(resources(view, style));
        parts.push(waits(view, style));
        parts.push(orders(view, style));
    }
    if rows == Rows::Amiss && view.configured > 0 {
        parts.push(left_out(view, style));
    }
    parts.retain(|part| !part.is_empty());
    parts.join("\n")
}

/// All tables with a row.
pub fn tables(view: &StatusView, style: Style) -> String {
    let all = [servers, nodes, services, groups, resources].map(|table| table(view, style));
    all.into_iter().filter(|text| !text.is_empty()).map(|text| format!("\n{text}")).collect()
}

/// The number of what is not shown: because it is as it should be, or because there is too much of it.
fn left_out(view: &StatusView, style: Style) -> String {
    let totals = view.totals.unwrap_or_default();
    let all = [
        (totals.hmcs, view.hmcs.len(), "HMC"),
        (totals.servers, view.servers.len(), "server"),
        (totals.nodes, view.nodes.len(), "node"),
        (totals.services, view.services.len(), "service"),
        (totals.groups, view.groups.len(), "group"),
        (totals.resources, view.resources.len(), "resource"),
    ];
    let counted = |how_many: &dyn Fn(TotalView, usize) -> usize| {
        let all = all.iter().map(|(total, shown, what)| (how_many(*total, *shown), *what));
        all.filter(|(n, _)| *n > 0).map(|(n, what)| count(n, what)).collect::<Vec<_>>().join(", ")
    };
    let more = counted(&|total, shown| total.amiss.saturating_sub(shown));
    let well = counted(&|total, _| total.all.saturating_sub(total.amiss));
    let mut out = String::new();
    if !more.is_empty() {
        let text = format!(
            "not shown: {more} that are not as they should be; to see all of these: `tenure status --problems`"
        );
        out.push_str(&(style.paint(Tone::Busy, &text) + "\n"));
    }
    if !well.is_empty() {
        out.push_str(
            &(style.paint(Tone::Dim, &format!("as they should be: {well}; to see all: `tenure status --all`")) + "\n"),
        );
    }
    out
}

/// The servers, for a node that knows nothing of the present.
pub(super) fn servers_known(view: &StatusView, style: Style) -> String {
    servers(view, style)
}

/// The time of now. A node of an older build says only that of the last entry.
pub(super) fn now(view: &StatusView) -> &str {
    if view.now.is_empty() { &view.at } else { &view.now }
}

/// The groups.
pub fn groups(view: &StatusView, style: Style) -> String {
    if view.groups.is_empty() {
        return String::new();
    }
    let row = |group: &GroupView| {
        let (state, tone) = group_state(group);
        let since = group.since.as_ref().map(|since| short_moment(since, now(view)));
        vec![
            plain(&group.name),
            plain(group.priority),
            toned(state, tone),
            maybe(group.server.as_ref()),
            maybe(since.as_ref()),
            plain(group.system_list.join(" ")),
            remarks(group, now(view)),
        ]
    };
    let head = ["GROUP", "PRIORITY>", "STATE", "SERVER", "SINCE", "SYSTEM LIST", "REMARKS"];
    let mut rows = Vec::new();
    let mut above = None;
    for group in &view.groups {
        if let Some(parallel) = group.instance_of.as_ref().filter(|parallel| above != Some(*parallel)) {
            rows.extend(whole(parallel, view));
        }
        above = group.instance_of.as_ref();
        rows.push(row(group));
    }
    table(&head, rows, style)
}

/// The row of a parallel group, above its instances.
fn whole(parallel: &String, view: &StatusView) -> Option<Vec<Field>> {
    let all: Vec<&GroupView> = view.groups.iter().filter(|one| one.instance_of.as_ref() == Some(parallel)).collect();
    let online = all.iter().filter(|one| one.state == GroupStatus::Online && one.live).count();
    let tone = if online == all.len() { Tone::Good } else { Tone::Busy };
    let servers: Vec<&str> = all.iter().flat_map(|one| &one.system_list).map(String::as_str).collect();
    // A single one says it all itself.
    (all.len() > 1).then(|| {
        vec![
            plain(parallel),
            plain(all.first().map_or(0, |one| one.priority)),
            toned(format!("{online} of {} online", all.len()), tone),
            maybe(None),
            maybe(None),
            plain(servers.join(" ")),
            toned("parallel", Tone::Dim),
        ]
    })
}

fn remarks(group: &GroupView, now: &str) -> Field {
    let mut all = Vec::new();
    if group.frozen {
        all.push(format!("frozen{}", kept::short(group.freeze.as_ref(), now)));
    }
    if !group.faults.is_empty() {
        let servers: Vec<&str> = group.faults.iter().map(|fault| fault.server.as_str()).collect();
        all.push(format!("faulted on {}", servers.join(" ")));
    }
    // Its state says so already.
    let told = |flag: &&String| *flag != "down" || !group.live;
    all.extend(group.flags.iter().filter(told).map(|flag| match flag.as_str() {
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

/// Its state, and what that means: what is not known now is in doubt, and what does not run is not online.
pub(super) fn group_state(group: &GroupView) -> (String, Tone) {
    let has = |flag: &str| group.flags.iter().any(|one| one == flag);
    let (state, tone) = match &group.migrating_to {
        Some(to) => (format!("migrating to {to}"), group_tone(group)),
        None if group.state == GroupStatus::Online && has("down") && group.live => ("down".to_owned(), Tone::Bad),
        None => (group.state.to_string(), group_tone(group)),
    };
    age::unsure(&state, tone, group.live)
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
        let seen = (resource.live, resource.read_at.as_ref());
        let (state, tone) = age::aged(&state, power_tone(&resource.state), seen, now(view));
        vec![
            plain(&resource.name),
            plain(&resource.group),
            plain(&resource.of_type),
            toned(state, tone),
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
    // What deserves a look stands on top already.
    let waits = view.waits.iter().filter(|wait| wait.level == Level::Info);
    let mut same: Vec<(String, Vec<&str>, &str)> = Vec::new();
    for wait in waits {
        let until = wait.until.as_ref().map(|until| format!(" (until {})", short_moment(until, now(view))));
        let text = format!("{}{}", wait.text, until.unwrap_or_default());
        match same.iter_mut().find(|(known, _, what)| *known == text && *what == wait.what) {
            Some((_, names, _)) => names.push(&wait.name),
            None => same.push((text, vec![&wait.name], &wait.what)),
        }
    }
    if same.is_empty() {
        return String::new();
    }
    let mut out = style.paint(Tone::Head, "WAITS") + "\n";
    for (text, names, what) in same {
        let who = match names.as_slice() {
            [name] => format!("{what} {name}"),
            many => format!("{} ({})", count(many.len(), what), many.join(", ")),
        };
        out.push_str(&format!("{who}: {text}\n"));
    }
    out
}

fn orders(view: &StatusView, style: Style) -> String {
    if view.orders.is_empty() {
        return String::new();
    }
    let rows = view.orders.iter().map(|order| {
        let since = short_moment(&order.issued, now(view));
        vec![plain(&order.id), plain(&order.what), plain(&order.server), plain(&order.node), plain(since)]
    });
    table(&["ORDER", "WHAT", "ON", "BY", "SINCE"], rows.collect(), style)
}
