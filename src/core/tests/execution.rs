//! The execution of one order, as tables: its questions, the answers, and the ending.

use std::collections::{BTreeMap, BTreeSet};
use tenure_core::{
    Action, Order, OrderId, Power, Reading, ServerName, Span, SystemState, Time,
    config::Trigger,
    execution::{
        Answer, Ask, Change, Execution, LocalOperation, MachineOperation, Move, Next, OFF_SHOWS, Operation, Program,
        START_SHOWS, ServerOperation, Stop,
    },
    listing::{Listed, Remark},
    order::{Ending, Epoch},
};

const READ: &str = "read";

pub fn order(action: Action) -> Order {
    let (id, budget) = (OrderId { index: 9, ordinal: 0 }, Span::seconds(120));
    Order { id, node: "n1".into(), server: "p1".into(), action, issued: Time(0), budget }
}

pub fn start(vouched: &[&str]) -> Order {
    let vouched: BTreeSet<ServerName> = vouched.iter().map(|server| ServerName::from(*server)).collect();
    order(Action::Start { group: "web".into(), resource: "web1".into(), epoch: Epoch(1), vouched, home: None })
}

pub fn stop(grace: u64) -> Order {
    order(Action::Stop { resource: "web1".into(), grace: Span(grace) })
}

fn reading(server: &str, system: SystemState, power: Option<Power>) -> Answer {
    Answer::Read(Reading {
        server: server.into(),
        by: "n1".into(),
        since: 9,
        serial: 0,
        system,
        live: power.is_some() || matches!(system, SystemState::PowerOff | SystemState::Error),
        copies: power.map(|power| BTreeMap::from([("web1".into(), power)])).unwrap_or_default(),
        node: Power::Unknown,
        node_listed: Default::default(),
        vios: BTreeMap::new(),
        listed: BTreeMap::new(),
    })
}

fn reads(server: &str, power: Power) -> Answer {
    reading(server, SystemState::Operating, Some(power))
}

fn dark(server: &str) -> Answer {
    reading(server, SystemState::NoConnection, None)
}

/// Runs an order against these answers, each with the milliseconds at which it comes. Returns the questions in order,
/// and the ending.
fn carry(order: Order, answers: Vec<(u64, Answer)>) -> (Vec<String>, Option<Ending>) {
    carry_as(false, order, answers)
}

/// The same, for an LPAR that is mobile or not.
fn carry_as(mobile: bool, order: Order, answers: Vec<(u64, Answer)>) -> (Vec<String>, Option<Ending>) {
    let list: Vec<ServerName> = ["p1", "p2"].map(ServerName::from).to_vec();
    let mut execution = Execution::new(order, &list).mobile(mobile);
    let mut asked = vec![word(&execution.first())];
    for (at, answer) in answers {
        match execution.next(answer, Span(at)) {
            Next::Ask(ask) => asked.push(word(&ask)),
            Next::Wait => {}
            Next::Report(report) => return (asked, Some(report.ending)),
        }
    }
    (asked, None)
}

pub fn word(ask: &Ask) -> String {
    match ask {
        Ask::Read(server) => format!("{READ} {server}"),
        Ask::ReadAll(servers) => {
            let servers: Vec<&str> = servers.iter().map(ServerName::as_str).collect();
            format!("{READ} {}", servers.join(" "))
        }
        Ask::Probe(_) => "look".to_owned(),
        Ask::Pause(span) => format!("pause {span}"),
        Ask::Do(operation) => operation_word(operation),
    }
}

