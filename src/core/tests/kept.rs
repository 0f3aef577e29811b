//! What outlives a lost majority, or comes back from a backup; and that nothing of the present does.

use crate::{
    scene::{ORDER, Scene},
    site::{Case, site, web1, with_lpars_of_nodes, with_web},
};
use std::sync::Arc;
use tenure_core::{
    Action, Author, Command, NodeName, Power, Refusal, Request, Span, SystemState, Terms, Time, Verb,
    config::Cluster,
    ledger::{Incarnation, Intent, Kept, Leases, Ledger, Overlap, Phase, StartRisk},
    note::{Conflict, FaultReason},
    terms::Keep,
    trust::{Hash, Rights, Role, TrustChange},
};

fn cluster() -> Cluster {
    with_web(with_lpars_of_nodes(), "web1", web1())
}

fn give_up(scene: &mut Scene) {
    let command = Command::GiveUpMajority { by: "anna".into(), survivor: "n1".into() };
    let outcome = scene.apply(Author::Agent("n1".into()), command);
    assert_eq!(outcome.refusal(), None);
    let note = outcome.notes().last().expect("it is on record").to_string();
    assert!(note.contains("anna") && note.contains("n2"), "{note}");
    assert!(outcome.audit.iter().any(|record| record.what.contains("anna")), "{:?}", outcome.audit);
}

/// A busy cluster, of which an operator has said this and that.
fn busy() -> Scene {
    let mut scene = Scene::new(cluster());
    scene.holds("web", "p2", Phase::Online);
    scene.copy("web1", "p2").power = Power::Running;
    scene.owes("p1", Action::Fence);
    let by_n1 = |command| (Author::Agent(NodeName::from("n1")), command);
    for (author, command) in [
        by_n1(Command::Enlist { node: "n1".into(), incarnation: Incarnation(1) }),
        (Author::Agent("n2".into()), Command::Enlist { node: "n2".into(), incarnation: Incarnation(2) }),
    ] {
        assert_eq!(scene.apply(author, command).refusal(), None);
    }
    let rights = Rights { role: Role::Operator, groups: None, programs: false };
    for ask in [
        Request::from(TrustChange::AddUser { user: "bob".into(), rights }),
        Verb::Freeze { group: "web".into(), terms: Default::default() }.into(),
        Verb::FreezeServer { server: "p2".into(), terms: Default::default() }.into(),
    ] {
        assert_eq!(scene.ask(ask), None);
    }
    let now = scene.ledger.now;
    scene.web().faults.insert("p1".into(), (now, FaultReason::PersistentDown { resource: "web1".into() }));
    scene.copy("web1", "p1").uuid = Some("A".to_owned());
    scene.copy("web1", "p1").listed = Some(8);
    scene.node("n2").met = true;
    scene.node("n2").known = true;
    scene
}

#[test]
fn what_was_said_stays_and_nothing_of_the_present_is_believed() {
    let mut scene = busy();
    let before = scene.ledger.clone();
    give_up(&mut scene);
    let ledger = &scene.ledger;
    let (was, is) = (&before.groups["web"], &ledger.groups["web"]);
    assert_eq!((is.intent, is.frozen, &is.upkeep, &is.faults), (was.intent, true, &was.upkeep, &was.faults));
    assert_eq!(is.last.as_ref().map(|server| server.as_str()), Some("p2"), "where it was last");
    assert_eq!(ledger.config, before.config);
    assert_eq!(ledger.trust.users, before.trust.users);
    assert!(ledger.servers["p2"].upkeep.frozen && ledger.maintenance.disarmed);
    assert!(ledger.epoch >= before.epoch);

    assert!(is.tenure.is_none() && ledger.orders.is_empty() && ledger.processes.is_empty(), "{ORDER}");
    for copy in is.copies.values().flat_map(|copies| copies.values()) {
        assert_eq!((copy.power, copy.since), (Power::Unknown, None), "nobody has read it");
        assert_eq!(copy.risk, StartRisk::Loose(ledger.now), "and others may have started it just now");
    }
    let copy = &is.copies["web1"]["p1"];
    assert_eq!((copy.uuid.as_deref(), copy.listed.is_some()), (Some("A"), true), "but which one it is, is known");
    for server in ledger.servers.values() {
        assert!(!server.live && server.system == SystemState::Unknown && server.off.is_none());
        assert_eq!(server.declared, ledger.index, "an earlier reading does not count any more");
    }
    assert!(matches!(ledger.nodes["n2"].leases, Leases::Suspended { .. }) && ledger.nodes["n2"].known);
    assert_eq!(ledger.nodes["n1"].leases, Leases::Granted);
}

