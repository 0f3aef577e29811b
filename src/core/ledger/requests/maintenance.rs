//! Requests of operators for maintenance: of the cluster, of a server, of a group that waits for them.

use super::super::{Drain, Phase, Purpose, Tenure, apply::Applying};
use crate::{GroupName, Note, Refusal, ServerName, Terms, Verb, terms::Keep};
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

    /// Drains a server. One that is drained takes what is said with it in place of what was said before.
    pub(super) fn ask_drain(&mut self, server: &ServerName, terms: &Terms) -> Result<(), Refusal> {
        let kept = self.kept(terms);
        match &mut self.server_mut(server)?.upkeep.drain {
            Some(drain) if !terms.is_empty() => drain.kept = kept,
            Some(_) => return Err(Refusal::AlreadyDrained { server: server.clone() }),
            None => self.empty(server, Purpose::Drain, terms)?,
        }
        self.asked(Verb::Drain { server: server.clone(), terms: terms.clone() });
        Ok(())
    }

    /// Empties a server for a shutdown. A drained server may be shut down, too; the drain's groups stay known.
    pub(super) fn ask_shutdown(&mut self, server: &ServerName, terms: &Terms) -> Result<(), Refusal> {
        let kept = self.kept(terms);
        match &mut self.server_mut(server)?.upkeep.drain {
            Some(drain) if drain.purpose == Purpose::Shutdown && terms.is_empty() => {
                return Err(Refusal::AlreadyDrained { server: server.clone() });
            }
            Some(drain) if drain.purpose == Purpose::Shutdown => drain.kept = kept,
            Some(_) | None => self.empty(server, Purpose::Shutdown, terms)?,
        }
        self.asked(Verb::Shutdown { server: server.clone(), terms: terms.clone() });
        Ok(())
    }

    fn empty(&mut self, server: &ServerName, purpose: Purpose, terms: &Terms) -> Result<(), Refusal> {
        self.is_armed()?;
        let kept = self.kept(terms);
        let upkeep = &mut self.server_mut(server)?.upkeep;
        // Groups on their way back are still away.
        let moved = std::mem::take(&mut upkeep.returning);
        let new = Drain { purpose, kept: kept.clone(), moved: BTreeSet::new(), told: None };
        let drain = upkeep.drain.get_or_insert(new);
        (drain.purpose, drain.kept, drain.told) = (purpose, kept, None);
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
        self.undrain(server, bring_back)?;
        self.asked(Verb::Undrain { server: server.clone(), bring_back });
        Ok(())
    }

    fn undrain(&mut self, server: &ServerName, bring_back: bool) -> Result<(), Refusal> {
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
        Ok(())
    }

    pub(super) fn ask_freeze_server(&mut self, server: &ServerName, terms: &Terms) -> Result<(), Refusal> {
        let kept = self.kept(terms);
        let upkeep = &mut self.server_mut(server)?.upkeep;
        if upkeep.frozen && terms.is_empty() {
            return Err(Refusal::ServerFrozen { server: server.clone() });
        }
        (upkeep.frozen, upkeep.freeze) = (true, Some(kept));
        self.asked(Verb::FreezeServer { server: server.clone(), terms: terms.clone() });
        Ok(())
    }

    pub(super) fn ask_unfreeze_server(&mut self, server: &ServerName) -> Result<(), Refusal> {
        let upkeep = &mut self.server_mut(server)?.upkeep;
        if !std::mem::take(&mut upkeep.frozen) {
            return Err(Refusal::ServerNotFrozen { server: server.clone() });
        }
        upkeep.freeze = None;
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

    pub(super) fn ask_disarm(&mut self, terms: &Terms) -> Result<(), Refusal> {
        let kept = self.kept(terms);
        let maintenance = &mut self.ledger.maintenance;
        if maintenance.disarmed && terms.is_empty() {
            return Err(Refusal::AlreadyDisarmed);
        }
        (maintenance.disarmed, maintenance.disarm) = (true, Some(kept));
        self.asked(Verb::Disarm { terms: terms.clone() });
        Ok(())
    }

    pub(super) fn ask_arm(&mut self) -> Result<(), Refusal> {
        self.arm()?;
        self.asked(Verb::Arm);
        Ok(())
    }

    fn arm(&mut self) -> Result<(), Refusal> {
        let nodes = self.ledger.unaccounted();
        if self.ledger.maintenance.disarmed && !nodes.is_empty() {
            return Err(Refusal::Unaccounted { nodes });
        }
        if !std::mem::take(&mut self.ledger.maintenance.disarmed) {
            return Err(Refusal::NotDisarmed);
        }
        self.ledger.maintenance.given_up.clear();
        self.ledger.maintenance.disarm = None;
        Ok(())
    }

    /// Ends what was to last until now: the planner says so, and the ledger looks at the time itself.
    pub(in super::super) fn time_is_over(&mut self, what: &Keep) -> Result<(), Refusal> {
        let now = self.ledger.now;
        let kept = self.ledger.kept_of(what).filter(|kept| kept.is_over(now)).cloned().ok_or(Refusal::NoChange)?;
        match what {
            Keep::Group(name) => {
                let declared = self.ledger.config.groups.get(name).is_some_and(|declared| declared.frozen);
                let group = self.group_mut(name)?;
                (group.frozen, group.upkeep.frozen, group.upkeep.freeze) = (declared, false, None);
            }
            Keep::Server(server) => {
                let upkeep = &mut self.server_mut(server)?.upkeep;
                (upkeep.frozen, upkeep.freeze) = (false, None);
                self.mark_open(server);
            }
            Keep::Drain(server) => self.undrain(server, false)?,
            // Not while a node that was given up may run, as if an operator asked for it.
            Keep::Cluster => self.arm()?,
        }
        self.note(Note::TimeOver { what: what.clone(), kept });
        if let Keep::Group(name) = what {
            self.freeze_on(name);
        }
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
