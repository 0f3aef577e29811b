//! Encoding of log entries, snapshots and messages between nodes: `kind u8 | version u16 | bincode body`.
//!
//! bincode has no schema evolution, so every body belongs to a version, and released versions never change. A new version is
//! written from a feature level on, when every voter can read it, and the earlier ones stay readable: see [`Format`]. Bytes
//! from outside are decoded with a limit and to the last byte, so that hostile lengths can neither exhaust memory nor hide
//! anything.

use crate::{Entry, Level, Reply};
use bincode::{
    de::{Decode, Decoder, DecoderImpl, read::Reader},
    error::DecodeError,
    serde::Compat,
};
use serde::{Serialize, de::DeserializeOwned};

/// Longest body that is decoded, in bytes.
const LIMIT: usize = 64 << 20;
/// bincode makes room for what a length claims before it reads. So the lengths in a body may claim this much for each byte of
/// it: each counts at most as the widest integer.
const WIDEST: usize = size_of::<u128>();

/// The kind of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// An entry of the log.
    Entry = b'E',
    /// The answer to whoever had an entry written.
    Reply = b'O',
    /// A whole ledger.
    Ledger = b'L',
    /// A call from one node to another.
    Call = b'C',
    /// The answer to such a call.
    Answer = b'A',
}

/// The oldest version that this build reads: version 1 was never released.
pub const OLDEST: u16 = 2;

impl Kind {
    /// The version that is written at a feature level.
    pub const fn version(self, level: Level) -> u16 {
        match self {
            Kind::Entry | Kind::Ledger | Kind::Call if level.is_rehearsal() => 3,
            Kind::Entry | Kind::Reply | Kind::Ledger | Kind::Call | Kind::Answer => 2,
        }
    }

    /// The newest version that this build reads.
    pub const fn newest(self) -> u16 {
        self.version(Level::NEWEST)
    }
}

/// A type that is kept or sent: the body of its newest version.
///
/// A variant at the end of an enum changes no earlier body, and neither method is needed for it: nothing writes it before its
/// level. Any other change keeps the earlier body as a type of its own, and converts from and to it here.
pub trait Format: Serialize + DeserializeOwned {
    /// Its kind.
    const KIND: Kind;

    /// Appends the body of a version.
    fn write(&self, version: u16, to: &mut Vec<u8>) {
        let _ = version;
        write_body(self, to);
    }

    /// Decodes the body of a version that this build knows. The error says why it makes no sense.
    fn read(version: u16, body: &[u8]) -> Result<Self, String> {
        let _ = version;
        read_body(body)
    }
}

impl Format for Entry {
    const KIND: Kind = Kind::Entry;
}

impl Format for Reply {
    const KIND: Kind = Kind::Reply;
}

#[cfg(not(feature = "next-level"))]
impl Format for crate::Ledger {
    const KIND: Kind = Kind::Ledger;
}

/// Bytes that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// It is of another kind.
    #[error("read a message: it is not a {expected:?}")]
    Kind {
        /// The kind expected.
        expected: Kind,
    },
    /// A newer build wrote it.
    #[error("read a {kind:?}: written in version {found}, this build reads {known}")]
    Newer {
        /// Its kind.
        kind: Kind,
        /// Its version.
        found: u16,
        /// The newest version known here.
        known: u16,
    },
    /// A build wrote it that is too old.
    #[error("read a {kind:?}: written in version {found}, which was never released; this build reads {known}")]
    Older {
        /// Its kind.
        kind: Kind,
        /// Its version.
        found: u16,
        /// The newest version known here.
        known: u16,
    },
    /// The body cannot be decoded.
    #[error("read a {kind:?}: {reason}")]
    Body {
        /// Its kind.
        kind: Kind,
        /// What is wrong.
        reason: String,
    },
}

/// Encodes a message in the version that belongs to a feature level.
pub fn encode<T: Format>(message: &T, level: Level) -> Vec<u8> {
    encode_as(message, T::KIND.version(level))
}

/// Encodes a message in a version that this build knows.
pub fn encode_as<T: Format>(message: &T, version: u16) -> Vec<u8> {
    let mut bytes = vec![T::KIND as u8];
    bytes.extend_from_slice(&version.to_le_bytes());
    message.write(version, &mut bytes);
    bytes
}

/// Decodes a message.
pub fn decode<T: Format>(bytes: &[u8]) -> Result<T, CodecError> {
    decode_versioned(bytes).map(|(message, _)| message)
}

