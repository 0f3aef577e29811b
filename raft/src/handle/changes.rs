//! Being told that something about this node has changed.

use openraft::RaftMetrics;
use openraft::alias::WatchReceiverOf;
use openraft::async_runtime::watch::WatchReceiver;
use tenure_storage::{TokioTypes, Types};

use super::Handle;
use crate::machine::StateMachine;

/// This node has stopped; nothing will change any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("watch this node: it has stopped")]
pub struct Ended;

/// Ticks whenever the status or the applied state has changed. Ticks that nobody waited for are merged into one.
pub struct Changes<C: Types = TokioTypes> {
    metrics: WatchReceiverOf<C, RaftMetrics<C>>,
}

impl<C: Types> Changes<C> {
    /// Waits for a change since the last call, or since the watch began. Safe to drop and call again.
    pub async fn changed(&mut self) -> Result<(), Ended> {
        self.metrics.changed().await.map_err(|_| Ended)
    }
}

impl<C: Types> Clone for Changes<C> {
    fn clone(&self) -> Self {
        Self { metrics: self.metrics.clone() }
    }
}

impl<S: StateMachine, C: Types> Handle<S, C> {
    /// Watches this node: leader, term, log, applied index, membership, progress of followers.
    pub fn changed(&self) -> Changes<C> {
        Changes { metrics: self.inner.raft.metrics() }
    }
}
