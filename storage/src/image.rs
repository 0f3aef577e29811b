//! The stored log as a value: entries, vote, committed hint, purge mark.
//!
//! The log store keeps one as its mirror of the unpurged log, a disk loads one at start, and a simulated disk keeps
//! one of its synced content. All three are changed by the same function.

use std::collections::BTreeMap;
use std::ops::RangeBounds;
use std::sync::Arc;

use thiserror::Error;

use crate::op::Op;
use crate::types::{Entry, LogId, Vote};

/// A change that would leave the log with a hole, or change an entry that is already purged.
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
    /// The purge would go further in the log and back in time, which no log does.
    #[error("purge up to log entry {upto}: its term is before that of entry {purged}, which is purged already")]
    TermFell {
        /// The index up to which was to be purged.
        upto: u64,
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
            Op::Purge(upto) => self.purge(upto),
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

    /// The last committed hint. It may be older than the last committed entry, never newer.
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

    /// All entries that are held, the last one first.
    pub fn newest_first(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.entries.values().rev()
    }

    fn append(&mut self, entries: &[Arc<Entry>]) -> Result<(), ImageError> {
        let mut last = self.last().map(|last| last.index);
        for entry in entries {
            let index = entry.log_id.index;
            // A log that never held anything may begin anywhere: the consensus library begins it at 0, its test suite for
            // stores does not.
            let follows = last.is_none_or(|last| last.checked_add(1) == Some(index));
            if !follows {
                return Err(ImageError::Gap { index, expected: last.unwrap_or_default().saturating_add(1) });
            }
            last = Some(index);
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
        if let Some(first_dropped) = after.map_or(Some(0), |after| after.checked_add(1)) {
            self.entries.split_off(&first_dropped);
        }
        Ok(())
    }

    fn purge(&mut self, upto: &LogId) -> Result<(), ImageError> {
        match self.purged {
            // Whatever its term: the mark never goes back.
            Some(purged) if purged.index > upto.index => return Ok(()),
            Some(purged) if purged.leader_id > upto.leader_id => {
                return Err(ImageError::TermFell { upto: upto.index, purged: purged.index });
            }
            Some(_) | None => {}
        }
        self.entries = match upto.index.checked_add(1) {
            Some(first_kept) => self.entries.split_off(&first_kept),
            None => BTreeMap::new(),
        };
        self.purged = Some(*upto);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{LeaderId, Payload};

    fn id(term: u64, index: u64) -> LogId {
        LogId::new(LeaderId { term, node_id: 1 }, index)
    }

    fn log(ids: impl IntoIterator<Item = LogId>) -> Image {
        let mut image = Image::default();
        let entries = ids.into_iter().map(|log_id| Arc::new(Entry { log_id, payload: Payload::Blank })).collect();
        image.apply(&Op::Append(entries)).unwrap();
        image
    }

    #[test]
    fn the_last_index_of_all_is_an_index_like_any_other() {
        let mut image = log((1..4).map(|index| id(1, index)));
        image.apply(&Op::TruncateAfter(Some(id(1, u64::MAX)))).unwrap();
        assert_eq!(image.len(), 3);
        image.apply(&Op::Purge(id(1, u64::MAX))).unwrap();
        assert_eq!((image.len(), image.last()), (0, Some(id(1, u64::MAX))));
        let more = Arc::new(Entry { log_id: id(2, 4), payload: Payload::Blank });
        assert!(image.apply(&Op::Append(vec![more])).is_err());
        let again = Arc::new(Entry { log_id: id(2, u64::MAX), payload: Payload::Blank });
        assert!(image.apply(&Op::Append(vec![again])).is_err(), "nothing follows the last index of all");
        assert_eq!(log([id(1, u64::MAX)]).last(), Some(id(1, u64::MAX)));
    }

    #[test]
    fn a_purge_goes_forward_in_index_and_term() {
        let mut image = log((1..20).map(|index| id(2, index)));
        image.apply(&Op::Purge(id(2, 13))).unwrap();
        let before = image.clone();
        assert_eq!(image.apply(&Op::Purge(id(1, 18))), Err(ImageError::TermFell { upto: 18, purged: 13 }));
        assert_eq!(image, before, "refused means unchanged");
        image.apply(&Op::Purge(id(1, 5))).unwrap();
        assert_eq!(image, before, "what is purged already is purged");
        image.apply(&Op::Purge(id(3, 5))).unwrap();
        assert_eq!(image, before, "of whatever term");
    }
}
