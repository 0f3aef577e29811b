//! A backup: an image of the ledger in one file.
//!
//! `magic "TNBK" | version u16 | SHA-256 of all that follows | length of the head u32 | head, JSON | ledger`. The ledger is
//! encoded as in a snapshot, without events and without answers to requests. Promises: a file that was cut, changed or written
//! by a newer build is refused with its reason, whatever its bytes; a backup is written whole or not at all, for its owner
//! alone. It holds the keys of the authorities as the ledger does: each sealed for a node.

use crate::local::private;
use serde::{Deserialize, Serialize};
use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};
use tenure_core::{Ledger, Time, codec, trust::Hash};

const MAGIC: [u8; 4] = *b"TNBK";
const VERSION: u16 = 1;
const FRONT: usize = 4 + 2 + 32;
/// The longest backup that is read, in bytes.
pub const LONGEST: usize = 64 << 20;
/// The longest head, in bytes.
const LONGEST_HEAD: usize = 64 << 10;

/// What a backup says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The id of the cluster, as certificates bear it.
    pub cluster: String,
    /// The name of the cluster, as it is declared; empty if nothing was.
    pub name: String,
    /// The node that wrote it.
    pub node: String,
    /// Log index of the ledger.
    pub index: u64,
    /// The term of consensus at that time.
    pub term: u64,
    /// Wall clock at that entry.
    pub wall: Time,
    /// The build that wrote it.
    pub version: String,
}

/// A backup that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Backup {
    /// What it says of itself.
    pub head: Head,
    /// The ledger.
    pub ledger: Ledger,
    /// SHA-256 of the whole file.
    pub hash: Hash,
}

/// A file cannot be used as a backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// It cannot be read or written.
    #[error("{action} {file}")]
    File {
        /// What was to be done.
        action: &'static str,
        /// The file.
        file: String,
        /// The error.
        #[source]
        source: io::Error,
    },
    /// Its bytes are not a backup that this program reads.
    #[error("it is no usable backup: {0}")]
    Unfit(String),
}

impl BackupError {
    /// The remedy.
    pub fn advice(&self) -> &'static str {
        match self {
            BackupError::File { .. } => "look at the file and its directory",
            BackupError::Unfit(_) => "use another backup; `tenure backup show FILE` checks one",
        }
    }
}

/// The bytes of a backup of this ledger.
pub fn seal(head: &Head, ledger: &Ledger) -> Vec<u8> {
    // It holds text and numbers alone.
    let head = serde_json::to_vec(head).unwrap_or_default();
    let mut covered = u32::try_from(head.len()).unwrap_or_default().to_le_bytes().to_vec();
    covered.extend(head);
    covered.extend(codec::encode(&ledger.scratch(), ledger.level));
    let mut bytes = MAGIC.to_vec();
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend(Hash::of(&covered).0);
    bytes.extend(covered);
    bytes
}

/// The backup in these bytes.
pub fn open(bytes: &[u8]) -> Result<Backup, BackupError> {
    let unfit = |why: String| BackupError::Unfit(why);
    let cut = || BackupError::Unfit(format!("it is cut off at {} bytes", bytes.len()));
    if bytes.len() > LONGEST {
        return Err(unfit(format!("it has more than {LONGEST} bytes")));
    }
    let (magic, rest) = bytes.split_first_chunk::<4>().ok_or_else(cut)?;
    if *magic != MAGIC {
        return Err(unfit("it does not begin as one".to_owned()));
    }
    let (version, rest) = rest.split_first_chunk::<2>().ok_or_else(cut)?;
    let version = u16::from_le_bytes(*version);
    if version != VERSION {
        return Err(unfit(format!("it has format version {version}, this program reads {VERSION}")));
    }
    let (sum, covered) = rest.split_first_chunk::<{ FRONT - 6 }>().ok_or_else(cut)?;
    if Hash::of(covered).0 != *sum {
        return Err(unfit("its checksum does not fit: it is damaged, or cut off".to_owned()));
    }
    let (length, rest) = covered.split_first_chunk::<4>().ok_or_else(cut)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| cut())?;
    if length > LONGEST_HEAD {
        return Err(unfit(format!("its head has {length} bytes")));
    }
    let (head, state) = rest.split_at_checked(length).ok_or_else(cut)?;
    let head: Head = serde_json::from_slice(head).map_err(|why| unfit(format!("its head: {why}")))?;
    let ledger: Ledger = codec::decode(state).map_err(|why| unfit(why.to_string()))?;
    Ok(Backup { head, ledger, hash: Hash::of(bytes) })
}

/// Reads a file, and no more of it than a backup may have.
pub fn read(file: &Path) -> Result<Vec<u8>, BackupError> {
    let failed = |source| BackupError::File { action: "read", file: file.display().to_string(), source };
    let mut bytes = Vec::new();
    let most = u64::try_from(LONGEST).unwrap_or(u64::MAX).saturating_add(1);
    File::open(file).map_err(failed)?.take(most).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// Writes a file anew, whole or not at all, readable by its owner alone.
pub fn write(file: &Path, bytes: &[u8]) -> Result<(), BackupError> {
    let failed = |source| BackupError::File { action: "write", file: file.display().to_string(), source };
    private::write_bytes(file, bytes).map_err(failed)
}

/// For the fuzzer: any bytes as a backup, as they are and under a checksum that fits. What is read is written and read again as
/// the same.
#[doc(hidden)]
pub fn fuzz(bytes: &[u8]) -> Result<(), String> {
    let framed = [&MAGIC[..], &VERSION.to_le_bytes(), &Hash::of(bytes).0, bytes].concat();
    for bytes in [bytes, &framed] {
        let Ok(backup) = open(bytes) else { continue };
        match open(&seal(&backup.head, &backup.ledger)) {
            Ok(again) if again.head == backup.head && again.ledger == backup.ledger.scratch() => {}
            again => return Err(format!("{backup:?} is read as {again:?}")),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backup() -> Vec<u8> {
        let head = Head { cluster: "site-1".to_owned(), index: 7, ..Head::default() };
        seal(&head, &Ledger { index: 7, ..Ledger::default() })
    }

    #[test]
    fn what_was_saved_is_read() {
        let read = open(&backup()).unwrap();
        assert_eq!((read.head.index, read.head.cluster.as_str(), read.ledger.index), (7, "site-1", 7));
    }

    #[test]
    fn any_flipped_bit_and_any_cut_is_noticed() {
        let whole = backup();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            assert!(open(&bytes).is_err(), "byte {at}");
            assert!(open(&whole[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn a_file_is_for_its_owner_alone_and_replaces_a_link() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let (file, other) = (directory.path().join("b"), directory.path().join("other"));
        std::fs::write(&other, "kept").unwrap();
        std::os::unix::fs::symlink(&other, &file).unwrap();
        write(&file, &backup()).unwrap();
        assert_eq!(std::fs::symlink_metadata(&file).unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(std::fs::read_to_string(&other).unwrap(), "kept");
        assert_eq!(read(&file).unwrap(), backup());
    }
}
