//! The search: breadth first, each state once, with enough data to reconstruct a bad history from its beginning.

use super::{
    act::{self, Step, Stepper},
    action::Action,
    calm::calm,
    fingerprint::fingerprint,
    model::{Copy, Life, Node, Power, Server, State, Told},
    moves::{moves, progress},
    mutant::Mutant,
    scope::{Assumptions, Scope, Start},
    shell::birth,
    site::{SUSPECT, Site},
};
use std::{
    array,
    collections::HashSet,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};
use tenure_core::{
    Author, Ledger, Moment, Request, RequestId, Verb,
    command::Command,
    ledger::{Phase, Tenure},
};

/// The maximum number of steps to a starting state; far more than a start needs without faults.
const CALM_STEPS: usize = 200;

/// One state in this many is checked for calm.
const CALM_SAMPLE: u128 = 256;

/// Result of a search.
#[derive(Debug)]
pub struct Explored {
    /// The scope that was searched.
    pub scope: Scope,
    /// The planted bug, if any.
    pub mutant: Option<Mutant>,
    /// Number of different states reached.
    pub states: usize,
    /// Number of steps tried.
    pub steps: usize,
    /// The depth up to which every history was explored.
    pub depth: usize,
    /// Whether the search ran out of states before its maximum depth.
    pub exhausted: bool,
    /// Duration of the search.
    pub took: Duration,
    /// The first history that breaks a promise; none is shorter.
    pub found: Option<Counterexample>,
}

/// A history that breaks a promise.
#[derive(Debug)]
pub struct Counterexample {
    /// Descriptions of the broken promises.
    pub wrong: Vec<String>,
    /// The steps that led there, from the beginning of the scope.
    pub actions: Vec<Action>,
    /// The history as text for people, with the cluster's notes.
    pub text: String,
}

/// One reached state, to reconstruct its history.
struct Footprint {
    from: usize,
    by: Action,
}

/// Searches a scope.
pub fn explore(scope: &Scope, mutant: Option<Mutant>) -> Explored {
    let began = Instant::now();
    let site = Site::new(scope, mutant);
    let first = begin(&site);
    let mut seen = HashSet::from([fingerprint(&site, &first)]);
    let mut trail: Vec<Footprint> = Vec::new();
    let mut edge: Vec<(usize, State)> = vec![(usize::MAX, first.clone())];
    let calms = mutant.is_none() && scope.assume == Assumptions::default();
    let (mut steps, mut depth, mut found) = (0, 0, None);
    let mut actions = Vec::new();
    'search: while depth < scope.depth && !edge.is_empty() {
        let mut next = Vec::new();
        for (from, state) in edge.drain(..) {
            moves(&site, &state, &mut actions);
            for &by in &actions {
                steps += 1;
                match act::step(&site, &state, by, None) {
                    Step::Same => {}
                    Step::Moved(state) => {
                        let print = fingerprint(&site, &state);
                        if seen.insert(print) {
                            if calms
                                && print.is_multiple_of(CALM_SAMPLE)
                                && let Err(why) = calm(&site, &state)
                            {
                                found = Some(retell(&site, &first, &way(&trail, from, by), vec![why]));
                                break 'search;
                            }
                            trail.push(Footprint { from, by });
                            if depth + 1 < scope.depth {
                                next.push((trail.len() - 1, state));
                            }
                        }
                    }
                    Step::Wrong(wrong) => {
                        found = Some(retell(&site, &first, &way(&trail, from, by), wrong));
                        break 'search;
                    }
                }
            }
        }
        depth += 1;
        edge = next;
    }
    let exhausted = found.is_none() && edge.is_empty() && depth < scope.depth;
    let states = seen.len();
    Explored { scope: *scope, mutant, states, steps, depth, exhausted, took: began.elapsed(), found }
}

