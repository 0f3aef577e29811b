//! The log of a node.

use serde::{Deserialize, Serialize};
use tenure_core::trust::LogLevel;

/// `POST /v1/nodes/{node}/log`: it tells more, or less, for a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLevelBody {
    /// How much it tells.
    pub level: LogLevel,
    /// Milliseconds after which it is as before.
    pub lasts_ms: u64,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogSetView {
    /// The node.
    pub node: String,
    /// What it says.
    pub said: String,
}

/// `GET /v1/log`: the log of the node that answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogView {
    /// The node.
    pub node: String,
    /// Version of its program.
    pub version: String,
    /// What its log tells now, as in `TENURE_LOG`.
    pub filter: String,
    /// Seconds until it tells as much as before, if a level was set for a time.
    #[serde(default)]
    pub left: Option<u64>,
    /// Its last lines, oldest first.
    pub lines: Vec<String>,
}
