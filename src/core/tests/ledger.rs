//! The ledger against a wrong planner: whatever is proposed, tenures begin and end only with proofs.

use crate::site;
use std::{collections::BTreeMap, sync::Arc};
use tenure_core::{
    Action, Author, Command, Entry, Ledger, Power, Reading, Refusal, Report, Request, RequestId, ResourceName,
    ServerName, Span, SystemState, Time, Verb, View,
    config::{Address, Cluster, Kind, Resource},
    ledger::{Fall, Phase},
    listing::{Environment, Known, Listed, Remark},
    note::{FaultReason, LeaveReason, Proof},
    order::{Ending, Epoch},
    plan::plan,
};

/// Two servers with their nodes, and group web with LPAR web1 on both.
fn cluster() -> Cluster {
    site::with_web(site::site(2), "web1", site::web1())
}

site::case!(Case);

impl Case {
    /// The cluster, watched by its nodes; nothing has been read.
    fn unread() -> Self {
        Case(site::Case::watched(cluster()))
    }

    /// Both servers read, web1 off on both.
    fn read() -> Self {
        let mut case = Case::unread();
        case.reads("p1", Power::Off);
        case.reads("p2", Power::Off);
        case
    }

    /// Granted to p1, and web1 ordered to start there.
    fn starting() -> Self {
        let mut case = Case::read();
        case.must(grant("p1"));
        case.must(start(1));
        case
    }

    /// Online on p1.
    fn online() -> Self {
        let mut case = Case::starting();
        case.answer(Ending::Done);
        case.reads("p1", Power::Running);
        case.must(Command::Online { group: "web".into(), epoch: Epoch(1) });
        case
    }

    fn reading(&self, server: &str, power: Power) -> Reading {
        Reading { copies: BTreeMap::from([(ResourceName::from("web1"), power)]), ..self.0.reading(server) }
    }

    fn reads(&mut self, server: &str, power: Power) {
        let reading = self.reading(server, power);
        self.must(Command::Observe(reading));
    }
}

fn grant(server: &str) -> Command {
    Command::Grant { group: "web".into(), server: server.into() }
}

fn start(epoch: u64) -> Command {
    Command::Start { resource: "web1".into(), epoch: Epoch(epoch), restart: false }
}

fn vacate(epoch: u64) -> Command {
    Command::Vacate { group: "web".into(), epoch: Epoch(epoch) }
}

fn leave() -> Command {
    Command::Leave { group: "web".into(), epoch: Epoch(1), reason: LeaveReason::Fault }
}

fn not_proven(server: &str, power: Power) -> Option<Refusal> {
    Some(Refusal::NotProvenOff { resource: "web1".into(), server: server.into(), power })
}

fn in_flight() -> Option<Refusal> {
    Some(Refusal::StartInFlight { resource: "web1".into(), server: "p1".into() })
}

#[test]
fn there_is_never_a_second_tenure() {
    let mut case = Case::starting();
    let has = Some(Refusal::HasTenure { group: "web".into(), server: "p1".into() });
    assert_eq!(case.plan(grant("p2")), has);
    assert_eq!(case.plan(grant("p1")), has);
    case.reads("p2", Power::Running);
    assert_eq!(case.plan(Command::Adopt { group: "web".into(), server: "p2".into() }), has);
}

#[test]
fn a_tenure_begins_only_when_nothing_can_be_active_elsewhere() {
    let mut case = Case::unread();
    case.reads("p1", Power::Off);
    assert_eq!(case.plan(grant("p1")), not_proven("p2", Power::Unknown), "never read");
    for power in [Power::Running, Power::Starting, Power::Stopping, Power::Unknown] {
        case.reads("p2", power);
        assert_eq!(case.plan(grant("p1")), not_proven("p2", power));
    }
    case.reads("p2", Power::Off);
    assert_eq!(case.plan(grant("p1")), None);
    assert_eq!(case.ledger.epoch, Epoch(1));
}

#[test]
fn what_runs_twice_is_adopted_nowhere() {
    let mut case = Case::read();
    let adopt = |server: &str| Command::Adopt { group: "web".into(), server: server.into() };
    for server in ["p1", "p2"] {
        case.reads(server, Power::Running);
    }
    for (server, other) in [("p1", "p2"), ("p2", "p1")] {
        assert_eq!(case.plan(adopt(server)), not_proven(other, Power::Running));
    }
    case.reads("p2", Power::Off);
    assert_eq!(case.plan(adopt("p1")), None);
}

