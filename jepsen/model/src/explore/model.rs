//! The state of the tiny world. Small, cloned often; what is large in it is shared.

use super::scope::Bounds;
use std::sync::Arc;
use tenure_core::{
    Ledger, Order, OrderId, Reading, Report, Time,
    carry::{Ask, Execution},
    command::Command,
    order::Epoch,
};

/// Servers.
pub(super) const SERVERS: usize = 2;
/// Nodes; the last is an arbiter, node `i` lives on server `i` otherwise.
pub(super) const NODES: usize = 3;
/// Most groups, of one LPAR each.
pub(super) const GROUPS: usize = 2;
/// Where groups are linked: the one that is needed, and the one that needs it.
pub(super) const CHILD: usize = 0;
pub(super) const PARENT: usize = 1;

/// Everything that is so.
#[derive(Clone, Debug)]
pub(super) struct State {
    /// The committed ledger, without its journal.
    pub ledger: Arc<Ledger>,
    /// The time that a leader would stamp.
    pub time: Time,
    pub servers: [Server; SERVERS],
    pub nodes: [Node; NODES],
    /// Reports that were not delivered.
    pub mail: Vec<Mail>,
    /// Activations, and moves, that were sent and may take effect.
    pub flights: Vec<Flight>,
    pub transit: Option<Transit>,
    /// The newest reading that the leader has of each server.
    pub view: [Option<Reading>; SERVERS],
    /// The leader plans nothing until it wakes; otherwise it plans as soon as there is anything to plan.
    pub stalled: bool,
    /// What a leader decided on an older ledger and has not committed.
    pub held: Option<Arc<Vec<Command>>>,
    /// Servers that an operator has drained.
    pub drained: [bool; SERVERS],
    /// Faults that may still happen.
    pub left: Bounds,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Power {
    On,
    Off,
    /// The witness reads `Error`, and the LPARs run on.
    Sick,
}

/// One copy of an LPAR, and who activated it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Copy {
    /// Not defined there.
    Absent,
    Off,
    /// Active because we ordered it.
    Ours,
    /// Active because its server started it by policy.
    Itself,
}

impl Copy {
    pub fn is_active(self) -> bool {
        matches!(self, Copy::Ours | Copy::Itself)
    }
}

/// A live migration under way, of the first group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Transit {
    /// The order whose command is answered when it is over.
    pub order: OrderId,
    pub from: usize,
    pub to: usize,
    /// The LPAR runs on the target already.
    pub switched: bool,
    /// It failed half-way, and must be cleared up.
    pub stuck: bool,
}

/// What a command on its way does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Start,
    /// Makes the LPAR of a lost server anew, and starts it.
    Anew,
    /// Begins a live migration to this server.
    Move(usize),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Server {
    pub power: Power,
    /// Whether the witness reaches the service processor.
    pub link: bool,
    pub copies: [Copy; GROUPS],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    Up,
    /// Runs, reaches the witness, and is cut off from the other nodes.
    Cut,
    Dead,
}

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub life: Life,
    pub lease: bool,
    /// Index up to which it has applied the log.
    pub index: u64,
    /// Readings that it has begun.
    pub serial: u64,
    /// Whether a lease that it holds came without the log up to there; only a mutant lets this happen.
    pub behind: bool,
    pub jobs: Vec<Arc<Job>>,
    /// Orders that it has answered and that its ledger still shows.
    pub done: Vec<OrderId>,
}

/// An order that a node carries out.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub exec: Execution,
    /// What is asked next.
    pub ask: Ask,
    /// The activation was sent and is not answered.
    pub sent: bool,
    /// Servers on which the LPAR has been active ever since the order was taken up.
    pub elsewhere: [bool; SERVERS],
    /// What was read on the other server.
    pub seen: Option<Reading>,
    /// It has paused: its time is over by then, however often it is gone on with after that.
    pub late: bool,
}

/// A report on its way.
#[derive(Clone, Debug)]
pub(super) struct Mail {
    pub node: usize,
    /// It left the node; otherwise it goes down with it.
    pub sent: bool,
    /// It was delivered before.
    pub again: bool,
    pub order: Arc<Order>,
    pub report: Arc<Report>,
}

/// An activation, or a move, on its way.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    pub what: What,
    pub node: usize,
    pub order: OrderId,
    pub epoch: Epoch,
    pub server: usize,
    pub group: usize,
    pub elsewhere: [bool; SERVERS],
}

impl State {
    /// Whether anything can be committed.
    pub fn majority(&self) -> bool {
        self.nodes.iter().filter(|node| node.life == Life::Up).count() * 2 > NODES
    }

    /// The node that leads: any that is up will do, since all that a leader knows is in the view.
    pub fn leader(&self) -> Option<usize> {
        self.majority().then(|| self.nodes.iter().position(|node| node.life == Life::Up)).flatten()
    }

    /// Whether the command of an order has not come to its end.
    pub fn is_pending(&self, order: OrderId) -> bool {
        self.flights.iter().any(|flight| flight.order == order)
            || self.transit.is_some_and(|transit| transit.order == order && !transit.stuck)
    }

    /// A copy goes off, for whatever reason.
    pub fn goes_off(&mut self, server: usize, group: usize) {
        let copy = &mut self.servers[server].copies[group];
        if *copy != Copy::Absent {
            *copy = Copy::Off;
        }
        for flight in self.flights.iter_mut().filter(|flight| flight.group == group) {
            flight.elsewhere[server] = false;
        }
        for node in &mut self.nodes {
            for job in node.jobs.iter_mut().filter(|job| job.elsewhere[server]) {
                Arc::make_mut(job).elsewhere[server] = false;
            }
        }
    }
}
