//! The questions and changes of an order, grouped by who carries them out: each of these is given only its own part,
//! and needs no match arms for changes that cannot reach it.

use crate::{ForeignText, Reading, ResourceName, Seen, ServerName, Span, note::CleanReason};
use std::collections::BTreeSet;

/// A question to the world outside the core.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ask {
    /// Read a server; the reading must begin after the question.
    Read(ServerName),
    /// Read these servers, side by side; each reading is an answer of its own, and must begin after the order was given.
    ReadAll(BTreeSet<ServerName>),
    /// Look at a resource inside the node; the look must begin after the question.
    Probe(ResourceName),
    /// Let some time pass.
    Pause(Span),
    /// Change something, which needs a lease.
    Do(Operation),
}

/// A change, by who carries it out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// The hypervisor of the order's server.
    Hypervisor(Change),
    /// The agent of a resource inside the node.
    Local(ResourceName, LocalOperation),
    /// The node itself, which runs a program.
    Program(Program),
}

/// A change by a hypervisor, by its object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// An LPAR that is a resource.
    Machine(ResourceName, MachineOperation),
    /// The server, or the LPAR of the node on it.
    Server(ServerOperation),
}

/// A change of an LPAR.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MachineOperation {
    /// Activate it.
    Start,
    /// Bring it down.
    Stop(Stop),
    /// Move it, or end a move.
    Move(Move),
}

/// The ways to stop an LPAR, from the gentlest to the one that needs no cooperation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stop {
    /// The operating system shuts itself down; needs a working connection to it.
    OsShutdown,
    /// The hypervisor shuts it down in its own time ("white button").
    Shutdown,
    /// Off at once, by the hypervisor, whatever the operating system is doing. This is the fencing primitive.
    Immediate,
}

/// Moves of an LPAR between servers, and the ways to end one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Move {
    /// From here to another server, while it runs.
    Live {
        /// The target.
        to: ServerName,
    },
    /// Its definition, to here, while it is off.
    Definition {
        /// The server on which it is defined.
        from: ServerName,
    },
    /// Made anew here and started, from a server that is down.
    Anew {
        /// The server that is down.
        from: ServerName,
    },
    /// Give up a move under way from here.
    Stop,
    /// Clear up after a move that failed half-way, from here or to here.
    Recover,
}

/// A change of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServerOperation {
    /// Power it off.
    PowerOff,
    /// Cut off the LPAR of the node that lives on it.
    CutOffNode,
}

/// An action of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LocalOperation {
    /// Start.
    Start,
    /// Stop in order.
    Stop,
    /// Bring down by force.
    Clean(CleanReason),
}

/// A program of the administrators.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Program {
    /// Absolute path.
    pub path: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Time that it may take.
    pub within: Span,
}

/// The answer to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A reading, of whatever quality.
    Read(Reading),
    /// This server was not read: its managers were busy with other commands for too long. Nothing follows from that.
    Unread(ServerName),
    /// The look of an agent.
    Probed(Seen),
    /// The change was accepted.
    Accepted,
    /// The change was refused because it is in effect already.
    Already,
    /// The change was refused for this reason.
    Refused(ForeignText),
    /// The change was not sent, or was turned away for now.
    NotSent(ForeignText),
    /// The change may or may not have taken effect.
    Unknown(ForeignText),
    /// The pause is over.
    Paused,
}

impl Ask {
    /// A change of an LPAR, as a question.
    pub fn machine(resource: ResourceName, operation: MachineOperation) -> Self {
        Ask::Do(Operation::Hypervisor(Change::Machine(resource, operation)))
    }

    /// A change of a server, as a question.
    pub fn server(operation: ServerOperation) -> Self {
        Ask::Do(Operation::Hypervisor(Change::Server(operation)))
    }

    /// An action of an agent, as a question.
    pub fn local(resource: ResourceName, operation: LocalOperation) -> Self {
        Ask::Do(Operation::Local(resource, operation))
    }
}
