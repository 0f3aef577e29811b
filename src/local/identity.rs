//! Identities as files: `NAME.pem`, `NAME.key` and `ca.pem` in one directory.
//!
//! Key and certificate are two files, and a machine may go down between their changes: the new key waits as `NAME.key.next`
//! until its certificate is there. Commands that run side by side take turns.

use super::private::{self, Exposed};
use std::{
    fs::File,
    path::{Path, PathBuf},
};
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
    let _turn = lock(directory)?;
    let (cert_pem, ca_pem) = (read(format!("{name}.pem"))?, read("ca.pem".to_owned())?);
    let (key, next) = (directory.join(format!("{name}.key")), directory.join(format!("{name}.key.next")));
    if next.exists() {
        let begun = Identity { cert_pem: cert_pem.clone(), key_pem: read_secret(&next)?, ca_pem: ca_pem.clone() };
        if begun.fits().unwrap_or(false) {
            // The change was cut short after the certificate.
            private::rename(&next, &key).map_err(|source| IdentityError::Write { file: key, source })?;
            return Ok(begun);
        }
    }
    Ok(Identity { cert_pem, key_pem: read_secret(&key)?, ca_pem })
}

/// Writes `name.pem`, `name.key` and `ca.pem`, readable by their owner alone; creates the directory. Whenever it is cut short,
/// the old or the new identity is there.
pub fn save(directory: &Path, name: &str, identity: &Identity) -> Result<(), IdentityError> {
    let unmade = |source| IdentityError::Write { file: directory.to_owned(), source };
    private::make_directory(directory).map_err(unmade)?;
    let _turn = lock(directory)?;
    let (key, next) = (directory.join(format!("{name}.key")), directory.join(format!("{name}.key.next")));
    write_secret(&directory.join("ca.pem"), &identity.ca_pem)?;
    write_secret(&next, &identity.key_pem)?;
    write_secret(&directory.join(format!("{name}.pem")), &identity.cert_pem)?;
    private::rename(&next, &key).map_err(|source| IdentityError::Write { file: key, source })
}

fn lock(directory: &Path) -> Result<File, IdentityError> {
    private::lock(directory).map_err(|source| IdentityError::Read { file: directory.to_owned(), source })
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, thread};
    use tenure_raft::tls::{ClusterAuthority, Role};

    /// Commands that run side by side may renew the same identity.
    #[test]
    fn changes_side_by_side_leave_one_of_them_whole() {
        let directory = tempfile::tempdir().unwrap();
        let authority = ClusterAuthority::create("lab").unwrap();
        let made: Vec<Identity> = (0..8).map(|_| authority.issue("admin", Role::User { id: 0 }).unwrap()).collect();
        save(directory.path(), USER, &made[0]).unwrap();
        thread::scope(|scope| {
            for identity in &made {
                scope.spawn(|| {
                    for _ in 0..20 {
                        save(directory.path(), USER, identity).unwrap();
                        assert!(load(directory.path(), USER).unwrap().fits().unwrap());
                    }
                });
            }
        });
        assert!(load(directory.path(), USER).unwrap().fits().unwrap());
    }

    #[test]
    fn a_change_that_is_cut_short_leaves_the_old_or_the_new_identity() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let authority = ClusterAuthority::create("lab").unwrap();
        let [old, new] = [1, 1].map(|id| authority.issue("p1", Role::Node { id }).unwrap());
        save(directory.path(), NODE, &old).unwrap();
        assert!(!at("node.key.next").exists());

        write_secret(&at("node.key.next"), &new.key_pem).unwrap();
        let found = load(directory.path(), NODE).unwrap();
        assert!(found.cert_pem == old.cert_pem && found.fits().unwrap());

        write_secret(&at("node.pem"), &new.cert_pem).unwrap();
        let found = load(directory.path(), NODE).unwrap();
        assert!(found.cert_pem == new.cert_pem && found.fits().unwrap());
        assert!(!at("node.key.next").exists());
        assert_eq!(fs::read_to_string(at("node.key")).unwrap(), new.key_pem);
    }
}
