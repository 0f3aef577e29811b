//! Who votes, without anybody who says so.

use super::nodes::{Cluster, until};
use std::{collections::BTreeSet, time::Duration};

/// The voters, as one node knows them.
async fn voters(cluster: &Cluster, node: &str) -> BTreeSet<String> {
    let members = cluster.members_of(node).await;
    members.members.into_iter().filter(|one| one.voter).map(|one| one.name).collect()
}

async fn vote(cluster: &Cluster, node: &str, expected: &[&str]) -> Duration {
    let expected: BTreeSet<String> = expected.iter().map(|name| (*name).to_owned()).collect();
    until(&format!("{expected:?} vote"), async || voters(cluster, node).await == expected).await
}

#[tokio::test(flavor = "multi_thread")]
async fn votes_are_given_as_nodes_join_and_that_of_a_lost_node_goes_to_another() {
    let mut cluster = Cluster::found("voters", "voter_gone = \"4s\"\n").await;
    cluster.join_as_learner("p2").await;
    cluster.join_as_learner("p3").await;
    println!("p2 and p3 vote {:?} after p3 has joined", vote(&cluster, "p1", &["p1", "p2", "p3"]).await);
    cluster.join_as_learner("p4").await;

    if cluster.leads().await == "p2" {
        cluster.client().transfer_leader(Some("p1")).await.expect("transferred");
        until("p1 leads", async || cluster.leads().await == "p1").await;
    }
    let leader = cluster.leads().await;
    cluster.kill("p2");
    let took = vote(&cluster, &leader, &["p1", "p3", "p4"]).await;
    println!("p4 votes in place of p2 {took:?} after its death");
    let line = "p4 votes in place of p2, silent for too long";
    let told = || cluster.nodes.values().map(|node| node.log().matches(line).count()).sum::<usize>();
    until("the leader says so", async || told() > 0).await;
    assert_eq!(told(), 1, "it says it once");

    // It is back, follows the log, and votes no more. The three decide without it, and after the loss of one of them.
    cluster.start("p2");
    let index = cluster.members_of(&leader).await.index;
    cluster.applied("p2", index).await;
    until("p2 knows that it votes no longer", async || !voters(&cluster, "p2").await.contains("p2")).await;
    cluster.kill(&leader);
    let next = cluster.leads().await;
    assert!(next != leader && next != "p2", "{next} leads");
}
