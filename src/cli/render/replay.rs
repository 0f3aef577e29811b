//! A replayed log: its entries, or one of them in detail.

use super::{
    Style, Tone, count,
    detail::{level_tone, record},
    maintenance::server_tone,
    moment,
    status::group_tone,
};
use crate::{
    api::wire::{GroupView, Level, ServerView},
    cli::replay::{Replayed, Replays, Today},
};

/// The entries, each with a head line, and its records and refusals below.
pub fn replays(view: &Replays, style: Style) -> String {
    let mut out = head(view, style);
    for entry in &view.entries {
        out.push_str(&entry_head(entry, style));
        for record in &entry.records {
            let tone = if record.level == Level::Info { Tone::Plain } else { level_tone(record.level) };
            out.push_str(&format!("          {}\n", style.paint(tone, &record.text)));
        }
        for refused in &entry.refused {
            out.push_str(&format!("          {}\n", style.paint(Tone::Busy, &format!("refused: {refused}"))));
        }
    }
    if view.entries.is_empty() {
        out.push_str("nothing of that is in this stretch of the log\n");
    }
    out
}

fn head(view: &Replays, style: Style) -> String {
    let head =
        format!("cluster {}, as node {} stored it: log index {} to {}", view.cluster, view.node, view.first, view.last);
    let older = if view.purged { "; what is older was left behind by a snapshot" } else { "" };
    style.paint(Tone::Head, &head) + older + "\n"
}

fn entry_head(entry: &Replayed, style: Style) -> String {
    let when = entry.at.as_deref().map_or("-".to_owned(), |at| at.get(..23).unwrap_or(at).replace('T', " "));
    let what = count(entry.commands.len(), "command");
    let doubt = if entry.committed { "" } else { "; not known here to be committed" };
    style.paint(Tone::Dim, &format!("{:>7}  {when}  {}: {what}{doubt}", entry.index, entry.author)) + "\n"
}

/// One entry in detail: the state before, its commands, their outcome, and the proposal of today's planner.
pub fn replayed(view: &Replays, style: Style) -> String {
    let mut out = head(view, style);
    for entry in &view.entries {
        let when = entry.at.as_deref().map_or(String::new(), |at| format!(", {} UTC", moment(at)));
        let doubt = if entry.committed { "" } else { "; not known here to be committed" };
        out.push_str(&format!("log index {} of term {}{when}, by {}{doubt}\n", entry.index, entry.term, entry.author));
        let mut part = |title: &str, lines: Vec<String>| {
            if !lines.is_empty() {
                out.push_str(&format!("\n{}\n", style.paint(Tone::Head, title)));
                lines.iter().for_each(|line| out.push_str(&format!("  {line}\n")));
            }
        };
        if let Some(before) = &entry.before {
            let servers = before.servers.iter().map(|one| server(one, style));
            part("BEFORE", servers.chain(before.groups.iter().map(|one| group(one, style))).collect());
        }
        part("PROPOSED", entry.commands.clone());
        let records = entry.records.iter().map(|one| record(one, style));
        let refused = entry.refused.iter().map(|why| style.paint(Tone::Busy, &format!("refused: {why}")));
        let mut outcome: Vec<String> = records.chain(refused).collect();
        if outcome.is_empty() {
            outcome.push("nothing that is worth a line".to_owned());
        }
        part("OUTCOME", outcome);
        part("TODAY'S PLANNER", today(entry, style));
    }
    out
}

fn today(entry: &Replayed, style: Style) -> Vec<String> {
    let Some(today) = &entry.today else {
        return vec!["was not asked: this is no decision of a planner".to_owned()];
    };
    let Today { same, only_then, only_today } = today;
    if *same {
        return vec![style.paint(Tone::Good, "proposes the same on this ledger")];
    }
    if only_then.is_empty() && only_today.is_empty() {
        return vec!["proposes the same on this ledger, in another order".to_owned()];
    }
    let mut lines = vec![style.paint(Tone::Busy, "proposes something else on this ledger")];
    lines.extend(only_then.iter().map(|text| format!("then only   {text}")));
    lines.extend(only_today.iter().map(|text| format!("today only  {text}")));
    lines
        .push("What the leader had heard and read by then is in no log, beyond what this entry says of it:".to_owned());
    lines.push("that alone may be the difference.".to_owned());
    lines
}

fn server(server: &ServerView, style: Style) -> String {
    let tone = server_tone(&server.state);
    let live = if server.live { "" } else { ", not live" };
    let watcher = server.watcher.as_ref().map_or("nobody".to_owned(), Clone::clone);
    let proof = server.proof.as_ref().map(|proof| format!("; {proof}")).unwrap_or_default();
    let state = style.paint(tone, server.state.as_str());
    if server.managers.is_empty() {
        return format!("server {} {state}{proof}", server.name);
    }
    format!("server {} {state}: reads {}{live}, watched by {watcher}{proof}", server.name, server.reads)
}

fn group(group: &GroupView, style: Style) -> String {
    let state = style.paint(group_tone(group), group.state.as_str());
    let mut text = format!("group {} {state}", group.name);
    if let (Some(server), Some(epoch)) = (&group.server, group.epoch) {
        text.push_str(&format!(" on {server} (tenure {epoch})"));
    }
    for fault in &group.faults {
        text.push_str(&format!(", faulted on {}: {}", fault.server, fault.reason));
    }
    if group.frozen {
        text.push_str(", frozen");
    }
    if let Some(wait) = &group.wait {
        text.push_str(&format!(", waits: {}", wait.text));
    }
    text
}
