//! What-if, capacity and why-not.

use super::{
    Style, Tone, count,
    detail::{level_tone, record},
    maintenance::server_tone,
    table::{Field, maybe, plain, table, toned},
};
use crate::api::wire::{
    CapacityView, EndingView, ForeseenGroup, Level, ServerCapacityView, SiteCapacityView, WhatIfView, WhyNotView,
};
use std::collections::BTreeMap;
use tenure_core::config::hundredths;

/// Groups before and after, those that would not run with the reason, and the records in between.
pub fn foreseen(title: &str, view: &WhatIfView, style: Style) -> String {
    let tone = if wanting(view) { Tone::Bad } else { Tone::Good };
    let mut out = format!("{}\n", style.paint(tone, &format!("{title}: {}.", sentence(view))));
    for refused in &view.refused {
        let advice = refused.suggestion.iter().map(|advice| format!("; {advice}")).collect::<String>();
        out.push_str(&style.paint(Tone::Bad, &format!("refused: {}{advice}", refused.message)));
        out.push('\n');
    }
    if !view.groups.is_empty() {
        let rows = view.groups.iter().map(|group| {
            vec![
                plain(&group.name),
                plain(group.priority),
                maybe(group.from.as_ref()),
                place(group),
                maybe(group.after_ms.map(seconds).as_ref()),
            ]
        });
        out.push('\n');
        out.push_str(&table(&["GROUP", "PRIORITY>", "BEFORE", "AFTER", "THERE AFTER>"], rows.collect(), style));
    }
    let reasons = view.groups.iter().filter(|group| group.unserved).map(|group| {
        let why = group.wait.clone().unwrap_or_else(|| why_lost(view.ending).to_owned());
        style.paint(Tone::Bad, &format!("{} would not run: {why}", group.name)) + "\n"
    });
    let reasons: String = reasons.collect();
    if !reasons.is_empty() {
        out.push_str(&format!("\n{reasons}"));
    }
    if !view.records.is_empty() {
        out.push_str("\nwhat would happen, if every order succeeds after a second:\n");
    }
    for one in &view.records {
        let tone = match one.record.level {
            Level::Info => Tone::Plain,
            Level::Warning | Level::Alarm => level_tone(one.record.level),
        };
        let head = style.paint(Tone::Dim, &format!("{:>8}", seconds(one.after_ms)));
        out.push_str(&format!("{head}  {}\n", style.paint(tone, &one.record.text)));
    }
    if view.left_out > 0 {
        out.push_str(&format!("and {} more\n", view.left_out));
    }
    out
}

fn wanting(view: &WhatIfView) -> bool {
    let unserved = view.groups.iter().any(|group| group.unserved);
    unserved || !view.refused.is_empty() || view.ending != EndingView::Rest
}

/// `12 groups move, 1 would not run`
fn sentence(view: &WhatIfView) -> String {
    let unserved = view.groups.iter().filter(|group| group.unserved).count();
    let running = || view.groups.iter().filter(|group| group.runs);
    let moves = running().filter(|group| group.from.is_some()).count();
    let starts = running().filter(|group| group.from.is_none()).count();
    let mut parts = Vec::new();
    if moves > 0 {
        parts.push(format!("{} {}", count(moves, "group"), if moves == 1 { "moves" } else { "move" }));
    }
    if starts > 0 {
        parts.push(format!("{} {}", count(starts, "group"), if starts == 1 { "starts" } else { "start" }));
    }
    let stops = view.groups.iter().filter(|group| !group.runs && !group.unserved && group.to.is_none()).count();
    if stops > 0 {
        parts.push(format!("{} {}", count(stops, "group"), if stops == 1 { "stops" } else { "stop" }));
    }
    if parts.is_empty() && unserved == 0 {
        parts.push("no group moves".to_owned());
    }
    if unserved > 0 {
        parts.push(format!("{unserved} would not run"));
    }
    match view.ending {
        EndingView::Rest => {}
        EndingView::Unsettled => parts.push("and it was still going on when the time allowed was over".to_owned()),
        EndingView::NoMajority => parts.push("and no majority of nodes is left to decide anything".to_owned()),
    }
    parts.join(", ")
}

