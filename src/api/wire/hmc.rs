//! HMCs, as nodes see them.

use super::{HmcStatus, Level};
use serde::{Deserialize, Serialize};

/// An HMC, as the log knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct HmcView {
    pub name: String,
    /// Its address, with the port.
    pub address: String,
    /// The user as which nodes log in.
    pub user: String,
    /// The declared fingerprint of its host key.
    pub host_key: String,
    /// Servers that it manages.
    pub servers: Vec<String>,
    /// How often those that are read through it are read at rest, and why, if that is not the monitor interval.
    #[serde(default)]
    pub read_every: Option<String>,
    /// The node that asks it for all its systems at rest, on behalf of all nodes.
    #[serde(default)]
    pub asker: Option<String>,
    /// The worst of what keeps nodes from it.
    pub state: HmcStatus,
    /// How bad that is: an alarm if a server is without any HMC, or if only an administrator can mend it.
    pub level: Level,
    /// What is wrong and what to do, one line for each kind.
    #[serde(default)]
    pub problems: Vec<String>,
    /// The nodes that cannot use it.
    #[serde(default)]
    pub nodes: Vec<String>,
    /// Since when, RFC 3339 in UTC.
    #[serde(default)]
    pub since: Option<String>,
    /// The next login, RFC 3339 in UTC, if it has refused one.
    #[serde(default)]
    pub next_login: Option<String>,
    /// What the nodes say that have asked it anything. Only there if nodes were asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub heard: Vec<HmcHeardView>,
}

/// What a node last heard of an HMC. Times are in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct HmcHeardView {
    pub node: String,
    /// Time since it last asked it something.
    pub asked_ago: u64,
    /// Time since the last answer.
    #[serde(default)]
    pub answered_ago: Option<u64>,
    /// Time that this answer took.
    #[serde(default)]
    pub took: Option<u64>,
    /// The reason why the last question was not answered.
    #[serde(default)]
    pub failure: Option<String>,
}

/// All HMCs, live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HmcsView {
    /// The HMCs, by name.
    pub hmcs: Vec<HmcView>,
    /// Members that do not say what they heard.
    #[serde(default)]
    pub silent: Vec<String>,
}
