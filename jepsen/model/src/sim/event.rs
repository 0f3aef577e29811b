//! Events due at an instant of virtual time, in a fixed order.

use std::collections::BTreeMap;
use tenure_core::{
    Command, Entry, HmcName, NodeName, OrderId, Reading, ResourceName, ServerName, Time,
    node::{Input, Proposal},
};

/// An event that happens at its time.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// Watchdogs are checked, and connected nodes receive the entries that they miss.
    Beat,
    /// A proposal that the leader of this term appended is committed, if it is still the leader.
    Commit { term: u64, entry: Entry, by: Option<(NodeName, u32, Proposal)> },
    /// A node applies the log.
    Apply(NodeName),
    /// An event of one life of one node; it waits while that node is paused.
    Node { node: NodeName, life: u32, what: NodeEvent },
}

/// An event at a node.
#[derive(Clone, Debug)]
pub(super) enum NodeEvent {
    /// The wake-up that the node requested.
    Wake,
    /// Its agents look at everything inside it: their periodic look.
    Monitor,
    /// The same, on request.
    Sense,
    /// An input to the node.
    Input(Box<Input>),
    /// A proposal of the node looks for a leader, until this time.
    Propose { of: Proposal, commands: Vec<Command>, until: Time },
    /// Its request for a reading arrives at an HMC.
    Look { server: ServerName, since: u64, serial: u64, why: Why },
    /// The reading arrives at the node.
    Seen { reading: Reading, why: Why },
    /// It logs in to an HMC.
    LogIn(HmcName),
    /// An agent looks at the resource of an order, or at one that the node must stop.
    LookInside { why: WhyInside, resource: ResourceName, since: u64, serial: u64 },
}

/// Purpose of a reading.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Why {
    /// Periodic reading by the node.
    Watch,
    /// Requested by an order.
    Order(OrderId),
}

/// Purpose of a look at a resource inside a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum WhyInside {
    /// Requested by an order.
    Order(OrderId),
    /// The node is isolated.
    Alone,
}

/// Events by time, and in the order of their creation within one instant.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    made: u64,
    events: BTreeMap<(Time, u64), Event>,
}

impl Queue {
    pub(super) fn push(&mut self, at: Time, event: Event) {
        self.made += 1;
        self.events.insert((at, self.made), event);
    }

    pub(super) fn next_at(&self) -> Option<Time> {
        self.events.first_key_value().map(|((at, _), _)| *at)
    }

    /// Whether an entry is being committed.
    pub(super) fn commits(&self) -> bool {
        self.events.values().any(|event| matches!(event, Event::Commit { .. }))
    }

    /// Removes the next event that is due.
    pub(super) fn pop(&mut self, now: Time) -> Option<Event> {
        let entry = self.events.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(entry.remove())
    }
}
