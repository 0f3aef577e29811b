//! The outcome of an entry point: a look, or an operation.

use super::program::{Ended, Outcome};
use std::time::Duration;
use tenure_core::{ForeignText, Power, execution::Answer};

/// The result of one look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MonitorResult {
    pub power: Power,
    pub confidence: u8,
    pub said: ForeignText,
    /// Whether the look ran out of time.
    pub late: bool,
}

impl MonitorResult {
    pub(crate) fn new(power: Power, said: impl Into<ForeignText>) -> Self {
        let confidence = if power == Power::Running { 100 } else { 0 };
        MonitorResult { power, confidence, said: said.into(), late: false }
    }

    pub(crate) fn unknown(said: impl Into<ForeignText>) -> Self {
        MonitorResult::new(Power::Unknown, said)
    }

    /// The result of a program without an exit status: Unknown.
    pub(crate) fn without_status(outcome: &Outcome) -> Self {
        let late = matches!(outcome.ended, Ended::TimeOver(_));
        MonitorResult { late, ..MonitorResult::unknown(outcome.words()) }
    }
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
    pub(crate) fn refused(why: impl Into<ForeignText>) -> Self {
        ActionResult { answer: Answer::Refused(why.into()), wait: Duration::ZERO, ran: false }
    }

    /// Refused by the program that was run.
    pub(crate) fn failed(why: impl Into<ForeignText>) -> Self {
        ActionResult { ran: true, ..ActionResult::refused(why) }
    }

    pub(crate) fn unknown(why: impl Into<ForeignText>) -> Self {
        ActionResult { answer: Answer::Unknown(why.into()), wait: Duration::ZERO, ran: true }
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
