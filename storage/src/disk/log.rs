//! The log and the vote in the database.
//!
//! Key of an entry: its index, then 0. An entry that is too large for one value has its head there and its pieces under
//! 1, 2, …. Every op is written so that a crash in its middle leaves either the state before it, or one that `load` can
//! tell from corruption: appends and truncations are atomic batches; a purge moves its mark, and entries at or below the
//! mark are only leftovers, removed a few at a time when nobody waits, or by the next `load`.

use std::io;
use std::ops::RangeBounds;
use std::sync::Arc;

use super::engine::{Engine, unreadable};
use super::pieces::{self, Joiner, PIECE_BYTES};
use crate::backend::{LoadError, LogBackend};
use crate::format::{self, Fault, Kind, MAX_BODY_BYTES, v1};
use crate::image::Image;
use crate::op::Op;
use crate::types::{Entry, LogId};

const VOTE: &str = "vote";
const COMMITTED: &str = "committed";
const PURGED: &str = "purged";

/// The most keys that are dropped in one batch: a batch is held in memory, and much may be left of a purge.
const DROP_BATCH: usize = 1024;

const KEY_BYTES: usize = 12;

/// The log of one open database.
pub struct DiskLog {
    engine: Arc<Engine>,
    /// Whether entries below the mark of a purge may still be stored, up to and including this index.
    leftover: Option<u64>,
}

impl DiskLog {
    /// The log of `engine`. Only one may exist.
    pub fn new(engine: Arc<Engine>) -> Self {
        DiskLog { engine, leftover: None }
    }

    fn append(&self, entries: &[Arc<Entry>]) -> io::Result<()> {
        let mut batch = sled::Batch::default();
        for entry in entries {
            let index = entry.log_id.index;
            let record = format::seal(&v1::Entry::from(entry.as_ref()));
            if record.len() <= PIECE_BYTES {
                batch.insert(&key(index, 0), record);
                continue;
            }
            if record.len() > MAX_BODY_BYTES {
                let message = format!("log entry {index}: {} B are more than {MAX_BODY_BYTES} B", record.len());
                return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
            }
            batch.insert(&key(index, 0), format::seal(&v1::Long { record: pieces::extent(&record) }));
            for (number, piece) in pieces::cut(&record) {
                batch.insert(&key(index, number + 1), piece);
            }
        }
        Ok(self.engine.log.apply_batch(batch)?)
    }

    /// In one batch, because a crash between two would leave a hole.
    fn truncate_after(&self, after: Option<&LogId>) -> io::Result<()> {
        let first = after.map_or(0, |after| after.index.saturating_add(1));
        let mut batch = sled::Batch::default();
        for stored in self.engine.log.range(key(first, 0)..).keys() {
            batch.remove(stored?);
        }
        Ok(self.engine.log.apply_batch(batch)?)
    }

    fn purge(&mut self, upto: &LogId) -> io::Result<()> {
        let stored: Option<v1::Purged> = self.engine.read_meta(PURGED).map_err(io::Error::other)?;
        if stored.is_none_or(|stored| stored.id.index <= upto.index) {
            self.write_meta(PURGED, format::seal(&v1::Purged { id: (*upto).into() }))?;
        }
        self.leftover = self.leftover.max(Some(upto.index));
        Ok(())
    }

    /// Drops up to so many keys below the mark of the last purge. Whether there may be more.
    fn drop_leftover(&mut self, most: usize) -> sled::Result<bool> {
        let Some(upto) = self.leftover else { return Ok(false) };
        let dropped = self.drop_keys(..key(upto.saturating_add(1), 0), most.min(DROP_BATCH))?;
        if dropped == 0 {
            self.leftover = None;
        }
        Ok(dropped > 0)
    }

    /// Drops the first keys of a range, up to so many. Their number.
    fn drop_keys(&self, range: impl RangeBounds<[u8; KEY_BYTES]>, most: usize) -> sled::Result<usize> {
        let mut batch = sled::Batch::default();
        let mut dropped = 0;
        for stored in self.engine.log.range(range).keys().take(most) {
            batch.remove(stored?);
            dropped += 1;
        }
        if dropped > 0 {
            self.engine.log.apply_batch(batch)?;
        }
        Ok(dropped)
    }

    fn write_meta(&self, name: &str, record: Vec<u8>) -> io::Result<()> {
        self.engine.meta.insert(name, record)?;
        Ok(())
    }

    fn load_entries(&mut self, purged: Option<&LogId>, image: &mut Image) -> Result<(), LoadError> {
        let first = purged.map_or(0, |purged| purged.index.saturating_add(1));
        self.leftover = purged.map(|purged| purged.index);
        while self.drop_leftover(DROP_BATCH).map_err(|error| unreadable("the log".to_owned(), error))? {}
        let mut stored = self.engine.log.iter();
        let mut missing = first;
        while let Some(item) = stored.next() {
            let (stored_key, record) = item.map_err(|error| unreadable("the log".to_owned(), error))?;
            let (index, piece) = parse_key(&stored_key)?;
            if index != missing {
                return Err(LoadError::Hole { missing, found: index });
            }
            let entry = self.load_entry(index, piece, &record, &mut stored).map_err(|error| error.at(index))?;
            image
                .apply(&Op::Append(vec![Arc::new(entry)]))
                .map_err(|error| EntryError::Fault(Fault::Place(error.to_string())).at(index))?;
            missing = index.saturating_add(1);
        }
        Ok(())
    }

