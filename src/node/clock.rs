//! Cluster time as this node knows it. The rule is the core's, the clock is this machine's; its wall clock counts only where
//! nothing was ever written.

use crate::performer::moment;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};
use tenure_core::{Time, node};

/// Cluster time as this node knows it. Clones are the same clock.
#[derive(Clone, Debug)]
pub struct ClusterClock(Arc<Mutex<node::ClusterClock>>);

impl ClusterClock {
    /// Goes on from the last time in the node's own ledger.
    pub fn start(known: Time) -> Self {
        ClusterClock(Arc::new(Mutex::new(node::ClusterClock::new(known, wall(), moment::now()))))
    }

    /// The machine says how it goes on.
    pub fn set(&self, clock: node::ClusterClock) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = clock;
    }

    /// Now.
    pub fn now(&self) -> Time {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).now(moment::now())
    }
}

/// What the wall clock says.
pub fn wall() -> Time {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_millis()).unwrap_or_default();
    Time(u64::try_from(wall).unwrap_or(u64::MAX))
}
