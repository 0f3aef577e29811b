//! The simulation: its parts, and its time.

use super::apps::Apps;
use super::event::{Event, NodeEvent, Queue};
use super::leader::Seat;
use super::logins::{Door, RefusedLogins};
use super::node::Node;
use super::planted::Bug;
use super::programs::Manner;
use super::site::{Site, SiteError};
use super::witness;
use crate::world::{Guest, LparId, ServerId, Time as WorldTime, World};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tenure_core::{
    Entry, HmcName, Ledger, NodeName, ResourceName, ServerName, Span, Time,
    command::{Author, Command, Request, RequestId},
    config::Cluster,
    node::{self, Input},
    placement::tolerance::admit,
};

/// Time from a proposal to its application by the leader.
pub(super) const COMMIT: Span = Span(3);
/// Time from there to its application by the other nodes.
pub(super) const FOLLOW: Span = Span(1);
/// Maximum age of the last answers of a quorum for a leader to grant leases.
pub(super) const FRESH: Span = Span(1000);
/// Time from the loss of a leader to the next election.
pub(super) const ELECTION: Span = Span(1500);

/// Variations of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// Reports and requests reach the log twice. This must not matter.
    pub twice: bool,
    /// Readings before a start are answered side by side, as by HMCs that have nothing else to do. Without this one after
    /// the other, as by one that is busy.
    pub side_by_side: bool,
    /// Milliseconds that a plan takes, unless the script says otherwise. This must not matter for where it ends.
    pub planning: u64,
    /// A planted bug. This does matter.
    pub bug: Option<Bug>,
}

/// A line of the operator's log.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Line {
    pub at: Time,
    pub text: String,
}

/// A cluster and its world. See the [module](super).
#[derive(Clone, Debug)]
pub struct Sim {
    pub(super) world: World,
    /// The resources inside nodes.
    pub(super) apps: Apps,
    /// HMCs that let nobody in.
    pub(super) doors: BTreeMap<HmcName, Door>,
    pub(super) refused: RefusedLogins,
    /// Programs whose behaviour was set.
    pub(super) programs: BTreeMap<String, Manner>,
    /// The complete declaration, including groups that join later.
    pub(super) declared: Cluster,
    /// The node for each part of a scenario.
    pub(super) parts: BTreeMap<String, NodeName>,
    pub(super) options: Options,
    pub(super) now: Time,
    pub(super) queue: Queue,
    pub(super) log: Vec<Entry>,
    /// The state at the end of the log.
    pub(super) ledger: Arc<Ledger>,
    pub(super) nodes: BTreeMap<NodeName, Node>,
    /// The names of the nodes: all of them vote.
    pub(super) voters: Arc<BTreeSet<NodeName>>,
    pub(super) leader: Option<Seat>,
    /// The previous leader, its state at its successor's election, and the time until which it may take itself for
    /// the leader.
    pub(super) deposed: Option<(Seat, Time, Box<node::Node>)>,
    pub(super) term: u64,
    pub(super) leaderless_since: Time,
    /// The log index on which the plan was made that was last proposed, and that of the last plan.
    pub(super) planned_on: u64,
    pub(super) planned_from: u64,
    /// Time that a plan takes.
    pub(super) planning: Span,
    pub(super) requests: u64,
    /// Counts readings and looks, over all nodes and all their lives.
    pub(super) questions: u64,
    pub(super) lines: Vec<Line>,
    pub(super) wrong: Vec<String>,
    /// Overlaps already judged, and the length of the world's history already judged.
    pub(super) judged: BTreeSet<(LparId, ServerId, WorldTime)>,
    pub(super) judged_to: usize,
    /// LPARs that were started by hand and that no entry has reported, and whether their server cannot be read now.
    pub(super) unseen: BTreeMap<(LparId, ServerId), bool>,
    /// The servers on which each resource inside nodes was active at the last check.
    pub(super) judged_apps: BTreeMap<ResourceName, BTreeSet<ServerName>>,
    /// LPARs of which a second copy may be started because an operator lies.
    pub(super) expected: BTreeSet<String>,
}

