//! What this node last heard of each manager, and trying a manager that is to be declared.

use super::Failure;
use std::time::Duration;
use tenure_core::{ForeignText, ledger::Trouble};
use tokio::time::Instant;

/// A node's last contact with a manager that it has asked something.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // what a name says is not said again
pub struct ManagerContact {
    pub name: String,
    /// When it was last asked something, or could not be asked.
    pub asked: Instant,
    /// When it last answered, even by a refusal.
    pub answered: Option<Instant>,
    /// The time that this answer took, without waiting for a turn.
    pub took: Option<Duration>,
    /// The failure of the last question.
    pub failure: Option<Failure>,
}

impl ManagerContact {
    /// The trouble with it, `None` if it answers. Nothing is known about that if it refuses the login, or if logins
    /// are held.
    pub fn trouble(&self) -> Option<Option<Trouble>> {
        let Some(failure) = &self.failure else { return Some(None) };
        let trouble = match failure {
            // One that was not asked has told nothing.
            Failure::AuthenticationFailed { .. } | Failure::NoTurn => return None,
            Failure::HostKeyMismatch { presented, .. } => Trouble::HostKey { shown: presented.clone() },
            Failure::IdentityUnusable { reason } => Trouble::OwnKey { why: reason.clone() },
            Failure::Unreachable { reason } => Trouble::Silent { why: reason.clone() },
            Failure::TimeoutBeforeSending | Failure::Timeout | Failure::ConnectionLost => {
                Trouble::Silent { why: failure.to_string().into() }
            }
            Failure::BadArgument { .. }
            | Failure::NotConfigured
            | Failure::AnswerTooLong { .. }
            | Failure::NotUnderstood { .. }
            | Failure::Refused(_) => return Some(None),
        };
        Some(Some(trouble))
    }
}

/// The reason why a manager cannot be used as it is to be declared.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // what a name says is not said again
pub enum Unfit {
    /// It could not be reached, or did not answer.
    Silent(ForeignText),
    /// It shows this host key, and not the declared one. Nothing was sent.
    HostKey { shown: ForeignText },
    /// It refused the login.
    Refused(ForeignText),
    /// It refused the same login several times lately, so it was not tried.
    TooOften,
    /// This node cannot use its own key.
    OwnKey(ForeignText),
    /// This node has no key for managers.
    NoKey,
}

impl From<&Failure> for Unfit {
    fn from(failure: &Failure) -> Self {
        match failure {
            Failure::HostKeyMismatch { presented, .. } => Unfit::HostKey { shown: presented.clone() },
            Failure::IdentityUnusable { reason } => Unfit::OwnKey(reason.clone()),
            Failure::AuthenticationFailed { reason } => Unfit::Refused(reason.clone()),
            Failure::Unreachable { reason } => Unfit::Silent(reason.clone()),
            Failure::TimeoutBeforeSending
            | Failure::NoTurn
            | Failure::Timeout
            | Failure::ConnectionLost
            | Failure::BadArgument { .. }
            | Failure::NotConfigured
            | Failure::AnswerTooLong { .. }
            | Failure::NotUnderstood { .. }
            | Failure::Refused(_) => Unfit::Silent(failure.to_string().into()),
        }
    }
}
