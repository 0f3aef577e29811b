//! The reasons for which a group may not run on a server, one at a time.

use crate::{
    scene::{NOW, Scene},
    site,
};
use tenure_core::{
    Command, Ledger, Power, Refusal, ResourceName, ServerName, SystemState, Time,
    config::{Kind, Operations, Resource},
    ledger::{CopyState, Dirty, Hold, Intent, Phase, StartRisk},
    listing::{Listed, Remark},
    note::{FaultReason, NotHere},
    order::Epoch,
};

fn agent() -> Resource {
    Resource::agent("web".into(), "Application")
}

/// Two servers with their nodes, and group web with these resources on both, read off.
fn scene(resources: &[(&str, Resource)]) -> Scene {
    let mut cluster = site::with_web(site::with_lpars_of_nodes(), "", site::web1());
    cluster.resources.remove("");
    for (name, resource) in resources {
        cluster.resources.insert(ResourceName::from(*name), resource.clone());
    }
    Scene::new(cluster)
}

fn lpar() -> Scene {
    scene(&[("web1", site::web1())])
}

/// The reason against p2.
fn not_here(scene: &Scene) -> Option<NotHere> {
    scene.ledger.not_here(&"web".into(), &scene.ledger.groups["web"], &"p2".into())
}

fn silent(scene: &mut Scene) {
    scene.node("n2").lapse(9, NOW);
}

type Change = fn(&mut Scene);

#[test]
fn a_group_of_lpars_goes_where_the_server_is_read_and_watched_and_one_inside_nodes_where_the_node_is_there() {
    let node_down = || Some(NotHere::NodeDown { node: "n2".into() });
    // What is the matter, and what it means to a group of LPARs, to one inside nodes, and to one of both.
    let cases: [(&str, Change, [Option<NotHere>; 3]); 10] = [
        ("nothing", |_| {}, [None, None, None]),
        ("proven off", |scene| scene.off("p2"), [const { Some(NotHere::ProvenOff) }; 3]),
        ("not read", |scene| scene.server("p2").since = None, of_lpars(NotHere::Unread)),
        ("not read live", |scene| scene.server("p2").live = false, of_lpars(NotHere::NotReady(SystemState::Operating))),
        (
            "standby",
            |scene| scene.server("p2").system = SystemState::Standby,
            of_lpars(NotHere::NotReady(SystemState::Standby)),
        ),
        ("dirty", |scene| scene.server("p2").dirty = Some(Dirty { index: 5, up: None }), of_lpars(NotHere::Dirty)),
        ("watched by nobody", |scene| scene.server("p2").watcher = None, of_lpars(NotHere::NobodyWatches)),
        ("its node is silent", silent, [Some(NotHere::NobodyWatches), node_down(), Some(NotHere::NobodyWatches)]),
        (
            "its node is silent, and another one watches",
            |scene| {
                silent(scene);
                scene.server("p2").watcher = Some("n1".into());
            },
            [None, node_down(), node_down()],
        ),
        ("frozen", |scene| scene.server("p2").upkeep.frozen = true, [const { Some(NotHere::ServerFrozen) }; 3]),
    ];
    let scenes = [lpar(), scene(&[("httpd", agent())]), scene(&[("web1", site::web1()), ("httpd", agent())])];
    for (what, change, expected) in cases {
        let found = scenes.clone().map(|scene| not_here(&scene.with(change)));
        assert_eq!(found, expected, "{what}");
    }
    let mut lost = lpar();
    lost.web().faults.insert("p2".into(), (NOW, FaultReason::PersistentDown { resource: "web1".into() }));
    assert_eq!(not_here(&lost), Some(NotHere::Faulted));
    let mut unknown = lpar();
    unknown.ledger.servers.remove("p2");
    assert_eq!(not_here(&unknown), Some(NotHere::Unread));
}

/// This stands against whatever is no group inside nodes alone.
fn of_lpars(why: NotHere) -> [Option<NotHere>; 3] {
    [Some(why.clone()), None, Some(why)]
}

