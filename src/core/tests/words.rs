//! Every word of a console with its meaning to the ledger, one row each.

use std::collections::BTreeMap;
use tenure_core::{
    Power, Reading, SystemState as Meaning,
    config::{Cluster, Group, Kind, Node, Resource, Server},
    execution::{Answer, Change, MachineOperation, Move, ServerOperation, Stop},
    listing::{Known, KnownOn, Remark},
    words::{
        self, Asked, Connection, Inventory, LparEnvironment, LparReading, LparState, RefusalKind, RmcState,
        ServerReading, Step, SystemState, Told,
    },
};

/// A system's word, its meaning, and whether LPARs can be known in that state.
const SYSTEMS: [(&str, Meaning, bool); 17] = [
    ("Operating", Meaning::Operating, true),
    ("Standby", Meaning::Standby, true),
    ("Initializing", Meaning::Initializing, false),
    ("Power Off", Meaning::PowerOff, true),
    ("Power Off In Progress", Meaning::PoweringOff, false),
    ("Error", Meaning::Error, false),
    ("Error - Dump In Progress", Meaning::Error, false),
    ("Error - Terminated", Meaning::Error, false),
    ("Recovery", Meaning::Unknown, false),
    ("Incomplete", Meaning::Unknown, false),
    ("No Connection", Meaning::NoConnection, false),
    ("Pending Authentication - Password Updates Required", Meaning::Unknown, false),
    ("Failed Authentication", Meaning::Unknown, false),
    ("Version Mismatch", Meaning::Unknown, false),
    ("Service Processor Failover", Meaning::Unknown, false),
    ("On Demand Recovery", Meaning::Unknown, false),
    ("Unknown", Meaning::Unknown, false),
];

/// An LPAR's word, its meaning for an LPAR, and its meaning for a VIO server.
const LPARS: [(&str, Power, Option<bool>); 14] = [
    ("Not Activated", Power::Off, Some(false)),
    ("Starting", Power::Starting, None),
    ("Running", Power::Running, Some(true)),
    ("Open Firmware", Power::Starting, None),
    ("Shutting Down", Power::Stopping, Some(false)),
    ("Error", Power::Error, None),
    ("Not Available", Power::Unknown, None),
    ("Hardware Discovery", Power::Starting, None),
    ("Migrating - Running", Power::Moving, None),
    ("Migrating - Not Activated", Power::Unknown, None),
    ("Suspended", Power::Unknown, None),
    ("Suspending", Power::Unknown, None),
    ("Resuming", Power::Unknown, None),
    ("Unknown", Power::Unknown, None),
];

/// Meaning of a refusal to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    Already,
    NotSent,
    Refused,
}
use Is::{Already, NotSent, Refused};

/// A kind of refusal, and its meaning for a start, a stop, a power-off of a server, and a move.
const REFUSALS: [(RefusalKind, [Is; 4]); 14] = [
    (RefusalKind::AlreadyOn, [Already, Refused, Refused, Refused]),
    (RefusalKind::AlreadyOff, [Refused, Already, Already, Refused]),
    (RefusalKind::WrongState, [Refused, Refused, Refused, Refused]),
    (RefusalKind::Busy, [NotSent, NotSent, Refused, NotSent]),
    (RefusalKind::NotOperating, [NotSent, NotSent, Refused, NotSent]),
    (RefusalKind::NotConnected, [NotSent, NotSent, Refused, NotSent]),
    (RefusalKind::NoRmc, [Refused, Refused, Refused, Refused]),
    (RefusalKind::LparNotFound, [Refused, Refused, Refused, Refused]),
    (RefusalKind::ServerNotFound, [NotSent, NotSent, Refused, NotSent]),
    (RefusalKind::ProfileNotFound, [Refused, Refused, Refused, Refused]),
    (RefusalKind::NoAuthority, [NotSent, NotSent, Refused, NotSent]),
    (RefusalKind::Resources, [Refused, Refused, Refused, Refused]),
    (RefusalKind::Parameter, [Refused, Refused, Refused, Refused]),
    (RefusalKind::Other, [Refused, Refused, Refused, Refused]),
];

