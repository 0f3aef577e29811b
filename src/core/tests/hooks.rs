//! Hooks and wrong copies, against a planner that proposes too much.

use crate::site;
use std::collections::BTreeMap;
use tenure_core::{
    Action, Author, Command, Order, Power, Reading, Refusal, Report, Span, SystemState,
    command::Outcome,
    config::{Hook, Trigger},
    ledger::PreOnline,
    note::{FaultReason, Note},
    order::{Ending, Epoch},
};

site::case!(Case);

impl Case {
    /// Two servers with their nodes, and group web with LPAR web1 on both, read off; with a hook for each event.
    fn new(triggers: &[Trigger]) -> Self {
        let mut cluster = site::with_web(site::site(2), "web1", site::web1());
        let group = cluster.groups.get_mut("web").expect("it is declared");
        let hook = |trigger: &Trigger| Hook { program: format!("/opt/{}", trigger.word()), timeout: Span::seconds(30) };
        group.hooks = triggers.iter().map(|trigger| (*trigger, hook(trigger))).collect();
        let mut case = Case(site::Case::watched(cluster));
        for n in 1..=2 {
            case.reads(n, Power::Off);
        }
        case
    }

    /// Granted to p1.
    fn granted(triggers: &[Trigger]) -> Self {
        let mut case = Case::new(triggers);
        case.must(Command::Grant { group: "web".into(), server: "p1".into() });
        case
    }

    fn apply(&mut self, author: Author, command: Command) -> Outcome {
        self.now += 10;
        self.0.apply(author, command)
    }

    fn plans(&mut self, command: Command) -> Outcome {
        self.apply(Author::Planner("n1".into()), command)
    }

    fn must(&mut self, command: Command) -> Outcome {
        let outcome = self.plans(command);
        assert_eq!(outcome.refusal(), None);
        outcome
    }

    fn reads(&mut self, n: u64, power: Power) {
        let copies = BTreeMap::from([("web1".into(), power)]);
        let reading = Reading { serial: self.now, copies, ..self.reading(&format!("p{n}")) };
        self.must(Command::Observe(reading));
    }

    fn open(&self) -> Vec<Order> {
        self.ledger.orders.values().cloned().collect()
    }

    fn answer(&mut self, order: &Order, ending: Ending) -> Outcome {
        let report = Report { order: order.id, ending, readings: Vec::new(), seen: BTreeMap::new() };
        self.apply(Author::Agent(order.node.clone()), Command::Report(report))
    }

    fn start(&mut self) -> Outcome {
        self.plans(Command::Start { resource: "web1".into(), epoch: Epoch(1), restart: false })
    }
}

#[test]
fn nothing_is_started_before_the_program_has_agreed() {
    let mut case = Case::granted(&[Trigger::PreOnline]);
    let first = Some(Refusal::HookFirst { group: "web".into() });
    assert_eq!(case.start().refusal().cloned(), first);
    let ask = || Command::PreOnline { group: "web".into(), epoch: Epoch(1) };
    case.must(ask());
    assert_eq!(case.plans(ask()).refusal(), Some(&Refusal::NoChange), "once");
    assert_eq!(case.start().refusal().cloned(), first, "it has not answered yet");
    let orders = case.open();
    let [order] = orders.as_slice() else { panic!("one order: {orders:?}") };
    let Action::Hook { program, arguments, .. } = &order.action else { panic!("a program: {order:?}") };
    assert_eq!((program.as_str(), arguments.join(" ").as_str()), ("/opt/preonline", "preonline web p1"));
    assert_eq!((order.node.as_str(), order.budget), ("n1", Span::seconds(30)));
    case.answer(order, Ending::Done);
    assert_eq!(case.start().refusal(), None);
}

#[test]
fn a_program_of_which_nobody_knows_has_not_agreed() {
    let mut case = Case::granted(&[Trigger::PreOnline]);
    case.must(Command::PreOnline { group: "web".into(), epoch: Epoch(1) });
    case.must(Command::LapseNode("n1".into()));
    assert!(case.open().is_empty(), "it is over");
    assert!(matches!(case.ledger.groups["web"].pre_online, PreOnline::Failed(_)));
    assert_eq!(case.start().refusal(), Some(&Refusal::HookFirst { group: "web".into() }));
}