#[test]
fn what_others_may_have_sent_is_waited_for() {
    let mut scene = busy();
    give_up(&mut scene);
    let settled = scene.ledger.settles_end;
    let timings = &scene.ledger.config.timings;
    assert!(settled > scene.ledger.now.after(timings.lease).after(timings.settle), "their leases may be good yet");
    let settle = || Command::Settle { resource: "web1".into(), server: "p2".into() };
    scene.ledger.now = Time(settled.0 - 1);
    assert!(matches!(scene.plan(settle()), Some(Refusal::NotSettled { .. })));
    assert!(matches!(scene.plan(Command::LapseNode("n2".into())), None | Some(Refusal::LeaseIsGood { .. })));
    scene.ledger.now = settled;
    assert_eq!(scene.plan(settle()), None);
    assert!(matches!(
        scene.ledger.vouches(&scene.ledger.groups["web"].clone(), &"web1".into(), &"p2".into()),
        Err(Refusal::NotProvenOff { .. })
    ));
}

#[test]
fn the_cluster_is_not_armed_while_a_node_that_was_given_up_may_run() {
    let arm = |scene: &mut Scene| scene.ask(Verb::Arm);
    let mut scene = busy();
    give_up(&mut scene);
    let refused = arm(&mut scene);
    assert!(matches!(&refused, Some(Refusal::Unaccounted { nodes }) if nodes.len() == 1), "{refused:?}");
    let told = scene.ledger.standstills().iter().map(ToString::to_string).collect::<String>();
    assert!(told.contains("n2") && told.contains("confirm-node"), "{told}");

    // It has joined anew.
    let mut anew = scene.clone();
    let enlist = Command::Enlist { node: "n2".into(), incarnation: Incarnation(9) };
    assert_eq!(anew.apply(Author::Agent("n2".into()), enlist).refusal(), None);
    assert_eq!(arm(&mut anew), None);

    // An operator has seen that it is off.
    let mut seen = scene.clone();
    seen.ledger.now = seen.ledger.leases_end;
    assert_eq!(seen.plan(Command::LapseNode("n2".into())), None);
    assert_eq!(seen.ask(Verb::ConfirmNodeOff { node: "n2".into() }), None);
    assert_eq!(arm(&mut seen), None);

    // Its LPAR is read off, or its server is.
    let mut read = scene.with(|scene| {
        let since = Some(scene.ledger.index);
        let server = scene.server("p2");
        (server.live, server.system, server.node, server.since) = (true, SystemState::Operating, Power::Off, since);
        server.read = Some(("n1".into(), 1));
    });
    assert_eq!(arm(&mut read), None);
    let mut off = scene.with(|scene| scene.off("p2"));
    assert_eq!(arm(&mut off), None);

    // It is not declared any more.
    let mut gone = scene.with(|scene| {
        for server in ["p1", "p2"] {
            scene.copy("web1", server).risk = StartRisk::None;
        }
    });
    let mut without = cluster();
    without.nodes.remove(&NodeName::from("n2"));
    without.servers.remove("p2");
    without.groups.get_mut("web").expect("it is there").servers = vec!["p1".into()];
    let configure = Request::Configure { cluster: Arc::new(without), strand: true };
    assert_eq!(gone.ask(configure), None);
    assert_eq!(arm(&mut gone), None);
    assert!(gone.ledger.maintenance.given_up.is_empty());
}

#[test]
fn the_end_of_a_disarming_does_not_arm_it_either() {
    let mut scene = busy();
    give_up(&mut scene);
    let said = scene.ledger.kept_of(&Keep::Cluster).expect("it is disarmed");
    assert_eq!((&*said.by, said.reason.as_deref()), ("anna", Some("the majority was given up")));
    let terms = Terms { reason: None, lasts: Some(Span::seconds(60)) };
    assert_eq!(scene.ask(Verb::Disarm { terms }), None);
    scene.ledger.now = scene.ledger.now.after(Span::seconds(60));
    let over = || Command::TimeOver(Keep::Cluster);
    assert!(matches!(scene.plan(over()), Some(Refusal::Unaccounted { .. })));
    assert!(scene.ledger.maintenance.disarmed);
    scene.off("p2");
    assert_eq!((scene.plan(over()), scene.ledger.maintenance.disarmed), (None, false));
    assert!(scene.ledger.maintenance.given_up.is_empty());
}

#[test]
fn what_people_have_to_look_at_and_the_ends_that_they_set_outlive_it() {
    let mut scene = busy();
    let now = scene.ledger.now;
    let terms = Terms { reason: None, lasts: Some(Span::seconds(60)) };
    assert_eq!(scene.ask(Verb::Freeze { group: "web".into(), terms }), None);
    let active = [("p1", "web1"), ("p2", "web1")];
    let active = active.map(|(server, resource)| (server.into(), [resource.into()].into()));
    let overlap = Overlap {
        places: Conflict { active: active.into() },
        found: 3,
        since: now,
        at: Time(5),
        lasted: Span(0),
        certain: true,
    };
    scene.web().overlaps.now = Some(overlap.clone());
    scene.ledger.now = now.after(Span::seconds(2));
    let kept = scene.ledger.kept();
    let (ledger, refused) = restored(kept);
    assert_eq!(refused, None);
    let web = &ledger.groups["web"];
    let past = web.overlaps.past.as_ref().expect("nobody has looked at it");
    assert_eq!((past.count, past.last.lasted, past.last.at), (1, Span::seconds(2), overlap.at));
    assert_eq!((&past.last.places, web.overlaps.now.as_ref()), (&overlap.places, None));
    let until = web.upkeep.freeze.as_ref().and_then(|freeze| freeze.until);
    assert_eq!(until, Some(ledger.now.after(Span::seconds(58))), "as long as was left");
}

