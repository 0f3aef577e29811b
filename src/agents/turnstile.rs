//! One entry point of a resource at a time, and who gives way to whom.
//!
//! Whoever is of a higher rank ends what is under way of a lower one, and takes its place: a look that hangs must not hold
//! up a stop. What is ended so is killed with its children, because its future is dropped.

use super::program::Place;
use std::{future::Future, sync::Arc};
use tokio::sync::{Mutex, watch};

/// Who gives way to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// Looks at it, changes nothing.
    Look,
    /// Starts it, or does something else to it.
    Deed,
    /// Stops it.
    Stop,
    /// Stops it by force.
    Clean,
}

const RANKS: usize = 4;

/// Somebody of a higher rank took the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Displaced;

/// Where the entry points of one resource take their turns.
#[derive(Debug)]
pub(crate) struct Turnstile {
    turn: Arc<Mutex<()>>,
    /// How many of each rank wait.
    waiting: watch::Sender<[u32; RANKS]>,
}

/// The right to run an entry point.
pub(crate) struct Turn<'a> {
    turnstile: &'a Turnstile,
    rank: Rank,
    /// Programs that were killed keep it until they are gone.
    place: Place,
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
    /// What the programs that are run in this turn hold.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// Does something, unless somebody of a higher rank waits for the place or comes to do so.
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
