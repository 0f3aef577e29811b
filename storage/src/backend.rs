//! What an engine must be able to do to hold the log.

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

    /// Makes every op so far durable. Never called again once it failed: what the disk dropped it will not write later, and
    /// a second sync would claim that it did.
    fn sync(&mut self) -> io::Result<()>;
}

/// Why stored state was not taken.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The engine could not read.
    #[error("cannot read {what}")]
    Read {
        /// What was being read.
        what: String,
        /// What the engine said.
        #[source]
        source: io::Error,
    },
    /// A record does not check out.
    #[error("{record}: {fault}")]
    Record {
        /// Which record, as `log entry 17`.
        record: String,
        /// What is wrong with it.
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
    /// The database ends before what was acknowledged.
    #[error(
        "database: ends at sync {held}, though sync {acknowledged} was acknowledged; its last part is damaged or gone"
    )]
    LostSyncs {
        /// The last sync that the database holds.
        held: u64,
        /// The last sync that was acknowledged.
        acknowledged: u64,
    },
    /// The log ends before what is known to be committed.
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
