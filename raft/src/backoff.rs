//! The one retry policy: wait a little, then longer, up to a bound, and never in step with others.

use std::time::Duration;

use rand::{Rng, RngExt};

const FIRST: Duration = Duration::from_millis(30);
const LONGEST: Duration = Duration::from_millis(600);

/// Waits that grow with every failure in a row.
#[derive(Debug, Clone, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The wait after one more failure: doubled each time, and spread over half to all of it.
    pub(crate) fn next(&mut self, rng: &mut impl Rng) -> Duration {
        let full = FIRST.saturating_mul(1 << self.failures.min(10)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        full.mul_f64(rng.random_range(0.5..=1.0))
    }

    /// After a success the next failure is a first one.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_to_a_bound_and_starts_over() {
        let mut rng = rand::rng();
        let mut backoff = Backoff::default();
        assert!(backoff.next(&mut rng) <= FIRST);
        for _ in 0..100 {
            assert!(backoff.next(&mut rng) <= LONGEST);
        }
        assert!(backoff.next(&mut rng) >= LONGEST / 2);
        backoff.reset();
        assert!(backoff.next(&mut rng) <= FIRST);
    }
}
