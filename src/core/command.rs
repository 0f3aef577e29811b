//! Commands: proposals to the log. Facts, decisions and operators' requests; nothing else changes the ledger.

use crate::{
    ForeignText, GroupName, HmcName, Inside, NodeName, Note, OrderId, Reading, Record, Refusal, Reply, Report,
    ResourceName, ServerName, Span, Time, UserName, Verb,
    audit::AuditRecord,
    authority::{Authority, Credential, Sealed},
    config::Cluster,
    ledger::{Incarnation, Kept, Trouble},
    note::{CleanReason, Conflict, FaultReason, LeaveReason, NotHere, ServerWait, Wait},
    order::Epoch,
    placement::tolerance::Weakness,
    terms::Keep,
    trust::{Act, Caller, FIRST_USER, Hash, Origin, TrustChange},
};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, SeqAccess, Visitor},
};
use std::{collections::BTreeSet, fmt, sync::Arc};

/// Identity of a client's request; a repeated request is applied once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(pub u128);

/// Author of an entry: the proposer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Author {
    /// The planner of the leading node.
    Planner(NodeName),
    /// A node, with a report or an observation.
    Agent(NodeName),
    /// A person or a program, through the admin API.
    User {
        /// The name in the certificate.
        user: UserName,
        /// The number in the certificate: it must be the user's present one.
        id: u64,
        /// Identity of the request, so that a repeated one is applied once.
        request: RequestId,
        /// Where the request came from.
        from: Origin,
    },
}

impl Author {
    /// The key under which the answer to this author's entry is remembered, if it is. A request is known by the user with their
    /// number and by its identity: what another user has asked under the same identity is another request.
    pub fn remembered(&self) -> Option<RequestId> {
        let Author::User { user, id, request, from: _ } = self else { return None };
        let parts = [user.as_str().as_bytes(), &id.to_le_bytes(), &request.0.to_le_bytes()];
        Hash::of_all(parts).0.first_chunk().map(|first| RequestId(u128::from_le_bytes(*first)))
    }

    /// The user with whom every cluster begins.
    pub fn first_user(request: RequestId) -> Self {
        Author::User { user: FIRST_USER.into(), id: 0, request, from: Origin::default() }
    }
}

/// Maximum number of commands of one entry: two bytes of an entry can make a hundred in memory.
pub const MAX_COMMANDS: usize = 1 << 16;
/// Most bytes of the commands of a plan that are proposed in one entry. Well below [`ENTRY_LIMIT`], which counts the whole
/// entry, and little enough to be sent, stored and applied between two heartbeats.
pub const PLAN_LIMIT: usize = 512 << 10;
/// Longest entry, in bytes, but for one that declares a cluster.
pub const ENTRY_LIMIT: usize = 1 << 20;
/// Longest declared cluster, in bytes of its encoding.
pub const DECLARATION_LIMIT: usize = 8 << 20;
/// Longest entry that declares a cluster, in bytes.
pub const DECLARING_LIMIT: usize = DECLARATION_LIMIT + ENTRY_LIMIT;

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Cluster time, stamped by the leader that appended it.
    pub at: Time,
    /// Wall clock of that node, for people alone: nothing is decided by it.
    pub wall: Time,
    /// Its proposer.
    pub author: Author,
    /// Applied in order; each is applied or refused by itself.
    #[serde(deserialize_with = "few")]
    pub commands: Vec<Command>,
}

/// Reads no more than [`MAX_COMMANDS`]: an entry with more is not understood, on every replica.
fn few<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Command>, D::Error> {
    struct Few;
    impl<'de> Visitor<'de> for Few {
        type Value = Vec<Command>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "at most {MAX_COMMANDS} commands")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
            let mut commands = Vec::new();
            while let Some(command) = items.next_element()? {
                if commands.len() == MAX_COMMANDS {
                    return Err(A::Error::invalid_length(MAX_COMMANDS.saturating_add(1), &self));
                }
                commands.push(command);
            }
            Ok(commands)
        }
    }
    deserializer.deserialize_seq(Few)
}

