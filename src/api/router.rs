//! The paths of the API.

mod agent;
mod asked;
mod backup;
mod bounds;
mod events;
mod hmc;
mod log;
mod trust;
mod who;

pub(super) use bounds::Bounds;

use super::{
    backend::{Backend, Failure, Read},
    convert,
    part::Part,
    serve::Stopping,
    view, what_if,
    wire::{
        ConfigView, ConfigureBody, ErrorKind, ErrorView, JoinReply, JoinRequest, LeaderView, LevelBody, MembersView,
        NodeAddBody, OutcomeView, RequestBody, RollingView, SiteCapacityView, StatusView, StoppedView, TransferBody,
        WhatIfBody, WhatIfView, WhyNotView, WhyView,
    },
};
use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Path, Query, Request, State, rejection::JsonRejection},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use serde::Deserialize;
use std::{sync::Arc, time::Duration};
use tenure_core::{Caller, GroupName, Ledger, Level, NodeName, Rejection, RequestId, ServerName};

/// Longest body accepted, in bytes.
const BODY_LIMIT: usize = 8 << 20;
/// Longest body accepted of an administrator who declares or restores a cluster, or asks about one, in bytes: the longest
/// cluster file, as JSON has it.
const DECLARATION_LIMIT: usize = 32 << 20;
/// Time that a request may take. Streams of events are not bounded by it once they have begun.
const DEADLINE: Duration = Duration::from_secs(20);
/// Interval of empty lines on a stream of events, by which both ends see that the other one lives.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// A question that is posted, because it may be long.
const WHAT_IF: &str = "/v1/what-if";
/// The declared cluster.
const CONFIG: &str = "/v1/config";
/// Where an administrator may send a long body.
const DECLARING: [&str; 5] = [CONFIG, WHAT_IF, agent::CHECK, hmc::CHECK, backup::RESTORE];
/// Default and maximum number of records that `why` returns.
const WHY_LIMIT: (usize, usize) = (50, 1000);

use asked::Asked;
use who::By;
pub(super) use who::SIGNING;

type Shared = State<Arc<dyn Backend>>;
type Answer<T> = Result<Json<T>, Failed>;

/// All paths, answered by `backend`. [`serve`](super::serve()) adds the [`Peer`] and [`Stopping`] of a connection to
/// its requests, as extensions.
pub(super) fn router(backend: Arc<dyn Backend>) -> Router {
    let open = Router::new()
        .route("/v1/join", post(join))
        .route("/v1/ca", get(ca))
        .merge(trust::open())
        .route_layer(DefaultBodyLimit::max(bounds::JOIN_LIMIT))
        .route_layer(middleware::from_fn(bounds::short_body));
    let closed = Router::new()
        .route("/v1/status", get(status))
        .route("/v1/groups/{group}/why", get(why))
        .route("/v1/groups/{group}/why-not", get(why_not))
        .route(WHAT_IF, post(foreseen))
        .route("/v1/capacity", get(capacity))
        .route("/v1/rolling", get(rolling))
        .route(CONFIG, get(declared).post(configure))
        .route("/v1/requests", post(request))
        .route("/v1/members", get(members))
        .route("/v1/nodes", post(node_add))
        .route("/v1/nodes/{node}/promote", post(node_promote))
        .route("/v1/nodes/{node}", delete(node_remove))
        .route("/v1/nodes/{node}/stop", post(node_stop))
        .route("/v1/level", post(raise))
        .route("/v1/leader", post(transfer_leader))
        .merge(trust::routes())
        .merge(agent::routes())
        .merge(hmc::routes())
        .merge(backup::routes())
        .merge(log::routes())
        .route_layer(middleware::from_fn_with_state(Arc::clone(&backend), bounds::room_for_body))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&backend), who::admit));
    let bounded = open.merge(closed).layer(middleware::from_fn(deadline));
    let admitted = middleware::from_fn_with_state(Arc::clone(&backend), who::admit);
    let events = Router::new().route("/v1/events", get(events::events)).route_layer(admitted);
    bounded
        .merge(events)
        .fallback(async || Failed(Failure::Usage("there is no such path; this is version 1".to_owned())))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(backend)
}

/// A failure as an answer.
struct Failed(Failure);

impl From<Failure> for Failed {
    fn from(failure: Failure) -> Self {
        Failed(failure)
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        error(self.0.view())
    }
}

fn error(view: ErrorView) -> Response {
    let code = match view.kind {
        ErrorKind::Refused => StatusCode::CONFLICT,
        ErrorKind::Usage => StatusCode::BAD_REQUEST,
        ErrorKind::Unreachable => StatusCode::BAD_GATEWAY,
        ErrorKind::NotLeader => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Unknown => StatusCode::GATEWAY_TIMEOUT,
    };
    (code, Json(view)).into_response()
}

