//! One value of everything that is written to the log, to snapshots and between nodes. A new variant does not compile until
//! it is named here, and the test fails until there is a sample of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use tenure_core::{
    Command, Entry, GroupName, Ledger, NodeName, Note, Order, OrderId, Outcome, Power, Reading, Record, Refusal,
    Report, Request, RequestId, ResourceName, ServerName, Span, SystemState, Time,
    command::Author,
    config::{Cluster, Group, Hmc, Lpar, Node, Server, Timings},
    ledger::{Copy, Dirty, GroupState, Intent, LparRun, NodeState, OffProof, Phase, ServerState, StartRisk, Tenure},
    note::{Asked, Conflict, FaultReason, LeaveReason, NotHere, OffHow, Proof, ServerWait, Wait},
    order::{Action, Ending, Epoch},
};

fn g() -> GroupName {
    GroupName::from("web")
}
fn s() -> ServerName {
    ServerName::from("p1")
}
fn s2() -> ServerName {
    ServerName::from("p2")
}
fn n() -> NodeName {
    NodeName::from("node1")
}
fn l() -> ResourceName {
    ResourceName::from("web1")
}
fn o() -> OrderId {
    OrderId { index: 300, ordinal: 2 }
}
fn set<T: Ord>(one: T) -> BTreeSet<T> {
    BTreeSet::from([one])
}
const E: Epoch = Epoch(70_000);
const T: Time = Time(1_700_000_000_000);

pub fn reading() -> Reading {
    Reading {
        server: s(),
        by: n(),
        since: 41,
        serial: 1_700_000_000_123,
        system: SystemState::Operating,
        live: true,
        copies: [
            ("a", Power::Off),
            ("b", Power::Starting),
            ("c", Power::Running),
            ("d", Power::Stopping),
            ("e", Power::Absent),
            ("f", Power::Unknown),
        ]
        .map(|(lpar, power)| (ResourceName::from(lpar), power))
        .into(),
        vios: BTreeMap::from([("vios1".to_owned(), true), ("vios2".to_owned(), false)]),
    }
}

pub fn cluster() -> Cluster {
    let hmc =
        Hmc { address: "hmc1.site:22".into(), user: "tenure".into(), host_key: format!("SHA256:{}", "A".repeat(43)) };
    let server = Server {
        system: "Server-9009-42A-SN1111111".into(),
        mtms: "9009-42A*1111111".into(),
        hmcs: vec!["hmc1".into()],
        surrogate: true,
        memory: Some(65_536),
        processors: None,
    };
    let group = Group { autostart: false, autostart_servers: vec![s()], ..Group::new(vec![s()]) };
    let lpar =
        Lpar { profile: Some("normal".into()), vios: vec!["vios1".into()], memory: 8192, ..Lpar::new(g(), "web1") };
    Cluster {
        name: "site".into(),
        hmcs: BTreeMap::from([("hmc1".into(), hmc)]),
        servers: BTreeMap::from([(s(), server)]),
        nodes: BTreeMap::from([
            (n(), Node { server: Some(s()), lpar: Some("mgmt1".into()) }),
            ("arb".into(), Node { server: None, lpar: None }),
        ]),
        groups: BTreeMap::from([(g(), group)]),
        lpars: BTreeMap::from([(l(), lpar)]),
        timings: Timings { heartbeat: Span(200), ..Timings::default() },
    }
}

fn requests() -> Vec<Request> {
    vec![
        Request::Configure { cluster: Arc::new(cluster()), strand: true },
        Request::Online { group: g(), server: Some(s()) },
        Request::Offline(g()),
        Request::Switch { group: g(), server: s() },
        Request::Freeze(g()),
        Request::Unfreeze(g()),
        Request::Clear { group: g(), server: None },
        Request::ConfirmOff(s()),
        Request::Restart(l()),
    ]
}

