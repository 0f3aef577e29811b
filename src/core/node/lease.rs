//! The lease: a node's permission to act, on a clock of its own that never stands still.

use super::Recall;
use crate::{Span, time::Moment};

/// A lease divided by this must be left of it for a command to be sent under it.
const MARGIN: u64 = 10;

/// A node's permission to act.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lease {
    grant: Option<Grant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Grant {
    until: Moment,
    floor: u64,
    margin: Span,
}

impl Lease {
    /// Takes a lease that a leader granted: it lasts for `lasts` after `from`, for a node that has applied the log up
    /// to `floor`, so that it knows what was taken from it while it was silent.
    pub fn renew(&mut self, from: Moment, lasts: Span, floor: u64) {
        let until = from.after(lasts);
        // Answers may overtake each other; the lease that was asked for last lasts longest.
        if self.grant.is_none_or(|held| held.until < until) {
            let margin = Span(lasts.0.checked_div(MARGIN).unwrap_or_default());
            self.grant = Some(Grant { until, floor, margin });
        }
    }

    /// Gives the lease up.
    pub fn drop_it(&mut self) {
        self.grant = None;
    }

    /// Whether a command may be sent now by a node that has applied the log up to `applied`.
    pub fn covers(&self, applied: u64, now: Moment) -> bool {
        self.grant.is_some_and(|grant| applied >= grant.floor && now.after(grant.margin) < grant.until)
    }

    /// Gives its state to `to`, field by field.
    pub(super) fn recall(&self, to: &mut impl Recall) {
        let Lease { grant } = self;
        to.word(u64::from(grant.is_some()));
        // A part of its length, which is declared.
        if let Some(Grant { until, floor, margin: _ }) = grant {
            to.moment(*until);
            to.floor(*floor);
        }
    }

    /// Time that is left of it.
    pub fn left(&self, now: Moment) -> Span {
        self.grant.map(|grant| grant.until.since(now)).unwrap_or_default()
    }

    /// Time for which it has been over; `None` while it is good, and if there never was one.
    pub fn over_for(&self, now: Moment) -> Option<Span> {
        self.grant.map(|grant| now.since(grant.until)).filter(|over| *over > Span(0))
    }
}
