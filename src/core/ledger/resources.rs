//! Resources within a group: which should be up, what happens to those that are not, and which need an administrator.

use super::{Admin, Down, GroupState, Ledger, Phase, Run, apply::Applying};
use crate::{
    GroupName, Note, Power, Refusal, ResourceName, ServerName,
    config::{Operations, Requirement, Resource, Trigger},
    note::{CleanReason, FaultReason},
    order::Epoch,
};

impl Ledger {
    /// Whether the resource should be up while its group is: it is started with the group or was asked for, nothing
    /// keeps it down, and enough of what it requires should be up too.
    pub fn wanted(&self, group: &GroupState, resource: &ResourceName) -> bool {
        self.wanted_within(group, resource, group.copies.len())
    }

    fn wanted_within(&self, group: &GroupState, resource: &ResourceName, depth: usize) -> bool {
        let Some(declared) = self.config.resources.get(resource) else { return false };
        let run = group.runs.get(resource);
        if run.is_some_and(|run| run.down.is_some()) {
            return false;
        }
        if group.passive.contains(resource) {
            return true;
        }
        let started = declared.autostart || run.is_some_and(|run| run.asked);
        let propagates = self.config.groups.get(&declared.group).is_none_or(|group| group.propagate_faults);
        let Some(depth) = depth.checked_sub(1) else { return started };
        started
            && (!propagates
                || declared.requires.iter().all(|need| enough(need, |child| self.wanted_within(group, child, depth))))
    }

    /// The required resources that are not Running on that server, where too few of them are. Empty if it may start.
    pub fn unmet<'a>(
        &'a self,
        group: &'a GroupState,
        declared: &'a Resource,
        server: &'a ServerName,
    ) -> impl Iterator<Item = &'a ResourceName> {
        let runs = move |child: &ResourceName| {
            let copy = group.copies.get(child).and_then(|copies| copies.get(server));
            copy.is_some_and(|copy| copy.power == Power::Running)
        };
        let short = declared.requires.iter().filter(move |need| !enough(need, runs));
        short.flat_map(|need| &need.of).filter(move |child| !runs(child))
    }

    /// The resources that require this one and are not known to be down on that server.
    pub fn dependents<'a>(
        &'a self,
        group: &'a GroupState,
        resource: &'a ResourceName,
        server: &'a ServerName,
    ) -> impl Iterator<Item = &'a ResourceName> {
        group.copies.iter().filter_map(move |(other, copies)| {
            let declared = self.config.resources.get(other)?;
            let requires = declared.requires.iter().any(|need| need.of.contains(resource));
            let active = copies.get(server).is_some_and(|copy| !copy.power.is_inactive());
            let active = active && self.died_inside(other, server).is_none();
            (requires && active && !group.passive.contains(other)).then_some(other)
        })
    }

    /// Whether the fault of a resource faults its group: it, or something above it, is critical.
    pub fn is_critical(&self, group: &GroupState, resource: &ResourceName) -> bool {
        let propagates =
            |declared: &Resource| self.config.groups.get(&declared.group).is_none_or(|group| group.propagate_faults);
        let Some(declared) = self.config.resources.get(resource) else { return true };
        if !propagates(declared) {
            return false;
        }
        let mut path = vec![resource];
        let mut at = 0;
        while let Some(below) = path.get(at).copied() {
            at = at.saturating_add(1);
            let Some(declared) = self.config.resources.get(below) else { continue };
            if declared.critical {
                return true;
            }
            for other in group.copies.keys() {
                let Some(above) = self.config.resources.get(other) else { continue };
                let down = |child: &ResourceName| path.contains(&child) || is_down(group, child);
                // A resource whose requirement the others satisfy stays up.
                let hit = above.requires.iter().any(|need| need.of.contains(below) && !enough(need, |c| !down(c)));
                if hit && !path.contains(&other) {
                    path.push(other);
                }
            }
        }
        false
    }

    /// The resource of the group that waits for an administrator.
    pub fn admin_wait<'a>(&self, group: &'a GroupState) -> Option<(&'a ResourceName, CleanReason)> {
        group.runs.iter().find_map(|(resource, run)| Some((resource, run.awaits_admin()?)))
    }

    /// The number of restarts in place that a resource has, and the window in which they count.
    pub fn restart_limit(&self, resource: &ResourceName) -> (u32, crate::Span) {
        let Some(declared) = self.config.resources.get(resource) else { return (0, crate::Span(0)) };
        let group = self.config.groups.get(&declared.group);
        let (limit, window) = group.map(|group| (group.restart_limit, group.restart_window)).unwrap_or_default();
        let patience = &declared.patience;
        (patience.restart_limit.unwrap_or(limit), patience.restart_window.unwrap_or(window))
    }
}

