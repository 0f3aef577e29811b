//! Live migration against a wrong planner: the tenure covers both servers throughout, and it ends only with a proof.

use crate::site;
use std::{collections::BTreeMap, sync::Arc};
use tenure_core::{
    Command, Power, Reading, Refusal, Request, ResourceName, Span, SystemState, Verb,
    config::{Cluster, Group, Kind, Resource},
    ledger::Phase,
    note::{LeaveReason, NotHere, Note, Proof},
    order::{Ending, Epoch},
};

const LPARS: [&str; 2] = ["web1", "web2"];

/// Three servers with their nodes and 8 GiB each, and group web with two mobile LPARs of 3 GiB each.
fn cluster() -> Cluster {
    let mut cluster = site::site(3);
    for server in cluster.servers.values_mut() {
        server.memory = Some(8192);
    }
    cluster.groups.insert("web".into(), Group::new(vec!["p1".into(), "p2".into(), "p3".into()]));
    for name in LPARS {
        let mut lpar = Resource::lpar("web".into(), name);
        if let Kind::Lpar(declared) = &mut lpar.kind {
            (declared.mobile, declared.memory) = (true, 3072);
        }
        cluster.resources.insert(name.into(), lpar);
    }
    cluster
}

site::case!(Case);

type Two = [Power; 2];
const RUNNING: Two = [Power::Running; 2];
const ABSENT: Two = [Power::Absent; 2];
const OFF: Two = [Power::Off; 2];
const MOVING: Power = Power::Moving;

impl Case {
    /// Online on p1, where both LPARs were found running.
    fn online() -> Self {
        let mut case = Case(site::Case::watched(cluster()));
        case.reads("p1", RUNNING);
        case.reads("p2", ABSENT);
        case.reads("p3", ABSENT);
        case.must(Command::Adopt { group: "web".into(), server: "p1".into() });
        case
    }

    /// Migrating to p2, and both servers read since.
    fn migrating() -> Self {
        let mut case = Case::online();
        case.must(migrate("p2"));
        case.reads("p1", RUNNING);
        case.reads("p2", ABSENT);
        case
    }

    fn reading(&self, server: &str, powers: Two) -> Reading {
        Reading { copies: LPARS.into_iter().map(ResourceName::from).zip(powers).collect(), ..self.0.reading(server) }
    }

    fn reads(&mut self, server: &str, powers: Two) {
        let reading = self.reading(server, powers);
        self.must(Command::Observe(reading));
    }

    /// An operator asserts that a server is off, after its node and the witness have lost it.
    fn lose(&mut self, server: &str, node: &str) {
        let dark = Reading {
            system: SystemState::NoConnection,
            live: false,
            copies: BTreeMap::new(),
            ..self.reading(server, OFF)
        };
        self.must(Command::Observe(dark));
        self.must(Command::LapseNode(node.into()));
        assert_eq!(self.ask(Verb::ConfirmOff { server: server.into() }).refusal(), None);
    }

    fn used(&self, server: &str) -> u64 {
        self.ledger.servers[server].used.memory
    }

    fn tenure(&self) -> (String, String) {
        let tenure = self.ledger.groups["web"].tenure.as_ref().expect("it has a tenure");
        (tenure.server.to_string(), tenure.phase.word().to_owned())
    }
}

fn migrate(to: &str) -> Command {
    let (group, to) = ("web".into(), to.into());
    Command::Migrate { group, epoch: Epoch(1), reason: LeaveReason::Switch("p2".into()), to }
}

fn moves(lpar: &str) -> Command {
    Command::Move { resource: lpar.into(), epoch: Epoch(1) }
}

fn arrive() -> Command {
    Command::Arrive { group: "web".into(), epoch: Epoch(1) }
}

fn stay() -> Command {
    Command::StayGroup { group: "web".into(), epoch: Epoch(1) }
}

fn vacate() -> Command {
    Command::Vacate { group: "web".into(), epoch: Epoch(1) }
}

fn in_flight(lpar: &str, server: &str) -> Option<Refusal> {
    Some(Refusal::StartInFlight { resource: lpar.into(), server: server.into() })
}

