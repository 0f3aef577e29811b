//! A node whose ledger differs from the others': here because its build has applied one entry differently. That
//! causes no failure, and nobody would notice. The comparison of ledgers detects it, and the node stops; the others
//! go on.

use super::{
    forgotten::frozen,
    nodes::{Cluster, commit, said, tenure, until},
    zombie::Mute,
};
use std::sync::Arc;
use tenure::{api::Client, node::Machine};
use tenure_core::Verb;
use tenure_raft::{Raft, RestoreError, Snapshots, StateMachine};

/// Number of entries between two comparisons.
const COMPARED_EVERY: u64 = 512;

/// A state machine that skips one entry.
struct Crooked {
    machine: Machine,
    left_out: u64,
}

impl StateMachine for Crooked {
    type Image = <Machine as StateMachine>::Image;

    fn apply(&mut self, index: u64, command: &[u8]) -> Vec<u8> {
        self.machine.apply(index, if index == self.left_out { &[] } else { command })
    }

    fn image(&self) -> Self::Image {
        self.machine.image()
    }

    fn encode(image: Self::Image) -> Vec<u8> {
        Machine::encode(image)
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<(), RestoreError> {
        self.machine.restore(bytes)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_ledger_differs_from_the_others_stops_and_the_cluster_says_so() {
    let mut cluster = Cluster::of(3, "crooked", "").await;
    cluster.declare(2).await;
    cluster.kill("p3");
    let left_out = cluster.commit(Verb::Freeze { group: "g0".into(), terms: Default::default() }).await;
    let options = cluster.nodes["p3"].options(Snapshots { every: 4, keep: 1, ..Snapshots::default() });
    let crooked = Crooked { machine: Machine::default(), left_out };
    let crooked = Raft::start(options, crooked, Arc::new(Mute)).await.expect("its consensus");
    let asks = [Verb::Freeze { group: "g1".into(), terms: Default::default() }, Verb::Unfreeze { group: "g1".into() }];
    let client = cluster.client();
    until("its ledger is kept in a snapshot", async || {
        for ask in &asks {
            commit(&client, Client::request_id(), ask).await;
        }
        crooked.status().snapshot_index > Some(left_out)
    })
    .await;
    crooked.shutdown().await;
    cluster.start("p3");
    cluster.answers("p3").await;

    // It replicates, votes and answers like any other.
    let groups = |g0: bool, g1: bool| vec![("g0".to_owned(), g0), ("g1".to_owned(), g1)];
    assert_eq!(frozen(&cluster, "p1").await, groups(true, false));
    assert_eq!(frozen(&cluster, "p3").await, groups(false, false));

    let mut last = 0;
    let begun = commit(&client, Client::request_id(), &asks[0]).await.0;
    while last / COMPARED_EVERY == begun / COMPARED_EVERY {
        for ask in [&asks[1], &asks[0]] {
            last = commit(&client, Client::request_id(), ask).await.0;
        }
    }
    until("p3 ends", async || !cluster.node("p3").runs()).await;
    let (status, _) = cluster.node("p3").ended();
    let log = cluster.nodes["p3"].log();
    assert_eq!(status.code(), Some(3), "{log}");
    assert!(log.contains("the ledger of this node differs from that of most"), "{log}");
    let others = format!("{},{}", cluster.nodes["p1"].api, cluster.nodes["p2"].api);
    let (admin, mut events) = (cluster.admin(), String::new());
    until("the events say it", async || {
        events = said(&tenure(&others, &admin, &["events"]));
        events.contains("the ledger of p3 differs from that of most")
    })
    .await;
    cluster.commit(Verb::Unfreeze { group: "g0".into() }).await;
}
