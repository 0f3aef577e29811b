//! Keeps the log within its bytes: a snapshot of all that is applied, and then a purge of what it covers.

use std::time::Duration;

use openraft::async_runtime::watch::WatchReceiver;
use tenure_storage::{LogReader, Types};

use crate::machine::StateMachine;
use crate::service::RaftOf;

/// Time for one snapshot. One that is being made already covers less; so it is asked for again after this time.
const MADE: Duration = Duration::from_secs(10);
/// Number of times that a snapshot is asked for. The next bytes ask again.
const TRIES: usize = 6;

/// What it takes to keep the log of a node within its bytes.
pub(crate) struct Trimmer<C: Types, S: StateMachine> {
    pub(crate) raft: RaftOf<C, S>,
    pub(crate) log: LogReader<C>,
    /// Bytes of commands that stay, at most.
    pub(crate) keep: u64,
}

impl<C: Types, S: StateMachine> Trimmer<C, S> {
    /// Makes a snapshot, and purges what it covers but for the last entries.
    pub(crate) async fn trim(&self) {
        let applied = self.raft.metrics().borrow_watched().last_applied;
        for _ in 0..TRIES {
            if self.raft.trigger().snapshot().await.is_err() {
                return;
            }
            let made = self.raft.wait(Some(MADE));
            let made = made.metrics(|metrics| metrics.snapshot >= applied, "a snapshot of a long log").await;
            let Ok(metrics) = made else { continue };
            let covered = metrics.snapshot.map_or(0, |snapshot| snapshot.index);
            // A failed log ends consensus by itself, and more plainly.
            if let Ok(Some(upto)) = self.log.before_last(self.keep) {
                let upto = upto.min(covered);
                tracing::debug!(upto, "the log is cut for its size");
                let _ = self.raft.trigger().purge_log(upto).await;
            }
            return;
        }
        tracing::warn!("the log has grown long, and no snapshot was made in time; later entries ask again");
    }
}
