//! One step: applies an action to a state, and gives the next state or the promises that it breaks.

use super::{
    action::Action,
    model::{Life, NODES, Power, State},
    scope::Bounds,
    site::Site,
};
use std::collections::VecDeque;
use tenure_core::{
    Author, GroupName, OrderId, Request, RequestId, ServerName, Verb,
    command::Command,
    node::{Effect, Fate, Input},
};

/// Result of an action.
#[allow(clippy::large_enum_variant)] // short-lived, and a box would be one more allocation for each of a million steps
pub(super) enum Step {
    /// It changes nothing, or cannot happen.
    Same,
    /// The next state.
    Moved(State),
    /// A promise was broken; one description for each.
    Wrong(Vec<String>),
}

/// The step in progress.
pub(super) struct Stepper<'a> {
    pub site: &'a Site,
    pub state: State,
    pub wrong: Vec<String>,
    /// Log of the step for people, if requested.
    pub lines: Option<&'a mut Vec<String>>,
    /// Effects that the nodes requested and that are not carried out yet, by node and process.
    pub queue: VecDeque<(usize, u8, Effect)>,
    /// The order whose requests are answered at once.
    pub working: Option<(usize, OrderId)>,
    /// Commands sent now are lost; `met`: the order has asked for one.
    pub lost: bool,
    pub met: bool,
    /// The leader's next plan is delayed instead of committed.
    pub hold: bool,
}

impl<'a> Stepper<'a> {
    pub fn new(site: &'a Site, state: State, lines: Option<&'a mut Vec<String>>) -> Self {
        let (wrong, queue) = (Vec::new(), VecDeque::new());
        Stepper { site, state, wrong, lines, queue, working: None, lost: false, met: false, hold: false }
    }
}

/// Takes one step.
pub(super) fn step<'a>(site: &'a Site, state: &State, action: Action, lines: Option<&'a mut Vec<String>>) -> Step {
    let mut stepper = Stepper::new(site, state.clone(), lines);
    let moved = stepper.act(action);
    if moved {
        stepper.plan_until_rest();
    }
    if !stepper.wrong.is_empty() {
        Step::Wrong(stepper.wrong)
    } else if moved {
        Step::Moved(stepper.state)
    } else {
        Step::Same
    }
}