/// Every change that a console can be told to make, and can refuse.
fn changes() -> [Change; 11] {
    let machine = |operation| Change::Machine("db".into(), operation);
    [
        machine(MachineOperation::Start),
        machine(MachineOperation::Stop(Stop::OsShutdown)),
        machine(MachineOperation::Stop(Stop::Shutdown)),
        machine(MachineOperation::Stop(Stop::Immediate)),
        Change::Server(ServerOperation::CutOffNode),
        Change::Server(ServerOperation::PowerOff),
        machine(MachineOperation::Move(Move::Live { to: "p2".into() })),
        machine(MachineOperation::Move(Move::Definition { from: "p2".into() })),
        machine(MachineOperation::Move(Move::Anew { from: "p2".into() })),
        machine(MachineOperation::Move(Move::Stop)),
        machine(MachineOperation::Move(Move::Recover)),
    ]
}

/// Column of a change in the table of refusals.
fn column(change: &Change) -> usize {
    match change {
        Change::Machine(_, MachineOperation::Start) => 0,
        Change::Machine(_, MachineOperation::Stop(_)) | Change::Server(ServerOperation::CutOffNode) => 1,
        Change::Server(ServerOperation::PowerOff) => 2,
        Change::Machine(_, MachineOperation::Move(_)) => 3,
    }
}

/// Two servers, each with a node in an LPAR of its own; `db` on both, on two VIO servers, `elsewhere` on the second alone.
fn cluster() -> Cluster {
    let mut cluster = Cluster { name: "east".to_owned(), ..Cluster::default() };
    for (server, node) in [("p1", "n1"), ("p2", "n2")] {
        cluster.servers.insert(server.into(), Server::new(server, server, vec!["hmc1".into()]));
        let lpar = Some(format!("{server}-mgmt"));
        cluster.nodes.insert(node.into(), Node { server: Some(server.into()), lpar, watchdog: None });
    }
    for (group, servers) in [("data", vec!["p1".into(), "p2".into()]), ("other", vec!["p2".into()])] {
        cluster.groups.insert(group.into(), Group::new(servers));
    }
    let mut db = Resource::lpar("data".into(), "db");
    if let Kind::Lpar(lpar) = &mut db.kind {
        lpar.vios = vec!["vios1".to_owned(), "vios2".to_owned()];
    }
    cluster.resources.insert("db".into(), db);
    cluster.resources.insert("elsewhere".into(), Resource::lpar("other".into(), "elsewhere"));
    cluster
}

fn lpar(name: &str, env: &str, word: &str) -> LparReading {
    LparReading {
        name: name.to_owned(),
        id: None,
        uuid: Some(format!("uuid of {name}")),
        env: LparEnvironment::parse(env),
        state: LparState::parse(word),
        rmc: RmcState::None,
        description: None,
    }
}

fn seen(system: &str, lpars: Vec<LparReading>) -> ServerReading {
    ServerReading {
        system: SystemState::parse(system),
        connected: Connection::Connected,
        vmi: None,
        stands_still: false,
        inventory: Inventory::Listed(lpars),
        via: "hmc1".to_owned(),
    }
}

fn read(seen: &ServerReading, known: &KnownOn) -> Reading {
    let asked = Asked { server: &"p1".into(), by: &"n2".into(), since: 7, serial: 3 };
    words::reading(&cluster(), known, &asked, seen)
}

#[test]
fn every_state_of_a_system() {
    let rows = SYSTEMS.map(|(word, ..)| SystemState::parse(word));
    let unknown = SystemState::Unknown("Unknown".into());
    assert_eq!(rows.to_vec(), [SystemState::ALL, &[unknown]].concat(), "one row for each");
    for (word, meaning, lists) in SYSTEMS {
        let state = SystemState::parse(word);
        assert_eq!(state.to_string(), word);
        assert_eq!((words::system(&state), state.can_list_lpars()), (meaning, lists), "{word}");
        let known = !matches!(meaning, Meaning::Unknown | Meaning::NoConnection);
        assert_eq!(state.is_seen(), known, "{word}");
        let reading = read(&seen(word, vec![lpar("db", "aixlinux", "Not Activated")]), &KnownOn::default());
        assert_eq!((reading.system, reading.live), (meaning, known), "{word}");
        let listed = lists.then_some(Power::Off);
        assert_eq!(reading.copies.values().copied().next(), listed, "{word}: a list counts where there can be one");
    }
}

