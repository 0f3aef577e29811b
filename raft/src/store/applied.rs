//! openraft's state machine over the product's.

use std::io;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use futures::{Stream, TryStreamExt};
use openraft::OptionalSend;
use openraft::storage::{EntryResponder, RaftSnapshotBuilder, RaftStateMachine};
use openraft::type_config::TypeConfigExt;
use tenure_storage::{Entry, LogId, Payload, Reply, SnapshotMeta, SnapshotStore, StoredMembership, Types};

use super::Offload;
use super::command::{Read, read};
use super::envelope::{Head, open, seal};
use super::growth::Growth;
use super::snapshot::{Keeper, Released, meta};
use crate::belief::{check_entry, check_level};
use crate::machine::StateMachine;

/// A whole snapshot in its envelope. Shared, because it may be on its way to several nodes.
pub(crate) type SnapshotData = Arc<Vec<u8>>;
/// A snapshot and what it covers.
pub(crate) type Snapshot = openraft::Snapshot<tenure_storage::LeaderId, u64, tenure_storage::Peer, SnapshotData>;

/// A cluster begins at this feature level.
pub(crate) const FIRST_LEVEL: u32 = 1;

struct State<S> {
    machine: S,
    last: Option<LogId>,
    membership: StoredMembership,
    level: u32,
}

/// The state, shared by consensus, which changes it, and by local readers.
pub(crate) struct Shared<S> {
    state: RwLock<State<S>>,
    cluster: String,
    ability: u32,
}

impl<S: StateMachine> Shared<S> {
    fn read(&self) -> RwLockReadGuard<'_, State<S>> {
        self.state.read().expect("the state machine is total and does not panic")
    }

    fn write(&self) -> RwLockWriteGuard<'_, State<S>> {
        self.state.write().expect("the state machine is total and does not panic")
    }

    pub(crate) fn with<T>(&self, look: impl FnOnce(&S) -> T) -> T {
        look(&self.read().machine)
    }

    /// The membership, as far as it is applied here.
    pub(crate) fn membership(&self) -> StoredMembership {
        self.read().membership.clone()
    }

    /// The feature level that the cluster has agreed on.
    pub(crate) fn level(&self) -> u32 {
        self.state.read().unwrap_or_else(PoisonError::into_inner).level
    }

    /// The reason why this node cannot go on, though consensus may not know it: the state machine has panicked over a
    /// command, so its state is not the committed one.
    pub(crate) fn panicked(&self) -> Option<String> {
        self.state.is_poisoned().then(|| "the state machine has panicked".to_owned())
    }

    /// The highest feature level that this program understands.
    pub(crate) fn ability(&self) -> u32 {
        self.ability
    }

    pub(crate) fn cluster(&self) -> &str {
        &self.cluster
    }

    fn apply(&self, entry: &Entry) -> io::Result<Reply> {
        let mut state = self.write();
        let index = entry.log_id.index;
        let unfit = |reason: String| io::Error::other(format!("apply log entry {index}: {reason}"));
        // Entries from other nodes were checked in the same way before they were stored.
        check_entry(entry, self.ability).map_err(unfit)?;
        let reply = match &entry.payload {
            Payload::Blank => Vec::new(),
            Payload::Membership(membership) => {
                state.membership = StoredMembership::new(Some(entry.log_id), membership.clone());
                Vec::new()
            }
            Payload::Normal(command) => match read(command).map_err(unfit)? {
                Read::Application(bytes) => state.machine.apply(index, bytes),
                Read::RaiseLevel(level) => {
                    state.level = state.level.max(level);
                    state.machine.raised(level);
                    state.level.to_le_bytes().to_vec()
                }
            },
        };
        state.last = Some(entry.log_id);
        Ok(Reply(reply))
    }

    fn head(&self, state: &State<S>) -> Head {
        Head {
            cluster: self.cluster.clone(),
            last: state.last,
            membership: state.membership.clone(),
            level: state.level,
        }
    }
}

/// The state machine handed to openraft.
pub(crate) struct Applied<C, S> {
    shared: Arc<Shared<S>>,
    keeper: Arc<Keeper>,
    growth: Arc<Growth>,
    offload: Offload,
    types: PhantomData<fn() -> C>,
}

