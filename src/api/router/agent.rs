//! Paths about agents: checking a cluster file, listing agents, and calling one for a resource.

use super::{Answer, Failed, Freshness, In, Shared, who, who::By};
use crate::api::{
    backend::{Failure, Read},
    convert, view,
    wire::{ActionBody, AgentDetailView, AgentsView, CheckBody, CheckView, ResourceDetailView, SaidView},
};
use axum::{
    Json, Router,
    extract::{Path, Query, State},
    routing::{get, post},
};
use serde::Deserialize;
use std::sync::Arc;
use tenure_core::{Ledger, NodeName, Refusal, Rejection, ResourceName, ServerName};

/// A question that is posted, because it may be long.
pub(super) const CHECK: &str = "/v1/check";

pub(super) fn routes() -> Router<Arc<dyn crate::api::Backend>> {
    Router::new()
        .route(CHECK, post(check))
        .route("/v1/resources/{resource}", get(resource))
        .route("/v1/resources/{resource}/info", get(info))
        .route("/v1/resources/{resource}/actions", post(action))
        .route("/v1/agents", get(agents))
        .route("/v1/agents/{agent}", get(agent))
}

/// Checks a cluster file against the agents of the nodes. Nothing is applied.
async fn check(State(backend): Shared, By(by): By, In(body): In<CheckBody>) -> Answer<CheckView> {
    let cluster = convert::cluster(&body.text)?;
    match backend.check_agents(&by, &cluster).await {
        Ok(warnings) => Ok(Json(CheckView { errors: Vec::new(), warnings })),
        Err(Failure::Unsuitable { errors, warnings }) => Ok(Json(CheckView { errors, warnings })),
        Err(other) => Err(Failed(other)),
    }
}

async fn resource(
    State(backend): Shared,
    By(by): By,
    Path(resource): Path<String>,
    Query(fresh): Query<Freshness>,
) -> Answer<ResourceDetailView> {
    let ledger = who::seen(&*backend, &by, fresh.read()).await?;
    let resource = ResourceName::from(resource);
    let sight = view::Sight::new(&ledger, &backend.members().await?, fresh.read());
    view::resource(sight, &resource).map(Json).ok_or(Failed(Failure::from(&Refusal::NoResource(resource))))
}

#[derive(Deserialize)]
struct On {
    on: Option<String>,
}

async fn info(
    State(backend): Shared,
    By(by): By,
    Path(resource): Path<String>,
    Query(query): Query<On>,
) -> Answer<SaidView> {
    let resource = ResourceName::from(resource);
    let (server, node) = whom(&*who::seen(&*backend, &by, Read::Linearizable).await?, &resource, query.on)?;
    let said = backend.extra(&by, &node, &resource, None).await?;
    Ok(Json(SaidView { server: server.to_string(), node: node.to_string(), said: said.into() }))
}

async fn action(
    State(backend): Shared,
    By(by): By,
    Path(resource): Path<String>,
    In(body): In<ActionBody>,
) -> Answer<SaidView> {
    let resource = ResourceName::from(resource);
    let (server, node) = whom(&*who::seen(&*backend, &by, Read::Linearizable).await?, &resource, body.on)?;
    let said = backend.extra(&by, &node, &resource, Some((body.token, body.arguments))).await?;
    Ok(Json(SaidView { server: server.to_string(), node: node.to_string(), said: said.into() }))
}

/// The server and node whose agent is asked about a resource: the server named by `on`, or the one of the group's
/// tenure.
fn whom(ledger: &Ledger, resource: &ResourceName, on: Option<String>) -> Result<(ServerName, NodeName), Failure> {
    let declared = ledger.config.resources.get(resource);
    let declared = declared.ok_or_else(|| Failure::from(&Refusal::NoResource(resource.clone())))?;
    if declared.as_agent().is_none() {
        let why = Rejection::new("no_agent", format!("{resource} is an LPAR, which no agent keeps"));
        return Err(why.advise(format!("see `tenure resource show {resource}`")).into());
    }
    let group = ledger.groups.get(&declared.group);
    let server = match on {
        Some(server) => ServerName::from(server),
        None => {
            let tenure = group.and_then(|group| group.tenure.as_ref());
            let why = || Rejection::new("not_online", format!("group {} is on no server", declared.group));
            tenure.map(|tenure| tenure.server.clone()).ok_or_else(|| why().advise("name one with --on SERVER"))?
        }
    };
    let listed = ledger.config.groups.get(&declared.group).is_some_and(|group| group.servers.contains(&server));
    if !listed {
        return Err(Failure::from(&Refusal::NotInList { group: declared.group.clone(), server }));
    }
    let node = ledger.config.node_on(&server).cloned();
    let node = node.ok_or_else(|| Rejection::new("no_node_there", format!("no node lives on {server}")))?;
    Ok((server, node))
}

#[derive(Deserialize)]
struct At {
    node: Option<String>,
}

impl At {
    fn node(&self) -> Option<NodeName> {
        self.node.as_deref().map(NodeName::from)
    }
}

async fn agents(State(backend): Shared, Query(at): Query<At>) -> Answer<AgentsView> {
    Ok(Json(backend.agents(at.node().as_ref()).await?))
}

async fn agent(State(backend): Shared, Path(agent): Path<String>, Query(at): Query<At>) -> Answer<AgentDetailView> {
    Ok(Json(backend.agent(at.node().as_ref(), &agent).await?))
}
