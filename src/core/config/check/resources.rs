//! Checks of resources: LPARs, resources of agents, and requirements between them.

use super::{
    Found, Rule,
    graph::{Graph, rings},
    is_name, list, path,
    text::{NAME_LIMIT, VALUE_LIMIT, VALUES_LIMIT},
};
use crate::{
    GroupName, ResourceName, Span,
    config::{Agent, Cluster, GroupKind, Kind, Lpar, Operations, Requirement, Resource, secret_name},
};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(cluster: &Cluster, found: &mut Found) {
    watchdogs(cluster, found);
    let mut partitions: BTreeMap<&str, &ResourceName> = BTreeMap::new();
    let lpars = |lpar: &'_ ResourceName| cluster.lpar(lpar).map(|lpar| lpar.partition.clone());
    let managed: BTreeMap<String, &ResourceName> =
        cluster.resources.keys().filter_map(|name| Some((lpars(name)?, name))).collect();
    let mut graph: Graph<&ResourceName> = Graph::new();
    for (name, resource) in &cluster.resources {
        let at = [resource.table(), name.as_str()];
        found.name(&at, name.as_str());
        if !cluster.groups.contains_key(&resource.group) {
            found.unknown_group(&[at[0], at[1], "group"], resource.group.as_str(), cluster);
        }
        times(cluster, found, &at, resource);
        watching(found, &at, name, resource);
        match &resource.kind {
            Kind::Lpar(lpar) => {
                check_lpar(cluster, found, (name, resource), lpar, &managed);
                if let Some(other) = partitions.insert(&lpar.partition, name) {
                    let rule = Rule::PartitionTwice { partition: lpar.partition.clone(), other: other.clone() };
                    found.add(&[at[0], at[1], "partition"], rule);
                }
            }
            Kind::Agent(agent) => check_agent(cluster, found, (name, resource), agent),
        }
        requirements(cluster, found, name, resource);
        graph.insert(name, resource.requires.iter().flat_map(|one| &one.of).filter(|of| *of != name).collect());
    }
    for ring in rings(&graph).0 {
        let Some(first) = ring.first() else { continue };
        let table = cluster.resources.get(*first).map_or("resources", Resource::table);
        found.add(&[table, first.as_str(), "requires"], Rule::RequiresCycle { path: path(ring.iter()) });
    }
}

fn times(cluster: &Cluster, found: &mut Found, at: &[&str; 2], resource: &Resource) {
    if resource.start_timeout == Span(0) {
        found.add(&[at[0], at[1], "start_timeout"], Rule::Zero { what: "start_timeout" });
    }
    let group = cluster.groups.get(&resource.group);
    let usual = group.map_or(0, |group| group.restart_limit);
    let restarts = resource.patience.restart_limit.unwrap_or(usual) > 0;
    if restarts && resource.patience.restart_window == Some(Span(0)) {
        found.add(&[at[0], at[1], "restart_window"], Rule::Zero { what: "restart_window" });
    }
}

fn watching(found: &mut Found, at: &[&str; 2], name: &ResourceName, resource: &Resource) {
    let place = [at[0], at[1], "monitor_only"];
    if resource.monitor_only && !resource.enabled {
        found.add(&place, Rule::OnlyWatchedDisabled { resource: name.clone() });
    } else if resource.monitor_only && resource.operations() == Operations::None {
        found.add(&place, Rule::OnlyWatchedPersistent { resource: name.clone() });
    }
}

