//! A new configuration: refused if it is not valid or would lose sight of what runs, applied whole otherwise.

use super::super::{Copy, GroupState, Intent, StartRisk, apply::Applying, resources::is_passive};
use crate::{GroupName, Note, Refusal, ResourceName, ServerName, config::Cluster, note};
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
        if !strand && !loss.stranded.is_empty() {
            return Err(Refusal::Strands(loss.stranded.join(", ")));
        }
        if let Some(unmet) = self.ledger.unmet_new_link(typed) {
            return Err(unmet);
        }
        let first = self.ledger.configured == 0;
        let before = std::mem::replace(&mut self.ledger.config, Arc::clone(cluster));
        self.ledger.typed = instances.is_some().then(|| Arc::clone(typed));
        self.ledger.configured = self.ledger.index;
        self.redeclare_nodes(&before);
        self.reconcile_servers(cluster);
        self.reconcile_groups(cluster, first);
        self.tie(typed);
        let by = self.by();
        let (groups, resources, servers) = (typed.groups.len(), typed.resources.len(), typed.servers.len());
        self.note(Note::Configured { by, groups, resources, servers });
        Ok(())
    }

    /// What the new configuration would no longer see. What stays managed must stay in sight; what is let go is stranded.
    fn loss(&self, new: &Cluster) -> Loss {
        let mut loss = Loss::default();
        for (name, group) in &self.ledger.groups {
            let Some(declared) = new.groups.get(name) else {
                if let Some(tenure) = &group.tenure {
                    loss.stranded.push(format!("group {name} runs on {}", tenure.server));
                }
                for (resource, copies) in &group.copies {
                    let places = copies.iter().filter(|(_, copy)| copy.risk != StartRisk::None);
                    loss.blind.extend(places.map(|(server, _)| in_flight(resource, server)));
                }
                continue;
            };
            for (resource, copies) in &group.copies {
                let kept = new.resources.get(resource);
                for (server, copy) in copies {
                    let same_system = self.same_system(new, server);
                    let same_partition = kept.is_some_and(|kept| {
                        self.ledger.config.resources.get(resource).is_some_and(|old| old.same_thing(kept))
                    });
                    let seen = kept.is_some_and(|kept| &kept.group == name)
                        && declared.servers.contains(server)
                        && same_system
                        && same_partition;
                    let enabled = kept.is_some_and(|kept| kept.enabled);
                    // The copies of what is disabled are forgotten as well, and of what is passive nothing has to be proven.
                    let proven = enabled && !kept.is_some_and(is_passive);
                    if copy.risk != StartRisk::None && !(seen && proven) {
                        loss.blind.push(in_flight(resource, server));
                    } else if seen && !enabled && copy.is_active() {
                        loss.stranded.push(format!("{resource} on {server} reads {}", copy.power));
                    } else if !seen {
                        self.lose(&mut loss, kept.is_some(), group, (resource, server), copy);
                    }
                }
            }
        }
        loss
    }

    fn lose(&self, loss: &mut Loss, managed: bool, group: &GroupState, at: (&ResourceName, &ServerName), copy: &Copy) {
        let (resource, server) = at;
        let tenured = group.tenure.as_ref().is_some_and(|tenure| tenure.covers(server));
        let active = copy.is_active();
        if (tenured || active) && managed {
            loss.blind.push(format!("{resource} on {server}"));
        } else if tenured || active || self.ledger.vouches(group, resource, server).is_err() {
            loss.stranded.push(format!("{resource} on {server} reads {}", copy.power));
        }
    }

    fn same_system(&self, new: &Cluster, server: &ServerName) -> bool {
        let mtms = |cluster: &Cluster| cluster.servers.get(server).map(|declared| declared.mtms.clone());
        mtms(&self.ledger.config) == mtms(new)
    }

    fn reconcile_servers(&mut self, cluster: &Cluster) {
        let ledger = &mut *self.ledger;
        ledger.nodes.retain(|name, _| cluster.nodes.contains_key(name));
        for name in cluster.nodes.keys() {
            ledger.nodes.entry(name.clone()).or_default();
        }
        ledger.servers.retain(|name, _| cluster.servers.contains_key(name));
        for name in cluster.servers.keys() {
            let state = ledger.servers.entry(name.clone()).or_default();
            let gone = state.manager.as_ref().is_some_and(|node| !cluster.nodes.contains_key(node));
            if gone {
                state.manager = None;
            }
        }
        let lost = |order: &crate::Order| {
            !cluster.servers.contains_key(&order.server) || !cluster.nodes.contains_key(&order.node)
        };
        let void: Vec<crate::Order> = ledger.orders.values().filter(|order| lost(order)).cloned().collect();
        for order in void {
            self.ledger.orders.remove(&order.id);
            self.close(&order, &crate::order::Ending::Unknown("its node or server is no longer declared".to_owned()));
        }
    }

    fn reconcile_groups(&mut self, cluster: &Cluster, first: bool) {
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
            let mut copies: BTreeMap<ResourceName, BTreeMap<ServerName, Copy>> = BTreeMap::new();
            for resource in members.remove(name).unwrap_or_default() {
                let known = group.copies.remove(resource).unwrap_or_default();
                let here = declared
                    .servers
                    .iter()
                    .map(|server| (server.clone(), known.get(server).cloned().unwrap_or_default()));
                copies.insert(resource.clone(), here.collect());
            }
            group.passive = copies.keys().filter(|name| passive(name)).cloned().collect();
            group.copies = copies;
            group.faults.retain(|server, _| declared.servers.contains(server));
            group.runs.retain(|resource, _| cluster.resources.contains_key(resource));
            self.ledger.groups.insert(name.clone(), Arc::new(group));
        }
        for name in before.into_keys().filter(|_| !first) {
            self.note(Note::Removed { group: name });
        }
        self.reconcile_maintenance();
        self.recount();
    }

    /// Counts again what the tenures on each server need.
    fn recount(&mut self) {
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

fn in_flight(resource: &ResourceName, server: &ServerName) -> String {
    format!("{resource} on {server}, where a start may still take effect: wait until it has settled")
}

#[derive(Default)]
struct Loss {
    blind: Vec<String>,
    stranded: Vec<String>,
}
