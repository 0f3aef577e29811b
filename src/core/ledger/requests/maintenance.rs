//! Requests of operators for maintenance: of the cluster, of a server, of a group that waits for them.

use super::super::{Drain, Phase, Purpose, Tenure, apply::Applying};
use crate::{GroupName, Refusal, ServerName, Verb};
use std::{collections::BTreeSet, sync::Arc};

impl Applying<'_> {
    pub(super) fn ask_enable(&mut self, name: &GroupName) -> Result<(), Refusal> {
        self.may_act(name)?;
        if self.group_mut(name)?.upkeep.disabled.take().is_none() {
            return Err(Refusal::NotDisabled { group: name.clone() });
        }
        self.asked(Verb::Enable { group: name.clone() });
        Ok(())
    }

    pub(super) fn ask_drain(&mut self, server: &ServerName) -> Result<(), Refusal> {
        if self.server(server)?.upkeep.drain.is_some() {
            return Err(Refusal::AlreadyDrained { server: server.clone() });
        }
        self.empty(server, Purpose::Drain)?;
        self.asked(Verb::Drain { server: server.clone() });
        Ok(())
    }

    /// Empties a server for a shutdown. A drained server may be shut down, too; the drain's groups stay known.
    pub(super) fn ask_shutdown(&mut self, server: &ServerName) -> Result<(), Refusal> {
        if self.server(server)?.upkeep.drain.as_ref().is_some_and(|drain| drain.purpose == Purpose::Shutdown) {
            return Err(Refusal::AlreadyDrained { server: server.clone() });
        }
        self.empty(server, Purpose::Shutdown)?;
        self.asked(Verb::Shutdown { server: server.clone() });
        Ok(())
    }

    fn empty(&mut self, server: &ServerName, purpose: Purpose) -> Result<(), Refusal> {
        self.is_armed()?;
        let now = self.ledger.now;
        let upkeep = &mut self.server_mut(server)?.upkeep;
        // Groups on their way back are still away.
        let moved = std::mem::take(&mut upkeep.returning);
        let drain = upkeep.drain.get_or_insert(Drain { purpose, since: now, moved: BTreeSet::new(), told: None });
        (drain.purpose, drain.told) = (purpose, None);
        drain.moved.extend(moved);
        // A migration that failed before may succeed by now.
        for group in self.ledger.groups.values_mut().filter(|group| group.upkeep.stayed) {
            if group.tenure.as_ref().is_some_and(|tenure| &tenure.server == server) {
                Arc::make_mut(group).upkeep.stayed = false;
            }
        }
        Ok(())
    }

    pub(super) fn ask_undrain(&mut self, server: &ServerName, bring_back: bool) -> Result<(), Refusal> {
        let upkeep = &mut self.server_mut(server)?.upkeep;
        let drain = upkeep.drain.take().ok_or_else(|| Refusal::NotDrained { server: server.clone() })?;
        if bring_back {
            // Groups that the drain did not move after all are there.
            let stayed = |tenure: &Tenure| tenure.phase == Phase::Online && tenure.server == *server;
            let groups = &self.ledger.groups;
            let is_there =
                |name: &GroupName| groups.get(name).and_then(|group| group.tenure.as_ref()).is_some_and(stayed);
            let returning = drain.moved.into_iter().filter(|name| !is_there(name)).collect();
            self.server_mut(server)?.upkeep.returning = returning;
        }
        for group in self.ledger.groups.values_mut() {
            if group.upkeep.parked.as_ref() == Some(server) {
                Arc::make_mut(group).prefer = Some(server.clone());
            }
        }
        self.mark_open(server);
        self.asked(Verb::Undrain { server: server.clone(), bring_back });
        Ok(())
    }

    pub(super) fn ask_freeze_server(&mut self, server: &ServerName) -> Result<(), Refusal> {
        if std::mem::replace(&mut self.server_mut(server)?.upkeep.frozen, true) {
            return Err(Refusal::ServerFrozen { server: server.clone() });
        }
        self.asked(Verb::FreezeServer { server: server.clone() });
        Ok(())
    }

    pub(super) fn ask_unfreeze_server(&mut self, server: &ServerName) -> Result<(), Refusal> {
        if !std::mem::take(&mut self.server_mut(server)?.upkeep.frozen) {
            return Err(Refusal::ServerNotFrozen { server: server.clone() });
        }
        self.mark_open(server);
        self.asked(Verb::UnfreezeServer { server: server.clone() });
        Ok(())
    }

    /// Ends a quarantine, because an operator vouches for the server: its returns are forgotten as well.
    pub(super) fn ask_release_server(&mut self, server: &ServerName) -> Result<(), Refusal> {
        let upkeep = &mut self.server_mut(server)?.upkeep;
        if upkeep.quarantine.take().is_none() {
            return Err(Refusal::NotQuarantined { server: server.clone() });
        }
        upkeep.returns.clear();
        self.mark_open(server);
        self.asked(Verb::ReleaseServer { server: server.clone() });
        Ok(())
    }

    pub(super) fn ask_resume(&mut self) -> Result<(), Refusal> {
        let storm = self.ledger.maintenance.storm.take().ok_or(Refusal::NoStorm)?;
        let still_lost = |server: &ServerName| {
            self.ledger.servers.get(server).is_some_and(|state| state.off.is_some() || state.fence.is_some())
        };
        let forgiven: Vec<ServerName> = storm.servers.into_iter().filter(still_lost).collect();
        self.ledger.maintenance.forgiven.extend(forgiven);
        self.asked(Verb::Resume);
        Ok(())
    }

    pub(super) fn ask_disarm(&mut self) -> Result<(), Refusal> {
        if std::mem::replace(&mut self.ledger.maintenance.disarmed, true) {
            return Err(Refusal::AlreadyDisarmed);
        }
        self.asked(Verb::Disarm);
        Ok(())
    }

    pub(super) fn ask_arm(&mut self) -> Result<(), Refusal> {
        let nodes = self.ledger.unaccounted();
        if self.ledger.maintenance.disarmed && !nodes.is_empty() {
            return Err(Refusal::Unaccounted { nodes });
        }
        if !std::mem::take(&mut self.ledger.maintenance.disarmed) {
            return Err(Refusal::NotDisarmed);
        }
        self.ledger.maintenance.given_up.clear();
        self.asked(Verb::Arm);
        Ok(())
    }

    /// Refuses a request while the cluster is disarmed: it would be carried out later, together with all others.
    fn is_armed(&self) -> Result<(), Refusal> {
        if self.ledger.maintenance.disarmed { Err(Refusal::Disarmed) } else { Ok(()) }
    }

    /// Checks that anything may be done to the group at all: it is managed, and the cluster is armed.
    pub(super) fn may_act(&self, name: &GroupName) -> Result<(), Refusal> {
        if !self.ledger.is_looked_after(name) {
            return Err(Refusal::NotManaged { group: name.clone() });
        }
        self.is_armed()
    }

    /// Checks that the group does not wait for an administrator to enable it.
    pub(super) fn is_enabled(&self, name: &GroupName) -> Result<(), Refusal> {
        match &self.group(name)?.upkeep.disabled {
            Some(server) => Err(Refusal::AutoDisabled { group: name.clone(), server: server.clone() }),
            None => Ok(()),
        }
    }
}
