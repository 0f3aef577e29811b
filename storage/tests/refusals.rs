//! Data that does not check out, and directories that are not ours, are refused by name. Nothing is repaired.

mod common;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use common::{append, chain, database, entry, id, identity, open, refusal, vote};
use futures::executor::block_on;
use openraft::storage::RaftLogStorage;
use proptest::prelude::*;
use tempfile::TempDir;
use tenure_storage::format::{self, Fault, v1};
use tenure_storage::{Identity, TokioTypes};

/// A directory with 20 entries (entry 5 is a long one), a vote, a committed hint, a purge mark at 2, and a snapshot.
fn filled() -> TempDir {
    let dir = TempDir::new().unwrap();
    let (mut log, snapshots) = open(dir.path()).unwrap();
    let bytes = |index| if index == 5 { 9_000 } else { 100 };
    append(&mut log, (0..20).map(|index| entry(1, index, bytes(index))));
    block_on(log.save_vote(&vote(1))).unwrap();
    block_on(log.save_committed(Some(id(1, 12)))).unwrap();
    block_on(log.purge(id(1, 2))).unwrap();
    block_on(snapshots.save(b"covers 2".to_vec(), Arc::new(vec![3; 10_000]))).unwrap();
    dir
}

fn log_key(index: u64, piece: u32) -> Vec<u8> {
    [&index.to_be_bytes()[..], &piece.to_be_bytes()[..]].concat()
}

fn snapshot_key(part: u8, number: u32) -> Vec<u8> {
    [b"p", &0_u64.to_be_bytes()[..], &[part], &number.to_be_bytes()[..]].concat()
}

/// Changes one stored value behind the store's back.
fn edit(dir: &Path, tree: &str, key: impl AsRef<[u8]>, change: impl FnOnce(&mut Vec<u8>)) {
    let db = database(dir);
    let tree = db.open_tree(tree).unwrap();
    let mut value = tree.get(&key).unwrap().expect("the record to damage is stored").to_vec();
    change(&mut value);
    tree.insert(key, value).unwrap();
    db.flush().unwrap();
}

fn remove(dir: &Path, tree: &str, key: impl AsRef<[u8]>) {
    let db = database(dir);
    let removed = db.open_tree(tree).unwrap().remove(key).unwrap();
    assert!(removed.is_some(), "the record to remove is stored");
    db.flush().unwrap();
}

fn flip_middle(record: &mut [u8]) {
    let middle = record.len() / 2;
    record[middle] ^= 0x10;
}

/// Says that a newer build wrote the record, as that build would: with a sound checksum.
fn make_newer(record: &mut [u8]) {
    record[1..3].copy_from_slice(&9_u16.to_le_bytes());
    let covered = record.len() - 4;
    let checksum = crc32fast::hash(&record[..covered]);
    record[covered..].copy_from_slice(&checksum.to_le_bytes());
}

fn assert_refused(dir: &Path, record: &str, fault: &str) {
    let expected = format!("data directory {} cannot be used: {record}: {fault}", dir.display());
    assert_eq!(refusal(dir), expected);
    assert_eq!(refusal(dir), expected, "and it was not repaired by the first attempt");
}

#[test]
fn an_undamaged_directory_opens() {
    let dir = filled();
    open(dir.path()).unwrap();
}

#[test]
fn a_flipped_bit_is_refused_by_name() {
    let records: [(&str, Vec<u8>, &str); 9] = [
        ("log", log_key(17, 0), "log entry 17"),
        ("log", log_key(5, 0), "log entry 5"),
        ("log", log_key(5, 2), "log entry 5"),
        ("meta", b"vote".to_vec(), "vote record"),
        ("meta", b"committed".to_vec(), "committed record"),
        ("meta", b"purged".to_vec(), "purged record"),
        ("meta", b"manifest".to_vec(), "manifest"),
        ("snapshot", b"head".to_vec(), "snapshot head"),
        ("snapshot", snapshot_key(1, 2), "piece 2 of snapshot data"),
    ];
    for (tree, key, name) in records {
        let dir = filled();
        edit(dir.path(), tree, key, |record| flip_middle(record));
        assert_refused(dir.path(), name, "checksum mismatch");
    }
}

