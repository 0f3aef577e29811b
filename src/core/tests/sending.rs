//! The conditions under which an order is no longer sent, one at a time.

use crate::site;
use std::sync::Arc;
use tenure_core::{
    Command, NodeName, Power, Reading, Request, ServerName, Span, SystemState, Time, Verb,
    config::{Cluster, Resource},
    ledger::{Leases, NodeState, Phase, ServerState, Unsent},
    note::{LeaveReason, OffHow},
    order::{Epoch, Order},
};

/// Two servers with their nodes, and group web with LPAR web1 on both.
fn cluster() -> Cluster {
    site::with_web(site::with_lpars_of_nodes(), "web1", site::web1())
}

site::case!(Case);

impl Case {
    /// The group holds its tenure on p1, where the LPAR reads `power`.
    fn with(power: Power) -> Self {
        let mut case = Case(site::Case::watched(cluster()));
        case.reads("p1", SystemState::Operating, power);
        case.reads("p2", SystemState::Operating, Power::Off);
        if power.is_active() {
            case.must(Command::Adopt { group: "web".into(), server: "p1".into() });
        } else {
            case.ask(Verb::Online { group: "web".into(), server: None, propagate: false });
            case.must(Command::Grant { group: "web".into(), server: "p1".into() });
        }
        case
    }

    fn ask(&mut self, request: impl Into<Request>) {
        assert_eq!(self.0.ask(request).refusal(), None);
    }

    fn reads(&mut self, server: &str, system: SystemState, power: Power) {
        let copies = [("web1".into(), power)].into();
        let serial = self.ledger.index + 1;
        let reading = Reading { serial, system, copies, node: Power::Running, ..self.reading(server) };
        self.must(Command::Observe(reading));
    }

    fn epoch(&self) -> Epoch {
        self.ledger.epoch
    }

    fn order(&self) -> Order {
        self.ledger.orders.values().next().expect("one is open").clone()
    }

    fn server(&mut self, name: &str) -> &mut ServerState {
        self.ledger.servers.get_mut(&ServerName::from(name)).expect("it is declared")
    }

    fn node(&mut self, name: &str) -> &mut NodeState {
        self.ledger.nodes.get_mut(&NodeName::from(name)).expect("it is declared")
    }

    /// The verdict on its one order, at once.
    fn says(&self) -> Result<(), Unsent> {
        self.ledger.may_send(&self.order(), Span(0))
    }
}

fn starting() -> Case {
    let mut case = Case::with(Power::Off);
    let epoch = case.epoch();
    case.must(Command::Start { resource: "web1".into(), epoch, restart: false });
    assert_eq!(case.says(), Ok(()));
    case
}

fn stopping() -> Case {
    let mut case = Case::with(Power::Running);
    let epoch = case.epoch();
    case.must(Command::Leave { group: "web".into(), epoch, reason: LeaveReason::Offline });
    case.must(Command::Stop { resource: "web1".into(), server: "p1".into(), grace: Span::seconds(60) });
    assert_eq!(case.says(), Ok(()));
    case
}

/// Orders node n2 to power p1 off.
fn fencing() -> Case {
    let mut case = Case::with(Power::Off);
    case.must(Command::Assign { server: "p1".into(), node: "n2".into() });
    case.must(Command::Fence("p1".into()));
    assert_eq!(case.says(), Ok(()));
    case
}

#[test]
fn nothing_is_sent_of_an_order_that_is_closed_or_late() {
    let mut case = starting();
    let order = case.order();
    assert_eq!(case.ledger.may_send(&order, order.budget), Err(Unsent::Late));
    case.ledger.orders.clear();
    assert_eq!(case.ledger.may_send(&order, Span(0)), Err(Unsent::Closed));
}

#[test]
fn a_disarmed_cluster_and_a_frozen_group_hold_back_what_is_ordered() {
    for case in [starting, stopping, fencing] {
        let mut case = case();
        case.ask(Verb::Disarm);
        assert_eq!(case.says(), Err(Unsent::Disarmed));
        case.ask(Verb::Arm);
        assert_eq!(case.says(), Ok(()));
    }
    for case in [starting, stopping] {
        let mut case = case();
        case.ask(Verb::Freeze { group: "web".into() });
        assert_eq!(case.says(), Err(Unsent::Frozen("web".into())));
    }
}