#[test]
fn what_is_frozen_is_placed_nowhere() {
    let mut case = Case::read();
    case.ask(Verb::Freeze { group: "web".into(), terms: Default::default() });
    assert_eq!(case.plan(grant("p1")), Some(Refusal::Frozen { group: "web".into() }));
    case.ask(Verb::Unfreeze { group: "web".into() });
    assert_eq!(case.plan(grant("p1")), None);
}

#[test]
fn a_start_needs_its_tenure_and_its_only_copy() {
    let mut case = Case::read();
    assert_eq!(case.plan(start(1)), Some(Refusal::WrongEpoch { group: "web".into() }));
    case.must(grant("p1"));
    assert_eq!(case.plan(start(2)), Some(Refusal::WrongEpoch { group: "web".into() }));
    case.must(start(1));
    assert_eq!(case.plan(start(1)), in_flight(), "one start at a time");
    case.answer(Ending::Done);
    case.reads("p1", Power::Running);
    let active = Refusal::AlreadyActive { resource: "web1".into(), server: "p1".into() };
    assert_eq!(case.plan(start(1)), Some(active));
    case.reads("p2", Power::Running);
    case.reads("p1", Power::Off);
    assert_eq!(case.plan(start(1)), not_proven("p2", Power::Running), "a second copy was started by hand");
}

#[test]
fn a_tenure_ends_only_with_a_proof() {
    let mut case = Case::online();
    assert!(matches!(case.plan(vacate(1)), Some(Refusal::AlreadyOn { .. })), "it is online");
    assert_eq!(case.plan(vacate(7)), Some(Refusal::WrongEpoch { group: "web".into() }));
    let early = case.reading("p1", Power::Off);
    case.must(leave());
    assert_eq!(case.plan(vacate(1)), not_proven("p1", Power::Running));
    case.must(Command::Observe(early));
    assert_eq!(case.plan(vacate(1)), not_proven("p1", Power::Unknown), "it was read off before the leaving began");
    case.reads("p1", Power::Off);
    assert_eq!(case.plan(vacate(1)), None);
    assert!(case.ledger.groups["web"].tenure.is_none());
}

#[test]
fn a_start_without_answer_settles_before_its_tenure_ends() {
    let mut case = Case::starting();
    case.must(leave());
    case.reads("p1", Power::Off);
    assert_eq!(case.plan(vacate(1)), in_flight(), "the order is out");
    case.now += 5_000;
    case.must(Command::LapseNode("n1".into()));
    assert_eq!(case.plan(vacate(1)), in_flight(), "its node is gone, the start may not be");
    case.must(Command::Assign { server: "p1".into(), node: "n2".into() });
    let settle = || Command::Settle { resource: "web1".into(), server: "p1".into() };
    let early = Some(Refusal::NotSettled { resource: "web1".into(), server: "p1".into() });
    case.now += 29_999;
    assert_eq!(case.plan(settle()), early);
    let before = Reading { by: "n2".into(), ..case.reading("p1", Power::Off) };
    case.now += 1;
    case.must(settle());
    case.must(Command::Observe(before));
    assert_eq!(case.plan(vacate(1)), not_proven("p1", Power::Off), "what was read before it settled counts no more");
    let after = Reading { by: "n2".into(), ..case.reading("p1", Power::Off) };
    case.must(Command::Observe(after));
    assert_eq!(case.plan(vacate(1)), None);
}

#[test]
fn unknown_is_neither_failed_nor_off() {
    let mut case = Case::starting();
    case.answer(Ending::Unknown("no answer".into()));
    let group = &case.ledger.groups["web"];
    assert_eq!(group.runs["web1"].refused, None);
    case.reads("p1", Power::Off);
    assert_eq!(case.plan(start(1)), in_flight(), "it may have started");
    let mut case = Case::starting();
    case.answer(Ending::Refused("no memory".into()));
    assert_eq!(case.ledger.groups["web"].runs["web1"].refused.as_deref(), Some("no memory"));
}

