//! The lease as the tasks of a node share it: the rule is the core's, the clock is this machine's.

use super::moment;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tenure_core::{Moment, Order, Report, Span, node, order::Ending};

/// A node's permission to act, and what it knows of the processes before it. Shared by who renews it and who acts under it.
#[derive(Clone, Debug)]
pub struct Lease(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    lease: node::Lease,
    past: node::Past,
}

impl Lease {
    /// None yet, for a process that found the log up to `stored` on its own disk.
    pub fn new(stored: u64) -> Self {
        Lease(Arc::new(Mutex::new(State { lease: node::Lease::default(), past: node::Past::new(stored) })))
    }

    /// A leader beyond doubt answered, at this log index.
    pub fn heard(&self, index: u64) {
        self.lock().past.heard(index);
    }

    /// A leader granted it: from then on, for so long, for who has applied the log up to `floor`.
    pub fn renew(&self, from: Moment, lasts: Span, floor: u64) {
        self.lock().lease.renew(from, lasts, floor);
    }

    /// Gives the lease up.
    pub fn drop_it(&self) {
        self.lock().lease.drop_it();
    }

    /// Whether a command may be sent now by a node that has applied the log up to `applied`.
    pub fn covers(&self, applied: u64) -> bool {
        self.lock().lease.covers(applied, moment::now())
    }

    /// What is left of it.
    pub fn left(&self) -> Duration {
        Duration::from_millis(self.lock().lease.left(moment::now()).0)
    }

    /// How long it has been over; `None` while it is good, and if there never was one.
    pub fn over_for(&self) -> Option<Duration> {
        self.lock().lease.over_for(moment::now()).map(|over| Duration::from_millis(over.0))
    }

    /// What is said of an order that must not be carried out twice, and that an earlier process may have run.
    pub fn not_again(&self, order: &Order) -> Option<Report> {
        self.lock().past.not_again(order)
    }

    /// How an order ended, as far as this process can know.
    pub fn doubt(&self, order: &Order, ending: Ending) -> Ending {
        self.lock().past.doubt(order, ending)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
