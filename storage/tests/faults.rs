//! The writer with a slow disk, and with a failing one.

mod common;

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{LogStore, append, begin_append, entry, id, vote};
use futures::executor::block_on;
use openraft::storage::{RaftLogReader, RaftLogStorage};
use tenure_storage::{Image, LoadError, LogBackend, Op};

/// Long enough for any machine, short enough that a hang fails the test.
const DEADLINE: Duration = Duration::from_secs(30);

/// Slices of every purge.
const PURGE_SLICES: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    Apply,
    Sync,
}

#[derive(Debug)]
struct State {
    fault: Fault,
    applied: Vec<String>,
    syncs: usize,
    /// Slices that are left of a purge.
    left: usize,
    failed: bool,
}

/// A disk in memory that fails on request, and whose syncs and slices of a purge can be held up.
#[derive(Clone)]
struct Disk {
    state: Arc<Mutex<State>>,
    gate: Option<Arc<Mutex<Gate>>>,
}

struct Gate {
    entered: Sender<()>,
    leave: Receiver<()>,
}

impl Disk {
    fn new() -> Self {
        let state = State { fault: Fault::None, applied: Vec::new(), syncs: 0, left: 0, failed: false };
        Disk { state: Arc::new(Mutex::new(state)), gate: None }
    }

    /// A disk whose every sync, and every slice of a purge, says that it began, and waits to be told to go on.
    fn gated() -> (Self, Receiver<()>, Sender<()>) {
        let (entered, enters) = channel();
        let (go_on, leave) = channel();
        let gate = Some(Arc::new(Mutex::new(Gate { entered, leave })));
        (Disk { gate, ..Disk::new() }, enters, go_on)
    }

    fn fail(&self, fault: Fault) {
        self.state.lock().unwrap().fault = fault;
    }

    fn syncs(&self) -> usize {
        self.state.lock().unwrap().syncs
    }

    fn applied(&self) -> Vec<String> {
        self.state.lock().unwrap().applied.clone()
    }

    fn wait(&self) {
        if let Some(gate) = &self.gate {
            let gate = gate.lock().unwrap();
            // The test may have ended.
            let _ = gate.entered.send(());
            let _ = gate.leave.recv();
        }
    }
}

fn name(op: &Op) -> String {
    match op {
        Op::Append(entries) => format!("append {}", entries[0].log_id.index),
        Op::TruncateAfter(after) => format!("truncate after {:?}", after.map(|id| id.index)),
        Op::Purge(upto) => format!("purge {}", upto.index),
        Op::Vote(vote) => format!("vote {}", vote.leader_id.term),
        Op::Committed(committed) => format!("committed {:?}", committed.map(|id| id.index)),
    }
}

impl LogBackend for Disk {
    fn load(&mut self) -> Result<Image, LoadError> {
        Ok(Image::default())
    }

    fn apply(&mut self, op: &Op) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        assert!(!state.failed, "nothing is written after a failure");
        if state.fault == Fault::Apply {
            state.failed = true;
            return Err(io::Error::other("no space left"));
        }
        state.applied.push(name(op));
        if matches!(op, Op::Purge(_)) {
            state.left = PURGE_SLICES;
        }
        Ok(())
    }

    fn tidy(&mut self, _records: usize) -> io::Result<bool> {
        if self.state.lock().unwrap().left == 0 {
            return Ok(false);
        }
        self.wait();
        let mut state = self.state.lock().unwrap();
        if state.fault == Fault::Apply {
            state.failed = true;
            return Err(io::Error::other("no space left"));
        }
        state.applied.push("slice".to_owned());
        state.left -= 1;
        Ok(state.left > 0)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.wait();
        let mut state = self.state.lock().unwrap();
        assert!(!state.failed, "a failed sync is never retried");
        state.syncs += 1;
        if state.fault == Fault::Sync {
            state.failed = true;
            return Err(io::Error::other("medium error"));
        }
        Ok(())
    }
}