#[test]
fn readings_count_by_what_they_follow() {
    let mut case = Case::read();
    let stale = |server: &str| Some(Refusal::Stale { server: server.into() });
    let old = case.reading("p1", Power::Running);
    case.reads("p2", Power::Off);
    case.reads("p1", Power::Off);
    assert_eq!(case.plan(Command::Observe(old)), stale("p1"));
    let foreign = Reading { by: "n2".into(), ..case.reading("p1", Power::Running) };
    assert_eq!(case.plan(Command::Observe(foreign)), stale("p1"), "not its watcher");
    let foreseen = Reading { since: u64::MAX, ..case.reading("p1", Power::Running) };
    assert_eq!(case.plan(Command::Observe(foreseen)), stale("p1"), "it would be the newest for ever");
    case.must(Command::LapseNode("n1".into()));
    let lapsed = case.reading("p1", Power::Running);
    assert_eq!(case.plan(Command::Observe(lapsed)), Some(Refusal::Lapsed { node: "n1".into() }));
    assert_eq!(case.ledger.groups["web"].copies["web1"]["p1"].power, Power::Off);
}

#[test]
fn a_repeated_request_is_applied_once() {
    let mut case = Case::online();
    let author = Author::first_user(RequestId(77));
    let offline = Command::Request(Verb::Offline { group: "web".into(), propagate: false }.into());
    let first = case.apply(author.clone(), offline.clone());
    let again = case.apply(author, offline);
    assert_eq!(first.reply, again.reply, "the answer of the first time, not a refusal");
    assert!(again.reply.index < case.ledger.index);
    assert_eq!(
        case.ask(Verb::Offline { group: "web".into(), propagate: false }).refusal(),
        Some(&Refusal::AlreadyOffline { group: "web".into() })
    );
}

#[test]
fn what_runs_by_right_is_not_stopped() {
    let mut case = Case::online();
    let stop = |server: &str| Command::Stop { resource: "web1".into(), server: server.into(), grace: Span(0) };
    assert!(matches!(case.plan(stop("p1")), Some(Refusal::AlreadyOn { .. })));
    assert_eq!(case.ask(Verb::Freeze { group: "web".into(), terms: Default::default() }).refusal(), None);
    assert!(matches!(case.plan(stop("p2")), Some(Refusal::Frozen { .. })), "nothing is done to a frozen group");
}

#[test]
fn an_operator_is_believed_only_where_nothing_speaks_against_it() {
    let mut case = Case::online();
    let confirm = || Verb::ConfirmOff { server: "p1".into() };
    assert!(matches!(case.ask(confirm()).refusal(), Some(Refusal::LooksAlive { .. })));
    let dark = Reading {
        system: SystemState::NoConnection,
        live: false,
        copies: BTreeMap::new(),
        ..case.reading("p1", Power::Off)
    };
    case.must(Command::Observe(dark));
    assert!(matches!(case.ask(confirm()).refusal(), Some(Refusal::NodeSpeaks { .. })));
    case.must(Command::LapseNode("n1".into()));
    assert_eq!(case.ask(confirm()).refusal(), None);
    assert_eq!(case.plan(vacate(1)), None, "its word is the proof");
    let said = case.ledger.journal.iter().any(|event| event.kind == "proven_off");
    assert!(said, "and is written down");
    assert_eq!(case.plan(grant("p2")), None);
}

#[test]
fn time_and_epochs_never_go_back() {
    let mut case = Case::online();
    let now = case.ledger.now;
    case.now = 1;
    case.must(leave());
    assert_eq!(case.ledger.now, now, "a leader with a slow clock");
    case.reads("p1", Power::Off);
    case.must(vacate(1));
    case.must(grant("p2"));
    assert_eq!(case.ledger.epoch, Epoch(2));
    assert!(matches!(case.ledger.groups["web"].tenure.as_ref().map(|tenure| &tenure.phase), Some(Phase::Starting)));
    let list: Vec<ServerName> = case.ledger.groups_on(&"p2".into()).map(|(name, _)| name.as_str().into()).collect();
    assert_eq!(list, ["web".into()]);
}

#[test]
fn the_profile_of_a_server_comes_before_that_of_all() {
    let Kind::Lpar(mut lpar) = Resource::lpar("web".into(), "web1").kind else { panic!("an LPAR") };
    assert_eq!(lpar.profile_on(&"p1".into()), None);
    lpar.profile = Some("default".to_owned());
    lpar.profiles.insert("p2".into(), "small".to_owned());
    assert_eq!(lpar.profile_on(&"p1".into()).map(String::as_str), Some("default"));
    assert_eq!(lpar.profile_on(&"p2".into()).map(String::as_str), Some("small"));
}

