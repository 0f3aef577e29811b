//! Paths about backups. Who may have one, or restore one, is judged before any bytes are looked at.

use super::{Answer, Failed, In, Shared, identity, proposed, who, who::By};
use crate::{
    api::{
        Backend, Failure,
        backend::Read,
        wire::{BackupBody, BackupView, OutcomeView, RestoreBody},
    },
    backup::{self, Head},
    node::founding::{as_text, from_text},
};
use axum::{Json, Router, extract::State, routing::post};
use std::sync::Arc;
use tenure_core::{
    Ledger, Request,
    trust::{Act, Need, Scope},
};

/// The path to restore one.
pub(super) const RESTORE: &str = "/v1/backup/restore";

pub(super) fn routes() -> Router<Arc<dyn Backend>> {
    Router::new().route("/v1/backup", post(save)).route(RESTORE, post(restore))
}

/// The head of a backup that is written now at this node.
async fn head(backend: &dyn Backend, ledger: &Ledger) -> Result<Head, Failure> {
    let members = backend.members().await?;
    Ok(Head {
        cluster: backend.cluster_id(),
        name: ledger.declared().name.clone(),
        node: members.me.to_string(),
        index: ledger.index,
        term: members.term,
        wall: ledger.wall,
        version: crate::VERSION.to_owned(),
    })
}

async fn save(State(backend): Shared, By(by): By, In(body): In<BackupBody>) -> Answer<BackupView> {
    proposed(&*backend, &by, identity(&body.request_id)?, Request::Act(Act::SaveBackup)).await?;
    let ledger = who::seen(&*backend, &by, Read::Linearizable).await?;
    let head = head(&*backend, &ledger).await?;
    Ok(Json(BackupView { backup: as_text(&backup::seal(&head, &ledger)) }))
}

async fn restore(State(backend): Shared, By(by): By, In(body): In<RestoreBody>) -> Answer<OutcomeView> {
    let id = identity(&body.request_id)?;
    let ledger = who::seen(&*backend, &by, Read::Linearizable).await?;
    [Need::Administer(Scope::Cluster), Need::Programs].iter().try_for_each(|need| who::may(&ledger, &by, need))?;
    let unfit = |why: String| Failed(Failure::Usage(why));
    let bytes = from_text(&body.backup).ok_or_else(|| unfit("the backup is not base64url".to_owned()))?;
    let backup = backup::open(&bytes).map_err(|why| unfit(why.to_string()))?;
    let request = Request::Restore { kept: Arc::new(backup.ledger.kept()), image: backup.hash };
    Ok(Json(proposed(&*backend, &by, id, request).await?))
}
