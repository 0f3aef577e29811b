//! The execution of an order for a resource inside the node, as tables: the answers of its agent, and the consequences.

use crate::execution::{not_done, start, stop, word};
use tenure_core::{
    Order, Power, Seen, Span,
    execution::{Answer, Execution, Next, START_SHOWS},
    order::Ending,
};

/// Milliseconds for which a stop without effect is watched before a stop by force.
const PATIENCE: u64 = 2_000;
const BUDGET: u64 = 120_000;

/// Runs an order against these answers, each with the milliseconds at which it comes. Returns the questions in order,
/// and the ending.
fn carried(order: Order, answers: Vec<(u64, Answer)>) -> (String, Option<Ending>) {
    let mut execution = Execution::new(order, &["p1".into()]).inside(true);
    let mut asked = vec![word(&execution.first())];
    for (at, answer) in answers {
        match execution.next(answer, Span(at)) {
            Next::Ask(ask) => asked.push(word(&ask)),
            Next::Wait => {}
            Next::Report(report) => return (asked.join(", "), Some(report.ending)),
        }
    }
    (asked.join(", "), None)
}

fn looks(power: Power) -> Answer {
    Answer::Probed(Seen { power, since: 9, ..Seen::default() })
}

fn says(power: Power, said: &str) -> Answer {
    Answer::Probed(Seen { power, since: 9, said: said.into(), ..Seen::default() })
}

fn refused() -> Answer {
    Answer::Refused("it will not".into())
}

fn hung() -> Answer {
    Answer::Unknown("it hangs".into())
}

fn unknown(why: &str) -> Option<Ending> {
    Some(Ending::Unknown(why.into()))
}

#[test]
fn a_start_is_done_when_it_shows() {
    for answer in [Answer::Accepted, Answer::Already, hung()] {
        for power in [Power::Running, Power::Starting] {
            let (asked, ending) = carried(start(&[]), vec![(0, answer.clone()), (10, looks(power))]);
            assert_eq!((asked.as_str(), ending), ("start, look", Some(Ending::Done)), "{answer:?} {power}");
        }
    }
}

#[test]
fn a_start_that_was_refused_or_not_sent_is_said_to_be_so() {
    let no = Some(Ending::Refused("it will not".into()));
    assert_eq!(carried(start(&[]), vec![(0, refused())]), ("start".to_owned(), no));
    let not_sent = Answer::NotSent("no lease".into());
    assert_eq!(carried(start(&[]), vec![(0, not_sent)]), ("start".to_owned(), not_done("no lease")));
}

#[test]
fn a_start_that_does_not_show_is_looked_at_for_a_while() {
    for power in [Power::Off, Power::Absent, Power::OffOnPurpose, Power::Unknown, Power::Stopping, Power::Error] {
        let at = |later: u64| vec![(5, Answer::Accepted), (5 + later, looks(power))];
        let (asked, ending) = carried(start(&[]), at(START_SHOWS.0 - 1));
        assert_eq!((asked.as_str(), ending), ("start, look, pause 100ms", None), "{power}");
        let (asked, ending) = carried(start(&[]), at(START_SHOWS.0));
        let why = format!("it was started, and reads {power}");
        assert_eq!((asked.as_str(), ending), ("start, look", unknown(&why)), "{power}");
    }
    let late = vec![(BUDGET - 1, Answer::Accepted), (BUDGET, says(Power::Off, "exit 7"))];
    assert_eq!(carried(start(&[]), late).1, unknown("it was started, and reads Off: exit 7"), "its budget is spent");
    let again = vec![
        (0, Answer::Accepted),
        (10, looks(Power::Off)),
        (110, Answer::Paused),
        (120, looks(Power::Off)),
        (320, Answer::Paused),
        (330, looks(Power::Running)),
    ];
    let asked = "start, look, pause 100ms, look, pause 200ms, look";
    assert_eq!(carried(start(&[]), again), (asked.to_owned(), Some(Ending::Done)));
}

#[test]
fn of_a_start_that_nobody_answered_for_and_that_does_not_show_nothing_is_known() {
    let answers = vec![(0, hung()), (10, looks(Power::Off))];
    assert_eq!(carried(start(&[]), answers), ("start, look".to_owned(), unknown("it hangs")));
}

#[test]
fn a_stop_is_done_when_it_is_off_whatever_was_answered() {
    for power in [Power::Off, Power::Absent, Power::OffOnPurpose] {
        for answer in [Answer::Accepted, Answer::Already] {
            let (asked, ending) = carried(stop(30_000), vec![(0, answer), (10, looks(power))]);
            assert_eq!((asked.as_str(), ending), ("shut down, look", Some(Ending::Done)), "{power}");
        }
    }
    let not_sent = Answer::NotSent("no lease".into());
    assert_eq!(carried(stop(30_000), vec![(0, not_sent)]), ("shut down".to_owned(), not_done("no lease")));
}

#[test]
fn a_stop_in_order_that_fails_or_has_no_effect_is_followed_by_one_by_force() {
    let off = |first, then| vec![(0, first), (5, Answer::Accepted), (10, then)];
    let done = |asked: &str| (asked.to_owned(), Some(Ending::Done));
    assert_eq!(carried(stop(30_000), off(refused(), looks(Power::Off))), done("shut down, clean 1, look"));
    assert_eq!(carried(stop(30_000), off(hung(), looks(Power::Off))), done("shut down, clean 0, look"));
    let still = |at: u64, power| vec![(7, Answer::Accepted), (7 + at, looks(power))];
    let asked = |at: u64, power| carried(stop(30_000), still(at, power));
    for power in [Power::Running, Power::Unknown, Power::Starting] {
        assert_eq!(asked(PATIENCE - 1, power), ("shut down, look, pause 100ms".to_owned(), None), "{power}");
        assert_eq!(asked(PATIENCE, power), ("shut down, look, clean 1".to_owned(), None), "{power}");
    }
    assert_eq!(asked(PATIENCE, Power::Stopping), ("shut down, look, pause 100ms".to_owned(), None), "it is on its way");
    assert_eq!(asked(BUDGET, Power::Stopping), ("shut down, look".to_owned(), unknown("it still reads Stopping")));
}

#[test]
fn a_stop_by_force_is_asked_for_once_and_looked_at() {
    let first = |answer, at: u64, power| carried(stop(0), vec![(0, answer), (at, looks(power))]);
    assert_eq!(first(Answer::Accepted, 10, Power::Off), ("clean 4, look".to_owned(), Some(Ending::Done)));
    for (answer, why) in
        [(Answer::Accepted, "it still reads Running"), (refused(), "it will not"), (hung(), "it hangs")]
    {
        let early = first(answer.clone(), PATIENCE - 1, Power::Running);
        assert_eq!(early, ("clean 4, look, pause 100ms".to_owned(), None), "{why}");
        assert_eq!(first(answer, PATIENCE, Power::Running), ("clean 4, look".to_owned(), unknown(why)));
    }
}

#[test]
fn an_answer_to_another_question_says_nothing() {
    let stray = unknown("its agent was not answered for");
    for answer in [looks(Power::Running), Answer::Paused] {
        assert_eq!(carried(start(&[]), vec![(0, answer.clone())]).1, stray);
        assert_eq!(carried(stop(30_000), vec![(0, refused()), (5, answer)]).1, stray);
    }
}
