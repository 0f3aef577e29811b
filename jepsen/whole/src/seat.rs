//! A seat: what of a node outlives its processes.

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

/// What of a node outlives its processes: name, place, machine, disk, and what is done to them.
#[allow(missing_docs)] // what a name says is not said again
pub struct Seat {
    pub name: NodeName,
    /// Where it is on the network.
    pub place: Place,
    /// The server that it lives on.
    pub server: Option<ServerName>,
    pub machine: Machine,
    /// Told when something about the node is otherwise.
    pub changed: Arc<Notify>,
    state: Mutex<State>,
}

/// How a node is now.
#[derive(Clone)]
#[allow(missing_docs)] // what a name says is not said again
pub struct State {
    /// Raft id.
    pub id: u64,
    pub disk: Disk,
    /// Whether its daemon is to run.
    pub wanted: bool,
    /// Whether it may not start again before somebody does something: its disk was refused, or it must not.
    pub refused: Option<String>,
    /// Whether its disk has forgotten what was acknowledged.
    pub spoiled: bool,
    /// What its LPAR does.
    pub guest: Guest,
    /// Whether its daemon is stopped where it is.
    pub paused: bool,
    /// Whether its machine stands still.
    pub suspended: bool,
    /// Whether it reaches no HMC.
    pub blind: bool,
    /// How far its wall clock is ahead, in milliseconds.
    pub ahead: u64,
    /// The process that runs.
    pub process: Option<Process>,
    /// Its consensus.
    pub raft: Option<Raft>,
    /// Processes so far.
    pub lives: u64,
}

impl Seat {
    /// A node that runs from now on.
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

    /// How it is now.
    pub fn now(&self) -> State {
        self.with(|state| state.clone())
    }

    /// Changes how it is.
    pub fn with<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        change(&mut self.state.lock().expect("nobody panics with it"))
    }

    /// Its process and consensus, if it runs and does not stand still.
    pub fn running(&self) -> Option<(Process, Raft)> {
        let state = self.now();
        let process = state.process.filter(|process| process.lives() && !process.is_held())?;
        Some((process, state.raft?))
    }
}
