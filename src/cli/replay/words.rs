//! Commands of the log in words, and the objects that they concern.

use std::collections::BTreeSet;
use tenure_core::{
    Command, GroupName, Ledger, NodeName, OrderId, Reading, Request, ResourceName, ServerName, SystemState, audit,
    command::Author, ledger::Trouble, name::Thing, terms::Keep,
};

/// The author of an entry.
pub fn author(author: &Author) -> String {
    match author {
        Author::Planner(node) => format!("the planner on {node}"),
        Author::Agent(node) => format!("node {node}"),
        Author::User { user, .. } => format!("user {user}"),
    }
}

/// The results of looks inside a node.
fn seen(inside: &tenure_core::Inside) -> String {
    let seen: Vec<String> = inside.seen.iter().map(|(name, seen)| format!("{name} {}", seen.power)).collect();
    if seen.is_empty() { "nothing new".to_owned() } else { seen.join(", ") }
}

/// One command.
pub fn command(ledger: &Ledger, command: &Command) -> String {
    match command {
        Command::Request(request) => asked(request),
        Command::Observe(reading) => format!("observe: {}", read(ledger, reading)),
        Command::Sense { node, inside } => format!("inside {node}: {}", seen(inside)),
        Command::SuspendLeases(node) => format!("suspend leases: {node} is silent and is granted no lease any more"),
        Command::NodeOff(node) => format!("node {node} is off"),
        Command::FenceNode(node) => format!("cut off the LPAR of node {node}"),
        Command::Report(report) => format!("report: {}: {}", order(ledger, report.order), report.ending),
        Command::LapseNode(node) => format!("lapse: the lease of {node} is over"),
        Command::TakeBackNode(node) => format!("return: {node} is heard again"),
        Command::Enlist { node, incarnation } => format!("process {incarnation} runs node {node}"),
        Command::SpokenBy { node, incarnation } => format!("said by process {incarnation} of node {node}"),
        Command::Twice { node, older } => format!("process {older} of node {node} is not the only one, and stops"),
        Command::Diverged { nodes, at, .. } => {
            let nodes: Vec<String> = nodes.iter().map(ToString::to_string).collect();
            format!("the ledgers of {} differ at entry {at}", nodes.join(", "))
        }
        Command::FoundAuthority { authority, .. } => format!("authority {} is the first", authority.fingerprint),
        Command::Certified { node, .. } => format!("node {node} says what it has to show, and whom it trusts"),
        Command::Entrust { authority, node, .. } => format!("node {node} is given the key of authority {authority}"),
        Command::GiveUpMajority { by, survivor } => format!("{survivor} goes on alone, by {by}"),
        Command::Assign { server, node } => format!("assign {server} to {node}"),
        Command::Adopt { group, server } => format!("adopt group {group} on {server}"),
        Command::Grant { group, server } => format!("grant group {group} to {server}"),
        Command::Start { resource, epoch, restart: false } => format!("start {resource} (tenure {epoch})"),
        Command::Start { resource, epoch, restart: true } => format!("start {resource} again (tenure {epoch})"),
        Command::Stop { resource, server, grace } => format!("stop {resource} on {server}, with {grace} to shut down"),
        Command::Fence(server) => format!("fence {server}"),
        Command::Online { group, epoch } => format!("group {group} is online (tenure {epoch})"),
        Command::Fault { group, epoch, reason } => format!("group {group} failed (tenure {epoch}): {reason}"),
        Command::FaultResource { resource, epoch, reason } => format!("{resource} failed (tenure {epoch}): {reason}"),
        Command::Recycle { resource, epoch, reason } => format!("recycle {resource} (tenure {epoch}): {reason}"),
        Command::AdminWait { resource, epoch, reason } => {
            format!("{resource} waits for an administrator (tenure {epoch}): {reason}")
        }
        Command::Forgive { resource, server } => format!("forgive {resource} on {server}: it is back"),
        Command::Leave { group, epoch, reason } => format!("group {group} leaves (tenure {epoch}): {reason}"),
        Command::Migrate { group, epoch, to, reason } => {
            format!("migrate group {group} to {to} (tenure {epoch}): {reason}")
        }
        Command::Move { resource, epoch } => format!("move {resource} (tenure {epoch})"),
        Command::StopMigration { resource, epoch } => format!("stop the migration of {resource} (tenure {epoch})"),
        Command::Recover { resource, server } => format!("clear up after a move of {resource} on {server}"),
        Command::Arrive { group, epoch } => format!("group {group} has arrived (tenure {epoch} ends)"),
        Command::StayGroup { group, epoch } => format!("group {group} stays where it was (tenure {epoch})"),
        Command::Vacate { group, epoch } => format!("group {group} has left (tenure {epoch} ends)"),
        Command::Settle { resource, server } => format!("settle {resource} on {server}"),
        Command::Expire(id) => format!("give up {}", order(ledger, *id)),
        Command::HoldGroup { group, conflict } => format!("hold group {group}: {conflict} active"),
        Command::ReleaseGroup(group) => format!("release group {group}"),
        Command::CallOff(server) => format!("{server} is not powered off after all"),
        Command::ReappearServer(server) => format!("{server} is up again"),
        Command::CleanServer(server) => format!("{server} is clean"),
        Command::Storm(servers) => {
            let servers: Vec<&str> = servers.iter().map(ServerName::as_str).collect();
            format!("storm: {} were lost at once", servers.join(", "))
        }
        Command::EndQuarantine(server) => format!("the quarantine of {server} ends"),
        Command::TimeOver(what) => format!("{what}: its time is over"),
        #[cfg(feature = "next-level")]
        Command::Built { node, build } => format!("node {node} is of build {build}"),
        Command::Forgo { group, server, why } => format!("group {group} does not go back to {server}: {why}"),
        Command::PreOnline { group, epoch } => {
            format!("run the program that group {group} wants first (tenure {epoch})")
        }
        Command::HmcRefuses { hmc, why } => format!("HMC {hmc} refuses a login: {why}"),
        Command::HmcAccepts(hmc) => format!("HMC {hmc} lets us in again"),
        Command::HmcContact { hmc, trouble: None } => format!("HMC {hmc} answers again"),
        Command::HmcContact { hmc, trouble: Some(trouble) } => match trouble {
            Trouble::Silent { why } => format!("HMC {hmc} does not answer: {why}"),
            Trouble::HostKey { shown } => format!("HMC {hmc} shows another host key: {shown}"),
            Trouble::OwnKey { why } => format!("no key for HMC {hmc}: {why}"),
        },
        Command::TryHmc { hmc, node } => format!("{node} tries to log in to HMC {hmc}"),
        Command::Warn(_) => "warn of what could not be lost".to_owned(),
        Command::Spend { .. } => "a token was shown".to_owned(),
        Command::Ended { act, failed: None } => format!("what was permitted at {act} is done"),
        Command::Ended { act, failed: Some(why) } => format!("what was permitted at {act} failed: {why}"),
        Command::Denied { caller, what, times, .. } => {
            format!("user {} was refused {}: {what}", caller.user, audit::often(*times))
        }
        Command::Wait { group, wait: Some(wait) } => format!("group {group} waits: {wait}"),
        Command::Wait { group, wait: None } => format!("group {group} waits no longer"),
        Command::ServerWait { server, wait: Some(wait) } => format!("server {server}: {wait}"),
        Command::ServerWait { server, wait: None } => format!("server {server}: nothing is open any more"),
    }
}

