//! What is wrong with a cluster, and how much there is of everything.

use super::Level;
use serde::{Deserialize, Serialize};

/// The state of a cluster in one line, and each cause of what is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Whether nothing is wrong.
    pub ok: bool,
    /// In words: `2 groups down, 1 server not read`.
    pub summary: String,
    /// One for each cause, the worst first.
    pub problems: Vec<Cause>,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// Its severity.
    pub level: Level,
    /// What is wrong, and the next command where there is one.
    pub text: String,
    /// The groups that it concerns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
}

/// How many things of each kind there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct TotalsView {
    pub hmcs: TotalView,
    pub servers: TotalView,
    pub nodes: TotalView,
    pub services: TotalView,
    pub groups: TotalView,
    pub resources: TotalView,
}

/// How many things of one kind there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TotalView {
    /// All of them.
    pub all: usize,
    /// Those that are not as they should be.
    pub amiss: usize,
}
