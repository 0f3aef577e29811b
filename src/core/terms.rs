//! What is said with a freeze, a drain or a disarm: why, and for how long.

use crate::{ForeignText, GroupName, ServerName, Span, Time};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What an operator says with such a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// The reason.
    #[serde(default)]
    pub reason: Option<ForeignText>,
    /// Time after which it ends by itself.
    #[serde(default)]
    pub lasts: Option<Span>,
}

impl Terms {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Terms::default()
    }
}

/// In words, behind the request: ` for 2h (patching)`.
impl fmt::Display for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(lasts) = self.lasts {
            write!(f, " for {lasts}")?;
        }
        if let Some(reason) = &self.reason {
            write!(f, " ({reason})")?;
        }
        Ok(())
    }
}

/// What is kept of it while it lasts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Who asked for it.
    pub by: ForeignText,
    /// The reason, if one was given.
    pub reason: Option<ForeignText>,
    /// Cluster time at which it was asked for.
    pub since: Time,
    /// Cluster time at which it ends by itself.
    pub until: Option<Time>,
}

impl Kept {
    /// Whether its time is over.
    pub fn is_over(&self, now: Time) -> bool {
        self.until.is_some_and(|until| now >= until)
    }
}

/// In words: ` (asked by alice: patching)`.
impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Some(reason) => write!(f, " (asked by {}: {reason})", self.by),
            None => write!(f, " (asked by {})", self.by),
        }
    }
}

/// Something that is kept until an operator ends it, or its time is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Keep {
    /// The freeze of a group.
    Group(GroupName),
    /// The freeze of a server.
    Server(ServerName),
    /// The drain of a server.
    Drain(ServerName),
    /// The disarming of the cluster.
    Cluster,
}

/// In words, as of something that is over: `group web is no longer frozen`.
impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Keep::Group(group) => write!(f, "group {group} is no longer frozen"),
            Keep::Server(server) => write!(f, "server {server} is no longer frozen"),
            Keep::Drain(server) => write!(f, "server {server} is no longer drained"),
            Keep::Cluster => f.write_str("the cluster is armed again"),
        }
    }
}
