//! Notes: everything that an operator may want to know, typed, and rendered in one place.
//!
//! The log line, the line of the admin client and the line of a golden file are the same line.

mod about;
mod levels;
mod render;

pub use render::mistakes;

use crate::tolerance::Weakness;
use crate::{
    GroupName, HmcName, NodeName, OrderId, Power, ResourceName, RuleName, ServerName, ServiceName, Span, SystemState,
    Time, Verb,
    config::{Need, Trigger},
    ledger::Incarnation,
    order::Epoch,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A note with the log index and the cluster time at which it became true.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Log index.
    pub index: u64,
    /// Cluster time.
    pub at: Time,
    /// What happened.
    pub note: Note,
}

/// How loud a note is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Level {
    /// As it should be.
    Info,
    /// Worth a look.
    Warning,
    /// Somebody has to act.
    Alarm,
}

/// What happened, or was decided, or was not done and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // fields are named after what they hold; each variant says itself in `Display`
#[rustfmt::skip] // one line each
pub enum Note {
    Configured { by: String, groups: usize, resources: usize, servers: usize },
    /// The group is that of a resource that was asked for.
    Requested { by: String, what: Verb, group: Option<GroupName> },
    SystemChanged { server: ServerName, from: SystemState, to: SystemState, by: NodeName },
    ViosChanged { server: ServerName, down: BTreeSet<String> },
    CopyChanged {
        group: GroupName,
        resource: ResourceName,
        server: ServerName,
        from: Power,
        to: Power,
        said: String,
        inside: bool,
    },
    /// What bears the name of an LPAR is not that LPAR, or not what is declared.
    NotItself { group: GroupName, resource: ResourceName, server: ServerName, said: String },
    LoginRefused { hmc: HmcName, by: NodeName, why: String, again: Span },
    LoginAccepted { hmc: HmcName, by: NodeName },
    NodeLapsed { node: NodeName },
    NodeReturned { node: NodeName },
    NodeProvenOff { node: NodeName, how: NodeOffHow },
    WrongLpar { node: NodeName, server: ServerName, power: Power },
    NotItsLpar { node: NodeName, server: ServerName, said: String },
    RunsTwice { node: NodeName, older: Incarnation, newer: Incarnation },
    OlderStops { node: NodeName, older: Incarnation },
    Diverged { nodes: BTreeSet<NodeName>, at: u64, stop: bool },
    WatcherChanged { server: ServerName, from: Option<NodeName>, to: NodeName, surrogate: bool },
    Adopted { group: GroupName, server: ServerName, epoch: Epoch },
    Granted { group: GroupName, server: ServerName, epoch: Epoch, passed_over: BTreeMap<ServerName, NotHere> },
    Ordered { order: OrderId, what: String, node: NodeName, server: ServerName, group: Option<GroupName> },
    Restarting { group: GroupName, resource: ResourceName, server: ServerName, count: u32, limit: u32, ran: bool },
    Ended { order: OrderId, what: String, server: ServerName, ending: String, group: Option<GroupName>, bad: bool },
    OnlineNow { group: GroupName, server: ServerName, epoch: Epoch },
    Faulted { group: GroupName, server: ServerName, reason: FaultReason },
    Leaving { group: GroupName, server: ServerName, reason: LeaveReason },
    ResourceFaulted { group: GroupName, resource: ResourceName, server: ServerName, reason: FaultReason },
    ResourceBack { group: GroupName, resource: ResourceName, server: ServerName },
    Recycling { group: GroupName, resource: ResourceName, server: ServerName, reason: FaultReason, count: u32, limit: u32 },
    Retrying { group: GroupName, server: ServerName, reason: FaultReason, count: u32, limit: u32 },
    NeedsAdmin { group: GroupName, resource: ResourceName, server: ServerName, reason: CleanReason },
    StoppedOnPurpose { group: GroupName, resource: ResourceName, server: ServerName },
    /// Something was started again and again by no order of ours: its group was frozen.
    SomebodyElse { group: GroupName, resource: ResourceName, server: ServerName, times: usize, within: Span },
    Vacated { group: GroupName, server: ServerName, epoch: Epoch, proof: Proof },
    Loose { group: GroupName, resource: ResourceName, server: ServerName },
    Settled { group: GroupName, resource: ResourceName, server: ServerName },
    Held { group: GroupName, tenure: Option<ServerName>, conflict: Conflict },
    Released { group: GroupName },
    ProvenOff { server: ServerName, how: OffHow },
    Reappeared { server: ServerName },
    Cleaned { server: ServerName },
    Waiting { group: GroupName, wait: Wait },
    WaitOver { group: GroupName },
    ServerWaiting { server: ServerName, wait: ServerWait },
    Removed { group: GroupName },
    Fragile { weakness: Weakness },
    Migrating { group: GroupName, from: ServerName, to: ServerName, reason: LeaveReason },
    Migrated { group: GroupName, from: ServerName, to: ServerName, epoch: Epoch, proof: Proof },
    Stayed { group: GroupName, server: ServerName, to: ServerName, why: String },
    MoveSettled { group: GroupName, resource: ResourceName, server: ServerName },
    WrongCopy { group: GroupName, resource: ResourceName, server: ServerName, tenure: ServerName },
    HookNotRun { group: GroupName, trigger: Trigger, server: ServerName },
    FaultsCleared { group: GroupName, child: GroupName },
    Storm { servers: BTreeSet<ServerName> },
    Quarantined { server: ServerName, returns: usize, within: Span, length: Span },
    QuarantineOver { server: ServerName },
    NotBroughtBack { group: GroupName, server: ServerName, why: NotHere },
}

