//! The status of a node, as far as it knows it itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use openraft::Instant;
use openraft::alias::{SerdeInstantOf, StoredMembershipOf};
use openraft::async_runtime::watch::WatchReceiver;
use tenure_storage::{Peer, Types};

use super::Handle;
use crate::machine::StateMachine;

/// A moment's view of one node. What it says of others may be old.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// This node's Raft id.
    pub id: u64,
    /// The leader in this node's view. A node that is cut off keeps naming the last one it heard of.
    pub leader: Option<u64>,
    /// The leader whose heartbeats come and are not believed: see [`Handle::distrust`].
    pub distrusted: Option<u64>,
    /// The current term.
    pub term: u64,
    /// Whether this node takes itself for the leader. Only a quorum can confirm it: see `quorum_ack_age`.
    pub is_leader: bool,
    /// Index of the last log entry.
    pub last_log: Option<u64>,
    /// Index up to which this node knows entries to be committed.
    pub committed: Option<u64>,
    /// Index up to which the state machine has applied them.
    pub applied: Option<u64>,
    /// Index up to which the latest snapshot reaches.
    pub snapshot_index: Option<u64>,
    /// Index up to which the log was dropped.
    pub purged: Option<u64>,
    /// The members.
    pub members: Arc<Members>,
    /// On the leader: index up to which each other member is known to have the log.
    pub matched: BTreeMap<u64, Option<u64>>,
    /// On the leader: how long ago a message was sent that a quorum has answered. A leader that is the only voter is a
    /// quorum by itself, at every moment, as long as its consensus runs.
    pub quorum_ack_age: Option<Duration>,
    /// The feature level that the cluster has agreed on, as applied here.
    pub feature_level: u32,
    /// The reason why this node's consensus has stopped, if it has.
    pub failed: Option<String>,
}

/// The members, of the membership in force. Built once for each membership: a status is asked for with each message, and costs as
/// much in a cluster of many as in one of three.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Members {
    /// Those that vote.
    pub voters: BTreeMap<u64, Peer>,
    /// Those that only follow.
    pub learners: BTreeMap<u64, Peer>,
    /// Whether the last change of voters is half done.
    pub joint: bool,
}

impl Members {
    /// A member.
    pub fn get(&self, id: u64) -> Option<&Peer> {
        self.voters.get(&id).or_else(|| self.learners.get(&id))
    }

    /// All of them, those that vote first.
    pub fn all(&self) -> impl Iterator<Item = (u64, &Peer)> {
        self.voters.iter().chain(&self.learners).map(|(id, peer)| (*id, peer))
    }
}

/// The last membership that was looked at, and its members.
pub(crate) struct Known<C: Types>(Mutex<Option<(StoredOf<C>, Arc<Members>)>>);

type StoredOf<C> = Arc<StoredMembershipOf<C>>;

impl<C: Types> Default for Known<C> {
    fn default() -> Self {
        Known(Mutex::new(None))
    }
}

impl<C: Types> Known<C> {
    fn of(&self, stored: &StoredOf<C>) -> Arc<Members> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Held here, so that no other one is ever at its address.
        if let Some((of, members)) = &*known
            && Arc::ptr_eq(of, stored)
        {
            return Arc::clone(members);
        }
        let membership = stored.membership();
        let voting: BTreeSet<u64> = membership.voter_ids().collect();
        let (voters, learners) =
            membership.nodes().map(|(id, peer)| (*id, peer.clone())).partition(|(id, _)| voting.contains(id));
        let members = Arc::new(Members { voters, learners, joint: membership.get_joint_config().len() > 1 });
        *known = Some((Arc::clone(stored), Arc::clone(&members)));
        members
    }
}

/// A member this many entries behind is as good as level: it will be before a change of voters is committed.
const CAUGHT_UP: u64 = 64;

impl Status {
    /// On the leader: whether another member has the log, but for a few entries.
    pub fn is_level(&self, id: u64) -> bool {
        let matched = self.matched.get(&id).copied().flatten();
        let level = matched.map_or(0, |index| index + 1) + CAUGHT_UP;
        matched.is_some() && self.last_log.is_none_or(|last| level > last)
    }
}

impl<S: StateMachine, C: Types> Handle<S, C> {
    /// The status of this node.
    pub fn status(&self) -> Status {
        // Cloned at once: holding the watch would block consensus.
        let metrics = self.inner.raft.metrics().borrow_watched().clone();
        let members = self.inner.known.of(&metrics.membership_config);
        let matched = metrics.replication.iter().flatten();
        let distrusted = self.inner.distrust.covers(metrics.current_term);
        let is_leader = !distrusted && metrics.current_leader == Some(metrics.id);
        let failed = self.inner.shared.panicked().or(metrics.running_state.err().map(|fatal| fatal.to_string()));
        // openraft notes an answer only when another node gives one. A joint membership counts with all its voters, and
        // a second voter is shown here before it can have voted: an entry takes effect when it is appended.
        let is_quorum = is_leader && failed.is_none() && members.voters.keys().eq([&metrics.id]);
        let quorum_acked = metrics.last_quorum_acked.map(SerdeInstantOf::<C>::into_inner);
        let quorum_ack_age = if is_quorum { Some(Duration::ZERO) } else { quorum_acked.map(|at| at.elapsed()) };
        Status {
            id: metrics.id,
            leader: metrics.current_leader.filter(|_| !distrusted),
            distrusted: metrics.current_leader.filter(|_| distrusted),
            term: metrics.current_term,
            is_leader,
            last_log: metrics.last_log_index,
            committed: metrics.local_committed.map(|log| log.index),
            applied: metrics.last_applied.map(|log| log.index),
            snapshot_index: metrics.snapshot.map(|log| log.index),
            purged: metrics.purged.map(|log| log.index),
            members,
            matched: matched
                .filter(|(id, _)| **id != metrics.id)
                .map(|(id, log)| (*id, log.map(|l| l.index)))
                .collect(),
            quorum_ack_age,
            feature_level: self.inner.shared.level(),
            failed,
        }
    }
}
