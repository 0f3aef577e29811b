//! The node as a whole, from outside: its inputs, its outputs, and the times at which it wants to be woken.

use crate::site;
use std::sync::Arc;
use tenure_core::{
    Action, Author, Command, Entry, Inside, Ledger, Moment, NodeName, Order, OrderId, Power, Reading, Request,
    RequestId, ResourceName, Seen, Span, SystemState, Time, Verb,
    config::{Cluster, Group, Resource, Trigger},
    execution::{Answer as Said, Ask, LocalOperation, MachineOperation, Operation},
    ledger::Incarnation,
    node::{Answer, Birth, Call, Effect, End, Fate, Input, Node, Now, PlanJob, Proposal, Standing, Taken, Wake},
    order::Ending,
};

pub const ME: Incarnation = Incarnation(7);
pub const T: Moment = Moment(50_000);

pub fn reading(server: &str, by: &str, since: u64, serial: u64) -> Reading {
    Reading {
        server: server.into(),
        by: by.into(),
        since,
        serial,
        system: SystemState::Operating,
        live: true,
        copies: [("web".into(), Power::Off)].into(),
        node: Power::Running,
        node_listed: Default::default(),
        vios: Default::default(),
        listed: Default::default(),
    }
}

/// Two servers with a node each, a third node, and group web with one LPAR.
pub fn cluster() -> Cluster {
    let mut cluster = site::site(3);
    cluster.groups.insert("web".into(), Group::new(vec!["p1".into(), "p2".into()]));
    cluster.resources.insert("web".into(), Resource::lpar("web".into(), "web"));
    cluster
}

/// A node under test, with its ledger and its standing.
#[derive(Clone)]
pub struct Bench {
    pub node: Node,
    pub ledger: Ledger,
    pub standing: Standing,
    pub at: Moment,
    /// Plans that are not made yet, if they are not made at once.
    pub jobs: Option<Vec<PlanJob>>,
}

impl Bench {
    pub fn of(cluster: Cluster) -> Self {
        let birth = Birth {
            me: "n1".into(),
            incarnation: ME,
            stored: 0,
            known: Time(0),
            wall: Time(1_000_000),
            fresh: Span(1_000),
            moment: T,
        };
        let voters = ["n1", "n2", "n3"].map(NodeName::from).into();
        let standing = Standing { term: 1, leader: Some("n2".into()), voters: Arc::new(voters), ..Standing::default() };
        let mut bench = Bench { node: Node::new(birth), ledger: Ledger::default(), standing, at: T, jobs: None };
        bench.operator(Request::Configure { cluster: Arc::new(cluster), strand: false });
        for n in 1..=3 {
            let (server, node) = (format!("p{n}").as_str().into(), format!("n{n}").into());
            bench.apply(Author::Planner("n2".into()), Command::Assign { server, node });
        }
        bench
    }

    pub fn new() -> Self {
        Bench::of(cluster())
    }

    pub fn apply(&mut self, author: Author, command: Command) {
        let entry = Entry { at: Time(1_000_000), wall: Time(1_000_000), author, commands: vec![command] };
        let outcome = self.ledger.apply(self.ledger.index + 1, &entry);
        assert_eq!(outcome.refusal(), None, "{entry:?}");
    }

    pub fn operator(&mut self, request: impl Into<Request>) {
        let id = RequestId(u128::from(self.ledger.index) + 1);
        self.apply(Author::first_user(id), Command::Request(request.into()));
    }

    /// Orders the LPAR to be started on p1, which n1 watches.
    pub fn order(&mut self) -> OrderId {
        let planner = || Author::Planner("n2".into());
        for (server, by) in [("p1", "n1"), ("p2", "n2")] {
            let since = self.ledger.index;
            self.apply(planner(), Command::Observe(reading(server, by, since, since)));
        }
        self.operator(Verb::Online { group: "web".into(), server: None, propagate: false });
        self.apply(planner(), Command::Grant { group: "web".into(), server: "p1".into() });
        let epoch = self.ledger.epoch;
        self.apply(planner(), Command::Start { resource: "web".into(), epoch, restart: false });
        *self.ledger.orders.keys().next().expect("an order")
    }

