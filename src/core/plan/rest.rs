//! Groups at rest: online where they belong, with nothing about them that a plan could change. Most groups are at rest in
//! most plans, so each is looked at only as far as it takes to know that.
//!
//! Whether a group is calm depends on its own state and on the configuration; it is worked out when its state changes. A
//! calm group is at rest while its server is steady, which is worked out once for each plan.

use super::Planner;
use crate::{
    GroupName, Ledger, Power, ServerName,
    config::{Cluster, Resource},
    ledger::{Admin, CopyState, GroupState, Intent, Phase, PreOnline, Run, ServerState, StartRisk},
};
use std::{collections::BTreeSet, sync::Arc};

/// The groups that are calm, as the last plan found them, in the order of the ledger.
#[derive(Clone, Debug, Default)]
pub(super) struct Calm {
    configured: u64,
    /// The states that were looked at: one that is not at the same place in memory has changed.
    groups: Vec<(Arc<GroupState>, bool)>,
}

impl Calm {
    /// Looks at the groups that have changed.
    fn follow(&mut self, ledger: &Ledger) {
        if self.configured != ledger.configured || self.groups.len() != ledger.groups.len() {
            let look = |(name, group): (&GroupName, &Arc<GroupState>)| {
                (Arc::clone(group), is_calm(&ledger.config, name, group))
            };
            (self.configured, self.groups) = (ledger.configured, ledger.groups.iter().map(look).collect());
            return;
        }
        for ((name, now), (then, calm)) in ledger.groups.iter().zip(&mut self.groups) {
            if !Arc::ptr_eq(now, then) {
                (*then, *calm) = (Arc::clone(now), is_calm(&ledger.config, name, now));
            }
        }
    }
}

impl Planner<'_> {
    /// The groups that are not at rest, by importance. Within a priority, groups that others depend on come first, and then
    /// the order of names decides.
    pub(super) fn restless(&self, calm: &mut Calm) -> Vec<GroupName> {
        calm.follow(&self.scratch);
        let steady: BTreeSet<&ServerName> = self
            .scratch
            .servers
            .iter()
            .filter(|(name, state)| self.is_steady(name, state))
            .map(|(name, _)| name)
            .collect();
        let rests = |group: &GroupState, calm: bool| {
            calm && group.tenure.as_ref().is_some_and(|tenure| steady.contains(&tenure.server))
        };
        let groups = self.scratch.groups.iter().zip(&calm.groups);
        let restless = groups.filter(|((_, group), (_, calm))| !rests(group, *calm));
        let mut order: Vec<_> =
            restless.map(|((name, group), _)| (group.ties.priority, group.ties.depth, name)).collect();
        order.sort();
        order.into_iter().map(|(_, _, name)| name.clone()).collect()
    }

    /// Whether nothing about a server makes a group that runs on it do anything.
    fn is_steady(&self, name: &ServerName, state: &ServerState) -> bool {
        let plain = state.off.is_none() && state.dirty.is_none() && state.upkeep.drain.is_none();
        plain && self.scratch.is_attended(name, state)
    }
}

/// Whether a group is online, without links, and each of its resources is an LPAR that runs where its tenure is, reads off
/// everywhere else, and has nothing under way.
fn is_calm(config: &Cluster, name: &GroupName, group: &GroupState) -> bool {
    let Some(tenure) = group.tenure.as_ref().filter(|tenure| tenure.phase == Phase::Online) else { return false };
    let declared = config.groups.get(name).is_some_and(|declared| declared.managed);
    let asked =
        group.intent == Intent::Online && !group.flushed && !group.frozen && group.pre_online == PreOnline::Passed;
    let well = group.wait.is_none() && group.hold.is_none() && group.overlaps.now.is_none() && group.faults.is_empty();
    let ties = &group.ties;
    let alone = ties.links.is_empty() && ties.parents.is_empty() && ties.services.is_empty();
    if !(declared && asked && well && alone && group.passive.is_empty()) {
        return false;
    }
    group.runs.values().all(is_plain)
        && group.copies.iter().all(|(resource, copies)| {
            let here = copies.get(&tenure.server).is_some_and(|copy| copy.power == Power::Running);
            let idle = |(server, copy): (&ServerName, &CopyState)| {
                let elsewhere = *server == tenure.server || copy.power.is_inactive();
                elsewhere && copy.risk == StartRisk::None && copy.stop.is_none()
            };
            here && copies.iter().all(idle) && config.resources.get(resource).is_some_and(is_ordinary)
        })
}

/// Whether a resource has run since its group came, and nothing has happened to it.
fn is_plain(run: &Run) -> bool {
    let times = [run.away_since, run.lost_since, run.unread_since, run.error_since, run.starts_since()];
    let well = run.refused.is_none() && run.down.is_none() && run.admin == Admin::No && !run.restart;
    well && times.iter().all(Option::is_none)
}

/// Whether a resource is an LPAR that is up whenever its group is, whatever else runs.
fn is_ordinary(resource: &Resource) -> bool {
    let lpar = resource.as_lpar().is_some_and(|lpar| lpar.vios.is_empty());
    lpar && resource.enabled && resource.autostart && !resource.monitor_only && resource.requires.is_empty()
}
