//! What readings, looks and reports change, one condition at a time.

use crate::{
    scene::{NOW, ORDER, Scene},
    site,
};
use std::collections::BTreeMap;
use tenure_core::{
    Action, Author, Command, Power, Reading, Refusal, Report, Seen, Span, SystemState, Time,
    config::{Kind, Resource},
    ledger::{CopyState, Dirty, OffProof, Phase, StartRisk},
    listing::{Listed, Remark},
    note::{Note, OffHow},
    order::Ending,
};

/// Two servers with their nodes; group web with LPAR web1 and httpd inside either node, read off.
fn scene() -> Scene {
    let mut cluster = site::with_web(site::site(2), "web1", site::web1());
    cluster.resources.insert("httpd".into(), Resource::agent("web".into(), "Application"));
    Scene::new(cluster)
}

/// A reading of p1 by its node that follows this entry.
fn reading(since: u64) -> Reading {
    Reading { since, serial: since, ..site::reading("p1") }
}

fn of_web1(since: u64, power: Power) -> Reading {
    Reading { copies: [("web1".into(), power)].into(), ..reading(since) }
}

/// Takes the reading in by the server's watcher, and gives back the notes.
fn observed(scene: &mut Scene, reading: Reading) -> Result<Vec<Note>, Refusal> {
    let outcome = scene.apply(Author::Planner("n1".into()), Command::Observe(reading));
    match outcome.refusal() {
        Some(refused) => Err(refused.clone()),
        None => Ok(outcome.notes().cloned().collect()),
    }
}

/// Node n1 answers an order to stop web1 on p1 with these readings.
fn reported(scene: &mut Scene, readings: Vec<Reading>) {
    scene.owes("p1", Action::Stop { resource: "web1".into(), grace: Span(0) });
    let report = Report { order: ORDER, ending: Ending::Refused("no".into()), readings, seen: BTreeMap::new() };
    assert_eq!(scene.plan(Command::Report(report)), None);
}

#[test]
fn a_reading_counts_that_is_about_this_machine_and_of_the_past() {
    let stale = Some(Refusal::Stale { server: "p1".into() });
    for (since, taken) in [(14, false), (15, true), (16, true), (20, true), (21, false)] {
        let mut scene = scene();
        scene.server("p1").declared = 15;
        let refused = observed(&mut scene, reading(since)).err();
        assert_eq!(refused, stale.clone().filter(|_| !taken), "{since}");
        let mut scene = self::scene();
        scene.server("p1").declared = 15;
        reported(&mut scene, vec![reading(since)]);
        assert_eq!(scene.server("p1").since == Some(since), taken, "in a report, {since}");
    }
    let mut scene = scene();
    reported(&mut scene, vec![reading(7)]);
    assert_eq!(scene.server("p1").since, Some(8), "a later one is known");
}

#[test]
fn a_server_that_comes_up_is_dirty() {
    use SystemState::{Initializing, NoConnection, Operating, PowerOff, PoweringOff, Standby};
    for (from, to, dirty) in [
        (Operating, Operating, false),
        (Operating, Standby, false),
        (Operating, Initializing, true),
        (Initializing, Initializing, false),
        (PowerOff, Initializing, true),
        (PowerOff, PowerOff, false),
        (PowerOff, Operating, true),
        (PoweringOff, Standby, true),
        (Initializing, Operating, true),
        (NoConnection, Operating, false),
    ] {
        let rises = |change: fn(&mut Scene), live| {
            let mut scene = scene();
            scene.server("p1").system = from;
            change(&mut scene);
            observed(&mut scene, Reading { system: to, live, ..reading(20) }).expect("it counts");
            scene.server("p1").dirty
        };
        let up = Some(NOW).filter(|_| to == Operating);
        let expected = Some(Dirty { index: 21, up }).filter(|_| dirty);
        assert_eq!(rises(|_| {}, true), expected, "{from} {to}");
        assert_eq!(rises(|_| {}, false), None, "{from} {to}: nobody sees it");
        let first = rises(|scene| scene.server("p1").since = None, true);
        assert_eq!(first, None, "{from} {to}: the first reading");
        let known = rises(|scene| scene.server("p1").dirty = Some(Dirty { index: 3, up: None }), true);
        assert_eq!(known.map(|dirty| dirty.index), Some(3), "{from} {to}");
    }
}

