//! The variants of every encoded enum, by name. A new variant does not compile until it is named here, and the tests
//! fail until there is a sample of it.

use std::collections::{BTreeMap, BTreeSet};
use tenure_core::{
    Command, Power, Request, Verb,
    config::Trigger,
    ledger::{Admin, Down, Phase, PreOnline, Progress, Trouble},
    note::{Brake, CleanReason, Decision, FaultReason, LeaveReason, NodeOffHow, NotHere, ServerWait, Stay, Wait},
    order::{Action, Ending},
    trust::{Act, Purpose, TrustChange},
};

/// An enum whose variants have names.
pub trait Named {
    /// The names of all of them.
    const ALL: &'static [&'static str];
    /// The name of this one.
    fn name(&self) -> &'static str;
}

macro_rules! named {
    ($type:ident: $($pattern:pat => $name:literal,)+) => {
        impl Named for $type {
            const ALL: &'static [&'static str] = &[$($name),+];
            fn name(&self) -> &'static str {
                match self {
                    $($pattern => $name,)+
                }
            }
        }
    };
}

/// Returns the samples, provided that there is one of every variant.
pub fn whole<T: Named>(samples: Vec<T>) -> Vec<T> {
    let sampled: BTreeSet<&str> = samples.iter().map(T::name).collect();
    let missing: Vec<&&str> = T::ALL.iter().filter(|name| !sampled.contains(**name)).collect();
    assert!(missing.is_empty(), "no sample of {missing:?} in {}", std::any::type_name::<T>());
    samples
}

/// The samples by name; the second of a variant has a number.
pub fn by_name<T: Named>(prefix: &str, samples: Vec<T>) -> Vec<(String, T)> {
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    let name = |sample: T| {
        let name = sample.name();
        let count = seen.entry(name).and_modify(|count| *count += 1).or_insert(1);
        let number = if *count > 1 { format!("-{count}") } else { String::new() };
        (format!("{prefix}{}{number}", name.replace([' ', '_'], "-")), sample)
    };
    whole(samples).into_iter().map(name).collect()
}

impl Named for Verb {
    const ALL: &'static [&'static str] = Verb::ALL;
    fn name(&self) -> &'static str {
        self.kind()
    }
}

named! { Command:
    Command::Request(Request::Configure { .. }) => "request-configure",
    Command::Request(Request::Do(..)) => "request-do",
    Command::Request(Request::Trust(..)) => "request-trust",
    Command::Request(Request::Act(..)) => "request-act",
    Command::Request(Request::Restore { .. }) => "request-restore",
    Command::Observe(..) => "observe",
    Command::Sense { .. } => "sense",
    Command::Report(..) => "report",
    Command::SuspendLeases(..) => "suspend-leases",
    Command::NodeOff(..) => "node-off",
    Command::FenceNode(..) => "fence-node",
    Command::LapseNode(..) => "lapse",
    Command::TakeBackNode(..) => "return",
    Command::Assign { .. } => "assign",
    Command::Adopt { .. } => "adopt",
    Command::Grant { .. } => "grant",
    Command::Start { .. } => "start",
    Command::Stop { .. } => "stop",
    Command::Fence(..) => "fence",
    Command::PreOnline { .. } => "pre-online",
    Command::Online { .. } => "online",
    Command::Fault { .. } => "fault",
    Command::FaultResource { .. } => "fault-resource",
    Command::Recycle { .. } => "recycle",
    Command::AdminWait { .. } => "admin-wait",
    Command::Forgive { .. } => "forgive",
    Command::Leave { .. } => "leave",
    Command::Vacate { .. } => "vacate",
    Command::Migrate { .. } => "migrate",
    Command::Move { .. } => "move",
    Command::StopMigration { .. } => "stop-migration",
    Command::Recover { .. } => "recover",
    Command::Arrive { .. } => "arrive",
    Command::StayGroup { .. } => "stay",
    Command::Settle { .. } => "settle",
    Command::Expire(..) => "expire",
    Command::HoldGroup { .. } => "hold",
    Command::ReleaseGroup(..) => "release",
    Command::CallOff(..) => "call-off",
    Command::ReappearServer(..) => "reappear",
    Command::CleanServer(..) => "clean",
    Command::Storm(..) => "storm",
    Command::EndQuarantine(..) => "end-quarantine",
    Command::TimeOver(..) => "time-over",
    Command::Forgo { .. } => "forgo",
    Command::HmcRefuses { .. } => "hmc-refuses",
    Command::HmcAccepts(..) => "hmc-accepts",
    Command::TryHmc { .. } => "try-hmc",
    Command::HmcContact { .. } => "hmc-contact",
    Command::Warn(..) => "warn",
    Command::Enlist { .. } => "enlist",
    Command::SpokenBy { .. } => "spoken-by",
    Command::Twice { .. } => "twice",
    Command::Diverged { .. } => "diverged",
    Command::Wait { .. } => "wait",
    Command::ServerWait { .. } => "server-wait",
    Command::Spend { .. } => "spend",
    Command::Ended { .. } => "ended",
    Command::Denied { .. } => "denied",
    Command::FoundAuthority { .. } => "found-authority",
    Command::Certified { .. } => "certified",
    Command::Entrust { .. } => "entrust",
    Command::GiveUpMajority { .. } => "give-up-majority",
}

