//! Acknowledged writes are there after a restart, and nothing of them lies in files that are not synced.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use common::{append, chain, database, entry, id, open, vote};
use futures::executor::block_on;
use openraft::storage::RaftLogStorage;
use proptest::prelude::*;
use tempfile::TempDir;
use tenure_storage::{Entry, Membership, Payload, Peer, SavedSnapshot, SnapshotStore};

fn membership(index: u64) -> Entry {
    let peers = (1..=3).map(|node| (node, Peer { name: format!("p{node}"), address: format!("p{node}.example:7400") }));
    let peers: BTreeMap<u64, Peer> = peers.collect();
    let voters = vec![BTreeSet::from([1, 2]), BTreeSet::from([1, 2, 3])];
    let membership = Membership::new(voters, peers).expect("every voter has a peer");
    Entry { log_id: id(1, index), payload: Payload::Membership(membership) }
}

fn blobs(dir: &Path) -> usize {
    fs::read_dir(dir.join("blobs")).expect("sled keeps this directory").count()
}

fn save(snapshots: &SnapshotStore, meta: &[u8], data: Vec<u8>) -> SavedSnapshot {
    let data = Arc::new(data);
    block_on(snapshots.save(meta.to_vec(), Arc::clone(&data))).expect("the snapshot is durable");
    SavedSnapshot { meta: meta.to_vec(), data }
}

fn load(snapshots: &SnapshotStore) -> Option<SavedSnapshot> {
    block_on(snapshots.load()).expect("the snapshot is sound")
}

#[test]
fn everything_is_there_after_a_restart() {
    let dir = TempDir::new().unwrap();
    let (mut log, snapshots) = open(dir.path()).unwrap();
    append(&mut log, [membership(0), Entry { log_id: id(1, 1), payload: Payload::Blank }]);
    append(&mut log, (2..60).map(|index| entry(1, index, index as usize)));
    block_on(log.save_vote(&vote(2))).unwrap();
    block_on(log.truncate_after(Some(id(1, 49)))).unwrap();
    append(&mut log, (50..70).map(|index| entry(2, index, 300)));
    block_on(log.save_committed(Some(id(2, 60)))).unwrap();
    block_on(log.purge(id(1, 10))).unwrap();
    let image = log.image().unwrap();
    drop((log, snapshots));

    let (log, _snapshots) = open(dir.path()).unwrap();
    assert_eq!(log.image().unwrap(), image);
    assert_eq!(image.purged(), Some(id(1, 10)));
    assert_eq!(image.last(), Some(id(2, 69)));
    assert_eq!(image.len(), 59);
}

/// sled notes at each start how far it has read, in a file that gets its name when it is whole. A process that is killed before,
/// or a full disk, leaves it behind without one.
#[test]
fn a_start_that_was_cut_short_is_no_obstacle_to_the_next() {
    let dir = TempDir::new().unwrap();
    let (mut log, snapshots) = open(dir.path()).unwrap();
    append(&mut log, (0..60).map(|index| entry(1, index, 300)));
    let image = log.image().unwrap();
    drop((log, snapshots));
    drop(open(dir.path()).unwrap());

    let noted = notes(dir.path());
    let [(name, whole)] = &noted[..] else { panic!("sled keeps one note: {noted:?}") };
    for (greater, cut) in [(0, 0), (1, 0), (1, 5), (1, whole.len() / 2), (1, whole.len() - 1), (1, whole.len())] {
        let at = u64::from_str_radix(name.trim_start_matches("snap."), 16).unwrap() + greater;
        fs::write(dir.path().join(format!("snap.{at:016X}.generating")), &whole[..cut]).unwrap();
        let (log, snapshots) =
            open(dir.path()).unwrap_or_else(|why| panic!("{cut} bytes, +{greater}: {}", chain(&why)));
        assert_eq!(log.image().unwrap(), image, "{cut} bytes");
        drop((log, snapshots));
        assert_eq!(notes(dir.path()).len(), 1, "{cut} bytes: nothing is left behind");
    }
}

/// The files in which sled notes how far it has read.
fn notes(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let files = fs::read_dir(dir).unwrap().map(|file| file.unwrap());
    let named = files.map(|file| (file.file_name().into_string().unwrap(), file.path()));
    named.filter(|(name, _)| name.starts_with("snap.")).map(|(name, path)| (name, fs::read(path).unwrap())).collect()
}

#[test]
fn membership_entries_come_back_as_they_were() {
    let dir = TempDir::new().unwrap();
    let (mut log, snapshots) = open(dir.path()).unwrap();
    append(&mut log, [membership(0)]);
    drop((log, snapshots));
    let (log, _snapshots) = open(dir.path()).unwrap();
    let image = log.image().unwrap();
    let found = image.range(..).next().map(|entry| entry.as_ref().clone());
    assert_eq!(found, Some(membership(0)));
}

#[test]
fn the_mark_of_what_is_purged_never_goes_back() {
    let dir = TempDir::new().unwrap();
    let (mut log, snapshots) = open(dir.path()).unwrap();
    append(&mut log, (0..10).map(|index| entry(1, index, 10)));
    block_on(log.purge(id(1, 5))).unwrap();
    block_on(log.purge(id(2, 3))).unwrap();
    assert_eq!(log.image().unwrap().purged(), Some(id(1, 5)));
    drop((log, snapshots));
    let (log, _snapshots) = open(dir.path()).unwrap();
    let image = log.image().unwrap();
    assert_eq!((image.purged(), image.len()), (Some(id(1, 5)), 4));
}

