//! Groups: each is looked at in order of priority, and moved one step at a time until it rests or waits.

use super::Planner;
use crate::{
    Command, GroupName, Power, Refusal, ResourceName, ServerName, Span, SystemState, Time,
    ledger::{Copy, GroupState, Intent, Phase, Run, StartRisk, Tenure},
    note::{Deed, FaultReason, LeaveReason, ServerWait, Wait},
};
use std::{collections::BTreeSet, sync::Arc};

/// More steps than one group can take in one plan.
const STEPS: usize = 16;

/// How often a server is read while an LPAR on it is on its way up.
const BOOT_WATCH: Span = Span::seconds(1);

/// What came of looking at a group once.
enum Step {
    /// Something was proposed: look again.
    Did,
    /// Nothing to do now, for this reason.
    Wait(Wait),
    /// Nothing to do.
    Rest,
}

/// One LPAR of a group on the server of its tenure.
struct Member<'a> {
    group: &'a GroupName,
    resource: &'a ResourceName,
    server: &'a ServerName,
    copy: Copy,
    run: Run,
}

impl Planner<'_> {
    pub(super) fn groups(&mut self) {
        let config = Arc::clone(&self.scratch.config);
        let mut order: Vec<(u32, &GroupName)> =
            config.groups.iter().map(|(name, group)| (group.priority, name)).collect();
        // Stable: of the same priority, in the order of their names.
        order.sort_by_key(|(priority, _)| *priority);
        for (_, name) in order {
            self.group(name);
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
            }
        }
        let wait = self.afterthought(name, wait);
        if self.scratch.groups.get(name).is_some_and(|group| group.wait != wait) {
            let _ = self.emit(Command::Wait { group: name.clone(), wait });
        }
    }

    fn step(&mut self, name: &GroupName, group: &GroupState) -> Step {
        if let Some(wait) = self.stands_still(name, group) {
            return Step::Wait(wait);
        }
        let conflict = self.scratch.active_places(group);
        let stray = match &group.tenure {
            Some(tenure) => conflict.active.keys().any(|server| *server != tenure.server),
            None => conflict.active.len() > 1,
        };
        // What is proven off is left first: what still runs may then be adopted.
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
            let _ = self.emit(Command::Hold { group: name.clone(), conflict });
            return Step::Wait(Wait::Held);
        }
        if group.conflict.is_some() && self.emit(Command::Release(name.clone())).is_ok() {
            return Step::Did;
        }
        let Some(tenure) = &group.tenure else {
            return self.vacant(name, group, conflict.active.keys().next());
        };
        let vacate = Command::Vacate { group: name.clone(), epoch: tenure.epoch };
        if self.scratch.departure(name, group).is_ok() && self.emit(vacate).is_ok() {
            return Step::Did;
        }
        if let Some(wait) = self.blind(&tenure.server) {
            return Step::Wait(wait);
        }
        match &tenure.phase {
            Phase::Starting | Phase::Online => self.keep(name, group, tenure),
            Phase::Leaving { reason, index } => self.leave(name, group, &tenure.server, reason, *index),
        }
    }

    /// A group without a tenure: adopted where it runs, or placed where it may.
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
        if let Some(wait) = self.awaits_brake(name, group).or_else(|| self.awaits_link(name, group)) {
            return Step::Wait(wait);
        }
        match self.target(name, group) {
            Ok(server) => match self.emit(Command::Grant { group: name.clone(), server }) {
                Ok(()) => Step::Did,
                Err(_) => Step::Rest,
            },
            Err(why) => Step::Wait(Wait::NoTarget { why }),
        }
    }

    /// What must still be read, or must settle, before anything of the group is started. `None` if nothing.
    fn unread(&mut self, group: &GroupState, except: Option<&ServerName>) -> Option<Wait> {
        let mut unread = BTreeSet::new();
        let mut settling = None;
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
                self.plan.probe.insert(server.clone());
                unread.insert(server.clone());
            }
        }
        settling.or_else(|| (!unread.is_empty()).then_some(Wait::Probe { servers: unread }))
    }

    /// Lets a loose start settle when its time has come; until then, what to wait for.
    pub(super) fn settle(&mut self, resource: &ResourceName, server: &ServerName, copy: &Copy) -> Option<Wait> {
        let StartRisk::Loose(at) = copy.risk else { return None };
        let until = at.after(self.scratch.config.timings.settle);
        if until > self.now() {
            self.wake(until);
            return Some(Wait::Settling { resource: resource.clone(), server: server.clone(), until });
        }
        let _ = self.emit(Command::Settle { resource: resource.clone(), server: server.clone() });
        self.plan.probe.insert(server.clone());
        None
    }

    /// Why the server of a tenure can be neither watched nor commanded. `None` if it can.
    fn blind(&self, server: &ServerName) -> Option<Wait> {
        let state = self.scratch.servers.get(server)?;
        if state.live && state.system == SystemState::Operating && self.scratch.is_managed(state) {
            return None;
        }
        let (server, system) = (server.clone(), state.system);
        if let Some(ServerWait::Disarmed { .. }) = state.wait {
            Some(Wait::Disarmed { deed: Deed::Fence })
        } else if state.wait == Some(ServerWait::Fencing) {
            Some(Wait::Fencing { server })
        } else if self.is_silent(&server) && !system.is_up() {
            Some(Wait::NoProof { server, system })
        } else {
            Some(Wait::Unwatched { server, system })
        }
    }

    /// A group that starts or runs stays where it is, unless something makes it leave.
    fn keep(&mut self, name: &GroupName, group: &GroupState, tenure: &Tenure) -> Step {
        let leaves = self.leaves_for_link(name, group, tenure);
        if let Some(reason) = leaves.filter(|_| !group.frozen) {
            let leave = Command::Leave { group: name.clone(), epoch: tenure.epoch, reason };
            if self.emit(leave).is_ok() {
                return Step::Did;
            }
        }
        self.hold_up(name, group, tenure)
    }

    /// A group that starts or runs: every resource is to be Running.
    fn hold_up(&mut self, name: &GroupName, group: &GroupState, tenure: &Tenure) -> Step {
        let mut pending = None;
        let mut booting = BTreeSet::new();
        for (resource, copies) in &group.copies {
            let copy = copies.get(&tenure.server).cloned().unwrap_or_default();
            let run = group.runs.get(resource).cloned().unwrap_or_default();
            let member = Member { group: name, resource, server: &tenure.server, copy, run };
            match self.member(group, tenure, &member) {
                Step::Did => return Step::Did,
                Step::Rest => {}
                Step::Wait(Wait::Booting { resources, .. }) => booting.extend(resources),
                Step::Wait(wait) => pending = Some(wait),
            }
        }
        if let Some(wait) = pending {
            return Step::Wait(wait);
        }
        if !booting.is_empty() {
            let server = tenure.server.clone();
            self.plan.probe.insert(server.clone());
            self.wake(self.now().after(BOOT_WATCH));
            return Step::Wait(Wait::Booting { resources: booting, server, until: tenure.since });
        }
        let starting = tenure.phase == Phase::Starting;
        if starting && self.emit(Command::Online { group: name.clone(), epoch: tenure.epoch }).is_ok() {
            return Step::Did;
        }
        Step::Rest
    }

    /// One LPAR that should run under its tenure.
    fn member(&mut self, group: &GroupState, tenure: &Tenure, member: &Member<'_>) -> Step {
        if let Some(fault) = self.failure(member) {
            return self.fault(group, tenure, member.group, fault);
        }
        if let Some(wait) = self.waits_for_order(group, member) {
            return Step::Wait(wait);
        }
        if member.run.restart && member.copy.is_active() {
            return self.stop(member, self.patience(member.resource));
        }
        match member.copy.power {
            Power::Running => Step::Rest,
            Power::Starting | Power::Stopping => Step::Wait(booting(member)),
            Power::Unknown | Power::Absent => {
                Step::Wait(Wait::Attention { resource: member.resource.clone(), server: member.server.clone() })
            }
            Power::Off => self.start(group, tenure, member),
        }
    }

    /// Why an LPAR counts as failed on its server.
    fn failure(&mut self, member: &Member<'_>) -> Option<FaultReason> {
        let resource = member.resource.clone();
        let config = Arc::clone(&self.scratch.config);
        let declared = config.resources.get(member.resource)?;
        let state = self.scratch.servers.get(member.server)?;
        if self.scratch.vios_lost(member.resource, state) {
            let listed = declared.as_lpar().map(|lpar| lpar.vios.as_slice()).unwrap_or_default();
            let vios = listed.iter().filter(|vios| state.vios.contains_key(*vios)).cloned().collect();
            return Some(FaultReason::ViosDown { resource, vios });
        }
        if let Some(why) = &member.run.failed {
            return Some(FaultReason::StartFailed { resource, why: why.clone() });
        }
        let since = member.run.started.filter(|_| !member.run.ran).or(member.run.away)?;
        let until = since.after(declared.start_timeout);
        if until > self.now() {
            self.wake(until);
            return None;
        }
        Some(FaultReason::StartTimeout { resource, after: declared.start_timeout })
    }

    fn fault(&mut self, group: &GroupState, tenure: &Tenure, name: &GroupName, reason: FaultReason) -> Step {
        if group.frozen {
            return Step::Wait(Wait::Frozen { fault: Some(reason) });
        }
        match self.emit(Command::Fault { group: name.clone(), epoch: tenure.epoch, reason }) {
            Ok(()) => Step::Did,
            Err(_) => Step::Rest,
        }
    }

    /// Orders and readings that must be in before anything else is decided for this LPAR.
    fn waits_for_order(&mut self, group: &GroupState, member: &Member<'_>) -> Option<Wait> {
        if let Some(wait) = self.settle(member.resource, member.server, &member.copy) {
            return Some(wait);
        }
        let ordered = matches!(member.copy.risk, StartRisk::Ordered(_)) || member.copy.stop.is_some();
        if ordered {
            return self.scratch.open_orders(group, member.server);
        }
        if member.copy.power == Power::Off && !member.copy.is_quiet() {
            self.plan.probe.insert(member.server.clone());
            return Some(booting(member));
        }
        None
    }

    /// Starts an LPAR that is off: for the first time under this tenure, as asked, or again after a crash.
    fn start(&mut self, group: &GroupState, tenure: &Tenure, member: &Member<'_>) -> Step {
        if !self.may_retry(member.copy.failed) {
            return Step::Wait(booting(member));
        }
        let crashed = member.run.started.is_some() || tenure.phase == Phase::Online;
        let restart = crashed && !member.run.restart;
        if restart && group.frozen {
            let fault = FaultReason::Crashed { resource: member.resource.clone(), restarts: 0 };
            return Step::Wait(Wait::Frozen { fault: Some(fault) });
        }
        match self.emit(Command::Start { resource: member.resource.clone(), epoch: tenure.epoch, restart }) {
            Ok(()) => Step::Did,
            Err(Refusal::RestartsUsedUp { resource, limit }) => {
                let fault = if member.run.ran {
                    FaultReason::Crashed { resource, restarts: limit }
                } else {
                    FaultReason::StartFailed { resource, why: "it never came up".to_owned() }
                };
                self.fault(group, tenure, member.group, fault)
            }
            Err(Refusal::Waits { why, .. }) => Step::Wait(why),
            Err(Refusal::Frozen { .. }) => Step::Wait(Wait::Frozen { fault: None }),
            Err(
                Refusal::NotProvenOff { server, .. }
                | Refusal::StartInFlight { server, .. }
                | Refusal::Dirty { server },
            ) => {
                self.plan.probe.insert(server.clone());
                Step::Wait(Wait::Probe { servers: BTreeSet::from([server]) })
            }
            Err(_) => Step::Wait(booting(member)),
        }
    }

    /// A group that leaves: every LPAR is stopped and read off, after the leaving began.
    fn leave(
        &mut self,
        name: &GroupName,
        group: &GroupState,
        server: &ServerName,
        reason: &LeaveReason,
        index: u64,
    ) -> Step {
        if group.frozen {
            return Step::Wait(Wait::Frozen { fault: None });
        }
        let mut pending = None;
        for (resource, copies) in &group.copies {
            let copy = copies.get(server).cloned().unwrap_or_default();
            if copy.is_quiet() && copy.since.is_some_and(|since| since >= index) {
                continue;
            }
            let run = group.runs.get(resource).cloned().unwrap_or_default();
            let member = Member { group: name, resource, server, copy, run };
            match self.bring_down(group, reason, &member) {
                Step::Did => return Step::Did,
                Step::Wait(wait) => pending = Some(wait),
                Step::Rest => {}
            }
        }
        pending.map_or(Step::Rest, Step::Wait)
    }

    fn bring_down(&mut self, group: &GroupState, reason: &LeaveReason, member: &Member<'_>) -> Step {
        if let Some(wait) = self.settle(member.resource, member.server, &member.copy) {
            return Step::Wait(wait);
        }
        if matches!(member.copy.risk, StartRisk::Ordered(_)) || member.copy.stop.is_some() {
            return self.scratch.open_orders(group, member.server).map_or(Step::Rest, Step::Wait);
        }
        // What is off already need not be stopped, but seen off after the leaving began.
        if member.copy.power.is_inactive() {
            self.plan.probe.insert(member.server.clone());
            return Step::Wait(Wait::Reading { resource: member.resource.clone(), server: member.server.clone() });
        }
        // What runs well is asked to shut down; what failed, or did not listen, is cut off.
        let listens = member.copy.failed.is_none() && member.copy.power == Power::Running;
        let patient = match reason {
            LeaveReason::Fault => listens && member.run.ran,
            LeaveReason::Offline
            | LeaveReason::Switch(_)
            | LeaveReason::Drain(_)
            | LeaveReason::Park
            | LeaveReason::Return(_)
            | LeaveReason::Failback(_) => listens,
        };
        let grace = if patient { self.patience(member.resource) } else { Span(0) };
        self.stop(member, grace)
    }

    fn stop(&mut self, member: &Member<'_>, grace: Span) -> Step {
        let (resource, server) = (member.resource.clone(), member.server.clone());
        if !self.may_retry(member.copy.failed) {
            return Step::Wait(Wait::Stuck { resource, server, power: member.copy.power });
        }
        match self.emit(Command::Stop { resource: resource.clone(), server: server.clone(), grace }) {
            Ok(()) => Step::Did,
            Err(Refusal::Waits { why, .. }) => Step::Wait(why),
            Err(_) => Step::Wait(Wait::Stuck { resource, server, power: member.copy.power }),
        }
    }

    fn patience(&self, resource: &ResourceName) -> Span {
        self.scratch.config.resources.get(resource).map(|declared| declared.stop_timeout).unwrap_or_default()
    }

    /// After an order ended badly, the next one waits for a monitor interval: the one brake on repeated orders.
    pub(super) fn may_retry(&mut self, failed: Option<Time>) -> bool {
        let Some(at) = failed else { return true };
        let again = at.after(self.scratch.config.timings.monitor);
        if again > self.now() {
            self.wake(again);
            return false;
        }
        true
    }
}

fn booting(member: &Member<'_>) -> Wait {
    let resources = BTreeSet::from([member.resource.clone()]);
    Wait::Booting { resources, server: member.server.clone(), until: member.run.started.unwrap_or_default() }
}