/// An operator's request, as it is typed.
fn asked(request: &Request) -> String {
    match request {
        Request::Configure { cluster, strand } => {
            let (groups, resources, servers) = (cluster.groups.len(), cluster.resources.len(), cluster.servers.len());
            let strand = if *strand { ", even if it strands what runs" } else { "" };
            format!("configure: groups {groups}, resources {resources}, servers {servers}{strand}")
        }
        Request::Do(verb) => format!("`tenure {}`", verb.typed()),
        Request::Trust(change) => change.to_string(),
        Request::Act(act) => act.to_string(),
        Request::Restore { image, .. } => format!("restore backup {image}"),
    }
}

/// A reading, reduced to its difference from the ledger.
fn read(ledger: &Ledger, reading: &Reading) -> String {
    let known = |resource: &ResourceName| {
        let group = ledger.group_of(resource).and_then(|group| ledger.groups.get(group));
        group.and_then(|group| group.copies.get(resource)?.get(&reading.server)).map(|copy| copy.power)
    };
    let news = reading.copies.iter().filter(|(resource, power)| known(resource).is_some_and(|known| known != **power));
    let mut words = vec![format!("{} reads {}", reading.server, reading.system)];
    if !reading.live && reading.system != SystemState::NoWitness {
        words.push("not live".to_owned());
    }
    words.extend(news.map(|(resource, power)| format!("{resource} {power}")));
    format!("{} (read by {} after log index {})", words.join(", "), reading.by, reading.since)
}

fn order(ledger: &Ledger, id: OrderId) -> String {
    match ledger.orders.get(&id) {
        Some(order) => format!("{} on {} by {} (order {id})", order.action, order.server, order.node),
        None => format!("order {id}, which is not open"),
    }
}

/// The groups and servers that an entry concerns.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Concerned {
    pub groups: BTreeSet<GroupName>,
    pub servers: BTreeSet<ServerName>,
}