fn request_name(request: &Request) -> &'static str {
    match request {
        Request::Configure { .. } => "request-configure",
        Request::Online { .. } => "request-online",
        Request::Offline(_) => "request-offline",
        Request::Switch { .. } => "request-switch",
        Request::Freeze(_) => "request-freeze",
        Request::Unfreeze(_) => "request-unfreeze",
        Request::Clear { .. } => "request-clear",
        Request::ConfirmOff(_) => "request-confirm-off",
        Request::Restart(_) => "request-restart",
    }
}

fn reports() -> Vec<Report> {
    let endings = [
        Ending::Done,
        Ending::Refused("HSCL1558 no".into()),
        Ending::NotDone("not reached".into()),
        Ending::Unknown("no answer".into()),
    ];
    endings.map(|ending| Report { order: o(), ending, readings: vec![reading()] }).into()
}

fn ending_name(ending: &Ending) -> &'static str {
    match ending {
        Ending::Done => "report-done",
        Ending::Refused(_) => "report-refused",
        Ending::NotDone(_) => "report-not-done",
        Ending::Unknown(_) => "report-unknown",
    }
}

fn faults() -> [FaultReason; 4] {
    [
        FaultReason::Crashed { lpar: l(), restarts: 2 },
        FaultReason::StartFailed { lpar: l(), why: "HSCL1558".into() },
        FaultReason::StartTimeout { lpar: l(), after: Span::seconds(300) },
        FaultReason::ViosDown { lpar: l(), vios: vec!["vios1".into(), "vios2".into()] },
    ]
}

fn leaves() -> [LeaveReason; 3] {
    [LeaveReason::Fault, LeaveReason::Offline, LeaveReason::Switch(s2())]
}

fn conflict() -> Conflict {
    Conflict { active: BTreeMap::from([(s(), set(l())), (s2(), set(l()))]) }
}

fn not_here() -> BTreeMap<ServerName, NotHere> {
    let all = [
        NotHere::Faulted,
        NotHere::ProvenOff,
        NotHere::Dirty,
        NotHere::NotReady(SystemState::Standby),
        NotHere::Unread,
        NotHere::NobodyManages,
        NotHere::NotDefined { lpar: l() },
        NotHere::NotReadOff { lpar: l(), power: Power::Unknown },
        NotHere::ViosDown { lpar: l() },
        NotHere::NoMemory { need: 8192, free: 4096 },
        NotHere::NoProcessors { need: 200, free: 50 },
    ];
    all.into_iter().enumerate().map(|(n, why)| (ServerName::from(format!("p{n:02}")), why)).collect()
}

fn waits() -> Vec<Wait> {
    vec![
        Wait::Probe { servers: set(s()) },
        Wait::NoTarget { why: not_here() },
        Wait::NoProof { server: s(), system: SystemState::NoConnection },
        Wait::Fencing { server: s() },
        Wait::Unwatched { server: s(), system: SystemState::NoWitness },
        Wait::Settling { lpar: l(), server: s(), until: T },
        Wait::Orders { lpars: set(l()), server: s() },
        Wait::Reading { lpar: l(), server: s() },
        Wait::Booting { lpars: set(l()), server: s(), until: T },
        Wait::Stuck { lpar: l(), server: s(), power: Power::Stopping },
        Wait::Attention { lpar: l(), server: s() },
        Wait::Frozen { fault: Some(faults()[0].clone()) },
        Wait::Held,
    ]
}

fn wait_name(wait: &Wait) -> &'static str {
    match wait {
        Wait::Probe { .. } => "wait-probe",
        Wait::NoTarget { .. } => "wait-no-target",
        Wait::NoProof { .. } => "wait-no-proof",
        Wait::Fencing { .. } => "wait-fencing",
        Wait::Unwatched { .. } => "wait-unwatched",
        Wait::Settling { .. } => "wait-settling",
        Wait::Orders { .. } => "wait-orders",
        Wait::Reading { .. } => "wait-reading",
        Wait::Booting { .. } => "wait-booting",
        Wait::Stuck { .. } => "wait-stuck",
        Wait::Attention { .. } => "wait-attention",
        Wait::Frozen { .. } => "wait-frozen",
        Wait::Held => "wait-held",
    }
}