    pub fn feed(&mut self, input: Input) -> Vec<Effect> {
        let ledger = Arc::new(self.ledger.clone());
        let effects = self.node.handle(Now { moment: self.at, ledger: &ledger, standing: &self.standing }, input);
        self.plan(effects)
    }

    pub fn called(&mut self, from: &str, by: Incarnation, call: Call) -> (Answer, Vec<Effect>) {
        let ledger = Arc::new(self.ledger.clone());
        let now = Now { moment: self.at, ledger: &ledger, standing: &self.standing };
        let (answer, effects) = self.node.called(now, Some(&from.into()), by, call);
        (answer, self.plan(effects))
    }

    /// Makes the plans that are asked for at once, unless they are kept.
    fn plan(&mut self, effects: Vec<Effect>) -> Vec<Effect> {
        let mut all = Vec::new();
        for effect in effects {
            match (effect, &mut self.jobs) {
                (Effect::Plan(job), Some(jobs)) => jobs.push(*job),
                (Effect::Plan(job), None) => all.extend(self.feed(Input::PlanMade(Box::new(job.run())))),
                (effect, _) => all.push(effect),
            }
        }
        all
    }

    /// Makes the plan that was kept.
    pub fn made(&mut self) -> Vec<Effect> {
        let job = self.jobs.as_mut().and_then(Vec::pop).expect("a plan is asked for");
        self.feed(Input::PlanMade(Box::new(job.run())))
    }

    pub fn wake(&self) -> (Moment, Wake) {
        let ledger = Arc::new(self.ledger.clone());
        self.node.wake(Now { moment: self.at, ledger: &ledger, standing: &self.standing })
    }

    /// Lets so much time pass, and calls the node once at the end of it.
    pub fn pass(&mut self, ms: u64) -> Vec<Effect> {
        self.at = self.at.after(Span(ms));
        self.feed(Input::Woken)
    }

    /// The leader grants a lease of so many milliseconds from now on.
    pub fn leased(&mut self, lasts: u64) -> Vec<Effect> {
        let (to, asked) = ("n2".into(), self.at);
        self.feed(Input::Beaten { to, asked, answer: Some(Answer::Lease { lasts, floor: 0 }) })
    }

    /// Commits the decisions of the leader until it has none left.
    pub fn commits(&mut self, mut effects: Vec<Effect>) {
        while let Some(commands) = effects.iter().find_map(|effect| match effect {
            Effect::Propose { of: Proposal::Plan(_), commands, .. } => Some(commands.clone()),
            _ => None,
        }) {
            for command in commands {
                self.apply(Author::Planner("n1".into()), command);
            }
            self.feed(Input::Planned { term: 2, fate: Fate::Committed });
            effects = self.pass(1);
        }
    }

    /// From now on this node leads, and has caught up.
    pub fn leads(&mut self) -> Vec<Effect> {
        let index = self.ledger.index;
        let (leader, quorum) = (Some("n1".into()), Some(Span(0)));
        let voters = Arc::clone(&self.standing.voters);
        self.standing = Standing {
            term: 2,
            leads: true,
            leader,
            quorum,
            last_log: index,
            applied: index,
            voters,
            ..Standing::default()
        };
        assert!(self.feed(Input::Woken).iter().any(|effect| matches!(effect, Effect::CatchUp(2))));
        self.feed(Input::CaughtUp(2))
    }
}

pub fn carried(effects: &[Effect]) -> Vec<Ask> {
    let ask = |effect: &Effect| if let Effect::Carry { ask, .. } = effect { Some(ask.clone()) } else { None };
    effects.iter().filter_map(ask).collect()
}

pub fn told(effects: &[Effect]) -> Vec<Ending> {
    let report =
        |command: &Command| if let Command::Report(report) = command { Some(report.ending.clone()) } else { None };
    let commands = effects.iter().filter_map(|effect| match effect {
        Effect::Propose { of: Proposal::Report(_), commands, .. } => Some(commands),
        _ => None,
    });
    commands.flatten().filter_map(report).collect()
}