/// A fact, a decision or a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub enum Command {
    /// A request of an operator.
    Request(Request),
    /// A witness was read.
    Observe(Reading),
    /// A node reports on the resources inside it.
    Sense {
        node: NodeName,
        /// The looks of its agents.
        inside: Inside,
    },
    /// A node answers an order.
    Report(Report),
    /// A silent node is granted no lease any more until it is taken back.
    SuspendLeases(NodeName),
    /// A node without a lease certainly runs nothing: refused unless the ledger holds a proof.
    NodeOff(NodeName),
    /// The LPAR of a node whose leases have ended is to be cut off, and read off.
    FenceNode(NodeName),
    /// The leader's clock says that every lease of this node has ended.
    LapseNode(NodeName),
    /// A node whose leases are suspended or have ended is heard again.
    TakeBackNode(NodeName),
    /// This node watches and commands this server.
    Assign {
        server: ServerName,
        /// Its watcher.
        node: NodeName,
    },
    /// The group is online where it was found running.
    Adopt {
        group: GroupName,
        /// The server on which it was found.
        server: ServerName,
    },
    /// The group may be started on this server.
    Grant { group: GroupName, server: ServerName },
    /// A node is to start a resource under the group's tenure.
    Start {
        /// The resource.
        resource: ResourceName,
        /// The tenure that the planner saw.
        epoch: Epoch,
        /// Whether this repeats a start after a crash, and counts against the limit.
        restart: bool,
    },
    /// A node is to stop a resource on a server.
    Stop {
        /// The resource.
        resource: ResourceName,
        server: ServerName,
        /// Time for its operating system to shut down; zero cuts it off at once.
        grace: Span,
    },
    /// A node is to power a server off and read it back.
    Fence(ServerName),
    /// A node is to run the preonline hook, which decides whether the group may be started.
    PreOnline {
        group: GroupName,
        /// The tenure that the planner saw.
        epoch: Epoch,
    },
    /// All resources of the group run.
    Online {
        group: GroupName,
        /// The tenure that the planner saw.
        epoch: Epoch,
    },
    /// The group failed on its server.
    Fault {
        group: GroupName,
        /// The tenure that the planner saw.
        epoch: Epoch,
        reason: FaultReason,
    },
    /// A resource failed, and its group goes on without it.
    FaultResource {
        resource: ResourceName,
        /// The tenure that the planner saw.
        epoch: Epoch,
        reason: FaultReason,
    },
    /// A resource is to be stopped, cleaned and started again.
    Recycle {
        resource: ResourceName,
        /// The tenure that the planner saw.
        epoch: Epoch,
        reason: FaultReason,
    },
    /// An administrator has to look at a resource before anything else is done with its group.
    AdminWait {
        resource: ResourceName,
        /// The tenure that the planner saw.
        epoch: Epoch,
        reason: CleanReason,
    },
    /// A persistent resource is back: its fault is over.
    Forgive { resource: ResourceName, server: ServerName },
    /// The group is to leave its server.
    Leave {
        group: GroupName,
        /// The tenure that the planner saw.
        epoch: Epoch,
        reason: LeaveReason,
    },
    /// The tenure ends. Refused unless the ledger holds a proof that nothing runs under it.
    Vacate {
        group: GroupName,
        /// The tenure that the planner saw.
        epoch: Epoch,
    },
    /// The group is moved to another server while it runs.
    Migrate {
        group: GroupName,
        /// The tenure that the planner saw.
        epoch: Epoch,
        /// The target.
        to: ServerName,
        reason: LeaveReason,
    },
    /// A node is to move an LPAR of a group that migrates: to the target, or back if the migration has failed.
    Move {
        /// The LPAR.
        resource: ResourceName,
        /// The tenure that the planner saw.
        epoch: Epoch,
    },
    /// A node is to end the move of an LPAR, wherever that leaves it.
    StopMigration {
        /// The LPAR.
        resource: ResourceName,
        /// The tenure that the planner saw.
        epoch: Epoch,
    },
    /// A node is to clear up after a move of an LPAR that failed half-way, outside of any migration.
    Recover {
        /// The LPAR.
        resource: ResourceName,
        /// The server on which the LPAR reads so.
        server: ServerName,
    },
    /// The migration is over and the group is on the target: a new tenure begins there. Refused unless the ledger holds a
    /// proof that nothing of the group can be active on the source.
    Arrive {
        group: GroupName,
        /// The tenure that the planner saw.
        epoch: Epoch,
    },
    /// The migration is over and the group is where it was. Refused unless the ledger holds a proof that nothing of the
    /// group can be active on the target.
    StayGroup {
        group: GroupName,
        /// The tenure that the planner saw.
        epoch: Epoch,
    },
    /// A start whose outcome is unknown has had its time to settle.
    Settle {
        /// The resource.
        resource: ResourceName,
        server: ServerName,
    },
    /// An order was not answered within its budget and the settling time.
    Expire(OrderId),
    /// The group is active without right, or more than once: nothing of it is started.
    HoldGroup {
        group: GroupName,
        /// The active copies.
        conflict: Conflict,
    },
    /// The conflict is over.
    ReleaseGroup(GroupName),
    /// The order to power a server off is called back: the server is up, or off, or its own node is heard.
    CallOff(ServerName),
    /// A server that was proven off is up again, and dirty.
    ReappearServer(ServerName),
    /// A dirty server is clean: nothing without a tenure is active in its inventory.
    CleanServer(ServerName),
    /// So many servers were lost at about the same time that failover stops: these.
    Storm(BTreeSet<ServerName>),
    /// The quarantine of a server has lasted its time.
    EndQuarantine(ServerName),
    /// A group that a drain took away is not brought back after all.
    Forgo {
        group: GroupName,
        /// The server to which it was to go back.
        server: ServerName,
        /// The reason that it does not.
        why: NotHere,
    },
    /// A node reports that an HMC refused its login.
    HmcRefuses {
        hmc: HmcName,
        /// The HMC's message.
        why: ForeignText,
    },
    /// A node reports that an HMC which had refused logins accepted its own.
    HmcAccepts(HmcName),
    /// A node is to try a login at an HMC that refuses logins.
    TryHmc { hmc: HmcName, node: NodeName },
    /// The cluster can no longer lose as many servers as it should.
    Warn(Weakness),
    /// A process has begun to run this node. From now on nothing counts that an older one says.
    Enlist {
        node: NodeName,
        /// Its process.
        incarnation: Incarnation,
    },
    /// The rest of the entry comes from this process of a node; nothing of it counts if there is a newer one.
    SpokenBy {
        node: NodeName,
        /// Its process.
        incarnation: Incarnation,
    },
    /// A process of a node has learnt that there is a newer one, and stops.
    Twice {
        node: NodeName,
        /// The process that stops.
        older: Incarnation,
    },
    /// The ledgers of these nodes differ from the others' at an index.
    Diverged {
        nodes: BTreeSet<NodeName>,
        /// The log index at which they differ.
        at: u64,
        /// Whether they are in the minority, and stop.
        stop: bool,
    },
    /// The reason why a group waits; `None` when it no longer does.
    Wait {
        group: GroupName,
        /// The reason.
        wait: Option<Wait>,
    },
    /// The reason why a server's state is undecided; `None` when it no longer is.
    ServerWait {
        server: ServerName,
        /// The reason.
        wait: Option<ServerWait>,
    },
    /// A token was shown to this node, with a key to be certified.
    Spend {
        /// Hash of the token.
        token: Hash,
        /// Hash of the public key.
        key: Hash,
    },
    /// What was permitted at an index was carried out, or failed.
    Ended {
        /// Log index of the permission.
        act: u64,
        /// Why it failed, if it did.
        failed: Option<String>,
    },
    /// A node has refused somebody before their request reached the log.
    Denied {
        caller: Caller,
        /// What they wanted.
        what: String,
        /// Code of the refusal.
        code: String,
        /// How often since the last record of it.
        times: u32,
    },
    /// The authority with which the cluster began, by its founder.
    FoundAuthority {
        authority: Authority,
        /// Wall clock at the end of the first user's certificate.
        first_user: Time,
    },
    /// What a node has to show, and whom it trusts, by itself.
    Certified { node: NodeName, credential: Credential },
    /// A node that holds the key of an authority has sealed it for another one.
    Entrust {
        /// Fingerprint of the authority.
        authority: Hash,
        node: NodeName,
        /// The key, sealed for that node.
        key: Sealed,
    },
    /// A node reports its trouble with an HMC; `None` when that answers again.
    HmcContact {
        hmc: HmcName,
        /// The trouble.
        trouble: Option<Trouble>,
    },
    /// A majority of the voters is lost for ever, and one node goes on alone. It is never proposed: an administrator has it written
    /// on the disk of that node while it is stopped.
    GiveUpMajority {
        /// Who decided that.
        by: ForeignText,
        /// The node that goes on.
        survivor: NodeName,
    },
    /// The time of a freeze, a drain or a disarm is over.
    TimeOver(Keep),
    /// The process that runs a node is of this build.
    #[cfg(feature = "next-level")]
    Built {
        node: NodeName,
        /// Counted up from release to release.
        build: u32,
    },
}

