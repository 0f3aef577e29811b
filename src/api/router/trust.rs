//! Paths about users and tokens.

use super::{Answer, Failed, Freshness, In, Shared, proposed, who, who::By};
use crate::api::{
    Backend, Client, Failure,
    backend::Read,
    view,
    wire::{
        AuditsView, AuthoritiesView, CertifyBody, EnrolReply, EnrolRequest, OutcomeView, TokenBody, TokenView,
        UserBody, UserView, UsersView,
    },
};
use axum::{
    Json, Router,
    extract::{Path, Query, State},
    routing::{delete, get, post},
};
use serde::Deserialize;
use std::sync::Arc;
use tenure_core::{
    Caller, GroupName, Ledger, NodeName, Refusal, UserName,
    authority::Authority,
    trust::{Need, Purpose, Rights, Scope, TrustChange},
};

/// Answered without a certificate.
pub(super) fn open() -> Router<Arc<dyn crate::api::Backend>> {
    Router::new().route("/v1/enrol", post(enrol))
}

pub(super) fn routes() -> Router<Arc<dyn crate::api::Backend>> {
    Router::new()
        .route("/v1/whoami", get(whoami))
        .route("/v1/audit", get(audit))
        .route("/v1/certificate", post(certify))
        .route("/v1/users", get(users).post(add))
        .route("/v1/users/{user}", get(user).put(set).delete(remove))
        .route("/v1/users/{user}/renew", post(renew))
        .route("/v1/tokens", post(token))
        .route("/v1/authority", get(authorities).post(rotate))
        .route("/v1/authority/{authority}", delete(retire))
}

fn find(ledger: &Ledger, name: &UserName) -> Result<UserView, Failed> {
    let user = ledger.trust.users.get(name).ok_or_else(|| Failure::from(&Refusal::NoUser { user: name.clone() }))?;
    Ok(view::user(name, user))
}

async fn whoami(State(backend): Shared, By(by): By) -> Answer<UserView> {
    let ledger = who::seen(&*backend, &by, Read::Linearizable).await?;
    find(&ledger, &by.user).map(Json)
}

#[derive(Deserialize)]
struct AuditQuery {
    #[serde(default)]
    after: u64,
    #[serde(default)]
    stale: bool,
}

/// The records that the answering node keeps: a page of them, from the one after a number.
async fn audit(State(backend): Shared, By(by): By, Query(query): Query<AuditQuery>) -> Answer<AuditsView> {
    let ledger = who::seen(&*backend, &by, Freshness { stale: query.stale }.read()).await?;
    let chain = ledger.trust.audit;
    let node = backend.members().await?.me.to_string();
    let mut records = backend.audit(query.after).await?;
    records.retain(|record| record.number <= chain.count);
    Ok(Json(AuditsView { node, count: chain.count, hash: chain.hash.map(|hash| hash.to_string()), records }))
}

async fn users(State(backend): Shared, By(by): By, Query(fresh): Query<Freshness>) -> Answer<UsersView> {
    let ledger = who::seen(&*backend, &by, fresh.read()).await?;
    let users = ledger.trust.users.iter().map(|(name, user)| view::user(name, user)).collect();
    Ok(Json(UsersView { users }))
}

async fn user(
    State(backend): Shared,
    By(by): By,
    Path(name): Path<String>,
    Query(fresh): Query<Freshness>,
) -> Answer<UserView> {
    let ledger = who::seen(&*backend, &by, fresh.read()).await?;
    find(&ledger, &UserName::from(name)).map(Json)
}

fn rights(body: &UserBody) -> Rights {
    let groups =
        body.groups.as_ref().map(|groups| groups.iter().map(|group| GroupName::from(group.as_str())).collect());
    Rights { role: body.role, groups, programs: body.programs }
}

async fn add(State(backend): Shared, By(by): By, In(body): In<UserBody>) -> Answer<OutcomeView> {
    let change = TrustChange::AddUser { user: UserName::from(body.name.as_str()), rights: rights(&body) };
    Ok(Json(proposed(&*backend, &by, Client::request_id(), change.into()).await?))
}

