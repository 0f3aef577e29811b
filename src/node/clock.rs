//! Cluster time: continues from the last applied entry on this node's monotonic clock, so that a leader whose wall clock is
//! wrong neither jumps nor stalls. Only a process that has just started looks at the wall clock.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Instant, SystemTime, UNIX_EPOCH},
};
use tenure_core::Time;

/// Cluster time as this node knows it. Clones are the same clock.
#[derive(Clone, Debug)]
pub struct ClusterClock(Arc<Mutex<Base>>);

#[derive(Clone, Copy, Debug)]
struct Base {
    time: Time,
    at: Instant,
}

impl Base {
    fn now(&self) -> Time {
        let elapsed = u64::try_from(self.at.elapsed().as_millis()).unwrap_or(u64::MAX);
        Time(self.time.0.saturating_add(elapsed))
    }
}

impl ClusterClock {
    /// The wall clock's time, for a process that has just started.
    pub fn start() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_millis()).unwrap_or_default();
        let time = Time(u64::try_from(wall).unwrap_or(u64::MAX));
        ClusterClock(Arc::new(Mutex::new(Base { time, at: Instant::now() })))
    }

    /// Takes over the time of an entry that was just applied: forward always, back only where another node stamped it just
    /// now (`news`), because what is read again at a start is old.
    pub fn follow(&self, applied: Time, news: bool) {
        let mut base = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if news || applied > base.now() {
            *base = Base { time: applied, at: Instant::now() };
        }
    }

    /// Now.
    pub fn now(&self) -> Time {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_entry_does_not_turn_it_back_and_a_new_one_does() {
        let clock = ClusterClock::start();
        let begun = clock.now();
        clock.follow(Time(5), false);
        assert!(clock.now() >= begun);
        clock.follow(Time(5), true);
        assert!(clock.now() < begun);
        clock.follow(Time(begun.0 + 60_000), false);
        assert!(clock.now() >= Time(begun.0 + 60_000));
    }
}