fn server_waits() -> [ServerWait; 3] {
    [
        ServerWait::NoProof { node: Some(n()), system: SystemState::Error },
        ServerWait::Fencing,
        ServerWait::Cleaning { lpars: set(l()) },
    ]
}

fn server_wait_name(wait: &ServerWait) -> &'static str {
    match wait {
        ServerWait::NoProof { .. } => "server-wait-no-proof",
        ServerWait::Fencing => "server-wait-fencing",
        ServerWait::Cleaning { .. } => "server-wait-cleaning",
    }
}

fn commands() -> Vec<(String, Command)> {
    let mut all: Vec<Command> = Vec::new();
    all.extend(requests().into_iter().map(Command::Request));
    all.push(Command::Observe(reading()));
    all.extend(reports().into_iter().map(Command::Report));
    all.extend([
        Command::Lapse(n()),
        Command::Return(n()),
        Command::Assign { server: s(), node: n() },
        Command::Adopt { group: g(), server: s() },
        Command::Grant { group: g(), server: s() },
        Command::Start { lpar: l(), epoch: E, restart: true },
        Command::Stop { lpar: l(), server: s(), grace: Span::seconds(120) },
        Command::Fence(s()),
        Command::Online { group: g(), epoch: E },
    ]);
    all.extend(faults().map(|reason| Command::Fault { group: g(), epoch: E, reason }));
    all.extend(leaves().map(|reason| Command::Leave { group: g(), epoch: E, reason }));
    all.extend([
        Command::Vacate { group: g(), epoch: E },
        Command::Settle { lpar: l(), server: s() },
        Command::Expire(o()),
        Command::Hold { group: g(), conflict: conflict() },
        Command::Release(g()),
        Command::Reappear(s()),
        Command::Clean(s()),
        Command::Wait { group: g(), wait: None },
    ]);
    all.extend(waits().into_iter().map(|wait| Command::Wait { group: g(), wait: Some(wait) }));
    all.push(Command::ServerWait { server: s(), wait: None });
    all.extend(server_waits().map(|wait| Command::ServerWait { server: s(), wait: Some(wait) }));
    all.into_iter().map(|command| (command_name(&command).to_owned(), command)).collect()
}

fn command_name(command: &Command) -> &'static str {
    match command {
        Command::Request(request) => request_name(request),
        Command::Observe(_) => "observe",
        Command::Report(report) => ending_name(&report.ending),
        Command::Lapse(_) => "lapse",
        Command::Return(_) => "return",
        Command::Assign { .. } => "assign",
        Command::Adopt { .. } => "adopt",
        Command::Grant { .. } => "grant",
        Command::Start { .. } => "start",
        Command::Stop { .. } => "stop",
        Command::Fence(_) => "fence",
        Command::Online { .. } => "online",
        Command::Fault { reason: FaultReason::Crashed { .. }, .. } => "fault-crashed",
        Command::Fault { reason: FaultReason::StartFailed { .. }, .. } => "fault-start-failed",
        Command::Fault { reason: FaultReason::StartTimeout { .. }, .. } => "fault-start-timeout",
        Command::Fault { reason: FaultReason::ViosDown { .. }, .. } => "fault-vios-down",
        Command::Leave { reason: LeaveReason::Fault, .. } => "leave-fault",
        Command::Leave { reason: LeaveReason::Offline, .. } => "leave-offline",
        Command::Leave { reason: LeaveReason::Switch(_), .. } => "leave-switch",
        Command::Vacate { .. } => "vacate",
        Command::Settle { .. } => "settle",
        Command::Expire(_) => "expire",
        Command::Hold { .. } => "hold",
        Command::Release(_) => "release",
        Command::Reappear(_) => "reappear",
        Command::Clean(_) => "clean",
        Command::Wait { wait: None, .. } => "wait-over",
        Command::Wait { wait: Some(wait), .. } => wait_name(wait),
        Command::ServerWait { wait: None, .. } => "server-wait-over",
        Command::ServerWait { wait: Some(wait), .. } => server_wait_name(wait),
    }
}

