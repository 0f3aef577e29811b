//! A ledger with every field filled in, and replies with events and rejections.

use super::{
    named::{by_name, whole},
    reasons::{conflict, faults, leaves, nodes_off, server_waits, troubles, waits},
    samples::{E, T, cluster, g, g2, n, o, r, r2, rule, s, s2, set, shop, triggers},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use tenure_core::{
    Event, Ledger, Level, NodeName, Order, OrderId, Power, Refusal, Rejection, Reply, RequestId, Span, Subject,
    SystemState,
    config::{Link, Load, Need, Rigidity},
    ledger::{
        Admin, Contact, CopyState, Dirty, Down, Drain, Fall, GroupState, GroupUpkeep, Hold, Incarnation, Intent,
        Leases, Maintenance, Migration, NodeOff, NodeState, OffProof, Overlap, Overlaps, PastOverlaps, Phase,
        PreOnline, Process, Progress, Purpose, Retries, Run, ServerState, StartRisk, Storm, Tenure, Ties, Trouble,
        Upkeep,
    },
    note::{self, CleanReason, LeaveReason, OffHow},
    order::Action,
    terms::Kept,
};

fn kept() -> Kept {
    Kept { by: "alice".into(), reason: Some("patching".into()), since: T, until: Some(T) }
}

fn overlap() -> Overlap {
    Overlap { places: conflict(), found: 5, since: T, at: T, lasted: Span::seconds(2), certain: true }
}

fn events() -> Vec<Event> {
    let event = |level, kind: &'static str, text: &str| Event {
        index: 9,
        at: T,
        level,
        kind: kind.into(),
        group: None,
        server: None,
        text: text.into(),
        passed_over: BTreeMap::new(),
    };
    vec![
        Event {
            group: Some(g()),
            server: Some(s()),
            passed_over: BTreeMap::from([(s2(), "dirty".into())]),
            ..event(note::Level::Info, "granted", "group web granted to p1; not p2 (dirty)")
        },
        Event { group: Some(g()), ..event(note::Level::Warning, "waiting", "group web waits") },
        Event { server: Some(s()), ..event(note::Level::Alarm, "not_itself", "web1 on p1 is left alone") },
    ]
}

pub fn replies() -> Vec<(String, Reply)> {
    let why = Rejection {
        code: "no_group".into(),
        subject: Some(Subject { kind: "group".into(), name: "web".into() }),
        message: "there is no group web".into(),
        advice: Some("see `tenure status`".into()),
    };
    let bare = Rejection { subject: None, advice: None, ..why.clone() };
    vec![
        ("empty".into(), Reply::default()),
        ("done".into(), Reply { index: 9, refused: vec![], events: events() }),
        ("refused".into(), Reply { index: 9, refused: vec![(0, why), (3, bare)], events: vec![] }),
    ]
}

fn actions() -> Vec<Action> {
    let (group, program) = (g(), "/opt/hook".to_owned());
    let mut all = vec![
        Action::Start { group: g(), resource: r(), epoch: E, vouched: set(s2()), home: Some(s2()) },
        Action::Stop { resource: r(), grace: Span::seconds(0) },
        Action::Fence,
        Action::FenceNode { node: n() },
        Action::Migrate { group: g(), resource: r(), epoch: E, to: s2() },
        Action::StopMigration { resource: r(), from: s(), to: s2() },
    ];
    let hook = |trigger| {
        let arguments = vec!["node1".into(), "web".into()];
        Action::Hook { group: group.clone(), trigger, program: program.clone(), arguments }
    };
    all.extend(triggers().into_iter().map(hook));
    whole(all)
}

