//! The administrators' programs on the nodes: the same on each, and they succeed unless a scenario says otherwise.

use tenure_core::{Span, execution::Answer};

/// Duration of a program.
const TAKES: Span = Span(100);

/// Behaviour of a program.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Manner {
    /// It succeeds.
    #[default]
    Works,
    /// It exits with an error.
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

    /// The time of its end, and the answer to the node.
    pub(super) fn end(self, within: Span) -> (Span, Answer) {
        match self {
            Manner::Works => (TAKES, Answer::Accepted),
            Manner::Fails => (TAKES, Answer::Refused("exit status 1: not today".into())),
            Manner::Hangs => {
                (within, Answer::Unknown(format!("it did not end within {within}, and was killed").into()))
            }
        }
    }
}
