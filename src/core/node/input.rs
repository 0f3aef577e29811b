//! What goes into a node and what comes out of it.

use super::{ClusterClock, Digest, Lease};
use crate::{
    Command, Inside, Ledger, NodeName, OrderId, Reading, ResourceName, ServerName, Span, Time,
    execution::{self, Ask, LocalDeed},
    ledger::Incarnation,
    order::Order,
    time::Moment,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

/// How things are at the moment of a call.
#[derive(Clone, Copy, Debug)]
pub struct Now<'a> {
    /// On this node's own clock.
    pub moment: Moment,
    /// What this node has applied.
    pub ledger: &'a Arc<Ledger>,
    /// What consensus says.
    pub standing: &'a Standing,
}

/// How a node stands in consensus.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The current term.
    pub term: u64,
    /// Whether it takes itself for the leader.
    pub leads: bool,
    /// Whom it takes for the leader.
    pub leader: Option<NodeName>,
    /// The leader whose heartbeats come and are not believed.
    pub distrusted: Option<NodeName>,
    /// Who leads by what others say, where no leader is heard.
    pub rumoured: Option<NodeName>,
    /// How long ago a message was sent that a quorum has answered; `None` if it does not lead, or nobody knows.
    pub quorum: Option<Span>,
    /// Index of the last log entry.
    pub last_log: u64,
    /// Index up to which the log is applied.
    pub applied: u64,
    /// The members that vote.
    pub voters: Arc<BTreeSet<NodeName>>,
}

impl Standing {
    /// Whether there is a way to the log.
    pub fn has_way(&self) -> bool {
        self.leader.is_some() || self.rumoured.is_some()
    }
}

/// How a process begins.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Birth {
    pub me: NodeName,
    /// Which of the processes that may run under its name.
    pub incarnation: Incarnation,
    /// The last entry that its own disk held, read before consensus began.
    pub stored: u64,
    /// The time in its own ledger.
    pub known: Time,
    /// What the wall clock says.
    pub wall: Time,
    /// How old the last answers of a quorum may be for a leader to grant leases.
    pub fresh: Span,
    /// Now.
    pub moment: Moment,
}

/// Something that happens to a node. That the ledger or consensus has moved needs no word: it is seen at every call.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // what a name says is not said again
pub enum Input {
    /// Time has passed, or the ledger or consensus has moved.
    Woken,
    /// The machine stood still while the world went on.
    StoodStill,
    /// A heartbeat that was sent at that moment has ended; `None` if nothing came back.
    Beaten {
        /// Whom it went to.
        to: NodeName,
        /// When it was sent.
        asked: Moment,
        /// What came back.
        answer: Option<Answer>,
    },
    /// A server was read, or could not be asked; and whether this node reaches no HMC.
    Read {
        server: ServerName,
        /// What was read.
        reading: Option<Reading>,
        /// Whether no HMC answers this node.
        blind: bool,
    },
    /// What lives inside this node, as last seen; `None` if nothing does.
    Inside(Option<Inside>),
    /// What this node may have to give up.
    Held {
        /// What must not run twice and is not known to be down here.
        held: BTreeSet<ResourceName>,
        /// Whether a watchdog may prove this node off.
        has_watchdog: bool,
    },
    /// What an order asked is answered.
    Answered {
        /// Which order.
        order: OrderId,
        /// What came back.
        answer: execution::Answer,
    },
    /// A mark was set before a start, or need not be.
    Marked(OrderId),
    /// What was asked of an agent because this node is alone is answered.
    Conceded {
        /// What it was about.
        resource: ResourceName,
        /// What came back.
        answer: execution::Answer,
    },
    /// What was proposed for an order has ended.
    Reported {
        /// Which order.
        order: OrderId,
        /// What became of it.
        taken: Taken,
    },
    /// What the planner proposed in this term has been answered.
    Planned {
        term: u64,
        /// What became of it.
        fate: Fate,
    },
    /// A leader has applied what was committed before this term.
    CaughtUp(u64),
    /// This process was entered for its node at this index, or not yet.
    Enlisted(Option<u64>),
}

/// What became of what a leader decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is in the log.
    Committed,
    /// It never will be.
    Refused,
    /// It may still be committed.
    Unknown,
}

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The log holds it.
    Yes,
    /// It did not count, because this process is not entered for its node, or nobody knows.
    No,
}