/// The only open order is to power the server off, given to the other node.
fn fenced(case: &mut Case) -> tenure_core::OrderId {
    case.must(Command::Assign { server: "p1".into(), node: "n2".into() });
    case.must(Command::Fence("p1".into()));
    *case.ledger.orders.keys().next().expect("an order is open")
}

fn by_n2(case: &Case, system: SystemState) -> Reading {
    Reading { by: "n2".into(), system, ..case.reading("p1", Power::Off) }
}

#[test]
fn a_server_that_was_read_up_since_is_not_powered_off() {
    for (rises, proven) in [(false, true), (true, false)] {
        let mut case = Case::read();
        let order = fenced(&mut case);
        let down = by_n2(&case, SystemState::PowerOff);
        if rises {
            let up = by_n2(&case, SystemState::Operating);
            case.must(Command::Observe(Reading { serial: up.serial + 1, ..up }));
        }
        let seen = BTreeMap::new();
        case.must(Command::Report(Report { order, ending: Ending::Done, readings: vec![down], seen }));
        assert_eq!(case.ledger.servers["p1"].off.is_some(), proven, "read up meanwhile: {rises}");
    }
}

#[test]
fn a_server_that_comes_back_does_not_forget_that_a_start_is_in_flight() {
    let mut case = Case::starting();
    let dark = Reading { live: false, system: SystemState::NoConnection, ..case.reading("p1", Power::Off) };
    case.must(Command::Observe(dark));
    case.must(Command::LapseNode("n1".into()));
    assert_eq!(case.ask(Verb::ConfirmOff { server: "p1".into() }).refusal(), None);
    case.must(vacate(1));
    case.must(Command::Assign { server: "p1".into(), node: "n2".into() });
    let up = by_n2(&case, SystemState::Operating);
    case.must(Command::Observe(up));
    case.must(Command::ReappearServer("p1".into()));
    let off = by_n2(&case, SystemState::Operating);
    case.must(Command::Observe(off));
    assert_eq!(case.plan(grant("p2")), in_flight(), "it reads Off, and the HMC may start it yet");
}

#[test]
fn another_machine_is_not_put_under_what_runs() {
    let mut case = Case::online();
    let mut other = cluster();
    let mtms = "9009-42A*7654321".to_owned();
    let address = Address::Hmc { system: "p1".to_owned(), mtms };
    other.servers.get_mut("p1").expect("it is declared").address = Some(address);
    let configure = Request::Configure { cluster: Arc::new(other), strand: true };
    let outcome = case.ask(configure);
    assert!(outcome.refusal().is_some(), "it would read another machine and take that for this one");
    assert!(case.ledger.groups["web"].tenure.is_some());
}

#[test]
fn what_runs_or_holds_a_tenure_does_not_go_out_of_sight_even_if_that_is_asked_for() {
    // It holds its tenure there, and is down for the moment; or it runs where it has none.
    for (reads, power) in [("p1", Power::Off), ("p2", Power::Running)] {
        let mut case = Case::online();
        case.reads(reads, power);
        let mut other = cluster();
        other.groups.get_mut("web").expect("it is declared").servers.retain(|server| server.as_str() != reads);
        let outcome = case.ask(Request::Configure { cluster: Arc::new(other), strand: true });
        assert!(matches!(outcome.refusal(), Some(Refusal::LosesSight(_))), "{reads}: {:?}", outcome.refusal());
    }
}

#[test]
fn a_group_that_fell_with_its_server_can_be_cleared_once() {
    let mut case = Case::online();
    let dark = Reading { live: false, system: SystemState::NoConnection, ..case.reading("p1", Power::Off) };
    case.must(Command::Observe(dark));
    case.must(Command::LapseNode("n1".into()));
    assert_eq!(case.ask(Verb::ConfirmOff { server: "p1".into() }).refusal(), None);
    case.must(vacate(1));
    let group = |case: &Case| (*case.ledger.groups["web"]).clone();
    assert_eq!(group(&case).fell_from(), Some(&"p1".into()));
    // It fell from p1 without a fault: clearing it lets it go on, so that is accepted and recorded.
    let clear = || Verb::Clear { group: "web".into(), server: None };
    assert_eq!(case.ask(clear()).refusal(), None);
    assert_eq!(group(&case).fell_from(), None);
    let before = group(&case);
    assert_eq!(case.ask(clear()).refusal(), Some(&Refusal::NoFault { group: "web".into() }));
    assert_eq!(group(&case), before, "refused means unchanged");
}

