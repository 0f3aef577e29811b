//! Resources of a group with a tenure: started after what they require, kept up, and stopped before it.

use super::{Planner, groups::Step};
use crate::{
    Command, GroupName, Power, Refusal, ResourceName, ServerName, Span, Time,
    config::{Kind, Operations},
    ledger::{Admin, CopyState, Down, GroupState, Phase, PreOnline, Run, StartRisk, Tenure},
    note::{CleanReason, FaultReason, LeaveReason, Wait},
};
use std::{collections::BTreeSet, sync::Arc};

/// Interval of readings of a server while a resource on it is starting.
const BOOT_WATCH: Span = Span::seconds(1);

/// One resource of a group on the server of its tenure.
struct Member<'a> {
    name: &'a GroupName,
    group: &'a GroupState,
    tenure: &'a Tenure,
    resource: &'a ResourceName,
    server: &'a ServerName,
    copy: CopyState,
    run: Run,
}

impl Planner<'_> {
    /// A group that starts or runs: starts or restarts every resource that should be up.
    pub(super) fn hold_up(&mut self, name: &GroupName, group: &GroupState, tenure: &Tenure) -> Step {
        if let Some(step) = self.halted(group, tenure) {
            return step;
        }
        if let Some(step) = self.asks_first(name, group, tenure) {
            return step;
        }
        let mut pending = None;
        let mut requires = None;
        let (mut booting, mut latest) = (BTreeSet::new(), None);
        for member in members(name, group, tenure) {
            match self.member(&member) {
                Step::Did => return Step::Did,
                Step::Rest | Step::Place => {}
                Step::Wait(Wait::Booting { resources, until, .. }) => {
                    booting.extend(resources);
                    latest = latest.max(until);
                }
                Step::Wait(wait @ Wait::Requires { .. }) => requires = Some(wait),
                Step::Wait(wait) => pending = Some(wait),
            }
        }
        if let Some(wait) = pending {
            return Step::Wait(wait);
        }
        if !booting.is_empty() {
            let server = tenure.server.clone();
            self.follow(&server);
            self.wake(self.now().after(BOOT_WATCH));
            return Step::Wait(Wait::Booting { resources: booting, server, until: latest });
        }
        if let Some(wait) = requires {
            return Step::Wait(wait);
        }
        if self.is_stopped_on_purpose(group) {
            let leave = Command::Leave { group: name.clone(), epoch: tenure.epoch, reason: LeaveReason::OnPurpose };
            if self.emit(leave).is_ok() {
                return Step::Did;
            }
        }
        let starting = tenure.phase == Phase::Starting;
        if starting && self.emit(Command::Online { group: name.clone(), epoch: tenure.epoch }).is_ok() {
            self.tier_returned(name);
            return Step::Did;
        }
        Step::Rest
    }

    /// Runs the preonline hook, if there is one, before anything of the group is started.
    fn asks_first(&mut self, name: &GroupName, group: &GroupState, tenure: &Tenure) -> Option<Step> {
        if !self.scratch.awaits_hook(name, group) {
            return None;
        }
        let epoch = tenure.epoch;
        let command = match &group.pre_online {
            PreOnline::Passed => return None,
            PreOnline::Due => Command::PreOnline { group: name.clone(), epoch },
            PreOnline::Ordered(_) => return Some(Step::Wait(Wait::Hook { server: tenure.server.clone() })),
            PreOnline::Failed(why) => {
                let reason = FaultReason::PreOnline { why: why.clone() };
                if group.frozen {
                    return Some(Step::Wait(Wait::Frozen { fault: Some(reason) }));
                }
                Command::Fault { group: name.clone(), epoch, reason }
            }
        };
        Some(match self.emit(command) {
            Ok(()) => Step::Did,
            Err(Refusal::Frozen { .. }) => Step::Wait(Wait::Frozen { fault: None }),
            Err(_) => Step::Wait(Wait::Hook { server: tenure.server.clone() }),
        })
    }

    /// The wait for an administrator's decision, or after a flush. `None` if nothing halts the group.
    fn halted(&self, group: &GroupState, tenure: &Tenure) -> Option<Step> {
        if let Some((resource, reason)) = self.scratch.admin_wait(group) {
            let (resource, server) = (resource.clone(), tenure.server.clone());
            return Some(Step::Wait(Wait::AdminWait { resource, server, reason }));
        }
        (group.flushed && tenure.phase != Phase::Online).then_some(Step::Wait(Wait::Flushed))
    }

    /// Whether all resources of the group were stopped on purpose, and none failed.
    fn is_stopped_on_purpose(&self, group: &GroupState) -> bool {
        let mut owned = group.copies.keys().filter(|resource| !group.passive.contains(*resource)).peekable();
        let on_purpose = |resource: &ResourceName| {
            let down = group.runs.get(resource).and_then(|run| run.down.as_ref());
            matches!(down, Some(Down::OnPurpose | Down::Operator))
        };
        owned.peek().is_some()
            && group.copies.keys().any(on_purpose)
            && owned.all(|resource| on_purpose(resource) || !self.scratch.wanted(group, resource))
    }

    /// The next step for one resource under a tenure that stays.
    fn member(&mut self, member: &Member<'_>) -> Step {
        let config = Arc::clone(&self.scratch.config);
        let Some(declared) = config.resources.get(member.resource) else { return Step::Rest };
        if declared.monitor_only {
            return Step::Rest;
        }
        if let Some(wait) = self.deserted(member) {
            return Step::Wait(wait);
        }
        if declared.operations() == Operations::None {
            return self.persistent(member);
        }
        if !self.scratch.wanted(member.group, member.resource) {
            return self.keep_down(member);
        }
        if let Some(reason) = self.failure(member) {
            return self.fail(member, reason);
        }
        if let Some(wait) = self.waits_for_order(member) {
            return Step::Wait(wait);
        }
        if member.run.restart && member.copy.is_active() {
            return self.stop(member, self.patience(member.resource));
        }
        match member.copy.power {
            Power::Running => Step::Rest,
            Power::Starting | Power::Stopping => Step::Wait(self.booting(member)),
            Power::Unknown | Power::Error if member.run.restart => self.stop(member, Span(0)),
            Power::Absent if self.scratch.home(member.group, member.resource, member.server).is_some() => {
                self.start(member)
            }
            // If it keeps reading Error, it is cut off and started again.
            Power::Error => Step::Wait(self.booting(member)),
            Power::Unknown | Power::Absent | Power::Moving | Power::Missing => {
                if member.copy.since.is_none_or(|since| since < member.copy.quiet_from) {
                    self.probe(member.server);
                }
                Step::Wait(Wait::Attention { resource: member.resource.clone(), server: member.server.clone() })
            }
            Power::Off | Power::OffOnPurpose => self.start(member),
        }
    }

    /// The wait for a resource inside a node that is not in charge: no other node can look at it or command it.
    fn deserted(&self, member: &Member<'_>) -> Option<Wait> {
        self.scratch.config.resources.get(member.resource)?.as_agent()?;
        self.node_wait(member.resource, member.server)
    }

    /// Ends the fault of a group on a server where the persistent resource that was down is back.
    pub(super) fn forgive(&mut self, group: &GroupState) -> bool {
        group.faults.iter().any(|(server, (_, reason))| {
            let FaultReason::PersistentDown { resource } = reason else { return false };
            let copy = group.copies.get(resource).and_then(|copies| copies.get(server));
            copy.is_some_and(|copy| copy.power == Power::Running)
                && self.emit(Command::Forgive { resource: resource.clone(), server: server.clone() }).is_ok()
        })
    }

    /// The next step for a persistent resource.
    fn persistent(&mut self, member: &Member<'_>) -> Step {
        let (resource, server) = (member.resource.clone(), member.server.clone());
        match member.copy.power {
            Power::Running if member.run.down.is_some() => match self.emit(Command::Forgive { resource, server }) {
                Ok(()) => Step::Did,
                Err(_) => Step::Rest,
            },
            Power::Off | Power::Absent | Power::OffOnPurpose if member.run.down.is_none() => {
                self.fail(member, FaultReason::PersistentDown { resource })
            }
            Power::Off
            | Power::Absent
            | Power::OffOnPurpose
            | Power::Running
            | Power::Starting
            | Power::Stopping
            | Power::Moving
            | Power::Missing
            | Power::Error
            | Power::Unknown => Step::Rest,
        }
    }

    /// The next step for a resource that is to be down while its group is up: resources that require it go first.
    fn keep_down(&mut self, member: &Member<'_>) -> Step {
        if group_is_quiet(member) {
            return Step::Rest;
        }
        if let Some(wait) = self.waits_for_order(member) {
            return Step::Wait(wait);
        }
        let declared_passive = member.group.passive.contains(member.resource);
        let unread = member.copy.power == Power::Unknown && member.run.unread_since.is_none();
        if declared_passive || unread || member.group.frozen {
            return Step::Rest;
        }
        let above = self.scratch.dependents(member.group, member.resource, member.server);
        if above.into_iter().any(|other| !self.scratch.wanted(member.group, other)) {
            return Step::Rest;
        }
        let failed = matches!(member.run.down, Some(Down::Faulted(_)));
        let listens = !failed && member.copy.failed.is_none() && member.copy.power == Power::Running;
        let grace = if listens { self.patience(member.resource) } else { Span(0) };
        self.stop(member, grace)
    }

    /// The reason why a resource counts as failed on its server. `None` if it does not.
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
        if let Some(why) = &member.run.refused {
            return Some(FaultReason::StartFailed { resource, why: why.clone() });
        }
        let monitor = config.timings.monitor;
        let inside = matches!(declared.kind, Kind::Agent(_));
        if let Some(since) = member.run.unread_since.filter(|_| inside && !member.run.restart)
            && declared.patience.monitor_timeouts > 0
        {
            let after = monitor.times(u64::from(declared.patience.monitor_timeouts));
            if self.due_or_wake(since.after(after)) {
                return Some(FaultReason::MonitorTimeout { resource, after });
            }
        }
        let bears = monitor.times(u64::from(declared.patience.monitor_timeouts.max(1)));
        if member.run.error_since.is_some_and(|since| !member.run.restart && self.due_or_wake(since.after(bears))) {
            return Some(FaultReason::Panicked { resource, after: bears });
        }
        let (since, after) = self.start_lasts(member)?;
        self.due_or_wake(since.after(after)).then_some(FaultReason::StartTimeout { resource, after })
    }

    /// When a resource that does not read Running began to start or to stop, and how long it may take. `None` if it did
    /// neither.
    fn start_lasts(&self, member: &Member<'_>) -> Option<(Time, Span)> {
        let config = &self.scratch.config;
        let declared = config.resources.get(member.resource)?;
        let since = member.run.starts_since().or(member.run.away_since)?;
        let looks = match declared.kind {
            Kind::Agent(_) => u64::from(declared.patience.online_wait),
            Kind::Lpar(_) => 0,
        };
        Some((since, declared.start_timeout.plus(config.timings.monitor.times(looks))))
    }

    fn booting(&self, member: &Member<'_>) -> Wait {
        let resources = BTreeSet::from([member.resource.clone()]);
        let until = self.start_lasts(member).map(|(since, lasts)| since.after(lasts));
        Wait::Booting { resources, server: member.server.clone(), until }
    }

    /// Whether a time has come; if not, the planner wakes then.
    fn due_or_wake(&mut self, until: Time) -> bool {
        if until > self.now() {
            self.wake(until);
            return false;
        }
        true
    }

    /// A resource failed: it is tried again, left to an administrator, left down, or takes its group with it.
    fn fail(&mut self, member: &Member<'_>, reason: FaultReason) -> Step {
        if member.group.frozen {
            return Step::Wait(Wait::Frozen { fault: Some(reason) });
        }
        let (resource, epoch) = (member.resource.clone(), member.tenure.epoch);
        let managed = self.scratch.config.groups.get(member.name).is_none_or(|group| group.manage_faults);
        let persistent = matches!(reason, FaultReason::PersistentDown { .. });
        let command = if !managed && member.run.admin != Admin::SaysFailed && !persistent {
            Command::AdminWait { resource, epoch, reason: clean_reason(&reason) }
        } else {
            let again = Command::Recycle { resource: resource.clone(), epoch, reason: reason.clone() };
            if is_worth_another_try(&reason) && self.emit(again).is_ok() {
                return Step::Did;
            }
            if self.scratch.is_critical(member.group, member.resource) {
                Command::Fault { group: member.name.clone(), epoch, reason }
            } else {
                Command::FaultResource { resource, epoch, reason }
            }
        };
        match self.emit(command) {
            Ok(()) => Step::Did,
            Err(_) => Step::Rest,
        }
    }

    /// The wait for orders and readings that are needed before any other decision on this resource.
    fn waits_for_order(&mut self, member: &Member<'_>) -> Option<Wait> {
        if let Some(wait) = self.settle(member.resource, member.server, &member.copy) {
            return Some(wait);
        }
        let ordered = matches!(member.copy.risk, StartRisk::Ordered(_)) || member.copy.stop.is_some();
        if ordered {
            return self.scratch.open_orders(member.group, member.server);
        }
        if member.copy.power == Power::Off && !member.copy.is_quiet() {
            self.probe(member.server);
            return Some(self.booting(member));
        }
        None
    }

    /// Starts a resource that is off: for the first time under this tenure, as asked, or again after a crash.
    fn start(&mut self, member: &Member<'_>) -> Step {
        let config = Arc::clone(&self.scratch.config);
        let Some(declared) = config.resources.get(member.resource) else { return Step::Rest };
        let missing: BTreeSet<ResourceName> =
            self.scratch.unmet(member.group, declared, member.server).cloned().collect();
        if !missing.is_empty() {
            let (resource, server) = (member.resource.clone(), member.server.clone());
            return Step::Wait(Wait::Requires { resource, of: missing, server });
        }
        if !self.retry_or_wake(member.copy.failed) {
            return Step::Wait(self.booting(member));
        }
        let went_down = member.tenure.phase == Phase::Online && member.run.lost_since.is_some();
        let restart = (member.run.was_ordered() || went_down) && !member.run.restart;
        if restart {
            let crash = FaultReason::Crashed { resource: member.resource.clone(), restarts: 0 };
            if member.group.frozen {
                return Step::Wait(Wait::Frozen { fault: Some(crash) });
            }
            let borne = config.timings.monitor.times(u64::from(declared.patience.tolerance));
            if member.run.lost_since.is_some_and(|since| !self.due_or_wake(since.after(borne))) {
                return Step::Wait(self.booting(member));
            }
            if config.groups.get(member.name).is_some_and(|group| !group.manage_faults) {
                return self.fail(member, crash);
            }
        }
        let start = Command::Start { resource: member.resource.clone(), epoch: member.tenure.epoch, restart };
        match self.emit(start) {
            Ok(()) => Step::Did,
            Err(Refusal::RestartsUsedUp { resource, limit }) => {
                let reason = if member.run.ran() {
                    FaultReason::Crashed { resource, restarts: limit }
                } else {
                    FaultReason::StartFailed { resource, why: "it never came up".into() }
                };
                self.fail(member, reason)
            }
            Err(Refusal::Waits { why, .. }) => Step::Wait(why),
            Err(Refusal::Frozen { .. }) => Step::Wait(Wait::Frozen { fault: None }),
            Err(
                Refusal::NotProvenOff { server, .. }
                | Refusal::StartInFlight { server, .. }
                | Refusal::Dirty { server },
            ) => {
                self.probe(&server);
                let copy = member.group.copies.get(member.resource).and_then(|copies| copies.get(&server));
                if let Some(wait) = copy.and_then(|copy| self.cannot_tell(member.resource, &server, copy)) {
                    return Step::Wait(wait);
                }
                Step::Wait(Wait::Probe { servers: BTreeSet::from([server]) })
            }
            Err(_) => Step::Wait(self.booting(member)),
        }
    }

    /// A group that leaves: stops every resource, after those that require it, and has it read off after the leaving
    /// began.
    pub(super) fn leave(
        &mut self,
        name: &GroupName,
        group: &GroupState,
        tenure: &Tenure,
        reason: &LeaveReason,
        index: u64,
    ) -> Step {
        if group.frozen {
            return Step::Wait(Wait::Frozen { fault: None });
        }
        if let Some(step) = self.halted(group, tenure) {
            return step;
        }
        if let Some(wait) = self.awaits_parents(name, group, &tenure.server) {
            return Step::Wait(wait);
        }
        let mut pending = None;
        for member in members(name, group, tenure).filter(|member| !group.passive.contains(member.resource)) {
            if member.copy.is_quiet() && member.copy.since.is_some_and(|since| since >= index) {
                continue;
            }
            // A resource that died with its node needs neither.
            if self.scratch.died_inside(member.resource, member.server).is_some() {
                continue;
            }
            match self.bring_down(reason, &member) {
                Step::Did => return Step::Did,
                Step::Wait(wait) => pending = Some(wait),
                Step::Rest | Step::Place => {}
            }
        }
        pending.map_or(Step::Rest, Step::Wait)
    }

    fn bring_down(&mut self, reason: &LeaveReason, member: &Member<'_>) -> Step {
        if let Some(wait) = self.settle(member.resource, member.server, &member.copy) {
            return Step::Wait(wait);
        }
        if matches!(member.copy.risk, StartRisk::Ordered(_)) || member.copy.stop.is_some() {
            return self.scratch.open_orders(member.group, member.server).map_or(Step::Rest, Step::Wait);
        }
        if let Some(wait) = self.deserted(member) {
            return Step::Wait(wait);
        }
        // A resource that is off already need not be stopped, but must be seen off after the leaving began.
        if member.copy.power.is_inactive() {
            self.probe(member.server);
            return Step::Wait(Wait::Reading { resource: member.resource.clone(), server: member.server.clone() });
        }
        // An LPAR that is missing cannot be stopped, and another one under its name must not be.
        if member.copy.power == Power::Missing || member.copy.alone {
            let (resource, server) = (member.resource.clone(), member.server.clone());
            return Step::Wait(Wait::Attention { resource, server });
        }
        if self.scratch.dependents(member.group, member.resource, member.server).next().is_some() {
            return Step::Rest;
        }
        // A resource that runs well is asked to shut down; one that failed, or did not react, is cut off.
        let listens = member.copy.failed.is_none() && member.copy.power == Power::Running;
        let patient = listens && (*reason != LeaveReason::Fault || member.run.ran());
        let grace = if patient { self.patience(member.resource) } else { Span(0) };
        self.stop(member, grace)
    }

    fn stop(&mut self, member: &Member<'_>, grace: Span) -> Step {
        let (resource, server) = (member.resource.clone(), member.server.clone());
        let declared = self.scratch.config.resources.get(member.resource);
        let bears = declared.map(|declared| declared.patience.clean_retries).unwrap_or_default();
        let managed = self.scratch.config.groups.get(member.name).is_none_or(|group| group.manage_faults);
        let enough = member.run.stuck > 0 && (!managed || (bears > 0 && member.run.stuck > bears));
        if enough && member.run.admin != Admin::SaysFailed {
            let reason = CleanReason::OfflineIneffective;
            let command = Command::AdminWait { resource: resource.clone(), epoch: member.tenure.epoch, reason };
            if self.emit(command).is_ok() {
                return Step::Did;
            }
        }
        if !self.retry_or_wake(member.copy.failed) {
            return Step::Wait(Wait::Stuck { resource, server, power: member.copy.power });
        }
        match self.emit(Command::Stop { resource: resource.clone(), server: server.clone(), grace }) {
            Ok(()) => Step::Did,
            Err(Refusal::Waits { why, .. }) => Step::Wait(why),
            Err(_) => Step::Wait(Wait::Stuck { resource, server, power: member.copy.power }),
        }
    }

    pub(super) fn patience(&self, resource: &ResourceName) -> Span {
        self.scratch.config.resources.get(resource).map(|declared| declared.stop_timeout).unwrap_or_default()
    }
}

