//! Checks of links between groups: combinations without a defined behaviour, and groups that could never be online.

use super::{
    Found, Rule,
    graph::{Graph, Levels, rings},
    path,
};
use crate::{
    GroupName,
    config::{Cluster, Group, GroupKind, Link, Need, Rigidity},
};
use std::collections::BTreeMap;

/// Maximum number of groups in one chain of links, as in VCS.
const DEPTH: usize = 5;

pub(super) fn check(cluster: &Cluster, found: &mut Found) {
    let mut graph: Graph<&GroupName> = Graph::new();
    let mut hard: BTreeMap<&GroupName, &GroupName> = BTreeMap::new();
    for (name, group) in &cluster.groups {
        let children = graph.entry(name).or_default();
        for (i, link) in group.requires.iter().enumerate() {
            let at = ["groups", name.as_str(), "requires", &i.to_string()];
            let child = &link.child;
            if child == name {
                found.add(&at, Rule::LinkToSelf { group: name.clone() });
                continue;
            }
            let Some(declared) = cluster.groups.get(child) else {
                found.unknown_group(&[at[0], at[1], at[2], at[3], "group"], child.as_str(), cluster);
                continue;
            };
            if !children.insert(child) {
                found.add(&at, Rule::LinkTwice { group: child.clone() });
                continue;
            }
            if link.rigidity == Rigidity::Hard
                && let Some(other) = hard.insert(child, name)
            {
                found.add(&at, Rule::TwoHardParents { child: child.clone(), other: other.clone() });
            }
            kinds(found, &at, (name, group), link, declared);
            servers(found, &at, (name, group), link, declared);
        }
    }
    let (rings, levels) = rings(&graph);
    for ring in rings {
        let index = ring.first().zip(ring.get(1)).and_then(|(parent, child)| index_of(cluster, parent, child));
        if let Some((parent, index)) = ring.first().zip(index) {
            let place = ["groups", parent.as_str(), "requires", &index.to_string()];
            found.add(&place, Rule::LinkCycle { path: path(ring.iter()) });
        }
    }
    depth(found, &graph, &levels);
}

fn index_of(cluster: &Cluster, parent: &GroupName, child: &GroupName) -> Option<usize> {
    cluster.groups.get(parent)?.requires.iter().position(|link| &link.child == child)
}

/// Checks a link against the kinds of both groups.
fn kinds(found: &mut Found, at: &[&str], parent: (&GroupName, &Group), link: &Link, declared: &Group) {
    let (name, group) = parent;
    let child = || link.child.clone();
    let parallel = |group: &Group| group.kind == GroupKind::Parallel;
    match (link.rigidity, link.need) {
        (Rigidity::Hard, Need::OnlineGlobal | Need::OnlineRemote) => {
            found.add(at, Rule::HardNotLocal { child: child() });
        }
        (Rigidity::Hard, Need::OnlineLocal) if parallel(declared) => {
            found.add(at, Rule::HardParallel { group: child() });
        }
        (Rigidity::Hard, Need::OnlineLocal) if parallel(group) => {
            found.add(at, Rule::HardParallel { group: name.clone() });
        }
        (Rigidity::Soft | Rigidity::Hard, Need::OfflineLocal) => {
            found.add(at, Rule::OfflineRigid { child: child() });
        }
        (Rigidity::Soft | Rigidity::Firm, _) | (Rigidity::Hard, Need::OnlineLocal) => {}
    }
    match (parallel(group), parallel(declared), link.need) {
        (true, true, Need::OnlineGlobal | Need::OnlineRemote) => found.add(at, Rule::ParallelBoth { child: child() }),
        (true, false, Need::OnlineLocal) => {
            found.add(at, Rule::ParallelNeedsOne { group: name.clone(), child: child() });
        }
        (
            true | false,
            true | false,
            Need::OnlineLocal | Need::OnlineGlobal | Need::OnlineRemote | Need::OfflineLocal,
        ) => {}
    }
}

/// Checks that the parent could ever be online beside its child.
fn servers(found: &mut Found, at: &[&str], parent: (&GroupName, &Group), link: &Link, child: &Group) {
    let (name, group) = parent;
    if group.servers.is_empty() || child.servers.is_empty() {
        return;
    }
    match link.need {
        Need::OnlineLocal if !group.servers.iter().any(|server| child.servers.contains(server)) => {
            found.add(at, Rule::LinkNowhere { group: name.clone(), child: link.child.clone() });
        }
        Need::OnlineRemote => {
            if let ([only], [other]) = (group.servers.as_slice(), child.servers.as_slice())
                && only == other
            {
                let (group, child, server) = (name.clone(), link.child.clone(), only.clone());
                found.add(at, Rule::RemoteNowhere { group, child, server });
            }
        }
        Need::OnlineLocal | Need::OnlineGlobal | Need::OfflineLocal => {}
    }
}

/// Reports chains that are one too long; longer ones, above them, are not reported again.
fn depth(found: &mut Found, graph: &Graph<&GroupName>, levels: &Levels<&GroupName>) {
    for (name, level) in levels {
        if *level != DEPTH.saturating_add(1) {
            continue;
        }
        let mut chain = vec![*name];
        let deepest = |name: &GroupName| {
            let children = graph.get(name).into_iter().flatten();
            children.max_by_key(|child| levels.get(*child).copied().unwrap_or_default()).copied()
        };
        while let Some(next) = chain.last().and_then(|last| deepest(last)) {
            chain.push(next);
        }
        let rule = Rule::LinkTooDeep { path: path(chain.iter()), most: DEPTH };
        found.add(&["groups", name.as_str(), "requires"], rule);
    }
}