impl Concerned {
    /// Adds the objects that a command concerns.
    pub fn by(&mut self, ledger: &Ledger, command: &Command) {
        match command {
            Command::Request(request) => self.by_request(ledger, request),
            Command::Observe(reading) => {
                self.servers.insert(reading.server.clone());
                let here = ledger.groups_on(&reading.server).map(|(name, _)| name.clone());
                self.groups.extend(here);
            }
            Command::Report(report) => self.by_order(ledger, report.order),
            Command::Expire(id) => self.by_order(ledger, *id),
            Command::Sense { node, inside } => {
                self.groups.extend(inside.seen.keys().filter_map(|resource| ledger.group_of(resource)).cloned());
                self.servers.extend(home(ledger, node));
            }
            Command::Diverged { .. }
            | Command::Spend { .. }
            | Command::Ended { .. }
            | Command::Denied { .. }
            | Command::FoundAuthority { .. }
            | Command::Certified { .. }
            | Command::Entrust { .. }
            | Command::GiveUpMajority { .. } => {}
            Command::Enlist { node, .. }
            | Command::SpokenBy { node, .. }
            | Command::Twice { node, .. }
            | Command::LapseNode(node)
            | Command::TakeBackNode(node)
            | Command::SuspendLeases(node)
            | Command::NodeOff(node)
            | Command::FenceNode(node) => {
                self.servers.extend(home(ledger, node));
            }
            Command::Adopt { group, server }
            | Command::Grant { group, server }
            | Command::Migrate { group, to: server, .. } => {
                self.groups.insert(group.clone());
                self.servers.insert(server.clone());
            }
            Command::Start { resource, .. }
            | Command::Move { resource, .. }
            | Command::StopMigration { resource, .. }
            | Command::FaultResource { resource, .. }
            | Command::Recycle { resource, .. }
            | Command::AdminWait { resource, .. } => self.groups.extend(ledger.group_of(resource).cloned()),
            Command::Stop { resource, server, .. }
            | Command::Forgive { resource, server }
            | Command::Recover { resource, server }
            | Command::Settle { resource, server } => {
                self.groups.extend(ledger.group_of(resource).cloned());
                self.servers.insert(server.clone());
            }
            Command::Online { group, .. }
            | Command::Fault { group, .. }
            | Command::Leave { group, .. }
            | Command::Vacate { group, .. }
            | Command::Arrive { group, .. }
            | Command::StayGroup { group, .. }
            | Command::PreOnline { group, .. }
            | Command::HoldGroup { group, .. }
            | Command::ReleaseGroup(group)
            | Command::Wait { group, .. } => drop(self.groups.insert(group.clone())),
            Command::TimeOver(Keep::Group(group)) => drop(self.groups.insert(group.clone())),
            Command::TimeOver(Keep::Cluster)
            | Command::HmcRefuses { .. }
            | Command::HmcAccepts(_)
            | Command::TryHmc { .. }
            | Command::HmcContact { .. } => {}
            Command::Warn(weakness) => self.groups.extend(weakness.groups.iter().cloned()),
            Command::Storm(servers) => self.servers.extend(servers.iter().cloned()),
            Command::Forgo { group, server, .. } => {
                self.groups.insert(group.clone());
                self.servers.insert(server.clone());
            }
            Command::Fence(server)
            | Command::EndQuarantine(server)
            | Command::TimeOver(Keep::Server(server) | Keep::Drain(server))
            | Command::Assign { server, .. }
            | Command::CallOff(server)
            | Command::ReappearServer(server)
            | Command::CleanServer(server)
            | Command::ServerWait { server, .. } => drop(self.servers.insert(server.clone())),
            #[cfg(feature = "next-level")]
            Command::Built { .. } => {}
        }
    }

    fn by_order(&mut self, ledger: &Ledger, id: OrderId) {
        let Some(order) = ledger.orders.get(&id) else { return };
        self.servers.insert(order.server.clone());
        self.groups.extend(order.action.resource().and_then(|resource| ledger.group_of(resource)).cloned());
    }

    fn by_request(&mut self, ledger: &Ledger, request: &Request) {
        let Request::Do(verb) = request else { return };
        for thing in verb.things() {
            match thing {
                Thing::Group(group) => drop(self.groups.insert(group.clone())),
                Thing::Resource(resource) => self.groups.extend(ledger.group_of(resource).cloned()),
                Thing::Server(server) => drop(self.servers.insert(server.clone())),
                Thing::Node(node) => self.servers.extend(home(ledger, node)),
                Thing::Service(service) => {
                    let declared = ledger.config.services.get(service);
                    let groups = declared.into_iter().flat_map(|declared| ledger.groups_of(declared));
                    self.groups.extend(groups.map(|(name, _)| name.clone()));
                }
                Thing::Hmc(_) | Thing::User(_) => {}
            }
        }
    }
}

/// The server of a node.
fn home(ledger: &Ledger, node: &NodeName) -> Option<ServerName> {
    ledger.config.nodes.get(node).and_then(|node| node.server.clone())
}
