//! Tenures: how they begin, change and end. The core of the ledger's guarantees.

use super::{
    CopyState, Fall, GroupState, Hold, Intent, Ledger, Phase, PreOnline, Progress, Retries, Run, Tenure,
    apply::Applying,
};
use crate::{
    GroupName, Note, Power, Refusal, ServerName,
    config::Trigger,
    note::{Conflict, FaultReason, LeaveReason, NotHere, ServerWait, Wait},
    order::Epoch,
};
use std::collections::BTreeMap;

impl Applying<'_> {
    /// Adopts the group where it was found running, if it can be active nowhere else.
    pub(super) fn adopt(&mut self, name: &GroupName, server: &ServerName) -> Result<(), Refusal> {
        let group = self.group(name)?;
        self.may_begin(name, group, server)?;
        let active = self.ledger.active_places(group).active;
        if !active.contains_key(server) {
            return Err(Refusal::NotOnline { group: name.clone() });
        }
        let all_run = group.copies.values().filter_map(|copies| copies.get(server)).all(|copy| copy.is_active());
        let phase = if all_run { Phase::Online } else { Phase::Starting };
        let epoch = self.begin(name, server, phase)?;
        self.group_mut(name)?.intent = Intent::Online;
        self.note(Note::Adopted { group: name.clone(), server: server.clone(), epoch });
        Ok(())
    }

    /// Grants a tenure: the group may be started on this server.
    pub(super) fn grant(&mut self, name: &GroupName, server: &ServerName) -> Result<(), Refusal> {
        let group = self.group(name)?;
        if group.intent == Intent::Offline {
            return Err(Refusal::NotWanted { group: name.clone() });
        }
        if group.frozen {
            return Err(Refusal::Frozen { group: name.clone() });
        }
        if let Some(why) = self.ledger.withheld(group) {
            return Err(Refusal::Waits { group: name.clone(), why });
        }
        self.may_begin(name, group, server)?;
        if let Some(why) = self.ledger.not_here(name, group, server) {
            return Err(Refusal::NotThere { group: name.clone(), server: server.clone(), why });
        }
        let passed_over = self.passed_over(name, group, server);
        let epoch = self.begin(name, server, Phase::Starting)?;
        self.owe_hook(name)?;
        self.note(Note::Granted { group: name.clone(), server: server.clone(), epoch, passed_over });
        Ok(())
    }

    /// Checks that there is no tenure, no conflict, and no copy on any other server of the list that can be active.
    fn may_begin(&self, name: &GroupName, group: &GroupState, server: &ServerName) -> Result<(), Refusal> {
        if let Some(tenure) = &group.tenure {
            return Err(Refusal::HasTenure { group: name.clone(), server: tenure.server.clone() });
        }
        if group.hold.is_some() {
            return Err(Refusal::Held { group: name.clone() });
        }
        for (resource, copies) in &group.copies {
            if !copies.contains_key(server) {
                return Err(Refusal::NotInList { group: name.clone(), server: server.clone() });
            }
            for other in copies.keys().filter(|other| *other != server) {
                self.ledger.vouches(group, resource, other)?;
            }
        }
        Ok(())
    }

    pub(super) fn begin(&mut self, name: &GroupName, server: &ServerName, phase: Phase) -> Result<Epoch, Refusal> {
        let epoch = Epoch(self.ledger.epoch.0.saturating_add(1));
        self.ledger.epoch = epoch;
        let since = self.ledger.now;
        if phase == Phase::Online {
            self.forget_return(name, server);
        }
        let group = self.group_mut(name)?;
        group.tenure = Some(Tenure { epoch, server: server.clone(), since, phase });
        group.prefer = None;
        group.queued.clear();
        group.fall = None;
        group.pre_online = PreOnline::Passed;
        if group.last.as_ref() != Some(server) {
            group.retries = Retries::default();
        }
        let run = |copies: &BTreeMap<ServerName, CopyState>| {
            let power = copies.get(server).map(|copy| copy.power).unwrap_or_default();
            let away = power.is_active() && power != Power::Running;
            Run { away_since: away.then_some(since), progress: Progress::found(power), ..Run::default() }
        };
        group.runs = group.copies.iter().map(|(resource, copies)| (resource.clone(), run(copies))).collect();
        self.clear_holds(name)?;
        self.occupy(name, server)?;
        Ok(epoch)
    }

    /// Ends a tenure. Called only with a proof, by `vacate` and `arrive`.
    pub(super) fn end(&mut self, name: &GroupName) -> Result<Tenure, Refusal> {
        let group = self.group_mut(name)?;
        let tenure = group.tenure.take().ok_or_else(|| Refusal::NotOnline { group: name.clone() })?;
        let fell = match &tenure.phase {
            Phase::Leaving { reason, .. } => *reason == LeaveReason::Fault,
            Phase::Starting | Phase::Online | Phase::Migrating(_) => true,
        };
        group.fall = fell.then(|| Fall { from: tenure.server.clone(), told: false });
        group.last = Some(tenure.server.clone());
        group.runs.clear();
        // A server that is no longer declared has no books.
        let _ = self.release_room(name, &tenure.server);
        if let Some(migration) = tenure.migration() {
            let _ = self.release_room(name, &migration.to);
        }
        Ok(tenure)
    }

    /// Books the load of the group on a server.
    pub(super) fn occupy(&mut self, name: &GroupName, server: &ServerName) -> Result<(), Refusal> {
        self.server(server)?;
        self.ledger.keep_books(name, server, true);
        Ok(())
    }

    /// Takes back what was booked for the group on a server.
    pub(super) fn release_room(&mut self, name: &GroupName, server: &ServerName) -> Result<(), Refusal> {
        self.server(server)?;
        self.ledger.keep_books(name, server, false);
        Ok(())
    }

    fn passed_over(&self, name: &GroupName, group: &GroupState, server: &ServerName) -> BTreeMap<ServerName, NotHere> {
        let list = self.ledger.config.groups.get(name).map(|declared| declared.servers.as_slice()).unwrap_or_default();
        list.iter()
            .take_while(|other| *other != server)
            .filter_map(|other| Some((other.clone(), self.ledger.not_here(name, group, other)?)))
            .collect()
    }

    /// The tenure of that epoch, if it is still the present one.
    pub(super) fn tenure(&self, name: &GroupName, epoch: Epoch) -> Result<&Tenure, Refusal> {
        let tenure = self.group(name)?.tenure.as_ref();
        tenure.filter(|tenure| tenure.epoch == epoch).ok_or_else(|| Refusal::WrongEpoch { group: name.clone() })
    }

    pub(super) fn set_phase(&mut self, name: &GroupName, phase: Phase) -> Result<(), Refusal> {
        let Some(tenure) = &mut self.group_mut(name)?.tenure else { return Ok(()) };
        let (server, online) = (tenure.server.clone(), phase == Phase::Online);
        tenure.phase = phase;
        if online {
            self.forget_return(name, &server);
        }
        Ok(())
    }

    /// Marks the group as online: all its resources run.
    pub(super) fn online(&mut self, name: &GroupName, epoch: Epoch) -> Result<(), Refusal> {
        let tenure = self.tenure(name, epoch)?;
        if tenure.phase != Phase::Starting {
            return Err(Refusal::NoChange);
        }
        let server = tenure.server.clone();
        self.set_phase(name, Phase::Online)?;
        self.group_mut(name)?.pre_online = PreOnline::Passed;
        self.note(Note::OnlineNow { group: name.clone(), server: server.clone(), epoch });
        self.fire(name, Trigger::PostOnline, &server, Vec::new());
        self.clear_parents(name)
    }

    /// Makes a group that failed leave its server, marked as faulted there unless it is to be started again in place.
    pub(super) fn fault(&mut self, name: &GroupName, epoch: Epoch, reason: &FaultReason) -> Result<(), Refusal> {
        let tenure = self.tenure(name, epoch)?;
        if matches!(tenure.phase, Phase::Leaving { .. }) {
            return Err(Refusal::Moving { group: name.clone(), server: tenure.server.clone() });
        }
        self.not_migrating(name)?;
        if self.group(name)?.frozen {
            return Err(Refusal::Frozen { group: name.clone() });
        }
        let (server, now) = (tenure.server.clone(), self.ledger.now);
        if let Some((count, limit)) = self.retry(name)? {
            let group = self.group_mut(name)?;
            (group.retries, group.prefer) = (Retries { count, last: Some(now) }, Some(server.clone()));
            let (group, reason) = (name.clone(), reason.clone());
            self.note(Note::Retrying { group, server: server.clone(), reason: reason.clone(), count, limit });
            self.fire_fault(name, &server, &reason);
            return self.depart(name, epoch, &LeaveReason::Fault).map(drop);
        }
        self.group_mut(name)?.faults.insert(server.clone(), (now, reason.clone()));
        self.note(Note::Faulted { group: name.clone(), server: server.clone(), reason: reason.clone() });
        self.fire_fault(name, &server, reason);
        self.depart(name, epoch, &LeaveReason::Fault).map(drop)
    }

    /// The number of the next start of the whole group in place, and the limit; `None` if it has to move.
    fn retry(&self, name: &GroupName) -> Result<Option<(u32, u32)>, Refusal> {
        let group = self.group(name)?;
        let Some(declared) = self.ledger.config.groups.get(name) else { return Ok(None) };
        let interval = declared.online_retry_interval;
        let soon = interval.0 > 0 && group.retries.last.is_some_and(|at| self.ledger.now.since(at) < interval);
        let stable = interval.0 > 0 && !soon;
        let count = if stable { 1 } else { group.retries.count.saturating_add(1) };
        let limit = declared.online_retry_limit;
        Ok((count <= limit && !soon).then_some((count, limit)))
    }

    /// Makes the group leave its server.
    pub(super) fn leave(&mut self, name: &GroupName, epoch: Epoch, reason: &LeaveReason) -> Result<(), Refusal> {
        let server = self.depart(name, epoch, reason)?;
        if let Some(to) = reason.heads_for(&server) {
            self.group_mut(name)?.prefer = Some(to.clone());
        }
        self.record_departure(name, &server, reason)?;
        if *reason == LeaveReason::OnPurpose {
            self.group_mut(name)?.intent = Intent::Offline;
        }
        self.note(Note::Leaving { group: name.clone(), server, reason: reason.clone() });
        Ok(())
    }

    /// Begins the departure of a group from its server, for a reason that was noted. Gives back the server.
    pub(super) fn depart(
        &mut self,
        name: &GroupName,
        epoch: Epoch,
        reason: &LeaveReason,
    ) -> Result<ServerName, Refusal> {
        let tenure = self.tenure(name, epoch)?;
        if matches!(tenure.phase, Phase::Leaving { .. }) {
            return Err(Refusal::Moving { group: name.clone(), server: tenure.server.clone() });
        }
        self.not_migrating(name)?;
        let (server, index) = (tenure.server.clone(), self.ledger.index);
        self.set_phase(name, Phase::Leaving { reason: reason.clone(), index })?;
        Ok(server)
    }

    /// Ends the tenure, with a proof that the ledger itself finds.
    pub(super) fn vacate(&mut self, name: &GroupName, epoch: Epoch) -> Result<(), Refusal> {
        self.tenure(name, epoch)?;
        let proof = self.ledger.departure(name, self.group(name)?)?;
        let server = self.end(name)?.server;
        self.hold_if_declared(name, &server, &proof)?;
        self.note(Note::Vacated { group: name.clone(), server: server.clone(), epoch, proof });
        self.fire(name, Trigger::PostOffline, &server, Vec::new());
        Ok(())
    }

    /// Holds the group, because more than one copy is active or one is where it has no right to be.
    pub(super) fn hold(&mut self, name: &GroupName, conflict: &Conflict) -> Result<(), Refusal> {
        let index = self.ledger.index;
        let group = self.group_mut(name)?;
        if conflict.active.is_empty() || group.hold.as_ref().is_some_and(|hold| hold.conflict == *conflict) {
            return Err(Refusal::NoChange);
        }
        let tenure = group.tenure.as_ref().map(|tenure| tenure.server.clone());
        let judged_from = tenure.as_ref().is_some_and(|server| conflict.is_whole(server)).then_some(index);
        let first = group.hold.replace(Hold { conflict: conflict.clone(), judged_from }).is_none();
        let wrong = conflict.active.keys().find(|server| Some(*server) != tenure.as_ref()).cloned();
        self.note(Note::Held { group: name.clone(), tenure, conflict: conflict.clone() });
        if let Some(server) = wrong.filter(|_| first) {
            self.fire(name, Trigger::Violation, &server, vec![conflict.to_string()]);
        }
        Ok(())
    }

    /// Ends the hold: at most one copy is active, and it is where the tenure is, if there is one.
    pub(super) fn release(&mut self, name: &GroupName) -> Result<(), Refusal> {
        let group = self.group(name)?;
        if group.hold.is_none() {
            return Err(Refusal::NoChange);
        }
        if self.ledger.is_stray(group) {
            return Err(Refusal::Held { group: name.clone() });
        }
        let group = self.group_mut(name)?;
        group.hold = None;
        self.note(Note::Released { group: name.clone() });
        Ok(())
    }

    /// Sets the wait of a group.
    pub(super) fn wait(&mut self, name: &GroupName, wait: Option<&Wait>) -> Result<(), Refusal> {
        let group = self.group_mut(name)?;
        if group.wait.as_ref() == wait {
            return Err(Refusal::NoChange);
        }
        let before = group.wait.clone();
        group.wait = wait.cloned();
        match wait {
            // Waits in the normal course of an order are shown, but are not noted.
            Some(wait) if wait.is_course() => {}
            // One server is read after the other: the first note said so.
            Some(Wait::Probe { .. }) if matches!(before, Some(Wait::Probe { .. })) => {}
            Some(wait) => {
                self.note(Note::Waiting { group: name.clone(), wait: wait.clone() });
                self.fire_no_failover(name, wait);
            }
            None if before.is_none_or(|before| before.is_course() || matches!(before, Wait::Probe { .. })) => {}
            None => self.note(Note::WaitOver { group: name.clone() }),
        }
        Ok(())
    }

    /// Sets the wait of a server.
    pub(super) fn server_wait(&mut self, name: &ServerName, wait: Option<&ServerWait>) -> Result<(), Refusal> {
        let server = self.server_mut(name)?;
        if server.wait.as_ref() == wait {
            return Err(Refusal::NoChange);
        }
        server.wait = wait.cloned();
        let Some(wait) = wait else { return Ok(()) };
        if !self.mark_told(name, wait)? && !wait.is_course() {
            self.note(Note::ServerWaiting { server: name.clone(), wait: wait.clone() });
        }
        Ok(())
    }
}

impl Ledger {
    /// Books a group's load on a server, or takes it off again.
    pub(crate) fn keep_books(&mut self, name: &GroupName, server: &ServerName, takes: bool) {
        let Some(group) = self.groups.get(name) else { return };
        let need = self.demand(name, group);
        let Some(state) = self.servers.get_mut(server) else { return };
        let count = |sum: u64, amount: u64| if takes { sum.saturating_add(amount) } else { sum.saturating_sub(amount) };
        state.used = if takes { state.used.plus(need) } else { state.used.minus(need) };
        state.groups = if takes { state.groups.saturating_add(1) } else { state.groups.saturating_sub(1) };
        for (limit, amount) in self.config.groups.get(name).into_iter().flat_map(|declared| &declared.prerequisites) {
            let used = state.limits_used.entry(limit.clone()).or_default();
            *used = count(*used, *amount);
        }
    }
}
