//! What nodes say to each other of their agents. These are bytes between nodes, and never change within a version; what the API
//! says of agents may grow, so it has types of its own, and this is the one place where one becomes the other.

use crate::api::wire::{AgentActionView, AgentDetailView, AgentView, AgentsView, ParameterView};
use serde::{Deserialize, Serialize};

/// The agents that a node has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Catalog {
    pub node: String,
    /// Its agents, by name.
    pub agents: Vec<CatalogEntry>,
}

/// An agent that a node has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogEntry {
    /// The type to write in a cluster file.
    pub agent: String,
    /// `built in`, `script` or `OCF`.
    pub kind: String,
    /// Where it is; empty if it is part of the program.
    pub at: String,
}

/// What an agent can be told, and what it can do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// The node that has it.
    pub node: String,
    /// The type to write in a cluster file.
    pub agent: String,
    /// What it is for, in a line.
    pub short: String,
    /// What it can be told.
    pub parameters: Vec<Parameter>,
    /// What it can do.
    pub actions: Vec<AgentAction>,
}

/// Something that an agent can be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // as in what the API says of it
pub struct Parameter {
    pub name: String,
    pub required: bool,
    pub unique: bool,
    pub deprecated: bool,
    pub value: String,
    pub default: Option<String>,
    pub short: String,
}

/// Something that an agent can do, with times in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // as in what the API says of it
pub struct AgentAction {
    pub name: String,
    pub timeout: Option<u64>,
    pub interval: Option<u64>,
    pub depth: Option<String>,
}

impl From<Catalog> for AgentsView {
    fn from(Catalog { node, agents }: Catalog) -> Self {
        let view = |CatalogEntry { agent, kind, at }| AgentView { agent, kind, at };
        AgentsView { node, agents: agents.into_iter().map(view).collect() }
    }
}

impl From<Description> for AgentDetailView {
    fn from(Description { node, agent, short, parameters, actions }: Description) -> Self {
        let parameter = |Parameter { name, required, unique, deprecated, value, default, short }| ParameterView {
            name,
            required,
            unique,
            deprecated,
            value,
            default,
            short,
        };
        let action =
            |AgentAction { name, timeout, interval, depth }| AgentActionView { name, timeout, interval, depth };
        AgentDetailView {
            node,
            agent,
            short,
            parameters: parameters.into_iter().map(parameter).collect(),
            actions: actions.into_iter().map(action).collect(),
        }
    }
}
