//! Proofs that something is off; and conflicts: copies that are active without right.

use super::join;
use crate::{ForeignText, NodeName, OrderId, ResourceName, ServerName, Span};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Display},
};

/// Evidence that nothing runs under a tenure any more.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // what a name says is not said again
pub enum Proof {
    /// Every LPAR of the group was read off, live, after the last start could take effect.
    ReadOff {
        /// Log index that the oldest of these readings followed.
        since: u64,
        /// Resources that were not read off because they are not defined there.
        undefined: BTreeSet<ResourceName>,
    },
    /// The server itself is proven off.
    ServerOff(OffHow),
    /// The node inside which the group lived is proven off; its other resources were read off.
    NodeOff { node: NodeName, how: NodeOffHow },
}

impl Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Proof::ReadOff { since, undefined } if undefined.is_empty() => {
                write!(f, "every resource read Off after log index {since}")
            }
            Proof::ReadOff { since, undefined } => {
                write!(f, "every resource read Off after log index {since}, but {} not defined there", join(undefined))
            }
            Proof::ServerOff(how) => write!(f, "the server is off, {how}"),
            Proof::NodeOff { node, how } => write!(f, "node {node} is off, {how}"),
        }
    }
}

/// The proof that nothing runs inside a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub enum NodeOffHow {
    /// Its LPAR was read off, by a reading that began after the node could be granted a lease for the last time.
    ReadOff {
        /// Log index that the reading followed.
        since: u64,
    },
    /// Its LPAR was cut off and read off, by this order.
    Fenced {
        order: OrderId,
        /// The node that carried it out.
        by: NodeName,
    },
    /// Its server was proven off, and it has not been heard since.
    Server,
    /// Its watchdog has had the time to reset it since its last lease ended.
    Watchdog {
        /// Time from the end of the last lease to the reset.
        after: Span,
    },
    /// This operator asserted it.
    Operator { name: ForeignText },
}

impl Display for NodeOffHow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NodeOffHow::ReadOff { since } => write!(f, "its LPAR read Off after log index {since}"),
            NodeOffHow::Fenced { order, by } => write!(f, "its LPAR cut off and read back by {by} (order {order})"),
            NodeOffHow::Watchdog { after } => {
                write!(f, "its watchdog resets it {after} after its last lease, and that has passed")
            }
            NodeOffHow::Server => f.write_str("its server was off, and it has not been heard since"),
            NodeOffHow::Operator { name } => write!(f, "asserted by operator {name}"),
        }
    }
}

/// The proof that a server is off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub enum OffHow {
    /// It was powered off and read off, by this order.
    Fenced {
        order: OrderId,
        /// The node that carried it out.
        by: NodeName,
    },
    /// This operator asserted it.
    Operator { name: ForeignText },
}

impl Display for OffHow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OffHow::Fenced { order, by } => write!(f, "powered off and read back by {by} (order {order})"),
            OffHow::Operator { name } => write!(f, "asserted by operator {name}"),
        }
    }
}

/// More than one copy of a group is active, or a copy without right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// The resources that were found active, by server.
    pub active: BTreeMap<ServerName, BTreeSet<ResourceName>>,
}

impl Conflict {
    /// Whether every resource that is active elsewhere is active on this server too.
    pub fn is_whole(&self, server: &ServerName) -> bool {
        let here = self.active.get(server);
        self.active.values().flatten().all(|resource| here.is_some_and(|here| here.contains(resource)))
    }
}

impl Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places: Vec<String> =
            self.active.iter().map(|(server, resources)| format!("{} on {server}", join(resources))).collect();
        f.write_str(&places.join(" and "))
    }
}
