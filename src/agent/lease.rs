//! The lease: a node's permission to act, on its own monotonic clock.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// What part of a lease must be left of it for a command to be sent under it.
const MARGIN: u32 = 10;

/// A node's permission to act. Shared by who renews it and who acts under it.
#[derive(Clone, Debug, Default)]
pub struct Lease(Arc<Mutex<Option<Grant>>>);

#[derive(Clone, Copy, Debug)]
struct Grant {
    until: Instant,
    floor: u64,
    margin: Duration,
}

impl Lease {
    /// A leader granted the lease: it lasts for so long from then on, for a node that has applied the log up to `floor`, so
    /// that it knows what was taken from it while it was silent.
    pub fn renew(&self, from: Instant, lasts: Duration, floor: u64) {
        let until = from + lasts;
        let mut grant = self.lock();
        // Answers may overtake each other; the one that was asked for last lasts longest.
        if grant.is_none_or(|held| held.until < until) {
            *grant = Some(Grant { until, floor, margin: lasts / MARGIN });
        }
    }

    /// Gives the lease up.
    pub fn drop_it(&self) {
        *self.lock() = None;
    }

    /// Whether a command may be sent now by a node that has applied the log up to `applied`.
    pub fn covers(&self, applied: u64) -> bool {
        self.lock().is_some_and(|grant| applied >= grant.floor && Instant::now() + grant.margin < grant.until)
    }

    /// What is left of it.
    pub fn left(&self) -> Duration {
        self.lock().map(|grant| grant.until.saturating_duration_since(Instant::now())).unwrap_or_default()
    }

    /// How long it has been over; `None` while it is good, and if there never was one.
    pub fn over_for(&self) -> Option<Duration> {
        let over = self.lock().map(|grant| Instant::now().saturating_duration_since(grant.until));
        over.filter(|over| !over.is_zero())
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
        lease.renew(Instant::now(), Duration::from_secs(60), 5);
        assert!(lease.covers(5));
        assert!(!lease.covers(4));
        assert_eq!(lease.over_for(), None);
        lease.drop_it();
        assert!(!lease.covers(10));
    }

    #[test]
    fn an_older_answer_does_not_shorten_it() {
        let lease = Lease::default();
        lease.renew(Instant::now(), Duration::from_secs(60), 5);
        lease.renew(Instant::now(), Duration::ZERO, 9);
        assert!(lease.covers(5));
    }

    #[test]
    fn the_last_moments_of_a_lease_cover_nothing() {
        let lease = Lease::default();
        let lasts = Duration::from_secs(60);
        let almost_over =
            Instant::now().checked_sub(lasts - lasts / MARGIN / 2).expect("the machine is up for a minute");
        lease.renew(almost_over, lasts, 0);
        assert!(!lease.covers(10));
        assert!(!lease.left().is_zero());
    }
}
