//! Moves of LPARs: the HMC's listing, the true place, and the remains after a failure.

use super::*;

/// Three servers; `db` is mobile and runs on p1.
struct Fixture {
    world: World,
    hmc: HmcId,
    p1: ServerId,
    p2: ServerId,
    p3: ServerId,
    db: LparId,
}

fn fixture_of(edit: impl FnOnce(&mut WorldSpec)) -> Fixture {
    let mut spec = WorldSpec::demo(DemoOptions { servers: 3, lpars: 1, hmcs: 2 });
    let db = spec.lpars.iter_mut().find(|lpar| lpar.name == "db").unwrap();
    (db.mobile, db.running_on) = (true, Some("p1".into()));
    edit(&mut spec);
    let world = World::new(spec, 7).unwrap();
    let [p1, p2, p3] = ["p1", "p2", "p3"].map(|name| world.server(name).unwrap());
    Fixture { hmc: world.hmc("hmc1").unwrap(), db: world.lpar("db").unwrap(), world, p1, p2, p3 }
}

fn fixture() -> Fixture {
    fixture_of(|_| {})
}

/// The same, with db off.
fn off() -> Fixture {
    fixture_of(|spec| {
        spec.lpars.iter_mut().for_each(|lpar| {
            if lpar.mobile {
                lpar.running_on = None
            }
        })
    })
}

impl Fixture {
    fn pass(&mut self, millis: u64) {
        self.world.advance_to(self.world.now() + Span::millis(millis));
    }

    fn run(&mut self, command: Command) -> Result<Span, Refusal> {
        let outcome = self.world.execute(self.hmc, &command);
        self.pass(100);
        outcome
    }

    fn fail(&mut self, fault: Fault) {
        self.world.inject(fault).unwrap();
    }

    fn migrate(&self) -> Command {
        Command::Migrate { lpar: self.db, from: self.p1, to: self.p2 }
    }

    fn restart(&self) -> Command {
        Command::RemoteRestart { lpar: self.db, from: self.p1, to: self.p2 }
    }

    fn recover(&self) -> Command {
        Command::RecoverMigration { lpar: self.db, server: self.p1 }
    }

    /// The HMC's listing of db on p1 and p2.
    fn shown(&self) -> [Option<LparState>; 2] {
        [self.p1, self.p2].map(|server| Some(self.world.read(self.hmc, server).unwrap().lpar(self.db)?.state))
    }

    /// The servers on which db is truly active.
    fn active(&self) -> Vec<ServerId> {
        self.world.active_on(self.db)
    }

    fn free(&self) -> [u64; 2] {
        [self.p1, self.p2].map(|server| self.world.capacity(server).memory_free)
    }

    #[track_caller]
    fn is_on(&self, server: ServerId) {
        assert_eq!((self.active(), self.world.defined_on(self.db)), (vec![server], vec![server]));
        assert_eq!(self.world.moving(self.db), None);
        let verdict = self.world.verdict();
        assert!(verdict.is_clean(), "{verdict:?}");
    }
}

const RUNNING: Option<LparState> = Some(LparState::Running);
const MIGRATING: Option<LparState> = Some(LparState::MigratingRunning);

#[test]
fn a_live_migration_is_listed_on_both_servers_and_runs_on_one() {
    let mut f = fixture();
    assert_eq!(f.shown(), [RUNNING, None]);
    let before = f.free();
    let id = f.world.submit(f.hmc, f.migrate());
    f.pass(100);
    assert_eq!(f.shown(), [MIGRATING, MIGRATING]);
    assert_eq!(f.free(), [before[0], before[1] - 16_384], "kept on the target from the beginning");
    for (millis, server) in [(6_000, f.p1), (1_500, f.p2)] {
        f.pass(millis);
        assert_eq!((f.shown(), f.active()), ([MIGRATING, MIGRATING], vec![server]));
        assert!(f.world.is_alive(server, f.db));
        assert_eq!(f.free(), [before[0], before[1] - 16_384], "and on the source until the end");
        assert_eq!(f.world.take_answer(id), None);
    }
    f.pass(1_000);
    assert_eq!(f.world.take_answer(id).unwrap().1, Answer::Answered(Ok(())));
    assert_eq!((f.shown(), f.free()), ([None, RUNNING], [before[0] + 16_384, before[1] - 16_384]));
    assert_eq!(f.world.read(f.hmc, f.p2).unwrap().lpar(f.db).unwrap().rmc, RmcState::Active);
    assert_eq!(f.world.history().starts(f.db).total(), 1, "it was not started again");
    f.is_on(f.p2);
    f.run(Command::Migrate { lpar: f.db, from: f.p2, to: f.p1 }).unwrap();
    f.pass(10_000);
    f.is_on(f.p1);
}

