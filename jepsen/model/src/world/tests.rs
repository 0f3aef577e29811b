//! Behaviour of the world as a whole.

use super::*;

/// A demo world with its identities.
struct Fixture {
    world: World,
    hmc: HmcId,
    p1: ServerId,
    p2: ServerId,
    db: LparId,
}

fn fixture_of(edit: impl FnOnce(&mut WorldSpec)) -> Fixture {
    let mut spec = WorldSpec::demo(DemoOptions::default());
    edit(&mut spec);
    let world = World::new(spec, 7).unwrap();
    let hmc = world.hmc("hmc1").unwrap();
    let (p1, p2) = (world.server("p1").unwrap(), world.server("p2").unwrap());
    let db = world.lpar("db").unwrap();
    Fixture { world, hmc, p1, p2, db }
}

fn fixture() -> Fixture {
    fixture_of(|_| {})
}

/// A world in which db runs on p1.
fn running_of(edit: impl FnOnce(&mut WorldSpec)) -> Fixture {
    let mut fixture = fixture_of(edit);
    fixture.start(fixture.p1).unwrap();
    fixture.pass(10_000);
    assert_eq!(fixture.state(), LparState::Running);
    fixture
}

fn running() -> Fixture {
    running_of(|_| {})
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

    fn start(&mut self, server: ServerId) -> Result<Span, Refusal> {
        self.run(Command::start(server, self.db))
    }

    fn stop(&mut self, stop: Stop) -> Result<Span, Refusal> {
        self.run(Command::stop(self.p1, self.db, stop))
    }

    /// The true state of db on p1.
    fn state(&self) -> LparState {
        self.world.activity(self.p1, self.db).unwrap()
    }

    /// The HMC's reading of db on p1.
    fn shown(&self) -> LparReading {
        *self.read().lpar(self.db).unwrap()
    }

    fn read(&self) -> Reading {
        self.world.read(self.hmc, self.p1).unwrap()
    }

    fn fail(&mut self, fault: Fault) {
        self.world.inject(fault).unwrap();
    }

    /// The two VIO servers of p1.
    fn vios(&self) -> [LparId; 2] {
        [1, 2].map(|n| self.world.lpar(&format!("p1-vios{n}")).unwrap())
    }
}

#[test]
fn an_activation_takes_its_time_and_rmc_follows() {
    let mut f = fixture();
    f.start(f.p1).unwrap();
    assert_eq!(f.shown().state, LparState::Starting);
    f.pass(2_000);
    assert_eq!((f.shown().state, f.shown().rmc), (LparState::Running, RmcState::Active));
    assert_eq!(f.start(f.p1), Err(Refusal::NotOff));
    assert_eq!(f.world.history().starts(f.db), StartCounts { command: 1, ..StartCounts::default() });
}

#[test]
fn nothing_stops_a_second_copy_and_the_checker_sees_it() {
    let mut f = running();
    f.start(f.p2).unwrap();
    assert_eq!(f.world.conflict(), Some(f.db));
    assert_eq!(f.world.active_on(f.db), [f.p1, f.p2]);
    f.stop(Stop::Immediate).unwrap();
    f.pass(1_000);
    assert_eq!(f.world.conflict(), None);
    let overlaps = f.world.violations();
    assert_eq!((overlaps.len(), overlaps[0].lpar), (1, f.db));
    assert!(!f.world.verdict().is_clean());
}

#[test]
fn a_hung_lpar_reads_running_and_only_the_hypervisor_can_stop_it() {
    let mut f = running();
    f.fail(Fault::Hang(f.p1, f.db));
    assert_eq!((f.shown().state, f.shown().rmc), (LparState::Running, RmcState::Active));
    assert!(!f.world.is_alive(f.p1, f.db));
    let patience = f.world.spec().timings.rmc_timeout;
    assert_eq!(f.stop(Stop::Os), Ok(patience), "accepted late, and nothing comes of it");
    f.pass(5_000);
    assert_eq!((f.shown().state, f.shown().rmc), (LparState::Running, RmcState::Inactive));
    assert_eq!(f.stop(Stop::Os), Err(Refusal::NoRmc));
    f.stop(Stop::Delayed).unwrap();
    f.pass(100_000);
    assert_eq!(f.shown().state, LparState::ShuttingDown, "for ever");
    f.stop(Stop::Immediate).unwrap();
    f.pass(200);
    assert_eq!(f.shown().state, LparState::NotActivated);
}

