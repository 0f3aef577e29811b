//! Putting a node together and starting it.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

use openraft::async_runtime::watch::WatchReceiver;
use openraft::type_config::TypeConfigExt;
use tenure_storage::{Identity, LogStore, OpenError, Peer, SnapshotStore, TokioTypes, Types};

use crate::admission::Admission;
use crate::belief::{Distrust, Own};
use crate::handle::{Forwarder, Handle, Inner, Known};
use crate::machine::{AppHandler, StateMachine};
use crate::network::{Factory, NetworkShared};
use crate::options::{BadTimings, Options, Snapshots, Timings, config};
use crate::service::{RaftOf, Server};
use crate::store::{Applied, Growth, Offload};
use crate::trim::Trimmer;
use crate::wire::tls::{TlsWire, TlsWireError};
use crate::wire::{Service, Wire};

/// A node did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Address or identity is not usable.
    #[error("start the node")]
    Wire(#[source] TlsWireError),
    /// The timings contradict each other.
    #[error("start the node")]
    Timings(#[source] BadTimings),
    /// The data directory cannot be used.
    #[error("start the node")]
    Storage(#[source] OpenError),
    /// The stored snapshot cannot be read, or is newer than this program.
    #[error("start the node: read the snapshot")]
    Snapshot(#[source] std::io::Error),
    /// The log cannot be read.
    #[error("start the node: read the log")]
    Log(#[source] std::io::Error),
    /// Consensus refused to start on the stored data.
    #[error("start the node: {0}")]
    Consensus(String),
}

/// The parts of a node in the caller's own world, such as a simulated one.
pub struct Parts<C: Types> {
    /// Raft id.
    pub id: u64,
    /// Cluster id; snapshots carry it.
    pub cluster: String,
    /// Log and vote.
    pub log: LogStore<C>,
    /// Snapshots.
    pub snapshots: SnapshotStore,
    /// The members that let this node in; of use until it has stored a membership.
    pub introduced: BTreeMap<u64, Peer>,
    /// The outgoing half of the network.
    pub wire: Arc<dyn Wire>,
    /// Heartbeats and elections.
    pub timings: Timings,
    /// The schedule of snapshots.
    pub snapshot_policy: Snapshots,
    /// The highest feature level that this program understands.
    pub feature_level_max: u32,
    /// The place for encoding snapshots.
    pub offload: Offload,
}

/// The library's entrance.
pub struct Raft;

impl Raft {
    /// Starts a node of the product: mutual TLS, tokio.
    pub async fn start<S: StateMachine>(
        options: Options,
        machine: S,
        app: Arc<dyn AppHandler>,
    ) -> Result<Handle<S>, StartError> {
        let Options { id, name, cluster, data_dir, witness, listen, advertise, credentials, introduced, .. } = options;
        // A node that listens on one address speaks from it, so that firewalls can tell the nodes apart.
        let source = Some(listen.ip()).filter(|address| !address.is_unspecified());
        let wire = TlsWire::new(&cluster, id, &name, &credentials, source).map_err(StartError::Wire)?;
        let listener = TlsWire::bind(listen).await.map_err(StartError::Wire)?;
        let bound = listener.local_addr().unwrap_or(listen);
        let address = if advertise.is_empty() { bound.to_string() } else { advertise };
        let (log, snapshots) = open_storage(data_dir, witness, &cluster, id).await?;
        let parts = Parts {
            id,
            cluster,
            log,
            snapshots,
            introduced,
            wire: Arc::new(wire.clone()),
            timings: options.timings,
            snapshot_policy: options.snapshots,
            feature_level_max: options.feature_level_max,
            offload: Offload::Thread,
        };
        let (handle, service) = assemble(parts, machine, app, Some((Peer { name, address }, bound))).await?;
        wire.listen(listener, service);
        Ok(handle)
    }

    /// Starts a node from its parts, on any runtime. The caller's network delivers messages for the node to the
    /// service.
    pub async fn assemble<S: StateMachine, C: Types>(
        parts: Parts<C>,
        machine: S,
        app: Arc<dyn AppHandler>,
    ) -> Result<(Handle<S, C>, Arc<dyn Service>), StartError> {
        assemble(parts, machine, app, None).await
    }
}

async fn open_storage(
    data_dir: Option<PathBuf>,
    witness: Option<PathBuf>,
    cluster: &str,
    id: u64,
) -> Result<(LogStore<TokioTypes>, SnapshotStore), StartError> {
    let Some(dir) = data_dir else {
        return Ok((LogStore::memory(), SnapshotStore::memory()));
    };
    let identity = Identity { cluster: cluster.to_owned(), node: id };
    // It reads the whole log, which must not hold up whatever else runs here.
    let opening = tokio::task::spawn_blocking(move || tenure_storage::open(&dir, &identity, witness.as_deref()));
    match opening.await {
        Ok(opened) => opened.map_err(StartError::Storage),
        Err(error) => Err(StartError::Consensus(error.to_string())),
    }
}

async fn assemble<S: StateMachine, C: Types>(
    parts: Parts<C>,
    machine: S,
    app: Arc<dyn AppHandler>,
    me: Option<(Peer, SocketAddr)>,
) -> Result<(Handle<S, C>, Arc<dyn Service>), StartError> {
    let Parts { id, cluster, log, snapshots, introduced, wire, timings, snapshot_policy, feature_level_max, offload } =
        parts;
    let config = config(&cluster, timings, snapshot_policy).map_err(StartError::Timings)?;
    let growth = Arc::new(Growth::new(snapshot_policy.size));
    let applied = Applied::<C, S>::open(machine, snapshots, cluster, feature_level_max, Arc::clone(&growth), offload);
    let (applied, released) = applied.await.map_err(StartError::Snapshot)?;
    let shared = applied.shared();
    // Before consensus starts: its own report of the store is empty until its task has run for the first time.
    let stored = log.last().map_err(StartError::Log)?.max(applied.covered().await);
    let vote = log.vote().map_err(StartError::Log)?;
    let own = Arc::new(Own::new(id, vote));
    let network = NetworkShared {
        wire: Arc::clone(&wire),
        id,
        append_time: timings.election_min,
        members: OnceLock::new(),
        own: Arc::clone(&own),
    };
    let (network, distrust) = (Arc::new(network), Arc::new(Distrust::default()));
    let factory = Factory { shared: Arc::clone(&network), types: PhantomData };
    let reader = log.reader();
    let raft = RaftOf::<C, S>::new(id, config, factory, log, applied).await;
    let raft = raft.map_err(|fatal| StartError::Consensus(fatal.to_string()))?;
    let trimmer = Arc::new(Trimmer { raft: raft.clone(), log: reader, keep: snapshot_policy.size / 2 });
    // Weakly: consensus owns what calls this, and must not keep itself alive. The task is detached on purpose: it ends
    // with its snapshot, or with consensus.
    let weak = Arc::downgrade(&trimmer);
    growth.when_due(move || {
        if let Some(trimmer) = weak.upgrade() {
            drop(C::spawn(async move { trimmer.trim().await }));
        }
    });
    let metrics = raft.metrics();
    let find = move |id: u64| {
        let metrics = metrics.borrow_watched();
        metrics.membership_config.membership().get_node(&id).cloned()
    };
    let _ = network.members.set(Box::new(find));
    let service = Server {
        id,
        admission: Admission::new(id, introduced, Arc::clone(&wire)),
        distrust: Arc::clone(&distrust),
        raft: raft.clone(),
        shared: Arc::clone(&shared),
        app: Arc::clone(&app),
        incoming: Arc::new(Mutex::default()),
    };
    let forwarder = Forwarder::start(raft.clone(), Arc::clone(&wire));
    let inner = Inner {
        id,
        stored: stored.map_or(0, |last| last.index),
        began_blank: stored.is_none() && vote.is_none(),
        own,
        distrust,
        raft,
        shared,
        wire,
        app,
        forwarder,
        _trimmer: trimmer,
        changing: tokio::sync::Mutex::new(()),
        known: Known::default(),
        released: tokio::sync::Mutex::new(released),
        me,
    };
    Ok((Handle { inner: Arc::new(inner) }, Arc::new(service)))
}
