//! Why a node ends by itself.

use std::process::ExitCode;

/// Why a node ends by itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ending {
    /// Consensus, or a task without which the node is none, has stopped.
    #[error("consensus has stopped, so this node has: {0}")]
    Failed(String),
    /// Another process runs under this node's identity.
    #[error(
        "another process runs under this node's identity, so this one stops: {0}; find out which of the two is a copy of \
         the other's data and key, and see to it that only one is ever started"
    )]
    Twice(String),
    /// Its ledger is not that of the others.
    #[error(
        "the ledger of this node differs from that of most at log entry {at}, so it stops: remove it (`tenure node remove \
         NODE`), move its data directory away, and join it anew"
    )]
    Diverged {
        /// Log index.
        at: u64,
    },
}

impl Ending {
    /// The exit code: 1 where starting again may help, 3 where it does not.
    pub fn code(&self) -> ExitCode {
        match self {
            Ending::Failed(_) => ExitCode::FAILURE,
            Ending::Twice(_) | Ending::Diverged { .. } => ExitCode::from(3),
        }
    }
}
