//! The shells of the nodes: thin loops around the core's state machine. They feed it with inputs, and carry out its
//! effects in order. They contain no rule of a node.
//!
//! Consensus is simulated: a node that is connected to a majority can lead, a leader that is cut off knows that it no
//! longer leads, and committed entries are applied at once by all connected nodes. Planted bugs sit between the state
//! machine and the world: they change inputs or effects.

use super::{
    act::Stepper,
    model::{Life, NODES, Told},
    mutant::Mutant,
    site::Site,
};
use std::sync::Arc;
use tenure_core::{
    Author, Command, Ledger, Moment, NodeName, OrderId, Span, Time,
    ledger::Incarnation,
    node::{self, Answer, Birth, Call, Effect, Fate, Input, Now, Proposal, Standing, Taken},
    order::Ending,
    refusal::Refusal,
};

/// Start of the tiny world's clock, late enough that no age reaches back before zero.
pub(super) const BEGIN: Time = Time(10_000_000_000);
/// Maximum age of the last answers of a quorum for a leader to grant leases.
const FRESH: Span = Span::seconds(1);
/// Time that passes before each plan, so that simultaneous inputs lead to one plan.
const INSTANT: Span = Span(2);
/// More rounds of planning than any change needs.
const ROUNDS: usize = 16;

/// A process of a node starts.
pub(super) fn birth(site: &Site, node: usize, process: u8, ledger: &Ledger, moment: Moment) -> Arc<node::Node> {
    let stored = if site.has(Mutant::RestartForgets) { 0 } else { ledger.index };
    Arc::new(node::Node::new(Birth {
        me: site.nodes[node].clone(),
        incarnation: incarnation(node, process),
        stored,
        known: ledger.now,
        wall: BEGIN,
        fresh: FRESH,
        moment,
    }))
}

fn incarnation(node: usize, process: u8) -> Incarnation {
    Incarnation((node as u64) << 8 | u64::from(process))
}