fn members<'a>(name: &'a GroupName, group: &'a GroupState, tenure: &'a Tenure) -> impl Iterator<Item = Member<'a>> {
    group.copies.iter().map(move |(resource, copies)| {
        let copy = copies.get(&tenure.server).cloned().unwrap_or_default();
        let run = group.runs.get(resource).cloned().unwrap_or_default();
        Member { name, group, tenure, resource, server: &tenure.server, copy, run }
    })
}

/// Whether nothing of the resource is active, and no order for it is open.
fn group_is_quiet(member: &Member<'_>) -> bool {
    member.copy.power.is_inactive() && member.copy.stop.is_none() && member.copy.risk == StartRisk::None
}

/// Whether cleaning it and starting it again may help.
fn is_worth_another_try(reason: &FaultReason) -> bool {
    matches!(
        reason,
        FaultReason::StartFailed { .. }
            | FaultReason::StartTimeout { .. }
            | FaultReason::MonitorTimeout { .. }
            | FaultReason::Panicked { .. }
    )
}

fn clean_reason(reason: &FaultReason) -> CleanReason {
    match reason {
        FaultReason::StartTimeout { .. } => CleanReason::OnlineHung,
        FaultReason::StartFailed { .. } => CleanReason::OnlineIneffective,
        FaultReason::MonitorTimeout { .. } => CleanReason::MonitorHung,
        FaultReason::Crashed { .. }
        | FaultReason::Panicked { .. }
        | FaultReason::ViosDown { .. }
        | FaultReason::PersistentDown { .. }
        | FaultReason::PreOnline { .. } => CleanReason::UnexpectedOffline,
    }
}
