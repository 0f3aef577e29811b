//! A node that is stopped for a while: what would be cut off is frozen until it is back, and nothing else.

use crate::{scene::Scene, site};
use std::collections::BTreeSet;
use tenure_core::{
    Author, Command, GroupName, Refusal, Span, Terms, Verb,
    config::{Cluster, Failover, Group, Resource},
    ledger::Phase,
    note::Note,
    terms::Keep,
    trust::Act,
};

/// Inside either node httpd of web, db of db; and shop, which stays down after a fault.
fn cluster() -> Cluster {
    let agent = |group: &str| Resource::agent(group.into(), "Application");
    let mut cluster = site::with_web(site::with_lpars_of_nodes(), "httpd", agent("web"));
    for name in ["db", "shop"] {
        cluster.groups.insert(name.into(), Group::new(vec!["p1".into(), "p2".into()]));
        cluster.resources.insert(format!("{name}1").as_str().into(), agent(name));
    }
    cluster.groups.get_mut("shop").expect("just put there").failover = Failover::Never;
    cluster
}

/// web and shop run inside n1, db inside n2.
fn scene() -> Scene {
    let mut scene = Scene::new(cluster());
    for (group, server) in [("web", "p1"), ("shop", "p1"), ("db", "p2")] {
        scene.holds(group, server, Phase::Online);
    }
    scene
}

fn stop(node: &str) -> Act {
    // What is asked to be frozen is of no matter: the ledger finds it.
    Act::StopNode { node: node.into(), frozen: BTreeSet::from(["db".into()]) }
}

fn back(scene: &mut Scene, act: u64) -> Option<Refusal> {
    scene.apply(Author::Agent("n1".into()), Command::Ended { act, failed: None }).refusal().cloned()
}

fn frozen(scene: &Scene) -> Vec<&str> {
    scene.ledger.groups.iter().filter(|(_, group)| group.frozen).map(|(name, _)| name.as_str()).collect()
}

#[test]
fn what_would_be_cut_off_is_frozen_until_the_node_is_back() {
    let mut scene = scene();
    assert_eq!(scene.ledger.inside(&"n1".into()), [&GroupName::from("web")]);
    assert_eq!(scene.ask(stop("n1")), None);
    let act = scene.ledger.stops(&"n1".into()).expect("it was permitted");
    assert_eq!(act, scene.ledger.index);
    assert_eq!(
        scene.ledger.trust.acts[&act],
        Act::StopNode { node: "n1".into(), frozen: BTreeSet::from(["web".into()]) }
    );
    assert_eq!((frozen(&scene), scene.ledger.matters(&"n1".into())), (vec!["web"], false));
    let outcome = scene.apply(Author::Agent("n1".into()), Command::Ended { act, failed: None });
    let freed =
        |note: &Note| matches!(note, Note::Requested { what: Verb::Unfreeze { group }, .. } if group.as_str() == "web");
    assert!(outcome.notes().any(freed), "it is told");
    assert_eq!((frozen(&scene), scene.ledger.stops(&"n1".into())), (vec![], None));
    assert!(scene.ledger.matters(&"n1".into()));
}

#[test]
fn what_an_operator_has_frozen_stays_so() {
    let mut scene = scene();
    assert_eq!(scene.ask(Verb::Freeze { group: "web".into(), terms: Default::default() }), None);
    assert_eq!(scene.ask(stop("n1")), None);
    let act = scene.ledger.index;
    assert_eq!(back(&mut scene, act), None);
    assert_eq!(frozen(&scene), ["web"]);
}

#[test]
fn what_an_operator_has_unfrozen_meanwhile_is_theirs() {
    let mut scene = scene();
    assert_eq!(scene.ask(stop("n1")), None);
    let act = scene.ledger.index;
    assert_eq!(scene.ask(Verb::Unfreeze { group: "web".into() }), None);
    assert_eq!(scene.ask(Verb::Freeze { group: "web".into(), terms: Default::default() }), None);
    assert_eq!(back(&mut scene, act), None);
    assert_eq!(frozen(&scene), ["web"]);
}

/// It says why it is frozen, and by whose stop.
#[test]
fn what_is_frozen_for_a_stop_says_so_until_the_node_is_back() {
    let mut scene = scene();
    assert_eq!(scene.ask(stop("n1")), None);
    let act = scene.ledger.index;
    let said = scene.ledger.kept_of(&Keep::Group("web".into())).expect("it is frozen").clone();
    assert_eq!((&*said.by, said.reason.as_deref(), said.until), ("admin", Some("node n1 stops"), None));
    assert_eq!(back(&mut scene, act), None);
    assert_eq!(scene.ledger.kept_of(&Keep::Group("web".into())), None);
}

fn freeze_for(seconds: u64) -> Verb {
    Verb::Freeze { group: "web".into(), terms: Terms { reason: None, lasts: Some(Span::seconds(seconds)) } }
}

#[test]
fn an_end_that_an_operator_sets_meanwhile_is_the_end() {
    let mut scene = scene();
    assert_eq!(scene.ask(stop("n1")), None);
    let act = scene.ledger.index;
    assert_eq!(scene.ask(freeze_for(60)), None);
    assert_eq!(back(&mut scene, act), None);
    assert_eq!(frozen(&scene), ["web"]);
    scene.ledger.now = scene.ledger.now.after(Span::seconds(60));
    assert_eq!((scene.plan(Command::TimeOver(Keep::Group("web".into()))), frozen(&scene)), (None, vec![]));
}

/// Its end came while the node was stopped: without another freeze the group would be cut off.
#[test]
fn an_operators_freeze_that_ends_meanwhile_goes_on_until_the_node_is_back() {
    let mut scene = scene();
    assert_eq!((scene.ask(freeze_for(60)), scene.ask(stop("n1"))), (None, None));
    let act = scene.ledger.index;
    scene.ledger.now = scene.ledger.now.after(Span::seconds(60));
    assert_eq!((scene.plan(Command::TimeOver(Keep::Group("web".into()))), frozen(&scene)), (None, vec!["web"]));
    let said = scene.ledger.kept_of(&Keep::Group("web".into())).expect("it is frozen");
    assert_eq!((said.reason.as_deref(), said.until), (Some("node n1 stops"), None));
    assert_eq!((back(&mut scene, act), frozen(&scene)), (None, vec![]));
}

/// The answer to the first request was lost, or the node did not stop.
#[test]
fn a_stop_that_is_asked_for_again_frees_what_the_first_one_froze() {
    let mut scene = scene();
    assert_eq!((scene.ask(stop("n1")), scene.ask(stop("n1"))), (None, None));
    let act = scene.ledger.stops(&"n1".into()).expect("it was permitted");
    assert_eq!(act, scene.ledger.index, "there is one");
    assert_eq!(frozen(&scene), ["web"]);
    assert_eq!(back(&mut scene, act), None);
    assert_eq!((frozen(&scene), scene.ledger.stops(&"n1".into())), (vec![], None));
}

#[test]
fn an_arbiter_takes_nothing_with_it() {
    let mut scene = scene();
    scene.config().nodes.get_mut("n2").expect("it is declared").server = None;
    assert_eq!((scene.ask(stop("n2")), frozen(&scene)), (None, vec![]));
    assert_eq!((scene.ask(stop("n9")), frozen(&scene)), (None, vec![]), "it is not declared yet");
}