/// What a node wants done, by whoever drives it. Nothing is answered but by an [`Input`].
#[derive(Clone, Debug)]
#[allow(missing_docs)] // what a name says is not said again
pub enum Effect {
    /// The ledger has moved: what is declared, and what is to be told, is taken over before anything that follows.
    Follow(Arc<Ledger>),
    /// Cluster time goes on from here.
    Clock(ClusterClock),
    /// This is the lease.
    Leased(Lease),
    /// Call another node, with so long for an answer. Only a heartbeat's is waited for.
    Call {
        /// Whom.
        to: NodeName,
        /// What to say.
        call: Call,
        /// How long it may take.
        within: Span,
    },
    /// Propose commands.
    Propose {
        /// For what.
        of: Proposal,
        commands: Vec<Command>,
        /// By cluster time.
        at: Time,
    },
    /// Find out when what was committed before this term is applied.
    CatchUp(u64),
    /// Read a server.
    Read(ServerName),
    /// Look at all that lives inside this node.
    Look,
    /// Say what was last seen inside this node.
    AskInside,
    /// Say what must not run twice and is not known to be down here.
    AskHeld,
    /// Carry out what an order asks: the last look at the order and at the lease was just taken.
    Carry {
        order: Order,
        /// What it asks.
        ask: Ask,
    },
    /// Mark an LPAR as this cluster's before it is started.
    Mark { order: OrderId, server: ServerName, resource: ResourceName },
    /// An order is gone from the log: what is under way for it here and can be dropped is dropped.
    Drop(OrderId),
    /// Ask an agent, because this node is alone.
    Concede {
        /// What it is about.
        resource: ResourceName,
        /// What to do; `None` asks it to look.
        deed: Option<LocalDeed>,
        /// Whether nothing more is tried after this.
        last: bool,
    },
    /// Refuse the heartbeats of whoever leads in this term; of nobody, for term 0.
    Distrust(u64),
    /// Stop this process, and try to have these last words written down before.
    Stop {
        end: End,
        /// Why, as a command.
        words: Option<Command>,
    },
}

/// What is proposed, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proposal {
    /// What this leader decided: committed in this term, or never. Answered by [`Input::Planned`].
    Plan(u64),
    /// How an order ended. Answered by [`Input::Reported`].
    Report(OrderId),
    /// Which process runs a node. Answered by [`Input::Enlisted`].
    Enlist,
    /// What a leader found. Not answered.
    Finding,
}

/// Why a process stops by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Another process runs under this node's name.
    Twice,
    /// Its ledger differs from that of most, at this index.
    Diverged(u64),
}

/// What one node says to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Call {
    /// To the leader: I live.
    Heartbeat {
        /// Whether my last question to an HMC was answered.
        reaches_manager: bool,
        /// What my ledger was like at the last index at which all compare theirs.
        digest: Option<Digest>,
    },
    /// To the leader: this is what I read.
    Reading(Reading),
    /// To the leader: this is what lives inside me.
    Inside(Inside),
    /// To a watcher: read these servers now; to those who live there: look at what is inside you.
    Probe(Vec<ServerName>),
    /// To the leader: my process is of this build.
    #[cfg(feature = "next-level")]
    Build(u32),
}

/// The answer to a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// Taken.
    Taken,
    /// You may act, from the moment you asked, for this many milliseconds, once you have applied the log up to `floor`.
    Lease {
        /// Milliseconds.
        lasts: u64,
        /// Log index.
        floor: u64,
    },
    /// I lead, and grant you no lease: you were given up, or are not known.
    NoLease {
        /// The log index that I have applied.
        index: u64,
    },
    /// I may lead, and cannot grant leases now.
    NotYet,
    /// Another process than the one that asks was entered for its node; I have applied the log up to here.
    OtherProcess {
        /// Log index.
        at: u64,
    },
    /// Your ledger differs from that of most at this index.
    Diverged {
        /// Log index.
        at: u64,
    },
    /// I do not lead.
    NotLeader,
}

/// Why a node wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wake {
    /// To tell the leader that it lives.
    Beat,
    /// To read a server.
    Round,
    /// To look at what lives inside it.
    Look,
    /// To plan.
    Plan,
    /// A node falls silent by now, or its lease is over.
    Silence,
    /// To go on with an order.
    Order,
}

impl fmt::Display for Wake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Wake::Beat => "heartbeat",
            Wake::Round => "reading",
            Wake::Look => "look inside",
            Wake::Plan => "plan",
            Wake::Silence => "silence",
            Wake::Order => "order",
        })
    }
}

/// What was last seen of each node: what a plan goes by beside the readings.
pub(super) type Signs = BTreeMap<NodeName, [bool; 3]>;
