//! What is due at an instant of virtual time, in a fixed order.

use std::collections::BTreeMap;
use tenure_core::{Entry, NodeName, OrderId, Reading, ResourceName, ServerName, Time, carry::Answer};

/// Something that happens by itself when its time has come.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// Heartbeats are exchanged, leases renewed, missing entries and reports sent again.
    Beat,
    /// The leader of this term plans.
    Plan { term: u64 },
    /// A proposal of the leader of this term is committed, if it still leads.
    Commit { term: u64, entry: Entry },
    /// A node applies what the log holds.
    Apply(NodeName),
    /// Something that concerns one life of one node, and waits while that node is paused.
    Node { node: NodeName, life: u32, what: NodeEvent },
}

/// Something that happens at, or for, a node.
#[derive(Clone, Debug)]
pub(super) enum NodeEvent {
    /// It reads the servers that it manages.
    Monitor,
    /// Its question arrives at an HMC.
    Look { server: ServerName, since: u64, serial: u64, why: Why },
    /// The answer is there.
    Seen { reading: Reading, why: Why },
    /// An agent looks at what an order is about.
    LookInside { order: OrderId, resource: ResourceName, since: u64, serial: u64 },
    /// A pause within an order is over.
    Paused(OrderId),
    /// A program that an order runs has ended.
    Ran(OrderId, Answer),
}

/// What a reading is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Why {
    /// To tell the leader.
    Watch,
    /// An order asked.
    Order(OrderId),
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
