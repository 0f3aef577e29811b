//! How tenures begin and end, and what is told of that, as tables.

use crate::{
    scene::{NOW, Scene},
    site,
};
use std::collections::BTreeMap;
use tenure_core::{
    Action, Author, Command, Power, Refusal, ServerName, Span, SystemState, Time,
    config::{Group, Hook, Resource, Trigger},
    ledger::{Drain, Fall, Intent, Phase, PreOnline, Progress, Purpose, Retries},
    note::{Conflict, FaultReason, LeaveReason, NotHere, Note, ServerWait, Wait},
    order::Epoch,
};

/// Three servers, and group web with two LPARs on each, read off.
fn scene() -> Scene {
    let mut cluster = site::with_web(site::site(3), "web1", site::web1());
    cluster.resources.insert("web2".into(), Resource::lpar("web".into(), "web2"));
    Scene::new(cluster).with(|scene| scene.web().intent = Intent::Online)
}

fn declared(scene: &mut Scene) -> &mut Group {
    scene.config().groups.get_mut("web").expect("it is declared")
}

fn hook(scene: &mut Scene, trigger: Trigger) {
    let hook = Hook { program: "/opt/hook".to_owned(), timeout: Span::seconds(30) };
    declared(scene).hooks.insert(trigger, hook);
}

/// Applies a command of the planner, and gives back the notes, or the refusal.
fn notes(scene: &mut Scene, command: Command) -> Result<Vec<Note>, Refusal> {
    let outcome = scene.apply(Author::Planner("n1".into()), command);
    match outcome.refusal() {
        Some(refused) => Err(refused.clone()),
        None => Ok(outcome.notes().cloned().collect()),
    }
}

fn grant(server: &str) -> Command {
    Command::Grant { group: "web".into(), server: server.into() }
}

fn adopt(server: &str) -> Command {
    Command::Adopt { group: "web".into(), server: server.into() }
}

fn fault() -> FaultReason {
    FaultReason::Crashed { resource: "web1".into(), restarts: 0 }
}

fn leaving(reason: LeaveReason) -> Phase {
    Phase::Leaving { reason, index: 8 }
}

#[test]
fn a_tenure_begins_with_what_was_found() {
    let adopted = |second: Power| {
        let mut scene = scene();
        (scene.copy("web1", "p1").power, scene.copy("web2", "p1").power) = (Power::Running, second);
        scene.server("p1").upkeep.returning = ["web".into()].into();
        (scene.web().upkeep.disabled, scene.web().upkeep.parked) = (Some("p2".into()), Some("p3".into()));
        (scene.web().upkeep.stayed, scene.web().fall) = (true, Some(Fall { from: "p2".into(), told: true }));
        assert_eq!(scene.plan(adopt("p1")), None);
        let web = scene.web();
        assert_eq!(
            (&web.upkeep.disabled, &web.upkeep.parked, web.upkeep.stayed, &web.fall),
            (&None, &None, false, &None)
        );
        assert_eq!(web.runs["web1"].progress, Progress::Ran { ordered: false });
        let online = web.tenure.as_ref().expect("it is adopted").phase == Phase::Online;
        let run = web.runs["web2"].clone();
        assert_eq!(scene.server("p1").upkeep.returning.is_empty(), online);
        (online, run.progress, run.away_since)
    };
    assert_eq!(adopted(Power::Running), (true, Progress::Ran { ordered: false }, None));
    assert_eq!(adopted(Power::Starting), (true, Progress::Idle, Some(NOW)));
    assert_eq!(adopted(Power::Stopping), (true, Progress::Idle, Some(NOW)));
    assert_eq!(adopted(Power::Off), (false, Progress::Idle, None));
}

#[test]
fn starts_in_place_are_counted_on_one_server() {
    let retries = Retries { count: 3, last: Some(Time(1)) };
    for (last, kept) in [(Some("p1"), true), (Some("p2"), false), (None, false)] {
        let mut scene = scene();
        (scene.web().last, scene.web().retries) = (last.map(ServerName::from), retries);
        assert_eq!(scene.plan(grant("p1")), None);
        assert_eq!(scene.web().retries, if kept { retries } else { Retries::default() }, "{last:?}");
    }
}

#[test]
fn a_grant_names_the_better_servers_that_were_passed_over() {
    let mut scene = scene();
    for server in ["p1", "p3"] {
        scene.web().faults.insert(server.into(), (NOW, fault()));
    }
    let granted = notes(&mut scene, grant("p2")).expect("it may run there");
    let over = granted.iter().find_map(|note| match note {
        Note::Granted { passed_over, .. } => Some(passed_over.clone()),
        _ => None,
    });
    assert_eq!(over, Some(BTreeMap::from([("p1".into(), NotHere::Faulted)])));
}

