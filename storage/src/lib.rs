//! Durable Raft log, vote and snapshots.
//!
//! Promises: acknowledged writes survive the loss of power; the vote and the log reach the disk in one order; corrupt
//! or newer data is refused by name and never repaired silently. Refuses to know what a command means, and who the
//! leader is.
//!
//! [`open`] gives a node its [`LogStore`] and [`SnapshotStore`] in a directory; [`LogStore::memory`] and
//! [`SnapshotStore::memory`] are their twins for tests. The log store mirrors the unpurged log in memory and hands every
//! change to a [`Submit`]: a thread over a [`LogBackend`], nothing at all, or a disk that a simulator made up.

mod backend;
mod disk;
pub mod format;
#[doc(hidden)]
pub mod fuzz;
mod image;
mod log_store;
mod op;
mod probe;
mod snapshot;
mod submit;
mod types;
mod writer;

pub use backend::{LoadError, LogBackend};
pub use disk::{Identity, OpenError, Stored, begin_witness, look, open};
pub use format::{Fault, MAX_COMMAND_BYTES};
pub use image::{Image, ImageError};
pub use log_store::{LogReader, LogStore, Poisoned};
pub use op::{Done, Op};
pub use probe::{DiskRate, fdatasync_rate};
pub use snapshot::{KeepSnapshot, SavedSnapshot, SnapshotStore};
pub use submit::{Forget, Submit};
pub use types::{
    Command, Entry, LeaderId, LogId, Membership, Payload, Peer, Reply, SnapshotMeta, StoredMembership, TokioTypes,
    Types, Vote,
};
