//! A leader whose consensus sends heartbeats and that decides nothing: its node's loop is gone, hangs, or has been
//! misled. The others detect that, elect another one, and report it meanwhile.

use super::nodes::{Cluster, said, tenure, until};
use futures::{FutureExt, future::BoxFuture};
use std::{sync::Arc, time::Duration};
use tenure::node::Machine;
use tenure_core::Verb;
use tenure_raft::{AppHandler, Raft, Snapshots};

/// A node without a loop: it answers no call.
pub struct Mute;

impl AppHandler for Mute {
    fn call(&self, _: u64, _: Vec<u8>) -> BoxFuture<'static, Result<Vec<u8>, String>> {
        async { Err("nobody is here".to_owned()) }.boxed()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_beats_and_decides_nothing_is_replaced() {
    let mut cluster = Cluster::of(3, "zombie", "").await;
    cluster.declare(1).await;
    if cluster.leads().await == "p1" {
        cluster.client().transfer_leader(Some("p2")).await.expect("transferred");
    }
    cluster.kill("p1");
    let options = cluster.nodes["p1"].options(Snapshots::default());
    let mute = Raft::start(options, Machine::default(), Arc::new(Mute)).await.expect("its consensus");
    mute.barrier(Duration::from_secs(20)).await.expect("it follows");
    let others = format!("{},{}", cluster.nodes["p2"].api, cluster.nodes["p3"].api);
    let others: Vec<String> = others.split(',').map(str::to_owned).collect();
    let client = cluster.client_at(others.clone());
    // The transfer may be answered late, since the new leader answers no call.
    let _ = client.transfer_leader(Some("p1")).await;
    until("consensus of p1 leads", async || mute.status().is_leader).await;
    let term = mute.status().term;

    until("the others have another leader", async || {
        client.members().await.is_ok_and(|members| members.term > term && members.leader.is_some_and(|one| one != "p1"))
    })
    .await;
    let ask = Verb::Freeze { group: "g0".into(), terms: Default::default() };
    super::nodes::commit(&client, tenure::api::Client::request_id(), &ask).await;
    let log: String = ["p2", "p3"].map(|name| cluster.nodes[name].log()).concat();
    assert!(log.contains("the leader's heartbeats come, but it decides nothing"), "{log}");
    let status = tenure(&others.join(","), &cluster.admin(), &["status"]);
    assert!(status.status.success(), "{}", said(&status));
    mute.shutdown().await;
}
