//! Identities as files: `NAME.pem`, `NAME.key` and `ca.pem` in one directory.

use super::private::{self, Exposed};
use std::path::{Path, PathBuf};
use tenure_raft::tls::Identity;

/// Base name of a node's files in `DATA_DIR/cluster`.
pub const NODE: &str = "node";
/// Base name of a user's files.
pub const USER: &str = "user";

/// An identity could not be read or written.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // what a name says is not said again
pub enum IdentityError {
    /// A file could not be read.
    #[error("read {}", .file.display())]
    Read {
        file: PathBuf,
        /// The error.
        #[source]
        source: std::io::Error,
    },
    /// A file could not be written.
    #[error("write {}", .file.display())]
    Write {
        file: PathBuf,
        /// The error.
        #[source]
        source: std::io::Error,
    },
    /// Others can reach what must be private.
    #[error("keep it private")]
    Exposed(#[source] Exposed),
}

impl IdentityError {
    /// The remedy, if one is known.
    pub fn advice(&self) -> Option<String> {
        match self {
            IdentityError::Exposed(why) => Some(why.advice()),
            IdentityError::Read { .. } | IdentityError::Write { .. } => None,
        }
    }
}

/// Reads `name.pem`, `name.key` and `ca.pem`. A key that others can read is refused.
pub fn load(directory: &Path, name: &str) -> Result<Identity, IdentityError> {
    let read = |file: String| {
        let file = directory.join(file);
        std::fs::read_to_string(&file).map_err(|source| IdentityError::Read { file, source })
    };
    Ok(Identity {
        cert_pem: read(format!("{name}.pem"))?,
        key_pem: read_secret(&directory.join(format!("{name}.key")))?,
        ca_pem: read("ca.pem".to_owned())?,
    })
}

/// Writes `name.pem`, `name.key` and `ca.pem`, readable by their owner alone; creates the directory.
pub fn save(directory: &Path, name: &str, identity: &Identity) -> Result<(), IdentityError> {
    let unmade = |source| IdentityError::Write { file: directory.to_owned(), source };
    private::make_directory(directory).map_err(unmade)?;
    write_secret(&directory.join("ca.pem"), &identity.ca_pem)?;
    write_secret(&directory.join(format!("{name}.pem")), &identity.cert_pem)?;
    write_secret(&directory.join(format!("{name}.key")), &identity.key_pem)
}

/// Reads a file that others must not be able to read.
pub fn read_secret(file: &Path) -> Result<String, IdentityError> {
    let read = private::read(file).map_err(|source| IdentityError::Read { file: file.to_owned(), source });
    read?.map_err(IdentityError::Exposed)
}

/// Writes a file that only its owner can read, from its first byte on. A link in its place is replaced, not followed.
pub fn write_secret(file: &Path, text: &str) -> Result<(), IdentityError> {
    private::write(file, text).map_err(|source| IdentityError::Write { file: file.to_owned(), source })
}
