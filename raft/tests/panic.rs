//! A panic while a command is applied must not leave a node that looks alive.

mod common;

use std::sync::Arc;

use common::{Echo, SOON, options};
use tenure_raft::tls::ClusterAuthority;
use tenure_raft::{Raft, RestoreError, StateMachine};

/// Panics over one command.
struct Fragile;

impl StateMachine for Fragile {
    type Image = ();

    fn apply(&mut self, _index: u64, command: &[u8]) -> Vec<u8> {
        assert_ne!(command, b"panic", "planted");
        Vec::new()
    }

    fn image(&self) {}

    fn encode((): ()) -> Vec<u8> {
        Vec::new()
    }

    fn restore(&mut self, _bytes: &[u8]) -> Result<(), RestoreError> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_watches_a_node_learns_that_it_has_panicked() {
    let authority = ClusterAuthority::create(common::CLUSTER).unwrap();
    let node = Raft::start(options(&authority, 1), Fragile, Arc::new(Echo)).await.unwrap();
    node.initialize([(1, node.peer().unwrap())].into()).await.unwrap();
    node.propose(b"good".to_vec(), SOON).await.unwrap();
    let mut changes = node.changed();
    assert!(node.propose(b"panic".to_vec(), SOON).await.is_err());
    let learns = async { while node.status().failed.is_none() && changes.changed().await.is_ok() {} };
    tokio::time::timeout(SOON, learns).await.expect("its watch ends, or its status says why");
    tokio::time::timeout(SOON, node.shutdown()).await.expect("it can be stopped");
    let status = node.status();
    assert!(status.failed.is_some(), "{status:?}");
    assert_ne!(status.quorum_ack_age, Some(std::time::Duration::ZERO), "it is no quorum any more: {status:?}");
}
