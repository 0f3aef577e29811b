//! Checks every entry and every moment of the world against the invariants.

use super::{
    sim::Sim,
    witness::{self, Question},
};
use crate::world::ServerId;
use std::collections::BTreeSet;
use std::sync::Arc;
use tenure_core::{
    Command, Entry, Ledger, NodeName, ResourceName, ServerName, Span, invariants,
    note::{ClusterWait, Level, NotHere, Wait},
};

/// More entries than this within that time are an endless loop.
const BUSY_ENTRIES: usize = 1000;
const BUSY: Span = Span::seconds(10);

impl Sim {
    /// Takes the faults found since the last call. Any fault is a failure.
    pub fn take_wrong(&mut self) -> Vec<String> {
        std::mem::take(&mut self.wrong)
    }

    /// Checks one entry against the ledger's invariants.
    pub(super) fn judge_step(&mut self, before: &Ledger, after: &Ledger, entry: &Entry) {
        self.hear(entry);
        self.judge_leases(before, after);
        let found = invariants::step(before, after).into_iter().chain(invariants::state(after));
        let index = after.index;
        self.wrong.extend(found.map(|what| format!("entry {index}: {what}")));
        self.judge_pace();
    }

    /// No node may act under a lease of which the ledger says that it has ended.
    fn judge_leases(&mut self, before: &Ledger, after: &Ledger) {
        let lapses = |name: &NodeName| {
            let lapsed = |ledger: &Ledger| ledger.nodes.get(name).is_some_and(|state| state.lapsed().is_some());
            !lapsed(before) && lapsed(after)
        };
        let acting = self.nodes.values().filter(|node| node.alive && lapses(&node.name) && node.has_lease(self.now));
        let wrong: Vec<String> =
            acting.map(|node| format!("entry {}: {} has a lease that has ended", after.index, node.name)).collect();
        self.wrong.extend(wrong);
    }

    /// A loop of entries that cause each other never ends, and nothing else happens any more.
    fn judge_pace(&mut self) {
        let Some(first) = self.log.len().checked_sub(BUSY_ENTRIES).and_then(|at| self.log.get(at)) else { return };
        if self.now.since(first.wall) < BUSY && self.wrong.is_empty() {
            self.wrong.push(format!("at {} the log grows without end", self.now.0));
        }
    }

    /// Checks new activity in the world against the most important promise. A second copy that was started from
    /// outside is logged; one that we started is a fault, unless an operator's false statement led to it, or the
    /// first was started by hand where nobody can see it: there the last live reading vouches (ADR 5).
    pub(super) fn judge_world(&mut self) {
        self.judge_apps();
        let mut unseen = std::mem::take(&mut self.unseen);
        unseen.retain(|(lpar, server), hidden| {
            let was_hidden = *hidden;
            *hidden = !self.can_be_read(*server);
            // As soon as it could be seen again, whoever starts another copy has to look.
            self.world.active_on(*lpar).contains(server) && (*hidden || !was_hidden)
        });
        self.unseen = unseen;
        let length = self.world.history().len();
        if length == self.judged_to {
            return;
        }
        self.judged_to = length;
        for overlap in self.world.violations() {
            if !self.judged.insert((overlap.lpar, overlap.second, overlap.from)) {
                continue;
            }
            let lpar = self.world.lpar_name(overlap.lpar).to_owned();
            let (first, second) = (self.world.server_name(overlap.first), self.world.server_name(overlap.second));
            let text = format!("world: {lpar} is active on {first} and {second}");
            // The ledger must not hold either that the server can be read.
            let blind = self.ledger.servers.get(first).is_some_and(|state| !state.tells_lpars());
            let unseen = blind && self.unseen.get(&(overlap.lpar, overlap.first)) == Some(&true);
            let excused = self.expected.contains(&lpar) || unseen;
            if overlap.was_ordered(self.world.history().entries()) && !excused {
                self.wrong.push(format!("at {} {text}", self.now.0));
            }
            self.say(text);
        }
    }