named! { TrustChange:
    TrustChange::AddUser { .. } => "add-user",
    TrustChange::SetRights { .. } => "set-rights",
    TrustChange::RenewUser { .. } => "renew-user",
    TrustChange::RemoveUser { .. } => "remove-user",
    TrustChange::AddToken { .. } => "add-token",
    TrustChange::DropToken { .. } => "drop-token",
    TrustChange::AddAuthority { .. } => "add-authority",
    TrustChange::RetireAuthority { .. } => "retire-authority",
}

named! { Purpose:
    Purpose::Join(..) => "join",
    Purpose::Enrol(..) => "enrol",
    Purpose::Session(..) => "session",
}

named! { Act:
    Act::AddNode { .. } => "add-node",
    Act::PromoteNode { .. } => "promote-node",
    Act::RemoveNode { .. } => "remove-node",
    Act::Transfer { .. } => "transfer",
    Act::Action { .. } => "action",
    Act::Describe { .. } => "describe",
    Act::Check { .. } => "check",
    Act::LogLevel { .. } => "log-level",
    Act::Certify { .. } => "certify",
    Act::StopNode { .. } => "stop-node",
    Act::Raise { .. } => "raise",
    Act::SaveBackup => "save-backup",
}

named! { Ending:
    Ending::Done => "done",
    Ending::Refused(..) => "refused",
    Ending::NotDone(..) => "not-done",
    Ending::Unknown(..) => "unknown",
}

named! { Action:
    Action::Start { .. } => "start",
    Action::Stop { .. } => "stop",
    Action::Fence => "fence",
    Action::FenceNode { .. } => "fence-node",
    Action::Migrate { .. } => "migrate",
    Action::StopMigration { .. } => "stop-migration",
    Action::Hook { .. } => "hook",
}

named! { FaultReason:
    FaultReason::Crashed { .. } => "crashed",
    FaultReason::StartFailed { .. } => "start-failed",
    FaultReason::StartTimeout { .. } => "start-timeout",
    FaultReason::Panicked { .. } => "panicked",
    FaultReason::ViosDown { .. } => "vios-down",
    FaultReason::MonitorTimeout { .. } => "monitor-timeout",
    FaultReason::PersistentDown { .. } => "persistent-down",
    FaultReason::PreOnline { .. } => "pre-online",
}

named! { CleanReason:
    CleanReason::OfflineHung => "offline-hung",
    CleanReason::OfflineIneffective => "offline-ineffective",
    CleanReason::OnlineHung => "online-hung",
    CleanReason::OnlineIneffective => "online-ineffective",
    CleanReason::UnexpectedOffline => "unexpected-offline",
    CleanReason::MonitorHung => "monitor-hung",
}

named! { LeaveReason:
    LeaveReason::Fault => "fault",
    LeaveReason::Offline => "offline",
    LeaveReason::Switch(..) => "switch",
    LeaveReason::Service(..) => "service",
    LeaveReason::Unmet { .. } => "unmet",
    LeaveReason::Follow { .. } => "follow",
    LeaveReason::ParentFaulted { .. } => "parent-faulted",
    LeaveReason::TierReturned { .. } => "tier-returned",
    LeaveReason::Drain(..) => "drain",
    LeaveReason::Park => "park",
    LeaveReason::Return(..) => "return",
    LeaveReason::Failback(..) => "failback",
    LeaveReason::OnPurpose => "on-purpose",
    LeaveReason::NodeOff(..) => "node-off",
    LeaveReason::Evicted(..) => "evicted",
}

