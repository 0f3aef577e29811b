//! Cluster time on one node: it goes on from the last entry, by the node's own clock; no wall clock moves it.
//!
//! The leader stamps every entry that it appends, and no other node stamps any. Between two entries no more time can
//! pass than has really passed: a node takes over an entry's time when it applies it, which is later than it was
//! stamped. A node that was down, or behind, is late by that; while every node is down, cluster time stands still. To
//! be late is safe: every wait only takes longer.

use crate::{Time, time::Moment};

/// Cluster time on one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClusterClock {
    base: Time,
    at: Moment,
}

impl ClusterClock {
    /// Goes on from the last time in the node's own ledger. If that is empty, it begins at `wall`, the time of the
    /// wall clock: nothing waits for anything yet.
    pub fn new(known: Time, wall: Time, now: Moment) -> Self {
        ClusterClock { base: if known == Time(0) { wall } else { known }, at: now }
    }

    /// Takes over the time of an entry that was just applied: forward always, back only if another node stamped it
    /// just now (`news`), because entries that are read again at a start are old.
    pub fn follow(&mut self, applied: Time, news: bool, now: Moment) {
        if news || applied > self.now(now) {
            *self = ClusterClock { base: applied, at: now };
        }
    }

    /// Cluster time now.
    pub fn now(&self, now: Moment) -> Time {
        self.base.after(now.since(self.at))
    }
}
