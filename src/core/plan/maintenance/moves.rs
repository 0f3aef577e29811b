//! Moves of running groups: off servers that are emptied, back after a drain, and back to preferred servers. They come
//! after the placement of all groups that are down, so that a move never takes the room of a start.

use super::{super::Planner, WayOut, way_out};
use crate::{
    Command, GroupName, Power, ServerName, Time,
    config::{Cluster, Failback, Group, Shutdown},
    ledger::{GroupState, Phase, Purpose, Tenure},
    note::{LeaveReason, NotHere, Stay},
};
use std::sync::Arc;

/// A running group, by importance.
type Ranked = (u32, GroupName);

impl Planner<'_> {
    pub(in super::super) fn moves(&mut self) {
        let held = self.scratch.maintenance.disarmed || self.scratch.maintenance.storm.is_some();
        if held {
            return;
        }
        let upkeep = self.scratch.servers.iter();
        let emptied: Vec<ServerName> = upkeep
            .clone()
            .filter(|(_, state)| state.upkeep.drain.is_some() && state.groups > 0)
            .map(|(name, _)| name.clone())
            .collect();
        let awaited: Vec<ServerName> =
            upkeep.filter(|(_, state)| !state.upkeep.returning.is_empty()).map(|(name, _)| name.clone()).collect();
        for server in &emptied {
            self.empty(server);
        }
        for server in &awaited {
            self.bring_back(server);
        }
        self.fail_back();
    }

    /// Empties a server. The most important group chooses its new server first and leaves last: until its turn comes it
    /// is not touched, and troubles hit the least important first.
    fn empty(&mut self, server: &ServerName) {
        let Some(purpose) = self.scratch.servers.get(server).and_then(|state| state.upkeep.drain.as_ref()) else {
            return;
        };
        let (purpose, config) = (purpose.purpose, Arc::clone(&self.scratch.config));
        let here: Vec<Ranked> = self.scratch.groups_on(server).map(|(name, _)| importance(&config, name)).collect();
        let mut leavers = Vec::new();
        for (_, name) in sorted(here) {
            let Some((group, tenure)) = self.running(&name) else { continue };
            let Some(declared) = config.groups.get(&name) else { continue };
            match way_out(purpose, &name, declared) {
                WayOut::Stay => {}
                WayOut::Park => leavers.push((name, tenure, LeaveReason::Park, Means::Restart)),
                WayOut::Move => {
                    if let Ok((to, means)) = self.way_to(&name, &group, purpose) {
                        self.book(&name, &to, false);
                        leavers.push((name, tenure, LeaveReason::Drain(to), means));
                    }
                }
            }
        }
        for (name, tenure, reason, means) in leavers.into_iter().rev() {
            self.set_out(&name, &tenure, reason, means);
        }
    }

    /// The server to which a group goes from one that is emptied, and the means; or the reason why it stays.
    pub(super) fn way_to(
        &mut self,
        name: &GroupName,
        group: &GroupState,
        purpose: Purpose,
    ) -> Result<(ServerName, Means), Stay> {
        let declared = self.scratch.config.groups.get(name).map(|declared| declared.shutdown).unwrap_or_default();
        // A drain moves all that can be moved; a shutdown follows the group's policy.
        let moves = purpose == Purpose::Drain || declared == Shutdown::Migrate;
        if moves && self.is_mobile(group) {
            if group.upkeep.stayed && purpose == Purpose::Drain {
                return Err(Stay::NotMoved);
            }
            let config = Arc::clone(&self.scratch.config);
            let list = config.groups.get(name).map(|declared| declared.servers.as_slice()).unwrap_or_default();
            let fit = |to: &&ServerName| self.fits(name, group, to, Means::Migrate).is_none() && !self.is_orphan(to);
            if let Some(to) = list.iter().find(fit).filter(|_| !group.upkeep.stayed) {
                return Ok((to.clone(), Means::Migrate));
            }
        }
        self.target(name, group).map(|to| (to, Means::Restart)).map_err(Stay::Nowhere)
    }

    /// Whether all resources of the group can be moved while they run, being defined on one server at a time.
    fn is_mobile(&self, group: &GroupState) -> bool {
        let mut owned = group.owned().peekable();
        owned.peek().is_some() && owned.all(|(resource, _)| self.scratch.is_mobile(resource))
    }

    /// The means by which a group goes to a server: moved while it runs if possible, stopped and started otherwise.
    fn means(&self, group: &GroupState) -> Means {
        if self.is_mobile(group) && !group.upkeep.stayed { Means::Migrate } else { Means::Restart }
    }

    fn fits(&self, name: &GroupName, group: &GroupState, to: &ServerName, means: Means) -> Option<NotHere> {
        match means {
            Means::Restart => self.scratch.not_here(name, group, to),
            Means::Migrate => self.scratch.not_migrated(name, group, to),
        }
    }

    /// Brings back the groups that a drain took from a server, the most important first, one after the other.
    fn bring_back(&mut self, server: &ServerName) {
        let Some(state) = self.scratch.servers.get(server).filter(|state| state.closed().is_none()) else { return };
        let config = Arc::clone(&self.scratch.config);
        let away: Vec<Ranked> = state.upkeep.returning.iter().map(|name| importance(&config, name)).collect();
        let coming = |name: &GroupName| {
            let group = self.scratch.groups.get(name)?;
            let leaves = |tenure: &Tenure| matches!(tenure.phase, Phase::Leaving { .. });
            let there = group.tenure.as_ref().is_some_and(|tenure| !leaves(tenure) && tenure.covers(server));
            Some(there || self.scratch.bound_for(group) == Some(server))
        };
        if away.iter().any(|(_, name)| coming(name) == Some(true)) {
            return;
        }
        for (_, name) in sorted(away) {
            let Some((group, tenure)) = self.running(&name) else { continue };
            let means = self.means(&group);
            match self.fits(&name, &group, server, means) {
                None => {
                    if self.set_out(&name, &tenure, LeaveReason::Return(server.clone()), means) {
                        return;
                    }
                }
                Some(NotHere::NotReadOff { power: Power::Unknown, .. }) => self.probe(server),
                Some(why) if is_of_the_server(&why) => {}
                Some(why) => drop(self.emit(Command::Forgo { group: name, server: server.clone(), why })),
            }
        }
    }

    /// Moves groups back to a server earlier in their list that has begun to take work again since they came to their
    /// own: once for each return, and never to and fro.
    fn fail_back(&mut self) {
        let Some(latest) = self.scratch.servers.values().filter_map(|state| state.upkeep.open_since).max() else {
            return;
        };
        let config = Arc::clone(&self.scratch.config);
        let may = |(name, group): (&GroupName, &Arc<GroupState>)| {
            let declared = config.groups.get(name).filter(|declared| declared.failback != Failback::Never)?;
            let tenure = group.tenure.as_ref().filter(|tenure| Some(&tenure.server) != declared.servers.first())?;
            let cause = group.upkeep.cleared.map_or(latest, |cleared| cleared.max(latest));
            (cause > tenure.since).then(|| importance(&config, name))
        };
        let candidates: Vec<Ranked> = self.scratch.groups.iter().filter_map(may).collect();
        for (_, name) in sorted(candidates) {
            let Some(declared) = config.groups.get(&name) else { continue };
            let Some((group, tenure)) = self.running(&name) else { continue };
            let Some(to) = self.better(&name, declared, &group, &tenure) else { continue };
            match opens(declared.failback, self.now()) {
                Some(at) if at <= self.now() => {
                    self.set_out(&name, &tenure, LeaveReason::Failback(to), self.means(&group));
                }
                Some(at) => self.wake(at),
                None => {}
            }
        }
    }

    /// The best server earlier in the list that began to take work again after the group came to its own.
    fn better(&self, name: &GroupName, declared: &Group, group: &GroupState, tenure: &Tenure) -> Option<ServerName> {
        let cleared = group.upkeep.cleared.is_some_and(|at| at > tenure.since);
        let earlier = declared.servers.iter().take_while(|server| **server != tenure.server);
        let fit = |server: &&ServerName| {
            let opened = self.scratch.servers.get(*server).and_then(|state| state.upkeep.open_since);
            let again = cleared || opened.is_some_and(|at| at > tenure.since);
            again && !self.is_orphan(server) && self.fits(name, group, server, self.means(group)).is_none()
        };
        earlier.into_iter().find(fit).cloned()
    }

    /// The group and its tenure, if it is online, may be moved, and its server is watched.
    fn running(&self, name: &GroupName) -> Option<(Arc<GroupState>, Tenure)> {
        let group = self.scratch.groups.get(name)?;
        let still = group.frozen || group.hold.is_some() || !self.scratch.is_looked_after(name);
        let tenure = group.tenure.as_ref().filter(|tenure| !still && tenure.phase == Phase::Online)?;
        let watched = self.scratch.servers.get(&tenure.server).is_some_and(|state| {
            let seen = match self.scratch.config.has_manager(&tenure.server) {
                true => state.live && self.scratch.is_watched(state),
                false => self.scratch.is_attended(&tenure.server, state),
            };
            state.off.is_none() && seen
        });
        watched.then(|| (Arc::clone(group), tenure.clone()))
    }

    /// Starts the move of one group, if the brakes allow it.
    fn set_out(&mut self, name: &GroupName, tenure: &Tenure, reason: LeaveReason, means: Means) -> bool {
        let to = reason.destination().cloned();
        let (group, epoch, from) = (name.clone(), tenure.epoch, &tenure.server);
        let (may, command) = match (means, &to) {
            (Means::Migrate, Some(to)) => {
                (self.may_migrate_more(from, to), Command::Migrate { group, epoch, to: to.clone(), reason })
            }
            (Means::Migrate | Means::Restart, to) => {
                (self.may_set_out(from, to.as_ref()), Command::Leave { group, epoch, reason })
            }
        };
        // Otherwise the room that is booked for it would be in its own way.
        self.unbook(name);
        if !may || self.emit(command).is_err() {
            if let Some(to) = &to {
                self.book(name, to, false);
            }
            return false;
        }
        match (means, &to) {
            // The ledger itself books room on both servers during a migration.
            (Means::Migrate, Some(to)) => self.count_migration(from, to),
            (Means::Migrate | Means::Restart, to) => self.count_departure(name, from, to.as_ref()),
        }
        self.group(name);
        true
    }
}

