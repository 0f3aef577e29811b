//! The conditions under which a server vouches that a copy is not active there, one at a time.

use crate::site;
use std::sync::Arc;
use tenure_core::{
    Author, Command, Entry, Ledger, NodeName, OrderId, Power, Reading, Refusal, ResourceName, ServerName, SystemState,
    Time,
    config::{Cluster, Kind, Resource},
    ledger::{CopyState, Dirty, GroupState, NodeOff, OffProof, Phase, ServerState, StartRisk, Tenure},
    listing::Known,
    note::{LeaveReason, NodeOffHow, OffHow, Proof},
    order::Epoch,
};

const ORDER: OrderId = OrderId { index: 1, ordinal: 0 };

/// web1 was read off on both servers, which are up.
fn ledger(resource: Resource) -> Ledger {
    let mut ledger = site::Case::watched(site::with_web(site::site(2), "web1", resource)).ledger;
    for server in ["p1", "p2"] {
        *copy(&mut ledger, server) =
            CopyState { power: Power::Off, since: Some(8), quiet_from: 8, ..CopyState::default() };
        let state = self::server(&mut ledger, server);
        (state.live, state.system, state.since) = (true, SystemState::Operating, Some(8));
    }
    ledger
}

fn web(ledger: &mut Ledger) -> &mut GroupState {
    Arc::make_mut(ledger.groups.get_mut("web").expect("it is declared"))
}

fn copy<'a>(ledger: &'a mut Ledger, server: &str) -> &'a mut CopyState {
    let copies = web(ledger).copies.get_mut("web1").expect("it is declared");
    copies.get_mut(&ServerName::from(server)).expect("it is declared")
}

fn server<'a>(ledger: &'a mut Ledger, name: &str) -> &'a mut ServerState {
    ledger.servers.get_mut(&ServerName::from(name)).expect("it is declared")
}

/// Whether p2 vouches; and whether it reads off, whatever it may start by itself.
fn p2(ledger: &Ledger) -> (Result<(), Refusal>, Result<(), Refusal>) {
    let (group, resource, server) = (&ledger.groups["web"], "web1".into(), "p2".into());
    (ledger.vouches(group, &resource, &server), ledger.reads_off(group, &resource, &server))
}

fn twice(answer: Result<(), Refusal>) -> (Result<(), Refusal>, Result<(), Refusal>) {
    (answer.clone(), answer)
}

fn not_off(power: Power) -> (Result<(), Refusal>, Result<(), Refusal>) {
    twice(Err(Refusal::NotProvenOff { resource: "web1".into(), server: "p2".into(), power }))
}

fn dirty() -> Option<Dirty> {
    Some(Dirty { index: 5, up: None })
}

fn with(resource: Resource, change: impl Fn(&mut Ledger)) -> (Result<(), Refusal>, Result<(), Refusal>) {
    let mut ledger = ledger(resource);
    change(&mut ledger);
    p2(&ledger)
}

#[test]
fn a_server_vouches_by_a_reading_that_counts_or_by_being_off() {
    let lpar = |change: &dyn Fn(&mut Ledger)| with(site::web1(), change);
    assert_eq!(lpar(&|_| {}), twice(Ok(())));
    assert_eq!(lpar(&|ledger| copy(ledger, "p2").since = None), not_off(Power::Off), "never read");
    assert_eq!(
        lpar(&|ledger| copy(ledger, "p2").since = Some(7)),
        not_off(Power::Off),
        "before the last start had settled"
    );
    for power in [Power::Running, Power::Starting, Power::Stopping, Power::Moving, Power::Unknown, Power::Error] {
        assert_eq!(lpar(&|ledger| copy(ledger, "p2").power = power), not_off(power));
    }
    for risk in [StartRisk::Ordered(ORDER), StartRisk::Loose(Time(1))] {
        let in_flight = Refusal::StartInFlight { resource: "web1".into(), server: "p2".into() };
        assert_eq!(lpar(&|ledger| copy(ledger, "p2").risk = risk), twice(Err(in_flight)));
    }
    let off = |ledger: &mut Ledger| {
        let how = OffHow::Fenced { order: ORDER, by: "n1".into() };
        server(ledger, "p2").off = Some(OffProof { how, index: 9, at: Time(9) });
        (copy(ledger, "p2").power, copy(ledger, "p2").risk) = (Power::Running, StartRisk::Loose(Time(1)));
    };
    assert_eq!(lpar(&off), twice(Ok(())), "the server is off");
    let passive = |ledger: &mut Ledger| {
        web(ledger).passive.insert("web1".into());
        copy(ledger, "p2").power = Power::Running;
    };
    assert_eq!(lpar(&passive), twice(Ok(())), "of it nothing has to be proven");
}

