//! The disk of a node: it loses unsynced data with the power, and may be full, slow, lost, or reset to an older
//! state.
//!
//! It implements the interfaces of the storage crate ([`Submit`], [`KeepSnapshot`]). Surviving data are read back
//! through the crate's own record format. Like the product's data directory it has a witness in another place, which
//! holds a lower bound of the number of acknowledged syncs; a disk with fewer is refused.

use crate::{
    coverage::Counts,
    plant::Plant,
    runtime::{Process, SimTypes, WORLD, spawn_in},
    trace::Trace,
};
use futures::{FutureExt, future::BoxFuture};
use openraft::async_runtime::AsyncRuntime;
use openraft_rt_sim::SimRuntime;
use rand::RngExt;
use std::{
    fmt, io,
    sync::{Arc, Mutex},
    time::Duration,
};
use tenure_storage::{
    Done, Entry, Image, KeepSnapshot, LogStore, Op, SavedSnapshot, SnapshotStore, Submit,
    format::{self, v1},
};

/// Number of syncs between two updates of the witness; a vote updates it at once.
const STRIDE: u64 = 64;

/// A node's disk, which outlives its processes. Clones share it.
#[derive(Clone)]
pub struct Disk {
    state: Arc<Mutex<State>>,
    counts: Counts,
    trace: Trace,
    plant: Option<Plant>,
}

/// The data that survive a power loss.
#[derive(Clone, Debug, Default)]
struct Platter {
    log: Image,
    snapshot: Option<SavedSnapshot>,
    syncs: u64,
}

#[derive(Debug, Default)]
struct State {
    platter: Platter,
    /// Written but not synced: in the operating system's memory.
    written: Vec<Op>,
    /// Callbacks for the next sync.
    waiting: Vec<Done>,
    voted: bool,
    syncing: bool,
    /// Number of boots: submissions of an earlier process have no effect.
    boot: u64,
    full: bool,
    /// Maximum additional duration of a sync, in microseconds.
    slow: u64,
    witness: u64,
    /// An older state.
    copy: Option<Platter>,
    most_waiting: usize,
}

/// Reason why a node does not start on its disk.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It holds less than was acknowledged.
    #[error("the data directory ends at sync {held}, and {acknowledged} was acknowledged")]
    Forgot {
        /// The last sync that it holds.
        held: u64,
        /// Lower bound of the acknowledged syncs.
        acknowledged: u64,
    },
}

/// The stores that a boot opens.
#[allow(missing_docs)] // what a name says is not said again
pub struct Booted {
    pub log: LogStore<SimTypes>,
    pub snapshots: SnapshotStore,
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Disk")
    }
}

impl Disk {
    /// An empty disk, perhaps with a planted bug.
    pub fn new(counts: Counts, trace: Trace, plant: Option<Plant>) -> Self {
        Disk { state: Arc::default(), counts, trace, plant }
    }

    fn with<R>(&self, look: impl FnOnce(&mut State) -> R) -> R {
        look(&mut self.state.lock().expect("nobody panics with it"))
    }

    /// Starts a node on the stored data; `careless` skips the check against the witness.
    pub fn boot(&self, careless: bool) -> Result<Booted, Refused> {
        let (log, boot) = self.with(|state| {
            if state.platter.syncs < state.witness && !careless {
                return Err(Refused::Forgot { held: state.platter.syncs, acknowledged: state.witness });
            }
            state.boot += 1;
            // Data read at a start are synced first, as the store does.
            for op in std::mem::take(&mut state.written) {
                state.platter.log.apply(&op).map_err(|_| Refused::Forgot { held: 0, acknowledged: 0 })?;
            }
            Ok((reread(&state.platter.log), state.boot))
        })?;
        let port = Port { disk: self.clone(), boot, process: Process::current() };
        let log = LogStore::from_parts(log, Box::new(port.clone()));
        Ok(Booted { log, snapshots: SnapshotStore::over(Arc::new(port)) })
    }

    /// The process ends; the operating system keeps running, with the data that had reached it.
    pub fn kill(&self) {
        let (lost, untold) = self.with(|state| {
            let kept = SimRuntime::thread_rng().random_range(0..=state.written.len());
            let lost = state.written.len() - kept;
            state.written.truncate(kept);
            (lost, state.forget_process())
        });
        drop(untold);
        self.counts.add("disk: write lost with its process", lost as u64);
    }

