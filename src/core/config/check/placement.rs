//! Checks of placement rules: each by itself, and plain contradictions between strict ones.

use super::{Found, Rule, list};
use crate::{
    GroupName, RuleName, ServerName,
    config::{Asks, Cluster, GroupKind, Need, PlacementRule},
};
use std::collections::BTreeSet;

pub(super) fn check(cluster: &Cluster, found: &mut Found) {
    for (name, rule) in &cluster.rules {
        let at = ["rules", name.as_str()];
        found.name(&at, name.as_str());
        known(cluster, found, name, rule);
        enough(found, &at, name, rule);
        if rule.strict {
            possible(cluster, found, &at, name, rule);
            links(cluster, found, &at, name, rule);
        }
        let earlier = cluster.rules.range(..name.clone());
        for (other_name, other) in earlier {
            if (&rule.asks, &rule.groups) == (&other.asks, &other.groups) {
                found.add(&at, Rule::RuleTwice { rule: name.clone(), other: other_name.clone() });
            } else if rule.strict
                && other.strict
                && let Some(groups) = contradiction(rule, other)
            {
                let (rule, other) = (name.clone(), other_name.clone());
                found.add(&at, Rule::RulesContradict { rule, other, groups: list(groups.iter()) });
            }
        }
    }
}

/// The key of the cluster file under which the groups are listed.
fn key(rule: &PlacementRule) -> &'static str {
    match rule.asks {
        Asks::Apart => "apart",
        Asks::Together => "together",
        Asks::On(_) | Asks::NotOn(_) => "groups",
    }
}

fn servers(rule: &PlacementRule) -> Option<(&'static str, &BTreeSet<ServerName>)> {
    match &rule.asks {
        Asks::Apart | Asks::Together => None,
        Asks::On(servers) => Some(("on", servers)),
        Asks::NotOn(servers) => Some(("not_on", servers)),
    }
}

fn known(cluster: &Cluster, found: &mut Found, name: &RuleName, rule: &PlacementRule) {
    for group in &rule.groups {
        let place = ["rules", name.as_str(), key(rule)];
        match cluster.groups.get(group) {
            None => found.unknown_group(&place, group.as_str(), cluster),
            Some(declared) if declared.kind == GroupKind::Parallel && servers(rule).is_none() => {
                found.add(&place, Rule::ParallelRule { rule: name.clone(), group: group.clone() });
            }
            Some(_) => {}
        }
    }
    if let Some((key, servers)) = servers(rule) {
        for server in servers.iter().filter(|server| !cluster.servers.contains_key(*server)) {
            found.unknown_server(&["rules", name.as_str(), key], server, cluster);
        }
    }
}

fn enough(found: &mut Found, at: &[&str; 2], name: &RuleName, rule: &PlacementRule) {
    let pair = matches!(rule.asks, Asks::Apart | Asks::Together);
    if pair && rule.groups.len() < 2 {
        found.add(at, Rule::TooFewGroups { rule: name.clone() });
    } else if rule.groups.is_empty() {
        found.add(at, Rule::NoGroups { rule: name.clone() });
    }
    if servers(rule).is_some_and(|(_, servers)| servers.is_empty()) {
        found.add(at, Rule::NoServers { rule: name.clone() });
    }
}

/// Checks that the groups' own lists leave room for what the rule asks.
fn possible(cluster: &Cluster, found: &mut Found, at: &[&str; 2], name: &RuleName, rule: &PlacementRule) {
    let lists = || rule.groups.iter().filter_map(|group| Some((group, &cluster.groups.get(group)?.servers)));
    match &rule.asks {
        Asks::Apart => {
            let all: BTreeSet<&ServerName> = lists().flat_map(|(_, servers)| servers).collect();
            if all.len() < rule.groups.len() && lists().count() == rule.groups.len() {
                let (groups, servers) = (rule.groups.len(), all.len());
                found.add(at, Rule::ApartTooMany { rule: name.clone(), groups, servers });
            }
        }
        Asks::Together => {
            let first = lists().next().map(|(_, servers)| servers).into_iter().flatten();
            let shared = |server: &&ServerName| lists().all(|(_, servers)| servers.contains(*server));
            if lists().count() > 1 && first.filter(shared).count() == 0 {
                found.add(at, Rule::TogetherNowhere { rule: name.clone() });
            }
        }
        Asks::On(named) | Asks::NotOn(named) if named.is_empty() => {}
        Asks::On(_) | Asks::NotOn(_) => {
            for (group, servers) in lists().filter(|(_, servers)| !servers.is_empty()) {
                if !servers.iter().any(|server| allows(rule, server)) {
                    found.add(at, Rule::NowhereLeft { rule: name.clone(), group: group.clone() });
                }
            }
        }
    }
}

/// Whether a rule about servers allows this one.
fn allows(rule: &PlacementRule, server: &ServerName) -> bool {
    match &rule.asks {
        Asks::Apart | Asks::Together => true,
        Asks::On(servers) => servers.contains(server),
        Asks::NotOn(servers) => !servers.contains(server),
    }
}

/// Reports links that a strict rule makes impossible.
fn links(cluster: &Cluster, found: &mut Found, at: &[&str; 2], name: &RuleName, rule: &PlacementRule) {
    for group in &rule.groups {
        for link in cluster.groups.get(group).into_iter().flat_map(|group| &group.requires) {
            let against = match (&rule.asks, link.need) {
                (Asks::Apart, Need::OnlineLocal) | (Asks::Together, Need::OnlineRemote | Need::OfflineLocal) => true,
                (Asks::Apart, Need::OnlineGlobal | Need::OnlineRemote | Need::OfflineLocal)
                | (Asks::Together, Need::OnlineLocal | Need::OnlineGlobal)
                | (Asks::On(_) | Asks::NotOn(_), _) => false,
            };
            if against && rule.groups.contains(&link.child) {
                let (group, child) = (group.clone(), link.child.clone());
                found.add(at, Rule::RuleAgainstLink { rule: name.clone(), group, child });
            }
        }
    }
}

/// The groups for which two strict rules cannot both be kept.
fn contradiction(one: &PlacementRule, other: &PlacementRule) -> Option<Vec<GroupName>> {
    let shared: Vec<GroupName> = one.groups.intersection(&other.groups).cloned().collect();
    let contradict = match (&one.asks, &other.asks) {
        (Asks::Apart, Asks::Together) | (Asks::Together, Asks::Apart) => shared.len() > 1,
        (Asks::On(these), Asks::On(those)) => !shared.is_empty() && these.is_disjoint(those),
        (Asks::On(these), Asks::NotOn(not)) | (Asks::NotOn(not), Asks::On(these)) => {
            !shared.is_empty() && these.is_subset(not)
        }
        // Groups apart need as many servers as there are groups.
        (Asks::Apart, Asks::On(these)) | (Asks::On(these), Asks::Apart) => shared.len() > these.len(),
        (Asks::Apart | Asks::Together, Asks::Apart | Asks::Together | Asks::NotOn(_))
        | (Asks::Together, Asks::On(_))
        | (Asks::On(_), Asks::Together)
        | (Asks::NotOn(_), Asks::Apart | Asks::Together | Asks::NotOn(_)) => false,
    };
    contradict.then_some(shared)
}
