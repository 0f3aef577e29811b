//! A leader that is the only voter: nobody has to answer it, and its word is good as long as that is so.

use crate::world::{Node, World, peer, seconds, timings};
use openraft::async_runtime::AsyncRuntime;
use openraft_rt_sim::SimRuntime;
use std::{collections::BTreeMap, time::Duration};

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// Whether it leads beyond doubt, which is what a lease hangs on.
fn leads_for_certain(node: &Node) -> bool {
    let status = node.status();
    status.is_leader && status.quorum_ack_age.is_some_and(|age| age < timings().leader_lease())
}

/// Waits until it leads beyond doubt, or until it does not; gives up after ten seconds.
async fn until(node: &Node, certain: bool) {
    for _ in 0..200 {
        if leads_for_certain(node) == certain {
            return;
        }
        SimRuntime::sleep(LOOK).await;
    }
    panic!("not within ten seconds: {certain}, {:#?}", node.status());
}

/// Looks for thirty seconds whether it goes on leading beyond doubt while nothing happens.
async fn stays(node: &Node) {
    for _ in 0..600 {
        SimRuntime::sleep(LOOK).await;
        assert!(leads_for_certain(node), "{:#?}", node.status());
    }
}

#[test]
fn an_only_voter_leads_beyond_doubt_for_as_long_as_it_is_the_only_one() {
    SimRuntime::with_seed(1).block_on(async {
        let world = World::of(2);
        world.boot(1).await;
        let node = world.nodes.lock().unwrap()[&1].clone();
        node.initialize(BTreeMap::from([(1, peer(1))])).await.unwrap();
        until(&node, true).await;
        stays(&node).await;

        // A learner has no say.
        world.boot(2).await;
        node.add_learner(2, peer(2), seconds(5)).await.unwrap();
        world.net.cut(&[2]);
        stays(&node).await;
        world.net.cut(&[]);

        // A second voter has to answer, and its silence counts.
        node.promote(2, seconds(5)).await.unwrap();
        until(&node, true).await;
        world.net.cut(&[2]);
        until(&node, false).await;
        world.net.cut(&[]);
        until(&node, true).await;

        // The only one again.
        node.remove(2, seconds(5)).await.unwrap();
        until(&node, true).await;
        stays(&node).await;

        let nodes: Vec<Node> = world.nodes.lock().unwrap().values().cloned().collect();
        for node in nodes {
            node.shutdown().await;
        }
    });
}
