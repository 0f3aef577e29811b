//! How much a client may send, and how much of the server one identity may take up.

use super::{BODY_LIMIT, DECLARATION_LIMIT, DECLARING, Failed, Shared, error, who, who::By};
use crate::api::{
    backend::{Backend, Failure, Read},
    wire::{ErrorKind, ErrorView},
};
use axum::{
    Extension,
    body::{Body, HttpBody},
    extract::{DefaultBodyLimit, Request, State, rejection::JsonRejection},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::TryStreamExt;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};
use tenure_core::{
    Caller, Rejection,
    trust::{Need, Scope},
};

/// Longest body accepted of a client without a certificate, in bytes: a join request.
pub(super) const JOIN_LIMIT: usize = 16 << 10;
/// A body up to this length, in bytes, takes nothing of the room for bodies.
const SHORT: usize = 64 << 10;
/// Room for the longer bodies that are being worked on, in bytes: of one identity, and of all.
const BODIES: (usize, usize) = (2 * BODY_LIMIT, 4 * BODY_LIMIT);
/// Room for those that are longer than others may be, in bytes: one at a time, since it takes many times that to read it.
const DECLARATIONS: usize = DECLARATION_LIMIT;
/// Bytes of a body that are put together before they are handed on.
const PART: usize = JOIN_LIMIT;
/// Streams of events of all identities together, as a multiple of those of one.
const STREAMS: usize = 4;

/// What identities have taken up.
pub(in crate::api) struct Bounds {
    bodies: Arc<Shares>,
    declarations: Arc<Shares>,
    streams: Arc<Shares>,
}

impl Bounds {
    /// With so many streams of events for one identity.
    pub(in crate::api) fn new(streams: usize) -> Self {
        let shares = |each, all| Arc::new(Shares { each, all, taken: Mutex::default() });
        let (bodies, declarations) = (shares(BODIES.0, BODIES.1), shares(DECLARATIONS, DECLARATIONS));
        Bounds { bodies, declarations, streams: shares(streams, streams.saturating_mul(STREAMS)) }
    }

    /// Room for one more stream of events.
    pub(super) fn stream(&self, by: &Caller) -> Result<Share, Failed> {
        self.streams.take(&owner(by), 1).ok_or_else(|| {
            let each = self.streams.each;
            let what = format!("too many streams of events are open; one identity may have {each}");
            Failed(Failure::from(
                Rejection::new("too_many_streams", what).advise("end one of them, or ask another node"),
            ))
        })
    }
}

fn owner(by: &Caller) -> String {
    format!("{}?{}", by.user, by.id)
}

/// An amount of something, with a limit for each identity and one for all.
struct Shares {
    each: usize,
    all: usize,
    taken: Mutex<BTreeMap<String, usize>>,
}

/// What one request has taken, until it is dropped.
pub(super) struct Share {
    shares: Arc<Shares>,
    owner: String,
    amount: usize,
}

impl Shares {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, usize>> {
        self.taken.lock().expect("no code panics while it holds the shares")
    }

    fn take(self: &Arc<Self>, owner: &str, amount: usize) -> Option<Share> {
        let mut taken = self.lock();
        let own = taken.get(owner).copied().unwrap_or(0);
        let all: usize = taken.values().sum();
        if own.saturating_add(amount) > self.each || all.saturating_add(amount) > self.all {
            return None;
        }
        taken.insert(owner.to_owned(), own + amount);
        Some(Share { shares: Arc::clone(self), owner: owner.to_owned(), amount })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.shares.lock();
        if let Some(own) = taken.get_mut(&self.owner) {
            *own = own.saturating_sub(self.amount);
            if *own == 0 {
                taken.remove(&self.owner);
            }
        }
    }
}

/// Refuses a body that is announced as too long before any of it is read. For paths that need no certificate.
pub(super) async fn short_body(request: Request, next: Next) -> Response {
    if request.body().size_hint().lower() > JOIN_LIMIT as u64 {
        return too_long(JOIN_LIMIT);
    }
    next.run(request).await
}

