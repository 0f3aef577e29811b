//! The seam between the log store and whatever keeps its ops.

use std::io;

use futures::future::BoxFuture;

use crate::op::{Done, Op};

/// An ordered stream of ops to something that keeps them.
///
/// The contract: ops take effect in the order in which they were submitted; a [`Done`] that wants a sync is completed with
/// `Ok` only when its op *and every op before it* is durable; after the first error everything later fails too, and nothing
/// is retried.
///
/// The product's disk is a thread behind a bounded queue. A simulated disk needs neither: it keeps what is synced in an
/// [`Image`](crate::Image) (the platter) and what is not in a list, completes from a task of the simulated runtime after a
/// virtual delay, and at a crash drops the list, which fails every pending op by itself. To boot again, give a clone of the
/// platter to [`LogStore::from_parts`](crate::LogStore::from_parts):
///
/// ```
/// use std::io;
/// use std::sync::{Arc, Mutex};
/// use futures::future::{BoxFuture, FutureExt};
/// use tenure_storage::{Done, Image, LogStore, Op, Submit, TokioTypes};
///
/// #[derive(Clone, Default)]
/// struct Disk(Arc<Mutex<State>>);
///
/// #[derive(Default)]
/// struct State {
///     platter: Image,
///     pending: Vec<(Op, Done)>,
/// }
///
/// impl Submit for Disk {
///     fn submit(&mut self, op: Op, done: Done) -> BoxFuture<'_, ()> {
///         self.0.lock().unwrap().pending.push((op, done));
///         // Here: have the simulated runtime call `sync` after a while.
///         async {}.boxed()
///     }
/// }
///
/// impl Disk {
///     fn sync(&self) {
///         let mut state = self.0.lock().unwrap();
///         for (op, done) in std::mem::take(&mut state.pending) {
///             done.complete(state.platter.apply(&op).map_err(io::Error::other));
///         }
///     }
///
///     fn crash(&self) {
///         self.0.lock().unwrap().pending.clear();
///     }
///
///     fn boot(&self) -> LogStore<TokioTypes> {
///         let platter = self.0.lock().unwrap().platter.clone();
///         LogStore::from_parts(platter, Box::new(self.clone()))
///     }
/// }
/// ```
pub trait Submit: Send + Sync + 'static {
    /// Takes over an op. The future resolves when it is queued, not when it is durable: it waits only while the queue is
    /// full. `done` may be completed before that, even inline.
    fn submit(&mut self, op: Op, done: Done) -> BoxFuture<'_, ()>;
}

/// Keeps nothing: every op is complete at once. The log store's own mirror is then the only copy.
#[derive(Clone, Copy, Debug, Default)]
pub struct Forget;

impl Submit for Forget {
    fn submit(&mut self, _op: Op, done: Done) -> BoxFuture<'_, ()> {
        let outcome: io::Result<()> = Ok(());
        done.complete(outcome);
        Box::pin(std::future::ready(()))
    }
}