fn why_lost(ending: EndingView) -> &'static str {
    match ending {
        EndingView::Rest => "it is not online, and nothing says why",
        EndingView::Unsettled => "it was still on its way when the time allowed was over",
        EndingView::NoMajority => "no majority of nodes is left to move it",
    }
}

fn place(group: &ForeseenGroup) -> Field {
    match &group.to {
        Some(server) if group.runs => toned(server, Tone::Good),
        Some(server) => toned(format!("{server}, not running"), if group.unserved { Tone::Bad } else { Tone::Busy }),
        None if group.unserved => toned("nowhere", Tone::Bad),
        None => toned("offline", Tone::Dim),
    }
}

fn seconds(ms: u64) -> String {
    format!("+{}", tenure_core::Span(ms))
}

/// The effects of losing each server alone.
pub fn losses(rows: &[(String, WhatIfView)], style: Style) -> String {
    let bad = rows.iter().filter(|(_, view)| wanting(view)).count();
    let sentence = match (rows.len(), bad) {
        (0, _) => "There is no server to lose.".to_owned(),
        (all, 0) => format!("Any one of {} can be lost, and everything runs.", count(all, "server")),
        (all, bad) => format!("Of {}, the loss of {bad} would leave something without a place.", count(all, "server")),
    };
    let mut out = style.paint(if bad == 0 { Tone::Good } else { Tone::Bad }, &sentence) + "\n";
    if rows.is_empty() {
        return out;
    }
    let row = |(server, view): &(String, WhatIfView)| {
        let moving: Vec<&ForeseenGroup> = view.groups.iter().filter(|group| group.runs).collect();
        let mut to: BTreeMap<&str, usize> = BTreeMap::new();
        for server in moving.iter().filter_map(|group| group.to.as_deref()) {
            *to.entry(server).or_default() += 1;
        }
        let to: Vec<String> = to.iter().map(|(server, groups)| format!("{groups} to {server}")).collect();
        let unserved: Vec<&str> =
            view.groups.iter().filter(|group| group.unserved).map(|group| group.name.as_str()).collect();
        let unserved = match (unserved.is_empty(), view.ending) {
            (_, EndingView::NoMajority) => toned("no majority left", Tone::Bad),
            (_, EndingView::Unsettled) => toned("not settled in time", Tone::Bad),
            (true, EndingView::Rest) => maybe(None),
            (false, EndingView::Rest) => toned(unserved.join(", "), Tone::Bad),
        };
        let to = (!to.is_empty()).then(|| to.join(", "));
        vec![plain(server), plain(moving.len()), maybe(to.as_ref()), unserved]
    };
    out.push('\n');
    out.push_str(&table(&["LOSE", "MOVE>", "WHERE", "WOULD NOT RUN"], rows.iter().map(row).collect(), style));
    let mut why = String::new();
    for (server, view) in rows {
        for group in view.groups.iter().filter(|group| group.unserved) {
            let reason = group.wait.as_deref().unwrap_or(why_lost(view.ending));
            why.push_str(&format!("without {server}, {}: {reason}\n", group.name));
        }
    }
    if !why.is_empty() {
        out.push_str(&format!("\n{why}"));
    }
    out
}