async fn set(
    State(backend): Shared,
    By(by): By,
    Path(name): Path<String>,
    In(body): In<UserBody>,
) -> Answer<OutcomeView> {
    if name != body.name {
        return Err(Failed(Failure::Usage(format!("the path names user {name}, the body {}", body.name))));
    }
    let change = TrustChange::SetRights { user: UserName::from(name), rights: rights(&body) };
    Ok(Json(proposed(&*backend, &by, Client::request_id(), change.into()).await?))
}

async fn remove(State(backend): Shared, By(by): By, Path(name): Path<String>) -> Answer<OutcomeView> {
    let change = TrustChange::RemoveUser { user: UserName::from(name) };
    Ok(Json(proposed(&*backend, &by, Client::request_id(), change.into()).await?))
}

async fn renew(State(backend): Shared, By(by): By, Path(name): Path<String>) -> Answer<OutcomeView> {
    let change = TrustChange::RenewUser { user: UserName::from(name) };
    Ok(Json(proposed(&*backend, &by, Client::request_id(), change.into()).await?))
}

async fn token(State(backend): Shared, By(by): By, In(body): In<TokenBody>) -> Answer<TokenView> {
    let purpose = match body {
        TokenBody::Node(node) => Purpose::Join(NodeName::from(node)),
        TokenBody::User(user) => Purpose::Enrol(UserName::from(user)),
        TokenBody::Session {} => Purpose::Session(by.clone()),
    };
    Ok(Json(backend.token(&by, purpose).await?))
}

async fn authorities(State(backend): Shared, By(by): By, Query(fresh): Query<Freshness>) -> Answer<AuthoritiesView> {
    let ledger = who::seen(&*backend, &by, fresh.read()).await?;
    let wall = backend.members().await?.wall;
    Ok(Json(view::authorities(&ledger, wall)))
}

/// The state, for who may replace the authority; judged first, because a new one costs work.
async fn for_authority(backend: &dyn Backend, by: &Caller) -> Result<Arc<Ledger>, Failed> {
    let ledger = backend.ledger(Read::Linearizable).await?;
    [Need::Administer(Scope::Cluster), Need::Programs].iter().try_for_each(|need| who::may(&ledger, by, need))?;
    Ok(ledger)
}

async fn rotate(State(backend): Shared, By(by): By) -> Answer<OutcomeView> {
    let ledger = for_authority(&*backend, &by).await?;
    let change = TrustChange::AddAuthority { authority: backend.next_authority(&ledger)? };
    Ok(Json(proposed(&*backend, &by, Client::request_id(), change.into()).await?))
}

#[derive(Deserialize)]
struct RetireQuery {
    #[serde(default)]
    even_if_used: bool,
}

async fn retire(
    State(backend): Shared,
    By(by): By,
    Path(authority): Path<String>,
    Query(query): Query<RetireQuery>,
) -> Answer<OutcomeView> {
    let ledger = for_authority(&*backend, &by).await?;
    let named = |one: &&Authority| one.fingerprint.to_string().starts_with(&authority);
    let found: Vec<&Authority> = ledger.trust.authorities.iter().filter(named).collect();
    let [one] = found[..] else {
        let usage = || Failure::Usage(format!("{authority} begins the fingerprints of more than one authority"));
        let none = || Failure::from(&Refusal::NoAuthority { authority: authority.clone() });
        return Err(Failed(if found.is_empty() { none() } else { usage() }));
    };
    let change = TrustChange::RetireAuthority { authority: one.fingerprint, even_if_used: query.even_if_used };
    Ok(Json(proposed(&*backend, &by, Client::request_id(), change.into()).await?))
}

async fn enrol(State(backend): Shared, In(body): In<EnrolRequest>) -> Answer<EnrolReply> {
    Ok(Json(backend.enrol(body).await?))
}

async fn certify(State(backend): Shared, By(by): By, In(body): In<CertifyBody>) -> Answer<EnrolReply> {
    Ok(Json(backend.certify(&by, &body.csr_pem).await?))
}
