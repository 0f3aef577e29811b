//! The errors of opening a directory.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::engine::Identity;
use crate::backend::LoadError;

/// The reason why a directory was not opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The file system refused.
    #[error("cannot {action} data directory {}", .dir.display())]
    Io {
        /// The action that failed.
        action: &'static str,
        /// The directory.
        dir: PathBuf,
        /// The file system's error.
        #[source]
        source: io::Error,
    },
    /// Another process has it open, or this one does already.
    #[error("data directory {} is in use by {}", .dir.display(), holder(.pid))]
    InUse {
        /// The directory.
        dir: PathBuf,
        /// The process that holds it, if it said so.
        pid: Option<u32>,
    },
    /// It belongs to another node or to another cluster.
    #[error("data directory {} belongs to {found}, this is {wanted}", .dir.display())]
    Foreign {
        /// The directory.
        dir: PathBuf,
        /// The owner of the data.
        found: Identity,
        /// The node that opens it.
        wanted: Identity,
    },
    /// It holds data, but no manifest that names the owner.
    #[error("data directory {} holds data but no manifest that says whose", .dir.display())]
    Anonymous {
        /// The directory.
        dir: PathBuf,
    },
    /// It is not the data directory of a node.
    #[error("{} is not the data directory of a node", .dir.display())]
    NoData {
        /// The directory.
        dir: PathBuf,
    },
    /// Its trees and keys are laid out as this build does not know.
    #[error("data directory {} has layout {written}, this build reads {reads}", .dir.display())]
    Layout {
        /// The directory.
        dir: PathBuf,
        /// The layout of the directory.
        written: u32,
        /// The layout that this build reads.
        reads: u32,
    },
    /// It is blank, and this node has acknowledged something before.
    #[error("data directory {} is blank, but node {node} has stored and acknowledged in it before", .dir.display())]
    Blank {
        /// The directory.
        dir: PathBuf,
        /// The node that opens it.
        node: u64,
    },
    /// It is older than what this node has acknowledged.
    #[error(
        "data directory {} is older than what node {node} has acknowledged: it ends at sync {held}, and {acknowledged} was made",
        .dir.display()
    )]
    Older {
        /// The directory.
        dir: PathBuf,
        /// The node that opens it.
        node: u64,
        /// The last sync that it holds.
        held: u64,
        /// A sync that was acknowledged.
        acknowledged: u64,
    },
    /// The witness of what this node has acknowledged cannot be read.
    #[error("what this node has acknowledged is not known: {}: {reason}", .file.display())]
    Unwitnessed {
        /// The file of the witness.
        file: PathBuf,
        /// The error.
        reason: String,
    },
    /// The database does not open: some of it is damaged, or was not written by it.
    #[error("the database in data directory {} is damaged ({reason})", .dir.display())]
    Damaged {
        /// The directory.
        dir: PathBuf,
        /// The database's own words.
        reason: String,
    },
    /// The stored data does not check out.
    #[error("data directory {} cannot be used", .dir.display())]
    Load {
        /// The directory.
        dir: PathBuf,
        /// The record, with its fault.
        #[source]
        source: LoadError,
    },
}

impl OpenError {
    /// Whether this node must not take part again under this identity: it would break its word.
    pub fn has_forgotten(&self) -> bool {
        match self {
            OpenError::Blank { .. }
            | OpenError::Older { .. }
            | OpenError::Unwitnessed { .. }
            | OpenError::Damaged { .. } => true,
            OpenError::Load { source, .. } => match source {
                LoadError::LostSyncs { .. } | LoadError::LostTail { .. } | LoadError::Hole { .. } => true,
                LoadError::Record { fault, .. } => fault.is_damage(),
                LoadError::Read { .. } => false,
            },
            OpenError::Io { .. }
            | OpenError::InUse { .. }
            | OpenError::Foreign { .. }
            | OpenError::Anonymous { .. }
            | OpenError::NoData { .. }
            | OpenError::Layout { .. } => false,
        }
    }
}

fn holder(pid: &Option<u32>) -> String {
    match pid {
        Some(pid) => format!("process {pid}"),
        None => "another process".to_owned(),
    }
}