/// Why a group failed on a server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs)]
#[rustfmt::skip]
pub enum FaultReason {
    Crashed { resource: ResourceName, restarts: u32 },
    StartFailed { resource: ResourceName, why: String },
    StartTimeout { resource: ResourceName, after: Span },
    /// It was read in Error, and in no other state, for this long.
    Panicked { resource: ResourceName, after: Span },
    ViosDown { resource: ResourceName, vios: Vec<String> },
    MonitorTimeout { resource: ResourceName, after: Span },
    PersistentDown { resource: ResourceName },
    PreOnline { why: String },
}

/// Why a resource has to be cleaned, or looked at. The numbers are those that its agent is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum CleanReason {
    /// Taking it offline did not end in time.
    OfflineHung = 0,
    /// Taking it offline ended, and it still runs.
    OfflineIneffective = 1,
    /// Bringing it online did not end in time.
    OnlineHung = 2,
    /// Bringing it online ended, and it does not run.
    OnlineIneffective = 3,
    /// It went down by itself.
    UnexpectedOffline = 4,
    /// Its monitor does not end.
    MonitorHung = 5,
}

impl CleanReason {
    /// The number that agents and programs are told.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// Why a group leaves a server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs)] // fields are named after what they hold
pub enum LeaveReason {
    /// It failed there.
    Fault,
    /// An operator wants it offline.
    Offline,
    /// An operator wants it elsewhere.
    Switch(ServerName),
    /// An operator wants its service offline.
    Service(ServiceName),
    /// What it needs of another group is no longer so.
    Unmet { child: GroupName, need: Need },
    /// The group that it depends on runs elsewhere, and there is room.
    Follow { child: GroupName, to: ServerName },
    /// A group with a hard link to it failed here, and both can run elsewhere.
    ParentFaulted { parent: GroupName, to: ServerName },
    /// The tier below it in a service is online again.
    TierReturned { service: ServiceName },
    /// Its server is emptied, and it goes to this one.
    Drain(ServerName),
    /// Its server is emptied, and it starts there again when that is over.
    Park,
    /// A drain is over that took it from this server, to which it goes back.
    Return(ServerName),
    /// A server that it prefers is back, and its policy is to run there.
    Failback(ServerName),
    /// All that it has was stopped on purpose.
    OnPurpose,
    /// The node inside which a part of it lived is off.
    NodeOff(NodeName),
    /// A more important group needs its room.
    Evicted(GroupName),
}

/// Evidence that nothing runs under a tenure any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Proof {
    /// Every LPAR of the group was read off, live, after the last start could take effect. The log index that the oldest of
    /// the readings followed.
    ReadOff {
        /// Log index.
        since: u64,
        /// Those that were not read off, but are not defined there.
        undefined: BTreeSet<ResourceName>,
    },
    /// The server itself is proven off.
    ServerOff(OffHow),
    /// The node inside which it lived is proven off; what else the group has was read off.
    NodeOff {
        /// The node.
        node: NodeName,
        /// How.
        how: NodeOffHow,
    },
}

