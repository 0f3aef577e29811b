//! The durable store: one directory, one sled database in it, one node's log, vote and snapshot.
//!
//! A witness (see `witness.rs`) may be kept outside the directory, where it is not lost with it. Layout of `<dir>`:
//! `lock` (held by the running process), `mark` (see `mark.rs`), `db` and further files of sled. Trees: `meta` (keys
//! `manifest`, `syncs`, `vote`, `committed`, `purged`), `log` (key: index, piece; both big-endian) and `snapshot`
//! (see there).
//!
//! sled's own flush does not make data durable on Linux: it writes and waits for the page cache, but neither for the drive
//! nor for the file's length. Three things mend that. The file is written through (see `write_through.rs`); every flush is
//! followed by an fdatasync, which is all there is where a file system cannot write through; and values are kept so small
//! that no page grows large (see `pieces.rs`), because sled puts large pages into files of their own.

mod engine;
mod error;
mod lock;
mod log;
mod mark;
mod pieces;
#[cfg(test)]
mod power;
mod private;
mod snapshot;
mod witness;
mod write_through;

pub use engine::Identity;
pub use error::OpenError;
pub(crate) use snapshot::SnapshotKeeper;

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::backend::LogBackend;
use crate::image::Image;
use crate::log_store::LogStore;
use crate::snapshot::{SavedSnapshot, SnapshotStore};
use crate::types::Types;
use engine::Engine;
use log::DiskLog;
use witness::Witness;

/// Notes in `file` that a node is new: a directory opened with this file as its witness may be blank this once.
///
/// # Errors
/// An error of the file system.
pub fn begin_witness(file: &Path) -> io::Result<()> {
    Witness::begin(file)
}

/// Opens the directory of one node, or makes it. Blocks while it reads and checks the whole log.
///
/// The directory is free again when the log store and every clone of the snapshot store are dropped. Dropping either
/// blocks until queued operations are written.
///
/// # Errors
/// If the directory is in use, belongs to another node, was written by a newer build, holds less than `witness` says, or
/// holds a record that does not check out. Nothing is ever repaired: the message names the record.
pub fn open<C: Types>(
    dir: &Path,
    identity: &Identity,
    witness: Option<&Path>,
) -> Result<(LogStore<C>, SnapshotStore), OpenError> {
    let engine = Arc::new(Engine::open(dir, identity, witness)?);
    let unreadable = |source| OpenError::Load { dir: dir.to_owned(), source };
    let log = LogStore::over(DiskLog::new(Arc::clone(&engine))).map_err(unreadable)?;
    let snapshots = SnapshotKeeper::start(engine).map_err(unreadable)?;
    Ok((log, SnapshotStore::on_disk(snapshots)))
}

/// The stored data of a stopped node.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The owner of the data.
    pub identity: Identity,
    /// Log and vote.
    pub image: Image,
    /// The latest snapshot.
    pub snapshot: Option<SavedSnapshot>,
}

/// Reads everything that the directory of a stopped node holds, or a copy of one. Checks what [`open`] checks, and clears
/// away what a start of the node would. The directory is free again when this returns.
///
/// # Errors
/// As [`open`], and if the directory is not one of a node. A running node's is in use.
pub fn look(dir: &Path) -> Result<Stored, OpenError> {
    let (engine, identity) = Engine::existing(dir)?;
    let engine = Arc::new(engine);
    let unreadable = |source| OpenError::Load { dir: dir.to_owned(), source };
    let image = DiskLog::new(Arc::clone(&engine)).load().map_err(unreadable)?;
    let snapshot = snapshot::load(&engine).map_err(unreadable)?;
    Ok(Stored { identity, image, snapshot })
}
