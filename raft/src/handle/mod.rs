//! The operations of a running node: propose, read, watch, call other nodes, change the membership.

mod call;
mod changes;
mod features;
mod forward;
mod initialize;
mod members;
mod propose;
mod read;
mod status;
mod transfer;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use openraft::async_runtime::watch::WatchReceiver;
use openraft::type_config::TypeConfigExt;
use tenure_storage::{Peer, TokioTypes, Types};
use tokio::sync::Mutex;

pub use call::CallError;
pub(crate) use call::MAX_CALL;
pub use changes::{Changes, Ended};
pub use features::FeatureError;
pub use initialize::InitializeError;
pub use members::MemberError;
pub use propose::{MAX_COMMAND, ProposeError, Proposed, Refusal};
pub use read::ReadError;
pub(crate) use read::read_index;
pub(crate) use status::Known;
pub use status::{Members, Status};
pub use transfer::TransferError;

use crate::belief::{Distrust, Own};
use crate::machine::{AppHandler, StateMachine};
use crate::service::RaftOf;
use crate::store::{Released, Shared};
use crate::trim::Trimmer;
use crate::wire::Wire;
pub(crate) use forward::Forwarder;

/// Time for the last users of the data directory to release it.
const RELEASE: Duration = Duration::from_secs(10);

/// A running node. Clones are the same node.
pub struct Handle<S: StateMachine, C: Types = TokioTypes> {
    pub(crate) inner: Arc<Inner<C, S>>,
}

pub(crate) struct Inner<C: Types, S: StateMachine> {
    pub(crate) id: u64,
    pub(crate) stored: u64,
    pub(crate) began_blank: bool,
    pub(crate) own: Arc<Own>,
    pub(crate) distrust: Arc<Distrust>,
    pub(crate) raft: RaftOf<C, S>,
    pub(crate) shared: Arc<Shared<S>>,
    pub(crate) wire: Arc<dyn Wire>,
    pub(crate) app: Arc<dyn AppHandler>,
    pub(crate) forwarder: Forwarder,
    /// One change of membership or feature level at a time: two at once can leave the cluster in a joint configuration.
    /// Held for consensus, which calls it when the log has grown long.
    pub(crate) _trimmer: Arc<Trimmer<C, S>>,
    pub(crate) changing: Mutex<()>,
    pub(crate) known: Known<C>,
    pub(crate) released: Mutex<Released>,
    pub(crate) me: Option<(Peer, SocketAddr)>,
}

impl<S: StateMachine, C: Types> Clone for Handle<S, C> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<S: StateMachine, C: Types> Handle<S, C> {
    /// This node's Raft id.
    pub fn id(&self) -> u64 {
        self.inner.id
    }

    /// Index of the last entry that this node's store held before consensus started, 0 if it held none. Whatever is at or
    /// before it may have been seen by an earlier process.
    pub fn last_stored(&self) -> u64 {
        self.inner.stored
    }

    /// Whether the store held nothing at all before consensus started: no vote, no entry, no snapshot.
    pub fn began_blank(&self) -> bool {
        self.inner.began_blank
    }

    /// Waits until it is known that another process speaks under this node's identity: a member answers with a vote of this
    /// node that this process never gave. The caller must then stop: two processes that vote as one make two leaders.
    pub async fn usurped(&self) -> String {
        self.inner.own.usurped().await
    }

    /// Waits until another node of this cluster has said that this one was given up, with the majority that it belonged to; its
    /// words. The caller must then stop, and not start again: the cluster has gone on without it.
    pub async fn given_up(&self) -> String {
        self.inner.wire.given_up().await
    }

    /// The leader that other nodes follow, while this node itself hears none: they named it when asked for their votes.
    /// The leader may not reach this node, or reach another process in its place.
    pub fn rumoured_leader(&self) -> Option<u64> {
        let (term, leader) = self.inner.own.rumour()?;
        let now = self.inner.raft.metrics().borrow_watched().current_term;
        let heard = self.leader().is_some() || term < now || self.inner.distrust.covers(term);
        (!heard).then_some(leader)
    }

    /// Takes the leader of this term for one that decides nothing, though its heartbeats come: they are refused, so that this
    /// node stands for election when its time is over, and votes for others. Until then it knows no leader. A leader of a
    /// later term is believed again. 0 takes it back.
    pub fn distrust(&self, term: u64) {
        self.inner.distrust.set(term);
    }

    /// This node's entry in a membership. `None` for a node on the caller's own wire.
    pub fn peer(&self) -> Option<Peer> {
        self.inner.me.as_ref().map(|(peer, _)| peer.clone())
    }

    /// The address on which this node accepts others. `None` for a node on the caller's own wire.
    pub fn listen_address(&self) -> Option<SocketAddr> {
        self.inner.me.as_ref().map(|(_, address)| *address)
    }

    /// Looks at the state as far as this node has applied it; the past, unless after a [`barrier`](Self::barrier). Commands
    /// wait meanwhile, so the look must be short.
    pub fn state<T>(&self, look: impl FnOnce(&S) -> T) -> T {
        self.inner.shared.with(look)
    }

    /// Stops this node: no more elections, proposals or answers. Everything acknowledged is on disk already. When this
    /// returns, another process, or this one, may start a node on the same directory.
    pub async fn shutdown(&self) {
        if let Err(error) = self.inner.raft.shutdown().await {
            tracing::warn!("stop consensus: {error}");
        }
        self.inner.wire.close().await;
        let mut released = self.inner.released.lock().await;
        if C::timeout(RELEASE, released.wait()).await.is_err() {
            tracing::warn!("stop consensus: the data directory is still in use");
        }
    }

    fn leader(&self) -> Option<u64> {
        self.leader_of(&self.inner.raft.metrics().borrow_watched())
    }

    fn leader_of(&self, metrics: &openraft::RaftMetrics<C>) -> Option<u64> {
        metrics.current_leader.filter(|_| !self.inner.distrust.covers(metrics.current_term))
    }

    fn peer_of(&self, id: u64) -> Option<Peer> {
        peer_of(&self.inner.raft, id)
    }
}

pub(crate) fn peer_of<C: Types, S: StateMachine>(raft: &RaftOf<C, S>, id: u64) -> Option<Peer> {
    raft.metrics().borrow_watched().membership_config.membership().get_node(&id).cloned()
}

/// The time left until a deadline.
pub(crate) fn left<C: Types>(until: openraft::alias::InstantOf<C>) -> Duration {
    openraft::Instant::saturating_duration_since(&until, C::now())
}