#[test]
fn a_server_that_came_back_may_start_lpars_by_itself_and_one_that_comes_up_runs_none() {
    let lpar = |change: &dyn Fn(&mut Ledger)| with(site::web1(), change);
    let refused = Err(Refusal::Dirty { server: "p2".into() });
    assert_eq!(lpar(&|ledger| server(ledger, "p2").dirty = dirty()), (refused.clone(), Ok(())));
    let rises = |ledger: &mut Ledger| {
        let state = server(ledger, "p2");
        (state.dirty, state.system) = (dirty(), SystemState::Initializing);
        copy(ledger, "p2").power = Power::Running;
    };
    assert_eq!(lpar(&rises), twice(Ok(())), "its hypervisor is not up");
    let dark = |ledger: &mut Ledger| {
        rises(ledger);
        server(ledger, "p2").live = false;
    };
    assert_eq!(lpar(&dark), not_off(Power::Running), "nobody sees that it rises");
}

#[test]
fn what_lives_inside_a_node_is_vouched_for_by_its_agent_or_by_the_end_of_the_node() {
    let inside = |change: &dyn Fn(&mut Ledger)| with(Resource::agent("web".into(), "Application"), change);
    assert_eq!(inside(&|ledger| server(ledger, "p2").dirty = dirty()), twice(Ok(())), "no server starts it by itself");
    let rises = |ledger: &mut Ledger| {
        server(ledger, "p2").system = SystemState::Initializing;
        copy(ledger, "p2").power = Power::Running;
    };
    assert_eq!(inside(&rises), not_off(Power::Running), "what the HMC sees says nothing of it");
    let died = |ledger: &mut Ledger| {
        copy(ledger, "p2").power = Power::Unknown;
        let node = ledger.nodes.get_mut(&NodeName::from("n2")).expect("declared");
        node.prove_off(9, Time(9), NodeOff { how: NodeOffHow::Server, index: 9 });
    };
    assert_eq!(inside(&died), twice(Ok(())));
    assert_eq!(with(site::web1(), died), not_off(Power::Unknown), "an LPAR lives on without the node");
}

#[test]
fn a_mobile_lpar_takes_its_uuid_along_and_is_gone_from_where_it_was() {
    let known = |mobile: bool, change: &dyn Fn(&mut Ledger)| {
        let mut resource = site::web1();
        if let Kind::Lpar(lpar) = &mut resource.kind {
            lpar.mobile = mobile;
        }
        let mut ledger = ledger(resource);
        let p1 = copy(&mut ledger, "p1");
        (p1.uuid, p1.listed) = (Some("A".to_owned()), Some(5));
        change(&mut ledger);
        let on = |server: &str| ledger.known(&"web1".into(), &server.into());
        let all = ledger.known_on(&"p1".into());
        assert_eq!(all.lpars, [("web1".into(), on("p1"))].into());
        (on("p1"), on("p2"))
    };
    let is = |uuid: Option<&str>, listed| Known { uuid: uuid.map(str::to_owned), listed };
    assert_eq!(known(false, &|_| {}), (is(Some("A"), true), is(None, false)));
    assert_eq!(known(true, &|_| {}), (is(Some("A"), true), is(Some("A"), false)), "wherever it goes");
    let moves = |at: u64, power| {
        move |ledger: &mut Ledger| {
            let p2 = copy(ledger, "p2");
            (p2.listed, p2.power) = (Some(at), power);
        }
    };
    assert_eq!(known(true, &moves(5, Power::Off)), (is(Some("A"), false), is(Some("A"), false)), "either may be old");
    assert_eq!(known(true, &moves(6, Power::Off)), (is(Some("A"), false), is(Some("A"), true)));
    assert_eq!(known(true, &moves(4, Power::Off)), (is(Some("A"), true), is(Some("A"), false)));
    assert_eq!(known(true, &moves(6, Power::Absent)).0, is(Some("A"), true), "it is not there");
    assert_eq!(known(false, &moves(6, Power::Off)).0, is(Some("A"), true), "each server has its own");
}