    fn load_entry(&self, index: u64, piece: u32, record: &[u8], stored: &mut sled::Iter) -> Result<Entry, EntryError> {
        if piece != 0 {
            return Err(Fault::Place(format!("piece {} without its head", piece - 1)).into());
        }
        let entry: v1::Entry = if format::kind_byte(record) == Some(Kind::Long as u8) {
            let head: v1::Long = format::open(record)?;
            format::open(&join(index, &head, stored)?)?
        } else {
            format::open(record)?
        };
        if entry.id.index != index {
            return Err(Fault::Place(format!("holds log entry {}", entry.id.index)).into());
        }
        Ok(Entry::try_from(entry)?)
    }
}

impl LogBackend for DiskLog {
    fn load(&mut self) -> Result<Image, LoadError> {
        let mut image = Image::default();
        let mut take = |op| image.apply(&op).expect("an empty log takes every mark and vote");
        if let Some(vote) = self.engine.read_meta::<v1::Vote>(VOTE)? {
            take(Op::Vote(vote.into()));
        }
        if let Some(committed) = self.engine.read_meta::<v1::Committed>(COMMITTED)? {
            take(Op::Committed(committed.id.map(LogId::from)));
        }
        let purged = self.engine.read_meta::<v1::Purged>(PURGED)?.map(|purged| LogId::from(purged.id));
        if let Some(purged) = purged {
            take(Op::Purge(purged));
        }
        self.load_entries(purged.as_ref(), &mut image)?;
        // The hint follows the entries that it names, so no crash can have taken the entries and left the hint.
        let last = image.last().map(|last| last.index);
        match image.committed().map(|committed| committed.index) {
            Some(committed) if last < Some(committed) => Err(LoadError::LostTail { committed, last }),
            _ => Ok(image),
        }
    }

    fn apply(&mut self, op: &Op) -> io::Result<()> {
        match op {
            Op::Append(entries) => self.append(entries),
            Op::TruncateAfter(after) => self.truncate_after(after.as_ref()),
            Op::Purge(upto) => self.purge(upto),
            Op::Vote(vote) => {
                self.write_meta(VOTE, format::seal(&v1::Vote::from(*vote)))?;
                self.engine.voted();
                Ok(())
            }
            Op::Committed(committed) => {
                let record = v1::Committed { id: committed.map(v1::LogId::from) };
                self.write_meta(COMMITTED, format::seal(&record))
            }
        }
    }

    fn tidy(&mut self, records: usize) -> io::Result<bool> {
        Ok(self.drop_leftover(records)?)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.engine.sync()
    }
}

/// The error for one entry; the caller knows its index.
enum EntryError {
    Fault(Fault),
    Read(sled::Error),
}

impl EntryError {
    fn at(self, index: u64) -> LoadError {
        let record = format!("log entry {index}");
        match self {
            EntryError::Fault(fault) => LoadError::Record { record, fault },
            EntryError::Read(error) => unreadable(record, error),
        }
    }
}

impl From<Fault> for EntryError {
    fn from(fault: Fault) -> Self {
        EntryError::Fault(fault)
    }
}

fn join(index: u64, head: &v1::Long, stored: &mut sled::Iter) -> Result<Vec<u8>, EntryError> {
    let mut joiner = Joiner::new(head.record);
    for number in 0..head.record.pieces {
        let Some(item) = stored.next() else { break };
        let (stored_key, piece) = item.map_err(EntryError::Read)?;
        if stored_key != key(index, number + 1) {
            return Err(Fault::Place(format!("piece {number} is missing")).into());
        }
        joiner.take(number, &piece)?;
    }
    Ok(joiner.finish()?)
}

fn key(index: u64, piece: u32) -> [u8; KEY_BYTES] {
    let mut key = [0; KEY_BYTES];
    key[..8].copy_from_slice(&index.to_be_bytes());
    key[8..].copy_from_slice(&piece.to_be_bytes());
    key
}

fn parse_key(stored: &[u8]) -> Result<(u64, u32), LoadError> {
    let fault = || LoadError::Record {
        record: format!("log key {stored:02x?}"),
        fault: Fault::Place("is not the key of a log entry".to_owned()),
    };
    let stored: [u8; KEY_BYTES] = stored.try_into().map_err(|_| fault())?;
    let (index, piece) = stored.split_at(8);
    let index = u64::from_be_bytes(index.try_into().map_err(|_| fault())?);
    let piece = u32::from_be_bytes(piece.try_into().map_err(|_| fault())?);
    Ok((index, piece))
}
