//! Changes of maintenance: those that the planner proposes, and those that follow from other changes.

use super::{super::apply::Applying, Storm};
use crate::{
    GroupName, Note, Refusal, ServerName,
    config::ServerDown,
    note::{LeaveReason, NotHere, Proof, ServerWait},
};
use std::collections::BTreeSet;

impl Applying<'_> {
    /// Records a storm: too many servers were lost at once, or one more was.
    pub(in super::super) fn storm(&mut self, servers: &BTreeSet<ServerName>) -> Result<(), Refusal> {
        let limit = usize::try_from(self.ledger.config.brakes.storm).unwrap_or(usize::MAX);
        let mut struck = self.ledger.struck();
        let now = self.ledger.now;
        let storm = &mut self.ledger.maintenance.storm;
        if limit == 0 || (storm.is_none() && struck.len() < limit) {
            return Err(Refusal::NoChange);
        }
        let since = storm.as_ref().map_or(now, |storm| storm.since);
        struck.extend(storm.iter().flat_map(|storm| storm.servers.iter().cloned()));
        if &struck != servers || storm.as_ref().is_some_and(|storm| storm.servers == struck) {
            return Err(Refusal::NoChange);
        }
        *storm = Some(Storm { since, servers: struck.clone() });
        self.note(Note::Storm { servers: struck });
        Ok(())
    }

    /// Ends a quarantine whose time is over.
    pub(in super::super) fn end_quarantine(&mut self, server: &ServerName) -> Result<(), Refusal> {
        let now = self.ledger.now;
        let upkeep = &mut self.server_mut(server)?.upkeep;
        if upkeep.quarantine.is_none_or(|until| now < until) {
            return Err(Refusal::QuarantineLasts { server: server.clone() });
        }
        upkeep.quarantine = None;
        upkeep.open_since = Some(now);
        self.note(Note::QuarantineOver { server: server.clone() });
        Ok(())
    }

    /// Gives up bringing a group back to a server that is fit, but cannot take it.
    pub(in super::super) fn forgo(
        &mut self,
        name: &GroupName,
        server: &ServerName,
        why: &NotHere,
    ) -> Result<(), Refusal> {
        if !self.server_mut(server)?.upkeep.returning.remove(name) {
            return Err(Refusal::NoChange);
        }
        self.note(Note::NotBroughtBack { group: name.clone(), server: server.clone(), why: why.clone() });
        Ok(())
    }

    /// Counts a return of a server. If it came back too often within the window, it takes no new work for some time.
    pub(in super::super) fn count_return(&mut self, server: &ServerName) {
        let now = self.ledger.now;
        let (flaps, window, length) = {
            let brakes = &self.ledger.config.brakes;
            (usize::try_from(brakes.flaps).unwrap_or(usize::MAX), brakes.flap_window, brakes.quarantine)
        };
        self.ledger.maintenance.forgiven.remove(server);
        let Ok(state) = self.server_mut(server) else { return };
        // A server that is worked on is restarted as often as it takes.
        if flaps == 0 || state.upkeep.drain.is_some() {
            return;
        }
        let returns = &mut state.upkeep.returns;
        returns.push(now);
        returns.retain(|at| now.since(*at) < window);
        let old = returns.len().saturating_sub(flaps);
        returns.drain(..old);
        if returns.len() < flaps {
            return;
        }
        let until = now.after(length);
        let known = state.upkeep.quarantine.replace(until).is_some();
        if !known {
            self.note(Note::Quarantined { server: server.clone(), returns: flaps, within: window, length });
        }
    }

    /// Whether this outcome of a drain was noted already: it is done, or cannot go on. Remembers it.
    pub(in super::super) fn mark_told(&mut self, server: &ServerName, wait: &ServerWait) -> Result<bool, Refusal> {
        let Some(drain) = &mut self.server_mut(server)?.upkeep.drain else { return Ok(false) };
        match wait {
            ServerWait::Drained { .. } | ServerWait::DrainStuck { .. } => {
                Ok(drain.told.replace(wait.clone()).as_ref() == Some(wait))
            }
            ServerWait::Draining { .. } => {
                drain.told = None;
                Ok(false)
            }
            ServerWait::NoProof { .. }
            | ServerWait::Fencing
            | ServerWait::Cleaning { .. }
            | ServerWait::Disarmed { .. } => Ok(false),
        }
    }

    /// Marks the server as open for work from now on.
    pub(in super::super) fn mark_open(&mut self, server: &ServerName) {
        let now = self.ledger.now;
        if let Ok(state) = self.server_mut(server) {
            state.upkeep.open_since = Some(now);
        }
    }

    /// Records that a group is being stopped on a server, for a reason of maintenance or another.
    pub(in super::super) fn record_departure(
        &mut self,
        name: &GroupName,
        server: &ServerName,
        reason: &LeaveReason,
    ) -> Result<(), Refusal> {
        if *reason == LeaveReason::Park {
            self.group_mut(name)?.upkeep.parked = Some(server.clone());
        } else if let Some(to) = reason.destination() {
            self.group_mut(name)?.prefer = Some(to.clone());
        }
        self.remember_moved(name, server, reason)
    }

    /// Records in a drain that it takes this group away, stopped or running.
    pub(in super::super) fn remember_moved(
        &mut self,
        name: &GroupName,
        server: &ServerName,
        reason: &LeaveReason,
    ) -> Result<(), Refusal> {
        if let LeaveReason::Drain(_) = reason
            && let Some(drain) = &mut self.server_mut(server)?.upkeep.drain
        {
            drain.moved.insert(name.clone());
        }
        Ok(())
    }

    /// Clears what kept the group from a tenure, because one has begun.
    pub(in super::super) fn clear_holds(&mut self, name: &GroupName) -> Result<(), Refusal> {
        let upkeep = &mut self.group_mut(name)?.upkeep;
        (upkeep.disabled, upkeep.parked, upkeep.stayed) = (None, None, false);
        Ok(())
    }

    /// Forgets that the group was to come back to this server, because it runs there.
    pub(in super::super) fn forget_return(&mut self, name: &GroupName, server: &ServerName) {
        if let Ok(state) = self.server_mut(server) {
            state.upkeep.returning.remove(name);
        }
    }

    /// Makes a group whose tenure ended wait for an administrator, if its server is proven off and its policy says so.
    pub(in super::super) fn hold_if_declared(
        &mut self,
        name: &GroupName,
        server: &ServerName,
        proof: &Proof,
    ) -> Result<(), Refusal> {
        let holds =
            self.ledger.config.groups.get(name).is_some_and(|declared| declared.server_down == ServerDown::Hold);
        let drained = self.server(server).is_ok_and(|state| state.upkeep.drain.is_some());
        let group = self.group_mut(name)?;
        let wanted = group.intent == super::super::Intent::Online && group.upkeep.parked.is_none();
        if holds && wanted && !drained && matches!(proof, Proof::ServerOff(_)) {
            group.upkeep.disabled = Some(server.clone());
        }
        Ok(())
    }

    /// Drops the group from all drains, and ends its parking, because an operator has decided on its place.
    pub(in super::super) fn forget_drains(&mut self, name: &GroupName) -> Result<(), Refusal> {
        for state in self.ledger.servers.values_mut() {
            state.upkeep.returning.remove(name);
            if let Some(drain) = &mut state.upkeep.drain {
                drain.moved.remove(name);
            }
        }
        self.group_mut(name)?.upkeep.parked = None;
        Ok(())
    }

    /// Drops what is no longer declared from the maintenance state, and takes over which groups are declared frozen.
    pub(in super::super) fn reconcile_maintenance(&mut self) {
        let ledger = &mut *self.ledger;
        let config = ledger.config.clone();
        for (name, state) in &mut ledger.servers {
            let still = |group: &GroupName| config.groups.get(group).is_some_and(|group| group.servers.contains(name));
            state.upkeep.returning.retain(still);
            if let Some(drain) = &mut state.upkeep.drain {
                drain.moved.retain(still);
            }
        }
        ledger.maintenance.forgiven.retain(|server| config.servers.contains_key(server));
        ledger.maintenance.given_up.retain(|node| config.nodes.contains_key(node));
        for (name, group) in &mut ledger.groups {
            let declared = config.groups.get(name).is_some_and(|declared| declared.frozen);
            let frozen = declared || group.upkeep.frozen;
            let gone = |server: &Option<ServerName>| {
                server.as_ref().is_some_and(|server| !config.servers.contains_key(server))
            };
            let lost = gone(&group.upkeep.parked);
            if group.frozen != frozen || lost {
                let group = std::sync::Arc::make_mut(group);
                group.frozen = frozen;
                if lost {
                    group.upkeep.parked = None;
                }
            }
        }
    }
}
