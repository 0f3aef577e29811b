//! What operators ask of groups, by the state of these and of the groups that they are linked to, as tables.

use crate::{
    scene::{NOW, Scene},
    site,
};
use tenure_core::{
    Author, Command, GroupName, Power, Refusal, RequestId, ServerName, Verb,
    config::{Cluster, Group, GroupKind, Link, Need, Resource, Rigidity},
    ledger::{Down, Fall, Intent, Phase, Retries},
    note::{FaultReason, LeaveReason, NotHere, Note},
};

/// Three servers, and groups web, app and db with an LPAR each, read off; with these links.
fn scene(links: &[(&str, &str, Need, Rigidity)]) -> Scene {
    let mut cluster = site::with_web(site::site(3), "web1", site::web1());
    for (group, lpar) in [("app", "app1"), ("db", "db1")] {
        cluster.groups.insert(group.into(), Group::new(vec!["p1".into(), "p2".into(), "p3".into()]));
        cluster.resources.insert(lpar.into(), Resource::lpar(group.into(), lpar));
    }
    for (parent, child, need, rigidity) in links {
        let link = Link { child: (*child).into(), need: *need, rigidity: *rigidity };
        cluster.groups.get_mut(*parent).expect("declared").requires.push(link);
    }
    Scene::new(cluster)
}

fn up(scene: &mut Scene, group: &str, server: &str) {
    scene.group(group).intent = Intent::Online;
    scene.holds(group, server, Phase::Online);
    scene.copy(&format!("{group}1"), server).power = Power::Running;
}

fn leaving() -> Phase {
    Phase::Leaving { reason: LeaveReason::Offline, index: 8 }
}

fn fault(scene: &mut Scene, group: &str, server: &str) {
    let reason = FaultReason::PersistentDown { resource: "x".into() };
    scene.group(group).faults.insert(server.into(), (NOW, reason));
}

fn online(group: &str, server: Option<&str>, propagate: bool) -> Verb {
    Verb::Online { group: group.into(), server: server.map(ServerName::from), propagate }
}

fn offline(group: &str, propagate: bool) -> Verb {
    Verb::Offline { group: group.into(), propagate }
}

fn faulted(group: &str, server: &str) -> Option<Refusal> {
    Some(Refusal::NotThere { group: group.into(), server: server.into(), why: NotHere::Faulted })
}

/// Asks, and gives back the notes.
fn notes(scene: &mut Scene, verb: Verb) -> Vec<Note> {
    let author = Author::first_user(RequestId(scene.ledger.index.into()));
    let outcome = scene.apply(author, Command::Request(verb.into()));
    assert_eq!(outcome.refusal(), None);
    outcome.notes().cloned().collect()
}

const GLOBAL: Need = Need::OnlineGlobal;
const LOCAL: Need = Need::OnlineLocal;

#[test]
fn a_group_is_brought_online_whose_children_are_on_their_way_or_are_asked_first() {
    for wanted in [true, false] {
        for tenured in [true, false] {
            let mut scene = scene(&[("web", "db", GLOBAL, Rigidity::Soft)]);
            scene.group("db").intent = if wanted { Intent::Online } else { Intent::Offline };
            if tenured {
                scene.holds("db", "p3", if wanted { Phase::Starting } else { leaving() });
            }
            let missing = Refusal::ChildNotOnline { group: "web".into(), child: "db".into() };
            let alone = scene.clone().ask(online("web", None, false));
            assert_eq!(alone, Some(missing).filter(|_| !(wanted && tenured)), "{wanted} {tenured}");

            let frozen = scene.with(|scene| scene.group("db").frozen = true).ask(online("web", None, true));
            assert_eq!(frozen, Some(Refusal::Frozen { group: "db".into() }).filter(|_| !wanted), "{wanted} {tenured}");

            scene.group("db").flushed = true;
            let notes = notes(&mut scene, online("web", None, true));
            let of_child =
                |note: &&Note| matches!(note, Note::Requested { what, .. } if *what == online("db", None, false));
            assert_eq!(notes.iter().filter(of_child).count(), usize::from(!wanted), "{wanted} {tenured}");
            assert_eq!(scene.group("db").intent, Intent::Online);
            assert_eq!(scene.group("db").flushed, wanted && tenured, "it is left alone if it is on its way");
        }
    }
    let mut scene = scene(&[("web", "db", Need::OfflineLocal, Rigidity::Firm)]);
    assert_eq!(scene.ask(online("web", None, false)), None, "it needs no such child");
}