#[test]
fn a_group_goes_where_its_resources_are_down_and_what_they_stand_on_is_up() {
    let running = lpar().with(|scene| scene.copy("web1", "p2").power = Power::Running);
    let (resource, power) = (ResourceName::from("web1"), Power::Running);
    assert_eq!(not_here(&running), Some(NotHere::NotReadOff { resource: resource.clone(), power }));
    let vios = |declared: &[&str], there: &[(&str, bool)]| {
        let mut scene = lpar();
        if let Kind::Lpar(lpar) = &mut scene.config().resources.get_mut("web1").expect("declared").kind {
            lpar.vios = declared.iter().map(|name| (*name).to_owned()).collect();
        }
        scene.server("p2").vios = there.iter().map(|(name, up)| ((*name).to_owned(), *up)).collect();
        not_here(&scene)
    };
    let down = Some(NotHere::ViosDown { resource });
    assert_eq!(vios(&[], &[("v1", false)]), None, "it needs none");
    assert_eq!(vios(&["v1", "v2"], &[]), None, "they are elsewhere");
    assert_eq!(vios(&["v1", "v2"], &[("v1", true), ("v2", false)]), None);
    assert_eq!(vios(&["v1", "v2"], &[("v1", false), ("v2", false)]), down);
    assert_eq!(vios(&["v1", "v2"], &[("v1", false), ("v3", true)]), down, "the other one is not its own");
}

#[test]
fn what_is_never_started_must_be_there_already_unless_it_is_only_watched() {
    for (operations, monitor_only, persistent) in [
        (Operations::None, false, true),
        (Operations::OnOnly, false, false),
        (Operations::OnOff, true, false),
        (Operations::OnOff, false, false),
    ] {
        let mut disk = agent();
        if let Kind::Agent(agent) = &mut disk.kind {
            agent.operations = operations;
        }
        disk.monitor_only = monitor_only;
        let scene = scene(&[("disk", disk)]);
        assert_eq!(scene.ledger.is_persistent(&"disk".into()), persistent, "{operations:?} {monitor_only}");
        assert!(!scene.ledger.is_persistent(&"other".into()));
        let down = Some(NotHere::PersistentDown { resource: "disk".into() }).filter(|_| persistent);
        assert_eq!(not_here(&scene), down, "{operations:?} {monitor_only}");
        let up = scene.with(|scene| scene.copy("disk", "p2").power = Power::Running);
        let passive = up.ledger.groups["web"].passive.contains("disk");
        assert_eq!(not_here(&up).is_none(), passive, "{operations:?} {monitor_only}");
    }
}

#[test]
fn a_group_goes_where_exactly_enough_is_left_of_everything() {
    let left = |memory: u64, processors: u64, limit: u64| {
        let mut scene = lpar();
        let declared = scene.config().servers.get_mut("p2").expect("declared");
        (declared.memory, declared.processors) = (Some(memory), Some(processors));
        declared.limits.insert("disks".to_owned(), limit);
        let group = scene.config().groups.get_mut("web").expect("declared");
        (group.load.memory, group.load.processors) = (40, 4);
        group.prerequisites.insert("disks".to_owned(), 3);
        let state = scene.server("p2");
        (state.used.memory, state.used.processors) = (100, 10);
        state.limits_used.insert("disks".to_owned(), 5);
        not_here(&scene)
    };
    assert_eq!(left(140, 14, 8), None);
    assert_eq!(left(141, 15, 9), None);
    assert_eq!(left(139, 14, 8), Some(NotHere::NoMemory { need: 40, free: 39 }));
    assert_eq!(left(140, 13, 8), Some(NotHere::NoProcessors { need: 4, free: 3 }));
    assert_eq!(left(140, 14, 7), Some(NotHere::Limit { limit: "disks".to_owned(), need: 3, free: 2 }));
}

#[test]
fn what_is_active_on_a_server_that_is_off_or_may_start_things_by_itself_is_not_counted() {
    let places = |change: Change| {
        let scene = lpar().with(|scene| scene.copy("web1", "p2").power = Power::Running).with(change);
        scene.ledger.active_places(&scene.ledger.groups["web"]).active.into_keys().collect::<Vec<_>>()
    };
    assert_eq!(places(|_| {}), ["p2".into()]);
    assert_eq!(places(|scene| scene.off("p2")), Vec::<ServerName>::new());
    let dirty: Change = |scene| scene.server("p2").dirty = Some(Dirty { index: 5, up: None });
    assert_eq!(places(dirty), Vec::<ServerName>::new());
    let passive: Change = |scene| scene.web().passive.extend(["web1".into()]);
    assert_eq!(places(passive), Vec::<ServerName>::new());
}

