//! Reasons: for faults, for leaving a server, and for passing one over.

use super::count;
use crate::{
    ForeignText, GroupName, NodeName, Power, ResourceName, RuleName, ServerName, ServiceName, Span, SystemState, Time,
    config::Need,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fmt::{self, Display},
};

/// The reason why a group failed on a server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs)]
#[rustfmt::skip]
pub enum FaultReason {
    Crashed { resource: ResourceName, restarts: u32 },
    StartFailed { resource: ResourceName, why: ForeignText },
    StartTimeout { resource: ResourceName, after: Span },
    /// Its readings were Error, and nothing else, for this time.
    Panicked { resource: ResourceName, after: Span },
    ViosDown { resource: ResourceName, vios: Vec<String> },
    MonitorTimeout { resource: ResourceName, after: Span },
    PersistentDown { resource: ResourceName },
    PreOnline { why: ForeignText },
}

impl FaultReason {
    /// The resource that failed, if it was one.
    pub fn resource(&self) -> Option<&ResourceName> {
        match self {
            FaultReason::Crashed { resource, .. }
            | FaultReason::StartFailed { resource, .. }
            | FaultReason::StartTimeout { resource, .. }
            | FaultReason::Panicked { resource, .. }
            | FaultReason::ViosDown { resource, .. }
            | FaultReason::MonitorTimeout { resource, .. }
            | FaultReason::PersistentDown { resource } => Some(resource),
            FaultReason::PreOnline { .. } => None,
        }
    }
}

impl Display for FaultReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FaultReason::Crashed { resource, restarts: 0 } => write!(f, "{resource} went down"),
            FaultReason::Crashed { resource, restarts } => {
                write!(f, "{resource} went down again after {} in place", count(*restarts, "restart"))
            }
            FaultReason::StartFailed { resource, why } => write!(f, "{resource} did not start: {why}"),
            FaultReason::StartTimeout { resource, after } => write!(f, "{resource} was not Running after {after}"),
            FaultReason::Panicked { resource, after } => write!(f, "{resource} read Error for {after}"),
            FaultReason::MonitorTimeout { resource, after } => {
                write!(f, "nobody could tell for {after} whether {resource} runs")
            }
            FaultReason::PreOnline { why } => write!(f, "its preonline hook did not agree: {why}"),
            FaultReason::PersistentDown { resource } => write!(f, "{resource} is down"),
            FaultReason::ViosDown { resource, vios } => {
                write!(f, "{resource} has lost all its VIO servers ({})", vios.join(", "))
            }
        }
    }
}

/// The reason why a resource has to be cleaned, or looked at. The numbers are passed to its agent.
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
    /// The number that is passed to agents and programs.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

impl Display for CleanReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CleanReason::OfflineHung => "taking it offline did not end in time",
            CleanReason::OfflineIneffective => "it was taken offline and still runs",
            CleanReason::OnlineHung => "bringing it online did not end in time",
            CleanReason::OnlineIneffective => "it was brought online and does not run",
            CleanReason::UnexpectedOffline => "it went down by itself",
            CleanReason::MonitorHung => "its monitor does not end",
        })
    }
}

/// The reason why a group leaves a server.
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
    /// The need of a link is no longer met.
    Unmet { child: GroupName, need: Need },
    /// The group that it depends on runs elsewhere, and there is room.
    Follow { child: GroupName, to: ServerName },
    /// A group with a hard link to it failed here, and both can run elsewhere.
    ParentFaulted { parent: GroupName, to: ServerName },
    /// The tier below it in a service is online again.
    TierReturned { service: ServiceName },
    /// Its server is emptied, and the group goes to this one.
    Drain(ServerName),
    /// Its server is emptied, and the group starts there again afterwards.
    Park,
    /// The drain that took it from this server is over, and it goes back there.
    Return(ServerName),
    /// A server that it prefers is back, and its policy is to run there.
    Failback(ServerName),
    /// All its resources were stopped on purpose.
    OnPurpose,
    /// The node inside which a part of it lived is proven off.
    NodeOff(NodeName),
    /// A more important group needs its room.
    Evicted(GroupName),
}

impl LeaveReason {
    /// The server that a group which leaves `from` should go to first of all, if there is one.
    pub fn heads_for<'a>(&'a self, from: &'a ServerName) -> Option<&'a ServerName> {
        match self {
            LeaveReason::Switch(to) | LeaveReason::Follow { to, .. } | LeaveReason::ParentFaulted { to, .. } => {
                Some(to)
            }
            // It is restarted, not moved.
            LeaveReason::TierReturned { .. } => Some(from),
            LeaveReason::Fault
            | LeaveReason::Offline
            | LeaveReason::OnPurpose
            | LeaveReason::NodeOff(_)
            | LeaveReason::Evicted(_)
            | LeaveReason::Service(_)
            | LeaveReason::Unmet { .. }
            | LeaveReason::Drain(_)
            | LeaveReason::Return(_)
            | LeaveReason::Failback(_)
            | LeaveReason::Park => None,
        }
    }

    /// The server that the group is sent to, if it is sent to one.
    pub fn destination(&self) -> Option<&ServerName> {
        match self {
            LeaveReason::Drain(to) | LeaveReason::Return(to) | LeaveReason::Failback(to) | LeaveReason::Switch(to) => {
                Some(to)
            }
            LeaveReason::Fault
            | LeaveReason::Offline
            | LeaveReason::Service(_)
            | LeaveReason::Unmet { .. }
            | LeaveReason::Follow { .. }
            | LeaveReason::ParentFaulted { .. }
            | LeaveReason::TierReturned { .. }
            | LeaveReason::Park
            | LeaveReason::OnPurpose
            | LeaveReason::NodeOff(_)
            | LeaveReason::Evicted(_) => None,
        }
    }
}