fn operation_word(operation: &Operation) -> String {
    let word = match operation {
        Operation::Hypervisor(Change::Machine(_, operation)) => match operation {
            MachineOperation::Start => "start",
            MachineOperation::Stop(Stop::OsShutdown) => "shut down",
            MachineOperation::Stop(Stop::Shutdown) => "power down",
            MachineOperation::Stop(Stop::Immediate) => "cut off",
            MachineOperation::Move(Move::Live { to }) => return format!("migrate to {to}"),
            MachineOperation::Move(Move::Definition { from }) => return format!("move definition from {from}"),
            MachineOperation::Move(Move::Anew { from }) => return format!("remote restart from {from}"),
            MachineOperation::Move(Move::Stop) => "stop migration",
            MachineOperation::Move(Move::Recover) => "recover migration",
        },
        Operation::Hypervisor(Change::Server(ServerOperation::CutOffNode)) => "cut off the node",
        Operation::Hypervisor(Change::Server(ServerOperation::PowerOff)) => "power off",
        Operation::Local(_, LocalOperation::Start) => "start",
        Operation::Local(_, LocalOperation::Stop) => "shut down",
        Operation::Local(_, LocalOperation::Clean(reason)) => return format!("clean {}", reason.code()),
        Operation::Program(Program { path, arguments, within }) => {
            return format!("run {path} {} within {within}", arguments.join(" "));
        }
    };
    word.to_owned()
}

pub fn not_done(why: &str) -> Option<Ending> {
    Some(Ending::NotDone(why.into()))
}

#[test]
fn a_start_looks_everywhere_first_and_reads_back() {
    let answers = vec![
        (80, reads("p2", Power::Off)),
        (160, reads("p1", Power::Off)),
        (240, Answer::Accepted),
        (320, reads("p1", Power::Starting)),
    ];
    let (asked, ending) = carry(start(&["p2"]), answers);
    assert_eq!(asked, ["read p1 p2", "start", "read p1"]);
    assert_eq!(ending, Some(Ending::Done));
}

#[test]
fn the_last_bar_holds_against_late_starts() {
    type Case = (&'static str, Vec<&'static str>, Vec<(u64, Answer)>, Option<Ending>);
    let cases: Vec<Case> = vec![
        ("active elsewhere", vec!["p2"], vec![(80, reads("p2", Power::Starting))], not_done("it reads Starting on p2")),
        (
            "unknown elsewhere, without proof",
            vec![],
            vec![(80, dark("p2"))],
            not_done("it cannot be read on p2 (No Connection), and no proof is held"),
        ),
        (
            "in doubt elsewhere, without proof",
            vec![],
            vec![(80, reads("p2", Power::Unknown))],
            not_done("it reads Unknown on p2"),
        ),
        (
            "no lease any more",
            vec!["p2"],
            vec![(80, dark("p2")), (160, reads("p1", Power::Off)), (161, Answer::NotSent("no lease".into()))],
            not_done("no lease"),
        ),
        (
            "dark here",
            vec!["p2"],
            vec![(80, reads("p2", Power::Off)), (160, dark("p1"))],
            not_done("p1 reads No Connection"),
        ),
        (
            "going down here",
            vec!["p2"],
            vec![(80, reads("p2", Power::Off)), (160, reads("p1", Power::Stopping))],
            not_done("it reads Stopping"),
        ),
    ];
    for (what, vouched, answers, expected) in cases {
        let (asked, ending) = carry(start(&vouched), answers);
        assert_eq!(ending, expected, "{what}");
        assert!(what == "no lease any more" || !asked.contains(&"start".to_owned()), "{what}: it was started");
    }
}

#[test]
fn a_start_ends_as_what_was_read() {
    let before = || vec![(80, reads("p2", Power::Off)), (160, reads("p1", Power::Off))];
    let with = |more: Vec<(u64, Answer)>| carry(start(&["p2"]), before().into_iter().chain(more).collect()).1;
    let lost = || Answer::Unknown("no answer".into());
    assert_eq!(
        with(vec![(240, Answer::Refused("no memory".into()))]),
        Some(Ending::Refused("no memory".into())),
        "a refusal is definite"
    );
    assert_eq!(with(vec![(240, lost()), (320, reads("p1", Power::Running))]), Some(Ending::Done), "seen running");
    assert_eq!(
        with(vec![(240, lost()), (320, reads("p1", Power::Off))]),
        Some(Ending::Unknown("no answer".into())),
        "a lost answer and Off is not failed"
    );
    let late = 240 + START_SHOWS.0;
    let slow = vec![
        (240, Answer::Accepted),
        (320, reads("p1", Power::Off)),
        (420, Answer::Paused),
        (late, reads("p1", Power::Off)),
    ];
    assert_eq!(
        with(slow),
        Some(Ending::Unknown("it was accepted, and reads Off".into())),
        "accepted and never seen is not failed"
    );
    assert_eq!(
        carry(start(&["p2"]), vec![(80, reads("p2", Power::Off)), (160, reads("p1", Power::Running))]).1,
        Some(Ending::Done),
        "what runs already is not started twice"
    );
    assert_eq!(
        carry(start(&["p2"]), vec![(80, reads("p2", Power::Off)), (160, reads("p1", Power::Absent))]).1,
        Some(Ending::Refused("it is not defined on p1".into())),
    );
}

