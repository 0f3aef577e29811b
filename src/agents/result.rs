//! The outcome of an entry point: a look, or an operation.

use super::program::{Ended, Outcome};
use std::time::Duration;
use tenure_core::{Power, execution::Answer};

/// Length in bytes at which an agent's message is cut before it is passed on.
const LONGEST_SAID: usize = 512;

/// The result of one look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MonitorResult {
    pub power: Power,
    pub confidence: u8,
    pub said: String,
    /// Whether the look ran out of time.
    pub late: bool,
}

impl MonitorResult {
    pub(crate) fn new(power: Power, said: impl Into<String>) -> Self {
        let confidence = if power == Power::Running { 100 } else { 0 };
        MonitorResult { power, confidence, said: short(said.into()), late: false }
    }

    pub(crate) fn unknown(said: impl Into<String>) -> Self {
        MonitorResult::new(Power::Unknown, said)
    }

    /// The result of a program without an exit status: Unknown.
    pub(crate) fn without_status(outcome: &Outcome) -> Self {
        let late = matches!(outcome.ended, Ended::TimeOver(_));
        MonitorResult { late, ..MonitorResult::unknown(outcome.words()) }
    }
}

/// Cuts a message to the length for a line of a report.
pub(crate) fn short(mut said: String) -> String {
    if said.len() > LONGEST_SAID {
        let mut end = LONGEST_SAID;
        while !said.is_char_boundary(end) {
            end -= 1;
        }
        said.truncate(end);
        said.push('…');
    }
    said
}

/// The outcome of a start, a stop or a clean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ActionResult {
    pub answer: Answer,
    /// Time for which the agent says that no effect can be seen yet.
    pub wait: Duration,
    /// Whether a program was run: if so, "refused" may not mean that nothing happened.
    pub ran: bool,
}

impl ActionResult {
    pub(crate) fn done() -> Self {
        ActionResult { answer: Answer::Accepted, wait: Duration::ZERO, ran: true }
    }

    pub(crate) fn already() -> Self {
        ActionResult { answer: Answer::Already, wait: Duration::ZERO, ran: true }
    }

    /// Refused before any program was run.
    pub(crate) fn refused(why: impl Into<String>) -> Self {
        ActionResult { answer: Answer::Refused(short(why.into())), wait: Duration::ZERO, ran: false }
    }

    /// Refused by the program that was run.
    pub(crate) fn failed(why: impl Into<String>) -> Self {
        ActionResult { ran: true, ..ActionResult::refused(why) }
    }

    pub(crate) fn unknown(why: impl Into<String>) -> Self {
        ActionResult { answer: Answer::Unknown(short(why.into())), wait: Duration::ZERO, ran: true }
    }

    /// The outcome of a program whose exit status 0 means done, and any other not done.
    pub(crate) fn of(outcome: &Outcome) -> Self {
        match &outcome.ended {
            Ended::Exited(0) => ActionResult::done(),
            Ended::Exited(_) => ActionResult::failed(outcome.words()),
            Ended::Missing(_) => ActionResult::refused(outcome.words()),
            Ended::NoRoom(_) => ActionResult { answer: Answer::NotSent(outcome.words()), ..ActionResult::refused("") },
            Ended::Broken(_) | Ended::TimeOver(_) => ActionResult::unknown(outcome.words()),
        }
    }
}
