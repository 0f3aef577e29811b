//! A node that was away until the part of the log that it needs was purged catches up by a snapshot.

use super::{
    load::{Load, find_again},
    nodes::Cluster,
};
use tenure::api::{
    Read,
    wire::{GroupView, StatusView},
};

const CLIENTS: usize = 4;
const ATTEMPTS: u32 = 4;

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_away_until_the_log_was_purged_catches_up_by_a_snapshot() {
    let mut cluster = Cluster::of(3, "snapshot", "snapshot_every = 60\nsnapshot_keep = 5\n").await;
    cluster.declare(CLIENTS).await;
    let leader = cluster.leads().await;
    let away = cluster.nodes.keys().find(|name| **name != leader && **name != "p1").expect("a follower").clone();
    let mut left = 0;
    let mut writes = vec![Vec::new(); CLIENTS];
    let mut state = [false; CLIENTS];
    // Consensus does not purge entries that it is about to send to a node, so the log may still be whole when it
    // returns.
    for attempt in 1.. {
        cluster.kill(&away);
        left = cluster.members_of(&leader).await.index;
        let load = Load::resume(&cluster, &state);
        load.acknowledges(200).await;
        for (number, more) in load.end().await.into_iter().enumerate() {
            state[number] ^= more.len() % 2 == 1;
            writes[number].extend(more);
        }
        let now = cluster.members_of(&leader).await.index;
        cluster.start(&away);
        let took = cluster.applied(&away, now).await;
        let log = cluster.nodes[&away].log();
        let by_snapshot = log.lines().filter(|line| line.contains("took over a snapshot")).count();
        println!(
            "{away} was away from index {left} to {now}: {by_snapshot} snapshots taken over, level after {took:?}"
        );
        if by_snapshot > 0 {
            break;
        }
        assert!(attempt < ATTEMPTS, "{away} was to catch up by a snapshot");
    }

    // It has the same state as the others, and can run the cluster with one of them.
    let (one, other) = (cluster.client_of(&leader), cluster.client_of(&away));
    let (one, other) =
        (one.status(Read::Stale).await.expect("a state"), other.status(Read::Linearizable).await.expect("a state"));
    // Each by its own clock, which is the time at which what they know is so.
    let timeless = |status: StatusView| {
        status.groups.into_iter().map(|group| GroupView { read_at: None, ..group }).collect::<Vec<_>>()
    };
    assert_eq!(timeless(one), timeless(other));
    let third = cluster.nodes.keys().find(|name| **name != leader && **name != away).expect("a third").clone();
    cluster.kill(&third);
    cluster.leads().await;
    find_again(&cluster, &writes).await;

    // The snapshot that it installed is durable: it starts from it, without help.
    cluster.kill(&leader);
    cluster.kill(&away);
    cluster.start(&away);
    let took = cluster.applied(&away, left + 1).await;
    println!("{away} alone starts from its snapshot after {took:?}");
    cluster.start(&third);
    cluster.leads().await;
    find_again(&cluster, &writes).await;
}
