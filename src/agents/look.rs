//! What came of an entry point: a look, or a deed.

use super::program::{Ended, Outcome};
use std::time::Duration;
use tenure_core::{Power, execution::Answer};

/// How much of what an agent says of a resource is passed on.
const LONGEST_SAID: usize = 512;

/// What one look showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    pub power: Power,
    pub confidence: u8,
    pub said: String,
    /// It did not end in its time.
    pub late: bool,
}

impl Look {
    pub(crate) fn new(power: Power, said: impl Into<String>) -> Self {
        let confidence = if power == Power::Running { 100 } else { 0 };
        Look { power, confidence, said: short(said.into()), late: false }
    }

    pub(crate) fn unknown(said: impl Into<String>) -> Self {
        Look::new(Power::Unknown, said)
    }

    /// What a program that gave no exit status says of a resource: nothing.
    pub(crate) fn without_status(outcome: &Outcome) -> Self {
        let late = matches!(outcome.ended, Ended::TimeOver(_));
        Look { late, ..Look::unknown(outcome.words()) }
    }
}

/// Cuts what was said for a line of a report.
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

/// What came of a start, a stop or a cleaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Deed {
    pub answer: Answer,
    /// How long nothing can be seen of it yet, as its agent says.
    pub wait: Duration,
    /// Whether anything was run, so that "refused" may not mean that nothing happened.
    pub ran: bool,
}

impl Deed {
    pub(crate) fn done() -> Self {
        Deed { answer: Answer::Accepted, wait: Duration::ZERO, ran: true }
    }

    pub(crate) fn already() -> Self {
        Deed { answer: Answer::Already, wait: Duration::ZERO, ran: true }
    }

    /// Refused before anything was run.
    pub(crate) fn refused(why: impl Into<String>) -> Self {
        Deed { answer: Answer::Refused(short(why.into())), wait: Duration::ZERO, ran: false }
    }

    /// Refused by what was run.
    pub(crate) fn failed(why: impl Into<String>) -> Self {
        Deed { ran: true, ..Deed::refused(why) }
    }

    pub(crate) fn unknown(why: impl Into<String>) -> Self {
        Deed { answer: Answer::Unknown(short(why.into())), wait: Duration::ZERO, ran: true }
    }

    /// What a program did whose exit status 0 says that it is done, and any other that it is not.
    pub(crate) fn of(outcome: &Outcome) -> Self {
        match &outcome.ended {
            Ended::Exited(0) => Deed::done(),
            Ended::Exited(_) => Deed::failed(outcome.words()),
            Ended::Missing(_) => Deed::refused(outcome.words()),
            Ended::NoRoom(_) => Deed { answer: Answer::NotSent(outcome.words()), ..Deed::refused("") },
            Ended::Broken(_) | Ended::TimeOver(_) => Deed::unknown(outcome.words()),
        }
    }
}
