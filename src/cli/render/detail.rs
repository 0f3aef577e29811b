//! Details: a record, a group's history, a resource, a server, an error.

use super::{
    Style, Tone,
    agents::warnings,
    kept,
    maintenance::server_tone,
    moment,
    status::{group_state, power_tone},
    table::{maybe, plain, table, toned},
};
use crate::{
    api::wire::{
        AgentSettingsView, CapacityView, Level, OverlapView, OverlapsView, PlaceView, RecordView, ResourceDetailView,
        ServerView, TokenView, WhyView,
    },
    cli::Fault,
};

/// One line: time, index, severity, text.
pub fn record(record: &RecordView, style: Style) -> String {
    let (mark, tone) = match record.level {
        Level::Info => ("  ", Tone::Plain),
        Level::Warning => ("! ", Tone::Busy),
        Level::Alarm => ("!!", Tone::Bad),
    };
    let when = record.at.get(..23).unwrap_or(&record.at).replace('T', " ");
    let head = style.paint(Tone::Dim, &format!("{when} {:>7}", record.index));
    format!("{head} {}", style.paint(tone, &format!("{mark} {}", record.text)))
}

/// A group's state and history.
pub fn why(why: &WhyView, style: Style) -> String {
    let group = &why.group;
    let (state, tone) = group_state(group);
    let state = style.paint(tone, &state);
    let mut out = match (&group.server, &group.since, group.epoch) {
        (Some(server), Some(since), Some(epoch)) => {
            format!("group {} is {state} on {server} since {} UTC (tenure {epoch})\n", group.name, moment(since))
        }
        _ => format!("group {} is {state}\n", group.name),
    };
    if let Some(to) = &group.migrating_to {
        out.push_str(&format!("on its way to {to}; to give that up: `tenure group abort {}`\n", group.name));
    }
    if group.flags.iter().any(|flag| flag == "partial" || flag == "faulted") {
        out.push_str("something of it is down; see `tenure resource list`\n");
    }
    if group.frozen {
        let by = group.freeze.as_ref().map(|freeze| format!(" {}", kept::full(freeze))).unwrap_or_default();
        out.push_str(&format!("frozen{by}; to let it be acted on: `tenure group unfreeze {}`\n", group.name));
    }
    if let Some(overlaps) = &group.overlaps {
        out.push_str(&self::overlaps(overlaps, &group.name, style));
    }
    for fault in &group.faults {
        out.push_str(&format!("faulted on {} at {} UTC: {}\n", fault.server, moment(&fault.at), fault.reason));
    }
    if let Some(wait) = &group.wait {
        out.push_str(&format!("waits: {}\n", style.paint(level_tone(wait.level), &wait.text)));
    }
    if why.records.is_empty() && why.more {
        out.push_str("\nno record is shown; write a greater --limit\n");
        return out;
    }
    if why.records.is_empty() {
        out.push_str("\nnothing that happened to it is kept\n");
        return out;
    }
    out.push_str("\nnewest first (UTC):\n");
    for one in &why.records {
        out.push_str(&record(one, style));
        out.push('\n');
    }
    if why.more {
        out.push_str(&format!("older ones: `tenure why {} --limit 1000`\n", group.name));
    }
    out
}

/// The times at which two copies were active.
fn overlaps(view: &OverlapsView, group: &str, style: Style) -> String {
    let one = |overlap: &OverlapView, what: &str| {
        let places = overlap.copies.iter().map(|(server, all)| format!("{} on {server}", all.join(", ")));
        let places: Vec<String> = places.collect();
        let sure = if overlap.certain { "" } else { "perhaps " };
        let (at, lasted) = (moment(&overlap.at), tenure_core::Span(overlap.lasted_ms));
        let text = format!("{sure}active twice{what} since {at} UTC, seen for {lasted}: {}", places.join(" and "));
        style.paint(Tone::Bad, &text) + "\n"
    };
    let mut out = view.now.iter().map(|now| one(now, " now")).collect::<String>();
    let mut told: Vec<&OverlapView> = Vec::new();
    for overlap in [&view.first, &view.longest, &view.last].into_iter().flatten() {
        if !told.contains(&overlap) {
            told.push(overlap);
            out.push_str(&one(overlap, ""));
        }
    }
    if view.count > 0 {
        out.push_str(&format!(
            "{} in all; when its file systems are checked: `tenure group acknowledge {group}`\n",
            super::count(usize::try_from(view.count).unwrap_or(usize::MAX), "time")
        ));
    }
    out
}

