//! Copies that a new configuration would lose sight of, as a table: by their state, and the change of declaration.

use crate::{
    scene::{NOW, Scene},
    site,
};
use std::{collections::BTreeMap, sync::Arc};
use tenure_core::{
    Command, Power, Reading, Refusal, Request, ResourceName, Span,
    config::{Cluster, Group, Kind, Resource, Server},
    ledger::{NodeOff, Phase},
    note::NodeOffHow,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// It is applied.
    Taken,
    /// Applied only with `strand`.
    Strands,
    /// Never applied.
    Loses,
}
use Verdict::{Loses, Strands, Taken};

/// Two servers, group web with LPARs web1 and web2, and another group.
fn cluster() -> Cluster {
    let mut cluster = site::with_web(site::site(2), "web1", site::web1());
    cluster.resources.insert("web2".into(), Resource::lpar("web".into(), "web2"));
    cluster.groups.insert("other".into(), Group::new(vec!["p1".into(), "p2".into()]));
    cluster.resources.insert("o1".into(), Resource::lpar("other".into(), "o1"));
    cluster
}

/// web1 reads so on this server, if it was read at all, and Off on the other; its group holds a tenure on p1, or none.
fn case(server: &str, power: Option<Power>, tenured: bool) -> site::Case {
    let mut case = site::Case::watched(cluster());
    let names = ["web1", "web2", "o1"].map(ResourceName::from);
    let read = |case: &mut site::Case, on: &str, power: Power| {
        let all = |name: &ResourceName| (name.clone(), if name.as_str() == "web1" { power } else { Power::Off });
        let copies: BTreeMap<ResourceName, Power> = names.iter().map(all).collect();
        let reading = Reading { copies, ..case.reading(on) };
        case.must(Command::Observe(reading));
    };
    if tenured {
        read(&mut case, "p1", Power::Running);
        read(&mut case, "p2", Power::Off);
        case.must(Command::Adopt { group: "web".into(), server: "p1".into() });
    }
    for on in ["p1", "p2"] {
        let power = if on == server { power } else { Some(Power::Off).filter(|_| !tenured) };
        if let Some(power) = power {
            read(&mut case, on, power);
        }
    }
    case
}

