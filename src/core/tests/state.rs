//! Questions that many places ask of the ledger's state, by truth table.

use crate::site;
use std::collections::BTreeMap;
use tenure_core::{
    Action, Ledger, Order, OrderId, Power, Reading, Span, SystemState, Time, Verb,
    config::{Group, GroupKind, Resource},
    ledger::{
        CopyState, Down, Fall, GroupState, Leases, NodeOff, NodeState, OffProof, Progress, Retries, Run, ServerState,
        StartRisk,
    },
    note::{NodeOffHow, OffHow},
};

const POWERS: [Power; 10] = [
    Power::Off,
    Power::OffOnPurpose,
    Power::Absent,
    Power::Starting,
    Power::Running,
    Power::Stopping,
    Power::Moving,
    Power::Unknown,
    Power::Missing,
    Power::Error,
];
const ORDER: OrderId = OrderId { index: 1, ordinal: 0 };

const RAN: Progress = Progress::Ran { ordered: false };

#[test]
fn a_server_works_that_reads_operating_live_and_is_not_proven_off() {
    let proof = || {
        let how = OffHow::Fenced { order: ORDER, by: "n2".into() };
        Some(OffProof { how, index: 2, at: Time(1) })
    };
    let works = |live, system, off| ServerState { live, system, off, ..ServerState::default() }.is_working();
    assert!(works(true, SystemState::Operating, None));
    assert!(!works(false, SystemState::Operating, None));
    assert!(!works(true, SystemState::Standby, None));
    assert!(!works(true, SystemState::Operating, proof()));
}

#[test]
fn the_history_of_a_group_is_what_its_records_say_newest_first() {
    let mut case = site::Case::watched(site::with_web(site::site(2), "web1", site::web1()));
    for verb in [
        Verb::Freeze { group: "web".into(), terms: Default::default() },
        Verb::Disarm { terms: Default::default() },
        Verb::Unfreeze { group: "web".into() },
    ] {
        assert_eq!(case.ask(verb).refusal(), None);
    }
    let told = |group: &str| -> Vec<String> {
        case.ledger.history(&group.into()).map(|event| event.text.to_string()).collect()
    };
    let [unfrozen, frozen, ..] = &told("web")[..] else { panic!("{:?}", told("web")) };
    assert_eq!(
        (unfrozen.as_str(), frozen.as_str()),
        ("group web: unfreeze, asked by admin", "group web: freeze, asked by admin")
    );
    assert_eq!(told("other"), Vec::<String>::new());
}

/// The power states for which the predicate holds, for a copy with these marks.
fn holds(of: impl Fn(&CopyState) -> bool, risk: StartRisk, since: Option<u64>, quiet_from: u64) -> Vec<Power> {
    let copy = |power| CopyState { power, risk, since, quiet_from, ..CopyState::default() };
    POWERS.into_iter().filter(|power| of(&copy(*power))).collect()
}

#[test]
fn a_copy_is_quiet_or_has_panicked_or_moves_by_a_reading_that_counts() {
    let none: Vec<Power> = Vec::new();
    for (what, of, powers) in [
        ("quiet", CopyState::is_quiet as fn(&CopyState) -> bool, vec![Power::Off, Power::OffOnPurpose, Power::Absent]),
        ("panicked", CopyState::has_panicked, vec![Power::Error]),
        ("moves", CopyState::is_moving, vec![Power::Moving]),
    ] {
        assert_eq!(holds(of, StartRisk::None, Some(7), 7), powers, "{what}");
        assert_eq!(holds(of, StartRisk::None, Some(8), 7), powers, "{what}");
        assert_eq!(holds(of, StartRisk::None, Some(6), 7), none, "{what}");
        assert_eq!(holds(of, StartRisk::None, None, 0), none, "{what}, and was never read");
    }
    for risk in [StartRisk::Ordered(ORDER), StartRisk::Loose(Time(1))] {
        assert_eq!(holds(CopyState::is_quiet, risk, Some(7), 7), none, "{risk:?}");
        assert_eq!(holds(CopyState::has_panicked, risk, Some(7), 7), none, "{risk:?}");
        assert_eq!(holds(CopyState::is_moving, risk, Some(7), 7), [Power::Moving], "{risk:?}");
    }
}

