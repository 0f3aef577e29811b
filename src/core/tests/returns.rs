//! Servers that come and go, and what operators ask for meanwhile, as tables.

use crate::{
    scene::{NOW, ORDER, Scene},
    site,
};
use std::{collections::BTreeSet, sync::Arc};
use tenure_core::{
    Author, Command, GroupName, Refusal, Request, ServerName, Span, Time, Verb,
    config::{Cluster, ServerDown},
    ledger::{Drain, Intent, Phase, Purpose, Storm},
    note::{LeaveReason, NotHere, Note},
    order::Epoch,
};

fn cluster() -> Cluster {
    site::with_web(site::site(3), "web1", site::web1())
}

/// Three servers, and group web with LPAR web1, read off.
fn scene() -> Scene {
    Scene::new(cluster())
}

fn drained(scene: &mut Scene, server: &str, moved: &[&str]) {
    let moved = moved.iter().map(|group| GroupName::from(*group)).collect();
    scene.server(server).upkeep.drain = Some(Drain {
        purpose: Purpose::Drain,
        kept: tenure_core::terms::Kept { since: Time(1), ..Default::default() },
        moved,
        told: None,
    });
}

fn servers(names: &[&str]) -> BTreeSet<ServerName> {
    names.iter().map(|name| ServerName::from(*name)).collect()
}

#[test]
fn so_many_servers_lost_at_once_are_a_storm_and_each_more_is_news() {
    let storm = |limit: u32, lost: &[&str], known: Option<&[&str]>, proposed: &[&str]| {
        let mut scene = scene();
        scene.config().brakes.storm = limit;
        for server in lost {
            scene.off(server);
            scene.server(server).off.as_mut().expect("it is off").at = NOW;
        }
        scene.ledger.maintenance.storm = known.map(|known| Storm { since: Time(1), servers: servers(known) });
        scene.plan(Command::Storm(servers(proposed)))
    };
    let no = Some(Refusal::NoChange);
    assert_eq!(storm(2, &["p1", "p2"], None, &["p1", "p2"]), None);
    assert_eq!(storm(0, &["p1", "p2"], None, &["p1", "p2"]), no);
    assert_eq!(storm(3, &["p1", "p2"], None, &["p1", "p2"]), no);
    assert_eq!(storm(2, &["p1", "p2"], None, &["p1"]), no, "these are not all");
    assert_eq!(storm(2, &["p1", "p2"], Some(&["p1", "p2"]), &["p1", "p2"]), no, "that is known");
    assert_eq!(storm(2, &["p1", "p2", "p3"], Some(&["p1", "p2"]), &["p1", "p2", "p3"]), None);
    assert_eq!(storm(2, &["p3"], Some(&["p1", "p2"]), &["p1", "p2", "p3"]), None, "the others are back");
    assert_eq!(storm(2, &["p3"], Some(&["p1", "p2"]), &["p3"]), no);
}

#[test]
fn a_quarantine_ends_at_its_end() {
    let ends = |until: Option<u64>| {
        let mut scene = scene();
        scene.server("p1").upkeep.quarantine = until.map(Time);
        let refused = scene.plan(Command::EndQuarantine("p1".into()));
        assert_eq!(scene.server("p1").upkeep.open_since == Some(NOW), refused.is_none());
        refused
    };
    let not = Some(Refusal::QuarantineLasts { server: "p1".into() });
    assert_eq!(ends(None), not);
    assert_eq!(ends(Some(NOW.0 + 1)), not);
    assert_eq!(ends(Some(NOW.0)), None);
    assert_eq!(ends(Some(NOW.0 - 1)), None);
}

#[test]
fn a_group_is_given_up_that_was_to_come_back() {
    let forgo = Command::Forgo { group: "web".into(), server: "p1".into(), why: NotHere::Faulted };
    let mut scene = scene();
    assert_eq!(scene.plan(forgo.clone()), Some(Refusal::NoChange));
    scene.server("p1").upkeep.returning = ["web".into()].into();
    assert_eq!(scene.plan(forgo), None);
    assert!(scene.server("p1").upkeep.returning.is_empty());
}

