//! The address of an HMC, the user and key for it, and the fingerprint of its host key.

use std::fmt;
use std::path::PathBuf;

/// The one key that is offered to an HMC: an OpenSSH private key (ed25519 or ECDSA) without a passphrase.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum HmcKey {
    /// A file, read each time a connection is made.
    File(PathBuf),
    /// The text of such a file.
    Pem(String),
}

impl fmt::Debug for HmcKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "File({})", path.display()),
            // A private key must not end up in a log.
            Self::Pem(_) => f.write_str("Pem(…)"),
        }
    }
}

/// One HMC as configured.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HmcAddress {
    /// Its name, by which servers refer to it.
    pub name: String,
    /// `host:port` of its SSH server. On a real HMC the port is always 22.
    pub address: String,
    /// The user to log in as.
    pub user: String,
    /// The key to log in with.
    pub key: HmcKey,
    /// The SHA-256 fingerprint of its host key, as `ssh-keygen -l` prints it: `SHA256:…`. The key that the HMC presents
    /// first among ed25519 and ECDSA is the one that counts.
    pub host_key_fingerprint: String,
}