#[test]
fn children_that_have_to_be_on_the_same_server_are_asked_there() {
    let links = [("web", "db", LOCAL, Rigidity::Firm), ("web", "app", GLOBAL, Rigidity::Firm)];
    let mut asked = scene(&links);
    assert_eq!(asked.ask(online("web", Some("p2"), true)), None);
    let prefers = |scene: &Scene, group: &str| scene.ledger.groups[group].prefer.as_ref().map(ToString::to_string);
    assert_eq!(prefers(&asked, "web").as_deref(), Some("p2"));
    assert_eq!((prefers(&asked, "db").as_deref(), prefers(&asked, "app")), (Some("p2"), None));
    for (group, refused) in [("web", true), ("db", true), ("app", false)] {
        let mut scene = scene(&links);
        fault(&mut scene, group, "p2");
        let expected = faulted(group, "p2").filter(|_| refused);
        assert_eq!(scene.ask(online("web", Some("p2"), true)), expected, "{group}");
    }
    let mut there = scene(&links);
    up(&mut there, "db", "p3");
    fault(&mut there, "db", "p2");
    assert_eq!(there.ask(online("web", Some("p2"), true)), None, "a child that is up is not moved");
    let mut scene = scene(&links);
    let not_listed = Refusal::NotInList { group: "db".into(), server: "p9".into() };
    assert_eq!(scene.ask(online("web", Some("p9"), true)), Some(not_listed));
}

#[test]
fn a_group_is_brought_online_where_it_may_be_and_is_not() {
    let on = |server| scene(&[]).ask(online("web", Some(server), false));
    assert_eq!(on("p2"), None);
    assert_eq!(on("p9"), Some(Refusal::NotInList { group: "web".into(), server: "p9".into() }));
    let mut failed = scene(&[]);
    fault(&mut failed, "web", "p2");
    assert_eq!(failed.ask(online("web", Some("p2"), false)), faulted("web", "p2"));
    let already = Refusal::AlreadyOn { group: "web".into(), server: "p1".into() };
    for flushed in [true, false] {
        for server in [None, Some("p1")] {
            for phase in [Phase::Online, Phase::Starting, leaving()] {
                let goes = matches!(phase, Phase::Leaving { .. }) || (flushed && server.is_none());
                let mut scene = scene(&[]);
                scene.holds("web", "p1", phase.clone());
                scene.web().flushed = flushed;
                let refused = scene.ask(online("web", server, false));
                assert_eq!(refused, Some(already.clone()).filter(|_| !goes), "{flushed} {server:?} {phase:?}");
            }
        }
    }
}

