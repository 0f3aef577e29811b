//! A new configuration: refused if it is invalid or would lose sight of what runs, applied whole otherwise.

use super::{
    super::{CopyState, GroupState, Intent, ServerState, apply::Applying, kept::DEPOSED, resources::is_passive},
    loss::{is_same_copy, is_same_machine},
};
use crate::{
    GroupName, Note, Power, Refusal, ResourceName, ServerName, config::Cluster, node::surely_over, note, order::Action,
};
use std::{collections::BTreeMap, sync::Arc};

impl Applying<'_> {
    pub(super) fn configure(&mut self, cluster: &Arc<Cluster>, strand: bool) -> Result<(), Refusal> {
        let mistakes = cluster.mistakes_at(self.ledger.level);
        if !mistakes.is_empty() {
            return Err(Refusal::Invalid(note::mistakes(&mistakes)));
        }
        if **cluster == **self.ledger.declared() && self.ledger.configured > 0 {
            return Err(Refusal::NoChange);
        }
        let typed = cluster;
        let instances = cluster.instances().map(Arc::new);
        let cluster = instances.as_ref().unwrap_or(typed);
        let loss = self.loss(cluster);
        if !loss.blind.is_empty() {
            return Err(Refusal::LosesSight(loss.blind.join(", ")));
        }
        let moving = self
            .ledger
            .groups
            .values()
            .filter(|group| group.tenure.as_ref().is_some_and(|tenure| tenure.migration().is_some()));
        let is_mobile = |cluster: &Cluster, name: &ResourceName| cluster.lpar(name).is_some_and(|lpar| lpar.mobile);
        let mut members = moving.flat_map(|group| group.copies.keys());
        if let Some(held) = members.find(|name| is_mobile(&self.ledger.config, name) != is_mobile(cluster, name)) {
            return Err(Refusal::LosesSight(format!("{held}, which is being moved: wait until that is over")));
        }
        if !strand && !loss.stranded.is_empty() {
            return Err(Refusal::Strands(loss.stranded.join(", ")));
        }
        if let Some(unmet) = self.ledger.unmet_new_link(typed) {
            return Err(unmet);
        }
        self.declare(typed);
        let by = self.by();
        let (groups, resources, servers) = (typed.groups.len(), typed.resources.len(), typed.servers.len());
        self.note(Note::Configured { by, groups, resources, servers });
        Ok(())
    }

    /// Puts a valid configuration in the place of the present one.
    pub(in super::super) fn declare(&mut self, typed: &Arc<Cluster>) {
        let instances = typed.instances().map(Arc::new);
        let cluster = instances.as_ref().unwrap_or(typed);
        let first = self.ledger.configured == 0;
        let before = std::mem::replace(&mut self.ledger.config, Arc::clone(cluster));
        self.ledger.typed = instances.is_some().then(|| Arc::clone(typed));
        self.ledger.configured = self.ledger.index;
        if !first {
            self.outlast(&before);
        }
        self.redeclare_nodes(&before);
        self.redeclare_hmcs(&before);
        self.redeclare_contacts(&before);
        self.reconcile_servers(&before, cluster);
        self.reconcile_groups(&before, cluster, first);
        self.tie(typed);
    }

    /// Extends `leases_end` and `settles_end` for what was granted or sent while longer times were declared.
    fn outlast(&mut self, before: &Cluster) {
        let (old, new) = (&before.timings, &self.ledger.config.timings);
        let granted = self.ledger.now.after(surely_over(old.lease)).after(DEPOSED);
        let (shorter_lease, shorter_settle) = (new.lease < old.lease, new.settle < old.settle);
        let settled = granted.after(old.settle);
        if shorter_lease {
            self.ledger.leases_end = self.ledger.leases_end.max(granted);
        }
        if shorter_settle {
            self.ledger.settles_end = self.ledger.settles_end.max(settled);
        }
    }

    fn reconcile_servers(&mut self, before: &Cluster, cluster: &Cluster) {
        let index = self.ledger.index;
        let lost = |order: &crate::Order| {
            let goes = !cluster.servers.contains_key(&order.server) || !cluster.nodes.contains_key(&order.node);
            goes || !is_same_machine(before, cluster, &order.server)
        };
        let void: Vec<crate::Order> = self.ledger.orders.values().filter(|order| lost(order)).cloned().collect();
        for order in void {
            self.call_back(&order, "its node or server is declared otherwise now".into());
        }
        let ledger = &mut *self.ledger;
        ledger.nodes.retain(|name, _| cluster.nodes.contains_key(name));
        for name in cluster.nodes.keys() {
            ledger.nodes.entry(name.clone()).or_default();
        }
        ledger.servers.retain(|name, _| cluster.servers.contains_key(name));
        for name in cluster.servers.keys() {
            let fresh = ServerState { declared: index, ..ServerState::default() };
            let state = ledger.servers.entry(name.clone()).or_insert_with(|| fresh.clone());
            if !is_same_machine(before, cluster, name) {
                let (watcher, upkeep) = (state.watcher.take(), std::mem::take(&mut state.upkeep));
                *state = ServerState { watcher, upkeep, ..fresh };
            }
            let gone = state.watcher.as_ref().is_some_and(|node| !cluster.nodes.contains_key(node));
            if gone {
                state.watcher = None;
            }
        }
    }

    fn reconcile_groups(&mut self, old_cluster: &Cluster, cluster: &Cluster, first: bool) {
        let index = self.ledger.index;
        let mut before = std::mem::take(&mut self.ledger.groups);
        let mut members: BTreeMap<&GroupName, Vec<&ResourceName>> = BTreeMap::new();
        for (resource, declared) in cluster.resources.iter().filter(|(_, declared)| declared.enabled) {
            members.entry(&declared.group).or_default().push(resource);
        }
        let passive = |name: &&ResourceName| cluster.resources.get(*name).is_some_and(is_passive);
        for (name, declared) in &cluster.groups {
            let old = before.remove(name);
            let mut group = old.as_ref().map(|group| (**group).clone()).unwrap_or_else(|| GroupState {
                intent: if declared.autostart { Intent::Online } else { Intent::Offline },
                ..GroupState::default()
            });
            let mut copies: BTreeMap<ResourceName, BTreeMap<ServerName, CopyState>> = BTreeMap::new();
            for resource in members.remove(name).unwrap_or_default() {
                let mut known = group.copies.remove(resource).unwrap_or_default();
                let mut copy = |server: &ServerName| {
                    let same = is_same_copy(old_cluster, cluster, resource, server);
                    let mut copy = known.remove(server).filter(|_| same).unwrap_or_else(|| CopyState::declared(index));
                    // An LPAR that is no longer mobile, and moved away while it was, is not missed here.
                    let stays = cluster.lpar(resource).is_some_and(|lpar| !lpar.mobile);
                    copy.listed = copy.listed.filter(|_| !stays || copy.power != Power::Absent);
                    (server.clone(), copy)
                };
                copies.insert(resource.clone(), declared.servers.iter().map(&mut copy).collect());
            }
            group.passive = copies.keys().filter(|name| passive(name)).cloned().collect();
            let at = group.tenure.as_ref().map(|tenure| tenure.server.clone());
            let is_new = |resource: &ResourceName| {
                let here = at.as_ref().and_then(|server| copies.get(resource)?.get(server));
                here.is_some_and(|copy| copy.declared == index)
            };
            group.runs.iter_mut().filter(|(resource, _)| is_new(resource)).for_each(|(_, run)| run.clear());
            group.runs.retain(|resource, _| copies.contains_key(resource));
            group.copies = copies;
            group.faults.retain(|server, _| declared.servers.contains(server));
            self.ledger.groups.insert(name.clone(), Arc::new(group));
        }
        for name in before.into_keys().filter(|_| !first) {
            self.note(Note::Removed { group: name });
        }
        self.call_back_orphans();
        self.recount_overlaps();
        self.reconcile_maintenance();
        self.recount();
    }

    /// Calls back orders about things that are not declared any more, or are declared anew.
    fn call_back_orphans(&mut self) {
        let index = self.ledger.index;
        let ledger = &*self.ledger;
        let orphan = |order: &&crate::Order| match &order.action {
            Action::Hook { group, .. } => !ledger.groups.contains_key(group),
            Action::Fence | Action::FenceNode { .. } => false,
            Action::Start { .. } | Action::Stop { .. } | Action::Migrate { .. } | Action::StopMigration { .. } => {
                let copies = order.action.resource().and_then(|resource| {
                    let group = ledger.group_of(resource)?;
                    ledger.groups.get(group)?.copies.get(resource)
                });
                copies.and_then(|copies| copies.get(&order.server)).is_none_or(|copy| copy.declared == index)
            }
        };
        let void: Vec<crate::Order> = ledger.orders.values().filter(orphan).cloned().collect();
        for order in void {
            self.call_back(&order, "what it is about is declared otherwise now".into());
        }
    }

    /// Counts the load of all tenures on each server anew.
    pub(in super::super) fn recount(&mut self) {
        for state in self.ledger.servers.values_mut() {
            (state.used, state.groups) = Default::default();
            state.limits_used.clear();
        }
        let held: Vec<(GroupName, ServerName)> = self
            .ledger
            .groups
            .iter()
            .filter_map(|(name, group)| Some((name, group.tenure.as_ref()?)))
            .flat_map(|(name, tenure)| {
                let target = tenure.migration().map(|migration| &migration.to);
                std::iter::once(&tenure.server).chain(target).map(|server| (name.clone(), server.clone()))
            })
            .collect();
        for (group, server) in held {
            // A server that is no longer declared has no books.
            let _ = self.occupy(&group, &server);
        }
    }
}