/// An entry with each command, and with each author.
pub fn entries() -> Vec<(String, Entry)> {
    let planned = |(name, command)| (name, Entry::planned(T, n(), vec![command]));
    let mut all: Vec<(String, Entry)> = commands().into_iter().map(planned).collect();
    let asked = Author::Operator { name: "alice".into(), request: RequestId(u128::MAX - 7) };
    all.push(("by-agent".into(), Entry { at: T, author: Author::Agent(n()), commands: vec![] }));
    all.push((
        "by-operator".into(),
        Entry { at: T, author: asked, commands: vec![Command::Clean(s()), Command::Lapse(n())] },
    ));
    all
}

fn notes() -> Vec<Note> {
    let mut all = vec![
        Note::Configured { by: "alice".into(), groups: 1, lpars: 2, servers: 3 },
        Note::SystemChanged { server: s(), from: SystemState::Initializing, to: SystemState::PoweringOff, by: n() },
        Note::ViosChanged { server: s(), down: set("vios1".to_owned()) },
        Note::CopyChanged { group: g(), lpar: l(), server: s(), from: Power::Off, to: Power::Running },
        Note::NodeLapsed { node: n() },
        Note::NodeReturned { node: n() },
        Note::ManagerChanged { server: s(), from: None, to: n(), surrogate: true },
        Note::Adopted { group: g(), server: s(), epoch: E },
        Note::Granted { group: g(), server: s(), epoch: E, passed_over: not_here() },
        Note::Ordered { order: o(), what: "start web1".into(), node: n(), server: s(), group: Some(g()) },
        Note::Restarting { group: g(), lpar: l(), server: s(), count: 1, limit: 2, ran: true },
        Note::Ended { order: o(), what: "start".into(), server: s(), ending: "done".into(), group: None, bad: false },
        Note::OnlineNow { group: g(), server: s(), epoch: E },
        Note::Vacated { group: g(), server: s(), epoch: E, proof: Proof::ReadOff { since: 7 } },
        Note::Vacated {
            group: g(),
            server: s(),
            epoch: E,
            proof: Proof::ServerOff(OffHow::Fenced { order: o(), by: n() }),
        },
        Note::Loose { group: g(), lpar: l(), server: s() },
        Note::Settled { group: g(), lpar: l(), server: s() },
        Note::Held { group: g(), tenure: Some(s()), conflict: conflict() },
        Note::Released { group: g() },
        Note::ProvenOff { server: s(), how: OffHow::Operator { name: "alice".into() } },
        Note::Reappeared { server: s() },
        Note::Cleaned { server: s() },
        Note::WaitOver { group: g() },
        Note::Removed { group: g() },
    ];
    let asked = [
        Asked::Online { group: g(), server: None },
        Asked::Offline { group: g() },
        Asked::Switch { group: g(), server: s() },
        Asked::Freeze { group: g() },
        Asked::Unfreeze { group: g() },
        Asked::Clear { group: g(), server: Some(s()) },
        Asked::Restart { lpar: l(), group: g() },
    ];
    all.extend(asked.map(|what| Note::Requested { by: "alice".into(), what }));
    all.extend(faults().map(|reason| Note::Faulted { group: g(), server: s(), reason }));
    all.extend(leaves().map(|reason| Note::Leaving { group: g(), server: s(), reason }));
    all.extend(waits().into_iter().map(|wait| Note::Waiting { group: g(), wait }));
    all.extend(server_waits().map(|wait| Note::ServerWaiting { server: s(), wait }));
    all
}