pub fn read_back(power: Power, since: u64, serial: u64) -> Said {
    let mut reading = reading("p1", "n1", since, serial);
    reading.copies.insert("web".into(), power);
    Said::Read(reading)
}

#[test]
fn programs_on_events_run_a_few_at_once_and_keep_no_lpar_from_being_started() {
    let mut bench = Bench::new();
    let start = bench.order();
    for ordinal in 1..=40 {
        let id = OrderId { index: start.index, ordinal };
        let (program, arguments) = ("/opt/told".to_owned(), Vec::new());
        let action = Action::Hook { group: "web".into(), trigger: Trigger::PostOnline, program, arguments };
        let order = Order { id, action, ..bench.ledger.orders[&start].clone() };
        bench.ledger.orders.insert(id, order);
    }
    let asked = carried(&bench.leased(3_000));
    let hooks = asked.iter().filter(|ask| matches!(ask, Ask::Do(Operation::Program(_)))).count();
    assert_eq!((hooks, asked.len()), (16, 17), "the start is the one that is none");
}

#[test]
fn an_order_waits_for_a_lease_and_is_given_up_when_its_time_is_over() {
    let mut bench = Bench::new();
    bench.order();
    assert!(carried(&bench.feed(Input::Woken)).is_empty(), "nothing is asked without a lease");
    let budget = bench.ledger.orders.values().next().expect("it").budget;
    let ends = bench.pass(budget.0);
    let Some(Ending::Unknown(why)) = told(&ends).pop() else { panic!("{ends:?}") };
    assert!(why.contains("no lease within the budget"), "{why}");
}

/// What a start asks first.
fn both() -> Ask {
    Ask::ReadAll(["p1".into(), "p2".into()].into())
}

#[test]
fn a_command_is_sent_only_as_long_as_the_lease_and_the_order_stand() {
    let step = |bench: &mut Bench| {
        let order = bench.order();
        let first = bench.leased(10_000);
        assert_eq!(carried(&first), [both()]);
        let answer = Said::Read(reading("p2", "n1", bench.ledger.index, 90));
        assert!(carried(&bench.feed(Input::Answered { order, answer })).is_empty(), "p1 has not answered");
        order
    };
    let mut bench = Bench::new();
    let order = step(&mut bench);
    let answer = || read_back(Power::Off, 99, 91);
    assert_eq!(
        carried(&bench.feed(Input::Answered { order, answer: answer() })),
        [Ask::machine("web".into(), MachineOperation::Start)]
    );

    let mut bench = Bench::new();
    let order = step(&mut bench);
    bench.at = bench.at.after(Span(9_000));
    let late = bench.feed(Input::Answered { order, answer: answer() });
    assert!(carried(&late).is_empty() && matches!(told(&late)[..], [Ending::NotDone(_)]), "{late:?}");

    let mut bench = Bench::new();
    let order = step(&mut bench);
    bench.operator(Verb::Freeze { group: "web".into(), terms: Default::default() });
    let frozen = bench.feed(Input::Answered { order, answer: answer() });
    assert!(carried(&frozen).is_empty() && matches!(told(&frozen)[..], [Ending::NotDone(_)]), "{frozen:?}");
}

#[test]
fn a_lease_counts_from_when_it_was_asked_for_however_late_the_answer_comes() {
    let mut bench = Bench::new();
    bench.order();
    let (to, asked) = ("n2".into(), bench.at);
    bench.at = bench.at.after(Span(9_500));
    let late = bench.feed(Input::Beaten { to, asked, answer: Some(Answer::Lease { lasts: 10_000, floor: 0 }) });
    assert!(carried(&late).is_empty(), "{late:?}");
    assert_eq!(carried(&bench.leased(10_000)), [both()]);
}

