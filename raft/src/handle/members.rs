//! Changing who belongs to the cluster. On the leader only, one change at a time, each idempotent.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::join_all;
use openraft::ChangeMembers;
use openraft::alias::InstantOf;
use openraft::errors::{ChangeMembershipError, ClientWriteError, RaftError};
use openraft::type_config::TypeConfigExt;
use tenure_storage::{Peer, Types};

use super::{Handle, Status, left};
use crate::backoff::Backoff;
use crate::machine::StateMachine;

/// The membership was not changed as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MemberError {
    /// This node does not lead.
    #[error("change the membership: this node does not lead")]
    NotLeader {
        /// The leader, as far as it is known.
        leader: Option<u64>,
    },
    /// Id, name or address is taken by another member.
    #[error("change the membership: {what} belongs to node {by} already")]
    Taken {
        /// The id, name or address.
        what: String,
        /// The member that has it.
        by: u64,
    },
    /// The node is not a member.
    #[error("change the membership: node {0} is not a member")]
    NotAMember(u64),
    /// The cluster would have no voter left.
    #[error("change the membership: node {0} is the last voter")]
    LastVoter(u64),
    /// The node's program is too old for what the cluster has agreed on.
    #[error("change the membership: node {id} understands feature level {ability}, the cluster is at {level}")]
    TooOld {
        /// The node.
        id: u64,
        /// Its highest feature level.
        ability: u32,
        /// The feature level of the cluster.
        level: u32,
    },
    /// The learner did not catch up in time. It stays a learner and goes on.
    #[error("promote node {id}: it has log entry {matched:?} of {last:?} after the time allowed")]
    NotCaughtUp {
        /// The learner.
        id: u64,
        /// The last entry that it has.
        matched: Option<u64>,
        /// The last entry of the leader's log.
        last: Option<u64>,
    },
    /// Too few of the voters answer, before the change or after it. Nothing was changed.
    #[error(
        "change the membership: of the {voters} voters that there would be, {} not answer: nobody could decide",
        said(silent)
    )]
    NoQuorum {
        /// The number of voters, in the set of which too few answer.
        voters: usize,
        /// The names of those that do not.
        silent: Vec<String>,
    },
    /// The change was not made; it is certain that it will not be.
    #[error("change the membership: {0}")]
    Refused(String),
    /// The change may have been made, in full or in half; asking again completes it.
    #[error("change the membership: the outcome is unknown: {0}")]
    Unknown(String),
}

/// `p3 does`, `p2 and p3 do`.
fn said(names: &[String]) -> String {
    format!("{} {}", names.join(" and "), if names.len() == 1 { "does" } else { "do" })
}

type Change = ChangeMembers<u64, Peer>;

/// What becomes of a voter that loses its vote.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Deposed {
    /// It leaves the cluster.
    Leave,
    /// It goes on as a learner.
    Follow,
}

impl<S: StateMachine, C: Types> Handle<S, C> {
    /// Adds a node that follows the log without a vote, or changes the address of one that is a member already.
    pub async fn add_learner(&self, id: u64, peer: Peer, deadline: Duration) -> Result<(), MemberError> {
        let _one_at_a_time = self.inner.changing.lock().await;
        let until = C::now() + deadline;
        let status = self.ready(until).await?;
        let members: BTreeMap<u64, Peer> = status.members.all().map(|(id, peer)| (id, peer.clone())).collect();
        if members.get(&id) == Some(&peer) {
            let same = |known: Option<&Peer>| known == Some(&peer);
            return self.confirm(|status| same(status.members.get(id)), until).await;
        }
        check_free(&members, id, &peer)?;
        if let Some(ability) = self.ability_of(id, &peer, left::<C>(until)).await
            && ability < status.feature_level
        {
            return Err(MemberError::TooOld { id, ability, level: status.feature_level });
        }
        self.change(ChangeMembers::SetNodes(BTreeMap::from([(id, peer)])), Deposed::Leave, until).await
    }

    /// Gives a learner a vote, once it has caught up; waits for that. A voter stays one.
    pub async fn promote(&self, id: u64, deadline: Duration) -> Result<(), MemberError> {
        let _one_at_a_time = self.inner.changing.lock().await;
        let until = C::now() + deadline;
        let status = self.ready(until).await?;
        if status.members.voters.contains_key(&id) {
            return self.confirm(|status| status.members.voters.contains_key(&id), until).await;
        }
        if !status.members.learners.contains_key(&id) {
            return Err(MemberError::NotAMember(id));
        }
        self.wait_caught_up(id, until).await?;
        let voters = status.members.voters.keys().copied().chain([id]).collect();
        self.decided_by(&status, &voters, until).await?;
        self.change(ChangeMembers::AddVoterIds(BTreeSet::from([id])), Deposed::Leave, until).await
    }