/// Gives up a request after the deadline: a question is answered with "unreachable", a change with "unknown".
async fn deadline(request: Request, next: Next) -> Response {
    let asks = request.method() == axum::http::Method::GET
        || [WHAT_IF, agent::CHECK, hmc::CHECK].contains(&request.uri().path());
    let changes = !asks;
    match tokio::time::timeout(DEADLINE, next.run(request)).await {
        Ok(response) => response,
        Err(_) if changes => Failed(Failure::Unknown(format!("no answer within {DEADLINE:?}"))).into_response(),
        Err(_) => Failed(Failure::Unreachable(format!("no answer within {DEADLINE:?}"))).into_response(),
    }
}

/// A JSON body; errors in it are answered as an `ErrorView`.
struct In<T>(T);

impl<S: Send + Sync, T: serde::de::DeserializeOwned> axum::extract::FromRequest<S> for In<T> {
    type Rejection = Response;
    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let request = request.map(bounds::gathered);
        let body: Result<Json<T>, JsonRejection> = Json::from_request(request, state).await;
        body.map(|Json(body)| In(body)).map_err(|why| bounds::unreadable(&why))
    }
}

#[derive(Deserialize)]
struct Freshness {
    #[serde(default)]
    stale: bool,
}

impl Freshness {
    fn read(&self) -> Read {
        if self.stale { Read::Stale } else { Read::Linearizable }
    }
}

async fn status(
    State(backend): Shared,
    By(by): By,
    Asked(fresh): Asked<Freshness>,
    Asked(part): Asked<Part>,
) -> Answer<StatusView> {
    let ledger = who::seen(&*backend, &by, fresh.read()).await?;
    let members = backend.members().await?;
    Ok(Json(view::part(&ledger, &members, fresh.read(), &part)?))
}

#[derive(Deserialize)]
struct WhyQuery {
    #[serde(default)]
    stale: bool,
    limit: Option<usize>,
}

async fn why(
    State(backend): Shared,
    By(by): By,
    Path(group): Path<String>,
    Query(query): Query<WhyQuery>,
) -> Answer<WhyView> {
    let read = Freshness { stale: query.stale }.read();
    let ledger = who::seen(&*backend, &by, read).await?;
    let sight = view::Sight::new(&ledger, &backend.members().await?, read);
    let limit = query.limit.unwrap_or(WHY_LIMIT.0).min(WHY_LIMIT.1);
    let group = GroupName::from(group);
    view::why(sight, &group, limit).map(Json).ok_or_else(|| no_group(&ledger, group))
}

#[derive(Deserialize)]
struct WhyNotQuery {
    on: String,
    #[serde(default)]
    stale: bool,
}

async fn why_not(
    State(backend): Shared,
    By(by): By,
    Path(group): Path<String>,
    Query(query): Query<WhyNotQuery>,
) -> Answer<WhyNotView> {
    let ledger = who::seen(&*backend, &by, Freshness { stale: query.stale }.read()).await?;
    let (group, server) = (GroupName::from(group), ServerName::from(query.on));
    if !ledger.servers.contains_key(&server) {
        return Err(Failed(Failure::from(&tenure_core::Refusal::NoServer(server))));
    }
    what_if::why_not(&ledger, &group, &server).map(Json).ok_or_else(|| no_group(&ledger, group))
}

/// The error for a group that does not exist, or that is parallel: each of its instances has a history of its own.
fn no_group(ledger: &Ledger, group: GroupName) -> Failed {
    let instances: Vec<&str> = ledger.instances(&group).map(GroupName::as_str).collect();
    Failed(match instances.first() {
        Some(first) => {
            let which = instances.join(", ");
            let why = Rejection::new("parallel_group", format!("group {group} is parallel"));
            why.advise(format!("ask for one of {which}: `tenure why {first}`")).into()
        }
        None => Failure::from(&tenure_core::Refusal::NoGroup(group)),
    })
}

async fn foreseen(
    State(backend): Shared,
    By(by): By,
    Query(fresh): Query<Freshness>,
    In(body): In<WhatIfBody>,
) -> Answer<WhatIfView> {
    Ok(Json(what_if::foreseen(who::seen(&*backend, &by, fresh.read()).await?, body).await?))
}

async fn capacity(State(backend): Shared, By(by): By, Query(fresh): Query<Freshness>) -> Answer<SiteCapacityView> {
    Ok(Json(what_if::capacity(who::seen(&*backend, &by, fresh.read()).await?).await?))
}

async fn rolling(State(backend): Shared, By(by): By, Query(fresh): Query<Freshness>) -> Answer<RollingView> {
    Ok(Json(what_if::rolling(who::seen(&*backend, &by, fresh.read()).await?).await?))
}

async fn declared(State(backend): Shared, By(by): By, Query(fresh): Query<Freshness>) -> Answer<ConfigView> {
    let ledger = who::seen(&*backend, &by, fresh.read()).await?;
    let text = if ledger.configured == 0 { String::new() } else { tenure_config::export(ledger.declared()) };
    Ok(Json(ConfigView { configured: ledger.configured, text }))
}

