//! One value of every wait, fault, and reason that a command or the ledger holds.

use super::{
    named::whole,
    samples::{T, g2, n, o, r, r2, rule, s, s2, set, shop},
};
use std::collections::BTreeMap;
use tenure_core::{
    Power, ServerName, Span, SystemState,
    config::Need,
    ledger::Trouble,
    note::{
        Brake, CleanReason, Conflict, Decision, FaultReason, LeaveReason, NodeOffHow, NotHere, ServerWait, Stay, Wait,
    },
};

pub fn faults() -> Vec<FaultReason> {
    vec![
        FaultReason::Crashed { resource: r(), restarts: 2 },
        FaultReason::StartFailed { resource: r(), why: "HSCL1558".into() },
        FaultReason::StartTimeout { resource: r(), after: Span::seconds(300) },
        FaultReason::Panicked { resource: r(), after: Span::seconds(20) },
        FaultReason::ViosDown { resource: r(), vios: vec!["vios1".into(), "vios2".into()] },
        FaultReason::MonitorTimeout { resource: r(), after: Span::seconds(20) },
        FaultReason::PersistentDown { resource: r() },
        FaultReason::PreOnline { why: "exit status 3".into() },
    ]
}

pub fn admin() -> Vec<CleanReason> {
    vec![
        CleanReason::OfflineHung,
        CleanReason::OfflineIneffective,
        CleanReason::OnlineHung,
        CleanReason::OnlineIneffective,
        CleanReason::UnexpectedOffline,
        CleanReason::MonitorHung,
    ]
}

pub fn leaves() -> Vec<LeaveReason> {
    vec![
        LeaveReason::Fault,
        LeaveReason::Offline,
        LeaveReason::Switch(s2()),
        LeaveReason::Service(shop()),
        LeaveReason::Unmet { child: g2(), need: Need::OnlineLocal },
        LeaveReason::Follow { child: g2(), to: s2() },
        LeaveReason::ParentFaulted { parent: g2(), to: s2() },
        LeaveReason::TierReturned { service: shop() },
        LeaveReason::Drain(s2()),
        LeaveReason::Park,
        LeaveReason::Return(s2()),
        LeaveReason::Failback(s2()),
        LeaveReason::OnPurpose,
        LeaveReason::NodeOff(n()),
        LeaveReason::Evicted(g2()),
    ]
}

pub fn nodes_off() -> Vec<NodeOffHow> {
    whole(vec![
        NodeOffHow::ReadOff { since: 7 },
        NodeOffHow::Fenced { order: o(), by: n() },
        NodeOffHow::Server,
        NodeOffHow::Watchdog { after: Span::seconds(60) },
        NodeOffHow::Operator { name: "admin".into() },
    ])
}

pub fn conflict() -> Conflict {
    Conflict { active: BTreeMap::from([(s(), set(r())), (s2(), set(r()))]) }
}

fn not_here() -> BTreeMap<ServerName, NotHere> {
    let all = whole(vec![
        NotHere::Faulted,
        NotHere::ProvenOff,
        NotHere::Dirty,
        NotHere::NotReady(SystemState::Standby),
        NotHere::Unread,
        NotHere::NobodyWatches,
        NotHere::NodeDown { node: n() },
        NotHere::NotDefined { resource: r() },
        NotHere::NotReadOff { resource: r(), power: Power::Unknown },
        NotHere::ViosDown { resource: r() },
        NotHere::PersistentDown { resource: r() },
        NotHere::FailoverOff { from: s2() },
        NotHere::OtherZone { from: s2() },
        NotHere::NoMemory { need: 8192, free: 4096 },
        NotHere::NoProcessors { need: 200, free: 50 },
        NotHere::Limit { limit: "licences".into(), need: 2, free: 1 },
        NotHere::Rule { rule: rule(), with: Some(g2()) },
        NotHere::NotBrought { resource: r(), from: s2(), system: SystemState::Error },
        NotHere::StillDefined { resource: r() },
        NotHere::Link { child: g2(), need: Need::OnlineRemote },
        NotHere::NotListed,
        NotHere::Draining,
        NotHere::ServerFrozen,
        NotHere::Quarantined { until: T },
    ]);
    all.into_iter().enumerate().map(|(n, why)| (ServerName::from(format!("p{n:02}")), why)).collect()
}