#[test]
fn every_bit_of_a_record_counts() {
    let sealed = format::seal(&v1::Entry::from(&entry(3, 17, 40)));
    for bit in 0..sealed.len() * 8 {
        let mut damaged = sealed.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(format::open::<v1::Entry>(&damaged), Err(Fault::Checksum), "bit {bit}");
    }
}

#[test]
fn a_newer_format_is_refused_by_name() {
    let newer = "written by format 9, this build reads 1";
    let records: [(&str, Vec<u8>, &str); 5] = [
        ("log", log_key(17, 0), "log entry 17"),
        ("log", log_key(5, 1), "log entry 5"),
        ("meta", b"vote".to_vec(), "vote record"),
        ("meta", b"manifest".to_vec(), "manifest"),
        ("snapshot", b"head".to_vec(), "snapshot head"),
    ];
    for (tree, key, name) in records {
        let dir = filled();
        edit(dir.path(), tree, key, |record| make_newer(record));
        assert_refused(dir.path(), name, newer);
    }
}

#[test]
fn a_record_in_the_place_of_another_is_refused() {
    let dir = filled();
    let mut other = Vec::new();
    edit(dir.path(), "log", log_key(8, 0), |record| other.clone_from(record));
    edit(dir.path(), "log", log_key(9, 0), |record| *record = other);
    assert_refused(dir.path(), "log entry 9", "holds log entry 8");

    let dir = filled();
    let mut other = Vec::new();
    edit(dir.path(), "meta", "purged", |record| other.clone_from(record));
    edit(dir.path(), "meta", "vote", |record| *record = other);
    assert_refused(dir.path(), "vote record", "is a record of kind 7, not 5");
}

#[test]
fn a_hole_in_the_log_is_refused() {
    let dir = filled();
    remove(dir.path(), "log", log_key(11, 0));
    assert_refused(dir.path(), "log entry 11", "missing, though log entry 12 is stored");
}

#[test]
fn a_lost_head_of_the_log_is_refused() {
    let dir = filled();
    remove(dir.path(), "meta", "purged");
    assert_refused(dir.path(), "log entry 0", "missing, though log entry 3 is stored");
}

#[test]
fn a_lost_committed_tail_is_refused() {
    let dir = filled();
    for index in 12..20 {
        remove(dir.path(), "log", log_key(index, 0));
    }
    assert_refused(dir.path(), "log entry 12", "missing, though it was committed; the log ends at 11");
}

#[test]
fn a_missing_piece_is_refused() {
    let dir = filled();
    remove(dir.path(), "log", log_key(5, 2));
    assert_refused(dir.path(), "log entry 5", "piece 1 is missing");

    let dir = filled();
    remove(dir.path(), "log", log_key(5, 0));
    assert_refused(dir.path(), "log entry 5", "piece 0 without its head");

    let dir = filled();
    remove(dir.path(), "snapshot", snapshot_key(0, 0));
    assert_refused(dir.path(), "snapshot meta", "piece 0 is missing");
}

#[test]
fn entries_that_an_interrupted_purge_left_are_dropped() {
    let dir = filled();
    let mut old = Vec::new();
    edit(dir.path(), "log", log_key(8, 0), |record| old.clone_from(record));
    {
        let db = database(dir.path());
        db.open_tree("log").unwrap().insert(log_key(1, 0), old).unwrap();
    }
    let (log, _snapshots) = open(dir.path()).unwrap();
    assert_eq!(log.image().unwrap().range(..).next().map(|entry| entry.log_id), Some(id(1, 3)));
}

