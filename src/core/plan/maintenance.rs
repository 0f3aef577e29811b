//! Maintenance and brakes in the planner.
//!
//! The ledger itself refuses what is forbidden altogether; this module holds things back for a while, decides the order
//! of moves, and sets the waits of the groups concerned.

mod brakes;
mod moves;
mod rolling;

pub(super) use brakes::Stock;
pub use rolling::{NoRolling, Turn, rolling};

use super::Planner;
use crate::{
    Command, GroupName, ServerName,
    config::{Group, Shutdown},
    ledger::{GroupState, Phase, Purpose},
    note::{Brake, Decision, ServerWait, Stay, Wait},
};
use std::sync::Arc;

/// The way of a group off a server that is being emptied.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WayOut {
    /// It stays.
    Stay,
    /// To another server.
    Move,
    /// It is stopped, and starts again when the server is back.
    Park,
}

impl Planner<'_> {
    /// Reports storms, and ends quarantines, freezes, drains and a disarming whose time is over.
    pub(super) fn upkeep(&mut self) {
        let limit = self.scratch.config.brakes.storm;
        if limit > 0 {
            let mut struck = self.scratch.struck();
            struck.extend(self.scratch.maintenance.storm.iter().flat_map(|storm| storm.servers.iter().cloned()));
            // Refused if it is no storm, or the known one.
            let _ = self.emit(Command::Storm(struck));
        }
        for (what, until) in self.scratch.ending() {
            if until > self.now() {
                self.wake(until);
            } else {
                let _ = self.emit(Command::TimeOver(what));
            }
        }
        let quarantines = self.scratch.servers.iter();
        let quarantines: Vec<_> =
            quarantines.filter_map(|(name, state)| Some((name.clone(), state.upkeep.quarantine?))).collect();
        for (server, until) in quarantines {
            if until > self.now() {
                self.wake(until);
            } else {
                let _ = self.emit(Command::EndQuarantine(server));
            }
        }
    }

    /// The wait of a server in maintenance.
    pub(super) fn server_upkeep(&self, server: &ServerName) -> Option<ServerWait> {
        self.scratch.drain_of(server)
    }

    /// A group that is only watched: nothing of it is started, stopped or held. The bookings follow its state.
    pub(super) fn stands_still(&mut self, name: &GroupName, group: &GroupState) -> Option<Wait> {
        if self.scratch.is_looked_after(name) {
            return None;
        }
        let mut left = group.clone();
        if let Some(tenure) = &group.tenure {
            let vacate = Command::Vacate { group: name.clone(), epoch: tenure.epoch };
            if self.scratch.departure(name, group).is_err() || self.emit(vacate).is_err() {
                return Some(Wait::NotManaged);
            }
            left.tenure = None;
        }
        let active = self.scratch.active_places(&left).active;
        if let (1, Some(server)) = (active.len(), active.keys().next()) {
            // Refused until every other server of its list has been read.
            let _ = self.emit(Command::Adopt { group: name.clone(), server: server.clone() });
        }
        Some(Wait::NotManaged)
    }

    /// The wait of a group that is held back from placement now. `None` if nothing holds it back.
    pub(super) fn awaits_brake(&mut self, name: &GroupName, group: &GroupState) -> Option<Wait> {
        // Otherwise the room that is booked for it would be in its own way.
        self.unbook(name);
        if self.scratch.maintenance.disarmed {
            return Some(Wait::Disarmed { decision: Decision::Place });
        }
        self.scratch.withheld(group)
    }

    /// The wait that is reported: that of the command held back, or for staying on a server that is being emptied.
    pub(super) fn afterthought(&mut self, name: &GroupName, wait: Option<Wait>) -> Option<Wait> {
        let wait = self.held_back.take().or(wait);
        let Some(group) = self.scratch.groups.get(name).map(Arc::clone) else { return wait };
        if group.tenure.is_none() {
            self.book_what_is_bound(name, &group);
        }
        wait.or_else(|| self.stays(name, &group))
    }

    /// The wait of a group that is still on a server being emptied.
    fn stays(&mut self, name: &GroupName, group: &GroupState) -> Option<Wait> {
        let tenure = group.tenure.as_ref().filter(|tenure| tenure.phase == Phase::Online)?;
        let purpose = self.scratch.servers.get(&tenure.server)?.upkeep.drain.as_ref()?.purpose;
        let config = Arc::clone(&self.scratch.config);
        let declared = config.groups.get(name)?;
        let server = tenure.server.clone();
        if group.frozen {
            return Some(Wait::Stays { server, why: Stay::Frozen });
        }
        match way_out(purpose, name, declared) {
            WayOut::Stay => {
                let why = if declared.evacuate { Stay::Instance } else { Stay::Declared };
                return Some(Wait::Stays { server, why });
            }
            WayOut::Park | WayOut::Move if self.scratch.maintenance.disarmed => {
                return Some(Wait::Disarmed { decision: Decision::Leave });
            }
            WayOut::Park | WayOut::Move if self.scratch.maintenance.storm.is_some() => return Some(Wait::Storm),
            WayOut::Park => {}
            WayOut::Move => {
                if let Err(why) = self.way_to(name, group, purpose) {
                    return Some(Wait::Stays { server, why });
                }
            }
        }
        Some(Wait::Queue { brake: Brake::Moves { server } })
    }
}

/// A shutdown spares no group: those that a drain would leave alone are stopped with their server.
fn way_out(purpose: Purpose, name: &GroupName, declared: &Group) -> WayOut {
    // An instance of a parallel group belongs to its server.
    let bound = !declared.evacuate || name.instance().is_some();
    match (purpose, declared.shutdown) {
        (Purpose::Drain, _) if bound => WayOut::Stay,
        (Purpose::Drain, _) => WayOut::Move,
        (Purpose::Shutdown, Shutdown::Freeze) => WayOut::Park,
        (Purpose::Shutdown, _) if bound => WayOut::Park,
        (Purpose::Shutdown, Shutdown::Failover | Shutdown::Migrate) => WayOut::Move,
    }
}
