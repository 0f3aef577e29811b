//! What operators have said with a freeze, a drain or a disarm.

use super::{moment, short_moment};
use crate::api::wire::KeptView;

/// Characters of a reason in a table.
const SHORT: usize = 48;

/// In a table, behind words and in front of a bracket or nothing: ` by alice until 15:00: new kernel`.
pub(super) fn short(kept: Option<&KeptView>, now: &str) -> String {
    // An older node says nothing.
    let Some(kept) = kept.filter(|kept| !kept.by.is_empty()) else { return String::new() };
    let until = kept.until.as_ref().map(|until| format!(" until {}", short_moment(until, now))).unwrap_or_default();
    let cut = |reason: &String| {
        let first: String = reason.chars().take(SHORT).collect();
        if first.len() < reason.len() { format!(": {first}…") } else { format!(": {first}") }
    };
    format!(" by {}{until}{}", kept.by, kept.reason.as_ref().map(cut).unwrap_or_default())
}

/// In full: `by alice at 2026-11-22 13:00:00 UTC, until 2026-11-22 15:00:00 UTC: new kernel`.
pub(super) fn full(kept: &KeptView) -> String {
    let until = kept.until.as_ref().map(|until| format!(", until {} UTC", moment(until))).unwrap_or_default();
    let reason = kept.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("by {} at {} UTC{until}{reason}", kept.by, moment(&kept.since))
}