impl Sim {
    /// A cluster at time zero, with a leader, before its configuration.
    ///
    /// # Errors
    /// When the site contradicts itself.
    pub fn new(site: &Site, options: Options) -> Result<Self, SiteError> {
        let (spec, declared, later) = site.build()?;
        let world = World::new(spec, 1).map_err(|why| SiteError(why.to_string()))?;
        let nodes = (1..).zip(site.nodes()).map(|(number, (name, server))| {
            let id = server.and_then(|server| world.server(server));
            let lpar = server.and_then(|server| world.lpar(&format!("node-{server}")));
            (name.clone(), Node::new(name, number, id, lpar))
        });
        let nodes: BTreeMap<NodeName, Node> = nodes.collect();
        let mut sim = Sim {
            voters: Arc::new(nodes.keys().cloned().collect()),
            nodes,
            world,
            apps: Apps::default(),
            doors: BTreeMap::new(),
            refused: BTreeMap::new(),
            programs: BTreeMap::new(),
            declared: later,
            parts: site.parts(),
            options,
            now: Time(0),
            queue: Queue::default(),
            log: Vec::new(),
            ledger: Arc::default(),
            leader: None,
            deposed: None,
            term: 0,
            leaderless_since: Time(0),
            planned_on: 0,
            planned_from: 0,
            planning: Span(options.planning),
            requests: 0,
            questions: 0,
            lines: Vec::new(),
            wrong: Vec::new(),
            judged: BTreeSet::new(),
            judged_to: 0,
            unseen: BTreeMap::new(),
            judged_apps: BTreeMap::new(),
            expected: BTreeSet::new(),
        };
        if let Some(first) = sim.nodes.keys().next().cloned() {
            sim.lead(first);
        }
        for node in sim.nodes.keys().cloned().collect::<Vec<_>>() {
            sim.later(&node, Span(1), NodeEvent::Monitor);
            sim.feed(&node, Input::Woken);
        }
        sim.queue.push(Time(0), Event::Beat);
        let configure = Request::Configure { cluster: Arc::new(declared), strand: false };
        sim.request(configure);
        sim.run_for(COMMIT);
        Ok(sim)
    }

    /// Current time.
    pub fn now(&self) -> Time {
        self.now
    }

    /// Cluster time, by the leader's clock.
    pub(super) fn cluster_time(&self) -> Time {
        let leader = self.leader.as_ref().and_then(|leader| self.nodes.get(&leader.node));
        leader.map_or(self.now, |node| node.memory.brain.clock().now(node.moment(self.now)))
    }

    /// The state at the end of the log.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The world around the cluster.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Takes the lines that were logged since the last call.
    pub fn take_lines(&mut self) -> Vec<Line> {
        std::mem::take(&mut self.lines)
    }

    /// Lets this much time pass.
    pub fn run_for(&mut self, span: Span) {
        let end = self.now.after(span);
        while let Some(at) = self.next_at().filter(|at| *at <= end) {
            self.move_to(at);
        }
        self.move_to(end);
    }

    /// Lets time pass until nothing is in progress and nothing was logged for this long, or until `most` has passed.
    pub fn run_until_quiet(&mut self, quiet: Span, most: Span) {
        let end = self.now.after(most);
        let start = self.now;
        while self.now < end {
            self.run_for(Span(250));
            let last = self.lines.last().map_or(start, |line| line.at).max(start);
            // Where plans take time, a look falls upon a commit sooner or later.
            let commits = self.planning > Span(0) && self.queue.commits();
            let resting = self.ledger.orders.is_empty() && self.leader_rests() && !commits;
            if resting && self.now.since(last) >= quiet {
                return;
            }
        }
    }

    fn next_at(&self) -> Option<Time> {
        let world = self.world.next_event().map(|at| Time(at.millis()));
        world.into_iter().chain(self.queue.next_at()).min()
    }

    fn move_to(&mut self, at: Time) {
        self.now = self.now.max(at);
        self.world.advance_to(WorldTime::from_millis(self.now.0));
        self.settle();
        while self.queue.next_at().is_some_and(|at| at <= self.now) {
            while let Some(event) = self.queue.pop(self.now) {
                self.happen(event);
            }
            self.settle();
        }
    }

