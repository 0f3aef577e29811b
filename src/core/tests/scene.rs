//! Shared by the tables of these tests: a ledger whose state is set as a case needs it, and then asked.

use crate::site;
use std::sync::Arc;
use tenure_core::{
    Action, Author, Command, Entry, Ledger, NodeName, Order, OrderId, Power, Refusal, Report, Request, RequestId,
    ResourceName, Seen, ServerName, Span, SystemState, Time,
    command::Outcome,
    config::Cluster,
    ledger::{CopyState, GroupState, Migration, NodeState, OffProof, Phase, Run, ServerState, Tenure},
    note::OffHow,
    order::{Ending, Epoch},
};

pub const NOW: Time = Time(5_000_000);
/// The order that these tests put into the ledger by hand.
pub const ORDER: OrderId = OrderId { index: 7, ordinal: 0 };

/// A live migration to this server that has begun, and of which nothing was sent.
pub fn migration(to: &str) -> Migration {
    Migration {
        to: to.into(),
        index: 8,
        ordered: NOW,
        sent: Default::default(),
        returned: Default::default(),
        aborted: false,
        why: None,
    }
}

#[derive(Clone)]
pub struct Scene {
    pub ledger: Ledger,
}

impl Scene {
    /// Every server is up and watched by its node, and every copy was read off, by readings that followed entry 8.
    /// Nothing else has happened.
    pub fn new(cluster: Cluster) -> Self {
        let mut ledger = site::Case::watched(cluster).ledger;
        (ledger.index, ledger.now) = (20, NOW);
        for state in ledger.servers.values_mut() {
            (state.live, state.system, state.since) = (true, SystemState::Operating, Some(8));
        }
        for group in ledger.groups.values_mut() {
            for copy in Arc::make_mut(group).copies.values_mut().flat_map(|copies| copies.values_mut()) {
                *copy = CopyState { power: Power::Off, since: Some(8), ..CopyState::default() };
            }
        }
        Scene { ledger }
    }

    /// The same, and changed.
    pub fn with(&self, change: impl Fn(&mut Scene)) -> Self {
        let mut scene = self.clone();
        change(&mut scene);
        scene
    }

    pub fn config(&mut self) -> &mut Cluster {
        Arc::make_mut(&mut self.ledger.config)
    }

    pub fn group(&mut self, name: &str) -> &mut GroupState {
        Arc::make_mut(self.ledger.groups.get_mut(name).expect("it is declared"))
    }

    /// The group of most of these tests.
    pub fn web(&mut self) -> &mut GroupState {
        self.group("web")
    }

    pub fn copy(&mut self, resource: &str, server: &str) -> &mut CopyState {
        let group = self.ledger.group_of(&resource.into()).expect("it is declared").to_string();
        let copies = self.group(&group).copies.get_mut(resource).expect("it is declared");
        copies.get_mut(&ServerName::from(server)).expect("it is declared there")
    }

    pub fn run(&mut self, resource: &str) -> &mut Run {
        let group = self.ledger.group_of(&resource.into()).expect("it is declared").to_string();
        self.group(&group).runs.entry(ResourceName::from(resource)).or_default()
    }

    pub fn server(&mut self, name: &str) -> &mut ServerState {
        self.ledger.servers.get_mut(&ServerName::from(name)).expect("it is declared")
    }

    pub fn node(&mut self, name: &str) -> &mut NodeState {
        self.ledger.nodes.get_mut(&NodeName::from(name)).expect("it is declared")
    }

    /// Gives a group its tenure.
    pub fn holds(&mut self, group: &str, server: &str, phase: Phase) {
        let tenure = Tenure { epoch: Epoch(1), server: server.into(), since: Time(1), phase };
        self.ledger.epoch = Epoch(1);
        self.group(group).tenure = Some(tenure);
    }

    /// A server is proven off.
    pub fn off(&mut self, server: &str) {
        let how = OffHow::Operator { name: "admin".into() };
        self.server(server).off = Some(OffProof { how, index: 9, at: Time(9) });
    }

    /// Puts an order into the ledger, for the node `n1` or `n2` or … of its server `p1` or `p2` or ….
    pub fn owes(&mut self, server: &str, action: Action) {
        let node = format!("n{}", server.trim_start_matches('p')).into();
        let (server, issued, budget) = (server.into(), NOW, Span::seconds(60));
        self.ledger.orders.insert(ORDER, Order { id: ORDER, node, server, action, issued, budget });
    }

    /// The answer to that order.
    pub fn answers(&mut self, ending: Ending) -> Option<Refusal> {
        self.plan(Command::Report(Report { order: ORDER, ending, readings: Vec::new(), seen: Default::default() }))
    }

    pub fn apply(&mut self, author: Author, command: Command) -> Outcome {
        let entry = Entry { at: self.ledger.now, wall: self.ledger.now, author, commands: vec![command] };
        self.ledger.apply(self.ledger.index + 1, &entry)
    }

    /// Applies a command by the planner of node n1.
    pub fn plan(&mut self, command: Command) -> Option<Refusal> {
        self.apply(Author::Planner("n1".into()), command).refusal().cloned()
    }

    /// Applies a request of an operator.
    pub fn ask(&mut self, request: impl Into<Request>) -> Option<Refusal> {
        let author = Author::first_user(RequestId(self.ledger.index.into()));
        self.apply(author, Command::Request(request.into())).refusal().cloned()
    }

    /// A node says what it sees inside it.
    pub fn senses(&mut self, node: &str, resource: &str, seen: Seen) -> Option<Refusal> {
        let inside = tenure_core::Inside { seen: [(ResourceName::from(resource), seen)].into(), watchdog: None };
        self.plan(Command::Sense { node: node.into(), inside })
    }
}
