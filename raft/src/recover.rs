//! Going on alone, after a majority of the voters is lost for ever: offline, on the disk of one member that is left.
//!
//! What is stored there is applied to its end, whether it is known to be committed or not: it may have been. The state, with
//! what the caller changes in it, becomes a snapshot far ahead in the log, with this node as the only member; the log before
//! it is dropped. One write makes that so: before it nothing has happened, after it everything has.
//!
//! The leap is for those that were given up. They may have gone on without this node for a while, to entries and numbers that
//! it never saw. Nothing here is numbered like anything of theirs, and whoever has a number from before the leap and is no
//! member now was given up, and is told so (see [`is_given_up`]).

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::Arc;

use openraft::storage::RaftLogStorage;
use tenure_storage::{
    Identity, LeaderId, LogId, LogStore, Membership, OpenError, Payload, Peer, SnapshotStore, StoredMembership,
    TokioTypes, Vote,
};

use crate::admission::{Standing, standing};
use crate::belief::check_level;
use crate::machine::StateMachine;
use crate::store::{Content, FIRST_LEVEL, Head, content, open, seal};

/// Log indexes between two leaps: more than a cluster has in its life.
const LEAP: u64 = 1_000_000_000_000;

/// Whether this node was left behind when others were given up: its number is from before the last leap, and it is no member.
/// `known` is a membership that is committed.
pub(crate) fn is_given_up(id: u64, name: &str, known: &StoredMembership) -> bool {
    let now = known.log_id().map_or(0, |log| log.index / LEAP);
    id / LEAP < now && standing(id, name, known) == Standing::Stranger
}

/// Why a node cannot go on alone.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// The data directory cannot be used.
    #[error("open what this node has stored")]
    Storage(#[source] OpenError),
    /// It cannot be read, or not be written.
    #[error("{action}")]
    Files {
        /// What was to be done.
        action: &'static str,
        /// The error.
        #[source]
        source: io::Error,
    },
    /// It cannot be applied by this program, or says nothing of use.
    #[error("{0}")]
    Unfit(String),
}

/// A stopped node that may go on alone. Its data directory is taken as long as this lives.
pub struct Survivor<S> {
    me: u64,
    cluster: String,
    log: LogStore<TokioTypes>,
    snapshots: SnapshotStore,
    machine: S,
    last: LogId,
    vote: Option<Vote>,
    committed: Option<u64>,
    membership: StoredMembership,
    level: u32,
}

impl<S: StateMachine> Survivor<S> {
    /// Opens the data directory of a stopped node, and applies everything in it to a new state machine, which is made once the
    /// directory is taken. Blocks while it reads.
    ///
    /// # Errors
    /// If the directory is in use, or does not check out; if the node is no voter, or something cannot be applied.
    pub async fn open(
        dir: &Path,
        witness: &Path,
        cluster: &str,
        id: u64,
        ability: u32,
        machine: impl FnOnce() -> io::Result<S>,
    ) -> Result<Self, RecoverError> {
        let identity = Identity { cluster: cluster.to_owned(), node: id };
        let opened = tenure_storage::open::<TokioTypes>(dir, &identity, Some(witness));
        let (log, snapshots) = opened.map_err(RecoverError::Storage)?;
        let read = |source| RecoverError::Files { action: "read what this node has stored", source };
        let image = log.image().map_err(read)?;
        let saved = snapshots.load().await.map_err(read)?;
        let mut survivor = Survivor {
            me: id,
            cluster: cluster.to_owned(),
            vote: image.vote(),
            committed: image.committed().map(|committed| committed.index),
            last: LogId::new(LeaderId { term: 0, node_id: id }, 0),
            membership: StoredMembership::default(),
            level: FIRST_LEVEL,
            machine: machine().map_err(read)?,
            log,
            snapshots,
        };
        let mut from = 0;
        if let Some(saved) = saved {
            let (head, state) = open(&saved.data, cluster).map_err(|why| RecoverError::Unfit(why.to_string()))?;
            check_level(head.level, ability).map_err(RecoverError::Unfit)?;
            survivor.machine.restore(state).map_err(|why| RecoverError::Unfit(why.to_string()))?;
            from = head.last.map_or(0, |last| last.index + 1);
            survivor.last = head.last.unwrap_or(survivor.last);
            (survivor.membership, survivor.level) = (head.membership, head.level);
        }
        for entry in image.range(from..) {
            survivor.apply(entry, ability).map_err(|why| {
                RecoverError::Unfit(format!("log entry {} cannot be applied: {why}", entry.log_id.index))
            })?;
        }
        if !survivor.membership.membership().voter_ids().any(|voter| voter == id) {
            return Err(RecoverError::Unfit(
                "this node has no vote: it may lack what the voters have decided".to_owned(),
            ));
        }
        Ok(survivor)
    }