    /// Gives a vote to learners that have caught up and takes it from voters, in one step; who has lost it goes on as a learner.
    /// A change that is half done is completed first, and with no names nothing else is done. Refused if the voters are not
    /// `known` any more, or a learner has fallen behind.
    pub async fn change_voters(
        &self,
        known: &BTreeSet<u64>,
        promoted: &BTreeSet<u64>,
        deposed: &BTreeSet<u64>,
        deadline: Duration,
    ) -> Result<(), MemberError> {
        let _one_at_a_time = self.inner.changing.lock().await;
        let until = C::now() + deadline;
        let status = self.ready(until).await?;
        if promoted.is_empty() && deposed.is_empty() {
            return Ok(());
        }
        let voters: BTreeSet<u64> = status.members.voters.keys().copied().collect();
        if voters != *known || !deposed.is_subset(&voters) || deposed.contains(&status.id) {
            return Err(MemberError::Refused("the voters are others than when this was decided".to_owned()));
        }
        for &id in promoted {
            if !status.members.learners.contains_key(&id) {
                return Err(MemberError::NotAMember(id));
            }
            if !status.is_level(id) {
                let matched = status.matched.get(&id).copied().flatten();
                return Err(MemberError::NotCaughtUp { id, matched, last: status.last_log });
            }
        }
        let voters = voters.difference(deposed).chain(promoted).copied().collect();
        self.change(ChangeMembers::ReplaceAllVoters(voters), Deposed::Follow, until).await
    }

    /// Takes a node out of the cluster, voter or learner. One that is not a member is out already.
    pub async fn remove(&self, id: u64, deadline: Duration) -> Result<(), MemberError> {
        let _one_at_a_time = self.inner.changing.lock().await;
        let until = C::now() + deadline;
        let status = self.ready(until).await?;
        if status.members.voters.contains_key(&id) {
            if status.members.voters.len() == 1 {
                return Err(MemberError::LastVoter(id));
            }
            let voters = status.members.voters.keys().copied().filter(|voter| *voter != id).collect();
            self.decided_by(&status, &voters, until).await?;
            self.change(ChangeMembers::RemoveVoters(BTreeSet::from([id])), Deposed::Leave, until).await
        } else if status.members.learners.contains_key(&id) {
            self.change(ChangeMembers::RemoveNodes(BTreeSet::from([id])), Deposed::Leave, until).await
        } else {
            let known = |status: &Status| status.members.get(id).is_some();
            self.confirm(|status| !known(status), until).await
        }
    }

    /// Waits until the membership shown by this leader is committed, and its leadership is confirmed: the next leader
    /// may undo an uncommitted one, and a leader that is cut off leads only in its own view.
    pub async fn settled(&self, deadline: Duration) -> Result<(), MemberError> {
        self.confirm(|_| true, C::now() + deadline).await
    }

    /// A condition that holds already counts only once it is settled.
    async fn confirm(&self, so: impl Fn(&Status) -> bool, until: InstantOf<C>) -> Result<(), MemberError> {
        let unknown = |why: String| MemberError::Unknown(format!("what this leader shows is not committed: {why}"));
        let wait = self.inner.raft.wait(Some(left::<C>(until)));
        let committed =
            wait.metrics(|metrics| metrics.last_applied >= *metrics.membership_config.log_id(), "commit it");
        committed.await.map_err(|why| unknown(why.to_string()))?;
        self.barrier(left::<C>(until)).await.map_err(|why| unknown(why.to_string()))?;
        let status = self.leading()?;
        if so(&status) { Ok(()) } else { Err(MemberError::Unknown("another change was made meanwhile".to_owned())) }
    }

    /// Checks that this node leads, and belongs to the cluster that it changes. A removed leader goes on leading for
    /// a moment, until it has handed over; openraft accepts changes from it, although its documentation forbids them.
    pub(super) fn leading(&self) -> Result<Status, MemberError> {
        let status = self.status();
        if !status.is_leader {
            return Err(MemberError::NotLeader { leader: status.leader });
        }
        let member = status.members.get(status.id).is_some();
        if member { Ok(status) } else { Err(MemberError::NotLeader { leader: None }) }
    }

    /// The membership to change. A change that an earlier leader left half done is settled first: requests are judged
    /// by its result, and it may have removed this node. Whoever loses a vote by that stays a member: it is not known whether
    /// it was to leave, and that can be asked for again.
    async fn ready(&self, until: InstantOf<C>) -> Result<Status, MemberError> {
        let status = self.leading()?;
        if !status.members.joint {
            return Ok(status);
        }
        self.change(ChangeMembers::AddVoterIds(BTreeSet::new()), Deposed::Follow, until).await?;
        self.leading()
    }

