//! The parts that the product provides: a state machine over opaque commands, and a handler of calls between nodes.

use futures::future::BoxFuture;

/// A snapshot's state cannot be taken up.
#[derive(Debug, Clone, thiserror::Error)]
#[error("restore the state machine: {reason}")]
pub struct RestoreError {
    /// The error in the bytes.
    pub reason: String,
}

/// The replicated state. Commands, replies and images are bytes here; the product owns their encoding and its versions.
pub trait StateMachine: Send + Sync + 'static {
    /// A cheap copy of the state, from which a snapshot is encoded while commands go on.
    type Image: Send + 'static;

    /// Applies one committed command and gives the reply to its proposer. Total and deterministic: the same commands give
    /// the same state and replies on every node, whatever bytes they carry.
    fn apply(&mut self, index: u64, command: &[u8]) -> Vec<u8>;

    /// The leader looks at a command before it appends it, and may seal into it what only a leader can say, such as the time
    /// and who sent it. `from` is the node by whose connection it came, by its certificate; `None` for this node's own. An
    /// error goes back to the proposer: the command is not appended.
    fn seal(&self, command: Vec<u8>, from: Option<&str>) -> Result<Vec<u8>, String> {
        let _ = from;
        Ok(command)
    }

    /// The feature level was raised, at this place of the log: every command after it is applied by the rules of that level,
    /// on every node, whatever its build. A state that takes it up is expected to keep it in its image.
    fn raised(&mut self, level: u32) {
        let _ = level;
    }

    /// Copies the state. Commands wait for this, so it must be quick.
    fn image(&self) -> Self::Image;

    /// Encodes an image. Runs beside the state machine, on a thread that may block.
    fn encode(image: Self::Image) -> Vec<u8>;

    /// Replaces the state by an encoded image.
    fn restore(&mut self, bytes: &[u8]) -> Result<(), RestoreError>;
}

/// Answers the calls that other nodes make with [`Handle::call`](crate::Handle::call).
pub trait AppHandler: Send + Sync + 'static {
    /// Answers one call from the node with Raft id `from`. An error travels back as text. The caller's deadline also ends
    /// this future.
    fn call(&self, from: u64, body: Vec<u8>) -> BoxFuture<'static, Result<Vec<u8>, String>>;
}
