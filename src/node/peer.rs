//! Calls between nodes besides consensus: heartbeats and leases, readings, probes, changes of members.

use super::{
    about::About,
    catalog::{Catalog, Description},
    managers::{Heard, Tried},
    propose::level,
};
use crate::hypervisor::{Told, Which};
use futures::future::{BoxFuture, FutureExt};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};
use tenure_core::{
    ForeignLines, ForeignText, HmcName, Rejection, Sentence,
    codec::{self, Format, Kind},
    config::Cluster,
    ledger::Incarnation,
    node,
    trust::Hash,
};
use tenure_raft::{AppHandler, Handle, StateMachine, Types};
use tokio::sync::{mpsc, oneshot};

/// Number of calls that may wait for the node. More are refused; callers try again.
pub const CALLS: usize = 1024;

/// The identity of this process among all that may run under its node's identity.
pub fn incarnation() -> Incarnation {
    static DRAWN: LazyLock<Incarnation> = LazyLock::new(|| Incarnation(rand::rng().random()));
    *DRAWN
}

/// A call, with the process that makes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Spoken {
    /// The process of the caller.
    pub by: Incarnation,
    pub call: Call,
}

/// A call from one node to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Call {
    /// A call to the node machine.
    Node(node::Call),
    /// To the leader: a change of members.
    Member(MemberCall),
    /// Asks for the findings of the node's agents about a configuration.
    Check {
        /// Log index at which that was permitted.
        permit: u64,
        /// The configuration.
        cluster: Arc<Cluster>,
    },
    /// Has an agent of the node run an action, or describe a resource, as it was permitted at this log index.
    Extra(u64),
    /// Asks for the agents of the node.
    Agents,
    /// Asks for the attributes and actions of an agent of the node.
    Agent(String),
    /// Asks for what the node says of itself.
    About,
    /// The node is to stop, as it was permitted at this log index.
    Stop(u64),
    /// Asks what the node last heard of each HMC; of one, if it is named, after asking that.
    Managers {
        /// The HMC to be asked.
        knock: Option<HmcName>,
    },
    /// Has the node log in once to these HMCs of a configuration.
    Try {
        /// Log index at which that was permitted.
        permit: u64,
        /// The configuration.
        cluster: Arc<Cluster>,
        /// The HMCs.
        hmcs: Vec<HmcName>,
    },
    /// Has the node ask an HMC for all its systems, after it has received this.
    Overview(Which),
}

/// A change of members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub enum MemberCall {
    /// What the log permits at this index.
    Permitted(u64),
    /// Add a node that showed a token, unless it votes or has stored entries already.
    Admit {
        /// Hash of the token.
        token: Hash,
        /// Hash of the public key with which it was shown.
        key: Hash,
        /// The node's address for the other members.
        address: String,
    },
}

/// The answer to a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// The answer of the node machine.
    Node(node::Answer),
    /// The findings of agents about a configuration, one line each.
    Checked {
        /// Findings that make it unusable.
        errors: Vec<Sentence>,
        /// Findings that deserve a look.
        warnings: Vec<Sentence>,
    },
    /// The output of an agent, or its error.
    Said(Result<ForeignLines, ForeignText>),
    /// The agents of the node.
    Agents(Catalog),
    /// The attributes and actions of an agent, or the reason why they are unknown.
    Agent(Result<Description, Rejection>),
    /// A change of members was carried out; the id of the node that it was about.
    Member(u64),
    /// It was not carried out.
    MemberRefused(Rejection),
    /// It may have been carried out.
    MemberUnknown(ForeignText),
    /// It was not carried out, because the node that was asked is not the leader.
    NotLeader,
    /// What the node says of itself.
    About(About),
    /// The node stops.
    Stops,
    /// It does not, and why.
    StaysUp(Rejection),
    /// What the node last heard of each HMC.
    Managers(Vec<Heard>),
    /// What came of logging in to HMCs.
    Tried(Tried),
    /// What an HMC says of all its systems, or the reason why this node does not tell it.
    Overview(Result<Told, ForeignText>),
}

impl Format for Spoken {
    const KIND: Kind = Kind::Call;
}

impl Format for Answer {
    const KIND: Kind = Kind::Answer;
}

/// A call with its reply channel.
#[allow(missing_docs)] // what a name says is not said again
pub struct Asked {
    /// Raft id of the caller.
    pub from: u64,
    /// The process of the caller.
    pub by: Incarnation,
    pub call: Call,
    /// The channel for the answer.
    pub reply: oneshot::Sender<Answer>,
}

/// Receives calls, and queues them for the node's loop or for its clerk.
pub struct Inbox {
    /// Calls for the loop.
    pub events: mpsc::Sender<Asked>,
    /// All other calls.
    pub clerk: mpsc::Sender<Asked>,
}

impl AppHandler for Inbox {
    fn call(&self, from: u64, body: Vec<u8>) -> BoxFuture<'static, Result<Vec<u8>, String>> {
        let (events, clerk) = (self.events.clone(), self.clerk.clone());
        async move {
            let (Spoken { by, call }, version) = codec::decode_versioned(&body).map_err(|why| why.to_string())?;
            let (reply, answer) = oneshot::channel();
            let whose = if matches!(call, Call::Node(_)) { events } else { clerk };
            whose.try_send(Asked { from, by, call, reply }).map_err(|_| "too busy".to_owned())?;
            let answer = answer.await.map_err(|_| "the node stops".to_owned())?;
            // Who asks in a version reads the answer in the same.
            Ok(codec::encode_as(&answer, version.min(Kind::Answer.newest())))
        }
        .boxed()
    }
}

/// Calls another node, as this process.
pub async fn ask<S: StateMachine, C: Types>(
    raft: &Handle<S, C>,
    by: Incarnation,
    to: u64,
    call: &Call,
    deadline: Duration,
) -> Result<Answer, ForeignText> {
    let spoken = Spoken { by, call: call.clone() };
    let bytes = raft.call(to, codec::encode(&spoken, level(raft)), deadline).await.map_err(|why| causes(&why))?;
    codec::decode(&bytes).map_err(|why| why.to_string().into())
}

/// An error with its causes, in one line.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    text
}
