//! Dependencies between groups, as queries on the ledger. The parent depends on its child.

use super::{GroupState, Ledger, Phase, ServerState, Tenure, Ties, apply::Applying};
use crate::{
    GroupName, Note, Refusal, ServerName,
    config::{Cluster, Link, Need},
    note::{LeaveReason, NotHere},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

impl Tenure {
    /// Whether it is online. A group that migrates is online, for it runs on.
    pub fn is_online(&self) -> bool {
        matches!(self.phase, Phase::Online | Phase::Migrating(_))
    }

    /// Whether it is not leaving.
    pub fn stays(&self) -> bool {
        !matches!(self.phase, Phase::Leaving { .. })
    }
}

impl GroupState {
    /// Its tenure, unless it leaves.
    pub fn staying(&self) -> Option<&Tenure> {
        self.tenure.as_ref().filter(|tenure| tenure.stays())
    }

    /// Whether it is online on any server.
    pub fn is_online(&self) -> bool {
        self.tenure.as_ref().is_some_and(Tenure::is_online)
    }

    /// Whether no tenure of it has begun yet. A parent that was found running then was not started by us, and does
    /// without it.
    pub fn is_new(&self) -> bool {
        self.tenure.is_none() && self.last.is_none()
    }

    /// Whether it leaves because an administrator wants it offline.
    pub fn is_stopped_by_hand(&self) -> bool {
        let reason = self.tenure.as_ref().and_then(|tenure| match &tenure.phase {
            Phase::Leaving { reason, .. } => Some(reason),
            Phase::Starting | Phase::Online | Phase::Migrating(_) => None,
        });
        matches!(reason, Some(LeaveReason::Offline | LeaveReason::Service(_)))
    }
}

impl Ledger {
    /// The groups that a declared name stands for: one group, or every instance of a parallel group.
    pub fn meant<'a>(&'a self, name: &'a GroupName) -> Vec<(&'a GroupName, &'a GroupState)> {
        match self.groups.get_key_value(name) {
            Some((name, group)) => vec![(name, &**group)],
            None => self.instances(name).filter_map(|one| Some((one, &**self.groups.get(one)?))).collect(),
        }
    }

    /// Whether the link is met for a parent on this server.
    pub fn is_met(&self, link: &Link, server: &ServerName) -> bool {
        self.is_met_without(link, server, None)
    }

    /// The same, as if one group were not there.
    pub fn is_met_without(&self, link: &Link, server: &ServerName, without: Option<&GroupName>) -> bool {
        let instances = self.meant(&link.child);
        let present = instances.iter().filter(|(name, _)| Some(*name) != without);
        let tenures: Vec<&Tenure> = present.filter_map(|(_, group)| group.tenure.as_ref()).collect();
        let mut online = tenures.iter().filter(|tenure| tenure.is_online());
        match link.need {
            Need::OnlineLocal => online.any(|tenure| &tenure.server == server),
            Need::OnlineGlobal => online.next().is_some(),
            Need::OnlineRemote => online.any(|tenure| &tenure.server != server),
            Need::OfflineLocal => tenures.iter().all(|tenure| !tenure.covers(server)),
        }
    }

    /// The link that keeps the group from a server, as a reason; `None` if there is none.
    pub fn link_forbids(&self, _name: &GroupName, group: &GroupState, server: &ServerName) -> Option<NotHere> {
        let unmet = group.ties.links.iter().find(|link| !self.is_met(link, server))?;
        Some(NotHere::Link { child: unmet.child.clone(), need: unmet.need })
    }

    /// The links of other groups to this one, each with its group.
    pub fn links_to<'a>(&'a self, name: &'a GroupName) -> Vec<(&'a GroupName, &'a GroupState, &'a Link)> {
        let Some(group) = self.groups.get(name) else { return Vec::new() };
        let declared = name.declared();
        let parents = group.ties.parents.iter().filter_map(|parent| self.groups.get_key_value(parent));
        let links = |(name, parent): (&'a GroupName, &'a Arc<GroupState>)| {
            let to = parent.ties.links.iter().find(|link| link.child.as_str() == declared)?;
            Some((name, &**parent, to))
        };
        parents.filter_map(links).collect()
    }

    /// Whether a server is proven off, so that nothing there has to be waited for.
    pub fn is_proven_off(&self, server: &ServerName) -> bool {
        self.servers.get(server).is_some_and(|state: &ServerState| state.off.is_some())
    }

    /// The refusal of firm links that a new configuration adds to a running group that does not meet them now: they
    /// can be added once it does.
    pub(super) fn unmet_new_link(&self, cluster: &Cluster) -> Option<Refusal> {
        for (name, links) in cluster.links() {
            for (name, parent) in self.meant(name) {
                let Some(tenure) = parent.staying() else { continue };
                let mut new = links.iter().filter(|link| link.is_firm() && !parent.ties.links.contains(link));
                if let Some(link) = new.find(|link| !self.is_met(link, &tenure.server)) {
                    let (group, child) = (name.clone(), link.child.clone());
                    return Some(Refusal::LinkUnmet { group, child, need: link.need });
                }
            }
        }
        None
    }
}