#[test]
fn what_may_run_is_more_than_what_is_active() {
    let active = [Power::Starting, Power::Running, Power::Stopping, Power::Moving];
    let may = [&active[..], &[Power::Error]].concat();
    assert_eq!(holds(CopyState::is_active, StartRisk::None, None, 0), active);
    assert_eq!(holds(CopyState::may_run, StartRisk::None, None, 0), may);
    for (risk, ordered) in
        [(StartRisk::None, 0), (StartRisk::Loose(Time(1)), 0), (StartRisk::Ordered(ORDER), POWERS.len())]
    {
        assert_eq!(holds(CopyState::is_ordered, risk, None, 0).len(), ordered);
    }
}

#[test]
fn what_a_copy_is_outlives_how_it_was_read() {
    let what = CopyState { declared: 3, uuid: Some("A".to_owned()), listed: Some(4), ..CopyState::default() };
    let mut copy = CopyState {
        power: Power::Running,
        since: Some(5),
        risk: StartRisk::Loose(Time(6)),
        stop: Some(ORDER),
        failed: Some(Time(7)),
        futile: 2,
        idle: true,
        confidence: 90,
        serial: 8,
        said: "fine".into(),
        alone: true,
        ..what.clone()
    };
    copy.forget(9);
    assert_eq!(copy, CopyState { quiet_from: 9, ..what });
    assert_eq!(CopyState::declared(3), CopyState { declared: 3, ..CopyState::default() });
}

#[test]
fn of_two_readings_the_one_that_began_earlier_is_past() {
    let read =
        |since, by: &str, serial| ServerState { since, read: Some((by.into(), serial)), ..ServerState::default() };
    let reading = |by: &str, serial| Reading { by: by.into(), since: 7, serial, ..site::reading("p1") };
    assert!(!read(None, "n1", 9).is_past(&reading("n1", 5)), "none came before");
    assert!(!read(Some(6), "n1", 9).is_past(&reading("n1", 5)));
    assert!(read(Some(8), "n1", 1).is_past(&reading("n1", 5)));
    assert!(read(Some(7), "n1", 6).is_past(&reading("n1", 5)), "it follows the same entry, and began later");
    assert!(!read(Some(7), "n1", 5).is_past(&reading("n1", 5)));
    assert!(!read(Some(7), "n2", 6).is_past(&reading("n1", 5)), "those of two nodes cannot be told apart");
}

#[test]
fn a_server_tells_of_lpars_or_rises_by_what_is_read_live() {
    let all = |of: fn(&ServerState) -> bool, live| {
        let systems = [
            SystemState::Operating,
            SystemState::Standby,
            SystemState::Initializing,
            SystemState::PowerOff,
            SystemState::PoweringOff,
            SystemState::Error,
            SystemState::Unknown,
            SystemState::NoConnection,
            SystemState::NoWitness,
        ];
        let state = |system| ServerState { live, system, ..ServerState::default() };
        systems.into_iter().filter(|system| of(&state(*system))).collect::<Vec<_>>()
    };
    let tell = [SystemState::Operating, SystemState::Standby, SystemState::PowerOff];
    assert_eq!(all(ServerState::tells_lpars, true), tell);
    assert_eq!(all(ServerState::is_rising, true), [SystemState::Initializing]);
    assert_eq!(all(ServerState::tells_lpars, false).len() + all(ServerState::is_rising, false).len(), 0);
}

