//! The proofs that nothing runs inside a silent node: every condition of every proof, one at a time.

use crate::site;
use std::{collections::BTreeMap, sync::Arc};
use tenure_core::{
    Author, Command, Entry, Inside, Ledger, NodeName, OrderId, Power, Reading, Refusal, Request, RequestId,
    ResourceName, Seen, ServerName, Span, SystemState, Time,
    config::{Cluster, Resource},
    ledger::{CopyState, Leases, NodeState, ServerState, StartRisk},
    listing::Listed,
};

const NOW: Time = Time(1_000_000);

/// Two servers with their nodes, and httpd inside either.
fn cluster() -> Cluster {
    site::with_web(site::with_lpars_of_nodes(), "httpd", Resource::agent("web".into(), "Application"))
}

fn apply(ledger: &mut Ledger, author: Author, command: Command) -> Option<Refusal> {
    let entry = Entry { at: NOW, wall: NOW, author, commands: vec![command] };
    ledger.apply(ledger.index + 1, &entry).refusal().cloned()
}

fn plan(ledger: &mut Ledger, command: Command) -> Option<Refusal> {
    apply(ledger, Author::Planner("n2".into()), command)
}

/// Node n1 is silent with its leases suspended, and n2 has read its LPAR off since.
fn silent() -> Ledger {
    let mut ledger = Ledger::default();
    let author = Author::Operator { name: "ann".into(), request: RequestId(1) };
    let configure = Command::Request(Request::Configure { cluster: Arc::new(cluster()), strand: false });
    assert_eq!(apply(&mut ledger, author, configure), None);
    assert_eq!(plan(&mut ledger, Command::Assign { server: "p1".into(), node: "n2".into() }), None);
    assert_eq!(plan(&mut ledger, Command::SuspendLeases("n1".into())), None);
    let suspended = ledger.index;
    let node = n1(&mut ledger);
    (node.met, node.known) = (true, true);
    let server = p1(&mut ledger);
    server.read = Some(("n2".into(), 1));
    (server.since, server.live, server.system, server.node) =
        (Some(suspended), true, SystemState::Operating, Power::Off);
    ledger
}

fn n1(ledger: &mut Ledger) -> &mut NodeState {
    ledger.nodes.get_mut(&NodeName::from("n1")).expect("it is declared")
}

fn p1(ledger: &mut Ledger) -> &mut ServerState {
    ledger.servers.get_mut(&ServerName::from("p1")).expect("it is declared")
}

fn not_off() -> Option<Refusal> {
    Some(Refusal::NodeNotOff { node: "n1".into() })
}

type Change = fn(&mut Ledger);

#[test]
fn an_lpar_read_off_is_a_proof_and_nothing_less_is() {
    assert_eq!(plan(&mut silent(), Command::NodeOff("n1".into())), None);
    let not: [(&str, Change); 9] = [
        ("a reading from before it was granted no lease", |ledger| {
            p1(ledger).since = p1(ledger).since.map(|since| since - 1);
        }),
        ("a reading from before the configuration", |ledger| ledger.configured = ledger.index + 1),
        ("the node's own reading", |ledger| p1(ledger).read = Some(("n1".into(), 1))),
        ("no reading at all", |ledger| (p1(ledger).read, p1(ledger).since) = (None, None)),
        ("a reading that is not live", |ledger| p1(ledger).live = false),
        ("a server that seems to be down", |ledger| p1(ledger).system = SystemState::PowerOff),
        ("an LPAR that runs", |ledger| p1(ledger).node = Power::Running),
        ("an LPAR that is not defined", |ledger| p1(ledger).node = Power::Absent),
        ("an LPAR that is not surely its own", |ledger| n1(ledger).known = false),
    ];
    for (what, change) in not {
        let mut ledger = silent();
        change(&mut ledger);
        assert_eq!(plan(&mut ledger, Command::NodeOff("n1".into())), not_off(), "{what}");
    }
    // Silence alone proves nothing, however long.
    let mut ledger = silent();
    p1(&mut ledger).live = false;
    n1(&mut ledger).lapse(0, Time(0));
    assert_eq!(plan(&mut ledger, Command::NodeOff("n1".into())), not_off());
}

/// The watcher of p1 reads the LPAR of n1.
fn observe(ledger: &mut Ledger, by: &str, uuid: &str, power: Power) {
    p1(ledger).watcher = Some(by.into());
    let uuid = (!uuid.is_empty()).then(|| uuid.to_owned());
    let reading = Reading {
        server: "p1".into(),
        by: by.into(),
        since: ledger.index,
        serial: ledger.index,
        system: SystemState::Operating,
        live: true,
        copies: BTreeMap::new(),
        node: power,
        node_listed: Listed { uuid, remark: None },
        vios: BTreeMap::new(),
        listed: BTreeMap::new(),
    };
    assert_eq!(plan(ledger, Command::Observe(reading)), None);
}

