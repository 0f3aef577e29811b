//! Cluster time: continues from the last applied entry on this node's monotonic clock, so that a leader whose wall clock is
//! wrong neither jumps nor stalls. Only a process that has just started looks at the wall clock.

use std::time::{Instant, SystemTime, UNIX_EPOCH};
use tenure_core::Time;

/// Cluster time as this node knows it.
#[derive(Clone, Copy, Debug)]
pub struct ClusterClock {
    base: Time,
    at: Instant,
}

impl ClusterClock {
    /// The wall clock's time, for a process that has just started.
    pub fn start() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_millis()).unwrap_or_default();
        ClusterClock { base: Time(u64::try_from(wall).unwrap_or(u64::MAX)), at: Instant::now() }
    }

    /// Takes over the time of the last applied entry, if this node was behind it or has led nobody.
    pub fn follow(&mut self, applied: Time, leads: bool) {
        if applied > self.now() || (!leads && applied > Time(0)) {
            *self = ClusterClock { base: applied, at: Instant::now() };
        }
    }

    /// Now.
    pub fn now(&self) -> Time {
        let elapsed = u64::try_from(self.at.elapsed().as_millis()).unwrap_or(u64::MAX);
        Time(self.base.0.saturating_add(elapsed))
    }
}