/// A request of an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Replace the declared cluster.
    Configure {
        /// The new cluster.
        cluster: Arc<Cluster>,
        /// Whether to apply it even if it strands running things.
        strand: bool,
    },
    /// A request about the cluster as it is declared.
    Do(Verb),
    /// A change of who may do what.
    Trust(TrustChange),
    /// Something that nodes do once it is permitted here.
    Act(Act),
    /// Take up what a backup holds, in a cluster in which nothing was declared yet.
    Restore {
        /// What outlives the cluster of the backup.
        kept: Arc<Kept>,
        /// Hash of the backup.
        image: Hash,
    },
}

impl From<TrustChange> for Request {
    fn from(change: TrustChange) -> Self {
        Request::Trust(change)
    }
}

impl From<Act> for Request {
    fn from(act: Act) -> Self {
        Request::Act(act)
    }
}

impl From<Verb> for Request {
    fn from(verb: Verb) -> Self {
        Request::Do(verb)
    }
}

/// What an entry led to, as this build knows it: for who decides and checks. A repeated request leads to nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Commands that were refused, by their position in the entry, with the reasons.
    pub refused: Vec<(u32, Refusal)>,
    /// The changes, in order.
    pub records: Vec<Record>,
    /// What goes into the audit.
    pub audit: Vec<AuditRecord>,
    /// The same in words, for who had it written; that of the first one, for a repeated request.
    pub reply: Reply,
}

