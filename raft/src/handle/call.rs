//! Calls of the application from node to node.

use std::time::Duration;

use openraft::type_config::TypeConfigExt;
use tenure_storage::Types;

use super::Handle;
use crate::codec::Blob;
use crate::machine::StateMachine;
use crate::message::{Kind, NoAnswer, read_answer};
use crate::wire::{Lane, WireError};

/// The longest call and the longest answer.
pub(crate) const MAX_CALL: usize = 10 << 20;

/// A call brought no answer of the other node's application.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// This node knows no member with that id.
    #[error("call node {0}: it is not a member")]
    NotAMember(u64),
    /// The body is too long. Nothing was sent.
    #[error("call node {to}: {bytes} bytes are too many")]
    TooLong {
        /// The callee.
        to: u64,
        /// Length of the body in bytes.
        bytes: usize,
    },
    /// The connection failed; [`WireError::may_have_arrived`] says whether the call may have taken effect.
    #[error("call node {to}")]
    Wire {
        /// The callee.
        to: u64,
        /// The error.
        #[source]
        source: WireError,
    },
    /// The other node answered, but its answer is not one of its application.
    #[error("call node {to}: {reason}")]
    BadAnswer {
        /// The callee.
        to: u64,
        /// The error in the answer.
        reason: String,
    },
    /// The other node's handler refused.
    #[error("call node {to}: it answers: {reason}")]
    Handler {
        /// The callee.
        to: u64,
        /// The handler's reason.
        reason: String,
    },
}

impl<S: StateMachine, C: Types> Handle<S, C> {
    /// Asks the application of another member, on a connection that log entries and snapshots do not use. A call to this
    /// node itself goes straight to its own handler.
    pub async fn call(&self, to: u64, body: Vec<u8>, deadline: Duration) -> Result<Vec<u8>, CallError> {
        if body.len() > MAX_CALL {
            return Err(CallError::TooLong { to, bytes: body.len() });
        }
        let refused = |reason| CallError::Handler { to, reason };
        let failed = |source| CallError::Wire { to, source };
        if to == self.inner.id {
            let answering = self.inner.app.call(to, body);
            let answered = C::timeout(deadline, answering).await;
            return answered.map_err(|_| failed(WireError::TimedOut { sent: true }))?.map_err(refused);
        }
        let peer = self.peer_of(to).ok_or(CallError::NotAMember(to))?;
        let answered = self.inner.wire.send(to, &peer, Lane::App, Kind::Call.raw(&body), deadline).await;
        match read_answer::<Result<Blob, String>>(answered) {
            Ok(Ok(Blob(bytes))) => Ok(bytes),
            Ok(Err(reason)) => Err(refused(reason)),
            Err(NoAnswer::Wire(source)) => Err(failed(source)),
            Err(error @ (NoAnswer::Stopped(_) | NoAnswer::Malformed(_))) => {
                Err(CallError::BadAnswer { to, reason: error.to_string() })
            }
        }
    }
}
