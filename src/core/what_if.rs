//! Forecasts: the real planner and the real ledger run on a copy, in a small ideal world.
//!
//! In that world every order succeeds after a nominal time, moves under way arrive, LPARs never read are off, a lost
//! server reads Power Off with its node silent, and everything else stays as the ledger knows it. So an answer gives
//! the decisions of the cluster, not the time that hardware takes or what else may fail. The given ledger is never
//! touched; the same ledger and the same what-ifs give the same answer; the number of steps is bounded.

mod capacity;
mod loss;
mod survive;
mod why_not;
mod world;

pub use capacity::{Room, ServerRoom, capacity};
pub use loss::{Loss, lose_each};
pub use survive::{Survival, survival, survival_beyond_one};
pub use why_not::{Decision, Instead, Standing, WhyNot, why_not};

use crate::{
    GroupName, Ledger, NodeName, Record, Refusal, Request, RequestId, ServerName, Span, Time,
    command::{Author, Command, Entry},
    ledger::{GroupState, Intent, Phase},
    note::Wait,
    plan::plan,
    trust::{Origin, Rights, User},
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use world::World;

/// More steps than a cluster takes to come to rest: each is one plan with the orders that follow from it.
pub const MAX_STEPS: u32 = 1000;
/// Time that a batch of orders takes in the ideal world.
const NOMINAL: Span = Span::seconds(1);
/// Limit of waiting for a deadline: events that only a later one would bring are left out.
const HORIZON: Span = Span::seconds(900);
/// Name of the operator of a what-if, in notes.
const ASKER: &str = "what-if";

/// An event or a request to be played. Several follow each other, each after the cluster has come to rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhatIf {
    /// These servers lose power at once, with their nodes.
    Lose(BTreeSet<ServerName>),
    /// An operator makes this request.
    Ask(Request),
}

/// The place and state of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The server of its tenure.
    pub server: Option<ServerName>,
    /// Whether it is online there, on a server that is not lost.
    pub runs: bool,
    /// The state that its administrators want.
    pub intent: Intent,
    /// Its wait.
    pub wait: Option<Wait>,
    /// Whether it is the instance of a parallel group on a lost server: then it is not missed.
    pub spared: bool,
    /// Time from the beginning to its arrival there; `None` if it was there already, or has no server.
    pub after: Option<Span>,
}

/// The end of a forecast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Nothing was left to do.
    Rest,
    /// The limit of steps was reached.
    Unsettled,
    /// No majority of the declared nodes was left, so no more decisions were made.
    NoMajority,
}

/// The result of a forecast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreseen {
    /// Log index of the ledger that it starts from.
    pub index: u64,
    /// Cluster time at which the first what-if happens.
    pub began: Time,
    /// The places of the groups before the first what-if, when all work under way had come to rest.
    pub before: BTreeMap<GroupName, Place>,
    /// Their places in the end.
    pub after: BTreeMap<GroupName, Place>,
    /// The notes, in order. Their log indexes are made up.
    pub records: Vec<Record>,
    /// What-ifs that were refused, by their position.
    pub refused: Vec<(usize, Refusal)>,
    /// The way it ended.
    pub ending: Ending,
}

impl Foreseen {
    /// Groups that change their server, or come to have one or to have none.
    pub fn moved(&self) -> impl Iterator<Item = (&GroupName, Option<&ServerName>, &Place)> {
        self.after.iter().filter_map(|(name, place)| {
            let from = self.before.get(name).and_then(|before| before.server.as_ref());
            (from != place.server.as_ref()).then_some((name, from, place))
        })
    }

    /// Groups that should run in the end and do not, except those that were in that state before.
    pub fn unserved(&self) -> impl Iterator<Item = (&GroupName, &Place)> {
        self.after.iter().filter(|(name, place)| {
            let waited = |before: &Place| before.intent == Intent::Online && !before.runs;
            place.intent == Intent::Online
                && !place.runs
                && !place.spared
                && !self.before.get(*name).is_some_and(waited)
        })
    }
}

/// Plays these what-ifs from this ledger on.
pub fn foresee(ledger: &Ledger, what: Vec<WhatIf>) -> Foreseen {
    let mut foresight = Foresight::new(ledger, what);
    while foresight.step() {}
    foresight.finish()
}

/// A forecast under way, one step at a time, so that the caller can stop it.
#[derive(Debug)]
pub struct Foresight {
    index: u64,
    ledger: Ledger,
    world: World,
    todo: VecDeque<WhatIf>,
    happened: usize,
    began: Time,
    /// Time of the last what-if, or of the beginning.
    phase: Time,
    before: Option<BTreeMap<GroupName, Place>>,
    records: Vec<Record>,
    refused: Vec<(usize, Refusal)>,
    steps: u32,
    ending: Option<Ending>,
}

impl Foresight {
    /// Takes a copy of the ledger; nothing is played yet.
    pub fn new(ledger: &Ledger, what: Vec<WhatIf>) -> Self {
        let scratch = ledger.scratch();
        Foresight {
            index: ledger.index,
            world: World::new(&scratch),
            began: scratch.now,
            phase: scratch.now,
            ledger: scratch,
            todo: what.into(),
            happened: 0,
            before: None,
            records: Vec::new(),
            refused: Vec::new(),
            steps: 0,
            ending: None,
        }
    }