fn note_name(note: &Note) -> &'static str {
    match note {
        Note::Configured { .. } => "configured",
        Note::Requested { what: Asked::Online { .. }, .. } => "requested-online",
        Note::Requested { what: Asked::Offline { .. }, .. } => "requested-offline",
        Note::Requested { what: Asked::Switch { .. }, .. } => "requested-switch",
        Note::Requested { what: Asked::Freeze { .. }, .. } => "requested-freeze",
        Note::Requested { what: Asked::Unfreeze { .. }, .. } => "requested-unfreeze",
        Note::Requested { what: Asked::Clear { .. }, .. } => "requested-clear",
        Note::Requested { what: Asked::Restart { .. }, .. } => "requested-restart",
        Note::SystemChanged { .. } => "system-changed",
        Note::ViosChanged { .. } => "vios-changed",
        Note::CopyChanged { .. } => "copy-changed",
        Note::NodeLapsed { .. } => "node-lapsed",
        Note::NodeReturned { .. } => "node-returned",
        Note::ManagerChanged { .. } => "manager-changed",
        Note::Adopted { .. } => "adopted",
        Note::Granted { .. } => "granted",
        Note::Ordered { .. } => "ordered",
        Note::Restarting { .. } => "restarting",
        Note::Ended { .. } => "ended",
        Note::OnlineNow { .. } => "online-now",
        Note::Faulted { reason: FaultReason::Crashed { .. }, .. } => "faulted-crashed",
        Note::Faulted { reason: FaultReason::StartFailed { .. }, .. } => "faulted-start-failed",
        Note::Faulted { reason: FaultReason::StartTimeout { .. }, .. } => "faulted-start-timeout",
        Note::Faulted { reason: FaultReason::ViosDown { .. }, .. } => "faulted-vios-down",
        Note::Leaving { reason: LeaveReason::Fault, .. } => "leaving-fault",
        Note::Leaving { reason: LeaveReason::Offline, .. } => "leaving-offline",
        Note::Leaving { reason: LeaveReason::Switch(_), .. } => "leaving-switch",
        Note::Vacated { proof: Proof::ReadOff { .. }, .. } => "vacated-read-off",
        Note::Vacated { proof: Proof::ServerOff(OffHow::Fenced { .. }), .. } => "vacated-fenced",
        Note::Vacated { proof: Proof::ServerOff(OffHow::Operator { .. }), .. } => "vacated-asserted",
        Note::Loose { .. } => "loose",
        Note::Settled { .. } => "settled",
        Note::Held { .. } => "held",
        Note::Released { .. } => "released",
        Note::ProvenOff { .. } => "proven-off",
        Note::Reappeared { .. } => "reappeared",
        Note::Cleaned { .. } => "cleaned",
        Note::Waiting { wait, .. } => wait_name(wait),
        Note::WaitOver { .. } => "wait-over",
        Note::ServerWaiting { wait, .. } => server_wait_name(wait),
        Note::Removed { .. } => "removed",
    }
}

