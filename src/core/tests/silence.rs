//! What follows from a silent node, and from the proof that nothing runs inside it, one condition at a time.

use crate::{
    scene::{NOW, ORDER, Scene},
    site,
};
use std::sync::Arc;
use tenure_core::{
    Action, Command, NodeName, Power, Reading, Refusal, Request, Seen, Span, SystemState, Time, Verb,
    config::{Cluster, Failover, Group, GroupKind, Resource},
    ledger::{CopyState, Intent, Leases, NodeOff, Phase, StartRisk},
    listing::Listed,
    note::{NodeOffHow, Note},
    order::Ending,
};

const WATCHDOG: NodeOffHow = NodeOffHow::Watchdog { after: Span::seconds(40) };

fn agent() -> Resource {
    Resource::agent("web".into(), "Application")
}

/// Two servers with their nodes, whose LPARs are declared, and httpd inside either.
fn cluster() -> Cluster {
    site::with_web(site::with_lpars_of_nodes(), "httpd", agent())
}

/// httpd was read off inside both nodes.
fn scene() -> Scene {
    Scene::new(cluster())
}

fn prove(scene: &mut Scene, how: NodeOffHow) {
    scene.node("n1").prove_off(9, NOW, NodeOff { how, index: 9 });
}

/// The proof that nothing runs inside n1.
fn proof(scene: &Scene) -> Option<NodeOffHow> {
    scene.ledger.nodes["n1"].off().map(|off| off.how.clone())
}

type Change = fn(&mut Scene);

fn declared(scene: &mut Scene) -> &mut Group {
    scene.config().groups.get_mut("web").expect("it is declared")
}

#[test]
fn a_node_matters_to_a_group_inside_it_that_could_run_elsewhere() {
    let scene = scene().with(|scene| scene.holds("web", "p1", Phase::Online));
    let matters = |change: Change| scene.with(change).ledger.matters(&"n1".into());
    assert!(matters(|_| {}));
    assert!(!scene.ledger.matters(&"n2".into()), "it is not there");
    assert!(!scene.ledger.matters(&"n9".into()));
    for (what, change) in [
        ("on each server", (|scene| declared(scene).kind = GroupKind::Parallel) as Change),
        ("nowhere else", |scene| declared(scene).servers.truncate(1)),
        ("it stays down after a fault", |scene| declared(scene).failover = Failover::Never),
        ("it is only watched", |scene| declared(scene).managed = false),
        ("it is frozen", |scene| scene.web().frozen = true),
        ("it was flushed", |scene| scene.web().flushed = true),
        ("an LPAR", |scene| drop(scene.config().resources.insert("httpd".into(), site::web1()))),
        ("it needs no proof", |scene| scene.web().passive.extend(["httpd".into()])),
        ("not on this server", |scene| {
            scene.web().copies.values_mut().for_each(|copies| drop(copies.remove("p1")));
        }),
    ] {
        assert!(!matters(change), "{what}");
    }
}

#[test]
fn a_node_matters_to_a_group_that_is_to_start_and_may_run_inside_it() {
    for intent in [Intent::Online, Intent::Offline] {
        for power in [Power::Running, Power::Off] {
            let mut scene = scene();
            scene.web().intent = intent;
            scene.copy("httpd", "p1").power = power;
            let expected = intent == Intent::Online && power == Power::Running;
            assert_eq!(scene.ledger.matters(&"n1".into()), expected, "{intent:?} {power}");
        }
    }
    let mut both = cluster();
    both.resources.insert("web1".into(), site::web1());
    let mut scene = Scene::new(both);
    scene.web().intent = Intent::Online;
    scene.copy("web1", "p1").power = Power::Running;
    assert!(!scene.ledger.matters(&"n1".into()), "the LPAR beside it needs no node");
}

#[test]
fn a_node_is_in_charge_of_its_server_as_long_as_it_is_granted_leases() {
    let scene = scene();
    let in_charge = |change: Change, server: &str| scene.with(change).ledger.node_in_charge(&server.into()).cloned();
    assert_eq!(in_charge(|_| {}, "p1"), Some(NodeName::from("n1")));
    assert_eq!(in_charge(|_| {}, "p9"), None);
    assert_eq!(in_charge(|scene| scene.node("n1").leases = Leases::Suspended { from: 9 }, "p1"), None);
    assert_eq!(in_charge(|scene| scene.node("n2").leases = Leases::Suspended { from: 9 }, "p1"), Some("n1".into()));
}