    fn apply(&mut self, entry: &tenure_storage::Entry, ability: u32) -> Result<(), String> {
        match &entry.payload {
            Payload::Blank => {}
            Payload::Membership(members) => {
                self.membership = StoredMembership::new(Some(entry.log_id), members.clone());
            }
            Payload::Normal(command) => match content(command)? {
                Content::Application(bytes) => drop(self.machine.apply(entry.log_id.index, bytes)),
                Content::RaiseLevel(level) => {
                    check_level(level, ability)?;
                    self.level = self.level.max(level);
                    self.machine.raised(level);
                }
            },
        }
        self.last = entry.log_id;
        Ok(())
    }

    /// The state, with everything applied.
    pub fn machine(&self) -> &S {
        &self.machine
    }

    /// Term and index of the last entry.
    pub fn last(&self) -> (u64, u64) {
        (self.last.leader_id.term, self.last.index)
    }

    /// The last index that this node knew to be committed.
    pub fn committed(&self) -> Option<u64> {
        self.committed
    }

    /// The voters, this node among them.
    pub fn voters(&self) -> BTreeMap<u64, Peer> {
        let members = self.membership.membership();
        members.voter_ids().filter_map(|id| Some((id, members.get_node(&id)?.clone()))).collect()
    }

    /// All other members, which are given up.
    pub fn others(&self) -> BTreeMap<u64, Peer> {
        let members = self.membership.membership().nodes();
        members.filter(|(id, _)| **id != self.me).map(|(id, peer)| (*id, peer.clone())).collect()
    }

    /// Makes this node the only member, with what `change` makes of the state at the log index that it is given. Returns that.
    ///
    /// # Errors
    /// If it cannot be written. If that is so at the very end, it may have been done: the next start tells.
    pub async fn go_on_alone(mut self, change: impl FnOnce(&mut S, u64)) -> Result<u64, RecoverError> {
        let failed = |action| move |source| RecoverError::Files { action, source };
        let me = self.membership.membership().get_node(&self.me).cloned();
        let me = me.ok_or_else(|| RecoverError::Unfit("this node is not among its members".to_owned()))?;
        let term = self.vote.map_or(0, |vote| vote.leader_id.term).max(self.last.leader_id.term) + 1;
        let leader = LeaderId { term, node_id: self.me };
        let last = LogId::new(leader, (self.last.index / LEAP + 1) * LEAP);
        change(&mut self.machine, last.index);
        let members = Membership::new(vec![BTreeSet::from([self.me])], BTreeMap::from([(self.me, me)]));
        let members = members.map_err(|why| RecoverError::Unfit(why.to_string()))?;
        let membership = StoredMembership::new(Some(last), members);
        let head = Head { cluster: self.cluster.clone(), last: Some(last), membership, level: self.level };
        let snapshot = Arc::new(seal(&head, &S::encode(self.machine.image())));
        self.log.save_vote(&Vote::new(term, self.me)).await.map_err(failed("write the vote"))?;
        // From here on it is so: at its start a node takes up a snapshot that is ahead of its log, and drops the log.
        self.snapshots.save(Vec::new(), snapshot).await.map_err(failed("write the new state"))?;
        self.log.purge(last).await.map_err(failed("drop the log"))?;
        self.log.save_committed(Some(last)).await.map_err(failed("drop the log"))?;
        self.log.save_vote(&Vote::new(term, self.me)).await.map_err(failed("drop the log"))?;
        Ok(last.index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_a_number_from_before_the_leap_and_is_no_member_was_given_up() {
        let peer = |name: &str| Peer { name: name.to_owned(), address: String::new() };
        let known = |index| {
            let nodes = BTreeMap::from([(1, peer("p1")), (LEAP + 3, peer("p2"))]);
            let members = Membership::new(vec![BTreeSet::from([1])], nodes).expect("it is sound");
            StoredMembership::new(Some(LogId::new(LeaderId { term: 4, node_id: 1 }, index)), members)
        };
        let after = known(LEAP + 9);
        assert!(is_given_up(2, "p2", &after), "under its old number");
        assert!(is_given_up(70_000, "p9", &after), "a member that the survivor never heard of");
        assert!(!is_given_up(1, "p1", &after) && !is_given_up(LEAP + 3, "p2", &after), "they are members");
        assert!(!is_given_up(LEAP + 7, "p7", &after), "it was removed since, or joins");
        assert!(!is_given_up(2, "p2", &known(900)), "nobody was given up yet");
        assert!(!is_given_up(2, "p2", &StoredMembership::default()));
        assert!(is_given_up(LEAP + 3, "p3", &known(2 * LEAP)), "the second time");
    }
}