#[test]
fn a_stop_asks_gently_and_then_cuts_off() {
    let answers = vec![
        (80, reads("p1", Power::Running)),
        (160, Answer::Refused("no RMC".into())),
        (240, Answer::Accepted),
        (320, reads("p1", Power::Stopping)),
        (420, Answer::Paused),
        (10_500, reads("p1", Power::Stopping)),
        (10_580, Answer::Accepted),
        (10_660, reads("p1", Power::Off)),
    ];
    let (asked, ending) = carry(stop(10_000), answers);
    let expected = ["read p1", "shut down", "power down", "read p1", "pause 100ms", "read p1", "cut off", "read p1"];
    assert_eq!(asked, expected);
    assert_eq!(ending, Some(Ending::Done));
}

#[test]
fn a_stop_without_grace_cuts_off_at_once_and_believes_only_what_it_reads() {
    let (asked, ending) = carry(stop(0), vec![(80, reads("p1", Power::Unknown)), (160, Answer::Accepted)]);
    assert_eq!((asked, ending), (["read p1", "cut off", "read p1"].map(str::to_owned).to_vec(), None));
    assert_eq!(carry(stop(0), vec![(80, reads("p1", Power::Off))]).1, Some(Ending::Done));
    assert_eq!(carry(stop(0), vec![(80, dark("p1"))]).1, not_done("p1 reads No Connection"));
    let refused = vec![
        (80, reads("p1", Power::Running)),
        (160, Answer::Refused("busy".into())),
        (5_000, reads("p1", Power::Running)),
    ];
    assert_eq!(carry(stop(0), refused).1, Some(Ending::Unknown("busy".into())), "a refused stop is not done");
}

#[test]
fn only_a_server_that_is_down_is_powered_off() {
    let down = |system| (80, reading("p1", system, None));
    let off = carry(order(Action::Fence), vec![down(SystemState::PowerOff), (160, Answer::Already)]);
    assert_eq!(off.0, ["read p1", "power off", "read p1"], "one that reads off is powered off all the same");
    let answers =
        vec![down(SystemState::Error), (160, Answer::Accepted), (240, reading("p1", SystemState::PowerOff, None))];
    assert_eq!(carry(order(Action::Fence), answers).1, Some(Ending::Done));
    for (answer, why) in [(reads("p1", Power::Off), "p1 reads Operating"), (dark("p1"), "p1 reads No Connection")] {
        let (asked, ending) = carry(order(Action::Fence), vec![(80, answer)]);
        assert_eq!((asked.len(), ending), (1, not_done(why)));
    }
}

/// A server that is off is proven off, whatever its console answers to the command: it goes on reading off.
#[test]
fn what_is_off_already_needs_no_command_that_can_fail() {
    let off = |at| (at, reading("p1", SystemState::PowerOff, None));
    let why = || "HSCL0238".to_owned();
    for answer in [Answer::Refused(why().into()), Answer::NotSent(why().into()), Answer::Unknown(why().into())] {
        let first = vec![off(80), (160, answer.clone()), off(240), (340, Answer::Paused)];
        assert_eq!(carry(order(Action::Fence), first.clone()).1, None, "one reading may be what was known last");
        let again = first.into_iter().chain([off(160 + OFF_SHOWS.0)]).collect();
        assert_eq!(carry(order(Action::Fence), again).1, Some(Ending::Done), "{answer:?}");
    }
    let sick = (80, reading("p1", SystemState::Error, None));
    let not_sent = vec![sick.clone(), (160, Answer::NotSent(why().into()))];
    assert_eq!(carry(order(Action::Fence), not_sent).1, not_done("HSCL0238"), "what was not off was not told");
    let refused = vec![sick, (160, Answer::Refused(why().into())), (240, reading("p1", SystemState::Error, None))];
    assert_eq!(carry(order(Action::Fence), refused).1, None, "a refusal is read back");
}

