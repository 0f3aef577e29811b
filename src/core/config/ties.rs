//! Dependencies between groups: links, and the tiers of services.

use super::{Cluster, Link, Need, Rigidity, TierLink};
use crate::GroupName;
use std::collections::{BTreeMap, BTreeSet};

/// For each group, its children: by its links, and in the tier below.
type Below<'a> = BTreeMap<&'a GroupName, BTreeSet<&'a GroupName>>;

impl Need {
    /// Whether the child must be online somewhere.
    pub fn is_online(self) -> bool {
        match self {
            Need::OnlineLocal | Need::OnlineGlobal | Need::OnlineRemote => true,
            Need::OfflineLocal => false,
        }
    }
}

impl Link {
    /// Whether the parent has to leave once the need is unmet. An offline link has no rigidity and behaves as firm.
    pub fn is_firm(&self) -> bool {
        match self.rigidity {
            Rigidity::Soft => !self.need.is_online(),
            Rigidity::Firm | Rigidity::Hard => true,
        }
    }

    /// Whether parent and child leave together, the parent first.
    pub fn is_hard(&self) -> bool {
        self.rigidity == Rigidity::Hard && self.need == Need::OnlineLocal
    }
}

impl Cluster {
    /// The links of each group: the declared ones, and those that firm tiers of services imply. A group of a firm
    /// tier needs every group of the tier below to be online anywhere.
    pub fn links(&self) -> BTreeMap<&GroupName, BTreeSet<Link>> {
        let mut links: BTreeMap<&GroupName, BTreeSet<Link>> = BTreeMap::new();
        for (name, group) in self.groups.iter().filter(|(_, group)| !group.requires.is_empty()) {
            links.entry(name).or_default().extend(group.requires.iter().cloned());
        }
        for service in self.services.values() {
            for (lower, upper) in service.tiers.iter().zip(service.tiers.iter().skip(1)) {
                if upper.link != TierLink::Firm {
                    continue;
                }
                for name in &upper.groups {
                    let known = links.entry(name).or_default();
                    for child in &lower.groups {
                        // A declared link between the two takes precedence.
                        if !known.iter().any(|link| &link.child == child) {
                            let (need, rigidity) = (Need::OnlineGlobal, Rigidity::Firm);
                            known.insert(Link { child: child.clone(), need, rigidity });
                        }
                    }
                }
            }
        }
        links
    }

    /// The groups that have links or tiers, each after all that it depends on, with the number of levels below it.
    /// Groups in a circle, or above one, are left out.
    pub fn levels(&self) -> Vec<(&GroupName, u32)> {
        levels(&self.below(true))
    }

    fn below(&self, tiers: bool) -> Below<'_> {
        let mut below: Below<'_> = BTreeMap::new();
        for (name, group) in &self.groups {
            for child in group.requires.iter().map(|link| &link.child).filter(|child| self.groups.contains_key(*child))
            {
                below.entry(name).or_default().insert(child);
                below.entry(child).or_default();
            }
        }
        let services = self.services.values().filter(|_| tiers);
        for (lower, upper) in services.flat_map(|service| service.tiers.iter().zip(service.tiers.iter().skip(1))) {
            for name in &upper.groups {
                below.entry(name).or_default().extend(&lower.groups);
            }
            for child in &lower.groups {
                below.entry(child).or_default();
            }
        }
        below
    }

    /// A circle of links and tiers, if there is one; its first group is repeated at the end.
    pub(super) fn circle(&self) -> Option<Vec<&GroupName>> {
        cycle(&self.below(true))
    }
}

/// The groups with their levels, leaves first; those in a circle, or above one, are missing.
fn levels<'a>(below: &Below<'a>) -> Vec<(&'a GroupName, u32)> {
    let mut above: BTreeMap<&GroupName, Vec<&'a GroupName>> = BTreeMap::new();
    let mut open: BTreeMap<&'a GroupName, (usize, u32)> = BTreeMap::new();
    let mut ready: Vec<(&'a GroupName, u32)> = Vec::new();
    for (name, children) in below {
        open.insert(name, (children.len(), 0));
        if children.is_empty() {
            ready.push((name, 0));
        }
        for child in children {
            above.entry(child).or_default().push(name);
        }
    }
    let mut sorted = Vec::new();
    while let Some((name, depth)) = ready.pop() {
        sorted.push((name, depth));
        for parent in above.get(name).into_iter().flatten() {
            let Some((left, level)) = open.get_mut(parent) else { continue };
            *left = left.saturating_sub(1);
            *level = (*level).max(depth.saturating_add(1));
            if *left == 0 {
                ready.push((parent, *level));
            }
        }
    }
    sorted
}

/// The first circle of groups, if there is one; its first group is repeated at the end.
fn cycle<'a>(below: &Below<'a>) -> Option<Vec<&'a GroupName>> {
    let sorted: BTreeSet<&GroupName> = levels(below).into_iter().map(|(name, _)| name).collect();
    let mut name = *below.keys().find(|name| !sorted.contains(*name))?;
    let mut path: Vec<&GroupName> = Vec::new();
    // Every unsorted group has an unsorted child.
    while !path.contains(&name) {
        path.push(name);
        name = below.get(name)?.iter().find(|child| !sorted.contains(*child))?;
    }
    let mut circle: Vec<&GroupName> = path.into_iter().skip_while(|earlier| *earlier != name).collect();
    circle.push(name);
    Some(circle)
}
