//! Dependencies between groups in the planner. The semantics are those of VCS: soft, firm and hard.
//!
//! Only parents follow the places of their children. A child looks at its parents in three cases only: hard ones leave
//! before it does, one that must not be beside it makes room before it starts, and a hard one that failed takes it
//! along to a server where both can run. So the two never chase each other.

use super::Planner;
use crate::{
    Command, GroupName, ServerName,
    config::{Failover, Link, Need, Rigidity, TierLink},
    ledger::{GroupState, Intent, Phase, Tenure},
    note::{LeaveReason, NotHere, Wait},
};
use std::{collections::BTreeSet, sync::Arc};

impl Planner<'_> {
    /// The wait for other groups before this one is placed. `None` if there is none. Firm parents that are still online
    /// without it are told to leave before it comes back.
    pub(super) fn awaits_link(&mut self, name: &GroupName, group: &GroupState) -> Option<Wait> {
        for service in &group.queued {
            let groups = self.scratch.tiers_below(service, name);
            if !groups.is_empty() {
                return Some(Wait::Below { service: service.clone(), groups });
            }
        }
        for link in group.ties.links.iter().filter(|link| link.need.is_online()) {
            let instances = self.scratch.meant(&link.child);
            if !instances.iter().any(|(_, child)| child.is_online()) {
                let unwanted = instances.iter().all(|(_, child)| child.intent == Intent::Offline);
                return Some(Wait::Child { child: link.child.clone(), unwanted });
            }
        }
        // Parents that were found running before it ever had a tenure run without it already.
        if group.ties.parents.is_empty() || group.is_new() {
            return None;
        }
        self.dismiss(name);
        let parents = self.stoppable(name, |_, link| link.is_hard());
        (!parents.is_empty()).then_some(Wait::Parents { parents })
    }

    /// Makes parents leave that cannot stay when this group starts anew.
    fn dismiss(&mut self, name: &GroupName) {
        let mut leaving = Vec::new();
        for (parent, group, link) in self.scratch.links_to(name) {
            let Some(tenure) = group.staying().filter(|_| !group.frozen) else { continue };
            let unmet = link.need.is_online() && link.is_firm() && !self.scratch.is_met(link, &tenure.server);
            if unmet && !self.scratch.is_proven_off(&tenure.server) {
                let reason = LeaveReason::Unmet { child: link.child.clone(), need: link.need };
                leaving.push(Command::Leave { group: parent.clone(), epoch: tenure.epoch, reason });
            }
        }
        for leave in leaving {
            let _ = self.emit(leave);
        }
    }

    /// Parents whose tenure can be ended: not frozen, and not on a server that can be neither watched nor commanded.
    fn stoppable(&self, name: &GroupName, which: impl Fn(&GroupState, &Link) -> bool) -> BTreeSet<GroupName> {
        let links = self.scratch.links_to(name).into_iter();
        let in_the_way = links.filter(|(_, group, link)| {
            let reached = group.tenure.as_ref().is_some_and(|tenure| self.blind(&tenure.server).is_none());
            reached && !group.frozen && which(group, link)
        });
        in_the_way.map(|(parent, ..)| parent.clone()).collect()
    }

    /// The reason why a link makes the group leave its server. `None` if there is none.
    pub(super) fn leaves_for_link(&self, name: &GroupName, group: &GroupState, tenure: &Tenure) -> Option<LeaveReason> {
        let unmet = |link: &&Link| self.has_lost(link, &tenure.server);
        if let Some(Link { child, need, .. }) = group.ties.links.iter().find(unmet) {
            return Some(LeaveReason::Unmet { child: child.clone(), need: *need });
        }
        if let Some((child, to, None)) = self.beacon(name, group, tenure) {
            return Some(LeaveReason::Follow { child, to });
        }
        self.taken_along(name, group, tenure)
    }

    /// Whether a parent on this server cannot stay, because of the place of the child.
    fn has_lost(&self, link: &Link, server: &ServerName) -> bool {
        let instances = self.scratch.meant(&link.child);
        let staying = |tenure: &&Tenure| tenure.stays();
        let mut tenures = instances.iter().filter_map(|(_, child)| child.tenure.as_ref());
        let comes_here = instances
            .iter()
            .filter_map(|(_, child)| child.tenure.as_ref())
            .filter(staying)
            .any(|tenure| tenure.covers(server));
        let unknown = instances.iter().all(|(_, child)| child.is_new());
        match link.need {
            // The child takes precedence on its server.
            Need::OfflineLocal => comes_here,
            Need::OnlineRemote if comes_here => !self.scratch.is_met(link, server),
            // Local: at once, since all of them are to move. Otherwise the child leaves first, as in VCS.
            Need::OnlineLocal => link.is_firm() && !comes_here && !unknown,
            Need::OnlineRemote | Need::OnlineGlobal => link.is_firm() && !unknown && tenures.next().is_none(),
        }
    }

    /// The server of a soft child that the group should be with and is not; and the obstacle there, if any.
    fn beacon(
        &self,
        name: &GroupName,
        group: &GroupState,
        tenure: &Tenure,
    ) -> Option<(GroupName, ServerName, Option<NotHere>)> {
        let soft = |link: &&Link| link.need == Need::OnlineLocal && link.rigidity == Rigidity::Soft;
        // While an instance of the child is here, it may yet come back online here.
        let here = |link: &Link| {
            let instances = self.scratch.meant(&link.child);
            instances.iter().any(|(_, child)| child.tenure.as_ref().is_some_and(|held| held.covers(&tenure.server)))
        };
        let apart = group.ties.links.iter().filter(soft).find(|link| !here(link))?;
        let instances = self.scratch.meant(&apart.child);
        let tenures = instances.iter().filter_map(|(_, child)| child.tenure.as_ref());
        let there: Vec<&ServerName> =
            tenures.filter(|tenure| tenure.is_online()).map(|tenure| &tenure.server).collect();
        let free = there.iter().find(|server| self.obstacle(name, group, server).is_none());
        let server = *free.or_else(|| there.first())?;
        Some((apart.child.clone(), server.clone(), self.obstacle(name, group, server)))
    }

    fn obstacle(&self, name: &GroupName, group: &GroupState, server: &ServerName) -> Option<NotHere> {
        let declared = self.scratch.config.groups.get(name)?;
        if !declared.servers.contains(server) {
            return Some(NotHere::NotListed);
        }
        self.scratch.not_here(name, group, server)
    }

    /// The wait of a group that stays and is not where it should be. `None` if it is, or may be anywhere.
    pub(super) fn stays_apart(&self, name: &GroupName, group: &GroupState, tenure: &Tenure) -> Option<Wait> {
        if group.frozen {
            return self.leaves_for_link(name, group, tenure).map(|_| Wait::Frozen { fault: None });
        }
        let (child, server, why) = self.beacon(name, group, tenure)?;
        Some(Wait::Apart { child, server, why: why? })
    }

    /// A parent above, by hard links, failed on this server: both go to a server where both can run. If there is none,
    /// this group runs on, and the parent stays off.
    fn taken_along(&self, name: &GroupName, group: &GroupState, tenure: &Tenure) -> Option<LeaveReason> {
        // A group that must be on its child's server goes where the child goes.
        if group.ties.parents.is_empty() || group.ties.links.iter().any(|link| link.need == Need::OnlineLocal) {
            return None;
        }
        let declared = |name: &GroupName| self.scratch.config.groups.get(name);
        let mut tree: Vec<(&GroupName, &GroupState)> = Vec::new();
        let mut top = name;
        while let Some((parent, state, _)) = self.scratch.links_to(top).into_iter().find(|(.., link)| link.is_hard()) {
            tree.push((parent, state));
            top = parent;
        }
        let moves = |name: &GroupName| declared(name).is_some_and(|declared| declared.failover != Failover::Never);
        let wanted = tree.iter().filter(|(name, group)| group.intent == Intent::Online && !group.frozen && moves(name));
        let failed = wanted
            .into_iter()
            .find(|(_, group)| group.staying().is_none() && group.faults.contains_key(&tenure.server))?;
        let suits = |server: &&ServerName| {
            let all = tree.iter().all(|(name, group)| {
                let listed = declared(name).is_some_and(|declared| declared.servers.contains(server));
                listed && !group.faults.contains_key(*server)
            });
            all && **server != tenure.server && self.scratch.not_here(name, group, server).is_none()
        };
        let to = declared(name)?.servers.iter().find(suits)?.clone();
        Some(LeaveReason::ParentFaulted { parent: failed.0.clone(), to })
    }

    /// The wait for parents to leave the server before the group starts there. `None` if there are none.
    pub(super) fn awaits_place(&self, name: &GroupName, group: &GroupState, tenure: &Tenure) -> Option<Wait> {
        if group.ties.parents.is_empty() || tenure.phase != Phase::Starting {
            return None;
        }
        let beside = |parent: &GroupState| parent.tenure.as_ref().is_some_and(|other| other.server == tenure.server);
        let parents = self.stoppable(name, |parent, link| link.need == Need::OfflineLocal && beside(parent));
        (!parents.is_empty()).then_some(Wait::Parents { parents })
    }

    /// The wait for groups that must be off before this one, which leaves, is stopped: hard parents in any case; and if
    /// they are to be offline as well, other parents and the groups of the tiers above. `None` if there are none.
    pub(super) fn awaits_parents(&self, name: &GroupName, group: &GroupState, server: &ServerName) -> Option<Wait> {
        let here = |parent: &GroupState| parent.tenure.as_ref().is_some_and(|tenure| &tenure.server == server);
        let by_hand = group.is_stopped_by_hand();
        let both = |other: &GroupState| by_hand && other.is_stopped_by_hand();
        let first = |parent: &GroupState, link: &Link| {
            (link.is_hard() && here(parent)) || (link.need.is_online() && both(parent))
        };
        if !group.ties.parents.is_empty() {
            let parents = self.stoppable(name, first);
            if !parents.is_empty() {
                return Some(Wait::Parents { parents });
            }
        }
        if group.ties.services.is_empty() || !by_hand {
            return None;
        }
        let above = self.scratch.tiers_above(name, group).into_iter();
        let still = above.filter(|(_, other)| {
            let reached = other.tenure.as_ref().is_some_and(|tenure| self.blind(&tenure.server).is_none());
            reached && !other.frozen && both(other)
        });
        let groups: BTreeSet<GroupName> = still.map(|(name, _)| name.clone()).collect();
        (!groups.is_empty()).then_some(Wait::Above { groups })
    }

    /// A group came online: if that completes its tier again, tiers above that ran on meanwhile are restarted.
    pub(super) fn tier_returned(&mut self, name: &GroupName) {
        let Some(group) = self.scratch.groups.get(name).map(Arc::clone) else { return };
        // The first time that it comes online, no tier above can have run on without it.
        if group.ties.services.is_empty() || group.last.is_none() {
            return;
        }
        let config = Arc::clone(&self.scratch.config);
        let services = group.ties.services.iter().filter_map(|service| config.services.get_key_value(service));
        let mut leaving = Vec::new();
        for (service, declared) in services {
            for (lower, upper) in declared.tiers.iter().zip(declared.tiers.iter().skip(1)) {
                let mut members = lower.groups.iter().flat_map(|group| self.scratch.meant(group));
                let returned = members.clone().any(|(member, _)| member == name);
                if upper.link != TierLink::Restart || !returned || !members.all(|(_, group)| group.is_online()) {
                    continue;
                }
                for (name, group) in upper.groups.iter().flat_map(|group| self.scratch.meant(group)) {
                    let Some(tenure) = group.staying().filter(|_| !group.frozen) else { continue };
                    let reason = LeaveReason::TierReturned { service: service.clone() };
                    leaving.push(Command::Leave { group: name.clone(), epoch: tenure.epoch, reason });
                }
            }
        }
        for leave in leaving {
            let _ = self.emit(leave);
        }
    }
}