fn store(disk: &Disk) -> LogStore {
    LogStore::over(disk.clone()).expect("an empty disk loads")
}

#[test]
fn appends_that_wait_share_one_sync() {
    let (disk, enters, go_on) = Disk::gated();
    let mut log = store(&disk);
    let first = begin_append(&mut log, vec![entry(1, 0, 8)]).unwrap();
    enters.recv_timeout(DEADLINE).unwrap();
    let rest: Vec<_> = (1..50).map(|index| begin_append(&mut log, vec![entry(1, index, 8)]).unwrap()).collect();
    go_on.send(()).unwrap();
    block_on(first).unwrap();
    enters.recv_timeout(DEADLINE).unwrap();
    go_on.send(()).unwrap();
    for told in rest {
        block_on(told).unwrap();
    }
    assert_eq!(disk.syncs(), 2, "one for the first, one for all that came while it ran");
}

#[test]
fn an_append_is_readable_before_it_is_durable() {
    let (disk, enters, go_on) = Disk::gated();
    let mut log = store(&disk);
    let told = begin_append(&mut log, vec![entry(1, 0, 8)]).unwrap();
    enters.recv_timeout(DEADLINE).unwrap();
    assert_eq!(block_on(log.reader().try_get_log_entries(..)).unwrap(), [entry(1, 0, 8)]);
    assert_eq!(disk.syncs(), 0);
    go_on.send(()).unwrap();
    block_on(told).unwrap();
}

#[test]
fn votes_and_entries_reach_the_disk_in_order() {
    let disk = Disk::new();
    let mut log = store(&disk);
    append(&mut log, [entry(1, 0, 8)]);
    block_on(log.save_vote(&vote(2))).unwrap();
    block_on(log.truncate_after(None)).unwrap();
    append(&mut log, [entry(2, 0, 8)]);
    block_on(log.save_committed(Some(id(2, 0)))).unwrap();
    block_on(log.purge(id(2, 0))).unwrap();
    block_on(log.save_vote(&vote(3))).unwrap();
    drop(log);
    let order = ["append 0", "vote 2", "truncate after None", "append 0", "committed Some(0)", "purge 0", "vote 3"];
    let applied = disk.applied().into_iter().filter(|op| op != "slice");
    assert_eq!(applied.collect::<Vec<_>>(), order);
}

#[test]
fn hints_and_purges_cost_no_sync() {
    let disk = Disk::new();
    let mut log = store(&disk);
    append(&mut log, [entry(1, 0, 8), entry(1, 1, 8)]);
    for _ in 0..100 {
        block_on(log.save_committed(Some(id(1, 1)))).unwrap();
    }
    block_on(log.purge(id(1, 0))).unwrap();
    block_on(log.save_vote(&vote(1))).unwrap();
    assert_eq!(disk.syncs(), 2, "one for the append, one for the vote");
}

#[test]
fn an_append_waits_for_a_slice_of_a_purge_and_not_for_all_of_it() {
    let (disk, enters, go_on) = Disk::gated();
    let mut log = store(&disk);
    let entered = || enters.recv_timeout(DEADLINE).unwrap();
    let first = begin_append(&mut log, vec![entry(1, 0, 8), entry(1, 1, 8)]).unwrap();
    entered();
    go_on.send(()).unwrap();
    block_on(first).unwrap();
    block_on(log.purge(id(1, 0))).unwrap();
    entered();
    let next = begin_append(&mut log, vec![entry(1, 2, 8)]).unwrap();
    go_on.send(()).unwrap();
    entered();
    assert_eq!(disk.applied(), ["append 0", "purge 0", "slice", "append 2"]);
    go_on.send(()).unwrap();
    block_on(next).unwrap();
    for _ in 1..PURGE_SLICES {
        entered();
        go_on.send(()).unwrap();
    }
    drop(log);
    assert_eq!(disk.applied(), ["append 0", "purge 0", "slice", "append 2", "slice", "slice"]);
}

