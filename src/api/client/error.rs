//! Errors of the client's requests.

use super::{Attempt, Kind};
use crate::api::{
    ELSEWHERE,
    wire::{ErrorKind, ErrorView},
};
use std::fmt::Write;
use tenure_raft::tls::TlsError;

/// The failure of a request.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // what a name says is not said again
pub enum ClientError {
    /// A node answered with an error.
    #[error("{}", .0.message)]
    Answered(ErrorView),
    /// No node could be asked; nothing happened.
    #[error("no node answers: {0}")]
    Unreachable(String),
    /// The request was sent to this node and no answer came: it may have happened.
    #[error("{node} was asked and did not answer ({why}); it may have happened")]
    Unknown {
        node: String,
        /// The error while waiting for the answer.
        why: String,
        /// The identity of the request, for a safe repetition.
        request_id: Option<String>,
    },
    /// An answer could not be decoded.
    #[error("the answer is not understood: {0}")]
    Garbled(String),
    /// The identity or its trust anchor is unusable.
    #[error("use the identity")]
    Identity(#[source] TlsError),
    /// The client could not be set up.
    #[error("{0}")]
    Setup(String),
}

impl ClientError {
    /// The kind of the error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            ClientError::Answered(error) => error.kind,
            ClientError::Unreachable(_) => ErrorKind::Unreachable,
            ClientError::Unknown { .. } | ClientError::Garbled(_) => ErrorKind::Unknown,
            ClientError::Identity(_) | ClientError::Setup(_) => ErrorKind::Usage,
        }
    }

    /// The same error as a view, for programs.
    pub fn view(&self) -> ErrorView {
        let suggestion = match self {
            ClientError::Answered(error) => return error.clone(),
            ClientError::Unknown { request_id: Some(id), .. } => {
                format!("look with `tenure status`; to repeat it safely, add --request-id {id}")
            }
            ClientError::Identity(_) => {
                "name the directory of user.pem, user.key and ca.pem with --identity".to_owned()
            }
            ClientError::Setup(_) => "name a node with --node HOST:PORT, or in TENURE_NODES".to_owned(),
            ClientError::Unreachable(_) | ClientError::Unknown { .. } | ClientError::Garbled(_) => {
                self.kind().suggestion().to_owned()
            }
        };
        ErrorView::new(self.kind(), chain(self)).advise(suggestion)
    }

    /// Adds the identity of the request, for a safe repetition.
    pub(super) fn with_request(self, id: &str) -> Self {
        match self {
            ClientError::Unknown { node, why, request_id: _ } => {
                ClientError::Unknown { node, why, request_id: Some(id.to_owned()) }
            }
            ClientError::Answered(mut error) if error.kind == ErrorKind::Unknown => {
                error.suggestion =
                    Some(format!("look with `tenure status`; to repeat it safely, add --request-id {id}"));
                ClientError::Answered(error)
            }
            other => other,
        }
    }
}

/// The nodes tried in vain.
#[derive(Default)]
pub(super) struct Tried {
    silent: Vec<String>,
    answer: Option<ErrorView>,
}

impl Tried {
    pub(super) fn failed(&mut self, node: &str, why: String) {
        self.silent.push(format!("{node} ({why})"));
    }
    pub(super) fn answered(&mut self, node: &str, mut error: ErrorView) {
        error.message = format!("{} (says {node})", error.message);
        self.answer = Some(error);
    }
    /// Takes a failed attempt. `Err` if no other node may be asked after it.
    pub(super) fn take(&mut self, node: &str, attempt: Attempt, kind: Kind) -> Result<(), ClientError> {
        match attempt {
            Attempt::NotSent(why) => self.failed(node, why),
            Attempt::Lost(why) if kind == Kind::Question => self.failed(node, why),
            Attempt::Lost(why) => {
                return Err(ClientError::Unknown { node: node.to_owned(), why, request_id: None });
            }
            Attempt::Answered(error) => {
                let elsewhere = match error.kind {
                    ErrorKind::NotLeader | ErrorKind::Unreachable => true,
                    ErrorKind::Unknown => kind == Kind::Question,
                    // Nothing has happened, and another node can.
                    ErrorKind::Refused => error.code.as_deref() == Some(ELSEWHERE),
                    ErrorKind::Usage => false,
                };
                if !elsewhere {
                    return Err(ClientError::Answered(error));
                }
                self.answered(node, error);
            }
        }
        Ok(())
    }

    /// The answer of a node is worth more than the silence of others.
    pub(super) fn into_error(self) -> ClientError {
        match self.answer {
            Some(error) => ClientError::Answered(error),
            None => ClientError::Unreachable(self.silent.join(", ")),
        }
    }
}

/// An error with its causes in one line, each only once.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            let _ = write!(text, ": {cause_text}");
        }
        next = cause.source();
    }
    text
}

/// The innermost cause of an error of the HTTP client: the layers above only say that a request was sent.
pub(super) fn bottom(error: &dyn std::error::Error) -> String {
    let mut bottom = error;
    while let Some(cause) = bottom.source() {
        bottom = cause;
    }
    bottom.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_node_is_asked_if_this_one_merely_lacks_something() {
        let refused = |code: &str| {
            let code = Some(code.to_owned());
            Attempt::Answered(ErrorView { code, ..ErrorView::new(ErrorKind::Refused, "no".to_owned()) })
        };
        let mut tried = Tried::default();
        assert!(tried.take("p1:7101", refused(ELSEWHERE), Kind::Change).is_ok());
        assert!(tried.take("p2:7101", refused("not_permitted"), Kind::Change).is_err());
        assert_eq!(tried.into_error().to_string(), "no (says p1:7101)");
    }
}
