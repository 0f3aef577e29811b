//! The lease: a node's permission to act, on a clock of its own that never stands still.

use super::Recall;
use crate::{Span, time::Moment};

/// A lease divided by this must be left of it for a command to be sent under it.
const MARGIN: u64 = 10;

/// A node's permission to act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    until: Moment,
    floor: u64,
    margin: Span,
}

impl Lease {
    /// That of a node which could have none before this moment: it is over since then.
    pub fn over(since: Moment) -> Lease {
        Lease { until: since, floor: 0, margin: Span(0) }
    }

    /// Takes a lease that a leader granted: it lasts for `lasts` after `from`, for a node that has applied the log up
    /// to `floor`, so that it knows what was taken from it while it was silent.
    pub fn renew(&mut self, from: Moment, lasts: Span, floor: u64) {
        let until = from.after(lasts);
        // Answers may overtake each other; the lease that was asked for last lasts longest.
        if self.until < until {
            let margin = Span(lasts.0.checked_div(MARGIN).unwrap_or_default());
            *self = Lease { until, floor, margin };
        }
    }

    /// Gives the lease up; one that is over already was over before.
    pub fn give_up(&mut self, now: Moment) {
        self.until = self.until.min(now);
    }

    /// Whether a command may be sent now by a node that has applied the log up to `applied`.
    pub fn covers(&self, applied: u64, now: Moment) -> bool {
        applied >= self.floor && now.after(self.margin) < self.until
    }

    /// Gives its state to `to`, field by field.
    pub(super) fn recall(&self, to: &mut impl Recall) {
        // The margin is a part of its length, which is declared.
        let Lease { until, floor, margin: _ } = self;
        to.moment(*until);
        to.floor(*floor);
    }

    /// Time that is left of it.
    pub fn left(&self, now: Moment) -> Span {
        self.until.since(now)
    }

    /// Time for which it has been over; zero while it is good.
    pub fn over_for(&self, now: Moment) -> Span {
        now.since(self.until)
    }
}
