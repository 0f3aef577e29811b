//! The product's wire: mutual TLS over TCP, one connection per peer and lane.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use tenure_storage::Peer;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::Me;
use super::door::{Door, Limits};
use super::link::{Link, Target};
use super::listener::{Host, LIMITS, listen};
use super::reach::Reach;
use super::{Lane, Service, Wire, WireError};
use crate::tls::{Credentials, Role, TlsError};

/// A wire could not be set up.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // what a name says is not said again
pub enum TlsWireError {
    /// The address cannot be listened on.
    #[error("listen on {address}")]
    Listen {
        address: SocketAddr,
        /// The error.
        #[source]
        source: io::Error,
    },
    /// Key or certificates are not usable.
    #[error("take up the node's identity")]
    Identity(#[source] TlsError),
    /// The certificate is not that of this node.
    #[error("take up the node's identity: it belongs to {certified}, this is node {name} ({id}) of cluster {cluster}")]
    NotOurs {
        /// The name in the certificate.
        certified: String,
        /// This node's configured name.
        name: String,
        /// Its Raft id.
        id: u64,
        cluster: String,
    },
}

/// Mutual TLS between the nodes of one cluster. Clones are the same wire.
#[derive(Clone)]
pub struct TlsWire {
    shared: Arc<Shared>,
}

struct Shared {
    me: Me,
    credentials: Credentials,
    links: Mutex<BTreeMap<(u64, Lane), Link>>,
    reach: Arc<Reach>,
    stop: CancellationToken,
    tasks: TaskTracker,
    given_up: Arc<watch::Sender<Option<String>>>,
}

impl TlsWire {
    /// A wire that can call, from the address `source` if that is given; it accepts calls once [`listen`](Self::listen) was
    /// called.
    pub fn new(
        cluster: &str,
        id: u64,
        name: &str,
        credentials: &Credentials,
        source: Option<std::net::IpAddr>,
    ) -> Result<Self, TlsWireError> {
        let certified = credentials.identity().name().map_err(TlsWireError::Identity)?;
        if certified.cluster != cluster || certified.name != name || certified.role != (Role::Node { id }) {
            return Err(TlsWireError::NotOurs {
                certified: certified.to_string(),
                name: name.to_owned(),
                id,
                cluster: cluster.to_owned(),
            });
        }
        let shared = Shared {
            me: Me { cluster: cluster.to_owned(), id, name: name.to_owned(), source },
            credentials: credentials.clone(),
            links: Mutex::default(),
            reach: Arc::default(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            given_up: Arc::new(watch::channel(None).0),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Binds the address that other nodes call.
    pub async fn bind(address: SocketAddr) -> Result<TcpListener, TlsWireError> {
        Door::bind(address).map_err(|source| TlsWireError::Listen { address, source })
    }

    /// Answers calls on `listener` with `service` until the wire is closed.
    pub fn listen(&self, listener: TcpListener, service: Arc<dyn Service>) {
        self.listen_within(LIMITS, listener, service);
    }

    /// The same with other limits than those of the product.
    pub fn listen_within(&self, limits: Limits, listener: TcpListener, service: Arc<dyn Service>) {
        let host = Host {
            door: Door::new("peers", limits),
            me: self.shared.me.clone(),
            credentials: self.shared.credentials.clone(),
            service,
            stop: self.shared.stop.clone(),
            tasks: self.shared.tasks.clone(),
        };
        self.shared.tasks.spawn(listen(Arc::new(host), listener));
    }

    /// Why nothing answers at the address of this node; `None` if something does, or hangs there.
    pub async fn unreached(&self, id: u64, peer: &Peer) -> Option<String> {
        super::link::unreached(&self.target(id, peer, Lane::Urgent)).await
    }

    fn target(&self, id: u64, peer: &Peer, lane: Lane) -> Target {
        Target {
            id,
            peer: peer.clone(),
            lane,
            me: self.shared.me.clone(),
            credentials: self.shared.credentials.clone(),
            given_up: Arc::clone(&self.shared.given_up),
            reach: Arc::clone(&self.shared.reach),
        }
    }
}

impl Wire for TlsWire {
    fn send(
        &self,
        to: u64,
        peer: &Peer,
        lane: Lane,
        body: Vec<u8>,
        ttl: Duration,
    ) -> BoxFuture<'static, Result<Vec<u8>, WireError>> {
        if self.shared.stop.is_cancelled() {
            return ready(Err(WireError::Unreachable("this node is shutting down".to_owned()))).boxed();
        }
        let queued = {
            let mut links = self.shared.links.lock().expect("no code panics while it holds the links");
            let link =
                links.entry((to, lane)).or_insert_with(|| Link::spawn(self.target(to, peer, lane), &self.shared.tasks));
            if link.is_closed() || link.peer != *peer {
                *link = Link::spawn(self.target(to, peer, lane), &self.shared.tasks);
            }
            link.send(body, ttl)
        };
        let (claim, answered) = match queued {
            Ok(queued) => queued,
            Err(error) => return ready(Err(error)).boxed(),
        };
        async move {
            match timeout(ttl, answered).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(_)) if claim.abandon() => Err(WireError::Lost("the connection was closed".to_owned())),
                Ok(Err(_)) => Err(WireError::Unreachable("the connection was closed".to_owned())),
                Err(_) => Err(WireError::TimedOut { sent: claim.abandon() }),
            }
        }
        .boxed()
    }

    fn given_up(&self) -> BoxFuture<'static, String> {
        let mut changes = self.shared.given_up.subscribe();
        async move {
            let known = changes.wait_for(Option::is_some).await.map(|known| known.clone());
            match known {
                Ok(Some(why)) => why,
                Ok(None) | Err(_) => std::future::pending().await,
            }
        }
        .boxed()
    }

    fn close(&self) -> BoxFuture<'static, ()> {
        let shared = Arc::clone(&self.shared);
        async move {
            shared.stop.cancel();
            shared.links.lock().expect("no code panics while it holds the links").clear();
            shared.tasks.close();
            shared.tasks.wait().await;
        }
        .boxed()
    }
}
