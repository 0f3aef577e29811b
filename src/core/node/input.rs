//! Inputs and effects of a node.

use super::{ClusterClock, Digest, Lease, PlanJob, PlanResult, voters};
use crate::{
    Command, Inside, Ledger, NodeName, OrderId, Reading, ResourceName, ServerName, Span, Time,
    execution::{self, Ask, LocalOperation},
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

/// The context of a call.
#[derive(Clone, Copy, Debug)]
pub struct Now<'a> {
    /// Time on this node's own clock.
    pub moment: Moment,
    /// The ledger that this node has applied.
    pub ledger: &'a Arc<Ledger>,
    /// The state of consensus.
    pub standing: &'a Standing,
}

/// State of consensus on one node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The current term.
    pub term: u64,
    /// Whether it takes itself for the leader.
    pub leads: bool,
    /// The node that it takes for the leader.
    pub leader: Option<NodeName>,
    /// The leader whose heartbeats come and are refused.
    pub distrusted: Option<NodeName>,
    /// The leader by the word of others, if no leader is heard.
    pub rumoured: Option<NodeName>,
    /// Age of a message that a quorum has answered; `None` if it does not lead, or the age is unknown.
    pub quorum: Option<Span>,
    /// Index of the last log entry.
    pub last_log: u64,
    /// Index up to which the log is applied.
    pub applied: u64,
    /// The members that vote.
    pub voters: Arc<BTreeSet<NodeName>>,
    /// If it leads: the members that only follow, and whether each has caught up with the log.
    pub learners: Arc<BTreeMap<NodeName, bool>>,
    /// Whether a change of voters is half done.
    pub joint: bool,
}

impl Standing {
    /// Whether some node is known through which entries can reach the log.
    pub fn has_way(&self) -> bool {
        self.leader.is_some() || self.rumoured.is_some()
    }
}

/// The circumstances in which a process begins.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Birth {
    pub me: NodeName,
    /// Its identity among the processes that may run under the node's name.
    pub incarnation: Incarnation,
    /// Index of the last entry that its own disk held, read before consensus began.
    pub stored: u64,
    /// Cluster time in its own ledger.
    pub known: Time,
    /// Time of the wall clock.
    pub wall: Time,
    /// Greatest age of the last answers of a quorum with which a leader may grant leases.
    pub fresh: Span,
    /// Time on its own clock.
    pub moment: Moment,
}

/// An event of a node. A change of the ledger or of consensus needs no input: it is noticed at every call.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // what a name says is not said again
pub enum Input {
    /// Time has passed, or the ledger or consensus has moved.
    Woken,
    /// The machine stood still while the world went on.
    StoodStill,
    /// A heartbeat has ended.
    Beaten {
        /// The node that it was sent to.
        to: NodeName,
        /// Time at which it was sent.
        asked: Moment,
        /// The answer; `None` if there was none.
        answer: Option<Answer>,
    },
    /// A server was read, or could not be asked.
    Read {
        server: ServerName,
        /// The reading, if the server could be asked.
        reading: Option<Reading>,
        /// Whether no HMC answers this node.
        blind: bool,
    },
    /// The last looks inside this node; `None` if no resource lives there.
    Inside(Option<Inside>),
    /// The resources that this node may have to stop to stand down.
    Held {
        /// Those that must not run twice and are not known to be down here.
        held: BTreeSet<ResourceName>,
        /// Whether a watchdog may prove this node off.
        has_watchdog: bool,
    },
    /// A question of an order was answered.
    Answered {
        /// The order.
        order: OrderId,
        /// The answer.
        answer: execution::Answer,
    },
    /// The attempt to set an LPAR's owner mark before its start is over; the start goes on without a mark, too.
    Marked(OrderId),
    /// A question to an agent, from standing down, was answered.
    StoodDown {
        /// The resource that it was about.
        resource: ResourceName,
        /// The answer.
        answer: execution::Answer,
    },
    /// The proposal of an order's report has ended.
    Reported {
        /// The order.
        order: OrderId,
        /// The outcome.
        taken: Taken,
    },
    /// The plan of [`Effect::Plan`] is made. Each job is answered once, or its process ends.
    PlanMade(Box<PlanResult>),
    /// The proposal of a plan in this term has ended.
    Planned {
        term: u64,
        /// The outcome.
        fate: Fate,
    },
    /// This node, leading in this term, has applied everything that was committed before the term.
    CaughtUp(u64),
    /// This process was entered for its node at this index; `None` if it is not yet.
    Enlisted(Option<u64>),
    /// A change of voters has ended.
    VotersChanged {
        /// The term in which it was decided.
        term: u64,
        /// Whether it was made.
        done: bool,
    },
}

/// The outcome of a leader's proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is in the log.
    Committed,
    /// It never will be.
    Refused,
    /// It may still be committed.
    Unknown,
}

/// The outcome of a report's proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The log holds it.
    Yes,
    /// The report did not count, because this process is not entered for its node; or that is unknown.
    No,
}