/// Below the records: sled takes such damage for a torn write, drops everything after it, and opens.
#[test]
fn damage_anywhere_in_the_database_file_is_refused() {
    let dir = filled();
    let image = open(dir.path()).unwrap().0.image().unwrap();
    let sound = fs::read(dir.path().join("db")).unwrap();
    let mut refused = 0;
    let used: Vec<usize> = (0..sound.len()).filter(|&at| sound[at] != 0).collect();
    for &position in used.iter().step_by(used.len() / 100) {
        let copy = TempDir::new().unwrap();
        for name in ["conf", "mark"] {
            fs::copy(dir.path().join(name), copy.path().join(name)).unwrap();
        }
        let mut damaged = sound.clone();
        damaged[position] ^= 4;
        fs::write(copy.path().join("db"), damaged).unwrap();
        match open(copy.path()) {
            // Not every byte of the file is in use any more.
            Ok((log, _snapshots)) => assert_eq!(log.image().unwrap(), image, "byte {position}"),
            Err(error) => {
                let error = chain(&error);
                assert!(error.contains("its last part is damaged or gone"), "byte {position}: {error}");
                assert_eq!(refusal(copy.path()), error, "and it was not repaired by the first attempt");
                refused += 1;
            }
        }
    }
    assert!(refused > 50, "most of these bytes are in use, but damage to only {refused} of 100 was refused");
}

#[test]
fn a_database_file_that_is_gone_or_cut_short_is_refused() {
    let dir = filled();
    let db = dir.path().join("db");
    let length = fs::metadata(&db).unwrap().len();
    fs::File::options().write(true).open(&db).unwrap().set_len(length / 2).unwrap();
    assert!(refusal(dir.path()).contains("database: ends at sync "));

    let dir = filled();
    fs::remove_file(dir.path().join("db")).unwrap();
    assert!(refusal(dir.path()).contains("database: ends at sync 0, though sync "));
}

/// The database's own words tell an administrator nothing.
#[test]
fn a_database_that_does_not_open_is_called_damaged() {
    let damages: [fn(&mut Vec<u8>); 4] = [
        |bytes| bytes[..64].fill(0xff),
        |bytes| bytes.fill(0xff),
        |bytes| bytes.iter_mut().step_by(7).for_each(|byte| *byte = byte.wrapping_add(1)),
        |bytes| bytes[..4096].reverse(),
    ];
    let mut damaged = 0;
    for (number, damage) in damages.into_iter().enumerate() {
        for file in ["db", "conf"] {
            let dir = filled();
            let path = dir.path().join(file);
            let mut bytes = fs::read(&path).unwrap();
            bytes.resize(bytes.len().max(4096), 0);
            damage(&mut bytes);
            fs::write(&path, bytes).unwrap();
            let Err(error) = open(dir.path()) else { continue };
            let text = chain(&error);
            println!("{number} {file}: {text}");
            assert!(error.has_forgotten(), "the way back is told: {text}");
            for word in ["orruption", "bt: ()", "sled", "operation not supported"] {
                assert!(!text.contains(word), "{text}");
            }
            damaged += usize::from(text.contains("is damaged ("));
        }
    }
    assert!(damaged > 0, "none of these keeps the database from opening");
}

#[test]
fn a_mark_file_that_is_gone_or_damaged_is_refused() {
    let dir = filled();
    let mark = dir.path().join("mark");
    let mut bytes = fs::read(&mark).unwrap();
    fs::remove_file(&mark).unwrap();
    assert_refused(dir.path(), "mark file", "is missing");

    // One slot may be torn by a crash; both may not.
    bytes[2] ^= 1;
    fs::write(&mark, &bytes).unwrap();
    open(dir.path()).unwrap();
    bytes[4_098] ^= 1;
    fs::write(&mark, &bytes).unwrap();
    assert_refused(dir.path(), "mark file", "checksum mismatch");
}

