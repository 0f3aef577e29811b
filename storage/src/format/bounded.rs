//! bincode with a limit that goes with the number of bytes.
//!
//! bincode makes room for what a length claims before it reads. Here the lengths in a body may claim no more than a fixed
//! number of bytes for each byte of it, and never more than a limit.

use bincode::de::read::Reader;
use bincode::de::{Decode, Decoder, DecoderImpl};
use bincode::{config, error::DecodeError};

/// The bytes that are not read yet.
struct Rest<'a>(&'a [u8]);

impl Reader for Rest<'_> {
    fn read(&mut self, into: &mut [u8]) -> Result<(), DecodeError> {
        let missing = into.len().saturating_sub(self.0.len());
        let (head, rest) =
            self.0.split_at_checked(into.len()).ok_or(DecodeError::UnexpectedEnd { additional: missing })?;
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

/// Decodes a value, which has to take up all bytes. A serde type is wrapped into [`bincode::serde::Compat`].
///
/// # Errors
/// In words, if the bytes are no such value, if some are left, or if their lengths claim more than `per_byte` bytes of memory
/// for each of them, or more than `LIMIT`.
pub fn decode<T: Decode<()>, const LIMIT: usize>(bytes: &[u8], per_byte: usize) -> Result<T, String> {
    let allowed = bytes.len().saturating_mul(per_byte).min(LIMIT);
    let mut decoder = DecoderImpl::new(Rest(bytes), config::standard().with_limit::<LIMIT>(), ());
    decoder.claim_bytes_read(LIMIT - allowed).map_err(|error| error.to_string())?;
    let value = T::decode(&mut decoder).map_err(|error| error.to_string())?;
    match decoder.reader().0.len() {
        0 => Ok(value),
        rest => Err(format!("{rest} bytes too many")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 1 << 20;

    fn encoded(value: impl bincode::Encode) -> Vec<u8> {
        bincode::encode_to_vec(value, config::standard()).expect("it encodes")
    }

    #[test]
    fn a_length_claims_no_more_than_its_bytes_allow() {
        for length in [1_usize, 10, 1_000, 5_000, 60_000] {
            let claims = |claimed: u32| [vec![252], claimed.to_le_bytes().to_vec(), vec![0; length]].concat();
            let most = (length + 5) * 16 - 8;
            let refused = |bytes: &[u8]| decode::<Vec<u8>, LIMIT>(bytes, 16).expect_err("nothing follows");
            assert!(refused(&claims(u32::try_from(most + 1).expect("small"))).contains("Limit"), "{length}");
            assert!(!refused(&claims(u32::try_from(most).expect("small"))).contains("Limit"), "{length}");
        }
        assert!(decode::<Vec<u8>, LIMIT>(&encoded(vec![7_u8; 2 << 20]), 16).is_err(), "more than the limit");
    }

    #[test]
    fn a_sound_value_is_read_and_nothing_may_follow_it() {
        let value = (vec![0_u128; 5_000], "text".to_owned());
        let bytes = encoded(value.clone());
        assert_eq!(decode::<(Vec<u128>, String), LIMIT>(&bytes, 64), Ok(value));
        assert!(decode::<u8, LIMIT>(&[7, 0], 64).expect_err("one too many").contains("1 bytes too many"));
        assert!(decode::<u8, LIMIT>(&[], 64).is_err());
    }
}