#[test]
fn a_hung_lpar_that_goes_on_finishes_what_it_was_asked() {
    let mut f = running();
    f.fail(Fault::Hang(f.p1, f.db));
    f.stop(Stop::Delayed).unwrap();
    f.pass(5_000);
    f.fail(Fault::Resume(f.p1, f.db));
    f.pass(1_000);
    assert_eq!(f.state(), LparState::NotActivated);
}

#[test]
fn crash_panic_and_failed_start() {
    let mut f = running();
    f.fail(Fault::Panic(f.p1, f.db));
    assert_eq!(f.shown().state, LparState::Error);
    assert_eq!(f.start(f.p1), Err(Refusal::NotOff));
    f.fail(Fault::Crash(f.p1, f.db));
    assert_eq!(f.shown().state, LparState::NotActivated);
    f.fail(Fault::FailStarts(f.p1, f.db, 1));
    f.start(f.p1).unwrap();
    f.pass(2_000);
    assert_eq!(f.state(), LparState::Error);
    f.stop(Stop::Immediate).unwrap();
    f.pass(1_000);
    f.start(f.p1).unwrap();
    f.pass(2_000);
    assert_eq!(f.state(), LparState::Running);
    f.fail(Fault::GuestShutdown(f.p1, f.db));
    f.pass(1_000);
    assert_eq!(f.state(), LparState::NotActivated);
    assert_eq!(f.world.inject(Fault::Crash(f.p1, f.db)), Err(FaultError::Pointless));
}

#[test]
fn without_any_vio_server_disks_are_gone() {
    let mut f = running();
    let [first, second] = f.vios();
    f.fail(Fault::Crash(f.p1, first));
    f.pass(10_000);
    assert_eq!(f.shown().rmc, RmcState::Active, "one is enough");
    f.fail(Fault::Crash(f.p1, second));
    f.pass(10_000);
    assert_eq!((f.shown().state, f.shown().rmc), (LparState::Running, RmcState::Inactive));
    assert!(f.read().vios().all(|vios| vios.state == LparState::NotActivated));
    f.stop(Stop::Immediate).unwrap();
    f.pass(1_000);
    f.start(f.p1).unwrap();
    f.pass(2_000);
    assert_eq!(f.shown().state, LparState::OpenFirmware);
    let node = f.world.lpar("node-p1").unwrap();
    assert!(f.world.is_alive(f.p1, node), "a management LPAR has disks of its own");
}

#[test]
fn power_with_and_without_standby() {
    let mut f = running();
    f.fail(Fault::TripPower(f.p1));
    assert_eq!((f.read().system, f.shown().state), (SystemState::PowerOff, LparState::NotActivated));
    assert_eq!(f.read().connection, Connection::Connected);
    f.run(Command::PowerOn { server: f.p1 }).unwrap();
    assert_eq!((f.read().system, f.shown().state), (SystemState::Initializing, LparState::NotAvailable));
    f.pass(10_000);
    let node = f.world.lpar("node-p1").unwrap();
    assert!(f.world.is_alive(f.p1, node), "started with its server");
    assert_eq!(f.state(), LparState::NotActivated, "not started with its server");
    f.fail(Fault::CutPower(f.p1));
    assert_eq!(f.read().system, SystemState::Operating, "not noticed yet");
    assert_eq!(f.start(f.p1), Err(Refusal::NoConnection), "and yet nothing can be done");
    f.pass(1_000);
    assert_eq!((f.read().system, f.shown().state), (SystemState::NoConnection, LparState::NotAvailable));
    f.fail(Fault::RestorePower(f.p1));
    assert_eq!(f.read().connection, Connection::Connecting);
    f.pass(1_000);
    assert_eq!((f.read().system, f.read().connection), (SystemState::PowerOff, Connection::Connected));
    assert!(f.world.verdict().is_clean());
}

#[test]
fn a_server_powered_off_by_order_keeps_its_lpars_until_it_is_off() {
    let mut f = running();
    f.run(Command::fence(f.p1)).unwrap();
    assert_eq!(f.read().system, SystemState::PowerOffInProgress);
    assert_eq!(f.state(), LparState::Running);
    assert_eq!(f.shown().state, LparState::NotAvailable);
    f.pass(1_000);
    assert_eq!((f.read().system, f.state()), (SystemState::PowerOff, LparState::NotActivated));
    assert_eq!(f.run(Command::fence(f.p1)), Err(Refusal::AlreadyOff));
    let back = Command::PowerOff { server: f.p2, immediate: false, restart: true };
    f.run(back).unwrap();
    f.pass(60_000);
    assert_eq!(f.world.power(f.p2), Power::Operating);
}