#[test]
fn a_dirty_server_is_up_as_long_as_it_reads_operating() {
    for (system, live, stays) in [
        (SystemState::Operating, true, true),
        (SystemState::Operating, false, false),
        (SystemState::Standby, true, false),
        (SystemState::PowerOff, false, false),
    ] {
        for before in [None, Some(Time(3))] {
            let mut scene = scene();
            scene.server("p1").dirty = Some(Dirty { index: 3, up: before });
            observed(&mut scene, Reading { system, live, ..reading(20) }).expect("it counts");
            let up = scene.server("p1").dirty.expect("it is dirty").up;
            assert_eq!(up, before.or(Some(NOW)).filter(|_| stays), "{system} {live}");
        }
    }
}

#[test]
fn what_a_reading_says_of_a_server_is_told_when_it_is_new() {
    let told = |first: bool, system: SystemState, before: &[(&str, bool)], vios: &[(&str, bool)]| {
        let mut scene = scene();
        let all = |vios: &[(&str, bool)]| vios.iter().map(|(name, up)| ((*name).to_owned(), *up)).collect();
        scene.server("p1").vios = all(before);
        if first {
            scene.server("p1").since = None;
        }
        let notes = observed(&mut scene, Reading { system, vios: all(vios), ..reading(20) }).expect("it counts");
        let changed = notes.iter().any(|note| matches!(note, Note::SystemChanged { .. }));
        let down = notes.into_iter().find_map(|note| match note {
            Note::ViosChanged { down, .. } => Some(down.into_iter().collect::<Vec<_>>().join(" ")),
            _ => None,
        });
        (changed, down)
    };
    let up = SystemState::Operating;
    assert_eq!(told(false, up, &[], &[]), (false, None));
    assert_eq!(told(true, up, &[], &[]), (true, None));
    assert_eq!(told(false, SystemState::Standby, &[], &[]), (true, None));
    let (both, one, none) =
        ([("v1", true), ("v2", true)], [("v1", true), ("v2", false)], [("v1", false), ("v2", false)]);
    assert_eq!(told(false, up, &both, &one).1.as_deref(), Some("v2"));
    assert_eq!(told(false, up, &one, &none).1.as_deref(), Some("v1 v2"));
    assert_eq!(told(false, up, &one, &both).1.as_deref(), Some(""));
    assert_eq!(told(false, up, &one, &one).1, None);
    assert_eq!(told(false, up, &[], &both).1, None);
}

#[test]
fn an_lpar_that_must_be_left_alone_is_told_of_once() {
    let told = |remarks: &[Remark]| {
        let mut scene = scene();
        let mut at = 10;
        let mut tells = |remark: &Remark| {
            at += 1;
            let listed = Listed { uuid: None, remark: Some(remark.clone()) };
            let reading = Reading { listed: [("web1".into(), listed)].into(), ..of_web1(at, Power::Unknown) };
            let notes = observed(&mut scene, reading).expect("it counts");
            notes.iter().filter(|note| matches!(note, Note::NotItself { .. })).count()
        };
        remarks.iter().map(&mut tells).collect::<Vec<_>>()
    };
    let other = |cluster: &str| Remark::Owner { cluster: cluster.into() };
    assert_eq!(told(&[other("a"), other("a"), other("b")]), [1, 0, 1]);
    assert_eq!(told(&[Remark::Word("odd".into()), Remark::Word("strange".into())]), [0, 0]);
}

#[test]
fn a_mobile_lpar_that_is_found_again_has_gone_from_where_it_is_missed() {
    let missed = |mobile: bool, power: Power| {
        let mut scene = scene();
        if let Kind::Lpar(lpar) = &mut scene.config().resources.get_mut("web1").expect("declared").kind {
            lpar.mobile = mobile;
        }
        scene.copy("web1", "p2").power = Power::Missing;
        observed(&mut scene, of_web1(20, power)).expect("it counts");
        scene.copy("web1", "p2").power
    };
    assert_eq!(missed(true, Power::Running), Power::Absent);
    assert_eq!(missed(true, Power::Absent), Power::Missing);
    assert_eq!(missed(false, Power::Running), Power::Missing);
}

