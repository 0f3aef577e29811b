//! Views of what operators have said, and of what they are yet to look at.

use super::{shown, time};
use crate::api::wire::{AlarmView, KeptView, OverlapView, OverlapsView};
use tenure_core::{
    GroupName, Ledger,
    ledger::{GroupState, Overlap},
    terms::Kept,
};

pub(super) fn kept(ledger: &Ledger, kept: &Kept) -> KeptView {
    KeptView {
        by: kept.by.to_string(),
        reason: kept.reason.as_ref().map(ToString::to_string),
        since: shown(ledger, kept.since),
        until: kept.until.map(|until| shown(ledger, until)),
    }
}

/// What is added to the words of a standstill: `; asked by alice, until 2026-11-22 15:00 UTC: patching`.
pub(super) fn said(ledger: &Ledger, said: Option<&Kept>) -> String {
    let Some(said) = said else { return String::new() };
    let until = said.until.map(|until| format!(", until {}", instant(&shown(ledger, until)))).unwrap_or_default();
    let reason = said.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!(" (asked by {}{until}{reason})", said.by)
}

pub(super) fn overlaps(ledger: &Ledger, state: &GroupState) -> Option<OverlapsView> {
    let now = ledger.overlap_of(state).map(|overlap| {
        let lasted = ledger.now.since(overlap.since);
        view(&Overlap { lasted, ..overlap.clone() })
    });
    let past = state.overlaps.past.as_ref();
    (now.is_some() || past.is_some()).then(|| OverlapsView {
        now,
        count: past.map_or(0, |past| past.count),
        first: past.map(|past| view(&past.first)),
        longest: past.map(|past| view(&past.longest)),
        last: past.map(|past| view(&past.last)),
    })
}

fn view(overlap: &Overlap) -> OverlapView {
    let resources = |all: &std::collections::BTreeSet<_>| all.iter().map(ToString::to_string).collect();
    OverlapView {
        at: time(overlap.at),
        lasted_ms: overlap.lasted.0,
        certain: overlap.certain,
        copies: overlap.places.active.iter().map(|(server, all)| (server.to_string(), resources(all))).collect(),
    }
}

/// What somebody has to look at: two copies may have written to the same disks.
pub(super) fn alarms<'a>(ledger: &'a Ledger, name: &'a GroupName, state: &'a GroupState) -> Vec<AlarmView> {
    let alarm = |text| AlarmView { text, group: Some(name.to_string()), server: None };
    // That a group is held says so already, and what to do.
    let now = ledger.overlap_of(state).filter(|_| state.hold.is_none());
    let now = now.map(|overlap| {
        let at_once = if overlap.certain { "is active" } else { "may be active" };
        alarm(format!("group {name} {at_once} twice: {}; stop the wrong copy, see `tenure why {name}`", overlap.places))
    });
    let past = state.overlaps.past.as_ref().map(|past| {
        let (longest, last) = (&past.longest, &past.last);
        let had = if longest.certain { "had" } else { "may have had" };
        let (at, lasted) = (instant(&time(last.at)), longest.lasted);
        let times = match past.count {
            1 => format!("at {at}, seen for {lasted}"),
            count => format!("{count} times, last at {at}, seen for {} at most", longest.lasted),
        };
        alarm(format!(
            "group {name} {had} two copies active ({}) {times}: check its file systems, then `tenure group acknowledge \
             {name}`",
            longest.places
        ))
    });
    now.into_iter().chain(past).collect()
}

/// An instant in RFC 3339 as people read it, in full seconds.
fn instant(at: &str) -> String {
    format!("{} UTC", at.get(..19).unwrap_or(at).replace('T', " "))
}
