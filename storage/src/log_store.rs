//! The Raft log as the consensus library sees it: a mirror in memory for every read, a stream of ops for every write.
//!
//! Promises: an entry is readable when `append` returns and acknowledged when it is durable; votes, entries,
//! truncations and purges reach the disk in the order of the calls. After the first failed write everything fails:
//! memory then no longer matches the disk, and only a restart, which reads the disk, can tell.

use std::fmt::Debug;
use std::io;
use std::marker::PhantomData;
use std::ops::RangeBounds;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use futures::channel::oneshot;
use openraft::storage::{IOFlushed, LogState, RaftLogReader, RaftLogStorage};
use openraft::{OptionalSend, RaftTypeConfig};
use thiserror::Error;

use crate::backend::{LoadError, LogBackend};
use crate::image::Image;
use crate::op::{Done, Op};
use crate::submit::{Forget, Submit};
use crate::types::{Entry, LogId, Types, Vote};
use crate::writer::Writer;

/// The most entries that one read for replication returns, so that a far follower does not make one huge message.
const MAX_ENTRIES_PER_READ: usize = 512;
/// The most bytes of commands that one read for replication returns, but for a single entry that is larger.
const MAX_BYTES_PER_READ: usize = 1 << 20;

/// A write failed before; the store answers nothing any more.
#[derive(Clone, Debug, Error)]
#[error("log store stopped after a failed write: {reason}")]
pub struct Poisoned {
    /// The error of the failed write.
    pub reason: String,
}

#[derive(Debug, Default)]
struct Shared {
    mirror: Mutex<Image>,
    poison: OnceLock<Poisoned>,
}

impl Shared {
    fn mirror(&self) -> io::Result<MutexGuard<'_, Image>> {
        match self.poison.get() {
            Some(poisoned) => Err(io::Error::other(poisoned.clone())),
            None => Ok(self.mirror.lock().expect("no code panics while it holds the mirror")),
        }
    }

    /// Remembers the first failure for good.
    fn note<T>(&self, outcome: &io::Result<T>) {
        if let Err(error) = outcome {
            let _ = self.poison.set(Poisoned { reason: error.to_string() });
        }
    }
}

/// The log and the vote of one node.
pub struct LogStore<C: Types> {
    shared: Arc<Shared>,
    submit: Box<dyn Submit>,
    types: PhantomData<fn() -> C>,
}

/// Reads the log of one node. Many readers exist beside the one [`LogStore`].
pub struct LogReader<C: Types> {
    shared: Arc<Shared>,
    types: PhantomData<fn() -> C>,
}

impl<C: Types> LogStore<C> {
    /// A log that begins as `loaded`, which must be what `submit` holds durably.
    pub fn from_parts(loaded: Image, submit: Box<dyn Submit>) -> Self {
        let shared = Shared { mirror: Mutex::new(loaded), poison: OnceLock::new() };
        LogStore { shared: Arc::new(shared), submit, types: PhantomData }
    }

    /// The log that `backend` holds, written by a thread of its own. Blocks while the backend loads.
    ///
    /// # Errors
    /// If the backend holds something that does not check out, or no thread can be started.
    pub fn over(mut backend: impl LogBackend) -> Result<Self, LoadError> {
        let loaded = backend.load()?;
        let threadless = |source| LoadError::Read { what: "the log: no thread to write it".to_owned(), source };
        let writer = Writer::start(Box::new(backend)).map_err(threadless)?;
        Ok(LogStore::from_parts(loaded, Box::new(writer)))
    }

    /// An empty log that lives in memory and is lost when dropped.
    pub fn memory() -> Self {
        LogStore::from_parts(Image::default(), Box::new(Forget))
    }

    /// A copy of the whole log, for dumps and for comparisons in tests.
    ///
    /// # Errors
    /// If a write failed before.
    pub fn image(&self) -> io::Result<Image> {
        Ok(self.shared.mirror()?.clone())
    }

    /// The last entry that the log holds, or the last one that it purged.
    ///
    /// # Errors
    /// If a write failed before.
    pub fn last(&self) -> io::Result<Option<LogId>> {
        Ok(self.shared.mirror()?.last())
    }

    /// The vote that is stored.
    ///
    /// # Errors
    /// If a write failed before.
    pub fn vote(&self) -> io::Result<Option<Vote>> {
        Ok(self.shared.mirror()?.vote())
    }

