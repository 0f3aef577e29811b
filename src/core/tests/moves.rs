//! What is known of an LPAR that moves, and what follows from it, one condition at a time.

use crate::{scene::migration, site};
use std::sync::Arc;
use tenure_core::{
    Action, Author, Command, Entry, Ledger, Order, OrderId, Power, Refusal, Report, RequestId, ServerName, Span,
    SystemState, Time, Verb,
    config::{Cluster, Kind, Resource},
    ledger::{CopyState, Dirty, Down, GroupState, Intent, OffProof, Phase, Run, ServerState, StartRisk, Tenure},
    note::{LeaveReason, NotHere, OffHow},
    order::{Ending, Epoch},
};

const ORDER: OrderId = OrderId { index: 7, ordinal: 0 };
const NOW: Time = Time(5_000);
const TIMEOUT: Span = Span::seconds(900);

/// Three servers with their nodes, and group web with LPARs web1 and web2, which are mobile.
fn cluster() -> Cluster {
    let mut cluster = site::with_web(site::site(3), "web1", site::web1());
    cluster.resources.insert("web2".into(), Resource::lpar("web".into(), "web2"));
    for resource in cluster.resources.values_mut() {
        if let Kind::Lpar(lpar) = &mut resource.kind {
            (lpar.mobile, lpar.migrate_timeout) = (true, TIMEOUT);
        }
    }
    cluster
}

/// Both LPARs were read running on p1 and absent elsewhere, by readings that followed entry 8; the group is online.
fn ledger() -> Ledger {
    let mut ledger = site::Case::watched(cluster()).ledger;
    (ledger.index, ledger.now) = (20, NOW);
    for state in ledger.servers.values_mut() {
        (state.live, state.system, state.since) = (true, SystemState::Operating, Some(8));
    }
    for resource in ["web1", "web2"] {
        for server in ["p1", "p2", "p3"] {
            let power = if server == "p1" { Power::Running } else { Power::Absent };
            *copy(&mut ledger, resource, server) = CopyState { power, since: Some(8), ..CopyState::default() };
        }
    }
    phase(&mut ledger, Phase::Online);
    web(&mut ledger).intent = Intent::Online;
    ledger
}

fn web(ledger: &mut Ledger) -> &mut GroupState {
    Arc::make_mut(ledger.groups.get_mut("web").expect("it is declared"))
}

fn copy<'a>(ledger: &'a mut Ledger, resource: &str, server: &str) -> &'a mut CopyState {
    let copies = web(ledger).copies.get_mut(resource).expect("it is declared");
    copies.get_mut(&ServerName::from(server)).expect("it is declared")
}

fn server<'a>(ledger: &'a mut Ledger, name: &str) -> &'a mut ServerState {
    ledger.servers.get_mut(&ServerName::from(name)).expect("it is declared")
}

fn phase(ledger: &mut Ledger, phase: Phase) {
    web(ledger).tenure = Some(Tenure { epoch: Epoch(1), server: "p1".into(), since: Time(1), phase });
}

fn to_p2() -> Phase {
    Phase::Migrating(migration("p2"))
}

fn off(ledger: &mut Ledger, name: &str) {
    let how = OffHow::Operator { name: "admin".into() };
    server(ledger, name).off = Some(OffProof { how, index: 9, at: Time(9) });
}

fn apply(ledger: &mut Ledger, author: Author, command: Command) -> Option<Refusal> {
    let entry = Entry { at: ledger.now, wall: ledger.now, author, commands: vec![command] };
    ledger.apply(ledger.index + 1, &entry).refusal().cloned()
}

fn plan(ledger: &mut Ledger, command: Command) -> Option<Refusal> {
    apply(ledger, Author::Planner("n1".into()), command)
}

