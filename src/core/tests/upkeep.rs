//! Whatever maintenance holds back, as questions to the ledger, condition by condition.

use crate::site;
use std::sync::Arc;
use tenure_core::{
    Ledger, NodeName, OrderId, Power, ServerName, SystemState, Time,
    ledger::{
        Closed, CopyState, Dirty, Drain, GroupState, Intent, Leases, OffProof, Phase, Progress, Purpose, Run,
        ServerState, Storm, Tenure,
    },
    note::{ClusterWait, LeaveReason, OffHow, ServerWait, Stay, Wait},
    order::Epoch,
};

const ORDER: OrderId = OrderId { index: 1, ordinal: 0 };
const NOW: Time = Time(1_000_000);

/// Three servers that are read and watched, and group web with LPAR web1.
fn ledger() -> Ledger {
    let mut ledger = site::Case::watched(site::with_web(site::site(3), "web1", site::web1())).ledger;
    ledger.now = NOW;
    for server in ledger.servers.values_mut() {
        (server.live, server.system, server.since) = (true, SystemState::Operating, Some(1));
    }
    ledger
}

fn server<'a>(ledger: &'a mut Ledger, name: &str) -> &'a mut ServerState {
    ledger.servers.get_mut(&ServerName::from(name)).expect("it is declared")
}

fn web(ledger: &mut Ledger) -> &mut GroupState {
    Arc::make_mut(ledger.groups.get_mut("web").expect("it is declared"))
}

fn drain(purpose: Purpose) -> Option<Drain> {
    Some(Drain {
        purpose,
        kept: tenure_core::terms::Kept { since: Time(1), ..Default::default() },
        moved: Default::default(),
        told: None,
    })
}

fn off(at: Time) -> Option<OffProof> {
    Some(OffProof { how: OffHow::Fenced { order: ORDER, by: "n2".into() }, index: 2, at })
}

fn tenure(phase: Phase) -> Option<Tenure> {
    Some(Tenure { epoch: Epoch(1), server: "p1".into(), since: Time(1), phase })
}

#[test]
fn a_server_is_closed_for_the_first_reason_that_it_has() {
    let mut state = ServerState::default();
    assert_eq!(state.closed(), None);
    state.upkeep.quarantine = Some(Time(9));
    assert_eq!(state.closed(), Some(Closed::Quarantined { until: Time(9) }));
    state.upkeep.frozen = true;
    assert_eq!(state.closed(), Some(Closed::Frozen));
    state.upkeep.drain = drain(Purpose::Drain);
    assert_eq!(state.closed(), Some(Closed::Draining));
}

#[test]
fn a_group_that_was_parked_is_withheld_until_its_server_is_back() {
    let withheld = |change: &dyn Fn(&mut Ledger)| {
        let mut ledger = ledger();
        web(&mut ledger).upkeep.parked = Some("p1".into());
        change(&mut ledger);
        ledger.withheld(&ledger.groups["web"])
    };
    let parked = Some(Wait::Parked { server: "p1".into() });
    assert_eq!(withheld(&|_| {}), None, "it is back");
    assert_eq!(withheld(&|ledger| drop(ledger.servers.remove("p1"))), None, "it is declared no more");
    for (what, change) in [
        ("frozen", &(|state: &mut ServerState| state.upkeep.frozen = true) as &dyn Fn(&mut ServerState)),
        ("drained", &|state| state.upkeep.drain = drain(Purpose::Drain)),
        ("off", &|state| state.off = off(NOW)),
        ("dirty", &|state| state.dirty = Some(Dirty { index: 1, up: None })),
        ("not read live", &|state| state.live = false),
        ("not operating", &|state| state.system = SystemState::Standby),
        ("not watched", &|state| state.watcher = None),
    ] {
        assert_eq!(withheld(&|ledger| change(server(ledger, "p1"))), parked, "{what}");
    }
    let silent = |ledger: &mut Ledger| {
        ledger.nodes.get_mut(&NodeName::from("n1")).expect("declared").leases = Leases::Lapsed { from: 1, at: NOW };
    };
    assert_eq!(withheld(&silent), parked, "whoever watches it is silent");
    let disabled = |ledger: &mut Ledger| web(ledger).upkeep.disabled = Some("p2".into());
    assert_eq!(withheld(&disabled), Some(Wait::AutoDisabled { server: "p2".into() }));
    let storm =
        |ledger: &mut Ledger| ledger.maintenance.storm = Some(Storm { since: NOW, servers: Default::default() });
    assert_eq!(withheld(&storm), Some(Wait::Storm));
}

#[test]
fn servers_that_were_lost_of_late_and_not_on_purpose_are_struck() {
    let mut ledger = ledger();
    let window = ledger.config.brakes.storm_window;
    assert_eq!(ledger.struck(), [].into());
    server(&mut ledger, "p1").fence = Some(ORDER);
    server(&mut ledger, "p2").off = off(Time(NOW.0 - window.0 + 1));
    server(&mut ledger, "p3").off = off(Time(NOW.0 - window.0));
    assert_eq!(ledger.struck(), ["p1".into(), "p2".into()].into(), "p3 was lost long ago");
    ledger.maintenance.forgiven.insert("p1".into());
    assert_eq!(ledger.struck(), ["p2".into()].into());
    server(&mut ledger, "p2").upkeep.drain = drain(Purpose::Shutdown);
    assert_eq!(ledger.struck(), [].into(), "that was asked for");
}

