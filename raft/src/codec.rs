//! The one place that names bincode: values to bytes and back, for the wire and for snapshots.
//!
//! Promises: decoding hostile bytes neither panics nor allocates more than the limit, and all bytes must be consumed. The
//! encoding has no evolution of its own: whoever stores or sends it puts a kind and a version in front.

use bincode::serde::Compat;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tenure_storage::format::bounded;

/// No encoded value of ours is larger; hostile length fields beyond it are refused before memory is asked for.
const LIMIT: usize = 64 << 20;
/// Memory that lengths may claim for each byte: each counts at most as the widest integer, which is all that a sound value
/// needs.
const WIDEST: usize = size_of::<u128>();

/// Bytes are not a value of the expected type.
#[derive(Debug, Clone, thiserror::Error)]
#[error("decode {kind}: {reason}")]
pub struct DecodeError {
    /// The type that was expected.
    pub kind: &'static str,
    /// The error.
    pub reason: String,
}

impl DecodeError {
    fn of<T>(reason: impl ToString) -> Self {
        Self { kind: std::any::type_name::<T>(), reason: reason.to_string() }
    }
}

/// Appends the encoding of `value`.
pub(crate) fn encode_into<T: Serialize>(value: &T, out: &mut Vec<u8>) {
    bincode::serde::encode_into_std_write(value, out, bincode::config::standard())
        .expect("our types encode, and a Vec takes every byte");
}

/// The encoding of `value`.
pub(crate) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    encode_into(value, &mut out);
    out
}

/// The value that `bytes` encode, all of them.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    let Compat(value) = bounded::decode::<Compat<T>, LIMIT>(bytes, WIDEST).map_err(DecodeError::of::<T>)?;
    Ok(value)
}

/// Bytes that are encoded in one piece and not one by one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Blob(pub Vec<u8>);

impl Serialize for Blob {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Blob {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Blob;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Blob, E> {
                Ok(Blob(bytes.to_vec()))
            }

            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Blob, E> {
                Ok(Blob(bytes))
            }
        }
        deserializer.deserialize_byte_buf(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_lengths_are_refused() {
        let claims_exabytes = [253, 255, 255, 255, 255, 255, 255, 255, 127];
        assert!(decode::<String>(&claims_exabytes).is_err());
        assert!(decode::<Blob>(&claims_exabytes).is_err());
        assert!(decode::<Vec<u64>>(&claims_exabytes).is_err());
    }

    /// A length within the largest limit, but far beyond what the message is.
    #[test]
    fn a_short_message_claims_little() {
        let claims_32_mib = [252, 0, 0, 0, 2];
        let claims_1_mib = [vec![252, 0, 0, 16, 0], vec![0; 8_000]].concat();
        for bytes in [&claims_32_mib[..], &claims_1_mib] {
            let refused = decode::<Blob>(bytes).expect_err("nothing follows").to_string();
            assert!(refused.contains("Limit"), "{refused}");
        }
        let densest: Vec<u128> = vec![0; 5_000];
        assert_eq!(decode::<Vec<u128>>(&encode(&densest)).unwrap(), densest, "a sound one needs no more");
        let many = vec![vec![0_u8]; 1 << 20];
        assert_eq!(decode::<Vec<Vec<u8>>>(&encode(&many)).unwrap().len(), 1 << 20);
    }

    #[test]
    fn trailing_bytes_are_refused() {
        let mut bytes = encode(&7u64);
        assert_eq!(decode::<u64>(&bytes).unwrap(), 7);
        bytes.push(0);
        assert!(decode::<u64>(&bytes).is_err());
    }

    #[test]
    fn blobs_round_trip() {
        let blob = Blob(vec![1, 2, 255]);
        assert_eq!(decode::<Blob>(&encode(&blob)).unwrap(), blob);
    }
}
