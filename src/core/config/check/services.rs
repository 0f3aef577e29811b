//! Checks of services: their tiers, whose order must agree with the links between groups.

use super::{Found, Rule};
use crate::{
    GroupName, ServiceName,
    config::{Cluster, Need, Service, TierLink},
};
use std::collections::BTreeMap;

/// Pairs of groups in the order in which a service starts them, with that service.
type Orders<'c> = BTreeMap<(&'c GroupName, &'c GroupName), &'c ServiceName>;

pub(super) fn check(cluster: &Cluster, found: &mut Found) {
    let mut orders = Orders::new();
    for (name, service) in &cluster.services {
        let at = ["services", name.as_str()];
        found.name(&at, name.as_str());
        if service.tiers.is_empty() {
            found.add(&at, Rule::EmptyService { service: name.clone() });
        }
        if service.tiers.first().is_some_and(|tier| tier.link != TierLink::Soft) {
            found.add(&[at[0], at[1], "tiers", "0", "link"], Rule::FirstTierLink { service: name.clone() });
        }
        let tiers = tiers(cluster, found, name, service);
        order(cluster, found, name, &tiers, &mut orders);
    }
    // Mistakes between two groups are reported above; a circle may also consist of links and tiers together.
    let said = |rule: &Rule| {
        matches!(
            rule,
            Rule::LinkToSelf { .. }
                | Rule::LinkCycle { .. }
                | Rule::TierOrder { .. }
                | Rule::ServiceOrder { .. }
                | Rule::GroupTwice { .. }
        )
    };
    if !found.any(said)
        && let Some(circle) = cluster.circle()
        && let Some((service, _)) = cluster.services.iter().find(|(_, service)| {
            service.tiers.iter().flat_map(|tier| &tier.groups).any(|group| circle.contains(&group))
        })
    {
        let path = super::path(circle.iter());
        found.add(&["services", service.as_str(), "tiers"], Rule::LinkCycle { path });
    }
}

/// The tier of each group.
fn tiers<'c>(
    cluster: &Cluster,
    found: &mut Found,
    name: &ServiceName,
    service: &'c Service,
) -> BTreeMap<&'c GroupName, usize> {
    let mut tiers = BTreeMap::new();
    for (n, tier) in service.tiers.iter().enumerate() {
        let at = ["services", name.as_str(), "tiers", &n.to_string()];
        if tier.groups.is_empty() {
            found.add(&at, Rule::EmptyTier { service: name.clone() });
        }
        for (i, group) in tier.groups.iter().enumerate() {
            let place = [at[0], at[1], at[2], at[3], "groups", &i.to_string()];
            if !cluster.groups.contains_key(group) {
                found.unknown_group(&place, group.as_str(), cluster);
            } else if tiers.insert(group, n).is_some() {
                found.add(&place, Rule::GroupTwice { group: group.clone(), service: name.clone() });
            }
        }
    }
    tiers
}

fn order<'c>(
    cluster: &'c Cluster,
    found: &mut Found,
    name: &'c ServiceName,
    tiers: &BTreeMap<&'c GroupName, usize>,
    orders: &mut Orders<'c>,
) {
    let at = ["services", name.as_str(), "tiers"];
    for (group, tier) in tiers {
        let links = cluster.groups.get(*group).into_iter().flat_map(|group| &group.requires);
        for link in links.filter(|link| link.need != Need::OfflineLocal) {
            if tiers.get(&link.child).is_some_and(|below| below > tier) {
                let (group, child) = ((*group).clone(), link.child.clone());
                found.add(&at, Rule::TierOrder { service: name.clone(), group, child });
            }
        }
        for (later, _) in tiers.iter().filter(|(_, other)| *other > tier) {
            if let Some(other) = orders.get(&(*later, *group)).filter(|other| **other != name) {
                let (first, second) = ((*group).clone(), (*later).clone());
                found.add(&at, Rule::ServiceOrder { service: name.clone(), other: (*other).clone(), first, second });
            }
            orders.insert((*group, *later), name);
        }
    }
}