/// All details of one resource, with the fields of LPARs or of resources with an agent.
pub fn resource(view: &ResourceDetailView, style: Style) -> String {
    let resource = &view.resource;
    let mut out = String::new();
    let mut line = |name: &str, value: String| out.push_str(&format!("{name:<11} {value}\n"));
    line("resource", resource.name.clone());
    line("type", resource.of_type.clone());
    let (state, tone) = since(&resource.state, resource.live, resource.read_at.as_ref());
    line("state", style.paint(tone, &state));
    if let Some(down) = &resource.down {
        line("stays down", style.paint(Tone::Busy, down));
    }
    line("group", resource.group.clone());
    line("server", resource.server.clone().unwrap_or_else(|| "-".to_owned()));
    line("restarts", format!("{} of {}", resource.restarts, resource.restart_limit));
    if let Some(lpar) = &view.lpar {
        line("partition", lpar.partition.clone());
        line("profile", lpar.profile.clone().unwrap_or_else(|| "current configuration".to_owned()));
        line("memory", tenure_config::memory(lpar.memory));
        line("processors", tenure_core::config::hundredths(lpar.processors));
        line("VIO servers", if lpar.vios.is_empty() { "-".to_owned() } else { lpar.vios.join(", ") });
    }
    if let Some(settings) = &view.settings {
        line("looked at", looks(settings));
        line("may take", format!("start {}, stop {}", settings.start_timeout, settings.stop_timeout));
    }
    if let Some(attributes) =
        view.settings.as_ref().map(|settings| attributes(settings, style)).filter(|text| !text.is_empty())
    {
        out.push('\n');
        out.push_str(&attributes);
    }
    if !view.places.is_empty() {
        out.push('\n');
        out.push_str(&places(view, style));
    }
    out
}

fn looks(settings: &AgentSettingsView) -> String {
    let mut text = format!("every {} where it should be up", settings.monitor);
    if let Some(offline) = &settings.monitor_offline {
        text.push_str(&format!(", every {offline} elsewhere"));
    }
    for (depth, every) in &settings.depths {
        text.push_str(&format!(", depth {depth} every {every}"));
    }
    if let Some(timeout) = &settings.monitor_timeout {
        text.push_str(&format!("; a look may take {timeout}"));
    }
    text
}

fn attributes(settings: &AgentSettingsView, style: Style) -> String {
    let everywhere = settings.attributes.iter().map(|(name, value)| vec![plain(name), plain(value), maybe(None)]);
    let own = settings
        .attributes_on
        .iter()
        .flat_map(|(server, own)| own.iter().map(move |(name, value)| vec![plain(name), plain(value), plain(server)]));
    let rows: Vec<_> = everywhere.chain(own).collect();
    if rows.is_empty() { String::new() } else { table(&["ATTRIBUTE", "VALUE", "ONLY ON"], rows, style) }
}

fn places(view: &ResourceDetailView, style: Style) -> String {
    let inside = view.settings.is_some();
    let row = |place: &PlaceView| {
        let confidence = place.confidence.map(|confidence| format!("{confidence} %"));
        let said = (!place.said.is_empty()).then_some(&place.said);
        let tenure = if place.tenure { toned("yes", Tone::Good) } else { maybe(None) };
        let (state, tone) = since(&place.state, place.live, place.read_at.as_ref());
        let mut row = vec![plain(&place.server), tenure, toned(state, tone)];
        if inside {
            row.extend([maybe(confidence.as_ref()), maybe(place.node.as_ref()), maybe(said)]);
        }
        row
    };
    let head = ["ON", "TENURE", "STATE", "CONFIDENCE>", "NODE", "ITS AGENT SAYS"];
    table(if inside { &head } else { &head[..3] }, view.places.iter().map(row).collect(), style)
}