#[test]
fn a_reading_by_another_than_its_watcher_only_takes_away_what_vouches() {
    // The entry that the reading of p2 follows, and whether web1 vouches no more there.
    for (since, counts) in [(6, false), (14, false), (15, true), (20, true), (21, false)] {
        let mut scene = scene();
        scene.server("p2").declared = 15;
        let reading = Reading { server: "p2".into(), ..of_web1(since, Power::Running) };
        reported(&mut scene, vec![reading]);
        assert_eq!(scene.copy("web1", "p2").quiet_from == 21, counts, "{since}");
        assert_eq!(scene.server("p2").since, Some(8));
    }
    for (proven, since, system, stays) in [
        (15, 14, SystemState::Operating, true),
        (15, 15, SystemState::Operating, false),
        (15, 16, SystemState::Operating, false),
        (15, 16, SystemState::PowerOff, true),
    ] {
        let mut scene = scene();
        let how = OffHow::Operator { name: "admin".into() };
        scene.server("p2").off = Some(OffProof { how, index: proven, at: Time(9) });
        reported(&mut scene, vec![Reading { server: "p2".into(), system, ..reading(since) }]);
        assert_eq!(scene.server("p2").off.is_some(), stays, "{since} {system}");
    }
}

fn seen(since: u64, power: Power) -> Seen {
    Seen { power, since, ..Seen::default() }
}

#[test]
fn a_look_counts_that_is_about_this_thing() {
    for (since, counts) in [(14, false), (15, true), (16, true)] {
        let mut scene = scene();
        scene.copy("httpd", "p1").declared = 15;
        assert_eq!(scene.senses("n1", "httpd", seen(since, Power::Running)), None);
        assert_eq!(scene.copy("httpd", "p1").power == Power::Running, counts, "{since}");
    }
}

#[test]
fn a_copy_is_idle_since_it_was_read_off_as_long_as_nothing_else_is_known() {
    for (power, idle, busy) in [
        (Power::Off, true, true),
        (Power::OffOnPurpose, true, true),
        (Power::Unknown, true, false),
        (Power::Running, false, false),
        (Power::Starting, false, false),
        (Power::Error, false, false),
    ] {
        let after = |idle: bool, risk: StartRisk| {
            let mut scene = scene();
            (scene.copy("httpd", "p1").idle, scene.copy("httpd", "p1").risk) = (idle, risk);
            assert_eq!(scene.senses("n1", "httpd", seen(20, power)), None);
            scene.copy("httpd", "p1").idle
        };
        assert_eq!((after(true, StartRisk::None), after(false, StartRisk::None)), (idle, busy), "{power}");
        assert!(!after(false, StartRisk::Ordered(ORDER)), "{power}");
    }
}

#[test]
fn a_change_of_a_copy_is_told_and_a_stop_on_purpose_too() {
    // What was read before, if anything; what is read now; whether a change is told, and a stop on purpose where the
    // group is.
    for (from, to, change, on_purpose) in [
        (None, Power::Off, false, false),
        (None, Power::Running, true, false),
        (None, Power::Unknown, false, false),
        (None, Power::OffOnPurpose, false, true),
        (Some(Power::Off), Power::Off, false, false),
        (Some(Power::Off), Power::Running, true, false),
        (Some(Power::Running), Power::Running, false, false),
        (Some(Power::Running), Power::Off, true, false),
        (Some(Power::Running), Power::OffOnPurpose, true, true),
        (Some(Power::OffOnPurpose), Power::OffOnPurpose, false, false),
    ] {
        for here in [true, false] {
            let mut scene = scene();
            scene.holds("web", if here { "p1" } else { "p2" }, Phase::Online);
            *scene.copy("httpd", "p1") =
                CopyState { power: from.unwrap_or_default(), since: from.map(|_| 8), ..CopyState::default() };
            let inside = tenure_core::Inside { seen: [("httpd".into(), seen(20, to))].into(), watchdog: None };
            let command = Command::Sense { node: "n1".into(), inside };
            let outcome = scene.apply(Author::Agent("n1".into()), command);
            let has = |of: fn(&Note) -> bool| outcome.notes().any(of);
            let what = format!("{from:?} {to} {here}");
            assert_eq!(has(|note| matches!(note, Note::CopyChanged { .. })), change, "{what}");
            assert_eq!(has(|note| matches!(note, Note::StoppedOnPurpose { .. })), on_purpose && here, "{what}");
        }
    }
}

/// Whether somebody else seems to manage web after web1 is started on p1 by no order of ours, where it was started so
/// many milliseconds ago before, and reads so.
fn strangers(before: &[u64], from: Power) -> bool {
    let mut scene = scene();
    let times = before.iter().map(|ago| Time(NOW.0 - ago)).collect();
    scene.web().upkeep.strange = [("web1".into(), times)].into();
    scene.copy("web1", "p1").power = from;
    observed(&mut scene, of_web1(20, Power::Running)).expect("it counts");
    scene.web().upkeep.strangers
}

