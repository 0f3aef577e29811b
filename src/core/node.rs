//! The rules that a node lives by, without I/O: its clock, its lease, what it may say of orders that are older than its
//! process, and what it knows while it leads. The daemon and the simulator drive the same rules; they bring the moments.

mod clock;
mod leading;
mod lease;
mod past;

pub use clock::ClusterClock;
pub use leading::{Granted, Leading};
pub use lease::Lease;
pub use past::Past;

use crate::Span;

/// How much faster or slower another node's clock may run, in hundredths.
pub(crate) const DRIFT_PERCENT: u64 = 5;
/// What part of a lease is added to every lease that a leader waits out.
const LEASE_MARGIN: u64 = 12;

/// What a node may take of a lease: a clock that runs slow must not make it longer than its leader believes.
pub fn usable(lease: Span) -> Span {
    Span(lease.0.saturating_sub(percent(lease).0))
}

/// After how long a lease that a leader granted has ended for certain, on that leader's clock.
pub fn surely_over(lease: Span) -> Span {
    lease.plus(percent(lease)).plus(Span(lease.0.checked_div(LEASE_MARGIN).unwrap_or_default()))
}

fn percent(span: Span) -> Span {
    Span(span.0.saturating_mul(DRIFT_PERCENT).checked_div(100).unwrap_or_default())
}
