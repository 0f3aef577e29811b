//! Random sites, so small and tight that often some groups are left out; and the events that befall them.

use crate::properties::world::{World, needs};
use proptest::{collection::vec, prelude::*, sample::subsequence};
use std::collections::BTreeSet;
use tenure_core::{
    GroupName, HmcName, ServerName, Verb,
    config::{
        Asks, AutostartPolicy, Cluster, Failover, Group, Hmc, Kind, Link, Need, Node, PlacementRule, Policy, Resource,
        Rigidity, Server,
    },
};

/// A site, the requests of its operators, and the servers that it loses afterwards, one after the other.
#[derive(Clone)]
pub struct Case {
    pub cluster: Cluster,
    pub requests: Vec<Verb>,
    pub lost: Vec<ServerName>,
}

/// In a few lines, for readers of a failure.
impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (name, server) in &self.cluster.servers {
            let (limits, zone) = (&server.limits, server.zone.as_deref().unwrap_or_default());
            writeln!(f, "{name}: {:?} {:?} {limits:?} {zone}", server.memory, server.processors)?;
        }
        for (name, group) in &self.cluster.groups {
            let mobile =
                self.cluster.resources_of(name).any(|(_, lpar)| lpar.as_lpar().is_some_and(|lpar| lpar.mobile));
            let Group { servers, priority, policy, autostart_policy, failover, load, prerequisites, requires, .. } =
                group;
            let needs = needs(&self.cluster, name);
            writeln!(f, "{name}: {servers:?} {priority} {policy:?} {autostart_policy:?} {failover:?} {needs:?}")?;
            writeln!(f, "    mobile {mobile} {} {prerequisites:?} {requires:?}", load.units)?;
        }
        for (name, rule) in &self.cluster.rules {
            writeln!(f, "{name}: {rule:?}")?;
        }
        writeln!(f, "{:?}\nlost {:?}", self.requests, self.lost)
    }
}

impl Case {
    /// Whether groups depend on each other.
    pub fn is_linked(&self) -> bool {
        self.cluster.groups.values().any(|group| !group.requires.is_empty())
    }

    /// Whether no server has any bounds, so that the order of starts does not matter.
    pub fn is_roomy(&self) -> bool {
        let unbounded = |server: &Server| server.memory.is_none() && server.processors.is_none();
        let undemanding = |group: &Group| group.prerequisites.is_empty();
        self.cluster.servers.values().all(unbounded)
            && self.cluster.groups.values().all(undemanding)
            && self.cluster.rules.is_empty()
    }

    /// Whether a group chooses by load when it is asked to move, while others move.
    pub fn is_unsteady(&self) -> bool {
        !self.requests.is_empty() && self.cluster.groups.values().any(|group| group.policy != Policy::Priority)
    }
}

fn server(n: usize) -> ServerName {
    format!("p{n}").into()
}

fn group(n: usize) -> GroupName {
    format!("g{n}").into()
}

/// Sites without contradictions, of up to four servers; `linked` ones also with links, moves and requests.
pub fn cases(linked: bool) -> impl Strategy<Value = Case> {
    any_cases(linked).prop_filter("contradicts itself", |case| World::new(case.cluster.clone()).is_some())
}

fn any_cases(linked: bool) -> impl Strategy<Value = Case> {
    (2_usize..5, 1_usize..7, prop::bool::weighted(0.3)).prop_flat_map(move |(servers, groups, roomy)| {
        let capacity = (6_u64..13, 6_u64..13, 0_u64..4, 0_u32..2);
        let groups_of = vec(a_group(servers), groups);
        let rules = vec(a_rule(groups, servers), 0..3);
        let links = vec((0..groups, 0..groups, 0_usize..4, any::<bool>()), 0..if linked { 3 } else { 1 });
        let requests = vec((0_usize..4, 0..groups, 0..servers), 0..if linked { 3 } else { 1 });
        let lost = subsequence((0..servers).collect::<Vec<_>>(), 0..=2.min(servers - 1)).prop_shuffle();
        (vec(capacity, servers), groups_of, rules, links, requests, lost).prop_map(
            move |(capacities, groups, rules, links, requests, lost)| {
                let mut cluster = bare(servers);
                for (n, (memory, processors, licences, zone)) in capacities.into_iter().enumerate() {
                    let Some(declared) = cluster.servers.get_mut(&server(n)) else { continue };
                    if !roomy {
                        (declared.memory, declared.processors) = (Some(memory * 1024), Some(processors * 10));
                    }
                    declared.units = Some(100);
                    declared.limits.insert("licences".to_owned(), licences);
                    declared.zone = Some(format!("z{zone}"));
                }
                for (n, declared) in groups.into_iter().enumerate() {
                    add(&mut cluster, n, declared, linked, roomy);
                }
                for (n, rule) in rules.into_iter().enumerate() {
                    cluster.rules.insert(format!("r{n}").as_str().into(), rule);
                }
                for (parent, child, need, firm) in links.into_iter().filter(|_| linked) {
                    if child < parent {
                        let need =
                            [Need::OnlineGlobal, Need::OnlineLocal, Need::OnlineRemote, Need::OfflineLocal][need];
                        let rigidity = if firm { Rigidity::Firm } else { Rigidity::Soft };
                        let Some(parent) = cluster.groups.get_mut(&group(parent)) else { continue };
                        if parent.requires.is_empty() {
                            parent.requires.push(Link { child: group(child), need, rigidity });
                        }
                    }
                }
                let ask = |(kind, n, to): (usize, usize, usize)| match kind {
                    0 => Verb::Switch { group: group(n), server: server(to) },
                    1 => Verb::Migrate { group: group(n), server: server(to) },
                    2 => Verb::Offline { group: group(n), propagate: true },
                    _ => Verb::Drain { server: server(to), terms: Default::default() },
                };
                let requests = requests.into_iter().filter(|_| linked).map(ask).collect();
                Case { cluster, requests, lost: lost.into_iter().map(server).collect() }
            },
        )
    })
}