#[test]
fn the_wrong_one_of_two_copies_is_known_where_the_right_one_is_seen() {
    let wrong = |resource: Resource, change: &dyn Fn(&mut Scene)| {
        let mut scene = scene(&[("web1", resource)]);
        scene.holds("web", "p1", Phase::Online);
        for server in ["p1", "p2"] {
            scene.copy("web1", server).power = Power::Running;
        }
        let conflict = scene.ledger.active_places(&scene.ledger.groups["web"]);
        scene.web().hold = Some(Hold { conflict, judged_from: Some(8) });
        change(&mut scene);
        scene.ledger.wrong_copies(&scene.ledger.groups["web"])
    };
    let p2: Vec<(ResourceName, ServerName)> = vec![("web1".into(), "p2".into())];
    let none = Vec::new();
    let dark: Change = |scene| scene.server("p1").live = false;
    let unwatched: Change = |scene| scene.server("p1").watcher = None;
    let out: Change = |scene| scene.node("n1").lapse(9, NOW);
    for (what, change, of_lpar, inside) in [
        ("both are seen", (|_| {}) as Change, &p2, &p2),
        ("the HMC does not answer", dark, &none, &p2),
        ("nobody watches", unwatched, &none, &p2),
        ("the node is silent", out, &none, &none),
        ("the right one is not up", |scene| scene.copy("web1", "p1").power = Power::Starting, &none, &none),
        ("the right one was read before", |scene| scene.copy("web1", "p1").since = Some(7), &none, &none),
        ("the wrong one was read before", |scene| scene.copy("web1", "p2").since = Some(7), &none, &none),
    ] {
        assert_eq!(wrong(site::web1(), &change), *of_lpar, "{what}");
        assert_eq!(wrong(agent(), &change), *inside, "{what}");
    }
}

#[test]
fn an_agent_that_cannot_tell_any_more_is_believed_what_it_said_before() {
    let starts = |copy: CopyState| {
        let mut scene = scene(&[("httpd", agent())]);
        scene.web().intent = Intent::Online;
        scene.holds("web", "p1", Phase::Starting);
        *scene.copy("httpd", "p2") = CopyState { since: Some(8), ..copy };
        scene.plan(Command::Start { resource: "httpd".into(), epoch: Epoch(1), restart: false })
    };
    for idle in [true, false] {
        for power in [Power::Unknown, Power::Running, Power::Off] {
            for risk in [StartRisk::None, StartRisk::Loose(Time(1))] {
                let starts = starts(CopyState { idle, power, risk, ..CopyState::default() });
                let expected = if risk != StartRisk::None {
                    Some(Refusal::StartInFlight { resource: "httpd".into(), server: "p2".into() })
                } else if power == Power::Off || (idle && power == Power::Unknown) {
                    None
                } else {
                    Some(Refusal::NotProvenOff { resource: "httpd".into(), server: "p2".into(), power })
                };
                assert_eq!(starts, expected, "{idle} {power} {risk:?}");
            }
        }
    }
}

#[test]
fn what_a_list_remarks_of_an_lpar_is_kept_up_to_a_length() {
    let said = |remark: Option<Remark>| {
        let mut reading = site::reading("p1");
        reading.listed.insert("web1".into(), Listed { uuid: None, remark });
        Ledger::said(&reading, &"web1".into())
    };
    let whole = Remark::Owner { cluster: "other".into() };
    assert_eq!(said(None), "");
    assert_eq!(said(Some(whole.clone())), whole.to_string());
    assert_eq!(said(Some(Remark::Word("x".repeat(900).into()))).chars().count(), tenure_core::foreign::TEXT);
    assert_eq!(Ledger::said(&site::reading("p1"), &"web1".into()), "");
}
