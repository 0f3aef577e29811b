//! The state of the tiny world. Small, cloned often; what is large in it is shared.

use super::scope::Bounds;
use std::sync::Arc;
use tenure_core::{
    Command, Inside, Ledger, Moment, NodeName, Order, OrderId, Reading, Report, ResourceName, Span,
    execution::{Ask, LocalDeed},
    node,
    order::Epoch,
};

/// Servers.
pub(super) const SERVERS: usize = 2;
/// Nodes; the last is an arbiter, node `i` lives on server `i` otherwise.
pub(super) const NODES: usize = 3;
/// Most groups, of one resource each.
pub(super) const GROUPS: usize = 2;
/// Where groups are linked: the one that is needed, and the one that needs it.
pub(super) const CHILD: usize = 0;
pub(super) const PARENT: usize = 1;

/// Everything that is so.
#[derive(Clone, Debug)]
pub(super) struct State {
    /// On every node's clock.
    pub moment: Moment,
    /// The committed ledger, without its journal.
    pub ledger: Arc<Ledger>,
    /// Who leads, and in which term.
    pub leader: Option<usize>,
    pub term: u64,
    pub servers: [Server; SERVERS],
    pub nodes: [Node; NODES],
    /// Reports that were not delivered.
    pub mail: Vec<Mail>,
    /// Activations, and moves, that were sent and may take effect.
    pub flights: Vec<Flight>,
    pub transit: Option<Transit>,
    /// Since when the leader has no time for anything: its clock has not gone on for it.
    pub stalled: Option<Moment>,
    /// What a leader decided on an older ledger and has not committed.
    pub held: Option<Arc<Vec<Command>>>,
    /// Servers that an operator has drained.
    pub drained: [bool; SERVERS],
    /// What the leader was told last, so that what is no news to anybody need not be told again.
    pub told: Told,
    /// Faults that may still happen.
    pub left: Bounds,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    pub readings: [Option<Arc<Reading>>; SERVERS],
    pub inside: [Option<Arc<Inside>>; SERVERS],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Power {
    On,
    Off,
    /// The witness reads `Error`, and the LPARs run on.
    Sick,
}

/// One copy of a resource, and who started it. What lives inside a node is never absent, and never starts by itself.
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
    /// The order whose command is answered when it is over, and the process that sent it.
    pub order: OrderId,
    pub life: u8,
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
    /// An agent starts something inside its node.
    Agent,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Server {
    pub power: Power,
    /// Whether the witness reaches the service processor.
    pub link: bool,
    /// Whether the LPAR of its node is up.
    pub guest: bool,
    pub copies: [Copy; GROUPS],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    Up,
    /// Runs, reaches the witness, and is cut off from the other nodes.
    Cut,
    Dead,
}

/// The body of a node: the machine that decides, its disk, and what is under way for it.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub life: Life,
    /// Counts its processes.
    pub process: u8,
    pub brain: Arc<node::Node>,
    /// What it has applied, on its disk.
    pub ledger: Arc<Ledger>,
    /// Readings and looks that it has begun.
    pub serial: u64,
    /// It is heard, and does not get the log yet; only a planted bug lets this happen.
    pub behind: bool,
    /// What its orders have asked and is not answered.
    pub jobs: Vec<Arc<Job>>,
    /// What its agents saw last.
    pub inside: Option<Arc<Inside>>,
    /// What its agents are to do because it is alone.
    pub concedes: Vec<(ResourceName, Option<LocalDeed>)>,
}

/// An order that a node carries out, as its body sees it.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub order: Arc<Order>,
    /// What it asks, if anything.
    pub ask: Option<Ask>,
    /// The activation was sent and is not answered.
    pub sent: bool,
    /// Servers on which the resource has been active ever since the order was taken up.
    pub elsewhere: [bool; SERVERS],
}

/// A report on its way.
#[derive(Clone, Debug)]
pub(super) struct Mail {
    pub node: usize,
    /// Which process of it says so.
    pub process: u8,
    /// It left the node; otherwise it goes down with it.
    pub sent: bool,
    /// It was delivered before.
    pub again: bool,
    pub order: Arc<Order>,
    pub report: Arc<Report>,
    /// As it is proposed.
    pub commands: Arc<Vec<Command>>,
}

/// An activation, or a move, on its way.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    pub what: What,
    pub node: usize,
    /// Which process of the node sent it.
    pub process: u8,
    pub order: OrderId,
    pub epoch: Epoch,
    pub server: usize,
    pub group: usize,
    pub elsewhere: [bool; SERVERS],
    /// Nobody waits for it any more, and it has no effect from here on.
    pub until: Option<Moment>,
}

impl Node {
    pub fn is_leased(&self, now: Moment) -> bool {
        self.life != Life::Dead && self.brain.lease().left(now) > Span(0)
    }

    /// What an order of it asks.
    pub fn job(&self, order: OrderId) -> Option<usize> {
        self.jobs.iter().position(|job| job.order.id == order)
    }

    pub fn job_mut(&mut self, order: OrderId) -> Option<&mut Job> {
        self.jobs.iter_mut().find(|job| job.order.id == order).map(Arc::make_mut)
    }
}

impl State {
    /// Whether anything can be committed.
    pub fn majority(&self) -> bool {
        self.nodes.iter().filter(|node| node.life == Life::Up).count() * 2 > NODES
    }

    /// Whether the command of a job has not come to its end.
    pub fn is_pending(&self, node: usize, order: OrderId) -> bool {
        let process = self.nodes[node].process;
        let flies = |flight: &Flight| flight.order == order && flight.node == node && flight.process == process;
        let moves = |transit: Transit| transit.order == order && transit.life == process && !transit.stuck;
        self.flights.iter().any(flies) || self.transit.is_some_and(moves)
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

    /// The moment on the clock of a node.
    pub fn clock(&self, node: usize) -> Moment {
        self.stalled.filter(|_| self.leader == Some(node)).unwrap_or(self.moment)
    }

    /// The place of a node that is heard.
    pub fn hears(&self, names: &[NodeName; NODES], name: &NodeName) -> Option<usize> {
        let place = names.iter().position(|known| known == name)?;
        (self.nodes[place].life == Life::Up).then_some(place)
    }
}
