//! Requests of operators about single resources, and about groups that are stuck.

use super::super::{Admin, Down, GroupState, Phase, apply::Applying};
use crate::{GroupName, Refusal, ResourceName, ServerName, Verb};
use std::collections::BTreeSet;

impl Applying<'_> {
    pub(super) fn ask_resource_online(&mut self, resource: &ResourceName) -> Result<(), Refusal> {
        let group = self.commanded(resource)?;
        let run = self.group_mut(&group)?.runs.entry(resource.clone()).or_default();
        let was = run.clone();
        (run.asked, run.down, run.refused, run.tries, run.lost_since) = (true, None, None, 0, None);
        if was.down.is_some() {
            run.forget_order();
        }
        if *run == was {
            return Err(Refusal::NoChange);
        }
        self.group_mut(&group)?.flushed = false;
        self.asked(Verb::ResourceOnline { resource: resource.clone() });
        Ok(())
    }

    pub(super) fn ask_resource_offline(&mut self, resource: &ResourceName, propagate: bool) -> Result<(), Refusal> {
        let name = self.commanded(resource)?;
        let group = self.group(&name)?;
        let server = group.tenure.as_ref().map(|tenure| tenure.server.clone());
        if let Some(server) = &server
            && let Some(by) = self.ledger.dependents(group, resource, server).next().cloned()
            && !propagate
        {
            return Err(Refusal::Required { resource: resource.clone(), by });
        }
        if group.runs.get(resource).is_some_and(|run| run.down == Some(Down::Operator)) {
            return Err(Refusal::NoChange);
        }
        // Resources that go down with it stay down, until they are asked for.
        let above = server.map(|server| self.all_above(group, resource, &server)).unwrap_or_default();
        let group = self.group_mut(&name)?;
        for one in above.iter().chain([resource]) {
            let run = group.runs.entry(one.clone()).or_default();
            (run.down, run.asked, run.restart) = (Some(Down::Operator), false, false);
        }
        group.flushed = false;
        self.asked(Verb::ResourceOffline { resource: resource.clone(), propagate });
        Ok(())
    }

    /// The active resources that require this one, directly or through others.
    fn all_above(&self, group: &GroupState, resource: &ResourceName, server: &ServerName) -> BTreeSet<ResourceName> {
        let mut found = BTreeSet::new();
        let mut open = vec![resource.clone()];
        while let Some(below) = open.pop() {
            for above in self.ledger.dependents(group, &below, server) {
                if found.insert(above.clone()) {
                    open.push(above.clone());
                }
            }
        }
        found
    }

    /// Stops work on a group that gets nowhere: open orders run to their end, and none follow.
    pub(super) fn ask_flush(&mut self, name: &GroupName) -> Result<(), Refusal> {
        self.may_touch(name)?;
        let group = self.group_mut(name)?;
        if group.flushed || group.tenure.as_ref().is_none_or(|tenure| tenure.phase == Phase::Online) {
            return Err(Refusal::NoChange);
        }
        group.flushed = true;
        self.asked(Verb::Flush { group: name.clone() });
        Ok(())
    }

    /// Ends a wait for an administrator: the resources are looked at again, or count as failed.
    pub(super) fn ask_clear_admin_wait(&mut self, name: &GroupName, fault: bool) -> Result<(), Refusal> {
        let group = self.group_mut(name)?;
        let mut found = false;
        for run in group.runs.values_mut().filter(|run| run.awaits_admin().is_some()) {
            found = true;
            run.admin = if fault { Admin::SaysFailed } else { Admin::No };
            (run.lost_since, run.unread_since, run.stuck) = (None, None, 0);
        }
        if !found {
            return Err(Refusal::NoAdminWait { group: name.clone() });
        }
        self.asked(Verb::ClearAdminWait { group: name.clone(), fault });
        Ok(())
    }

    /// The group of a resource that is started and stopped, if it may be touched and is up.
    fn commanded(&self, resource: &ResourceName) -> Result<GroupName, Refusal> {
        let name = self.ledger.group_of(resource).cloned().ok_or_else(|| Refusal::NoResource(resource.clone()))?;
        self.may_touch(&name)?;
        let group = self.group(&name)?;
        // A disabled resource has no copies.
        if group.passive.contains(resource) || !group.copies.contains_key(resource) {
            return Err(Refusal::NotCommanded { resource: resource.clone() });
        }
        self.not_migrating(&name)?;
        match &group.tenure {
            Some(tenure) if !matches!(tenure.phase, Phase::Leaving { .. }) => Ok(name),
            Some(tenure) => Err(Refusal::Moving { group: name, server: tenure.server.clone() }),
            None => Err(Refusal::NotOnline { group: name }),
        }
    }
}
