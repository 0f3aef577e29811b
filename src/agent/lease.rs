//! The lease: a node's permission to act, on its own monotonic clock.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How much must be left of a lease for a command to be sent under it.
pub const MARGIN: Duration = Duration::from_millis(300);

/// A node's permission to act. Shared by who renews it and who acts under it.
#[derive(Clone, Debug, Default)]
pub struct Lease(Arc<Mutex<Option<Grant>>>);

#[derive(Clone, Copy, Debug)]
struct Grant {
    until: Instant,
    floor: u64,
}

impl Lease {
    /// A leader granted the lease: it lasts until then, for a node that has applied the log up to `floor`, so that it
    /// knows what was taken from it while it was silent.
    pub fn renew(&self, until: Instant, floor: u64) {
        let mut grant = self.lock();
        // Answers may overtake each other; the one that was asked for last lasts longest.
        if grant.is_none_or(|held| held.until < until) {
            *grant = Some(Grant { until, floor });
        }
    }

    /// Gives the lease up.
    pub fn drop_it(&self) {
        *self.lock() = None;
    }

    /// Whether a command may be sent now by a node that has applied the log up to `applied`.
    pub fn covers(&self, applied: u64) -> bool {
        self.lock().is_some_and(|grant| applied >= grant.floor && Instant::now() + MARGIN < grant.until)
    }

    /// What is left of it.
    pub fn left(&self) -> Duration {
        self.lock().map(|grant| grant.until.saturating_duration_since(Instant::now())).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Grant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_covers_a_command_that_ends_within_it_on_a_node_that_knows_enough() {
        let lease = Lease::default();
        assert!(!lease.covers(10));
        lease.renew(Instant::now() + Duration::from_secs(60), 5);
        assert!(lease.covers(5));
        assert!(!lease.covers(4));
        lease.drop_it();
        assert!(!lease.covers(10));
    }

    #[test]
    fn an_older_answer_does_not_shorten_it() {
        let lease = Lease::default();
        lease.renew(Instant::now() + Duration::from_secs(60), 5);
        lease.renew(Instant::now(), 9);
        assert!(lease.covers(5));
    }

    #[test]
    fn the_last_moments_of_a_lease_cover_nothing() {
        let lease = Lease::default();
        lease.renew(Instant::now() + MARGIN / 2, 0);
        assert!(!lease.covers(10));
    }
}
