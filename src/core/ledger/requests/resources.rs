//! What operators ask of single resources, and of groups that are stuck.

use super::super::{Down, Phase, apply::Applying};
use crate::{GroupName, Refusal, ResourceName, note::Asked};

impl Applying<'_> {
    pub(super) fn ask_resource_online(&mut self, resource: &ResourceName) -> Result<(), Refusal> {
        let group = self.commanded(resource)?;
        let run = self.group_mut(&group)?.runs.entry(resource.clone()).or_default();
        let was = run.clone();
        (run.asked, run.down, run.failed, run.tries) = (true, None, None, 0);
        (run.lost, run.started) = (None, run.started.filter(|_| was.down.is_none()));
        if *run == was {
            return Err(Refusal::NoChange);
        }
        self.group_mut(&group)?.flushed = false;
        self.asked(Asked::ResourceOnline { resource: resource.clone(), group });
        Ok(())
    }

    pub(super) fn ask_resource_offline(&mut self, resource: &ResourceName, propagate: bool) -> Result<(), Refusal> {
        let name = self.commanded(resource)?;
        let group = self.group(&name)?;
        let server = group.tenure.as_ref().map(|tenure| tenure.server.clone());
        if let Some(by) = server.and_then(|server| self.ledger.dependents(group, resource, &server).next().cloned())
            && !propagate
        {
            return Err(Refusal::Required { resource: resource.clone(), by });
        }
        let group = self.group_mut(&name)?;
        let run = group.runs.entry(resource.clone()).or_default();
        if run.down == Some(Down::Operator) {
            return Err(Refusal::NoChange);
        }
        (run.down, run.asked, run.restart) = (Some(Down::Operator), false, false);
        group.flushed = false;
        self.asked(Asked::ResourceOffline { resource: resource.clone(), group: name });
        Ok(())
    }

    /// Work on a group that gets nowhere is stopped: what was ordered runs to its end, and nothing follows.
    pub(super) fn ask_flush(&mut self, name: &GroupName) -> Result<(), Refusal> {
        self.may_touch(name)?;
        let group = self.group_mut(name)?;
        if group.flushed || group.tenure.as_ref().is_none_or(|tenure| tenure.phase == Phase::Online) {
            return Err(Refusal::NoChange);
        }
        group.flushed = true;
        self.asked(Asked::Flush { group: name.clone() });
        Ok(())
    }

    /// An administrator has looked: what waits is looked at again, or counts as failed.
    pub(super) fn ask_clear_admin_wait(&mut self, name: &GroupName, fault: bool) -> Result<(), Refusal> {
        let group = self.group_mut(name)?;
        let mut found = false;
        for run in group.runs.values_mut().filter(|run| run.admin.is_some()) {
            found = true;
            run.admin = None;
            (run.lost, run.unread, run.stuck) = (None, None, 0);
            run.concede = fault;
        }
        if !found {
            return Err(Refusal::NoAdminWait { group: name.clone() });
        }
        self.asked(Asked::ClearAdminWait { group: name.clone(), fault });
        Ok(())
    }

    /// The group of a resource that is started and stopped, if it may be touched and is up.
    fn commanded(&self, resource: &ResourceName) -> Result<GroupName, Refusal> {
        let name = self.ledger.group_of(resource).cloned().ok_or_else(|| Refusal::NoResource(resource.clone()))?;
        self.may_touch(&name)?;
        let group = self.group(&name)?;
        if group.passive.contains(resource) {
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