fn not_off(lpar: &str, server: &str, power: Power) -> Option<Refusal> {
    Some(Refusal::NotProvenOff { resource: lpar.into(), server: server.into(), power })
}

#[test]
fn both_servers_are_booked_and_covered() {
    let mut case = Case::migrating();
    assert_eq!((case.used("p1"), case.used("p2"), case.used("p3")), (6144, 6144, 0));
    let by_the_way = Some(Refusal::Migrating { group: "web".into(), to: "p2".into() });
    let leave = Command::Leave { group: "web".into(), epoch: Epoch(1), reason: LeaveReason::Fault };
    assert_eq!(case.plan(leave), by_the_way);
    assert_eq!(case.plan(migrate("p3")), by_the_way);
    let start = Command::Start { resource: "web1".into(), epoch: Epoch(1), restart: false };
    assert_eq!(case.plan(start), by_the_way);
    for server in ["p1", "p2"] {
        let stop = Command::Stop { resource: "web1".into(), server: server.into(), grace: Span(0) };
        assert!(matches!(case.plan(stop), Some(Refusal::AlreadyOn { .. })), "{server}");
    }
    assert_eq!(case.ask(Verb::Offline { group: "web".into(), propagate: false }).refusal().cloned(), by_the_way);
    let switch = Verb::Switch { group: "web".into(), server: "p3".into() };
    assert_eq!(case.ask(switch).refusal().cloned(), by_the_way);
    assert!(matches!(case.plan(vacate()), Some(Refusal::AlreadyOn { .. })));
}

#[test]
fn a_migration_is_refused_before_anything_moves() {
    let asked = |case: &mut Case, to: &str| {
        let migrate = Verb::Migrate { group: "web".into(), server: to.into() };
        case.ask(migrate).refusal().cloned()
    };
    let not_there = |why: NotHere| Some(Refusal::NotThere { group: "web".into(), server: "p2".into(), why });
    let mut case = Case::online();
    assert!(matches!(asked(&mut case, "p1"), Some(Refusal::AlreadyOn { .. })));
    assert!(matches!(asked(&mut case, "p9"), Some(Refusal::NotInList { .. })));
    case.reads("p2", [Power::Absent, Power::Off]);
    assert_eq!(asked(&mut case, "p2"), not_there(NotHere::StillDefined { resource: "web2".into() }));
    case.reads("p2", ABSENT);
    case.reads("p1", [Power::Running, Power::Starting]);
    assert!(matches!(asked(&mut case, "p2"), Some(Refusal::NotRunning { power: Power::Starting, .. })));
    case.reads("p1", RUNNING);
    // Once listed on p2, it is gone from there as soon as p1 lists it in a reading that is not older.
    case.reads("p2", ABSENT);
    let mut fixed = cluster();
    if let Some(Kind::Lpar(lpar)) = fixed.resources.get_mut("web2").map(|lpar| &mut lpar.kind) {
        lpar.mobile = false;
    }
    let configure = |cluster: Cluster| Request::Configure { cluster: Arc::new(cluster), strand: false };
    assert_eq!(case.ask(configure(fixed)).refusal(), None);
    assert_eq!(asked(&mut case, "p2"), Some(Refusal::NotMobile { resource: "web2".into() }));
    assert_eq!(case.ask(configure(cluster())).refusal(), None);
    case.must(Command::LapseNode("n1".into()));
    assert_eq!(asked(&mut case, "p2"), Some(Refusal::NoWatcher { server: "p1".into() }));
    case.must(Command::TakeBackNode("n1".into()));
    case.must(Command::LapseNode("n2".into()));
    assert_eq!(asked(&mut case, "p2"), not_there(NotHere::NobodyWatches));
    case.must(Command::TakeBackNode("n2".into()));
    assert_eq!(asked(&mut case, "p2"), None);
    assert!(matches!(asked(&mut case, "p2"), Some(Refusal::Migrating { .. })));
    assert_eq!(case.ask(Verb::AbortMigration { group: "web".into() }).refusal(), None);
}

