//! After an outage of the HMCs: nothing is placed before the whole list was read, or a monitor interval has passed.

use crate::{
    scene::{NOW, Scene},
    site,
};
use tenure_core::{
    Command, ServerName, Span, SystemState, Time, View,
    note::Wait,
    plan::{Plan, plan},
};

/// Group web, vacant; p1 was read live so long ago for the first time, and no HMC answers for p2 and p3.
fn scene(since: Span) -> Scene {
    let mut scene = Scene::new(site::with_web(site::site(3), "web1", site::web1()));
    scene.server("p1").live_since = Some(Time(NOW.0 - since.0));
    for server in ["p2", "p3"] {
        let state = scene.server(server);
        (state.live, state.live_since, state.system) = (false, None, SystemState::NoWitness);
    }
    scene
}

fn planned(scene: &Scene, at: Time) -> Plan {
    plan(&scene.ledger, &View::default(), &"n1".into(), at)
}

/// The server that web is granted to.
fn granted(plan: &Plan) -> Option<&ServerName> {
    plan.commands
        .iter()
        .find_map(|command| if let Command::Grant { server, .. } = command { Some(server) } else { None })
}

fn waits(plan: &Plan) -> Option<&Wait> {
    plan.commands.iter().find_map(|command| if let Command::Wait { wait, .. } = command { wait.as_ref() } else { None })
}

#[test]
fn the_first_server_that_is_read_waits_for_the_others_but_not_for_ever() {
    let scene = scene(Span::seconds(1));
    let monitor = scene.ledger.config.timings.monitor;
    let first = planned(&scene, NOW);
    assert_eq!(granted(&first), None);
    let dark = ["p2", "p3"].into_iter().map(ServerName::from).collect();
    assert_eq!(waits(&first), Some(&Wait::Probe { servers: dark }));
    assert!(
        ["p2", "p3"].iter().all(|server| first.probe.contains_key(&ServerName::from(*server))),
        "they are asked for"
    );
    let until = Time(NOW.0 - 1_000).after(monitor);
    assert_eq!(first.wake_at, Some(until));
    assert_eq!(granted(&planned(&scene, until)), Some(&"p1".into()));
    let read = scene.with(|scene| {
        for server in ["p2", "p3"] {
            let state = scene.server(server);
            (state.live, state.live_since, state.system) = (true, Some(NOW), SystemState::Operating);
        }
    });
    assert!(granted(&planned(&read, NOW)).is_some(), "the whole list was read");
}

#[test]
fn a_server_that_was_read_all_the_time_takes_a_group_at_once() {
    assert_eq!(granted(&planned(&scene(Span::seconds(60)), NOW)), Some(&"p1".into()));
    let off = scene(Span::seconds(1)).with(|scene| {
        scene.off("p2");
        scene.off("p3");
    });
    assert_eq!(granted(&planned(&off, NOW)), Some(&"p1".into()), "what is off is not waited for");
    let lost = scene(Span::seconds(1)).with(|scene| {
        for server in ["p2", "p3"] {
            scene.server(server).system = SystemState::NoConnection;
        }
    });
    assert_eq!(granted(&planned(&lost, NOW)), Some(&"p1".into()), "its HMC answers, and has lost the server");
}