/// The means by which a running group gets to another server.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Means {
    /// It is stopped, and started there.
    Restart,
    /// It is moved while it runs.
    Migrate,
}

/// Whether the obstacle is the server itself, whatever the group.
fn is_of_the_server(why: &NotHere) -> bool {
    match why {
        NotHere::ProvenOff
        | NotHere::Dirty
        | NotHere::NotReady(_)
        | NotHere::Unread
        | NotHere::NobodyWatches
        | NotHere::NodeDown { .. }
        | NotHere::Draining
        | NotHere::ServerFrozen
        | NotHere::Quarantined { .. } => true,
        NotHere::Faulted
        | NotHere::NotDefined { .. }
        | NotHere::NotBrought { .. }
        | NotHere::StillDefined { .. }
        | NotHere::Link { .. }
        | NotHere::NotListed
        | NotHere::NotReadOff { .. }
        | NotHere::PersistentDown { .. }
        | NotHere::FailoverOff { .. }
        | NotHere::OtherZone { .. }
        | NotHere::ViosDown { .. }
        | NotHere::NoMemory { .. }
        | NotHere::NoProcessors { .. }
        | NotHere::Rule { .. }
        | NotHere::Limit { .. } => false,
    }
}

/// Rank of a group: smaller is more important, and within a priority the order of names decides.
fn importance(config: &Cluster, name: &GroupName) -> Ranked {
    (config.groups.get(name).map(|group| group.priority).unwrap_or(u32::MAX), name.clone())
}

fn sorted(mut groups: Vec<Ranked>) -> Vec<Ranked> {
    groups.sort();
    groups
}

/// Time at which a group may go back: now, or when its window opens next. `None` if never.
fn opens(failback: Failback, now: Time) -> Option<Time> {
    const MINUTE: u64 = 60_000;
    const DAY: u64 = 1440;
    let (from, to) = match failback {
        Failback::Never => return None,
        Failback::AtOnce => return Some(now),
        Failback::Window { from, to } => (u64::from(from), u64::from(to)),
    };
    let minutes = now.0.checked_div(MINUTE)?;
    let minute = minutes.checked_rem(DAY)?;
    let open = if from <= to { from <= minute && minute < to } else { from <= minute || minute < to };
    if open {
        return Some(now);
    }
    if from == to {
        return None;
    }
    let ahead = from.saturating_add(DAY).saturating_sub(minute).checked_rem(DAY)?;
    Some(Time(minutes.saturating_add(ahead).saturating_mul(MINUTE)))
}