#[test]
fn lpars_move_one_after_the_other_and_arrive_together() {
    let mut case = Case::migrating();
    case.must(moves("web1"));
    assert_eq!(case.plan(moves("web1")), Some(Refusal::HasOrder { resource: "web1".into(), server: "p1".into() }));
    assert_eq!(case.plan(moves("web2")), Some(Refusal::HasOrder { resource: "web2".into(), server: "p1".into() }));
    case.reads("p1", [MOVING, Power::Running]);
    case.reads("p2", [MOVING, Power::Absent]);
    assert_eq!(case.plan(arrive()), not_off("web1", "p1", MOVING));
    case.answer(Ending::Done);
    case.reads("p1", [Power::Absent, Power::Running]);
    assert_eq!(case.plan(arrive()), not_off("web2", "p1", Power::Running));
    assert_eq!(case.plan(stay()), not_off("web1", "p2", MOVING), "read before the answer");
    case.reads("p2", [Power::Running, Power::Absent]);
    assert_eq!(case.plan(stay()), not_off("web1", "p2", Power::Running));
    case.must(moves("web2"));
    case.answer(Ending::Done);
    let early = case.reading("p1", ABSENT);
    case.reads("p2", RUNNING);
    assert_eq!(case.plan(arrive()), not_off("web2", "p1", Power::Running));
    case.must(Command::Observe(early));
    let outcome = case.must(arrive());
    assert_eq!(case.tenure(), ("p2".to_owned(), "online".to_owned()));
    assert_eq!((case.used("p1"), case.used("p2")), (0, 6144));
    assert_eq!(case.ledger.epoch, Epoch(2));
    let said = |note: &Note| matches!(note, Note::Migrated { proof: Proof::ReadOff { .. }, epoch: Epoch(2), .. });
    assert!(outcome.notes().any(said), "{:?}", outcome.records);
}

#[test]
fn what_was_read_before_the_answer_proves_nothing() {
    let mut case = Case::migrating();
    case.must(moves("web1"));
    let (here, there) = (case.reading("p1", RUNNING), case.reading("p2", ABSENT));
    case.answer(Ending::Refused("no memory".into()));
    case.must(Command::Observe(here));
    case.must(Command::Observe(there));
    assert_eq!(case.plan(stay()), not_off("web1", "p2", Power::Absent));
    case.reads("p2", ABSENT);
    assert_eq!(case.plan(stay()), in_flight("web1", "p1"), "the source as well");
    case.reads("p1", RUNNING);
    case.must(stay());
    assert_eq!(case.tenure(), ("p1".to_owned(), "online".to_owned()));
    assert_eq!((case.used("p1"), case.used("p2")), (6144, 0));
    let said = case.ledger.journal.back().map(|event| event.text.clone());
    assert_eq!(said.as_deref(), Some("group web stays on p1, not migrated to p2: web1: refused: no memory"));
}

#[test]
fn a_move_without_answer_settles_first() {
    let mut case = Case::migrating();
    case.must(moves("web1"));
    case.answer(Ending::Unknown("no answer".into()));
    case.reads("p1", RUNNING);
    case.reads("p2", ABSENT);
    assert_eq!(case.plan(stay()), in_flight("web1", "p2"), "it may begin yet");
    assert!(matches!(case.plan(moves("web1")), Some(Refusal::HasOrder { .. })), "and is not sent twice");
    case.now += 30_000;
    case.must(Command::Settle { resource: "web1".into(), server: "p2".into() });
    assert_eq!(case.plan(stay()), not_off("web1", "p2", Power::Absent));
    case.reads("p2", [MOVING, Power::Absent]);
    assert_eq!(case.plan(stay()), not_off("web1", "p2", MOVING), "it did begin");
    case.reads("p2", [Power::Running, Power::Absent]);
    case.reads("p1", [Power::Absent, Power::Running]);
    case.must(moves("web2"));
    case.answer(Ending::Done);
    case.reads("p2", RUNNING);
    case.reads("p1", ABSENT);
    case.must(arrive());
}

