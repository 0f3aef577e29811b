//! A seat: the part of a node that outlives its processes.

use crate::{
    disk::Disk,
    judge::Judged,
    net::Place,
    runtime::{Machine, Process, SimTypes},
};
use std::sync::{Arc, Mutex};
use tenure_core::{NodeName, ServerName};
use tenure_model::world::Guest;
use tenure_raft::Handle;
use tokio::sync::Notify;

/// A node's consensus.
pub type Raft = Handle<Judged, SimTypes>;

/// The part of a node that outlives its processes: name, place, machine, disk, and faults.
#[allow(missing_docs)] // what a name says is not said again
pub struct Seat {
    pub name: NodeName,
    /// Its place on the network.
    pub place: Place,
    /// The server that it runs on.
    pub server: Option<ServerName>,
    pub machine: Machine,
    /// Notified when the node's state has changed.
    pub changed: Arc<Notify>,
    state: Mutex<State>,
}

/// The current state of a node.
#[derive(Clone)]
#[allow(missing_docs)] // what a name says is not said again
pub struct State {
    /// Raft id.
    pub id: u64,
    pub disk: Disk,
    /// Whether its daemon should run.
    pub wanted: bool,
    /// Reason why it may not start again without intervention: its disk was refused, or the node stopped for good.
    pub refused: Option<String>,
    /// Whether its disk has lost acknowledged data.
    pub spoiled: bool,
    /// State of its LPAR.
    pub guest: Guest,
    /// Whether its daemon is stopped.
    pub paused: bool,
    /// Whether its machine is suspended.
    pub suspended: bool,
    /// Whether it reaches no HMC.
    pub blind: bool,
    /// Lead of its wall clock over true time, in milliseconds.
    pub ahead: u64,
    /// The current process.
    pub process: Option<Process>,
    /// Its consensus.
    pub raft: Option<Raft>,
    /// Number of processes so far.
    pub lives: u64,
}

impl Seat {
    /// A node that should run from now on.
    pub fn new(
        name: NodeName,
        place: Place,
        server: Option<ServerName>,
        machine: Machine,
        id: u64,
        disk: Disk,
    ) -> Self {
        let state = State {
            id,
            disk,
            wanted: true,
            refused: None,
            spoiled: false,
            guest: Guest::Running,
            paused: false,
            suspended: false,
            blind: false,
            ahead: 0,
            process: None,
            raft: None,
            lives: 0,
        };
        Seat { name, place, server, machine, changed: Arc::default(), state: Mutex::new(state) }
    }

    /// A copy of its current state.
    pub fn now(&self) -> State {
        self.with(|state| state.clone())
    }

    /// Calls a function with its state.
    pub fn with<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        change(&mut self.state.lock().expect("nobody panics with it"))
    }

    /// Its process and consensus, if it is running and not held.
    pub fn running(&self) -> Option<(Process, Raft)> {
        let state = self.now();
        let process = state.process.filter(|process| process.lives() && !process.is_held())?;
        Some((process, state.raft?))
    }
}