#[test]
fn what_is_off_migrates_off() {
    let mut f = off();
    let state = Some(LparState::MigratingNotActivated);
    let before = f.free();
    f.run(f.migrate()).unwrap();
    assert_eq!((f.shown(), f.free()), ([state, state], before));
    assert_eq!(f.run(Command::start(f.p1, f.db)), Err(Refusal::WrongState));
    f.pass(3_000);
    assert_eq!(f.shown(), [None, Some(LparState::NotActivated)]);
    assert_eq!(f.run(Command::start(f.p1, f.db)), Err(Refusal::NoSuchLpar));
    f.run(Command::start(f.p2, f.db)).unwrap();
    f.is_on(f.p2);
}

#[test]
fn a_migration_that_cannot_be_is_refused_and_the_check_says_so_too() {
    type Edit = fn(&mut Fixture);
    let table: [(Edit, Refusal); 10] = [
        (|f| f.fail(Fault::CutLine(f.hmc, f.p2)), Refusal::NoConnection),
        (|f| f.fail(Fault::CutLine(f.hmc, f.p1)), Refusal::NoConnection),
        (|f| f.fail(Fault::HmcDown(f.hmc)), Refusal::HmcDown),
        (|f| f.fail(Fault::TripPower(f.p2)), Refusal::NotOperating),
        (|f| f.fail(Fault::TripPower(f.p1)), Refusal::NotOperating),
        (|f| f.fail(Fault::Panic(f.p1, f.db)), Refusal::WrongState),
        (
            |f| {
                f.fail(Fault::Hang(f.p1, f.db));
                f.pass(5_000);
            },
            Refusal::NoRmc,
        ),
        (
            |f| {
                for vios in ["p2-vios1", "p2-vios2"] {
                    f.fail(Fault::Crash(f.p2, f.world.lpar(vios).unwrap()));
                }
            },
            Refusal::CannotHost,
        ),
        (|f| f.p2 = f.p1, Refusal::AlreadyDefined),
        (|f| assert_ne!(f.run(f.migrate()), Ok(Span::ZERO)), Refusal::WrongState),
    ];
    for (edit, expected) in table {
        let mut f = fixture();
        edit(&mut f);
        assert_eq!(f.world.check_move(f.hmc, &f.migrate()), Err(expected));
        assert_eq!(f.run(f.migrate()), Err(expected));
    }
    for (memory, processors, expected) in
        [(16_384, 1_600, Refusal::NotEnoughMemory), (262_144, 150, Refusal::NotEnoughProcessors)]
    {
        let mut f = fixture_of(|spec| (spec.servers[1].memory, spec.servers[1].processors) = (memory, processors));
        assert_eq!(f.run(f.migrate()), Err(expected));
        f.is_on(f.p1);
    }
    let mut f = fixture_of(|spec| spec.lpars.iter_mut().for_each(|lpar| lpar.mobile = false));
    assert_eq!(f.run(f.migrate()), Err(Refusal::AlreadyDefined), "each server has its own definition");
}

#[test]
fn a_migration_can_be_stopped_until_the_switchover() {
    let mut f = fixture();
    let stop = Command::StopMigration { lpar: f.db, from: f.p1 };
    assert_eq!(f.run(stop.clone()), Err(Refusal::WrongState));
    let id = f.world.submit(f.hmc, f.migrate());
    f.pass(6_500);
    f.run(stop.clone()).unwrap();
    assert_eq!(f.shown(), [RUNNING, None]);
    assert_eq!(f.world.take_answer(id).unwrap().1, Answer::Answered(Err(Refusal::MoveFailed)));
    f.is_on(f.p1);
    f.run(f.migrate()).unwrap();
    f.pass(7_500);
    assert_eq!(f.run(stop), Err(Refusal::WrongState), "too late");
    f.pass(1_000);
    f.is_on(f.p2);
}

