//! The bytes of every stored record.
//!
//! A record is `kind u8 | format u16 LE | body | crc32 LE`, the checksum over everything before it; the body is
//! bincode of one frozen struct of [`v1`]. Promises: a record that does not check out is refused with its reason, and
//! no length claimed by a body is believed. Refuses to know where a record is stored.

pub mod bounded;
pub mod v1;

use bincode::config::{self, Config};
use bincode::{Decode, Encode};
use thiserror::Error;

/// The largest record body. A body that claims more is corrupt.
pub const MAX_BODY_BYTES: usize = 16 << 20;

/// The largest command that a log entry may carry. Whoever proposes must refuse larger ones: by the time that the log
/// refuses an entry, it can only stop the node.
pub const MAX_COMMAND_BYTES: usize = 10 << 20;

const HEAD_BYTES: usize = 3;
const CHECKSUM_BYTES: usize = 4;

/// The kind of a record. The numbers are on disk for good: never change one, never reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// The owner of the directory, and its layout.
    Manifest = 1,
    /// A log entry.
    Entry = 2,
    /// The head of a record that is too large for one value.
    Long = 3,
    /// One piece of a long record or of a snapshot.
    Piece = 4,
    /// The vote.
    Vote = 5,
    /// The committed hint.
    Committed = 6,
    /// The purge mark.
    Purged = 7,
    /// The head of the latest snapshot.
    Snapshot = 8,
    /// The number of a sync.
    Mark = 9,
}

/// A struct that is the body of one kind of record.
pub trait Body: Encode + Decode<()> {
    /// The kind of its records.
    const KIND: Kind;
    /// The format that this build writes, and the newest that it reads.
    const FORMAT: u16;
}

/// The reason why a record was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// Fewer bytes than any record has.
    #[error("{0} B are too few for a record")]
    Short(usize),
    /// Some bit differs from the one written.
    #[error("checksum mismatch")]
    Checksum,
    /// A record of another kind lies in this place.
    #[error("is a record of kind {found}, not {wanted}")]
    Kind {
        /// The kind that the record says it is.
        found: u8,
        /// The kind that belongs here.
        wanted: u8,
    },
    /// The record was written by another, presumably newer, build.
    #[error("written by format {written}, this build reads {reads}")]
    Format {
        /// The format that the record says it has.
        written: u16,
        /// The format that this build reads.
        reads: u16,
    },
    /// The body is not what its kind and format promise.
    #[error("undecodable: {0}")]
    Body(String),
    /// The record is sound but does not belong where it was found.
    #[error("{0}")]
    Place(String),
}

impl Fault {
    /// Whether the record is not as it was written. Otherwise another build can read it.
    pub fn is_damage(&self) -> bool {
        match self {
            Fault::Short(_) | Fault::Checksum | Fault::Kind { .. } | Fault::Body(_) | Fault::Place(_) => true,
            Fault::Format { .. } => false,
        }
    }
}

fn codec() -> impl Config {
    config::standard().with_limit::<MAX_BODY_BYTES>()
}

/// The bytes of a record.
pub fn seal<B: Body>(body: &B) -> Vec<u8> {
    let mut record = vec![B::KIND as u8];
    record.extend_from_slice(&B::FORMAT.to_le_bytes());
    bincode::encode_into_std_write(body, &mut record, codec())
        .expect("bodies hold numbers, bytes, text and collections, which always encode");
    let checksum = crc32fast::hash(&record);
    record.extend_from_slice(&checksum.to_le_bytes());
    record
}

/// The body of a record, or why it is refused.
pub fn open<B: Body>(record: &[u8]) -> Result<B, Fault> {
    let short = || Fault::Short(record.len());
    let (covered, checksum) = record.split_last_chunk::<CHECKSUM_BYTES>().ok_or_else(short)?;
    let (head, body) = covered.split_first_chunk::<HEAD_BYTES>().ok_or_else(short)?;
    // The checksum comes first: a flipped bit in the format must not be taken for a newer build.
    if crc32fast::hash(covered) != u32::from_le_bytes(*checksum) {
        return Err(Fault::Checksum);
    }
    let [found, low, high] = *head;
    if found != B::KIND as u8 {
        return Err(Fault::Kind { found, wanted: B::KIND as u8 });
    }
    let written = u16::from_le_bytes([low, high]);
    if written != B::FORMAT {
        return Err(Fault::Format { written, reads: B::FORMAT });
    }
    decode(body)
}

/// The kind byte of a record, unchecked. For telling apart the two kinds that may lie in one place.
pub fn kind_byte(record: &[u8]) -> Option<u8> {
    record.first().copied()
}

/// Memory that the lengths in a body may claim for each of its bytes. No element takes up more.
const MOST_PER_BYTE: usize = 64;

fn decode<B: Body>(body: &[u8]) -> Result<B, Fault> {
    bounded::decode::<B, MAX_BODY_BYTES>(body, MOST_PER_BYTE).map_err(Fault::Body)
}
