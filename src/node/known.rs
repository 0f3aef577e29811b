//! The agents of the nodes and their attributes, for an author of a cluster file.

use super::{
    Machine,
    catalog::{AgentAction, Catalog, CatalogEntry, Description, Parameter},
    peer::{Answer, Call, ask, incarnation},
    suitability::peer,
};
use crate::{
    api::Failure,
    performer::{Agents, known},
};
use std::{sync::Arc, time::Duration};
use tenure_agents::{Metadata, ValueType};
use tenure_core::{ForeignText, NodeName, Rejection};
use tenure_raft::Handle;

/// Time that another node may take: it may have to ask an agent.
const WITHIN: Duration = Duration::from_secs(15);
/// The next step if an agent does not exist.
const NEXT: &str = "see `tenure agent list`";

/// The agents of this node.
pub async fn list_here(agents: &Agents, me: &NodeName) -> Catalog {
    let view = |one: known::Known| CatalogEntry { agent: one.agent.into(), kind: one.kind.into(), at: one.at.into() };
    let all = known::known(agents.places()).await;
    Catalog { node: me.as_str().into(), agents: all.into_iter().map(view).collect() }
}

/// The attributes and actions of an agent of this node.
pub async fn one_here(agents: &Agents, me: &NodeName, agent: &str) -> Result<Description, Rejection> {
    if let Some(kind) = agent.strip_prefix("script:") {
        let found = known::script(agents.places(), kind).await;
        let (names, entries) = found
            .ok_or_else(|| Rejection::new("no_such_agent", format!("{agent} is not on node {me}")).advise(NEXT))?;
        return Ok(script(me, agent, names, entries));
    }
    if agent.starts_with("ocf:") {
        let metadata = agents.metadata(agent).await;
        return metadata
            .map(|metadata| ocf(me, agent, &metadata))
            .map_err(|why| Rejection::new("no_such_agent", why.to_string()).advise(NEXT));
    }
    let all = known::known(agents.places()).await;
    if !agent.contains(':') && !all.iter().any(|one| one.agent == agent) {
        return Err(Rejection::new("no_such_agent", format!("there is no agent {agent} on node {me}")).advise(NEXT));
    }
    let why = format!("{agent} does not say what it can be told");
    Err(Rejection::new("agent_says_nothing", why).advise("see docs/agents.md"))
}

fn script(me: &NodeName, agent: &str, names: Vec<String>, entries: Vec<String>) -> Description {
    let parameter = |name: String| Parameter {
        name: name.into(),
        required: false,
        unique: false,
        deprecated: false,
        value: "text".into(),
        default: None,
        short: ForeignText::default(),
    };
    let action = |name: String| AgentAction { name: name.into(), timeout: None, interval: None, depth: None };
    Description {
        node: me.as_str().into(),
        agent: agent.into(),
        short: "a directory of scripts".into(),
        parameters: names.into_iter().map(parameter).collect(),
        actions: entries.into_iter().map(action).collect(),
    }
}

fn ocf(me: &NodeName, agent: &str, metadata: &Metadata) -> Description {
    let parameters = metadata.parameters.iter().map(|one| Parameter {
        name: one.name.clone(),
        required: one.required,
        unique: one.unique,
        deprecated: one.deprecated,
        value: match one.value {
            ValueType::Integer => "integer",
            ValueType::Boolean => "boolean",
            ValueType::Text => "text",
        }
        .into(),
        default: one.default.clone(),
        short: one.short.clone(),
    });
    let ms = |time: Option<Duration>| time.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    let actions = metadata.actions.iter().map(|one| AgentAction {
        name: one.name.clone(),
        timeout: ms(one.timeout),
        interval: ms(one.interval),
        depth: one.depth.clone(),
    });
    Description {
        node: me.as_str().into(),
        agent: agent.into(),
        short: metadata.short.clone(),
        parameters: parameters.collect(),
        actions: actions.collect(),
    }
}

/// The agents of a node; of this one if none is named.
pub async fn list(
    raft: &Handle<Machine>,
    agents: &Arc<Agents>,
    me: &NodeName,
    node: Option<&NodeName>,
) -> Result<Catalog, Failure> {
    let Some(node) = node.filter(|node| *node != me) else { return Ok(list_here(agents, me).await) };
    match ask(raft, incarnation(), peer(raft, node)?, &Call::Agents, WITHIN).await {
        Ok(Answer::Agents(view)) => Ok(view),
        Ok(_) => Err(Failure::Unreachable(format!("node {node} answered something else"))),
        Err(why) => Err(Failure::Unreachable(format!("node {node}: {why}"))),
    }
}

/// The attributes and actions of an agent of a node; of this one if none is named.
pub async fn one(
    raft: &Handle<Machine>,
    agents: &Arc<Agents>,
    me: &NodeName,
    node: Option<&NodeName>,
    agent: &str,
) -> Result<Description, Failure> {
    let Some(node) = node.filter(|node| *node != me) else {
        return one_here(agents, me, agent).await.map_err(Failure::from);
    };
    match ask(raft, incarnation(), peer(raft, node)?, &Call::Agent(agent.to_owned()), WITHIN).await {
        Ok(Answer::Agent(view)) => view.map_err(Failure::from),
        Ok(_) => Err(Failure::Unreachable(format!("node {node} answered something else"))),
        Err(why) => Err(Failure::Unreachable(format!("node {node}: {why}"))),
    }
}