    /// Checks that most of the voters answer, of those that there are and of those that there would be. A change that they
    /// cannot complete would stop all others until a silent one comes back: whoever leads has to have most of both.
    async fn decided_by(&self, status: &Status, next: &BTreeSet<u64>, until: InstantOf<C>) -> Result<(), MemberError> {
        let concerned = |id: &u64| status.members.voters.contains_key(id) || next.contains(id);
        let asked = status.members.all().filter(|(id, _)| concerned(id));
        let asked = asked.map(async |(id, peer)| (id, self.ability_of(id, peer, left::<C>(until)).await.is_some()));
        let answers: BTreeMap<u64, bool> = join_all(asked).await.into_iter().collect();
        let now: BTreeSet<u64> = status.members.voters.keys().copied().collect();
        for voters in [&now, next] {
            let silent: BTreeSet<u64> = voters.iter().copied().filter(|id| answers.get(id) != Some(&true)).collect();
            if silent.len().saturating_mul(2) >= voters.len() {
                let silent =
                    status.members.all().filter(|(id, _)| silent.contains(id)).map(|(_, peer)| peer.name.clone());
                return Err(MemberError::NoQuorum { voters: voters.len(), silent: silent.collect() });
            }
        }
        Ok(())
    }

    async fn wait_caught_up(&self, id: u64, until: InstantOf<C>) -> Result<(), MemberError> {
        let mut changes = self.changed();
        loop {
            let status = self.leading()?;
            if status.is_level(id) {
                return Ok(());
            }
            let matched = status.matched.get(&id).copied().flatten();
            match C::timeout_at(until, changes.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(ended)) => return Err(MemberError::Refused(ended.to_string())),
                Err(_) => {
                    return Err(MemberError::NotCaughtUp { id, matched, last: status.last_log });
                }
            }
        }
    }

    /// Makes one change, through a joint configuration where voters change. When it returns, the status shows the change, so
    /// that the next one is judged by it.
    async fn change(&self, change: Change, deposed: Deposed, until: InstantOf<C>) -> Result<(), MemberError> {
        let mut backoff = Backoff::default();
        let changed = loop {
            self.leading()?;
            let changing = self.inner.raft.change_membership(change.clone(), deposed == Deposed::Follow);
            match C::timeout_at(until, changing).await {
                Ok(Ok(written)) => break Some(written.log_id),
                // An earlier leader's change, or the first one of a cluster that has just been founded, is not committed
                // yet: this one was certainly not made, and can be once that is.
                Ok(Err(error)) if is_in_progress(&error) => {
                    if self.pause(&mut backoff, until).await.is_err() {
                        return Err(self.change_error(error));
                    }
                }
                Ok(Err(error)) => return Err(self.change_error(error)),
                Err(_) => return Err(MemberError::Unknown("the deadline passed".to_owned())),
            }
        };
        let wait = self.inner.raft.wait(Some(left::<C>(until)));
        let shown = wait.metrics(|metrics| *metrics.membership_config.log_id() >= changed, "show a changed membership");
        match shown.await {
            Ok(metrics) if metrics.membership_config.get_joint_config().len() > 1 => {
                Err(MemberError::Unknown("the change is half done".to_owned()))
            }
            Ok(_) => Ok(()),
            Err(error) => Err(MemberError::Unknown(error.to_string())),
        }
    }

    fn change_error(&self, error: RaftError<C, ClientWriteError<C>>) -> MemberError {
        match error {
            // A change of voters is two entries: leadership can be lost after the first.
            RaftError::APIError(ClientWriteError::ForwardToLeader(to)) if self.status().members.joint => {
                MemberError::Unknown(to.to_string())
            }
            RaftError::APIError(ClientWriteError::ForwardToLeader(to)) => {
                MemberError::NotLeader { leader: to.leader_id }
            }
            RaftError::APIError(error @ ClientWriteError::LogEntryDiscarded(_)) => {
                MemberError::Unknown(error.to_string())
            }
            RaftError::APIError(error) => MemberError::Refused(error.to_string()),
            RaftError::Fatal(fatal) => MemberError::Unknown(fatal.to_string()),
        }
    }
}

fn is_in_progress<C: Types>(error: &RaftError<C, ClientWriteError<C>>) -> bool {
    use ChangeMembershipError::InProgress;
    matches!(error, RaftError::APIError(ClientWriteError::ChangeMembershipError(InProgress(_))))
}

fn check_free(members: &BTreeMap<u64, Peer>, id: u64, peer: &Peer) -> Result<(), MemberError> {
    let taken = |what: String, by: u64| Err(MemberError::Taken { what, by });
    if id == 0 {
        return Err(MemberError::Refused("0 is no node id".to_owned()));
    }
    if let Some(known) = members.get(&id)
        && known.name != peer.name
    {
        return taken(format!("the id of {}", peer.name), id);
    }
    for (&other, known) in members.iter().filter(|(other, _)| **other != id) {
        if known.name == peer.name {
            return taken(format!("the name {}", peer.name), other);
        }
        if known.address == peer.address {
            return taken(format!("the address {}", peer.address), other);
        }
    }
    Ok(())
}
