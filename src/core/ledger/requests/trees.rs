//! Requests of operators about groups with links: VCS's rules for manual operations, and trees as a whole.

use super::super::{GroupState, Intent, Ledger, apply::Applying};
use crate::{
    GroupName, Refusal, ServerName, Verb,
    config::{Link, Need},
    note::{LeaveReason, NotHere},
    order::Epoch,
};
use std::collections::BTreeSet;

impl Ledger {
    /// The first child that would have to be online for this group, and is not even on its way to be.
    fn missing_child(&self, group: &GroupState) -> Option<GroupName> {
        let up = |link: &&Link| {
            let wanted = |group: &GroupState| group.tenure.is_some() && group.intent == Intent::Online;
            self.meant(&link.child).iter().any(|(_, group)| wanted(group))
        };
        let needed = group.ties.links.iter().filter(|link| link.need.is_online());
        needed.filter(|link| !up(link)).map(|link| link.child.clone()).next()
    }

    /// The groups that must be started for this one, deepest first.
    pub(in super::super) fn to_start(&self, name: &GroupName) -> Vec<GroupName> {
        let down = |group: &GroupState| group.intent == Intent::Offline || group.tenure.is_none();
        self.walk(name, |_, group| {
            let needed = group.ties.links.iter().filter(|link| link.need.is_online());
            let children = needed.flat_map(|link| self.meant(&link.child));
            children.filter(|(_, group)| down(group)).map(|(name, _)| name.clone()).collect()
        })
    }

    /// The groups that must be off before this one, nearest first.
    pub(in super::super) fn to_stop(&self, name: &GroupName) -> Vec<GroupName> {
        self.walk(name, |name, _| {
            let links = self.links_to(name).into_iter().filter(|(_, _, link)| link.need.is_online());
            links.filter(|(_, group, _)| group.intent == Intent::Online).map(|(name, ..)| name.clone()).collect()
        })
    }

    /// The children that move with this group, by hard links, deepest first.
    pub(in super::super) fn hard_children(&self, name: &GroupName) -> Vec<GroupName> {
        self.walk(name, |_, group| {
            group.ties.links.iter().filter(|link| link.is_hard()).map(|link| link.child.clone()).collect()
        })
    }

    /// All groups that can be reached, without the first, the deepest first.
    fn walk(&self, from: &GroupName, next: impl Fn(&GroupName, &GroupState) -> Vec<GroupName>) -> Vec<GroupName> {
        let mut seen = BTreeSet::from([from.clone()]);
        let mut open = vec![from.clone()];
        while let Some(name) = open.pop() {
            let Some(group) = self.groups.get(&name) else { continue };
            for other in next(&name, group) {
                if seen.insert(other.clone()) {
                    open.push(other);
                }
            }
        }
        seen.remove(from);
        let mut found: Vec<GroupName> = seen.into_iter().collect();
        found.sort_by_key(|name| self.groups.get(name).map(|group| group.ties.depth));
        found
    }

    /// Groups that run, and by firm links could not without this one, except those of `but`.
    pub(in super::super) fn firm_parents_online(&self, name: &GroupName, but: &[GroupName]) -> BTreeSet<GroupName> {
        self.parents_online(name, but, Link::is_firm)
    }

    fn parents_online(&self, name: &GroupName, but: &[GroupName], which: fn(&Link) -> bool) -> BTreeSet<GroupName> {
        let online = self.links_to(name).into_iter().filter(|(parent, group, link)| {
            let needs = |server: &ServerName| !self.is_met_without(link, server, Some(name));
            let runs = group.staying().is_some_and(|tenure| needs(&tenure.server));
            runs && link.need.is_online() && which(link) && !but.contains(parent)
        });
        online.map(|(parent, ..)| parent.clone()).collect()
    }
}