impl Stepper<'_> {
    fn act(&mut self, action: Action) -> bool {
        let at = usize::from;
        match action {
            Action::Read(server) => self.watch(at(server)),
            Action::Stall => self.stall(),
            Action::Wake => {
                self.state.stalled = None;
                true
            }
            Action::Decide => self.decide(),
            Action::Commit => self.commit_held(),
            Action::NewLeader => self.new_leader(),
            Action::Work { node, job } => self.work(at(node), at(job), false),
            Action::WorkLost { node, job } => self.work(at(node), at(job), true),
            Action::Effect(flight) => self.effect(at(flight)),
            Action::Refuse(flight) => self.refuse(at(flight)),
            Action::Doubt { node, job } => self.doubt(at(node), at(job)),
            Action::Deliver(mail) => self.deliver(at(mail), false),
            Action::DeliverTwice(mail) => self.deliver(at(mail), true),
            Action::Lose(mail) => self.lose(at(mail)),
            Action::Cut(node) => self.cut(at(node)),
            Action::Heal(node) => self.heal(at(node)),
            Action::CatchUp(node) => self.catch_up_late(at(node)),
            Action::Kill(node) => self.kill(at(node)),
            Action::Restart(node) => self.restart(at(node)),
            Action::Hush => {
                let suspect = self.site.cluster.timings.suspect;
                self.state.left.hushes -= 1;
                self.pass(suspect)
            }
            Action::LeasesEnd => {
                let suspect = self.site.cluster.timings.suspect;
                self.pass(suspect.times(3))
            }
            Action::Look(node) => self.sense(at(node)),
            Action::StandDown(node) => self.stand_down(at(node)),
            Action::NodeCrash(server) => self.node_crash(at(server)),
            Action::Crash { server, group } => self.crash(at(server), at(group)),
            Action::PowerLost(server) => self.power_lost(at(server)),
            Action::Sick(server) => self.sick(at(server)),
            Action::PowerBack { server, autostart } => self.power_back(at(server), autostart),
            Action::LinkLost(server) => self.link_lost(at(server)),
            Action::LinkBack(server) => self.link_back(at(server)),
            Action::Tick => {
                let settle = self.site.cluster.timings.settle;
                self.state.left.ticks -= 1;
                self.pass(settle)
            }
            Action::LongWait => {
                let settle = self.site.cluster.timings.settle;
                self.state.left.waits -= 1;
                self.pass(settle.times(4))
            }
            Action::AskSwitch(group) => self.ask_elsewhere(at(group), |group, server| Verb::Switch { group, server }),
            Action::SwitchOver => self.switch_over(),
            Action::TransitEnds => self.transit_ends(),
            Action::TransitSticks => self.transit_sticks(),
            Action::AskMigrate(group) => self.ask_elsewhere(at(group), |group, server| Verb::Migrate { group, server }),
            Action::AskAbort(group) => self.ask(Verb::AbortMigration { group: self.site.groups[at(group)].clone() }),
            Action::AskOffline(group) => {
                self.ask(Verb::Offline { group: self.site.groups[at(group)].clone(), propagate: false })
            }
            Action::AskOnline(group) => {
                self.ask(Verb::Online { group: self.site.groups[at(group)].clone(), server: None, propagate: false })
            }
            Action::AskConfirm(server) => self.ask(Verb::ConfirmOff { server: self.site.servers[at(server)].clone() }),
            Action::Drain(server) => self.drain(at(server), true),
            Action::Undrain(server) => self.drain(at(server), false),
        }
    }

    /// Counts one more fault of a kind.
    pub fn spend(&mut self, kind: fn(&mut Bounds) -> &mut u8) {
        let left = &mut self.state.left;
        *kind(left) -= 1;
        left.faults -= 1;
    }

    fn stall(&mut self) -> bool {
        self.spend(|left| &mut left.delays);
        self.state.stalled = Some(self.state.moment);
        true
    }

    fn decide(&mut self) -> bool {
        (self.state.stalled, self.hold) = (None, true);
        self.plan_until_rest();
        !std::mem::take(&mut self.hold)
    }

    fn commit_held(&mut self) -> bool {
        let (Some(leader), Some(commands)) = (self.state.leader, self.state.held.take()) else { return false };
        self.commit(Author::Planner(self.site.nodes[leader].clone()), commands.to_vec());
        self.feed(leader, Input::Planned { term: self.state.term, fate: Fate::Committed });
        true
    }

    fn new_leader(&mut self) -> bool {
        self.spend(|left| &mut left.leaders);
        let now = self.state.leader;
        let can = |node: &usize| Some(*node) != now && self.state.nodes[*node].life == Life::Up;
        let next = (0..NODES).rev().find(can);
        if next.is_none() {
            return false;
        }
        self.lead(next);
        true
    }

    pub fn ask_elsewhere(&mut self, group: usize, verb: fn(GroupName, ServerName) -> Verb) -> bool {
        let name = self.site.groups[group].clone();
        let tenure = self.state.ledger.groups.get(&name).and_then(|group| group.tenure.as_ref());
        let Some(here) = tenure.map(|tenure| self.site.server(&tenure.server)) else { return false };
        self.ask(verb(name, self.site.servers[1 - here].clone()))
    }

    fn drain(&mut self, server: usize, drained: bool) -> bool {
        self.state.left.drains -= 1;
        let name = self.site.servers[server].clone();
        let request = if drained {
            Verb::Drain { server: name, terms: Default::default() }
        } else {
            Verb::Undrain { server: name, bring_back: true }
        };
        self.state.drained[server] = drained;
        self.put(request)
    }

    /// Makes an operator's request; a refused request changes nothing.
    pub fn ask(&mut self, verb: Verb) -> bool {
        self.state.left.asks -= 1;
        if let Verb::ConfirmOff { server } = &verb {
            let off = self.state.servers[self.site.server(server)].power == Power::Off;
            if !off && self.site.scope.assume.operators_are_right {
                return false;
            }
        }
        self.put(verb)
    }

    pub fn put(&mut self, request: impl Into<Request>) -> bool {
        let mut trial = (*self.state.ledger).clone();
        let author = Author::first_user(RequestId(u128::from(trial.index.saturating_add(1))));
        let commands = vec![Command::Request(request.into())];
        let at = self.cluster_time();
        let entry = tenure_core::Entry { at, wall: at, author: author.clone(), commands: commands.clone() };
        if trial.apply(trial.index.saturating_add(1), &entry).refusal().is_some() {
            return false;
        }
        self.commit(author, commands);
        true
    }
}
