//! What nodes do: apply the log, watch their servers, carry out their orders, report.

use super::event::{NodeEvent, Why};
use super::node::Work;
use super::planted::Bug;
use super::sim::Sim;
use super::witness;
use crate::world::Answer as WorldAnswer;
use std::collections::BTreeMap;
use tenure_core::{
    Entry, Inside, NodeName, OrderId, Reading, Report, ServerName, Span,
    carry::{Answer, Ask, Execution, Next},
    command::{Author, Command},
    order::{Ending, Order},
};

/// How long an agent looks.
const LOOK: Span = Span(20);

impl Sim {
    /// A node applies what the log holds, if it hears the leader, and turns to what is new for it.
    pub(super) fn apply(&mut self, name: &NodeName) {
        let Some(leader) = self.leader.as_ref().map(|leader| leader.node.clone()) else { return };
        if !self.connected(name, &leader) {
            return;
        }
        let Some(node) = self.nodes.get_mut(name) else { return };
        let from = node.ledger.index;
        let mine = |node: &super::node::Node| -> Vec<ServerName> {
            let servers = node.ledger.servers.iter();
            servers
                .filter(|(_, state)| state.manager.as_ref() == Some(name))
                .map(|(server, _)| server.clone())
                .collect()
        };
        let before = mine(node);
        for (index, entry) in (1_u64..).zip(&self.log).skip(usize::try_from(from).unwrap_or(usize::MAX)) {
            let was = self.options.bug.map(|bug| (bug, node.ledger.clone()));
            node.ledger.apply(index, entry);
            if let Some((bug, was)) = was {
                bug.tamper(&was, &mut node.ledger, entry);
            }
        }
        if node.ledger.index == from {
            return;
        }
        let (moment, now) = (node.moment(tenure_core::Moment(self.now.0)), node.ledger.now);
        node.memory.clock.follow(now, *name != leader, moment);
        node.forget_closed();
        let after = mine(node);
        for server in after.iter().filter(|server| !before.contains(server)) {
            self.look(name, server);
        }
        self.take_up(name);
    }

    /// Reads every server that it manages, and comes back to it.
    pub(super) fn monitor(&mut self, name: &NodeName) {
        let Some(node) = self.nodes.get(name) else { return };
        let every = node.ledger.config.timings.monitor;
        let own = node.ledger.config.nodes.get(name).and_then(|declared| declared.server.as_ref());
        let servers = node.ledger.servers.iter().filter(|(server, state)| {
            let blind = node.memory.reach.is_blind() && own == Some(*server);
            state.manager.as_ref() == Some(name) || blind
        });
        let servers: Vec<ServerName> = servers.map(|(server, _)| server.clone()).collect();
        self.later(name, every, NodeEvent::Monitor);
        self.sense(name);
        for server in servers {
            self.ask_consoles(name, &server);
        }
    }

    /// A fresher reading is wanted: at once if the log has moved since the last one, otherwise not too soon after it.
    pub(super) fn look(&mut self, name: &NodeName, server: &ServerName) {
        let now = self.now;
        let Some(node) = self.nodes.get_mut(name) else { return };
        let index = node.ledger.index;
        let watch = node.memory.watches.entry(server.clone()).or_default();
        if watch.asking {
            watch.again = true;
        } else if watch.gap.wait(index, now) == Span(0) {
            self.ask_consoles(name, server);
        }
    }

    fn ask_consoles(&mut self, name: &NodeName, server: &ServerName) {
        let now = self.now;
        let Some(node) = self.nodes.get_mut(name) else { return };
        self.questions += 1;
        let (since, serial) = (node.ledger.index, self.questions);
        let watch = node.memory.watches.entry(server.clone()).or_default();
        if watch.asking {
            return;
        }
        (watch.asking, watch.again) = (true, false);
        watch.gap.begins(since, now);
        let out = witness::latency(&self.world, &node.ledger.config, server).0;
        self.later(name, Span(out), NodeEvent::Look { server: server.clone(), since, serial, why: Why::Watch });
    }