/// How it was proven that nothing runs inside a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NodeOffHow {
    /// Its LPAR was read off, by a reading that began after the node could be granted a lease for the last time.
    ReadOff {
        /// Log index that the reading followed.
        since: u64,
    },
    /// Its LPAR was cut off and read off, by this order.
    Fenced {
        /// The order.
        order: OrderId,
        /// The node that did it.
        by: NodeName,
    },
    /// Its server was proven off, and it has not been heard since.
    Server,
    /// Its watchdog has had the time to reset it since its last lease ended.
    Watchdog {
        /// After which time it resets.
        after: Span,
    },
    /// This operator asserted it.
    Operator {
        /// Who.
        name: String,
    },
}

/// How a server was proven off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OffHow {
    /// It was powered off and read off, by this order.
    Fenced {
        /// The order.
        order: OrderId,
        /// The node that did it.
        by: NodeName,
    },
    /// This operator asserted it.
    Operator {
        /// Who.
        name: String,
    },
}

/// More than one copy of a group is active, or a copy without right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// Which LPAR was found active where.
    pub active: BTreeMap<ServerName, BTreeSet<ResourceName>>,
}

impl Conflict {
    /// Whether all that is active elsewhere is active on this server too.
    pub fn is_whole(&self, server: &ServerName) -> bool {
        let here = self.active.get(server);
        self.active.values().flatten().all(|resource| here.is_some_and(|here| here.contains(resource)))
    }
}

/// Why a group is not placed on a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
#[rustfmt::skip]
pub enum NotHere {
    Faulted,
    ProvenOff,
    Dirty,
    NotReady(SystemState),
    Unread,
    NobodyWatches,
    /// What it needs lives inside a node, and that node is silent or off.
    NodeDown { node: NodeName },
    NotDefined { resource: ResourceName },
    NotReadOff { resource: ResourceName, power: Power },
    ViosDown { resource: ResourceName },
    PersistentDown { resource: ResourceName },
    FailoverOff { from: ServerName },
    OtherZone { from: ServerName },
    NoMemory { need: u64, free: u64 },
    NoProcessors { need: u64, free: u64 },
    Limit { limit: String, need: u64, free: u64 },
    /// A placement rule, and the group that it is about.
    Rule { rule: RuleName, with: Option<GroupName> },
    /// It is defined elsewhere, and cannot be brought from there now.
    NotBrought { resource: ResourceName, from: ServerName, system: SystemState },
    /// A mobile LPAR is defined there already, or still.
    StillDefined { resource: ResourceName },
    Link { child: GroupName, need: Need },
    NotListed,
    Draining,
    ServerFrozen,
    Quarantined { until: Time },
}

