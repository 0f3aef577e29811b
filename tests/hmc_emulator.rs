//! The HMC driver with the emulated HMCs of the lab: real SSH, and a physical world in real time.

use std::collections::BTreeMap;
use std::time::Duration;

use russh::keys::ssh_key::LineEnding;
use tenure::hypervisor::hmc::{HmcAddress, HmcDriver, HmcKey};
use tenure::hypervisor::{
    CommandError, Connection, ConsoleHealth, Inventory, LparEnvironment, LparState, RefusalKind, RmcState,
    ServerAddress, ServerReading, Stop, SystemState,
};
use tenure_core::{
    Power as CorePower, Reading, ResourceName, SystemState as CoreSystem,
    config::{Cluster, Group, Resource},
    execution::{Answer, Change, ServerOperation},
    listing::{Known, KnownOn},
    words,
};
use tenure_jepsen::hmc::{HmcOptions, HmcServer, generate_key};
use tenure_jepsen::world::{
    DemoOptions, Fault, HmcId, Line, ListAs, LiveWorld, LparId, LparSpec, OffAlready, ServerId, Span, Ticker, World,
    WorldSpec,
};

/// More time than any operation takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Two emulated HMCs over one world of two servers, and the driver.
struct Bench {
    world: LiveWorld,
    hmcs: Vec<HmcServer>,
    driver: HmcDriver,
    p1: ServerAddress,
    p2: ServerAddress,
    _ticker: Ticker,
}

impl Bench {
    async fn start() -> Self {
        let mut spec = WorldSpec::demo(DemoOptions { servers: 2, lpars: 3, hmcs: 2 });
        let running_on = Some("p1".to_owned());
        spec.lpars.push(LparSpec { running_on, ..LparSpec::mobile("mobile", ["p1", "p2"]) });
        (spec.timings.migration, spec.timings.migration_tail) = (Span::millis(1_000), Span::millis(200));
        let server = |index: usize| ServerAddress {
            name: spec.servers[index].name.clone(),
            mtms: spec.servers[index].mtms(),
            hmcs: vec!["hmc1".to_owned(), "hmc2".to_owned()],
        };
        let (p1, p2) = (server(0), server(1));
        let (world, ticker) = LiveWorld::start(World::new(spec, 1).unwrap());
        let key = generate_key();
        let mut hmcs = Vec::new();
        let mut addresses = Vec::new();
        for name in ["hmc1", "hmc2"] {
            let options = HmcOptions::new(name, key.public_key().clone());
            let hmc = HmcServer::start(world.clone(), options).await.unwrap();
            addresses.push(HmcAddress {
                name: name.to_owned(),
                address: hmc.address().to_string(),
                user: "tenure".to_owned(),
                key: HmcKey::Pem(key.to_openssh(LineEnding::LF).unwrap().to_string()),
                host_key_fingerprint: hmc.fingerprint().to_owned(),
            });
            hmcs.push(hmc);
        }
        Self { world, hmcs, driver: HmcDriver::new(addresses), p1, p2, _ticker: ticker }
    }

    fn ids(&self) -> (HmcId, ServerId, LparId) {
        self.world.with(|world| (world.hmc("hmc1").unwrap(), world.server("p1").unwrap(), world.lpar("db").unwrap()))
    }

    fn inject(&self, fault: Fault) {
        self.world.with(|world| world.inject(fault)).unwrap();
    }

    async fn read(&self) -> ServerReading {
        self.driver.read_server(&self.p1, PATIENCE).await.unwrap()
    }

    fn mobile(&self) -> LparId {
        self.world.with(|world| world.lpar("mobile").unwrap())
    }

    /// The state of the mobile LPAR in the lists of p1 and p2.
    async fn both(&self) -> [Option<LparState>; 2] {
        let mut both = [None, None];
        for (server, state) in [&self.p1, &self.p2].into_iter().zip(&mut both) {
            let reading = self.driver.read_server(server, PATIENCE).await.unwrap();
            *state = reading.lpar("mobile").map(|lpar| lpar.state.clone());
        }
        both
    }

