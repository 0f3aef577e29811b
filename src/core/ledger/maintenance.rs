//! Maintenance: deliberate restrictions on what is done. Its state, and queries on what it forbids.

mod changes;
mod state;

pub use state::{Drain, GroupUpkeep, Maintenance, Purpose, Storm, Upkeep};

use super::{GroupState, Ledger, Phase, ServerState};
use crate::{
    GroupName, Refusal, ResourceName, ServerName, Time,
    command::Command,
    note::{ClusterWait, Decision, Level, NotHere, ServerWait, Stay, Wait},
    terms::{Keep, Kept},
};
use std::collections::BTreeSet;

impl ServerState {
    /// The reason that the server takes no new work on purpose; `None` if it takes some.
    pub fn closed(&self) -> Option<Closed> {
        let upkeep = &self.upkeep;
        if upkeep.drain.is_some() {
            return Some(Closed::Draining);
        }
        if upkeep.frozen {
            return Some(Closed::Frozen);
        }
        upkeep.quarantine.map(|until| Closed::Quarantined { until })
    }
}

/// The reasons that a server takes no new work on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// It is being emptied, or is kept empty.
    Draining,
    /// An operator froze it.
    Frozen,
    /// It came back too often.
    Quarantined {
        /// Time at which the quarantine ends.
        until: Time,
    },
}

impl From<Closed> for NotHere {
    fn from(why: Closed) -> Self {
        match why {
            Closed::Draining => NotHere::Draining,
            Closed::Frozen => NotHere::ServerFrozen,
            Closed::Quarantined { until } => NotHere::Quarantined { until },
        }
    }
}

impl Ledger {
    /// Checks that a command is not forbidden altogether, because the cluster is disarmed or the group is not
    /// managed. Facts, and the books kept on them, are never forbidden.
    pub(crate) fn permits(&self, command: &Command) -> Result<(), Refusal> {
        let Some((_, group)) = self.decision(command) else { return Ok(()) };
        if let Some(group) = group.filter(|group| !self.is_looked_after(group)) {
            return Err(Refusal::NotManaged { group: group.clone() });
        }
        if self.maintenance.disarmed { Err(Refusal::Disarmed) } else { Ok(()) }
    }

