//! The state of the tiny world. It is small, because it is cloned often; large parts are shared.

use super::scope::Bounds;
use std::sync::Arc;
use tenure_core::{
    Command, Inside, Ledger, Moment, NodeName, Order, OrderId, Reading, Report, ResourceName, Span,
    execution::{Ask, LocalOperation},
    node,
    order::Epoch,
};

/// Number of servers.
pub(super) const SERVERS: usize = 2;
/// Number of nodes; the last is an arbiter, any other node `i` is on server `i`.
pub(super) const NODES: usize = 3;
/// Maximum number of groups, of one resource each.
pub(super) const GROUPS: usize = 2;
/// Linked groups: the parent needs the child.
pub(super) const CHILD: usize = 0;
pub(super) const PARENT: usize = 1;

/// The complete state.
#[derive(Clone, Debug)]
pub(super) struct State {
    /// Time on every node's clock.
    pub moment: Moment,
    /// The committed ledger, without its journal.
    pub ledger: Arc<Ledger>,
    /// The current leader, and its term.
    pub leader: Option<usize>,
    pub term: u64,
    pub servers: [Server; SERVERS],
    pub nodes: [Node; NODES],
    /// Reports not delivered yet.
    pub mail: Vec<Mail>,
    /// Activations and moves that were sent and may still take effect.
    pub flights: Vec<Flight>,
    pub transit: Option<Transit>,
    /// Time at which the leader stalled; its own clock stands still since then.
    pub stalled: Option<Moment>,
    /// Commands that a leader decided on an older ledger and that are not committed yet.
    pub held: Option<Arc<Vec<Command>>>,
    /// Servers drained by an operator.
    pub drained: [bool; SERVERS],
    /// The latest information the leader received, so that nothing is sent twice.
    pub told: Told,
    /// Remaining faults.
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
    /// The witness reads `Error`; the LPARs keep running.
    Sick,
}

/// One copy of a resource, and who started it. A resource inside a node is never absent, and never starts by itself.
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

/// A live migration in progress, of the first group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Transit {
    /// The order whose command is answered at the end, and the process that sent it.
    pub order: OrderId,
    pub life: u8,
    pub from: usize,
    pub to: usize,
    /// The LPAR already runs on the target.
    pub switched: bool,
    /// The migration failed half-way, and must be cleared up.
    pub stuck: bool,
}

/// Purpose of a command in flight.
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

/// A node: its state machine, its disk, and its work in progress.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub life: Life,
    /// Serial number of the current process.
    pub process: u8,
    pub brain: Arc<node::Node>,
    /// The ledger as applied, on its disk.
    pub ledger: Arc<Ledger>,
    /// Number of readings and looks begun.
    pub serial: u64,
    /// The node is connected, but does not get the log yet; only a planted bug lets this happen.
    pub behind: bool,
    /// Orders with unanswered requests.
    pub jobs: Vec<Arc<Job>>,
    /// The latest look of its agents.
    pub inside: Option<Arc<Inside>>,
    /// Stops and looks that its agents still owe because the node is isolated.
    pub standing_down: Vec<(ResourceName, Option<LocalOperation>)>,
}

/// An order in execution.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub order: Arc<Order>,
    /// The pending request, if any.
    pub ask: Option<Ask>,
    /// The activation was sent and is not answered.
    pub sent: bool,
    /// Servers on which the resource has been active ever since the order was taken up.
    pub elsewhere: [bool; SERVERS],
}

/// A report on its way to the leader.
#[derive(Clone, Debug)]
pub(super) struct Mail {
    pub node: usize,
    /// The process that sent it.
    pub process: u8,
    /// It has left the node; otherwise it is lost if the node goes down.
    pub sent: bool,
    /// It was delivered at least once.
    pub again: bool,
    pub order: Arc<Order>,
    pub report: Arc<Report>,
    /// The proposed commands.
    pub commands: Arc<Vec<Command>>,
}

/// An activation or a move in flight.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    pub what: What,
    pub node: usize,
    /// The process of the node that sent it.
    pub process: u8,
    pub order: OrderId,
    pub epoch: Epoch,
    pub server: usize,
    pub group: usize,
    pub elsewhere: [bool; SERVERS],
    /// Nobody waits for it any more, and from this moment on it has no effect.
    pub until: Option<Moment>,
}

impl Node {
    pub fn is_leased(&self, now: Moment) -> bool {
        self.life != Life::Dead && self.brain.lease().left(now) > Span(0)
    }

    /// Index of the job of an order.
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

    /// Whether the command of an order is still in progress.
    pub fn is_pending(&self, node: usize, order: OrderId) -> bool {
        let process = self.nodes[node].process;
        let flies = |flight: &Flight| flight.order == order && flight.node == node && flight.process == process;
        let moves = |transit: Transit| transit.order == order && transit.life == process && !transit.stuck;
        self.flights.iter().any(flies) || self.transit.is_some_and(moves)
    }

    /// A copy goes off, for any reason.
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

    /// Current time on the clock of a node.
    pub fn clock(&self, node: usize) -> Moment {
        self.stalled.filter(|_| self.leader == Some(node)).unwrap_or(self.moment)
    }

    /// Index of the named node, if it is connected.
    pub fn hears(&self, names: &[NodeName; NODES], name: &NodeName) -> Option<usize> {
        let place = names.iter().position(|known| known == name)?;
        (self.nodes[place].life == Life::Up).then_some(place)
    }
}
