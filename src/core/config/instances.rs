//! Expansion of parallel groups into instances: to the ledger, one single-server group per server of their list.
//!
//! An instance is called `net@p1`, and so is each of its resources; no declared name contains `@`. Everything that is true
//! of groups (tenures, proofs, faults, orders) is thereby true of instances, without a second kind of group anywhere.

use super::{Cluster, Failover, Group, GroupKind, Kind, Requirement, Resource};
use crate::{GroupName, ResourceName, ServerName};
use std::collections::BTreeMap;

impl Cluster {
    /// The cluster with each parallel group replaced by its instances; `None` if there is none.
    pub fn instances(&self) -> Option<Cluster> {
        let parallel: BTreeMap<&GroupName, &Group> =
            self.groups.iter().filter(|(_, group)| group.kind == GroupKind::Parallel).collect();
        if parallel.is_empty() {
            return None;
        }
        let mut all = self.clone();
        all.groups.retain(|_, group| group.kind != GroupKind::Parallel);
        all.resources.retain(|_, resource| !parallel.contains_key(&resource.group));
        for (name, group) in &parallel {
            for server in &group.servers {
                all.groups.insert(name.on(server), one(group, server));
            }
        }
        for (name, resource) in &self.resources {
            let Some(group) = parallel.get(&resource.group) else { continue };
            for server in &group.servers {
                all.resources.insert(name.on(server), inside(resource, server));
            }
        }
        Some(all)
    }
}

fn one(group: &Group, server: &ServerName) -> Group {
    Group {
        kind: GroupKind::Failover,
        servers: vec![server.clone()],
        autostart_servers: Vec::new(),
        failover: Failover::Never,
        evacuate: group.evacuate,
        ..group.clone()
    }
}

fn inside(resource: &Resource, server: &ServerName) -> Resource {
    let at = |name: &ResourceName| name.on(server);
    let mut copy = resource.clone();
    copy.group = resource.group.on(server);
    copy.requires = resource
        .requires
        .iter()
        .map(|need| Requirement { of: need.of.iter().map(at).collect(), at_least: need.at_least })
        .collect();
    if let Kind::Agent(agent) = &mut copy.kind {
        agent.on.retain(|place, _| place == server);
    }
    copy
}