    /// Plans once and carries out the orders, or lets time pass, or plays the next what-if. False when nothing is left.
    pub fn step(&mut self) -> bool {
        if self.ending.is_some() {
            return false;
        }
        self.steps = self.steps.saturating_add(1);
        if self.steps > MAX_STEPS {
            self.ending = Some(Ending::Unsettled);
            return false;
        }
        self.world.refresh(&self.ledger);
        let Some(leader) = self.world.leader(&self.ledger) else {
            return self.next_what_if(Ending::NoMajority);
        };
        let now = self.ledger.now;
        let planned = plan(&self.ledger, &self.world.view, &leader, now);
        let did = !planned.commands.is_empty();
        if did {
            self.commit(now, Author::Planner(leader), planned.commands);
        }
        if self.carry_out() || did {
            return true;
        }
        let wake = self.world.wake(&self.ledger).into_iter().chain(planned.wake_at).min();
        match wake.filter(|at| *at > now && *at <= self.phase.after(HORIZON)) {
            Some(at) => {
                self.ledger.now = at;
                true
            }
            None => self.next_what_if(Ending::Rest),
        }
    }

    /// The result, as far as it got.
    pub fn finish(self) -> Foreseen {
        let mut after = self.places();
        let before = self.before.unwrap_or_else(|| after.clone());
        for (name, place) in &mut after {
            let tenure = self.ledger.groups.get(name).and_then(|group| group.tenure.as_ref());
            place.after =
                tenure.filter(|tenure| tenure.since > self.began).map(|tenure| tenure.since.since(self.began));
        }
        Foreseen {
            index: self.index,
            began: self.began,
            before,
            after,
            records: self.records,
            refused: self.refused,
            ending: self.ending.unwrap_or(Ending::Unsettled),
        }
    }

    fn next_what_if(&mut self, otherwise: Ending) -> bool {
        self.phase = self.ledger.now;
        if self.before.is_none() {
            // Work that was under way before is no consequence.
            self.before = Some(self.places());
            self.began = self.ledger.now;
            self.records.clear();
        }
        let Some(what) = self.todo.pop_front() else {
            self.ending = Some(otherwise);
            return false;
        };
        let number = self.happened;
        self.happened = number.saturating_add(1);
        let refusal = match what {
            WhatIf::Lose(servers) => self.lose(&servers),
            WhatIf::Ask(request) => self.ask(request),
        };
        self.refused.extend(refusal.map(|why| (number, why)));
        true
    }

    fn lose(&mut self, servers: &BTreeSet<ServerName>) -> Option<Refusal> {
        if let Some(unknown) = servers.iter().find(|server| !self.ledger.servers.contains_key(*server)) {
            return Some(Refusal::NoServer(unknown.clone()));
        }
        for server in servers {
            self.world.lose(server, &self.ledger);
        }
        self.ledger.now = self.ledger.now.after(self.ledger.config.timings.suspect);
        None
    }

    fn ask(&mut self, request: Request) -> Option<Refusal> {
        let id = RequestId(u128::from(self.ledger.index).saturating_add(1));
        // Whoever sees the cluster may ask what would be.
        let since = self.ledger.wall;
        let asker = User { id: 0, rights: Rights::ALL, since, by: ASKER.into(), certificates: BTreeMap::new() };
        self.ledger.trust.users.insert(ASKER.into(), asker);
        let author = Author::User { user: ASKER.into(), id: 0, request: id, from: Origin::default() };
        self.commit(self.ledger.now, author, vec![Command::Request(request)])
    }

    /// Answers every open order whose node is heard.
    fn carry_out(&mut self) -> bool {
        let mut reports: BTreeMap<NodeName, Vec<Command>> = BTreeMap::new();
        for order in self.ledger.orders.values() {
            if !self.world.hears(&order.node) {
                continue;
            }
            let report = self.world.carry_out(order, &self.ledger);
            reports.entry(order.node.clone()).or_default().push(Command::Report(report));
        }
        let at = self.ledger.now.after(NOMINAL);
        let any = !reports.is_empty();
        for (node, commands) in reports {
            self.commit(at, Author::Agent(node), commands);
        }
        any
    }

    fn commit(&mut self, at: Time, author: Author, commands: Vec<Command>) -> Option<Refusal> {
        let index = self.ledger.index.saturating_add(1);
        let outcome = self.ledger.apply(index, &Entry { at, wall: at, author, commands });
        let refusal = outcome.refusal().cloned();
        self.records.extend(outcome.records);
        refusal
    }

    fn places(&self) -> BTreeMap<GroupName, Place> {
        self.ledger.groups.iter().map(|(name, group)| (name.clone(), self.place(name, group))).collect()
    }

    fn place(&self, name: &GroupName, group: &GroupState) -> Place {
        let declared = self.ledger.config.groups.get(name).filter(|_| name.instance().is_some());
        // A group that is moved while it runs counts as running.
        let runs = |phase: &Phase| matches!(phase, Phase::Online | Phase::Migrating(_));
        let online = group.tenure.as_ref().filter(|tenure| runs(&tenure.phase));
        Place {
            server: group.tenure.as_ref().map(|tenure| tenure.server.clone()),
            runs: online.is_some_and(|tenure| !self.world.is_lost(&tenure.server)),
            intent: group.intent,
            wait: group.wait.clone(),
            spared: declared.is_some_and(|declared| declared.servers.iter().all(|server| self.world.is_lost(server))),
            after: None,
        }
    }
}
