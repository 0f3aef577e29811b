//! Resources within a group: which should be up, whose failure counts, and what is done about them, as tables.

use crate::{
    scene::{NOW, ORDER, Scene},
    site,
};
use tenure_core::{
    Action, Author, Command, Power, Refusal, ResourceName, ServerName, Span, Time, Verb,
    config::{AutoRestart, Hook, Kind, Operations, Requirement, Resource, Trigger},
    ledger::{Admin, Down, Fall, Hold, Intent, Phase, Progress, Run, StartRisk},
    note::{CleanReason, Conflict, FaultReason, LeaveReason, Note, Wait},
    order::{Ending, Epoch},
};

/// What a resource requires: at least so many of these others.
type Requires<'a> = &'a [(u32, &'a [&'a str])];

/// Two servers, and group web with these LPARs, each with what it requires.
fn scene(resources: &[(&str, Requires<'_>)]) -> Scene {
    let mut cluster = site::with_web(site::site(2), "", site::web1());
    cluster.resources.remove("");
    for (name, requires) in resources {
        let of = |names: &[&str]| names.iter().map(|name| ResourceName::from(*name)).collect();
        let mut resource = Resource::lpar("web".into(), name);
        resource.requires =
            requires.iter().map(|(at_least, names)| Requirement { of: of(names), at_least: *at_least }).collect();
        cluster.resources.insert(ResourceName::from(*name), resource);
    }
    Scene::new(cluster)
}

/// Group web with LPAR web1, in this phase on p1.
fn one(phase: Phase) -> Scene {
    scene(&[("web1", &[])]).with(|scene| scene.holds("web", "p1", phase.clone()))
}

fn declared<'a>(scene: &'a mut Scene, name: &str) -> &'a mut Resource {
    scene.config().resources.get_mut(name).expect("it is declared")
}

fn crashed() -> FaultReason {
    FaultReason::Crashed { resource: "x".into(), restarts: 0 }
}

fn failed() -> Option<Down> {
    Some(Down::Faulted(crashed()))
}

fn leaving() -> Phase {
    Phase::Leaving { reason: LeaveReason::Offline, index: 8 }
}

#[test]
fn a_resource_should_be_up_that_is_started_with_its_group_or_was_asked_for_and_is_not_kept_down() {
    let wanted = |scene: &Scene, name: &str| scene.ledger.wanted(&scene.ledger.groups["web"], &name.into());
    for autostart in [true, false] {
        for asked in [true, false] {
            for down in [true, false] {
                for child_down in [true, false] {
                    for propagates in [true, false] {
                        let mut scene = scene(&[("a", &[(1, &["b"])]), ("b", &[])]);
                        declared(&mut scene, "a").autostart = autostart;
                        scene.config().groups.get_mut("web").expect("declared").propagate_faults = propagates;
                        (scene.run("a").asked, scene.run("a").down) = (asked, failed().filter(|_| down));
                        scene.run("b").down = failed().filter(|_| child_down);
                        let expected = (autostart || asked) && !down && !(child_down && propagates);
                        let what = format!("{autostart} {asked} {down} {child_down} {propagates}");
                        assert_eq!(wanted(&scene, "a"), expected, "{what}");
                        scene.web().passive.insert("a".into());
                        assert_eq!(wanted(&scene, "a"), !down, "{what}");
                    }
                }
            }
        }
    }
    assert!(!wanted(&scene(&[("a", &[])]), "other"));
}

#[test]
fn a_requirement_is_met_by_so_many_of_its_resources() {
    let cases: [(u32, &[&str], &[&str]); 6] = [
        (1, &[], &["b", "c"]),
        (1, &["b"], &[]),
        (1, &["b", "c"], &[]),
        (2, &[], &["b", "c"]),
        (2, &["c"], &["b"]),
        (2, &["b", "c"], &[]),
    ];
    for (at_least, running, unmet) in cases {
        let mut scene = scene(&[("a", &[(at_least, &["b", "c"])]), ("b", &[]), ("c", &[])]);
        for name in running {
            scene.copy(name, "p1").power = Power::Running;
        }
        let group = &scene.ledger.groups["web"];
        let server = ServerName::from("p1");
        let found = scene.ledger.unmet(group, &scene.ledger.config.resources["a"], &server);
        assert_eq!(found.map(ResourceName::as_str).collect::<Vec<_>>(), unmet, "{at_least} {running:?}");
    }
}