/// p1, which was proven off and had come back so many milliseconds ago, comes back again. Gives back the number of its
/// returns that are kept, the end of its quarantine, and whether that was told.
fn returns(before: &[u64], change: impl Fn(&mut Scene)) -> (usize, Option<u64>, bool) {
    let mut scene = scene();
    scene.off("p1");
    scene.server("p1").since = Some(9);
    scene.server("p1").upkeep.returns = before.iter().map(|ago| Time(NOW.0 - ago)).collect();
    scene.ledger.maintenance.forgiven = servers(&["p1", "p2"]);
    change(&mut scene);
    let outcome = scene.apply(Author::Planner("n1".into()), Command::ReappearServer("p1".into()));
    assert_eq!(outcome.refusal(), None);
    assert_eq!(scene.ledger.maintenance.forgiven, servers(&["p2"]), "a storm counts it again");
    let upkeep = &scene.ledger.servers["p1"].upkeep;
    let told = outcome.notes().any(|note| matches!(note, Note::Quarantined { .. }));
    (upkeep.returns.len(), upkeep.quarantine.map(|until| until.0 - NOW.0), told)
}

#[test]
fn a_server_that_comes_back_too_often_takes_no_work_for_a_while() {
    let long = Some(1_800_000);
    assert_eq!(returns(&[], |_| {}), (1, None, false));
    assert_eq!(returns(&[5], |_| {}), (2, None, false));
    assert_eq!(returns(&[9, 5], |_| {}), (3, long, true));
    assert_eq!(returns(&[20, 9, 5], |_| {}), (3, long, true));
    assert_eq!(returns(&[3_599_999, 5], |_| {}), (3, long, true));
    assert_eq!(returns(&[3_600_000, 5], |_| {}), (2, None, false));
    assert_eq!(returns(&[3_600_001, 5], |_| {}), (2, None, false));
    assert_eq!(returns(&[9, 5], |scene| drained(scene, "p1", &[])), (2, None, false), "it is worked on");
    assert_eq!(returns(&[9, 5], |scene| scene.config().brakes.flaps = 0), (2, None, false));
    let known = |scene: &mut Scene| scene.server("p1").upkeep.quarantine = Some(Time(NOW.0 + 5));
    assert_eq!(returns(&[9, 5], known), (3, long, false), "it lasts longer");
}

/// Where web wants to go, whether it is parked, and the groups that the drain of p1 has taken away, after it began to
/// leave p1.
fn departs(reason: LeaveReason) -> (Option<String>, bool, usize) {
    let mut scene = scene();
    scene.holds("web", "p1", Phase::Online);
    drained(&mut scene, "p1", &[]);
    assert_eq!(scene.plan(Command::Leave { group: "web".into(), epoch: Epoch(1), reason }), None);
    let moved = scene.server("p1").upkeep.drain.as_ref().map_or(0, |drain| drain.moved.len());
    let web = scene.web();
    (web.prefer.as_ref().map(ToString::to_string), web.upkeep.parked == Some("p1".into()), moved)
}

#[test]
fn a_group_that_leaves_for_maintenance_is_remembered() {
    assert_eq!(departs(LeaveReason::Offline), (None, false, 0));
    assert_eq!(departs(LeaveReason::Park), (None, true, 0));
    assert_eq!(departs(LeaveReason::Drain("p2".into())), (Some("p2".to_owned()), false, 1));
    assert_eq!(departs(LeaveReason::Return("p3".into())), (Some("p3".to_owned()), false, 0));
}

#[test]
fn a_group_waits_for_a_person_whose_policy_is_to_when_its_server_is_lost() {
    for holds in [true, false] {
        for wanted in [true, false] {
            for parked in [true, false] {
                for drain in [true, false] {
                    for lost in [true, false] {
                        let mut scene = scene();
                        let policy = if holds { ServerDown::Hold } else { ServerDown::Failover };
                        scene.config().groups.get_mut("web").expect("declared").server_down = policy;
                        scene.holds("web", "p1", Phase::Leaving { reason: LeaveReason::Offline, index: 8 });
                        scene.web().intent = if wanted { Intent::Online } else { Intent::Offline };
                        scene.web().upkeep.parked = Some("p2".into()).filter(|_| parked);
                        if drain {
                            drained(&mut scene, "p1", &[]);
                        }
                        if lost {
                            scene.off("p1");
                        }
                        assert_eq!(scene.plan(Command::Vacate { group: "web".into(), epoch: Epoch(1) }), None);
                        let waits = scene.web().upkeep.disabled == Some("p1".into());
                        let expected = holds && wanted && !parked && !drain && lost;
                        assert_eq!(waits, expected, "{holds} {wanted} {parked} {drain} {lost}");
                    }
                }
            }
        }
    }
}

#[test]
fn an_operator_who_says_where_a_group_is_to_be_ends_what_drains_remember() {
    let mut scene = scene();
    drained(&mut scene, "p1", &["web", "other"]);
    scene.server("p2").upkeep.returning = ["web".into(), "other".into()].into();
    scene.web().upkeep.parked = Some("p1".into());
    assert_eq!(scene.ask(Verb::Online { group: "web".into(), server: None, propagate: false }), None);
    let moved = scene.server("p1").upkeep.drain.as_ref().map(|drain| drain.moved.clone());
    let other: BTreeSet<GroupName> = ["other".into()].into();
    assert_eq!(moved.as_ref(), Some(&other));
    assert_eq!(scene.server("p2").upkeep.returning, other);
    assert_eq!(scene.web().upkeep.parked, None);
}