fn refusals() -> Vec<Refusal> {
    let (group, server, node, lpar) = (g(), s(), n(), l());
    vec![
        Refusal::NoGroup(g()),
        Refusal::NoServer(s()),
        Refusal::NoNode(n()),
        Refusal::NoLpar(l()),
        Refusal::NoOrder(o()),
        Refusal::Invalid("why".into()),
        Refusal::Strands("web on p1".into()),
        Refusal::LosesSight("web on p1".into()),
        Refusal::Frozen { group: g() },
        Refusal::NotFrozen { group: g() },
        Refusal::Held { group: g() },
        Refusal::AlreadyOn { group: g(), server: s() },
        Refusal::AlreadyOffline { group: g() },
        Refusal::NotOnline { group: g() },
        Refusal::Moving { group: g(), server: s() },
        Refusal::NotInList { group: g(), server: s() },
        Refusal::NotThere { group: g(), server: s(), why: NotHere::Dirty },
        Refusal::NoFault { group: g() },
        Refusal::Waits { group: g(), why: Wait::Held },
        Refusal::WrongEpoch { group: g() },
        Refusal::HasTenure { group: g(), server: s() },
        Refusal::NotWanted { group },
        Refusal::NotProvenOff { lpar: l(), server: s(), power: Power::Unknown },
        Refusal::StartInFlight { lpar: l(), server: s() },
        Refusal::NotSettled { lpar: l(), server: s() },
        Refusal::AlreadyActive { lpar: l(), server: s() },
        Refusal::RestartsUsedUp { lpar: l(), limit: 2 },
        Refusal::HasOrder { lpar, server: s() },
        Refusal::BeingFenced { server: s() },
        Refusal::NoManager { server: s() },
        Refusal::LooksAlive { server: s(), system: SystemState::Operating },
        Refusal::NodeSpeaks { node: n(), server: s() },
        Refusal::AlreadyOff { server: s() },
        Refusal::NotOff { server: s() },
        Refusal::NotClean { server: s() },
        Refusal::Dirty { server: s() },
        Refusal::Stale { server },
        Refusal::Lapsed { node: n() },
        Refusal::NotLapsed { node },
        Refusal::NoChange,
        Refusal::NotUnderstood("why".into()),
    ]
}

fn refusal_name(refusal: &Refusal) -> String {
    let word = match refusal {
        Refusal::NoGroup(_) => "no-group",
        Refusal::NoServer(_) => "no-server",
        Refusal::NoNode(_) => "no-node",
        Refusal::NoLpar(_) => "no-lpar",
        Refusal::NoOrder(_) => "no-order",
        Refusal::Invalid(_) => "invalid",
        Refusal::Strands(_) => "strands",
        Refusal::LosesSight(_) => "loses-sight",
        Refusal::Frozen { .. } => "frozen",
        Refusal::NotFrozen { .. } => "not-frozen",
        Refusal::Held { .. } => "held",
        Refusal::AlreadyOn { .. } => "already-on",
        Refusal::AlreadyOffline { .. } => "already-offline",
        Refusal::NotOnline { .. } => "not-online",
        Refusal::Moving { .. } => "moving",
        Refusal::NotInList { .. } => "not-in-list",
        Refusal::NotThere { .. } => "not-there",
        Refusal::NoFault { .. } => "no-fault",
        Refusal::Waits { .. } => "waits",
        Refusal::WrongEpoch { .. } => "wrong-epoch",
        Refusal::HasTenure { .. } => "has-tenure",
        Refusal::NotWanted { .. } => "not-wanted",
        Refusal::NotProvenOff { .. } => "not-proven-off",
        Refusal::StartInFlight { .. } => "start-in-flight",
        Refusal::NotSettled { .. } => "not-settled",
        Refusal::AlreadyActive { .. } => "already-active",
        Refusal::RestartsUsedUp { .. } => "restarts-used-up",
        Refusal::HasOrder { .. } => "has-order",
        Refusal::BeingFenced { .. } => "being-fenced",
        Refusal::NoManager { .. } => "no-manager",
        Refusal::LooksAlive { .. } => "looks-alive",
        Refusal::NodeSpeaks { .. } => "node-speaks",
        Refusal::AlreadyOff { .. } => "already-off",
        Refusal::NotOff { .. } => "not-off",
        Refusal::NotClean { .. } => "not-clean",
        Refusal::Dirty { .. } => "dirty",
        Refusal::Stale { .. } => "stale",
        Refusal::Lapsed { .. } => "lapsed",
        Refusal::NotLapsed { .. } => "not-lapsed",
        Refusal::NoChange => "no-change",
        Refusal::NotUnderstood(_) => "not-understood",
    };
    format!("refused-{word}")
}

/// An outcome with each note, and with each refusal.
pub fn outcomes() -> Vec<(String, Outcome)> {
    let of = |note: Note| Outcome { index: 9, refused: vec![], records: vec![Record { index: 9, at: T, note }] };
    let noted = notes().into_iter().map(|note| (note_name(&note).to_owned(), of(note)));
    let refused = refusals()
        .into_iter()
        .map(|why| (refusal_name(&why), Outcome { index: 9, refused: vec![(3, why)], records: vec![] }));
    noted.chain(refused).collect()
}

