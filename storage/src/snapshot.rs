//! The latest snapshot of the state machine, kept whole or not at all.
//!
//! Promises: a snapshot that was saved is the one that is loaded after a crash; while a newer one is being saved the older one
//! stays. Refuses to know what the bytes mean: the caller's `meta` and `data` come back as they were given.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;

use crate::disk::SnapshotKeeper;

/// A place of the caller's own that keeps the latest snapshot, such as a simulated disk.
pub trait KeepSnapshot: fmt::Debug + Send + Sync + 'static {
    /// Replaces the snapshot; see [`SnapshotStore::save`].
    fn save(&self, snapshot: SavedSnapshot) -> BoxFuture<'_, io::Result<()>>;

    /// The latest saved snapshot, if there ever was one.
    fn load(&self) -> BoxFuture<'_, io::Result<Option<SavedSnapshot>>>;
}

/// One snapshot: its metadata, and the state itself, both as the caller's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedSnapshot {
    /// The snapshot's metadata, encoded by the caller.
    pub meta: Vec<u8>,
    /// The state, encoded by the caller. Shared, because it is also on its way to other nodes.
    pub data: Arc<Vec<u8>>,
}

/// Keeps the latest snapshot. Clones keep the same one.
#[derive(Clone, Debug)]
pub struct SnapshotStore {
    keeper: Keeper,
}

#[derive(Clone, Debug)]
enum Keeper {
    Memory(Arc<Mutex<Option<SavedSnapshot>>>),
    Disk(Arc<SnapshotKeeper>),
    Elsewhere(Arc<dyn KeepSnapshot>),
}

impl SnapshotStore {
    /// Keeps the snapshot in memory for as long as a clone of the store lives. Saving completes at once, so a
    /// simulated node that keeps a clone across its crash finds its last snapshot again.
    pub fn memory() -> Self {
        SnapshotStore { keeper: Keeper::Memory(Arc::default()) }
    }

    /// Keeps the snapshot in a place of the caller's own.
    pub fn over(place: Arc<dyn KeepSnapshot>) -> Self {
        SnapshotStore { keeper: Keeper::Elsewhere(place) }
    }

    pub(crate) fn on_disk(keeper: SnapshotKeeper) -> Self {
        SnapshotStore { keeper: Keeper::Disk(Arc::new(keeper)) }
    }

    /// Replaces the snapshot. `Ok` means that the new one is durable. The last call wins: the caller must not save an
    /// older snapshot after a newer one.
    pub async fn save(&self, meta: Vec<u8>, data: Arc<Vec<u8>>) -> io::Result<()> {
        match &self.keeper {
            Keeper::Memory(kept) => {
                *kept.lock().expect("no code panics while it holds the snapshot") = Some(SavedSnapshot { meta, data });
                Ok(())
            }
            Keeper::Disk(keeper) => keeper.save(SavedSnapshot { meta, data }).await,
            Keeper::Elsewhere(place) => place.save(SavedSnapshot { meta, data }).await,
        }
    }

    /// The latest saved snapshot, if there ever was one.
    pub async fn load(&self) -> io::Result<Option<SavedSnapshot>> {
        match &self.keeper {
            Keeper::Memory(kept) => Ok(kept.lock().expect("no code panics while it holds the snapshot").clone()),
            Keeper::Disk(keeper) => keeper.load().await,
            Keeper::Elsewhere(place) => place.load().await,
        }
    }
}