fn configure(scene: &mut Scene, edit: impl Fn(&mut Cluster)) {
    let mut new = (*scene.ledger.config).clone();
    new.timings.monitor = Span::seconds(6);
    edit(&mut new);
    assert_eq!(scene.ask(Request::Configure { cluster: Arc::new(new), strand: true }), None);
}

#[test]
fn a_group_is_frozen_by_its_declaration_or_by_an_operator() {
    for declared in [true, false] {
        for asked in [true, false] {
            for before in [true, false] {
                let mut scene = scene();
                (scene.web().frozen, scene.web().upkeep.frozen) = (before, asked);
                scene.web().upkeep.parked = Some("p1".into());
                configure(&mut scene, |new| new.groups.get_mut("web").expect("declared").frozen = declared);
                assert_eq!(scene.web().frozen, declared || asked, "{declared} {asked} {before}");
                assert_eq!(scene.web().upkeep.parked, Some("p1".into()));
            }
        }
    }
}

#[test]
fn what_is_declared_no_more_is_waited_for_no_more() {
    let mut scene = scene();
    scene.web().upkeep.parked = Some("p3".into());
    drained(&mut scene, "p1", &["web", "other"]);
    scene.server("p2").upkeep.returning = ["web".into(), "other".into()].into();
    scene.ledger.maintenance.forgiven = servers(&["p2", "p3"]);
    configure(&mut scene, |new| {
        new.servers.remove("p3");
        new.nodes.remove("n3");
        new.groups.get_mut("web").expect("declared").servers.retain(|server| server.as_str() != "p3");
    });
    assert_eq!(scene.web().upkeep.parked, None);
    let web: BTreeSet<GroupName> = ["web".into()].into();
    assert_eq!(scene.server("p1").upkeep.drain.as_ref().map(|drain| &drain.moved), Some(&web));
    assert_eq!(scene.server("p2").upkeep.returning, web);
    assert_eq!(scene.ledger.maintenance.forgiven, servers(&["p2"]));
}

fn drain() -> Verb {
    Verb::Drain { server: "p1".into(), terms: Default::default() }
}

fn shutdown() -> Verb {
    Verb::Shutdown { server: "p1".into(), terms: Default::default() }
}

#[test]
fn a_server_is_emptied_once_for_each_purpose() {
    let already = Some(Refusal::AlreadyDrained { server: "p1".into() });
    let purpose = |scene: &mut Scene| scene.server("p1").upkeep.drain.as_ref().map(|drain| drain.purpose);
    let mut scene = scene();
    scene.server("p1").upkeep.returning = ["web".into()].into();
    let disarmed = scene.with(|scene| scene.ledger.maintenance.disarmed = true);
    assert_eq!(disarmed.clone().ask(drain()), Some(Refusal::Disarmed));
    assert_eq!(disarmed.clone().ask(shutdown()), Some(Refusal::Disarmed));
    assert_eq!(scene.ask(drain()), None);
    assert_eq!(purpose(&mut scene), Some(Purpose::Drain));
    assert_eq!(scene.ask(drain()), already);
    assert_eq!(scene.ask(shutdown()), None);
    assert_eq!(purpose(&mut scene), Some(Purpose::Shutdown));
    assert_eq!((scene.ask(shutdown()), scene.ask(drain())), (already.clone(), already));
    let upkeep = &scene.server("p1").upkeep;
    assert!(upkeep.returning.is_empty(), "what is on its way back is still away");
    assert_eq!(upkeep.drain.as_ref().map(|drain| drain.moved.clone()), Some(["web".into()].into()));
}

#[test]
fn a_migration_that_failed_is_tried_again_for_a_drain_of_its_server() {
    for (server, again) in [("p1", true), ("p2", false)] {
        let mut scene = scene();
        scene.holds("web", server, Phase::Online);
        scene.web().upkeep.stayed = true;
        assert_eq!(scene.ask(drain()), None);
        assert_eq!(scene.web().upkeep.stayed, !again);
    }
}