impl Applying<'_> {
    /// Checks that a group's children allow a request to bring it online, or asks them online first.
    pub(super) fn children_first(
        &mut self,
        name: &GroupName,
        server: Option<&ServerName>,
        propagate: bool,
    ) -> Result<(), Refusal> {
        let children = if propagate { self.ledger.to_start(name) } else { Vec::new() };
        if children.is_empty() {
            return match self.ledger.missing_child(self.group(name)?) {
                Some(child) => Err(Refusal::ChildNotOnline { group: name.clone(), child }),
                None => server.map_or(Ok(()), |server| self.may_go(name, server)),
            };
        }
        for child in &children {
            if self.group(child)?.intent == Intent::Offline {
                self.may_touch(child)?;
            }
        }
        let mut there = BTreeSet::new();
        if let Some(server) = server {
            there = self.local(name, &children)?;
            for group in &there {
                self.may_stand(group, server)?;
            }
        }
        for child in children {
            let to = server.filter(|_| there.contains(&child)).cloned();
            self.forget_drains(&child)?;
            let group = self.group_mut(&child)?;
            let asked = group.intent == Intent::Offline;
            group.fresh_start();
            group.intent = Intent::Online;
            group.prefer = to.clone();
            if asked {
                self.asked(Verb::Online { group: child, server: to, propagate: false });
            }
        }
        Ok(())
    }

    /// The group, and those of its children that have to be on its server.
    fn local(&self, name: &GroupName, children: &[GroupName]) -> Result<BTreeSet<GroupName>, Refusal> {
        let mut there = BTreeSet::from([name.clone()]);
        for parent in std::iter::once(name).chain(children.iter().rev()) {
            if there.contains(parent) {
                let links = self.group(parent)?.ties.links.iter();
                let local = links.filter(|link| link.need == Need::OnlineLocal).map(|link| link.child.clone());
                there.extend(local.collect::<Vec<_>>());
            }
        }
        there.retain(|group| group == name || children.contains(group));
        Ok(there)
    }

    /// Checks that a group's parents allow a request to take it offline, or asks them offline first.
    pub(super) fn parents_first(&mut self, name: &GroupName, propagate: bool) -> Result<(), Refusal> {
        if !propagate {
            let parents = self.ledger.firm_parents_online(name, &[]);
            return if parents.is_empty() {
                Ok(())
            } else {
                Err(Refusal::ParentsOnline { group: name.clone(), parents })
            };
        }
        let parents = self.ledger.to_stop(name);
        for parent in &parents {
            self.may_touch(parent)?;
            self.not_migrating(parent)?;
        }
        for parent in parents.iter().rev() {
            let leaving = self.wind_down(parent)?;
            self.asked(Verb::Offline { group: parent.clone(), propagate: false });
            if let Some(epoch) = leaving {
                self.depart(parent, epoch, &LeaveReason::Offline)?;
            }
        }
        Ok(())
    }

    /// Marks a group as to be offline. Gives back the epoch of the tenure that has to end for that.
    pub(in super::super) fn wind_down(&mut self, name: &GroupName) -> Result<Option<Epoch>, Refusal> {
        self.forget_drains(name)?;
        let group = self.group_mut(name)?;
        group.fresh_start();
        group.intent = Intent::Offline;
        group.prefer = None;
        group.queued.clear();
        Ok(group.staying().map(|tenure| tenure.epoch))
    }

    /// The groups that a switch of this one moves before it: its hard children, deepest first. Refused if VCS refuses
    /// it.
    pub(super) fn switched_with(&self, name: &GroupName, server: &ServerName) -> Result<Vec<GroupName>, Refusal> {
        let children = self.ledger.hard_children(name);
        let tree: Vec<GroupName> = children.iter().chain([name]).cloned().collect();
        let held = |link: &Link| link.is_firm() || link.need == Need::OnlineLocal;
        for group in &tree {
            let links = self.group(group)?.ties.links.iter();
            if let Some(link) = links.filter(|link| link.need == Need::OnlineLocal).find(|link| !link.is_hard()) {
                let (group, child) = (group.clone(), link.child.clone());
                return Err(Refusal::RunsWithChild { group, child });
            }
            let parents = self.ledger.parents_online(group, &tree, held);
            if !parents.is_empty() {
                return Err(Refusal::ParentsOnline { group: group.clone(), parents });
            }
        }
        for group in &tree {
            // The child that moves along is not there yet.
            let moves_along = self.group(group)?.ties.links.iter().any(Link::is_hard);
            if moves_along {
                self.may_stand(group, server)?
            } else {
                self.may_go(group, server)?
            }
            self.may_touch(group)?;
            self.not_migrating(group)?;
        }
        Ok(children)
    }

    /// Refuses a live migration that would part groups that have to be on one server.
    pub(in super::super) fn may_part(&self, name: &GroupName) -> Result<(), Refusal> {
        let mut links = self.group(name)?.ties.links.iter();
        if let Some(link) = links.find(|link| link.need == Need::OnlineLocal) {
            return Err(Refusal::RunsWithChild { group: name.clone(), child: link.child.clone() });
        }
        let parents = self.ledger.parents_online(name, &[], |link| link.need == Need::OnlineLocal);
        if parents.is_empty() { Ok(()) } else { Err(Refusal::ParentsOnline { group: name.clone(), parents }) }
    }

    /// Checks that the server is in the list, and the group has not failed there. Any other obstacle is waited for.
    fn may_stand(&self, name: &GroupName, server: &ServerName) -> Result<(), Refusal> {
        self.is_listed(name, server)?;
        if self.group(name)?.faults.contains_key(server) {
            let why = NotHere::Faulted;
            return Err(Refusal::NotThere { group: name.clone(), server: server.clone(), why });
        }
        Ok(())
    }
}