#[test]
fn a_group_falls_unless_it_was_made_to_leave() {
    let fell = |phase: Phase, watched: bool| {
        let mut scene = scene();
        scene.holds("web", "p1", phase);
        declared(&mut scene).managed = !watched;
        assert_eq!(scene.plan(Command::Vacate { group: "web".into(), epoch: Epoch(1) }), None);
        assert_eq!(scene.web().last, Some("p1".into()));
        scene.web().fall.clone()
    };
    let fall = Some(Fall { from: "p1".into(), told: false });
    assert_eq!(fell(leaving(LeaveReason::Fault), false), fall);
    assert_eq!(fell(leaving(LeaveReason::Offline), false), None);
    assert_eq!(fell(leaving(LeaveReason::Drain("p2".into())), false), None);
    assert_eq!(fell(Phase::Online, true), fall);
}

#[test]
fn a_group_is_online_once() {
    for (phase, taken) in [(Phase::Starting, true), (Phase::Online, false), (leaving(LeaveReason::Offline), false)] {
        let mut scene = scene();
        scene.holds("web", "p1", phase.clone());
        scene.web().pre_online = PreOnline::Due;
        scene.server("p1").upkeep.returning = ["web".into()].into();
        let told = notes(&mut scene, Command::Online { group: "web".into(), epoch: Epoch(1) });
        assert_eq!(told.as_ref().err(), Some(&Refusal::NoChange).filter(|_| !taken), "{phase:?}");
        if taken {
            assert!(told.iter().flatten().any(|note| matches!(note, Note::OnlineNow { .. })));
            assert_eq!(scene.web().tenure.as_ref().map(|tenure| &tenure.phase), Some(&Phase::Online));
            assert_eq!(scene.web().pre_online, PreOnline::Passed);
            assert!(scene.server("p1").upkeep.returning.is_empty(), "it is back");
        }
    }
    let mut scene = scene();
    scene.holds("web", "p1", Phase::Online);
    scene.server("p1").upkeep.returning = ["web".into()].into();
    let leave = Command::Leave { group: "web".into(), epoch: Epoch(1), reason: LeaveReason::Offline };
    assert_eq!(scene.plan(leave), None);
    assert!(!scene.server("p1").upkeep.returning.is_empty(), "it has not come back");
}

#[test]
fn a_group_that_failed_is_started_in_place_as_often_as_is_declared() {
    // The limit, the interval in seconds, starts so far, milliseconds since the last; and the number of the next start,
    // if it is not the last straw.
    for (limit, interval, count, ago, next) in [
        (0, 0, 0, None, None),
        (2, 0, 0, None, Some(1)),
        (2, 0, 1, Some(0), Some(2)),
        (2, 0, 2, Some(0), None),
        (2, 10, 0, None, Some(1)),
        (2, 10, 5, None, Some(1)),
        (2, 10, 1, Some(9_999), None),
        (2, 10, 1, Some(10_000), Some(1)),
        (2, 10, 5, Some(10_001), Some(1)),
        (0, 10, 0, Some(10_001), None),
    ] {
        let mut scene = scene();
        (declared(&mut scene).online_retry_limit, declared(&mut scene).online_retry_interval) =
            (limit, Span::seconds(interval));
        scene.holds("web", "p1", Phase::Online);
        scene.web().retries = Retries { count, last: ago.map(|ago| Time(NOW.0 - ago)) };
        let told = notes(&mut scene, Command::Fault { group: "web".into(), epoch: Epoch(1), reason: fault() });
        let told = told.expect("it may fail");
        let retrying = told.iter().find_map(|note| match note {
            Note::Retrying { count, limit, .. } => Some((*count, *limit)),
            _ => None,
        });
        let what = format!("{limit} {interval} {count} {ago:?}");
        assert_eq!(retrying, next.map(|next| (next, limit)), "{what}");
        assert_eq!(scene.web().faults.contains_key("p1"), next.is_none(), "{what}");
        if let Some(count) = next {
            assert_eq!(scene.web().retries, Retries { count, last: Some(NOW) }, "{what}");
            assert_eq!(scene.web().prefer, Some("p1".into()));
        }
    }
}

fn conflict(places: &[&str]) -> Conflict {
    Conflict { active: places.iter().map(|server| ((*server).into(), ["web1".into()].into())).collect() }
}

#[test]
fn a_group_is_held_anew_for_another_conflict_and_its_hook_is_told_of_the_wrong_server() {
    let mut scene = scene();
    hook(&mut scene, Trigger::Violation);
    scene.holds("web", "p1", Phase::Online);
    let hold = |conflict| Command::HoldGroup { group: "web".into(), conflict };
    assert_eq!(scene.plan(hold(conflict(&[]))), Some(Refusal::NoChange));
    assert_eq!(scene.plan(hold(conflict(&["p1", "p2"]))), None);
    assert_eq!(scene.plan(hold(conflict(&["p1", "p2"]))), Some(Refusal::NoChange));
    assert_eq!(scene.plan(hold(conflict(&["p1", "p3"]))), None);
    let orders: Vec<_> = scene.ledger.orders.values().collect();
    let [order] = orders.as_slice() else { panic!("once: {orders:?}") };
    let Action::Hook { arguments, .. } = &order.action else { panic!("a hook: {order:?}") };
    assert_eq!(arguments[2], "p2");
}