#[test]
fn after_a_mark_is_set_the_last_look_is_taken_again() {
    for (waits, starts) in [(10, true), (9_000, false)] {
        let mut bench = Bench::of(Cluster { owner_mark: true, ..cluster() });
        let order = bench.order();
        bench.leased(10_000);
        bench.feed(Input::Answered { order, answer: Said::Read(reading("p2", "n1", bench.ledger.index, 90)) });
        let marks = bench.feed(Input::Answered { order, answer: read_back(Power::Off, 99, 91) });
        assert!(marks.iter().any(|effect| matches!(effect, Effect::Mark { .. })) && carried(&marks).is_empty());
        bench.at = bench.at.after(Span(waits));
        let next = bench.feed(Input::Marked(order));
        assert_eq!(carried(&next) == [Ask::machine("web".into(), MachineOperation::Start)], starts, "{next:?}");
        assert_eq!(told(&next).len(), usize::from(!starts));
    }
}

#[test]
fn a_report_is_told_again_until_the_log_has_closed_its_order() {
    let mut bench = Bench::new();
    let order = bench.order();
    bench.feed(Input::Woken);
    let budget = bench.ledger.orders[&order].budget;
    assert_eq!(told(&bench.pass(budget.0)).len(), 1);
    assert!(told(&bench.pass(5_000)).is_empty(), "somebody is telling it");
    bench.feed(Input::Reported { order, taken: Taken::No });
    assert!(told(&bench.pass(999)).is_empty());
    assert_eq!(told(&bench.pass(1)).len(), 1);
    bench.feed(Input::Reported { order, taken: Taken::No });
    bench.ledger.orders.clear();
    bench.ledger.index += 1;
    let gone = bench.pass(5_000);
    assert!(told(&gone).is_empty() && gone.iter().any(|effect| matches!(effect, Effect::Drop(id) if *id == order)));
}

#[test]
fn a_machine_that_stood_still_has_no_lease_and_reads_everything_again() {
    let mut bench = Bench::new();
    bench.feed(Input::Woken);
    bench.feed(Input::Read { server: "p1".into(), reading: None, blind: false });
    bench.leased(10_000);
    assert!(bench.node.lease().left(bench.at) > Span(0));
    bench.at = bench.at.after(Span(100));
    let woken = bench.feed(Input::StoodStill);
    assert_eq!(bench.node.lease().left(bench.at), Span(0));
    assert!(woken.iter().any(|effect| matches!(effect, Effect::Read(server) if server.as_str() == "p1")), "{woken:?}");
    bench.leads();
    assert!(bench.feed(Input::StoodStill).iter().any(|effect| matches!(effect, Effect::CatchUp(2))));
}

#[test]
fn of_two_processes_the_older_one_stops_once_and_is_not_believed() {
    let mut bench = Bench::new();
    bench.feed(Input::Woken);
    bench.feed(Input::Enlisted(Some(bench.ledger.index)));
    let at = bench.ledger.index + 1;
    let other = |bench: &mut Bench| {
        let answer = Some(Answer::OtherProcess { at });
        bench.feed(Input::Beaten { to: "n2".into(), asked: T, answer })
    };
    let stops = |effects: &[Effect]| {
        effects.iter().filter(|effect| matches!(effect, Effect::Stop { end: End::Twice, words: Some(_) })).count()
    };
    // A ledger from before this process was enlisted knows the process before it.
    let answer = Some(Answer::OtherProcess { at: bench.ledger.index - 1 });
    assert_eq!(stops(&bench.feed(Input::Beaten { to: "n2".into(), asked: T, answer })), 0);
    assert_eq!(stops(&other(&mut bench)), 1);
    assert_eq!(stops(&other(&mut bench)), 0, "it says so once");

    let mut bench = Bench::new();
    let new = Command::Enlist { node: "n3".into(), incarnation: Incarnation(9) };
    bench.apply(Author::Agent("n3".into()), new);
    bench.leads();
    let reading = || Call::Reading(reading("p3", "n3", 4, 1));
    let beat = || Call::Heartbeat { reaches_manager: true, digest: None };
    for call in [reading(), beat()] {
        assert!(matches!(bench.called("n3", Incarnation(8), call).0, Answer::OtherProcess { .. }));
    }
    assert_eq!(bench.called("n3", Incarnation(9), reading()).0, Answer::Taken);
    assert!(matches!(bench.called("n3", Incarnation(9), beat()).0, Answer::Lease { .. }));
}