#[test]
fn a_watchdog_ends_only_what_must_not_run_twice() {
    let operator = NodeOffHow::Operator { name: "admin".into() };
    for (how, watched, died) in
        [(WATCHDOG, false, true), (WATCHDOG, true, false), (operator.clone(), false, true), (operator, true, true)]
    {
        let mut scene = scene();
        scene.config().resources.get_mut("httpd").expect("declared").monitor_only = watched;
        assert!(scene.ledger.died_inside(&"httpd".into(), &"p1".into()).is_none());
        prove(&mut scene, how.clone());
        let found = scene.ledger.died_inside(&"httpd".into(), &"p1".into());
        assert_eq!(found.is_some(), died, "{how:?}, only watched: {watched}");
        assert!(scene.ledger.died_inside(&"httpd".into(), &"p2".into()).is_none());
    }
}

#[test]
fn a_group_has_lpars_or_lives_inside_nodes_or_both() {
    for (lpars, inside) in [(true, false), (false, true), (true, true)] {
        let mut cluster = site::with_web(site::site(2), "", agent());
        cluster.resources.remove("");
        if lpars {
            cluster.resources.insert("web1".into(), site::web1());
        }
        if inside {
            cluster.resources.insert("httpd".into(), agent());
        }
        let scene = Scene::new(cluster);
        assert_eq!(scene.ledger.lives(&scene.ledger.groups["web"]), (lpars, inside));
    }
}

#[test]
fn a_node_that_is_declared_otherwise_loses_what_was_known_of_it() {
    /// Whether the LPAR, the proof, the watchdog and the order are left.
    type Left = (bool, bool, bool, bool);
    let after = |how: NodeOffHow, change: fn(&mut Cluster)| {
        let mut scene = scene();
        let node = scene.node("n1");
        (node.met, node.known, node.lpar) = (true, true, Some("A".to_owned()));
        (node.watchdog, node.fence) = (Some(Span::seconds(40)), Some(ORDER));
        prove(&mut scene, how);
        scene.owes("p1", Action::FenceNode { node: "n1".into() });
        let mut new = cluster();
        change(&mut new);
        assert_eq!(scene.ask(Request::Configure { cluster: Arc::new(new), strand: true }), None);
        let node = &scene.ledger.nodes["n1"];
        let lpar = (node.known, node.lpar.as_deref() == Some("A"));
        assert_eq!(lpar.0, lpar.1);
        let left = (lpar.0, node.off().is_some(), node.watchdog.is_some(), scene.ledger.orders.contains_key(&ORDER));
        assert!(node.lapsed().is_some(), "its leases have ended all the same");
        left
    };
    type Edit = fn(&mut Cluster);
    let cases: [(&str, Edit, [Left; 2]); 6] = [
        ("nothing of it", |new| new.timings.monitor = Span::seconds(6), [(true, true, true, true); 2]),
        ("its LPAR", |new| node(new).lpar = Some("other".to_owned()), [(false, true, false, false); 2]),
        ("its machine", other_machine, [(false, false, true, false); 2]),
        ("its watchdog", |new| node(new).watchdog = Some(Span::seconds(500)), [(true, true, false, true); 2]),
        (
            "what lives inside it",
            |new| drop(new.resources.insert("cron".into(), agent())),
            [(true, true, false, true), (true, false, false, true)],
        ),
        (
            "what is only watched inside it",
            |new| {
                new.resources.insert("cron".into(), Resource { monitor_only: true, ..agent() });
            },
            [(true, true, true, true); 2],
        ),
    ];
    for (what, change, expected) in cases {
        let operator = NodeOffHow::Operator { name: "admin".into() };
        assert_eq!([after(operator, change), after(WATCHDOG, change)], expected, "{what}");
    }
}

fn node(cluster: &mut Cluster) -> &mut tenure_core::config::Node {
    cluster.nodes.get_mut("n1").expect("it is declared")
}

fn other_machine(cluster: &mut Cluster) {
    let server = tenure_core::config::Server::new("p1", "9009-42A*7777777", vec!["hmc1".into()]);
    cluster.servers.insert("p1".into(), server);
}

#[test]
fn a_look_that_claims_to_come_from_the_future_is_not_heard() {
    for (later, left) in [(0, StartRisk::None), (1, StartRisk::Loose(NOW)), (2, StartRisk::Loose(NOW))] {
        let mut scene = scene();
        scene.copy("httpd", "p1").risk = StartRisk::Loose(NOW);
        let since = scene.ledger.index + later;
        assert_eq!(scene.senses("n1", "httpd", Seen { power: Power::Off, since, ..Seen::default() }), None);
        assert_eq!(scene.copy("httpd", "p1").risk, left, "{later}");
    }
}