/// The starting state of a scope.
fn begin(site: &Site) -> State {
    let ledger = Arc::new(Ledger::default());
    let body = |node| Node {
        life: Life::Up,
        process: 1,
        brain: birth(site, node, 1, &ledger, Moment(0)),
        ledger: Arc::clone(&ledger),
        serial: 0,
        behind: false,
        jobs: Vec::new(),
        inside: None,
        standing_down: Vec::new(),
    };
    let defined = Server { power: Power::On, link: true, guest: true, copies: [Copy::Off; super::model::GROUPS] };
    let elsewhere = Server { copies: [Copy::Absent; super::model::GROUPS], ..defined };
    let state = State {
        moment: Moment(0),
        ledger: Arc::clone(&ledger),
        leader: None,
        term: 0,
        servers: [defined, if site.scope.mobile { elsewhere } else { defined }],
        nodes: array::from_fn(body),
        mail: Vec::new(),
        flights: Vec::new(),
        transit: None,
        stalled: None,
        held: None,
        drained: [false; super::model::SERVERS],
        told: Told::default(),
        left: site.scope.bounds,
    };
    let mut stepper = Stepper::new(site, state, None);
    let author = Author::Operator { name: "ann".into(), request: RequestId(0) };
    assert!(site.cluster.mistakes().is_empty(), "the tiny site may not be applied: {:?}", site.cluster.mistakes());
    let configure = Request::Configure { cluster: Arc::clone(&site.cluster), strand: false };
    stepper.elect();
    let refusal = stepper.commit(author, vec![Command::Request(configure)]);
    assert!(refusal.is_none(), "{refusal:?}");
    // Every node is connected, and has a lease.
    stepper.plan_until_rest();
    stepper.pass(SUSPECT);
    let mut state = stepper.state;
    let mut actions = Vec::new();
    for _ in 0..CALM_STEPS {
        if reached(site, &state) {
            return state;
        }
        let online = |tenure: &Tenure| tenure.phase == Phase::Online;
        let first = state.ledger.groups.get(&site.groups[0]).and_then(|group| group.tenure.as_ref());
        if site.scope.start == Start::Moving && first.is_some_and(online) {
            state = ask_to_migrate(site, state);
        }
        actions.clear();
        progress(site, &state, &mut actions);
        let next = actions.iter().find_map(|action| match act::step(site, &state, *action, None) {
            Step::Moved(next) => Some(next),
            Step::Same | Step::Wrong(_) => None,
        });
        let Some(next) = next else { break };
        state = next;
    }
    panic!("scope {}: a calm world does not reach {:?}", site.scope.name, site.scope.start);
}

fn reached(site: &Site, state: &State) -> bool {
    match site.scope.start {
        Start::Fresh => true,
        Start::Ordered => !state.ledger.orders.is_empty(),
        Start::Moving => {
            state.flights.is_empty()
                && state.ledger.orders.values().any(|order| matches!(order.action, tenure_core::Action::Migrate { .. }))
        }
        Start::Online => {
            let online = |tenure: &Tenure| tenure.phase == Phase::Online;
            state.ledger.groups.values().all(|group| group.tenure.as_ref().is_some_and(online))
        }
    }
}

/// An operator migrates the first group.
fn ask_to_migrate(site: &Site, state: State) -> State {
    let left = state.left;
    let mut stepper = Stepper::new(site, state, None);
    stepper.state.left.asks = 1;
    stepper.ask_elsewhere(0, |group, server| Verb::Migrate { group, server });
    stepper.plan_until_rest();
    State { left, ..stepper.state }
}

fn way(trail: &[Footprint], mut from: usize, last: Action) -> Vec<Action> {
    let mut actions = vec![last];
    while let Some(footprint) = trail.get(from) {
        actions.push(footprint.by);
        from = footprint.from;
    }
    actions.reverse();
    actions
}

/// Replays the actions, and describes them.
fn retell(site: &Site, first: &State, actions: &[Action], wrong: Vec<String>) -> Counterexample {
    let mut state = first.clone();
    let mut text = format!("from {:?}, {}\n", site.scope.start, site.scope.name);
    for (i, action) in actions.iter().enumerate() {
        let mut lines = Vec::new();
        let step = act::step(site, &state, *action, Some(&mut lines));
        text += &format!("{:>3}. {action}\n", i + 1);
        for line in lines {
            text += &format!("       {line}\n");
        }
        if let Step::Moved(next) = step {
            state = next;
        }
    }
    for what in &wrong {
        text += &format!("  => {what}\n");
    }
    Counterexample { wrong, actions: actions.to_vec(), text }
}

impl fmt::Display for Explored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mutant = self.mutant.map_or("the core as it is", Mutant::name);
        let Explored { states, steps, depth, .. } = self;
        let all = if self.exhausted { ", which is all there is" } else { "" };
        let took = self.took.as_secs_f64();
        write!(
            f,
            "{:<6} {mutant:<24} {states:>8} states, {steps:>9} steps, depth {depth}{all}, {took:.1} s",
            self.scope.name
        )
    }
}
