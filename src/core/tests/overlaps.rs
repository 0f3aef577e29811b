//! Two copies that were active at the same time: what is kept of that, and for how long.

use crate::{scene::Scene, site};
use std::collections::BTreeMap;
use tenure_core::{
    Command, Power, Reading, Refusal, Span, SystemState, Time, Verb,
    ledger::{Overlap, Phase},
};

/// Three servers, and group web with LPAR web1, Running on p1 under its tenure.
fn scene() -> Scene {
    let scene = Scene::new(site::with_web(site::site(3), "web1", site::web1()));
    scene.with(|scene| {
        scene.holds("web", "p1", Phase::Online);
        scene.copy("web1", "p1").power = Power::Running;
    })
}

/// The watcher of a server reads web1 there, by a reading that follows the last entry but so many.
fn reads(scene: &mut Scene, server: &str, power: Power, ago: u64) {
    let by = format!("n{}", server.trim_start_matches('p'));
    let reading = Reading {
        server: server.into(),
        by: by.as_str().into(),
        since: scene.ledger.index - ago,
        serial: scene.ledger.index,
        system: SystemState::Operating,
        live: true,
        copies: BTreeMap::from([("web1".into(), power)]),
        listed: BTreeMap::new(),
        node_listed: Default::default(),
        node: Power::Running,
        vios: BTreeMap::new(),
    };
    scene.server(server).watcher = Some(by.as_str().into());
    assert_eq!(scene.plan(Command::Observe(reading)), None);
}

fn later(scene: &mut Scene, seconds: u64) {
    scene.ledger.now = scene.ledger.now.after(Span::seconds(seconds));
}

fn now(scene: &mut Scene) -> Option<Overlap> {
    scene.web().overlaps.now.clone()
}

#[test]
fn it_is_certain_once_both_are_read_again() {
    let mut scene = scene();
    reads(&mut scene, "p2", Power::Running, 0);
    let found = now(&mut scene).expect("two are active");
    assert_eq!(found.places.to_string(), "web1 on p1 and web1 on p2");
    assert!(!found.certain, "the one on p1 may have gone since it was read");
    reads(&mut scene, "p1", Power::Running, 0);
    assert!(!now(&mut scene).expect("it goes on").certain);
    reads(&mut scene, "p2", Power::Running, 0);
    assert!(now(&mut scene).expect("it goes on").certain);
    later(&mut scene, 9);
    reads(&mut scene, "p2", Power::Off, 0);
    let past = scene.web().overlaps.past.clone().expect("it is over");
    assert_eq!((past.count, past.last.lasted, past.last.certain), (1, Span::seconds(9), true));
    assert_eq!(now(&mut scene), None);
    let event = scene.ledger.journal.back().expect("it is noted");
    assert_eq!((event.kind.as_ref(), event.group.as_ref()), ("overlap", Some(&"web".into())));
}

#[test]
fn of_many_the_first_the_longest_and_the_last_are_kept() {
    let mut scene = scene();
    for (server, seconds) in [("p2", 3), ("p3", 8), ("p2", 1), ("p3", 2)] {
        reads(&mut scene, server, Power::Running, 0);
        later(&mut scene, seconds);
        reads(&mut scene, server, Power::Off, 0);
    }
    let past = scene.web().overlaps.past.clone().expect("four are over");
    let lasted = [&past.first, &past.longest, &past.last].map(|overlap| overlap.lasted);
    assert_eq!((past.count, lasted), (4, [3, 8, 2].map(Span::seconds)));
}

#[test]
fn one_that_is_certain_weighs_more_than_a_longer_one() {
    let mut scene = scene();
    reads(&mut scene, "p2", Power::Running, 0);
    later(&mut scene, 60);
    reads(&mut scene, "p2", Power::Off, 0);
    reads(&mut scene, "p2", Power::Running, 0);
    reads(&mut scene, "p1", Power::Running, 0);
    reads(&mut scene, "p2", Power::Running, 0);
    later(&mut scene, 1);
    reads(&mut scene, "p2", Power::Off, 0);
    let past = scene.web().overlaps.past.clone().expect("two are over");
    assert_eq!((past.first.certain, past.longest.certain, past.longest.lasted), (false, true, Span::seconds(1)));
}

#[test]
fn it_is_acknowledged_once_it_is_over() {
    let mut scene = scene();
    let acknowledge = || Verb::Acknowledge { group: "web".into() };
    let none = Some(Refusal::NoOverlap { group: "web".into() });
    assert_eq!(scene.ask(acknowledge()), none);
    reads(&mut scene, "p2", Power::Running, 0);
    assert_eq!(scene.ask(acknowledge()), Some(Refusal::OverlapGoesOn { group: "web".into() }));
    reads(&mut scene, "p2", Power::Off, 0);
    assert_eq!((scene.ask(acknowledge()), scene.ask(acknowledge())), (None, none));
    assert_eq!(scene.web().overlaps, Default::default());
}

#[test]
fn what_is_proven_off_is_not_active() {
    let mut scene = scene();
    scene.off("p1");
    reads(&mut scene, "p2", Power::Running, 0);
    assert_eq!(now(&mut scene), None);
    // Nor is what stops being so while two are active.
    let mut scene = self::scene();
    reads(&mut scene, "p2", Power::Running, 0);
    scene.server("p1").live = false;
    scene.node("n1").leases = tenure_core::ledger::Leases::Lapsed { from: 1, at: Time(1) };
    assert_eq!(scene.ask(Verb::ConfirmOff { server: "p1".into() }), None);
    assert!(now(&mut scene).is_none() && scene.web().overlaps.past.is_some());
}

#[test]
fn resources_of_one_group_on_two_servers_are_no_two_copies() {
    let cluster = site::with_web(site::site(2), "web1", site::web1());
    let web2 = tenure_core::config::Resource::lpar("web".into(), "web2");
    let mut scene = Scene::new(site::with_web(cluster, "web2", web2));
    scene.copy("web2", "p1").power = Power::Running;
    reads(&mut scene, "p2", Power::Running, 0);
    assert_eq!(now(&mut scene), None);
}

#[test]
fn an_lpar_that_moves_is_twice_in_readings_and_not_in_the_world() {
    let mut scene = scene();
    let config = scene.config().resources.get_mut("web1").expect("it is declared");
    let tenure_core::config::Kind::Lpar(lpar) = &mut config.kind else { panic!("an LPAR") };
    lpar.mobile = true;
    reads(&mut scene, "p2", Power::Running, 0);
    assert!(scene.ledger.overlap_of(&scene.ledger.groups["web"]).is_none(), "it is not shown before it is certain");
    reads(&mut scene, "p1", Power::Absent, 0);
    assert!(now(&mut scene).is_none() && scene.web().overlaps.past.is_none());
}

#[test]
fn a_move_by_hand_is_no_second_copy_and_a_copy_beside_it_is_one() {
    let mut scene = scene();
    for server in ["p1", "p2", "p1", "p2"] {
        reads(&mut scene, server, Power::Moving, 0);
    }
    assert_eq!(now(&mut scene), None);
    reads(&mut scene, "p3", Power::Running, 0);
    assert_eq!(now(&mut scene).expect("it runs there, and moves here").places.active.len(), 3);
}