/// An order whose resource is gone leaves nothing behind on its server; above all it does not end the server's fence.
#[test]
fn an_order_for_what_is_not_declared_any_more_ends_no_fence() {
    let mut case = Case::online();
    case.must(leave());
    case.must(Command::Stop { resource: "web1".into(), server: "p1".into(), grace: Span::seconds(30) });
    case.must(Command::Assign { server: "p1".into(), node: "n2".into() });
    case.must(Command::Fence("p1".into()));
    let fence = case.ledger.servers["p1"].fence;
    let mut other = cluster();
    other.groups.clear();
    other.resources.clear();
    assert_eq!(case.ask(Request::Configure { cluster: Arc::new(other), strand: true }).refusal(), None);
    assert_eq!(case.ledger.orders.keys().copied().map(Some).collect::<Vec<_>>(), [fence]);
    assert_eq!(case.ledger.servers["p1"].fence, fence);
}

#[test]
fn an_order_to_power_a_server_off_can_be_called_back_once() {
    let mut case = Case::online();
    case.must(Command::Assign { server: "p1".into(), node: "n2".into() });
    assert_eq!(case.plan(Command::CallOff("p1".into())), Some(Refusal::NoChange), "there is none");
    case.must(Command::Fence("p1".into()));
    case.must(Command::CallOff("p1".into()));
    let p1 = &case.ledger.servers["p1"];
    assert_eq!((p1.fence, p1.off.is_none(), case.ledger.orders.len()), (None, true, 0), "and nothing is proven");
    assert_eq!(case.plan(Command::CallOff("p1".into())), Some(Refusal::NoChange));
}

#[test]
fn an_order_expires_only_when_it_must_have_settled() {
    let mut case = Case::starting();
    let order = *case.ledger.orders.keys().next().expect("an order is open");
    // A budget of 120 s, 30 s to settle, a lease of 3 s, and 1 s.
    case.now += 153_999;
    assert_eq!(case.plan(Command::Expire(order)), Some(Refusal::NoChange));
    case.now += 1;
    case.must(Command::Expire(order));
    assert_eq!(case.plan(Command::Expire(order)), Some(Refusal::NoOrder(order)));
}

#[test]
fn a_configuration_forgets_no_start_that_may_still_take_effect() {
    type Edit = fn(&mut Cluster);
    let edits: [(&str, Edit); 4] = [
        ("disabled", |cluster| web1(cluster).enabled = false),
        ("only watched", |cluster| web1(cluster).monitor_only = true),
        ("dropped", |cluster| drop(cluster.resources.remove("web1"))),
        ("dropped with its group", |cluster| {
            cluster.groups.remove("web");
            cluster.resources.remove("web1");
        }),
    ];
    for (what, edit) in edits {
        for answered in [false, true] {
            let mut case = Case::starting();
            if answered {
                case.answer(Ending::Unknown("no answer".into()));
            }
            let mut other = cluster();
            // The group needs another resource that is enabled once web1 is not.
            other.resources.insert("web2".into(), Resource::lpar("web".into(), "web2"));
            assert_eq!(case.ask(Request::Configure { cluster: Arc::new(other.clone()), strand: true }).refusal(), None);
            edit(&mut other);
            other.resources.retain(|_, resource| other.groups.contains_key(&resource.group));
            let outcome = case.ask(Request::Configure { cluster: Arc::new(other), strand: true });
            assert!(matches!(outcome.refusal(), Some(Refusal::LosesSight(_))), "{what}: {:?}", outcome.refusal());
        }
    }
}

fn web1(cluster: &mut Cluster) -> &mut Resource {
    cluster.resources.get_mut("web1").expect("it is declared")
}

fn listed(uuid: &str) -> BTreeMap<ResourceName, Listed> {
    BTreeMap::from([("web1".into(), Listed { uuid: Some(uuid.to_owned()), remark: None })])
}