/// The notes of these readings of the LPAR of n1, by n1 itself, one after the other.
fn notes_of(readings: &[(Power, &str)]) -> Vec<Vec<Note>> {
    let mut scene = scene();
    scene.node("n1").lpar = Some("A".to_owned());
    let told = |scene: &mut Scene, (power, uuid): &(Power, &str)| {
        let node_listed = Listed { uuid: Some((*uuid).to_owned()), remark: None };
        let index = scene.ledger.index;
        let reading = Reading { since: index, serial: index, node: *power, node_listed, ..site::reading("p1") };
        let author = tenure_core::Author::Planner("n1".into());
        let outcome = scene.apply(author, Command::Observe(reading));
        assert_eq!(outcome.refusal(), None);
        let about_it = |note: &&Note| matches!(note, Note::NotItsLpar { .. } | Note::WrongLpar { .. });
        outcome.notes().filter(about_it).cloned().collect()
    };
    readings.iter().map(|reading| told(&mut scene, reading)).collect()
}

#[test]
fn a_node_whose_lpar_cannot_be_its_own_is_told_of_once() {
    let told = |readings: &[(Power, &str)]| notes_of(readings).iter().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(told(&[(Power::Running, "A"), (Power::Running, "A")]), [0, 0]);
    assert_eq!(told(&[(Power::Running, "B"), (Power::Running, "B")]), [1, 0], "another LPAR");
    assert_eq!(told(&[(Power::Running, "B"), (Power::Running, "C")]), [1, 1]);
    assert_eq!(told(&[(Power::Running, "A"), (Power::Off, "A"), (Power::Off, "A")]), [0, 1, 0], "it reads itself off");
    assert_eq!(told(&[(Power::Off, "A"), (Power::Running, "A"), (Power::Starting, "A")]), [1, 0, 0]);
    let off = Note::WrongLpar { node: "n1".into(), server: "p1".into(), power: Power::Off };
    assert_eq!(notes_of(&[(Power::Off, "A")]), [[off]]);
}

#[test]
fn leases_have_ended_at_their_end_and_not_before() {
    for (early, refused) in [(1, true), (0, false)] {
        let mut scene = scene();
        scene.ledger.leases_end = Time(NOW.0 + early);
        let good = Some(Refusal::LeaseIsGood { node: "n1".into() }).filter(|_| refused);
        assert_eq!(scene.plan(Command::LapseNode("n1".into())), good);
    }
    let mut scene = scene();
    scene.ledger.leases_end = Time(NOW.0 - 1);
    assert_eq!(scene.plan(Command::LapseNode("n1".into())), None);
}

#[test]
fn a_node_that_was_cut_off_is_off_unless_it_was_taken_back_meanwhile() {
    let cut = |leases: Change, ending: Ending| {
        let mut scene = scene();
        leases(&mut scene);
        scene.node("n1").fence = Some(ORDER);
        scene.owes("p2", Action::FenceNode { node: "n1".into() });
        assert_eq!(scene.answers(ending), None);
        let node = &scene.ledger.nodes["n1"];
        (node.fence, node.fence_failed, proof(&scene))
    };
    let fenced = Some(NodeOffHow::Fenced { order: ORDER, by: "n2".into() });
    let lapsed: Change = |scene| scene.node("n1").lapse(9, NOW);
    assert_eq!(cut(lapsed, Ending::Done), (None, None, fenced));
    assert_eq!(cut(lapsed, Ending::Refused("no".into())), (None, Some(NOW), None));
    assert_eq!(cut(lapsed, Ending::Unknown("no answer".into())), (None, Some(NOW), None));
    assert_eq!(cut(|_| {}, Ending::Done), (None, None, None), "it is heard again");
    let proven: Change = |scene| prove(scene, WATCHDOG);
    assert_eq!(cut(proven, Ending::Done), (None, None, Some(WATCHDOG)), "that is proven already");
}