/// A ledger in which everything is filled in.
pub fn ledgers() -> Vec<(String, Ledger)> {
    let actions = [
        Action::Start { group: g(), lpar: l(), epoch: E, vouched: set(s2()) },
        Action::Stop { lpar: l(), grace: Span::seconds(0) },
        Action::Fence,
    ];
    let order = |(n_, action): (u32, Action)| {
        let id = OrderId { index: 5, ordinal: n_ };
        (id, Order { id, node: n(), server: s(), action, issued: T, budget: Span::seconds(60) })
    };
    let (first, second) = (RequestId(1), RequestId(u128::MAX));
    let records = notes().into_iter().zip(1..).map(|(note, index)| Record { index, at: T, note });
    let full = Ledger {
        index: 1 << 33,
        now: T,
        epoch: E,
        config: Arc::new(cluster()),
        configured: 4,
        servers: BTreeMap::from([(s(), server_state()), (s2(), ServerState::default())]),
        nodes: BTreeMap::from([(n(), NodeState { lapsed: Some(T) }), ("arb".into(), NodeState { lapsed: None })]),
        groups: group_states().into_iter().map(|(name, state)| (name.into(), Arc::new(state))).collect(),
        orders: (0..).zip(actions).map(order).collect(),
        journal: records.collect(),
        requests: BTreeMap::from([
            (first, Outcome::default()),
            (second, Outcome { index: 8, refused: vec![(0, Refusal::NoChange)], records: vec![] }),
        ]),
        request_order: [second, first].into(),
    };
    vec![("empty".into(), Ledger::default()), ("full".into(), full)]
}

fn server_state() -> ServerState {
    ServerState {
        manager: Some(n()),
        system: SystemState::PowerOff,
        live: true,
        since: Some(7),
        read: Some((n(), 12)),
        vios: BTreeMap::from([("vios1".into(), false)]),
        off: Some(OffProof { how: OffHow::Fenced { order: o(), by: n() }, index: 6, at: T }),
        dirty: Some(Dirty { index: 5, up: Some(T) }),
        fence: Some(o()),
        fence_failed: Some(T),
        memory: 8192,
        processors: 150,
        wait: Some(ServerWait::Fencing),
    }
}

fn group_states() -> Vec<(&'static str, GroupState)> {
    let copy =
        |risk| Copy { power: Power::Running, since: Some(3), risk, quiet_from: 2, stop: Some(o()), failed: Some(T) };
    let run = LparRun {
        restarts: vec![T],
        started: Some(T),
        ran: true,
        away: Some(T),
        failed: Some("HSCL".into()),
        restart: true,
    };
    let tenure = |phase| Some(Tenure { epoch: E, server: s(), since: T, phase });
    let copies = BTreeMap::from([
        (s(), copy(StartRisk::None)),
        (s2(), copy(StartRisk::Ordered(o()))),
        ("p3".into(), copy(StartRisk::Loose(T))),
    ]);
    let full = GroupState {
        intent: Intent::Online,
        tenure: tenure(Phase::Leaving { reason: LeaveReason::Switch(s2()), index: 4 }),
        copies: BTreeMap::from([(l(), copies)]),
        runs: BTreeMap::from([(l(), run)]),
        faults: BTreeMap::from([(s(), (T, faults()[0].clone()))]),
        frozen: true,
        conflict: Some(conflict()),
        prefer: Some(s2()),
        last: Some(s()),
        wait: Some(Wait::Held),
    };
    vec![
        ("empty", GroupState::default()),
        ("full", full),
        ("online", GroupState { tenure: tenure(Phase::Online), ..GroupState::default() }),
        ("starting", GroupState { tenure: tenure(Phase::Starting), ..GroupState::default() }),
    ]
}