/// Whether p2, which has come back, counts as clean after so much time.
fn is_clean(change: impl Fn(&mut Ledger), now: impl Fn(&Ledger, Time) -> Time) -> bool {
    let (mut ledger, up) = (ledger(site::web1()), Time(5_000));
    server(&mut ledger, "p2").dirty = Some(Dirty { index: 5, up: Some(up) });
    change(&mut ledger);
    let now = now(&ledger, up);
    let commands = vec![Command::CleanServer("p2".into())];
    let entry = Entry { at: now, wall: now, author: Author::Planner("n1".into()), commands };
    let refused = ledger.apply(ledger.index + 1, &entry).refusal().cloned();
    assert!(matches!(refused, None | Some(Refusal::NotClean { .. })), "{refused:?}");
    refused.is_none()
}

#[test]
fn a_server_is_clean_when_all_was_read_since_and_nothing_runs_there_but_by_right() {
    let settled = |ledger: &Ledger, up| ledger.settled_by(up);
    assert!(is_clean(|_| {}, settled));
    assert!(!is_clean(|_| {}, |ledger, up| Time(ledger.settled_by(up).0 - 1)), "it may start things by itself yet");
    let not = |change: &dyn Fn(&mut Ledger)| !is_clean(change, settled);
    assert!(not(&|ledger| server(ledger, "p2").dirty = None));
    assert!(not(&|ledger| server(ledger, "p2").dirty = Some(Dirty { index: 5, up: None })), "it is not up yet");
    assert!(not(&|ledger| copy(ledger, "p2").since = None));
    assert!(not(&|ledger| copy(ledger, "p2").since = Some(4)), "before it came back");
    assert!(!not(&|ledger| copy(ledger, "p2").since = Some(5)));
    assert!(not(&|ledger| copy(ledger, "p2").risk = StartRisk::Ordered(ORDER)));
    assert!(not(&|ledger| copy(ledger, "p2").risk = StartRisk::Loose(Time(1))));
    assert!(not(&|ledger| copy(ledger, "p2").stop = Some(ORDER)));
    for power in [Power::Running, Power::Starting, Power::Stopping, Power::Moving, Power::Error] {
        assert!(not(&|ledger| copy(ledger, "p2").power = power), "{power}");
    }
    for power in [Power::Unknown, Power::Missing, Power::Absent] {
        assert!(!not(&|ledger| copy(ledger, "p2").power = power), "{power}: no reason to keep it from all others");
    }
    let by_right = |ledger: &mut Ledger| {
        copy(ledger, "p2").power = Power::Running;
        let tenure = Tenure { epoch: Epoch(1), server: "p2".into(), since: Time(1), phase: Phase::Online };
        web(ledger).tenure = Some(tenure);
    };
    assert!(!not(&by_right));
    let watched = |ledger: &mut Ledger| {
        copy(ledger, "p2").power = Power::Running;
        Arc::make_mut(&mut ledger.config).groups.get_mut("web").expect("declared").managed = false;
    };
    assert!(!not(&watched), "nobody stops what is merely watched");
}

/// Whether web1's group is frozen, because somebody else seems to manage it, after web1 was started on p2 again and
/// again by no order of ours.
fn is_strange(times: usize, change: impl Fn(&mut Ledger)) -> bool {
    let mut case = site::Case::watched(site::with_web(site::site(2), "web1", site::web1()));
    change(&mut case.ledger);
    for power in [Power::Off, Power::Running].repeat(times) {
        let reading = Reading { copies: [("web1".into(), power)].into(), ..case.reading("p2") };
        let author = Author::Planner("n1".into());
        let entry = Entry { at: Time(1_000), wall: Time(1_000), author, commands: vec![Command::Observe(reading)] };
        assert_eq!(case.ledger.apply(case.ledger.index + 1, &entry).refusal(), None);
    }
    case.ledger.groups["web"].upkeep.strangers
}