#[test]
fn a_purge_that_fails_stops_the_store_too() {
    let (disk, enters, go_on) = Disk::gated();
    let mut log = store(&disk);
    block_on(log.purge(id(1, 0))).unwrap();
    enters.recv_timeout(DEADLINE).unwrap();
    disk.fail(Fault::Apply);
    go_on.send(()).unwrap();
    assert!(block_on(log.save_vote(&vote(1))).is_err());
    assert_eq!(disk.applied(), ["purge 0"]);
}

#[test]
fn a_stop_syncs_what_nobody_waited_for() {
    let disk = Disk::new();
    let mut log = store(&disk);
    block_on(log.save_committed(None)).unwrap();
    drop(log);
    assert_eq!(disk.syncs(), 1);
}

#[test]
fn the_first_error_stops_the_store_for_good() {
    for (fault, told) in
        [(Fault::Apply, "write to the log: no space left"), (Fault::Sync, "sync of the log: medium error")]
    {
        let disk = Disk::new();
        let mut log = store(&disk);
        append(&mut log, [entry(1, 0, 8)]);
        disk.fail(fault);
        let error = block_on(begin_append(&mut log, vec![entry(1, 1, 8)]).unwrap()).unwrap_err();
        assert_eq!(error.to_string(), told);
        // The disk works again, which must not help: it will not write later what it dropped.
        disk.fail(Fault::None);
        assert_stopped(&mut log, told);
    }
}

#[test]
fn a_failed_vote_stops_the_store_too() {
    let disk = Disk::new();
    let mut log = store(&disk);
    disk.fail(Fault::Sync);
    let error = block_on(log.save_vote(&vote(1))).unwrap_err();
    assert_eq!(error.to_string(), "sync of the log: medium error");
    assert_stopped(&mut log, "sync of the log: medium error");
}

#[test]
fn everyone_who_waits_is_told_of_the_failure() {
    let (disk, enters, go_on) = Disk::gated();
    let mut log = store(&disk);
    let first = begin_append(&mut log, vec![entry(1, 0, 8)]).unwrap();
    enters.recv_timeout(DEADLINE).unwrap();
    let rest: Vec<_> = (1..20).map(|index| begin_append(&mut log, vec![entry(1, index, 8)]).unwrap()).collect();
    disk.fail(Fault::Sync);
    go_on.send(()).unwrap();
    assert!(block_on(first).is_err());
    for told in rest {
        assert!(block_on(told).is_err());
    }
    assert_eq!(disk.applied(), ["append 0"], "nothing is written after the failure");
}

#[test]
fn a_gap_is_refused_before_it_reaches_the_disk() {
    let disk = Disk::new();
    let mut log = store(&disk);
    append(&mut log, [entry(1, 0, 8)]);
    let error = begin_append(&mut log, vec![entry(1, 2, 8)]).err().expect("refused");
    assert_eq!(error.to_string(), "append of log entry 2: the next index is 1");
    assert_stopped(&mut log, "append of log entry 2: the next index is 1");
    assert_eq!(disk.applied(), ["append 0"]);
}

fn assert_stopped(log: &mut LogStore, reason: &str) {
    let stopped = format!("log store stopped after a failed write: {reason}");
    let answers = [
        begin_append(log, vec![entry(1, 2, 8)]).err(),
        block_on(log.save_vote(&vote(5))).err(),
        block_on(log.truncate_after(None)).err(),
        block_on(log.purge(id(1, 0))).err(),
        block_on(log.save_committed(None)).err(),
        block_on(log.get_log_state()).err(),
        block_on(log.reader().try_get_log_entries(..)).err(),
        block_on(log.reader().read_vote()).err(),
    ];
    for (call, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer.map(|error| error.to_string()).as_ref(), Some(&stopped), "call {call}");
    }
}
