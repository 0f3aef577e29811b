//! The default clockwork on a bad network: late messages alone cost no election.

use crate::world::{World, peer, seconds};
use openraft::async_runtime::AsyncRuntime;
use openraft_rt_sim::SimRuntime;
use tenure_raft::Timings;

#[test]
fn fifty_milliseconds_of_jitter_and_one_lost_packet_in_a_hundred_cost_no_election_in_ten_minutes() {
    SimRuntime::with_seed(3).block_on(async {
        let world = World::with(3, Timings::default());
        for id in 1..=3 {
            world.boot(id).await;
        }
        let nodes: Vec<_> = world.nodes.lock().unwrap().values().cloned().collect();
        nodes[0].initialize((1..=3).map(|id| (id, peer(id))).collect()).await.unwrap();
        nodes[1].barrier(seconds(20)).await.unwrap();
        let term = nodes[0].status().term;
        world.net.roughen();
        for second in 1..=600_u64 {
            SimRuntime::sleep(seconds(1)).await;
            let said = nodes[second as usize % 3].propose(second.to_le_bytes().to_vec(), seconds(20)).await;
            said.unwrap_or_else(|error| panic!("after {second} s: {error}"));
            let terms: Vec<u64> = nodes.iter().map(|node| node.status().term).collect();
            assert_eq!(terms, [term; 3], "an election after {second} s");
        }
        for node in nodes {
            node.shutdown().await;
        }
    });
}
