//! The cluster of a run: its nodes, the supervision of their processes, and operations on them.

use crate::{
    bounds::{self, Peaks},
    coverage::Counts,
    disk::Disk,
    hardware::Hardware,
    judge::Judge,
    net::Net,
    plant::Plant,
    runtime::{Process, Runtime, WORLD, spawn_in},
    seat::{Raft, Seat},
    shell::{Exit, live},
    trace::Trace,
};
use openraft::async_runtime::AsyncRuntime;
use openraft_rt_sim::SimRuntime;
use rand::RngExt;
use std::{sync::Arc, time::Duration};
use tenure_core::{NodeName, node::End};
use tenure_model::world::Guest;
use tenure_raft::{Peer, Snapshots};

/// State shared by the parts of a run.
#[allow(missing_docs)] // what a name says is not said again
pub struct Site {
    /// The network.
    pub net: Net,
    pub hardware: Hardware,
    /// The checker of the invariants.
    pub judge: Judge,
    /// The events counted.
    pub counts: Counts,
    /// The peaks of bounded values.
    pub peaks: Peaks,
    pub trace: Trace,
    /// The nodes.
    pub seats: Vec<Arc<Seat>>,
    /// The planted bug, if any.
    pub plant: Option<Plant>,
    /// Number of entries between two snapshots.
    pub snapshot_every: u64,
}

/// Cause of a process's end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Death {
    /// Only the process ends.
    Killed,
    /// Its machine loses power.
    PowerLost,
}

impl Site {
    /// Whether this bug is planted.
    pub fn planted(&self, plant: Plant) -> bool {
        self.plant == Some(plant)
    }

    /// The snapshot policy: often, for many snapshots.
    pub fn snapshots(&self) -> Snapshots {
        Snapshots { every: self.snapshot_every, keep: self.snapshot_every / 4, ..Snapshots::default() }
    }

    /// A node by name.
    pub fn seat(&self, name: &NodeName) -> Option<&Arc<Seat>> {
        self.seats.iter().find(|seat| seat.name == *name)
    }

    /// A node's entry in the membership.
    pub fn peer(seat: &Seat) -> Peer {
        Peer { name: seat.name.to_string(), address: format!("{}:{}", seat.name, seat.now().id) }
    }

    /// Starts the nodes.
    pub fn start(self: &Arc<Self>) {
        for seat in &self.seats {
            drop(spawn_in(WORLD, Arc::clone(self).supervise(Arc::clone(seat))));
        }
        drop(spawn_in(WORLD, Arc::clone(self).follow_guests()));
    }

    /// Starts the processes of a node, one after the other, as long as its daemon should run.
    async fn supervise(self: Arc<Self>, seat: Arc<Seat>) {
        loop {
            let state = seat.now();
            if !state.wanted || state.refused.is_some() || state.guest == Guest::Off {
                seat.changed.notified().await;
                continue;
            }
            let process = Process::new(seat.machine);
            seat.with(|state| {
                state.process = Some(process);
                state.lives += 1;
            });
            process.hold(state.paused || state.suspended || state.guest == Guest::Frozen);
            self.trace.tell(format!("{} starts as {process:?}", seat.name));
            let ended = spawn_in(process, live(Arc::clone(&self), Arc::clone(&seat))).await;
            self.end(&seat, process, Death::Killed);
            self.trace.tell(format!("{} has ended: {ended:?}", seat.name));
            self.peaks.note(bounds::TASKS, process.most_tasks());
            let stays_down = match &ended {
                Ok(Exit::Refused(why)) => {
                    self.counts.count("node: refuses its disk");
                    Some(why.clone())
                }
                Ok(Exit::Stopped(End::Twice)) | Ok(Exit::Usurped(_)) => Some("it is there twice".to_owned()),
                Ok(Exit::Stopped(End::Diverged(at))) => {
                    self.judge.accuse(format!("node {} differs at {at}", seat.name));
                    Some("it differs".to_owned())
                }
                Ok(Exit::Failed(_)) => {
                    self.counts.count("node: consensus has failed");
                    None
                }
                Err(_) => None,
            };
            seat.with(|state| state.refused = stays_down);
            let pause = SimRuntime::thread_rng().random_range(20..2_500);
            <Runtime as AsyncRuntime>::sleep(Duration::from_millis(pause)).await;
        }
    }

    /// Ends a process of a node; unwritten data are lost, and on power loss unsynced data too.
    pub fn end(&self, seat: &Seat, process: Process, death: Death) {
        let (disk, id, current) = seat.with(|state| {
            let current = state.process == Some(process);
            let raft = if current { state.raft.take() } else { None };
            if current {
                state.process = None;
            }
            (state.disk.clone(), state.id, (current, raft))
        });
        let (was_current, raft) = current;
        process.kill();
        self.net.leave(id, process);
        if was_current || death == Death::PowerLost {
            match death {
                Death::Killed => disk.kill(),
                Death::PowerLost => disk.lose_power(),
            }
        }
        process.act(|| drop(raft));
    }

    /// Ends the running process of a node, if any.
    pub fn kill(&self, seat: &Seat, death: Death) {
        match seat.now().process {
            Some(process) => self.end(seat, process, death),
            None if death == Death::PowerLost => seat.now().disk.lose_power(),
            None => {}
        }
    }

    /// Keeps the state of a node's processes in line with its LPAR.
    async fn follow_guests(self: Arc<Self>) {
        loop {
            self.hardware.moved.notified().await;
            for seat in &self.seats {
                let guest = self.hardware.guest(seat.server.as_ref());
                let before = seat.with(|state| std::mem::replace(&mut state.guest, guest));
                if guest == before {
                    continue;
                }
                self.trace.tell(format!("the LPAR of {} is {guest:?}", seat.name));
                if guest == Guest::Off {
                    self.counts.count("node: LPAR lost");
                    self.kill(seat, Death::PowerLost);
                    if let Some(server) = &seat.server {
                        self.hardware.die(server);
                    }
                }
                self.hold(seat);
                seat.changed.notify_one();
            }
        }
    }

    /// Stops or continues the process of a node, according to its state.
    pub fn hold(&self, seat: &Seat) {
        let state = seat.now();
        let held = state.paused || state.suspended || state.guest == Guest::Frozen;
        seat.machine.suspend(state.suspended);
        if let Some(process) = state.process {
            process.hold(held);
        }
    }

    /// Gives a node a blank disk and a new id: it joins as a new member.
    pub fn renew(&self, seat: &Seat, id: u64) {
        self.kill(seat, Death::Killed);
        let disk = Disk::new(self.counts.clone(), self.trace.clone(), self.plant);
        seat.with(|state| {
            state.disk = disk;
            state.id = id;
            (state.refused, state.spoiled) = (None, false);
            state.wanted = true;
        });
        seat.changed.notify_one();
    }

    /// The node that believes to be the leader, in the highest term.
    pub fn leader(&self) -> Option<(Arc<Seat>, Process, Raft)> {
        let running = self.seats.iter().filter_map(|seat| {
            let (process, raft) = seat.running()?;
            let status = process.act(|| raft.status());
            status.is_leader.then(|| (status.term, Arc::clone(seat), process, raft))
        });
        running.max_by_key(|(term, ..)| *term).map(|(_, seat, process, raft)| (seat, process, raft))
    }
}