#[test]
fn a_group_is_taken_offline_when_no_group_that_runs_needs_it_or_with_those() {
    // The link of web to db, the phase of web, and whether it keeps db.
    for (need, rigidity, phase, keeps) in [
        (GLOBAL, Rigidity::Firm, Some(Phase::Online), true),
        (LOCAL, Rigidity::Firm, Some(Phase::Online), true),
        (GLOBAL, Rigidity::Firm, Some(Phase::Starting), true),
        (GLOBAL, Rigidity::Firm, Some(leaving()), false),
        (GLOBAL, Rigidity::Firm, None, false),
        (GLOBAL, Rigidity::Soft, Some(Phase::Online), false),
        (Need::OfflineLocal, Rigidity::Firm, Some(Phase::Online), false),
    ] {
        let mut scene = scene(&[("web", "db", need, rigidity)]);
        up(&mut scene, "db", if need == Need::OfflineLocal { "p2" } else { "p1" });
        if let Some(phase) = &phase {
            up(&mut scene, "web", "p1");
            scene.holds("web", "p1", phase.clone());
        }
        let parents = ["web".into()].into();
        let kept = Refusal::ParentsOnline { group: "db".into(), parents };
        assert_eq!(scene.ask(offline("db", false)), Some(kept).filter(|_| keeps), "{need:?} {rigidity:?} {phase:?}");
    }
    let mut scene = scene(&[("web", "app", GLOBAL, Rigidity::Firm), ("app", "db", GLOBAL, Rigidity::Soft)]);
    for group in ["web", "app", "db"] {
        up(&mut scene, group, "p1");
    }
    let asked = |scene: &Scene| {
        let mut scene = scene.clone();
        let notes = notes(&mut scene, offline("db", true));
        let by_name = |note: &Note| match note {
            Note::Requested { what: Verb::Offline { group, .. }, .. } => Some(group.to_string()),
            _ => None,
        };
        let left = |group: &&str| !scene.ledger.groups[*group].tenure.as_ref().is_some_and(|tenure| tenure.stays());
        let left: Vec<&str> = ["web", "app", "db"].into_iter().filter(left).collect();
        (notes.iter().filter_map(by_name).collect::<Vec<_>>(), left.join(" "))
    };
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(asked(&scene), (names(&["web", "app", "db"]), "web app db".to_owned()));
    scene.group("app").intent = Intent::Offline;
    assert_eq!(asked(&scene), (names(&["db"]), "db".to_owned()), "what is to be offline is not asked again");
}

#[test]
fn a_child_that_another_instance_can_stand_in_for_is_let_go() {
    let cluster = |servers: &[&str]| -> Cluster {
        let mut cluster = site::with_web(site::site(2), "web1", site::web1());
        let mut net = Group::new(servers.iter().map(|server| ServerName::from(*server)).collect());
        net.kind = GroupKind::Parallel;
        cluster.groups.insert("net".into(), net);
        cluster.resources.insert("ip".into(), Resource::agent("net".into(), "Application"));
        let link = Link { child: "net".into(), need: GLOBAL, rigidity: Rigidity::Firm };
        cluster.groups.get_mut("web").expect("declared").requires.push(link);
        cluster
    };
    for (other, kept) in [(true, false), (false, true)] {
        let mut scene = Scene::new(cluster(&["p1", "p2"]));
        for (group, server) in [("web", "p1"), ("net@p1", "p1"), ("net@p2", "p2")] {
            if group != "net@p2" || other {
                scene.group(group).intent = Intent::Online;
                scene.holds(group, server, Phase::Online);
            }
        }
        let parents = ["web".into()].into();
        let refused = Refusal::ParentsOnline { group: "net@p1".into(), parents };
        assert_eq!(scene.ask(offline("net@p1", false)), Some(refused).filter(|_| kept), "{other}");
    }
}

fn switch(group: &str) -> Verb {
    Verb::Switch { group: group.into(), server: "p2".into() }
}

/// web and db are online on p1, and linked so.
fn both_up(need: Need, rigidity: Rigidity) -> Scene {
    let mut scene = scene(&[("web", "db", need, rigidity)]);
    up(&mut scene, "db", "p1");
    up(&mut scene, "web", "p1");
    scene
}

