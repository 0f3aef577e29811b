//! The types that consensus, log and snapshots agree on.
//!
//! Commands and replies are opaque bytes here: their meaning, and their schema and its version, are up to the state
//! machine above. Everything but the async runtime is fixed, so that log store, state machine and network are written
//! once, `impl<C: Types> …`, and run under tokio as well as under a simulated runtime.

use std::fmt;

use openraft::RaftTypeConfig;
use openraft::impls::ProgressResponder;
use openraft::raft::ClientWriteResult;
use serde::{Deserialize, Serialize};

/// Identifies a leader: its term and its node.
pub type LeaderId = openraft::impls::leader_id_adv::LeaderId<u64, u64>;
/// Identifies a log entry: the leader that proposed it and its index.
pub type LogId = openraft::LogId<LeaderId>;
/// A vote, granted or asked for.
pub type Vote = openraft::Vote<LeaderId>;
/// A set of voters and learners with their peers.
pub type Membership = openraft::Membership<u64, Peer>;
/// The content of a log entry: nothing, a command, or a membership.
pub type Payload = openraft::EntryPayload<Command, u64, Peer>;
/// One entry of the log.
pub type Entry = openraft::Entry<LeaderId, Payload>;
/// A membership and the log entry that holds it.
pub type StoredMembership = openraft::StoredMembership<LeaderId, u64, Peer>;
/// The metadata of a snapshot.
pub type SnapshotMeta = openraft::SnapshotMeta<LeaderId, u64, Peer>;

/// One command of the replicated state machine, as bytes.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Command(pub Vec<u8>);

/// The state machine's answer to one command, as bytes.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Reply(pub Vec<u8>);

// Commands and replies end up in log lines of the consensus library, where their bytes would drown everything else.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "command of {} B", self.0.len())
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reply of {} B", self.0.len())
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A member of the group as the membership names it.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Peer {
    /// The name of the node, which its certificate must carry.
    pub name: String,
    /// The address for other nodes, as `host:port`.
    pub address: String,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.name, self.address)
    }
}

/// A type configuration of ours: everything fixed but the async runtime.
///
/// Implemented for every configuration that [`openraft::declare_raft_types`] makes with the same types as [`TokioTypes`].
pub trait Types:
    RaftTypeConfig<
        D = Command,
        R = Reply,
        NodeId = u64,
        Node = Peer,
        Term = u64,
        LeaderId = LeaderId,
        Vote = Vote,
        Payload = Payload,
        Entry = Entry,
        Responder<ClientWriteResult<Self>> = ProgressResponder<Self, ClientWriteResult<Self>>,
    >
{
}

impl<C> Types for C where
    C: RaftTypeConfig<
            D = Command,
            R = Reply,
            NodeId = u64,
            Node = Peer,
            Term = u64,
            LeaderId = LeaderId,
            Vote = Vote,
            Payload = Payload,
            Entry = Entry,
            Responder<ClientWriteResult<C>> = ProgressResponder<C, ClientWriteResult<C>>,
        >
{
}

openraft::declare_raft_types!(
    /// The configuration of the product: everything runs under tokio.
    pub TokioTypes:
        D = Command,
        R = Reply,
        NodeId = u64,
        Node = Peer,
        LeaderId = LeaderId,
        Vote = Vote,
        Payload = Payload,
        Entry = Entry,
        AsyncRuntime = openraft::impls::TokioRuntime,
);
