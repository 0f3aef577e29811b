//! State of maintenance: of the cluster, of a server, of a group.

use crate::{GroupName, NodeName, ResourceName, ServerName, Time, note::ServerWait, terms::Kept};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Maintenance state of the whole cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Maintenance {
    /// Whether the cluster is disarmed: nothing is started, stopped, moved, fenced or granted.
    pub disarmed: bool,
    /// What was said when it was disarmed.
    pub disarm: Option<Kept>,
    /// Set when too many servers were lost at once: nothing is started elsewhere until an operator resumes.
    pub storm: Option<Storm>,
    /// Servers whose storm an operator has resumed from. They count again once they have come back.
    pub forgiven: BTreeSet<ServerName>,
    /// Nodes that were given up with a lost majority, or with the cluster of a restored backup, and have not joined anew. Until
    /// each of them is accounted for, the cluster is not armed.
    pub given_up: BTreeSet<NodeName>,
}

/// A storm: many servers lost at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Storm {
    /// Time at which it was found.
    pub since: Time,
    pub servers: BTreeSet<ServerName>,
}

/// Maintenance state of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upkeep {
    /// Whether it is frozen: it takes no new work; what runs there stays.
    pub frozen: bool,
    /// What was said when it was frozen.
    pub freeze: Option<Kept>,
    /// Set while it is being emptied, and kept empty.
    pub drain: Option<Drain>,
    /// Groups that a drain took away and that are to come back.
    pub returning: BTreeSet<GroupName>,
    /// Times at which it came back lately, oldest first; returns during a drain are left out.
    pub returns: Vec<Time>,
    /// End of its quarantine, which it is in because it came back too often: until then it takes no new work.
    pub quarantine: Option<Time>,
    /// Time since which it takes work again, after it had not.
    pub open_since: Option<Time>,
}

/// State of a drain: a server is emptied and kept empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drain {
    /// Its purpose.
    pub purpose: Purpose,
    /// What was said when it was asked for.
    pub kept: Kept,
    /// Groups that it took away, so that they can be brought back.
    pub moved: BTreeSet<GroupName>,
    /// The last note on its end. Readings come and go in between, and its end is noted once.
    pub told: Option<ServerWait>,
}

/// The purposes of emptying a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// Everything that may move goes elsewhere.
    Drain,
    /// It is to be powered off: every group goes by its `shutdown` policy.
    Shutdown,
}

/// Maintenance state of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupUpkeep {
    /// Whether an operator froze it, whatever its declaration says.
    pub frozen: bool,
    /// What that operator said; none if the planner froze it, because somebody else manages it, too.
    pub freeze: Option<Kept>,
    /// The server that was proven off under it, if its policy is to wait: it is not started until an operator enables
    /// it.
    pub disabled: Option<ServerName>,
    /// The server that was shut down under it, if it was stopped for that: it starts again when that server is back.
    pub parked: Option<ServerName>,
    /// Whether a live migration of it ended where it began: the planner tries none again under this tenure.
    pub stayed: bool,
    /// Times at which each resource of it was lately started by no order of ours.
    pub strange: BTreeMap<ResourceName, Vec<Time>>,
    /// Whether it is frozen because somebody else manages it, too.
    pub strangers: bool,
    /// Time at which an operator last cleared its faults.
    pub cleared: Option<Time>,
}