/// A node's reading during an order ends an earlier vouching, even if the order is closed by then; it proves nothing.
#[test]
fn what_was_read_for_an_order_is_a_fact() {
    let report = |order, readings| {
        Command::Report(Report {
            order,
            ending: Ending::NotDone("it reads Starting on p2".into()),
            readings,
            seen: BTreeMap::new(),
        })
    };
    for closed in [false, true] {
        let mut case = Case::starting();
        let order = *case.ledger.orders.keys().next().expect("an order is open");
        let seen = Reading { by: "n1".into(), ..case.reading("p2", Power::Starting) };
        let in_flight = case.reading("p2", Power::Off);
        if closed {
            case.answer(Ending::NotDone("its node stops".into()));
        }
        case.must(report(order, vec![seen.clone()]));
        case.reads("p1", Power::Off);
        assert_eq!(case.plan(start(1)), not_proven("p2", Power::Starting), "closed: {closed}");
        assert_eq!(case.plan(report(order, vec![seen])), Some(Refusal::NoOrder(order)), "told twice, it is no news");
        case.must(Command::Observe(in_flight));
        assert_eq!(case.plan(start(1)), not_proven("p2", Power::Off), "read before the report, or nobody can tell");
        case.reads("p2", Power::Off);
        assert_eq!(case.plan(start(1)), None);
        let mut case = Case::starting();
        let order = *case.ledger.orders.keys().next().expect("an order is open");
        case.reads("p2", Power::Running);
        let off = Reading { by: "n1".into(), ..case.reading("p2", Power::Off) };
        case.must(report(order, vec![off]));
        case.reads("p1", Power::Off);
        assert_eq!(case.plan(start(1)), not_proven("p2", Power::Running), "another's Off proves nothing");
    }
}

/// Facts about LPARs are accepted only in states in which an HMC can know them, whatever a driver calls live.
#[test]
fn a_list_counts_only_where_it_can_be_known() {
    let cannot = [SystemState::Unknown, SystemState::Error, SystemState::PoweringOff, SystemState::Initializing];
    for system in cannot {
        let mut case = Case::unread();
        case.reads("p1", Power::Off);
        let reading = Reading { system, node: Power::Off, ..case.reading("p2", Power::Off) };
        case.must(Command::Observe(reading));
        assert_eq!(case.ledger.groups["web"].copies["web1"]["p2"].since, None, "{system}");
        assert_eq!(case.ledger.servers["p2"].node, Power::Unknown, "{system}");
    }
    for system in [SystemState::Operating, SystemState::Standby, SystemState::PowerOff] {
        let mut case = Case::unread();
        let reading = Reading { system, ..case.reading("p2", Power::Off) };
        case.must(Command::Observe(reading));
        assert!(case.ledger.groups["web"].copies["web1"]["p2"].is_quiet(), "{system}");
    }
}

/// Its UUID is learnt at its first reading, and a copy that is not listed any more vouches for nothing.
#[test]
fn an_lpar_is_known_by_its_uuid_and_missed_where_it_was() {
    let mut case = Case::unread();
    case.reads("p1", Power::Off);
    assert_eq!(case.ledger.known(&"web1".into(), &"p2".into()), Known::default());
    let reading = case.reading("p2", Power::Absent);
    case.must(Command::Observe(reading));
    assert_eq!(case.plan(grant("p1")), None, "never defined there, it vouches");
    let mut case = Case::read();
    let reading = Reading { listed: listed("A"), ..case.reading("p2", Power::Off) };
    case.must(Command::Observe(reading));
    let known = Known { uuid: Some("A".to_owned()), listed: true };
    assert_eq!(case.ledger.known(&"web1".into(), &"p2".into()), known);
    // Read by a node that does not have the known UUID yet.
    let reading = Reading { listed: listed("B"), ..case.reading("p2", Power::Off) };
    case.must(Command::Observe(reading));
    assert_eq!(case.plan(grant("p1")), not_proven("p2", Power::Unknown), "another LPAR under its name");
    case.reads("p2", Power::Absent);
    assert_eq!(case.plan(grant("p1")), not_proven("p2", Power::Missing), "listed before, and not any more");
    let reading = Reading { listed: listed("A"), ..case.reading("p2", Power::Off) };
    case.must(Command::Observe(reading));
    assert_eq!(case.plan(grant("p1")), None);
}

/// A proof that rests on "not defined" says so.
#[test]
fn a_proof_names_what_was_never_defined() {
    let proof = Proof::ReadOff { since: 7, undefined: ["web1".into()].into() };
    assert_eq!(proof.to_string(), "every resource read Off after log index 7, but web1 not defined there");
}

