//! What is due at an instant of virtual time, in a fixed order.

use std::collections::BTreeMap;
use tenure_core::{
    Command, Entry, NodeName, OrderId, Reading, ResourceName, ServerName, Time,
    node::{Input, Proposal},
};

/// Something that happens by itself when its time has come.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// Watchdogs are looked at, and whoever is heard gets what it misses of the log.
    Beat,
    /// A proposal that the leader of this term appended is committed, if it still leads.
    Commit { term: u64, entry: Entry, by: Option<(NodeName, u32, Proposal)> },
    /// A node applies what the log holds.
    Apply(NodeName),
    /// Something that concerns one life of one node, and waits while that node is paused.
    Node { node: NodeName, life: u32, what: NodeEvent },
}

/// Something that happens at, or for, a node.
#[derive(Clone, Debug)]
pub(super) enum NodeEvent {
    /// It wanted to be woken.
    Wake,
    /// Its agents look at everything inside it, at their pace.
    Monitor,
    /// They do so because somebody asks.
    Sense,
    /// Something happens to it.
    Input(Box<Input>),
    /// What it proposes looks for a leader, until then.
    Propose { of: Proposal, commands: Vec<Command>, until: Time },
    /// Its question arrives at an HMC.
    Look { server: ServerName, since: u64, serial: u64, why: Why },
    /// The answer is there.
    Seen { reading: Reading, why: Why },
    /// An agent looks at what an order is about.
    LookInside { why: WhyInside, resource: ResourceName, since: u64, serial: u64 },
}

/// What a reading is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Why {
    /// The node's rounds.
    Watch,
    /// An order asked.
    Order(OrderId),
}

/// What a look at something inside a node is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum WhyInside {
    /// An order asked.
    Order(OrderId),
    /// The node is alone.
    Alone,
}

/// Events by time, and within one instant in the order in which they were made.
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

    /// Takes the next event that is due.
    pub(super) fn pop(&mut self, now: Time) -> Option<Event> {
        let entry = self.events.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(entry.remove())
    }
}
