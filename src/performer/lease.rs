//! The lease, for who needs to know of it outside the node's loop: the thread that feeds the watchdog. The machine says what
//! it is; the clock is this machine's.

use super::moment;
use std::sync::{Arc, Mutex, PoisonError};
use tenure_core::{Span, node};

/// A node's permission to act, as the machine said last. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Lease(Arc<Mutex<node::Lease>>);

impl Lease {
    /// The machine says what it is.
    pub fn set(&self, lease: node::Lease) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = lease;
    }

    /// Whether anything is left of it.
    pub fn is_good(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).left(moment::now()) > Span(0)
    }
}