    /// Reads both until they are as wanted.
    async fn read_both(&self, wanted: [Option<LparState>; 2]) {
        let reading = async { while self.both().await != wanted {} };
        tokio::time::timeout(PATIENCE, reading).await.expect("never read");
    }

    async fn migrate(&self, within: Duration) -> Result<(), CommandError> {
        self.driver.migrate_lpar(&self.p1, &self.p2, "mobile", within).await
    }

    /// Checks that the world saw no violation.
    fn is_clean(&self) {
        let verdict = self.world.with(|world| world.verdict());
        assert!(verdict.is_clean(), "{verdict:?}");
    }

    /// Reads until the reading is as wanted.
    async fn read_until(&self, wanted: impl Fn(&ServerReading) -> bool) -> ServerReading {
        let reading = async {
            loop {
                let reading = self.read().await;
                if wanted(&reading) {
                    return reading;
                }
            }
        };
        tokio::time::timeout(PATIENCE, reading).await.expect("never read")
    }

    async fn read_until_lpar(&self, lpar: &str, state: LparState) {
        let wanted = |reading: &ServerReading| reading.lpar(lpar).is_some_and(|lpar| lpar.state == state);
        self.read_until(wanted).await;
    }
}

#[tokio::test]
async fn a_server_is_read_as_it_is() {
    let bench = Bench::start().await;
    let reading = bench.read().await;
    assert_eq!(reading.system, SystemState::Operating);
    assert!(reading.is_live());
    assert_eq!(reading.lpar("db").unwrap().state, LparState::NotActivated);
    let lpars = reading.lpars().unwrap();
    let vios = lpars.iter().filter(|lpar| lpar.env == LparEnvironment::VioServer);
    assert_eq!(vios.count(), 2);
    assert!(lpars.iter().all(|lpar| lpar.uuid.is_some() && lpar.id.is_some()), "{lpars:?}");
    let capacity = bench.driver.capacity(&bench.p1, PATIENCE).await.unwrap();
    assert!(capacity.memory > capacity.memory_free && capacity.memory_free.0 > 0, "{capacity:?}");
    assert!(capacity.processors > capacity.processors_free, "{capacity:?}");
    for status in bench.driver.check(PATIENCE).await {
        assert!(matches!(status.health, ConsoleHealth::Ok { .. }), "{status:?}");
    }
}

#[tokio::test]
async fn an_lpar_is_started_and_stopped_and_refusals_are_understood() {
    let bench = Bench::start().await;
    let (driver, p1) = (&bench.driver, &bench.p1);
    let off = driver.stop_lpar(p1, "db", Stop::Immediate, PATIENCE).await.unwrap_err();
    assert_eq!(off.refusal_kind(), Some(RefusalKind::AlreadyOff));
    driver.start_lpar(p1, "db", None, PATIENCE).await.unwrap();
    let on = driver.start_lpar(p1, "db", None, PATIENCE).await.unwrap_err();
    assert_eq!(on.refusal_kind(), Some(RefusalKind::AlreadyOn));
    bench.read_until_lpar("db", LparState::Running).await;
    driver.stop_lpar(p1, "db", Stop::Immediate, PATIENCE).await.unwrap();
    bench.read_until_lpar("db", LparState::NotActivated).await;
    let missing = driver.start_lpar(p1, "nobody", None, PATIENCE).await.unwrap_err();
    assert_eq!(missing.refusal_kind(), Some(RefusalKind::LparNotFound));
}

#[tokio::test]
async fn a_server_is_powered_off_and_reads_so() {
    let bench = Bench::start().await;
    bench.driver.power_off_server(&bench.p1, PATIENCE).await.unwrap();
    let reading = bench.read_until(|reading| reading.system == SystemState::PowerOff).await;
    assert!(reading.is_live());
    bench.driver.power_on_server(&bench.p1, PATIENCE).await.unwrap();
    bench.read_until(|reading| reading.system == SystemState::Operating).await;
}