fn verdict(case: &site::Case, edit: &dyn Fn(&mut Cluster)) -> Verdict {
    let mut new = cluster();
    edit(&mut new);
    let ask = |strand| {
        let mut case = case.clone();
        let asked = case.ask(Request::Configure { cluster: Arc::new(new.clone()), strand });
        asked.refusal().cloned()
    };
    match (ask(false), ask(true)) {
        (None, None) => Taken,
        (Some(Refusal::Strands(_)), None) => Strands,
        (Some(Refusal::LosesSight(_)), Some(Refusal::LosesSight(_))) => Loses,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_a_declaration_leaves_behind_is_let_go_on_request_or_never() {
    let gone = |cluster: &mut Cluster| {
        cluster.groups.remove("web");
        cluster.resources.retain(|_, resource| resource.group.as_str() != "web");
    };
    let dropped = |cluster: &mut Cluster| drop(cluster.resources.remove("web1"));
    let disabled = |cluster: &mut Cluster| cluster.resources.get_mut("web1").expect("declared").enabled = false;
    let moved = |cluster: &mut Cluster| cluster.resources.get_mut("web1").expect("declared").group = "other".into();
    let unlisted = |server: &'static str| {
        move |cluster: &mut Cluster| {
            cluster.groups.get_mut("web").expect("declared").servers.retain(|one| one.as_str() != server);
        }
    };
    // The reading of web1 on the server in question, whether its group holds a tenure there, and the verdicts: if the
    // group or web1 is removed, if web1 is disabled or in another group, and if the server is off the list.
    for (power, tenured, expected) in [
        (Some(Power::Running), true, [Strands, Strands, Strands, Loses, Loses]),
        (Some(Power::Off), true, [Strands, Strands, Taken, Loses, Loses]),
        (Some(Power::Unknown), true, [Strands, Strands, Strands, Loses, Loses]),
        (Some(Power::Running), false, [Strands, Strands, Strands, Loses, Loses]),
        (Some(Power::Starting), false, [Strands, Strands, Strands, Loses, Loses]),
        (Some(Power::Unknown), false, [Strands, Strands, Strands, Strands, Strands]),
        (Some(Power::Error), false, [Strands, Strands, Strands, Strands, Strands]),
        (Some(Power::Off), false, [Taken, Taken, Taken, Taken, Taken]),
        (Some(Power::Absent), false, [Taken, Taken, Taken, Taken, Taken]),
        (None, false, [Taken, Strands, Taken, Strands, Strands]),
    ] {
        let server = if tenured { "p1" } else { "p2" };
        let case = case(server, power, tenured);
        let unlisted = unlisted(server);
        let edits: [&dyn Fn(&mut Cluster); 5] = [&gone, &dropped, &disabled, &moved, &unlisted];
        let verdicts = edits.map(|edit| verdict(&case, edit));
        assert_eq!(verdicts, expected, "{power:?}, tenured: {tenured}");
    }
}

/// Two servers with their nodes, httpd of group web inside either, and another group.
fn inside() -> Cluster {
    let mut cluster = site::with_web(site::site(2), "httpd", Resource::agent("web".into(), "Application"));
    cluster.groups.insert("other".into(), Group::new(vec!["p1".into(), "p2".into()]));
    cluster.resources.insert("o1".into(), Resource::lpar("other".into(), "o1"));
    cluster
}

/// The objections to a change of the declaration, if it is not forced and if it is.
fn objections(scene: &Scene, edit: &dyn Fn(&mut Cluster)) -> [Option<Refusal>; 2] {
    let mut new = (*scene.ledger.config).clone();
    edit(&mut new);
    [false, true].map(|strand| scene.clone().ask(Request::Configure { cluster: Arc::new(new.clone()), strand }))
}

fn judged(scene: &Scene, edit: &dyn Fn(&mut Cluster)) -> Verdict {
    match objections(scene, edit) {
        [None, None] => Taken,
        [Some(Refusal::Strands(_)), None] => Strands,
        [Some(Refusal::LosesSight(_)), Some(Refusal::LosesSight(_))] => Loses,
        other => panic!("{other:?}"),
    }
}

fn other_nodes(cluster: &mut Cluster) {
    cluster.nodes.get_mut("n1").expect("declared").server = Some("p2".into());
    cluster.nodes.get_mut("n2").expect("declared").server = Some("p1".into());
}

fn other_machine(cluster: &mut Cluster) {
    let server = Server::new("p1", "9009-42A*7777777", vec!["hmc1".into()]);
    cluster.servers.insert("p1".into(), server);
}

#[test]
fn a_node_is_not_taken_from_what_may_live_inside_it() {
    for met in [true, false] {
        for tenured in [true, false] {
            for power in [Power::Running, Power::Off] {
                for dead in [None, Some("the server"), Some("the node")] {
                    let mut scene = Scene::new(inside());
                    scene.copy("httpd", "p1").power = power;
                    scene.node("n1").met = met;
                    if tenured {
                        scene.holds("web", "p1", Phase::Online);
                    }
                    match dead {
                        Some("the server") => scene.off("p1"),
                        Some(_) => {
                            let how = NodeOffHow::Operator { name: "admin".into() };
                            scene.node("n1").prove_off(9, NOW, NodeOff { how, index: 9 });
                        }
                        None => {}
                    }
                    let blind = dead.is_none() && (tenured || (met && power == Power::Running));
                    let what = format!("met: {met}, tenured: {tenured}, {power}, dead: {dead:?}");
                    assert_eq!(judged(&scene, &other_nodes) == Loses, blind, "{what}");
                    assert_eq!(judged(&scene, &other_machine) == Loses, blind, "{what}");
                    assert_ne!(judged(&scene, &|new| new.timings.monitor = Span::seconds(6)), Loses, "{what}");
                    let passive = scene.with(|scene| scene.web().passive.extend(["httpd".into()]));
                    assert_ne!(judged(&passive, &other_nodes), Loses, "{what}");
                }
            }
        }
    }
}

#[test]
fn an_lpar_does_not_care_which_node_is_beside_it() {
    let mut scene = Scene::new(cluster());
    scene.copy("web1", "p1").power = Power::Running;
    scene.node("n1").met = true;
    assert_eq!(judged(&scene, &other_nodes), Taken);
    assert_eq!(judged(&scene, &other_machine), Loses);
}

#[test]
fn what_an_agent_keeps_may_be_declared_to_be_another_thing() {
    let address = |cluster: &mut Cluster| {
        if let Some(Kind::Agent(agent)) = cluster.resources.get_mut("httpd").map(|resource| &mut resource.kind) {
            agent.attributes.insert("port".to_owned(), "81".to_owned());
        }
    };
    let cron = |cluster: &mut Cluster| {
        cluster.resources.insert("cron".into(), Resource::agent("web".into(), "Application"));
    };
    let disabled = |cluster: &mut Cluster| {
        cluster.resources.get_mut("httpd").expect("declared").enabled = false;
        cron(cluster);
    };
    let moved = |cluster: &mut Cluster| {
        cluster.resources.get_mut("httpd").expect("declared").group = "other".into();
        cron(cluster);
    };
    // What it reads on p1, if it was read at all; whether its group is there; and the verdicts: if it is another
    // thing, is not enabled, or is of another group.
    for (power, tenured, expected) in [
        (Some(Power::Running), false, [Strands, Strands, Loses]),
        (Some(Power::Off), false, [Taken, Taken, Taken]),
        (None, false, [Taken, Taken, Strands]),
        (Some(Power::Running), true, [Strands, Strands, Loses]),
        (Some(Power::Off), true, [Taken, Taken, Loses]),
        (None, true, [Taken, Strands, Loses]),
    ] {
        let mut scene = Scene::new(inside());
        let copy = scene.copy("httpd", "p1");
        (copy.power, copy.since) = (power.unwrap_or_default(), power.map(|_| 8));
        if tenured {
            scene.holds("web", "p1", Phase::Online);
        }
        let edits: [&dyn Fn(&mut Cluster); 3] = [&address, &disabled, &moved];
        assert_eq!(edits.map(|edit| judged(&scene, edit)), expected, "{power:?} {tenured}");
    }
}

#[test]
fn a_group_that_goes_while_it_runs_is_named_once() {
    let mut scene = Scene::new(cluster());
    scene.holds("web", "p1", Phase::Online);
    scene.copy("web1", "p1").power = Power::Running;
    let gone = |cluster: &mut Cluster| {
        cluster.groups.remove("web");
        cluster.resources.retain(|_, resource| resource.group.as_str() != "web");
    };
    let [said, _] = objections(&scene, &gone);
    assert_eq!(said, Some(Refusal::Strands("group web runs on p1".to_owned())));
}
