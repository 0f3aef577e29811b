//! The reason why a node ends by itself.

use std::process::ExitCode;

/// The reason why a node ends by itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ending {
    /// An administrator asked for it.
    #[error("this node was asked to stop (`tenure node stop`); start it again when it has its new version")]
    Asked,
    /// Consensus has stopped, or another task that the node cannot do without.
    #[error("consensus has stopped, so this node has: {0}")]
    Failed(String),
    /// Another process runs under this node's identity.
    #[error(
        "another process runs under this node's identity, so this one stops: {0}; find out which of the two is a copy of \
         the other's data and key, and see to it that only one is ever started"
    )]
    Twice(String),
    /// The cluster has gone on without it, since a majority was given up.
    #[error(
        "this node was given up, so it stops and does not start again ({0}): move its data directory away, and join it anew \
         (`tenure node token NODE`, `tenured --join-file FILE`)"
    )]
    GivenUp(String),
    /// Its ledger differs from that of the majority.
    #[error(
        "the ledger of this node differs from that of most at log entry {at}, so it stops: remove it (`tenure node remove \
         NODE`), move its data directory away, and join it anew"
    )]
    Diverged {
        /// Log index of the comparison.
        at: u64,
    },
}

impl Ending {
    /// The exit code: 0 if it was asked for, 1 if another start may help, 3 if it does not.
    pub fn code(&self) -> ExitCode {
        match self {
            Ending::Asked => ExitCode::SUCCESS,
            Ending::Failed(_) => ExitCode::FAILURE,
            Ending::Twice(_) | Ending::Diverged { .. } | Ending::GivenUp(_) => ExitCode::from(3),
        }
    }
}
