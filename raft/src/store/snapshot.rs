//! Keeping the latest snapshot, never an older one after a newer one.

use std::io;
use std::sync::Arc;

use tenure_storage::{LogId, SnapshotMeta, SnapshotStore};
use tokio::sync::{Mutex, mpsc};

use super::envelope::{Head, open};

/// The snapshot store and what is in it.
pub(super) struct Keeper {
    store: SnapshotStore,
    /// The last entry of the stored snapshot. Held while saving: a snapshot being built here and one arriving from
    /// the leader may finish in either order.
    saved: Mutex<Option<LogId>>,
    /// Closed by being dropped, after the store: see [`Released`].
    _held: mpsc::Sender<()>,
}

/// Tells when the last user of the snapshot store has let go of it.
pub(crate) struct Released(mpsc::Receiver<()>);

impl Released {
    pub(crate) async fn wait(&mut self) {
        // Nothing is ever sent: this ends when the sender is dropped.
        let _ = self.0.recv().await;
    }
}

impl Keeper {
    /// Reads the stored snapshot; fails if it is unreadable.
    pub(super) async fn open(store: SnapshotStore, cluster: &str) -> io::Result<(Self, Released)> {
        let saved = match store.load().await? {
            Some(snapshot) => open(&snapshot.data, cluster).map_err(io::Error::other)?.0.last,
            None => None,
        };
        let (held, released) = mpsc::channel(1);
        let keeper = Self { store, saved: Mutex::new(saved), _held: held };
        Ok((keeper, Released(released)))
    }

    /// Saves unless the stored snapshot is as new.
    pub(super) async fn save(&self, head: &Head, bytes: &Arc<Vec<u8>>) -> io::Result<()> {
        let mut saved = self.saved.lock().await;
        if *saved < head.last {
            self.store.save(Vec::new(), Arc::clone(bytes)).await?;
            *saved = head.last;
        }
        Ok(())
    }

    /// The last entry that the stored snapshot covers.
    pub(super) async fn saved(&self) -> Option<LogId> {
        *self.saved.lock().await
    }

    pub(super) async fn load(&self, cluster: &str) -> io::Result<Option<(SnapshotMeta, Arc<Vec<u8>>)>> {
        let Some(snapshot) = self.store.load().await? else {
            return Ok(None);
        };
        let (head, _) = open(&snapshot.data, cluster).map_err(io::Error::other)?;
        Ok(Some((meta(&head), snapshot.data)))
    }
}

pub(super) fn meta(head: &Head) -> SnapshotMeta {
    SnapshotMeta { last_log_id: head.last, last_membership: head.membership.clone() }
}