#[test]
fn the_leases_of_a_node_go_from_one_stage_to_the_next() {
    let seen = |node: &NodeState| (node.is_out(), node.suspended(), node.lapsed(), node.off().map(|off| off.index));
    let proof = || NodeOff { how: NodeOffHow::Server, index: 9 };
    let mut node = NodeState::default();
    assert_eq!(seen(&node), (false, None, None, None));
    node.forget_proof();
    assert_eq!(seen(&node), (false, None, None, None), "there is none to forget");
    node.lapse(5, Time(50));
    assert_eq!(seen(&node), (true, Some(5), Some(Time(50)), None));
    node.lapse(6, Time(60));
    assert_eq!(seen(&node), (true, Some(5), Some(Time(50)), None), "it had lapsed");
    node.prove_off(8, Time(80), proof());
    assert_eq!(seen(&node), (true, Some(5), Some(Time(50)), Some(9)));
    node.lapse(10, Time(90));
    assert_eq!(seen(&node), (true, Some(5), Some(Time(50)), Some(9)), "it is off all the same");
    node.forget_proof();
    assert_eq!(seen(&node), (true, Some(5), Some(Time(50)), None));
    let mut node = NodeState { leases: Leases::Suspended { from: 4 }, ..NodeState::default() };
    assert_eq!(seen(&node), (true, Some(4), None, None));
    node.lapse(5, Time(50));
    assert_eq!(seen(&node), (true, Some(4), Some(Time(50)), None));
    let mut node = NodeState::default();
    node.prove_off(8, Time(80), proof());
    assert_eq!(seen(&node), (true, Some(8), Some(Time(80)), Some(9)));
}

#[test]
fn a_run_goes_by_what_is_read() {
    let now = Time(9);
    let after = |mut run: Run, power| {
        run.absorb(power, now);
        run
    };
    let troubled = || Run {
        progress: RAN,
        away_since: Some(Time(1)),
        lost_since: Some(Time(2)),
        unread_since: Some(Time(3)),
        error_since: Some(Time(4)),
        tries: 5,
        ..Run::default()
    };
    assert_eq!(after(troubled(), Power::Running), Run { progress: RAN, ..Run::default() });
    for down in [Down::OnPurpose, Down::Operator] {
        let kept = Some(down.clone()).filter(|down| *down != Down::OnPurpose);
        assert_eq!(after(Run { down: Some(down), ..troubled() }, Power::Running).down, kept);
    }
    for power in [Power::Off, Power::Absent] {
        let lost = |ran, lost_since| {
            let progress = if ran { RAN } else { Progress::Ordered(now) };
            after(Run { progress, lost_since, ..troubled() }, power).lost_since
        };
        assert_eq!(lost(true, None), Some(now));
        assert_eq!(lost(true, Some(Time(2))), Some(Time(2)), "it counts from the first");
        assert_eq!((lost(false, None), lost(false, Some(Time(2)))), (None, None), "what never ran is not lost");
        let run = after(troubled(), power);
        assert_eq!((run.away_since, run.unread_since, run.error_since, run.tries), (None, None, None, 5));
    }
    let run = after(troubled(), Power::OffOnPurpose);
    assert_eq!((run.away_since, run.unread_since, run.lost_since, run.down), (None, None, None, Some(Down::OnPurpose)));
    for power in [Power::Starting, Power::Stopping] {
        assert_eq!(after(Run::default(), power).away_since, Some(now));
        assert_eq!(after(troubled(), power).away_since, Some(Time(1)));
    }
    for power in [Power::Unknown, Power::Missing] {
        assert_eq!(after(Run::default(), power).unread_since, Some(now));
        assert_eq!(after(troubled(), power).unread_since, Some(Time(3)));
    }
    for power in POWERS {
        let error = |before| after(Run { error_since: before, ..Run::default() }, power).error_since;
        let is = power == Power::Error;
        assert_eq!((error(None), error(Some(Time(4)))), (is.then_some(now), is.then_some(Time(4))), "{power}");
    }
    assert_eq!(after(troubled(), Power::Moving), Run { error_since: None, ..troubled() });
}