fn is_down(group: &GroupState, resource: &ResourceName) -> bool {
    group.runs.get(resource).is_some_and(|run| run.down.is_some())
}

fn enough(need: &Requirement, up: impl Fn(&ResourceName) -> bool) -> bool {
    let count = need.of.iter().filter(|child| up(child)).count();
    u32::try_from(count).unwrap_or(u32::MAX) >= need.at_least
}

/// Whether a resource is passive, and needs no proof: it is persistent, never stopped, or only watched.
pub(super) fn is_passive(declared: &Resource) -> bool {
    declared.monitor_only || !declared.enabled || declared.operations() != Operations::OnOff
}

impl Applying<'_> {
    /// The group and the server of a resource, if that group stays where it is.
    fn settled(&self, resource: &ResourceName, epoch: Epoch) -> Result<(GroupName, ServerName), Refusal> {
        let name = self.ledger.group_of(resource).cloned().ok_or_else(|| Refusal::NoResource(resource.clone()))?;
        let tenure = self.tenure(&name, epoch)?;
        if matches!(tenure.phase, Phase::Leaving { .. }) {
            return Err(Refusal::Moving { group: name, server: tenure.server.clone() });
        }
        self.not_migrating(&name)?;
        if self.group(&name)?.frozen {
            return Err(Refusal::Frozen { group: name });
        }
        let server = tenure.server.clone();
        Ok((name, server))
    }

    /// Marks a resource as failed; its group goes on without it.
    pub(super) fn fault_resource(
        &mut self,
        resource: &ResourceName,
        epoch: Epoch,
        reason: &FaultReason,
    ) -> Result<(), Refusal> {
        let (group, server) = self.settled(resource, epoch)?;
        let run = self.group_mut(&group)?.runs.entry(resource.clone()).or_default();
        if run.down.is_some() {
            return Err(Refusal::NoChange);
        }
        run.down = Some(Down::Faulted(reason.clone()));
        run.restart = false;
        let (name, at) = (group.clone(), server.clone());
        self.note(Note::ResourceFaulted {
            group: name,
            resource: resource.clone(),
            server: at,
            reason: reason.clone(),
        });
        self.fire_fault(&group, &server, reason);
        Ok(())
    }

    /// Marks a resource to be stopped, cleaned and started again, as long as it has tries left.
    pub(super) fn recycle(
        &mut self,
        resource: &ResourceName,
        epoch: Epoch,
        reason: &FaultReason,
    ) -> Result<(), Refusal> {
        let (group, server) = self.settled(resource, epoch)?;
        if matches!(reason, FaultReason::MonitorTimeout { .. } | FaultReason::Panicked { .. }) {
            return self.restart_unseen(&group, resource, &server, reason);
        }
        let declared = self.ledger.config.resources.get(resource);
        let limit = declared.map(|declared| declared.patience.online_retries).unwrap_or_default();
        if self.group(&group)?.runs.get(resource).map_or(0, |run| run.tries) >= limit {
            return Err(Refusal::RestartsUsedUp { resource: resource.clone(), limit });
        }
        let run = self.group_mut(&group)?.runs.entry(resource.clone()).or_default();
        run.tries = run.tries.saturating_add(1);
        let count = run.tries;
        run.restart = true;
        run.forget_order();
        (run.refused, run.unread_since) = (None, None);
        let (resource, reason) = (resource.clone(), reason.clone());
        self.note(Note::Recycling { group, resource, server, reason, count, limit });
        Ok(())
    }

    /// Marks a resource to be stopped and started again, because its state could not be told for too long, or it
    /// panicked: a restart in place like any other.
    fn restart_unseen(
        &mut self,
        group: &GroupName,
        resource: &ResourceName,
        server: &ServerName,
        reason: &FaultReason,
    ) -> Result<(), Refusal> {
        let (count, limit) = self.restarts_left(group, resource)?;
        let now = self.ledger.now;
        let run = self.group_mut(group)?.runs.entry(resource.clone()).or_default();
        run.counts_restart(now, limit);
        run.forget_order();
        (run.restart, run.unread_since, run.error_since) = (true, None, None);
        let (group, resource, server, reason) = (group.clone(), resource.clone(), server.clone(), reason.clone());
        let about = vec![resource.to_string(), format!("restart {count} of {limit}")];
        self.note(Note::Recycling { group: group.clone(), resource, server: server.clone(), reason, count, limit });
        self.fire(&group, Trigger::ResourceRestart, &server, about);
        Ok(())
    }

    /// Marks a resource that an administrator has to look at first.
    pub(super) fn needs_admin(
        &mut self,
        resource: &ResourceName,
        epoch: Epoch,
        reason: CleanReason,
    ) -> Result<(), Refusal> {
        let name = self.ledger.group_of(resource).cloned().ok_or_else(|| Refusal::NoResource(resource.clone()))?;
        let server = self.tenure(&name, epoch)?.server.clone();
        let run = self.group_mut(&name)?.runs.entry(resource.clone()).or_default();
        if run.awaits_admin().is_some() {
            return Err(Refusal::NoChange);
        }
        run.admin = Admin::Awaited(reason);
        let (group, at) = (name.clone(), server.clone());
        self.note(Note::NeedsAdmin { group, resource: resource.clone(), server: at, reason });
        let about = vec![resource.to_string(), reason.code().to_string(), reason.to_string()];
        self.fire(&name, Trigger::AdminWait, &server, about);
        Ok(())
    }

    /// Forgives the loss of a persistent resource that is back.
    pub(super) fn forgive(&mut self, resource: &ResourceName, server: &ServerName) -> Result<(), Refusal> {
        let name = self.ledger.group_of(resource).cloned().ok_or_else(|| Refusal::NoResource(resource.clone()))?;
        let all = self.ledger.config.groups.get(&name).map(|group| group.auto_restart).unwrap_or_default();
        let group = self.group_mut(&name)?;
        let copy = group.copies.get(resource).and_then(|copies| copies.get(server));
        if copy.is_none_or(|copy| copy.power != Power::Running) {
            return Err(Refusal::NoChange);
        }
        let lost = FaultReason::PersistentDown { resource: resource.clone() };
        let here = group.tenure.as_ref().is_some_and(|tenure| &tenure.server == server);
        let run = group.runs.get_mut(resource).filter(|run| here && run.down == Some(Down::Faulted(lost.clone())));
        let back = run.map(|run| run.down = None).is_some();
        let faulted = group.faults.get(server).is_some_and(|(_, reason)| *reason == lost);
        let cleared = faulted && all != crate::config::AutoRestart::Never;
        if cleared {
            group.faults.remove(server);
            group.fall = group.fall.take().filter(|fall| fall.from != *server);
        }
        if !back && !cleared {
            return Err(Refusal::NoChange);
        }
        if all == crate::config::AutoRestart::Clear && here {
            let faulted = |run: &&mut Run| matches!(run.down, Some(Down::Faulted(_)));
            group.runs.values_mut().filter(faulted).for_each(Run::clear);
        }
        self.note(Note::ResourceBack { group: name, resource: resource.clone(), server: server.clone() });
        Ok(())
    }
}
