//! The bytes of a snapshot, on disk and between nodes.
//!
//! `magic "TNSN" | version u16 | crc32 of all that follows u32 | length of the head u32 | head | state`. The head is frozen
//! per version; the state is the product's own.

use serde::{Deserialize, Serialize};
use tenure_storage::{LogId, StoredMembership};

use crate::codec;

const MAGIC: [u8; 4] = *b"TNSN";
const VERSION: u16 = 1;
const FRONT: usize = 4 + 2 + 4;

/// The metadata of a snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Head {
    pub(crate) cluster: String,
    pub(crate) last: Option<LogId>,
    pub(crate) membership: StoredMembership,
    pub(crate) level: u32,
}

/// Bytes are not a snapshot that this program can take up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read a snapshot: {0}")]
pub(crate) struct BadSnapshot(pub String);

pub(crate) fn seal(head: &Head, state: &[u8]) -> Vec<u8> {
    let head = codec::encode(head);
    let length = u32::try_from(head.len()).expect("a membership is far smaller than 4 GiB");
    sealed(&[&length.to_le_bytes(), &head, state])
}

/// The parts that the checksum covers, with the front.
pub(crate) fn sealed(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(FRONT + parts.iter().map(|part| part.len()).sum::<usize>());
    bytes.extend(MAGIC);
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend([0; 4]);
    parts.iter().for_each(|part| bytes.extend(*part));
    let crc = crc32fast::hash(&bytes[FRONT..]);
    bytes[6..FRONT].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// Head and state of a snapshot of this cluster.
pub(crate) fn open<'a>(bytes: &'a [u8], cluster: &str) -> Result<(Head, &'a [u8]), BadSnapshot> {
    let cut = || BadSnapshot(format!("it is cut off at {} bytes", bytes.len()));
    let (magic, rest) = bytes.split_first_chunk::<4>().ok_or_else(cut)?;
    let (version, rest) = rest.split_first_chunk::<2>().ok_or_else(cut)?;
    let (crc, covered) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
    if *magic != MAGIC {
        return Err(BadSnapshot("it does not begin as one".to_owned()));
    }
    let version = u16::from_le_bytes(*version);
    if version != VERSION {
        return Err(BadSnapshot(format!("it has format version {version}, this program reads {VERSION}")));
    }
    if crc32fast::hash(covered) != u32::from_le_bytes(*crc) {
        return Err(BadSnapshot("its checksum does not fit".to_owned()));
    }
    let (length, rest) = covered.split_first_chunk::<4>().ok_or_else(cut)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| cut())?;
    let (head, state) = rest.split_at_checked(length).ok_or_else(cut)?;
    let head: Head = codec::decode(head).map_err(|e| BadSnapshot(e.to_string()))?;
    if head.cluster != cluster {
        return Err(BadSnapshot(format!("it belongs to cluster {}, this node to {cluster}", head.cluster)));
    }
    Ok((head, state))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn head() -> Head {
        Head { cluster: "lab".to_owned(), last: None, membership: StoredMembership::default(), level: 2 }
    }

    #[test]
    fn a_sealed_snapshot_opens() {
        let bytes = seal(&head(), b"state");
        assert_eq!(open(&bytes, "lab"), Ok((head(), &b"state"[..])));
        assert!(open(&bytes, "other").is_err());
        assert!(open(&[], "lab").is_err());
    }

    #[test]
    fn any_flipped_bit_and_any_cut_is_noticed() {
        let whole = seal(&head(), b"state");
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            assert!(open(&bytes, "lab").is_err(), "byte {at}");
            assert!(open(&whole[..at], "lab").is_err(), "cut at {at}");
        }
    }

    /// Version 1 is released: nodes of other versions hold and send such bytes. Never change them; add a version.
    #[test]
    fn version_1_stays_what_it_is() {
        let bytes = seal(&head(), b"state");
        assert_eq!(crate::show::hex(&bytes), "544e534e0100ad1a06e409000000036c616200000000027374617465");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = open(&bytes, "lab");
        }
    }
}
