//! Who asks: a user of this cluster, by a certificate or by the token of a session, judged by the ledger at each request.

use super::{Failed, Shared, error};
use crate::api::{
    backend::{Backend, Failure, Read},
    serve::Peer,
    wire::{ErrorKind, ErrorView},
};
use axum::{
    Extension,
    extract::{FromRequestParts, Request, State},
    http::{HeaderValue, StatusCode, header::AUTHORIZATION, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::sync::Arc;
use tenure_core::{
    Caller, Ledger, Refusal, UserName,
    trust::{Hash, Need, Purpose},
};
use tenure_raft::tls::Role;

/// The header with the fingerprint of the authority that signs: a client with a certificate of another one has it renewed.
pub(in crate::api) const SIGNING: &str = "tenure-authority";

/// The user who asks. They may see the cluster; whether they may do what they ask, the ledger says when it is applied.
#[derive(Clone, Debug)]
pub(super) struct By(pub(super) Caller);

/// Lets users of this cluster through, and nobody else. Who is refused is written down if there was a certificate.
pub(super) async fn admit(
    State(backend): Shared,
    Extension(peer): Extension<Peer>,
    mut request: Request,
    next: Next,
) -> Response {
    let ledger = match backend.ledger(Read::Stale).await {
        Ok(ledger) => ledger,
        Err(why) => return Failed(why).into_response(),
    };
    let caller = match caller(&*backend, &ledger, &peer, &request) {
        Ok(caller) => caller,
        Err(view) => return forbidden(view),
    };
    if let Err(why) = ledger.trust.judge(&caller.user, caller.id, &Need::Read) {
        backend.denied(&caller, &format!("{} {}", request.method(), request.uri().path()), why.code());
        return forbidden(Failure::from(&why).view());
    }
    request.extensions_mut().insert(By(caller));
    let signing = ledger.trust.signing().map(|signing| signing.fingerprint.to_string());
    let mut response = next.run(request).await;
    if let Some(signing) = signing.and_then(|signing| HeaderValue::from_str(&signing).ok()) {
        response.headers_mut().insert(SIGNING, signing);
    }
    response
}

/// Who this is, whatever they may do.
fn caller(backend: &dyn Backend, ledger: &Ledger, peer: &Peer, request: &Request) -> Result<Caller, Box<ErrorView>> {
    let refused = |code: &str, message: String, advice: &str| {
        let view = ErrorView { code: Some(code.to_owned()), ..ErrorView::new(ErrorKind::Refused, message) };
        Box::new(view.advise(advice))
    };
    let Some(identity) = &peer.identity else {
        let bearer = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some(token) = bearer.and_then(|value| value.strip_prefix("Bearer ")) else {
            let message = "a client certificate of this cluster is needed".to_owned();
            return Err(refused("no_certificate", message, "name the directory of your certificate with --identity"));
        };
        return match ledger.trust.purpose(&Hash::of(token.trim().as_bytes()), None, ledger.now) {
            Ok(Purpose::Session(caller)) => Ok(Caller { address: peer.address, ..caller.clone() }),
            Ok(Purpose::Join(_) | Purpose::Enrol(_)) | Err(_) => {
                let message = "the token is not that of a session, or it is over".to_owned();
                Err(refused("bad_token", message, "have another one made: `tenure user token`"))
            }
        };
    };
    if identity.cluster != backend.cluster_id() {
        let message = format!("the certificate is of cluster {}", identity.cluster);
        return Err(refused("other_cluster", message, "name the directory of your certificate with --identity"));
    }
    match identity.role {
        Role::User { id } => Ok(Caller { user: UserName::from(identity.name.as_str()), id, address: peer.address }),
        Role::Node { .. } | Role::Authority => {
            let message = format!("the certificate is that of {identity}, which is no user");
            Err(refused("not_a_user", message, "use a certificate of a user: `tenure user add NAME`"))
        }
    }
}

fn forbidden(view: impl Into<Box<ErrorView>>) -> Response {
    let mut response = error(*view.into());
    *response.status_mut() = StatusCode::FORBIDDEN;
    response
}

/// The state as it is wanted. Whoever was removed before it sees nothing of it.
pub(super) async fn seen(backend: &dyn Backend, by: &Caller, read: Read) -> Result<Arc<Ledger>, Failed> {
    let ledger = backend.ledger(read).await?;
    may(&ledger, by, &Need::Read)?;
    Ok(ledger)
}

/// Whether somebody may do something, by this state.
pub(super) fn may(ledger: &Ledger, by: &Caller, need: &Need) -> Result<(), Failed> {
    ledger.trust.judge(&by.user, by.id, need).map_err(|why: Refusal| Failed(Failure::from(&why)))
}

impl<S: Send + Sync> FromRequestParts<S> for By {
    type Rejection = Response;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        parts.extensions.get::<By>().cloned().ok_or_else(|| StatusCode::FORBIDDEN.into_response())
    }
}