#[tokio::test]
async fn a_line_that_one_hmc_lost_does_not_hide_the_server_from_the_other() {
    let bench = Bench::start().await;
    let (hmc1, p1, db) = bench.ids();
    bench.inject(Fault::CutLine(hmc1, p1));
    let reading = bench.read_until(|reading| reading.via == "hmc2").await;
    assert!(reading.is_live());
    bench.inject(Fault::HangProcessor(p1));
    let reading = bench.read_until(|reading| !reading.is_live()).await;
    assert_ne!(reading.system, SystemState::PowerOff);
    assert!(matches!(reading.inventory, Inventory::NotReadable(_)), "{reading:?}");
    let refused = bench.driver.start_lpar(&bench.p1, "db", None, PATIENCE).await.unwrap_err();
    assert!(refused.is_definite(), "{refused}");
    assert!(!bench.world.with(|world| world.is_alive(p1, db)));
}

#[tokio::test]
async fn an_answer_that_is_lost_is_unknown_even_though_the_lpar_starts() {
    let bench = Bench::start().await;
    let (hmc1, ..) = bench.ids();
    bench.read().await;
    bench.inject(Fault::LoseAnswers(hmc1, 1));
    let within = Duration::from_secs(2);
    let error = bench.driver.start_lpar(&bench.p1, "db", None, within).await.unwrap_err();
    assert!(matches!(error, CommandError::Unknown { .. }), "{error}");
    bench.read_until_lpar("db", LparState::Running).await;
}

#[tokio::test]
async fn the_other_hmc_takes_over_and_the_first_is_used_again() {
    let mut bench = Bench::start().await;
    assert_eq!(bench.read().await.via, "hmc1");
    bench.hmcs[0].stop().await;
    assert_eq!(bench.read().await.via, "hmc2");
    bench.driver.start_lpar(&bench.p1, "db", None, PATIENCE).await.unwrap();
    bench.hmcs[0].resume().await;
    bench.read_until(|reading| reading.via == "hmc1").await;
}

const RUNNING: Option<LparState> = Some(LparState::Running);
const MIGRATING: Option<LparState> = Some(LparState::MigratingRunning);

#[tokio::test]
async fn a_running_lpar_migrates_and_is_listed_on_both_servers_meanwhile() {
    let bench = Bench::start().await;
    assert_eq!(bench.both().await, [RUNNING, None]);
    let (migrated, ()) = tokio::join!(bench.migrate(PATIENCE), bench.read_both([MIGRATING, MIGRATING]));
    migrated.unwrap();
    assert_eq!(bench.both().await, [None, RUNNING]);
    bench.driver.migrate_lpar(&bench.p2, &bench.p1, "mobile", PATIENCE).await.unwrap();
    assert_eq!(bench.both().await, [RUNNING, None]);
    bench.is_clean();
}

#[tokio::test]
async fn an_lpar_that_is_off_migrates_off() {
    let bench = Bench::start().await;
    bench.driver.stop_lpar(&bench.p1, "mobile", Stop::Immediate, PATIENCE).await.unwrap();
    bench.read_until_lpar("mobile", LparState::NotActivated).await;
    let migrating = Some(LparState::MigratingNotActivated);
    let (migrated, ()) = tokio::join!(bench.migrate(PATIENCE), bench.read_both([migrating.clone(), migrating.clone()]));
    migrated.unwrap();
    assert_eq!(bench.both().await, [None, Some(LparState::NotActivated)]);
    bench.is_clean();
}