#[test]
fn a_start_by_no_order_of_ours_counts_within_the_window_where_it_was_known_to_be_down() {
    assert!(strangers(&[9, 5], Power::Off));
    assert!(!strangers(&[5], Power::Off));
    assert!(strangers(&[3_599_999, 5], Power::Off));
    assert!(!strangers(&[3_600_000, 5], Power::Off));
    assert!(!strangers(&[9, 5], Power::Unknown));
}

/// Whether p1 is proven off by the report of its fence, whose reading follows entry 19, where it was read last after
/// this entry.
fn fenced(known: u64, change: impl Fn(&mut Scene)) -> bool {
    let mut scene = scene();
    scene.server("p1").watcher = Some("n2".into());
    scene.server("p1").since = Some(known);
    change(&mut scene);
    scene.owes("p1", Action::Fence);
    let dark = Reading { system: SystemState::PowerOff, by: "n2".into(), ..reading(19) };
    let report = Report { order: ORDER, ending: Ending::Done, readings: vec![dark], seen: BTreeMap::new() };
    assert_eq!(scene.plan(Command::Report(report)), None);
    scene.server("p1").off.is_some()
}

#[test]
fn a_server_that_has_come_up_since_it_was_powered_off_is_not_off() {
    assert!(fenced(18, |_| {}));
    assert!(!fenced(19, |_| {}));
    assert!(!fenced(20, |_| {}));
    assert!(fenced(20, |scene| scene.server("p1").live = false));
    assert!(fenced(20, |scene| scene.server("p1").system = SystemState::PowerOff));
}

#[test]
fn a_server_is_watched_by_its_own_node_or_by_a_surrogate() {
    for (node, surrogate) in [("n1", false), ("n2", true)] {
        let mut scene = scene();
        scene.server("p1").watcher = None;
        let assign = Command::Assign { server: "p1".into(), node: node.into() };
        let outcome = scene.apply(Author::Planner("n1".into()), assign);
        let said = outcome.notes().find_map(|note| match note {
            Note::WatcherChanged { surrogate, .. } => Some(*surrogate),
            _ => None,
        });
        assert_eq!(said, Some(surrogate), "{node}");
    }
}

#[test]
fn a_server_is_off_no_more_that_is_read_up_or_whose_node_is_heard() {
    let not_off = Some(Refusal::NotOff { server: "p1".into() });
    for live in [true, false] {
        for later in [true, false] {
            for system in [SystemState::Operating, SystemState::Initializing, SystemState::PowerOff] {
                for heard in [true, false] {
                    let mut scene = scene();
                    scene.off("p1");
                    let state = scene.server("p1");
                    (state.live, state.system, state.since) = (live, system, Some(if later { 9 } else { 8 }));
                    if !heard {
                        scene.node("n1").lapse(9, NOW);
                    }
                    let back = heard || (live && later && system.is_up());
                    let refused = scene.plan(Command::ReappearServer("p1".into()));
                    assert_eq!(refused, not_off.clone().filter(|_| !back), "{live} {later} {system} {heard}");
                    assert_eq!(scene.server("p1").off.is_none(), back);
                }
            }
        }
    }
}

#[test]
fn of_a_server_that_comes_up_only_what_runs_there_by_right_is_still_known() {
    // Whether it was proven off, where the group holds its tenure, and whether its copies are forgotten.
    for (was_off, tenure, forgotten) in
        [(false, "p1", false), (false, "p2", true), (true, "p1", true), (true, "p2", true)]
    {
        let mut scene = scene();
        scene.holds("web", tenure, Phase::Online);
        (scene.copy("web1", "p1").stop, scene.copy("web1", "p1").risk) = (Some(ORDER), StartRisk::Loose(Time(1)));
        if was_off {
            scene.off("p1");
            scene.server("p1").since = Some(9);
            assert_eq!(scene.plan(Command::ReappearServer("p1".into())), None);
        } else {
            let reading = Reading { system: SystemState::Initializing, ..reading(20) };
            observed(&mut scene, reading).expect("it counts");
        }
        assert_eq!(scene.server("p1").dirty.map(|dirty| dirty.index), Some(21));
        let copy = scene.copy("web1", "p1");
        assert_eq!(
            (copy.power, copy.since.is_none()),
            (if forgotten { Power::Unknown } else { Power::Off }, forgotten)
        );
        assert_eq!((copy.stop, copy.risk), (Some(ORDER), StartRisk::Loose(Time(1))), "what is out is out");
        assert_eq!(scene.copy("web1", "p2").since, Some(8));
    }
}
