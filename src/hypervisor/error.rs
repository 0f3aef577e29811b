//! Errors of questions and commands to a hypervisor.
//!
//! The one distinction that matters: *definitely not done* or *maybe done*. It is made here, in the type, and nowhere
//! else guessed from text.

use std::fmt;

use tenure_core::{
    ForeignText,
    words::{Refusal, RefusalKind, Told},
};
use thiserror::Error;

/// The reason why one console could not answer a question or take a command.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[allow(missing_docs)] // what a name says is not said again
pub enum Failure {
    /// A name cannot be passed to a console safely; nothing was sent.
    #[error("bad argument: {reason}")]
    BadArgument {
        /// The reason.
        reason: ForeignText,
    },
    /// No console of that name is configured.
    #[error("not configured")]
    NotConfigured,
    /// No SSH session could be opened.
    #[error("unreachable: {reason}")]
    Unreachable { reason: ForeignText },
    /// It showed another host key than the configured one.
    #[error("host key mismatch: expected {expected}, presented {presented}")]
    HostKeyMismatch {
        /// The fingerprint in the configuration.
        expected: String,
        /// The algorithm and fingerprint of the key that it showed.
        presented: ForeignText,
    },
    /// This node's key cannot be read or used, so the console was not even contacted.
    #[error("identity unusable: {reason}")]
    IdentityUnusable { reason: ForeignText },
    /// It rejected the key of this node, now or earlier, or logins are held; no login is tried.
    #[error("authentication failed, stopped until reset: {reason}")]
    AuthenticationFailed {
        /// The reason.
        reason: ForeignText,
    },
    /// The time for this console ended before the command could be sent.
    #[error("no time left to send the command")]
    TimeoutBeforeSending,
    /// Other commands were before it for so long that it was not sent. Says nothing of the console.
    #[error("other commands were before it for too long")]
    NoTurn,
    /// The command was sent and did not end in time.
    #[error("no answer in time")]
    Timeout,
    /// The connection ended after the command was sent.
    #[error("connection lost after the command was sent")]
    ConnectionLost,
    /// Its answer is longer than the limit.
    #[error("answer longer than {limit} bytes")]
    AnswerTooLong {
        /// The limit.
        limit: usize,
    },
    /// Its answer cannot be parsed.
    #[error("answer not understood: {reason}")]
    NotUnderstood {
        /// The reason.
        reason: ForeignText,
    },
    /// It refused.
    #[error("refused: {0}")]
    Refused(Refusal),
}

/// The failure of one console in a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The console.
    pub via: String,
    /// Its failure.
    pub failure: Failure,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.via, self.failure)
    }
}

fn list(attempts: &[Attempt]) -> String {
    attempts.iter().map(Attempt::to_string).collect::<Vec<_>>().join("; ")
}

/// A question about a server that no console answered. Nothing follows for the server.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[allow(missing_docs)] // what a name says is not said again
pub enum ReadError {
    /// No console is configured for the server.
    #[error("read server {server}: no management console is configured for it")]
    NoConsole { server: String },
    /// A console was busy with other commands for too long, so that it was not asked; no other one answered.
    #[error("read server {server}: no turn ({})", list(attempts))]
    NoTurn {
        server: String,
        /// The failure of each console.
        attempts: Vec<Attempt>,
    },
    /// All consoles were asked, in order, and none answered.
    #[error("read server {server}: no answer ({})", list(attempts))]
    NoAnswer {
        server: String,
        /// The failure of each console.
        attempts: Vec<Attempt>,
    },
}

/// A command that was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CommandError {
    /// A console looked at the command, or at the check before it, and refused it. Definitely not done.
    #[error("{operation}: {via} refused: {refusal}")]
    Refused {
        /// The operation and its object.
        operation: String,
        /// The console.
        via: String,
        /// Its message.
        refusal: Refusal,
    },
    /// The command was sent, and its outcome is unknown. It may have taken effect, or still take effect. It was not
    /// repeated anywhere.
    #[error("{operation}: outcome unknown, sent to {via}: {failure}")]
    Unknown {
        /// The operation and its object.
        operation: String,
        /// The console.
        via: String,
        /// The reason why the outcome is unknown.
        failure: Failure,
    },
    /// The command could not be sent to any console. Definitely not done.
    #[error("{operation}: not sent ({})", list(attempts))]
    NotSent {
        /// The operation and its object.
        operation: String,
        /// The failure of each console.
        attempts: Vec<Attempt>,
    },
}

impl CommandError {
    /// Whether it is certain that the command had and will have no effect.
    pub fn is_definite(&self) -> bool {
        match self {
            Self::Refused { .. } | Self::NotSent { .. } => true,
            Self::Unknown { .. } => false,
        }
    }

    /// The meaning of the refusal, if this is one.
    pub fn refusal_kind(&self) -> Option<RefusalKind> {
        match self {
            Self::Refused { refusal, .. } => Some(refusal.kind),
            Self::Unknown { .. } | Self::NotSent { .. } => None,
        }
    }

    /// The result of a command, in the core's terms.
    pub fn told(result: Result<(), Self>) -> Told {
        let Err(error) = result else { return Told::Accepted };
        let why = error.to_string();
        match error {
            Self::Refused { refusal, .. } => Told::Refused { kind: refusal.kind, why: why.into() },
            Self::Unknown { .. } => Told::Unknown(why.into()),
            Self::NotSent { .. } => Told::NotSent(why.into()),
        }
    }
}