#[test]
fn what_keeps_the_cluster_from_acting_is_told() {
    let mut ledger = ledger();
    assert_eq!(ledger.standstills(), []);
    ledger.maintenance.storm = Some(Storm { since: NOW, servers: ["p1".into()].into() });
    let storm = ClusterWait::Storm { servers: ["p1".into()].into() };
    assert_eq!(ledger.standstills(), std::slice::from_ref(&storm));
    ledger.maintenance.disarmed = true;
    assert_eq!(ledger.standstills(), [ClusterWait::Disarmed, storm]);
}

/// Progress of the drain of p1, with groups there that wait for these reasons.
fn drained(purpose: Purpose, waits: &[Option<Wait>], active: bool) -> Option<ServerWait> {
    let mut ledger = ledger();
    server(&mut ledger, "p1").upkeep.drain = drain(purpose);
    for (wait, n) in waits.iter().zip(1..) {
        let state = GroupState { tenure: tenure(Phase::Online), wait: wait.clone(), ..GroupState::default() };
        ledger.groups.insert(format!("g{n}").into(), Arc::new(state));
    }
    if active {
        let copy = CopyState { power: Power::Running, ..CopyState::default() };
        web(&mut ledger).copies.insert("web1".into(), [("p1".into(), copy)].into());
    }
    ledger.drain_of(&"p1".into())
}

#[test]
fn a_drain_is_over_when_all_have_left_that_are_to() {
    assert_eq!(ledger().drain_of(&"p1".into()), None, "none was asked for");
    let stays = |why| Some(Wait::Stays { server: "p1".into(), why });
    let (stay, nowhere) = (stays(Stay::Declared), stays(Stay::Nowhere(Default::default())));
    let (watched, failed, leaves) = (Some(Wait::NotManaged), stays(Stay::NotMoved), Some(Wait::Flushed));
    for (purpose, shutdown) in [(Purpose::Drain, false), (Purpose::Shutdown, true)] {
        let drained = |waits: &[Option<Wait>], active| drained(purpose, waits, active).expect("it is drained");
        assert_eq!(drained(&[], false), ServerWait::Drained { staying: 0, shutdown });
        assert_eq!(drained(&[None], false), ServerWait::Draining { left: 1 });
        assert_eq!(drained(&[leaves.clone(), stay.clone()], false), ServerWait::Draining { left: 2 });
        for stuck in [&nowhere, &failed] {
            let waits = [stuck.clone(), stay.clone()];
            assert_eq!(drained(&waits, false), ServerWait::DrainStuck { left: 2, shutdown });
            assert_eq!(drained(&[stuck.clone(), None], false), ServerWait::Draining { left: 2 });
        }
    }
    let stay = [stay, watched];
    assert_eq!(drained(Purpose::Drain, &stay, false), Some(ServerWait::Drained { staying: 2, shutdown: false }));
    let stuck = Some(ServerWait::DrainStuck { left: 2, shutdown: true });
    assert_eq!(drained(Purpose::Shutdown, &stay, false), stuck, "a shutdown spares nobody");
}

#[test]
fn a_server_is_not_to_be_powered_off_while_anything_is_active_there() {
    let left = |purpose| drained(purpose, &[], true);
    assert_eq!(left(Purpose::Shutdown), Some(ServerWait::Draining { left: 0 }));
    assert_eq!(left(Purpose::Drain), Some(ServerWait::Drained { staying: 0, shutdown: false }), "it stays on");
    let mut ledger = ledger();
    let copy = CopyState { power: Power::Running, ..CopyState::default() };
    web(&mut ledger).copies.insert("web1".into(), [("p1".into(), copy.clone()), ("p2".into(), copy)].into());
    let p1 = server(&mut ledger, "p1");
    (p1.upkeep.drain, p1.off) = (drain(Purpose::Shutdown), off(NOW));
    let over = Some(ServerWait::Drained { staying: 0, shutdown: true });
    assert_eq!(ledger.drain_of(&"p1".into()), over, "what a server that is off ran is not active any more");
}

#[test]
fn room_is_kept_for_a_group_where_it_is_on_its_way_to() {
    let group = |intent, frozen, tenure| GroupState { intent, frozen, tenure, ..GroupState::default() };
    let ledger = ledger();
    let bound = |mut group: GroupState| {
        group.prefer = Some("p2".into());
        ledger.bound_for(&group).cloned()
    };
    let p2 = Some(ServerName::from("p2"));
    assert_eq!(bound(group(Intent::Online, false, None)), p2);
    let leaving = || tenure(Phase::Leaving { reason: LeaveReason::Switch("p2".into()), index: 2 });
    assert_eq!(bound(group(Intent::Online, false, leaving())), p2);
    assert_eq!(bound(group(Intent::Online, false, tenure(Phase::Online))), None, "it has arrived, or stays");
    assert_eq!(bound(group(Intent::Offline, false, None)), None);
    assert_eq!(bound(group(Intent::Online, true, None)), None);
}

#[test]
fn what_we_have_started_boots_until_it_was_seen_running() {
    let ledger = ledger();
    let boots = |power, run: Option<Run>| {
        let copy = CopyState { power, ..CopyState::default() };
        let mut group = GroupState::default();
        group.copies.insert("web1".into(), [("p1".into(), copy)].into());
        group.runs.extend(run.map(|run| ("web1".into(), run)));
        ledger.is_booting(&group, &"web1".into(), &"p1".into())
    };
    let started = || Some(Run { progress: Progress::Ordered(Time(1)), ..Run::default() });
    assert!(boots(Power::Starting, started()));
    assert!(!boots(Power::Running, started()));
    assert!(!boots(Power::Off, started()));
    assert!(!boots(Power::Starting, None), "not by us");
    assert!(!boots(Power::Starting, Some(Run::default())), "not by us");
    assert!(
        !boots(Power::Stopping, started().map(|run| Run { progress: Progress::Ran { ordered: true }, ..run })),
        "it ran, and goes down"
    );
}
