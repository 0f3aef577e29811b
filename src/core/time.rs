//! Time as integers: milliseconds of cluster time, which the leader stamps and the ledger never lets go back; and
//! moments on a node's own clock, which mean nothing to another node.

use serde::{Deserialize, Serialize};
use std::fmt;

/// An instant of cluster time, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(pub u64);

/// A duration in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Span(pub u64);

/// A moment on one node's own clock, in milliseconds. The clock goes on while the machine is suspended or moved
/// (`CLOCK_BOOTTIME`): a deadline that passed meanwhile has passed when the machine wakes up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub u64);

impl Moment {
    /// The moment `span` later; stops at the end of time.
    pub fn after(self, span: Span) -> Moment {
        Moment(self.0.saturating_add(span.0))
    }
    /// The moment `span` earlier; stops at the beginning of the clock.
    pub fn before(self, span: Span) -> Moment {
        Moment(self.0.saturating_sub(span.0))
    }
    /// Time since `earlier`; zero if `earlier` is not in the past.
    pub fn since(self, earlier: Moment) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Time {
    /// The instant `span` later; stops at the end of time.
    pub fn after(self, span: Span) -> Time {
        Time(self.0.saturating_add(span.0))
    }
    /// Time since `earlier`; zero if `earlier` is not in the past.
    pub fn since(self, earlier: Time) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

/// Percentage by which another node's clock may run faster or slower. Leases, and the time of a watchdog, count on it.
const DRIFT_PERCENT: u64 = 5;

impl Span {
    /// A span of whole seconds.
    pub const fn seconds(seconds: u64) -> Span {
        Span(seconds.saturating_mul(1000))
    }
    /// This span multiplied by `times`.
    pub const fn times(self, times: u64) -> Span {
        Span(self.0.saturating_mul(times))
    }
    /// Reads what [`Display`](fmt::Display) writes.
    pub fn read(text: &str) -> Option<Span> {
        let (number, unit) = text.split_at(text.find(|sign: char| sign.is_ascii_alphabetic())?);
        let scale: u64 = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let whole = whole.parse::<u64>().ok()?.checked_mul(scale)?;
        let is_short = fraction.len() <= 3 && fraction.bytes().all(|digit| digit.is_ascii_digit());
        let ms = match fraction {
            "" => 0,
            _ if unit == "s" && is_short => format!("{fraction:0<3}").parse().ok()?,
            _ => return None,
        };
        Some(Span(whole.checked_add(ms)?))
    }
    /// What another clock may gain or lose in it.
    pub fn drift(self) -> Span {
        Span(self.0.saturating_mul(DRIFT_PERCENT).checked_div(100).unwrap_or_default())
    }
    /// The sum of both spans.
    pub const fn plus(self, other: Span) -> Span {
        Span(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Span {
    /// `250ms`, `1.5s`, `3s`, `10m`: the form that the cluster file uses.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0;
        let (whole, rest) = (ms / 1000, ms % 1000);
        if ms == 0 {
            f.write_str("0s")
        } else if ms.is_multiple_of(3_600_000) {
            write!(f, "{}h", ms / 3_600_000)
        } else if ms.is_multiple_of(60_000) {
            write!(f, "{}m", ms / 60_000)
        } else if rest == 0 {
            write!(f, "{whole}s")
        } else if ms < 1000 {
            write!(f, "{ms}ms")
        } else {
            write!(f, "{whole}.{}s", format!("{rest:03}").trim_end_matches('0'))
        }
    }
}
