//! One thing at a time: a record, a group's history, a resource, the members, an error.

use super::{
    Style, Tone, moment,
    status::{group_tone, power_tone},
    table::{maybe, plain, table, toned},
};
use crate::{
    api::wire::{Level, LparView, MembersView, RecordView, ResourceView, ServerView, TokenView, WhyView},
    cli::Fault,
    config,
};

/// One line: when, how loud, what.
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

/// A group and what led to where it is.
pub fn why(why: &WhyView, style: Style) -> String {
    let group = &why.group;
    let state = style.paint(group_tone(group), &group.state);
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
        out.push_str(&format!("frozen; to let it be acted on: `tenure group unfreeze {}`\n", group.name));
    }
    for fault in &group.faults {
        out.push_str(&format!("faulted on {} at {} UTC: {}\n", fault.server, moment(&fault.at), fault.reason));
    }
    if let Some(wait) = &group.wait {
        out.push_str(&format!("waits: {}\n", style.paint(level_tone(wait.level), &wait.text)));
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

/// Everything about one resource, with what only LPARs have.
pub fn resource(resource: &ResourceView, lpar: Option<&LparView>, style: Style) -> String {
    let mut out = String::new();
    let mut line = |name: &str, value: String| out.push_str(&format!("{name:<11} {value}\n"));
    line("resource", resource.name.clone());
    line("type", resource.of_type.clone());
    line("state", style.paint(power_tone(&resource.state), &resource.state));
    if let Some(confidence) = resource.confidence {
        line("confidence", format!("{confidence} %"));
    }
    if let Some(down) = &resource.down {
        line("stays down", style.paint(Tone::Busy, down));
    }
    line("group", resource.group.clone());
    line("server", resource.server.clone().unwrap_or_else(|| "-".to_owned()));
    line("restarts", format!("{} of {}", resource.restarts, resource.restart_limit));
    if let Some(lpar) = lpar {
        line("partition", lpar.partition.clone());
        line("profile", lpar.profile.clone().unwrap_or_else(|| "current configuration".to_owned()));
        line("memory", config::memory(lpar.memory));
        line("processors", tenure_core::config::hundredths(lpar.processors));
        line("VIO servers", if lpar.vios.is_empty() { "-".to_owned() } else { lpar.vios.join(", ") });
    }
    for (server, state) in &resource.copies {
        line(&format!("on {server}"), style.paint(power_tone(state), state));
    }
    out
}

/// The consensus group.
pub fn members(view: &MembersView, style: Style) -> String {
    let rows = view.members.iter().map(|member| {
        let leads = view.leader.as_ref() == Some(&member.name);
        let role = match (leads, member.voter) {
            (true, _) => toned("leader", Tone::Good),
            (false, true) => plain("voter"),
            (false, false) => toned("learner", Tone::Busy),
        };
        vec![plain(&member.name), plain(member.id), role, plain(&member.address), maybe(member.api_address.as_ref())]
    });
    let mut out = table(&["NODE", "ID>", "ROLE", "ADDRESS", "ADMIN API"], rows.collect(), style);
    if view.leader.is_none() {
        out.push_str(&style.paint(Tone::Bad, "nobody leads at the moment"));
        out.push('\n');
    }
    out
}

/// A permission to join, and how to use it.
pub fn token(token: &TokenView) -> String {
    format!(
        "{}\nfor node {} only, once, until {} UTC; there: `tenured --config FILE --join TOKEN`\n",
        token.token,
        token.node,
        moment(&token.expires)
    )
}

/// What stands on a server, for somebody who is about to do something to it.
pub fn server_groups(server: &ServerView) -> String {
    let live = if server.live { "" } else { ", not live" };
    let groups = if server.groups.is_empty() { "none".to_owned() } else { server.groups.join(", ") };
    format!(
        "server {} ({}): the HMC reads {}{live}; groups there: {groups}\n",
        server.name, server.system, server.reads
    )
}

/// What may come of something dangerous.
pub fn warning(text: &str, style: Style) -> String {
    style.paint(Tone::Bad, text)
}

/// An error, and what to do next.
pub fn error(fault: &Fault, style: Style) -> String {
    if let Fault::Invalid(problems) = fault {
        return if style.colour { problems.fancy(true) } else { format!("{problems}\n") };
    }
    let view = fault.view();
    let mut out = format!("{} {}\n", style.paint(Tone::Bad, "error:"), view.message);
    for problem in &view.problems {
        out.push_str(&format!("  {problem}\n"));
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
