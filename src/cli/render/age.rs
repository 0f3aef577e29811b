//! The age of what is shown: what is not known now must not look as if it were.

use super::Tone;
use jiff::{Timestamp, Unit};

/// A state that was read longer ago than this is not known any more, in seconds.
const FORGOTTEN: i64 = 600;

/// Seconds between two instants in RFC 3339; `None` if one of them is none.
fn between(from: &str, to: &str) -> Option<i64> {
    let (from, to): (Timestamp, Timestamp) = (from.parse().ok()?, to.parse().ok()?);
    let span = from.until((Unit::Second, to)).ok()?;
    Some(span.get_seconds().max(0))
}

/// `40s`, `4m`, `3h`, `5d`.
fn short(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// The time that has passed: `4m ago`.
pub(super) fn ago(at: &str, now: &str) -> Option<String> {
    between(at, now).map(|seconds| format!("{} ago", short(seconds)))
}

/// The time that has passed: `4m`.
pub(super) fn passed(at: &str, now: &str) -> Option<String> {
    between(at, now).map(short)
}

/// A state with its age, unless it is so now.
pub(super) fn aged(state: &str, tone: Tone, (live, at): (bool, Option<&String>), now: &str) -> (String, Tone) {
    if live || state == "not read" {
        return (state.to_owned(), tone);
    }
    let seconds = at.and_then(|at| between(at, now));
    let text = match seconds {
        Some(seconds) if seconds < FORGOTTEN => format!("{state} {} ago", short(seconds)),
        Some(seconds) => format!("not known ({state} {} ago)", short(seconds)),
        None => "not known".to_owned(),
    };
    (text, Tone::Busy)
}

/// A state that follows from what was read, with a question mark unless that is so now.
pub(super) fn unsure(state: &str, tone: Tone, live: bool) -> (String, Tone) {
    if live { (state.to_owned(), tone) } else { (format!("{state}?"), Tone::Busy) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_long_ago_is_not_known_any_more() {
        let now = "2026-11-22T03:10:00.000Z";
        let aged = |at: Option<&str>, live| aged("Running", Tone::Good, (live, at.map(str::to_owned).as_ref()), now);
        assert_eq!(aged(Some("2026-11-22T03:06:00.000Z"), true), ("Running".to_owned(), Tone::Good));
        assert_eq!(aged(Some("2026-11-22T03:09:20.000Z"), false), ("Running 40s ago".to_owned(), Tone::Busy));
        assert_eq!(aged(Some("2026-11-22T03:05:59.000Z"), false), ("Running 4m ago".to_owned(), Tone::Busy));
        assert_eq!(aged(Some("2026-11-22T03:00:00.000Z"), false).0, "not known (Running 10m ago)");
        assert_eq!(aged(Some("2026-11-19T03:00:00.000Z"), false).0, "not known (Running 3d ago)");
        assert_eq!(aged(Some("2026-11-22T03:11:00.000Z"), false).0, "Running 0s ago", "clocks differ");
        assert_eq!(aged(None, false).0, "not known");
    }
}