#[test]
fn a_copy_is_stray_where_no_tenure_covers_it_or_where_it_runs_twice() {
    let runs = |places: &[(&str, &str)], change: &dyn Fn(&mut Ledger)| {
        let mut ledger = ledger();
        for resource in ["web1", "web2"] {
            for server in ["p1", "p2", "p3"] {
                let active = places.contains(&(resource, server));
                copy(&mut ledger, resource, server).power = if active { Power::Running } else { Power::Off };
            }
        }
        change(&mut ledger);
        ledger.is_stray(&ledger.groups["web"])
    };
    let (one, other) = ([("web1", "p1"), ("web2", "p1")], [("web1", "p2"), ("web2", "p2")]);
    let (split, twice, third) =
        ([("web1", "p1"), ("web2", "p2")], [("web1", "p1"), ("web1", "p2")], [("web1", "p3"), ("web2", "p1")]);
    let online: fn(&mut Ledger) = |_| {};
    let migrating: fn(&mut Ledger) = |ledger| phase(ledger, to_p2());
    let none: fn(&mut Ledger) = |ledger| web(ledger).tenure = None;
    for (what, change, expected) in [
        // Nothing active; all at home; all on the target; one each; one twice; one on a third server.
        ("online", online, [false, false, true, true, true, true]),
        ("migrating", migrating, [false, false, false, false, true, true]),
        ("no tenure", none, [false, false, false, true, true, true]),
    ] {
        let places: [&[(&str, &str)]; 6] = [&[], &one, &other, &split, &twice, &third];
        assert_eq!(places.map(|places| runs(places, &change)), expected, "{what}");
    }
}

#[test]
fn a_group_has_left_its_target_by_readings_that_follow_its_migration_or_by_its_end() {
    let stays = |change: &dyn Fn(&mut Ledger)| {
        let mut ledger = ledger();
        phase(&mut ledger, to_p2());
        change(&mut ledger);
        ledger.staying(&"web".into(), &ledger.groups["web"])
    };
    let in_flight = || Err(Refusal::StartInFlight { resource: "web1".into(), server: "p2".into() });
    let not_off = |power| Err(Refusal::NotProvenOff { resource: "web1".into(), server: "p2".into(), power });
    assert_eq!(stays(&|_| {}), Ok(()));
    let early = |ledger: &mut Ledger| copy(ledger, "web1", "p2").since = Some(7);
    assert_eq!(stays(&early), not_off(Power::Unknown));
    let gone = |ledger: &mut Ledger| {
        early(ledger);
        off(ledger, "p2");
    };
    assert_eq!(stays(&gone), Ok(()), "it is off");
    let rises = |ledger: &mut Ledger| {
        early(ledger);
        server(ledger, "p2").system = SystemState::Initializing;
    };
    assert_eq!(stays(&rises), in_flight(), "nothing runs there, but a move may still begin");
    let lost = |ledger: &mut Ledger| {
        early(ledger);
        server(ledger, "p2").live = false;
    };
    assert_eq!(stays(&lost), not_off(Power::Unknown));
    assert_eq!(stays(&|ledger| copy(ledger, "web1", "p2").power = Power::Running), not_off(Power::Running));
}

#[test]
fn an_lpar_is_brought_from_where_it_was_read_last() {
    let home = |change: &dyn Fn(&mut Ledger)| {
        let mut ledger = ledger();
        web(&mut ledger).tenure = None;
        copy(&mut ledger, "web1", "p1").power = Power::Off;
        change(&mut ledger);
        ledger.home(&ledger.groups["web"], &"web1".into(), &"p2".into())
    };
    let is = |server: &str| Some(ServerName::from(server));
    assert_eq!(home(&|_| {}), is("p1"));
    let both = |last: Option<&'static str>| {
        move |ledger: &mut Ledger| {
            copy(ledger, "web1", "p3").power = Power::Off;
            web(ledger).last = last.map(ServerName::from);
        }
    };
    for (last, expected) in [(None, "p1"), (Some("p1"), "p1"), (Some("p2"), "p1"), (Some("p3"), "p3")] {
        assert_eq!(home(&both(last)), is(expected), "{last:?}");
    }
    for power in [Power::Absent, Power::Missing] {
        assert_eq!(home(&|ledger| copy(ledger, "web1", "p1").power = power), None, "{power}");
    }
    assert_eq!(home(&|ledger| copy(ledger, "web1", "p1").since = None), None, "it was never read");
    assert_eq!(home(&|ledger| copy(ledger, "web1", "p2").power = Power::Off), None, "it is there");
    let fixed = |ledger: &mut Ledger| {
        let declared = Arc::make_mut(&mut ledger.config).resources.get_mut("web1").expect("declared");
        if let Kind::Lpar(lpar) = &mut declared.kind {
            lpar.mobile = false;
        }
    };
    assert_eq!(home(&fixed), None);
}

