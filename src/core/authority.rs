//! The certificate authorities of the cluster, as they are replicated: their certificates, and their keys, sealed for each
//! node by itself. Usually there is one. While it is rotated there are two, and both are trusted.

use crate::{NodeName, Span, Time, trust::Hash};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// Life of a node's certificate. The node renews it itself when half of it is over.
pub const NODE_CERTIFICATE_LASTS: Span = Span::seconds(180 * 24 * 3600);
/// Life of a user's certificate. The client renews it when a third of it is left.
pub const USER_CERTIFICATE_LASTS: Span = Span::seconds(365 * 24 * 3600);
/// What ends within this time is shown as an alarm: what renews itself has failed to.
pub const EXPIRY_WARNING: Span = Span::seconds(60 * 24 * 3600);

/// A secret that one node alone can open.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sealed(pub Vec<u8>);

/// It is of use to nobody who reads it.
impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes, sealed", self.0.len())
    }
}

/// A certificate authority.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authority {
    /// SHA-256 of its certificate.
    pub fingerprint: Hash,
    /// Its certificate, as PEM.
    pub certificate: String,
    /// The same key, certified by the authority before it, as PEM: for who trusts only that one as yet.
    pub chain: Option<String>,
    /// Wall clock at the end of its validity.
    pub expires: Time,
    /// Its key, sealed for each of these nodes.
    pub keys: BTreeMap<NodeName, Sealed>,
}

/// A certificate that was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Fingerprint of the authority that signed it.
    pub authority: Hash,
    /// Wall clock at the end of its validity.
    pub expires: Time,
}

/// What a node has to show, and whom it trusts, in its own words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// Its public key for sealing.
    pub seal: Hash,
    /// Its certificate.
    pub certificate: Certificate,
    /// Fingerprints of the authorities that it trusts.
    pub trusts: BTreeSet<Hash>,
    /// Fingerprints of the authorities whose key it could open.
    pub holds: BTreeSet<Hash>,
}