/// The free capacity of each server, and the losses that would be survived.
pub fn capacity(view: &SiteCapacityView, style: Style) -> String {
    let (tone, sentence) = match (view.survives, view.exact, view.not_looked_at.len()) {
        (0, true, _) => (Tone::Bad, "Not every server may be lost.".to_owned()),
        (0, false, 0) => (Tone::Dim, "There is no server to lose.".to_owned()),
        (0, false, left) => {
            (Tone::Busy, format!("The loss of {} could not be looked at in time.", count(left, "server")))
        }
        (1, false, _) => (Tone::Good, "Any one server may be lost, and everything runs.".to_owned()),
        (k, true, _) => {
            (Tone::Good, format!("Any {} may be lost at once, and everything runs.", count(k as usize, "server")))
        }
        (k, false, _) => (
            Tone::Good,
            format!("Any {} at least may be lost at once, and everything runs.", count(k as usize, "server")),
        ),
    };
    let mut out = style.paint(tone, &sentence) + "\n";
    for weak in &view.weak {
        let what = match weak.ending {
            EndingView::Rest => format!("would not run: {}", weak.groups.join(", ")),
            EndingView::Unsettled => "it was still going on when the time allowed was over".to_owned(),
            EndingView::NoMajority => "no majority of nodes is left to decide anything".to_owned(),
        };
        out.push_str(&format!("without {}, {what}; see `tenure plan --lose {}`\n", weak.server, weak.server));
    }
    let limits = view.servers.iter().any(|server| !server.limits.is_empty());
    let units = view.servers.iter().any(|server| server.units.total.is_some() || server.units.used > 0);
    let mut head = vec!["SERVER", "STATE", "GROUPS>", "MEMORY USED>", "FREE>", "CPU USED>", "FREE>"];
    head.extend(units.then_some(["UNITS USED>", "FREE>"]).into_iter().flatten());
    head.extend(limits.then_some("LIMITS LEFT"));
    head.push("LARGEST THAT FITS");
    let rows = view.servers.iter().map(|server| {
        let tone = server_tone(&server.state);
        let mut row = vec![plain(&server.name), toned(&server.state, tone), plain(server.groups)];
        row.extend(room(&server.memory, tenure_config::memory));
        row.extend(room(&server.processors, hundredths));
        row.extend(units.then(|| room(&server.units, |units| units.to_string())).into_iter().flatten());
        row.extend(limits.then(|| limits_left(server)));
        let largest = server.largest.as_ref().map(|fits| {
            format!("{} ({}, {})", fits.group, tenure_config::memory(fits.memory), hundredths(fits.processors))
        });
        row.push(maybe(largest.as_ref()));
        row
    });
    out.push('\n');
    out.push_str(&table(&head, rows.collect(), style));
    out
}

fn room(capacity: &CapacityView, show: fn(u64) -> String) -> [Field; 2] {
    let used = match capacity.total {
        Some(total) => format!("{} of {}", show(capacity.used), show(total)),
        None => show(capacity.used),
    };
    let free = match capacity.total.map(|total| (total, total.saturating_sub(capacity.used))) {
        None => toned("unlimited", Tone::Dim),
        // At most a tenth left.
        Some((total, free)) if free <= total / 10 => toned(show(free), Tone::Busy),
        Some((_, free)) => plain(show(free)),
    };
    [plain(used), free]
}

fn limits_left(server: &ServerCapacityView) -> Field {
    let left = |(name, limit): (&String, &CapacityView)| {
        let free = limit.total.unwrap_or_default().saturating_sub(limit.used);
        format!("{name} {free} of {}", limit.total.unwrap_or_default())
    };
    let left: Vec<String> = server.limits.iter().map(left).collect();
    let left = (!left.is_empty()).then(|| left.join(", "));
    maybe(left.as_ref())
}

/// The reasons why a group does not run on a server.
pub fn why_not(view: &WhyNotView, style: Style) -> String {
    let tone = match view.standing.as_str() {
        "here" | "could" => Tone::Good,
        _ => Tone::Bad,
    };
    let mut out = style.paint(tone, &view.text);
    match view.standing.as_str() {
        "barred" => {
            out.push_str(":\n");
            for reason in &view.reasons {
                out.push_str(&format!("  {reason}\n"));
            }
        }
        "could" | "waits" if !view.reasons.is_empty() => out.push_str(&format!("; {}\n", view.reasons.join("; "))),
        _ => out.push('\n'),
    }
    if let Some(decision) = &view.decision {
        let why = match &decision.why {
            Some(why) => format!("not on {}: {why}", view.server),
            None if decision.to == view.server => format!("on {}, as decided", view.server),
            None => format!("{} was not in question before {}", view.server, decision.to),
        };
        out.push_str(&format!("when it was placed last, {why}\n{}\n", record(&decision.record, style)));
    }
    out
}