    /// An active LPAR that an entry reports is known from then on, even if the entry is refused.
    fn hear(&mut self, entry: &Entry) {
        let readings = entry.commands.iter().flat_map(|command| match command {
            Command::Observe(reading) => std::slice::from_ref(reading),
            Command::Report(report) => &report.readings,
            _ => &[],
        });
        for reading in readings {
            let active = |lpar| reading.power(&ResourceName::from(self.world.lpar_name(lpar))).is_active();
            let here = |server| self.world.server_name(server) == reading.server.as_str();
            self.unseen.retain(|(lpar, server), _| !(here(*server) && active(*lpar)));
        }
    }

    /// The same wait with each node by the name of its part, which is the same whatever nodes are called.
    fn by_parts(&self, wait: ClusterWait) -> ClusterWait {
        let parts = |nodes: BTreeSet<NodeName>| {
            let part = |node: NodeName| {
                let named = self.parts.iter().find(|(_, name)| **name == node);
                named.map_or(node, |(part, _)| NodeName::from(part.as_str()))
            };
            nodes.into_iter().map(part).collect()
        };
        match wait {
            ClusterWait::HmcSilent { hmc, nodes, why, blind, left } => {
                ClusterWait::HmcSilent { hmc, nodes: parts(nodes), why, blind, left }
            }
            ClusterWait::HmcHostKey { hmc, nodes, shown } => {
                ClusterWait::HmcHostKey { hmc, nodes: parts(nodes), shown }
            }
            ClusterWait::HmcOwnKey { hmc, nodes, why } => ClusterWait::HmcOwnKey { hmc, nodes: parts(nodes), why },
            ClusterWait::GivenUp { nodes } => ClusterWait::GivenUp { nodes: parts(nodes) },
            wait @ (ClusterWait::Disarmed | ClusterWait::Storm { .. } | ClusterWait::Lockout { .. }) => wait,
        }
    }

    /// Whether some live node could list the LPARs of a server now.
    fn can_be_read(&self, server: ServerId) -> bool {
        let server = ServerName::from(self.world.server_name(server));
        self.nodes.iter().filter(|(_, node)| node.alive).any(|(name, node)| {
            let ask = Question { server: &server, by: name, since: 0, serial: 0 };
            witness::read(&self.world, &node.ledger, &ask, node.blind, None).tells_lpars()
        })
    }

    /// The same check inside nodes. A resource may run inside one node; instances of a parallel group are resources
    /// of their own. A copy that was started by hand does not count until it is taken over.
    fn judge_apps(&mut self) {
        let ledger = Arc::clone(&self.ledger);
        for (name, group) in &ledger.groups {
            for resource in group.copies.keys().filter(|resource| ledger.is_inside(resource)) {
                if let Some(tenure) = &group.tenure {
                    self.apps.take_over(resource, &tenure.server);
                }
                let ours = self.apps.ours(resource);
                if group.passive.contains(resource) || self.judged_apps.get(resource) == Some(&ours) {
                    continue;
                }
                if ours.len() > 1 {
                    let places: Vec<&str> = ours.iter().map(|server| server.as_str()).collect();
                    let places = places.join(" and ");
                    self.wrong.push(format!("at {} group {name}: {resource} runs inside {places}", self.now.0));
                }
                self.judged_apps.insert(resource.clone(), ours);
            }
        }
    }

