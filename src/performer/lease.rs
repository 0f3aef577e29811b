//! The lease, for the thread that feeds the watchdog, outside the node's loop. The node machine sets it; the clock is
//! this machine's.

use super::moment;
use std::sync::{Arc, Mutex, PoisonError};
use tenure_core::{Span, node};

/// A node's permission to act, as last set by the node machine. Clones share it.
#[derive(Clone, Debug)]
pub struct Lease(Arc<Mutex<node::Lease>>);

impl Default for Lease {
    /// None yet.
    fn default() -> Lease {
        Lease(Arc::new(Mutex::new(node::Lease::over(moment::now()))))
    }
}

impl Lease {
    /// Sets the lease.
    pub fn set(&self, lease: node::Lease) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = lease;
    }

    /// Whether it has not run out.
    pub fn is_good(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).left(moment::now()) > Span(0)
    }
}
