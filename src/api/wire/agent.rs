//! Agents: what nodes make of a configuration, what agents they have, and what an agent is asked about one resource.

use super::{LparView, ResourceView};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A cluster file to be held against the agents of the nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckBody {
    /// The text of the file.
    pub text: String,
}

/// What the agents of the nodes make of a cluster file, one line each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckView {
    /// What makes it unusable.
    #[serde(default)]
    pub errors: Vec<String>,
    /// What somebody should look at.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// Everything about one resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceDetailView {
    /// What all resources have.
    pub resource: ResourceView,
    /// What only LPARs have.
    pub lpar: Option<LparView>,
    /// What only resources have that an agent keeps.
    pub kept: Option<KeptView>,
    /// How it is on each server of the system list.
    pub places: Vec<PlaceView>,
}

/// A resource that an agent keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptView {
    /// What its agent is told.
    pub attributes: BTreeMap<String, String>,
    /// What it is told in place of that, by server.
    pub attributes_on: BTreeMap<String, BTreeMap<String, String>>,
    /// How often it is looked at where it should be up, as in a cluster file: `5s`.
    pub monitor: String,
    /// How often where it should not be up; the agent runtime's own pace if absent.
    pub monitor_offline: Option<String>,
    /// How long a look may take; what the agent advises if absent.
    pub monitor_timeout: Option<String>,
    /// Deeper looks at what is up: how often, by depth.
    pub depths: BTreeMap<String, String>,
    /// How long a start may take.
    pub start_timeout: String,
    /// How long a stop may take.
    pub stop_timeout: String,
}

/// A resource on one server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct PlaceView {
    pub server: String,
    /// The node inside which it lives there, if it lives inside one.
    pub node: Option<String>,
    /// What it reads there.
    pub state: String,
    /// How sure its agent is that it runs, in percent, if it said so.
    pub confidence: Option<u8>,
    /// What its agent said at the last look that changed anything; empty if nothing.
    pub said: String,
    /// Whether the group may run there now.
    pub tenure: bool,
}

/// An action for an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionBody {
    /// Which action.
    pub token: String,
    /// What it is told.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// On which server; where the group is, if absent.
    #[serde(default)]
    pub on: Option<String>,
}

/// What an agent said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct SaidView {
    pub server: String,
    /// The node that asked its agent.
    pub node: String,
    /// What it said.
    pub said: String,
}

/// The agents that a node has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct AgentsView {
    pub node: String,
    /// Its agents, by name.
    pub agents: Vec<AgentView>,
}

/// An agent that a node has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AgentView {
    /// The type to write in a cluster file.
    pub agent: String,
    /// `built in`, `script` or `OCF`.
    pub kind: String,
    /// Where it is; empty if it is part of the program.
    pub at: String,
}

/// What an agent can be told, and what it can do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentDetailView {
    /// The node that has it.
    pub node: String,
    /// The type to write in a cluster file.
    pub agent: String,
    /// What it is for, in a line.
    pub short: String,
    /// What it can be told.
    pub parameters: Vec<ParameterView>,
    /// What it can do.
    pub actions: Vec<AgentActionView>,
}

/// Something that an agent can be told.
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
    /// What it is for, in a line.
    pub short: String,
}

/// Something that an agent can do, and what its author advises.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct AgentActionView {
    pub name: String,
    /// How long it may take at least, in milliseconds.
    pub timeout: Option<u64>,
    /// How often it is to be done, in milliseconds.
    pub interval: Option<u64>,
    /// How deep it looks.
    pub depth: Option<String>,
}