fn restored(kept: Kept) -> (Ledger, Option<Refusal>) {
    let mut case = Case { ledger: Ledger::default(), now: 90, requests: 0 };
    let enlist = Command::Enlist { node: "n1".into(), incarnation: Incarnation(7) };
    assert_eq!(case.apply(Author::Agent("n1".into()), enlist).refusal(), None);
    let outcome = case.ask(Request::Restore { kept: Arc::new(kept), image: Hash([3; 32]) });
    (case.ledger, outcome.refusal().cloned())
}

#[test]
fn a_backup_is_restored_into_a_new_cluster() {
    let mut scene = busy();
    let now = scene.ledger.now;
    scene.server("p1").upkeep.quarantine = Some(Time(now.0 + 5_000));
    scene.web().intent = Intent::Offline;
    let (ledger, refused) = restored(scene.ledger.kept());
    assert_eq!(refused, None);
    let web = &ledger.groups["web"];
    assert_eq!((web.intent, web.frozen, web.tenure.as_ref()), (Intent::Offline, true, None));
    assert_eq!(web.faults.values().next().map(|(at, _)| *at), Some(ledger.now), "as long ago as it was");
    assert_eq!(ledger.servers["p1"].upkeep.quarantine, Some(Time(ledger.now.0 + 5_000)), "as long as was left");
    assert_eq!(ledger.declared(), scene.ledger.declared());
    assert!(ledger.maintenance.disarmed && ledger.servers["p2"].upkeep.frozen);
    let given_up: Vec<&str> = ledger.maintenance.given_up.iter().map(NodeName::as_str).collect();
    assert_eq!(given_up, ["n2"], "the nodes of the old cluster that have not joined this one");
    let bob = &ledger.trust.users["bob"];
    assert_eq!((bob.rights.role, bob.id, bob.certificates.len()), (Role::Operator, ledger.index, 0));
    assert_eq!(ledger.trust.users["admin"].id, 0, "who has founded the cluster stays in");
    assert!(ledger.trust.authorities.is_empty() && ledger.processes.len() == 1);
}

#[test]
fn nothing_is_restored_where_something_is_and_nothing_that_is_not_valid() {
    let kept = busy().ledger.kept();
    let restore = |kept: &Kept| Request::Restore { kept: Arc::new(kept.clone()), image: Hash([3; 32]) };
    let mut declared = Case::watched(site(1));
    assert_eq!(declared.ask(restore(&kept)).refusal(), Some(&Refusal::NotEmpty));
    let mut peopled = Case { ledger: Ledger::default(), now: 90, requests: 0 };
    let rights = Rights { role: Role::Reader, groups: None, programs: false };
    assert_eq!(peopled.ask(TrustChange::AddUser { user: "eve".into(), rights }).refusal(), None);
    assert_eq!(peopled.ask(restore(&kept)).refusal(), Some(&Refusal::NotEmpty));

    let mut wrong = kept.clone();
    Arc::make_mut(&mut wrong.cluster).name.clear();
    let (ledger, refused) = restored(wrong);
    assert!(matches!(refused, Some(Refusal::Invalid(_))), "{refused:?}");
    assert_eq!((ledger.configured, ledger.maintenance.disarmed), (0, false), "whole or not at all");

    // Names of what is not declared lead to nothing.
    let mut odd = kept;
    let group = odd.groups["web"].clone();
    odd.groups.insert("other".into(), group);
    odd.groups.get_mut("web").expect("it is there").prefer = Some("p9".into());
    odd.forgiven.insert("p9".into());
    let (ledger, refused) = restored(odd);
    assert_eq!((refused, ledger.groups.len()), (None, 1));
    assert!(ledger.groups["web"].prefer.is_none() && ledger.maintenance.forgiven.is_empty());
}

#[test]
fn only_who_may_do_everything_restores_and_only_an_administrator_saves() {
    use tenure_core::trust::{Act, Need, Scope};
    let ledger = busy().ledger;
    let needs = |request: Request| ledger.needs(&"admin".into(), &request);
    let restore = Request::Restore { kept: Arc::new(ledger.kept()), image: Hash([3; 32]) };
    assert_eq!(needs(restore), [Need::Administer(Scope::Cluster), Need::Programs]);
    assert_eq!(needs(Act::SaveBackup.into()), [Need::Administer(Scope::Cluster)]);
    let command = || Command::GiveUpMajority { by: "eve".into(), survivor: "n2".into() };
    let entry = |author| tenure_core::Entry { at: Time(1), wall: Time(1), author, commands: vec![command()] };
    let sent = entry(Author::Agent("n2".into())).sent_by(&"n2".into());
    assert!(sent.is_err(), "no other node has it written");
    let by_user = busy().apply(Author::first_user(tenure_core::RequestId(5)), command());
    assert!(matches!(by_user.refusal(), Some(Refusal::NotItsBusiness { .. })));
}