/// All details of one server.
pub fn server(view: &ServerView, style: Style) -> String {
    let mut out = String::new();
    let mut line = |name: &str, value: String| out.push_str(&format!("{name:<11} {value}\n"));
    let tone = server_tone(&view.state);
    line("server", view.name.clone());
    let is_read = !view.managers.is_empty();
    if is_read {
        line("system", view.system.clone());
    }
    line("state", style.paint(tone, view.state.as_str()));
    if let Some(proof) = &view.proof {
        line("proof", proof.clone());
    }
    if is_read {
        let reads = match &view.read_at {
            _ if view.live => view.reads.clone(),
            Some(at) => style.paint(Tone::Busy, &format!("{}, last read live at {} UTC", view.reads, moment(at))),
            None => style.paint(Tone::Busy, &format!("{} (not live)", view.reads)),
        };
        line("reads", reads);
        if let Some(every) = view.read_every.as_ref().filter(|every| every.contains(':')) {
            line("read every", every.clone());
        }
        let surrogate = if view.surrogate { " (surrogate)" } else { "" };
        let watcher = view.watcher.as_ref().map(|watcher| format!("{watcher}{surrogate}"));
        line("watched by", watcher.unwrap_or_else(|| "nobody".to_owned()));
    }
    line("node", server_node(view).map_or("-".to_owned(), |(node, tone)| style.paint(tone, &node)));
    if let Some(closed) = &view.closed {
        line("closed", style.paint(Tone::Busy, closed.as_str()));
    }
    if let Some(freeze) = &view.freeze {
        line("frozen", kept::full(freeze));
    }
    if let Some(drain) = &view.drain {
        line(drain.purpose.as_str(), drain.progress.clone());
        if !drain.kept.by.is_empty() {
            line("asked", kept::full(&drain.kept));
        }
    }
    let capacity = |capacity: &CapacityView, show: fn(u64) -> String| match capacity.total {
        Some(total) => format!("{} of {}", show(capacity.used), show(total)),
        None => show(capacity.used),
    };
    line("memory", capacity(&view.memory, tenure_config::memory));
    line("processors", capacity(&view.processors, tenure_core::config::hundredths));
    let names = |all: &[String]| if all.is_empty() { "-".to_owned() } else { all.join(", ") };
    if is_read {
        line("VIOS down", names(&view.vios_down));
    }
    line("groups", names(&view.groups));
    out
}

/// A state, with the time at which it was read if it is not so now.
fn since(state: &str, live: bool, read_at: Option<&String>) -> (String, Tone) {
    match read_at {
        _ if live => (state.to_owned(), power_tone(state)),
        Some(at) => (format!("{state} at {} UTC, not known since", moment(at)), Tone::Busy),
        None => (format!("{state} (not live)"), Tone::Busy),
    }
}

/// The node of a server, and the reason why it may not act.
pub(super) fn server_node(view: &ServerView) -> Option<(String, Tone)> {
    let node = view.node.as_ref()?;
    Some(match (&view.node_out, &view.node_proof) {
        (_, Some(proof)) => (format!("{node}: proven off, {proof}"), Tone::Bad),
        (Some(out), None) => (format!("{node}: {out}"), Tone::Bad),
        (None, None) => (node.clone(), Tone::Plain),
    })
}

/// A token that is good once, and its use.
pub fn token(token: &TokenView, there: &str) -> String {
    format!("{}\nfor {} only, once, until {} UTC; there: {there}\n", token.token, token.whose, moment(&token.expires))
}

/// A token for a browser.
pub fn session(token: &TokenView) -> String {
    let until = moment(&token.expires);
    format!("{}\nspeaks for {} until {until} UTC: `Authorization: Bearer TOKEN`\n", token.token, token.whose)
}

/// The groups on a server, for an operator about to confirm a command.
pub fn server_groups(server: &ServerView) -> String {
    let live = if server.live { "" } else { ", not live" };
    let groups = if server.groups.is_empty() { "none".to_owned() } else { server.groups.join(", ") };
    if server.managers.is_empty() {
        return format!("server {}, which nothing reads from outside; groups there: {groups}\n", server.name);
    }
    format!("server {} ({}) reads {}{live}; groups there: {groups}\n", server.name, server.system, server.reads)
}

/// The warning of a dangerous command.
pub fn warning(text: &str, style: Style) -> String {
    style.paint(Tone::Bad, text)
}

/// An error, and the next step.
pub fn error(fault: &Fault, style: Style) -> String {
    if let Fault::Invalid(problems) = fault {
        return if style.colour { problems.fancy(true) } else { format!("{problems}\n") };
    }
    let view = fault.view();
    let mut out = format!("{} {}\n", style.paint(Tone::Bad, "error:"), view.message);
    for problem in &view.problems {
        out.push_str(&format!("  {problem}\n"));
    }
    if let Some(check) = &view.check {
        out.extend(check.errors.iter().map(|text| format!("  {text}\n")));
        out.push_str(&warnings(&check.warnings, style));
    }
    if let Some(next) = &view.suggestion {
        out.push_str(&format!("{} {next}\n", style.paint(Tone::Head, "next:")));
    }
    out
}

pub(super) fn level_tone(level: Level) -> Tone {
    match level {
        Level::Info => Tone::Plain,
        Level::Warning => Tone::Busy,
        Level::Alarm => Tone::Bad,
    }
}
