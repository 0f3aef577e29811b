//! The rules of a valid cluster. Each mistake says where it is, what is wrong, and what to write instead.

use super::{Cluster, Group, Load, Timings};
use crate::{GroupName, NodeName, ResourceName, ServerName, Span};
use std::{collections::BTreeMap, fmt};

/// Longest name that may be given to anything.
pub const NAME_LIMIT: usize = 64;

/// One rule that the cluster breaks, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Path to the value: `["groups", "web", "servers", "2"]`.
    pub place: Vec<String>,
    /// The rule that is broken.
    pub rule: Rule,
}

/// Rules that a cluster may break.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // each says itself in `Display`
pub enum Rule {
    Name { name: String },
    UnknownHmc { hmc: String, known: String },
    UnknownServer { server: String, known: String },
    UnknownGroup { group: String, known: String },
    NoHmc { server: ServerName },
    HmcTwice { hmc: String },
    Mtms { mtms: String },
    SystemTwice { mtms: String, other: ServerName },
    HostKey { host_key: String },
    Address { address: String },
    NodesOnOneServer { server: ServerName, other: NodeName },
    LparWithoutServer { node: NodeName },
    ServerTwice { server: ServerName },
    EmptySystemList { group: GroupName },
    Unmanaged { server: ServerName },
    AutostartOutsideList { server: ServerName },
    EmptyGroup { group: GroupName },
    PartitionTwice { partition: String, other: ResourceName },
    ManagedNode { partition: String, node: NodeName },
    Zero { what: &'static str },
    TooShort { what: &'static str, value: Span, than: &'static str, least: Span },
    NeverFits { group: GroupName, server: ServerName, what: &'static str, need: String, has: String },
    LinkTwice { child: GroupName },
    LinkMisfit { parent: GroupName, child: GroupName, why: &'static str },
    HardParentTwice { child: GroupName, other: GroupName },
    TooDeep { levels: u32 },
    Cycle { path: String },
    EmptyTier,
    TierTwice { group: GroupName },
}

impl Cluster {
    /// Every rule that this cluster breaks; empty if it may be applied.
    pub fn mistakes(&self) -> Vec<Mistake> {
        let mut found = Found(Vec::new());
        self.check_hmcs(&mut found);
        self.check_servers(&mut found);
        self.check_nodes(&mut found);
        self.check_groups(&mut found);
        self.check_resources(&mut found);
        self.check_links(&mut found);
        self.timings.check(&mut found);
        found.0
    }

    fn check_hmcs(&self, found: &mut Found) {
        if !is_name(&self.name) {
            found.add(&["name"], Rule::Name { name: self.name.clone() });
        }
        for (name, hmc) in &self.hmcs {
            found.name(&["hmcs", name.as_str()], name.as_str());
            if hmc.host_key.strip_prefix("SHA256:").is_none_or(|rest| rest.len() != 43) {
                found.add(&["hmcs", name.as_str(), "host_key"], Rule::HostKey { host_key: hmc.host_key.clone() });
            }
            if !is_address(&hmc.address) {
                found.add(&["hmcs", name.as_str(), "address"], Rule::Address { address: hmc.address.clone() });
            }
        }
    }

    fn check_servers(&self, found: &mut Found) {
        let mut systems: BTreeMap<&str, &ServerName> = BTreeMap::new();
        for (name, server) in &self.servers {
            let at = ["servers", name.as_str()];
            found.name(&at, name.as_str());
            if !is_mtms(&server.mtms) {
                found.add(&[at[0], at[1], "mtms"], Rule::Mtms { mtms: server.mtms.clone() });
            }
            if let Some(other) = systems.insert(&server.mtms, name) {
                let rule = Rule::SystemTwice { mtms: server.mtms.clone(), other: other.clone() };
                found.add(&[at[0], at[1], "mtms"], rule);
            }
            if server.hmcs.is_empty() {
                found.add(&at, Rule::NoHmc { server: name.clone() });
            }
            for (i, hmc) in server.hmcs.iter().enumerate() {
                let place = [at[0], at[1], "hmcs", &i.to_string()];
                if !self.hmcs.contains_key(hmc) {
                    let known = list(self.hmcs.keys());
                    found.add(&place, Rule::UnknownHmc { hmc: hmc.to_string(), known });
                }
                if server.hmcs.iter().take(i).any(|earlier| earlier == hmc) {
                    found.add(&place, Rule::HmcTwice { hmc: hmc.to_string() });
                }
            }
        }
    }

    fn check_nodes(&self, found: &mut Found) {
        let mut hosts: BTreeMap<&ServerName, &NodeName> = BTreeMap::new();
        for (name, node) in &self.nodes {
            let at = ["nodes", name.as_str()];
            found.name(&at, name.as_str());
            let Some(server) = &node.server else {
                if node.lpar.is_some() {
                    found.add(&[at[0], at[1], "lpar"], Rule::LparWithoutServer { node: name.clone() });
                }
                continue;
            };
            let place = [at[0], at[1], "server"];
            if !self.servers.contains_key(server) {
                found.unknown_server(&place, server, self);
            }
            if let Some(other) = hosts.insert(server, name) {
                found.add(&place, Rule::NodesOnOneServer { server: server.clone(), other: other.clone() });
            }
        }
    }

    fn check_groups(&self, found: &mut Found) {
        // Added up once: looking through all LPARs for each group takes seconds on a large site.
        let mut demands: BTreeMap<&GroupName, Load> = BTreeMap::new();
        for resource in self.resources.values() {
            let demand = demands.entry(&resource.group).or_default();
            *demand = demand.plus(resource.load());
        }
        for (name, group) in &self.groups {
            let at = ["groups", name.as_str()];
            found.name(&at, name.as_str());
            if group.servers.is_empty() {
                found.add(&at, Rule::EmptySystemList { group: name.clone() });
            }
            self.check_server_list(found, name, "servers", &group.servers);
            self.check_server_list(found, name, "autostart_servers", &group.autostart_servers);
            for (i, server) in group.autostart_servers.iter().enumerate() {
                if !group.servers.contains(server) {
                    let place = [at[0], at[1], "autostart_servers", &i.to_string()];
                    found.add(&place, Rule::AutostartOutsideList { server: server.clone() });
                }
            }
            if group.restart_limit > 0 && group.restart_window == Span(0) {
                found.add(&[at[0], at[1], "restart_window"], Rule::Zero { what: "restart_window" });
            }
            match demands.get(name) {
                Some(demand) => self.check_fit(found, name, group, demand.plus(group.load)),
                None => found.add(&at, Rule::EmptyGroup { group: name.clone() }),
            }
        }
    }

    fn check_server_list(&self, found: &mut Found, group: &GroupName, field: &str, servers: &[ServerName]) {
        for (i, server) in servers.iter().enumerate() {
            let place = ["groups", group.as_str(), field, &i.to_string()];
            match self.servers.get(server) {
                None => found.unknown_server(&place, server, self),
                Some(declared) if !declared.surrogate && self.node_on(server).is_none() => {
                    found.add(&place, Rule::Unmanaged { server: server.clone() });
                }
                Some(_) => {}
            }
            if servers.iter().take(i).any(|earlier| earlier == server) {
                found.add(&place, Rule::ServerTwice { server: server.clone() });
            }
        }
    }

    fn check_fit(&self, found: &mut Found, name: &GroupName, group: &Group, needs: Load) {
        for (i, server_name) in group.servers.iter().enumerate() {
            let Some(server) = self.servers.get(server_name) else { continue };
            let place = ["groups", name.as_str(), "servers", &i.to_string()];
            let mut too_big = |what: &'static str, need: String, has: String| {
                let (group, server) = (name.clone(), server_name.clone());
                found.add(&place, Rule::NeverFits { group, server, what, need, has });
            };
            if let Some(has) = server.memory.filter(|has| *has < needs.memory) {
                too_big("memory", format!("{} MiB", needs.memory), format!("{has} MiB"));
            }
            if let Some(has) = server.processors.filter(|has| *has < needs.processors) {
                too_big("processors", hundredths(needs.processors), hundredths(has));
            }
        }
    }

    fn check_resources(&self, found: &mut Found) {
        let mut partitions: BTreeMap<&str, &ResourceName> = BTreeMap::new();
        for (name, resource) in &self.resources {
            let at = [resource.table(), name.as_str()];
            found.name(&at, name.as_str());
            if !self.groups.contains_key(&resource.group) {
                let known = list(self.groups.keys());
                found.add(&[at[0], at[1], "group"], Rule::UnknownGroup { group: resource.group.to_string(), known });
            }
            if resource.start_timeout == Span(0) {
                found.add(&[at[0], at[1], "start_timeout"], Rule::Zero { what: "start_timeout" });
            }
            let Some(lpar) = resource.as_lpar() else { continue };
            let place = [at[0], at[1], "partition"];
            if lpar.partition.is_empty() || lpar.partition.chars().any(char::is_control) {
                found.add(&place, Rule::Name { name: lpar.partition.clone() });
            }
            if let Some(other) = partitions.insert(&lpar.partition, name) {
                let rule = Rule::PartitionTwice { partition: lpar.partition.clone(), other: other.clone() };
                found.add(&place, rule);
            }
            let own = self.nodes.iter().find(|(_, node)| node.lpar.as_ref() == Some(&lpar.partition));
            if let Some((node, _)) = own {
                let rule = Rule::ManagedNode { partition: lpar.partition.clone(), node: node.clone() };
                found.add(&place, rule);
            }
        }
    }
}

impl Timings {
    fn check(&self, found: &mut Found) {
        let mut at_least = |what: &'static str, value: Span, than: &'static str, least: Span| {
            if value < least {
                found.add(&["timings", what], Rule::TooShort { what, value, than, least });
            }
        };
        at_least("heartbeat", self.heartbeat, "10ms", Span(10));
        at_least("suspect", self.suspect, "three heartbeats", self.heartbeat.times(3));
        at_least("lease", self.lease, "suspect and one heartbeat", self.suspect.plus(self.heartbeat));
        at_least("monitor", self.monitor, "50ms", Span(50));
        // A start that was sent in the last moment of a lease must have shown itself when it counts as settled.
        at_least("settle", self.settle, "the lease", self.lease);
        at_least("fence", self.fence, "one second", Span(1000));
    }
}

pub(super) struct Found(Vec<Mistake>);

impl Found {
    pub(super) fn add(&mut self, place: &[&str], rule: Rule) {
        let place = place.iter().map(|step| (*step).to_owned()).collect();
        self.0.push(Mistake { place, rule });
    }
    pub(super) fn name(&mut self, place: &[&str], name: &str) {
        if !is_name(name) {
            self.add(place, Rule::Name { name: name.to_owned() });
        }
    }
    pub(super) fn unknown_group(&mut self, place: &[&str], group: &GroupName, cluster: &Cluster) {
        let known = list(cluster.groups.keys());
        self.add(place, Rule::UnknownGroup { group: group.to_string(), known });
    }
    fn unknown_server(&mut self, place: &[&str], server: &ServerName, cluster: &Cluster) {
        let known = list(cluster.servers.keys());
        self.add(place, Rule::UnknownServer { server: server.to_string(), known });
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= NAME_LIMIT
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

fn is_mtms(mtms: &str) -> bool {
    let Some((model, serial)) = mtms.split_once('*') else { return false };
    let Some((machine, model)) = model.split_once('-') else { return false };
    let word = |text: &str, least: usize, most: usize| {
        (least..=most).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric())
    };
    word(machine, 4, 4) && word(model, 3, 3) && word(serial, 5, 7)
}

fn is_address(address: &str) -> bool {
    address.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|p| p != 0))
}

fn list<T: fmt::Display>(names: impl Iterator<Item = T>) -> String {
    let names: Vec<String> = names.map(|name| name.to_string()).collect();
    if names.is_empty() { "none is declared".to_owned() } else { names.join(", ") }
}

/// `150` as `1.50`.
pub fn hundredths(units: u64) -> String {
    format!("{}.{:02}", units / 100, units % 100)
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::Name { name } => {
                write!(f, "{name:?} is not a usable name; write 1 to {NAME_LIMIT} of A-Z a-z 0-9 - _ .")
            }
            Rule::UnknownHmc { hmc, known } => write!(f, "there is no HMC {hmc}; declared: {known}"),
            Rule::UnknownServer { server, known } => write!(f, "there is no server {server}; declared: {known}"),
            Rule::UnknownGroup { group, known } => write!(f, "there is no group {group}; declared: {known}"),
            Rule::NoHmc { server } => write!(f, "{server} has no HMC; write hmcs = [\"…\"]"),
            Rule::HmcTwice { hmc } => write!(f, "{hmc} stands twice; name each HMC once, the preferred one first"),
            Rule::Mtms { mtms } => {
                write!(f, "{mtms:?} is not a type, model and serial number; write it as 9009-42A*1234567")
            }
            Rule::SystemTwice { mtms, other } => {
                write!(f, "{mtms} is already server {other}; declare each physical server once")
            }
            Rule::HostKey { host_key } => write!(
                f,
                "{host_key:?} is not a host key fingerprint; write the SHA256:… that `ssh-keyscan HMC | ssh-keygen -lf -` prints"
            ),
            Rule::Address { address } => write!(f, "{address:?} is not an address; write host:port, such as hmc1:22"),
            Rule::NodesOnOneServer { server, other } => {
                write!(f, "{server} already has node {other}; at most one node lives on a server")
            }
            Rule::LparWithoutServer { node } => {
                write!(f, "{node} is an arbiter and has no LPAR; name its server too, or remove this line")
            }
            Rule::ServerTwice { server } => write!(f, "{server} stands twice; name each server once"),
            Rule::EmptySystemList { group } => write!(f, "{group} may run nowhere; write servers = [\"…\"]"),
            Rule::Unmanaged { server } => write!(
                f,
                "nobody can manage {server}: it has no node; add one, or write surrogate = true for the server"
            ),
            Rule::AutostartOutsideList { server } => {
                write!(f, "{server} is not in the system list; add it to servers, or remove it here")
            }
            Rule::EmptyGroup { group } => write!(f, "{group} has no LPAR; write group = \"{group}\" in an LPAR"),
            Rule::PartitionTwice { partition, other } => {
                write!(f, "partition {partition} is already LPAR {other}; an LPAR belongs to exactly one group")
            }
            Rule::ManagedNode { partition, node } => {
                write!(f, "partition {partition} is node {node} itself; a node cannot be a managed LPAR")
            }
            Rule::Zero { what } => write!(f, "{what} is zero; write a time such as 10m"),
            Rule::TooShort { what, value, than, least } => {
                write!(f, "{what} of {value} is shorter than {than}; write at least {least}")
            }
            Rule::NeverFits { group, server, what, need, has } => {
                write!(f, "{group} needs {need} of {what} and {server} has {has}; remove {server} or make it fit")
            }
            Rule::LinkTwice { child } => write!(f, "{child} stands twice; link two groups once"),
            Rule::LinkMisfit { parent, child, why } => write!(f, "{parent} cannot be linked so to {child}: {why}"),
            Rule::HardParentTwice { child, other } => {
                write!(f, "{child} already has a hard link from {other}; write rigidity = \"firm\" for one of them")
            }
            Rule::TooDeep { levels } => {
                write!(f, "{levels} levels of groups depend on one another; at most {} may", super::ties::DEPTH_LIMIT)
            }
            Rule::Cycle { path } => write!(f, "these depend on themselves: {path}; remove one of the links or tiers"),
            Rule::EmptyTier => write!(f, "it has no groups; write groups = [\"…\"], or remove it"),
            Rule::TierTwice { group } => write!(f, "{group} stands twice in this service; name each group once"),
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place.join("."), self.rule)
    }
}