/// The same for clients with a certificate, and room for what is long.
pub(super) async fn room_for_body(
    State(backend): Shared,
    By(by): By,
    Extension(bounds): Extension<Arc<Bounds>>,
    mut request: Request,
    next: Next,
) -> Response {
    let announced = request.body().size_hint();
    let (least, most) = (announced.lower(), announced.upper().and_then(|length| usize::try_from(length).ok()));
    let declares = least > BODY_LIMIT as u64 && DECLARING.contains(&request.uri().path());
    let (limit, room) = match declares && administers(&*backend, &by).await {
        true => (DECLARATION_LIMIT, &bounds.declarations),
        false => (BODY_LIMIT, &bounds.bodies),
    };
    if least > limit as u64 {
        return too_long(limit);
    }
    DefaultBodyLimit::max(limit).apply(&mut request);
    // Without a length it may have any.
    let length = most.unwrap_or(limit);
    if length <= SHORT {
        return next.run(request).await;
    }
    match room.take(&owner(&by), length.min(limit)) {
        Some(_share) => next.run(request).await,
        None => {
            let why = Rejection::new("too_many_bodies", "too many long requests are being worked on");
            Failed(Failure::from(why.advise("try again when they have ended"))).into_response()
        }
    }
}

/// Whether somebody administers the cluster, as far as this node knows. What they ask for is judged again by the ledger.
async fn administers(backend: &dyn Backend, by: &Caller) -> bool {
    let ledger = backend.ledger(Read::Stale).await;
    ledger.is_ok_and(|ledger| who::may(&ledger, by, &Need::Administer(Scope::Cluster)).is_ok())
}

/// A body in parts of some length. As it comes, each part holds on to the whole buffer into which it was read, some KiB even for
/// one byte: a short body sent byte by byte would take a hundred MiB until it is there.
pub(super) fn gathered(body: Body) -> Body {
    Body::from_stream(futures::stream::try_unfold(body.into_data_stream(), async |mut parts| {
        let mut whole = Vec::new();
        while whole.len() < PART
            && let Some(part) = parts.try_next().await?
        {
            whole.extend_from_slice(&part);
        }
        Ok::<_, axum::Error>((!whole.is_empty()).then_some((whole, parts)))
    }))
}

fn too_long(limit: usize) -> Response {
    let view = ErrorView {
        code: Some("too_long".to_owned()),
        ..ErrorView::new(ErrorKind::Usage, format!("the request is longer than {limit} bytes"))
    };
    let mut response = error(view);
    *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
    response
}

/// The answer to a body that cannot be read.
pub(super) fn unreadable(why: &JsonRejection) -> Response {
    let mut response = Failed(Failure::Usage(why.body_text())).into_response();
    if why.status() == StatusCode::PAYLOAD_TOO_LARGE {
        *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Bytes;

    /// A buffer, of which a part was read. It is counted while it is there.
    struct Buffer(Arc<Mutex<usize>>, [u8; 64]);

    impl AsRef<[u8]> for Buffer {
        fn as_ref(&self) -> &[u8] {
            &self.1
        }
    }

    impl Drop for Buffer {
        fn drop(&mut self) {
            *self.0.lock().expect("not poisoned") -= 1;
        }
    }

    #[tokio::test]
    async fn what_comes_in_small_parts_holds_on_to_no_buffers() {
        let held = Arc::new(Mutex::new(0));
        let most = Arc::new(Mutex::new(0));
        let parts = {
            let (held, most) = (Arc::clone(&held), Arc::clone(&most));
            (0..1000).map(move |number: usize| {
                let mut held_now = held.lock().expect("not poisoned");
                *held_now += 1;
                let mut most = most.lock().expect("not poisoned");
                *most = (*most).max(*held_now);
                let buffer = Buffer(Arc::clone(&held), [number as u8; 64]);
                Ok::<_, std::io::Error>(Bytes::from_owner(buffer).slice(..1))
            })
        };
        let body = gathered(Body::from_stream(futures::stream::iter(parts)));
        let whole = axum::body::to_bytes(body, 1000).await.expect("a body");
        assert!(whole.iter().copied().eq((0..1000).map(|number: usize| number as u8)));
        assert_eq!((*most.lock().expect("not poisoned"), *held.lock().expect("not poisoned")), (1, 0));
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_no_body() {
        let parts = [Ok(Bytes::from_static(b"{}")), Err(std::io::Error::other("cut off"))];
        let body = gathered(Body::from_stream(futures::stream::iter(parts)));
        assert!(axum::body::to_bytes(body, 1000).await.is_err());
    }

    #[test]
    fn shares_are_bounded_for_one_and_for_all_and_given_back() {
        let shares = Arc::new(Shares { each: 3, all: 5, taken: Mutex::default() });
        let first = shares.take("one", 2).expect("there is room");
        assert!(shares.take("one", 2).is_none(), "one has taken its part");
        let second = shares.take("two", 3).expect("there is room");
        assert!(shares.take("one", 1).is_none(), "nothing is left");
        drop(second);
        let third = shares.take("one", 1).expect("there is room again");
        drop((first, third));
        assert!(shares.lock().is_empty(), "who has nothing is forgotten");
    }
}
