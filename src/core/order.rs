//! Orders: actions that a node owes, and the reports that answer them.

use crate::{ForeignText, GroupName, NodeName, Reading, ResourceName, Seen, ServerName, Span, Time, config::Trigger};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// Identity of an order: the log index that issued it and its place in that entry. Never reused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OrderId {
    /// Log index of the entry that issued the order.
    pub index: u64,
    /// Place of the order within that entry.
    pub ordinal: u32,
}

impl OrderId {
    /// Whether what was observed by a node that had applied the log up to `since` began after this order was given.
    pub fn precedes(self, since: u64) -> bool {
        since >= self.index
    }
}

/// A number that grows with every grant of a tenure and is never reused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u64);

/// The action of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub enum Action {
    /// Start a resource under a tenure.
    Start {
        /// The group that holds the tenure.
        group: GroupName,
        /// The resource to start.
        resource: ResourceName,
        /// The tenure under which it may run.
        epoch: Epoch,
        /// Servers of the system list for which the ledger holds a proof that no copy runs there. On any other server
        /// the executor must read the copy off before it starts this one.
        vouched: BTreeSet<ServerName>,
        /// Server from which its definition must be brought first: for an LPAR that is defined on one server at a time.
        home: Option<ServerName>,
    },
    /// Bring a resource down and read it off.
    Stop {
        /// The resource to stop.
        resource: ResourceName,
        /// Time for the operating system to shut down before it is cut off; zero cuts it off at once.
        grace: Span,
    },
    /// Power the server off and read that back.
    Fence,
    /// Cut the LPAR of a node off and read that back.
    FenceNode { node: NodeName },
    /// Move an LPAR to another server while it runs.
    Migrate {
        /// The group that holds the tenure.
        group: GroupName,
        /// The LPAR to move.
        resource: ResourceName,
        /// The tenure that covers both servers.
        epoch: Epoch,
        /// The target.
        to: ServerName,
    },
    /// End the move of an LPAR, wherever that leaves it.
    StopMigration {
        /// The LPAR.
        resource: ResourceName,
        /// The source of the move.
        from: ServerName,
        /// The target of the move.
        to: ServerName,
    },
    /// Run a hook. At most once: it is not ordered again, however it ends.
    Hook {
        /// The group that the event is about.
        group: GroupName,
        /// The event.
        trigger: Trigger,
        /// Absolute path of the program on the node.
        program: String,
        /// Arguments of the program.
        arguments: Vec<String>,
    },
}

/// An action that a node owes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Identity.
    pub id: OrderId,
    /// The node that carries it out.
    pub node: NodeName,
    /// The server on which it acts.
    pub server: ServerName,
    /// The action.
    pub action: Action,
    /// Time of issue.
    pub issued: Time,
    /// Time limit for the node, from the moment it learns of the order, on its own clock.
    pub budget: Span,
}

/// Outcome of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// Done, and read back.
    Done,
    /// The hypervisor refused, so it is definitely not done, and it will not be done later.
    Refused(ForeignText),
    /// It could not be tried, so it is definitely not done. Says nothing about the resource or its server.
    NotDone(ForeignText),
    /// It may have been done, or may be done yet.
    Unknown(ForeignText),
}

/// A node's answer to an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The order answered.
    pub order: OrderId,
    /// The outcome.
    pub ending: Ending,
    /// Readings made on the way, the last one of each server.
    pub readings: Vec<Reading>,
    /// The last looks at the resources of the order, if they live inside the node.
    pub seen: BTreeMap<ResourceName, Seen>,
}

impl Action {
    /// The resource that the action is about.
    pub fn resource(&self) -> Option<&ResourceName> {
        match self {
            Action::Start { resource, .. }
            | Action::Stop { resource, .. }
            | Action::Migrate { resource, .. }
            | Action::StopMigration { resource, .. } => Some(resource),
            Action::Fence | Action::FenceNode { .. } | Action::Hook { .. } => None,
        }
    }
    /// Whether the action is to start a resource.
    pub fn is_start(&self) -> bool {
        matches!(self, Action::Start { .. })
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.index, self.ordinal)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Start { resource, .. } => write!(f, "start {resource}"),
            Action::Stop { resource, grace: Span(0) } => write!(f, "stop {resource} at once"),
            Action::Stop { resource, .. } => write!(f, "stop {resource}"),
            Action::Fence => f.write_str("power off"),
            Action::FenceNode { node } => write!(f, "cut off the LPAR of node {node}"),
            Action::Migrate { resource, to, .. } => write!(f, "migrate {resource} to {to}"),
            Action::StopMigration { resource, .. } => write!(f, "stop the migration of {resource}"),
            Action::Hook { group, trigger, .. } => write!(f, "{} hook of {group}", trigger.word()),
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::Done => f.write_str("done"),
            Ending::Refused(why) => write!(f, "refused: {why}"),
            Ending::NotDone(why) => write!(f, "not done: {why}"),
            Ending::Unknown(why) => write!(f, "outcome unknown: {why}"),
        }
    }
}
