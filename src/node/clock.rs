//! This node's clock for cluster time. The rule is the core's, the clock is this machine's; its wall clock counts
//! only before the first entry.

use crate::performer::moment;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};
use tenure_core::{Time, node, time::Moment};

/// This node's clock for cluster time. Clones share it.
#[derive(Clone, Debug)]
pub struct ClusterClock(Arc<Mutex<node::ClusterClock>>);

impl ClusterClock {
    /// Continues from the last time in the node's own ledger.
    pub fn start(known: Time) -> Self {
        ClusterClock(Arc::new(Mutex::new(node::ClusterClock::new(known, wall(), moment::now()))))
    }

    /// Takes over the clock from the node machine.
    pub fn set(&self, clock: node::ClusterClock) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = clock;
    }

    /// The present cluster time.
    pub fn now(&self) -> Time {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).now(moment::now())
    }
}

/// The last moment at which this node knew of a leader with a majority behind it. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Contact(Arc<Mutex<Option<Moment>>>);

impl Contact {
    /// Takes over what the node machine knows.
    pub fn set(&self, at: Option<Moment>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }

    /// The same as cluster time, if that is `now`; `None` if there was no such moment.
    pub fn at(&self, now: Time) -> Option<Time> {
        let at = (*self.0.lock().unwrap_or_else(PoisonError::into_inner))?;
        Some(Time(now.0.saturating_sub(moment::now().since(at).0)))
    }
}

/// The time of the wall clock.
pub fn wall() -> Time {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_millis()).unwrap_or_default();
    Time(u64::try_from(wall).unwrap_or(u64::MAX))
}
