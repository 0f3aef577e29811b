//! Proposing the commands of the node machine; the results are its next inputs. Generic in the network and clock of
//! consensus.

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};
use tenure_core::{
    Command, Entry, Level, NodeName, Reply, Time, codec,
    command::Author,
    node::{Fate, Input, Proposal, Taken},
};
use tenure_raft::{Handle, ProposeError, Proposed, StateMachine, Types};

/// Decisions of this process that fail, and reports.
static UNCOMMITTED: Trouble = Trouble::none();
static UNREPORTED: Trouble = Trouble::none();

/// Something that fails and is tried again: told once, until it has worked again.
pub(super) struct Trouble(AtomicBool);

impl Trouble {
    pub(super) const fn none() -> Trouble {
        Trouble(AtomicBool::new(false))
    }

    pub(super) fn tell(&self, failed: Option<String>, what: &str) {
        let known = self.0.swap(failed.is_some(), Relaxed);
        match failed {
            Some(why) if !known => tracing::warn!(%why, "{what}; it is tried again"),
            Some(why) => tracing::debug!(%why, "{what} yet"),
            None => {}
        }
    }
}

/// Time that a proposal may take.
pub const PROPOSAL: Duration = Duration::from_secs(5);
/// Time in which a process that stops tries to record the reason in the log.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The feature level that this node has applied: every member reads what is written at it.
pub fn level<S: StateMachine, C: Types>(raft: &Handle<S, C>) -> Level {
    Level(raft.status().feature_level)
}

/// Proposes commands by cluster time; `None` if the result is of no interest.
pub async fn put<S: StateMachine, C: Types>(
    raft: &Handle<S, C>,
    me: NodeName,
    of: Proposal,
    commands: Vec<Command>,
    at: Time,
) -> Option<Input> {
    let author = match of {
        Proposal::Plan(_) | Proposal::Finding => Author::Planner(me),
        Proposal::Report(_) | Proposal::Enlist => Author::Agent(me),
    };
    let entry = Entry { at, wall: at, author, commands };
    let bytes = codec::encode(&entry, level(raft));
    match of {
        // A decision of this leader is committed under this leader, or never.
        Proposal::Plan(term) => {
            let ended = raft.propose_as_leader(term, bytes, PROPOSAL).await;
            let fate = match &ended {
                Ok(_) => Fate::Committed,
                Err(ProposeError::Unknown { .. }) => Fate::Unknown,
                Err(_) => Fate::Refused,
            };
            UNCOMMITTED.tell(ended.err().map(|why| why.to_string()), "decisions are not committed");
            Some(Input::Planned { term, fate })
        }
        Proposal::Report(order) => {
            let taken = match raft.propose(bytes, PROPOSAL).await {
                Ok(taken) if !is_unheard(&taken.reply) => {
                    UNREPORTED.tell(None, "");
                    Taken::Yes
                }
                Ok(_) => {
                    tracing::debug!(%order, "this process is not entered yet");
                    Taken::No
                }
                Err(why) => {
                    UNREPORTED.tell(Some(why.to_string()), "reports of what this node did are not taken");
                    Taken::No
                }
            };
            Some(Input::Reported { order, taken })
        }
        Proposal::Enlist => {
            let taken = propose_somehow(raft, bytes, PROPOSAL).await;
            if let Err(why) = &taken {
                tracing::debug!(%why, "this process is not entered yet");
            }
            Some(Input::Enlisted(taken.ok().map(|taken| taken.index)))
        }
        Proposal::Finding => {
            tracing::error!(?entry.commands, "ledgers differ");
            if let Err(why) = raft.propose(bytes, PROPOSAL).await {
                tracing::warn!(%why, "that ledgers differ is not written down");
            }
            None
        }
    }
}

/// Waits until this leader has caught up with the decisions of former leaders; `false` if it is no longer the leader.
///
/// Entries of earlier terms are applied once an entry of this one is: nothing is planned on old knowledge.
pub async fn caught_up<S: StateMachine, C: Types>(raft: &Handle<S, C>, term: u64) -> bool {
    loop {
        let status = raft.status();
        // A consensus that has failed still reports that it leads.
        if !status.is_leader || status.term != term || status.failed.is_some() {
            return false;
        }
        if raft.barrier(PROPOSAL).await.is_ok() {
            return true;
        }
    }
}

/// Records in the log why this process stops.
pub async fn last_words<S: StateMachine, C: Types>(raft: &Handle<S, C>, me: NodeName, command: Command, at: Time) {
    let entry = Entry { at, wall: at, author: Author::Agent(me), commands: vec![command] };
    if let Err(why) = propose_somehow(raft, codec::encode(&entry, level(raft)), LAST_WORDS).await {
        tracing::warn!(%why, "why this node stops is not written down");
    }
}

/// Proposes through whichever leader is known. A second process of a node hears no leader, since the leader calls the
/// first one; it learns of the leader from the other nodes, when it asks for their votes.
async fn propose_somehow<S: StateMachine, C: Types>(
    raft: &Handle<S, C>,
    command: Vec<u8>,
    within: Duration,
) -> Result<Proposed, ProposeError> {
    match (raft.status().leader, raft.rumoured_leader()) {
        (None, Some(leader)) => raft.propose_at(leader, command, within).await,
        (Some(_), _) | (None, None) => raft.propose(command, within).await,
    }
}

/// Whether a report of this process was refused because it is not, or not yet, the one that runs its node.
fn is_unheard(reply: &[u8]) -> bool {
    codec::decode::<Reply>(reply).is_ok_and(|reply| reply.is_unheard())
}