impl Entry {
    /// An entry of the planner.
    pub fn planned(at: Time, node: NodeName, commands: Vec<Command>) -> Self {
        Entry { at, wall: at, author: Author::Planner(node), commands }
    }
}

/// An entry is too long for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it has {bytes} bytes, at most {limit} are allowed")]
pub struct TooLong {
    /// Its length.
    pub bytes: usize,
    /// The longest that such an entry may be.
    pub limit: usize,
}

impl Entry {
    /// Checks its length, in bytes of its encoding: only a user's declaration of a cluster may be long.
    ///
    /// # Errors
    /// The limit.
    pub fn fits(&self, bytes: usize) -> Result<(), TooLong> {
        let by_user = matches!(self.author, Author::User { .. });
        let declares =
            matches!(&self.commands[..], [Command::Request(Request::Configure { .. } | Request::Restore { .. })]);
        let limit = if by_user && declares { DECLARING_LIMIT } else { ENTRY_LIMIT };
        if bytes <= limit { Ok(()) } else { Err(TooLong { bytes, limit }) }
    }

    /// The entry as the leader takes it from another node, whose name is that of its certificate; why it does not.
    ///
    /// Decisions are the leader's own and are never sent. A node speaks of itself only, and where a user's request came
    /// from is written down by the leader.
    pub fn sent_by(mut self, sender: &NodeName) -> Result<Self, String> {
        match &mut self.author {
            Author::User { from, .. } => from.node = Some(sender.clone()),
            Author::Agent(node) if node == sender => {}
            Author::Agent(node) => return Err(format!("{sender} speaks as node {node}")),
            Author::Planner(node) => return Err(format!("{sender} sends a decision, as the planner on {node}")),
        }
        let is_user = matches!(self.author, Author::User { .. });
        match self.commands.iter().find(|command| !is_user && !command.is_of_node(sender)) {
            Some(command) => Err(format!("{sender} has no say in this: {command:?}")),
            None => Ok(self),
        }
    }
}

impl Command {
    /// Whether a node that does not lead may say this: what it did, read or was shown itself.
    fn is_of_node(&self, sender: &NodeName) -> bool {
        if let Command::Enlist { node, .. }
        | Command::SpokenBy { node, .. }
        | Command::Twice { node, .. }
        | Command::Certified { node, .. } = self
        {
            return node == sender;
        }
        matches!(
            self,
            Command::Report(_)
                | Command::Diverged { .. }
                | Command::HmcRefuses { .. }
                | Command::HmcAccepts(_)
                | Command::HmcContact { .. }
                | Command::Spend { .. }
                | Command::Ended { .. }
                | Command::Denied { .. }
                | Command::FoundAuthority { .. }
                | Command::Entrust { .. }
        )
    }
}

impl Outcome {
    /// The refusal of the first command, if it was refused.
    pub fn refusal(&self) -> Option<&Refusal> {
        self.refused.first().map(|(_, why)| why)
    }
    /// The changes, without times.
    pub fn notes(&self) -> impl Iterator<Item = &Note> {
        self.records.iter().map(|record| &record.note)
    }
}
