//! Messages between nodes about their agents. Their bytes never change within a version; the API's types for agents
//! may grow, so they are separate, and this is the one place that converts them.

use crate::api::wire::{AgentActionView, AgentDetailView, AgentView, AgentsView, ParameterView};
use serde::{Deserialize, Serialize};
use tenure_core::ForeignText;

/// The agents of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Catalog {
    pub node: ForeignText,
    /// Its agents, by name.
    pub agents: Vec<CatalogEntry>,
}

/// An agent of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogEntry {
    /// The type to write in a cluster file.
    pub agent: ForeignText,
    /// `built in`, `script` or `OCF`.
    pub kind: ForeignText,
    /// Its path; empty if it is built in.
    pub at: ForeignText,
}

/// The attributes and actions of an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// The node that was asked.
    pub node: ForeignText,
    /// The type to write in a cluster file.
    pub agent: ForeignText,
    /// Its purpose, in a line.
    pub short: ForeignText,
    /// The attributes that it takes.
    pub parameters: Vec<Parameter>,
    /// The actions that it supports.
    pub actions: Vec<AgentAction>,
}

/// An attribute of an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // as in what the API says of it
pub struct Parameter {
    pub name: ForeignText,
    pub required: bool,
    pub unique: bool,
    pub deprecated: bool,
    pub value: ForeignText,
    pub default: Option<ForeignText>,
    pub short: ForeignText,
}

/// An action of an agent, with times in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // as in what the API says of it
pub struct AgentAction {
    pub name: ForeignText,
    pub timeout: Option<u64>,
    pub interval: Option<u64>,
    pub depth: Option<ForeignText>,
}

impl From<Catalog> for AgentsView {
    fn from(Catalog { node, agents }: Catalog) -> Self {
        let view =
            |CatalogEntry { agent, kind, at }| AgentView { agent: agent.into(), kind: kind.into(), at: at.into() };
        AgentsView { node: node.into(), agents: agents.into_iter().map(view).collect() }
    }
}

impl From<Description> for AgentDetailView {
    fn from(Description { node, agent, short, parameters, actions }: Description) -> Self {
        let parameter = |Parameter { name, required, unique, deprecated, value, default, short }| ParameterView {
            name: name.into(),
            required,
            unique,
            deprecated,
            value: value.into(),
            default: default.map(String::from),
            short: short.into(),
        };
        let action = |AgentAction { name, timeout, interval, depth }| AgentActionView {
            name: name.into(),
            timeout,
            interval,
            depth: depth.map(String::from),
        };
        AgentDetailView {
            node: node.into(),
            agent: agent.into(),
            short: short.into(),
            parameters: parameters.into_iter().map(parameter).collect(),
            actions: actions.into_iter().map(action).collect(),
        }
    }
}