/// Node n1 has read its own LPAR running, and has been silent with its leases suspended since.
fn learnt() -> Ledger {
    let mut ledger = silent();
    (n1(&mut ledger).leases, n1(&mut ledger).known) = (Leases::Granted, false);
    (p1(&mut ledger).since, p1(&mut ledger).read) = (None, None);
    observe(&mut ledger, "n1", "A", Power::Running);
    assert_eq!((n1(&mut ledger).known, n1(&mut ledger).lpar.as_deref()), (true, Some("A")));
    assert_eq!(plan(&mut ledger, Command::SuspendLeases("n1".into())), None);
    ledger
}

#[test]
fn another_lpar_under_the_name_of_a_nodes_own_proves_nothing_and_is_not_cut_off() {
    for (uuid, proof) in [("A", None), ("", None), ("B", not_off())] {
        let mut ledger = learnt();
        observe(&mut ledger, "n2", uuid, Power::Off);
        assert_eq!(plan(&mut ledger, Command::NodeOff("n1".into())), proof, "{uuid:?}");
    }
    for (uuid, refused) in [("A", None), ("B", Some(Refusal::NoLpar { node: "n1".into() }))] {
        let mut ledger = learnt();
        observe(&mut ledger, "n2", uuid, Power::Running);
        n1(&mut ledger).lapse(0, NOW);
        assert_eq!(plan(&mut ledger, Command::FenceNode("n1".into())), refused, "{uuid}");
    }
}

#[test]
fn what_a_node_knows_of_its_lpar_holds_until_it_is_declared_otherwise() {
    let mut ledger = learnt();
    n1(&mut ledger).leases = Leases::Granted;
    for power in [Power::Running, Power::Off] {
        observe(&mut ledger, "n1", "B", power);
        assert_eq!((n1(&mut ledger).known, n1(&mut ledger).lpar.as_deref()), (true, Some("A")), "{power}");
        assert!(p1(&mut ledger).node_alarm.is_some());
    }
    let configure = |ledger: &mut Ledger, lpar: &str| {
        let mut cluster = cluster();
        cluster.nodes.get_mut("n1").expect("it is declared").lpar = Some(lpar.to_owned());
        let author = Author::Operator { name: "ann".into(), request: RequestId(ledger.index.into()) };
        let request = Request::Configure { cluster: Arc::new(cluster), strand: false };
        assert_eq!(apply(ledger, author, Command::Request(request)), None);
    };
    configure(&mut ledger, "other");
    assert_eq!((n1(&mut ledger).known, n1(&mut ledger).lpar.as_deref()), (false, None));
    observe(&mut ledger, "n1", "B", Power::Running);
    assert_eq!((n1(&mut ledger).known, n1(&mut ledger).lpar.as_deref()), (true, Some("B")));
    assert!(p1(&mut ledger).node_alarm.is_none());
    observe(&mut ledger, "n1", "B", Power::Off);
    assert_eq!((n1(&mut ledger).known, n1(&mut ledger).lpar.as_deref()), (false, None), "it was not its own");
}

#[test]
fn a_watchdog_is_a_proof_once_it_has_had_its_time() {
    let reset = |ago: Span| {
        let mut ledger = silent();
        p1(&mut ledger).live = false;
        let node = n1(&mut ledger);
        node.watchdog = Some(Span::seconds(40));
        node.lapse(0, Time(NOW.0 - ago.0));
        plan(&mut ledger, Command::NodeOff("n1".into()))
    };
    // A lease of 3 s that was sent meanwhile, 40 s and 5 % of it, and 1 s.
    assert_eq!(reset(Span(46_000)), None);
    assert_eq!(reset(Span(45_999)), not_off());
    let mut ledger = silent();
    p1(&mut ledger).live = false;
    n1(&mut ledger).watchdog = Some(Span::seconds(40));
    assert_eq!(plan(&mut ledger, Command::NodeOff("n1".into())), not_off(), "no lease has ended");
}

#[test]
fn an_lpar_is_cut_off_only_when_no_lease_is_good_and_by_another_node() {
    let lapsed = |change: Change| {
        let mut ledger = silent();
        p1(&mut ledger).node = Power::Running;
        n1(&mut ledger).lapse(0, NOW);
        change(&mut ledger);
        plan(&mut ledger, Command::FenceNode("n1".into()))
    };
    assert_eq!(lapsed(|_| {}), None);
    assert_eq!(
        lapsed(|ledger| n1(ledger).leases = Leases::Suspended { from: 3 }),
        Some(Refusal::NodeHeard { node: "n1".into() })
    );
    assert_eq!(lapsed(|ledger| n1(ledger).known = false), Some(Refusal::NoLpar { node: "n1".into() }));
    let own: Change = |ledger| {
        p1(ledger).watcher = Some("n1".into());
        n1(ledger).lapse(0, NOW);
    };
    assert!(lapsed(own).is_some(), "its own watcher");
    let fenced: Change = |ledger| n1(ledger).fence = Some(OrderId { index: 1, ordinal: 0 });
    assert_eq!(lapsed(fenced), Some(Refusal::BeingFenced { server: "p1".into() }));
}

