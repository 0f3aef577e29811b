//! Trust: the cluster's certificate authority, the identities it issues, and the TLS 1.3 configurations made of them.
//!
//! Promises: every certificate names its holder in one URI (`tenure://<cluster>/node/<name>?id=<id>` or
//! `tenure://<cluster>/user/<name>?id=<id>`), chains to the cluster's own authorities and to nothing else, and every
//! configuration speaks TLS 1.3 only, with the ring provider named explicitly (never the process default).
//!
//! Knows nothing of consensus. The admin API uses the same builders.

mod authority;
mod config;
mod credentials;
mod error;
mod identity;
mod name;
mod seal;
mod verifier;

pub use authority::{ClusterAuthority, Signed, Validity};
pub use config::{
    ClientAuth, Trust, client_config, client_config_anonymous, peer_identity_of_client, peer_identity_of_server,
};
pub use credentials::{Credentials, Void};
pub use error::TlsError;
pub use identity::{CertificateRequest, Details, Identity, TrustedRoot, details, fingerprint, key_of_request, roots};
pub use name::{PeerIdentity, Role};
pub use seal::{SealFor, SealKey};
