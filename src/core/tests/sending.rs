//! The conditions under which an order is no longer sent, one at a time.

use crate::{
    scene::{ORDER, Scene, migration},
    site,
};
use std::sync::Arc;
use tenure_core::{
    Action, Command, NodeName, Power, Reading, Request, ServerName, Span, SystemState, Time, Verb,
    config::{Cluster, Resource},
    ledger::{Down, Hold, Leases, Migration, NodeState, Phase, ServerState, Unsent},
    note::{Conflict, LeaveReason, OffHow},
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
        case.ask(Verb::Disarm { terms: Default::default() });
        assert_eq!(case.says(), Err(Unsent::Disarmed));
        case.ask(Verb::Arm);
        assert_eq!(case.says(), Ok(()));
    }
    for case in [starting, stopping] {
        let mut case = case();
        case.ask(Verb::Freeze { group: "web".into(), terms: Default::default() });
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
    let how = OffHow::Operator { name: "admin".into() };
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
    case.ask(Verb::Freeze { group: "web".into(), terms: Default::default() });
    assert_eq!(case.says(), Err(Unsent::NotNeeded("n1".into())), "nothing moves now");
    case.ask(Verb::Unfreeze { group: "web".into() });
    case.node("n1").leases = Leases::Granted;
    assert_eq!(case.says(), Err(Unsent::Node("n1".into())));
}

/// What p1's node says to this order of the past, for web1 of a group that is online there.
fn sends(action: Action, change: impl Fn(&mut Scene)) -> Result<(), Unsent> {
    let mut scene = Scene::new(cluster());
    scene.holds("web", "p1", Phase::Online);
    scene.owes("p1", action);
    change(&mut scene);
    scene.ledger.may_send(&scene.ledger.orders[&ORDER], Span(0))
}

fn stops() -> Action {
    Action::Stop { resource: "web1".into(), grace: Span(0) }
}

fn starts() -> Action {
    let (group, resource) = ("web".into(), "web1".into());
    Action::Start { group, resource, epoch: Epoch(1), vouched: Default::default(), home: None }
}

#[test]
fn a_move_is_sent_under_its_migration_and_only_back_once_that_was_given_up() {
    let migrating = |aborted| Phase::Migrating(Migration { aborted, ..migration("p2") });
    let given_up = Err(Unsent::GivenUp("web".into()));
    let ended = Err(Unsent::Tenure(Epoch(1)));
    for (phase, epoch, to, expected) in [
        (Some(migrating(false)), 1, "p2", Ok(())),
        (Some(migrating(false)), 1, "p1", Ok(())),
        (Some(migrating(true)), 1, "p2", given_up),
        (Some(migrating(true)), 1, "p1", Ok(())),
        (Some(migrating(false)), 2, "p2", ended.clone()),
        (Some(Phase::Online), 1, "p2", ended.clone()),
        (None, 1, "p2", ended),
    ] {
        let (group, resource) = ("web".into(), "web1".into());
        let moves = Action::Migrate { group, resource, epoch: Epoch(1), to: to.into() };
        let change = |scene: &mut Scene| match &phase {
            Some(phase) => {
                scene.holds("web", "p1", phase.clone());
                scene.web().tenure.as_mut().expect("it holds one").epoch = Epoch(epoch);
            }
            None => scene.web().tenure = None,
        };
        assert_eq!(sends(moves, change), expected, "{phase:?} {epoch} {to}");
    }
}

#[test]
fn of_a_frozen_group_only_the_wrong_one_of_two_copies_is_stopped() {
    let frozen = Err(Unsent::Frozen("web".into()));
    for strangers in [true, false] {
        for held in [true, false] {
            let change = |scene: &mut Scene| {
                let hold = Hold { conflict: Conflict { active: Default::default() }, judged_from: None };
                (scene.web().frozen, scene.web().upkeep.strangers) = (true, strangers);
                (scene.web().hold, scene.web().tenure) = (Some(hold).filter(|_| held), None);
            };
            let expected = if strangers && held { Ok(()) } else { frozen.clone() };
            assert_eq!(sends(stops(), change), expected, "{strangers} {held}");
            assert_eq!(sends(starts(), change), frozen, "{strangers} {held}");
        }
    }
}

#[test]
fn an_order_stands_that_was_given_for_what_is_declared_now() {
    for (declared, expected) in
        [(ORDER.index - 1, Ok(())), (ORDER.index, Ok(())), (ORDER.index + 1, Err(Unsent::Redeclared))]
    {
        assert_eq!(sends(starts(), |scene| scene.server("p1").declared = declared), expected, "server, {declared}");
        assert_eq!(sends(starts(), |scene| scene.copy("web1", "p1").declared = declared), expected, "copy, {declared}");
    }
}

#[test]
fn what_is_to_be_recycled_or_stays_down_runs_by_no_right() {
    for restart in [true, false] {
        for wanted in [true, false] {
            let change = |scene: &mut Scene| {
                let run = scene.run("web1");
                (run.restart, run.down) = (restart, Some(Down::Operator).filter(|_| !wanted));
            };
            let by_right = Err(Unsent::ByRight("p1".into()));
            let expected = if wanted && !restart { by_right } else { Ok(()) };
            assert_eq!(sends(stops(), change), expected, "{restart} {wanted}");
        }
    }
}

#[test]
fn why_an_order_is_not_sent_is_said() {
    let (group, server, node) = (|| "web".into(), || "p1".into(), || "n1".into());
    for (unsent, words) in [
        (Unsent::Closed, "the order is closed"),
        (Unsent::Frozen(group()), "group web is frozen"),
        (Unsent::NotManaged(group()), "group web is only watched"),
        (Unsent::NotNeeded(node()), "nothing waits for node n1 any more"),
        (Unsent::Tenure(Epoch(3)), "tenure 3 does not stay"),
        (Unsent::ByRight(server()), "it runs on p1 by right"),
        (Unsent::GivenUp(group()), "the migration of group web was given up"),
        (Unsent::Up(server()), "server p1 is up"),
        (Unsent::Off(server()), "server p1 is off already"),
        (Unsent::Node(node()), "node n1 is not to be cut off any more"),
    ] {
        assert_eq!(unsent.to_string(), words);
    }
}
