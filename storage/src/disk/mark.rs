//! The number of acknowledged syncs, kept outside the database.
//!
//! sled takes damage anywhere in the last part of its file for a write that a crash tore, drops everything from there on, and
//! opens as if nothing had happened: a flipped bit would silently take back acknowledged entries, or a vote. So every sync
//! is numbered in the database and then, before it is acknowledged, in this file; a database that ends before the number in
//! this file is refused.
//!
//! A killed process leaves the last number here. So does a loss of power after a vote or a stop; after others it may leave one
//! that is up to a stride old, and then damage behind that is not told from a torn write. To make each number durable would be a
//! second sync for every commit.
//!
//! The file has two slots, each a block of its own. One alone is written until it is durable, and then the other: a crash tears
//! at most one.

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

/// Numbers between two that are made durable.
pub const STRIDE: u64 = 64;

/// The open file.
#[derive(Debug)]
pub struct Mark {
    file: File,
    /// The slot for the next number.
    turn: u64,
    /// Numbers in it that may not be durable.
    unsynced: u64,
}

impl Mark {
    /// Makes the file, with no sync acknowledged. It gets its name when it is whole.
    pub fn create(path: &Path) -> io::Result<Self> {
        let unnamed = path.with_extension("new");
        let file = private().create(true).truncate(true).read(true).write(true).open(&unnamed)?;
        // The length never changes later, so that a sync of this file is one write.
        file.set_len(SLOTS * SLOT_BYTES)?;
        let mut mark = Mark { file, turn: 0, unsynced: 0 };
        mark.note(0, true)?;
        mark.file.sync_all()?;
        fs::rename(unnamed, path)?;
        Ok(mark)
    }

    /// Opens the file, if it is there.
    pub fn open(path: &Path) -> io::Result<Option<Self>> {
        match private().read(true).write(true).open(path) {
            Ok(file) => {
                let mut mark = Mark { file, turn: 0, unsynced: 0 };
                // Never over the only number, or the higher one.
                let first = mark.read_in(0)?.ok();
                mark.turn = u64::from(first.is_some() && first >= mark.read_in(1)?.ok());
                Ok(Some(mark))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Notes that this sync is done; durably if that is asked for, or due.
    pub fn note(&mut self, syncs: u64, durably: bool) -> io::Result<()> {
        self.write_in(self.turn, syncs)?;
        self.unsynced += 1;
        if durably || self.unsynced >= STRIDE { self.settle() } else { Ok(()) }
    }

    /// Makes the last number durable.
    pub fn settle(&mut self) -> io::Result<()> {
        if self.unsynced > 0 {
            self.file.sync_data()?;
            self.turn = (self.turn + 1) % SLOTS;
            self.unsynced = 0;
        }
        Ok(())
    }

    /// Notes a number durably, for a caller that chooses the slots by itself.
    pub fn record_in(&self, slot: u64, syncs: u64) -> io::Result<()> {
        self.write_in(slot, syncs)?;
        self.file.sync_data()
    }

    fn write_in(&self, slot: u64, syncs: u64) -> io::Result<()> {
        let record = format::seal(&v1::Mark { syncs });
        let mut bytes = vec![u8::try_from(record.len()).expect("a mark is a few bytes")];
        bytes.extend(record);
        self.file.write_all_at(&bytes, slot % SLOTS * SLOT_BYTES)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn open(path: &Path) -> Mark {
        Mark::open(path).unwrap().expect("it is there")
    }

    fn slots(path: &Path) -> Vec<Vec<u8>> {
        fs::read(path).unwrap().chunks(SLOT_BYTES as usize).map(<[u8]>::to_vec).collect()
    }

    /// Whatever a loss of power makes of what was not synced, the last number that was is there.
    #[test]
    fn until_a_number_is_durable_one_slot_alone_is_written_and_never_that_of_the_last_durable_one() {
        let dir = tempfile::TempDir::new().unwrap();
        let path = dir.path().join("mark");
        let mut mark = Mark::create(&path).unwrap();
        let (mut durable, mut number) = (0, 0);
        for stop in [1, 2, 5, 70, 71] {
            let before = slots(&path);
            while number < stop {
                number += 1;
                mark.note(number, number == stop).unwrap();
                assert_eq!(open(&path).read().unwrap(), Ok(number), "a process that is killed leaves the last one");
                let now = slots(&path);
                let written: Vec<usize> = (0..now.len()).filter(|slot| now[*slot] != before[*slot]).collect();
                if number - durable < STRIDE {
                    let [torn] = written[..] else { panic!("{written:?} were written for {number}") };
                    let mut held = now.clone();
                    held[torn].fill(0xff);
                    fs::write(dir.path().join("torn"), held.concat()).unwrap();
                    assert_eq!(
                        open(&dir.path().join("torn")).read().unwrap(),
                        Ok(durable),
                        "while {number} is written"
                    );
                }
            }
            durable = number;
            if stop == 5 {
                mark = open(&path);
            }
        }
    }

    #[test]
    fn a_number_is_durable_after_a_stride() {
        let dir = tempfile::TempDir::new().unwrap();
        let mut mark = Mark::create(&dir.path().join("mark")).unwrap();
        for number in 1..STRIDE {
            mark.note(number, false).unwrap();
            assert_eq!(mark.unsynced, number);
        }
        mark.note(STRIDE, false).unwrap();
        assert_eq!(mark.unsynced, 0);
    }
}