#[test]
fn the_directory_of_another_node_is_refused() {
    let dir = filled();
    let strangers =
        [Identity { cluster: "blue".to_owned(), node: 8 }, Identity { cluster: "green".to_owned(), node: 7 }];
    for stranger in strangers {
        let error = tenure_storage::open::<TokioTypes>(dir.path(), &stranger, None).err().expect("refused");
        let expected =
            format!("data directory {} belongs to node 7 of cluster blue, this is {stranger}", dir.path().display());
        assert_eq!(chain(&error), expected);
    }
    open(dir.path()).expect("its own node may still open it");
}

#[test]
fn data_without_a_manifest_is_refused() {
    let dir = filled();
    remove(dir.path(), "meta", "manifest");
    let expected = format!("data directory {} holds data but no manifest that says whose", dir.path().display());
    assert_eq!(refusal(dir.path()), expected);
}

#[test]
fn a_newer_layout_is_refused() {
    let dir = filled();
    let Identity { cluster, node } = identity();
    edit(dir.path(), "meta", "manifest", |record| {
        *record = format::seal(&v1::Manifest { layout: 2, cluster, node });
    });
    let expected = format!("data directory {} has layout 2, this build reads 1", dir.path().display());
    assert_eq!(refusal(dir.path()), expected);
}

#[test]
fn a_directory_in_use_is_refused_with_the_process_that_has_it() {
    let dir = TempDir::new().unwrap();
    let held = open(dir.path()).unwrap();
    let expected = format!("data directory {} is in use by process {}", dir.path().display(), std::process::id());
    assert_eq!(refusal(dir.path()), expected);
    drop(held);
    open(dir.path()).expect("it is free again at once");
}

#[test]
fn a_path_that_cannot_be_a_directory_is_refused() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, "in the way").unwrap();
    assert!(refusal(&path).starts_with(&format!("cannot make data directory {}: ", path.display())));
}

proptest! {
    /// A sound checksum over a hostile body: the lengths that it claims must not be believed.
    #[test]
    fn hostile_bodies_are_refused_without_harm(kind in 1_u8..=8, body in prop::collection::vec(any::<u8>(), 0..64)) {
        let mut record = [&[kind, 1, 0], &body[..]].concat();
        record.extend(crc32fast::hash(&record).to_le_bytes());
        for outcome in [
            format::open::<v1::Manifest>(&record).map(drop),
            format::open::<v1::Entry>(&record).map(drop),
            format::open::<v1::Piece>(&record).map(drop),
            format::open::<v1::Snapshot>(&record).map(drop),
        ] {
            let envelope_refused = matches!(outcome, Err(Fault::Checksum | Fault::Short(_) | Fault::Format { .. }));
            prop_assert!(!envelope_refused);
        }
    }
}

#[test]
fn a_stopped_nodes_directory_is_looked_into_and_left_as_it_was() {
    let dir = filled();
    let image = open(dir.path()).unwrap().0.image().unwrap();
    for _ in 0..2 {
        let stored = tenure_storage::look(dir.path()).unwrap();
        assert_eq!((&stored.identity, &stored.image), (&identity(), &image));
        let snapshot = stored.snapshot.expect("one was saved");
        assert_eq!((snapshot.meta.as_slice(), snapshot.data.len()), (&b"covers 2"[..], 10_000));
    }
    assert_eq!(open(dir.path()).unwrap().0.image().unwrap(), image);
}

#[test]
fn a_running_nodes_directory_and_any_other_are_not_looked_into() {
    let dir = filled();
    let running = open(dir.path()).unwrap();
    let why = tenure_storage::look(dir.path()).unwrap_err().to_string();
    assert!(why.contains("is in use by process"), "{why}");
    drop(running);
    let other = TempDir::new().unwrap();
    let why = tenure_storage::look(other.path()).unwrap_err().to_string();
    assert!(why.ends_with("is not the data directory of a node"), "{why}");
    assert_eq!(fs::read_dir(other.path()).unwrap().count(), 0, "nothing is made there");
    edit(dir.path(), "log", log_key(7, 0), |record| record[9] ^= 1);
    let why = chain(&tenure_storage::look(dir.path()).unwrap_err());
    assert!(why.contains("log entry 7"), "{why}");
}
