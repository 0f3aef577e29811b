//! Serving the API over TLS, on a bounded number of connections. Each carries the identity of its client.

use super::{Backend, router::router};
use axum::Extension;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{net::IpAddr, sync::Arc, time::Duration};
use tenure_raft::tls::{ClientAuth, Identity, PeerIdentity, TlsError, peer_identity_of_client, server_config};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, info, warn};

/// Connections served at the same time; further ones wait to be accepted.
const CONNECTIONS: usize = 256;
/// Time that a client may take for the TLS handshake, and for the head of a request.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// Time for open requests to end once the server is stopped.
const FAREWELL: Duration = Duration::from_secs(3);
/// Pause after a failed accept (out of file descriptors), so that it is not retried in a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

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

/// The API could not be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The identity or its trust anchor is unusable.
    #[error("serve the admin API")]
    Tls(#[source] TlsError),
}

/// Serves the API on a listener until `stop`; returns when the last connection is closed, or after `FAREWELL`.
pub async fn serve(
    listener: TcpListener,
    identity: &Identity,
    backend: Arc<dyn Backend>,
    stop: CancellationToken,
) -> Result<(), ServeError> {
    let acceptor = TlsAcceptor::from(server_config(identity, ClientAuth::Optional).map_err(ServeError::Tls)?);
    let router = router(backend);
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let tasks = TaskTracker::new();
    loop {
        let place = tokio::select! {
            () = stop.cancelled() => break,
            Ok(place) = Arc::clone(&places).acquire_owned() => place,
        };
        let socket = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) => socket,
                Err(why) => {
                    warn!(%why, "accept a connection to the admin API");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        let (acceptor, router, stop) = (acceptor.clone(), router.clone(), stop.clone());
        tasks.spawn(async move {
            connection(socket, acceptor, router, stop).await;
            drop(place);
        });
    }
    tasks.close();
    if tokio::time::timeout(FAREWELL, tasks.wait()).await.is_err() {
        info!("admin API: connections were still open");
    }
    Ok(())
}

async fn connection(socket: TcpStream, acceptor: TlsAcceptor, router: axum::Router, stop: CancellationToken) {
    let address = socket.peer_addr().ok().map(|from| from.ip());
    let from = socket.peer_addr().map_or_else(|_| "somebody".to_owned(), |from| from.to_string());
    // Otherwise small answers would wait for the client's acknowledgement.
    let _ = socket.set_nodelay(true);
    let stream = match tokio::time::timeout(HANDSHAKE, acceptor.accept(socket)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(why)) => return warn!(%from, %why, "admin API: handshake refused"),
        Err(_) => return warn!(%from, "admin API: no handshake in time"),
    };
    let identity = match peer_identity_of_client(stream.get_ref().1) {
        Ok(identity) => identity,
        Err(why) => return warn!(%from, %why, "admin API: a certificate without a name"),
    };
    let router = router.layer(Extension(Peer { identity, address })).layer(Extension(Stopping(stop.clone())));
    // HTTP/1.1 alone: it bounds the wait for a request from the first byte on, even while nothing was sent yet.
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HANDSHAKE);
    let served = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(served);
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = stop.cancelled() => {
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