#[test]
fn a_lost_source_ends_nothing_that_may_run_on_the_target() {
    let mut case = Case::migrating();
    case.must(moves("web1"));
    case.reads("p1", [MOVING, Power::Running]);
    case.reads("p2", [MOVING, Power::Absent]);
    case.lose("p1", "n1");
    assert_eq!(case.plan(vacate()), not_off("web1", "p2", MOVING), "read before the source was proven off");
    assert_eq!(case.plan(stay()), Some(Refusal::AlreadyOff { server: "p1".into() }));
    let mut switched = case.clone();
    switched.reads("p2", [Power::Running, Power::Absent]);
    assert_eq!(switched.plan(vacate()), not_off("web1", "p2", Power::Running));
    switched.must(arrive());
    assert_eq!(switched.tenure(), ("p2".to_owned(), "starting".to_owned()), "the other one is to be started there");
    let mut case = switched.clone();
    let home = case.ledger.home(&case.ledger.groups["web"], &"web2".into(), &"p2".into());
    assert_eq!(home, Some("p1".into()));
    assert_eq!(case.plan(Command::Start { resource: "web2".into(), epoch: Epoch(2), restart: false }), None);
}

#[test]
fn a_lost_source_ends_a_tenure_that_left_nothing_on_the_target() {
    let mut case = Case::migrating();
    case.must(moves("web1"));
    let early = case.reading("p2", ABSENT);
    case.lose("p1", "n1");
    case.must(Command::Observe(early));
    assert_eq!(case.plan(vacate()), not_off("web1", "p2", Power::Absent), "read before the source was proven off");
    case.reads("p2", OFF);
    case.must(vacate());
    assert_eq!((case.used("p1"), case.used("p2")), (0, 0));
    assert!(case.ledger.groups["web"].tenure.is_none());
}

#[test]
fn a_lost_target_leaves_the_group_where_it_was() {
    let mut case = Case::migrating();
    case.must(moves("web1"));
    case.reads("p1", [MOVING, Power::Running]);
    case.lose("p2", "n2");
    assert!(case.ledger.orders.is_empty(), "nobody moves anything there any more");
    assert_eq!(case.plan(stay()), in_flight("web1", "p1"), "not read since");
    case.reads("p1", RUNNING);
    assert_eq!(case.plan(stay()), in_flight("web1", "p2"), "it may begin when the target is back");
    // Its node may send it until its present lease is over.
    case.now += 33_399;
    let settle = Command::Settle { resource: "web1".into(), server: "p2".into() };
    assert_eq!(case.plan(settle), Some(Refusal::NotSettled { resource: "web1".into(), server: "p2".into() }));
    case.now += 1;
    case.must(Command::Settle { resource: "web1".into(), server: "p2".into() });
    case.must(stay());
    assert_eq!(case.used("p2"), 0);
}

#[test]
fn what_has_moved_is_moved_back_when_the_next_one_fails() {
    let mut case = Case::migrating();
    case.must(moves("web1"));
    case.answer(Ending::Done);
    case.reads("p1", [Power::Absent, Power::Running]);
    case.reads("p2", [Power::Running, Power::Absent]);
    case.must(moves("web2"));
    case.answer(Ending::Refused("no memory".into()));
    case.reads("p1", [Power::Absent, Power::Running]);
    case.reads("p2", [Power::Running, Power::Absent]);
    case.must(moves("web1"));
    let order = case.ledger.orders.values().next().map(|order| (order.server.to_string(), order.action.to_string()));
    assert_eq!(order, Some(("p2".to_owned(), "migrate web1 to p1".to_owned())));
    assert_eq!(case.plan(arrive()), in_flight("web1", "p1"));
    case.answer(Ending::Refused("busy".into()));
    case.reads("p1", [Power::Absent, Power::Running]);
    case.reads("p2", [Power::Running, Power::Absent]);
    assert!(matches!(case.plan(moves("web1")), Some(Refusal::HasOrder { .. })), "an operator decides");
    assert!(matches!(case.plan(stay()), Some(Refusal::NotProvenOff { .. })));
    let again = Verb::Migrate { group: "web".into(), server: "p2".into() };
    assert_eq!(case.ask(again).refusal(), None);
    case.must(moves("web2"));
    case.answer(Ending::Done);
    case.reads("p2", RUNNING);
    case.reads("p1", ABSENT);
    case.must(arrive());
}

