//! The ideal world of a forecast: the readings of the nodes, and the outcomes of orders.

use crate::{
    Action, ForeignText, GroupName, Inside, Ledger, NodeName, Order, Power, Reading, Report, ResourceName, Seen,
    ServerName, Span, SystemState, Time, View,
    ledger::{GroupState, Migration},
    order::Ending,
    view::NodeView,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Imagined servers and nodes.
#[derive(Debug)]
pub(super) struct World {
    /// The leader's view of it.
    pub(super) view: View,
    /// Readings of servers without a watcher that is heard.
    unread: BTreeMap<ServerName, Arc<Reading>>,
    /// Start of each node's silence. For nodes that had lapsed before, it is time zero.
    silent: BTreeMap<NodeName, Time>,
    lost: BTreeSet<ServerName>,
    /// Confidence of agents in resources inside nodes, where it is less than 100 percent.
    sure: BTreeMap<(ServerName, ResourceName), u8>,
    /// Log index of the configuration that the readings are about.
    configured: u64,
    serial: u64,
}

impl World {
    /// The world as the ledger knows it; work under way has ended.
    pub(super) fn new(ledger: &Ledger) -> Self {
        let lapsed = ledger.nodes.iter().filter(|(_, node)| node.lapsed().is_some());
        let mut world = World {
            view: View::default(),
            unread: BTreeMap::new(),
            silent: lapsed.map(|(name, _)| (name.clone(), Time(0))).collect(),
            lost: BTreeSet::new(),
            sure: BTreeMap::new(),
            configured: ledger.configured,
            serial: 0,
        };
        world.survey(ledger);
        world
    }

    /// Adds what the ledger declares and the world does not have yet, and drops servers that are no longer declared.
    fn survey(&mut self, ledger: &Ledger) {
        let declared = |server: &ServerName| ledger.servers.contains_key(server);
        self.view.readings.retain(|server, _| declared(server));
        self.unread.retain(|server, _| declared(server));
        for (name, state) in &ledger.servers {
            if self.view.readings.contains_key(name) || self.unread.contains_key(name) {
                continue;
            }
            let first = state.since.is_none();
            let system = if first { SystemState::Operating } else { arrived(state.system) };
            let reading = Reading {
                server: name.clone(),
                by: state.watcher.clone().unwrap_or_else(|| NodeName::from("")),
                since: 0,
                serial: 0,
                system,
                live: state.live || first,
                copies: BTreeMap::new(),
                node: state.node,
                node_listed: Default::default(),
                vios: state.vios.clone(),
                listed: BTreeMap::new(),
            };
            self.unread.insert(name.clone(), reading.into());
        }
        for (name, group) in &ledger.groups {
            for (resource, copies) in &group.copies {
                for (server, copy) in copies {
                    let power = reads(ledger, name, group, resource, server);
                    let Some(reading) = self.reading(server) else { continue };
                    let down = reading.system == SystemState::PowerOff && power != Power::Absent;
                    reading.copies.entry(resource.clone()).or_insert(if down { Power::Off } else { power });
                    if copy.since.is_some() && copy.confidence < 100 {
                        self.sure.insert((server.clone(), resource.clone()), copy.confidence);
                    }
                }
            }
        }
    }

    fn reading(&mut self, server: &ServerName) -> Option<&mut Reading> {
        self.view.readings.get_mut(server).or_else(|| self.unread.get_mut(server)).map(Arc::make_mut)
    }

    /// Hears every node that is not silent, and reads every server anew that has a watcher which is heard.
    pub(super) fn refresh(&mut self, ledger: &Ledger) {
        if self.configured != ledger.configured {
            self.configured = ledger.configured;
            self.survey(ledger);
        }
        self.view.nodes.retain(|node, _| ledger.nodes.contains_key(node));
        self.serial = self.serial.saturating_add(1);
        for node in ledger.nodes.keys() {
            let view = self.look_at(node, ledger);
            self.view.nodes.insert(node.clone(), view);
            self.look_inside(node, ledger);
        }
        for (server, state) in &ledger.servers {
            let managed = ledger.config.has_manager(server);
            let watcher = state.watcher.as_ref().filter(|node| managed && self.hears(node));
            let Some(watcher) = watcher else {
                self.unread.extend(self.view.readings.remove_entry(server));
                continue;
            };
            if let Some((server, reading)) = self.unread.remove_entry(server) {
                self.view.readings.insert(server, reading);
            }
            if let Some(reading) = self.view.readings.get_mut(server).map(Arc::make_mut) {
                (reading.since, reading.serial) = (ledger.index, self.serial);
                if reading.by != *watcher {
                    reading.by = watcher.clone();
                }
            }
        }
    }

    /// Looks at the resources inside a node, by its agents.
    fn look_inside(&mut self, node: &NodeName, ledger: &Ledger) {
        let server = ledger.config.nodes.get(node).and_then(|declared| declared.server.clone());
        let Some(server) = server.filter(|_| self.hears(node)) else {
            self.view.inside.remove(node);
            return;
        };
        let (since, serial) = (ledger.index, self.serial);
        let Some(reading) = self.view.readings.get(&server).or_else(|| self.unread.get(&server)) else { return };
        let inside = reading.copies.iter().filter(|(resource, _)| ledger.is_inside(resource));
        let seen = inside.map(|(resource, power)| {
            let confidence = self.sure.get(&(server.clone(), resource.clone())).copied().unwrap_or(100);
            (resource.clone(), Seen { power: *power, since, serial, confidence, said: ForeignText::default() })
        });
        let watchdog = ledger.nodes.get(node).and_then(|state| state.watchdog);
        let inside = Inside { seen: seen.collect(), watchdog };
        self.view.inside.insert(node.clone(), inside.into());
    }

    fn look_at(&self, node: &NodeName, ledger: &Ledger) -> NodeView {
        let Some(since) = self.silent.get(node) else {
            return NodeView { heard: true, silence: Span(0), lease_over: false, reaches_manager: true };
        };
        let lease_over = ledger.now >= lease_end(*since, ledger);
        NodeView { heard: true, silence: ledger.now.since(*since), lease_over, reaches_manager: true }
    }

    /// Time at which the next lease of a silent node ends.
    pub(super) fn wake(&self, ledger: &Ledger) -> Option<Time> {
        self.silent.values().map(|since| lease_end(*since, ledger)).filter(|end| *end > ledger.now).min()
    }

    pub(super) fn hears(&self, node: &NodeName) -> bool {
        !self.silent.contains_key(node)
    }

    pub(super) fn is_lost(&self, server: &ServerName) -> bool {
        self.lost.contains(server)
    }

    /// The imagined leader: the first node that is heard, if a majority of the declared nodes is heard.
    pub(super) fn leader(&self, ledger: &Ledger) -> Option<NodeName> {
        let mut heard = ledger.nodes.keys().filter(|node| self.hears(node));
        let first = heard.next().cloned();
        let count = heard.count().saturating_add(1);
        first.filter(|_| count.saturating_mul(2) > ledger.nodes.len())
    }

    /// A server loses power, and its node with it.
    pub(super) fn lose(&mut self, server: &ServerName, ledger: &Ledger) {
        self.lost.insert(server.clone());
        self.switch_off(server);
        if let Some(node) = ledger.config.node_on(server) {
            self.silent.entry(node.clone()).or_insert(ledger.now);
        }
    }

    fn switch_off(&mut self, server: &ServerName) {
        let Some(reading) = self.reading(server) else { return };
        (reading.system, reading.live) = (SystemState::PowerOff, true);
        for power in reading.copies.values_mut().filter(|power| **power != Power::Absent) {
            *power = Power::Off;
        }
        reading.node = Power::Off;
    }

    /// Carries out an order and answers it. Orders of other kinds succeed without an effect on readings.
    pub(super) fn carry_out(&mut self, order: &Order, ledger: &Ledger) -> Report {
        let index = ledger.index;
        let ending = match self.refuses(&order.action, &order.server) {
            Some(down) => Ending::NotDone(format!("{down} is down").into()),
            None => {
                self.take_effect(order);
                Ending::Done
            }
        };
        let (by, serial) = (order.node.clone(), self.serial);
        let seen = order.action.resource().filter(|resource| ledger.is_inside(resource)).and_then(|resource| {
            let power = self.reading(&order.server)?.copies.get(resource).copied()?;
            Some((
                resource.clone(),
                Seen { power, since: index, serial, confidence: 100, said: ForeignText::default() },
            ))
        });
        let readings = self.reading(&order.server).map(|reading| {
            // Only the resource of the order: the others are read anyway.
            let copy = order.action.resource().and_then(|resource| reading.copies.get_key_value(resource));
            Reading {
                server: reading.server.clone(),
                by,
                since: index,
                serial,
                system: reading.system,
                live: reading.live,
                copies: copy.map(|(name, power)| (name.clone(), *power)).into_iter().collect(),
                node: reading.node,
                node_listed: reading.node_listed.clone(),
                vios: reading.vios.clone(),
                listed: BTreeMap::new(),
            }
        });
        Report { order: order.id, ending, readings: readings.into_iter().collect(), seen: seen.into_iter().collect() }
    }

    /// A server that is down and would have to be up for this action.
    fn refuses(&mut self, action: &Action, server: &ServerName) -> Option<ServerName> {
        let mut needed = Vec::new();
        needed.extend((action.is_start()).then_some(server));
        if let Action::Migrate { to, .. } = action {
            needed.extend([server, to]);
        }
        let down = |server: &&ServerName| {
            let lost = self.is_lost(server);
            self.reading(server).is_none_or(|reading| lost || (reading.live && !reading.system.is_up()))
        };
        needed.into_iter().find(down).cloned()
    }

    fn take_effect(&mut self, order: &Order) {
        let here = &order.server;
        match &order.action {
            Action::Fence => self.switch_off(here),
            Action::FenceNode { .. } => {
                if let Some(reading) = self.reading(here) {
                    reading.node = Power::Off;
                }
            }
            Action::Start { resource, home, .. } => {
                self.set(resource, home.as_ref(), Power::Absent);
                self.set(resource, Some(here), Power::Running);
            }
            Action::Stop { resource, .. } => self.set(resource, Some(here), Power::Off),
            Action::Migrate { resource, to, .. } => {
                self.set(resource, Some(here), Power::Absent);
                self.set(resource, Some(to), Power::Running);
            }
            Action::StopMigration { resource, from, to } => {
                self.set(resource, Some(to), Power::Absent);
                self.set(resource, Some(from), Power::Running);
            }
            // A hook changes no readings.
            Action::Hook { .. } => {}
        }
    }

    fn set(&mut self, resource: &ResourceName, server: Option<&ServerName>, power: Power) {
        let reading = server.and_then(|server| self.reading(server));
        if let Some(known) = reading.and_then(|reading| reading.copies.get_mut(resource)) {
            *known = power;
        }
    }
}

/// The reading of a copy once the work under way has ended.
fn reads(ledger: &Ledger, name: &GroupName, group: &GroupState, resource: &ResourceName, server: &ServerName) -> Power {
    let Some(copies) = group.copies.get(resource) else { return Power::Unknown };
    let Some(copy) = copies.get(server) else { return Power::Unknown };
    match copy.power {
        Power::Starting => Power::Running,
        Power::Stopping => Power::Off,
        Power::Moving => {
            let migration = group.tenure.as_ref().and_then(|tenure| tenure.migration());
            let arrives = |migration: &Migration| (migration.to == *server) != migration.returned.contains(resource);
            migration.map_or(Power::Moving, |one| if arrives(one) { Power::Running } else { Power::Absent })
        }
        Power::Unknown if copy.since.is_some() => Power::Unknown,
        Power::Unknown if ledger.is_persistent(resource) => Power::Running,
        Power::Unknown if ledger.is_mobile(resource) => {
            // It is defined on one server: the one where it was read, or the first of its list.
            let known = copies.values().any(|copy| copy.since.is_some() && copy.power != Power::Absent);
            let first = ledger.config.groups.get(name).and_then(|declared| declared.servers.first());
            if !known && first == Some(server) { Power::Off } else { Power::Absent }
        }
        Power::Unknown => Power::Off,
        Power::Off | Power::Running | Power::Absent | Power::OffOnPurpose | Power::Missing | Power::Error => copy.power,
    }
}

fn lease_end(since: Time, ledger: &Ledger) -> Time {
    let timings = &ledger.config.timings;
    since.after(timings.suspect).after(timings.lease)
}

fn arrived(system: SystemState) -> SystemState {
    match system {
        SystemState::Initializing => SystemState::Operating,
        SystemState::PoweringOff => SystemState::PowerOff,
        SystemState::Operating
        | SystemState::Standby
        | SystemState::PowerOff
        | SystemState::Error
        | SystemState::NoConnection
        | SystemState::NoWitness
        | SystemState::Unknown => system,
    }
}
