//! One value of every note, and of everything that a note may say.

use super::{
    named::{Named, by_name, whole},
    samples::{E, T, g, g2, n, o, r, r2, rule, s, s2, set, shop, triggers, verbs, weakness},
};
use std::collections::{BTreeMap, BTreeSet};
use tenure_core::{
    Note, Power, ServerName, Span, SystemState,
    config::Need,
    ledger::Incarnation,
    note::{
        Brake, CleanReason, Conflict, Deed, FaultReason, LeaveReason, NodeOffHow, NotHere, OffHow, Proof, ServerWait,
        Stay, Wait,
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
        NodeOffHow::Operator { name: "alice".into() },
    ])
}

fn read_off() -> Proof {
    Proof::ReadOff { since: 8, undefined: Default::default() }
}

fn proofs() -> Vec<Proof> {
    let inside = |how| Proof::NodeOff { node: n(), how };
    let mut all = vec![
        Proof::ReadOff { since: 7, undefined: set(r()) },
        Proof::ServerOff(OffHow::Fenced { order: o(), by: n() }),
        Proof::ServerOff(OffHow::Operator { name: "alice".into() }),
    ];
    all.extend(nodes_off().into_iter().map(inside));
    all
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
    ])
}

fn deeds() -> Vec<Deed> {
    whole(vec![Deed::Place, Deed::Start, Deed::Stop, Deed::Leave, Deed::Fence])
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
        Wait::Booting { resources: set(r()), server: s(), until: T },
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
    all.extend(deeds().into_iter().map(|deed| Wait::Disarmed { deed }));
    all.extend(stays().into_iter().map(|why| Wait::Stays { server: s(), why }));
    all
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

fn plain() -> Vec<Note> {
    let fault = || faults()[0].clone();
    vec![
        Note::Configured { by: "alice".into(), groups: 1, resources: 2, servers: 3 },
        Note::SystemChanged { server: s(), from: SystemState::Initializing, to: SystemState::PoweringOff, by: n() },
        Note::ViosChanged { server: s(), down: set("vios1".to_owned()) },
        Note::CopyChanged {
            group: g(),
            resource: r(),
            server: s(),
            from: Power::Off,
            to: Power::Running,
            said: "pid 41".into(),
            inside: true,
        },
        Note::NotItself { group: g(), resource: r(), server: s(), said: "it is called web2 there now".into() },
        Note::LoginRefused {
            hmc: "hmc1".into(),
            by: n(),
            why: "the key was rejected".into(),
            again: tenure_core::Span::seconds(150),
        },
        Note::LoginAccepted { hmc: "hmc1".into(), by: n() },
        Note::NodeLapsed { node: n() },
        Note::NodeReturned { node: n() },
        Note::RunsTwice { node: n(), older: Incarnation(7), newer: Incarnation(u64::MAX) },
        Note::OlderStops { node: n(), older: Incarnation(7) },
        Note::Diverged { nodes: BTreeSet::from([n()]), at: 4096, stop: true },
        Note::WrongLpar { node: n(), server: s(), power: Power::Off },
        Note::NotItsLpar { node: n(), server: s(), said: "it is called old there now".into() },
        Note::WatcherChanged { server: s(), from: None, to: n(), surrogate: true },
        Note::Adopted { group: g(), server: s(), epoch: E },
        Note::Granted { group: g(), server: s(), epoch: E, passed_over: not_here() },
        Note::Ordered { order: o(), what: "start web1".into(), node: n(), server: s(), group: Some(g()) },
        Note::Restarting { group: g(), resource: r(), server: s(), count: 1, limit: 2, ran: true },
        Note::Ended { order: o(), what: "start".into(), server: s(), ending: "done".into(), group: None, bad: false },
        Note::OnlineNow { group: g(), server: s(), epoch: E },
        Note::ResourceFaulted { group: g(), resource: r(), server: s(), reason: fault() },
        Note::ResourceBack { group: g(), resource: r(), server: s() },
        Note::Recycling { group: g(), resource: r(), server: s(), reason: fault(), count: 1, limit: 2 },
        Note::Retrying { group: g(), server: s(), reason: fault(), count: 1, limit: 2 },
        Note::StoppedOnPurpose { group: g(), resource: r(), server: s() },
        Note::SomebodyElse { group: g(), resource: r(), server: s2(), times: 3, within: Span::seconds(3600) },
        Note::Loose { group: g(), resource: r(), server: s() },
        Note::Settled { group: g(), resource: r(), server: s() },
        Note::Held { group: g(), tenure: Some(s()), conflict: conflict() },
        Note::Released { group: g() },
        Note::ProvenOff { server: s(), how: OffHow::Operator { name: "alice".into() } },
        Note::Reappeared { server: s() },
        Note::Cleaned { server: s() },
        Note::WaitOver { group: g() },
        Note::Removed { group: g() },
        Note::Fragile { weakness: weakness() },
        Note::Migrating { group: g(), from: s(), to: s2(), reason: LeaveReason::Drain(s2()) },
        Note::Migrated { group: g(), from: s(), to: s2(), epoch: E, proof: read_off() },
        Note::Stayed { group: g(), server: s(), to: s2(), why: "HSCLA27C".into() },
        Note::MoveSettled { group: g(), resource: r(), server: s() },
        Note::WrongCopy { group: g(), resource: r(), server: s2(), tenure: s() },
        Note::FaultsCleared { group: g(), child: g2() },
        Note::Storm { servers: set(s()) },
        Note::Quarantined { server: s(), returns: 3, within: Span::seconds(3600), length: Span::seconds(1800) },
        Note::QuarantineOver { server: s() },
        Note::NotBroughtBack { group: g(), server: s(), why: NotHere::Faulted },
    ]
}

/// Each sample in a note.
fn each<T: Named>(word: &str, samples: Vec<T>, note: impl Fn(T) -> Note) -> Vec<(String, Note)> {
    by_name(&format!("{word}-"), samples).into_iter().map(|(name, sample)| (name, note(sample))).collect()
}

pub fn notes() -> Vec<(String, Note)> {
    let mut all: Vec<(String, Note)> = plain().into_iter().map(|note| (note.name().replace('_', "-"), note)).collect();
    all.extend(each("requested", verbs(), |what| Note::Requested {
        by: "alice".into(),
        group: what.resource().map(|_| g()),
        what,
    }));
    all.extend(each("faulted", faults(), |reason| Note::Faulted { group: g(), server: s(), reason }));
    all.extend(each("leaving", leaves(), |reason| Note::Leaving { group: g(), server: s(), reason }));
    let needs = |reason| Note::NeedsAdmin { group: g(), resource: r(), server: s(), reason };
    all.extend(each("needs-admin", admin(), needs));
    all.extend(each("vacated", proofs(), |proof| Note::Vacated { group: g(), server: s(), epoch: E, proof }));
    all.extend(each("node-proven-off", nodes_off(), |how| Note::NodeProvenOff { node: n(), how }));
    all.extend(each("waiting", waits(), |wait| Note::Waiting { group: g(), wait }));
    all.extend(each("server-waiting", server_waits(), |wait| Note::ServerWaiting { server: s(), wait }));
    let not_run = |trigger| Note::HookNotRun { group: g(), trigger, server: s() };
    all.extend(each("hook-not-run", triggers(), not_run));
    whole(all.iter().map(|(_, note)| note.clone()).collect());
    all
}