#[test]
fn a_failure_faults_the_group_if_it_reaches_something_critical() {
    let requires: [(&str, Requires<'_>); 6] = [
        ("a", &[(1, &["b", "c"])]),
        ("b", &[(1, &["d"])]),
        ("c", &[(1, &["d"])]),
        ("d", &[]),
        ("e", &[(1, &["f"])]),
        ("f", &[]),
    ];
    // What is critical, what is down already, what fails, and whether that faults the group.
    let cases: [(&[&str], &[&str], &str, bool); 12] = [
        (&["a"], &[], "a", true),
        (&["a"], &[], "b", false),
        (&["a"], &["c"], "b", true),
        (&["a"], &[], "d", true),
        (&["b"], &[], "d", true),
        (&["b"], &[], "c", false),
        (&["d"], &[], "d", true),
        (&["d"], &[], "a", false),
        (&[], &[], "d", false),
        (&["e"], &["f"], "d", false),
        (&["e"], &[], "d", false),
        (&["e"], &[], "f", true),
    ];
    for (critical, down, fails, faults) in cases {
        for propagates in [true, false] {
            let mut scene = scene(&requires);
            for (name, _) in &requires {
                declared(&mut scene, name).critical = critical.contains(name);
                scene.run(name).down = failed().filter(|_| down.contains(name));
            }
            scene.config().groups.get_mut("web").expect("declared").propagate_faults = propagates;
            let found = scene.ledger.is_critical(&scene.ledger.groups["web"], &fails.into());
            assert_eq!(found, faults && propagates, "{critical:?} {down:?} {fails} {propagates}");
        }
    }
    let scene = scene(&requires);
    assert!(scene.ledger.is_critical(&scene.ledger.groups["web"], &"other".into()), "nobody knows it");
}

#[test]
fn nothing_has_to_be_proven_of_what_is_not_started_and_stopped() {
    for (operations, monitor_only, passive) in [
        (Operations::OnOff, false, false),
        (Operations::OnOff, true, true),
        (Operations::OnOnly, false, true),
        (Operations::None, false, true),
    ] {
        let mut resource = Resource::agent("web".into(), "Application");
        if let Kind::Agent(agent) = &mut resource.kind {
            agent.operations = operations;
        }
        resource.monitor_only = monitor_only;
        let scene = Scene::new(site::with_web(site::site(2), "one", resource));
        assert_eq!(scene.ledger.groups["web"].passive.contains("one"), passive, "{operations:?} {monitor_only}");
    }
}

#[test]
fn restarts_are_limited_by_the_resource_or_by_its_group() {
    let mut scene = one(Phase::Online);
    let limit = |scene: &Scene| scene.ledger.restart_limit(&"web1".into());
    let group = scene.config().groups.get_mut("web").expect("declared");
    (group.restart_limit, group.restart_window) = (7, Span::seconds(70));
    assert_eq!(limit(&scene), (7, Span::seconds(70)));
    let patience = &mut declared(&mut scene, "web1").patience;
    (patience.restart_limit, patience.restart_window) = (Some(5), Some(Span::seconds(50)));
    assert_eq!(limit(&scene), (5, Span::seconds(50)));
    assert_eq!(scene.ledger.restart_limit(&"other".into()), (0, Span(0)));
}

/// These commands about web1, each refused or not, in this phase of its group.
fn commands(scene: &Scene) -> [Option<Refusal>; 3] {
    let (resource, epoch, reason) = (|| "web1".into(), Epoch(1), crashed());
    [
        Command::FaultResource { resource: resource(), epoch, reason: reason.clone() },
        Command::Recycle { resource: resource(), epoch, reason },
        Command::AdminWait { resource: resource(), epoch, reason: CleanReason::OfflineHung },
    ]
    .map(|command| scene.clone().plan(command))
}

#[test]
fn something_is_done_about_a_resource_of_a_group_that_stays() {
    let ready = |phase| one(phase).with(|scene| declared(scene, "web1").patience.online_retries = 1);
    assert_eq!(commands(&ready(Phase::Online)), [None, None, None]);
    assert_eq!(commands(&ready(Phase::Starting)), [None, None, None]);
    let moving = || Some(Refusal::Moving { group: "web".into(), server: "p1".into() });
    assert_eq!(commands(&ready(leaving())), [moving(), moving(), None]);
    let frozen = || Some(Refusal::Frozen { group: "web".into() });
    assert_eq!(commands(&ready(Phase::Online).with(|scene| scene.web().frozen = true)), [frozen(), frozen(), None]);
    let epoch = || Some(Refusal::WrongEpoch { group: "web".into() });
    let later = ready(Phase::Online).with(|scene| scene.web().tenure.as_mut().expect("one").epoch = Epoch(2));
    assert_eq!(commands(&later), [epoch(), epoch(), epoch()]);
    let known = ready(Phase::Online).with(|scene| {
        (scene.run("web1").down, scene.run("web1").tries) = (failed(), 1);
        scene.run("web1").admin = Admin::Awaited(CleanReason::MonitorHung);
    });
    let used_up = Some(Refusal::RestartsUsedUp { resource: "web1".into(), limit: 1 });
    assert_eq!(commands(&known), [Some(Refusal::NoChange), used_up, Some(Refusal::NoChange)]);
}

#[test]
fn what_failed_stays_down_what_is_recycled_is_started_anew_and_what_needs_a_person_waits() {
    let after = |command: Command| {
        let mut scene = one(Phase::Online).with(|scene| declared(scene, "web1").patience.online_retries = 1);
        let ran = Progress::Ran { ordered: true };
        *scene.run("web1") = Run { progress: ran, refused: Some("no".into()), ..Run::default() };
        (scene.run("web1").unread_since, scene.run("web1").error_since) = (Some(Time(1)), Some(Time(2)));
        let outcome = scene.apply(Author::Planner("n1".into()), command);
        assert_eq!(outcome.refusal(), None);
        let recycled = |note: &Note| match note {
            Note::Recycling { count, limit, .. } => Some((*count, *limit)),
            _ => None,
        };
        (scene.run("web1").clone(), outcome.notes().find_map(recycled), scene)
    };
    let (resource, epoch) = (|| ResourceName::from("web1"), Epoch(1));
    let (run, _, _) = after(Command::FaultResource { resource: resource(), epoch, reason: crashed() });
    assert_eq!((run.down, run.restart), (failed(), false));
    let (run, told, _) = after(Command::Recycle { resource: resource(), epoch, reason: crashed() });
    assert_eq!((run.tries, run.restart, run.progress), (1, true, Progress::Ran { ordered: false }));
    assert_eq!((run.refused, run.unread_since, run.restarts, told), (None, None, vec![], Some((1, 1))));
    let unseen = FaultReason::MonitorTimeout { resource: resource(), after: Span::seconds(9) };
    let panicked = FaultReason::Panicked { resource: resource(), after: Span::seconds(9) };
    for reason in [unseen, panicked] {
        let (run, told, _) = after(Command::Recycle { resource: resource(), epoch, reason });
        assert_eq!((run.tries, run.restart, run.progress), (0, true, Progress::Ran { ordered: false }));
        assert_eq!((run.error_since, run.unread_since, run.restarts, told), (None, None, vec![NOW], Some((1, 2))));
    }
    let reason = CleanReason::MonitorHung;
    let (_, _, mut scene) = after(Command::AdminWait { resource: resource(), epoch, reason });
    assert_eq!(scene.ledger.admin_wait(&scene.ledger.groups["web"]), Some((&resource(), reason)));
    let wait = Refusal::AdminWait { group: "web".into(), resource: resource(), reason };
    assert_eq!(scene.ask(Verb::Restart { resource: resource() }), Some(wait));
}

/// Persistent resource disk of group web, whose tenure is on p1, is up on p1 and p2 after it was down on both.
fn disk(auto_restart: AutoRestart) -> Scene {
    let mut disk = Resource::agent("web".into(), "Application");
    if let Kind::Agent(agent) = &mut disk.kind {
        agent.operations = Operations::None;
    }
    let mut cluster = site::with_web(site::site(2), "disk", disk);
    cluster.resources.insert("web1".into(), site::web1());
    cluster.groups.get_mut("web").expect("declared").auto_restart = auto_restart;
    let mut scene = Scene::new(cluster);
    scene.holds("web", "p1", Phase::Online);
    for server in ["p1", "p2"] {
        scene.copy("disk", server).power = Power::Running;
    }
    scene
}

fn lost() -> FaultReason {
    FaultReason::PersistentDown { resource: "disk".into() }
}

#[test]
fn a_persistent_resource_that_is_back_is_forgiven() {
    // The server on which it is back, what its run says, the fault there, and the declared action; then whether it is
    // forgiven, the fault is cleared, and another resource's fault as well.
    let (down, other) = (Some(Down::Faulted(lost())), failed());
    for (server, down, fault, all, forgiven) in [
        ("p1", down.clone(), None, AutoRestart::Yes, Some((false, false))),
        ("p1", down.clone(), None, AutoRestart::Never, Some((false, false))),
        ("p1", down.clone(), None, AutoRestart::Clear, Some((false, true))),
        ("p1", other.clone(), None, AutoRestart::Yes, None),
        ("p1", None, None, AutoRestart::Yes, None),
        ("p2", down.clone(), None, AutoRestart::Yes, None),
        ("p1", None, Some(lost()), AutoRestart::Yes, Some((true, false))),
        ("p2", None, Some(lost()), AutoRestart::Yes, Some((true, false))),
        ("p2", None, Some(lost()), AutoRestart::Clear, Some((true, false))),
        ("p1", None, Some(lost()), AutoRestart::Clear, Some((true, true))),
        ("p1", None, Some(lost()), AutoRestart::Never, None),
        ("p1", None, Some(crashed()), AutoRestart::Yes, None),
    ] {
        let mut scene = disk(all);
        scene.run("disk").down = down.clone();
        scene.run("web1").down = other.clone();
        scene.web().faults.extend(fault.clone().map(|fault| (ServerName::from(server), (NOW, fault))));
        scene.web().fall = Some(Fall { from: server.into(), told: false });
        let refused = scene.plan(Command::Forgive { resource: "disk".into(), server: server.into() });
        let what = format!("{server} {down:?} {fault:?} {all:?}");
        assert_eq!(refused, Some(Refusal::NoChange).filter(|_| forgiven.is_none()), "{what}");
        let Some((cleared, others)) = forgiven else { continue };
        assert!(scene.web().faults.is_empty(), "{what}");
        assert_eq!(scene.web().fall.is_none(), cleared, "{what}");
        assert_eq!(scene.run("web1").down.is_none(), others, "{what}");
        assert!(server != "p1" || scene.run("disk").down.is_none(), "{what}");
    }
    let mut scene = disk(AutoRestart::Yes);
    scene.run("disk").down = Some(Down::Faulted(lost()));
    scene.copy("disk", "p1").power = Power::Off;
    let forgive = Command::Forgive { resource: "disk".into(), server: "p1".into() };
    assert_eq!(scene.plan(forgive), Some(Refusal::NoChange), "it is not back");
}

fn resource_online() -> Verb {
    Verb::ResourceOnline { resource: "web1".into() }
}

fn resource_offline(resource: &str, propagate: bool) -> Verb {
    Verb::ResourceOffline { resource: resource.into(), propagate }
}

#[test]
fn an_operator_commands_resources_of_a_group_that_is_up() {
    let not_online = Some(Refusal::NotOnline { group: "web".into() });
    let moving = Some(Refusal::Moving { group: "web".into(), server: "p1".into() });
    for (phase, expected) in
        [(None, not_online), (Some(Phase::Starting), None), (Some(Phase::Online), None), (Some(leaving()), moving)]
    {
        let mut scene = scene(&[("web1", &[])]);
        if let Some(phase) = &phase {
            scene.holds("web", "p1", phase.clone());
        }
        assert_eq!(scene.clone().ask(resource_online()), expected, "{phase:?}");
        assert_eq!(scene.clone().ask(resource_offline("web1", false)), expected, "{phase:?}");
    }
    let not_commanded = Some(Refusal::NotCommanded { resource: "web1".into() });
    let passive = one(Phase::Online).with(|scene| scene.web().passive.extend(["web1".into()]));
    assert_eq!(passive.clone().ask(resource_online()), not_commanded);
    let gone = one(Phase::Online).with(|scene| scene.web().copies.clear());
    assert_eq!(gone.clone().ask(resource_online()), not_commanded);
}

#[test]
fn a_resource_that_is_asked_for_is_started_as_if_for_the_first_time() {
    let mut scene = one(Phase::Online);
    scene.web().flushed = true;
    let ran = Progress::Ran { ordered: true };
    *scene.run("web1") = Run { down: failed(), tries: 3, progress: ran, ..Run::default() };
    assert_eq!(scene.ask(resource_online()), None);
    let asked = Run { asked: true, progress: Progress::Ran { ordered: false }, ..Run::default() };
    assert_eq!((scene.run("web1").clone(), scene.web().flushed), (asked, false));
    assert_eq!(scene.ask(resource_online()), Some(Refusal::NoChange), "it was asked for");
    scene.run("web1").progress = ran;
    scene.run("web1").tries = 1;
    assert_eq!(scene.ask(resource_online()), None);
    assert_eq!(scene.run("web1").progress, ran, "it was not down");
}

#[test]
fn a_resource_is_taken_down_that_nothing_needs_or_with_all_that_does() {
    let mut scene = scene(&[("a", &[(1, &["b"])]), ("b", &[(1, &["c"])]), ("c", &[])]);
    scene.holds("web", "p1", Phase::Online);
    for name in ["a", "b", "c"] {
        scene.copy(name, "p1").power = Power::Running;
        scene.run(name).asked = true;
    }
    let down = |scene: &Scene| {
        let runs = &scene.ledger.groups["web"].runs;
        let down = runs.iter().filter(|(_, run)| run.down == Some(Down::Operator) && !run.asked);
        down.map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(" ")
    };
    let after = |scene: &Scene, name: &str, propagate: bool| {
        let mut scene = scene.clone();
        let refused = scene.ask(resource_offline(name, propagate));
        (refused, down(&scene))
    };
    let required = |resource: &str, by: &str| Some(Refusal::Required { resource: resource.into(), by: by.into() });
    assert_eq!(after(&scene, "a", false), (None, "a".to_owned()));
    assert_eq!(after(&scene, "c", false), (required("c", "b"), String::new()));
    assert_eq!(after(&scene, "c", true), (None, "a b c".to_owned()));
    assert_eq!(after(&scene, "b", true), (None, "a b".to_owned()));
    scene.copy("b", "p1").power = Power::Off;
    assert_eq!(after(&scene, "c", false), (None, "c".to_owned()), "what is down needs nothing");
    scene.run("c").down = failed();
    assert_eq!(after(&scene, "c", false), (None, "c".to_owned()), "it failed, and is kept down now");
    assert_eq!(scene.ask(resource_offline("c", false)), None);
    assert_eq!(scene.ask(resource_offline("c", false)), Some(Refusal::NoChange));
}

#[test]
fn only_a_group_on_its_way_is_flushed() {
    for (phase, flushed, taken) in [
        (None, false, false),
        (Some(Phase::Online), false, false),
        (Some(Phase::Starting), false, true),
        (Some(Phase::Starting), true, false),
        (Some(leaving()), false, true),
    ] {
        let mut scene = scene(&[("web1", &[])]);
        if let Some(phase) = &phase {
            scene.holds("web", "p1", phase.clone());
        }
        scene.web().flushed = flushed;
        let asked = scene.ask(Verb::Flush { group: "web".into() });
        assert_eq!(asked, Some(Refusal::NoChange).filter(|_| !taken), "{phase:?} {flushed}");
        assert_eq!(scene.web().flushed, flushed || taken);
    }
}

#[test]
fn a_person_who_has_looked_says_whether_it_failed() {
    for fault in [true, false] {
        let verb = || Verb::ClearAdminWait { group: "web".into(), fault };
        let mut scene = one(Phase::Online);
        assert_eq!(scene.ask(verb()), Some(Refusal::NoAdminWait { group: "web".into() }));
        *scene.run("web1") = Run { admin: Admin::Awaited(CleanReason::MonitorHung), stuck: 3, ..Run::default() };
        assert_eq!(scene.ask(verb()), None);
        let run = scene.run("web1");
        assert_eq!((run.admin, run.stuck), (if fault { Admin::SaysFailed } else { Admin::No }, 0));
    }
}

/// Whether web1 is restarted that was restarted at these times before now, and how often that makes.
fn restarts(before: &[u64]) -> Result<usize, Refusal> {
    let mut scene = one(Phase::Online);
    scene.run("web1").restarts = before.iter().map(|ago| Time(NOW.0 - ago)).collect();
    match scene.plan(Command::Start { resource: "web1".into(), epoch: Epoch(1), restart: true }) {
        Some(refused) => Err(refused),
        None => Ok(scene.run("web1").restarts.len()),
    }
}

#[test]
fn a_resource_is_restarted_so_often_within_the_window() {
    let used_up = Err(Refusal::RestartsUsedUp { resource: "web1".into(), limit: 2 });
    assert_eq!(restarts(&[]), Ok(1));
    assert_eq!(restarts(&[1_000]), Ok(2));
    assert_eq!(restarts(&[2_000, 1_000]), used_up);
    assert_eq!(restarts(&[599_999, 1_000]), used_up);
    assert_eq!(restarts(&[600_000, 1_000]), Ok(2), "only the last two are kept");
    assert_eq!(restarts(&[700_000, 600_001]), Ok(2));
}

#[test]
fn an_order_for_what_lives_inside_a_node_is_given_to_that_node_and_lasts_as_long_as_its_start_may() {
    let given = |resource: Resource| {
        let mut scene = Scene::new(site::with_web(site::site(2), "one", resource));
        scene.holds("web", "p1", Phase::Starting);
        scene.server("p1").watcher = Some("n2".into());
        assert_eq!(scene.plan(Command::Start { resource: "one".into(), epoch: Epoch(1), restart: false }), None);
        let order = scene.ledger.orders.values().next().expect("it is ordered");
        (order.node.to_string(), order.budget)
    };
    let mut inside = Resource::agent("web".into(), "Application");
    inside.start_timeout = Span::seconds(1_000);
    let (node, budget) = given(inside);
    assert!(node == "n1" && budget > Span::seconds(1_000), "{node} {budget:?}");
    let (node, budget) = given(site::web1());
    assert!(node == "n2" && budget < Span::seconds(1_000), "{node} {budget:?}");
}

#[test]
fn a_start_that_was_lost_with_its_node_says_nothing_of_the_resource() {
    let after = |ending: Ending, lapsed: bool| {
        let mut scene = one(Phase::Starting);
        let (group, resource) = ("web".into(), "web1".into());
        let start = Action::Start { group, resource, epoch: Epoch(1), vouched: Default::default(), home: None };
        scene.owes("p1", start);
        scene.run("web1").progress = Progress::Ordered(NOW);
        scene.copy("web1", "p1").risk = StartRisk::Ordered(ORDER);
        if lapsed {
            scene.node("n1").lapse(9, NOW);
        }
        assert_eq!(scene.answers(ending), None);
        (scene.run("web1").progress, scene.run("web1").refused.is_some())
    };
    let ordered = Progress::Ordered(NOW);
    assert_eq!(after(Ending::Done, false), (ordered, false));
    assert_eq!(after(Ending::Refused("no".into()), false), (ordered, true));
    assert_eq!(after(Ending::NotDone("no lease".into()), false), (Progress::Idle, false));
    assert_eq!(after(Ending::Unknown("no answer".into()), false), (ordered, false));
    assert_eq!(after(Ending::Unknown("no answer".into()), true), (Progress::Idle, false));
}

#[test]
fn open_orders_are_waited_for_on_their_server() {
    let waits = |change: fn(&mut Scene), server: &str| {
        let scene = one(Phase::Online).with(change);
        scene.ledger.open_orders(&scene.ledger.groups["web"], &server.into())
    };
    let orders = Some(Wait::Orders { resources: ["web1".into()].into(), server: "p1".into() });
    assert_eq!(waits(|_| {}, "p1"), None);
    assert_eq!(waits(|scene| scene.copy("web1", "p1").stop = Some(ORDER), "p1"), orders);
    assert_eq!(waits(|scene| scene.copy("web1", "p1").risk = StartRisk::Ordered(ORDER), "p1"), orders);
    assert_eq!(waits(|scene| scene.copy("web1", "p1").risk = StartRisk::Loose(Time(1)), "p1"), None);
    assert_eq!(waits(|scene| scene.copy("web1", "p1").stop = Some(ORDER), "p2"), None);
}

#[test]
fn the_end_of_an_order_is_told_as_bad_or_good() {
    for (ending, expected) in [(Ending::Done, false), (Ending::Refused("no".into()), true)] {
        let mut scene = one(leaving());
        scene.owes("p1", Action::Stop { resource: "web1".into(), grace: Span(0) });
        let report = tenure_core::Report { order: ORDER, ending, readings: Vec::new(), seen: Default::default() };
        let outcome = scene.apply(Author::Agent("n1".into()), Command::Report(report));
        let bad = outcome.notes().find_map(|note| if let Note::Ended { bad, .. } = note { Some(*bad) } else { None });
        assert_eq!(bad, Some(expected));
    }
}

/// Whether web1 is stopped on this server, in a group that is held or frozen, or that somebody else manages too. Its
/// right copy on p1 is not known to run.
fn stops(server: &str, change: impl Fn(&mut Scene)) -> Option<Refusal> {
    let mut scene = one(leaving());
    scene.copy("web1", server).power = Power::Running;
    change(&mut scene);
    scene.plan(Command::Stop { resource: "web1".into(), server: server.into(), grace: Span(0) })
}

fn held(scene: &mut Scene) {
    scene.web().hold = Some(Hold { conflict: Conflict { active: Default::default() }, judged_from: Some(8) });
}

#[test]
fn of_a_group_that_is_held_only_what_is_known_to_be_wrong_is_stopped() {
    let refused = Some(Refusal::Held { group: "web".into() });
    assert_eq!(stops("p2", |_| {}), None);
    assert_eq!(stops("p2", held), refused);
    assert_eq!(stops("p1", held), None, "it leaves its own server");
    let dirty = |scene: &mut Scene| {
        held(scene);
        scene.server("p2").dirty = Some(tenure_core::ledger::Dirty { index: 5, up: None });
    };
    assert_eq!(stops("p2", dirty), None, "its server started it by itself");
    let frozen = Some(Refusal::Frozen { group: "web".into() });
    for strangers in [true, false] {
        let change = |held_too: bool| {
            move |scene: &mut Scene| {
                (scene.web().frozen, scene.web().upkeep.strangers) = (true, strangers);
                if held_too {
                    held(scene);
                }
            }
        };
        assert_eq!(stops("p2", change(false)), frozen, "{strangers}");
        assert_eq!(stops("p2", change(true)), if strangers { refused.clone() } else { frozen.clone() });
    }
    let busy = Some(Refusal::HasOrder { resource: "web1".into(), server: "p2".into() });
    assert_eq!(stops("p2", |scene| scene.copy("web1", "p2").stop = Some(ORDER)), busy);
    assert_eq!(stops("p2", |scene| scene.copy("web1", "p2").risk = StartRisk::Ordered(ORDER)), busy);
    assert_eq!(stops("p2", |scene| scene.copy("web1", "p2").risk = StartRisk::Loose(Time(1))), None);
}

#[test]
fn a_stop_that_fails_is_counted_and_told_once_and_one_that_is_done_ends_the_run() {
    // Whether web1 should be up; and what is left: the stop, failures in a row, how far it came, and whether the hook
    // runs.
    let after = |ending: Ending, server: &str, wanted: bool, stuck: u32| {
        let mut scene = one(Phase::Online);
        let hook = Hook { program: "/opt/hook".to_owned(), timeout: Span::seconds(30) };
        scene.config().groups.get_mut("web").expect("declared").hooks.insert(Trigger::ResourceNotOff, hook);
        scene.owes(server, Action::Stop { resource: "web1".into(), grace: Span(0) });
        scene.copy("web1", server).stop = Some(ORDER);
        let run = scene.run("web1");
        (run.stuck, run.progress, run.lost_since) = (stuck, Progress::Ran { ordered: true }, Some(NOW));
        run.down = Some(Down::Operator).filter(|_| !wanted);
        assert_eq!(scene.answers(ending), None);
        assert_eq!(scene.copy("web1", server).stop, None);
        let run = scene.run("web1").clone();
        assert_eq!(run.lost_since.is_none(), run.progress == Progress::Idle);
        (run.stuck, run.progress == Progress::Idle, scene.ledger.orders.len())
    };
    let refused = || Ending::Refused("no".into());
    assert_eq!(after(Ending::Done, "p1", true, 2), (0, false, 0));
    assert_eq!(after(Ending::Done, "p1", false, 2), (0, true, 0));
    assert_eq!(after(refused(), "p1", true, 0), (1, false, 1));
    assert_eq!(after(refused(), "p1", false, 0), (1, false, 1));
    assert_eq!(after(refused(), "p1", false, 1), (2, false, 0));
    assert_eq!(after(Ending::Done, "p2", false, 2), (2, false, 0), "of another copy");
}

#[test]
fn a_group_is_started_that_is_wanted() {
    let mut scene = scene(&[("web1", &[])]);
    scene.web().intent = Intent::Offline;
    let grant = || Command::Grant { group: "web".into(), server: "p1".into() };
    assert_eq!(scene.plan(grant()), Some(Refusal::NotWanted { group: "web".into() }));
    scene.web().intent = Intent::Online;
    assert_eq!(scene.plan(grant()), None);
}
