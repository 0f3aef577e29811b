//! Nodes on disk: restarts, snapshots, learners that were far behind.

mod common;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use common::{Cluster, Echo, Journal, SOON, name, options, trace, until};
use tenure_raft::{MAX_COMMAND, Options, ProposeError, Raft, Refusal, Snapshots, StartError};

fn few_entries() -> Snapshots {
    Snapshots { every: 40, keep: 5, ..Snapshots::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_there_after_all_nodes_restart() {
    trace();
    let dir = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::empty();
    cluster.snapshots = few_entries();
    for id in 1..=3 {
        let listen = "127.0.0.1:0".parse().unwrap();
        cluster.start_in(id, dir.path().join(name(id)), listen).await;
    }
    let members = cluster.nodes.iter().map(|(id, node)| (*id, node.peer().unwrap()));
    cluster.nodes[&1].initialize(members.collect()).await.unwrap();
    let leader = cluster.leader().await;
    for n in 0..100u32 {
        leader.propose(n.to_le_bytes().to_vec(), SOON).await.unwrap();
    }
    let addresses: BTreeMap<u64, SocketAddr> =
        cluster.nodes.iter().map(|(id, node)| (*id, node.listen_address().unwrap())).collect();
    drop(leader);
    let held: BTreeMap<u64, u64> =
        cluster.nodes.iter().map(|(id, node)| (*id, node.status().last_log.unwrap())).collect();
    for id in 1..=3 {
        assert_eq!(cluster.nodes[&id].last_stored(), 0, "it began with nothing");
        cluster.stop(id).await;
    }

    for (id, listen) in addresses {
        let node = cluster.start_in(id, dir.path().join(name(id)), listen).await;
        assert!(node.last_stored() >= held[&id], "{} < {}", node.last_stored(), held[&id]);
    }
    let expected: Vec<Vec<u8>> = (0..100u32).map(|n| n.to_le_bytes().to_vec()).collect();
    for node in cluster.nodes.values() {
        node.barrier(SOON).await.unwrap();
        assert_eq!(node.state(|journal| journal.commands.clone()), expected, "node {}", node.id());
    }
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_learner_catches_up_through_a_snapshot_and_is_promoted() {
    trace();
    let mut cluster = Cluster::empty();
    cluster.snapshots = few_entries();
    let first = cluster.start(1).await;
    first.initialize([(1, first.peer().unwrap())].into()).await.unwrap();
    // Large enough that the snapshot needs several pieces.
    let command = vec![7; 20_000];
    for _ in 0..100 {
        first.propose(command.clone(), SOON).await.unwrap();
    }
    let first = until(&first, |status| status.purged >= Some(50)).await;
    let second = cluster.start(2).await;
    first.add_learner(2, second.peer().unwrap(), SOON).await.unwrap();
    first.promote(2, SOON).await.unwrap();
    second.barrier(SOON).await.unwrap();
    assert_eq!(second.state(|journal| journal.commands.len()), 100);
    assert!(second.status().snapshot_index >= Some(40), "{:?}", second.status());
    assert_eq!(second.status().members.voters.len(), 2);
    cluster.shutdown().await;
}

/// Forwarded, appended, stored, read again at the next start, and sent in a snapshot.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_longest_command_goes_every_way() {
    trace();
    let dir = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::empty();
    cluster.snapshots = few_entries();
    for id in 1..=2 {
        cluster.start_in(id, dir.path().join(name(id)), "127.0.0.1:0".parse().unwrap()).await;
    }
    let members = cluster.nodes.iter().map(|(id, node)| (*id, node.peer().unwrap()));
    cluster.nodes[&1].initialize(members.collect()).await.unwrap();
    let leader = cluster.leader().await.id();
    let follower = 3 - leader;
    let long = vec![7; MAX_COMMAND];
    cluster.nodes[&follower].propose(long.clone(), SOON).await.unwrap();
    let too_long = cluster.nodes[&follower].propose(vec![7; MAX_COMMAND + 1], SOON).await;
    assert_eq!(too_long, Err(ProposeError::Refused(Refusal::TooLong(MAX_COMMAND + 1))));
    cluster.nodes[&follower].barrier(SOON).await.unwrap();

    let listen = cluster.nodes[&follower].listen_address().unwrap();
    cluster.stop(follower).await;
    let again = cluster.start_in(follower, dir.path().join(name(follower)), listen).await;
    again.barrier(SOON).await.unwrap();
    assert!(again.state(|journal| journal.commands == [long.clone()]), "read from its own disk");

    for _ in 0..60 {
        cluster.leader().await.propose(vec![1], SOON).await.unwrap();
    }
    let first = cluster.leader().await;
    let first = until(&first, |status| status.purged >= Some(10)).await;
    let third = cluster.start(3).await;
    first.add_learner(3, third.peer().unwrap(), SOON).await.unwrap();
    until(&third, |status| status.snapshot_index >= Some(10)).await;
    assert!(third.state(|journal| journal.commands.first() == Some(&long)), "taken over");
    cluster.shutdown().await;
}

/// Commands that are large and few are cut from the log like many small ones: also on a follower, and after a restart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_of_large_commands_does_not_grow_without_bound() {
    const LARGE: usize = 240 * 1024;
    const SIZE: usize = 2 << 20;
    const COMMANDS: u8 = 150;
    trace();
    let dir = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::empty();
    cluster.snapshots = Snapshots { size: SIZE as u64, ..Snapshots::default() };
    for id in 1..=2 {
        cluster.start_in(id, dir.path().join(name(id)), "127.0.0.1:0".parse().unwrap()).await;
    }
    let members = cluster.nodes.iter().map(|(id, node)| (*id, node.peer().unwrap()));
    cluster.nodes[&1].initialize(members.collect()).await.unwrap();
    let leader = cluster.leader().await;
    let mut last = 0;
    for n in 0..COMMANDS {
        // The state is what the newest command says, as with a configuration; so a snapshot of it is small.
        let mut command = vec![n; LARGE];
        command[0] = Journal::REPLACE;
        last = leader.propose(command, SOON).await.unwrap().index;
    }
    drop(leader);
    for id in 1..=2 {
        let node = until(&cluster.nodes[&id], |status| status.applied >= Some(last)).await;
        // The last snapshot is due when it is, so it may still be on its way.
        let short = last - (2 * SIZE / LARGE) as u64;
        until(&node, |status| status.purged >= Some(short)).await;
        drop(node);
        cluster.stop(id).await;
        let folder = dir.path().join(name(id));
        let stored = tenure_storage::look(&folder).unwrap();
        assert!(stored.image.len() * LARGE <= 2 * SIZE, "node {id} holds {} entries", stored.image.len());
        let used: u64 = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
        // The database reclaims its file in its own time: for this it took 16 MB, and with 300 commands as well.
        assert!(used < 100 * LARGE as u64, "node {id}: {used} bytes on disk");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_of_another_node_is_refused() {
    trace();
    let dir = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::empty();
    let listen = "127.0.0.1:0".parse().unwrap();
    cluster.start_in(1, dir.path().to_owned(), listen).await;
    cluster.stop(1).await;
    let options = Options { data_dir: Some(dir.path().to_owned()), ..options(&cluster.authority, 2) };
    let refused = Raft::start(options, Journal::default(), Arc::new(Echo)).await.err();
    assert!(matches!(refused, Some(StartError::Storage(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_was_away_catches_up_by_itself() {
    trace();
    let dir = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::of(3).await;
    // A fourth on disk, because a node in memory must not come back.
    let listen = "127.0.0.1:0".parse().unwrap();
    let away = cluster.start_in(4, dir.path().to_owned(), listen).await;
    let leader = cluster.leader().await;
    leader.add_learner(4, away.peer().unwrap(), SOON).await.unwrap();
    leader.promote(4, SOON).await.unwrap();
    let listen = away.listen_address().unwrap();
    drop(away);
    cluster.stop(4).await;
    for n in 0..50u8 {
        leader.propose(vec![n], SOON).await.unwrap();
    }
    let back = cluster.start_in(4, dir.path().to_owned(), listen).await;
    back.barrier(SOON).await.unwrap();
    back.recovered(SOON).await.unwrap();
    assert_eq!(back.state(|journal| journal.commands.len()), 50);
    assert!(back.propose(b"again".to_vec(), Duration::from_secs(10)).await.is_ok());
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_moved_to_another_address_is_found_there() {
    trace();
    let dir = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::of(3).await;
    let anywhere = "127.0.0.1:0".parse().unwrap();
    let moving = cluster.start_in(4, dir.path().to_owned(), anywhere).await;
    let leader = cluster.leader().await;
    let before = moving.peer().unwrap();
    leader.add_learner(4, before.clone(), SOON).await.unwrap();
    leader.promote(4, SOON).await.unwrap();
    drop(moving);
    cluster.stop(4).await;
    // Held, so that the system does not give the same port again.
    let _held = std::net::TcpListener::bind(&before.address).unwrap();
    let moved = cluster.start_in(4, dir.path().to_owned(), anywhere).await;
    let after = moved.peer().unwrap();
    assert_ne!(after, before);
    leader.add_learner(4, after.clone(), SOON).await.unwrap();
    assert_eq!(leader.status().members.voters[&4], after, "it stays a voter");
    let index = leader.propose(b"found".to_vec(), SOON).await.unwrap().index;
    until(&moved, |status| status.applied >= Some(index)).await;
    cluster.shutdown().await;
}