#[tokio::test]
async fn a_migration_that_cannot_be_is_refused_for_its_reason() {
    let bench = Bench::start().await;
    let (hmc1, p1, _) = bench.ids();
    let (hmc2, p2) = bench.world.with(|world| (world.hmc("hmc2").unwrap(), world.server("p2").unwrap()));
    for lines_cut in [true, false] {
        let fault = |hmc| if lines_cut { Fault::CutLine(hmc, p2) } else { Fault::MendLine(hmc, p2) };
        bench.inject(fault(hmc1));
        bench.inject(fault(hmc2));
        if lines_cut {
            let refused = bench.migrate(PATIENCE).await.unwrap_err();
            assert_eq!(refused.refusal_kind(), Some(RefusalKind::NotConnected), "{refused}");
        }
    }
    bench.inject(Fault::Hang(p1, bench.mobile()));
    // A silent operating system is noticed only after a while.
    let silent = |reading: &ServerReading| reading.lpar("mobile").unwrap().rmc != RmcState::Active;
    bench.read_until(silent).await;
    let refused = bench.migrate(PATIENCE).await.unwrap_err();
    assert_eq!(refused.refusal_kind(), Some(RefusalKind::NoRmc), "{refused}");
    assert_eq!(bench.both().await, [RUNNING, None]);
    bench.is_clean();
}

#[tokio::test]
async fn a_migration_whose_answer_is_lost_is_unknown_and_comes_true_all_the_same() {
    let bench = Bench::start().await;
    let (hmc1, ..) = bench.ids();
    bench.inject(Fault::LoseAnswers(hmc1, 1));
    let error = bench.migrate(PATIENCE).await.unwrap_err();
    assert!(matches!(error, CommandError::Unknown { .. }), "{error}");
    bench.read_both([None, RUNNING]).await;
    bench.is_clean();
}

#[tokio::test]
async fn a_migration_is_stopped_and_whoever_waits_for_it_does_not_know() {
    let bench = Bench::start().await;
    bench.inject(Fault::SlowMove(bench.mobile(), Span::seconds(60)));
    let stop = async {
        bench.read_both([MIGRATING, MIGRATING]).await;
        bench.driver.stop_migration(&bench.p1, "mobile", PATIENCE).await.unwrap();
    };
    let (migrated, ()) = tokio::join!(bench.migrate(PATIENCE), stop);
    assert!(matches!(migrated, Err(CommandError::Unknown { .. })), "{migrated:?}");
    assert_eq!(bench.both().await, [RUNNING, None]);
    let late = bench.driver.stop_migration(&bench.p1, "mobile", PATIENCE).await.unwrap_err();
    assert_eq!(late.refusal_kind(), Some(RefusalKind::WrongState), "{late}");
    bench.is_clean();
}

#[tokio::test]
async fn a_migration_that_breaks_holds_the_lpar_until_it_is_recovered() {
    let bench = Bench::start().await;
    bench.inject(Fault::BreakMove(bench.mobile()));
    let error = bench.migrate(PATIENCE).await.unwrap_err();
    assert!(matches!(error, CommandError::Unknown { .. }), "{error}");
    assert_eq!(bench.both().await, [MIGRATING, MIGRATING]);
    let stop = bench.driver.stop_lpar(&bench.p1, "mobile", Stop::Immediate, PATIENCE).await.unwrap_err();
    assert_eq!(stop.refusal_kind(), Some(RefusalKind::WrongState), "{stop}");
    bench.driver.recover_migration(&bench.p1, "mobile", PATIENCE).await.unwrap();
    assert_eq!(bench.both().await, [RUNNING, None]);
    bench.migrate(PATIENCE).await.unwrap();
    bench.is_clean();
}