#[test]
fn without_its_node_a_program_is_run_by_the_first_that_can() {
    let mut case = Case::granted(&[Trigger::PostOffline, Trigger::ResourceFault]);
    let why = FaultReason::StartFailed { resource: "web1".into(), why: "no disk".into() };
    case.must(Command::LapseNode("n1".into()));
    case.must(Command::Fault { group: "web".into(), epoch: Epoch(1), reason: why });
    let orders = case.open();
    let [order] = orders.as_slice() else { panic!("one order: {orders:?}") };
    assert_eq!((order.node.as_str(), order.server.as_str()), ("n2", "p1"));
    let Action::Hook { arguments, .. } = &order.action else { panic!("a program: {order:?}") };
    assert_eq!(arguments.join("|"), "resource_fault|web|p1|web1|web1 did not start: no disk");
    case.must(Command::LapseNode("n2".into()));
    assert!(case.open().is_empty(), "not run again by another");
}

#[test]
fn where_no_node_can_run_it_a_note_says_so() {
    let mut case = Case::granted(&[Trigger::ResourceFault]);
    case.must(Command::LapseNode("n1".into()));
    case.must(Command::LapseNode("n2".into()));
    let why = FaultReason::Crashed { resource: "web1".into(), restarts: 0 };
    let outcome = case.must(Command::Fault { group: "web".into(), epoch: Epoch(1), reason: why });
    let note = |note: &Note| matches!(note, Note::HookNotRun { trigger: Trigger::ResourceFault, .. });
    assert!(outcome.notes().any(note), "{:?}", outcome.records);
    assert!(case.open().is_empty());
}

/// web1 runs on p1 by right and on p2 without, and the conflict is recorded.
fn two_copies() -> Case {
    let mut case = Case::granted(&[]);
    assert_eq!(case.start().refusal(), None);
    let order = case.open()[0].clone();
    case.answer(&order, Ending::Done);
    case.reads(1, Power::Running);
    case.must(Command::Online { group: "web".into(), epoch: Epoch(1) });
    case.reads(2, Power::Running);
    let conflict = case.ledger.active_places(&case.ledger.groups["web"]);
    case.must(Command::HoldGroup { group: "web".into(), conflict });
    case
}

fn stop(server: &str) -> Command {
    Command::Stop { resource: "web1".into(), server: server.into(), grace: Span(0) }
}

#[test]
fn the_wrong_copy_is_stopped_once_both_were_read_again() {
    let held = Some(Refusal::Held { group: "web".into() });
    let mut case = two_copies();
    assert_eq!(case.plans(stop("p2")).refusal().cloned(), held, "what was read before says nothing");
    case.reads(2, Power::Running);
    assert_eq!(case.plans(stop("p2")).refusal().cloned(), held, "nobody has looked at the right one");
    case.reads(1, Power::Running);
    assert!(case.plans(stop("p1")).refusal().is_some(), "the right one stays");
    let outcome = case.must(stop("p2"));
    assert!(outcome.notes().any(|note| matches!(note, Note::WrongCopy { .. })));
}

#[test]
fn the_second_copy_is_left_alone_if_the_first_may_be_gone() {
    for power in [Power::Off, Power::Stopping, Power::Starting, Power::Unknown] {
        let mut case = two_copies();
        case.reads(2, Power::Running);
        case.reads(1, power);
        assert_eq!(case.plans(stop("p2")).refusal(), Some(&Refusal::Held { group: "web".into() }), "{power}");
    }
    // The first was read, and now its server cannot be read.
    let mut case = two_copies();
    case.reads(2, Power::Running);
    case.reads(1, Power::Running);
    let dark = Reading { live: false, serial: case.now, system: SystemState::NoConnection, ..case.reading("p1") };
    case.must(Command::Observe(dark));
    assert_eq!(case.plans(stop("p2")).refusal(), Some(&Refusal::Held { group: "web".into() }), "nobody sees the first");
    let mut case = two_copies();
    case.reads(2, Power::Running);
    case.reads(1, Power::Running);
    case.must(Command::LapseNode("n1".into()));
    assert_eq!(
        case.plans(stop("p2")).refusal(),
        Some(&Refusal::Held { group: "web".into() }),
        "nobody watches the first"
    );
}