#[test]
fn an_operator_is_believed_that_a_silent_node_is_off_unless_its_lpar_looks_alive() {
    let confirm = |change: Change| {
        let mut scene = scene();
        change(&mut scene);
        let refused = scene.ask(Verb::ConfirmNodeOff { node: "n1".into() });
        assert_eq!(refused.is_none(), proof(&scene) == Some(NodeOffHow::Operator { name: "admin".into() }));
        refused
    };
    let lapsed: Change = |scene| scene.node("n1").lapse(9, NOW);
    assert_eq!(confirm(lapsed), None);
    let heard = || Some(Refusal::NodeHeard { node: "n1".into() });
    assert_eq!(confirm(|_| {}), heard());
    assert_eq!(confirm(|scene| scene.node("n1").leases = Leases::Suspended { from: 9 }), heard());
    let proven: Change = |scene| prove(scene, WATCHDOG);
    assert_eq!(confirm(proven), Some(Refusal::NodeAlreadyOff { node: "n1".into() }));
    for power in [Power::Running, Power::Starting, Power::Off, Power::Unknown] {
        for live in [true, false] {
            let mut scene = scene();
            lapsed(&mut scene);
            (scene.server("p1").node, scene.server("p1").live) = (power, live);
            let alive = Refusal::NodeLooksAlive { node: "n1".into(), server: "p1".into(), power };
            let expected = Some(alive).filter(|_| live && power.is_active());
            assert_eq!(scene.ask(Verb::ConfirmNodeOff { node: "n1".into() }), expected, "{power} {live}");
        }
    }
}

#[test]
fn a_server_that_was_off_proves_its_silent_node_off() {
    let returns = |change: Change| {
        let mut scene = scene();
        scene.off("p1");
        scene.server("p1").since = Some(9);
        change(&mut scene);
        assert_eq!(scene.plan(Command::ReappearServer("p1".into())), None);
        proof(&scene)
    };
    assert_eq!(returns(|_| {}), None, "the node is heard");
    assert_eq!(returns(|scene| scene.node("n1").lapse(9, NOW)), Some(NodeOffHow::Server));
    assert_eq!(returns(|scene| scene.node("n1").leases = Leases::Suspended { from: 9 }), Some(NodeOffHow::Server));
    let proven: Change = |scene| prove(scene, WATCHDOG);
    assert_eq!(returns(proven), Some(WATCHDOG), "it was proven off already");
}

#[test]
fn what_died_with_its_node_is_looked_at_anew() {
    // A resource that must not run twice, and one that is only watched.
    let copies = |how: NodeOffHow| {
        let mut cluster = cluster();
        cluster.resources.insert("cron".into(), Resource { monitor_only: true, ..agent() });
        let mut scene = Scene::new(cluster);
        scene.node("n1").lapse(9, NOW);
        scene.node("n1").met = true;
        match &how {
            NodeOffHow::Operator { .. } => {
                assert_eq!(scene.ask(Verb::ConfirmNodeOff { node: "n1".into() }), None);
            }
            NodeOffHow::ReadOff { .. }
            | NodeOffHow::Fenced { .. }
            | NodeOffHow::Server
            | NodeOffHow::Watchdog { .. } => {
                scene.node("n1").watchdog = Some(Span::seconds(40));
                scene.ledger.now = Time(NOW.0 + 60_000);
                assert_eq!(scene.plan(Command::NodeOff("n1".into())), None);
            }
        }
        assert_eq!(proof(&scene), Some(how));
        let index = scene.ledger.index;
        let forgotten = |copy: &CopyState| {
            let anew = CopyState { since: Some(index), quiet_from: index, ..CopyState::default() };
            copy.power == Power::Unknown && *copy == anew
        };
        ["httpd", "cron"].map(|resource| (forgotten(scene.copy(resource, "p1")), forgotten(scene.copy(resource, "p2"))))
    };
    assert_eq!(copies(NodeOffHow::Operator { name: "admin".into() }), [(true, false), (true, false)]);
    assert_eq!(copies(WATCHDOG), [(true, false), (false, false)]);
}

#[test]
fn the_end_of_a_node_in_which_nothing_lives_is_told_with_its_server() {
    let told = |resource: Resource, by_server: bool| {
        let mut scene = Scene::new(site::with_web(site::with_lpars_of_nodes(), "one", resource));
        scene.node("n1").lapse(9, NOW);
        let command = if by_server {
            scene.off("p1");
            scene.server("p1").since = Some(9);
            scene.server("p1").system = SystemState::Operating;
            Command::ReappearServer("p1".into())
        } else {
            (scene.node("n1").watchdog, scene.ledger.now) = (Some(Span::seconds(40)), Time(NOW.0 + 60_000));
            Command::NodeOff("n1".into())
        };
        let outcome = scene.apply(tenure_core::Author::Planner("n1".into()), command);
        assert_eq!(outcome.refusal(), None);
        outcome.notes().any(|note| matches!(note, Note::NodeProvenOff { .. }))
    };
    assert_eq!([told(agent(), true), told(agent(), false)], [true, true]);
    assert_eq!([told(site::web1(), true), told(site::web1(), false)], [false, true]);
}