#[test]
fn an_lpar_is_brought_from_a_server_that_can_give_it_away() {
    let unable = |change: &dyn Fn(&mut Ledger)| {
        let mut ledger = ledger();
        web(&mut ledger).tenure = None;
        copy(&mut ledger, "web1", "p1").power = Power::Off;
        copy(&mut ledger, "web2", "p1").power = Power::Off;
        change(&mut ledger);
        ledger.unable(&"web".into(), &ledger.groups["web"], &"p2".into())
    };
    let not_brought = |system| Some(NotHere::NotBrought { resource: "web1".into(), from: "p1".into(), system });
    let operating = not_brought(SystemState::Operating);
    assert_eq!(unable(&|_| {}), None);
    let nowhere = |ledger: &mut Ledger| copy(ledger, "web1", "p1").power = Power::Absent;
    assert_eq!(unable(&nowhere), Some(NotHere::NotDefined { resource: "web1".into() }));
    // Its server is off: what is read of it, and whether it can be made anew from the HMC's data.
    for (live, system, brought) in [
        (true, SystemState::PowerOff, true),
        (false, SystemState::PowerOff, false),
        (true, SystemState::Operating, false),
        (false, SystemState::Operating, false),
    ] {
        let lost = |ledger: &mut Ledger| {
            off(ledger, "p1");
            (server(ledger, "p1").live, server(ledger, "p1").system) = (live, system);
        };
        assert_eq!(unable(&lost), not_brought(system).filter(|_| !brought), "{live} {system}");
    }
    // Its server is not proven off: whether it works, is clean, holds the tenure, and vouches.
    for works in [true, false] {
        for clean in [true, false] {
            for tenured in [true, false] {
                for vouches in [true, false] {
                    let change = |ledger: &mut Ledger| {
                        server(ledger, "p1").live = works;
                        server(ledger, "p1").dirty = Some(Dirty { index: 5, up: None }).filter(|_| !clean);
                        if tenured {
                            phase(ledger, Phase::Online);
                        }
                        if !vouches {
                            copy(ledger, "web1", "p1").power = Power::Running;
                        }
                    };
                    let brought = works && clean && (tenured || vouches);
                    let said = operating.clone().filter(|_| !brought);
                    assert_eq!(unable(&change), said, "{works} {clean} {tenured} {vouches}");
                }
            }
        }
    }
}

/// What may still come of a start on p2 that brings web1 from p1, or from nowhere, after nobody knows how it ended.
fn left_by_start(home: Option<&str>, change: impl Fn(&mut Ledger)) -> StartRisk {
    let mut ledger = ledger();
    let (group, resource) = ("web".into(), "web1".into());
    let action =
        Action::Start { group, resource, epoch: Epoch(1), vouched: Default::default(), home: home.map(Into::into) };
    let (node, server, issued, budget) = ("n2".into(), "p2".into(), Time(1_000), Span::seconds(60));
    ledger.orders.insert(ORDER, Order { id: ORDER, node, server, action, issued, budget });
    copy(&mut ledger, "web1", "p2").risk = StartRisk::Ordered(ORDER);
    change(&mut ledger);
    assert_eq!(plan(&mut ledger, report(Ending::Unknown("no answer".into()))), None);
    copy(&mut ledger, "web1", "p2").risk
}

fn report(ending: Ending) -> Command {
    Command::Report(Report { order: ORDER, ending, readings: Vec::new(), seen: Default::default() })
}

#[test]
fn a_start_that_makes_an_lpar_anew_for_a_lost_server_may_take_as_long_as_a_move() {
    let (soon, late) = (StartRisk::Loose(NOW), StartRisk::Loose(NOW.after(TIMEOUT)));
    assert_eq!(left_by_start(None, |_| {}), soon);
    assert_eq!(left_by_start(Some("p1"), |_| {}), soon);
    assert_eq!(left_by_start(Some("p1"), |ledger| off(ledger, "p1")), late);
    assert_eq!(left_by_start(None, |ledger| off(ledger, "p1")), soon);
    let dirty = |index| move |ledger: &mut Ledger| server(ledger, "p1").dirty = Some(Dirty { index, up: None });
    assert_eq!(left_by_start(Some("p1"), dirty(ORDER.index - 1)), soon, "it was back before");
    assert_eq!(left_by_start(Some("p1"), dirty(ORDER.index)), late);
    let open = |at| move |ledger: &mut Ledger| server(ledger, "p1").upkeep.open_since = Some(Time(at));
    assert_eq!(left_by_start(Some("p1"), open(999)), soon);
    assert_eq!(left_by_start(Some("p1"), open(1_000)), late, "it has come back since");
    assert_eq!(left_by_start(Some("p9"), |_| {}), late, "it is declared no more");
}