#[test]
fn a_purge_past_the_end_leaves_an_empty_log_that_goes_on_there() {
    let dir = TempDir::new().unwrap();
    let (mut log, snapshots) = open(dir.path()).unwrap();
    append(&mut log, (0..10).map(|index| entry(1, index, 10)));
    block_on(log.purge(id(3, 100))).unwrap();
    drop((log, snapshots));
    let (mut log, snapshots) = open(dir.path()).unwrap();
    let image = log.image().unwrap();
    assert!(image.is_empty());
    assert_eq!(image.last(), Some(id(3, 100)));
    append(&mut log, [entry(3, 101, 10)]);
    drop((log, snapshots));
    let (log, _snapshots) = open(dir.path()).unwrap();
    assert_eq!(log.image().unwrap().last(), Some(id(3, 101)));
}

/// sled puts pages above 128 KiB into files of their own, which no sync of ours covers. It takes neighbouring large values,
/// rewritten until sled consolidates their page, to get there.
#[test]
fn nothing_lies_in_files_that_are_not_synced() {
    let dir = TempDir::new().unwrap();
    let (mut log, snapshots) = open(dir.path()).unwrap();
    for round in 0..4 {
        append(&mut log, (0..40).map(|index| entry(round, index, 3_900 + 40 * index as usize)));
        append(&mut log, (40..44).map(|index| entry(round, index, 150_000)));
        assert_eq!(blobs(dir.path()), 0, "round {round}");
        block_on(log.truncate_after(None)).unwrap();
        save(&snapshots, b"meta", vec![round as u8; 1_500_000]);
        assert_eq!(blobs(dir.path()), 0, "round {round}, snapshot");
    }
    append(&mut log, [entry(9, 0, 150_000)]);
    let image = log.image().unwrap();
    drop((log, snapshots));
    let (log, _snapshots) = open(dir.path()).unwrap();
    assert_eq!(log.image().unwrap(), image);
    assert_eq!(blobs(dir.path()), 0);
}

#[test]
fn the_latest_snapshot_is_there_after_a_restart() {
    let dir = TempDir::new().unwrap();
    let (log, snapshots) = open(dir.path()).unwrap();
    assert_eq!(load(&snapshots), None);
    save(&snapshots, b"first", vec![1; 10_000]);
    let second = save(&snapshots, &[2; 9_000], (0..700_000_u32).map(|at| at as u8).collect());
    assert_eq!(load(&snapshots), Some(second.clone()));
    drop((log, snapshots));

    let (log, snapshots) = open(dir.path()).unwrap();
    assert_eq!(load(&snapshots), Some(second));
    let empty = save(&snapshots, b"", Vec::new());
    drop((log, snapshots));
    let (_log, snapshots) = open(dir.path()).unwrap();
    assert_eq!(load(&snapshots), Some(empty));
}

#[test]
fn a_replaced_snapshot_leaves_nothing_behind() {
    let dir = TempDir::new().unwrap();
    let (log, snapshots) = open(dir.path()).unwrap();
    save(&snapshots, b"first", vec![1; 50_000]);
    save(&snapshots, b"second", vec![2; 4_096]);
    drop((log, snapshots));
    let db = database(dir.path());
    assert_eq!(db.open_tree("snapshot").unwrap().len(), 3, "a head, one piece of meta, one of data");
}

#[test]
fn a_half_written_snapshot_is_dropped() {
    let dir = TempDir::new().unwrap();
    let (log, snapshots) = open(dir.path()).unwrap();
    let first = save(&snapshots, b"first", vec![1; 50_000]);
    drop((log, snapshots));
    let complete = {
        let db = database(dir.path());
        let tree = db.open_tree("snapshot").unwrap();
        let complete = tree.len();
        for number in 0..5_u32 {
            let mut key = b"p".to_vec();
            key.extend(1_u64.to_be_bytes());
            key.push(1);
            key.extend(number.to_be_bytes());
            tree.insert(key, b"never acknowledged").unwrap();
        }
        complete
    };
    let (log, snapshots) = open(dir.path()).unwrap();
    assert_eq!(load(&snapshots), Some(first));
    drop((log, snapshots));
    let db = database(dir.path());
    assert_eq!(db.open_tree("snapshot").unwrap().len(), complete);
}

#[test]
fn snapshots_and_appends_do_not_disturb_each_other() {
    let dir = TempDir::new().unwrap();
    let (mut log, snapshots) = open(dir.path()).unwrap();
    let saver = std::thread::spawn({
        let snapshots = snapshots.clone();
        move || {
            for round in 0..10_u8 {
                save(&snapshots, &[round], vec![round; 200_000]);
            }
        }
    });
    for index in 0..200 {
        append(&mut log, [entry(1, index, 200)]);
    }
    saver.join().unwrap();
    let image = log.image().unwrap();
    drop((log, snapshots));
    let (log, snapshots) = open(dir.path()).unwrap();
    assert_eq!(log.image().unwrap(), image);
    assert_eq!(load(&snapshots), Some(SavedSnapshot { meta: vec![9], data: Arc::new(vec![9; 200_000]) }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Sizes around the limits of values and pieces.
    #[test]
    fn commands_of_any_size_come_back(sizes in prop::collection::vec(0_usize..20_000, 1..6), near in 4_040_usize..4_110) {
        let dir = TempDir::new().unwrap();
        let (mut log, snapshots) = open(dir.path()).unwrap();
        let sizes = sizes.into_iter().chain([near, 2 * near]);
        append(&mut log, sizes.zip(0..).map(|(bytes, index)| entry(1, index, bytes)));
        let image = log.image().unwrap();
        drop((log, snapshots));
        let (log, _snapshots) = open(dir.path()).unwrap();
        prop_assert_eq!(log.image().unwrap(), image);
    }
}
