//! Linearizable reads.

use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select};

use openraft::LinearizerOption;
use openraft::errors::{LinearizableReadError, RaftError};
use openraft::raft::linearizable_read::Linearizer;
use openraft::type_config::TypeConfigExt;
use tenure_storage::Types;

use super::{Handle, left};
use crate::backoff::Backoff;
use crate::machine::StateMachine;
use crate::message::{Kind, ReadIndexAnswer, read_answer};
use crate::service::RaftOf;
use crate::wire::Lane;

/// It could not be made sure that this node's state is the latest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// No leader confirmed by a quorum was found in time.
    #[error("make sure of the latest state: no leader with a quorum within {}", crate::show::duration(*.waited))]
    NoLeader {
        /// The time waited.
        waited: Duration,
    },
    /// The leader answered, but this node did not catch up in time.
    #[error("make sure of the latest state: this node did not reach log entry {index} in time")]
    Behind {
        /// The entry that must be applied here first.
        index: u64,
    },
    /// This node has stopped.
    #[error("make sure of the latest state: this node has stopped: {0}")]
    Stopped(String),
}

/// On the leader: the index that a read must wait for, after a quorum has confirmed the leader. Never answered from a lease.
pub(crate) async fn read_index<C: Types, S: StateMachine>(
    raft: &RaftOf<C, S>,
    wait: Duration,
) -> Result<Linearizer<C>, RaftError<C, LinearizableReadError<C>>> {
    let strict = LinearizerOption::new(Some(Duration::ZERO), true).with_wait_timeout(wait);
    raft.get_read_linearizer(strict).await
}

impl<S: StateMachine, C: Types> Handle<S, C> {
    /// After this, [`state`](Self::state) shows everything that was acknowledged to anyone before the call. Gives the index
    /// that is applied here at least. Works on every node.
    pub async fn barrier(&self, deadline: Duration) -> Result<u64, ReadError> {
        let until = C::now() + deadline;
        let mut backoff = Backoff::default();
        loop {
            let leader = self.leader();
            let asked = async {
                match leader {
                    Some(leader) if leader == self.inner.id => self.read_index_here(left::<C>(until)).await,
                    Some(leader) => self.read_index_of(leader, left::<C>(until)).await,
                    None => None,
                }
            };
            // One that is gone may never answer, and then another leads.
            let index = match select(pin!(asked), pin!(self.another_leader(leader, until))).await {
                Either::Left((index, _)) => index,
                Either::Right(_) => None,
            };
            if let Some(index) = index {
                return self.reach(index, left::<C>(until)).await;
            }
            let paused = self.pause_unless_leader(leader, &mut backoff, until).await;
            paused.map_err(|_| ReadError::NoLeader { waited: deadline })?;
            if let Some(reason) = self.status_failed() {
                return Err(ReadError::Stopped(reason));
            }
        }
    }

    async fn read_index_here(&self, left: Duration) -> Option<u64> {
        let index = read_index(&self.inner.raft, left).await.ok()?;
        Some(index.read_log_id().index())
    }

    async fn read_index_of(&self, leader: u64, left: Duration) -> Option<u64> {
        let peer = self.peer_of(leader)?;
        let answered = self.inner.wire.send(leader, &peer, Lane::Urgent, Kind::ReadIndex.raw(&[]), left).await;
        match read_answer::<ReadIndexAnswer>(answered) {
            Ok(ReadIndexAnswer::At(index)) => Some(index),
            Ok(ReadIndexAnswer::NotNow) | Err(_) => None,
        }
    }

    /// Waits until the state machine has applied an index.
    pub(super) async fn reach(&self, index: u64, left: Duration) -> Result<u64, ReadError> {
        let wait = self.inner.raft.wait(Some(left));
        match wait.applied_index_at_least(Some(index), "reach a read index").await {
            Ok(metrics) => Ok(metrics.last_applied.map_or(index, |log| log.index)),
            Err(openraft::metrics::WaitError::Timeout(..)) => Err(ReadError::Behind { index }),
            Err(openraft::metrics::WaitError::ShuttingDown) => {
                Err(ReadError::Stopped(self.status_failed().unwrap_or_else(|| "it was shut down".to_owned())))
            }
        }
    }

    /// Waits until this node has recovered its state from before a restart. Until then, local reads may show the
    /// past.
    pub async fn recovered(&self, deadline: Duration) -> Result<(), ReadError> {
        match self.inner.raft.wait_for_recovery(Some(deadline)).await {
            Ok(_) => Ok(()),
            Err(openraft::metrics::WaitError::Timeout(..)) => Err(ReadError::NoLeader { waited: deadline }),
            Err(openraft::metrics::WaitError::ShuttingDown) => {
                Err(ReadError::Stopped(self.status_failed().unwrap_or_else(|| "it was shut down".to_owned())))
            }
        }
    }
}