/// A list that is read in Recovery, or on the way down, does not count.
#[test]
fn an_lpar_is_read_only_where_it_can_be_known() {
    for system in [SystemState::Unknown, SystemState::PoweringOff, SystemState::Error, SystemState::Initializing] {
        let (asked, ending) = carry(start(&[]), vec![(80, reading("p2", system, Some(Power::Off)))]);
        let why = format!("it cannot be read on p2 ({system}), and no proof is held");
        assert_eq!((asked.len(), ending), (1, not_done(&why)));
    }
}

#[test]
fn what_is_not_listed_any_more_is_neither_started_nor_stopped() {
    let elsewhere = carry(start(&["p2"]), vec![(80, reads("p2", Power::Missing))]).1;
    assert_eq!(
        elsewhere,
        not_done("it reads not listed any more on p2"),
        "what is read counts for more than an excuse"
    );
    assert_eq!(carry(stop(0), vec![(80, reads("p1", Power::Missing))]).1, not_done("it reads not listed any more"));
    let vanished =
        vec![(80, reads("p1", Power::Running)), (160, Answer::Accepted), (120_000, reads("p1", Power::Missing))];
    let why = "it still reads not listed any more".to_owned();
    assert_eq!(carry(stop(0), vanished).1, Some(Ending::Unknown(why.into())), "nor is what vanished off");
}

#[test]
fn what_has_panicked_is_cut_off_at_once() {
    let (asked, ending) = carry(
        stop(10_000),
        vec![(80, reads("p1", Power::Error)), (160, Answer::Accepted), (240, reads("p1", Power::Off))],
    );
    assert_eq!((asked, ending), (["read p1", "cut off", "read p1"].map(str::to_owned).to_vec(), Some(Ending::Done)));
    assert_eq!(carry(start(&["p2"]), vec![(80, reads("p2", Power::Error))]).1, not_done("it reads Error on p2"));
}

#[test]
fn ibm_i_is_never_cut_off_while_it_runs() {
    for grace in [0, 10_000] {
        let mut execution = Execution::new(stop(grace), &[]).ibm_i(true);
        let next = |execution: &mut Execution, answer, at| match execution.next(answer, Span(at)) {
            Next::Ask(ask) => word(&ask),
            Next::Wait => "wait".to_owned(),
            Next::Report(report) => format!("{:?}", report.ending),
        };
        assert_eq!(next(&mut execution, reads("p1", Power::Running), 80), "shut down");
        assert_eq!(next(&mut execution, Answer::Accepted, 160), "read p1");
        assert_eq!(next(&mut execution, reads("p1", Power::Stopping), 60_000), "pause 100ms");
        assert_eq!(next(&mut execution, Answer::Paused, 60_100), "read p1");
        let late = next(&mut execution, reads("p1", Power::Stopping), 120_000);
        assert_eq!(late, "Unknown(\"it still reads Stopping\")", "its time is over, and nobody cut it off");
        // The operating system refused, or its answer is unknown.
        for answer in [Answer::Refused("no".into()), Answer::Unknown("it hangs".into())] {
            let mut execution = Execution::new(stop(grace), &[]).ibm_i(true);
            assert_eq!(next(&mut execution, reads("p1", Power::Running), 80), "shut down");
            assert_eq!(next(&mut execution, answer.clone(), 160), "read p1", "{answer:?}");
            let after = next(&mut execution, reads("p1", Power::Running), 119_999);
            assert_eq!(
                after, "pause 100ms",
                "{answer:?}: it is not asked by the hypervisor, which would be cutting it off"
            );
        }
    }
}