#[test]
fn a_migration_that_fails_is_undone_or_must_be_recovered() {
    let mut f = fixture();
    f.fail(Fault::FailMove(f.db));
    let id = f.world.submit(f.hmc, f.migrate());
    f.pass(10_000);
    assert_eq!(f.world.take_answer(id).unwrap().1, Answer::Answered(Err(Refusal::MoveFailed)));
    f.is_on(f.p1);
    f.run(f.migrate()).unwrap();
    assert_eq!(f.run(f.recover()), Err(Refusal::WrongState), "it goes on");
    f.fail(Fault::BreakMove(f.db));
    f.pass(100_000);
    assert_eq!((f.shown(), f.active()), ([MIGRATING, MIGRATING], vec![f.p1]));
    assert!(f.world.moving(f.db).unwrap().stuck);
    for command in [
        f.migrate(),
        Command::StopMigration { lpar: f.db, from: f.p1 },
        Command::stop(f.p1, f.db, Stop::Immediate),
        Command::start(f.p2, f.db),
    ] {
        assert_eq!(f.run(command), Err(Refusal::WrongState));
    }
    f.run(f.recover()).unwrap();
    f.is_on(f.p1);
    f.run(f.migrate()).unwrap();
    f.pass(7_500);
    assert_eq!(f.world.inject(Fault::FailMove(f.db)), Err(FaultError::Pointless), "it has switched over");
    f.fail(Fault::BreakMove(f.db));
    f.pass(10_000);
    assert_eq!((f.shown(), f.active()), ([MIGRATING, MIGRATING], vec![f.p2]));
    f.run(f.recover()).unwrap();
    f.is_on(f.p2);
}

#[test]
fn power_lost_in_the_middle_takes_the_lpar_with_it_only_where_it_is() {
    for (after_switch, source, survives) in
        [(false, true, false), (false, false, true), (true, true, true), (true, false, false)]
    {
        let mut f = fixture();
        let id = f.world.submit(f.hmc, f.migrate());
        f.pass(if after_switch { 7_500 } else { 3_000 });
        let lost = if source { f.p1 } else { f.p2 };
        f.fail(Fault::CutPower(lost));
        f.pass(1_000);
        assert_eq!(f.world.take_answer(id).unwrap().1, Answer::Answered(Err(Refusal::MoveFailed)));
        let owner = if after_switch { f.p2 } else { f.p1 };
        let expected = if survives { vec![owner] } else { vec![] };
        assert_eq!((f.active(), f.world.moving(f.db)), (expected, None));
        // The remnant on the dead server is removed after its return.
        f.fail(Fault::RestorePower(lost));
        f.pass(2_000);
        f.run(Command::PowerOn { server: lost }).unwrap();
        f.pass(10_000);
        assert_eq!(f.world.defined_on(f.db), [owner]);
        assert!(f.world.verdict().is_clean());
    }
}

#[test]
fn an_hmc_that_dies_leaves_the_end_to_be_recovered() {
    let mut f = fixture();
    let other = f.world.hmc("hmc2").unwrap();
    let id = f.world.submit(f.hmc, f.migrate());
    f.pass(3_000);
    f.fail(Fault::HmcDown(f.hmc));
    assert_eq!(f.world.take_answer(id).unwrap().1, Answer::Lost);
    f.fail(Fault::HmcUp(f.hmc));
    f.pass(20_000);
    assert_eq!(f.active(), [f.p2], "the hypervisors went on");
    assert_eq!(f.shown(), [MIGRATING, MIGRATING]);
    f.world.execute(other, &f.recover()).unwrap();
    f.is_on(f.p2);
    let mut f = fixture();
    f.world.submit(f.hmc, f.migrate());
    f.pass(3_000);
    f.fail(Fault::HmcDown(f.hmc));
    f.world.execute(other, &f.recover()).unwrap();
    f.is_on(f.p1);
}

#[test]
fn an_answer_that_is_lost_says_nothing_about_the_migration() {
    let mut f = fixture();
    f.fail(Fault::LoseAnswers(f.hmc, 1));
    let id = f.world.submit(f.hmc, f.migrate());
    f.pass(10_000);
    assert_eq!(f.world.take_answer(id).unwrap().1, Answer::Lost);
    f.is_on(f.p2);
}

#[test]
fn a_slow_migration_takes_longer_and_its_answer_too() {
    let mut f = fixture();
    f.fail(Fault::SlowMove(f.db, Span::seconds(60)));
    let id = f.world.submit(f.hmc, f.migrate());
    f.pass(60_000);
    f.fail(Fault::SlowMove(f.db, Span::seconds(60)));
    f.pass(60_000);
    assert_eq!((f.active(), f.world.take_answer(id)), (vec![f.p1], None));
    assert_eq!(f.world.answer_due(id), f.world.moving(f.db).unwrap().until());
    f.pass(10_000);
    assert_eq!(f.world.take_answer(id).unwrap().1, Answer::Answered(Ok(())));
    f.is_on(f.p2);
}

