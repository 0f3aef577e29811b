//! What maintenance remembers: of the cluster, of a server, of a group.

use crate::{GroupName, ResourceName, ServerName, Time, note::ServerWait};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What is kept back in the whole cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Maintenance {
    /// Nothing is started, stopped, moved, fenced or granted.
    pub disarmed: bool,
    /// Too many servers were lost at once: nothing is started elsewhere until an operator says go on.
    pub storm: Option<Storm>,
    /// Servers of storms that operators have let pass. They count again once they have come back.
    pub forgiven: BTreeSet<ServerName>,
}

/// Many servers lost at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Storm {
    /// Since when.
    pub since: Time,
    pub servers: BTreeSet<ServerName>,
}

/// What is kept back on a server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upkeep {
    /// It takes no new work; what runs there stays.
    pub frozen: bool,
    /// It is being emptied, or was.
    pub drain: Option<Drain>,
    /// Groups that a drain took away and that are to come back.
    pub returning: BTreeSet<GroupName>,
    /// When it came back lately, oldest first; those after which a drain waited for it left out.
    pub returns: Vec<Time>,
    /// It came back too often: until when it takes no new work.
    pub quarantine: Option<Time>,
    /// When it last began to take work again, after it had not.
    pub open_since: Option<Time>,
}

/// A server that is kept empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drain {
    /// What for.
    pub purpose: Purpose,
    /// Since when.
    pub since: Time,
    /// What it took away, for bringing it back.
    pub moved: BTreeSet<GroupName>,
    /// What was last said of how it ended. Readings come and go in between, and it is said once.
    pub told: Option<ServerWait>,
}

/// What a server is emptied for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// Everything that may move goes elsewhere.
    Drain,
    /// It is to be powered off: every group goes by its `shutdown` policy.
    Shutdown,
}

/// What is kept back of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupUpkeep {
    /// An operator froze it, whatever its declaration says.
    pub frozen: bool,
    /// Its server was proven off and its policy is to wait: not started until an operator enables it.
    pub disabled: Option<ServerName>,
    /// It was stopped because this server is shut down, and starts again when that is back.
    pub parked: Option<ServerName>,
    /// A move of it, while it runs, ended where it began: the planner tries none again under this tenure.
    pub stayed: bool,
    /// When each resource of it was started by no order of ours, lately.
    pub strange: BTreeMap<ResourceName, Vec<Time>>,
    /// It is frozen because somebody else manages it, too.
    pub strangers: bool,
    /// When an operator last cleared its faults.
    pub cleared: Option<Time>,
}