#[test]
fn a_node_that_is_out_says_nothing_and_is_asked_nothing() {
    let mut ledger = silent();
    let seen = Seen { power: Power::Off, since: ledger.index, ..Seen::default() };
    let inside = Inside { seen: BTreeMap::from([(ResourceName::from("httpd"), seen)]), watchdog: None };
    let sense = Command::Sense { node: "n1".into(), inside };
    assert_eq!(plan(&mut ledger, sense), Some(Refusal::Lapsed { node: "n1".into() }));
    assert_eq!(ledger.node_in_charge(&"p1".into()), None);
}

fn httpd(ledger: &mut Ledger) -> &mut CopyState {
    let group = ledger.groups.get_mut("web").expect("it is declared");
    let copies = Arc::make_mut(group).copies.get_mut(&ResourceName::from("httpd")).expect("it is declared");
    copies.get_mut(&ServerName::from("p1")).expect("it is listed there")
}

#[test]
fn a_look_from_before_an_order_was_closed_leaves_its_start_loose() {
    for (older, left) in [(1, StartRisk::Loose(NOW)), (0, StartRisk::None)] {
        let mut ledger = silent();
        assert_eq!(plan(&mut ledger, Command::TakeBackNode("n1".into())), None);
        let index = ledger.index;
        *httpd(&mut ledger) = CopyState { risk: StartRisk::Loose(NOW), quiet_from: index, ..CopyState::default() };
        let seen = Seen { power: Power::Off, since: index - older, ..Seen::default() };
        let inside = Inside { seen: BTreeMap::from([(ResourceName::from("httpd"), seen)]), watchdog: None };
        assert_eq!(plan(&mut ledger, Command::Sense { node: "n1".into(), inside }), None);
        assert_eq!(httpd(&mut ledger).risk, left);
    }
}

#[test]
fn what_a_node_said_before_it_was_proven_off_is_not_heard_after_it_has_returned() {
    let mut ledger = silent();
    let before = ledger.index;
    assert_eq!(plan(&mut ledger, Command::NodeOff("n1".into())), None);
    assert_eq!(plan(&mut ledger, Command::TakeBackNode("n1".into())), None);
    let seen = Seen { power: Power::Running, since: before, serial: 9, ..Seen::default() };
    let inside = Inside { seen: BTreeMap::from([(ResourceName::from("httpd"), seen)]), watchdog: None };
    assert_eq!(plan(&mut ledger, Command::Sense { node: "n1".into(), inside }), None);
    assert_eq!(httpd(&mut ledger).power, Power::Unknown);
}

#[test]
fn a_node_that_is_heard_again_is_off_no_longer() {
    let mut ledger = silent();
    assert_eq!(plan(&mut ledger, Command::NodeOff("n1".into())), None);
    assert!(ledger.node_off_on(&"p1".into()).is_some());
    assert_eq!(plan(&mut ledger, Command::TakeBackNode("n1".into())), None);
    assert!(ledger.node_off_on(&"p1".into()).is_none());
    // An earlier reading does not count when it is silent again.
    assert_eq!(plan(&mut ledger, Command::SuspendLeases("n1".into())), None);
    assert_eq!(plan(&mut ledger, Command::NodeOff("n1".into())), not_off());
}

#[test]
fn an_older_look_changes_nothing() {
    for (since, serial, counts) in [(0, 4, true), (0, 3, true), (0, 2, false), (1, 9, false)] {
        let mut ledger = silent();
        assert_eq!(plan(&mut ledger, Command::TakeBackNode("n1".into())), None);
        let index = ledger.index;
        *httpd(&mut ledger) =
            CopyState { power: Power::Running, since: Some(index), serial: 3, ..CopyState::default() };
        let seen = Seen { power: Power::Off, since: index - since, serial, ..Seen::default() };
        let inside = Inside { seen: BTreeMap::from([(ResourceName::from("httpd"), seen)]), watchdog: None };
        assert_eq!(plan(&mut ledger, Command::Sense { node: "n1".into(), inside }), None);
        let expected = if counts { Power::Off } else { Power::Running };
        assert_eq!(httpd(&mut ledger).power, expected, "{since} entries older, number {serial}");
    }
}