#[test]
fn what_stops_on_the_way_is_not_taken_over() {
    let mut f = fixture();
    f.run(f.migrate()).unwrap();
    f.fail(Fault::Crash(f.p1, f.db));
    f.pass(10_000);
    assert_eq!((f.active(), f.world.defined_on(f.db)), (vec![], vec![f.p1]));
    assert!(f.world.verdict().is_clean());
}

#[test]
fn remote_restart_takes_a_source_that_is_down_and_connected() {
    let mut f = fixture();
    for fault in [None, Some(Fault::CutPower(f.p1)), Some(Fault::RestorePower(f.p1))] {
        if let Some(fault) = fault {
            f.fail(fault);
        }
        f.pass(600);
        let expected = if fault.is_none() { Refusal::NotDown } else { Refusal::NoConnection };
        assert_eq!(f.run(f.restart()), Err(expected), "{fault:?}");
        assert_eq!(f.run(f.migrate()).is_err(), fault.is_some());
        f.run(Command::StopMigration { lpar: f.db, from: f.p1 }).unwrap_or_default();
    }
    f.pass(1_000);
    let before = f.free();
    let id = f.world.submit(f.hmc, f.restart());
    f.pass(200);
    assert_eq!(f.shown(), [Some(LparState::NotActivated); 2]);
    assert_eq!(f.free(), [before[0], before[1] - 16_384]);
    assert_eq!(f.run(Command::start(f.p2, f.db)), Err(Refusal::WrongState));
    f.pass(2_000);
    assert_eq!(f.world.take_answer(id).unwrap().1, Answer::Answered(Ok(())));
    assert_eq!(f.shown(), [Some(LparState::NotActivated), Some(LparState::Starting)]);
    f.pass(5_000);
    assert_eq!((f.active(), f.world.defined_on(f.db)), (vec![f.p2], vec![f.p1, f.p2]));
    assert_eq!(f.run(f.restart()), Err(Refusal::WrongState), "what is left there is not restarted again");
    let back = Command::Migrate { lpar: f.db, from: f.p2, to: f.p1 };
    f.run(Command::PowerOn { server: f.p1 }).unwrap();
    f.fail(Fault::CutLine(f.hmc, f.p1));
    f.fail(Fault::CutLine(f.world.hmc("hmc2").unwrap(), f.p1));
    f.pass(20_000);
    assert_eq!(f.world.defined_on(f.db), [f.p1, f.p2], "no HMC sees that it is up");
    f.world.set_lines(f.p1, true);
    f.pass(2_000);
    f.is_on(f.p2);
    f.run(back).unwrap();
    f.pass(10_000);
    f.is_on(f.p1);
}

#[test]
fn what_a_remote_restart_leaves_behind_starts_with_its_server_if_no_hmc_is_there_in_time() {
    for (seen, overlaps) in [(true, 0), (false, 1)] {
        let mut f = fixture_of(|spec| spec.servers[0].start_policy = StartPolicy::Autorecovery);
        f.fail(Fault::TripPower(f.p1));
        f.run(f.restart()).unwrap();
        f.pass(5_000);
        f.run(Command::PowerOn { server: f.p1 }).unwrap();
        f.world.set_lines(f.p1, seen);
        f.pass(20_000);
        assert_eq!(f.world.violations().len(), overlaps);
    }
}

#[test]
fn a_source_that_returns_during_a_remote_restart_is_told_nothing_of_it() {
    for (policy, overlaps) in [(StartPolicy::Userinit, 0), (StartPolicy::Autorecovery, 1)] {
        let mut f = fixture_of(|spec| {
            spec.servers[0].start_policy = policy;
            spec.timings.remote_restart = Span::seconds(20);
        });
        f.fail(Fault::TripPower(f.p1));
        f.run(f.restart()).unwrap();
        f.run(Command::PowerOn { server: f.p1 }).unwrap();
        f.pass(10_000);
        assert_eq!(f.run(Command::start(f.p1, f.db)), Err(Refusal::WrongState), "an HMC starts nothing there");
        f.pass(20_000);
        assert_eq!(f.world.violations().len(), overlaps, "{policy:?}");
    }
}

