//! Behaviour of the world as a whole.

use super::*;

/// A demo world with names at hand.
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
    Fixture {
        world,
        hmc,
        p1,
        p2,
        db,
    }
}

fn fixture() -> Fixture {
    fixture_of(|_| {})
}

impl Fixture {
    fn pass(&mut self, millis: u64) {
        self.world
            .advance_to(self.world.now() + Span::millis(millis));
    }

    fn start(&mut self, server: ServerId) -> Result<Span, Refusal> {
        let outcome = self
            .world
            .execute(self.hmc, &Command::start(server, self.db));
        self.pass(100);
        outcome
    }

    fn stop(&mut self, stop: Stop) -> Result<Span, Refusal> {
        let outcome = self
            .world
            .execute(self.hmc, &Command::stop(self.p1, self.db, stop));
        self.pass(100);
        outcome
    }

    fn running() -> Self {
        let mut fixture = fixture();
        fixture.start(fixture.p1).unwrap();
        fixture.pass(10_000);
        assert_eq!(fixture.state(), LparState::Running);
        fixture
    }

    /// The truth about db on p1.
    fn state(&self) -> LparState {
        self.world.activity(self.p1, self.db).unwrap()
    }

    /// What the HMC shows of db on p1.
    fn shown(&self) -> LparReading {
        *self.read().lpar(self.db).unwrap()
    }

    fn read(&self) -> Reading {
        self.world.read(self.hmc, self.p1).unwrap()
    }

    fn fail(&mut self, fault: Fault) {
        self.world.inject(fault).unwrap();
    }
}

#[test]
fn an_activation_takes_its_time_and_rmc_follows() {
    let mut f = fixture();
    f.start(f.p1).unwrap();
    assert_eq!(f.shown().state, LparState::Starting);
    f.pass(2_000);
    assert_eq!(
        (f.shown().state, f.shown().rmc),
        (LparState::Running, RmcState::Active)
    );
    assert_eq!(f.start(f.p1), Err(Refusal::NotOff));
    assert_eq!(
        f.world.history().starts(f.db),
        StartCounts {
            command: 1,
            ..StartCounts::default()
        }
    );
}

#[test]
fn nothing_stops_a_second_copy_and_the_checker_sees_it() {
    let mut f = Fixture::running();
    f.start(f.p2).unwrap();
    assert_eq!(f.world.conflict(), Some(f.db));
    assert_eq!(f.world.active_on(f.db), [f.p1, f.p2]);
    f.stop(Stop::Immediate).unwrap();
    f.pass(1_000);
    assert_eq!(f.world.conflict(), None);
    let overlaps = f.world.violations();
    assert_eq!((overlaps.len(), overlaps[0].lpar), (1, f.db));
}