impl<C: Types, S: StateMachine> Applied<C, S> {
    pub(crate) async fn open(
        machine: S,
        snapshots: SnapshotStore,
        cluster: String,
        ability: u32,
        growth: Arc<Growth>,
        offload: Offload,
    ) -> io::Result<(Self, Released)> {
        let (keeper, released) = Keeper::open(snapshots, &cluster).await?;
        let state = State { machine, last: None, membership: StoredMembership::default(), level: FIRST_LEVEL };
        let shared = Arc::new(Shared { state: RwLock::new(state), cluster, ability });
        let applied = Self { shared, keeper: Arc::new(keeper), growth, offload, types: PhantomData };
        Ok((applied, released))
    }

    /// The last entry that the stored snapshot covers.
    pub(crate) async fn covered(&self) -> Option<LogId> {
        self.keeper.saved().await
    }

    pub(crate) fn shared(&self) -> Arc<Shared<S>> {
        Arc::clone(&self.shared)
    }
}

impl<C: Types, S: StateMachine> RaftStateMachine<C> for Applied<C, S> {
    type SnapshotData = SnapshotData;
    type SnapshotBuilder = Builder<C, S>;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), io::Error> {
        let state = self.shared.read();
        Ok((state.last, state.membership.clone()))
    }

    async fn apply<E>(&mut self, mut entries: E) -> Result<(), io::Error>
    where
        E: Stream<Item = Result<EntryResponder<C>, io::Error>> + Unpin + OptionalSend,
    {
        while let Some((entry, responder)) = entries.try_next().await? {
            let reply = self.shared.apply(&entry)?;
            self.growth.add(&entry);
            if let Some(responder) = responder {
                responder.send(reply);
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Self::SnapshotBuilder {
        let state = self.shared.read();
        self.growth.begin();
        Builder {
            image: Mutex::new(Some(state.machine.image())),
            head: self.shared.head(&state),
            keeper: Arc::clone(&self.keeper),
            offload: self.offload,
            types: PhantomData,
        }
    }

    async fn install_snapshot(&mut self, _meta: &SnapshotMeta, bytes: SnapshotData) -> Result<(), io::Error> {
        let (head, encoded) = open(&bytes, &self.shared.cluster).map_err(io::Error::other)?;
        check_level(head.level, self.shared.ability).map_err(io::Error::other)?;
        {
            // First of all: a snapshot that cannot be restored must not be found at the next start.
            let mut state = self.shared.write();
            state.machine.restore(encoded).map_err(io::Error::other)?;
            state.last = head.last;
            state.membership.clone_from(&head.membership);
            state.level = head.level;
        }
        self.growth.begin();
        self.keeper.save(&head, &bytes).await?;
        tracing::info!(index = head.last.map(|last| last.index), "took over a snapshot of the leader");
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot>, io::Error> {
        let stored = self.keeper.load(&self.shared.cluster).await?;
        Ok(stored.map(|(meta, snapshot)| Snapshot { meta, snapshot }))
    }
}

/// Encodes and keeps one snapshot, beside the state machine.
pub(crate) struct Builder<C, S: StateMachine> {
    /// In a mutex only because openraft shares builders between threads, which an image need not bear.
    image: Mutex<Option<S::Image>>,
    head: Head,
    keeper: Arc<Keeper>,
    offload: Offload,
    types: PhantomData<fn() -> (C, S)>,
}

impl<C: Types, S: StateMachine> RaftSnapshotBuilder<C> for Builder<C, S> {
    type SnapshotData = SnapshotData;

    async fn build_snapshot(&mut self) -> Result<Snapshot, io::Error> {
        let image = self.image.get_mut().ok().and_then(Option::take);
        let image = image.ok_or_else(|| io::Error::other("build a snapshot: its image is used up"))?;
        let head = self.head.clone();
        let encode = move || seal(&head, &S::encode(image));
        let bytes = match self.offload {
            Offload::Thread => C::spawn_blocking(encode).await?,
            Offload::Inline => encode(),
        };
        let bytes = Arc::new(bytes);
        self.keeper.save(&self.head, &bytes).await?;
        let index = self.head.last.map(|last| last.index);
        tracing::debug!(index, bytes = bytes.len(), "made a snapshot");
        Ok(Snapshot { meta: meta(&self.head), snapshot: bytes })
    }
}
