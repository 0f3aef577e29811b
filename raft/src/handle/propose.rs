//! Proposing a command, on whichever node.

use std::future::pending;
use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select};
use openraft::RaftTypeConfig;
use openraft::alias::InstantOf;
use openraft::async_runtime::AsyncRuntime;
use openraft::errors::ClientWriteError;
use openraft::impls::ProgressResponder;
use openraft::type_config::TypeConfigExt;
use tenure_storage::{LeaderId, Types};

use super::{Handle, left};
use crate::backoff::Backoff;
use crate::codec::Blob;
use crate::machine::StateMachine;
use crate::message::Outcome;
use crate::service::outcome_of;
use crate::store::tagged;

/// The longest command. The state machine may allow less to most of them: [`StateMachine::seal`].
pub const MAX_COMMAND: usize = 9 << 20;
/// What a state machine may add when it seals a command.
const SEAL: usize = 4 << 10;
const _: () = assert!(MAX_COMMAND + SEAL <= tenure_storage::MAX_COMMAND_BYTES, "what is proposed can be stored");

/// A command was committed and applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposed {
    /// Its index in the log.
    pub index: u64,
    /// The state machine's answer.
    pub reply: Vec<u8>,
}

/// The reason why a command was not accepted at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is longer than [`MAX_COMMAND`].
    #[error("it has {0} bytes, at most {MAX_COMMAND} are allowed")]
    TooLong(usize),
    /// Too many proposals are waiting already.
    #[error("too many proposals are waiting")]
    Overloaded,
    /// This node has stopped.
    #[error("this node has stopped: {0}")]
    Stopped(String),
    /// The leader does not take such a command from this node.
    #[error("the leader does not take it from this node: {0}")]
    NotTaken(String),
}

/// A command has no known result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // what a name says is not said again
pub enum ProposeError {
    /// It was not applied and will not be: no leader was found in time.
    #[error("propose a command: no leader within {}", crate::show::duration(*.waited))]
    NoLeader {
        /// The time waited.
        waited: Duration,
    },
    /// It was not applied and will not be.
    #[error("propose a command: {0}")]
    Refused(Refusal),
    /// It was not applied and will not be: this node does not lead in the term that it was meant for.
    #[error("propose a command: this node does not lead in term {term} any more")]
    NotLeader { term: u64 },
    /// It may have been applied, or may still be. Only the product can tell, by a number of its own in the command.
    #[error("propose a command: the outcome is unknown: {reason}")]
    Unknown { reason: String },
}

impl<S: StateMachine, C: Types> Handle<S, C> {
    /// Has a command committed and applied, and gives the state machine's reply. On a follower it goes to the leader.
    ///
    /// Retries for as long as the command was certainly not appended, up to the deadline; never after that, so that it is
    /// applied once at most for each call.
    pub async fn propose(&self, command: Vec<u8>, deadline: Duration) -> Result<Proposed, ProposeError> {
        if command.len() > MAX_COMMAND {
            return Err(ProposeError::Refused(Refusal::TooLong(command.len())));
        }
        let until = C::now() + deadline;
        let mut backoff = Backoff::default();
        loop {
            let leader = self.leader();
            let outcome = match leader {
                Some(leader) if leader == self.inner.id => self.propose_here(&command, until).await,
                Some(leader) => self.propose_there(leader, &command, until).await?,
                None => Outcome::NotLeader,
            };
            match outcome {
                Outcome::Applied { index, reply: Blob(reply) } => return Ok(Proposed { index, reply }),
                Outcome::Unknown(reason) => return Err(ProposeError::Unknown { reason }),
                Outcome::Refused(why) => return Err(ProposeError::Refused(Refusal::NotTaken(why))),
                Outcome::NotLeader => {}
            }
            let paused = self.pause_unless_leader(leader, &mut backoff, until).await;
            paused.map_err(|_| ProposeError::NoLeader { waited: deadline })?;
            if let Some(reason) = self.status_failed() {
                return Err(ProposeError::Refused(Refusal::Stopped(reason)));
            }
        }
    }

    fn sealed(&self, command: Vec<u8>) -> Result<tenure_storage::Command, String> {
        Ok(tagged(&self.inner.shared.with(|machine| machine.seal(command, None))?))
    }

    /// The same, by way of this node, whether or not it is known to lead here. One attempt.
    pub async fn propose_at(
        &self,
        leader: u64,
        command: Vec<u8>,
        deadline: Duration,
    ) -> Result<Proposed, ProposeError> {
        match self.propose_there(leader, &command, C::now() + deadline).await? {
            Outcome::Applied { index, reply: Blob(reply) } => Ok(Proposed { index, reply }),
            Outcome::Unknown(reason) => Err(ProposeError::Unknown { reason }),
            Outcome::Refused(why) => Err(ProposeError::Refused(Refusal::NotTaken(why))),
            Outcome::NotLeader => Err(ProposeError::NoLeader { waited: deadline }),
        }
    }