async fn configure(State(backend): Shared, By(by): By, In(body): In<ConfigureBody>) -> Answer<OutcomeView> {
    let id = identity(&body.request_id)?;
    let cluster = convert::cluster(&body.text)?;
    let mut warnings = Vec::new();
    let ledger = who::seen(&*backend, &by, Read::Linearizable).await?;
    let request = tenure_core::Request::Configure { cluster: Arc::clone(&cluster), strand: body.strand };
    // A repeated request has changed the configuration itself, and is answered from the ledger's memory of requests.
    if ledger.remembered(&by.author(id, None)).is_none() {
        if body.expect.is_some_and(|expected| ledger.configured != expected) {
            let what = format!("the configuration changed meanwhile (log index {})", ledger.configured);
            let why = Rejection::new("configuration_changed", what);
            return Err(Failed(why.advise("look at the difference again: `tenure apply`").into()));
        }
        // Before any program looks at it.
        ledger.needs(&by.user, &request).iter().try_for_each(|need| who::may(&ledger, &by, need))?;
        warnings = backend.check_agents(&by, &cluster).await?;
        let hmcs = hmc::changed(&ledger.config, &cluster);
        if !body.no_check && !hmcs.is_empty() {
            backend.check_managers(&by, &cluster, &hmcs).await?;
        }
        what_if::admit(ledger, &request).await?;
    }
    let outcome = proposed(&*backend, &by, id, request).await?;
    Ok(Json(OutcomeView { warnings, ..outcome }))
}

async fn request(State(backend): Shared, By(by): By, In(body): In<RequestBody>) -> Answer<OutcomeView> {
    let id = identity(&body.request_id)?;
    Ok(Json(proposed(&*backend, &by, id, body.ask.into()).await?))
}

fn identity(text: &str) -> Result<RequestId, Failed> {
    let wrong = || Failed(Failure::Usage("request_id is not 32 hexadecimal digits".to_owned()));
    convert::request_id(text).ok_or_else(wrong)
}

/// Commits a request; returns its outcome, or the refusal as an error.
async fn proposed(
    backend: &dyn Backend,
    by: &Caller,
    id: RequestId,
    request: tenure_core::Request,
) -> Result<OutcomeView, Failed> {
    let reply = backend.request(by, id, request).await?;
    if let Some((_, why)) = reply.refused.into_iter().next() {
        return Err(Failed(why.into()));
    }
    let records = reply.events.iter().map(view::event).collect();
    Ok(OutcomeView {
        index: reply.index,
        request_id: format!("{:032x}", id.0),
        records,
        warnings: Vec::new(),
        already: None,
    })
}

#[derive(Deserialize)]
struct MembersQuery {
    /// Whether the other members are asked what they say of themselves; otherwise this is only this node's own view.
    #[serde(default)]
    ask: bool,
}

async fn members(State(backend): Shared, By(by): By, Query(query): Query<MembersQuery>) -> Answer<MembersView> {
    members_of(&*backend, &by, query.ask).await
}

async fn members_of(backend: &dyn Backend, by: &Caller, ask: bool) -> Answer<MembersView> {
    let ledger = who::seen(backend, by, Read::Stale).await?;
    let members = if ask { backend.members_asked().await? } else { backend.members().await? };
    Ok(Json(convert::members(members, &ledger)))
}

async fn node_add(State(backend): Shared, By(by): By, In(body): In<NodeAddBody>) -> Answer<MembersView> {
    backend.node_add(&by, &NodeName::from(body.name), &body.address).await?;
    members_of(&*backend, &by, true).await
}

async fn node_promote(State(backend): Shared, By(by): By, Path(node): Path<String>) -> Answer<MembersView> {
    backend.node_promote(&by, &NodeName::from(node)).await?;
    members_of(&*backend, &by, true).await
}

async fn node_remove(State(backend): Shared, By(by): By, Path(node): Path<String>) -> Answer<MembersView> {
    backend.node_remove(&by, &NodeName::from(node)).await?;
    members_of(&*backend, &by, true).await
}

async fn node_stop(State(backend): Shared, By(by): By, Path(node): Path<String>) -> Answer<StoppedView> {
    let frozen = backend.node_stop(&by, &NodeName::from(node.as_str())).await?;
    Ok(Json(StoppedView { node, frozen: frozen.iter().map(GroupName::to_string).collect() }))
}

async fn raise(State(backend): Shared, By(by): By, In(body): In<LevelBody>) -> Answer<MembersView> {
    backend.raise(&by, Level(body.level)).await?;
    members_of(&*backend, &by, true).await
}

async fn transfer_leader(State(backend): Shared, By(by): By, In(body): In<TransferBody>) -> Answer<LeaderView> {
    let to = body.to.map(NodeName::from);
    let leader = backend.transfer_leader(&by, to.as_ref()).await?;
    Ok(Json(LeaderView { leader: leader.map(|leader| leader.to_string()) }))
}

async fn join(State(backend): Shared, In(body): In<JoinRequest>) -> Answer<JoinReply> {
    Ok(Json(backend.join(body).await?))
}

async fn ca(State(backend): Shared) -> String {
    backend.ca_pem()
}
