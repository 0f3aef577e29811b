//! Paths about the logs of nodes.

use super::{Answer, Failed, In, Shared, who, who::By};
use crate::api::{
    backend::{Failure, Read},
    wire::{LogLevelBody, LogSetView, LogView},
};
use axum::{
    Json, Router,
    extract::{Path, Query, State},
    routing::{get, post},
};
use serde::Deserialize;
use std::sync::Arc;
use tenure_core::{
    NodeName, Span,
    trust::{Need, Scope},
};

/// Longest time for which a level is set: a log that tells everything fills disks.
const LONGEST: Span = Span::seconds(24 * 3600);

pub(super) fn routes() -> Router<Arc<dyn crate::api::Backend>> {
    Router::new().route("/v1/log", get(log)).route("/v1/nodes/{node}/log", post(level))
}

#[derive(Deserialize)]
struct Lines {
    #[serde(default)]
    lines: usize,
}

/// What the log of this node tells, and its last lines. It works without a leader: that is when it is needed.
async fn log(State(backend): Shared, By(by): By, Query(query): Query<Lines>) -> Answer<LogView> {
    let ledger = who::seen(&*backend, &by, Read::Stale).await?;
    who::may(&ledger, &by, &Need::Operate(Scope::Cluster))?;
    Ok(Json(backend.log(query.lines).await?))
}

async fn level(
    State(backend): Shared,
    By(by): By,
    Path(node): Path<String>,
    In(body): In<LogLevelBody>,
) -> Answer<LogSetView> {
    let lasts = Span(body.lasts_ms);
    if lasts.0 == 0 || lasts > LONGEST {
        let why = format!("a log level is set for up to {LONGEST}, and not for {lasts}");
        return Err(Failed(Failure::Usage(why)));
    }
    let said = backend.log_level(&by, &NodeName::from(node.as_str()), body.level, lasts).await?;
    Ok(Json(LogSetView { node, said: said.to_string() }))
}
