//! What a move that failed half-way has left behind, one condition at a time.

use crate::{
    scene::{NOW, ORDER, Scene, migration},
    site,
};
use tenure_core::{
    Action, Command, Power, Refusal, ServerName, SystemState, Time,
    config::{Cluster, Kind},
    ledger::{Dirty, Phase, Progress, StartRisk},
};

fn cluster(mobile: bool) -> Cluster {
    let mut cluster = site::with_web(site::site(3), "web1", site::web1());
    if let Some(Kind::Lpar(lpar)) = cluster.resources.get_mut("web1").map(|resource| &mut resource.kind) {
        lpar.mobile = mobile;
    }
    cluster
}

/// Mobile LPAR web1 reads Unknown on p2, where an order for it failed, and is nowhere else.
fn scene() -> Scene {
    let mut scene = Scene::new(cluster(true));
    for server in ["p1", "p3"] {
        scene.copy("web1", server).power = Power::Absent;
    }
    scene.copy("web1", "p2").power = Power::Unknown;
    scene.copy("web1", "p2").failed = Some(NOW);
    scene
}

fn half(scene: &Scene) -> bool {
    scene.ledger.may_be_half_moved(&scene.ledger.groups["web"], &"web1".into(), &"p2".into())
}

fn dirty(scene: &mut Scene) {
    scene.server("p2").dirty = Some(Dirty { index: 5, up: None });
}

type Change = fn(&mut Scene);

#[test]
fn only_what_was_read_on_a_server_that_works_and_is_left_alone_is_half_moved() {
    assert!(half(&scene()));
    let fixed = scene().with(|scene| *scene.config() = cluster(false));
    assert!(!half(&fixed), "it is defined on each server");
    for (what, change) in [
        ("not live", (|scene| scene.server("p2").live = false) as Change),
        ("not up", |scene| scene.server("p2").system = SystemState::Standby),
        ("off", |scene| scene.off("p2")),
        ("never read", |scene| scene.copy("web1", "p2").since = None),
        ("read before it counts", |scene| scene.copy("web1", "p2").quiet_from = 9),
        ("a start is out", |scene| scene.copy("web1", "p2").risk = StartRisk::Ordered(ORDER)),
        ("a start may take effect elsewhere", |scene| scene.copy("web1", "p1").risk = StartRisk::Loose(Time(1))),
        ("a stop is out", |scene| scene.copy("web1", "p2").stop = Some(ORDER)),
        ("a stop is out elsewhere", |scene| scene.copy("web1", "p3").stop = Some(ORDER)),
        ("no order failed", |scene| scene.copy("web1", "p2").failed = None),
    ] {
        assert!(!half(&scene().with(change)), "{what}");
    }
    let elsewhere: Change = |scene| {
        scene.copy("web1", "p2").failed = None;
        scene.copy("web1", "p3").failed = Some(NOW);
    };
    assert!(half(&scene().with(elsewhere)), "the order failed on another server");
}

#[test]
fn a_move_does_not_outlast_its_server_but_one_that_was_begun_by_hand_is_not_ours_to_end() {
    for (power, clean, came_back) in [
        (Power::Unknown, true, true),
        (Power::Moving, false, true),
        (Power::Running, false, false),
        (Power::Off, false, false),
        (Power::Missing, false, false),
    ] {
        let scene = scene().with(|scene| scene.copy("web1", "p2").power = power);
        assert_eq!((half(&scene), half(&scene.with(dirty))), (clean, came_back), "{power}");
    }
}

#[test]
fn what_has_run_under_its_tenure_is_not_taken_for_half_moved() {
    let migrating = || Phase::Migrating(migration("p3"));
    // Where the tenure is; and the verdicts: if an order failed, if the server came back, if neither, each for an LPAR
    // that has run and for one that has not.
    for (tenure, ran, not_run) in [
        (None, [true, true, false], [true, true, false]),
        (Some(("p1", Phase::Online)), [true, true, false], [true, true, false]),
        (Some(("p2", Phase::Online)), [false, false, false], [true, false, false]),
        (Some(("p2", migrating())), [true, true, true], [true, true, true]),
    ] {
        for (progress, expected) in [(Progress::Ran { ordered: true }, ran), (Progress::Idle, not_run)] {
            let mut scene = scene();
            if let Some((server, phase)) = &tenure {
                scene.holds("web", server, phase.clone());
            }
            scene.run("web1").progress = progress;
            let failed = half(&scene);
            scene.copy("web1", "p2").failed = None;
            assert_eq!([failed, half(&scene.with(dirty)), half(&scene)], expected, "{tenure:?} {progress:?}");
        }
    }
}

#[test]
fn the_other_end_of_a_move_is_where_the_lpar_is_half_too_or_at_least_is() {
    for (p1, p3, other) in [
        (Power::Absent, Power::Absent, "p2"),
        (Power::Off, Power::Absent, "p1"),
        (Power::Absent, Power::Off, "p3"),
        (Power::Off, Power::Off, "p1"),
        (Power::Off, Power::Moving, "p3"),
        (Power::Running, Power::Unknown, "p3"),
        (Power::Unknown, Power::Moving, "p1"),
    ] {
        let mut scene = scene();
        (scene.copy("web1", "p1").power, scene.copy("web1", "p3").power) = (p1, p3);
        assert_eq!(scene.plan(Command::Recover { resource: "web1".into(), server: "p2".into() }), None);
        let order = scene.ledger.orders.values().next().expect("it is ordered");
        let (from, to) = (ServerName::from(other), ServerName::from("p2"));
        assert_eq!(order.action, Action::StopMigration { resource: "web1".into(), from, to }, "{p1} {p3}");
        assert_eq!((order.server.as_str(), order.node.as_str()), ("p2", "n2"));
        let id = order.id;
        assert_eq!(scene.copy("web1", "p2").stop, Some(id));
    }
}

#[test]
fn nothing_is_cleared_up_in_a_frozen_group_or_where_nothing_was_left() {
    let recover = |change: Change| {
        let mut scene = scene().with(change);
        scene.plan(Command::Recover { resource: "web1".into(), server: "p2".into() })
    };
    assert_eq!(recover(|scene| scene.web().frozen = true), Some(Refusal::Frozen { group: "web".into() }));
    assert_eq!(recover(|scene| scene.copy("web1", "p2").power = Power::Off), Some(Refusal::NoChange));
}
