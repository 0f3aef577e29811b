//! A network that swallows packets: connections stay open and nothing comes through.

mod common;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use common::{Cluster, SOON, options, trace};
use tenure_raft::{Options, Peer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Stands before a node; passes bytes on, or holds them back in both directions.
struct Gate {
    address: SocketAddr,
    open: watch::Sender<bool>,
    callers: watch::Receiver<usize>,
}

impl Gate {
    async fn before(node: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (open, opened) = watch::channel(true);
        let (called, callers) = watch::channel(0);
        tokio::spawn(async move {
            while let Ok((incoming, _)) = listener.accept().await {
                called.send_modify(|count| *count += 1);
                let Ok(outgoing) = TcpStream::connect(node).await else {
                    continue;
                };
                let (from_caller, to_caller) = incoming.into_split();
                let (from_node, to_node) = outgoing.into_split();
                tokio::spawn(pass(from_caller, to_node, opened.clone()));
                tokio::spawn(pass(from_node, to_caller, opened.clone()));
            }
        });
        Self { address, open, callers }
    }

    fn set(&self, open: bool) {
        self.open.send_replace(open);
    }

    /// Waits until some caller has dropped a connection through here and calls again.
    async fn called_again(&self) {
        let mut callers = self.callers.clone();
        let before = *callers.borrow_and_update();
        let again = callers.wait_for(|count| *count > before);
        tokio::time::timeout(SOON, again).await.unwrap().unwrap();
    }
}

async fn pass(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    mut open: watch::Receiver<bool>,
) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if open.wait_for(|open| *open).await.is_err() || to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

/// Three nodes, each called through its gate. A node behind a shut gate hears no caller, but its own calls are answered.
async fn gated() -> (Cluster, BTreeMap<u64, Gate>) {
    let mut cluster = Cluster::empty();
    let mut gates = BTreeMap::new();
    for id in 1..=3 {
        // Taken and freed again, so that the gate is known before the node starts.
        let probe = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listen = probe.local_addr().unwrap();
        drop(probe);
        let gate = Gate::before(listen).await;
        let advertise = gate.address.to_string();
        let options = Options { listen, advertise, ..options(&cluster.authority, id) };
        cluster.start_with(options).await;
        gates.insert(id, gate);
    }
    let members: BTreeMap<u64, Peer> = cluster.nodes.iter().map(|(id, node)| (*id, node.peer().unwrap())).collect();
    cluster.nodes[&1].initialize(members).await.unwrap();
    cluster.leader().await;
    (cluster, gates)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_followers_that_hear_nothing_elect_nobody_and_catch_up_when_they_hear_again() {
    trace();
    let (cluster, gates) = gated().await;
    let leader = cluster.leader().await;
    leader.propose(b"before".to_vec(), SOON).await.unwrap();
    let term = leader.status().term;
    for (id, gate) in &gates {
        gate.set(*id == leader.id());
    }
    // The leader's appends reach nobody, so it loses its quorum, and says so instead of answering.
    let short = std::time::Duration::from_millis(1500);
    assert!(leader.barrier(short).await.is_err());
    for gate in gates.values() {
        gate.set(true);
    }
    let leader = cluster.leader().await;
    leader.propose(b"after".to_vec(), SOON).await.unwrap();
    for node in cluster.nodes.values() {
        node.barrier(SOON).await.unwrap();
        let commands = node.state(|journal| journal.commands.clone());
        assert_eq!(commands.first().unwrap(), b"before");
        assert_eq!(commands.last().unwrap(), b"after");
    }
    assert!(leader.status().term >= term);
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_that_hears_nothing_returns_without_unseating_the_leader() {
    trace();
    let (cluster, gates) = gated().await;
    let leader = cluster.leader().await;
    let cut = cluster.follower().await;
    let term = leader.status().term;
    gates[&cut.id()].set(false);
    for n in 0..20u8 {
        leader.propose(vec![n], SOON).await.unwrap();
    }
    // By then it has wanted elections for long: a silent connection outlives several election timeouts.
    gates[&cut.id()].called_again().await;
    gates[&cut.id()].set(true);
    cut.barrier(SOON).await.unwrap();
    assert_eq!(cut.state(|journal| journal.commands.len()), 20);
    let status = leader.status();
    assert!(status.is_leader && status.term == term, "{status:?}");
    cluster.shutdown().await;
}
