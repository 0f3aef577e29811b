//! The interface of an engine that holds the log.

use std::io;

use thiserror::Error;

use crate::format::Fault;
use crate::image::Image;
use crate::op::Op;

/// A place that holds the log and the vote, driven by one thread.
pub trait LogBackend: Send + 'static {
    /// Everything that is stored, checked.
    fn load(&mut self) -> Result<Image, LoadError>;

    /// Carries out one op, after all earlier ones. It need not be durable yet, but no crash may leave a later op without an
    /// earlier one.
    fn apply(&mut self, op: &Op) -> io::Result<()>;

    /// Removes up to so many records of what earlier ops have made superfluous, where that was put off so that nobody waits
    /// for it. Whether there is more. A crash may come at any time: what is left then is removed by `load`.
    fn tidy(&mut self, records: usize) -> io::Result<bool> {
        let _ = records;
        Ok(false)
    }

    /// Makes every op so far durable. Never called again once it failed: what the disk dropped it will not write later, and
    /// a second sync would claim that it did.
    fn sync(&mut self) -> io::Result<()>;
}

/// The reason why stored state was not loaded.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The engine could not read.
    #[error("cannot read {what}")]
    Read {
        /// The record to be read.
        what: String,
        /// The engine's error.
        #[source]
        source: io::Error,
    },
    /// A record does not check out.
    #[error("{record}: {fault}")]
    Record {
        /// The record, as `log entry 17`.
        record: String,
        /// The fault in it.
        fault: Fault,
    },
    /// An entry is missing between others.
    #[error("log entry {missing}: missing, though log entry {found} is stored")]
    Hole {
        /// The first missing index.
        missing: u64,
        /// The index after the hole.
        found: u64,
    },
    /// The database ends before the last acknowledged sync.
    #[error(
        "database: ends at sync {held}, though sync {acknowledged} was acknowledged; its last part is damaged or gone"
    )]
    LostSyncs {
        /// The last sync that the database holds.
        held: u64,
        /// The last sync that was acknowledged.
        acknowledged: u64,
    },
    /// The log ends before an entry that is known to be committed.
    #[error("log entry {committed}: missing, though it was committed; the log ends {}", end(.last))]
    LostTail {
        /// The index that the committed hint names.
        committed: u64,
        /// The last index that is stored.
        last: Option<u64>,
    },
}

fn end(last: &Option<u64>) -> String {
    match last {
        Some(last) => format!("at {last}"),
        None => "before its first entry".to_owned(),
    }
}