#[test]
fn a_move_is_ended_by_force_only_if_it_was_given_up() {
    let mut case = Case::migrating();
    case.must(moves("web1"));
    let stop = || Command::StopMigration { resource: "web1".into(), epoch: Epoch(1) };
    assert!(matches!(case.plan(stop()), Some(Refusal::Migrating { .. })));
    assert_eq!(case.ask(Verb::AbortMigration { group: "web".into() }).refusal(), None);
    assert_eq!(case.plan(stop()), Some(Refusal::NoChange), "nothing is on its way yet");
    case.reads("p1", [MOVING, Power::Running]);
    case.must(stop());
    assert!(matches!(case.plan(stop()), Some(Refusal::HasOrder { .. })));
    case.answer(Ending::Unknown("stopped".into()));
    case.answer(Ending::Done);
    case.now += 30_000;
    case.must(Command::Settle { resource: "web1".into(), server: "p2".into() });
    case.reads("p1", RUNNING);
    case.reads("p2", ABSENT);
    assert!(case.plan(moves("web2")).is_some(), "nothing else is sent");
    case.must(stay());
    let said = case.ledger.journal.back().map(|event| event.text.clone());
    assert_eq!(said.as_deref(), Some("group web stays on p1, not migrated to p2: given up by admin"));
    assert_eq!(
        case.ask(Verb::AbortMigration { group: "web".into() }).refusal(),
        Some(&Refusal::NotMigrating { group: "web".into() })
    );
}

#[test]
fn what_ran_and_crashed_is_not_taken_for_left_half_way() {
    let mut case = Case::online();
    let half = [Power::Unknown, Power::Running];
    let recover = || Command::Recover { resource: "web1".into(), server: "p1".into() };
    case.reads("p1", [Power::Off, Power::Running]);
    case.must(Command::Start { resource: "web1".into(), epoch: Epoch(1), restart: false });
    case.answer(Ending::Unknown("no answer".into()));
    case.now += 30_000;
    case.must(Command::Settle { resource: "web1".into(), server: "p1".into() });
    let mut ran = case.clone();
    ran.reads("p1", RUNNING);
    ran.reads("p1", half);
    assert_eq!(ran.plan(recover()), Some(Refusal::NoChange), "it crashed, whatever its start ended like");
    case.reads("p1", half);
    case.must(recover());
}

#[test]
fn two_active_copies_are_held_even_where_both_are_covered() {
    let mut case = Case::migrating();
    case.reads("p2", [Power::Running, Power::Absent]);
    let group = || case.ledger.groups["web"].clone();
    assert!(case.ledger.is_stray(&group()));
    let conflict = case.ledger.active_places(&group());
    case.must(Command::HoldGroup { group: "web".into(), conflict });
    assert_eq!(case.plan(Command::ReleaseGroup("web".into())), Some(Refusal::Held { group: "web".into() }));
    assert_eq!(case.plan(moves("web2")), Some(Refusal::Held { group: "web".into() }));
    case.reads("p2", ABSENT);
    case.must(Command::ReleaseGroup("web".into()));
    assert!(matches!(case.ledger.groups["web"].tenure.as_ref().map(|t| &t.phase), Some(Phase::Migrating(_))));
}

#[test]
fn a_group_arrives_only_where_every_other_server_vouches() {
    for (third, arrives) in [(OFF, true), ([Power::Unknown, Power::Off], false)] {
        let mut case = Case::migrating();
        for lpar in LPARS {
            case.must(moves(lpar));
            case.answer(Ending::Done);
        }
        case.reads("p1", ABSENT);
        case.reads("p2", RUNNING);
        case.reads("p3", third);
        let expected = if arrives { None } else { not_off("web1", "p3", Power::Unknown) };
        assert_eq!(case.plan(arrive()), expected);
    }
}

#[test]
fn a_group_stays_only_by_readings_that_follow_its_migration() {
    let mut case = Case::online();
    case.must(migrate("p2"));
    assert!(case.plan(stay()).is_some(), "p2 was read before the migration began");
    case.reads("p1", RUNNING);
    assert!(case.plan(stay()).is_some(), "p2 was read before the migration began");
    case.reads("p2", ABSENT);
    assert_eq!(case.plan(stay()), None);
}
