//! A simulated disk that loses unsynced writes when its machine crashes.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use openraft::async_runtime::AsyncRuntime;
use openraft_rt_sim::SimRuntime;
use rand::RngExt;
use tenure_storage::{Done, Image, LogStore, Op, SnapshotStore, Submit};

use crate::world::SimTypes;

#[derive(Clone)]
pub struct Disk {
    state: Arc<Mutex<State>>,
    pub snapshots: SnapshotStore,
}

#[derive(Default)]
struct State {
    platter: Image,
    pending: Vec<(Op, Done)>,
    /// Counts the crashes: what a machine submits after its own crash reaches nothing.
    boot: u64,
    syncing: bool,
}

impl Disk {
    pub fn new() -> Self {
        Self { state: Arc::default(), snapshots: SnapshotStore::memory() }
    }

    pub fn boot(&self) -> LogStore<SimTypes> {
        let state = self.state.lock().unwrap();
        let port = Port { disk: self.clone(), boot: state.boot };
        LogStore::from_parts(state.platter.clone(), Box::new(port))
    }

    /// Gives how many operations were forgotten.
    pub fn crash(&self) -> usize {
        let mut state = self.state.lock().unwrap();
        state.boot += 1;
        state.syncing = false;
        let lost = std::mem::take(&mut state.pending);
        drop(state);
        lost.len()
    }

    fn sync(&self, boot: u64) {
        let done = {
            let mut state = self.state.lock().unwrap();
            if state.boot != boot {
                return;
            }
            state.syncing = false;
            let pending = std::mem::take(&mut state.pending);
            let apply = |(op, done): (Op, Done)| (done, state.platter.apply(&op).map_err(io::Error::other));
            pending.into_iter().map(apply).collect::<Vec<_>>()
        };
        for (done, outcome) in done {
            done.complete(outcome);
        }
    }
}

struct Port {
    disk: Disk,
    boot: u64,
}

impl Submit for Port {
    fn submit(&mut self, op: Op, done: Done) -> BoxFuture<'_, ()> {
        let mut state = self.disk.state.lock().unwrap();
        if state.boot == self.boot {
            let start = done.wants_sync() && !state.syncing;
            state.syncing |= start;
            state.pending.push((op, done));
            if start {
                let (disk, boot) = (self.disk.clone(), self.boot);
                let took = Duration::from_micros(SimRuntime::thread_rng().random_range(200..4000));
                drop(SimRuntime::spawn(async move {
                    SimRuntime::sleep(took).await;
                    disk.sync(boot);
                }));
            }
        }
        async {}.boxed()
    }
}