    /// The power is lost: some unsynced data may have reached the platter, in order, and the last record may be torn.
    pub fn lose_power(&self) {
        let (lost, torn, untold) = self.with(|state| {
            let written = std::mem::take(&mut state.written);
            let kept = SimRuntime::thread_rng().random_range(0..=written.len());
            let mut torn = false;
            for (at, op) in written.iter().enumerate() {
                if at < kept {
                    let _ = state.platter.log.apply(op);
                } else if at == kept {
                    torn = tear(op);
                }
            }
            (written.len() - kept, torn, state.forget_process())
        });
        drop(untold);
        self.counts.add("disk: unsynced write lost", lost as u64);
        if torn {
            self.counts.count("disk: last record torn");
        }
    }

    /// Sets whether the disk is full.
    pub fn fill(&self, full: bool) {
        self.with(|state| state.full = full);
    }

    /// Sets the maximum additional duration of a sync.
    pub fn slow(&self, by: Duration) {
        self.with(|state| state.slow = u64::try_from(by.as_micros()).unwrap_or(u64::MAX));
    }

    /// Replaces the disk by a blank one. The witness stays.
    pub fn lose(&self) {
        self.counts.count("disk: lost");
        self.with(|state| {
            state.written.clear();
            state.platter = Platter::default();
        });
    }

    /// Saves a copy of the current contents.
    pub fn copy(&self) {
        self.with(|state| state.copy = Some(state.platter.clone()));
    }

    /// Resets the disk to the copy, if the witness can detect that; otherwise does nothing.
    pub fn restore_copy(&self) -> bool {
        let back = self.with(|state| {
            let old = state.copy.take_if(|copy| copy.syncs < state.witness);
            let found = old.is_some();
            if let Some(old) = old {
                state.written.clear();
                state.platter = old;
            }
            found
        });
        self.counts.add("disk: old one back", u64::from(back));
        back
    }

    /// The maximum number of writes that waited for a sync at once.
    pub fn most_waiting(&self) -> usize {
        self.with(|state| state.most_waiting)
    }

    /// Number of entries that would survive.
    pub fn entries(&self) -> usize {
        self.with(|state| {
            let (last, purged) = (state.platter.log.last(), state.platter.log.purged());
            let index = |id: Option<tenure_storage::LogId>| id.map_or(0, |id| id.index);
            usize::try_from(index(last).saturating_sub(index(purged))).unwrap_or(usize::MAX)
        })
    }

    fn sync_soon(&self, boot: u64, slow: u64) {
        let mut rng = SimRuntime::thread_rng();
        let mut took = rng.random_range(200..3_000);
        if slow > 0 {
            took += rng.random_range(0..slow);
            self.counts.count("disk: slow sync");
        }
        let disk = self.clone();
        drop(spawn_in(WORLD, async move {
            SimRuntime::sleep(Duration::from_micros(took)).await;
            disk.sync(boot);
        }));
    }

    fn sync(&self, boot: u64) {
        let done = self.with(|state| {
            if state.boot != boot {
                return Vec::new();
            }
            state.syncing = false;
            let full = state.full;
            let waiting = std::mem::take(&mut state.waiting);
            if full {
                return waiting.into_iter().map(|done| (done, Err(no_space()))).collect();
            }
            let mut outcome = Ok(());
            for op in std::mem::take(&mut state.written) {
                outcome = outcome.and(state.platter.log.apply(&op).map_err(|why| why.to_string()));
            }
            state.acknowledge();
            waiting.into_iter().map(|done| (done, outcome.clone().map_err(io::Error::other))).collect::<Vec<_>>()
        });
        for (done, outcome) in done {
            if outcome.is_err() {
                self.counts.count("disk: write failed");
            }
            done.complete(outcome);
        }
    }
}

impl State {
    /// Records one more acknowledged sync.
    fn acknowledge(&mut self) {
        self.platter.syncs += 1;
        if std::mem::take(&mut self.voted) || self.witness + STRIDE <= self.platter.syncs {
            self.witness = self.platter.syncs;
        }
    }

