//! One node: inputs are fed to its state machine, and its effects are put to the world.

use super::event::{Event, NodeEvent, Why, WhyInside};
use super::planted::Bug;
use super::sim::{COMMIT, Sim};
use super::witness;
use crate::world::Answer as WorldAnswer;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tenure_core::{
    Command, Entry, NodeName, OrderId, Report, ResourceName, ServerName, Span, Time,
    command::Author,
    execution::{Answer, Ask, Change, LocalOperation, Operation, ServerOperation},
    ledger::Incarnation,
    node::{self, Call, Effect, Fate, Input, Now, Proposal, Taken},
    order::{Ending, Order},
    reading::Reading,
};

/// Duration of an agent's look.
const LOOK: Span = Span(20);
/// Duration of an agent's stop.
const STOP: Span = Span(400);
/// Time for which a proposal looks for a leader, and the pause between two attempts.
const PROPOSAL: Span = Span::seconds(5);
const AGAIN: Span = Span(100);

impl Sim {
    /// Feeds a node with an input.
    pub(super) fn feed(&mut self, name: &NodeName, input: Input) {
        let standing = self.standing(name);
        let now = self.now;
        let Some(node) = self.nodes.get_mut(name).filter(|node| node.acts()) else { return };
        let ledger = Arc::clone(&node.ledger);
        let now = Now { moment: node.moment(now), ledger: &ledger, standing: &standing };
        let effects = node.memory.brain.handle(now, input);
        let effects = self.plan(name, now, effects);
        self.wake_later(name, now);
        self.carry_out(name, effects);
    }

    /// A node receives a call; its answer.
    fn receives(&mut self, name: &NodeName, from: &NodeName, by: Incarnation, call: Call) -> Option<node::Answer> {
        let standing = self.standing(name);
        let time = self.now;
        let node = self.nodes.get_mut(name).filter(|node| node.acts())?;
        let ledger = Arc::clone(&node.ledger);
        let now = Now { moment: node.moment(time), ledger: &ledger, standing: &standing };
        let (answer, effects) = node.memory.brain.called(now, Some(from), by, call);
        let effects = self.plan(name, now, effects);
        self.wake_later(name, now);
        self.carry_out(name, effects);
        Some(answer)
    }

    /// Schedules the next wake-up that the node asks for.
    fn wake_later(&mut self, name: &NodeName, now: Now<'_>) {
        let time = self.now;
        let Some(node) = self.nodes.get_mut(name) else { return };
        let (at, _) = node.memory.brain.wake(now);
        let at = Time(at.after(node.stood_still).0).max(time.after(Span(1)));
        if node.memory.wake_at.is_none_or(|known| known > at || known <= time) {
            node.memory.wake_at = Some(at);
            self.later(name, at.since(time), NodeEvent::Wake);
        }
    }

    pub(super) fn woken(&mut self, name: &NodeName) {
        let now = self.now;
        let Some(node) = self.nodes.get_mut(name) else { return };
        // A wake-up that was delayed by a pause counts; one that was rescheduled does not.
        if node.memory.wake_at.is_some_and(|at| at <= now) {
            node.memory.wake_at = None;
            self.feed(name, Input::Woken);
        }
    }