fn check_lpar(
    cluster: &Cluster,
    found: &mut Found,
    (name, resource): (&ResourceName, &Resource),
    lpar: &Lpar,
    managed: &BTreeMap<String, &ResourceName>,
) {
    let at = |field| ["lpars", name.as_str(), field];
    found.partition(&at("partition"), &lpar.partition);
    if let Some(profile) = &lpar.profile {
        found.text(&at("profile"), "profile", profile);
    }
    let own = cluster.nodes.iter().find(|(_, node)| node.lpar.as_ref() == Some(&lpar.partition));
    if let Some((node, _)) = own {
        let rule = Rule::ManagedNode { partition: lpar.partition.clone(), node: node.clone() };
        found.add(&at("partition"), rule);
    }
    let group = cluster.groups.get(&resource.group);
    if group.is_some_and(|group| group.kind == GroupKind::Parallel) {
        let rule = Rule::ParallelLpar { group: resource.group.clone(), lpar: name.clone() };
        found.add(&at("group"), rule);
    }
    for (server, profile) in &lpar.profiles {
        let place = ["lpars", name.as_str(), "profiles", server.as_str()];
        on_server(cluster, found, &place, &resource.group);
        found.text(&place, "profile", profile);
    }
    if lpar.mobile && !lpar.profiles.is_empty() {
        found.add(&at("profiles"), Rule::MobileProfiles { lpar: name.clone() });
    }
    if lpar.mobile && group.is_some_and(|group| group.servers.len() == 1) {
        let rule = Rule::MobileNowhere { lpar: name.clone(), group: resource.group.clone() };
        found.add(&at("mobile"), rule);
    }
    if lpar.migrate_timeout == Span(0) {
        found.add(&at("migrate_timeout"), Rule::Zero { what: "migrate_timeout" });
    }
    for (i, vio) in lpar.vios.iter().enumerate() {
        let place = ["lpars", name.as_str(), "vios", &i.to_string()];
        found.partition(&place, vio);
        if lpar.vios.iter().take(i).any(|earlier| earlier == vio) {
            found.add(&place, Rule::VioTwice { vio: vio.clone() });
        }
        if let Some(lpar) = managed.get(vio) {
            found.add(&place, Rule::VioIsLpar { vio: vio.clone(), lpar: (*lpar).clone() });
        }
    }
}

fn check_agent(cluster: &Cluster, found: &mut Found, (name, resource): (&ResourceName, &Resource), agent: &Agent) {
    let at = |field| ["resources", name.as_str(), field];
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    if agent.agent.eq_ignore_ascii_case("lpar") {
        found.add(&at("type"), Rule::LparAsResource { name: name.clone() });
    } else if agent.agent.is_empty() || agent.agent.len() > NAME_LIMIT || !agent.agent.chars().all(word) {
        found.add(&at("type"), Rule::AgentType { name: agent.agent.clone() });
    }
    for (attribute, value) in &agent.attributes {
        check_value(found, &["resources", name.as_str(), "attributes", attribute], attribute, value);
    }
    for depth in agent.watch.depths.keys() {
        found.name(&["resources", name.as_str(), "depths", depth], depth);
    }
    for (server, attributes) in &agent.on {
        let place = ["resources", name.as_str(), "on", server.as_str()];
        on_server(cluster, found, &place, &resource.group);
        for (attribute, value) in attributes {
            check_value(found, &[place[0], place[1], place[2], place[3], attribute], attribute, value);
        }
    }
    let bytes = |(name, value): (&String, &String)| name.len().saturating_add(value.len());
    let sizes = agent.on.keys().map(|server| agent.attributes_on(server).into_iter().map(bytes).sum());
    let everywhere: usize = agent.attributes.iter().map(bytes).sum();
    if let Some(bytes) = sizes.chain([everywhere]).max().filter(|bytes| *bytes > VALUES_LIMIT) {
        found.add(&at("attributes"), Rule::ValuesLarge { resource: name.clone(), bytes });
    }
    for server in cluster.groups.get(&resource.group).iter().flat_map(|group| &group.servers) {
        if cluster.servers.get(server).is_some_and(|server| server.surrogate) && cluster.node_on(server).is_none() {
            let (resource_name, group) = (name.clone(), resource.group.clone());
            let rule = Rule::NoNodeForAgent { resource: resource_name, server: server.clone(), group };
            found.add(&at("group"), rule);
        }
    }
}

/// Checks one attribute: it reaches a program as a variable or an argument.
fn check_value(found: &mut Found, place: &[&str], attribute: &str, value: &str) {
    found.name(place, attribute);
    let attribute = attribute.to_owned();
    if value.contains('\0') {
        found.add(place, Rule::ValueNul { attribute });
    } else if value.len() > VALUE_LIMIT {
        found.add(place, Rule::ValueLong { attribute, bytes: value.len() });
    } else if secret_name(value).is_some_and(|secret| !is_name(secret)) {
        found.add(place, Rule::SecretName { attribute });
    }
}

/// Checks the server that a setting of a resource is for: the last step of the place. It must be in the group's list.
fn on_server(cluster: &Cluster, found: &mut Found, place: &[&str; 4], group: &GroupName) {
    let Some((name, _)) = cluster.servers.get_key_value(place[3]) else {
        found.unknown_server(place, &place[3].into(), cluster);
        return;
    };
    if cluster.groups.get(group).is_some_and(|group| !group.servers.contains(name)) {
        found.add(place, Rule::OutsideList { server: name.clone(), group: group.clone() });
    }
}