impl Applying<'_> {
    /// Works out the ties of all groups after a new configuration.
    pub(super) fn tie(&mut self, cluster: &Cluster) {
        let mut ties: BTreeMap<GroupName, Ties> = BTreeMap::new();
        for (name, links) in cluster.links() {
            for link in &links {
                ties.entry(link.child.clone()).or_default().parents.insert(name.clone());
            }
            ties.entry(name.clone()).or_default().links = links;
        }
        for (service, declared) in &cluster.services {
            for group in declared.tiers.iter().flat_map(|tier| &tier.groups) {
                ties.entry(group.clone()).or_default().services.insert(service.clone());
            }
        }
        for (rule, declared) in &cluster.rules {
            for group in &declared.groups {
                ties.entry(group.clone()).or_default().rules.insert(rule.clone());
            }
        }
        for (name, group) in &cluster.groups {
            ties.entry(name.clone()).or_default().priority = group.priority;
        }
        // From the groups that nothing depends on downward: each is as important as the groups that need it.
        for (name, depth) in cluster.levels().into_iter().rev() {
            let Some(tie) = ties.get_mut(name.as_str()) else { continue };
            tie.depth = depth;
            let (priority, links) = (tie.priority, tie.links.clone());
            for link in links.iter().filter(|link| link.need.is_online()) {
                if let Some(child) = ties.get_mut(link.child.as_str()) {
                    child.priority = child.priority.min(priority);
                }
            }
        }
        let mut instances: BTreeMap<GroupName, BTreeSet<GroupName>> = BTreeMap::new();
        for name in self.ledger.groups.keys().filter(|name| name.declared() != name.as_str()) {
            instances.entry(GroupName::from(name.declared())).or_default().insert(name.clone());
        }
        for (name, group) in &mut self.ledger.groups {
            let mut tie = ties.get(name.declared()).cloned().unwrap_or_default();
            let parallel: Vec<&BTreeSet<GroupName>> = tie.parents.iter().filter_map(|p| instances.get(p)).collect();
            tie.parents.extend(parallel.into_iter().flatten().cloned());
            let queued = |service: &crate::ServiceName| tie.services.contains(service);
            if group.ties != tie || !group.queued.iter().all(queued) {
                let group = Arc::make_mut(group);
                group.queued.retain(queued);
                group.ties = tie;
            }
        }
    }

    /// Clears the faults of the parents of a group that came online, if it is declared so.
    pub(super) fn clear_parents(&mut self, name: &GroupName) -> Result<(), Refusal> {
        if !self.ledger.config.groups.get(name).is_some_and(|declared| declared.clear_parents) {
            return Ok(());
        }
        let faulted: Vec<GroupName> = self
            .group(name)?
            .ties
            .parents
            .iter()
            .filter(|parent| self.ledger.groups.get(*parent).is_some_and(|group| !group.faults.is_empty()))
            .cloned()
            .collect();
        for parent in faulted {
            self.group_mut(&parent)?.faults.clear();
            self.note(Note::FaultsCleared { group: parent, child: name.clone() });
        }
        Ok(())
    }
}