    fn carry_out(&mut self, name: &NodeName, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Follow(_) => self.mind_logins(name),
                Effect::Clock(_) | Effect::Leased(_) | Effect::Distrust(_) | Effect::ChangeVoters { .. } => {}
                Effect::Call { to, call, .. } => self.call(name, &to, call),
                // Plans are made before everything else: see `plan`.
                Effect::Plan(_) => {}
                Effect::Propose { of, commands, .. } => {
                    if let (Proposal::Report(order), Some(node)) = (of, self.nodes.get_mut(name)) {
                        node.memory.around.remove(&order);
                    }
                    let until = self.now.after(PROPOSAL);
                    self.propose_as(name, of, commands, until);
                }
                Effect::CatchUp(term) => {
                    self.later(name, COMMIT, NodeEvent::Input(Box::new(Input::CaughtUp(term))));
                }
                Effect::Read(server) => self.ask_consoles(name, server, Why::Watch),
                Effect::ProbeInside => self.later(name, Span(0), NodeEvent::Sense),
                Effect::AskInside => {
                    let inside = self.nodes.get(name).and_then(|node| node.memory.inside.clone());
                    self.later(name, Span(0), NodeEvent::Input(Box::new(Input::Inside(inside))));
                }
                Effect::AskHeld => {
                    let held = self.held(name);
                    let has_watchdog = self.nodes.get(name).is_some_and(|node| node.armed.is_some());
                    self.later(name, Span(0), NodeEvent::Input(Box::new(Input::Held { held, has_watchdog })));
                }
                Effect::Carry { order, ask } => self.ask(name, &order, ask),
                Effect::Mark { order, .. } => {
                    self.later(name, Span(0), NodeEvent::Input(Box::new(Input::Marked(order))));
                }
                Effect::Drop(order) => {
                    if let Some(node) = self.nodes.get_mut(name) {
                        node.memory.sent.remove(&order);
                    }
                }
                Effect::StandDown { resource, operation, .. } => self.stand_down(name, resource, operation),
                Effect::Stop { .. } => {
                    if let Some(node) = self.nodes.get_mut(name) {
                        node.killed = true;
                    }
                }
            }
        }
    }

    /// Makes the plan that a node asks for. It is handed in at once, or after the time that plans take.
    fn plan(&mut self, name: &NodeName, now: Now<'_>, effects: Vec<Effect>) -> Vec<Effect> {
        let mut all = Vec::new();
        for effect in effects {
            let Effect::Plan(job) = effect else {
                all.push(effect);
                continue;
            };
            self.planned_from = job.index();
            let Some(node) = self.nodes.get_mut(name) else { continue };
            let made = job.run();
            let commands = made.commands().to_vec();
            let input = Input::PlanMade(Box::new(made));
            if self.planning == Span(0) {
                let effects = node.memory.brain.handle(now, input);
                all.extend(self.plan(name, now, effects));
            } else {
                self.later(name, self.planning, NodeEvent::Input(Box::new(input)));
                if self.options.bug == Some(Bug::OldPlan) {
                    let until = self.now.after(self.planning);
                    self.later(name, self.planning, NodeEvent::Propose { of: Proposal::Finding, commands, until });
                }
            }
        }
        all
    }

    fn held(&self, name: &NodeName) -> std::collections::BTreeSet<ResourceName> {
        let known = self.nodes.get(name).and_then(|node| {
            let server = node.ledger.config.nodes.get(name)?.server.as_ref()?;
            Some(node::held(&node.ledger.config, server, node.memory.inside.as_ref()?))
        });
        known.unwrap_or_default()
    }

    /// Delivers a message at once, or not at all. A deposed leader that does not know it yet gets the heartbeats that
    /// were sent to it before its successor was known.
    fn call(&mut self, name: &NodeName, to: &NodeName, call: Call) {
        let Some(node) = self.nodes.get(name) else { return };
        let (by, asked) = (node.incarnation(), node.moment(self.now));
        let beat = matches!(call, Call::Heartbeat { .. });
        let late = self.late().filter(|_| beat).cloned();
        if let Some(late) = late.filter(|late| self.connected(name, late)) {
            if let Some(answer) = self.receives_late(name, by, call.clone()) {
                self.feed(name, Input::Beaten { to: late.clone(), asked, answer: Some(answer) });
            }
            if *to == late && self.leader.as_ref().is_none_or(|seat| seat.node != late) {
                return;
            }
        }
        let reached = self.connected(name, to);
        let answer = if reached { self.receives(to, name, by, call) } else { None };
        if beat {
            self.feed(name, Input::Beaten { to: to.clone(), asked, answer });
        }
    }

    /// A call to the previous leader, as long as it takes itself for the leader. Its effects are ignored.
    fn receives_late(&mut self, from: &NodeName, by: Incarnation, call: Call) -> Option<node::Answer> {
        let (seat, until, mut ghost) = self.deposed.take()?;
        let standing = self.late_standing(&seat, until);
        let (ledger, moment) =
            self.nodes.get(&seat.node).map(|node| (Arc::clone(&node.ledger), node.moment(self.now)))?;
        let now = Now { moment, ledger: &ledger, standing: &standing };
        let (answer, _) = ghost.called(now, Some(from), by, call);
        self.deposed = Some((seat, until, ghost));
        Some(answer)
    }

    /// A node's proposal goes to the leader, if there is one; a plan only to the leader that made it.
    pub(super) fn propose_as(&mut self, name: &NodeName, of: Proposal, commands: Vec<Command>, until: Time) {
        let Some(node) = self.nodes.get(name) else { return };
        let life = node.life;
        let author = match of {
            Proposal::Plan(_) | Proposal::Finding => Author::Planner(name.clone()),
            Proposal::Report(_) | Proposal::Enlist => Author::Agent(name.clone()),
        };
        let entry = Entry { at: self.now, wall: self.now, author, commands: commands.clone() };
        let leader = self.leader.as_ref().map(|seat| (seat.node.clone(), seat.term));
        let way = leader.filter(|(leader, _)| self.connected(name, leader));
        if let Proposal::Plan(term) = of {
            if way.is_some_and(|(leader, now)| leader == *name && now == term) {
                self.planned_on = self.planned_from;
                self.propose(entry, Some((name.clone(), life, of)));
            } else {
                let input = Input::Planned { term, fate: Fate::Unknown };
                self.later(name, Span(0), NodeEvent::Input(Box::new(input)));
            }
            return;
        }
        if way.is_some() {
            if self.options.twice && matches!(of, Proposal::Report(_)) {
                self.propose(entry.clone(), None);
            }
            self.propose(entry, Some((name.clone(), life, of)));
        } else if self.now < until {
            self.later(name, AGAIN, NodeEvent::Propose { of, commands, until });
        } else {
            self.proposed(name, life, of, None);
        }
    }

    /// Gives a node the result of its proposal.
    pub(super) fn proposed(&mut self, name: &NodeName, life: u32, of: Proposal, index: Option<u64>) {
        let input = match of {
            Proposal::Plan(term) => {
                Input::Planned { term, fate: if index.is_some() { Fate::Committed } else { Fate::Refused } }
            }
            Proposal::Report(order) => {
                Input::Reported { order, taken: if index.is_some() { Taken::Yes } else { Taken::No } }
            }
            Proposal::Enlist => Input::Enlisted(index),
            Proposal::Finding => return,
        };
        let what = NodeEvent::Input(Box::new(input));
        self.queue.push(self.now, Event::Node { node: name.clone(), life, what });
    }

    pub(super) fn ask_consoles(&mut self, name: &NodeName, server: tenure_core::ServerName, why: Why) {
        self.questions += 1;
        let Some(node) = self.nodes.get(name) else { return };
        let (since, serial) = (node.ledger.index, self.questions);
        let out = witness::latency(&self.world, &node.ledger.config, &server).0;
        self.later(name, Span(out), NodeEvent::Look { server, since, serial, why });
    }

    /// The consoles' answer arrives.
    pub(super) fn seen(&mut self, name: &NodeName, reading: Reading, why: Why) {
        if let Why::Order(order) = why {
            self.feed(name, Input::Answered { order, answer: Answer::Read(reading) });
            let around = self.nodes.get_mut(name).and_then(|node| node.memory.around.get_mut(&order)?.pop());
            around.into_iter().for_each(|server| self.ask_consoles(name, server, Why::Order(order)));
            return;
        }
        let server = reading.server.clone();
        self.heard_of(name, &server);
        let Some(node) = self.nodes.get(name) else { return };
        let blind = node.memory.reach.is_blind();
        self.feed(name, Input::Read { server, reading: Some(reading), blind });
    }

    /// An agent gets a command, or is to look, because the node is isolated.
    fn stand_down(&mut self, name: &NodeName, resource: ResourceName, operation: Option<LocalOperation>) {
        self.questions += 1;
        let Some(node) = self.nodes.get(name) else { return };
        let config = Arc::clone(&node.ledger.config);
        let Some(operation) = operation else {
            let (since, serial) = (node.ledger.index, self.questions);
            self.later(name, LOOK, NodeEvent::LookInside { why: WhyInside::Alone, resource, since, serial });
            return;
        };
        let server = config.nodes.get(name).and_then(|declared| declared.server.clone());
        let answer = server.map_or_else(
            || Answer::NotSent("it lives nowhere".into()),
            |server| self.apps.command(&config, &server, (&resource, operation), self.now),
        );
        self.later(name, STOP, NodeEvent::Input(Box::new(Input::StoodDown { resource, answer })));
    }

    pub(super) fn looked_inside(&mut self, name: &NodeName, why: WhyInside, resource: ResourceName, look: (u64, u64)) {
        let answer = Answer::Probed(self.look_at(name, &resource, look));
        self.feed(
            name,
            match why {
                WhyInside::Order(order) => Input::Answered { order, answer },
                WhyInside::Alone => Input::StoodDown { resource, answer },
            },
        );
    }

    fn answer(&mut self, name: &NodeName, after: Span, order: OrderId, answer: Answer) {
        self.later(name, after, NodeEvent::Input(Box::new(Input::Answered { order, answer })));
    }

    /// Puts a request of an order to the world.
    fn ask(&mut self, name: &NodeName, order: &Order, ask: Ask) {
        let Some(node) = self.nodes.get(name) else { return };
        let id = order.id;
        match ask {
            Ask::Read(server) => self.ask_consoles(name, server, Why::Order(id)),
            Ask::ReadAll(servers) => self.ask_all(name, order, servers),
            Ask::Probe(resource) => {
                self.questions += 1;
                let (since, serial) = (node.ledger.index, self.questions);
                let why = WhyInside::Order(id);
                self.later(name, LOOK, NodeEvent::LookInside { why, resource, since, serial });
            }
            Ask::Pause(span) => self.answer(name, span, id, Answer::Paused),
            Ask::Do(Operation::Program(program)) => {
                let manner = self.programs.get(&program.path).copied().unwrap_or_default();
                let (after, answer) = manner.end(program.within);
                self.answer(name, after, id, answer);
            }
            Ask::Do(Operation::Local(resource, operation)) => {
                let config = Arc::clone(&node.ledger.config);
                let answer = match config.node_on(&order.server) == Some(name) {
                    true => self.apps.command(&config, &order.server, (&resource, operation), self.now),
                    false => Answer::NotSent("it lives inside another node".into()),
                };
                self.answer(name, Span(0), id, answer);
            }
            Ask::Do(Operation::Hypervisor(change)) => {
                let shut = self.shut(name);
                let route = match node.blind {
                    true => Err(Answer::NotSent("no manager answers".into())),
                    false => witness::change_but(&self.world, &node.ledger.config, &order.server, (&change, &shut))
                        .map_err(|answer| *answer),
                };
                match route {
                    Err(answer) => self.answer(name, Span(0), id, answer),
                    Ok((hmc, command)) => {
                        let sent = self.world.submit(hmc, command);
                        if let Some(node) = self.nodes.get_mut(name) {
                            node.memory.sent.insert(id, (sent, change));
                        }
                    }
                }
            }
        }
    }

    /// Reads servers before a start: at once, or the order's own server last of all.
    fn ask_all(&mut self, name: &NodeName, order: &Order, mut servers: BTreeSet<ServerName>) {
        servers.remove(&order.server);
        let mut servers: Vec<ServerName> =
            [order.server.clone()].into_iter().chain(servers.into_iter().rev()).collect();
        let first = if self.options.side_by_side { 0 } else { servers.len().saturating_sub(1) };
        let now = servers.split_off(first);
        if let Some(node) = self.nodes.get_mut(name) {
            node.memory.around.insert(order.id, servers);
        }
        now.into_iter().for_each(|server| self.ask_consoles(name, server, Why::Order(order.id)));
    }

    /// Takes the answers that have arrived from HMCs. A paused node gets them when it resumes.
    pub(super) fn harvest(&mut self) {
        let mut arrived: Vec<(NodeName, OrderId, Change, WorldAnswer)> = Vec::new();
        for (name, node) in self.nodes.iter_mut().filter(|(_, node)| node.acts()) {
            let world = &mut self.world;
            node.memory.sent.retain(|id, (command, change)| match world.take_answer(*command) {
                Some((_, answer)) => {
                    arrived.push((name.clone(), *id, change.clone(), answer));
                    false
                }
                None => true,
            });
        }
        for (name, id, change, answer) in arrived {
            if change == Change::Server(ServerOperation::CutOffNode) && self.options.bug == Some(Bug::FenceNotReadBack)
            {
                self.believe(&name, id);
                continue;
            }
            self.feed(&name, Input::Answered { order: id, answer: witness::answer(&change, answer) });
        }
    }

    /// Reports an order done because its command was sent: a planted bug.
    fn believe(&mut self, name: &NodeName, id: OrderId) {
        let report = Report { order: id, ending: Ending::Done, readings: Vec::new(), seen: BTreeMap::new() };
        let until = self.now.after(PROPOSAL);
        self.propose_as(name, Proposal::Report(id), vec![Command::Report(report)], until);
    }
}
