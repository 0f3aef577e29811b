//! Requests of operators. Each is granted whole or refused with a reason that names the next step.

mod configure;
mod loss;
mod maintenance;
mod resources;
mod trees;

use super::{Down, Intent, Phase, apply::Applying};
use crate::{
    GroupName, Note, Refusal, Request, ResourceName, ServerName, Terms, Verb,
    note::{LeaveReason, OffHow},
    terms::Kept,
};

impl Applying<'_> {
    pub(super) fn request(&mut self, request: &Request) -> Result<(), Refusal> {
        match request {
            Request::Configure { cluster, strand } => self.whole(|applying| applying.configure(cluster, *strand)),
            Request::Do(verb) => self.ask(verb),
            Request::Trust(change) => self.whole(|applying| applying.change_trust(change)),
            Request::Act(act) => self.permit(act),
            Request::Restore { kept, image } => self.whole(|applying| applying.restore(kept, *image)),
        }
    }

    /// Makes a request about a parallel group to each of its instances; it is granted if one of them grants it.
    fn ask(&mut self, verb: &Verb) -> Result<(), Refusal> {
        let Some(name) = verb.group().filter(|name| !self.ledger.groups.contains_key(*name)) else {
            return self.whole(|applying| applying.ask_one(verb));
        };
        let instances: Vec<GroupName> = self.ledger.instances(name).cloned().collect();
        let mut answer = Err(Refusal::NoGroup(name.clone()));
        let mut asked = false;
        for instance in instances {
            let Some(one) = verb.of_instance(&instance) else { continue };
            let granted = self.whole(|applying| applying.ask_one(&one));
            answer = if granted.is_ok() || !asked { granted } else { answer };
            asked = true;
        }
        answer
    }

    fn ask_one(&mut self, verb: &Verb) -> Result<(), Refusal> {
        match verb {
            Verb::Online { group, server, propagate } => self.ask_online(group, server.as_ref(), *propagate),
            Verb::Offline { group, propagate } => self.ask_offline(group, *propagate),
            Verb::Switch { group, server } => self.ask_switch(group, server),
            Verb::Migrate { group, server } => self.ask_migrate(group, server),
            Verb::AbortMigration { group } => self.ask_abort(group),
            Verb::Freeze { group, terms } => self.ask_freeze(group, terms),
            Verb::Unfreeze { group } => self.ask_unfreeze(group),
            Verb::Acknowledge { group } => self.ask_acknowledge(group),
            Verb::Clear { group, server } => self.ask_clear(group, server.as_ref()),
            Verb::ConfirmOff { server } => self.ask_confirm_off(server),
            Verb::ConfirmNodeOff { node } => self.confirm_node_off(node),
            Verb::Restart { resource } => self.ask_restart(resource),
            Verb::Enable { group } => self.ask_enable(group),
            Verb::Drain { server, terms } => self.ask_drain(server, terms),
            Verb::Shutdown { server, terms } => self.ask_shutdown(server, terms),
            Verb::Undrain { server, bring_back } => self.ask_undrain(server, *bring_back),
            Verb::FreezeServer { server, terms } => self.ask_freeze_server(server, terms),
            Verb::UnfreezeServer { server } => self.ask_unfreeze_server(server),
            Verb::ReleaseServer { server } => self.ask_release_server(server),
            Verb::Resume => self.ask_resume(),
            Verb::Disarm { terms } => self.ask_disarm(terms),
            Verb::Arm => self.ask_arm(),
            Verb::RetryHmc { hmc } => self.ask_retry_hmc(hmc),
            Verb::ResourceOnline { resource } => self.ask_resource_online(resource),
            Verb::ResourceOffline { resource, propagate } => self.ask_resource_offline(resource, *propagate),
            Verb::Flush { group } => self.ask_flush(group),
            Verb::ClearAdminWait { group, fault } => self.ask_clear_admin_wait(group, *fault),
            Verb::ServiceOnline { service } => self.ask_service_online(service),
            Verb::ServiceOffline { service } => self.ask_service_offline(service),
        }
    }

    pub(super) fn asked(&mut self, what: Verb) {
        let group = what.resource().and_then(|resource| self.ledger.group_of(resource)).cloned();
        let by = self.by();
        self.note(Note::Requested { by, what, group });
    }

    fn ask_online(&mut self, name: &GroupName, server: Option<&ServerName>, propagate: bool) -> Result<(), Refusal> {
        self.may_touch(name)?;
        let group = self.group(name)?;
        if let Some(tenure) = &group.tenure {
            // A group on its way offline may be called back: it stops, and is started again. One that was flushed on
            // its way online goes on.
            let goes_on = group.flushed && server.is_none();
            if !goes_on && !matches!(tenure.phase, Phase::Leaving { .. }) {
                return Err(Refusal::AlreadyOn { group: name.clone(), server: tenure.server.clone() });
            }
        }
        self.children_first(name, server, propagate)?;
        self.is_enabled(name)?;
        self.forget_drains(name)?;
        let group = self.group_mut(name)?;
        group.fresh_start();
        group.intent = Intent::Online;
        group.prefer = server.cloned();
        group.queued.clear();
        self.asked(Verb::Online { group: name.clone(), server: server.cloned(), propagate });
        Ok(())
    }

    fn ask_offline(&mut self, name: &GroupName, propagate: bool) -> Result<(), Refusal> {
        self.may_touch(name)?;
        self.not_migrating(name)?;
        let group = self.group(name)?;
        // One that was flushed on its way offline goes on.
        if group.intent == Intent::Offline && !group.flushed {
            return Err(Refusal::AlreadyOffline { group: name.clone() });
        }
        self.parents_first(name, propagate)?;
        let leaving = self.wind_down(name)?;
        self.asked(Verb::Offline { group: name.clone(), propagate });
        leaving.map_or(Ok(()), |epoch| self.depart(name, epoch, &LeaveReason::Offline).map(drop))
    }

    fn ask_switch(&mut self, name: &GroupName, server: &ServerName) -> Result<(), Refusal> {
        self.may_touch(name)?;
        let tenure = self.group(name)?.tenure.clone().ok_or_else(|| Refusal::NotOnline { group: name.clone() })?;
        if &tenure.server == server {
            return Err(Refusal::AlreadyOn { group: name.clone(), server: server.clone() });
        }
        if matches!(tenure.phase, Phase::Leaving { .. }) {
            return Err(Refusal::Moving { group: name.clone(), server: tenure.server });
        }
        self.not_migrating(name)?;
        let along = self.switched_with(name, server)?;
        // Nothing is stopped that could not be started there.
        for group in along.iter().chain([name]) {
            let state = self.group(group)?;
            let from = state.tenure.as_ref().map(|tenure| &tenure.server);
            for (resource, copies) in &state.copies {
                for other in copies.keys().filter(|other| *other != server && Some(*other) != from) {
                    self.ledger.vouches(state, resource, other)?;
                }
            }
        }
        self.asked(Verb::Switch { group: name.clone(), server: server.clone() });
        for group in along.iter().chain([name]) {
            self.forget_drains(group)?;
            let state = self.group_mut(group)?;
            state.fresh_start();
            state.prefer = Some(server.clone());
            let Some(epoch) = state.staying().map(|tenure| tenure.epoch) else { continue };
            let reason = LeaveReason::Switch(server.clone());
            if group == name {
                self.depart(group, epoch, &reason).map(drop)?
            } else {
                self.leave(group, epoch, &reason)?
            }
        }
        Ok(())
    }

    /// Freezes a group. One that is frozen takes what is said with it in place of what was said before.
    fn ask_freeze(&mut self, name: &GroupName, terms: &Terms) -> Result<(), Refusal> {
        let kept = self.kept(terms);
        let group = self.group_mut(name)?;
        if group.frozen && terms.is_empty() {
            return Err(Refusal::Frozen { group: name.clone() });
        }
        (group.frozen, group.upkeep.frozen, group.upkeep.strangers) = (true, true, false);
        group.upkeep.freeze = Some(kept);
        self.keep_frozen_no_more(name);
        self.asked(Verb::Freeze { group: name.clone(), terms: terms.clone() });
        Ok(())
    }

    /// What is kept of what an operator says with a request.
    pub(super) fn kept(&self, terms: &Terms) -> Kept {
        let now = self.ledger.now;
        let until = terms.lasts.map(|lasts| now.after(lasts));
        Kept { by: self.by(), reason: terms.reason.clone(), since: now, until }
    }

    fn ask_unfreeze(&mut self, name: &GroupName) -> Result<(), Refusal> {
        if self.ledger.config.groups.get(name).is_some_and(|declared| declared.frozen) {
            return Err(Refusal::FrozenInFile { group: name.clone() });
        }
        let group = self.group_mut(name)?;
        if !group.frozen {
            return Err(Refusal::NotFrozen { group: name.clone() });
        }
        (group.frozen, group.upkeep.frozen, group.upkeep.strangers) = (false, false, false);
        group.upkeep.freeze = None;
        self.keep_frozen_no_more(name);
        self.asked(Verb::Unfreeze { group: name.clone() });
        Ok(())
    }

    fn ask_clear(&mut self, name: &GroupName, server: Option<&ServerName>) -> Result<(), Refusal> {
        let now = self.ledger.now;
        let group = self.group_mut(name)?;
        let before = group.faults.len();
        match server {
            Some(server) => group.faults.retain(|place, _| place != server),
            None => group.faults.clear(),
        }
        let here = server.is_none_or(|server| group.tenure.as_ref().is_some_and(|tenure| &tenure.server == server));
        let mut cleared = false;
        for run in group.runs.values_mut().filter(|run| here && matches!(run.down, Some(Down::Faulted(_)))) {
            run.clear();
            cleared = true;
        }
        let fell = group.fall.take();
        group.fall = fell.clone().filter(|fall| server.is_some_and(|server| *server != fall.from));
        let retried = std::mem::take(&mut group.retries.count) > 0;
        // A group that fell from a server that was lost has no fault, and may be held back all the same.
        cleared |= group.faults.len() != before || group.fall != fell || retried;
        if !cleared {
            return Err(Refusal::NoFault { group: name.clone() });
        }
        group.upkeep.cleared = Some(now);
        self.asked(Verb::Clear { group: name.clone(), server: server.cloned() });
        Ok(())
    }

    /// Takes an operator's word that a server is off. Refused while anything speaks for the contrary.
    fn ask_confirm_off(&mut self, server: &ServerName) -> Result<(), Refusal> {
        let state = self.server(server)?;
        if state.off.is_some() {
            return Err(Refusal::AlreadyOff { server: server.clone() });
        }
        if state.live && state.system.is_up() {
            return Err(Refusal::LooksAlive { server: server.clone(), system: state.system });
        }
        if let Some(node) = self.ledger.config.node_on(server)
            && self.ledger.nodes.get(node).is_some_and(|state| state.lapsed().is_none())
        {
            return Err(Refusal::NodeSpeaks { node: node.clone(), server: server.clone() });
        }
        let name = self.by();
        self.prove_off(server, OffHow::Operator { name });
        Ok(())
    }

    fn ask_restart(&mut self, resource: &ResourceName) -> Result<(), Refusal> {
        let name = self.ledger.group_of(resource).cloned().ok_or_else(|| Refusal::NoResource(resource.clone()))?;
        self.may_touch(&name)?;
        let tenure = self.group(&name)?.tenure.as_ref();
        if tenure.is_none_or(|tenure| tenure.phase != Phase::Online) {
            return Err(Refusal::NotOnline { group: name });
        }
        self.group_mut(&name)?.runs.entry(resource.clone()).or_default().restart = true;
        self.asked(Verb::Restart { resource: resource.clone() });
        Ok(())
    }

    pub(super) fn may_touch(&self, name: &GroupName) -> Result<(), Refusal> {
        let group = self.group(name)?;
        self.may_act(name)?;
        if group.frozen {
            return Err(Refusal::Frozen { group: name.clone() });
        }
        if group.hold.is_some() {
            return Err(Refusal::Held { group: name.clone() });
        }
        if let Some((resource, reason)) = self.ledger.admin_wait(group) {
            return Err(Refusal::AdminWait { group: name.clone(), resource: resource.clone(), reason });
        }
        Ok(())
    }

    fn may_go(&self, name: &GroupName, server: &ServerName) -> Result<(), Refusal> {
        self.is_listed(name, server)?;
        match self.ledger.not_here(name, self.group(name)?, server) {
            Some(why) => Err(Refusal::NotThere { group: name.clone(), server: server.clone(), why }),
            None => Ok(()),
        }
    }

    fn is_listed(&self, name: &GroupName, server: &ServerName) -> Result<(), Refusal> {
        let listed = self.ledger.config.groups.get(name).is_some_and(|declared| declared.servers.contains(server));
        if listed { Ok(()) } else { Err(Refusal::NotInList { group: name.clone(), server: server.clone() }) }
    }
}