#[test]
fn a_hard_child_moves_along_and_any_other_that_has_to_be_there_forbids_it() {
    let with_child = Some(Refusal::RunsWithChild { group: "web".into(), child: "db".into() });
    let parents = || Some(Refusal::ParentsOnline { group: "db".into(), parents: ["web".into()].into() });
    for (need, rigidity, parent, child) in [
        (LOCAL, Rigidity::Hard, None, parents()),
        (LOCAL, Rigidity::Firm, with_child.clone(), parents()),
        (LOCAL, Rigidity::Soft, with_child, parents()),
        (GLOBAL, Rigidity::Firm, None, parents()),
        (GLOBAL, Rigidity::Soft, None, None),
    ] {
        let scene = both_up(need, rigidity);
        assert_eq!(scene.clone().ask(switch("web")), parent, "{need:?} {rigidity:?}");
        assert_eq!(scene.clone().ask(switch("db")), child, "{need:?} {rigidity:?}");
    }
    let mut scene = both_up(LOCAL, Rigidity::Hard);
    let notes = notes(&mut scene, switch("web"));
    for group in ["web", "db"] {
        let reason = LeaveReason::Switch("p2".into());
        let phase = scene.group(group).tenure.as_ref().map(|tenure| tenure.phase.clone());
        assert!(matches!(&phase, Some(Phase::Leaving { reason: why, .. }) if *why == reason), "{group} {phase:?}");
        assert_eq!(scene.group(group).prefer, Some("p2".into()));
    }
    let leave = |note: &Note| if let Note::Leaving { group, .. } = note { Some(group.clone()) } else { None };
    assert_eq!(notes.iter().filter_map(leave).collect::<Vec<_>>(), [GroupName::from("db")], "the other one was asked");
    let mut failed = both_up(LOCAL, Rigidity::Hard);
    fault(&mut failed, "db", "p2");
    assert_eq!(failed.ask(switch("web")), faulted("db", "p2"));
    let mut failed = both_up(LOCAL, Rigidity::Hard);
    fault(&mut failed, "web", "p2");
    assert_eq!(failed.ask(switch("web")), faulted("web", "p2"));
}

#[test]
fn a_switch_stops_nothing_that_could_not_be_started_there() {
    let asked = |server: &str, power: Power| {
        let mut scene = scene(&[]);
        up(&mut scene, "web", "p1");
        scene.copy("web1", server).power = power;
        scene.ask(switch("web"))
    };
    assert_eq!(asked("p3", Power::Off), None);
    let (resource, power) = ("web1".into(), Power::Unknown);
    assert_eq!(asked("p3", power), Some(Refusal::NotProvenOff { resource, server: "p3".into(), power }));
    assert_eq!(asked("p1", power), None, "it is to be stopped there");
    let why = NotHere::NotReadOff { resource: "web1".into(), power };
    assert_eq!(asked("p2", power), Some(Refusal::NotThere { group: "web".into(), server: "p2".into(), why }));
}

#[test]
fn a_live_migration_parts_no_groups_that_have_to_be_on_one_server() {
    let migrate = |group: &str| Verb::Migrate { group: group.into(), server: "p2".into() };
    let fixed = |resource: &str| Some(Refusal::NotMobile { resource: resource.into() });
    for need in [LOCAL, GLOBAL] {
        let scene = both_up(need, Rigidity::Soft);
        let (mut parent, mut child) = (fixed("web1"), fixed("db1"));
        if need == LOCAL {
            parent = Some(Refusal::RunsWithChild { group: "web".into(), child: "db".into() });
            child = Some(Refusal::ParentsOnline { group: "db".into(), parents: ["web".into()].into() });
        }
        assert_eq!(scene.clone().ask(migrate("web")), parent, "{need:?}");
        assert_eq!(scene.clone().ask(migrate("db")), child, "{need:?}");
    }
}

