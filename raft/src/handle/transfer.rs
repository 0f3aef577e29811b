//! Handing the leadership over.

use std::time::Duration;

use openraft::async_runtime::watch::WatchReceiver;
use tenure_storage::Types;

use super::Handle;
use crate::machine::StateMachine;

/// The leadership was not handed over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransferError {
    /// This node does not lead.
    #[error("transfer the leadership: this node does not lead")]
    NotLeader {
        /// The leader, as far as it is known.
        leader: Option<u64>,
    },
    /// The chosen node does not vote.
    #[error("transfer the leadership: node {0} is not a voter")]
    NotAVoter(u64),
    /// The chosen node does not answer. Nothing was changed.
    #[error("transfer the leadership: node {0} does not answer")]
    Silent(u64),
    /// The chosen node did not take over in time; who leads now is to be seen.
    #[error("transfer the leadership: node {to} did not take over in time")]
    NotTaken {
        /// The chosen node.
        to: u64,
    },
    /// This node has stopped.
    #[error("transfer the leadership: this node has stopped: {0}")]
    Stopped(String),
}

impl<S: StateMachine, C: Types> Handle<S, C> {
    /// Hands the leadership to another voter, and waits until that one leads.
    pub async fn transfer_leader(&self, to: u64, deadline: Duration) -> Result<(), TransferError> {
        let leader = self.leader();
        if leader != Some(self.inner.id) {
            return Err(TransferError::NotLeader { leader });
        }
        if !self.inner.raft.metrics().borrow_watched().membership_config.voter_ids().any(|id| id == to) {
            return Err(TransferError::NotAVoter(to));
        }
        if to == self.inner.id {
            return Ok(());
        }
        // Once begun, a transfer cannot be taken back: a leader that hands over to a dead node leads no more.
        let peer = self.peer_of(to).ok_or(TransferError::NotAVoter(to))?;
        if self.ability_of(to, &peer, deadline).await.is_none() {
            return Err(TransferError::Silent(to));
        }
        let triggered = self.inner.raft.trigger().transfer_leader(to).await;
        triggered.map_err(|fatal| TransferError::Stopped(fatal.to_string()))?;
        let wait = self.inner.raft.wait(Some(deadline));
        match wait.current_leader(to, "transfer the leadership").await {
            Ok(_) => Ok(()),
            Err(_) => Err(TransferError::NotTaken { to }),
        }
    }
}