#[test]
fn what_was_given_up_before_it_was_sent_is_not_done() {
    let list: Vec<ServerName> = ["p1", "p2"].map(ServerName::from).to_vec();
    let mut execution = Execution::new(start(&["p2"]), &list);
    assert_eq!(execution.give_up("stopping").ending, Ending::NotDone("stopping".into()));
    execution.next(reads("p2", Power::Off), Span(80));
    execution.next(reads("p1", Power::Off), Span(160));
    assert_eq!(execution.give_up("stopping").ending, Ending::Unknown("stopping".into()), "the start is on its way");
}

fn migrate() -> Order {
    order(Action::Migrate { group: "web".into(), resource: "web1".into(), epoch: Epoch(1), to: "p2".into() })
}

/// The course after a move of p1 to p2 passed its check and was sent.
fn moved(more: Vec<(u64, Answer)>) -> (Vec<String>, Option<Ending>) {
    let before = vec![(80, reads("p2", Power::Absent)), (160, reads("p1", Power::Running))];
    carry(migrate(), before.into_iter().chain(more).collect())
}

#[test]
fn a_move_is_believed_when_both_servers_say_so() {
    let (asked, ending) = moved(vec![
        (8_000, Answer::Accepted),
        (8_080, reads("p2", Power::Moving)),
        (8_160, reads("p1", Power::Moving)),
        (8_260, Answer::Paused),
        (8_340, reads("p2", Power::Running)),
        (8_420, reads("p1", Power::Absent)),
    ]);
    let expected = ["read p2", "read p1", "migrate to p2", "read p2", "read p1", "pause 100ms", "read p2", "read p1"];
    assert_eq!(asked, expected);
    assert_eq!(ending, Some(Ending::Done));
}

#[test]
fn a_move_ends_as_what_was_read() {
    let lost = || Answer::Unknown("no answer".into());
    let unknown = |why: &str| Some(Ending::Unknown(why.into()));
    let refused = moved(vec![(240, Answer::Refused("no memory".into()))]);
    assert_eq!(refused.1, Some(Ending::Refused("no memory".into())), "a refusal is definite");
    let at = |there: Power, here: Power| vec![(240, lost()), (320, reads("p2", there)), (400, reads("p1", here))];
    assert_eq!(moved(at(Power::Running, Power::Absent)).1, Some(Ending::Done), "seen on the target");
    assert_eq!(moved(at(Power::Absent, Power::Running)).1, unknown("no answer"), "it may begin yet");
    assert_eq!(moved(at(Power::Absent, Power::Off)).1, unknown("no answer"));
    assert_eq!(moved(at(Power::Running, Power::Moving)).1, None, "one side alone says nothing");
    assert_eq!(moved(at(Power::Unknown, Power::Running)).1, None);
    assert_eq!(moved(at(Power::Moving, Power::Absent)).1, None, "on its way is not there");
    assert_eq!(moved(at(Power::Absent, Power::Moving)).1, None, "nor back");
    let dark = vec![(240, lost()), (320, dark("p2")), (120_000, dark("p1"))];
    assert_eq!(moved(dark).1, unknown("no answer"), "out of time");
}

#[test]
fn a_move_begins_only_from_where_the_lpar_runs() {
    for (there, here, why) in [
        (reads("p2", Power::Unknown), reads("p1", Power::Running), "it reads Unknown on p2"),
        (dark("p2"), reads("p1", Power::Running), "it reads Unknown on p2"),
        (reading("p2", SystemState::PowerOff, Some(Power::Off)), reads("p1", Power::Running), "p2 reads Power Off"),
        (reads("p2", Power::Running), reads("p1", Power::Running), "it reads Running on p2"),
        (reads("p2", Power::Absent), reads("p1", Power::Starting), "it reads Starting on p1"),
        (reads("p2", Power::Absent), dark("p1"), "it reads Unknown on p1"),
    ] {
        assert_eq!(carry(migrate(), vec![(80, there), (160, here)]).1, not_done(why));
    }
    let done = carry(migrate(), vec![(80, reads("p2", Power::Running)), (160, reads("p1", Power::Absent))]);
    assert_eq!(done.1, Some(Ending::Done), "it is there already");
    let (asked, ending) = carry(
        migrate(),
        vec![
            (80, reads("p2", Power::Moving)),
            (160, reads("p1", Power::Moving)),
            (240, reads("p2", Power::Running)),
            (320, reads("p1", Power::Absent)),
        ],
    );
    assert_eq!(asked, ["read p2", "read p1", "read p2", "read p1"], "what is on its way is followed, not sent again");
    assert_eq!(ending, Some(Ending::Done));
}

