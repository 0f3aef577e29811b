//! Sealing: a secret that one node alone can open, by HPKE (RFC 9180: X25519, HKDF-SHA256, ChaCha20-Poly1305).
//!
//! Each node has a key for this beside its configuration, outside of its data directory. So what is sealed may lie in the
//! log, in snapshots and in backups.

use std::fmt;

use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256 as Kem;
use hpke::{Deserializable, Kem as _, OpModeR, OpModeS, Serializable, single_shot_open, single_shot_seal};

use super::TlsError;
use crate::show::hex;

/// Length of the encapsulated key, which comes first in what is sealed.
const ENCAPSULATED: usize = 32;

/// The key of a node with which it opens what was sealed for it.
#[derive(Clone)]
pub struct SealKey {
    private: <Kem as hpke::Kem>::PrivateKey,
    public: SealFor,
}

/// The public half: what was sealed for it is opened by its holder alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealFor(pub [u8; 32]);

impl SealKey {
    /// A new key.
    pub fn create() -> Self {
        let (private, public) = Kem::gen_keypair();
        Self { private, public: SealFor(public.to_bytes().into()) }
    }

    /// The key as text: 64 hex digits and a line end.
    pub fn to_text(&self) -> String {
        format!("{}\n", hex(&self.private.to_bytes()))
    }

    /// Reads the text of a key.
    pub fn from_text(text: &str) -> Result<Self, TlsError> {
        let bad = || TlsError::read("seal key", "it is not 64 hex digits");
        let digits = text.trim().as_bytes();
        let bytes: Option<Vec<u8>> = digits
            .chunks(2)
            .map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()))
            .collect();
        let bytes = bytes.filter(|bytes| digits.len() == 2 * bytes.len()).ok_or_else(bad)?;
        let private = <Kem as hpke::Kem>::PrivateKey::from_bytes(&bytes).map_err(|_| bad())?;
        let public = Kem::sk_to_pk(&private);
        Ok(Self { private, public: SealFor(public.to_bytes().into()) })
    }

    /// What others need to seal for this node.
    pub fn public(&self) -> SealFor {
        self.public
    }

    /// Opens what was sealed for this key, for the same purpose.
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>, TlsError> {
        let bad = |why: &dyn fmt::Display| TlsError::read("sealed key", why.to_string());
        let (encapsulated, text) = sealed.split_at_checked(ENCAPSULATED).ok_or_else(|| bad(&"it is cut off"))?;
        let encapsulated = <Kem as hpke::Kem>::EncappedKey::from_bytes(encapsulated).map_err(|why| bad(&why))?;
        let info = purpose.as_bytes();
        single_shot_open::<ChaCha20Poly1305, HkdfSha256, Kem>(
            &OpModeR::Base,
            &self.private,
            &encapsulated,
            info,
            text,
            &[],
        )
        .map_err(|_| bad(&"it was sealed for another key, or changed"))
    }
}

impl SealFor {
    /// Seals a secret for the holder of the key. The purpose has to be named again when it is opened.
    pub fn seal(&self, purpose: &str, secret: &[u8]) -> Result<Vec<u8>, TlsError> {
        let bad = |why: hpke::HpkeError| TlsError::read("public seal key", why);
        let key = <Kem as hpke::Kem>::PublicKey::from_bytes(&self.0).map_err(bad)?;
        let (encapsulated, text) = single_shot_seal::<ChaCha20Poly1305, HkdfSha256, Kem>(
            &OpModeS::Base,
            &key,
            purpose.as_bytes(),
            secret,
            &[],
        )
        .map_err(bad)?;
        Ok([encapsulated.to_bytes().as_slice(), &text].concat())
    }
}

/// The key stays out of logs.
impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealKey").field("public", &hex(&self.public.0)).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_is_opened_by_its_key_for_its_purpose_alone() {
        let (mine, other) = (SealKey::create(), SealKey::create());
        let sealed = mine.public().seal("authority", b"secret").unwrap();
        assert!(!sealed.windows(6).any(|part| part == b"secret"));
        let again = SealKey::from_text(&mine.to_text()).unwrap();
        assert_eq!(again.public(), mine.public());
        assert_eq!(again.open("authority", &sealed).unwrap(), b"secret");
        assert!(other.open("authority", &sealed).is_err());
        assert!(mine.open("another purpose", &sealed).is_err());
        for end in [0, ENCAPSULATED, sealed.len() - 1] {
            assert!(mine.open("authority", &sealed[..end]).is_err(), "{end}");
        }
        for byte in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[byte] ^= 1;
            assert!(mine.open("authority", &changed).is_err(), "{byte}");
        }
    }

    #[test]
    fn a_key_is_64_hex_digits() {
        let key = SealKey::create();
        assert!(!format!("{key:?}").contains(key.to_text().trim()));
        for bad in ["", "00", "zz", &"0".repeat(63), &"0".repeat(66), &"é".repeat(32)] {
            assert!(SealKey::from_text(bad).is_err(), "{bad}");
        }
    }
}