pub fn ledgers() -> Vec<(String, Ledger)> {
    let order = |(n_, action): (u32, Action)| {
        let id = OrderId { index: 5, ordinal: n_ };
        (id, Order { id, node: n(), server: s(), action, issued: T, budget: Span::seconds(60) })
    };
    let contact = |(node, trouble): (&str, Trouble)| (node.into(), Contact { trouble, since: T });
    let (first, second) = (RequestId(1), RequestId(u128::MAX));
    let full = Ledger {
        wall: T,
        leases_end: T,
        settles_end: T,
        index: 1 << 33,
        level: Level(7),
        now: T,
        epoch: E,
        config: Arc::new(cluster()),
        typed: Some(Arc::new(cluster())),
        configured: 4,
        servers: BTreeMap::from([
            (s(), server_state(Purpose::Drain)),
            (s2(), server_state(Purpose::Shutdown)),
            ("p3".into(), ServerState::default()),
        ]),
        nodes: node_states(),
        groups: group_states().into_iter().map(|(name, state)| (name.into(), Arc::new(state))).collect(),
        maintenance: Maintenance {
            disarmed: true,
            disarm: Some(kept()),
            storm: Some(Storm { since: T, servers: set(s()) }),
            forgiven: set(s2()),
            given_up: ["p3".into()].into(),
        },
        hmcs: BTreeMap::from([(
            "hmc1".into(),
            tenure_core::ledger::Lockout {
                why: "the key was rejected".into(),
                by: n(),
                alone: true,
                tries: 1,
                next: T,
                turn: Some(tenure_core::ledger::Turn { node: n(), index: 3, until: T }),
            },
        )]),
        contacts: BTreeMap::from([(
            "hmc1".into(),
            ["n1", "n2", "n3"].into_iter().zip(troubles()).map(contact).collect(),
        )]),
        orders: (0..).zip(actions()).map(order).collect(),
        processes: BTreeMap::from([(
            n(),
            Process { incarnation: Incarnation(9), since: 7, older: Some(Incarnation(u64::MAX)) },
        )]),
        journal: events().into(),
        trust: super::trust::trust(),
        requests: BTreeMap::from([(first, Reply::default()), (second, Reply::refusal(8, &Refusal::NoChange))]),
        request_order: [second, first].into(),
    };
    vec![("empty".into(), Ledger::default()), ("full".into(), full)]
}

fn node_states() -> BTreeMap<NodeName, NodeState> {
    let state = |how| NodeState {
        leases: Leases::Off { from: 6, at: T, proof: NodeOff { how, index: 7 } },
        met: true,
        known: true,
        lpar: Some("A".into()),
        watchdog: Some(Span::seconds(60)),
        fence: Some(o()),
        fence_failed: Some(T),
    };
    let mut all: BTreeMap<NodeName, NodeState> =
        nodes_off().into_iter().zip(1..).map(|(how, place)| (format!("node{place}").into(), state(how))).collect();
    all.insert("arb".into(), NodeState::default());
    let others = [("suspended", Leases::Suspended { from: 6 }), ("lapsed", Leases::Lapsed { from: 6, at: T })];
    all.extend(others.map(|(name, leases)| (name.into(), NodeState { leases, ..NodeState::default() })));
    all
}

fn server_state(purpose: Purpose) -> ServerState {
    ServerState {
        declared: 4,
        watcher: Some(n()),
        system: SystemState::PowerOff,
        live: true,
        lpars_read: Some(T),
        live_since: Some(T),
        node: Power::Running,
        node_alarm: Some(tenure_core::listing::Remark::Another { known: "A".into(), found: "B".into() }),
        since: Some(7),
        read: Some((n(), 12)),
        vios: BTreeMap::from([("vios1".into(), false)]),
        off: Some(OffProof { how: OffHow::Fenced { order: o(), by: n() }, index: 6, at: T }),
        dirty: Some(Dirty { index: 5, up: Some(T) }),
        fence: Some(o()),
        fence_failed: Some(T),
        used: Load { memory: 8192, processors: 150, units: 20 },
        limits_used: BTreeMap::from([("licences".into(), 1)]),
        groups: 2,
        wait: Some(server_waits()[0].clone()),
        upkeep: Upkeep {
            frozen: true,
            freeze: Some(kept()),
            drain: Some(Drain { purpose, kept: kept(), moved: set(g()), told: Some(server_waits()[1].clone()) }),
            returning: set(g2()),
            returns: vec![T],
            quarantine: Some(T),
            open_since: Some(T),
        },
    }
}

