//! Code shared by several test binaries. Each uses a part of it.
#![allow(dead_code)]

pub mod machine;

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use openraft::storage::{IOFlushed, RaftLogStorage, RaftLogStorageExt};
use openraft::type_config::TypeConfigExt;
use tenure_storage::{Command, Entry, Identity, LeaderId, LogId, OpenError, Payload, SnapshotStore, TokioTypes, Vote};

pub type LogStore = tenure_storage::LogStore<TokioTypes>;

pub fn identity() -> Identity {
    Identity { cluster: "blue".to_owned(), node: 7 }
}

/// Opens the directory as the node that all tests are.
pub fn open(dir: &Path) -> Result<(LogStore, SnapshotStore), OpenError> {
    tenure_storage::open(dir, &identity(), None)
}

/// The whole chain of an error, as an operator would see it.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text.push_str(": ");
        text.push_str(&source.to_string());
        next = source.source();
    }
    text
}

/// The error of opening the directory.
pub fn refusal(dir: &Path) -> String {
    match open(dir) {
        Ok(_) => panic!("{} opened", dir.display()),
        Err(error) => chain(&error),
    }
}

pub fn leader(term: u64) -> LeaderId {
    LeaderId { term, node_id: 1 }
}

pub fn id(term: u64, index: u64) -> LogId {
    LogId::new(leader(term), index)
}

pub fn vote(term: u64) -> Vote {
    Vote { leader_id: leader(term), committed: true }
}

/// An entry with a command of `bytes` bytes that depend on its place.
pub fn entry(term: u64, index: u64, bytes: usize) -> Entry {
    let command = (0..bytes).map(|at| (at as u64 * 31 + index * 7 + term) as u8).collect();
    Entry { log_id: id(term, index), payload: Payload::Normal(Command(command)) }
}

/// Appends and waits until it is durable.
pub fn append(store: &mut LogStore, entries: impl IntoIterator<Item = Entry>) {
    let entries: Vec<_> = entries.into_iter().collect();
    block_on(store.blocking_append(entries)).expect("the append is durable");
}

/// Appends without waiting; the future tells when it is durable.
pub fn begin_append(
    store: &mut LogStore,
    entries: Vec<Entry>,
) -> io::Result<impl Future<Output = io::Result<()>> + use<>> {
    let (done, flushed) = TokioTypes::oneshot();
    block_on(store.append(entries, IOFlushed::signal(done)))?;
    Ok(async move { flushed.await.expect("every append is answered") })
}

/// The database below the store. Its own threads let go of it a moment after it was dropped.
pub fn database(dir: &Path) -> sled::Db {
    let limit = Instant::now() + Duration::from_secs(20);
    loop {
        match sled::open(dir) {
            Ok(db) => return db,
            Err(why) => again(limit, &why),
        }
    }
}

/// It is not so yet: pauses before the next look, or gives up.
fn again(limit: Instant, why: &sled::Error) {
    assert!(Instant::now() < limit, "{why}");
    std::thread::sleep(Duration::from_millis(5));
}
