//! What is written to the log, to snapshots and between nodes: `kind u8 | version u16 | bincode body`.
//!
//! bincode has no schema evolution, so every body belongs to a version, and released versions never change. Bytes from
//! outside are decoded with a limit and to the last byte, so that hostile lengths can neither exhaust memory nor hide
//! anything.

use serde::{Serialize, de::DeserializeOwned};

/// The longest body that is decoded.
const LIMIT: usize = 64 << 20;
/// bincode makes room for what a length claims before it reads, so a short body may claim little: each byte of it counts at
/// most as the widest integer.
const SHORT: usize = 64 << 10;
const MEDIUM: usize = 4 << 20;
const WIDEST: usize = size_of::<u128>();

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// An entry of the log.
    Entry = b'E',
    /// What an entry led to.
    Outcome = b'O',
    /// A whole ledger.
    Ledger = b'L',
    /// A call from one node to another.
    Call = b'C',
    /// The answer to such a call.
    Answer = b'A',
}

impl Kind {
    /// The version that this build writes, and the only one that it reads: version 1 was never released.
    pub const fn version(self) -> u16 {
        match self {
            Kind::Entry | Kind::Outcome | Kind::Ledger | Kind::Call | Kind::Answer => 2,
        }
    }
}

/// Bytes that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// It is something else.
    #[error("read a message: it is not a {expected:?}")]
    Kind {
        /// What was wanted.
        expected: Kind,
    },
    /// A newer build wrote it.
    #[error("read a {kind:?}: written in version {found}, this build reads {known}")]
    Newer {
        /// What it is.
        kind: Kind,
        /// Its version.
        found: u16,
        /// The newest version known here.
        known: u16,
    },
    /// A build from before the first release wrote it.
    #[error("read a {kind:?}: written in version {found}, which was never released; this build reads {known}")]
    Older {
        /// What it is.
        kind: Kind,
        /// Its version.
        found: u16,
        /// The version known here.
        known: u16,
    },
    /// The body makes no sense.
    #[error("read a {kind:?}: {reason}")]
    Body {
        /// What it is.
        kind: Kind,
        /// What is wrong.
        reason: String,
    },
}

/// Bytes of a message.
pub fn encode<T: Serialize>(kind: Kind, body: &T) -> Vec<u8> {
    let mut bytes = vec![kind as u8];
    bytes.extend_from_slice(&kind.version().to_le_bytes());
    let config = bincode::config::standard();
    // Encoding into memory fails only for types that serde cannot describe, and ours are all tested.
    bincode::serde::encode_into_std_write(body, &mut bytes, config).expect("our own types can be encoded");
    bytes
}

/// A message from bytes.
pub fn decode<T: DeserializeOwned>(kind: Kind, bytes: &[u8]) -> Result<T, CodecError> {
    let Some(([first, low, high], body)) = bytes.split_first_chunk::<3>().map(|(head, body)| (*head, body)) else {
        return Err(CodecError::Kind { expected: kind });
    };
    if first != kind as u8 {
        return Err(CodecError::Kind { expected: kind });
    }
    let (found, known) = (u16::from_le_bytes([low, high]), kind.version());
    if found > known {
        return Err(CodecError::Newer { kind, found, known });
    }
    if found < known {
        return Err(CodecError::Older { kind, found, known });
    }
    let config = bincode::config::standard();
    let claims = body.len().saturating_mul(WIDEST);
    let decoded = if claims <= SHORT {
        bincode::serde::decode_from_slice(body, config.with_limit::<SHORT>())
    } else if claims <= MEDIUM {
        bincode::serde::decode_from_slice(body, config.with_limit::<MEDIUM>())
    } else {
        bincode::serde::decode_from_slice(body, config.with_limit::<LIMIT>())
    };
    let wrong = |reason: String| CodecError::Body { kind, reason };
    match decoded {
        Ok((value, read)) if read == body.len() => Ok(value),
        Ok((_, read)) => Err(wrong(format!("{} bytes too many", body.len() - read))),
        Err(why) => Err(wrong(why.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let bytes = encode(Kind::Call, &("web", 7_u64));
        assert_eq!(decode::<(String, u64)>(Kind::Call, &bytes), Ok(("web".to_owned(), 7)));
    }

    #[test]
    fn other_kinds_newer_versions_and_left_over_bytes_are_refused() {
        let mut bytes = encode(Kind::Call, &7_u64);
        assert_eq!(decode::<u64>(Kind::Entry, &bytes), Err(CodecError::Kind { expected: Kind::Entry }));
        bytes.push(0);
        assert!(matches!(decode::<u64>(Kind::Call, &bytes), Err(CodecError::Body { .. })));
        bytes[1] = 9;
        let newer = CodecError::Newer { kind: Kind::Call, found: 9, known: 2 };
        assert_eq!(decode::<u64>(Kind::Call, &bytes), Err(newer));
        bytes[1] = 1;
        let older = CodecError::Older { kind: Kind::Call, found: 1, known: 2 };
        assert_eq!(decode::<u64>(Kind::Call, &bytes), Err(older));
        assert!(decode::<u64>(Kind::Call, &[]).is_err());
    }

    #[test]
    fn a_short_body_claims_little() {
        // 32 MiB, of which nothing follows.
        let mut bytes = encode(Kind::Call, &());
        bytes.extend([252, 0, 0, 0, 2]);
        let refused = decode::<String>(Kind::Call, &bytes);
        assert!(matches!(&refused, Err(CodecError::Body { reason, .. }) if reason.contains("Limit")), "{refused:?}");
    }

    #[test]
    fn a_length_that_lies_exhausts_nothing() {
        let hostile = [b'C', 2, 0, 0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
        assert!(matches!(decode::<String>(Kind::Call, &hostile), Err(CodecError::Body { .. })));
    }
}
