//! Paths about HMCs.

use super::{Answer, Failed, Freshness, In, Shared, who, who::By};
use crate::api::{
    backend::{Failure, Read},
    convert, view,
    wire::{CheckBody, CheckView, HmcView, HmcsView},
};
use axum::{
    Json, Router,
    extract::{Path, Query, State},
    routing::{get, post},
};
use std::sync::Arc;
use tenure_core::{
    HmcName, Refusal,
    config::Cluster,
    trust::{Need, Scope},
};

/// A question that is posted, because it may be long.
pub(super) const CHECK: &str = "/v1/check-managers";

pub(super) fn routes() -> Router<Arc<dyn crate::api::Backend>> {
    Router::new().route("/v1/hmcs", get(hmcs)).route("/v1/hmcs/{hmc}/check", post(knock)).route(CHECK, post(check))
}

async fn hmcs(State(backend): Shared, By(by): By, Query(fresh): Query<Freshness>) -> Answer<HmcsView> {
    let ledger = who::seen(&*backend, &by, fresh.read()).await?;
    Ok(Json(view::hmcs(&ledger, &backend.managers(None).await)))
}

/// Has every node that uses an HMC ask it something now.
async fn knock(State(backend): Shared, By(by): By, Path(hmc): Path<String>) -> Answer<HmcView> {
    let ledger = who::seen(&*backend, &by, Read::Linearizable).await?;
    who::may(&ledger, &by, &Need::Operate(Scope::Cluster))?;
    let name = HmcName::from(hmc.as_str());
    if !ledger.config.managers.contains_key(&name) {
        return Err(Failed(Failure::from(&Refusal::NoHmc(name))));
    }
    let heard = backend.managers(Some(&name)).await;
    let ledger = who::seen(&*backend, &by, Read::Stale).await?;
    let found = view::hmcs(&ledger, &heard).hmcs.into_iter().find(|one| one.name == hmc);
    found.map(Json).ok_or(Failed(Failure::from(&Refusal::NoHmc(name))))
}

/// Has a node log in to the HMCs of a cluster file. Nothing is applied. Whoever may declare HMCs may have them tried: a
/// login goes wherever the file says.
async fn check(State(backend): Shared, By(by): By, In(body): In<CheckBody>) -> Answer<CheckView> {
    let ledger = who::seen(&*backend, &by, Read::Linearizable).await?;
    who::may(&ledger, &by, &Need::Administer(Scope::Cluster))?;
    let cluster = convert::cluster(&body.text)?;
    let all: Vec<HmcName> = cluster.managers.keys().cloned().collect();
    backend.check_managers(&by, &cluster, &all).await?;
    Ok(Json(CheckView::default()))
}

/// The HMCs of a configuration that are new, or declared otherwise than now.
pub(super) fn changed(before: &Cluster, after: &Cluster) -> Vec<HmcName> {
    let new = after.managers.iter().filter(|(name, manager)| before.managers.get(*name) != Some(*manager));
    new.map(|(name, _)| name.clone()).collect()
}
