//! Wire types of certificate authorities and certificates.

use serde::{Deserialize, Serialize};

/// What an authority is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthorityState {
    /// It signs.
    Signs,
    /// It will sign as soon as every node trusts it.
    Next,
    /// It does not sign any more; certificates of it are still in use.
    Retiring,
}

/// A certificate authority.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct AuthorityView {
    /// SHA-256 of its certificate, hex.
    pub fingerprint: String,
    pub state: AuthorityState,
    /// RFC 3339 in UTC.
    pub expires: String,
    /// The nodes that can sign with it.
    pub holders: Vec<String>,
    /// The nodes that do not trust it yet.
    pub waits_for: Vec<String>,
    /// The nodes whose certificate it has signed.
    pub nodes: Vec<String>,
    /// The users who have a certificate of it.
    pub users: Vec<String>,
}

/// The certificate of a node, or the longest one of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct CertificateView {
    pub name: String,
    /// Fingerprint of the authority that signed it.
    pub authority: String,
    /// RFC 3339 in UTC.
    pub expires: String,
    /// Whether it ends within 60 days, or has ended.
    pub ends_soon: bool,
}

/// The authorities, and the certificates in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthoritiesView {
    /// Oldest first.
    pub authorities: Vec<AuthorityView>,
    /// Of the nodes.
    pub nodes: Vec<CertificateView>,
    /// Of the users that have one.
    pub users: Vec<CertificateView>,
}