/// Decodes a message; also returns its version.
pub fn decode_versioned<T: Format>(bytes: &[u8]) -> Result<(T, u16), CodecError> {
    let kind = T::KIND;
    let Some(([first, low, high], body)) = bytes.split_first_chunk::<3>().map(|(head, body)| (*head, body)) else {
        return Err(CodecError::Kind { expected: kind });
    };
    if first != kind as u8 {
        return Err(CodecError::Kind { expected: kind });
    }
    let (found, known) = (u16::from_le_bytes([low, high]), kind.newest());
    if found > known {
        return Err(CodecError::Newer { kind, found, known });
    }
    if found < OLDEST {
        return Err(CodecError::Older { kind, found, known });
    }
    let message = T::read(found, body).map_err(|reason| CodecError::Body { kind, reason })?;
    Ok((message, found))
}

/// Appends a bincode body.
#[allow(clippy::expect_used)] // encoding into memory fails only for types that serde cannot describe; the tests write each of ours
pub fn write_body<T: Serialize>(body: &T, to: &mut Vec<u8>) {
    let config = bincode::config::standard();
    bincode::serde::encode_into_std_write(body, to, config).expect("our own types can be encoded");
}

/// Decodes a bincode body, which must be used up.
pub fn read_body<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    let allowed = body.len().saturating_mul(WIDEST).min(LIMIT);
    let config = bincode::config::standard().with_limit::<LIMIT>();
    let mut decoder = DecoderImpl::new(Rest(body), config, ());
    decoder.claim_bytes_read(LIMIT.saturating_sub(allowed)).map_err(|why| why.to_string())?;
    let Compat(value) = Compat::decode(&mut decoder).map_err(|why| why.to_string())?;
    match decoder.reader().0.len() {
        0 => Ok(value),
        rest => Err(format!("{rest} bytes too many")),
    }
}

/// The bytes of a body that are not read yet.
struct Rest<'a>(&'a [u8]);

impl Reader for Rest<'_> {
    fn read(&mut self, into: &mut [u8]) -> Result<(), DecodeError> {
        let missing = into.len().saturating_sub(self.0.len());
        let end = DecodeError::UnexpectedEnd { additional: missing };
        let (head, rest) = self.0.split_at_checked(into.len()).ok_or(end)?;
        into.copy_from_slice(head);
        self.0 = rest;
        Ok(())
    }

    fn peek_read(&mut self, count: usize) -> Option<&[u8]> {
        self.0.get(..count)
    }

    fn consume(&mut self, count: usize) {
        self.0 = self.0.get(count..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Ledger, Rejection};

    fn reply() -> Reply {
        Reply { index: 7, refused: vec![(0, Rejection::new("no_group", "there is no group web"))], events: Vec::new() }
    }

    #[test]
    fn what_was_written_is_read() {
        assert_eq!(decode::<Reply>(&encode(&reply(), Level::FIRST)), Ok(reply()));
    }

    #[test]
    fn other_kinds_newer_versions_and_left_over_bytes_are_refused() {
        let mut bytes = encode(&reply(), Level::FIRST);
        assert_eq!(decode::<Ledger>(&bytes), Err(CodecError::Kind { expected: Kind::Ledger }));
        bytes.push(0);
        assert!(matches!(decode::<Reply>(&bytes), Err(CodecError::Body { .. })));
        bytes.splice(1..3, [9, 0]);
        let newer = CodecError::Newer { kind: Kind::Reply, found: 9, known: 2 };
        assert_eq!(decode::<Reply>(&bytes), Err(newer));
        bytes.splice(1..3, [1, 0]);
        let older = CodecError::Older { kind: Kind::Reply, found: 1, known: 2 };
        assert_eq!(decode::<Reply>(&bytes), Err(older));
        assert!(decode::<Reply>(&[]).is_err());
    }

    #[test]
    fn a_short_body_claims_little() {
        let claims_32_mib = vec![252, 0, 0, 0, 2];
        let claims_1_mib = [vec![252, 0, 0, 16, 0], vec![0; 8_000]].concat();
        for body in [claims_32_mib, claims_1_mib] {
            let refused = read_body::<String>(&body);
            assert!(matches!(&refused, Err(why) if why.contains("Limit")), "{refused:?}");
        }
    }

    #[test]
    fn a_length_that_lies_exhausts_nothing() {
        let hostile = [0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
        assert!(read_body::<String>(&hostile).is_err());
    }
}
