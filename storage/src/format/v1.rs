//! Format 1 of every record body, frozen: a change here is a new module, with a conversion from this one.

use std::collections::{BTreeMap, BTreeSet};

use bincode::{Decode, Encode};

use super::{Body, Fault, Kind};
use crate::types;

macro_rules! bodies {
    ($($body:ident),*) => {$(
        impl Body for $body {
            const KIND: Kind = Kind::$body;
            const FORMAT: u16 = 1;
        }
    )*};
}

bodies!(Manifest, Entry, Long, Piece, Vote, Committed, Purged, Snapshot, Mark);

/// The owner of the directory, and its layout.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Manifest {
    /// The layout of trees and keys.
    pub layout: u32,
    pub cluster: String,
    /// The node in it.
    pub node: u64,
}

/// A leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[allow(missing_docs)] // what a name says is not said again
pub struct LeaderId {
    pub term: u64,
    pub node: u64,
}

/// A position in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct LogId {
    /// The leader that proposed the entry.
    pub leader: LeaderId,
    /// Its position in the log.
    pub index: u64,
}

/// A log entry.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Entry {
    /// Its position in the log.
    pub id: LogId,
    /// Its content.
    pub payload: Payload,
}

/// The content of a log entry.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Payload {
    /// Nothing: a new leader's first entry.
    Blank,
    /// A command of the state machine.
    Command(Vec<u8>),
    /// A membership.
    Membership {
        /// One set of voters, or two during a change.
        voters: Vec<BTreeSet<u64>>,
        /// Voters and learners.
        peers: BTreeMap<u64, Peer>,
    },
}

/// A member.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Peer {
    pub name: String,
    /// The address for other nodes.
    pub address: String,
}

/// A byte string that lies in several pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Extent {
    /// Its length.
    pub bytes: u64,
    /// In how many pieces it lies.
    pub pieces: u32,
    /// The checksum of the whole.
    pub checksum: u32,
}

/// The head of a record that is too large for one value: the record lies in the pieces that follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Long {
    /// The sealed record.
    pub record: Extent,
}

/// One piece of something long.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Piece {
    /// Its place among the pieces, from 0.
    pub number: u32,
    pub bytes: Vec<u8>,
}

/// The vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Vote {
    /// The candidate that it is for.
    pub leader: LeaderId,
    /// Whether a quorum granted it.
    pub committed: bool,
}

/// The committed hint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Committed {
    /// The last entry known to be committed.
    pub id: Option<LogId>,
}

/// The purge mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Purged {
    /// The last purged entry.
    pub id: LogId,
}

/// The head of the latest snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Snapshot {
    /// Grows with every snapshot, and is part of the keys of its pieces.
    pub generation: u64,
    /// The snapshot's metadata, in the caller's encoding.
    pub meta: Extent,
    /// The state, in the caller's encoding.
    pub data: Extent,
}

/// The number of a sync, in the database and in the file beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Mark {
    /// Syncs of this directory so far.
    pub syncs: u64,
}

impl From<types::LogId> for LogId {
    fn from(id: types::LogId) -> Self {
        LogId { leader: id.leader_id.into(), index: id.index }
    }
}

impl From<LogId> for types::LogId {
    fn from(id: LogId) -> Self {
        types::LogId::new(id.leader.into(), id.index)
    }
}

impl From<types::LeaderId> for LeaderId {
    fn from(id: types::LeaderId) -> Self {
        LeaderId { term: id.term, node: id.node_id }
    }
}

impl From<LeaderId> for types::LeaderId {
    fn from(id: LeaderId) -> Self {
        types::LeaderId { term: id.term, node_id: id.node }
    }
}

impl From<types::Vote> for Vote {
    fn from(vote: types::Vote) -> Self {
        Vote { leader: vote.leader_id.into(), committed: vote.committed }
    }
}

impl From<Vote> for types::Vote {
    fn from(vote: Vote) -> Self {
        types::Vote { leader_id: vote.leader.into(), committed: vote.committed }
    }
}

impl From<&types::Entry> for Entry {
    fn from(entry: &types::Entry) -> Self {
        let payload = match &entry.payload {
            types::Payload::Blank => Payload::Blank,
            types::Payload::Normal(command) => Payload::Command(command.0.clone()),
            types::Payload::Membership(membership) => Payload::Membership {
                voters: membership.get_joint_config().clone(),
                peers: membership.nodes().map(|(id, peer)| (*id, Peer::from(peer))).collect(),
            },
        };
        Entry { id: entry.log_id.into(), payload }
    }
}

impl TryFrom<Entry> for types::Entry {
    type Error = Fault;

    fn try_from(entry: Entry) -> Result<Self, Fault> {
        let payload = match entry.payload {
            Payload::Blank => types::Payload::Blank,
            Payload::Command(bytes) => types::Payload::Normal(types::Command(bytes)),
            Payload::Membership { voters, peers } => {
                let peers: BTreeMap<u64, types::Peer> = peers.into_iter().map(|(id, peer)| (id, peer.into())).collect();
                let membership = types::Membership::new(voters, peers)
                    .map_err(|error| Fault::Body(format!("membership: {error}")))?;
                types::Payload::Membership(membership)
            }
        };
        Ok(types::Entry { log_id: entry.id.into(), payload })
    }
}

impl From<&types::Peer> for Peer {
    fn from(peer: &types::Peer) -> Self {
        Peer { name: peer.name.clone(), address: peer.address.clone() }
    }
}

impl From<Peer> for types::Peer {
    fn from(peer: Peer) -> Self {
        types::Peer { name: peer.name, address: peer.address }
    }
}
