//! The state machine as consensus sees it: the product's state, what was applied last, the membership, the feature level.
//!
//! Promises: commands are applied in order, each once; a snapshot holds all four together and is verified before it is
//! taken up; making one stops commands only for the time of [`StateMachine::image`]; a command of a kind or level that this
//! program does not know stops the node, because skipping it would let the replicas part.

mod applied;
mod command;
mod envelope;
mod growth;
mod snapshot;

pub(crate) use applied::{Applied, FIRST_LEVEL, Shared, Snapshot};
pub(crate) use command::{Read as Content, raise, read as content, tagged};
pub(crate) use envelope::{Head, open, seal, sealed};
pub(crate) use growth::Growth;
pub(crate) use snapshot::Released;

/// The place for heavy work that must not hold up consensus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offload {
    /// On a thread of the runtime that may block.
    Thread,
    /// In place: a simulated runtime has no threads.
    Inline,
}
