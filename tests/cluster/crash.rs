//! `kill -9` in the middle of a write load: acknowledged changes are found again, and nothing is done twice.

use super::{
    load::{Load, find_again},
    nodes::Cluster,
};
use std::time::Instant;

/// Snapshots often enough that kills hit nodes that write them and purge their logs.
const SNAPSHOTS: &str = "snapshot_every = 50\nsnapshot_keep = 10\n";
const CLIENTS: usize = 6;
/// Number of times that all nodes are killed at once.
const ROUNDS: usize = 3;
/// Acknowledged changes before and after every crash.
const CHANGES: usize = 40;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_kills_in_the_middle_of_a_load() {
    let mut cluster = Cluster::of(3, "crash", SNAPSHOTS).await;
    cluster.declare(CLIENTS).await;
    let began = Instant::now();
    let load = Load::start(&cluster, CLIENTS);
    load.acknowledges(CHANGES).await;

    let leader = cluster.leads().await;
    let killed = Instant::now();
    cluster.kill(&leader);
    load.acknowledges(1).await;
    println!("leader {leader} killed: the next change is acknowledged after {:?}", killed.elapsed());
    load.acknowledges(CHANGES).await;
    cluster.start(&leader);
    println!("{leader} answers again after {:?}", cluster.answers(&leader).await);

    let leader = cluster.leads().await;
    let follower = cluster.nodes.keys().find(|name| **name != leader).expect("a follower").clone();
    cluster.kill(&follower);
    load.acknowledges(CHANGES).await;
    cluster.start(&follower);
    load.acknowledges(CHANGES).await;

    for round in 1..=ROUNDS {
        let names: Vec<String> = cluster.nodes.keys().cloned().collect();
        names.iter().for_each(|name| cluster.kill(name));
        let restarted = Instant::now();
        names.iter().for_each(|name| cluster.start(name));
        load.acknowledges(1).await;
        println!("all killed, round {round}: the next change is acknowledged after {:?}", restarted.elapsed());
        load.acknowledges(CHANGES).await;
    }

    let writes = load.end().await;
    let took = began.elapsed();
    let all: Vec<_> = writes.iter().flatten().collect();
    let doubtful = all.iter().filter(|write| write.sent > 1).count();
    let names: Vec<String> = cluster.nodes.keys().cloned().collect();
    names.iter().for_each(|name| cluster.kill(name));
    names.iter().for_each(|name| cluster.start(name));
    cluster.leads().await;
    let repeated = find_again(&cluster, &writes).await;
    println!(
        "{} changes acknowledged to {CLIENTS} clients in {took:?}, {doubtful} of them sent more than once; all found again, \
         {repeated} repeated without effect",
        all.len()
    );
}