#[test]
fn what_a_group_waits_for_is_told_when_it_is_news() {
    let probe = |server: &str| Some(Wait::Probe { servers: [server.into()].into() });
    let (news, course) = (Some(Wait::Flushed), Some(Wait::Held));
    for (before, wait, told) in [
        (None, news.clone(), Ok("waits")),
        (None, course.clone(), Ok("")),
        (None, probe("p1"), Ok("waits")),
        (probe("p1"), probe("p2"), Ok("")),
        (news.clone(), probe("p1"), Ok("waits")),
        (course.clone(), news.clone(), Ok("waits")),
        (news.clone(), course.clone(), Ok("")),
        (news.clone(), None, Ok("over")),
        (course.clone(), None, Ok("")),
        (probe("p1"), None, Ok("")),
        (news.clone(), news, Err(Refusal::NoChange)),
        (None, None, Err(Refusal::NoChange)),
    ] {
        let mut scene = scene();
        scene.web().wait.clone_from(&before);
        let found = notes(&mut scene, Command::Wait { group: "web".into(), wait: wait.clone() });
        let word = |note: &Note| match note {
            Note::Waiting { .. } => "waits",
            Note::WaitOver { .. } => "over",
            other => panic!("{other:?}"),
        };
        let found = found.map(|notes| notes.iter().map(word).collect::<String>());
        assert_eq!(found, told.map(str::to_owned), "{before:?} {wait:?}");
        assert_eq!(scene.web().wait, wait);
    }
}

#[test]
fn a_group_that_fell_and_finds_no_server_fires_its_hook_once() {
    let no_target = |server: &str| Some(Wait::NoTarget { why: [(server.into(), NotHere::Faulted)].into() });
    let fired = |fall: Option<bool>, waits: &[Option<Wait>]| {
        let mut scene = scene();
        hook(&mut scene, Trigger::NoFailover);
        scene.web().fall = fall.map(|told| Fall { from: "p1".into(), told });
        for wait in waits {
            assert_eq!(scene.plan(Command::Wait { group: "web".into(), wait: wait.clone() }), None);
        }
        scene.ledger.orders.len()
    };
    assert_eq!(fired(Some(false), &[no_target("p1")]), 1);
    assert_eq!(fired(Some(false), &[no_target("p1"), no_target("p2")]), 1);
    assert_eq!(fired(Some(true), &[no_target("p1")]), 0);
    assert_eq!(fired(None, &[no_target("p1")]), 0);
    assert_eq!(fired(Some(false), &[Some(Wait::Flushed)]), 0);
}

/// How many of these waits of p1, one after the other, are told of while it is drained or is not.
fn told_of(drained: bool, waits: &[Option<ServerWait>]) -> usize {
    let mut scene = scene();
    let drain = Drain {
        purpose: Purpose::Drain,
        kept: tenure_core::terms::Kept { since: NOW, ..Default::default() },
        moved: Default::default(),
        told: None,
    };
    scene.server("p1").upkeep.drain = Some(drain).filter(|_| drained);
    let told = |wait: &Option<ServerWait>| {
        let told = notes(&mut scene, Command::ServerWait { server: "p1".into(), wait: wait.clone() });
        assert_eq!(scene.server("p1").wait, *wait);
        told.expect("it is another one").len()
    };
    waits.iter().map(told).sum()
}

#[test]
fn what_a_server_waits_for_is_told_when_it_is_news_and_the_end_of_a_drain_once() {
    let no_proof = Some(ServerWait::NoProof { node: None, system: SystemState::NoConnection });
    let drained = Some(ServerWait::Drained { staying: 0, shutdown: false });
    let stuck = Some(ServerWait::DrainStuck { left: 1, shutdown: false });
    let draining = Some(ServerWait::Draining { left: 1 });
    let fencing = Some(ServerWait::Fencing);
    for (waits, without, with) in [
        (vec![no_proof.clone()], 1, 1),
        (vec![no_proof.clone(), None, no_proof], 2, 2),
        (vec![fencing.clone()], 0, 0),
        (vec![draining.clone()], 0, 0),
        (vec![drained.clone()], 1, 1),
        (vec![drained.clone(), None, drained.clone()], 2, 1),
        (vec![drained.clone(), fencing, drained.clone()], 2, 1),
        (vec![drained.clone(), draining, drained.clone()], 2, 2),
        (vec![stuck.clone(), None, stuck.clone()], 2, 1),
        (vec![stuck, drained], 2, 2),
    ] {
        assert_eq!((told_of(false, &waits), told_of(true, &waits)), (without, with), "{waits:?}");
    }
    let mut scene = scene();
    assert_eq!(scene.plan(Command::ServerWait { server: "p1".into(), wait: None }), Some(Refusal::NoChange));
}
