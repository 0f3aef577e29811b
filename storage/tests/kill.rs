//! A process that is killed in the middle of its writes loses nothing that it acknowledged.
//!
//! Killing keeps the page cache: this shows what the process owes, not what the disk owes. For that see `power.rs`.

mod common;

use std::collections::VecDeque;
use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use common::{LogStore, begin_append, entry, id, open, vote};
use futures::executor::block_on;
use openraft::storage::RaftLogStorage;
use tempfile::TempDir;
use tenure_storage::SnapshotStore;

const DIRECTORY: &str = "TENURE_STORAGE_KILL_DIRECTORY";
const ROUNDS: u64 = 10;
/// Appends that are under way at any time in the process to be killed.
const IN_FLIGHT: usize = 8;

fn bytes(index: u64) -> usize {
    if index % 40 == 7 { 30_000 } else { 200 }
}

/// Not a test but the process to be killed: it does nothing unless the test below started it.
#[test]
fn child() {
    let Some(dir) = env::var_os(DIRECTORY).map(PathBuf::from) else {
        return;
    };
    let (mut log, snapshots) = open(&dir).expect("the directory opens again after every kill");
    let first = log.image().unwrap().last().map_or(0, |last| last.index + 1);
    let mut under_way = VecDeque::new();
    for index in first.. {
        under_way.push_back((index, begin_append(&mut log, vec![entry(1, index, bytes(index))]).unwrap()));
        if under_way.len() == IN_FLIGHT
            && let Some((index, durable)) = under_way.pop_front()
        {
            block_on(durable).unwrap();
            say("entry", index);
            housekeeping(&mut log, &snapshots, index);
        }
    }
}

/// The rest of what a node does to its disk, between appends.
fn housekeeping(log: &mut LogStore, snapshots: &SnapshotStore, index: u64) {
    block_on(log.save_committed(Some(id(1, index)))).unwrap();
    if index % 50 == 10 {
        block_on(log.save_vote(&vote(index))).unwrap();
        say("vote", index);
    }
    if index % 120 == 60 {
        let data = Arc::new(index.to_le_bytes().repeat(5_000));
        block_on(snapshots.save(index.to_le_bytes().to_vec(), data)).unwrap();
        say("snapshot", index);
        block_on(log.purge(id(1, index - 50))).unwrap();
    }
}

/// To the parent, unbuffered.
fn say(what: &str, index: u64) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "ack {what} {index}").and_then(|()| out.flush()).unwrap();
}

#[derive(Debug, Default)]
struct Acknowledged {
    entry: Option<u64>,
    vote: Option<u64>,
    snapshot: Option<u64>,
}

impl Acknowledged {
    fn note(&mut self, line: &str) -> bool {
        // The first line comes after what the test harness prints without a newline.
        let Some((_, ack)) = line.split_once("ack ") else {
            return false;
        };
        let Some((what, index)) = ack.split_once(' ') else {
            return false;
        };
        let Ok(index) = index.parse() else {
            return false;
        };
        match what {
            "entry" => self.entry = Some(index),
            "vote" => self.vote = Some(index),
            "snapshot" => self.snapshot = Some(index),
            other => panic!("the child acknowledged a {other}"),
        }
        true
    }
}

fn start_child(dir: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture", "--test-threads=1"])
        .env(DIRECTORY, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn a_killed_process_loses_nothing_that_it_acknowledged() {
    let dir = TempDir::new().unwrap();
    let mut acknowledged = Acknowledged::default();
    for round in 0..ROUNDS {
        let mut child = start_child(dir.path());
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        // Different numbers of acknowledgements put the kill into different places.
        let mut wanted = 30 + round * 37;
        while wanted > 0 {
            let mut line = String::new();
            assert_ne!(lines.read_line(&mut line).unwrap(), 0, "round {round}: the child ended by itself");
            wanted -= u64::from(acknowledged.note(line.trim_end()));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let mut rest = String::new();
        lines.read_to_string(&mut rest).unwrap();
        // The last line may be cut short; then it was not acknowledged as a whole.
        let whole = rest.rfind('\n').map_or("", |end| &rest[..end]);
        whole.lines().for_each(|line| {
            acknowledged.note(line);
        });
        check(dir.path(), round, &acknowledged);
    }
}

fn check(dir: &Path, round: u64, acknowledged: &Acknowledged) {
    let (log, snapshots) = open(dir).unwrap();
    let image = log.image().unwrap();
    assert!(
        image.last().map(|last| last.index) >= acknowledged.entry,
        "round {round}: {acknowledged:?}, but the log ends at {:?}",
        image.last()
    );
    for found in image.range(..) {
        assert_eq!(**found, entry(1, found.log_id.index, bytes(found.log_id.index)), "round {round}");
    }
    let term = image.vote().map(|vote| vote.leader_id.term);
    assert!(term >= acknowledged.vote, "round {round}: {acknowledged:?}, but the vote is of term {term:?}");
    let snapshot = block_on(snapshots.load()).unwrap();
    let covers = snapshot.map(|snapshot| {
        let covers = u64::from_le_bytes(snapshot.meta.try_into().unwrap());
        assert_eq!(*snapshot.data, covers.to_le_bytes().repeat(5_000), "round {round}");
        covers
    });
    assert!(covers >= acknowledged.snapshot, "round {round}: {acknowledged:?}, but the snapshot is {covers:?}");
}
