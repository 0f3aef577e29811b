//! The process that runs a node: the one that was enlisted last is believed, and an older one is not.

use tenure_core::{
    Author, Command, Entry, Ledger, NodeName, Note, OrderId, Outcome, Refusal, Report, RequestId, Time, Verb,
    ledger::Incarnation, note::Level, order::Ending,
};

const OLD: Incarnation = Incarnation(1);
const NEW: Incarnation = Incarnation(2);

fn apply(ledger: &mut Ledger, commands: Vec<Command>) -> Outcome {
    let author = Author::Agent("p2".into());
    let index = ledger.index + 1;
    ledger.apply(index, &Entry { at: Time(7), wall: Time(7), author, commands })
}

fn node() -> NodeName {
    "p2".into()
}

fn enlist(incarnation: Incarnation) -> Command {
    Command::Enlist { node: node(), incarnation }
}

fn report(by: Incarnation) -> Vec<Command> {
    let order = OrderId { index: 1, ordinal: 0 };
    let report = Report { order, ending: Ending::Done, readings: vec![], seen: Default::default() };
    vec![Command::SpokenBy { node: node(), incarnation: by }, Command::Report(report)]
}

fn refusals(outcome: &Outcome) -> Vec<&Refusal> {
    outcome.refused.iter().map(|(_, why)| why).collect()
}

#[test]
fn what_an_older_process_says_does_not_count() {
    let mut ledger = Ledger::default();
    let older = Refusal::OlderProcess { node: node() };
    let no_order = Refusal::NoOrder(OrderId { index: 1, ordinal: 0 });
    assert_eq!(refusals(&apply(&mut ledger, report(OLD))), [&no_order], "nobody was entered yet");
    apply(&mut ledger, vec![enlist(OLD)]);
    assert_eq!(refusals(&apply(&mut ledger, report(OLD))), [&no_order], "it is heard");
    assert_eq!(refusals(&apply(&mut ledger, report(NEW))), [&older, &older], "it is not entered yet");
    apply(&mut ledger, vec![enlist(NEW)]);
    let before = ledger.clone();
    assert_eq!(refusals(&apply(&mut ledger, report(OLD))), [&older, &older]);
    assert_eq!(Ledger { index: before.index, ..ledger.clone() }, before, "refused means unchanged");
    assert_eq!(refusals(&apply(&mut ledger, report(NEW))), [&no_order]);
    assert!(ledger.is_present(&node(), NEW) && !ledger.is_present(&node(), OLD));
    assert!(ledger.is_present(&"p9".into(), OLD), "a node that never entered a process is believed");
}

#[test]
fn a_refused_request_forgets_no_process() {
    let mut ledger = Ledger::default();
    apply(&mut ledger, vec![enlist(OLD), enlist(NEW)]);
    let author = Author::first_user(RequestId(1));
    let commands = vec![Command::Request(Verb::ServiceOnline { service: "nobody".into() }.into())];
    let said = ledger.apply(2, &Entry { at: Time(7), wall: Time(7), author, commands });
    assert!(matches!(refusals(&said)[..], [Refusal::NoService(_)]));
    assert!(!ledger.is_present(&node(), OLD), "the older process is not believed again");
}

#[test]
fn a_restart_is_no_news_and_two_at_once_are_an_alarm_said_once() {
    let mut ledger = Ledger::default();
    assert_eq!(apply(&mut ledger, vec![enlist(OLD)]).records, []);
    assert_eq!(apply(&mut ledger, vec![enlist(NEW)]).records, [], "a restart");
    assert!(matches!(refusals(&apply(&mut ledger, vec![enlist(NEW)]))[..], [Refusal::AlreadyEnlisted { .. }]));
    let twice = Command::Twice { node: node(), older: OLD };
    let said = apply(&mut ledger, vec![twice.clone()]);
    let notes: Vec<&Note> = said.notes().collect();
    let [Note::RunsTwice { .. }, Note::OlderStops { .. }] = notes[..] else { panic!("{notes:?}") };
    assert!(notes.iter().all(|note| note.level() == Level::Alarm));
    assert_eq!(
        notes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "node p2 runs twice: process 00000002 has begun under its identity while process 00000001 still runs; find the \
             copy of its data and key, and end it",
            "node p2: the older of its two processes, 00000001, stops",
        ]
    );
    assert_eq!(apply(&mut ledger, vec![twice]).records, [], "it is known");
    let present = Command::Twice { node: node(), older: NEW };
    assert_eq!(apply(&mut ledger, vec![present]).records, [], "the present one is not the older");
}

#[test]
fn nothing_after_an_unheard_speaker_counts_whatever_it_is() {
    let mut ledger = Ledger::default();
    apply(&mut ledger, vec![enlist(OLD)]);
    apply(&mut ledger, vec![enlist(NEW)]);
    let mut commands = report(OLD);
    commands.extend([Command::LapseNode(node()), enlist(OLD)]);
    let outcome = apply(&mut ledger, commands);
    assert_eq!(outcome.refused.len(), 4);
    assert!(ledger.is_present(&node(), NEW));
}