    /// The effect on the world that a command has sooner or later, and its group; `None` if it has none.
    pub(crate) fn decision<'a>(&'a self, command: &'a Command) -> Option<(Decision, Option<&'a GroupName>)> {
        match command {
            Command::Grant { group, .. } => Some((Decision::Place, Some(group))),
            Command::PreOnline { group, .. } => Some((Decision::Start, Some(group))),
            Command::Start { resource, .. } | Command::Recycle { resource, .. } => {
                Some((Decision::Start, self.group_of(resource)))
            }
            Command::Stop { resource, .. }
            | Command::FaultResource { resource, .. }
            | Command::AdminWait { resource, .. } => Some((Decision::Stop, self.group_of(resource))),
            Command::Recover { resource, .. } => Some((Decision::Stop, self.group_of(resource))),
            Command::Move { resource, .. } => Some((Decision::Leave, self.group_of(resource))),
            Command::Fault { group, .. } | Command::Leave { group, .. } | Command::Migrate { group, .. } => {
                Some((Decision::Leave, Some(group)))
            }
            Command::Fence(_) | Command::FenceNode(_) => Some((Decision::Fence, None)),
            #[cfg(feature = "next-level")]
            Command::Built { .. } => None,
            Command::Request(_)
            | Command::Observe(_)
            | Command::Sense { .. }
            | Command::Report(_)
            | Command::SuspendLeases(_)
            | Command::NodeOff(_)
            | Command::LapseNode(_)
            | Command::Enlist { .. }
            | Command::SpokenBy { .. }
            | Command::Twice { .. }
            | Command::Diverged { .. }
            | Command::TakeBackNode(_)
            | Command::Assign { .. }
            | Command::Adopt { .. }
            | Command::Online { .. }
            | Command::Forgive { .. }
            | Command::StopMigration { .. }
            | Command::Arrive { .. }
            | Command::StayGroup { .. }
            | Command::Vacate { .. }
            | Command::Settle { .. }
            | Command::Expire(_)
            | Command::HoldGroup { .. }
            | Command::ReleaseGroup(_)
            | Command::CallOff(_)
            | Command::ReappearServer(_)
            | Command::CleanServer(_)
            | Command::Storm(_)
            | Command::EndQuarantine(_)
            | Command::TimeOver(_)
            | Command::Forgo { .. }
            | Command::HmcRefuses { .. }
            | Command::HmcAccepts(_)
            | Command::TryHmc { .. }
            | Command::HmcContact { .. }
            | Command::Warn(_)
            | Command::Spend { .. }
            | Command::Ended { .. }
            | Command::Denied { .. }
            | Command::FoundAuthority { .. }
            | Command::Certified { .. }
            | Command::Entrust { .. }
            | Command::GiveUpMajority { .. }
            | Command::Wait { .. }
            | Command::ServerWait { .. } => None,
        }
    }

    /// Whether the group is managed, and not merely watched.
    pub fn is_looked_after(&self, group: &GroupName) -> bool {
        self.config.groups.get(group).is_none_or(|declared| declared.managed)
    }

    /// The reason that nothing may be granted to the group, on whatever server; `None` if there is none.
    pub fn withheld(&self, group: &GroupState) -> Option<Wait> {
        if let Some(server) = &group.upkeep.disabled {
            return Some(Wait::AutoDisabled { server: server.clone() });
        }
        let parked = group.upkeep.parked.as_ref().filter(|server| !self.is_back(server));
        if let Some(server) = parked {
            return Some(Wait::Parked { server: server.clone() });
        }
        self.maintenance.storm.is_some().then_some(Wait::Storm)
    }

    /// Whether a server has come back from its maintenance, and can take work.
    fn is_back(&self, server: &ServerName) -> bool {
        self.servers.get(server).is_none_or(|state| {
            state.closed().is_none() && state.off.is_none() && state.dirty.is_none() && self.is_attended(server, state)
        })
    }

    /// Servers that were lost at about the same time: proven off within the window, or being fenced. Servers that are
    /// shut down on purpose do not count, nor those whose storm an operator has resumed from.
    pub fn struck(&self) -> BTreeSet<ServerName> {
        let window = self.config.brakes.storm_window;
        let lost = |state: &ServerState| {
            state.fence.is_some() || state.off.as_ref().is_some_and(|off| self.now.since(off.at) < window)
        };
        self.servers
            .iter()
            .filter(|(name, state)| {
                lost(state) && state.upkeep.drain.is_none() && !self.maintenance.forgiven.contains(*name)
            })
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// What was said of something that is kept.
    pub fn kept_of(&self, what: &Keep) -> Option<&Kept> {
        match what {
            Keep::Group(group) => self.groups.get(group)?.upkeep.freeze.as_ref(),
            Keep::Server(server) => self.servers.get(server)?.upkeep.freeze.as_ref(),
            Keep::Drain(server) => Some(&self.servers.get(server)?.upkeep.drain.as_ref()?.kept),
            Keep::Cluster => self.maintenance.disarm.as_ref(),
        }
    }

    /// All that ends by itself, with its end.
    pub fn ending(&self) -> Vec<(Keep, Time)> {
        let until = |kept: &Kept| kept.until;
        let groups = self.groups.iter().filter_map(|(name, group)| {
            Some((Keep::Group(name.clone()), group.upkeep.freeze.as_ref().and_then(until)?))
        });
        let servers = self.servers.iter().filter_map(|(name, state)| {
            Some((Keep::Server(name.clone()), state.upkeep.freeze.as_ref().and_then(until)?))
        });
        let drains = self.servers.iter().filter_map(|(name, state)| {
            Some((Keep::Drain(name.clone()), state.upkeep.drain.as_ref().and_then(|drain| until(&drain.kept))?))
        });
        let cluster = self.maintenance.disarm.as_ref().and_then(until).map(|at| (Keep::Cluster, at));
        groups.chain(servers).chain(drains).chain(cluster).collect()
    }

    /// The waits that keep the whole cluster from acting, or hinder it.
    pub fn standstills(&self) -> Vec<ClusterWait> {
        let disarmed = self.maintenance.disarmed.then_some(ClusterWait::Disarmed);
        let storm = self.maintenance.storm.as_ref().map(|storm| ClusterWait::Storm { servers: storm.servers.clone() });
        let hmcs = self.hmc_waits().into_iter().filter(|wait| wait.level() == Level::Alarm);
        let given_up = Some(self.unaccounted()).filter(|nodes| !nodes.is_empty());
        let given_up = given_up.map(|nodes| ClusterWait::GivenUp { nodes });
        disarmed.into_iter().chain(given_up).chain(storm).chain(self.lockouts()).chain(hmcs).collect()
    }

    /// Progress of a drain of the server; `None` if none was asked for.
    pub fn drain_of(&self, server: &ServerName) -> Option<ServerWait> {
        let drain = self.servers.get(server)?.upkeep.drain.as_ref()?;
        let (mut left, mut staying, mut stuck) = (0_u32, 0_u32, 0_u32);
        for (_, group) in self.groups_on(server) {
            left = left.saturating_add(1);
            match &group.wait {
                Some(Wait::Stays { why: Stay::Nowhere(_) | Stay::NotMoved, .. }) => stuck = stuck.saturating_add(1),
                Some(Wait::Stays { .. } | Wait::NotManaged) => staying = staying.saturating_add(1),
                Some(_) | None => {}
            }
        }
        let shutdown = drain.purpose == Purpose::Shutdown;
        if left == 0 && shutdown && self.is_active_on(server) {
            return Some(ServerWait::Draining { left: 0 });
        }
        if left == 0 || (left == staying && !shutdown) {
            return Some(ServerWait::Drained { staying, shutdown });
        }
        if left == staying.saturating_add(stuck) {
            return Some(ServerWait::DrainStuck { left, shutdown });
        }
        Some(ServerWait::Draining { left })
    }

    /// Whether any known copy is active on a server that is not proven off.
    fn is_active_on(&self, server: &ServerName) -> bool {
        let off = self.servers.get(server).is_none_or(|state| state.off.is_some());
        let active = |group: &GroupState| {
            group.copies.values().filter_map(|copies| copies.get(server)).any(|copy| copy.is_active())
        };
        !off && self.groups.values().any(|group| active(group))
    }

    /// The server that the group is bound for and does not hold yet: its room there is reserved.
    pub fn bound_for<'a>(&self, group: &'a GroupState) -> Option<&'a ServerName> {
        let wanted = group.intent == super::Intent::Online && !group.frozen;
        let on_its_way = group.tenure.as_ref().is_none_or(|tenure| matches!(tenure.phase, Phase::Leaving { .. }));
        group.prefer.as_ref().filter(|_| wanted && on_its_way)
    }

    /// Whether a copy on a server is starting, by an order of ours.
    pub fn is_booting(&self, group: &GroupState, resource: &ResourceName, server: &ServerName) -> bool {
        let copy = group.copies.get(resource).and_then(|copies| copies.get(server));
        let run = group.runs.get(resource);
        copy.is_some_and(|copy| copy.is_active() && copy.power != crate::Power::Running)
            && run.is_some_and(|run| run.starts_since().is_some())
    }
}
