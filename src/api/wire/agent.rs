//! Agents: checks of a configuration, the agents of a node, and calls of an agent for one resource.

use super::{LparView, ResourceView, status::yes};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A cluster file to be checked against the agents of the nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckBody {
    /// The text of the file.
    pub text: String,
}

/// The findings of the agents about a cluster file, one line each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckView {
    /// Findings that make the file unusable.
    #[serde(default)]
    pub errors: Vec<String>,
    /// Findings that deserve a look.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// All details of one resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceDetailView {
    /// The fields that all resources have.
    pub resource: ResourceView,
    /// The fields that only LPARs have.
    pub lpar: Option<LparView>,
    /// The fields that only resources with an agent have.
    pub settings: Option<AgentSettingsView>,
    /// Its state on each server of the system list.
    pub places: Vec<PlaceView>,
}

/// A resource with an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentSettingsView {
    /// Its attributes.
    pub attributes: BTreeMap<String, String>,
    /// Attributes with other values on a server, by server.
    pub attributes_on: BTreeMap<String, BTreeMap<String, String>>,
    /// Interval of looks where it should be online, as in a cluster file: `5s`.
    pub monitor: String,
    /// The same where it should not be online; the agent runtime's default if absent.
    pub monitor_offline: Option<String>,
    /// Time that a look may take; the agent's advice if absent.
    pub monitor_timeout: Option<String>,
    /// Intervals of deeper looks while it runs, by depth.
    pub depths: BTreeMap<String, String>,
    /// Time that a start may take.
    pub start_timeout: String,
    /// Time that a stop may take.
    pub stop_timeout: String,
}

/// A resource on one server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct PlaceView {
    pub server: String,
    /// The node there, for a resource inside a node.
    pub node: Option<String>,
    /// Its last reading there.
    pub state: String,
    /// Whether that is so now: read live within a monitor interval, or proven off.
    #[serde(default = "yes")]
    pub live: bool,
    /// The last time at which it was read live, RFC 3339 in UTC; absent if it never was.
    #[serde(default)]
    pub read_at: Option<String>,
    /// The agent's confidence that it runs, in percent, if it gave one.
    pub confidence: Option<u8>,
    /// The agent's message at the last look that changed anything; may be empty.
    pub said: String,
    /// Whether the group's tenure covers this server.
    pub tenure: bool,
}

/// An action for an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionBody {
    /// The name of the action.
    pub token: String,
    /// Its arguments.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// The server; where the group is, if absent.
    #[serde(default)]
    pub on: Option<String>,
}

/// The answer of an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct SaidView {
    pub server: String,
    /// The node whose agent answered.
    pub node: String,
    /// Its output.
    pub said: String,
}

/// The agents of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct AgentsView {
    pub node: String,
    /// Its agents, by name.
    pub agents: Vec<AgentView>,
}

/// An agent of a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AgentView {
    /// The type to write in a cluster file.
    pub agent: String,
    /// `built in`, `script` or `OCF`.
    pub kind: String,
    /// Its path; empty if it is built in.
    pub at: String,
}

/// The attributes and actions of an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentDetailView {
    /// The node that was asked.
    pub node: String,
    /// The type to write in a cluster file.
    pub agent: String,
    /// Its purpose, in a line.
    pub short: String,
    /// The attributes that it takes.
    pub parameters: Vec<ParameterView>,
    /// The actions that it supports.
    pub actions: Vec<AgentActionView>,
}

/// An attribute of an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct ParameterView {
    pub name: String,
    /// Whether it must be given.
    pub required: bool,
    /// Whether no two resources may have the same value.
    pub unique: bool,
    /// Whether it should not be used any more.
    pub deprecated: bool,
    /// `text`, `integer` or `boolean`.
    pub value: String,
    /// Its value if none is given.
    pub default: Option<String>,
    /// Its purpose, in a line.
    pub short: String,
}

/// An action of an agent, with the author's advice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct AgentActionView {
    pub name: String,
    /// Least timeout that it needs, in milliseconds.
    pub timeout: Option<u64>,
    /// Interval at which it should run, in milliseconds.
    pub interval: Option<u64>,
    /// Depth of a look; only `monitor` actions have one.
    pub depth: Option<String>,
}
