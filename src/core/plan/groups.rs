//! Groups, in order of priority: each is taken one step at a time until it rests or waits.

use super::{Planner, rest::Calm};
use crate::{
    Command, GroupName, Power, ResourceName, ServerName, Span, SystemState, Time,
    ledger::{CopyState, GroupState, Intent, Phase, StartRisk, Tenure},
    note::{Conflict, Decision, ServerWait, Wait},
};
use std::{collections::BTreeSet, sync::Arc};

/// More steps than one group can take in one plan.
const STEPS: usize = 16;

/// The result of one step of a group.
pub(super) enum Step {
    /// Something was proposed: look again.
    Did,
    /// Nothing to do now, for this reason.
    Wait(Wait),
    /// It needs a server.
    Place,
    /// Nothing to do.
    Rest,
}

impl Planner<'_> {
    pub(super) fn groups(&mut self, calm: &mut Calm) {
        let restless = self.restless(calm);
        for name in &restless {
            self.group(name);
        }
        if cfg!(debug_assertions) {
            self.look_at_the_rest(&restless);
        }
        self.place_waiting();
    }

    /// Checks that groups at rest are: a look at each of them proposes and wants nothing.
    fn look_at_the_rest(&mut self, restless: &[GroupName]) {
        let (before, waiting) = (self.plan.clone(), self.to_place.len());
        let restless: BTreeSet<&GroupName> = restless.iter().collect();
        let names: Vec<GroupName> =
            self.scratch.groups.keys().filter(|name| !restless.contains(name)).cloned().collect();
        for name in names {
            self.group(&name);
            debug_assert_eq!((&self.plan, self.to_place.len()), (&before, waiting), "group {name} is not at rest");
        }
    }

    pub(super) fn group(&mut self, name: &GroupName) {
        let mut wait = None;
        for _ in 0..STEPS {
            let Some(group) = self.scratch.groups.get(name).map(Arc::clone) else { return };
            self.held_back = None;
            match self.step(name, &group) {
                Step::Did => {}
                Step::Wait(reason) => {
                    wait = Some(reason);
                    break;
                }
                Step::Rest => break,
                // Placed together with all others that wait, once each of them was looked at.
                Step::Place if self.placing => return,
                Step::Place => return self.to_place.push(name.clone()),
            }
        }
        self.tell(name, wait);
    }

    /// Reports a group's wait.
    pub(super) fn tell(&mut self, name: &GroupName, wait: Option<Wait>) {
        let wait = self.afterthought(name, wait);
        if self.scratch.groups.get(name).is_some_and(|group| group.wait != wait) {
            let _ = self.emit(Command::Wait { group: name.clone(), wait });
        }
    }

    fn step(&mut self, name: &GroupName, group: &GroupState) -> Step {
        // Until all are read once more, nobody knows whether they are active at the same time.
        if let Some(overlap) = group.overlaps.now.as_ref().filter(|overlap| !overlap.certain) {
            overlap.places.active.keys().for_each(|server| self.probe(server));
        }
        if let Some(wait) = self.stands_still(name, group) {
            return Step::Wait(wait);
        }
        let conflict = self.scratch.active_places(group);
        let stray = self.scratch.is_stray(group);
        // A server that is proven off is left first: copies that still run elsewhere may then be adopted.
        let gone = group
            .tenure
            .as_ref()
            .filter(|tenure| self.scratch.servers.get(&tenure.server).is_some_and(|state| state.off.is_some()));
        if let Some(tenure) = gone {
            let vacate = Command::Vacate { group: name.clone(), epoch: tenure.epoch };
            if self.emit(vacate).is_ok() {
                return Step::Did;
            }
        }
        if stray {
            if self.emit(Command::HoldGroup { group: name.clone(), conflict: conflict.clone() }).is_ok() {
                return Step::Did;
            }
            return self.stop_wrong(group, conflict);
        }
        if group.hold.is_some() && self.emit(Command::ReleaseGroup(name.clone())).is_ok() {
            return Step::Did;
        }
        if self.forgive(group) || (!group.flushed && (self.clear_up(group) || self.cut_off_panicked(group))) {
            return Step::Did;
        }
        let Some(tenure) = &group.tenure else {
            return self.vacant(name, group, conflict.active.keys().next());
        };
        let vacate = Command::Vacate { group: name.clone(), epoch: tenure.epoch };
        if self.scratch.departure(name, group).is_ok() && self.emit(vacate).is_ok() {
            return Step::Did;
        }
        // A group that migrates may be on its target, whatever the state of its source.
        let (lpars, inside) = self.scratch.lives(group);
        if inside
            && !lpars
            && let Some(wait) = self.node_is_silent(group, &tenure.server)
        {
            return Step::Wait(wait);
        }
        if inside && self.leaves_dead_node(name, group, tenure) {
            return Step::Did;
        }
        if tenure.migration().is_none()
            && (lpars || !inside)
            && let Some(wait) = self.blind(&tenure.server)
        {
            return Step::Wait(wait);
        }
        match &tenure.phase {
            Phase::Migrating(migration) => self.migrating(name, group, tenure, migration),
            Phase::Starting | Phase::Online => self.keep(name, group, tenure),
            Phase::Leaving { reason, index } => self.leave(name, group, tenure, reason, *index),
        }
    }

    /// A copy that panicked where its group is not holds its disks, in the way of the right copy: it is cut off.
    fn cut_off_panicked(&mut self, group: &GroupState) -> bool {
        let moves = group.tenure.as_ref().is_some_and(|tenure| tenure.migration().is_some());
        if moves || (group.tenure.is_none() && group.intent == Intent::Offline) {
            return false;
        }
        let here = |server: &ServerName| group.tenure.as_ref().is_some_and(|tenure| tenure.covers(server));
        group.owned().any(|(resource, copies)| {
            let panicked = copies.iter().filter(|(server, copy)| copy.has_panicked() && !here(server));
            panicked.into_iter().any(|(server, copy)| {
                let stop = Command::Stop { resource: resource.clone(), server: server.clone(), grace: Span(0) };
                copy.stop.is_none() && self.retry_or_wake(copy.failed) && self.emit(stop).is_ok()
            })
        })
    }

    /// A group that is active without right: the wrong copy is stopped where the right one runs.
    fn stop_wrong(&mut self, group: &GroupState, conflict: Conflict) -> Step {
        let wrong = self.scratch.wrong_copies(group);
        if wrong.is_empty() && group.judged_from().is_some() {
            // Readings from before the conflict do not show which copy is the right one.
            conflict.active.keys().for_each(|server| self.probe(server));
        }
        for (resource, server) in wrong {
            let Some(copy) = group.copies.get(&resource).and_then(|copies| copies.get(&server)) else { continue };
            // A second LPAR writes to the disks of the first: it is cut off. An agent's resource is asked first.
            let inside = self.scratch.config.lpar(&resource).is_none();
            let grace = if inside && copy.failed.is_none() { self.patience(&resource) } else { Span(0) };
            let stop = Command::Stop { resource, server, grace };
            if copy.stop.is_none() && self.retry_or_wake(copy.failed) && self.emit(stop).is_ok() {
                return Step::Did;
            }
        }
        Step::Wait(Wait::Held)
    }

    /// A group without a tenure: adopted where it runs, or else placed.
    fn vacant(&mut self, name: &GroupName, group: &GroupState, active: Option<&ServerName>) -> Step {
        if let Some(server) = active {
            let adopt = Command::Adopt { group: name.clone(), server: server.clone() };
            if self.emit(adopt).is_ok() {
                return Step::Did;
            }
            return self.unread(group, Some(server)).map_or(Step::Rest, Step::Wait);
        }
        if group.intent == Intent::Offline {
            return Step::Rest;
        }
        if group.frozen {
            return Step::Wait(Wait::Frozen { fault: None });
        }
        if let Some(wait) = self.unread(group, None) {
            return Step::Wait(wait);
        }
        if let Some(wait) = self.awaits_sight(name) {
            return Step::Wait(wait);
        }
        if let Some(wait) = self.awaits_brake(name, group).or_else(|| self.awaits_link(name, group)) {
            return Step::Wait(wait);
        }
        Step::Place
    }

    /// The wait for readings of the whole list after no HMC answered: the first server that is read again must not take
    /// everything. It ends a monitor interval after that reading at the latest. `None` if some server of the list could
    /// be chosen all the time.
    fn awaits_sight(&mut self, name: &GroupName) -> Option<Wait> {
        let declared = self.scratch.config.groups.get(name)?;
        // What lives inside nodes needs no reading to be started.
        let group = self.scratch.groups.get(name)?;
        if group.copies.keys().all(|resource| self.scratch.is_inside(resource)) {
            return None;
        }
        let states = declared.servers.iter().filter_map(|server| Some((server, self.scratch.servers.get(server)?)));
        let on = states.filter(|(_, state)| state.off.is_none());
        let (seen, dark): (Vec<_>, Vec<_>) = on.partition(|(_, state)| state.live);
        let dark = dark.into_iter().filter(|(server, state)| {
            state.system == SystemState::NoWitness && self.scratch.config.has_manager(server)
        });
        let dark: BTreeSet<ServerName> = dark.map(|(server, _)| server.clone()).collect();
        let first = seen.into_iter().map(|(_, state)| state.live_since.unwrap_or_default()).min()?;
        let until = first.after(self.scratch.config.timings.monitor);
        if dark.is_empty() || until <= self.now() {
            return None;
        }
        self.wake(until);
        dark.iter().for_each(|server| self.probe(server));
        Some(Wait::Probe { servers: dark })
    }

    /// The wait for readings, or for a start to settle, before anything of the group is started. `None` if none.
    fn unread(&mut self, group: &GroupState, except: Option<&ServerName>) -> Option<Wait> {
        let mut unread = BTreeSet::new();
        let (mut settling, mut attention) = (None, None);
        for (resource, copies) in &group.copies {
            for (server, copy) in copies.iter().filter(|(server, _)| Some(*server) != except) {
                if self.scratch.vouches(group, resource, server).is_ok() {
                    continue;
                }
                match copy.risk {
                    StartRisk::Loose(_) => settling = self.settle(resource, server, copy).or(settling),
                    StartRisk::Ordered(_) => settling = self.scratch.open_orders(group, server).or(settling),
                    StartRisk::None => {}
                }
                self.probe(server);
                attention = attention.or_else(|| self.cannot_tell(resource, server, copy));
                unread.insert(server.clone());
            }
        }
        settling.or(attention).or_else(|| (!unread.is_empty()).then_some(Wait::Probe { servers: unread }))
    }

    /// The wait for a copy whose state is unknown though it was looked at.
    pub(super) fn cannot_tell(&self, resource: &ResourceName, server: &ServerName, copy: &CopyState) -> Option<Wait> {
        // An LPAR that is being moved runs on one of two servers, and a reading does not show on which.
        let vague = matches!(copy.power, Power::Unknown | Power::Moving);
        let looked = copy.since.is_some_and(|since| since >= copy.quiet_from) && vague;
        let inside = self.scratch.is_inside(resource);
        let seen = if inside { copy.serial > 0 } else { self.blind(server).is_none() };
        let (resource, server) = (resource.clone(), server.clone());
        (looked && seen).then_some(Wait::Attention { resource, server })
    }

    /// Settles a loose start whose time is over; until then, the wait for it.
    pub(super) fn settle(&mut self, resource: &ResourceName, server: &ServerName, copy: &CopyState) -> Option<Wait> {
        let StartRisk::Loose(at) = copy.risk else { return None };
        let until = self.scratch.settled_by(at);
        if until > self.now() {
            self.wake(until);
            return Some(Wait::Settling { resource: resource.clone(), server: server.clone(), until });
        }
        let _ = self.emit(Command::Settle { resource: resource.clone(), server: server.clone() });
        self.probe(server);
        None
    }

    /// The wait for a tenure's server that can be neither watched nor commanded. `None` if it can.
    pub(super) fn blind(&self, server: &ServerName) -> Option<Wait> {
        let state = self.scratch.servers.get(server)?;
        if self.scratch.is_attended(server, state) {
            return None;
        }
        let (server, system) = (server.clone(), state.system);
        if let Some(ServerWait::Disarmed { .. }) = state.wait {
            Some(Wait::Disarmed { decision: Decision::Fence })
        } else if state.wait == Some(ServerWait::Fencing) {
            Some(Wait::Fencing { server })
        } else if self.is_silent(&server) && !system.is_up() {
            Some(Wait::NoProof { server, system })
        } else {
            Some(Wait::Unwatched { server, system })
        }
    }

    /// A group that starts or runs: it stays where it is unless a link makes it leave.
    fn keep(&mut self, name: &GroupName, group: &GroupState, tenure: &Tenure) -> Step {
        let leaves = self.leaves_for_link(name, group, tenure);
        if let Some(reason) = leaves.filter(|_| !group.frozen) {
            let leave = Command::Leave { group: name.clone(), epoch: tenure.epoch, reason };
            if self.emit(leave).is_ok() {
                return Step::Did;
            }
        }
        if let Some(wait) = self.awaits_place(name, group, tenure) {
            return Step::Wait(wait);
        }
        match self.hold_up(name, group, tenure) {
            Step::Rest => self.stays_apart(name, group, tenure).map_or(Step::Rest, Step::Wait),
            step @ (Step::Did | Step::Wait(_) | Step::Place) => step,
        }
    }

    /// Whether the pause of one monitor interval after a badly ended order is over: the one limit on repeated orders.
    pub(super) fn retry_or_wake(&mut self, failed: Option<Time>) -> bool {
        self.retry_after_or_wake(failed, self.scratch.config.timings.monitor)
    }

    /// The same with another pause.
    pub(super) fn retry_after_or_wake(&mut self, failed: Option<Time>, pause: Span) -> bool {
        let Some(at) = failed else { return true };
        let again = at.after(pause);
        if again > self.now() {
            self.wake(again);
            return false;
        }
        true
    }
}