#[test]
fn what_comes_together_is_planned_once_and_one_proposal_is_out_at_a_time() {
    let mut bench = Bench::new();
    let first = bench.leads();
    bench.commits(first);
    let plans = |effects: &[Effect]| {
        let plan = |effect: &&Effect| matches!(effect, Effect::Propose { of: Proposal::Plan(2), .. });
        effects.iter().filter(plan).count()
    };
    assert_eq!(plans(&bench.pass(1)), 0);
    let since = bench.ledger.index;
    for (server, node) in [("p1", "n1"), ("p2", "n2"), ("p3", "n3")] {
        let (_, effects) = bench.called(node, ME, Call::Reading(reading(server, node, since, 1)));
        assert_eq!(plans(&effects), 0, "it waits for what comes with it");
    }
    assert_eq!(bench.wake(), (bench.at.after(Span(1)), Wake::Plan));
    let next = bench.pass(1);
    assert_eq!(plans(&next), 1, "{next:?}");
    bench.called("n2", ME, Call::Reading(reading("p2", "n2", since, 2)));
    assert_eq!(plans(&bench.pass(1)), 0, "the last one is not answered");
    bench.feed(Input::Planned { term: 1, fate: Fate::Committed });
    assert_eq!(plans(&bench.pass(1)), 0, "that was another term's");
    bench.feed(Input::Planned { term: 2, fate: Fate::Committed });
    assert_eq!(plans(&bench.pass(1)), 1);
}

/// A leader that has lost its quorum is refused at once, every time.
#[test]
fn what_was_not_committed_is_not_planned_again_at_once() {
    for fate in [Fate::Refused, Fate::Unknown] {
        let mut bench = Bench::new();
        let first = bench.leads();
        let plans = |effects: &[Effect]| {
            effects.iter().any(|effect| matches!(effect, Effect::Propose { of: Proposal::Plan(2), .. }))
        };
        assert!(plans(&first) || plans(&bench.pass(1)));
        let heartbeat = bench.ledger.config.timings.heartbeat;
        bench.feed(Input::Planned { term: 2, fate });
        let refused = bench.at;
        for _ in 1..heartbeat.0 {
            bench.called("n2", ME, Call::Reading(reading("p2", "n2", bench.ledger.index, 1)));
            assert!(!plans(&bench.pass(1)), "{:?} after it was refused", bench.at.since(refused));
        }
        assert!(plans(&bench.pass(1)), "it is planned again");
    }
}

#[test]
fn a_leader_wakes_when_a_node_falls_silent() {
    let mut bench = Bench::new();
    bench.leads();
    bench.pass(100);
    for node in ["n2", "n3"] {
        bench.called(node, ME, Call::Heartbeat { reaches_manager: true, digest: None });
    }
    let (suspect, heard) = (bench.ledger.config.timings.suspect, bench.at);
    let mut silent = None;
    while silent.is_none() && bench.at < heard.after(Span::seconds(30)) {
        let (at, why) = bench.wake();
        assert!(at > bench.at, "it never wakes in the past: {why}");
        silent = (why == Wake::Silence).then_some(at);
        bench.at = at;
        bench.feed(Input::Woken);
    }
    assert_eq!(silent, Some(heard.after(suspect)));
}

/// Two resources inside n1, of which one requires the other.
pub fn inside() -> Bench {
    let mut cluster = cluster();
    for (name, needs) in [("address", None), ("daemon", Some("address"))] {
        let mut resource = Resource::agent("web".into(), "Application");
        resource.requires = needs
            .map(|need: &str| tenure_core::config::Requirement { of: vec![need.into()], at_least: 1 })
            .into_iter()
            .collect();
        cluster.resources.insert(name.into(), resource);
    }
    Bench::of(cluster)
}

