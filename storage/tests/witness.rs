//! A directory that holds less than its node has acknowledged is refused, unless the node is new.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{append, chain, entry, identity, vote};
use futures::executor::block_on;
use openraft::storage::RaftLogStorage;
use tempfile::TempDir;
use tenure_storage::{OpenError, begin_witness};

struct Node {
    root: TempDir,
}

impl Node {
    fn new() -> Node {
        let node = Node { root: TempDir::new().unwrap() };
        begin_witness(&node.witness()).unwrap();
        node
    }

    fn witness(&self) -> PathBuf {
        self.root.path().join("acknowledged")
    }

    fn dir(&self) -> PathBuf {
        self.root.path().join("data")
    }

    fn open(&self) -> Result<common::LogStore, OpenError> {
        tenure_storage::open(&self.dir(), &identity(), Some(&self.witness())).map(|(log, _)| log)
    }

    /// Everything but the witness is put aside, or put back.
    fn keep(&self, name: &str) {
        copy(&self.dir(), &self.root.path().join(name));
    }

    fn put_back(&self, name: &str) {
        fs::remove_dir_all(self.dir()).unwrap();
        copy(&self.root.path().join(name), &self.dir());
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for item in fs::read_dir(from).unwrap() {
        let item = item.unwrap();
        let target = to.join(item.file_name());
        if item.file_type().unwrap().is_dir() {
            copy(&item.path(), &target)
        } else {
            drop(fs::copy(item.path(), target))
        }
    }
}

fn refused(node: &Node) -> OpenError {
    let error = node.open().err().expect("it is refused");
    assert!(error.has_forgotten(), "{}", chain(&error));
    error
}

#[test]
fn a_new_node_may_be_blank_and_one_that_was_opened_may_not() {
    let node = Node::new();
    drop(node.open().expect("a new node begins with nothing"));
    drop(node.open().expect("and goes on with that"));
    fs::remove_dir_all(node.dir()).unwrap();
    let error = refused(&node);
    assert!(matches!(error, OpenError::Blank { node: 7, .. }), "{}", chain(&error));
    let error = refused(&node);
    assert!(matches!(error, OpenError::Blank { .. }), "it is refused again: {}", chain(&error));
}

#[test]
fn a_start_that_was_cut_short_before_it_promised_anything_may_be_repeated() {
    let node = Node::new();
    fs::create_dir_all(node.dir()).unwrap();
    drop(node.open().expect("it begins"));
    // As if the crash had come just before the witness was written.
    begin_witness(&node.witness()).unwrap();
    drop(node.open().expect("nothing was acknowledged"));
}

#[test]
fn a_copy_from_before_is_refused_after_a_stop_and_after_a_vote() {
    let node = Node::new();
    let mut log = node.open().unwrap();
    append(&mut log, (0..3).map(|index| entry(1, index, 10)));
    drop(log);
    node.keep("stopped");
    let mut log = node.open().unwrap();
    append(&mut log, [entry(1, 3, 10)]);
    drop(log);
    node.keep("newer");
    node.put_back("stopped");
    let error = refused(&node);
    assert!(matches!(error, OpenError::Older { .. }), "{}", chain(&error));

    node.put_back("newer");
    let mut log = node.open().expect("the newest is good");
    let before = fs::read(node.witness()).unwrap();
    append(&mut log, [entry(1, 4, 10)]);
    assert_eq!(fs::read(node.witness()).unwrap(), before, "an entry costs the witness nothing");
    block_on(log.save_vote(&vote(2))).unwrap();
    assert_ne!(fs::read(node.witness()).unwrap(), before, "a vote is witnessed");
    // A process that is killed witnesses nothing more.
    let killed = fs::read(node.witness()).unwrap();
    drop(log);
    fs::write(node.witness(), killed).unwrap();
    node.put_back("newer");
    let error = refused(&node);
    assert!(matches!(error, OpenError::Older { .. }), "{}", chain(&error));
}

#[test]
fn entries_are_witnessed_in_strides() {
    let node = Node::new();
    let mut log = node.open().unwrap();
    append(&mut log, [entry(1, 0, 10)]);
    drop(log);
    node.keep("before");
    let mut log = node.open().unwrap();
    for index in 1..=200 {
        append(&mut log, [entry(1, index, 10)]);
    }
    let killed = fs::read(node.witness()).unwrap();
    drop(log);
    fs::write(node.witness(), killed).unwrap();
    node.put_back("before");
    let error = refused(&node);
    assert!(matches!(error, OpenError::Older { .. }), "{}", chain(&error));
}

#[test]
fn a_witness_that_is_gone_or_damaged_is_no_permission() {
    let node = Node::new();
    drop(node.open().unwrap());
    let sound = fs::read(node.witness()).unwrap();
    fs::write(node.witness(), vec![0xff; sound.len()]).unwrap();
    assert!(matches!(refused(&node), OpenError::Unwitnessed { .. }));
    fs::remove_file(node.witness()).unwrap();
    assert!(matches!(refused(&node), OpenError::Unwitnessed { .. }));
    fs::remove_dir_all(node.dir()).unwrap();
    assert!(matches!(refused(&node), OpenError::Unwitnessed { .. }), "nor is it for a blank directory");
}
