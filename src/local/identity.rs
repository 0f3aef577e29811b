//! Identities as files: `NAME.pem`, `NAME.key` and `ca.pem` in one directory.

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
    #[error("read {file}")]
    Read {
        file: PathBuf,
        /// The error.
        #[source]
        source: std::io::Error,
    },
    /// A file could not be written.
    #[error("write {file}")]
    Write {
        file: PathBuf,
        /// The error.
        #[source]
        source: std::io::Error,
    },
}

/// Reads `name.pem`, `name.key` and `ca.pem`.
pub fn load(directory: &Path, name: &str) -> Result<Identity, IdentityError> {
    let read = |file: String| {
        let file = directory.join(file);
        std::fs::read_to_string(&file).map_err(|source| IdentityError::Read { file, source })
    };
    Ok(Identity {
        cert_pem: read(format!("{name}.pem"))?,
        key_pem: read(format!("{name}.key"))?,
        ca_pem: read("ca.pem".to_owned())?,
    })
}

/// Writes `name.pem`, `name.key` (readable by its owner alone) and `ca.pem`; creates the directory.
pub fn save(directory: &Path, name: &str, identity: &Identity) -> Result<(), IdentityError> {
    std::fs::create_dir_all(directory).map_err(|source| IdentityError::Write { file: directory.to_owned(), source })?;
    write_public(&directory.join("ca.pem"), &identity.ca_pem)?;
    write_public(&directory.join(format!("{name}.pem")), &identity.cert_pem)?;
    write_secret(&directory.join(format!("{name}.key")), &identity.key_pem)
}

/// Writes a file that is readable for everybody.
pub fn write_public(file: &Path, text: &str) -> Result<(), IdentityError> {
    std::fs::write(file, text).map_err(|source| IdentityError::Write { file: file.to_owned(), source })
}

/// Writes a file that only its owner can read, from its first byte on.
pub fn write_secret(file: &Path, text: &str) -> Result<(), IdentityError> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let write = || {
        match std::fs::remove_file(file) {
            Err(why) if why.kind() != std::io::ErrorKind::NotFound => return Err(why),
            Ok(()) | Err(_) => {}
        }
        let mut open = std::fs::OpenOptions::new();
        let mut open = open.write(true).create_new(true).mode(0o600).open(file)?;
        open.write_all(text.as_bytes())?;
        open.sync_all()
    };
    write().map_err(|source| IdentityError::Write { file: file.to_owned(), source })
}