#[test]
fn a_move_is_stopped_and_then_cleared_up() {
    let end = |server: &str| {
        let action = Action::StopMigration { resource: "web1".into(), from: "p1".into(), to: "p2".into() };
        Order { server: server.into(), ..order(action) }
    };
    let moving = || vec![(80, reads("p2", Power::Moving)), (160, reads("p1", Power::Moving))];
    let with = |more: Vec<(u64, Answer)>| carry(end("p1"), moving().into_iter().chain(more).collect());
    let stopped = vec![(240, Answer::Accepted), (320, reads("p2", Power::Absent)), (400, reads("p1", Power::Running))];
    assert_eq!(with(stopped).1, Some(Ending::Done));
    let (asked, ending) = with(vec![
        (240, Answer::Refused("too late".into())),
        (320, Answer::Accepted),
        (400, reads("p2", Power::Running)),
        (480, reads("p1", Power::Absent)),
    ]);
    assert_eq!(asked[2..], ["stop migration", "recover migration", "read p2", "read p1"]);
    assert_eq!(ending, Some(Ending::Done), "wherever that leaves it");
    let over = carry(end("p1"), vec![(80, reads("p2", Power::Absent)), (160, reads("p1", Power::Running))]);
    assert_eq!((over.0.len(), over.1), (2, Some(Ending::Done)), "nothing is on its way");
    let at_target = vec![(80, dark("p1")), (160, reads("p2", Power::Moving))];
    assert_eq!(carry(end("p2"), at_target).0[2], "recover migration", "the source has gone");
}

#[test]
fn a_definition_is_brought_to_where_an_lpar_starts() {
    let with_home = |vouched: &[&str]| {
        let mut order = start(vouched);
        if let Action::Start { home, .. } = &mut order.action {
            *home = Some("p2".into());
        }
        order
    };
    let (asked, ending) = carry(
        with_home(&["p2"]),
        vec![
            (80, reads("p2", Power::Off)),
            (160, reads("p1", Power::Absent)),
            (2_000, Answer::Accepted),
            (2_080, reads("p1", Power::Off)),
            (2_160, Answer::Accepted),
            (2_240, reads("p1", Power::Starting)),
        ],
    );
    assert_eq!(asked, ["read p1 p2", "move definition from p2", "read p1", "start", "read p1"]);
    assert_eq!(ending, Some(Ending::Done));
    let down = || vec![(80, reading("p2", SystemState::PowerOff, None)), (160, reads("p1", Power::Absent))];
    let (asked, ending) = carry(
        with_home(&["p2"]),
        down().into_iter().chain([(2_000, Answer::Accepted), (2_080, reads("p1", Power::Starting))]).collect(),
    );
    assert_eq!(asked, ["read p1 p2", "remote restart from p2", "read p1"]);
    assert_eq!(ending, Some(Ending::Done));
    let unproven =
        vec![(80, reading("p2", SystemState::PowerOff, Some(Power::Off))), (160, reads("p1", Power::Absent))];
    let why = "it is defined on p2, which reads Power Off";
    assert_eq!(carry(with_home(&[]), unproven).1, not_done(why), "a server that nobody proved off may come back");
}

/// The last question, and the ending.
fn last((asked, ending): (Vec<String>, Option<Ending>)) -> (String, Option<Ending>) {
    (asked.last().cloned().unwrap_or_default(), ending)
}