#[test]
fn nothing_is_sent_of_a_group_that_is_only_watched_nor_of_what_is_declared_otherwise() {
    for case in [starting, stopping] {
        let mut case = case();
        let mut watched = cluster();
        watched.groups.get_mut("web").expect("it is declared").managed = false;
        let config = std::mem::replace(&mut case.ledger.config, Arc::new(watched));
        assert_eq!(case.says(), Err(Unsent::NotManaged("web".into())));
        case.ledger.config = config;
        assert_eq!(case.says(), Ok(()));
    }
    let redeclared = |case: &mut Case, server: &str| {
        let index = case.ledger.index + 1;
        let group = Arc::make_mut(case.ledger.groups.get_mut("web").expect("it is declared"));
        group.copies.get_mut("web1").and_then(|copies| copies.get_mut(server)).expect("a copy").declared = index;
        case.says()
    };
    assert_eq!(redeclared(&mut starting(), "p2"), Err(Unsent::Redeclared), "a start is for one copy of several");
    assert_eq!(redeclared(&mut stopping(), "p2"), Ok(()), "a stop is of one");
    assert_eq!(redeclared(&mut stopping(), "p1"), Err(Unsent::Redeclared));
}

#[test]
fn a_start_is_sent_under_a_tenure_that_stays() {
    let mut case = starting();
    case.ask(Verb::Offline { group: "web".into(), propagate: false });
    let epoch = case.epoch();
    assert_eq!(case.says(), Err(Unsent::Tenure(epoch)));

    // Under a later tenure, or on another server.
    for (later, server) in [(1, "p1"), (0, "p2")] {
        let mut case = starting();
        let group = Arc::make_mut(case.ledger.groups.get_mut("web").expect("it is declared"));
        let tenure = group.tenure.as_mut().expect("it holds one");
        (tenure.epoch, tenure.server) = (Epoch(tenure.epoch.0 + later), server.into());
        assert!(matches!(case.says(), Err(Unsent::Tenure(_))), "{server}");
    }
}

#[test]
fn a_stop_is_not_sent_where_the_lpar_runs_by_right() {
    let mut case = stopping();
    let group = Arc::make_mut(case.ledger.groups.get_mut("web").expect("it is declared"));
    group.tenure.as_mut().expect("it holds one").phase = Phase::Online;
    assert_eq!(case.says(), Err(Unsent::ByRight("p1".into())));
}

#[test]
fn a_server_is_not_powered_off_that_is_up_or_off() {
    let mut case = fencing();
    let issued = case.order().id.index;
    // A reading from before the order was known when the order was given.
    case.server("p1").since = Some(issued - 1);
    assert_eq!(case.says(), Ok(()));
    case.server("p1").since = Some(issued);
    assert_eq!(case.says(), Err(Unsent::Up("p1".into())));
    case.server("p1").live = false;
    assert_eq!(case.says(), Ok(()));
    let how = OffHow::Operator { name: "ann".to_owned() };
    case.server("p1").off = Some(tenure_core::ledger::OffProof { how, index: issued, at: Time(1_000) });
    assert_eq!(case.says(), Err(Unsent::Off("p1".into())));
}

#[test]
fn a_node_is_not_cut_off_that_was_taken_back() {
    let mut case = Case::with(Power::Running);
    case.must(Command::LapseNode("n1".into()));
    case.must(Command::Assign { server: "p1".into(), node: "n2".into() });
    (case.node("n1").met, case.node("n1").known) = (true, true);
    case.must(Command::FenceNode("n1".into()));
    assert_eq!(case.says(), Err(Unsent::NotNeeded("n1".into())), "an LPAR needs no node");
    let inside = Resource::agent("web".into(), "Application");
    Arc::make_mut(&mut case.ledger.config).resources.insert("web1".into(), inside);
    assert_eq!(case.says(), Ok(()));
    case.ask(Verb::Freeze { group: "web".into() });
    assert_eq!(case.says(), Err(Unsent::NotNeeded("n1".into())), "nothing moves now");
    case.ask(Verb::Unfreeze { group: "web".into() });
    case.node("n1").leases = Leases::Granted;
    assert_eq!(case.says(), Err(Unsent::Node("n1".into())));
}
