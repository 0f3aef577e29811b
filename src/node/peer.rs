//! What nodes say to each other beside consensus: heartbeats and leases, readings, probes, changes of members.

use super::{
    catalog::{Catalog, Description},
    propose::level,
};
use futures::future::{BoxFuture, FutureExt};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};
use tenure_core::{
    NodeName, Rejection, ResourceName,
    codec::{self, Format, Kind},
    config::Cluster,
    ledger::Incarnation,
    node,
};
use tenure_raft::{AppHandler, Handle, StateMachine, Types};
use tokio::sync::{mpsc, oneshot};

/// Calls that wait to be looked at by the node. More are turned away; callers try again.
pub const CALLS: usize = 1024;

/// Who this process is among all that may run under its node's identity.
pub fn incarnation() -> Incarnation {
    static DRAWN: LazyLock<Incarnation> = LazyLock::new(|| Incarnation(rand::rng().random()));
    *DRAWN
}

/// A call, and which process of the caller makes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Spoken {
    /// The process.
    pub by: Incarnation,
    pub call: Call,
}

/// A call from one node to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Call {
    /// What one node says to another.
    Node(node::Call),
    /// To the leader: change the members.
    Member(MemberCall),
    /// What do your agents make of this configuration?
    Check(Arc<Cluster>),
    /// Have an agent do something else to what lives inside you.
    Extra(ExtraCall),
    /// Which agents do you have?
    Agents,
    /// What can this agent of yours be told?
    Agent(String),
}

/// Something that an agent can do beside starting, stopping and watching.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtraCall {
    /// To which resource.
    pub resource: ResourceName,
    /// What: the name of an action, and what it is told. Nothing: what its agent tells people of it.
    pub action: Option<(String, Vec<String>)>,
}

/// A change of members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub enum MemberCall {
    /// Add a learner, or find it if it is one already.
    Add {
        node: NodeName,
        /// Where the others reach it.
        address: String,
    },
    /// Make a learner a voter.
    Promote(NodeName),
    /// Remove a member.
    Remove(NodeName),
    /// Let another voter lead.
    Transfer(Option<NodeName>),
    /// Add a node that showed a token, unless it has been here before.
    Admit {
        node: NodeName,
        /// Where the others reach it.
        address: String,
    },
}

/// The answer to a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// The answer of a node.
    Node(node::Answer),
    /// What agents make of a configuration, one line each.
    Checked {
        /// What makes it unusable.
        errors: Vec<String>,
        /// What somebody should look at.
        warnings: Vec<String>,
    },
    /// What an agent said.
    Said(Result<String, String>),
    /// The agents that I have.
    Agents(Catalog),
    /// What an agent can be told, or why I cannot say.
    Agent(Result<Description, Rejection>),
    /// A change of members was made; the number of the node it was about.
    Member(u64),
    /// It was not made.
    MemberRefused(Rejection),
    /// It may have been made.
    MemberUnknown(String),
    /// It was not made, because I do not lead.
    NotLeader,
}

impl Format for Spoken {
    const KIND: Kind = Kind::Call;
}

impl Format for Answer {
    const KIND: Kind = Kind::Answer;
}

/// A call with the way back.
#[allow(missing_docs)] // what a name says is not said again
pub struct Asked {
    /// Raft id of the caller.
    pub from: u64,
    /// Which of its processes.
    pub by: Incarnation,
    pub call: Call,
    /// Where the answer goes.
    pub reply: oneshot::Sender<Answer>,
}

/// The door: calls come in here, and wait for the node's loop or for its clerk.
pub struct Inbox {
    /// What the loop answers.
    pub events: mpsc::Sender<Asked>,
    /// All else.
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

/// Asks another node, as this process.
pub async fn ask<S: StateMachine, C: Types>(
    raft: &Handle<S, C>,
    by: Incarnation,
    to: u64,
    call: &Call,
    deadline: Duration,
) -> Result<Answer, String> {
    let spoken = Spoken { by, call: call.clone() };
    let bytes = raft.call(to, codec::encode(&spoken, level(raft)), deadline).await.map_err(|why| why.to_string())?;
    codec::decode(&bytes).map_err(|why| why.to_string())
}
