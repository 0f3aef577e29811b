//! The stored log as a value: entries, vote, committed hint, purge mark.
//!
//! The log store keeps one as its mirror of the unpurged log, a disk loads one at start, and a simulated disk keeps one as
//! what has been synced. All three move by the same function.

use std::collections::BTreeMap;
use std::ops::RangeBounds;
use std::sync::Arc;

use thiserror::Error;

use crate::op::Op;
use crate::types::{Entry, LogId, Vote};

/// A change that would leave the log with a hole, or change what is already purged.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ImageError {
    /// The entry does not follow the last one.
    #[error("append of log entry {index}: the next index is {expected}")]
    Gap {
        /// Index of the refused entry.
        index: u64,
        /// Index that the log expects.
        expected: u64,
    },
    /// The truncation would reach into purged entries.
    #[error("truncation after log entry {after:?}: purged up to {purged}")]
    BelowPurged {
        /// The last index that was to remain.
        after: Option<u64>,
        /// The last purged index.
        purged: u64,
    },
}

/// Everything that a node has stored beside its snapshot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Image {
    entries: BTreeMap<u64, Arc<Entry>>,
    vote: Option<Vote>,
    committed: Option<LogId>,
    purged: Option<LogId>,
}

impl Image {
    /// Carries out one op, or refuses it and changes nothing.
    pub fn apply(&mut self, op: &Op) -> Result<(), ImageError> {
        match op {
            Op::Append(entries) => self.append(entries),
            Op::TruncateAfter(after) => self.truncate_after(after.as_ref()),
            Op::Purge(upto) => {
                self.purge(upto);
                Ok(())
            }
            Op::Vote(vote) => {
                self.vote = Some(*vote);
                Ok(())
            }
            Op::Committed(committed) => {
                self.committed = *committed;
                Ok(())
            }
        }
    }

    /// The last vote.
    pub fn vote(&self) -> Option<Vote> {
        self.vote
    }

    /// The last committed hint. It may be older than what was really committed, never newer.
    pub fn committed(&self) -> Option<LogId> {
        self.committed
    }

    /// The last purged entry.
    pub fn purged(&self) -> Option<LogId> {
        self.purged
    }

    /// The last entry, or the purge mark if no entry follows it.
    pub fn last(&self) -> Option<LogId> {
        self.entries.last_key_value().map(|(_, entry)| entry.log_id).or(self.purged)
    }

    /// Number of entries held.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no entry is held.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries in `range` that are held, in order.
    pub fn range(&self, range: impl RangeBounds<u64>) -> impl Iterator<Item = &Arc<Entry>> {
        self.entries.range(range).map(|(_, entry)| entry)
    }

    /// The index that the next entry must have. `None` for a log that never held anything: the
    /// consensus library begins it at 0, but its test suite for stores begins it anywhere.
    fn next(&self) -> Option<u64> {
        self.last().map(|last| last.index + 1)
    }

    fn append(&mut self, entries: &[Arc<Entry>]) -> Result<(), ImageError> {
        let mut next = self.next();
        for entry in entries {
            let index = entry.log_id.index;
            let expected = next.unwrap_or(index);
            if index != expected {
                return Err(ImageError::Gap { index, expected });
            }
            next = Some(index + 1);
        }
        self.entries.extend(entries.iter().map(|entry| (entry.log_id.index, Arc::clone(entry))));
        Ok(())
    }

    fn truncate_after(&mut self, after: Option<&LogId>) -> Result<(), ImageError> {
        let after = after.map(|id| id.index);
        if let Some(purged) = self.purged.as_ref().map(|id| id.index)
            && after.is_none_or(|after| after < purged)
        {
            return Err(ImageError::BelowPurged { after, purged });
        }
        let first_dropped = after.map_or(0, |after| after + 1);
        self.entries.split_off(&first_dropped);
        Ok(())
    }

    fn purge(&mut self, upto: &LogId) {
        self.entries = self.entries.split_off(&(upto.index + 1));
        if self.purged.as_ref() < Some(upto) {
            self.purged = Some(*upto);
        }
    }
}
