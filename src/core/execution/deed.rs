//! What an order asks, by who carries it out: who does only part of it is told only that part, and no match over a question
//! has to say that something cannot happen here.

use crate::{Reading, ResourceName, Seen, ServerName, Span, note::CleanReason};

/// A question to the world.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ask {
    /// Read a server; the reading must begin after the question.
    Read(ServerName),
    /// Look at what lives inside the node; the look must begin after the question.
    Look(ResourceName),
    /// Let some time pass.
    Pause(Span),
    /// Change something, which needs a lease.
    Do(Deed),
}

/// A change, by who carries it out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Deed {
    /// The hypervisor of the order's server.
    Hypervisor(Change),
    /// The agent of what lives inside the node.
    Local(ResourceName, LocalDeed),
    /// The node itself, which runs a program.
    Program(Program),
}

/// What a hypervisor changes, by what it is done to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// An LPAR that is a resource.
    Machine(ResourceName, MachineDeed),
    /// The server, or the LPAR of the node on it.
    Server(ServerDeed),
}

/// What is done to an LPAR.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MachineDeed {
    /// Activate it.
    Start,
    /// Bring it down.
    Stop(Stop),
    /// Move it, or end that.
    Move(Move),
}

/// How an LPAR is to be stopped, from the gentlest to the one that needs no cooperation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stop {
    /// The operating system shuts itself down; needs a working connection to it.
    OsShutdown,
    /// The hypervisor shuts it down in its own time ("white button").
    Shutdown,
    /// Off at once, by the hypervisor, whatever the operating system is doing. This is the fencing primitive.
    Immediate,
}

/// What moves an LPAR between servers, or ends that.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Move {
    /// From here to another server, while it runs.
    Live {
        /// Where to.
        to: ServerName,
    },
    /// Its definition here, while it is off.
    Definition {
        /// Where it is.
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

/// What is done to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServerDeed {
    /// Power it off.
    PowerOff,
    /// Cut off the LPAR of the node that lives on it.
    CutOffNode,
}

/// What an agent does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LocalDeed {
    /// Start.
    Start,
    /// Stop in order.
    Stop,
    /// Bring down by force.
    Clean(CleanReason),
}

/// A program of the administrators'.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Program {
    /// Absolute path.
    pub path: String,
    /// What it is told.
    pub arguments: Vec<String>,
    /// How long it may take.
    pub within: Span,
}

/// What the world answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A reading, of whatever quality.
    Read(Reading),
    /// What an agent saw.
    Looked(Seen),
    /// The change was accepted.
    Accepted,
    /// The change was refused because things are already so.
    Already,
    /// The change was refused for this reason.
    Refused(String),
    /// The change was not sent, or was turned away for now.
    NotSent(String),
    /// The change may or may not have taken effect.
    Unknown(String),
    /// The pause is over.
    Paused,
}

impl Ask {
    /// Something that an LPAR is asked.
    pub fn machine(resource: ResourceName, deed: MachineDeed) -> Self {
        Ask::Do(Deed::Hypervisor(Change::Machine(resource, deed)))
    }

    /// Something that a server is asked.
    pub fn server(deed: ServerDeed) -> Self {
        Ask::Do(Deed::Hypervisor(Change::Server(deed)))
    }

    /// Something that an agent is asked.
    pub fn local(resource: ResourceName, deed: LocalDeed) -> Self {
        Ask::Do(Deed::Local(resource, deed))
    }
}