impl Display for LeaveReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LeaveReason::Fault => f.write_str("it failed there"),
            LeaveReason::Offline => f.write_str("it is to be offline"),
            LeaveReason::Drain(to) => write!(f, "it is drained; to {to}"),
            LeaveReason::Park => f.write_str("it is shut down; until it is back"),
            LeaveReason::Return(to) => write!(f, "it goes back to {to}, which is no longer drained"),
            LeaveReason::Failback(to) => write!(f, "it goes back to {to}, which it prefers"),
            LeaveReason::Evicted(by) => write!(f, "group {by} is more important and needs its room"),
            LeaveReason::OnPurpose => f.write_str("all that it has was stopped on purpose"),
            LeaveReason::NodeOff(node) => write!(f, "a part of it lived inside node {node}, which is off"),
            LeaveReason::Switch(to) => write!(f, "it is to run on {to}"),
            LeaveReason::Service(service) => write!(f, "service {service} is to be offline"),
            LeaveReason::Unmet { child, need: Need::OnlineLocal } => write!(f, "group {child} is not online there"),
            LeaveReason::Unmet { child, need: Need::OnlineGlobal } => write!(f, "group {child} is not online"),
            LeaveReason::Unmet { child, need: Need::OnlineRemote } => {
                write!(f, "group {child} is not online on another server")
            }
            LeaveReason::Unmet { child, need: Need::OfflineLocal } => write!(f, "group {child} takes the server"),
            LeaveReason::Follow { child, to } => write!(f, "it follows group {child} to {to}"),
            LeaveReason::ParentFaulted { parent, to } => {
                write!(f, "group {parent} failed there, and both can run on {to}")
            }
            LeaveReason::TierReturned { service } => {
                write!(f, "it is restarted: the tier below it in service {service} is online again")
            }
        }
    }
}

/// The reason why a group is not placed on a server.
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
    /// A resource of it lives inside a node, and the node there is silent or off.
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
    /// A placement rule, and the group because of which it forbids the server, if there is one.
    Rule { rule: RuleName, with: Option<GroupName> },
    /// The LPAR is defined elsewhere, and cannot be brought from there now.
    NotBrought { resource: ResourceName, from: ServerName, system: SystemState },
    /// A mobile LPAR is defined there already, or still.
    StillDefined { resource: ResourceName },
    Link { child: GroupName, need: Need },
    NotListed,
    Draining,
    ServerFrozen,
    Quarantined { until: Time },
}

impl Display for NotHere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotHere::Faulted => f.write_str("faulted there"),
            NotHere::ProvenOff => f.write_str("proven off"),
            NotHere::Dirty => f.write_str("dirty"),
            NotHere::NotReady(SystemState::NoWitness) => f.write_str("no manager answers"),
            NotHere::NotReady(state) => write!(f, "reads {state}"),
            NotHere::Unread => f.write_str("not read yet"),
            NotHere::NobodyWatches => f.write_str("no node watches it"),
            NotHere::NodeDown { node } => write!(f, "its node {node} is not there"),
            NotHere::NotDefined { resource } => write!(f, "{resource} is not defined there"),
            NotHere::NotReadOff { resource, power } => write!(f, "{resource} reads {power} there"),
            NotHere::ViosDown { resource } => write!(f, "all VIO servers of {resource} are down"),
            NotHere::PersistentDown { resource } => write!(f, "{resource} is down there"),
            NotHere::FailoverOff { from } => write!(f, "it failed on {from} and is not to fail over"),
            NotHere::OtherZone { from } => write!(f, "in another zone than {from}"),
            NotHere::NoMemory { need, free } => write!(f, "needs {need} MiB, {free} MiB free"),
            NotHere::NoProcessors { need, free } => write!(
                f,
                "needs {} processing units, {} free",
                crate::config::hundredths(*need),
                crate::config::hundredths(*free)
            ),
            NotHere::Draining => f.write_str("drained"),
            NotHere::ServerFrozen => f.write_str("frozen"),
            NotHere::Quarantined { .. } => f.write_str("in quarantine"),
            NotHere::Rule { rule, with: Some(with) } => write!(f, "rule {rule}, because of group {with}"),
            NotHere::Rule { rule, with: None } => write!(f, "rule {rule}"),
            NotHere::Limit { limit, need, free } => write!(f, "needs {need} of {limit}, {free} left"),
            NotHere::NotBrought { resource, from, system } => {
                write!(f, "{resource} is defined on {from}, which reads {system}, and cannot be brought from there")
            }
            NotHere::StillDefined { resource } => write!(f, "{resource} is defined there already"),
            NotHere::NotListed => f.write_str("not in its system list"),
            NotHere::Link { child, need: Need::OnlineLocal } => write!(f, "group {child} is not online there"),
            NotHere::Link { child, need: Need::OnlineGlobal } => write!(f, "group {child} is not online"),
            NotHere::Link { child, need: Need::OnlineRemote } => {
                write!(f, "group {child} is not online on another server")
            }
            NotHere::Link { child, need: Need::OfflineLocal } => write!(f, "group {child} is there"),
        }
    }
}

impl Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Need::OnlineLocal => "online on its own server",
            Need::OnlineGlobal => "online",
            Need::OnlineRemote => "online on another server",
            Need::OfflineLocal => "off its own server",
        })
    }
}

pub(super) fn whys<K: Display>(why: &BTreeMap<K, NotHere>) -> String {
    why.iter().map(|(server, why)| format!("{server} ({why})")).collect::<Vec<_>>().join(", ")
}