#[test]
fn a_move_that_was_told_to_end_is_over_when_neither_server_is_in_the_midst_of_it() {
    let action = || Action::StopMigration { resource: "web1".into(), from: "p1".into(), to: "p2".into() };
    // The stop is accepted at `asked`, and both servers read so at `at`.
    let after = |asked: u64, at: u64, there: Power, here: Power| {
        let answers = vec![
            (80, reads("p2", Power::Moving)),
            (160, reads("p1", Power::Moving)),
            (asked, Answer::Accepted),
            (at, reads("p2", there)),
            (at, reads("p1", here)),
        ];
        last(carry(order(action()), answers))
    };
    let asks = |what: &str| (what.to_owned(), None);
    for (there, here) in [(Power::Absent, Power::Running), (Power::Running, Power::Absent), (Power::Off, Power::Off)] {
        assert_eq!(after(240, 500, there, here), ("read p1".to_owned(), Some(Ending::Done)), "{there}, {here}");
    }
    for (there, here) in
        [(Power::Moving, Power::Running), (Power::Running, Power::Moving), (Power::Unknown, Power::Running)]
    {
        assert_eq!(after(240, 10_239, there, here), asks("pause 100ms"), "{there}, {here}");
        assert_eq!(
            after(240, 10_240, there, here),
            asks("recover migration"),
            "{there}, {here}: the stop had no effect"
        );
        let why = Some(Ending::Unknown(format!("it still reads {here}").into()));
        assert_eq!(after(119_000, 120_000, there, here), ("read p1".to_owned(), why), "its budget is spent");
        assert_eq!(after(119_000, 119_999, there, here), asks("pause 100ms"));
    }
    // Cleared up at 300, and then read.
    let cleared = |at: u64| {
        let answers = vec![
            (80, reads("p2", Power::Moving)),
            (160, reads("p1", Power::Moving)),
            (240, Answer::Refused("too late".into())),
            (300, Answer::Accepted),
            (at, reads("p2", Power::Moving)),
            (at, reads("p1", Power::Moving)),
        ];
        last(carry(order(action()), answers))
    };
    assert_eq!(cleared(300 + START_SHOWS.0 - 1), asks("pause 100ms"));
    let still = Some(Ending::Unknown("it still reads Moving".into()));
    assert_eq!(cleared(300 + START_SHOWS.0), ("read p1".to_owned(), still));
}

#[test]
fn a_definition_that_was_asked_for_is_looked_for_for_a_while() {
    let after = |mobile, asked: u64, at: u64, power| {
        let mut order = start(&["p2"]);
        if let Action::Start { home, .. } = &mut order.action {
            *home = Some("p2".into());
        }
        let answers = vec![
            (80, reads("p2", Power::Off)),
            (160, reads("p1", Power::Absent)),
            (asked, Answer::Accepted),
            (at, reads("p1", power)),
        ];
        last(carry_as(mobile, order, answers))
    };
    let asks = |what: &str| (what.to_owned(), None);
    let unknown = |power| {
        let why = format!("its definition was to be brought to p1, and reads {power}");
        ("read p1".to_owned(), Some(Ending::Unknown(why.into())))
    };
    let (early, late) = (2_000 + START_SHOWS.0 - 1, 2_000 + START_SHOWS.0);
    for mobile in [false, true] {
        assert_eq!(after(mobile, 2_000, early, Power::Off), asks("start"));
        for power in [Power::Starting, Power::Running] {
            assert_eq!(after(mobile, 2_000, early, power), ("read p1".to_owned(), Some(Ending::Done)), "{power}");
        }
        for power in [Power::Moving, Power::Absent, Power::Unknown] {
            assert_eq!(after(mobile, 2_000, early, power), asks("pause 100ms"), "{power}");
            assert_eq!(after(mobile, 110_000, 119_999, power), asks("pause 100ms"), "{power}");
        }
        assert_eq!(after(mobile, 2_000, late, Power::Absent), unknown(Power::Absent));
        assert_eq!(after(mobile, 110_000, 120_000, Power::Absent), unknown(Power::Absent), "its budget is spent");
        assert_eq!(after(mobile, 2_000, late, Power::Moving), unknown(Power::Moving));
    }
    assert_eq!(after(false, 2_000, late, Power::Unknown), unknown(Power::Unknown));
    assert_eq!(after(true, 2_000, late, Power::Unknown), asks("recover migration"), "a move may be in its way");
}

