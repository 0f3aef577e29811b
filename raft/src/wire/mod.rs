//! The transport of requests to another node, and of their answers.
//!
//! [`Wire`] is the seam: consensus is written against it, the product runs it over mutual TLS ([`tls`]), and a simulator
//! over a simulated network. A wire carries opaque bodies and pairs each request with its answer; it knows nothing of what
//! they say. It promises that requests on one lane to one node are handed to the other side in the order of the calls
//! while the connection lives, that each ends by its deadline, and that its errors tell "never sent" from "may have
//! arrived".

mod connection;
pub mod door;
mod frame;
pub(crate) mod fuzz;
mod link;
mod listener;
mod pending;
mod reach;
pub mod tls;

use std::time::Duration;

use futures::future::BoxFuture;
use tenure_storage::Peer;

/// The kind of traffic of a request: a slow kind never delays an urgent one. Each lane is a connection of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Votes, heartbeats, leader transfer, read indexes: small and always wanted now.
    Urgent,
    /// Log entries and pieces of snapshots.
    Bulk,
    /// Calls of the application and forwarded proposals.
    App,
}

impl Lane {
    pub(crate) fn from_wire(byte: u8) -> Option<Self> {
        [Self::Urgent, Self::Bulk, Self::App].into_iter().find(|lane| lane.to_wire() == byte)
    }

    pub(crate) fn to_wire(self) -> u8 {
        match self {
            Self::Urgent => 0,
            Self::Bulk => 1,
            Self::App => 2,
        }
    }
}

/// A request had no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The other node cannot be reached now. Nothing was sent.
    #[error("reach the peer: {0}")]
    Unreachable(String),
    /// Too much is queued for the other node already. Nothing was sent.
    #[error("queue a request for the peer: its queue is full")]
    Busy,
    /// The deadline passed; `sent` says whether the request may have arrived.
    #[error("wait for the peer's answer: the deadline passed")]
    TimedOut {
        /// Whether the request had been handed to the network.
        sent: bool,
    },
    /// The connection broke while the answer was awaited. The request may have arrived.
    #[error("wait for the peer's answer: {0}")]
    Lost(String),
}

impl WireError {
    /// Whether the request may have reached the other node.
    pub fn may_have_arrived(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Busy => false,
            Self::TimedOut { sent } => *sent,
            Self::Lost(_) => true,
        }
    }
}

/// The outgoing half of a node's network.
pub trait Wire: Send + Sync + 'static {
    /// Queues a request before it returns (so that the order of calls is the order of delivery); the future gives the
    /// answer, or an error at the latest after `ttl`.
    fn send(
        &self,
        to: u64,
        peer: &Peer,
        lane: Lane,
        body: Vec<u8>,
        ttl: Duration,
    ) -> BoxFuture<'static, Result<Vec<u8>, WireError>>;

    /// Ends every connection and accepts no more.
    fn close(&self) -> BoxFuture<'static, ()>;

    /// Waits until another node of this cluster has said that this one was given up; its words.
    fn given_up(&self) -> BoxFuture<'static, String> {
        Box::pin(std::future::pending())
    }
}

/// The sender of a request, by its certificate and greeting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// Raft id.
    pub id: u64,
    /// Node name.
    pub name: String,
}

/// The request cannot be understood; the connection it came by is dropped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("malformed request: {0}")]
pub struct Malformed(pub String);

/// The incoming half: what answers requests.
pub trait Service: Send + Sync + 'static {
    /// Whether this sender may connect, and stay connected: asked again before each of its requests, and every second. The
    /// error is logged.
    fn admit(&self, sender: &Sender) -> Result<(), String>;

    /// What is said to a sender who is not admitted since it was given up: it must not go on by itself. `None` for others.
    fn farewell(&self, sender: &Sender) -> Option<String> {
        let _ = sender;
        None
    }

    /// The addresses (`host:port`) of all nodes that may call. Their handshakes are kept apart from those of strangers; see
    /// [`door`].
    fn member_addresses(&self) -> Vec<String> {
        Vec::new()
    }

    /// Answers one request. The body is read before this returns; the future is polled first in the order in which the
    /// requests of one connection arrived.
    fn serve(&self, sender: &Sender, body: &[u8], ttl: Duration) -> Result<BoxFuture<'static, Vec<u8>>, Malformed>;
}