#[test]
fn a_request_about_a_parallel_group_is_granted_if_one_instance_grants_it() {
    for (first, second) in [(false, false), (true, false), (false, true), (true, true)] {
        let mut cluster = site::site(2);
        let mut net = Group::new(vec!["p1".into(), "p2".into()]);
        net.kind = GroupKind::Parallel;
        cluster.groups.insert("net".into(), net);
        cluster.resources.insert("ip".into(), Resource::agent("net".into(), "Application"));
        let mut scene = Scene::new(cluster);
        (scene.group("net@p1").frozen, scene.group("net@p2").frozen) = (first, second);
        let refused = Refusal::Frozen { group: "net@p1".into() };
        let asked = scene.ask(Verb::Freeze { group: "net".into(), terms: Default::default() });
        assert_eq!(asked, Some(refused).filter(|_| first && second), "{first} {second}");
        assert!(scene.group("net@p1").frozen && scene.group("net@p2").frozen);
    }
}

/// What is left of the failures of web after they are cleared everywhere or there: the servers with a fault, whether a
/// resource that failed is down, whether one that an operator stopped is, and whether it fell. It holds its tenure on p1.
fn cleared(scene: &Scene, server: Option<&str>) -> Result<(Vec<String>, bool, bool, bool), Refusal> {
    let mut scene = scene.clone();
    match scene.ask(Verb::Clear { group: "web".into(), server: server.map(ServerName::from) }) {
        Some(refused) => Err(refused),
        None => {
            let web = scene.web();
            assert_eq!((web.retries.count, web.upkeep.cleared), (0, Some(NOW)));
            let down = |resource: &str| web.runs.get(resource).is_some_and(|run| run.down.is_some());
            let faults = web.faults.keys().map(ToString::to_string).collect();
            Ok((faults, down("web1"), down("web2"), web.fall.is_some()))
        }
    }
}

#[test]
fn failures_are_cleared_where_an_operator_says() {
    let mut scene = scene(&[]);
    let none = Err(Refusal::NoFault { group: "web".into() });
    assert_eq!(cleared(&scene, None), none);
    let retried = scene.with(|scene| scene.web().retries = Retries { count: 1, last: None });
    assert_eq!(cleared(&retried, None), Ok((vec![], false, false, false)));
    scene.holds("web", "p1", Phase::Online);
    fault(&mut scene, "web", "p1");
    fault(&mut scene, "web", "p2");
    let reason = FaultReason::PersistentDown { resource: "web1".into() };
    scene.run("web1").down = Some(Down::Faulted(reason));
    scene.web().runs.entry("web2".into()).or_default().down = Some(Down::Operator);
    scene.web().fall = Some(Fall { from: "p2".into(), told: false });
    let left = |faults: &[&str], failed, fell| {
        Ok((faults.iter().map(|server| (*server).to_owned()).collect(), failed, true, fell))
    };
    assert_eq!(cleared(&scene, None), left(&[], false, false));
    assert_eq!(cleared(&scene, Some("p1")), left(&["p2"], false, true));
    assert_eq!(cleared(&scene, Some("p2")), left(&["p1"], true, false));
    assert_eq!(cleared(&scene, Some("p3")), none);
    let fell = scene.with(|scene| scene.web().faults.clear());
    assert_eq!(cleared(&fell, Some("p2")), left(&[], true, false), "a server that was lost");
    let failed = fell.with(|scene| scene.web().fall = None);
    assert_eq!(cleared(&failed, Some("p1")), left(&[], false, false));
    assert_eq!(cleared(&failed, Some("p2")), none);
}

#[test]
fn a_resource_is_restarted_while_its_group_is_online() {
    for (phase, granted) in
        [(None, false), (Some(Phase::Starting), false), (Some(leaving()), false), (Some(Phase::Online), true)]
    {
        let mut scene = scene(&[]);
        if let Some(phase) = phase {
            scene.holds("web", "p1", phase);
        }
        let not_online = Some(Refusal::NotOnline { group: "web".into() });
        let asked = scene.ask(Verb::Restart { resource: "web1".into() });
        assert_eq!((asked, scene.run("web1").restart), (not_online.filter(|_| !granted), granted));
    }
}