fn hook() -> Order {
    let arguments = ["postonline", "web", "p1"].map(str::to_owned).to_vec();
    let program = "/opt/up".to_owned();
    order(Action::Hook { group: "web".into(), trigger: Trigger::PostOnline, program, arguments })
}

#[test]
fn a_move_that_failed_half_way_is_cleared_up_before_a_start() {
    let refused = || Answer::Refused("wrong state".into());
    let refuses = || Some(Ending::Refused("wrong state".into()));
    let cleared = || not_done("a move of it that had failed half-way was cleared up first");
    let cases: Vec<(&str, Answer, Option<Ending>)> = vec![
        ("there was one", Answer::Accepted, cleared()),
        ("there was none", Answer::Refused("no migration".into()), refuses()),
        ("no lease any more", Answer::NotSent("no lease".into()), not_done("no lease")),
        ("nobody knows", Answer::Unknown("lost".into()), Some(Ending::Unknown("lost".into()))),
    ];
    for (case, answer, expected) in cases {
        let begin = vec![(80, reads("p2", Power::Off)), (160, reads("p1", Power::Off)), (240, refused())];
        let answers = begin.into_iter().chain([(320, answer)]).collect();
        let (asked, ending) = carry_as(true, start(&[]), answers);
        assert_eq!(asked, ["read p1 p2", "start", "recover migration"], "{case}");
        assert_eq!(ending, expected, "{case}");
    }
    let fixed = vec![(80, reads("p2", Power::Off)), (160, reads("p1", Power::Off)), (240, refused())];
    assert_eq!(carry(start(&[]), fixed), (vec!["read p1 p2".into(), "start".into()], refuses()));
}

#[test]
fn a_move_that_failed_half_way_is_cleared_up_for_a_stop() {
    let answers = || {
        vec![
            (80, reads("p1", Power::Unknown)),
            (160, Answer::Refused("wrong state".into())),
            (240, Answer::Accepted),
            (320, reads("p1", Power::Absent)),
        ]
    };
    let (asked, ending) = carry_as(true, stop(0), answers());
    assert_eq!(asked, ["read p1", "cut off", "recover migration", "read p1"]);
    assert_eq!(ending, Some(Ending::Done));
    let (asked, _) = carry(stop(0), answers().into_iter().take(2).collect());
    assert_eq!(asked, ["read p1", "cut off", "read p1"]);
}

#[test]
fn a_hook_is_run_once_and_reads_nothing() {
    let why = |why: &str| why.to_owned();
    for (answer, ending) in [
        (Answer::Accepted, Ending::Done),
        (Answer::Refused(why("exit status 3").into()), Ending::Refused(why("exit status 3").into())),
        (Answer::NotSent(why("no lease").into()), Ending::NotDone(why("no lease").into())),
        (Answer::Unknown(why("killed").into()), Ending::Unknown(why("killed").into())),
    ] {
        let (asked, ended) = carry(hook(), vec![(100, answer)]);
        assert_eq!((asked, ended), (vec!["run /opt/up postonline web p1 within 2m".to_owned()], Some(ending)));
    }
}

#[test]
fn what_is_not_the_lpar_of_a_node_is_not_cut_off_in_its_place() {
    let another = Remark::Another { known: "A".into(), found: "B".into() };
    for remark in [Some(another), None] {
        let Answer::Read(mut read) = reads("p1", Power::Off) else { unreachable!("it is a reading") };
        read.node_listed = Listed { uuid: Some("B".to_owned()), remark: remark.clone() };
        let fence = order(Action::FenceNode { node: "n2".into() });
        let (asked, ending) = carry(fence, vec![(0, Answer::Read(read)), (1, Answer::Accepted)]);
        let left_alone = matches!(ending, Some(Ending::NotDone(_))) && asked.len() == 1;
        assert_eq!(left_alone, remark.is_some(), "{asked:?}: {ending:?}");
    }
}