#[test]
fn a_remote_restart_that_breaks_leaves_the_definition_at_the_source() {
    type Edit = fn(&mut Fixture);
    let breaks: [(Edit, bool); 4] = [
        (|f| f.fail(Fault::FailMove(f.db)), false),
        (|f| f.fail(Fault::BreakMove(f.db)), true),
        (|f| f.fail(Fault::HmcDown(f.hmc)), true),
        (|f| f.fail(Fault::CutPower(f.p2)), false),
    ];
    for (edit, stuck) in breaks {
        let mut f = fixture();
        let other = f.world.hmc("hmc2").unwrap();
        f.fail(Fault::TripPower(f.p1));
        f.run(f.restart()).unwrap();
        edit(&mut f);
        f.pass(10_000);
        assert_eq!((f.active(), f.world.moving(f.db).is_some_and(|m| m.stuck)), (vec![], stuck));
        let recovered = f.world.execute(other, &Command::RecoverMigration { lpar: f.db, server: f.p1 });
        assert_eq!(recovered.is_ok(), stuck, "{recovered:?}");
        f.pass(1_000);
        let elsewhere = Command::RemoteRestart { lpar: f.db, from: f.p1, to: f.p3 };
        f.world.execute(other, &elsewhere).unwrap();
        f.pass(10_000);
        assert_eq!(f.active(), [f.p3]);
        assert!(f.world.verdict().is_clean());
    }
}

#[test]
fn what_left_a_server_does_not_start_with_it() {
    let mut f = fixture_of(|spec| {
        spec.servers[0].start_policy = StartPolicy::Autostart;
        spec.lpars.iter_mut().for_each(|lpar| lpar.auto_start = true);
    });
    f.run(f.migrate()).unwrap();
    f.pass(7_500);
    f.fail(Fault::CutPower(f.p1));
    f.fail(Fault::RestorePower(f.p1));
    f.pass(1_000);
    f.run(Command::PowerOn { server: f.p1 }).unwrap();
    f.world.set_lines(f.p1, false);
    f.pass(20_000);
    assert_eq!((f.active(), f.world.defined_on(f.db)), (vec![f.p2], vec![f.p1, f.p2]));
    assert!(f.world.auto_start(f.p2, f.db), "where it is now, it does");
    assert!(f.world.verdict().is_clean());
}

#[test]
fn a_world_without_durations_moves_at_once() {
    let mut f = fixture_of(|spec| spec.timings = Timings::instant());
    f.world.execute(f.hmc, &f.migrate()).unwrap();
    assert_eq!(f.shown(), [None, RUNNING]);
    f.fail(Fault::BreakMove(f.db));
    let back = Command::Migrate { lpar: f.db, from: f.p2, to: f.p1 };
    f.world.execute(f.hmc, &back).unwrap();
    assert_eq!((f.shown(), f.world.next_event()), ([MIGRATING, MIGRATING], None));
    let stuck = f.world.fingerprint();
    f.world.execute(f.hmc, &f.recover()).unwrap();
    assert_ne!(f.world.fingerprint(), stuck);
    f.is_on(f.p2);
}

#[test]
fn a_move_reads_well_and_the_way_there_does_not_matter() {
    let mut f = fixture();
    let before = f.world.fingerprint();
    f.run(f.migrate()).unwrap();
    f.fail(Fault::BreakMove(f.db));
    assert_ne!(f.world.fingerprint(), before);
    f.run(f.recover()).unwrap();
    f.pass(10_000);
    assert_eq!(f.world.fingerprint(), before);
    f.run(f.migrate()).unwrap();
    f.pass(10_000);
    let lines: Vec<String> = f.world.history().entries().iter().map(|entry| f.world.describe(entry)).collect();
    for expected in [
        "db defined on p1 (initial)",
        "migration of db from p1 to p2 begins (hmc1)",
        "db defined on p2 (hmc1)",
        "migration of db from p1 to p2 needs recovery",
        "db no longer defined on p2",
        "migration of db from p1 to p2 is recovered",
        "db on p1 Not Activated (migration)",
        "db on p2 Running (migration)",
        "db no longer defined on p1",
        "migration of db from p1 to p2 ends",
    ] {
        assert!(lines.iter().any(|line| line == expected), "{expected}: {lines:#?}");
    }
}

#[test]
fn only_clients_with_somewhere_to_go_are_mobile() {
    type Edit = fn(&mut LparSpec);
    for edit in [(|lpar| lpar.kind = LparKind::Management) as Edit, |lpar| lpar.servers.truncate(1)] {
        let mut spec = WorldSpec::demo(DemoOptions::default());
        spec.lpars.push(LparSpec::mobile("roamer", ["p1", "p2"]));
        edit(spec.lpars.last_mut().unwrap());
        let error = World::new(spec, 1).unwrap_err().to_string();
        assert!(error.contains("\"roamer\" cannot be mobile"), "{error}");
    }
}
