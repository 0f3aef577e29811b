//! Founding a cluster.

use std::collections::BTreeMap;

use openraft::errors::{InitializeError as Refused, RaftError};
use tenure_storage::{Peer, Types};

use super::Handle;
use crate::machine::StateMachine;

/// A cluster was not founded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InitializeError {
    /// This node already belongs to a cluster. Nothing was changed.
    #[error("found a cluster: this node belongs to one already")]
    AlreadyInitialized,
    /// This node is not among the founders.
    #[error("found a cluster: this node ({0}) is not among its founders")]
    NotAMember(u64),
    /// This node has stopped.
    #[error("found a cluster: this node has stopped: {0}")]
    Stopped(String),
}

impl<S: StateMachine, C: Types> Handle<S, C> {
    /// Founds a cluster of these voters, this node among them. Done on one node, once; the others learn it from that one.
    pub async fn initialize(&self, members: BTreeMap<u64, Peer>) -> Result<(), InitializeError> {
        self.inner.raft.initialize(members).await.map_err(|error| match error {
            RaftError::APIError(Refused::NotAllowed(_)) => InitializeError::AlreadyInitialized,
            RaftError::APIError(Refused::NotInMembers(_)) => InitializeError::NotAMember(self.inner.id),
            RaftError::Fatal(fatal) => InitializeError::Stopped(fatal.to_string()),
        })
    }
}