/// A request of a node to its driver. The outcome comes back only as an [`Input`].
#[derive(Clone, Debug)]
#[allow(missing_docs)] // what a name says is not said again
pub enum Effect {
    /// The ledger has moved: everything that the driver derives from it is brought up to date before the effects that
    /// follow.
    Follow(Arc<Ledger>),
    /// The present clock of cluster time.
    Clock(ClusterClock),
    /// The present lease.
    Leased(Lease),
    /// Call another node. Only the answer to a heartbeat is waited for.
    Call {
        /// The node to call.
        to: NodeName,
        /// The message.
        call: Call,
        /// Time that the answer may take.
        within: Span,
    },
    /// Make a plan, beside the machine: until it is made, other inputs are handed in as they come.
    Plan(Box<PlanJob>),
    /// Propose commands.
    Propose {
        /// The kind of proposal.
        of: Proposal,
        commands: Vec<Command>,
        /// The present cluster time.
        at: Time,
    },
    /// Find out when everything that was committed before this term is applied, for [`Input::CaughtUp`].
    CatchUp(u64),
    /// Read a server.
    Read(ServerName),
    /// Look at every resource inside this node.
    ProbeInside,
    /// Hand in the last looks inside this node, as [`Input::Inside`].
    AskInside,
    /// Hand in the resources that must not run twice and are not known to be down here, as [`Input::Held`].
    AskHeld,
    /// Carry out a question of an order: the last check of the order and of the lease was just made.
    Carry {
        order: Order,
        /// The question.
        ask: Ask,
    },
    /// Mark an LPAR as this cluster's before it is started.
    Mark { order: OrderId, server: ServerName, resource: ResourceName },
    /// An order is gone from the log: drop what is under way for it here and can be dropped.
    Drop(OrderId),
    /// Ask an agent to stop or to look, to stand down.
    StandDown {
        /// The resource.
        resource: ResourceName,
        /// The action; `None` asks for a look.
        operation: Option<LocalOperation>,
        /// Whether nothing more is tried after this.
        last: bool,
    },
    /// Refuse the heartbeats of the leader in this term; with term 0, refuse none.
    Distrust(u64),
    /// Change who votes, or complete a change that is half done. Answered by [`Input::VotersChanged`].
    ChangeVoters {
        term: u64,
        /// The change; without names, nothing but what is half done.
        change: voters::Change,
    },
    /// Stop this process, after an attempt to have the reason recorded.
    Stop {
        end: End,
        /// The reason, as a command.
        words: Option<Command>,
    },
}

/// The kinds of proposals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proposal {
    /// A decision of this leader: committed in this term, or never. Answered by [`Input::Planned`].
    Plan(u64),
    /// The report of an order. Answered by [`Input::Reported`].
    Report(OrderId),
    /// The entry of the process that runs a node. Answered by [`Input::Enlisted`].
    Enlist,
    /// A leader's finding on ledgers. Not answered.
    Finding,
}

/// The reasons that a process stops by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Another process runs under this node's name.
    Twice,
    /// Its ledger differs from the majority's, at this index.
    Diverged(u64),
}

/// A message from one node to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Call {
    /// To the leader: the sender lives, and asks for a lease.
    Heartbeat {
        /// Whether the sender's last question to an HMC was answered.
        reaches_manager: bool,
        /// Digest of the sender's ledger at the last index at which all compare theirs.
        digest: Option<Digest>,
    },
    /// To the leader: a reading by the sender.
    Reading(Reading),
    /// To the leader: the looks inside the sender.
    Inside(Inside),
    /// To a watcher: read these servers now; to a node that lives on one of them: look inside.
    Probe(Vec<ServerName>),
    /// To the leader: my process is of this build.
    #[cfg(feature = "next-level")]
    Build(u32),
}

/// The answer to a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// The message was taken.
    Taken,
    /// A lease: the sender may act for this long from the moment that it asked, once it has applied the log up to
    /// `floor`.
    Lease {
        /// Its length in milliseconds.
        lasts: u64,
        /// The log index up to which the sender must have applied the log.
        floor: u64,
    },
    /// The leader grants the sender no lease: it was given up, or is not known.
    NoLease {
        /// The log index that the leader has applied.
        index: u64,
    },
    /// The answering node may lead, and cannot grant leases now.
    NotYet,
    /// Another process than the sender was entered for its node.
    OtherProcess {
        /// The log index that the answering node has applied.
        at: u64,
    },
    /// The sender's ledger differs from the majority's.
    Diverged {
        /// The log index at which it differs.
        at: u64,
    },
    /// The answering node does not lead.
    NotLeader,
}

/// The reasons that a node wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wake {
    /// To send a heartbeat.
    Beat,
    /// To read a server.
    Round,
    /// To look at the resources inside it.
    Probe,
    /// To plan.
    Plan,
    /// To find a node silent, or its lease over.
    Silence,
    /// To go on with an order.
    Order,
}

impl fmt::Display for Wake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Wake::Beat => "heartbeat",
            Wake::Round => "reading",
            Wake::Probe => "look inside",
            Wake::Plan => "plan",
            Wake::Silence => "silence",
            Wake::Order => "order",
        })
    }
}

/// The signs of each node that a plan uses besides readings: silent, lease over, reaches a manager.
pub(super) type Signs = BTreeMap<NodeName, [bool; 4]>;