named! { NodeOffHow:
    NodeOffHow::ReadOff { .. } => "read-off",
    NodeOffHow::Fenced { .. } => "fenced",
    NodeOffHow::Server => "server",
    NodeOffHow::Watchdog { .. } => "watchdog",
    NodeOffHow::Operator { .. } => "operator",
}

named! { NotHere:
    NotHere::Faulted => "faulted",
    NotHere::ProvenOff => "proven-off",
    NotHere::Dirty => "dirty",
    NotHere::NotReady(..) => "not-ready",
    NotHere::Unread => "unread",
    NotHere::NobodyWatches => "nobody-watches",
    NotHere::NodeDown { .. } => "node-down",
    NotHere::NotDefined { .. } => "not-defined",
    NotHere::NotReadOff { .. } => "not-read-off",
    NotHere::ViosDown { .. } => "vios-down",
    NotHere::PersistentDown { .. } => "persistent-down",
    NotHere::FailoverOff { .. } => "failover-off",
    NotHere::OtherZone { .. } => "other-zone",
    NotHere::NoMemory { .. } => "no-memory",
    NotHere::NoProcessors { .. } => "no-processors",
    NotHere::Limit { .. } => "limit",
    NotHere::Rule { .. } => "rule",
    NotHere::NotBrought { .. } => "not-brought",
    NotHere::StillDefined { .. } => "still-defined",
    NotHere::Link { .. } => "link",
    NotHere::NotListed => "not-listed",
    NotHere::Draining => "draining",
    NotHere::ServerFrozen => "server-frozen",
    NotHere::Quarantined { .. } => "quarantined",
}

impl Named for Wait {
    const ALL: &'static [&'static str] = Wait::KINDS;
    fn name(&self) -> &'static str {
        self.kind()
    }
}

named! { Brake:
    Brake::Starts { .. } => "starts",
    Brake::Stops { .. } => "stops",
    Brake::Manager { .. } => "manager",
    Brake::Migrations { .. } => "migrations",
    Brake::Moves { .. } => "moves",
    Brake::Boots { .. } => "boots",
}

named! { Decision:
    Decision::Place => "place",
    Decision::Start => "start",
    Decision::Stop => "stop",
    Decision::Leave => "leave",
    Decision::Fence => "fence",
}

named! { Stay:
    Stay::Declared => "declared",
    Stay::Instance => "instance",
    Stay::NotMoved => "not-moved",
    Stay::Frozen => "frozen",
    Stay::Nowhere(..) => "nowhere",
}

impl Named for ServerWait {
    const ALL: &'static [&'static str] = ServerWait::KINDS;
    fn name(&self) -> &'static str {
        self.kind()
    }
}

named! { Phase:
    Phase::Starting => "starting",
    Phase::Online => "online",
    Phase::Leaving { .. } => "leaving",
    Phase::Migrating(..) => "migrating",
}

named! { PreOnline:
    PreOnline::Passed => "passed",
    PreOnline::Due => "due",
    PreOnline::Ordered(..) => "ordered",
    PreOnline::Failed(..) => "failed",
}

named! { Down:
    Down::Faulted(..) => "faulted",
    Down::OnPurpose => "on-purpose",
    Down::Operator => "operator",
}

named! { Progress:
    Progress::Idle => "idle",
    Progress::Ordered(_) => "ordered",
    Progress::Ran { .. } => "ran",
}

named! { Admin:
    Admin::No => "no",
    Admin::Awaited(_) => "awaited",
    Admin::SaysFailed => "says-failed",
}

named! { Trigger:
    Trigger::PreOnline => "pre-online",
    Trigger::PostOnline => "post-online",
    Trigger::PostOffline => "post-offline",
    Trigger::ResourceFault => "resource-fault",
    Trigger::ResourceRestart => "resource-restart",
    Trigger::ResourceNotOff => "resource-not-off",
    Trigger::AdminWait => "admin-wait",
    Trigger::NoFailover => "no-failover",
    Trigger::Violation => "violation",
}

named! { Power:
    Power::Off => "off",
    Power::Starting => "starting",
    Power::Running => "running",
    Power::Stopping => "stopping",
    Power::Absent => "absent",
    Power::OffOnPurpose => "off-on-purpose",
    Power::Unknown => "unknown",
    Power::Moving => "moving",
    Power::Missing => "missing",
    Power::Error => "error",
}

named! { Trouble:
    Trouble::Silent { .. } => "silent",
    Trouble::HostKey { .. } => "host-key",
    Trouble::OwnKey { .. } => "own-key",
}