    /// Deviations from the state of rest: every group is online and waits for nothing, and its resources are active
    /// on the server of its tenure, and nowhere else.
    pub(super) fn restless(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for (name, group) in &self.ledger.groups {
            let phase = group.tenure.as_ref().map_or("offline", |tenure| tenure.phase.word());
            if phase != "online" || group.wait.is_some() {
                let wait = group.wait.as_ref().map(|wait| format!("; it waits: {wait}")).unwrap_or_default();
                wrong.push(format!("group {name} does not come to rest online: it is {phase}{wait}"));
            }
            let right: Vec<&str> = group.tenure.iter().map(|tenure| tenure.server.as_str()).collect();
            for resource in group.copies.keys().filter(|resource| !group.passive.contains(*resource)) {
                let lpar = self.ledger.config.lpar(resource).and_then(|lpar| self.world.lpar(&lpar.partition));
                let active: Vec<&str> = match lpar {
                    Some(lpar) => {
                        self.world.active_on(lpar).into_iter().map(|server| self.world.server_name(server)).collect()
                    }
                    None => self.apps.active_on(resource).map(|server| server.as_str()).collect(),
                };
                if active != right {
                    let (active, right) = (active.join(" and "), right.join(" and "));
                    wrong.push(format!("group {name}: {resource} is active on {active:?} and not on {right:?}"));
                }
            }
        }
        wrong
    }

    /// The current placement, in lines that do not depend on its history.
    pub fn placement(&self) -> Vec<String> {
        let mut standstills = self.ledger.standstills();
        standstills.extend(self.ledger.hmc_waits().into_iter().filter(|wait| wait.level() < Level::Alarm));
        let told = standstills.into_iter().map(|why| format!("cluster: {}", self.by_parts(why)));
        let mut lines: Vec<String> = told.collect();
        for (name, group) in &self.ledger.groups {
            let place = group.tenure.as_ref().map_or_else(
                || "offline".to_owned(),
                |tenure| {
                    let to = tenure.migration().map(|migration| format!(" to {}", migration.to)).unwrap_or_default();
                    format!("{} on {}{to}", tenure.phase.word(), tenure.server)
                },
            );
            let marks = [(group.frozen, ", frozen"), (group.hold.is_some(), ", held")];
            let marks: String = marks.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
            let faults: String = group.faults.keys().map(|server| format!(", faulted on {server}")).collect();
            let turn = match &group.wait {
                Some(Wait::Queue { brake }) => {
                    self.ledger.next_turn(brake).map(|at| format!(" (next within {})", at.since(self.ledger.now)))
                }
                _ => None,
            };
            let wait = group.wait.as_ref().map(|wait| format!("; waits: {wait}{}", turn.unwrap_or_default()));
            let wait = wait.unwrap_or_default();
            lines.push(format!("group {name}: {place}{marks}{faults}{wait}"));
        }
        for name in self.ledger.config.services.keys() {
            let state = self.ledger.service(name).map(|service| service.state.to_string());
            lines.push(format!("service {name}: {}", state.unwrap_or_default()));
        }
        for (name, server) in &self.ledger.servers {
            let off = server.off.as_ref().map(|_| "proven off".to_owned());
            let dirty = server.dirty.map(|_| "dirty".to_owned());
            let wait = server.wait.as_ref().map(ToString::to_string);
            let closed = server
                .closed()
                .filter(|why| *why != tenure_core::ledger::Closed::Draining)
                .map(|why| NotHere::from(why).to_string());
            let marks: Vec<String> = off.into_iter().chain(dirty).chain(closed).chain(wait).collect();
            if !marks.is_empty() {
                lines.push(format!("server {name}: {}", marks.join("; ")));
            }
        }
        for resource in self.ledger.groups.values().flat_map(|group| group.copies.keys()) {
            let inside: Vec<&str> = self.apps.active_on(resource).map(|server| server.as_str()).collect();
            if !inside.is_empty() {
                lines.push(format!("world: {resource} runs on {}", inside.join(" and ")));
            }
        }
        for lpar in self.world.lpars() {
            let active = self.world.active_on(lpar);
            let ours = |declared: &tenure_core::config::Resource| {
                declared.as_lpar().is_some_and(|declared| declared.partition == self.world.lpar_name(lpar))
            };
            if self.ledger.config.resources.values().any(ours) {
                let places: Vec<&str> = active.iter().map(|server| self.world.server_name(*server)).collect();
                let places =
                    if places.is_empty() { "nowhere".to_owned() } else { format!("on {}", places.join(" and ")) };
                lines.push(format!("world: {} is active {places}", self.world.lpar_name(lpar)));
            }
        }
        lines
    }
}
