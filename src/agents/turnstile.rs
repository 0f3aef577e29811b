//! The turns of a resource's entry points: one at a time, by rank.
//!
//! An entry point of a higher rank displaces one of a lower rank: a look that hangs must not hold up a stop. A
//! displaced one is killed with its children, because its future is dropped.

use super::program::Permit;
use std::{future::Future, sync::Arc};
use tokio::sync::{Mutex, watch};

/// The rank of an entry point; a higher one displaces a lower one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// Looks at the resource, changes nothing.
    MonitorResult,
    /// Starts it, or runs another action or notice.
    ActionResult,
    /// Stops it.
    Stop,
    /// Stops it by force.
    Clean,
}

const RANKS: usize = 4;

/// An entry point of a higher rank waits for the turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Displaced;

/// Lets the entry points of one resource take turns.
#[derive(Debug)]
pub(crate) struct Turnstile {
    turn: Arc<Mutex<()>>,
    /// Number of waiting entry points, by rank.
    waiting: watch::Sender<[u32; RANKS]>,
}

/// The right to run an entry point.
pub(crate) struct Turn<'a> {
    turnstile: &'a Turnstile,
    rank: Rank,
    /// Shared with the turn's programs: a killed one keeps the turn until it is gone.
    place: Permit,
}

impl Turnstile {
    pub(crate) fn new() -> Self {
        Turnstile { turn: Arc::default(), waiting: watch::Sender::new([0; RANKS]) }
    }

    /// Waits for its turn.
    pub(crate) async fn enter(&self, rank: Rank) -> Turn<'_> {
        let _waits = Waits::new(&self.waiting, rank);
        Turn { turnstile: self, rank, place: Arc::new(Arc::clone(&self.turn).lock_owned().await) }
    }
}

impl Turn<'_> {
    /// The guard for programs run in this turn: it ends when the last of them is gone.
    pub(crate) fn place(&self) -> &Permit {
        &self.place
    }

    /// Runs `work`, unless an entry point of a higher rank waits for the turn, now or before `work` is done.
    pub(crate) async fn hold<T>(&self, work: impl Future<Output = T>) -> Result<T, Displaced> {
        let above = self.rank as usize + 1;
        let mut waiting = self.turnstile.waiting.subscribe();
        tokio::select! {
            biased;
            // The sender lives in the turnstile that this borrows, so this ends only when somebody waits.
            _ = waiting.wait_for(|waiting| waiting[above..].iter().any(|count| *count > 0)) => Err(Displaced),
            done = work => Ok(done),
        }
    }
}

struct Waits<'a> {
    waiting: &'a watch::Sender<[u32; RANKS]>,
    rank: Rank,
}

impl<'a> Waits<'a> {
    fn new(waiting: &'a watch::Sender<[u32; RANKS]>, rank: Rank) -> Self {
        waiting.send_modify(|waiting| waiting[rank as usize] += 1);
        Waits { waiting, rank }
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.waiting.send_modify(|waiting| waiting[self.rank as usize] -= 1);
    }
}
