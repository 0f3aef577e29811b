//! Loss of power, as far as files can show it.
//!
//! The directory is copied at a sync and again after more writes, without the second sync. Then some of the blocks that
//! differ are set back, as if they had never reached the disk. Whatever opens there must be the state after the last sync or
//! after some later op, in their order; and the next life goes on from there.
//!
//! The file is written through, so a later write cannot reach the disk without an earlier one: any part may be missing of
//! the writes of one op, but of several ops all or nothing is lost here. (If any block of several ops may be missing, as it
//! may without write-through, sled is corrupt in about one of a hundred lives.) What this cannot show: blocks torn in their
//! middle, and drives that lie about a sync.

use std::cell::RefCell;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use tempfile::TempDir;

use super::engine::{Engine, Identity};
use super::log::DiskLog;
use crate::backend::LogBackend;
use crate::image::Image;
use crate::op::Op;
use crate::types::{Command, Entry, LeaderId, LogId, Payload, Vote};

const BLOCK_BYTES: usize = 4096;

thread_local! {
    /// The content of a database file when this thread last synced one: without write-through, only this certainly
    /// survives a loss of power.
    static DURABLE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A database file was synced.
pub(super) fn synced(file: &File) {
    let length = usize::try_from(file.metadata().unwrap().len()).unwrap();
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, 0).unwrap();
    DURABLE.set(bytes);
}

#[derive(Clone, Debug)]
enum Step {
    Append {
        entries: u64,
        bytes: usize,
    },
    TruncateBack(u64),
    PurgeForward(u64),
    Vote,
    Commit(u64),
    /// Removes so many records that a purge has left.
    Tidy(usize),
}

#[derive(Clone, Copy, Debug)]
enum Reached {
    None,
    All,
    /// As this seed says.
    Some(u64),
}

/// From one start to one loss of power.
#[derive(Clone, Debug)]
struct Life {
    synced: Vec<Step>,
    unsynced: Vec<Step>,
    /// Whether the database was told to write the unsynced steps before the power went.
    written: bool,
    /// The blocks of those writes that reached the disk.
    reached: Reached,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1_u64..60, 0_usize..6_000).prop_map(|(entries, bytes)| Step::Append { entries, bytes }),
        2 => (0_u64..30).prop_map(Step::TruncateBack),
        2 => (1_u64..80).prop_map(Step::PurgeForward),
        2 => Just(Step::Vote),
        3 => (0_u64..30).prop_map(Step::Commit),
        2 => (1_usize..60).prop_map(Step::Tidy),
    ]
}

/// Many ops under way, all of them lost or none.
fn long_life() -> impl Strategy<Value = Life> {
    life(8, prop_oneof![Just(Reached::None), Just(Reached::All)])
}

/// At most one op under way, of which any part may be lost.
fn torn_life() -> impl Strategy<Value = Life> {
    life(1, any::<u64>().prop_map(Reached::Some))
}

fn life(unsynced: usize, reached: impl Strategy<Value = Reached>) -> impl Strategy<Value = Life> {
    let steps = |most: usize| prop::collection::vec(step(), 0..=most);
    (steps(10), steps(unsynced), any::<bool>(), reached).prop_map(|(synced, unsynced, written, reached)| Life {
        synced,
        unsynced,
        written,
        reached,
    })
}

fn leader(term: u64) -> LeaderId {
    LeaderId { term, node_id: 1 }
}

/// The op that a step is, in this state. Every op is one that consensus could ask for.
fn op(step: &Step, image: &Image) -> Option<Op> {
    let term = image.vote().map_or(0, |vote| vote.leader_id.term);
    let last = image.last();
    let held = |index: u64| image.range(index..=index).next().map(|entry| entry.log_id);
    match *step {
        Step::Append { entries, bytes } => {
            let first = last.map_or(0, |last| last.index + 1);
            let entry = |index: u64| Entry {
                log_id: LogId::new(leader(term), index),
                payload: Payload::Normal(Command(vec![index as u8; bytes])),
            };
            Some(Op::Append((first..first + entries).map(|index| Arc::new(entry(index))).collect()))
        }
        Step::TruncateBack(back) => {
            let committed = image.committed().map_or(0, |committed| committed.index);
            let after = last?.index.saturating_sub(back).max(committed);
            Some(Op::TruncateAfter(Some(held(after)?)))
        }
        Step::PurgeForward(forward) => {
            let upto = image.purged().map_or(0, |purged| purged.index) + forward;
            Some(Op::Purge(LogId::new(leader(term), upto)))
        }
        Step::Vote => Some(Op::Vote(Vote { leader_id: leader(term + 1), committed: false })),
        Step::Commit(back) => {
            let committed = held(last?.index.saturating_sub(back))?;
            (image.committed() < Some(committed)).then_some(Op::Committed(Some(committed)))
        }
        Step::Tidy(_) => None,
    }
}

fn open(dir: &Path) -> (Arc<Engine>, DiskLog, Image) {
    let identity = Identity { cluster: "power".to_owned(), node: 1 };
    let engine = Arc::new(Engine::open(dir, &identity, None).expect("the directory opens after the loss of power"));
    let mut log = DiskLog::new(Arc::clone(&engine));
    let image = log.load().expect("the log is sound after the loss of power");
    (engine, log, image)
}

