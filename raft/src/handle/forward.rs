//! Proposals of a follower on their way to the leader, many in one message.
//!
//! Proposals that arrive while a message is in flight make up the next message, so that many callers cost few
//! messages. The queue and the number of messages in flight are bounded.

use std::sync::Arc;
use std::time::Duration;

use openraft::type_config::TypeConfigExt;
use tenure_storage::Types;
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::{ProposeError, Refusal, peer_of};
use crate::codec::Blob;
use crate::machine::StateMachine;
use crate::message::{Kind, NoAnswer, Outcome, read_answer};
use crate::service::RaftOf;
use crate::wire::{Lane, Wire};

/// Number of proposals that may wait for a message.
const QUEUE: usize = 4096;
/// The most proposals in one message.
const BATCH: usize = 256;
/// The most bytes in one message, but for a single longer command.
const BATCH_BYTES: usize = 1 << 20;
/// The most messages on their way.
const IN_FLIGHT: usize = 16;

struct Waiting {
    leader: u64,
    command: Blob,
    left: Duration,
    answer: oneshot::Sender<Outcome>,
}

/// The queue of proposals for the leader.
pub(crate) struct Forwarder {
    queue: mpsc::Sender<Waiting>,
}

impl Forwarder {
    /// Starts the task that empties the queue; it ends with the forwarder.
    pub(crate) fn start<C: Types, S: StateMachine>(raft: RaftOf<C, S>, wire: Arc<dyn Wire>) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        // Detached on purpose: it owns nothing but its queue, and ends when the last handle goes.
        drop(C::spawn(forward(raft, wire, waiting)));
        Self { queue }
    }

    pub(crate) async fn propose(&self, leader: u64, command: Vec<u8>, left: Duration) -> Result<Outcome, ProposeError> {
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting { leader, command: Blob(command), left, answer };
        match self.queue.try_send(waiting) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => {
                return Err(ProposeError::Refused(Refusal::Overloaded));
            }
            Err(mpsc::error::TrySendError::Closed(_)) => {
                return Err(ProposeError::Refused(Refusal::Stopped("it forwards no more proposals".to_owned())));
            }
        }
        Ok(answered.await.unwrap_or_else(|_| Outcome::Unknown("this node stopped meanwhile".to_owned())))
    }
}

async fn forward<C: Types, S: StateMachine>(
    raft: RaftOf<C, S>,
    wire: Arc<dyn Wire>,
    mut waiting: mpsc::Receiver<Waiting>,
) {
    let room = Arc::new(Semaphore::new(IN_FLIGHT));
    let mut held: Option<Waiting> = None;
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else {
            return;
        };
        let first = match held.take() {
            Some(first) => first,
            None => match waiting.recv().await {
                Some(first) => first,
                None => return,
            },
        };
        let leader = first.leader;
        let mut bytes = first.command.0.len();
        let mut batch = vec![first];
        while batch.len() < BATCH {
            let Ok(next) = waiting.try_recv() else { break };
            bytes += next.command.0.len();
            if next.leader != leader || bytes > BATCH_BYTES {
                held = Some(next);
                break;
            }
            batch.push(next);
        }
        let sending = send(peer_of(&raft, leader).map(|peer| (leader, peer)), Arc::clone(&wire), batch);
        drop(C::spawn(async move {
            sending.await;
            drop(permit);
        }));
    }
}

async fn send(to: Option<(u64, tenure_storage::Peer)>, wire: Arc<dyn Wire>, batch: Vec<Waiting>) {
    let ttl = batch.iter().map(|waiting| waiting.left).max().unwrap_or_default();
    let (commands, answers): (Vec<_>, Vec<_>) = batch.into_iter().map(|w| (w.command, w.answer)).unzip();
    let outcomes = match to {
        Some((id, peer)) => {
            let answered = wire.send(id, &peer, Lane::App, Kind::Propose.request(&commands), ttl).await;
            outcomes_of(read_answer::<Vec<Outcome>>(answered), answers.len())
        }
        None => vec![Outcome::NotLeader; answers.len()],
    };
    for (answer, outcome) in answers.into_iter().zip(outcomes) {
        // The caller may be gone.
        let _ = answer.send(outcome);
    }
}

fn outcomes_of(answered: Result<Vec<Outcome>, NoAnswer>, count: usize) -> Vec<Outcome> {
    match answered {
        Ok(outcomes) if outcomes.len() == count => outcomes,
        Ok(outcomes) => {
            vec![Outcome::Unknown(format!("the leader answered {} of {count} proposals", outcomes.len())); count]
        }
        Err(NoAnswer::Wire(error)) if !error.may_have_arrived() => vec![Outcome::NotLeader; count],
        Err(error) => vec![Outcome::Unknown(error.to_string()); count],
    }
}