#[test]
fn a_group_is_migrated_that_is_online_and_at_rest() {
    let migrates = |change: &dyn Fn(&mut Ledger)| {
        let mut ledger = ledger();
        change(&mut ledger);
        let (group, reason, to) = ("web".into(), LeaveReason::Switch("p2".into()), "p2".into());
        plan(&mut ledger, Command::Migrate { group, epoch: Epoch(1), reason, to })
    };
    let not_online = Some(Refusal::NotOnline { group: "web".into() });
    assert_eq!(migrates(&|_| {}), None);
    assert_eq!(migrates(&|ledger| phase(ledger, Phase::Starting)), not_online);
    assert_eq!(migrates(&|ledger| web(ledger).intent = Intent::Offline), not_online);
    // What web2 reads, whether it should be up, and whether that keeps the group.
    for (power, wanted, stays) in [
        (Power::Running, true, false),
        (Power::Running, false, false),
        (Power::Off, true, true),
        (Power::Off, false, false),
        (Power::Unknown, true, true),
        (Power::Unknown, false, true),
        (Power::Starting, false, true),
    ] {
        let change = |ledger: &mut Ledger| {
            copy(ledger, "web2", "p1").power = power;
            let run = Run { down: Some(Down::Operator).filter(|_| !wanted), ..Run::default() };
            web(ledger).runs.insert("web2".into(), run);
        };
        let refused = Refusal::NotRunning { resource: "web2".into(), server: "p1".into(), power };
        assert_eq!(migrates(&change), Some(refused).filter(|_| stays), "{power}, wanted: {wanted}");
    }
    let busy = Some(Refusal::HasOrder { resource: "web1".into(), server: "p1".into() });
    assert_eq!(migrates(&|ledger| copy(ledger, "web1", "p1").stop = Some(ORDER)), busy);
    assert_eq!(migrates(&|ledger| copy(ledger, "web1", "p1").risk = StartRisk::Loose(Time(1))), busy);
}

#[test]
fn tries_to_clear_up_count_until_one_is_done() {
    let after = |ending| {
        let mut ledger = ledger();
        let action = Action::StopMigration { resource: "web1".into(), from: "p2".into(), to: "p1".into() };
        let (node, server, issued, budget) = ("n1".into(), "p1".into(), Time(1_000), Span::seconds(60));
        ledger.orders.insert(ORDER, Order { id: ORDER, node, server, action, issued, budget });
        (copy(&mut ledger, "web1", "p1").stop, copy(&mut ledger, "web1", "p1").futile) = (Some(ORDER), 1);
        assert_eq!(plan(&mut ledger, report(ending)), None);
        let copy = copy(&mut ledger, "web1", "p1");
        (copy.stop, copy.futile)
    };
    assert_eq!(after(Ending::Done), (None, 0));
    assert_eq!(after(Ending::Refused("no".into())), (None, 2));
    assert_eq!(after(Ending::Unknown("no answer".into())), (None, 2));
}

#[test]
fn the_end_of_a_server_ends_the_moves_from_it_and_to_it() {
    for (lost, node, voided) in [("p1", "n1", true), ("p2", "n2", true), ("p3", "n3", false)] {
        let mut ledger = ledger();
        phase(&mut ledger, to_p2());
        let moves = Command::Move { resource: "web1".into(), epoch: Epoch(1) };
        assert_eq!(plan(&mut ledger, moves), None);
        server(&mut ledger, lost).live = false;
        ledger.nodes.get_mut(node).expect("declared").lapse(9, NOW);
        let author = Author::first_user(RequestId(9));
        let confirm = Command::Request(Verb::ConfirmOff { server: lost.into() }.into());
        assert_eq!(apply(&mut ledger, author, confirm), None);
        assert_eq!(ledger.orders.is_empty(), voided, "{lost}");
    }
}