fn requirements(cluster: &Cluster, found: &mut Found, name: &ResourceName, resource: &Resource) {
    let at = [resource.table(), name.as_str(), "requires"];
    if resource.operations() == Operations::None && !resource.requires.is_empty() {
        found.add(&at, Rule::PersistentRequires { resource: name.clone() });
        return;
    }
    let mut seen: BTreeSet<&ResourceName> = BTreeSet::new();
    for (i, requirement) in resource.requires.iter().enumerate() {
        let place = [at[0], at[1], at[2], &i.to_string()];
        amount(found, &place, name, requirement);
        for of in &requirement.of {
            if of == name {
                found.add(&place, Rule::RequiresItself { resource: name.clone() });
                continue;
            }
            match cluster.resources.get(of) {
                None => {
                    let siblings = cluster.resources_of(&resource.group).map(|(sibling, _)| sibling);
                    let known = list(siblings.filter(|sibling| *sibling != name));
                    found.add(&place, Rule::UnknownResource { resource: of.to_string(), known });
                }
                Some(other) if other.group != resource.group => {
                    let rule = Rule::RequiresElsewhere { resource: of.clone(), group: other.group.clone() };
                    found.add(&place, rule);
                }
                Some(_) => {}
            }
            if !seen.insert(of) {
                found.add(&place, Rule::RequiresTwice { resource: of.clone() });
            }
        }
        waits_for_ever(cluster, found, &place, name, requirement);
    }
}

fn amount(found: &mut Found, place: &[&str; 4], name: &ResourceName, requirement: &Requirement) {
    let of = requirement.of.len();
    if of == 0 {
        found.add(place, Rule::EmptyRequirement { resource: name.clone() });
    } else if requirement.at_least == 0 {
        found.add(place, Rule::AtLeastZero { resource: name.clone() });
    } else if usize::try_from(requirement.at_least).is_ok_and(|least| least > of) {
        found.add(place, Rule::AtLeastTooMany { at_least: requirement.at_least, of });
    }
}

/// Checks that a watchdog leaves a node without a lease the time to stop what lives inside it.
fn watchdogs(cluster: &Cluster, found: &mut Found) {
    for (node, declared) in &cluster.nodes {
        let (Some(server), Some(has)) = (&declared.server, declared.watchdog) else { continue };
        let place = ["nodes", node.as_str(), "watchdog"];
        let here = cluster.groups.iter().filter(|(_, group)| group.servers.contains(server));
        for (name, group) in here.filter(|(_, group)| group.kind == GroupKind::Failover) {
            let inside: BTreeMap<&ResourceName, &Resource> =
                cluster.resources_of(name).filter(|(_, resource)| resource.as_agent().is_some()).collect();
            let longest = inside.keys().map(|resource| chain(&inside, resource, inside.len())).max();
            let Some(chain) = longest.filter(|_| group.managed) else { continue };
            let needs = cluster.timings.stand_down.plus(chain);
            if needs > has {
                let (node, group) = (node.clone(), name.clone());
                found.add(&place, Rule::WatchdogShort { node, group, needs, has });
            }
        }
    }
}

/// Longest sum of stop timeouts from a resource down its requirements. `depth` bounds a ring, a mistake of its own.
fn chain(inside: &BTreeMap<&ResourceName, &Resource>, name: &ResourceName, depth: usize) -> Span {
    let Some((resource, depth)) = inside.get(name).zip(depth.checked_sub(1)) else { return Span(0) };
    let own = if resource.operations() == Operations::OnOff { resource.stop_timeout } else { Span(0) };
    let below = resource.requires.iter().flat_map(|need| &need.of).map(|of| chain(inside, of, depth)).max();
    own.plus(below.unwrap_or_default())
}

/// Checks that a requirement can be met without disabled resources, which never come online.
fn waits_for_ever(
    cluster: &Cluster,
    found: &mut Found,
    place: &[&str; 4],
    name: &ResourceName,
    requirement: &Requirement,
) {
    let disabled = |of: &&ResourceName| cluster.resources.get(*of).is_some_and(|other| !other.enabled);
    let Some(first) = requirement.of.iter().find(disabled) else { return };
    let left = requirement.of.iter().filter(|of| !disabled(of)).count();
    if usize::try_from(requirement.at_least).is_ok_and(|least| least > left) {
        found.add(place, Rule::RequiresDisabled { resource: name.clone(), disabled: first.clone() });
    }
}
