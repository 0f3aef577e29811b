//! One step: an action on a state gives the next state, and what is wrong with it.

use super::{
    action::Action,
    model::{Power, State},
    mutant::Mutant,
    scope::Bounds,
    site::Site,
};
use std::{collections::BTreeMap, sync::Arc};
use tenure_core::{
    Author, GroupName, NodeName, Request, RequestId, ServerName, Span, View, command::Command, plan::plan,
    view::NodeView,
};

/// More than the expiry of any order of the tiny world.
const LONG: Span = Span::seconds(200);
/// More rounds of planning than any change needs.
const ROUNDS: usize = 8;

/// What came of an action.
#[allow(clippy::large_enum_variant)] // short-lived, and a box would be one more allocation for each of a million steps
pub(super) enum Step {
    /// It changes nothing, or cannot happen.
    Same,
    /// The next state.
    Moved(State),
    /// A promise was broken, in these words.
    Wrong(Vec<String>),
}

/// One step being taken.
pub(super) struct Stepper<'a> {
    pub site: &'a Site,
    pub state: State,
    pub wrong: Vec<String>,
    /// What happened, in words, if somebody wants to know.
    pub lines: Option<&'a mut Vec<String>>,
}

/// Takes one step.
pub(super) fn step<'a>(site: &'a Site, state: &State, action: Action, lines: Option<&'a mut Vec<String>>) -> Step {
    let mut stepper = Stepper { site, state: state.clone(), wrong: Vec::new(), lines };
    let moved = stepper.act(action);
    if moved && !stepper.state.stalled && (state.stalled || concerns_leader(state, &stepper.state)) {
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

/// Whether the step changed anything that a plan is made of. If not, the leader rests as it did before.
fn concerns_leader(before: &State, after: &State) -> bool {
    let view = |state: &State| state.view.each_ref().map(|read| read.as_ref().map(|read| (read.since, read.serial)));
    let nodes = |state: &State| state.nodes.each_ref().map(|node| (node.life, node.lease));
    !Arc::ptr_eq(&before.ledger, &after.ledger)
        || before.time != after.time
        || nodes(before) != nodes(after)
        || view(before) != view(after)
}

impl Stepper<'_> {
    fn act(&mut self, action: Action) -> bool {
        let at = usize::from;
        match action {
            Action::Read(server) => self.watch(at(server)),
            Action::Stall => self.stall(),
            Action::Wake => {
                self.state.stalled = false;
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
            Action::LeaseEnds(node) => self.lease_ends(at(node)),
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
                self.state.left.waits -= 1;
                self.pass(LONG)
            }
            Action::AskSwitch(group) => {
                self.ask_elsewhere(at(group), |group, server| Request::Switch { group, server })
            }
            Action::SwitchOver => self.switch_over(),
            Action::TransitEnds => self.transit_ends(),
            Action::TransitSticks => self.transit_sticks(),
            Action::AskMigrate(group) => {
                self.ask_elsewhere(at(group), |group, server| Request::Migrate { group, server })
            }
            Action::AskAbort(group) => self.ask(Request::AbortMigration(self.site.groups[at(group)].clone())),
            Action::AskOffline(group) => {
                self.ask(Request::Offline { group: self.site.groups[at(group)].clone(), propagate: false })
            }
            Action::AskOnline(group) => {
                self.ask(Request::Online { group: self.site.groups[at(group)].clone(), server: None, propagate: false })
            }
            Action::AskConfirm(server) => self.ask(Request::ConfirmOff(self.site.servers[at(server)].clone())),
            Action::Drain(server) => self.drain(at(server), true),
            Action::Undrain(server) => self.drain(at(server), false),
        }
    }

    /// One more fault of a kind.
    pub fn spend(&mut self, kind: fn(&mut Bounds) -> &mut u8) {
        let left = &mut self.state.left;
        *kind(left) -= 1;
        left.faults -= 1;
    }

    /// What the leader would propose, without what only words a wait.
    pub fn proposals(&self) -> Vec<Command> {
        let Some(leader) = self.leader_name() else { return Vec::new() };
        let state = &self.state;
        let suspect = self.site.cluster.timings.suspect;
        let nodes = self.site.nodes.iter().zip(&state.nodes).map(|(name, node)| {
            let heard = node.life == super::model::Life::Up;
            let silence = if heard { Span(0) } else { suspect };
            (name.clone(), NodeView { heard, silence, lease_over: !node.lease, reaches_hmc: true })
        });
        let readings = state.view.iter().flatten().map(|reading| (reading.server.clone(), reading.clone()));
        let view =
            View { nodes: nodes.collect(), readings: readings.collect::<BTreeMap<_, _>>(), inside: BTreeMap::new() };
        let mut ledger = Arc::clone(&state.ledger);
        if self.site.has(Mutant::ChildFirst) {
            for group in Arc::make_mut(&mut ledger).groups.values_mut() {
                Arc::make_mut(group).ties.parents.clear();
            }
        }
        let mut commands = plan(&ledger, &view, &leader, state.time).commands;
        commands.retain(|command| !matches!(command, Command::Wait { .. } | Command::ServerWait { .. }));
        commands
    }

    fn leader_name(&self) -> Option<NodeName> {
        self.state.leader().map(|node| self.site.nodes[node].clone())
    }

    fn plan_and_commit(&mut self) -> bool {
        let (Some(leader), commands) = (self.leader_name(), self.proposals()) else { return false };
        if commands.is_empty() {
            return false;
        }
        self.commit(Author::Planner(leader), commands);
        true
    }

    /// The leader plans as soon as there is anything to plan, unless it stalls; and comes to rest.
    pub fn plan_until_rest(&mut self) {
        for _ in 0..ROUNDS {
            if !self.wrong.is_empty() || !self.plan_and_commit() {
                return;
            }
        }
        self.wrong.push(format!("rest: the leader still plans after {ROUNDS} rounds, and nothing happened"));
    }

    fn stall(&mut self) -> bool {
        self.spend(|left| &mut left.delays);
        self.state.stalled = true;
        true
    }

    fn decide(&mut self) -> bool {
        let commands = self.proposals();
        if commands.is_empty() {
            return false;
        }
        self.state.stalled = false;
        self.state.held = Some(Arc::new(commands));
        true
    }

    fn commit_held(&mut self) -> bool {
        let (Some(leader), Some(commands)) = (self.leader_name(), self.state.held.take()) else { return false };
        self.commit(Author::Planner(leader), commands.to_vec());
        true
    }

    fn new_leader(&mut self) -> bool {
        self.spend(|left| &mut left.leaders);
        self.state.view = [const { None }; super::model::SERVERS];
        true
    }

    pub fn ask_elsewhere(&mut self, group: usize, request: fn(GroupName, ServerName) -> Request) -> bool {
        let name = self.site.groups[group].clone();
        let tenure = self.state.ledger.groups.get(&name).and_then(|group| group.tenure.as_ref());
        let Some(here) = tenure.map(|tenure| self.site.server(&tenure.server)) else { return false };
        self.ask(request(name, self.site.servers[1 - here].clone()))
    }

    fn drain(&mut self, server: usize, drained: bool) -> bool {
        self.state.left.drains -= 1;
        let name = self.site.servers[server].clone();
        let request = if drained { Request::Drain(name) } else { Request::Undrain { server: name, bring_back: true } };
        self.state.drained[server] = drained;
        self.put(request)
    }

    /// What an operator asks; a refusal changes nothing.
    fn ask(&mut self, request: Request) -> bool {
        self.state.left.asks -= 1;
        if let Request::ConfirmOff(server) = &request {
            let off = self.state.servers[self.site.server(server)].power == Power::Off;
            if !off && self.site.scope.assume.operators_are_right {
                return false;
            }
        }
        self.put(request)
    }

    fn put(&mut self, request: Request) -> bool {
        let mut trial = (*self.state.ledger).clone();
        let author =
            Author::Operator { name: "ann".to_owned(), request: RequestId(u128::from(trial.index.saturating_add(1))) };
        let commands = vec![Command::Request(request)];
        let entry = tenure_core::Entry {
            at: self.state.time,
            wall: self.state.time,
            author: author.clone(),
            commands: commands.clone(),
        };
        if trial.apply(trial.index.saturating_add(1), &entry).refusal().is_some() {
            return false;
        }
        self.commit(author, commands);
        true
    }

    /// Time passes: whatever had its time by then has happened, or never will.
    fn pass(&mut self, span: Span) -> bool {
        let state = &mut self.state;
        state.time = state.time.after(span);
        if self.site.scope.assume.late_within_settle {
            state.flights.clear();
        }
        true
    }
}
