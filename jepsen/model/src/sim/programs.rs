//! Programs of the administrators' on the nodes: the same on each, and they work unless a scenario says otherwise.

use tenure_core::{Span, execution::Answer};

/// How long a program takes.
const TAKES: Span = Span(100);

/// How a program behaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Manner {
    /// It ends well.
    #[default]
    Works,
    /// It says no.
    Fails,
    /// It does not end, and is killed.
    Hangs,
}

impl Manner {
    pub(super) fn called(word: &str) -> Option<Manner> {
        match word {
            "works" => Some(Manner::Works),
            "fails" => Some(Manner::Fails),
            "hangs" => Some(Manner::Hangs),
            _ => None,
        }
    }

    /// What the node has to say of it, and when.
    pub(super) fn end(self, within: Span) -> (Span, Answer) {
        match self {
            Manner::Works => (TAKES, Answer::Accepted),
            Manner::Fails => (TAKES, Answer::Refused("exit status 1: not today".to_owned())),
            Manner::Hangs => (within, Answer::Unknown(format!("it did not end within {within}, and was killed"))),
        }
    }
}