#[test]
fn a_drain_brings_back_what_it_took_away_if_that_is_asked_for() {
    let undrain = |bring_back| Verb::Undrain { server: "p1".into(), bring_back };
    let after = |bring_back, tenure: Option<(&str, Phase)>| {
        let mut scene = scene();
        drained(&mut scene, "p1", &["web"]);
        if let Some((server, phase)) = tenure {
            scene.holds("web", server, phase);
        }
        assert_eq!(scene.ask(undrain(bring_back)), None);
        let upkeep = &scene.server("p1").upkeep;
        assert_eq!((upkeep.drain.as_ref(), upkeep.open_since), (None, Some(NOW)));
        !upkeep.returning.is_empty()
    };
    assert!(after(true, None));
    assert!(!after(false, None));
    assert!(after(true, Some(("p2", Phase::Online))));
    assert!(!after(true, Some(("p1", Phase::Online))), "it is there");
    assert!(after(true, Some(("p1", Phase::Leaving { reason: LeaveReason::Offline, index: 8 }))));
    assert_eq!(scene().ask(undrain(true)), Some(Refusal::NotDrained { server: "p1".into() }));
    for (parked, prefers) in [("p1", true), ("p2", false)] {
        let mut scene = scene();
        drained(&mut scene, "p1", &[]);
        scene.web().upkeep.parked = Some(parked.into());
        assert_eq!(scene.ask(undrain(false)), None);
        assert_eq!(scene.web().prefer == Some("p1".into()), prefers);
    }
}

#[test]
fn what_an_operator_ends_is_ended_once() {
    let server = || ServerName::from("p1");
    let mut scene = scene();
    assert_eq!(scene.ask(Verb::FreezeServer { server: server(), terms: Default::default() }), None);
    assert!(scene.server("p1").upkeep.frozen);
    assert_eq!(
        scene.ask(Verb::FreezeServer { server: server(), terms: Default::default() }),
        Some(Refusal::ServerFrozen { server: server() })
    );
    assert_eq!(scene.server("p1").upkeep.open_since, None);
    assert_eq!(scene.ask(Verb::UnfreezeServer { server: server() }), None);
    assert_eq!((scene.server("p1").upkeep.frozen, scene.server("p1").upkeep.open_since), (false, Some(NOW)));
    let not_frozen = Some(Refusal::ServerNotFrozen { server: server() });
    assert_eq!(scene.ask(Verb::UnfreezeServer { server: server() }), not_frozen);

    let release = || Verb::ReleaseServer { server: server() };
    assert_eq!(scene.ask(release()), Some(Refusal::NotQuarantined { server: server() }));
    let upkeep = &mut scene.server("p1").upkeep;
    (upkeep.quarantine, upkeep.returns, upkeep.open_since) = (Some(Time(9)), vec![Time(1)], None);
    assert_eq!(scene.ask(release()), None);
    let upkeep = &scene.server("p1").upkeep;
    assert_eq!((upkeep.quarantine, upkeep.returns.len(), upkeep.open_since), (None, 0, Some(NOW)));

    let enable = || Verb::Enable { group: "web".into() };
    assert_eq!(scene.ask(enable()), Some(Refusal::NotDisabled { group: "web".into() }));
    scene.web().upkeep.disabled = Some(server());
    let online = Verb::Online { group: "web".into(), server: None, propagate: false };
    assert_eq!(scene.ask(online), Some(Refusal::AutoDisabled { group: "web".into(), server: server() }));
    let disarmed = scene.with(|scene| scene.ledger.maintenance.disarmed = true);
    assert_eq!(disarmed.clone().ask(enable()), Some(Refusal::Disarmed));
    let watched = scene.with(|scene| scene.config().groups.get_mut("web").expect("declared").managed = false);
    assert_eq!(watched.clone().ask(enable()), Some(Refusal::NotManaged { group: "web".into() }));
    assert_eq!(scene.ask(enable()), None);
    assert_eq!(scene.web().upkeep.disabled, None);

    assert_eq!(scene.ask(Verb::Disarm { terms: Default::default() }), None);
    assert_eq!(
        (scene.ask(Verb::Disarm { terms: Default::default() }), scene.ask(Verb::Arm)),
        (Some(Refusal::AlreadyDisarmed), None)
    );
    assert_eq!(scene.ask(Verb::Arm), Some(Refusal::NotDisarmed));
}

#[test]
fn after_a_storm_the_servers_that_are_still_lost_are_forgiven() {
    let mut scene = scene();
    assert_eq!(scene.ask(Verb::Resume), Some(Refusal::NoStorm));
    scene.ledger.maintenance.storm = Some(Storm { since: Time(1), servers: servers(&["p1", "p2", "p3"]) });
    scene.off("p1");
    scene.server("p2").fence = Some(ORDER);
    assert_eq!(scene.ask(Verb::Resume), None);
    assert_eq!(scene.ledger.maintenance.forgiven, servers(&["p1", "p2"]));
    assert_eq!(scene.ledger.maintenance.storm, None);
}