#[test]
fn a_start_is_a_restart_if_one_was_ordered_before() {
    let run = |progress| Run { progress, ..Run::default() };
    for (progress, ran, ordered, starts) in [
        (Progress::Idle, false, false, None),
        (Progress::Ordered(Time(1)), false, true, Some(Time(1))),
        (Progress::Ran { ordered: false }, true, false, None),
        (Progress::Ran { ordered: true }, true, true, None),
    ] {
        let mut run = run(progress);
        assert_eq!((run.ran(), run.was_ordered(), run.starts_since()), (ran, ordered, starts), "{progress:?}");
        let mut seen = run.clone();
        seen.absorb(Power::Running, Time(9));
        assert_eq!(seen.progress, Progress::Ran { ordered }, "{progress:?}");
        run.forget_order();
        assert_eq!((run.ran(), run.was_ordered(), run.starts_since()), (ran, false, None), "{progress:?}");
    }
}

#[test]
fn no_more_restarts_are_kept_than_count() {
    let mut run = Run { asked: true, tries: 3, down: Some(Down::Operator), ..Run::default() };
    (1..=5).for_each(|at| run.counts_restart(Time(at), 3));
    assert_eq!(run.restarts, [Time(3), Time(4), Time(5)]);
    run.clear();
    let restarts = vec![Time(3), Time(4), Time(5)];
    assert_eq!(run, Run { restarts, asked: true, ..Run::default() }, "what runs is restarted no more often for that");
}

#[test]
fn an_operator_who_asks_for_something_makes_up_for_what_was_before() {
    let mut group = GroupState { flushed: true, frozen: true, ..GroupState::default() };
    group.fall = Some(Fall { from: "p1".into(), told: true });
    (group.retries, group.last) = (Retries { count: 2, last: Some(Time(3)) }, Some("p2".into()));
    group.fresh_start();
    assert_eq!(group, GroupState { frozen: true, last: Some("p2".into()), ..GroupState::default() });
    let copies = BTreeMap::from([("p1".into(), CopyState::default())]);
    group.copies = BTreeMap::from([("web1".into(), copies.clone()), ("cron".into(), copies)]);
    group.passive.insert("cron".into());
    assert_eq!(group.owned().map(|(resource, _)| resource.as_str()).collect::<Vec<_>>(), ["web1"]);
}

#[test]
fn cluster_time_is_shown_as_the_wall_clock_of_whoever_led() {
    let shown = |now, wall, at| Ledger { now: Time(now), wall: Time(wall), ..Ledger::default() }.shown(Time(at)).0;
    assert_eq!((shown(10, 110, 10), shown(10, 110, 7), shown(10, 110, 15)), (110, 107, 115));
}

#[test]
fn a_parallel_group_is_declared_once_and_has_an_instance_on_each_server() {
    let mut cluster = site::with_web(site::site(2), "web1", site::web1());
    let mut net = Group::new(vec!["p1".into(), "p2".into()]);
    net.kind = GroupKind::Parallel;
    cluster.groups.insert("net".into(), net.clone());
    cluster.resources.insert("ip".into(), Resource::agent("net".into(), "Application"));
    let case = site::Case::watched(cluster.clone());
    assert_eq!(**case.ledger.declared(), cluster);
    let instances = |name: &str| case.ledger.instances(&name.into()).map(|one| one.to_string()).collect::<Vec<_>>();
    assert_eq!(instances("net"), ["net@p1", "net@p2"]);
    assert_eq!((instances("ne"), instances("web")), (vec![], vec![]));
    let plain = site::Case::watched(site::site(2));
    assert_eq!(**plain.ledger.declared(), site::site(2));
}

#[test]
fn an_order_is_found_by_what_it_is_about_and_where() {
    let action = Action::Stop { resource: "web1".into(), grace: Span(0) };
    let (node, server, issued, budget) = ("n1".into(), "p1".into(), Time(1), Span(9));
    let order = Order { id: ORDER, node, server, action, issued, budget };
    let ledger = Ledger { orders: [(ORDER, order)].into(), ..Ledger::default() };
    let found = |resource: &str, server: &str| ledger.order_for(&resource.into(), &server.into()).map(|order| order.id);
    assert_eq!(found("web1", "p1"), Some(ORDER));
    assert_eq!((found("web2", "p1"), found("web1", "p2")), (None, None));
}