#[test]
fn every_state_of_an_lpar() {
    let rows = LPARS.map(|(word, ..)| LparState::parse(word));
    let unknown = LparState::Unknown("Unknown".into());
    assert_eq!(rows.to_vec(), [LparState::ALL, &[unknown]].concat(), "one row for each");
    for (word, power, serves) in LPARS {
        let state = LparState::parse(word);
        assert_eq!(state.to_string(), word);
        assert_eq!((words::power(&state), words::vios(&state)), (power, serves), "{word}");
        let lpars =
            vec![lpar("db", "aixlinux", word), lpar("vios1", "vioserver", word), lpar("p1-mgmt", "aixlinux", word)];
        let reading = read(&seen("Operating", lpars), &KnownOn::default());
        assert_eq!((reading.power(&"db".into()), reading.node), (power, power), "{word}");
        assert_eq!(reading.vios.get("vios1").copied(), serves, "{word}");
        let remark = reading.listed["db"].remark.clone();
        let said = (power == Power::Unknown).then(|| Remark::Word(word.into()));
        assert_eq!(remark, said, "{word}: what is not understood is said");
    }
    assert_eq!(words::power(&LparState::parse("Not Activated Yet")), Power::Unknown);
}

/// For a server that is said to be up, both links count; for one that is off, only the link to its service processor.
#[test]
fn a_lost_link_says_nothing() {
    let (up, lost, none) = (Connection::Connected, Connection::parse("No Connection"), Connection::parse(""));
    let fsp = |connected: &Connection| (connected.clone(), None, false);
    let ebmc = |vmi: &Connection| (up.clone(), Some(vmi.clone()), false);
    let still = (up.clone(), Some(up.clone()), true);
    let (no, yes) = ((Meaning::NoConnection, false), |meaning| (meaning, true));
    let rows = [
        ("Operating", fsp(&up), yes(Meaning::Operating)),
        ("Operating", fsp(&lost), no),
        ("Operating", fsp(&none), (Meaning::Operating, false)),
        ("Operating", ebmc(&up), yes(Meaning::Operating)),
        ("Operating", ebmc(&lost), no),
        ("Operating", ebmc(&none), no),
        ("Operating", still.clone(), no),
        ("Standby", ebmc(&lost), no),
        ("Standby", still.clone(), no),
        ("Power Off", fsp(&up), yes(Meaning::PowerOff)),
        ("Power Off", fsp(&lost), no),
        ("Power Off", fsp(&none), (Meaning::PowerOff, false)),
        ("Power Off", ebmc(&lost), yes(Meaning::PowerOff)),
        ("Power Off", still.clone(), yes(Meaning::PowerOff)),
        ("Initializing", ebmc(&lost), yes(Meaning::Initializing)),
        ("Error", ebmc(&lost), yes(Meaning::Error)),
        ("Recovery", fsp(&up), (Meaning::Unknown, false)),
        ("Recovery", ebmc(&lost), (Meaning::Unknown, false)),
    ];
    for (word, (connected, vmi, stands_still), expected) in rows {
        let lpars = vec![lpar("db", "aixlinux", "Not Activated")];
        let seen = ServerReading { connected, vmi, stands_still, ..seen(word, lpars) };
        let reading = read(&seen, &KnownOn::default());
        assert_eq!((reading.system, reading.live), expected, "{seen:?}");
        assert!(reading.live || reading.copies.is_empty(), "{seen:?}");
    }
}

