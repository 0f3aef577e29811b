//! The smallest state machine that the library's suite can test a log store beside: it remembers how far it applied, and
//! the membership that it last met.

use std::io;
use std::sync::{Arc, Mutex};

use futures::{Stream, TryStreamExt};
use openraft::storage::{EntryResponder, RaftSnapshotBuilder, RaftStateMachine, Snapshot};
use openraft::{EntryPayload, OptionalSend};
use tenure_storage::{LeaderId, LogId, Peer, Reply, SnapshotMeta, StoredMembership, TokioTypes};

type Image = Snapshot<LeaderId, u64, Peer, ()>;

#[derive(Clone, Debug, Default)]
struct State {
    applied: Option<LogId>,
    membership: StoredMembership,
    snapshot: Option<Image>,
}

/// Applies nothing but its position.
#[derive(Clone, Debug, Default)]
pub struct Machine(Arc<Mutex<State>>);

impl RaftStateMachine<TokioTypes> for Machine {
    type SnapshotData = ();
    type SnapshotBuilder = Machine;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), io::Error> {
        let state = self.0.lock().unwrap();
        Ok((state.applied, state.membership.clone()))
    }

    async fn apply<S>(&mut self, mut entries: S) -> Result<(), io::Error>
    where
        S: Stream<Item = Result<EntryResponder<TokioTypes>, io::Error>> + Unpin + OptionalSend,
    {
        while let Some((entry, responder)) = entries.try_next().await? {
            let mut state = self.0.lock().unwrap();
            state.applied = Some(entry.log_id);
            if let EntryPayload::Membership(membership) = entry.payload {
                state.membership = StoredMembership::new(Some(entry.log_id), membership);
            }
            if let Some(responder) = responder {
                responder.send(Reply::default());
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Machine {
        self.clone()
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, _data: ()) -> Result<(), io::Error> {
        let mut state = self.0.lock().unwrap();
        state.applied = meta.last_log_id;
        state.membership = meta.last_membership.clone();
        state.snapshot = Some(Snapshot { meta: meta.clone(), snapshot: () });
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Image>, io::Error> {
        Ok(self.0.lock().unwrap().snapshot.clone())
    }
}

impl RaftSnapshotBuilder<TokioTypes> for Machine {
    type SnapshotData = ();

    async fn build_snapshot(&mut self) -> Result<Image, io::Error> {
        let mut state = self.0.lock().unwrap();
        let meta = SnapshotMeta { last_log_id: state.applied, last_membership: state.membership.clone() };
        let snapshot = Snapshot { meta, snapshot: () };
        state.snapshot = Some(snapshot.clone());
        Ok(snapshot)
    }
}