    async fn propose_here(&self, command: &[u8], until: InstantOf<C>) -> Outcome {
        let sealed = match self.sealed(command.to_vec()) {
            Ok(sealed) => sealed,
            Err(why) => return Outcome::Refused(why),
        };
        match C::timeout_at(until, self.inner.raft.client_write(sealed)).await {
            Ok(Ok(written)) => Outcome::Applied { index: written.log_id.index, reply: Blob(written.data.0) },
            Ok(Err(error)) => outcome_of(error),
            Err(_) => Outcome::Unknown("the deadline passed before it was committed".to_owned()),
        }
    }

    async fn propose_there(&self, leader: u64, command: &[u8], until: InstantOf<C>) -> Result<Outcome, ProposeError> {
        let left = left::<C>(until);
        let forwarded = self.inner.forwarder.propose(leader, command.to_vec(), left);
        // It may share a message with others that have more time.
        C::timeout_at(until, forwarded)
            .await
            .unwrap_or_else(|_| Ok(Outcome::Unknown("the deadline passed before the leader answered".to_owned())))
    }

    /// Waits before another attempt; an error when the deadline comes first.
    pub(super) async fn pause(&self, backoff: &mut Backoff, until: InstantOf<C>) -> Result<(), DeadlinePassed> {
        let wait = backoff.next(&mut <C as RaftTypeConfig>::AsyncRuntime::thread_rng());
        let left = left::<C>(until);
        C::sleep(wait.min(left)).await;
        if wait < left { Ok(()) } else { Err(DeadlinePassed) }
    }

    /// The same, and at most until there is another leader than the one that was tried.
    pub(super) async fn pause_unless_leader(
        &self,
        tried: Option<u64>,
        backoff: &mut Backoff,
        until: InstantOf<C>,
    ) -> Result<(), DeadlinePassed> {
        let another = async {
            // Consensus that has panicked ends each wait at once, and says of itself that it runs.
            if !self.another_leader(tried, until).await {
                pending::<()>().await;
            }
        };
        match select(pin!(self.pause(backoff, until)), pin!(another)).await {
            Either::Left((paused, _)) => paused,
            Either::Right(_) => Ok(()),
        }
    }

    /// Waits until there is another leader than this one; false at the deadline, and when the node has stopped.
    pub(super) async fn another_leader(&self, than: Option<u64>, until: InstantOf<C>) -> bool {
        let is_another = |metrics: &_| self.leader_of(metrics).is_some_and(|leader| Some(leader) != than);
        let wait = self.inner.raft.wait(Some(left::<C>(until)));
        wait.metrics(is_another, "another leader").await.is_ok()
    }

    pub(super) fn status_failed(&self) -> Option<String> {
        use openraft::async_runtime::watch::WatchReceiver;
        let metrics = self.inner.raft.metrics();
        let stopped = metrics.borrow_watched().running_state.as_ref().err().map(ToString::to_string);
        self.inner.shared.panicked().or(stopped)
    }
}

impl<S: StateMachine, C: Types> Handle<S, C> {
    /// Has a command committed and applied under this leader, in this term, or not at all: a decision that rests on
    /// this leader's own knowledge must not be committed under another. Never forwarded, never tried again.
    pub async fn propose_as_leader(
        &self,
        term: u64,
        command: Vec<u8>,
        deadline: Duration,
    ) -> Result<Proposed, ProposeError> {
        if command.len() > MAX_COMMAND {
            return Err(ProposeError::Refused(Refusal::TooLong(command.len())));
        }
        let (done, answered) = ProgressResponder::complete_only();
        let leader = LeaderId { term, node_id: self.inner.id };
        let sealed = self.sealed(command).map_err(|why| ProposeError::Refused(Refusal::NotTaken(why)))?;
        let write = self.inner.raft.write(sealed).with_leader(leader).responder(done);
        let unknown = |reason: String| ProposeError::Unknown { reason };
        if let Err(fatal) = write.await {
            return Err(ProposeError::Refused(Refusal::Stopped(fatal.to_string())));
        }
        match C::timeout(deadline, answered).await {
            Ok(Ok(Ok(written))) => Ok(Proposed { index: written.log_id.index, reply: written.data.0 }),
            Ok(Ok(Err(ClientWriteError::ForwardToLeader(_)))) => Err(ProposeError::NotLeader { term }),
            Ok(Ok(Err(error))) => Err(unknown(error.to_string())),
            Ok(Err(_)) => Err(unknown("consensus gave no answer".to_owned())),
            Err(_) => Err(unknown("the deadline passed before it was committed".to_owned())),
        }
    }
}

/// There is no time for another attempt.
pub(super) struct DeadlinePassed;
