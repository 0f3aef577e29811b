//! Bar 3: the readings before a start, in whatever order they come, and how old they may be.

use crate::{
    execution::{order, start, word},
    site,
};
use tenure_core::{
    Action, OrderId, Power, Reading, ServerName, Span, SystemState,
    execution::{Answer, Execution, Next},
    order::{Ending, Epoch},
};

const LIST: [&str; 3] = ["p1", "p2", "p3"];

/// A start on p1 of the entry 9.
fn starts(vouched: &[&str]) -> Execution {
    Execution::new(start(vouched), &LIST.map(ServerName::from))
}

fn reads(server: &str, power: Power) -> Reading {
    Reading { since: 9, copies: [("web1".into(), power)].into(), ..site::reading(server) }
}

fn dark(server: &str) -> Reading {
    Reading { since: 9, system: SystemState::NoWitness, live: false, ..site::reading(server) }
}

fn next(execution: &mut Execution, reading: Reading) -> Result<String, Ending> {
    answered(execution, Answer::Read(reading), 10)
}

fn answered(execution: &mut Execution, answer: Answer, at: u64) -> Result<String, Ending> {
    match execution.next(answer, Span(at)) {
        Next::Ask(ask) => Ok(word(&ask)),
        Next::Wait => Ok("wait".to_owned()),
        Next::Report(report) => Err(report.ending),
    }
}

fn not_done(why: &str) -> Result<String, Ending> {
    Err(Ending::NotDone(why.into()))
}

#[test]
fn all_servers_are_asked_at_once_and_the_last_answer_starts_it_whichever_it_is() {
    for order in [["p1", "p2", "p3"], ["p3", "p1", "p2"], ["p2", "p3", "p1"]] {
        let mut execution = starts(&[]);
        assert_eq!(word(&execution.first()), "read p1 p2 p3");
        let said: Vec<_> = order.map(|server| next(&mut execution, reads(server, Power::Off)).unwrap()).into();
        assert_eq!(said, ["wait", "wait", "start"], "{order:?}");
    }
}

#[test]
fn what_forbids_a_start_does_so_before_the_others_have_answered() {
    assert_eq!(next(&mut starts(&[]), reads("p3", Power::Running)), not_done("it reads Running on p3"));
    let why = "it cannot be read on p2 (NoWitness), and no proof is held";
    let said = next(&mut starts(&[]), dark("p2"));
    assert_eq!(said, not_done(&why.replace("NoWitness", &SystemState::NoWitness.to_string())));
}

/// What a start is excused from may be dark; what could not be read at all keeps it from being sent all the same.
#[test]
fn nothing_is_started_while_a_server_has_not_answered() {
    let mut execution = starts(&["p2"]);
    assert_eq!(next(&mut execution, reads("p1", Power::Off)), Ok("wait".to_owned()));
    assert_eq!(next(&mut execution, reads("p3", Power::Off)), Ok("wait".to_owned()));
    assert_eq!(next(&mut execution, dark("p2")), Ok("start".to_owned()), "the ledger knows that it cannot be read");
    let twice = next(&mut starts(&[]), reads("p9", Power::Off));
    assert_eq!(twice, not_done("the reading of p9 answers no question"));
}

#[test]
fn a_server_whose_managers_are_busy_is_not_read_and_nothing_follows_for_it() {
    let unread = |server: &str| Answer::Unread(server.into());
    let busy = |execution: &mut Execution, server: &str| answered(execution, unread(server), 10);
    let why = |server: &str| format!("{server} was not read in time, its managers are busy with other commands");
    assert_eq!(busy(&mut starts(&["p2"]), "p3"), not_done(&why("p3")), "it might run there");
    assert_eq!(busy(&mut starts(&LIST), "p1"), not_done(&why("p1")), "nothing is started blindly");
    // Where the ledger knew that it cannot be read.
    let mut execution = starts(&["p2"]);
    assert_eq!(busy(&mut execution, "p2"), Ok("wait".to_owned()));
    assert_eq!(next(&mut execution, reads("p1", Power::Off)), Ok("wait".to_owned()));
    assert_eq!(next(&mut execution, reads("p3", Power::Off)), Ok("start".to_owned()));
    // Read back: again, until its time is over.
    assert_eq!(answered(&mut execution, Answer::Accepted, 20), Ok("read p1".to_owned()));
    assert_eq!(busy(&mut execution, "p1"), Ok("pause 100ms".to_owned()));
    assert_eq!(answered(&mut execution, Answer::Paused, 200), Ok("read p1".to_owned()));
    let late = answered(&mut execution, unread("p1"), 120_000);
    assert_eq!(late, Err(Ending::Unknown(why("p1").into())));
    // Only what was read is reported.
    assert_eq!(execution.give_up("").readings.len(), 2);
}

/// A reading that is shared, or that comes late, may be of a time at which the order was not given.
#[test]
fn a_reading_that_began_before_the_order_was_given_holds_no_start() {
    let (group, resource, to) = ("web".into(), "web1".into(), "p2".into());
    let migrate = order(Action::Migrate { group, resource, epoch: Epoch(1), to });
    for server in LIST {
        let old = Reading { since: 8, ..reads(server, Power::Off) };
        let why = format!("the reading of {server} began before the order was given");
        let mut execution = starts(&LIST);
        for other in LIST.iter().filter(|other| **other != server) {
            assert_eq!(next(&mut execution, reads(other, Power::Off)), Ok("wait".to_owned()));
        }
        assert_eq!(next(&mut execution, old), not_done(&why));
    }
    let mut execution = Execution::new(migrate, &LIST.map(ServerName::from));
    let old = Reading { since: 8, ..reads("p2", Power::Absent) };
    assert_eq!(next(&mut execution, old), not_done("the reading of p2 began before the order was given"));
    for (since, counts) in [(8, false), (9, true), (10, true)] {
        assert_eq!(OrderId { index: 9, ordinal: 3 }.precedes(since), counts, "{since}");
    }
}