/// Runs the steps, and returns the state after each.
fn run(steps: &[Step], log: &mut DiskLog, start: &Image) -> Vec<Image> {
    let mut states = vec![start.clone()];
    for step in steps {
        if let Step::Tidy(records) = *step {
            log.tidy(records).expect("the disk removes what is left");
        }
        let mut image = states[states.len() - 1].clone();
        if let Some(op) = op(step, &image) {
            image.apply(&op).expect("the op fits the state");
            log.apply(&op).expect("the disk takes the op");
            states.push(image);
        }
    }
    states
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for item in fs::read_dir(from).unwrap() {
        let item = item.unwrap();
        let target = to.join(item.file_name());
        if item.file_type().unwrap().is_dir() {
            copy(&item.path(), &target);
        } else {
            fs::copy(item.path(), target).unwrap();
        }
    }
}

/// Leaves in `new`'s database file what a disk could hold that was synced as in `old`.
fn lose_power(old: &Path, new: &Path, reached: Reached) {
    let (old, written) = (fs::read(old.join("db")).unwrap(), fs::read(new.join("db")).unwrap());
    let held = match reached {
        Reached::None => old,
        Reached::All => written,
        Reached::Some(seed) => mix(&old, &written, seed),
    };
    fs::write(new.join("db"), held).unwrap();
}

fn mix(old: &[u8], written: &[u8], mut seed: u64) -> Vec<u8> {
    let mut held = Vec::new();
    for (number, block) in written.chunks(BLOCK_BYTES).enumerate() {
        if splitmix(&mut seed).is_multiple_of(2) {
            held.extend_from_slice(block);
        } else {
            // A block that the file did not have reads as zeros.
            let start = number * BLOCK_BYTES;
            held.extend((start..start + block.len()).map(|at| old.get(at).copied().unwrap_or(0)));
        }
    }
    held
}

fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn live(lives: &[Life]) {
    let root = TempDir::new().unwrap();
    let mut dir = root.path().join("0");
    let mut allowed = vec![Image::default()];
    for (number, life) in lives.iter().enumerate() {
        let (engine, mut log, found) = open(&dir);
        assert!(allowed.contains(&found), "life {number}: found {found:#?}, which no order of its ops leads to");
        let synced = run(&life.synced, &mut log, &found).pop().expect("the start is a state");
        log.sync().expect("the disk syncs");
        let old = root.path().join("old");
        copy(&dir, &old);
        allowed = run(&life.unsynced, &mut log, &synced);
        if life.written {
            engine.db.flush().expect("the database writes");
        }
        let next = root.path().join(format!("{}", number + 1));
        copy(&dir, &next);
        lose_power(&old, &next, life.reached);
        fs::remove_dir_all(old).unwrap();
        drop((engine, log));
        fs::remove_dir_all(dir).unwrap();
        dir = next;
    }
    let (_engine, _log, found) = open(&dir);
    assert!(allowed.contains(&found), "at the end: found {found:#?}, which no order of its ops leads to");
}

/// A process is killed between a write and its sync, the next one reads what the operating system has and goes by it, and
/// then the power fails before that one writes anything.
#[test]
fn what_a_start_has_read_survives() {
    let root = TempDir::new().unwrap();
    let (first, second) = (root.path().join("first"), root.path().join("second"));
    let (engine, mut log, image) = open(&first);
    let synced = run(&[Step::Append { entries: 5, bytes: 200 }], &mut log, &image).pop().expect("the start is a state");
    log.sync().expect("the disk syncs");
    let steps = [Step::Append { entries: 3, bytes: 3_000 }, Step::Vote];
    let written = run(&steps, &mut log, &synced).pop().expect("the start is a state");
    engine.db.flush().expect("the database writes");
    copy(&first, &second);
    drop((engine, log));

    let (engine, log, read) = open(&second);
    assert_eq!(read, written);
    let third = root.path().join("third");
    copy(&second, &third);
    drop((engine, log));
    fs::write(third.join("db"), DURABLE.take()).unwrap();
    let (_engine, _log, found) = open(&third);
    assert_eq!(found, read, "a vote that was read was answered for");
}

#[test]
fn what_a_purge_leaves_goes_a_few_records_at_a_time_and_is_never_read_again() {
    let root = TempDir::new().unwrap();
    let (first, second) = (root.path().join("first"), root.path().join("second"));
    let (engine, mut log, image) = open(&first);
    let steps = [Step::Append { entries: 300, bytes: 20 }, Step::Commit(0), Step::PurgeForward(199)];
    let purged = run(&steps, &mut log, &image).pop().expect("the start is a state");
    assert_eq!(engine.log.len(), 300, "nobody waits for what is superfluous");
    assert!(log.tidy(64).unwrap());
    assert_eq!(engine.log.len(), 236);
    log.sync().expect("the disk syncs");
    copy(&first, &second);
    while log.tidy(64).unwrap() {}
    assert_eq!(engine.log.len(), 100);

    let (engine, _log, found) = open(&second);
    assert_eq!((engine.log.len(), found), (100, purged));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_synced_survives(lives in prop::collection::vec(long_life(), 1..6)) {
        live(&lives);
    }

    #[test]
    fn a_torn_write_is_lost_as_a_whole(lives in prop::collection::vec(torn_life(), 1..10)) {
        live(&lives);
    }
}
