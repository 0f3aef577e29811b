//! Whoever waits for a leader goes on when there is one, and not when a pause ends.

use crate::world::{World, peer, seconds};
use openraft::{Instant, async_runtime::AsyncRuntime};
use openraft_rt_sim::{SimInstant, SimRuntime};
use std::{sync::Arc, time::Duration};

/// Time between the moment when a node shows another leader and the end of a read and of a proposal that waited for it there.
/// There is none of a proposal that had reached the leader that was lost.
async fn waited(world: &Arc<World>) -> (Duration, Option<Duration>) {
    let nodes: Vec<_> = world.nodes.lock().unwrap().values().cloned().collect();
    let first = nodes.iter().find(|node| node.status().is_leader).expect("one leads").id();
    let node = nodes.iter().find(|node| node.id() != first).expect("three nodes").clone();
    world.net.cut(&[first]);
    let (proposer, reader) = (node.clone(), node.clone());
    let read = SimRuntime::spawn(async move {
        reader.barrier(seconds(20)).await.unwrap();
        SimInstant::now()
    });
    while node.status().leader == Some(first) {
        SimRuntime::sleep(Duration::from_millis(1)).await;
    }
    let proposed = SimRuntime::spawn(async move {
        let proposed = proposer.propose(7_u64.to_le_bytes().to_vec(), seconds(20)).await;
        proposed.ok().map(|_| SimInstant::now())
    });
    while node.status().leader.is_none_or(|leader| leader == first) {
        SimRuntime::sleep(Duration::from_millis(1)).await;
    }
    let seen = SimInstant::now();
    let since = |at: SimInstant| at.saturating_duration_since(seen);
    (since(read.await.unwrap()), proposed.await.unwrap().map(since))
}

#[test]
fn a_new_leader_ends_the_wait_for_one() {
    let (mut reads, mut proposals) = (Vec::new(), Vec::new());
    for seed in 1..=8 {
        SimRuntime::with_seed(seed).block_on(async {
            let world = Arc::new(World::of(3));
            for id in 1..=3 {
                world.boot(id).await;
            }
            let node = world.nodes.lock().unwrap()[&1].clone();
            node.initialize((1..=3).map(|id| (id, peer(id))).collect()).await.unwrap();
            node.barrier(seconds(20)).await.unwrap();
            let (read, proposed) = waited(&world).await;
            reads.push(read);
            proposals.extend(proposed);
            let nodes: Vec<_> = world.nodes.lock().unwrap().values().cloned().collect();
            for node in nodes {
                node.shutdown().await;
            }
        });
    }
    // A pause is up to 600 ms. One message in a hundred is late by 60 ms, one in two hundred is lost, and a leader that is
    // new to its office refuses once.
    for all in [&mut reads, &mut proposals] {
        all.sort();
        assert!(all.len() > 4 && all[all.len() * 3 / 4] < Duration::from_millis(100), "{all:?}");
    }
}