fn runs() -> BTreeMap<tenure_core::ResourceName, Run> {
    let run = |((down, progress), admin)| Run {
        restarts: vec![T],
        progress,
        away_since: Some(T),
        lost_since: Some(T),
        unread_since: Some(T),
        error_since: Some(T),
        refused: Some("HSCL".into()),
        restart: true,
        down: Some(down),
        asked: true,
        tries: 1,
        stuck: 2,
        admin,
    };
    let downs = whole(vec![Down::Faulted(faults()[0].clone()), Down::OnPurpose, Down::Operator]);
    let progress = whole(vec![Progress::Idle, Progress::Ordered(T), Progress::Ran { ordered: true }]);
    let admin = whole(vec![Admin::Awaited(CleanReason::OnlineHung), Admin::No, Admin::SaysFailed]);
    [r(), r2(), "web3".into()].into_iter().zip(downs.into_iter().zip(progress).zip(admin).map(run)).collect()
}

fn ties() -> Ties {
    Ties {
        links: set(Link { child: g2(), need: Need::OnlineLocal, rigidity: Rigidity::Hard }),
        parents: set("app".into()),
        services: set(shop()),
        rules: set(rule()),
        priority: 3,
        depth: 2,
    }
}

fn phases() -> Vec<Phase> {
    let migration = Migration {
        to: s2(),
        index: 4,
        ordered: T,
        sent: set(r()),
        returned: set(r2()),
        aborted: true,
        why: Some("HSCLA27C".into()),
    };
    vec![
        Phase::Starting,
        Phase::Online,
        Phase::Leaving { reason: LeaveReason::Switch(s2()), index: 4 },
        Phase::Migrating(migration),
    ]
}

fn pre_onlines() -> Vec<PreOnline> {
    vec![PreOnline::Passed, PreOnline::Due, PreOnline::Ordered(o()), PreOnline::Failed("exit status 3".into())]
}

fn group_states() -> Vec<(String, GroupState)> {
    let copy = |risk| CopyState {
        declared: 4,
        power: Power::Running,
        since: Some(3),
        risk,
        quiet_from: 2,
        stop: Some(o()),
        failed: Some(T),
        futile: 2,
        idle: true,
        confidence: 40,
        serial: 12,
        said: "pid 41".into(),
        alone: true,
        uuid: Some("0D5E9B3A".into()),
        listed: Some(4),
    };
    let copies = BTreeMap::from([
        (s(), copy(StartRisk::None)),
        (s2(), copy(StartRisk::Ordered(o()))),
        ("p3".into(), copy(StartRisk::Loose(T))),
    ]);
    let full = GroupState {
        intent: Intent::Online,
        tenure: None,
        copies: BTreeMap::from([(r(), copies)]),
        runs: runs(),
        faults: faults().into_iter().zip(1..).map(|(why, n)| (format!("p{n}").into(), (T, why))).collect(),
        passive: set(r2()),
        fall: Some(Fall { from: s(), told: true }),
        retries: Retries { count: 1, last: Some(T) },
        flushed: true,
        frozen: true,
        hold: Some(Hold { conflict: conflict(), judged_from: Some(11) }),
        overlaps: Overlaps {
            now: Some(overlap()),
            past: Some(PastOverlaps { count: 3, first: overlap(), longest: overlap(), last: overlap() }),
        },
        pre_online: PreOnline::Passed,
        prefer: Some(s2()),
        last: Some(s()),
        wait: Some(waits()[0].clone()),
        ties: ties(),
        queued: BTreeSet::from([shop()]),
        upkeep: GroupUpkeep {
            frozen: true,
            freeze: Some(kept()),
            disabled: Some(s()),
            parked: Some(s2()),
            stayed: true,
            strange: [("web1".into(), vec![T])].into(),
            strangers: true,
            cleared: Some(T),
        },
    };
    let mut all = vec![("empty".to_owned(), GroupState::default()), ("full".to_owned(), full)];
    let with =
        |phase| GroupState { tenure: Some(Tenure { epoch: E, server: s(), since: T, phase }), ..GroupState::default() };
    all.extend(by_name("", phases()).into_iter().map(|(name, phase)| (name, with(phase))));
    let leaving = |reason| with(Phase::Leaving { reason, index: 4 });
    all.extend(by_name("leaving-", leaves()).into_iter().map(|(name, reason)| (name, leaving(reason))));
    let hook = |pre_online| GroupState { pre_online, ..GroupState::default() };
    all.extend(by_name("hook-", pre_onlines()).into_iter().map(|(name, hooked)| (name, hook(hooked))));
    all
}