#[tokio::test]
async fn remote_restart_is_refused_while_the_source_is_operating_and_done_when_it_is_off() {
    let bench = Bench::start().await;
    let restart = || bench.driver.restart_elsewhere(&bench.p1, &bench.p2, "mobile", PATIENCE);
    let refused = restart().await.unwrap_err();
    assert!(matches!(refused, CommandError::Refused { .. }), "{refused}");
    assert_eq!(bench.both().await, [RUNNING, None]);
    bench.driver.power_off_server(&bench.p1, PATIENCE).await.unwrap();
    bench.read_until(|reading| reading.system == SystemState::PowerOff).await;
    restart().await.unwrap();
    bench.read_both([Some(LparState::NotActivated), RUNNING]).await;
    bench.driver.power_on_server(&bench.p1, PATIENCE).await.unwrap();
    bench.read_until(|reading| reading.system == SystemState::Operating).await;
    bench.read_both([None, RUNNING]).await;
    bench.is_clean();
}

/// The core's reading from a driver's, with what the ledger knows of the LPARs of p1.
fn as_core(seen: &ServerReading, known: Known) -> Reading {
    let mut cluster = Cluster::default();
    cluster.groups.insert("data".into(), Group::new(vec!["p1".into()]));
    cluster.resources.insert("db".into(), Resource::lpar("data".into(), "db"));
    let asked = words::Asked { server: &"p1".into(), by: &"n1".into(), since: 7, serial: 1 };
    words::reading(&cluster, &KnownOn { lpars: BTreeMap::from([("db".into(), known)]), node: None }, &asked, seen)
}

/// A service processor that was replaced: the server reads Recovery, and its list is empty or stale.
#[tokio::test]
async fn a_list_in_recovery_is_none() {
    let bench = Bench::start().await;
    let (_, p1, _) = bench.ids();
    for list in [ListAs::Empty, ListAs::Off] {
        bench.inject(Fault::List(p1, list));
        bench.inject(Fault::ShowAs(p1, tenure_jepsen::world::SystemState::Recovery));
        let seen = bench.read_until(|reading| reading.system == SystemState::Recovery).await;
        assert!(!seen.is_live() && seen.lpars().is_none(), "{seen:?}");
        let reading = as_core(&seen, Known::default());
        assert_eq!((reading.live, reading.copies.len()), (false, 0), "{reading:?}");
        bench.inject(Fault::ShowTruth(p1));
        bench.read_until(ServerReading::is_live).await;
    }
}

/// One line of the list is gone, or is about another LPAR than before.
#[tokio::test]
async fn a_line_that_is_gone_says_nothing_of_its_lpar() {
    let bench = Bench::start().await;
    let (_, p1, db) = bench.ids();
    let first = as_core(&bench.read().await, Known::default());
    let uuid = first.listed[&ResourceName::from("db")].uuid.clone();
    assert_eq!((first.copies[&ResourceName::from("db")], uuid.is_some()), (CorePower::Off, true));
    let known = Known { uuid, listed: true };
    let cases = [
        (Line::Hidden, CorePower::Missing, false),
        (Line::Renamed, CorePower::Unknown, true),
        (Line::Another, CorePower::Unknown, true),
        (Line::Shown, CorePower::Off, false),
    ];
    for (line, power, alarm) in cases {
        bench.inject(Fault::ShowLine(p1, db, line));
        let seen = bench.read().await;
        assert!(seen.is_live(), "nothing else is wrong: {seen:?}");
        let reading = as_core(&seen, known.clone());
        assert_eq!(reading.power(&"db".into()), power, "{line:?}");
        assert_eq!(reading.alarm(&"db".into()).is_some(), alarm, "{line:?}: {reading:?}");
    }
}

