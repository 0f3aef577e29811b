//! The latest snapshot in the database, written by a thread of its own.
//!
//! Keys of the `snapshot` tree: `head`; and for each piece `p`, generation, part (0 meta, 1 data), number, big-endian. The
//! pieces of a new generation are complete and durable before the head names them, and the old ones go only after that head
//! is durable. Pieces that no head names were never acknowledged: they are dropped at start.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use futures::channel::oneshot;
use tokio::sync::mpsc;

use super::engine::{Engine, unreadable};
use super::pieces::{self, Joiner};
use crate::backend::LoadError;
use crate::format::{self, Fault, v1};
use crate::snapshot::SavedSnapshot;

const HEAD: &str = "head";
const META: u8 = 0;
const DATA: u8 = 1;

/// The most requests that wait for the thread.
const QUEUE_LIMIT: usize = 4;
/// Pieces between two syncs (1 MiB): a sync of the log waits for what a snapshot wrote since the last one.
const PIECES_PER_SYNC: usize = 256;

enum Request {
    Save(SavedSnapshot, oneshot::Sender<io::Result<()>>),
    Load(oneshot::Sender<io::Result<Option<SavedSnapshot>>>),
}

/// Hands requests to the thread. Dropping it waits for queued ones.
#[derive(Debug)]
pub struct SnapshotKeeper {
    queue: Option<mpsc::Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

impl SnapshotKeeper {
    /// Drops what a crash left half written, checks the latest snapshot, and starts the thread.
    pub fn start(engine: Arc<Engine>) -> Result<Self, LoadError> {
        let tree = Tree { engine };
        tree.drop_other_generations()?;
        tree.load()?;
        let (queue, requests) = mpsc::channel(QUEUE_LIMIT);
        let thread = thread::Builder::new()
            .name("snapshots".to_owned())
            .spawn(move || run(&tree, requests))
            .map_err(|source| LoadError::Read { what: "snapshots".to_owned(), source })?;
        Ok(SnapshotKeeper { queue: Some(queue), thread: Some(thread) })
    }

    /// Replaces the snapshot, durably.
    pub async fn save(&self, snapshot: SavedSnapshot) -> io::Result<()> {
        self.ask(|answer| Request::Save(snapshot, answer)).await
    }

    /// Reads the snapshot.
    pub async fn load(&self) -> io::Result<Option<SavedSnapshot>> {
        self.ask(Request::Load).await
    }

    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<io::Result<T>>) -> Request) -> io::Result<T> {
        let (answer, answered) = oneshot::channel();
        let gone = || io::Error::new(io::ErrorKind::BrokenPipe, "the snapshot thread ended");
        let queue = self.queue.as_ref().ok_or_else(gone)?;
        queue.send(request(answer)).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

impl Drop for SnapshotKeeper {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the snapshot thread panicked");
        }
    }
}

fn run(tree: &Tree, mut requests: mpsc::Receiver<Request>) {
    // The caller may be gone; then nobody needs the answer.
    while let Some(request) = requests.blocking_recv() {
        match request {
            Request::Save(snapshot, answer) => drop(answer.send(tree.save(&snapshot))),
            Request::Load(answer) => drop(answer.send(tree.load().map_err(io::Error::other))),
        }
    }
}

/// The latest snapshot that the database holds.
pub fn load(engine: &Arc<Engine>) -> Result<Option<SavedSnapshot>, LoadError> {
    Tree { engine: Arc::clone(engine) }.load()
}

struct Tree {
    engine: Arc<Engine>,
}

impl Tree {
    fn head(&self) -> Result<Option<v1::Snapshot>, LoadError> {
        let stored =
            self.engine.snapshot.get(HEAD).map_err(|error| unreadable("the snapshot head".to_owned(), error))?;
        stored.map(|bytes| format::open(&bytes).map_err(|fault| refused("snapshot head", fault))).transpose()
    }

    fn save(&self, snapshot: &SavedSnapshot) -> io::Result<()> {
        let old = self.head().map_err(io::Error::other)?;
        let generation = old.map_or(0, |old| old.generation + 1);
        let parts = [(META, snapshot.meta.as_slice()), (DATA, snapshot.data.as_slice())];
        let mut unsynced = 0;
        for (part, bytes) in parts {
            for (number, piece) in pieces::cut(bytes) {
                self.engine.snapshot.insert(key(generation, part, number), piece)?;
                unsynced += 1;
                if unsynced == PIECES_PER_SYNC {
                    self.engine.sync()?;
                    unsynced = 0;
                }
            }
        }
        self.engine.sync()?;
        let [meta, data] = parts.map(|(_, bytes)| pieces::extent(bytes));
        self.engine.snapshot.insert(HEAD, format::seal(&v1::Snapshot { generation, meta, data }))?;
        self.engine.sync()?;
        // Remains of the old one after a crash are dropped at the next start, so this needs no sync.
        self.drop_other_generations().map_err(io::Error::other)
    }

    fn load(&self) -> Result<Option<SavedSnapshot>, LoadError> {
        let Some(head) = self.head()? else {
            return Ok(None);
        };
        let meta = self.join(head.generation, META, head.meta)?;
        let data = self.join(head.generation, DATA, head.data)?;
        Ok(Some(SavedSnapshot { meta, data: Arc::new(data) }))
    }

    fn join(&self, generation: u64, part: u8, extent: v1::Extent) -> Result<Vec<u8>, LoadError> {
        let name = match part {
            META => "snapshot meta",
            _ => "snapshot data",
        };
        let mut joiner = Joiner::new(extent);
        for number in 0..extent.pieces {
            let stored = self
                .engine
                .snapshot
                .get(key(generation, part, number))
                .map_err(|error| unreadable(format!("piece {number} of {name}"), error))?;
            let missing = || refused(name, Fault::Place(format!("piece {number} is missing")));
            let piece = stored.ok_or_else(missing)?;
            joiner.take(number, &piece).map_err(|fault| refused(&format!("piece {number} of {name}"), fault))?;
        }
        joiner.finish().map_err(|fault| refused(name, fault))
    }

    fn drop_other_generations(&self) -> Result<(), LoadError> {
        let current = self.head()?.map(|head| prefix(head.generation));
        for stored in self.engine.snapshot.scan_prefix(b"p").keys() {
            let dropped = stored.and_then(|stored| match current {
                Some(current) if stored.starts_with(&current) => Ok(()),
                _ => self.engine.snapshot.remove(stored).map(drop),
            });
            dropped.map_err(|error| unreadable("leftover snapshot pieces".to_owned(), error))?;
        }
        Ok(())
    }
}

fn refused(record: &str, fault: Fault) -> LoadError {
    LoadError::Record { record: record.to_owned(), fault }
}

fn prefix(generation: u64) -> [u8; 9] {
    let mut prefix = [b'p'; 9];
    prefix[1..].copy_from_slice(&generation.to_be_bytes());
    prefix
}

fn key(generation: u64, part: u8, number: u32) -> [u8; 14] {
    let mut key = [0; 14];
    key[..9].copy_from_slice(&prefix(generation));
    key[9] = part;
    key[10..].copy_from_slice(&number.to_be_bytes());
    key
}