/// The choices for a group.
#[derive(Clone, Debug)]
struct Choice {
    servers: Vec<usize>,
    policy: Policy,
    autostart: AutostartPolicy,
    failover: Failover,
    memory: u64,
    processors: u64,
    units: u64,
    licences: u64,
    priority: u32,
    mobile: bool,
}

fn a_group(servers: usize) -> impl Strategy<Value = Choice> {
    let list = subsequence((0..servers).collect::<Vec<_>>(), 1..=servers).prop_shuffle();
    let policies = vec![Policy::Priority, Policy::RoundRobin, Policy::Load, Policy::BiggestAvailable];
    let autostart = vec![AutostartPolicy::Order, AutostartPolicy::Load, AutostartPolicy::Priority];
    let kind = (prop::sample::select(policies), prop::sample::select(autostart), prop::bool::weighted(0.2));
    let licences = prop_oneof![3 => Just(0_u64), 1 => 1_u64..3];
    (list, kind, 1_u64..7, 1_u64..7, 0_u64..60, licences, 0_u32..4, prop::bool::weighted(0.4)).prop_map(
        |(servers, (policy, autostart, zone), memory, processors, units, licences, priority, mobile)| Choice {
            servers,
            policy,
            autostart,
            failover: if zone { Failover::Zone } else { Failover::Any },
            memory,
            processors,
            units,
            licences,
            priority,
            mobile,
        },
    )
}

fn a_rule(groups: usize, servers: usize) -> impl Strategy<Value = PlacementRule> {
    let groups = subsequence((0..groups).collect::<Vec<_>>(), 2.min(groups)..=groups.min(3));
    let servers = subsequence((0..servers).collect::<Vec<_>>(), 1..=servers);
    (0_usize..4, groups, servers, any::<bool>()).prop_map(|(kind, groups, servers, strict)| {
        let servers: BTreeSet<ServerName> = servers.into_iter().map(server).collect();
        let asks = match kind {
            0 => Asks::Together,
            1 => Asks::Apart,
            2 => Asks::On(servers),
            _ => Asks::NotOn(servers),
        };
        PlacementRule { asks, groups: groups.into_iter().map(group).collect(), strict }
    })
}

fn bare(servers: usize) -> Cluster {
    let mut cluster = Cluster { name: "site".to_owned(), ..Cluster::default() };
    let hmc: HmcName = "hmc1".into();
    let host_key = format!("SHA256:{}", "x".repeat(43));
    cluster
        .managers
        .insert(hmc.clone(), Hmc { address: "hmc1:22".to_owned(), user: "tenure".to_owned(), host_key }.into());
    for n in 0..servers {
        let mut declared = Server::new(&format!("p{n}"), &format!("9009-42A*{n:07}"), vec![hmc.clone()]);
        declared.surrogate = true;
        cluster.servers.insert(server(n), declared);
        cluster.nodes.insert(format!("n{n}").into(), Node { server: Some(server(n)), lpar: None, watchdog: None });
    }
    (cluster.brakes.starts, cluster.brakes.stops, cluster.brakes.migrations, cluster.brakes.per_manager) =
        (99, 99, 99, 99);
    cluster
}

fn add(cluster: &mut Cluster, n: usize, choice: Choice, linked: bool, roomy: bool) {
    let mut declared = Group::new(choice.servers.iter().map(|at| server(*at)).collect());
    declared.priority = choice.priority;
    (declared.policy, declared.autostart_policy, declared.failover) =
        (choice.policy, choice.autostart, choice.failover);
    declared.load.units = choice.units;
    let licences = |at: &ServerName| cluster.servers.get(at).and_then(|at| at.limits.get("licences")).copied();
    let most = declared.servers.iter().filter_map(licences).max().unwrap_or_default();
    if choice.licences.min(most) > 0 && !roomy {
        declared.prerequisites.insert("licences".to_owned(), choice.licences.min(most));
    }
    cluster.groups.insert(group(n), declared);
    let mut resource = Resource::lpar(group(n), &format!("l{n}"));
    if let Kind::Lpar(lpar) = &mut resource.kind {
        (lpar.memory, lpar.processors) = (choice.memory * 1024, choice.processors * 10);
        lpar.mobile = choice.mobile && linked && choice.servers.len() > 1;
    }
    cluster.resources.insert(format!("l{n}").as_str().into(), resource);
}