    pub(super) fn watched(&mut self, name: &NodeName, reading: Reading) {
        let Some(node) = self.nodes.get_mut(name) else { return };
        let server = reading.server.clone();
        for (hmc, answered) in witness::answering(&self.world, &node.ledger.config, &server, node.blind) {
            node.memory.reach.asked(hmc, answered);
        }
        let manages = node.ledger.servers.get(&server).is_some_and(|state| state.manager.as_ref() == Some(name));
        let watch = node.memory.watches.entry(server.clone()).or_default();
        watch.asking = false;
        let again = std::mem::take(&mut watch.again);
        // A node that merely looks whether it reaches an HMC again says nothing of its server.
        if manages {
            self.tell(name, reading);
        }
        if again {
            self.look(name, &server);
        }
    }

    /// Takes up the orders that the node owes and may begin.
    pub(super) fn take_up(&mut self, name: &NodeName) {
        let now = self.now;
        let Some(node) = self.nodes.get_mut(name) else { return };
        let owed: Vec<Order> = node.ledger.orders.values().filter(|order| order.node == *name).cloned().collect();
        let mut fresh = Vec::new();
        for order in owed {
            let learned = *node.memory.learned.entry(order.id).or_insert(now);
            let busy = node.memory.work.contains_key(&order.id) || node.memory.outbox.contains_key(&order.id);
            if !busy && node.may_act(now) && now.since(learned) < order.budget {
                fresh.push(order);
            }
        }
        for order in fresh {
            let id = order.id;
            let Some(node) = self.nodes.get_mut(name) else { return };
            if let Some(report) = node.memory.past.not_again(&order) {
                node.memory.outbox.insert(id, report.clone());
                self.send(name, report);
                continue;
            }
            let execution = Execution::of(&node.ledger, &order);
            let first = execution.first();
            node.memory.work.insert(id, Work { execution, since: now, sent: None });
            self.ask(name, id, first);
        }
    }

    /// Puts a question of an order to the world.
    fn ask(&mut self, name: &NodeName, id: OrderId, ask: Ask) {
        let Some(node) = self.nodes.get(name) else { return };
        let Some(work) = node.memory.work.get(&id) else { return };
        let order = work.execution.order();
        match &ask {
            Ask::Read(server) => {
                let out = witness::latency(&self.world, &node.ledger.config, server).0;
                self.questions += 1;
                let (since, serial) = (node.ledger.index, self.questions);
                let look = NodeEvent::Look { server: server.clone(), since, serial, why: Why::Order(id) };
                self.later(name, Span(out), look);
            }
            Ask::Look(resource) => {
                self.questions += 1;
                let (since, serial) = (node.ledger.index, self.questions);
                let look = NodeEvent::LookInside { order: id, resource: resource.clone(), since, serial };
                self.later(name, LOOK, look);
            }
            Ask::Pause(span) => self.later(name, *span, NodeEvent::Paused(id)),
            Ask::Run { program, within, .. } => {
                if !node.may_act(self.now) {
                    self.answer(name, id, Answer::NotSent("its node has no lease".to_owned()));
                    return;
                }
                let manner = self.programs.get(program).copied().unwrap_or_default();
                let (after, answer) = manner.end(*within);
                self.later(name, after, NodeEvent::Ran(id, answer));
            }
            Ask::Start(_)
            | Ask::ShutDown(_)
            | Ask::PowerDown(_)
            | Ask::CutOff(_)
            | Ask::Clean { .. }
            | Ask::CutOffNode
            | Ask::PowerOff
            | Ask::Migrate { .. }
            | Ask::StopMigration(_)
            | Ask::RecoverMigration(_)
            | Ask::MoveDefinition { .. }
            | Ask::RemoteRestart { .. } => {
                let elapsed = self.now.since(work.since);
                let inside = order.action.resource().and_then(|name| node.ledger.config.resources.get(name));
                let inside = inside.is_some_and(|resource| resource.as_agent().is_some());
                let bar = if !node.may_act(self.now) {
                    Some("its node has no lease".to_owned())
                } else if let Err(why) = node.ledger.may_send(order, elapsed) {
                    Some(why.to_string())
                } else {
                    (node.blind && !inside).then(|| "no HMC answers".to_owned())
                };
                let at_home = node.ledger.config.node_on(&order.server) == Some(name);
                let route = match bar {
                    Some(why) => Err(Box::new(Answer::NotSent(why))),
                    None if inside && !at_home => {
                        Err(Box::new(Answer::NotSent("it lives inside another node".to_owned())))
                    }
                    None if inside => {
                        let config = std::sync::Arc::clone(&node.ledger.config);
                        let server = order.server.clone();
                        Err(Box::new(self.apps.command(&config, &server, &ask, self.now)))
                    }
                    None => witness::change(&self.world, &node.ledger.config, &order.server, &ask),
                };
                match route {
                    Err(answer) => self.answer(name, id, *answer),
                    Ok((hmc, command)) => {
                        let sent = self.world.submit(hmc, command);
                        if let Some(work) = self.work(name, id) {
                            work.sent = Some((sent, ask));
                        }
                    }
                }
            }
        }
    }