#[test]
fn a_node_that_is_alone_for_too_long_stops_what_needs_something_first_and_then_by_force() {
    let mut bench = inside();
    bench.standing.leader = None;
    let stand_down = bench.ledger.config.timings.stand_down;
    let asks_held = |effects: &[Effect]| effects.iter().any(|effect| matches!(effect, Effect::AskHeld));
    assert!(!asks_held(&bench.pass(stand_down.0 - 1)));
    assert!(asks_held(&bench.pass(bench.ledger.config.timings.heartbeat.0)));
    let held = ["address", "daemon"].map(Into::into).into();
    let asks = |effects: &[Effect]| -> Vec<(ResourceName, Option<LocalOperation>)> {
        let ask = |effect: &Effect| match effect {
            Effect::StandDown { resource, operation, .. } => Some((resource.clone(), *operation)),
            _ => None,
        };
        effects.iter().filter_map(ask).collect()
    };
    let daemon = || ResourceName::from("daemon");
    let begun = bench.feed(Input::Held { held, has_watchdog: false });
    assert_eq!(asks(&begun), [(daemon(), Some(LocalOperation::Stop))]);
    let mut says = |resource: &str, answer: Said| {
        let effects = bench.feed(Input::StoodDown { resource: resource.into(), answer });
        asks(&effects)
    };
    let looked = |power: Power| Said::Probed(Seen { power, ..Seen::default() });
    assert_eq!(says("daemon", Said::Unknown("late".into())), [(daemon(), None)]);
    assert!(matches!(says("daemon", looked(Power::Running))[..], [(_, Some(LocalOperation::Clean(_)))]));
    assert_eq!(says("daemon", Said::Accepted), [(daemon(), None)]);
    assert_eq!(says("daemon", looked(Power::Off)), [("address".into(), Some(LocalOperation::Stop))]);
    bench.standing.leader = Some("n2".into());
    bench.leased(10_000);
    let back = bench.feed(Input::StoodDown { resource: "address".into(), answer: Said::Accepted });
    assert!(asks(&back).is_empty(), "with a lease it goes no further");
}

#[test]
fn a_leader_is_told_what_lives_inside_when_it_is_new_and_now_and_then() {
    let mut bench = inside();
    let asked = |effects: &[Effect]| effects.iter().any(|effect| matches!(effect, Effect::AskInside));
    let inside = || Some(Inside { seen: [("daemon".into(), Seen::default())].into(), watchdog: None });
    assert!(asked(&bench.feed(Input::Woken)));
    let tells = bench.feed(Input::Inside(inside()));
    assert!(tells.iter().any(|effect| matches!(effect, Effect::Call { call: Call::Inside(_), .. })));
    let heartbeat = bench.ledger.config.timings.heartbeat.0;
    assert!(!asked(&bench.pass(heartbeat)));
    bench.standing.term = 2;
    assert!(asked(&bench.pass(heartbeat)), "it may be that leader again, and knows nothing");
    bench.feed(Input::Inside(inside()));
    assert!(asked(&bench.pass(5_000)));
    assert!(
        bench
            .feed(Input::Inside(None))
            .iter()
            .all(|effect| !matches!(effect, Effect::Call { call: Call::Inside(_), .. }))
    );
}

#[test]
fn a_look_that_says_what_is_known_is_no_reason_to_plan() {
    let mut bench = Bench::new();
    let effects = bench.leads();
    bench.commits(effects);
    let read = |bench: &mut Bench, power: Power| {
        let since = bench.ledger.index;
        let mut reading = reading("p1", "n1", since, since);
        reading.copies.insert("web".into(), power);
        bench.feed(Input::Read { server: "p1".into(), reading: Some(reading), blind: false })
    };
    let effects = read(&mut bench, Power::Off);
    bench.commits(effects);
    let effects = bench.pass(1);
    bench.commits(effects);
    while !bench.node.rests() {
        let (at, _) = bench.wake();
        bench.at = at;
        let effects = bench.feed(Input::Woken);
        bench.commits(effects);
    }
    read(&mut bench, Power::Off);
    assert!(bench.node.rests(), "nothing has changed");
    read(&mut bench, Power::Running);
    assert!(!bench.node.rests(), "an LPAR runs that did not");
}