    /// Returns the callbacks that will never be called.
    fn forget_process(&mut self) -> Vec<Done> {
        self.boot += 1;
        (self.syncing, self.voted) = (false, false);
        std::mem::take(&mut self.waiting)
    }
}

fn no_space() -> io::Error {
    io::Error::new(io::ErrorKind::StorageFull, "no space left on device")
}

/// The stored data, passed through the record format again.
fn reread(image: &Image) -> Image {
    for entry in image.range(..) {
        let bytes = format::seal(&v1::Entry::from(entry.as_ref()));
        let read = format::open::<v1::Entry>(&bytes).ok().and_then(|entry| Entry::try_from(entry).ok());
        assert_eq!(read.as_ref(), Some(entry.as_ref()), "an entry is read as it was written");
    }
    image.clone()
}

/// Whether the write leaves a torn record, which must be detected.
fn tear(op: &Op) -> bool {
    let Op::Append(entries) = op else { return false };
    let Some(last) = entries.last() else { return false };
    let record = format::seal(&v1::Entry::from(last.as_ref()));
    let cut = SimRuntime::thread_rng().random_range(0..record.len());
    assert!(format::open::<v1::Entry>(&record[..cut]).is_err(), "a torn record is noticed");
    true
}

#[derive(Clone, Debug)]
struct Port {
    disk: Disk,
    boot: u64,
    process: Process,
}

impl Submit for Port {
    fn submit(&mut self, op: Op, done: Done) -> BoxFuture<'_, ()> {
        if !self.process.lives() {
            // Nobody waits for it any more.
            return futures::future::pending().boxed();
        }
        self.disk.trace.note(|| format!("disk of {:?}: {}", self.process, word(&op)));
        let start = self.disk.with(|state| {
            if state.boot != self.boot {
                return None;
            }
            let vote = matches!(op, Op::Vote(_));
            state.voted |= vote;
            if vote && self.disk.plant == Some(Plant::VoteForgotten) {
                done.complete(Ok(()));
                return None;
            }
            state.written.push(op);
            if self.disk.plant == Some(Plant::NoSync) {
                done.complete(Ok(()));
                return None;
            }
            let start = done.wants_sync() && !state.syncing;
            state.syncing |= start;
            state.waiting.push(done);
            state.most_waiting = state.most_waiting.max(state.waiting.len());
            start.then_some(state.slow)
        });
        if let Some(slow) = start {
            self.disk.sync_soon(self.boot, slow);
        }
        async {}.boxed()
    }
}

impl KeepSnapshot for Port {
    fn save(&self, snapshot: SavedSnapshot) -> BoxFuture<'_, io::Result<()>> {
        async move {
            let slow = self.disk.with(|state| state.slow);
            let took = SimRuntime::thread_rng().random_range(1_000..40_000 + slow);
            SimRuntime::sleep(Duration::from_micros(took)).await;
            if !self.process.lives() {
                return futures::future::pending().await;
            }
            self.disk.trace.note(|| format!("disk of {:?}: a snapshot", self.process));
            self.disk.counts.count("disk: snapshot");
            self.disk.with(|state| {
                if state.full {
                    return Err(no_space());
                }
                for op in std::mem::take(&mut state.written) {
                    state.platter.log.apply(&op).map_err(io::Error::other)?;
                }
                state.platter.snapshot = Some(snapshot);
                state.acknowledge();
                Ok(())
            })
        }
        .boxed()
    }

    fn load(&self) -> BoxFuture<'_, io::Result<Option<SavedSnapshot>>> {
        async move { Ok(self.disk.with(|state| state.platter.snapshot.clone())) }.boxed()
    }
}

fn word(op: &Op) -> String {
    match op {
        Op::Append(entries) => {
            let ends = entries.first().zip(entries.last()).map(|(a, b)| (a.log_id.index, b.log_id.index));
            format!("append {ends:?}")
        }
        Op::TruncateAfter(after) => format!("truncate after {:?}", after.map(|id| id.index)),
        Op::Purge(upto) => format!("purge to {}", upto.index),
        Op::Vote(vote) => format!("vote {vote}"),
        Op::Committed(id) => format!("committed {:?}", id.map(|id| id.index)),
    }
}
