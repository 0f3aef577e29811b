//! Freezes, drains and a disarming with a reason and an end.

use crate::{
    scene::{NOW, Scene},
    site,
};
use tenure_core::{
    Command, Refusal, Span, Terms, Time, Verb,
    ledger::{Phase, Purpose},
    plan::plan,
    terms::{Keep, Kept},
    view::View,
};

/// Two servers, and group web on p1.
fn scene() -> Scene {
    let scene = Scene::new(site::with_web(site::site(2), "web1", site::web1()));
    scene.with(|scene| scene.holds("web", "p1", Phase::Online))
}

fn terms(reason: Option<&str>, seconds: Option<u64>) -> Terms {
    Terms { reason: reason.map(Into::into), lasts: seconds.map(Span::seconds) }
}

fn asks(terms: &Terms) -> [(Verb, Keep); 4] {
    let terms = || terms.clone();
    [
        (Verb::Freeze { group: "web".into(), terms: terms() }, Keep::Group("web".into())),
        (Verb::FreezeServer { server: "p1".into(), terms: terms() }, Keep::Server("p1".into())),
        (Verb::Drain { server: "p1".into(), terms: terms() }, Keep::Drain("p1".into())),
        (Verb::Disarm { terms: terms() }, Keep::Cluster),
    ]
}

fn lasts(scene: &Scene, what: &Keep) -> bool {
    let server = |name| &scene.ledger.servers[name].upkeep;
    match what {
        Keep::Group(group) => scene.ledger.groups[group].frozen,
        Keep::Server(name) => server(name).frozen,
        Keep::Drain(name) => server(name).drain.is_some(),
        Keep::Cluster => scene.ledger.maintenance.disarmed,
    }
}

#[test]
fn each_ends_at_its_time_and_not_before() {
    for (ask, what) in asks(&terms(Some("patch"), Some(60))) {
        let mut scene = scene();
        assert_eq!(scene.ask(ask.clone()), None);
        let kept = Kept {
            by: "admin".into(),
            reason: Some("patch".into()),
            since: NOW,
            until: Some(NOW.after(Span::seconds(60))),
        };
        assert_eq!(scene.ledger.kept_of(&what), Some(&kept), "{ask:?}");
        assert_eq!(scene.plan(Command::TimeOver(what.clone())), Some(Refusal::NoChange), "before its time");
        assert!(lasts(&scene, &what));
        scene.ledger.now = NOW.after(Span::seconds(60));
        assert_eq!(scene.plan(Command::TimeOver(what.clone())), None);
        assert!(!lasts(&scene, &what) && scene.ledger.kept_of(&what).is_none(), "{ask:?}");
        let event = scene.ledger.journal.back().expect("it is noted");
        assert_eq!(event.kind, "time_over");
        assert!(event.text.ends_with("its time is over (asked by admin: patch)"), "{}", event.text);
        assert_eq!(scene.plan(Command::TimeOver(what)), Some(Refusal::NoChange), "it is over");
    }
}

#[test]
fn what_has_no_end_does_not_end_and_what_is_said_again_counts() {
    for (ask, what) in asks(&Terms::default()) {
        let mut scene = scene();
        assert_eq!(scene.ask(ask.clone()), None);
        scene.ledger.now = Time(u64::MAX / 2);
        assert_eq!(scene.plan(Command::TimeOver(what.clone())), Some(Refusal::NoChange));
        assert!(scene.ask(ask).is_some(), "nothing new is said");
        let (again, _) = asks(&terms(Some("longer"), Some(5))).into_iter().find(|(_, of)| *of == what).expect("all");
        assert_eq!(scene.ask(again), None);
        let kept = scene.ledger.kept_of(&what).expect("it lasts");
        assert_eq!((kept.reason.as_deref(), kept.until.is_some()), (Some("longer"), true));
    }
}

#[test]
fn a_shutdown_keeps_what_was_said_with_it() {
    let mut scene = scene();
    let shutdown = |reason| Verb::Shutdown { server: "p1".into(), terms: terms(reason, None) };
    assert_eq!(scene.ask(shutdown(Some("new DIMM"))), None);
    assert_eq!(scene.ask(shutdown(Some("two new DIMMs"))), None);
    assert_eq!(scene.ask(shutdown(None)), Some(Refusal::AlreadyDrained { server: "p1".into() }));
    let drain = scene.server("p1").upkeep.drain.clone().expect("it is being emptied");
    assert_eq!((drain.purpose, drain.kept.reason.as_deref()), (Purpose::Shutdown, Some("two new DIMMs")));
}

#[test]
fn a_group_that_its_declaration_freezes_stays_frozen() {
    let mut scene = scene();
    scene.config().groups.get_mut("web").expect("it is declared").frozen = true;
    assert_eq!(scene.ask(Verb::Freeze { group: "web".into(), terms: terms(None, Some(1)) }), None);
    scene.ledger.now = NOW.after(Span::seconds(1));
    assert_eq!(scene.plan(Command::TimeOver(Keep::Group("web".into()))), None);
    assert!(scene.web().frozen && !scene.web().upkeep.frozen);
}

#[test]
fn an_operator_ends_it_before_its_time() {
    let ends = [
        Verb::Unfreeze { group: "web".into() },
        Verb::UnfreezeServer { server: "p1".into() },
        Verb::Undrain { server: "p1".into(), bring_back: false },
        Verb::Arm,
    ];
    for ((ask, what), end) in asks(&terms(None, Some(60))).into_iter().zip(ends) {
        let mut scene = scene();
        assert_eq!((scene.ask(ask), scene.ask(end)), (None, None));
        assert_eq!(scene.ledger.kept_of(&what), None);
    }
}

#[test]
fn the_planner_wakes_for_the_end_and_then_proposes_it() {
    let mut scene = scene();
    for (ask, _) in asks(&terms(None, Some(60))) {
        assert_eq!(scene.ask(ask), None);
    }
    let planned = |scene: &Scene| plan(&scene.ledger, &View::default(), &"n1".into(), scene.ledger.now);
    let end = NOW.after(Span::seconds(60));
    let before = planned(&scene);
    assert!(before.wake_at.is_some_and(|at| at <= end));
    assert!(!before.commands.iter().any(|command| matches!(command, Command::TimeOver(_))));
    scene.ledger.now = end;
    let over = planned(&scene).commands.into_iter().filter(|command| matches!(command, Command::TimeOver(_)));
    assert_eq!(over.count(), 4);
}
