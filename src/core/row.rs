//! The things and instants in the fields of verbs, refusals, notes and waits; each of these types is a table of rows.

use crate::{
    ForeignText, GroupName, HmcName, NodeName, OrderId, Power, ResourceName, ServerName, ServiceName, Span,
    SystemState, Terms, Time, UserName, Verb,
    config::{Need, Trigger},
    ledger::Incarnation,
    name::Thing,
    note::{
        Brake, CleanReason, Conflict, Decision, FaultReason, LeaveReason, NodeOffHow, NotHere, OffHow, Proof,
        ServerWait, Stay, Wait,
    },
    order::Epoch,
    placement::tolerance::Weakness,
    terms::{Keep, Kept},
    trust::{Need as Right, Purpose},
};
use std::collections::{BTreeMap, BTreeSet};

/// The thing or the instant that a field of a verb, a refusal, a note or a wait names, if it names one.
pub(crate) trait Names {
    fn thing(&self) -> Option<Thing<'_>> {
        None
    }

    fn instant(&self) -> Option<Time> {
        None
    }
}

/// The name of a group, resource, service, server, node or HMC.
pub(crate) trait Name: Names + for<'a> From<&'a str> {
    fn as_str(&self) -> &str;
}

macro_rules! names {
    ($($thing:ident: $name:ident),+) => {
        $(impl Names for $name {
            fn thing(&self) -> Option<Thing<'_>> {
                Some(Thing::$thing(self))
            }
        }
        impl Name for $name {
            fn as_str(&self) -> &str {
                self.as_str()
            }
        })+
    };
}
names!(Group: GroupName, Resource: ResourceName, Service: ServiceName, Server: ServerName, Node: NodeName, Hmc: HmcName, User: UserName);

impl<N: Name> Names for Option<N> {
    fn thing(&self) -> Option<Thing<'_>> {
        self.as_ref().and_then(Names::thing)
    }
}
impl Names for Verb {
    fn thing(&self) -> Option<Thing<'_>> {
        self.things().into_iter().next()
    }
}
impl Names for Keep {
    fn thing(&self) -> Option<Thing<'_>> {
        match self {
            Keep::Group(group) => group.thing(),
            Keep::Server(server) | Keep::Drain(server) => server.thing(),
            Keep::Cluster => None,
        }
    }
}
impl Names for Time {
    fn instant(&self) -> Option<Time> {
        Some(*self)
    }
}
impl Names for Option<Time> {
    fn instant(&self) -> Option<Time> {
        *self
    }
}
impl Names for Option<FaultReason> {}
impl<N> Names for BTreeSet<N> {}
impl<K, V> Names for BTreeMap<K, V> {}

macro_rules! name_nothing {
    ($($type:ty),+) => {
        $(impl Names for $type {})+
    };
}
name_nothing!(
    bool,
    u32,
    u64,
    usize,
    String,
    ForeignText,
    Span,
    Epoch,
    OrderId,
    Incarnation,
    Power,
    SystemState,
    Need,
    Trigger,
    Weakness,
    Right,
    Purpose,
    Terms,
    Kept
);
name_nothing!(NotHere, Wait, ServerWait, Brake, Decision, Stay, FaultReason, LeaveReason, CleanReason, Conflict, Proof);
name_nothing!(NodeOffHow, OffHow);