#[test]
fn a_returning_server_may_boot_copies_by_itself() {
    for (policy, auto_start, starts) in [
        (StartPolicy::Autostart, true, true),
        (StartPolicy::Autostart, false, false),
        (StartPolicy::Autorecovery, false, true),
        (StartPolicy::Userinit, true, false),
    ] {
        let mut f = running_of(|spec| {
            spec.servers[0].start_policy = policy;
            spec.servers[0].auto_power_restart = true;
        });
        f.fail(Fault::SetAutoStart(f.p1, f.db, auto_start));
        f.fail(Fault::CutPower(f.p1));
        f.start(f.p2).unwrap();
        f.fail(Fault::RestorePower(f.p1));
        f.pass(20_000);
        assert_eq!(f.state() == LparState::Running, starts, "{policy:?}, auto_start={auto_start}");
        assert_eq!(f.world.violations().len(), usize::from(starts));
        assert_eq!(f.world.history().starts(f.db).autostart, u32::from(starts));
    }
}

#[test]
fn a_checkstop_dumps_and_then_follows_its_policy() {
    let mut f = running_of(|spec| spec.servers[1].restart_after_checkstop = true);
    for server in [f.p1, f.p2] {
        f.fail(Fault::Checkstop(server));
    }
    assert_eq!((f.read().system, f.state()), (SystemState::ErrorDumpInProgress, LparState::NotActivated));
    assert_eq!(f.shown().state, LparState::NotAvailable);
    f.pass(30_000);
    assert_eq!((f.world.power(f.p1), f.world.power(f.p2)), (Power::Failed, Power::Operating));
    assert_eq!(f.start(f.p1), Err(Refusal::NotOperating));
}

#[test]
fn a_lost_service_processor_is_not_a_dead_server() {
    let mut f = running();
    f.fail(Fault::HangProcessor(f.p1));
    f.pass(1_000);
    assert_eq!((f.read().system, f.state()), (SystemState::NoConnection, LparState::Running));
    assert_eq!(f.shown().rmc, RmcState::Active, "RMC does not pass the service processor");
    f.fail(Fault::ReviveProcessor(f.p1));
    f.pass(1_000);
    assert_eq!(f.shown().state, LparState::Running);
}

#[test]
fn each_hmc_has_its_own_lines_and_delays() {
    let mut spec = WorldSpec::demo(DemoOptions { servers: 2, lpars: 1, hmcs: 2 });
    spec.hmcs[1].view_delay = Span::seconds(5);
    let mut world = World::new(spec, 1).unwrap();
    let (one, two) = (world.hmc("hmc1").unwrap(), world.hmc("hmc2").unwrap());
    let (p1, db) = (world.server("p1").unwrap(), world.lpar("db").unwrap());
    let shown = |world: &World, hmc| {
        let reading = world.read(hmc, p1).unwrap();
        (reading.system, reading.lpar(db).unwrap().state)
    };
    world.execute(one, &Command::start(p1, db)).unwrap();
    world.advance_to(Time::from_millis(4_000));
    assert_eq!(shown(&world, one), (SystemState::Operating, LparState::Running));
    assert_eq!(shown(&world, two), (SystemState::Operating, LparState::NotActivated));
    assert_eq!(world.execute(two, &Command::start(p1, db)), Err(Refusal::NotOff), "the hypervisor knows");
    world.inject(Fault::CutLine(one, p1)).unwrap();
    world.advance_to(Time::from_millis(10_000));
    assert_eq!(shown(&world, one), (SystemState::NoConnection, LparState::NotAvailable));
    assert_eq!(shown(&world, two), (SystemState::Operating, LparState::Running));
    world.inject(Fault::HmcDown(two)).unwrap();
    assert_eq!(world.read(two, p1), Err(Refusal::HmcDown));
}

#[test]
fn activations_need_room() {
    let mut f = fixture_of(|spec| spec.servers[0].memory = 16_384 + 4_096 * 3);
    f.start(f.p1).unwrap();
    let app = f.world.lpar("app").unwrap();
    assert_eq!(f.run(Command::start(f.p1, app)), Err(Refusal::NotEnoughMemory));
    let mut f = fixture_of(|spec| spec.servers[0].processors = 150 + 100);
    f.start(f.p1).unwrap();
    assert_eq!(f.run(Command::start(f.p1, app)), Err(Refusal::NotEnoughProcessors));
    assert_eq!(f.world.capacity(f.p1).processors_free, 0);
    assert!(f.world.verdict().is_clean());
}

