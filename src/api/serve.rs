//! Serving the API over TLS. Each connection carries the identity of its client; which of them stay open says the
//! [`Door`]: clients that have shown no certificate have few places and little time.

use super::{
    Backend,
    router::{Bounds, router},
};
use axum::Extension;
use hyper::{
    Request,
    body::Incoming,
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tenure_raft::{
    tls::{ClientAuth, Credentials, PeerIdentity, peer_identity_of_client},
    wire::door::{self, CROWDED, Door, Patient, Place, STALL},
};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::server::TlsStream;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, info};

/// Time that a client may take for the head of a request.
const HEAD: Duration = Duration::from_secs(5);
/// Time that a client without a certificate may stay: longer than a request takes at most.
const STRANGER: Duration = Duration::from_secs(25);
/// Bytes that are kept of what a client without a certificate has sent, and not yet been used.
const STRANGER_BUFFER: usize = 16 << 10;
/// Time for open requests to end once the server is stopped.
const FAREWELL: Duration = Duration::from_secs(3);

/// The number of connections and of streams of events that are served at a time.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections.
    pub connections: door::Limits,
    /// Streams of events of one identity.
    pub streams: usize,
}

impl Default for Limits {
    fn default() -> Self {
        let connections =
            door::Limits { strangers: 128, strangers_per_address: 32, per_identity: 128, guests: 256, stall: STALL };
        Limits { connections, streams: 32 }
    }
}

/// The other end of a connection.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    /// The holder of its certificate, if it showed one that the authority has signed.
    pub(super) identity: Option<PeerIdentity>,
    /// Its address.
    pub(super) address: Option<IpAddr>,
}

/// Cancelled when the server stops: ends streams that would never end by themselves.
#[derive(Clone, Debug)]
pub(super) struct Stopping(pub(super) CancellationToken);

/// What all connections share.
struct Server {
    credentials: Credentials,
    door: Door,
    router: axum::Router,
    stop: CancellationToken,
}

/// Serves the API on a listener until `stop`; returns when the last connection is closed, or after `FAREWELL`.
pub async fn serve(
    listener: TcpListener,
    credentials: Credentials,
    backend: Arc<dyn Backend>,
    stop: CancellationToken,
) {
    serve_within(Limits::default(), listener, credentials, backend, stop).await;
}

/// The same with other limits than those of the product.
pub async fn serve_within(
    limits: Limits,
    listener: TcpListener,
    credentials: Credentials,
    backend: Arc<dyn Backend>,
    stop: CancellationToken,
) {
    let router = router(backend)
        .layer(Extension(Stopping(stop.clone())))
        .layer(Extension(Arc::new(Bounds::new(limits.streams))));
    let door = Door::new("admin API", limits.connections);
    let server = Arc::new(Server { credentials, door, router, stop });
    let tasks = TaskTracker::new();
    loop {
        let (socket, place) = tokio::select! {
            () = server.stop.cancelled() => break,
            next = server.door.next(&listener) => next,
        };
        let server = Arc::clone(&server);
        tasks.spawn(async move { server.connection(socket, place).await });
    }
    tasks.close();
    if tokio::time::timeout(FAREWELL, tasks.wait()).await.is_err() {
        info!("admin API: connections were still open");
    }
}

type Stream = TlsStream<Patient<TcpStream>>;

impl Server {
    async fn connection(&self, socket: TcpStream, mut place: Place) {
        let from = place.from();
        let shaken = tokio::select! {
            () = self.stop.cancelled() => return,
            () = place.displaced() => return self.door.dropped(from, CROWDED),
            shaken = self.door.shake(socket, &place, self.credentials.server(ClientAuth::Optional)) => shaken,
        };
        let stream = match shaken {
            Ok(stream) => stream,
            Err(why) => return self.door.dropped(from, &why.to_string()),
        };
        match peer_identity_of_client(stream.get_ref().1) {
            Ok(Some(peer)) => {
                let identity = peer.to_string();
                let shown = stream.get_ref().1.peer_certificates().unwrap_or_default().to_vec();
                if place.admit(&identity).is_err() {
                    return self.door.dropped(from, CROWDED);
                }
                tokio::select! {
                    () = self.exchange(stream, Peer { identity: Some(peer), address: Some(from.ip()) }, from) => {}
                    () = place.displaced() => {
                        self.door.dropped(from, &format!("newer connections took the place of one of {identity}"));
                    }
                    void = self.credentials.voided(shown) => info!(%from, %identity, "admin API: connection closed: {void}"),
                }
            }
            Ok(None) => tokio::select! {
                () = self.exchange(stream, Peer { identity: None, address: Some(from.ip()) }, from) => {}
                () = place.displaced() => self.door.dropped(from, CROWDED),
                () = tokio::time::sleep(STRANGER) => self.door.dropped(from, "its time without a certificate was over"),
            },
            Err(why) => self.door.dropped(from, &format!("a certificate without a name: {why}")),
        }
    }

    /// Answers requests until the connection ends.
    async fn exchange(&self, stream: Stream, peer: Peer, from: SocketAddr) {
        // HTTP/1.1 alone: it bounds the wait for a request from the first byte on, even while nothing was sent yet.
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(HEAD);
        if peer.identity.is_none() {
            builder.keep_alive(false).max_buf_size(STRANGER_BUFFER);
        }
        // Each request is told who asks. A layer of the router would be a copy of all its routes for each connection.
        let router = TowerToHyperService::new(self.router.clone());
        let told = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer.clone());
            router.call(request)
        });
        let served = builder.serve_connection(TokioIo::new(stream), told);
        tokio::pin!(served);
        let ended = tokio::select! {
            ended = served.as_mut() => ended,
            () = self.stop.cancelled() => {
                served.as_mut().graceful_shutdown();
                match tokio::time::timeout(FAREWELL, served.as_mut()).await {
                    Ok(ended) => ended,
                    Err(_) => Ok(()),
                }
            }
        };
        if let Err(why) = ended {
            debug!(%from, %why, "admin API: connection broke");
        }
    }
}