impl Stepper<'_> {
    /// Feeds a node with an input.
    pub fn feed(&mut self, node: usize, input: Input) {
        if self.state.nodes[node].life == Life::Dead {
            return;
        }
        let (standing, ledger, moment) = (self.standing(node), self.shown(node), self.state.clock(node));
        let body = &mut self.state.nodes[node];
        let now = Now { moment, ledger: &ledger, standing: &standing };
        let effects = Arc::make_mut(&mut body.brain).handle(now, input);
        let process = body.process;
        self.queue.extend(effects.into_iter().map(|effect| (node, process, effect)));
    }

    fn called(&mut self, to: usize, from: usize, call: Call) -> Answer {
        let (standing, ledger, moment) = (self.standing(to), self.shown(to), self.state.clock(to));
        let by = incarnation(from, self.state.nodes[from].process);
        let body = &mut self.state.nodes[to];
        let now = Now { moment, ledger: &ledger, standing: &standing };
        let (answer, effects) = Arc::make_mut(&mut body.brain).called(now, Some(&self.site.nodes[from]), by, call);
        let process = body.process;
        self.queue.extend(effects.into_iter().map(|effect| (to, process, effect)));
        answer
    }

    /// Carries out the effects of the nodes until there are none left.
    pub fn run(&mut self) {
        while let Some((node, process, effect)) = self.queue.pop_front() {
            let body = &self.state.nodes[node];
            if body.process == process && body.life != Life::Dead {
                self.carry_out(node, effect);
            }
        }
    }

    fn carry_out(&mut self, node: usize, effect: Effect) {
        match effect {
            // Readings and looks come at any time, requested or not: their pace is not modelled here.
            Effect::Read(_) | Effect::ProbeInside => {}
            Effect::Follow(_)
            | Effect::Clock(_)
            | Effect::Leased(_)
            | Effect::Distrust(_)
            | Effect::ChangeVoters { .. } => {}
            Effect::Call { to, call, .. } => self.call(node, &to, call),
            // It may be out of date by the time that it is committed: see `Action::Decide`.
            Effect::Plan(job) => self.feed(node, Input::PlanMade(Box::new(job.run()))),
            Effect::Propose { of, commands, .. } => self.propose(node, of, commands),
            Effect::CatchUp(term) => self.feed(node, Input::CaughtUp(term)),
            Effect::AskInside => {
                let inside = self.state.nodes[node].inside.as_deref().cloned();
                self.feed(node, Input::Inside(inside));
            }
            Effect::AskHeld => {
                let inside = self.state.nodes[node].inside.clone();
                let held = self.site.servers.get(node).zip(inside);
                let held =
                    held.map(|(server, inside)| node::held(&self.state.nodes[node].ledger.config, server, &inside));
                self.feed(node, Input::Held { held: held.unwrap_or_default(), has_watchdog: false });
            }
            Effect::Carry { order, ask } => self.carry(node, order, ask),
            Effect::Mark { order, .. } => self.feed(node, Input::Marked(order)),
            Effect::Drop(order) => self.drop_job(node, order),
            Effect::StandDown { resource, operation, .. } => {
                self.state.nodes[node].standing_down.push((resource, operation))
            }
            Effect::Stop { .. } => self.die(node),
        }
    }

    /// Delivers a message at once, or not at all.
    fn call(&mut self, node: usize, to: &NodeName, call: Call) {
        let beat = matches!(call, Call::Heartbeat { .. });
        let asked = self.state.clock(node);
        let heard = self.state.nodes[node].life == Life::Up;
        let there = self.state.hears(&self.site.nodes, to).filter(|_| heard);
        let told = there.map(|there| (self.called(there, node, call.clone()), call));
        if let Some((Answer::Taken, Call::Reading(reading))) = &told {
            self.state.told.readings[self.site.server(&reading.server)] = Some(Arc::new(reading.clone()));
        }
        if let Some((Answer::Taken, Call::Inside(inside))) = &told {
            self.state.told.inside[node] = Some(Arc::new(inside.clone()));
        }
        let answer = told.map(|(answer, _)| answer);
        if beat {
            let answer = answer.map(|answer| self.bend(answer));
            self.feed(node, Input::Beaten { to: to.clone(), asked, answer });
        }
    }

    /// Applies planted bugs to the answer to a heartbeat.
    fn bend(&self, answer: Answer) -> Answer {
        match answer {
            Answer::Lease { floor, .. } if self.site.has(Mutant::LeaseIgnored) => {
                Answer::Lease { lasts: u64::MAX / 4, floor }
            }
            Answer::Lease { lasts, .. }
                if self.site.has(Mutant::LeaseBeforeLog) || self.site.has(Mutant::RestartForgets) =>
            {
                Answer::Lease { lasts, floor: 0 }
            }
            answer => answer,
        }
    }

    fn propose(&mut self, node: usize, of: Proposal, mut commands: Vec<Command>) {
        let up = self.state.nodes[node].life == Life::Up && self.state.leader.is_some();
        match of {
            Proposal::Plan(term) => {
                if self.state.leader != Some(node) {
                    self.feed(node, Input::Planned { term, fate: Fate::Unknown });
                } else if std::mem::take(&mut self.hold) {
                    self.state.held = Some(Arc::new(commands));
                } else {
                    self.commit(Author::Planner(self.site.nodes[node].clone()), commands);
                    self.feed(node, Input::Planned { term, fate: Fate::Committed });
                }
            }
            Proposal::Report(order) => {
                if self.site.has(Mutant::OlderProcessBelieved) {
                    commands.retain(|command| !matches!(command, Command::SpokenBy { .. }));
                }
                if self.site.has(Mutant::UnknownAsNotDone) || self.site.has(Mutant::LostMoveAsFailed) {
                    commands.iter_mut().for_each(unknown_as_not_done);
                }
                self.post(node, order, commands);
            }
            Proposal::Enlist if up => {
                self.commit(Author::Agent(self.site.nodes[node].clone()), commands);
                let index = self.state.ledger.index;
                self.feed(node, Input::Enlisted(Some(index)));
            }
            Proposal::Enlist => self.feed(node, Input::Enlisted(None)),
            Proposal::Finding => {}
        }
    }

    /// Gives the result of a report to the process that sent it, if it still runs and is connected.
    pub fn reported(&mut self, node: usize, process: u8, order: OrderId, refusal: Option<&Refusal>) {
        let body = &self.state.nodes[node];
        if body.process == process && body.life == Life::Up {
            let unheard = matches!(refusal, Some(Refusal::OlderProcess { .. }));
            let taken = if unheard { Taken::No } else { Taken::Yes };
            self.feed(node, Input::Reported { order, taken });
        }
    }

    /// The consensus state of a node.
    fn standing(&self, node: usize) -> Standing {
        let (state, body) = (&self.state, &self.state.nodes[node]);
        let applied = body.ledger.index;
        let voters = Arc::clone(&self.site.voters);
        let heard = state.leader.filter(|_| body.life == Life::Up);
        let leads = heard == Some(node);
        let leader = heard.map(|leader| self.site.nodes[leader].clone());
        let quorum = leads.then_some(Span(0));
        Standing { term: state.term, leads, leader, quorum, last_log: applied, applied, voters, ..Standing::default() }
    }

    /// The ledger given to a node.
    fn shown(&self, node: usize) -> Arc<Ledger> {
        let mut ledger = Arc::clone(&self.state.nodes[node].ledger);
        if self.site.has(Mutant::ChildFirst) && self.state.leader == Some(node) {
            for group in Arc::make_mut(&mut ledger).groups.values_mut() {
                Arc::make_mut(group).ties.parents.clear();
            }
        }
        ledger
    }

    /// A node applies all committed entries.
    pub fn follow(&mut self, node: usize) {
        let committed = Arc::clone(&self.state.ledger);
        let body = &mut self.state.nodes[node];
        body.behind = false;
        let void = |job: &Arc<super::model::Job>| !committed.orders.contains_key(&job.order.id);
        let bug = self.site.has(Mutant::VoidOrderCarriedOut) && self.state.leader != Some(node);
        body.ledger = if bug && body.jobs.iter().any(void) {
            Arc::new(Ledger { index: committed.index, ..(*body.ledger).clone() })
        } else {
            committed
        };
        self.feed(node, Input::Woken);
    }

    /// All connected nodes apply the log.
    pub fn follow_all(&mut self) {
        for node in (0..NODES).rev() {
            let body = &self.state.nodes[node];
            if body.life == Life::Up && !body.behind {
                self.follow(node);
            }
        }
    }

    /// A leader without a majority steps down; a majority without a leader elects one.
    pub fn elect(&mut self) {
        let state = &mut self.state;
        let majority = state.majority();
        if state.leader.is_some_and(|leader| state.nodes[leader].life == Life::Up && majority) {
            return;
        }
        let next = (0..NODES).rev().find(|node| state.nodes[*node].life == Life::Up).filter(|_| majority);
        self.lead(next);
    }

    /// Makes this node the leader. Uncommitted commands of its predecessor are dropped.
    pub fn lead(&mut self, next: Option<usize>) {
        let state = &mut self.state;
        if state.leader.is_none() && next.is_none() {
            return;
        }
        let old = std::mem::replace(&mut state.leader, next);
        state.term += 1;
        (state.held, state.stalled, state.told) = (None, None, Told::default());
        if let Some(old) = old {
            self.feed(old, Input::Woken);
        }
        if let Some(next) = next {
            self.follow(next);
        }
        self.run();
    }

    /// Time as the leader would stamp it.
    pub fn cluster_time(&self) -> Time {
        self.state.leader.map_or(BEGIN, |leader| {
            let body = &self.state.nodes[leader];
            body.brain.clock().now(self.state.clock(leader))
        })
    }

    /// The leader plans until there is nothing left to plan, unless it is stalled.
    pub fn plan_until_rest(&mut self) {
        self.run();
        for _ in 0..ROUNDS {
            let leader = self.state.leader.filter(|_| self.state.stalled.is_none() && self.wrong.is_empty());
            let Some(leader) = leader.filter(|leader| !self.state.nodes[*leader].brain.rests()) else { return };
            let before = Arc::clone(&self.state.ledger);
            self.state.moment = self.state.moment.after(INSTANT);
            self.feed(leader, Input::Woken);
            self.run();
            if Arc::ptr_eq(&before, &self.state.ledger) {
                return;
            }
        }
        self.wrong.push(format!("rest: the leader still plans after {ROUNDS} rounds, and nothing happened"));
    }

    /// Lets time pass, in steps too short for a connected node to fall silent. A command whose time ends meanwhile
    /// has no effect.
    pub fn pass(&mut self, span: Span) -> bool {
        let timings = &self.site.cluster.timings;
        let (step, settle, heartbeat) = (Span(timings.suspect.0 / 2), timings.settle, timings.heartbeat);
        let end = self.state.moment.after(span);
        for flight in self.state.flights.iter_mut().filter(|flight| flight.until.is_none()) {
            let body = &self.state.nodes[flight.node];
            let waits = body.process == flight.process && body.job(flight.order).is_some();
            if body.life != Life::Up || !waits {
                // A node that is cut off may send it as long as its lease lasts.
                let left = if waits { body.brain.lease().left(self.state.moment) } else { Span(0) };
                flight.until = Some(self.state.moment.after(left).after(settle));
            }
        }
        self.beat_all(heartbeat);
        while self.state.moment < end && self.wrong.is_empty() {
            let next = self.state.moment.after(step).min(end);
            if self.site.scope.assume.late_within_settle {
                self.state.flights.retain(|flight| flight.until.is_none_or(|until| next < until));
            }
            self.beat_all(next.since(self.state.moment));
        }
        true
    }

    /// Lets this time pass and wakes every node, the leader last: by then the connected nodes have sent their
    /// heartbeats.
    fn beat_all(&mut self, after: Span) {
        self.state.moment = self.state.moment.after(after);
        let leader = self.state.leader;
        for node in (0..NODES).filter(|node| Some(*node) != leader).chain(leader) {
            self.feed(node, Input::Woken);
            self.run();
        }
        self.plan_until_rest();
    }
}

fn unknown_as_not_done(command: &mut Command) {
    if let Command::Report(report) = command
        && let Ending::Unknown(why) = &report.ending
    {
        report.ending = Ending::NotDone(why.clone());
    }
}
