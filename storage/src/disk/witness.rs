//! A lower bound of what this node has acknowledged, kept apart from the database and its mark.
//!
//! Database and mark stand and fall together: where both are gone the directory looks new, and where both were put back from
//! a copy it looks sound. Either would make a node forget a vote or entries that others counted. So the node keeps a lower
//! bound of its syncs beside its certificate, which it must have anyhow. It is there before the first start, with nothing
//! acknowledged, because founding or joining put it there; only then may the directory be blank.
//!
//! Noting every sync would cost a third write each. Votes are noted one by one, since they are rare and a forgotten vote
//! makes two leaders; all else in strides, and exactly when the database is closed. A database that is older by less than a
//! stride since the last of these is not told from a sound one.

use std::io;
use std::path::Path;

use super::mark::{Mark, STRIDE};
use crate::format::Fault;

/// The open file.
#[derive(Debug)]
pub struct Witness {
    mark: Mark,
    /// At least so many syncs were acknowledged.
    bound: u64,
    turn: u64,
}

impl Witness {
    /// Says that this node has acknowledged nothing yet: its directory may be blank.
    pub fn begin(path: &Path) -> io::Result<()> {
        Mark::create(path).map(drop)
    }

    /// Opens the file, if it is there. `Err` if it cannot be read.
    pub fn open(path: &Path) -> io::Result<Option<Result<Self, Fault>>> {
        let Some(mark) = Mark::open(path)? else { return Ok(None) };
        Ok(Some(mark.read()?.map(|bound| Witness { mark, bound, turn: 0 })))
    }

    /// At least so many syncs were acknowledged.
    pub fn bound(&self) -> u64 {
        self.bound
    }

    /// This sync is about to be acknowledged: notes it if that is due, or asked for.
    pub fn covers(&mut self, syncs: u64, exactly: bool) -> io::Result<()> {
        let due = if exactly { self.bound < syncs } else { self.bound + STRIDE <= syncs };
        if !due {
            return Ok(());
        }
        // Never overwrite the higher of the two numbers: a crash may tear the write in progress.
        self.turn = if self.mark.read_in(self.turn)? == Ok(self.bound) { self.turn + 1 } else { self.turn };
        self.mark.record_in(self.turn, syncs)?;
        self.bound = syncs;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(path: &Path) -> Witness {
        Witness::open(path).unwrap().expect("it is there").expect("it is sound")
    }

    #[test]
    fn it_is_written_in_strides_and_for_whoever_wants_it_exactly() {
        let dir = tempfile::TempDir::new().unwrap();
        let path = dir.path().join("acknowledged");
        assert!(Witness::open(&path).unwrap().is_none());
        Witness::begin(&path).unwrap();
        let mut witness = open(&path);
        assert_eq!(witness.bound(), 0);
        for (syncs, exactly, bound) in
            [(1, true, 1), (2, false, 1), (STRIDE, false, 1), (STRIDE + 1, false, STRIDE + 1)]
        {
            witness.covers(syncs, exactly).unwrap();
            assert_eq!(open(&path).bound(), bound, "after sync {syncs}");
        }
        witness.covers(STRIDE + 2, true).unwrap();
        assert_eq!(open(&path).bound(), STRIDE + 2);
    }

    #[test]
    fn a_torn_write_leaves_the_bound_before_it() {
        let dir = tempfile::TempDir::new().unwrap();
        let path = dir.path().join("acknowledged");
        Witness::begin(&path).unwrap();
        for syncs in [5, 8, 20, 21] {
            let before = open(&path).bound();
            let held = std::fs::read(&path).unwrap();
            open(&path).covers(syncs, true).unwrap();
            let mut torn = std::fs::read(&path).unwrap();
            let changed: Vec<usize> = (0..torn.len()).filter(|at| torn[*at] != held[*at]).collect();
            torn[changed[0]] ^= 0xff;
            std::fs::write(dir.path().join("torn"), torn).unwrap();
            assert_eq!(open(&dir.path().join("torn")).bound(), before, "before sync {syncs}");
        }
    }
}
