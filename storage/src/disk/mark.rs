//! The number of acknowledged syncs, kept outside the database.
//!
//! sled takes damage anywhere in the last part of its file for a write that a crash tore, drops everything from there on, and
//! opens as if nothing had happened: a flipped bit would silently take back acknowledged entries, or a vote. So every sync
//! is numbered in the database and then, before it is acknowledged, in this file; a database that ends before the number in
//! this file is refused.
//!
//! The file has two slots, each a block of its own, written in turn: a crash tears at most the one that was not acknowledged.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::private::private;
use crate::format::{self, Fault, v1};

const SLOT_BYTES: u64 = 4096;
const SLOTS: u64 = 2;
/// The longest record of a mark: envelope and one number.
const MAX_RECORD_BYTES: usize = 16;

/// The open file.
#[derive(Debug)]
pub struct Mark {
    file: File,
}

impl Mark {
    /// Makes the file, with no sync acknowledged. It gets its name when it is whole.
    pub fn create(path: &Path) -> io::Result<Self> {
        let unnamed = path.with_extension("new");
        let file = private().create(true).truncate(true).read(true).write(true).open(&unnamed)?;
        // The length never changes later, so that a sync of this file is one write.
        file.set_len(SLOTS * SLOT_BYTES)?;
        let mark = Mark { file };
        mark.record(0)?;
        mark.file.sync_all()?;
        fs::rename(unnamed, path)?;
        Ok(mark)
    }

    /// Opens the file, if it is there.
    pub fn open(path: &Path) -> io::Result<Option<Self>> {
        match private().read(true).write(true).open(path) {
            Ok(file) => Ok(Some(Mark { file })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Notes, durably, that this sync is done.
    pub fn record(&self, syncs: u64) -> io::Result<()> {
        self.record_in(syncs % SLOTS, syncs)
    }

    /// The same for a caller that does not note every sync, and alternates the slots by itself.
    pub fn record_in(&self, slot: u64, syncs: u64) -> io::Result<()> {
        let record = format::seal(&v1::Mark { syncs });
        let mut bytes = vec![u8::try_from(record.len()).expect("a mark is a few bytes")];
        bytes.extend(record);
        self.file.write_all_at(&bytes, slot % SLOTS * SLOT_BYTES)?;
        self.file.sync_data()
    }

    /// The last sync that was noted. `Err` if neither slot can be read.
    pub fn read(&self) -> io::Result<Result<u64, Fault>> {
        let slots = [self.read_in(0)?, self.read_in(1)?];
        Ok(match slots {
            [Ok(one), Ok(other)] => Ok(one.max(other)),
            [Ok(sound), Err(_)] | [Err(_), Ok(sound)] => Ok(sound),
            [Err(fault), Err(_)] => Err(fault),
        })
    }

    /// The content of one slot.
    pub fn read_in(&self, slot: u64) -> io::Result<Result<u64, Fault>> {
        let mut bytes = [0; 1 + MAX_RECORD_BYTES];
        if let Err(error) = self.file.read_exact_at(&mut bytes, slot % SLOTS * SLOT_BYTES) {
            return match error.kind() {
                io::ErrorKind::UnexpectedEof => Ok(Err(Fault::Short(0))),
                _ => Err(error),
            };
        }
        let [length, record @ ..] = bytes;
        let record = record.get(..usize::from(length)).ok_or(Fault::Short(MAX_RECORD_BYTES));
        Ok(record.and_then(format::open::<v1::Mark>).map(|mark| mark.syncs))
    }
}