#[test]
fn a_reading_has_what_is_asked_for() {
    let lpars = vec![
        lpar("vios1", "vioserver", "Running"),
        lpar("vios3", "vioserver", "Running"),
        lpar("p1-mgmt", "aixlinux", "Running"),
        lpar("p2-mgmt", "aixlinux", "Not Activated"),
        lpar("elsewhere", "aixlinux", "Running"),
        lpar("db", "aixlinux", "Running"),
    ];
    let reading = read(&seen("Operating", lpars.clone()), &KnownOn::default());
    assert_eq!((reading.server, reading.by, reading.since, reading.serial), ("p1".into(), "n2".into(), 7, 3));
    assert_eq!(reading.copies, BTreeMap::from([("db".into(), Power::Running)]), "what may be on p1");
    assert_eq!(reading.vios, BTreeMap::from([("vios1".to_owned(), true)]), "what some LPAR lives on");
    assert_eq!((reading.node, reading.node_listed.uuid.as_deref()), (Power::Running, Some("uuid of p1-mgmt")));
    let db = &reading.listed["db"];
    assert_eq!((db.uuid.as_deref(), &db.remark), (Some("uuid of db"), &None));

    let lpars_known = BTreeMap::from([("db".into(), Known { uuid: Some("another".to_owned()), listed: true })]);
    let known = KnownOn { lpars: lpars_known, node: Some("another".to_owned()) };
    let reading = read(&seen("Operating", lpars), &known);
    assert_eq!((reading.power(&"db".into()), reading.node), (Power::Unknown, Power::Unknown), "they are others");
    assert!(reading.alarm(&"db".into()).is_some() && reading.node_alarm().is_some());

    let reading = read(&seen("Operating", Vec::new()), &known);
    assert_eq!((reading.power(&"db".into()), reading.node), (Power::Missing, Power::Absent), "an empty list");
    let unread = ServerReading { inventory: Inventory::NotReadable("busy".into()), ..seen("Operating", Vec::new()) };
    let reading = read(&unread, &known);
    assert_eq!((reading.live, reading.copies.len(), reading.power(&"db".into())), (true, 0, Power::Unknown));
}

#[test]
fn every_kind_of_lpar() {
    let wrong = |text: &str| {
        let reading = read(&seen("Operating", vec![lpar("db", text, "Running")]), &KnownOn::default());
        reading.alarm(&"db".into())
    };
    assert_eq!(wrong("aixlinux"), None);
    for (text, why) in [("os400", "IBM i"), ("vioserver", "VIO server"), ("linux", "not known")] {
        assert!(wrong(text).is_some_and(|said| said.contains(why)), "{text}: {:?}", wrong(text));
    }
}

#[test]
fn every_refusal() {
    let kinds: Vec<RefusalKind> = RefusalKind::ALL.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(REFUSALS.map(|(kind, _)| kind).to_vec(), kinds, "one row for each");
    for (kind, row) in REFUSALS {
        for change in changes() {
            let why = || "so".to_owned();
            let expected = match row[column(&change)] {
                Already => Answer::Already,
                NotSent => Answer::NotSent(why().into()),
                Refused => Answer::Refused(why().into()),
            };
            assert_eq!(
                words::answer(&change, Told::Refused { kind, why: why().into() }),
                expected,
                "{kind:?} of {change:?}"
            );
        }
        let proves = [Step::Check, Step::Change, Step::Checked].map(|step| kind.is_definite(step));
        let looked_at = !matches!(kind, RefusalKind::Parameter | RefusalKind::NoAuthority);
        assert_eq!(proves, [true, kind != RefusalKind::Other, !looked_at], "{kind:?}");
    }
}

#[test]
fn what_is_no_refusal_is_what_it_is() {
    let why = || "so".to_owned();
    for change in changes() {
        assert_eq!(words::answer(&change, Told::Accepted), Answer::Accepted);
        assert_eq!(words::answer(&change, Told::NotSent(why().into())), Answer::NotSent(why().into()));
        assert_eq!(
            words::answer(&change, Told::Unknown(why().into())),
            Answer::Unknown(why().into()),
            "it may have been done"
        );
    }
}