    /// A reader of this log.
    pub fn reader(&self) -> LogReader<C> {
        LogReader { shared: Arc::clone(&self.shared), types: PhantomData }
    }

    /// Moves the mirror, then hands the op on. The mirror comes first: a reader must see an entry as soon as it may be
    /// acknowledged, and the disk may acknowledge at once.
    async fn write(&mut self, op: Op, done: Done) -> io::Result<()> {
        let moved = self.shared.mirror()?.apply(&op).map_err(io::Error::other);
        self.shared.note(&moved);
        moved?;
        self.submit.submit(op, done).await;
        Ok(())
    }

    /// A `Done` for ops whose failure nobody waits for: it surfaces with the next call.
    fn unwatched(&self) -> Done {
        let shared = Arc::clone(&self.shared);
        Done::applied(move |outcome| shared.note(&outcome))
    }
}

impl<C: Types> RaftLogStorage<C> for LogStore<C> {
    type LogReader = LogReader<C>;

    async fn get_log_state(&mut self) -> Result<LogState<C>, io::Error> {
        let mirror = self.shared.mirror()?;
        Ok(LogState { last_purged_log_id: mirror.purged(), last_log_id: mirror.last() })
    }

    async fn get_log_reader(&mut self) -> Self::LogReader {
        self.reader()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), io::Error> {
        let (tell, told) = oneshot::channel();
        let shared = Arc::clone(&self.shared);
        let done = Done::synced(move |outcome| {
            shared.note(&outcome);
            let _ = tell.send(outcome);
        });
        self.write(Op::Vote(*vote), done).await?;
        told.await.expect("a Done always reports")
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), io::Error> {
        let done = self.unwatched();
        self.write(Op::Committed(committed), done).await
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, io::Error> {
        Ok(self.shared.mirror()?.committed())
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<C>) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let entries: Vec<_> = entries.into_iter().map(Arc::new).collect();
        let shared = Arc::clone(&self.shared);
        let done = Done::synced(move |outcome| {
            shared.note(&outcome);
            callback.io_completed(outcome);
        });
        self.write(Op::Append(entries), done).await
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> Result<(), io::Error> {
        let done = self.unwatched();
        self.write(Op::TruncateAfter(last), done).await
    }

    async fn purge(&mut self, upto: LogId) -> Result<(), io::Error> {
        let done = self.unwatched();
        self.write(Op::Purge(upto), done).await
    }
}

// Not derived: what the log is for need not be cloneable.
impl<C: Types> Clone for LogReader<C> {
    fn clone(&self) -> Self {
        LogReader { shared: Arc::clone(&self.shared), types: PhantomData }
    }
}

impl<C: Types> LogReader<C> {
    /// The index of the entry before the last ones that together hold at most `most` bytes of commands; `None` if all
    /// entries do.
    ///
    /// # Errors
    /// If a write failed before.
    pub fn before_last(&self, most: u64) -> io::Result<Option<u64>> {
        let mirror = self.shared.mirror()?;
        let mut left = most;
        for entry in mirror.newest_first() {
            match left.checked_sub(command_bytes(entry) as u64) {
                Some(rest) => left = rest,
                None => return Ok(Some(entry.log_id.index)),
            }
        }
        Ok(None)
    }
}

impl<C: Types> RaftLogReader<C> for LogReader<C> {
    async fn try_get_log_entries<RB>(&mut self, range: RB) -> Result<Vec<Entry>, io::Error>
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let mirror = self.shared.mirror()?;
        Ok(mirror.range(range).map(|entry| Entry::clone(entry)).collect())
    }

    async fn read_vote(&mut self) -> Result<Option<<C as RaftTypeConfig>::Vote>, io::Error> {
        Ok(self.shared.mirror()?.vote())
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> Result<Vec<Entry>, io::Error> {
        let mirror = self.shared.mirror()?;
        let mut found = Vec::new();
        let mut bytes = 0;
        for entry in mirror.range(start..end).take(MAX_ENTRIES_PER_READ) {
            bytes += command_bytes(entry);
            if bytes > MAX_BYTES_PER_READ && !found.is_empty() {
                break;
            }
            found.push(Entry::clone(entry));
        }
        Ok(found)
    }
}

fn command_bytes(entry: &Entry) -> usize {
    match &entry.payload {
        crate::types::Payload::Normal(command) => command.0.len(),
        crate::types::Payload::Blank | crate::types::Payload::Membership(_) => 0,
    }
}
