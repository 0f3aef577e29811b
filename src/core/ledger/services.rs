//! Services: groups in tiers, started and stopped as one. A service has no state of its own; it follows from its
//! groups.

use super::{GroupState, Intent, Ledger, Phase, apply::Applying};
use crate::{
    GroupName, Refusal, ServerName, ServiceName, Verb,
    config::Service,
    note::{LeaveReason, Wait},
};
use std::{collections::BTreeSet, fmt};

/// State of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceState {
    /// Every group is online.
    Online,
    /// Some groups are online, and the others are to be offline.
    Partial,
    /// Some group is to be online and is not yet.
    Starting,
    /// No group is to be online, and some still are.
    Stopping,
    /// No group has a tenure, and none is to be online.
    Offline,
    /// Some group is to be online, has failed, and no server can take it.
    Faulted,
}

/// A service and its groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceView {
    /// Its state.
    pub state: ServiceState,
    /// Its tiers, in the order in which they start.
    pub tiers: Vec<Vec<Member>>,
}

/// A group of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Member {
    pub group: GroupName,
    /// Server and phase of its tenure.
    pub place: Option<(ServerName, Phase)>,
    /// Its current wait.
    pub wait: Option<Wait>,
}

impl Ledger {
    /// A service with its state and groups; `None` if there is none of that name.
    pub fn service(&self, name: &ServiceName) -> Option<ServiceView> {
        let declared = self.config.services.get(name)?;
        let groups: Vec<&GroupState> = self.groups_of(declared).map(|(_, group)| group).collect();
        let tiers = declared.tiers.iter().map(|tier| {
            let instances = tier.groups.iter().flat_map(|group| self.meant(group));
            let member = |(name, group): (&GroupName, &GroupState)| {
                let place = group.tenure.as_ref().map(|tenure| (tenure.server.clone(), tenure.phase.clone()));
                Member { group: name.clone(), place, wait: group.wait.clone() }
            };
            instances.map(member).collect()
        });
        Some(ServiceView { state: word(&groups), tiers: tiers.collect() })
    }

    /// The groups of a service, lowest tier first.
    pub fn groups_of<'a>(&'a self, service: &'a Service) -> impl Iterator<Item = (&'a GroupName, &'a GroupState)> {
        service.tiers.iter().flat_map(|tier| &tier.groups).flat_map(|group| self.meant(group))
    }

    /// The groups below this one in a service that are not online: this one waits for them.
    pub fn tiers_below(&self, service: &ServiceName, group: &GroupName) -> BTreeSet<GroupName> {
        let declared = self.config.services.get(service).into_iter().flat_map(|service| &service.tiers);
        let below = declared.take_while(|tier| !self.is_in(group, &tier.groups));
        let groups = below.flat_map(|tier| &tier.groups).flat_map(|group| self.meant(group));
        groups.filter(|(_, group)| !group.is_online()).map(|(name, _)| name.clone()).collect()
    }

    /// The groups above this one in its services.
    pub fn tiers_above(&self, name: &GroupName, group: &GroupState) -> Vec<(&GroupName, &GroupState)> {
        let services = group.ties.services.iter().filter_map(|service| self.config.services.get(service));
        let above = services.flat_map(|service| {
            service
                .tiers
                .iter()
                .skip_while(|tier| !self.is_in(name, &tier.groups))
                .skip(1)
                .flat_map(|tier| &tier.groups)
        });
        above.flat_map(|group| self.meant(group)).collect()
    }

    fn is_in(&self, group: &GroupName, tier: &[GroupName]) -> bool {
        tier.iter().flat_map(|declared| self.meant(declared)).any(|(name, _)| name == group)
    }
}

fn word(groups: &[&GroupState]) -> ServiceState {
    let wanted = |group: &&&GroupState| group.intent == Intent::Online;
    let lost = |group: &GroupState| {
        group.tenure.is_none() && !group.faults.is_empty() && matches!(group.wait, Some(Wait::NoTarget { .. }))
    };
    let online = groups.iter().filter(|group| group.is_online()).count();
    let held = groups.iter().filter(|group| group.tenure.is_some()).count();
    if online == groups.len() {
        return ServiceState::Online;
    }
    if groups.iter().filter(wanted).any(|group| lost(group)) {
        return ServiceState::Faulted;
    }
    match (groups.iter().filter(wanted).count(), held) {
        (0, 0) => ServiceState::Offline,
        (0, _) => ServiceState::Stopping,
        _ if groups.iter().filter(wanted).all(|group| group.is_online()) => ServiceState::Partial,
        _ => ServiceState::Starting,
    }
}

impl fmt::Display for ServiceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ServiceState::Online => "online",
            ServiceState::Partial => "partial",
            ServiceState::Starting => "starting",
            ServiceState::Stopping => "stopping",
            ServiceState::Offline => "offline",
            ServiceState::Faulted => "faulted",
        })
    }
}

impl Applying<'_> {
    /// Asks all groups online; each waits until all groups of the tiers below it are online.
    pub(super) fn ask_service_online(&mut self, service: &ServiceName) -> Result<(), Refusal> {
        let down = |group: &GroupState| group.intent == Intent::Offline || group.tenure.is_none();
        let groups = self.members(service, down)?;
        for group in &groups {
            self.may_touch(group)?;
        }
        if groups.is_empty() {
            return Err(Refusal::ServiceAlready { service: service.clone(), online: true });
        }
        self.asked(Verb::ServiceOnline { service: service.clone() });
        for name in groups {
            self.forget_drains(&name)?;
            let group = self.group_mut(&name)?;
            group.fresh_start();
            group.intent = Intent::Online;
            group.queued.insert(service.clone());
        }
        Ok(())
    }

    /// Asks all groups offline; each goes on until all groups of the tiers above it are off.
    pub(super) fn ask_service_offline(&mut self, service: &ServiceName) -> Result<(), Refusal> {
        let groups = self.members(service, |group| group.intent == Intent::Online)?;
        for group in &groups {
            self.may_touch(group)?;
            self.not_migrating(group)?;
            let parents = self.ledger.firm_parents_online(group, &groups);
            if !parents.is_empty() {
                return Err(Refusal::ParentsOnline { group: group.clone(), parents });
            }
        }
        if groups.is_empty() {
            return Err(Refusal::ServiceAlready { service: service.clone(), online: false });
        }
        self.asked(Verb::ServiceOffline { service: service.clone() });
        for name in groups.iter().rev() {
            if let Some(epoch) = self.wind_down(name)? {
                self.leave(name, epoch, &LeaveReason::Service(service.clone()))?;
            }
        }
        Ok(())
    }

    fn members(&self, service: &ServiceName, which: impl Fn(&GroupState) -> bool) -> Result<Vec<GroupName>, Refusal> {
        let declared = self.ledger.config.services.get(service).ok_or_else(|| Refusal::NoService(service.clone()))?;
        let groups = self.ledger.groups_of(declared).filter(|(_, group)| which(group));
        Ok(groups.map(|(name, _)| name.clone()).collect())
    }
}