/// The description of an LPAR: read if the configuration says so, set by a user with the right, and kept in a move.
#[tokio::test]
async fn a_mark_is_set_and_moves_with_its_lpar() {
    let bench = Bench::start().await;
    let (hmc1, p1, db) = bench.ids();
    let of = |reading: &ServerReading, lpar: &str| reading.lpar(lpar).unwrap().description.clone();
    assert_eq!(of(&bench.read().await, "db"), None, "it is not asked for");
    bench.driver.ask_descriptions(true);
    assert_eq!(of(&bench.read().await, "db").as_deref(), Some(""));
    bench.driver.mark_lpar(&bench.p1, "db", "tenure:east", PATIENCE).await.unwrap();
    assert_eq!(of(&bench.read().await, "db").as_deref(), Some("tenure:east"));

    bench.world.with(|world| {
        world.write_description(p1, db, "").unwrap();
        world.hmcs().for_each(|hmc| world.inject(Fault::DenyDescriptions(hmc, true)).expect("it is there"));
    });
    let told = bench.driver.mark_lpar(&bench.p1, "db", "tenure:east", PATIENCE).await;
    assert_eq!(told.unwrap_err().refusal_kind(), Some(RefusalKind::NoAuthority));
    bench.inject(Fault::DenyDescriptions(hmc1, false));
    bench.driver.mark_lpar(&bench.p1, "mobile", "tenure:west", PATIENCE).await.unwrap();
    bench.read_both([RUNNING, None]).await;
    bench.migrate(PATIENCE).await.unwrap();
    bench.read_both([None, RUNNING]).await;
    let moved = bench.driver.read_server(&bench.p2, PATIENCE).await.unwrap();
    assert_eq!(of(&moved, "mobile").as_deref(), Some("tenure:west"));
    bench.is_clean();
}

/// The answer of an HMC to powering off a server that is off is not recorded. Whatever it is, the state is read back.
#[tokio::test]
async fn what_is_off_already_is_read_back_whatever_is_answered() {
    let bench = Bench::start().await;
    let (hmc1, p1, _) = bench.ids();
    bench.inject(Fault::TripPower(p1));
    bench.read_until(|reading| reading.system == SystemState::PowerOff).await;
    for answer in [OffAlready::Says, OffAlready::Accepts, OffAlready::NotOperating, OffAlready::Unlisted] {
        bench.world.with(|world| {
            world.hmcs().for_each(|hmc| world.inject(Fault::AnswerOff(hmc, answer)).expect("it is there"))
        });
        let told = bench.driver.power_off_server(&bench.p1, PATIENCE).await;
        let kind = told.as_ref().err().and_then(CommandError::refusal_kind);
        match answer {
            OffAlready::Says => assert_eq!(kind, Some(RefusalKind::AlreadyOff)),
            OffAlready::Accepts => assert!(told.is_ok(), "{told:?}"),
            OffAlready::NotOperating => assert_eq!(kind, Some(RefusalKind::NotOperating)),
            OffAlready::Unlisted => assert!(matches!(told, Err(CommandError::Unknown { .. })), "{told:?}"),
        }
        let word = words::answer(&Change::Server(ServerOperation::PowerOff), CommandError::told(told));
        assert!(!matches!(word, Answer::NotSent(_)), "{answer:?} by {hmc1:?} is read back");
        let known = matches!(answer, OffAlready::Says | OffAlready::Accepts);
        assert_eq!(matches!(word, Answer::Already | Answer::Accepted), known, "one reading is enough: {word:?}");
    }
}

/// A server with an eBMC: the link to its service processor proves nothing about its LPARs.
#[tokio::test]
async fn the_link_to_the_hypervisor_vouches_beside_that_to_an_ebmc() {
    let bench = Bench::start().await;
    let (_, p1, _) = bench.ids();
    let well = bench.read().await;
    assert_eq!(
        (&well.connected, &well.vmi, well.is_live()),
        (&Connection::Connected, &Some(Connection::Connected), true)
    );
    bench.inject(Fault::LoseVmi(p1));
    let lost = bench.read_until(|reading| !reading.is_live()).await;
    assert_eq!(lost.connected, Connection::Connected, "the BMC answers");
    assert_eq!(as_core(&lost, Known::default()).system, CoreSystem::NoConnection);
    bench.inject(Fault::TripPower(p1));
    bench.inject(Fault::RestoreVmi(p1));
    let off = bench.read_until(|reading| reading.system == SystemState::PowerOff).await;
    assert!(off.is_live(), "the BMC knows by itself that it is off: {off:?}");
}
