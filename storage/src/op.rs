//! The requests of the log store to a disk: a change, and the callback for when it is durable.

use std::fmt;
use std::io;
use std::sync::Arc;

use crate::types::{Entry, LogId, Vote};

/// One change of the stored log or vote. Changes are applied strictly in the order in which they are submitted.
#[derive(Clone, Debug)]
pub enum Op {
    /// Adds entries at the end. The first has the index after the last stored one.
    Append(Vec<Arc<Entry>>),
    /// Drops every entry after this one; with `None`, every entry.
    TruncateAfter(Option<LogId>),
    /// Drops every entry up to and including this one, which need not be stored any more (a snapshot covers it).
    Purge(LogId),
    /// Replaces the vote.
    Vote(Vote),
    /// Replaces the hint of the last entry known to be committed.
    Committed(Option<LogId>),
}

type Callback = Box<dyn FnOnce(io::Result<()>) + Send>;

/// The callback for when an [`Op`] is durable, or has failed.
///
/// It is called exactly once: a `Done` that is dropped reports an error, so that nobody waits for a disk that went away.
pub struct Done {
    callback: Option<Callback>,
    wants_sync: bool,
}

impl Done {
    /// Calls `callback` once the op has reached the disk; until then nothing may be acknowledged.
    pub fn synced(callback: impl FnOnce(io::Result<()>) + Send + 'static) -> Self {
        Done { callback: Some(Box::new(callback)), wants_sync: true }
    }

    /// Calls `callback` once the op is applied. The op itself needs no sync: a later one that does will carry it along.
    pub fn applied(callback: impl FnOnce(io::Result<()>) + Send + 'static) -> Self {
        Done { callback: Some(Box::new(callback)), wants_sync: false }
    }

    /// Whether this op must be durable, and not merely applied, before [`complete`](Self::complete) says `Ok`.
    pub fn wants_sync(&self) -> bool {
        self.wants_sync
    }

    /// Reports the outcome.
    pub fn complete(mut self, outcome: io::Result<()>) {
        if let Some(callback) = self.callback.take() {
            callback(outcome);
        }
    }
}

impl Drop for Done {
    fn drop(&mut self) {
        if let Some(callback) = self.callback.take() {
            callback(Err(io::Error::new(io::ErrorKind::BrokenPipe, "the disk was closed before the write reached it")));
        }
    }
}

impl fmt::Debug for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Done").field("wants_sync", &self.wants_sync).finish_non_exhaustive()
    }
}