/// Why a group waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
#[rustfmt::skip]
pub enum Wait {
    /// Not every server of the list has been read.
    Probe { servers: BTreeSet<ServerName> },
    /// No server can take it.
    NoTarget { why: BTreeMap<ServerName, NotHere> },
    /// Nothing proves that its server is off, and nobody can act there.
    NoProof { server: ServerName, system: SystemState },
    /// Its server is being powered off for certain.
    Fencing { server: ServerName },
    /// Nobody can watch or command its server, which seems to be fine otherwise.
    Unwatched { server: ServerName, system: SystemState },
    /// What lives inside a node cannot be asked for, because that node is silent, and nothing proves it off.
    NodeSilent { resource: ResourceName, server: ServerName, node: NodeName, lpar: Power },
    /// The LPAR of the node inside which it lives is being cut off.
    NodeFencing { node: NodeName, server: ServerName },
    /// The watchdog of the node inside which it lives has not had its time yet.
    Watchdog { node: NodeName, server: ServerName, until: Time },
    /// A start may still take effect.
    Settling { resource: ResourceName, server: ServerName, until: Time },
    /// Orders are under way.
    Orders { resources: BTreeSet<ResourceName>, server: ServerName },
    /// An LPAR is off by a reading that is too old to prove it.
    Reading { resource: ResourceName, server: ServerName },
    /// An LPAR has been ordered to start and is not Running yet.
    Booting { resources: BTreeSet<ResourceName>, server: ServerName, until: Time },
    /// An LPAR does not stop.
    Stuck { resource: ResourceName, server: ServerName, power: Power },
    /// The witness says that the LPAR needs attention, or does not know.
    Attention { resource: ResourceName, server: ServerName },
    /// Something should be done and the group is frozen.
    Frozen { fault: Option<FaultReason> },
    /// What it requires is not online yet.
    Requires { resource: ResourceName, of: BTreeSet<ResourceName>, server: ServerName },
    /// An administrator has to look at it.
    AdminWait { resource: ResourceName, server: ServerName, reason: CleanReason },
    /// An operator has stopped all work on it.
    Flushed,
    /// Less important groups make room for it.
    Eviction { groups: BTreeSet<GroupName> },
    /// Once it runs, the loss of these servers could not be borne any more.
    Tolerance { servers: BTreeSet<ServerName>, groups: BTreeSet<GroupName> },
    /// A program must say first whether it may be started.
    Hook { server: ServerName },
    /// Two copies.
    Held,
    /// It is being moved to another server.
    Migrating { resource: ResourceName, from: ServerName, to: ServerName },
    /// A move that nobody answered may still begin.
    MoveSettling { resource: ResourceName, to: ServerName, until: Time },
    /// Readings must tell where it is.
    Locating { servers: BTreeSet<ServerName> },
    /// A move has taken longer than it may.
    MigrationStuck { resource: ResourceName, from: ServerName, to: ServerName },
    /// Some of its LPARs have moved and the others have not, and the way back failed as well.
    HalfMoved { resources: BTreeSet<ResourceName>, from: ServerName, to: ServerName },
    /// A group that it depends on is not online; perhaps because it is to be offline.
    Child { child: GroupName, unwanted: bool },
    /// Groups that depend on it must have left first.
    Parents { parents: BTreeSet<GroupName> },
    /// It is not its turn in the start of a service.
    Below { service: ServiceName, groups: BTreeSet<GroupName> },
    /// It is not its turn in the stop of its services.
    Above { groups: BTreeSet<GroupName> },
    /// The group that it should be with runs on that server, and it cannot go there.
    Apart { child: GroupName, server: ServerName, why: NotHere },
    /// As much is under way as may be at once.
    Queue { brake: Brake },
    /// Too many servers were lost at once.
    Storm,
    /// Something should be done and the cluster is disarmed.
    Disarmed { deed: Deed },
    /// Its server was proven off and its policy is to wait for an administrator.
    AutoDisabled { server: ServerName },
    /// It was stopped because its server is shut down, and starts when that is back.
    Parked { server: ServerName },
    /// Its server is being emptied, and it stays there.
    Stays { server: ServerName, why: Stay },
    /// It is only watched.
    NotManaged,
}

/// A bound on what is under way at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Brake {
    Starts {
        server: ServerName,
        limit: u32,
    },
    Stops {
        server: ServerName,
        limit: u32,
    },
    Manager {
        manager: HmcName,
        limit: u32,
    },
    Migrations {
        server: ServerName,
        limit: u32,
    },
    /// Groups that leave a server, or are on their way to those that could take this one.
    Moves {
        server: ServerName,
    },
}

/// What is not done while the cluster is disarmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Deed {
    Place,
    Start,
    Stop,
    Leave,
    Fence,
}

/// Why a group stays on a server that is being emptied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Stay {
    /// Its declaration says that a drain leaves it alone.
    Declared,
    /// It is the instance of a parallel group on that very server.
    Instance,
    /// It was to be moved while it runs, and that failed.
    NotMoved,
    Frozen,
    Nowhere(BTreeMap<ServerName, NotHere>),
}

/// Why the whole cluster holds back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum ClusterWait {
    /// An operator disarmed it.
    Disarmed,
    /// Too many servers were lost at once.
    Storm { servers: BTreeSet<ServerName> },
    /// An HMC refuses the login of the nodes.
    Lockout { hmc: HmcName, by: NodeName, alone: bool, why: String },
}

/// Why a server's fate is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
#[rustfmt::skip]
pub enum ServerWait {
    /// The node is silent and no witness can prove the server off.
    NoProof { node: Option<NodeName>, system: SystemState },
    /// It is being powered off and read back.
    Fencing,
    /// It came back and is being cleaned.
    Cleaning { resources: BTreeSet<ResourceName> },
    /// It seems to be down, and is not powered off for certain because the cluster is disarmed.
    Disarmed { system: SystemState },
    /// It is being emptied; so many groups are left.
    Draining { left: u32 },
    /// So many groups are left on it that cannot leave.
    DrainStuck { left: u32, shutdown: bool },
    /// It is empty, but for so many groups that are meant to stay.
    Drained { staying: u32, shutdown: bool },
}