    fn work(&mut self, name: &NodeName, id: OrderId) -> Option<&mut Work> {
        self.nodes.get_mut(name)?.memory.work.get_mut(&id)
    }

    /// Hands an answer to the order that waits for it.
    pub(super) fn answer(&mut self, name: &NodeName, id: OrderId, answer: Answer) {
        let now = self.now;
        let Some(work) = self.work(name, id) else { return };
        match work.execution.next(answer, now.since(work.since)) {
            Next::Ask(ask) => self.ask(name, id, ask),
            Next::Report(mut report) => {
                let Some(node) = self.nodes.get_mut(name) else { return };
                let Some(work) = node.memory.work.remove(&id) else { return };
                report.ending = node.memory.past.doubt(work.execution.order(), report.ending);
                if node.ledger.orders.contains_key(&id) {
                    node.memory.outbox.insert(id, report.clone());
                    self.send(name, report);
                }
            }
        }
    }

    /// Takes the answers of HMCs that have arrived. A paused node finds them when it wakes up.
    pub(super) fn harvest(&mut self) {
        let mut arrived = Vec::new();
        for (name, node) in self.nodes.iter_mut().filter(|(_, node)| node.acts()) {
            for (id, work) in &mut node.memory.work {
                let Some((command, _)) = work.sent else { continue };
                if let Some((_, answer)) = self.world.take_answer(command)
                    && let Some((_, ask)) = work.sent.take()
                {
                    arrived.push((name.clone(), *id, ask, answer));
                }
            }
        }
        for (name, id, ask, answer) in arrived {
            let answer: WorldAnswer = answer;
            if ask == Ask::CutOffNode && self.options.bug == Some(Bug::FenceNotReadBack) {
                self.believe(&name, id);
                continue;
            }
            self.answer(&name, id, witness::answer(&ask, answer));
        }
    }

    /// Reports an order done because something was sent: a planted bug.
    fn believe(&mut self, name: &NodeName, id: OrderId) {
        let Some(node) = self.nodes.get_mut(name) else { return };
        node.memory.work.remove(&id);
        let report = Report { order: id, ending: Ending::Done, readings: Vec::new(), seen: BTreeMap::new() };
        node.memory.outbox.insert(id, report.clone());
        self.send(name, report);
    }

    /// Sends again what the log does not hold yet.
    pub(super) fn send_reports(&mut self, name: &NodeName) {
        let Some(node) = self.nodes.get(name) else { return };
        let reports: Vec<Report> = node.memory.outbox.values().cloned().collect();
        for report in reports {
            self.send(name, report);
        }
    }

    fn send(&mut self, name: &NodeName, report: Report) {
        let Some(leader) = self.leader.as_ref().map(|leader| leader.node.clone()) else { return };
        if !self.connected(name, &leader) {
            return;
        }
        if let Some(leader) = &mut self.leader {
            let own = report.readings.iter().filter(|reading| {
                self.ledger.servers.get(&reading.server).is_some_and(|state| state.manager.as_ref() == Some(name))
            });
            own.cloned().for_each(|reading| leader.leading.read(reading));
            leader.leading.sense_also(name, &Inside { seen: report.seen.clone(), watchdog: None });
        }
        let author = Author::Agent(name.clone());
        let entry = Entry { at: self.now, wall: self.now, author, commands: vec![Command::Report(report)] };
        if self.options.twice {
            self.propose(entry.clone());
        }
        self.propose(entry);
    }
}
