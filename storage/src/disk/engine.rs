//! The database of one directory, opened, locked and known to be ours; and the one way to make it durable.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use super::error::OpenError;
use super::lock::DirectoryLock;
use super::write_through::write_through;
use crate::backend::LoadError;
use crate::format::{self, v1};

/// The layout of trees and keys that this build writes and reads.
const LAYOUT: u32 = 1;
/// What sled may keep of its pages in memory. The log is read only at start, so little helps.
const CACHE_BYTES: u64 = 16 << 20;
/// How long a database that this process closed may take to let go of its file: sled finishes its last write on a thread
/// of its own.
const CLOSING_LIMIT: Duration = Duration::from_secs(5);
/// How often that is looked at.
const CLOSING_POLL: Duration = Duration::from_millis(5);

const MANIFEST: &str = "manifest";

/// Whose data it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The cluster.
    pub cluster: String,
    /// The node in it.
    pub node: u64,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {} of cluster {}", self.node, self.cluster)
    }
}

/// An open database.
pub struct Engine {
    pub(super) db: sled::Db,
    pub(super) meta: sled::Tree,
    pub(super) log: sled::Tree,
    pub(super) snapshot: sled::Tree,
    file: File,
    failed: OnceLock<String>,
    // Last, so that the directory is freed only when the database is closed.
    _lock: DirectoryLock,
}

impl Engine {
    /// Opens or makes the database, and checks whose it is.
    pub fn open(dir: &Path, identity: &Identity) -> Result<Self, OpenError> {
        let failed = |action| {
            move |source| OpenError::Io {
                action,
                dir: dir.to_owned(),
                source,
            }
        };
        fs::create_dir_all(dir).map_err(failed("make"))?;
        let lock = DirectoryLock::take(dir)?;
        // Before sled writes its first byte, or repairs its tail.
        if !write_through(&dir.join("db")).map_err(failed("open the database in"))? {
            tracing::warn!(
                dir = %dir.display(),
                "this file system does not write through on request: after a loss of power this node may have to be \
                 rebuilt from the others, unless its drives have no volatile cache"
            );
        }
        let db = open_database(dir).map_err(failed("open the database in"))?;
        let tree = |name| {
            db.open_tree(name)
                .map_err(io::Error::from)
                .map_err(failed("open the database in"))
        };
        let engine = Engine {
            meta: tree("meta")?,
            log: tree("log")?,
            snapshot: tree("snapshot")?,
            file: File::open(dir.join("db")).map_err(failed("open the database in"))?,
            failed: OnceLock::new(),
            db,
            _lock: lock,
        };
        engine.claim(dir, identity)?;
        // Opening made files or renamed some.
        sync_names(dir).map_err(failed("sync the names in"))?;
        Ok(engine)
    }

    /// Makes everything written so far durable. After a failure it fails for ever: the kernel may have dropped the pages that
    /// it could not write, and would report success the next time.
    pub fn sync(&self) -> io::Result<()> {
        if let Some(failed) = self.failed.get() {
            return Err(io::Error::other(format!(
                "an earlier sync failed: {failed}"
            )));
        }
        let synced = self
            .db
            .flush()
            .map_err(io::Error::from)
            .and_then(|_| self.file.sync_data());
        if let Err(error) = &synced {
            let _ = self.failed.set(error.to_string());
        }
        synced
    }

    /// Reads one record of the `meta` tree.
    pub fn read_meta<B: format::Body>(&self, key: &str) -> Result<Option<B>, LoadError> {
        let record = || match key {
            MANIFEST => MANIFEST.to_owned(),
            key => format!("{key} record"),
        };
        let stored = self
            .meta
            .get(key)
            .map_err(|error| unreadable(record(), error))?;
        stored
            .map(|bytes| {
                format::open(&bytes).map_err(|fault| LoadError::Record {
                    record: record(),
                    fault,
                })
            })
            .transpose()
    }

    /// Checks the manifest, or writes it into a directory that is still empty.
    fn claim(&self, dir: &Path, identity: &Identity) -> Result<(), OpenError> {
        let unusable = |source| OpenError::Load {
            dir: dir.to_owned(),
            source,
        };
        let Some(manifest) = self.read_meta::<v1::Manifest>(MANIFEST).map_err(unusable)? else {
            return self.found(dir, identity);
        };
        if manifest.layout != LAYOUT {
            return Err(OpenError::Layout {
                dir: dir.to_owned(),
                written: manifest.layout,
                reads: LAYOUT,
            });
        }
        let found = Identity {
            cluster: manifest.cluster,
            node: manifest.node,
        };
        if found != *identity {
            return Err(OpenError::Foreign {
                dir: dir.to_owned(),
                found,
                wanted: identity.clone(),
            });
        }
        Ok(())
    }

    fn found(&self, dir: &Path, identity: &Identity) -> Result<(), OpenError> {
        if !(self.meta.is_empty() && self.log.is_empty() && self.snapshot.is_empty()) {
            return Err(OpenError::Anonymous {
                dir: dir.to_owned(),
            });
        }
        let manifest = v1::Manifest {
            layout: LAYOUT,
            cluster: identity.cluster.clone(),
            node: identity.node,
        };
        self.meta
            .insert(MANIFEST, format::seal(&manifest))
            .map_err(io::Error::from)
            .and_then(|_| self.sync())
            .map_err(|source| OpenError::Io {
                action: "write the manifest of",
                dir: dir.to_owned(),
                source,
            })
    }
}

/// A new file is found after a power cut only if its name is durable too: in its directory, and that in its parent.
fn sync_names(dir: &Path) -> io::Result<()> {
    let dir = dir.canonicalize()?;
    File::open(&dir)?.sync_all()?;
    match dir.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

fn open_database(dir: &Path) -> io::Result<sled::Db> {
    let config = sled::Config::new()
        .path(dir)
        .cache_capacity(CACHE_BYTES)
        // No thread that flushes on its own: when something is durable is decided here.
        .flush_every_ms(None);
    let start = Instant::now();
    loop {
        match config.open() {
            // Our own lock is held, so only a database that this process is still closing can hold sled's.
            Err(sled::Error::Io(error))
                if error.to_string().contains("could not acquire lock")
                    && start.elapsed() < CLOSING_LIMIT =>
            {
                thread::sleep(CLOSING_POLL);
            }
            opened => return opened.map_err(io::Error::from),
        }
    }
}

/// The engine could not read `what`.
pub fn unreadable(what: String, error: sled::Error) -> LoadError {
    LoadError::Read {
        what,
        source: error.into(),
    }
}