    /// Handles changes of the world: nodes that died or started, answers that arrived, overlaps.
    pub(super) fn settle(&mut self) {
        self.look_after_nodes();
        self.look_after_leader();
        self.harvest();
        self.judge_world();
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Beat => self.beat(),
            Event::Commit { term, entry, by } => self.commit(term, &entry, by),
            Event::Apply(node) => self.apply(&node),
            Event::Node { node, life, what } => {
                let Some(state) = self.nodes.get_mut(&node).filter(|state| state.life == life && state.alive) else {
                    return;
                };
                if state.paused {
                    state.memory.stalled.push(what);
                } else {
                    self.at_node(&node, what);
                }
            }
        }
    }

    pub(super) fn at_node(&mut self, node: &NodeName, what: NodeEvent) {
        match what {
            NodeEvent::Wake => self.woken(node),
            NodeEvent::Monitor => {
                let every = self.nodes.get(node).map(|state| state.ledger.config.timings.monitor).unwrap_or_default();
                self.later(node, every, NodeEvent::Monitor);
                self.sense(node);
            }
            NodeEvent::Sense => self.sense(node),
            NodeEvent::Input(input) => self.feed(node, *input),
            NodeEvent::Propose { of, commands, until } => self.propose_as(node, of, commands, until),
            NodeEvent::Look { server, since, serial, why } => {
                let Some(state) = self.nodes.get(node) else { return };
                let ask = witness::Question { server: &server, by: node, since, serial };
                let shut = self.shut(node);
                let reading =
                    witness::read_but(&self.world, &state.ledger, &ask, state.blind, (&shut, self.options.bug));
                let back = witness::latency(&self.world, &state.ledger.config, &server).1;
                self.later(node, Span(back), NodeEvent::Seen { reading, why });
            }
            NodeEvent::Seen { reading, why } => self.seen(node, reading, why),
            NodeEvent::LogIn(hmc) => self.log_in(node, &hmc),
            NodeEvent::LookInside { why, resource, since, serial } => {
                self.looked_inside(node, why, resource, (since, serial));
            }
        }
    }

    pub(super) fn later(&mut self, node: &NodeName, after: Span, what: NodeEvent) {
        let Some(life) = self.nodes.get(node).map(|state| state.life) else { return };
        self.queue.push(self.now.after(after), Event::Node { node: node.clone(), life, what });
    }

    /// Makes an operator's request to the current leader.
    pub(super) fn request(&mut self, request: Request) {
        if self.leader.is_none() {
            self.say("no leader: the request was not taken".to_owned());
            return;
        }
        if let Err(refusal) = admit(&self.ledger, &request) {
            self.say(format!("refused: {refusal}"));
            return;
        }
        self.requests += 1;
        let request_id = RequestId(u128::from(self.requests));
        let author = Author::first_user(request_id);
        let entry = Entry { at: self.now, wall: self.now, author, commands: vec![Command::Request(request)] };
        if self.options.twice {
            self.propose(entry.clone(), None);
        }
        self.propose(entry, None);
    }

    pub(super) fn say(&mut self, text: String) {
        self.lines.push(Line { at: self.now, text });
    }

    /// Whether two nodes are connected.
    pub(super) fn connected(&self, one: &NodeName, other: &NodeName) -> bool {
        match (self.nodes.get(one), self.nodes.get(other)) {
            (Some(a), Some(b)) => a.acts() && b.acts() && a.side == b.side,
            _ => false,
        }
    }

    fn look_after_nodes(&mut self) {
        for (name, node) in &mut self.nodes {
            let housed = match (node.server, node.lpar) {
                (Some(server), Some(lpar)) => self.world.is_alive(server, lpar),
                _ => true,
            };
            let down = match (node.server, node.lpar) {
                (Some(server), Some(lpar)) => self.world.guest(server, lpar) == Guest::Off,
                _ => false,
            };
            let home = self.ledger.config.nodes.get(name).and_then(|declared| declared.server.as_ref());
            if let Some(home) = home.filter(|_| down) {
                self.apps.die(home);
            }
            node.rebooted |= down;
            let alive = housed && !node.killed;
            if alive && !node.alive {
                node.reborn(self.now, self.options.bug == Some(Bug::FedByNewProcess));
                let soon = self.now.after(node.ledger.config.timings.heartbeat);
                self.queue.push(soon, Event::Apply(name.clone()));
                let at_node = |what| Event::Node { node: name.clone(), life: node.life, what };
                self.queue.push(soon, at_node(NodeEvent::Input(Box::new(Input::Woken))));
                self.queue.push(self.now.after(Span(1)), at_node(NodeEvent::Monitor));
            }
            node.alive = alive;
        }
    }
}