#[test]
fn what_somebody_else_starts_again_and_again_is_left_to_an_operator() {
    assert!(is_strange(3, |_| {}));
    assert!(!is_strange(2, |_| {}), "once or twice is a hand");
    let dirty = |ledger: &mut Ledger| server(ledger, "p2").dirty = Some(Dirty { index: 1, up: None });
    assert!(!is_strange(3, dirty), "a server that comes up starts things by itself");
    let config = |change: fn(&mut Cluster)| move |ledger: &mut Ledger| change(Arc::make_mut(&mut ledger.config));
    let watched = config(|cluster| cluster.groups.get_mut("web").expect("declared").managed = false);
    assert!(!is_strange(3, watched), "it is only watched");
    let mobile = config(|cluster| {
        if let Kind::Lpar(lpar) = &mut cluster.resources.get_mut("web1").expect("declared").kind {
            lpar.mobile = true;
        }
    });
    assert!(!is_strange(3, mobile), "it moves");
    let passive = |ledger: &mut Ledger| web(ledger).passive.extend(["web1".into()]);
    assert!(!is_strange(3, passive), "of it nothing has to be proven");
}

/// Whether the tenure of the group on p2 may end, where web1 reads so.
fn departs(resource: Resource, phase: Phase, change: impl Fn(&mut Ledger)) -> Result<Proof, Refusal> {
    let mut ledger = ledger(resource);
    web(&mut ledger).tenure = Some(Tenure { epoch: Epoch(1), server: "p2".into(), since: Time(1), phase });
    copy(&mut ledger, "p2").quiet_from = 0;
    change(&mut ledger);
    ledger.departure(&"web".into(), &ledger.groups["web"])
}

#[test]
fn a_tenure_ends_by_readings_since_it_began_to_leave_and_what_is_not_defined_is_named() {
    let leaving = |change: &dyn Fn(&mut Ledger)| {
        let phase = Phase::Leaving { reason: LeaveReason::Offline, index: 7 };
        departs(site::web1(), phase, change)
    };
    let read = |since, undefined: &[&str]| {
        let undefined = undefined.iter().map(|name| ResourceName::from(*name)).collect();
        Ok(Proof::ReadOff { since, undefined })
    };
    let not_read = Refusal::NotProvenOff { resource: "web1".into(), server: "p2".into(), power: Power::Unknown };
    assert_eq!(leaving(&|_| {}), read(8, &[]));
    assert_eq!(leaving(&|ledger| copy(ledger, "p2").since = Some(7)), read(7, &[]));
    assert_eq!(leaving(&|ledger| copy(ledger, "p2").since = Some(6)), Err(not_read));
    assert_eq!(leaving(&|ledger| copy(ledger, "p2").power = Power::Absent), read(8, &["web1"]));
    assert_eq!(leaving(&|ledger| copy(ledger, "p1").power = Power::Absent), read(8, &[]), "that is elsewhere");
    let passive = |ledger: &mut Ledger| {
        web(ledger).passive.insert("web1".into());
        copy(ledger, "p2").power = Power::Absent;
    };
    assert_eq!(leaving(&passive), read(u64::MAX, &[]), "of it nothing has to be proven");
    let already = || Err(Refusal::AlreadyOn { group: "web".into(), server: "p2".into() });
    for phase in [Phase::Starting, Phase::Online] {
        assert_eq!(departs(site::web1(), phase.clone(), |_| {}), already(), "{phase:?}");
        let watched = |ledger: &mut Ledger| {
            Arc::make_mut(&mut ledger.config).groups.get_mut("web").expect("declared").managed = false;
            copy(ledger, "p2").since = Some(6);
        };
        assert_eq!(departs(site::web1(), phase.clone(), watched), read(6, &[]), "{phase:?}");
    }
}
