//! Reads the stored data of a stopped node without starting it, for replaying.

use std::path::Path;

use tenure_storage::{Identity, OpenError, Payload};

use crate::store::{Content, content, open};

/// The stored data of a stopped node.
#[derive(Debug)]
pub struct StoredLog {
    /// The node and cluster that it belongs to.
    pub identity: Identity,
    /// The latest snapshot: the index that it covers, and the state machine's own bytes.
    pub snapshot: Option<(u64, Vec<u8>)>,
    /// The last index that the log no longer holds; `None` if it holds everything from its beginning.
    pub purged: Option<u64>,
    /// The entries, in order.
    pub entries: Vec<StoredEntry>,
    /// The last index that this node knew to be committed. What follows it may or may not have been.
    pub committed: Option<u64>,
}

/// One entry of the log.
#[derive(Debug)]
#[allow(missing_docs)] // what a name says is not said again
pub struct StoredEntry {
    pub index: u64,
    /// The term of the leader that proposed it.
    pub term: u64,
    /// Its content.
    pub what: StoredCommand,
}

/// The content of an entry.
#[derive(Debug, PartialEq, Eq)]
pub enum StoredCommand {
    /// A command of the state machine.
    Command(Vec<u8>),
    /// Nothing, or something of consensus itself, in words.
    Own(String),
}

/// The stored data cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum StoredError {
    /// The directory cannot be used.
    #[error("read what is stored")]
    Storage(#[source] OpenError),
    /// An entry or the snapshot says something that this program does not know.
    #[error("read what is stored: {0}")]
    Unknown(String),
}

/// Reads the data directory of a stopped node, or a copy of one. Blocks while it reads.
///
/// # Errors
/// If the directory is in use, which that of a running node is; if it is not one of a node; if something in it does not
/// check out, or was written by a newer program.
pub fn stored(dir: &Path) -> Result<StoredLog, StoredError> {
    let stored = tenure_storage::look(dir).map_err(StoredError::Storage)?;
    let snapshot = match &stored.snapshot {
        Some(saved) => {
            let opened = open(&saved.data, &stored.identity.cluster);
            let (head, state) = opened.map_err(|why| StoredError::Unknown(why.to_string()))?;
            head.last.map(|last| (last.index, state.to_vec()))
        }
        None => None,
    };
    let mut entries = Vec::with_capacity(stored.image.len());
    for entry in stored.image.range(..) {
        let (index, term) = (entry.log_id.index, entry.log_id.leader_id.term);
        let what = match &entry.payload {
            Payload::Blank => StoredCommand::Own("a new leader begins".to_owned()),
            Payload::Membership(members) => StoredCommand::Own(format!("members: {members}")),
            Payload::Normal(command) => match content(command) {
                Ok(Content::Application(bytes)) => StoredCommand::Command(bytes.to_vec()),
                Ok(Content::RaiseLevel(level)) => StoredCommand::Own(format!("feature level {level}")),
                Err(why) => return Err(StoredError::Unknown(format!("log entry {index}: {why}"))),
            },
        };
        entries.push(StoredEntry { index, term, what });
    }
    let purged = stored.image.purged().map(|purged| purged.index);
    let committed = stored.image.committed().map(|committed| committed.index);
    Ok(StoredLog { identity: stored.identity, snapshot, purged, entries, committed })
}
