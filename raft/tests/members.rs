//! Tests of membership, leadership and the feature level.

mod common;

use common::{Cluster, Echo, Journal, SOON, name, options, peer, trace, until};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tenure_raft::{FeatureError, MemberError, Options, Raft, TransferError};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_one_to_three_to_five_and_back_to_three() {
    trace();
    let mut cluster = Cluster::of(1).await;
    let leader = cluster.leader().await;
    for id in 2..=5 {
        let node = cluster.start(id).await;
        let me = node.peer().unwrap();
        leader.add_learner(id, me.clone(), SOON).await.unwrap();
        leader.add_learner(id, me, SOON).await.expect("adding twice is adding once");
        leader.promote(id, SOON).await.unwrap();
        leader.promote(id, SOON).await.expect("promoting twice is promoting once");
        leader.propose(vec![id as u8], SOON).await.unwrap();
        assert_eq!(leader.status().members.voters.len() as u64, id);
    }
    for id in [5, 4] {
        leader.remove(id, SOON).await.unwrap();
        leader.remove(id, SOON).await.expect("removing twice is removing once");
        cluster.stop(id).await;
    }
    assert_eq!(leader.status().members.voters.keys().copied().collect::<Vec<_>>(), [1, 2, 3]);
    assert!(!leader.status().members.joint);
    for node in cluster.nodes.values() {
        node.barrier(SOON).await.unwrap();
        assert_eq!(node.state(|journal| journal.commands.clone()), [[2], [3], [4], [5]]);
    }
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_committed_is_not_so_already() {
    trace();
    let mut cluster = Cluster::of(3).await;
    let extra = cluster.start(4).await.peer().unwrap();
    let leader = cluster.leader().await.clone();
    leader.add_learner(4, extra, SOON).await.unwrap();
    let others: Vec<u64> = (1..=3).filter(|id| *id != leader.id()).collect();
    for id in &others {
        cluster.stop(*id).await;
    }
    let short = Duration::from_millis(500);
    for attempt in ["removed", "already so"] {
        let removed = leader.remove(4, short).await;
        assert!(matches!(removed, Err(MemberError::Unknown(_))), "{attempt}: {removed:?}");
    }
    let alone = leader.promote(others[0], short).await;
    assert!(matches!(alone, Err(MemberError::Unknown(_))), "nobody says that it leads: {alone:?}");
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_that_make_no_sense_are_refused() {
    trace();
    let cluster = Cluster::of(1).await;
    let leader = cluster.leader().await;
    let me = leader.peer().unwrap();
    assert_eq!(leader.remove(1, SOON).await, Err(MemberError::LastVoter(1)));
    assert_eq!(leader.promote(9, SOON).await, Err(MemberError::NotAMember(9)));
    let same_name = leader.add_learner(2, peer(1, "127.0.0.1:1"), SOON).await;
    assert!(matches!(same_name, Err(MemberError::Taken { by: 1, .. })), "{same_name:?}");
    let same_address = leader.add_learner(2, peer(2, &me.address), SOON).await;
    assert!(matches!(same_address, Err(MemberError::Taken { by: 1, .. })), "{same_address:?}");
    let same_id = leader.add_learner(1, peer(2, "127.0.0.1:1"), SOON).await;
    assert!(matches!(same_id, Err(MemberError::Taken { by: 1, .. })), "{same_id:?}");

    // A node that is not there can be added, but never promoted.
    leader.add_learner(2, peer(2, "127.0.0.1:1"), SOON).await.unwrap();
    let absent = leader.promote(2, Duration::from_millis(500)).await;
    assert!(matches!(absent, Err(MemberError::NotCaughtUp { id: 2, .. })), "{absent:?}");
    leader.remove(2, SOON).await.unwrap();
    assert!(leader.status().members.learners.is_empty());
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_changes_no_membership_and_names_the_leader() {
    trace();
    let cluster = Cluster::of(3).await;
    let leader = cluster.leader().await.id();
    let follower = cluster.follower().await;
    let refused = follower.remove(leader, SOON).await;
    assert_eq!(refused, Err(MemberError::NotLeader { leader: Some(leader) }));
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_leader_leaves_a_working_cluster() {
    trace();
    let mut cluster = Cluster::of(3).await;
    let leader = cluster.leader().await;
    leader.propose(b"first".to_vec(), SOON).await.unwrap();
    leader.remove(leader.id(), SOON).await.unwrap();
    cluster.stop(leader.id()).await;
    let node = cluster.leader().await;
    assert_eq!(node.propose(b"second".to_vec(), SOON).await.unwrap().reply, 2u64.to_le_bytes());
    assert_eq!(node.status().members.voters.len(), 2);
    cluster.shutdown().await;
}

/// A leader that was removed leads on until it has handed over. Until then it changes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_leader_changes_no_membership() {
    trace();
    let cluster = Cluster::of(3).await;
    let leader = cluster.leader().await;
    let other = cluster.follower().await.id();
    leader.remove(leader.id(), SOON).await.unwrap();
    let late = leader.add_learner(9, peer(9, "127.0.0.1:1"), SOON).await;
    assert!(matches!(late, Err(MemberError::NotLeader { .. })), "{late:?}");
    let late = leader.remove(other, SOON).await;
    assert!(matches!(late, Err(MemberError::NotLeader { .. })), "{late:?}");
    cluster.shutdown().await;
}

/// A joint membership that too few can complete would stop everything until one of the silent ones is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_voter_comes_or_goes_if_the_rest_could_decide_nothing() {
    trace();
    let mut cluster = Cluster::of(3).await;
    let leader = cluster.leader().await.clone();
    for id in [4, 5] {
        let extra = cluster.start(id).await.peer().unwrap();
        leader.add_learner(id, extra, SOON).await.unwrap();
        until(&leader, |status| status.is_level(id)).await;
    }
    let others: Vec<u64> = (1..=3).filter(|id| *id != leader.id()).collect();
    let (silent, well) = (others[0], others[1]);
    cluster.stop(silent).await;
    cluster.stop(5).await;
    for leaving in [well, leader.id()] {
        let why = MemberError::NoQuorum { voters: 2, silent: vec![name(silent)] };
        assert_eq!(leader.remove(leaving, SOON).await, Err(why), "node {leaving}");
    }
    // It had all of the log once.
    let why = MemberError::NoQuorum { voters: 4, silent: vec![name(silent), name(5)] };
    assert_eq!(leader.promote(5, SOON).await, Err(why));
    assert_eq!(leader.status().members.voters.len(), 3);
    leader.propose(b"still".to_vec(), SOON).await.unwrap();

    // With one more vote the rest decides; and who is silent can go at any time.
    leader.promote(4, SOON).await.unwrap();
    leader.remove(well, SOON).await.unwrap();
    leader.remove(silent, SOON).await.unwrap();
    leader.propose(b"and on".to_vec(), SOON).await.unwrap();
    cluster.shutdown().await;
}

/// A request for a change finishes another one that is half done first; that may have removed the node that was
/// asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_is_half_done_is_finished_first() {
    trace();
    let dir = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::empty();
    for id in 1..=3 {
        cluster.start_in(id, dir.path().join(name(id)), "127.0.0.1:0".parse().unwrap()).await;
    }
    let members = cluster.nodes.iter().map(|(id, node)| (*id, node.peer().unwrap())).collect();
    cluster.nodes[&1].initialize(members).await.unwrap();
    let leader = cluster.leader().await;
    let [away, leaving] = [1, 2, 3].into_iter().filter(|id| *id != leader.id()).collect::<Vec<_>>()[..] else {
        panic!("three nodes")
    };
    // Without one that stays, those that stay have no quorum: the joint membership is in the log, and goes no further.
    let listen = cluster.nodes[&away].listen_address().unwrap();
    cluster.stop(away).await;
    let voters = BTreeSet::from([1, 2, 3]);
    let half = leader.change_voters(&voters, &BTreeSet::new(), &[leaving].into(), Duration::from_millis(500)).await;
    assert!(matches!(half, Err(MemberError::Unknown(_))), "{half:?}");
    cluster.start_in(away, dir.path().join(name(away)), listen).await;
    leader.barrier(SOON).await.unwrap();
    assert!(leader.status().members.joint);
    leader.transfer_leader(leaving, SOON).await.unwrap();

    let node = until(&cluster.nodes[&leaving], |status| status.is_leader && status.quorum_ack_age.is_some()).await;
    // It is out itself. If another leads before it hears that this is committed, nobody tells it any more.
    let late = node.remove(away, SOON).await;
    assert!(matches!(late, Err(MemberError::NotLeader { .. } | MemberError::Unknown(_))), "{late:?}");
    cluster.stop(leaving).await;
    let status = cluster.leader().await.status();
    assert_eq!((status.members.voters.len(), status.members.joint), (2, false), "{status:?}");
    assert!(status.members.voters.contains_key(&away));
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_leadership_goes_to_the_chosen_node() {
    trace();
    let cluster = Cluster::of(3).await;
    let leader = cluster.leader().await;
    let chosen = cluster.follower().await;
    assert_eq!(leader.transfer_leader(9, SOON).await, Err(TransferError::NotAVoter(9)));
    leader.transfer_leader(chosen.id(), SOON).await.unwrap();
    until(&chosen, |status| status.is_leader).await;
    leader.propose(b"still".to_vec(), SOON).await.unwrap();
    assert!(matches!(leader.transfer_leader(leader.id(), SOON).await, Err(TransferError::NotLeader { .. })));
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_handed_to_a_dead_node() {
    trace();
    let mut cluster = Cluster::of(3).await;
    let leader = cluster.leader().await;
    let dead = cluster.follower().await.id();
    cluster.stop(dead).await;
    let refused = leader.transfer_leader(dead, SOON).await;
    assert_eq!(refused, Err(TransferError::Silent(dead)));
    leader.propose(b"goes on".to_vec(), SOON).await.unwrap();
    assert!(leader.status().is_leader);
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_feature_level_rises_only_when_all_understand_it() {
    trace();
    let mut cluster = Cluster::empty();
    for (id, feature_level_max) in [(1, 3), (2, 2)] {
        let options = Options { feature_level_max, ..options(&cluster.authority, id) };
        cluster.start_with(options).await;
    }
    let members = cluster.nodes.iter().map(|(id, node)| (*id, node.peer().unwrap()));
    cluster.nodes[&1].initialize(members.collect()).await.unwrap();
    let leader = cluster.leader().await;
    assert_eq!(leader.raise_feature_level(2, SOON).await, Ok(2));
    assert_eq!(leader.raise_feature_level(1, SOON).await, Ok(2), "it is never lowered");
    let too_high = leader.raise_feature_level(3, SOON).await;
    assert_eq!(too_high, Err(FeatureError::TooOld { level: 3, id: 2, ability: 2 }));
    for node in cluster.nodes.values() {
        node.barrier(SOON).await.unwrap();
        assert_eq!(node.status().feature_level, 2);
    }

    // A program that is too old is not let in, and would stop rather than misread the log.
    let old = Options { feature_level_max: 1, ..options(&cluster.authority, 3) };
    let old = Raft::start(old, Journal::default(), Arc::new(Echo)).await.unwrap();
    let refused = leader.add_learner(3, old.peer().unwrap(), SOON).await;
    assert_eq!(refused, Err(MemberError::TooOld { id: 3, ability: 1, level: 2 }));
    old.shutdown().await;

    let silent = cluster.follower().await.id();
    let leader = cluster.leader().await;
    cluster.stop(silent).await;
    let refused = leader.raise_feature_level(3, SOON).await;
    assert!(matches!(refused, Err(FeatureError::Silent { .. } | FeatureError::TooOld { .. })), "{refused:?}");
    cluster.shutdown().await;
}