/// An order need not read a server if a proof covers it, or if the decision was made without being able to read it.
#[test]
fn what_excuses_a_start_from_a_reading_is_no_reading_of_before() {
    let vouched = |case: &Case| match &case.ledger.orders.values().next().expect("an order is open").action {
        Action::Start { vouched, .. } => vouched.len(),
        action => panic!("{action}"),
    };
    assert_eq!(vouched(&Case::starting()), 0, "p2 is read off, and can be read again");
    let mut case = Case::read();
    let dark = Reading { system: SystemState::NoConnection, live: false, ..case.reading("p2", Power::Off) };
    case.must(Command::Observe(dark));
    case.must(grant("p1"));
    case.must(start(1));
    assert_eq!(vouched(&case), 1, "p2 cannot be read, and it was read off last");
}

/// A reading that is news to the planner changes the ledger; otherwise the leader would propose it again and again.
#[test]
fn a_reading_is_news_once() {
    let powers = [Power::Running, Power::Off, Power::Absent, Power::Missing, Power::Unknown, Power::Moving];
    let remarks = [
        None,
        Some(Remark::Word("x".repeat(300).into())),
        Some(Remark::Renamed { uuid: "U".into(), name: "y".repeat(300).into() }),
        Some(Remark::Another { known: "U".into(), found: "V".into() }),
        Some(Remark::Environment(Environment::Vios)),
    ];
    let mut news = 0;
    for (mobile, there, before) in
        [false, true].into_iter().flat_map(|m| powers.into_iter().flat_map(move |p| powers.map(|q| (m, p, q))))
    {
        let mut known = Case::unread();
        let mut cluster = cluster();
        if let Kind::Lpar(lpar) = &mut cluster.resources.get_mut("web1").expect("it is there").kind {
            lpar.mobile = mobile;
        }
        known.ask(Request::Configure { cluster: Arc::new(cluster), strand: false });
        for (server, power) in [("p1", before), ("p2", Power::Moving), ("p2", there)] {
            known.reads(server, power);
        }
        for (power, remark, uuid) in powers.into_iter().flat_map(|power| {
            remarks.iter().flat_map(move |remark| [None, Some("U".to_owned())].map(|uuid| (power, remark, uuid)))
        }) {
            let mut ledger = known.ledger.clone();
            let mut reading = known.reading("p1", power);
            reading.listed.insert("web1".into(), Listed { uuid, remark: remark.clone() });
            let mut view = View::default();
            view.readings.insert("p1".into(), reading.clone().into());
            let observed = |ledger: &Ledger| {
                let planned = plan(ledger, &view, &"n1".into(), ledger.now).commands;
                planned.iter().any(|command| matches!(command, Command::Observe(_)))
            };
            let first = observed(&ledger);
            let entry = Entry::planned(ledger.now, "n1".into(), vec![Command::Observe(reading.clone())]);
            assert_eq!(ledger.apply(ledger.index + 1, &entry).refused, []);
            assert!(!observed(&ledger), "mobile {mobile}, {there:?} on p2, {before:?} here: {reading:?}");
            news += usize::from(first);
        }
    }
    assert!(news > 1000, "{news}");
}

/// A node's reading from before it was given its order says nothing of the state afterwards.
#[test]
fn a_late_report_tells_only_what_was_read_since_its_order() {
    let mut case = Case::starting();
    let order = *case.ledger.orders.keys().next().expect("an order is open");
    case.answer(Ending::Done);
    let told = |case: &mut Case, since: u64| {
        let reading = Reading { since, ..case.reading("p2", Power::Running) };
        let seen = BTreeMap::new();
        case.plan(Command::Report(Report { order, ending: Ending::Done, readings: vec![reading], seen }))
    };
    assert_eq!(told(&mut case, order.index - 1), Some(Refusal::NoOrder(order)));
    assert_eq!(told(&mut case, order.index), None, "that is news: web1 runs on p2");
}

#[test]
fn a_persistent_resource_that_is_back_makes_up_for_the_fall_from_its_server_alone() {
    for (fell_from, after) in [("p1", None), ("p2", Some(ServerName::from("p2")))] {
        let mut case = Case::read();
        case.reads("p1", Power::Running);
        let group = Arc::make_mut(case.ledger.groups.get_mut("web").expect("it is declared"));
        let lost = FaultReason::PersistentDown { resource: "web1".into() };
        group.faults.insert("p1".into(), (Time(1_000), lost));
        group.fall = Some(Fall { from: fell_from.into(), told: false });
        case.must(Command::Forgive { resource: "web1".into(), server: "p1".into() });
        let group = &case.ledger.groups["web"];
        assert_eq!((group.faults.len(), group.fell_from().cloned()), (0, after));
    }
}
