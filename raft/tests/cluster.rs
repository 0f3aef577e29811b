//! Three nodes and what a program does with them.

mod common;

use std::time::Duration;

use common::{Cluster, SOON, trace, until};
use tenure_raft::{CallError, InitializeError, ProposeError};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_node_takes_proposals_and_shows_them() {
    trace();
    let cluster = Cluster::of(3).await;
    let mut last = 0;
    for node in cluster.nodes.values() {
        let proposed = node.propose(format!("by {}", node.id()).into_bytes(), SOON).await.unwrap();
        assert!(proposed.index > last);
        last = proposed.index;
    }
    for node in cluster.nodes.values() {
        assert!(node.barrier(SOON).await.unwrap() >= last);
        let commands = node.state(|journal| journal.commands.clone());
        assert_eq!(commands, [b"by 1", b"by 2", b"by 3"]);
    }
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_concurrent_proposals_through_followers_are_applied_once_each() {
    trace();
    let cluster = Cluster::of(3).await;
    let follower = cluster.follower().await;
    let proposals = (0..500u32).map(|n| {
        let node = follower.clone();
        async move { node.propose(n.to_le_bytes().to_vec(), SOON).await.unwrap().index }
    });
    let mut indexes = futures::future::join_all(proposals).await;
    indexes.sort_unstable();
    indexes.dedup();
    assert_eq!(indexes.len(), 500);
    follower.barrier(SOON).await.unwrap();
    let mut commands = follower.state(|journal| journal.commands.clone());
    commands.sort();
    commands.dedup();
    assert_eq!(commands.len(), 500);
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_node_leads_when_the_leader_stops() {
    trace();
    let mut cluster = Cluster::of(3).await;
    let first = cluster.leader().await;
    first.propose(b"before".to_vec(), SOON).await.unwrap();
    cluster.stop(first.id()).await;
    let survivor = cluster.nodes.values().next().unwrap().clone();
    let reply = survivor.propose(b"after".to_vec(), SOON).await.unwrap().reply;
    assert_eq!(reply, 2u64.to_le_bytes());
    let second = cluster.leader().await;
    assert_ne!(second.id(), first.id());
    for node in cluster.nodes.values() {
        node.barrier(SOON).await.unwrap();
        assert_eq!(node.state(|journal| journal.commands.clone()), [&b"before"[..], b"after"]);
    }
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_minority_accepts_nothing_and_says_so() {
    trace();
    let mut cluster = Cluster::of(3).await;
    let leader = cluster.leader().await;
    let others: Vec<u64> = cluster.nodes.keys().copied().filter(|id| *id != leader.id()).collect();
    for id in others {
        cluster.stop(id).await;
    }
    let short = Duration::from_millis(900);
    // The first may be appended, and then nobody can say what becomes of it; later the lease has ended.
    let first = leader.propose(b"lost?".to_vec(), short).await.unwrap_err();
    assert!(matches!(first, ProposeError::Unknown { .. } | ProposeError::NoLeader { .. }), "{first}");
    let second = leader.propose(b"refused".to_vec(), short).await.unwrap_err();
    assert_eq!(second, ProposeError::NoLeader { waited: short });
    assert!(leader.barrier(short).await.is_err());
    cluster.shutdown().await;
}

/// A decision of a leader in an earlier term is not committed in a later one, even if it is that leader again; nor is
/// it forwarded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_decided_in_one_term_is_committed_in_no_other() {
    trace();
    let cluster = Cluster::of(3).await;
    let (first, second) = (cluster.leader().await, cluster.follower().await);
    first.propose(b"then".to_vec(), SOON).await.unwrap();
    let term = first.status().term;
    first.transfer_leader(second.id(), SOON).await.unwrap();
    until(&second, |status| status.is_leader && status.term > term).await;
    let other = first.propose_as_leader(term, b"late".to_vec(), SOON).await;
    assert!(matches!(other, Err(ProposeError::NotLeader { term: of }) if of == term), "{other:?}");
    second.transfer_leader(first.id(), SOON).await.unwrap();
    until(&first, |status| status.is_leader && status.term > term).await;
    // Before that a new leader takes nothing from anybody.
    first.barrier(SOON).await.unwrap();
    let old = first.propose_as_leader(term, b"late".to_vec(), SOON).await;
    assert!(matches!(old, Err(ProposeError::NotLeader { term: of }) if of == term), "{old:?}");
    // With the present leader, whichever it is: a refusal means that the command will never be applied.
    loop {
        let leader = cluster.leader().await;
        let term = leader.status().term;
        match leader.propose_as_leader(term, b"now".to_vec(), SOON).await {
            Ok(_) => break,
            Err(ProposeError::NotLeader { .. }) => until(&leader, |s| !s.is_leader || s.term > term).await,
            Err(why) => panic!("{why}"),
        };
    }
    for node in cluster.nodes.values() {
        node.barrier(SOON).await.unwrap();
        assert_eq!(node.state(|journal| journal.commands.clone()), [&b"then"[..], b"now"]);
    }
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_reach_the_other_nodes_application() {
    trace();
    let cluster = Cluster::of(3).await;
    let (one, two) = (&cluster.nodes[&1], &cluster.nodes[&2]);
    until(two, |status| status.members.voters.len() == 3).await;
    assert_eq!(two.call(1, b"hello".to_vec(), SOON).await.unwrap(), b"2: hello");
    assert_eq!(one.call(1, b"self".to_vec(), SOON).await.unwrap(), b"1: self");
    let refused = one.call(3, b"refuse".to_vec(), SOON).await.unwrap_err();
    assert_eq!(refused, CallError::Handler { to: 3, reason: "as you wish".to_owned() });
    let short = Duration::from_millis(50);
    assert!(matches!(
        one.call(3, b"hang".to_vec(), short).await,
        Err(CallError::Wire { .. } | CallError::Handler { .. })
    ));
    assert_eq!(one.call(9, vec![], SOON).await.unwrap_err(), CallError::NotAMember(9));
    assert_eq!(one.call(3, b"still there".to_vec(), SOON).await.unwrap(), b"1: still there");
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_is_founded_once() {
    trace();
    let cluster = Cluster::of(1).await;
    let node = &cluster.nodes[&1];
    let again = node.initialize([(1, node.peer().unwrap())].into()).await;
    assert_eq!(again, Err(InitializeError::AlreadyInitialized));
    assert_eq!(node.propose(b"alone".to_vec(), SOON).await.unwrap().reply, 1u64.to_le_bytes());
    node.barrier(SOON).await.unwrap();
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_tick_on_every_node_when_a_command_is_applied() {
    trace();
    let cluster = Cluster::of(3).await;
    let leader = cluster.leader().await;
    let index = leader.propose(b"tick".to_vec(), SOON).await.unwrap().index;
    for node in cluster.nodes.values() {
        until(node, |status| status.applied >= Some(index)).await;
        assert_eq!(node.state(|journal| journal.commands.len()), 1);
    }
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_one_node_distrusts_goes_on_and_one_that_most_distrust_is_replaced() {
    trace();
    let cluster = Cluster::of(3).await;
    let leader = cluster.leader().await;
    let (old, term) = (leader.id(), leader.status().term);
    let others: Vec<_> = cluster.nodes.values().filter(|node| node.id() != old).collect();

    for node in &others {
        until(node, |status| status.leader == Some(old)).await;
    }
    others[0].distrust(term);
    let status = others[0].status();
    assert_eq!((status.leader, status.distrusted), (None, Some(old)), "what it says does not look healthy");
    assert!(others[0].barrier(Duration::from_millis(300)).await.is_err(), "nor does it answer");
    leader.propose(b"with two".to_vec(), SOON).await.unwrap();
    others[0].distrust(0);
    until(others[0], |status| status.leader == Some(old)).await;
    others[0].barrier(SOON).await.unwrap();
    assert_eq!(leader.status().term, term, "nobody was disturbed");

    for node in &others {
        node.distrust(term);
    }
    for node in &others {
        until(node, |status| status.leader.is_some_and(|id| id != old) && status.term > term).await;
    }
    others[0].propose(b"under another".to_vec(), SOON).await.unwrap();
    until(&leader, |status| status.term > term && !status.is_leader).await;
    cluster.shutdown().await;
}