fn brakes() -> Vec<Brake> {
    whole(vec![
        Brake::Starts { server: s(), limit: 4 },
        Brake::Stops { server: s(), limit: 8 },
        Brake::Manager { manager: "hmc1".into(), limit: 16 },
        Brake::Migrations { server: s(), limit: 2 },
        Brake::Moves { server: s() },
        Brake::Boots { server: s(), limit: 16 },
    ])
}

fn decisions() -> Vec<Decision> {
    whole(vec![Decision::Place, Decision::Start, Decision::Stop, Decision::Leave, Decision::Fence])
}

fn stays() -> Vec<Stay> {
    whole(vec![Stay::Declared, Stay::Instance, Stay::NotMoved, Stay::Frozen, Stay::Nowhere(not_here())])
}

pub fn waits() -> Vec<Wait> {
    let mut all = vec![
        Wait::Probe { servers: set(s()) },
        Wait::NoTarget { why: not_here() },
        Wait::NoProof { server: s(), system: SystemState::NoConnection },
        Wait::Fencing { server: s() },
        Wait::Unwatched { server: s(), system: SystemState::NoWitness },
        Wait::NodeSilent { resource: r(), server: s(), node: n(), lpar: Power::Unknown },
        Wait::NodeFencing { node: n(), server: s() },
        Wait::Watchdog { node: n(), server: s(), until: T },
        Wait::Settling { resource: r(), server: s(), until: T },
        Wait::Orders { resources: set(r()), server: s() },
        Wait::Reading { resource: r(), server: s() },
        Wait::Booting { resources: set(r()), server: s(), until: Some(T) },
        Wait::Stuck { resource: r(), server: s(), power: Power::Stopping },
        Wait::Attention { resource: r(), server: s() },
        Wait::Frozen { fault: Some(faults()[0].clone()) },
        Wait::Requires { resource: r2(), of: set(r()), server: s() },
        Wait::AdminWait { resource: r(), server: s(), reason: CleanReason::OfflineHung },
        Wait::Flushed,
        Wait::Eviction { groups: set(g2()) },
        Wait::Tolerance { servers: set(s()), groups: set(g2()) },
        Wait::Hook { server: s() },
        Wait::Held,
        Wait::Migrating { resource: r(), from: s(), to: s2() },
        Wait::MoveSettling { resource: r(), to: s2(), until: T },
        Wait::Locating { servers: set(s()) },
        Wait::MigrationStuck { resource: r(), from: s(), to: s2() },
        Wait::HalfMoved { resources: set(r()), from: s(), to: s2() },
        Wait::Child { child: g2(), unwanted: true },
        Wait::Parents { parents: set(g2()) },
        Wait::Below { service: shop(), groups: set(g2()) },
        Wait::Above { groups: set(g2()) },
        Wait::Apart { child: g2(), server: s2(), why: NotHere::Dirty },
        Wait::Storm,
        Wait::AutoDisabled { server: s() },
        Wait::Parked { server: s() },
        Wait::NotManaged,
    ];
    all.extend(brakes().into_iter().map(|brake| Wait::Queue { brake }));
    all.extend(decisions().into_iter().map(|decision| Wait::Disarmed { decision }));
    all.extend(stays().into_iter().map(|why| Wait::Stays { server: s(), why }));
    all
}

pub fn troubles() -> Vec<Trouble> {
    whole(vec![
        Trouble::Silent { why: "connection refused".into() },
        Trouble::HostKey { shown: "ssh-ed25519 SHA256:other".into() },
        Trouble::OwnKey { why: "no such file".into() },
    ])
}

pub fn server_waits() -> Vec<ServerWait> {
    vec![
        ServerWait::NoProof { node: Some(n()), system: SystemState::Error },
        ServerWait::Fencing,
        ServerWait::Cleaning { resources: set(r()) },
        ServerWait::Disarmed { system: SystemState::NoConnection },
        ServerWait::Draining { left: 3 },
        ServerWait::DrainStuck { left: 2, shutdown: true },
        ServerWait::Drained { staying: 1, shutdown: false },
    ]
}