#[test]
fn submitted_commands_arrive_later_and_queue_for_the_lock() {
    let mut f = fixture_of(|spec| spec.timings.lock = Span::millis(500));
    let app = f.world.lpar("app").unwrap();
    let first = f.world.submit(f.hmc, Command::start(f.p1, f.db));
    let second = f.world.submit(f.hmc, Command::start(f.p1, app));
    assert_eq!(f.state(), LparState::NotActivated);
    f.pass(80);
    assert_eq!(f.world.take_answer(first), Some((Time::from_millis(80), Answer::Answered(Ok(())))));
    assert_eq!(f.world.take_answer(first), None, "taken");
    assert_eq!(f.world.answer_due(second), Some(Time::from_millis(540)));
    f.pass(1_000);
    assert_eq!(f.world.take_answer(second), Some((Time::from_millis(580), Answer::Answered(Ok(())))));
    let mut f = fixture_of(|spec| spec.hmcs[0].busy = BusyPolicy::Refuse);
    f.world.submit(f.hmc, Command::start(f.p1, f.db));
    let second = f.world.submit(f.hmc, Command::start(f.p1, app));
    f.pass(1_000);
    assert_eq!(f.world.take_answer(second).unwrap().1, Answer::Answered(Err(Refusal::Busy)));
}

#[test]
fn commands_and_answers_get_lost_in_either_half() {
    let mut f = fixture();
    f.fail(Fault::LoseCommands(f.hmc, 1));
    let id = f.world.submit(f.hmc, Command::start(f.p1, f.db));
    f.pass(1_000);
    assert_eq!((f.world.take_answer(id).unwrap().1, f.state()), (Answer::Lost, LparState::NotActivated));
    f.fail(Fault::LoseAnswers(f.hmc, 1));
    let id = f.world.submit(f.hmc, Command::start(f.p1, f.db));
    f.pass(2_000);
    assert_eq!((f.world.take_answer(id).unwrap().1, f.state()), (Answer::Lost, LparState::Running));
    let id = f.world.submit(f.hmc, Command::stop(f.p1, f.db, Stop::Immediate));
    f.fail(Fault::HmcDown(f.hmc));
    f.pass(1_000);
    assert_eq!((f.world.take_answer(id).unwrap().1, f.state()), (Answer::Lost, LparState::Running));
}

#[test]
fn a_command_to_a_silent_service_processor_waits_and_may_come_true_after_all() {
    for (back, outcome, state) in
        [(true, Ok(()), LparState::Running), (false, Err(Refusal::NoConnection), LparState::NotActivated)]
    {
        let mut f = fixture();
        f.world.set_lines(f.p1, false);
        let id = f.world.submit(f.hmc, Command::start(f.p1, f.db));
        f.pass(500);
        assert_eq!(f.world.take_answer(id), None);
        if back {
            f.world.set_lines(f.p1, true);
        }
        f.pass(3_000);
        assert_eq!(f.world.take_answer(id).unwrap().1, Answer::Answered(outcome));
        assert_eq!(f.state(), state);
    }
}

#[test]
fn the_same_seed_gives_the_same_world_and_another_does_not() {
    let story = |seed| {
        let mut spec = WorldSpec::demo(DemoOptions::default());
        spec.timings.jitter_percent = 50;
        let mut world = World::new(spec, seed).unwrap();
        let hmc = world.hmc("hmc1").unwrap();
        let p1 = world.server("p1").unwrap();
        for lpar in world.lpars().collect::<Vec<_>>() {
            world.submit(hmc, Command::start(p1, lpar));
        }
        world.advance_to(Time::from_millis(1_500));
        world.inject(Fault::Checkstop(p1)).unwrap();
        world.advance_to(Time::from_millis(60_000));
        (world.history().entries().to_vec(), world.fingerprint())
    };
    assert_eq!(story(1), story(1));
    assert_ne!(story(1).0, story(2).0);
}

#[test]
fn worlds_that_will_behave_alike_have_one_fingerprint() {
    let mut f = running();
    let before = f.world.fingerprint();
    f.pass(100_000);
    assert_eq!(f.world.fingerprint(), before, "the date does not matter");
    f.fail(Fault::Hang(f.p1, f.db));
    assert_ne!(f.world.fingerprint(), before);
    f.fail(Fault::Resume(f.p1, f.db));
    f.pass(10_000);
    assert_eq!(f.world.fingerprint(), before, "nor does the way there");
    f.fail(Fault::Crash(f.p1, f.db));
    let crashed = f.world.fingerprint();
    f.pass(10_000);
    assert_ne!(f.world.fingerprint(), crashed, "RMC has still to run out");
}

