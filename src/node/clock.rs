//! This node's clock for cluster time. The rule is the core's, the clock is this machine's; its wall clock counts
//! only before the first entry.

use crate::performer::moment;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};
use tenure_core::{Time, node};

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

/// The time of the wall clock.
pub fn wall() -> Time {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_millis()).unwrap_or_default();
    Time(u64::try_from(wall).unwrap_or(u64::MAX))
}