#[test]
fn a_world_without_durations_settles_at_once() {
    let mut f = fixture_of(|spec| {
        spec.timings = Timings::instant();
        spec.keep_history = false;
        for lpar in &mut spec.lpars {
            (lpar.boot, lpar.shutdown) = (Span::ZERO, Span::ZERO);
        }
    });
    let now = f.world.now();
    f.world.execute(f.hmc, &Command::start(f.p1, f.db)).unwrap();
    assert_eq!(f.state(), LparState::Running);
    f.world.execute(f.hmc, &Command::fence(f.p1)).unwrap();
    assert_eq!(f.read().system, SystemState::PowerOff);
    f.world.execute(f.hmc, &Command::PowerOn { server: f.p1 }).unwrap();
    assert!(f.world.is_alive(f.p1, f.world.lpar("node-p1").unwrap()));
    f.fail(Fault::CutPower(f.p1));
    assert_eq!(f.read().system, SystemState::NoConnection);
    assert_eq!((f.world.now(), f.world.next_event()), (now, None));
    assert!(f.world.history().entries().is_empty() && !f.world.history().is_empty());
}

#[test]
fn specifications_survive_text_and_contradictions_are_refused() {
    let spec = WorldSpec::demo(DemoOptions { servers: 5, lpars: 12, hmcs: 2 });
    let text = toml::to_string(&spec).unwrap();
    assert_eq!(toml::from_str::<WorldSpec>(&text).unwrap(), spec);
    type Edit = fn(&mut WorldSpec);
    let edits: [(Edit, &str); 6] = [
        (|spec| spec.servers.clear(), "no server"),
        (|spec| spec.lpars[1].name = "db".into(), "\"db\" is named twice"),
        (|spec| spec.lpars[1].name = "p1-vios1".into(), "\"p1-vios1\" is named twice"),
        (|spec| spec.lpars[4].servers.push("p9".into()), "names server \"p9\""),
        (|spec| spec.lpars[4].running_on = Some("p9".into()), "names server \"p9\""),
        (|spec| spec.lpars[4].vios = Some(vec![2]), "wants VIO server 2"),
    ];
    for (edit, expected) in edits {
        let mut spec = WorldSpec::demo(DemoOptions::default());
        edit(&mut spec);
        let error = World::new(spec, 1).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn what_lives_in_an_lpar_lives_freezes_and_ends_with_it() {
    let mut f = fixture();
    let node = f.world.lpar("node-p1").unwrap();
    assert_eq!(
        f.world.management(),
        ["p1", "p2", "p3"].map(|p| { (f.world.server(p).unwrap(), f.world.lpar(&format!("node-{p}")).unwrap(),) })
    );
    assert_eq!(f.world.guest(f.p1, node), Guest::Running);
    f.fail(Fault::Hang(f.p1, node));
    assert_eq!(f.world.guest(f.p1, node), Guest::Frozen);
    f.fail(Fault::Resume(f.p1, node));
    assert_eq!(f.world.guest(f.p1, node), Guest::Running);
    f.fail(Fault::TripPower(f.p1));
    assert_eq!(f.world.guest(f.p1, node), Guest::Off);
    assert_eq!(f.world.guest(f.p2, node), Guest::Off, "not defined there");
}

#[test]
fn history_reads_well() {
    let mut f = running();
    f.fail(Fault::CutPower(f.p1));
    f.pass(1_000);
    f.start(f.p2).unwrap();
    let lines: Vec<String> = f.world.history().entries().iter().map(|entry| f.world.describe(entry)).collect();
    for expected in [
        "p1 Operating (initial)",
        "db on p1 Starting (hmc1)",
        "db on p1 Running",
        "p1 without power (fault)",
        "db on p1 Not Activated (server down)",
        "hmc1 lost p1",
        "db on p2 Starting (hmc1)",
    ] {
        assert!(lines.iter().any(|line| line == expected), "{expected}: {lines:#?}");
    }
    f.fail(Fault::RestorePower(f.p1));
    f.run(Command::PowerOn { server: f.p1 }).unwrap_err();
    f.pass(5_000);
    f.run(Command::PowerOn { server: f.p1 }).unwrap();
    f.pass(10_000);
    f.start(f.p1).unwrap();
    let overlap = f.world.violations()[0];
    let text = f.world.describe_overlap(&overlap);
    assert!(text.starts_with("db active on p2 and p1 from ") && text.ends_with(" until now"), "{text}");
}
