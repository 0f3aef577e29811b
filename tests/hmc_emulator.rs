//! The HMC driver against the emulated HMCs of the lab: real SSH, a physical world that moves in real time.

use std::time::Duration;

use russh::keys::ssh_key::LineEnding;
use tenure::hypervisor::hmc::{HmcAddress, HmcDriver, HmcKey};
use tenure::hypervisor::{
    CommandError, ConsoleHealth, Hypervisor, Inventory, LparEnvironment, LparState, RefusalKind, ServerAddress,
    ServerReading, Stop, SystemState,
};
use tenure_jepsen::hmc::{HmcOptions, HmcServer, generate_key};
use tenure_jepsen::world::{DemoOptions, Fault, HmcId, LiveWorld, LparId, ServerId, Ticker, World, WorldSpec};

/// More than anything here needs.
const PATIENCE: Duration = Duration::from_secs(30);

/// Two emulated HMCs over one world of two servers, and the driver.
struct Bench {
    world: LiveWorld,
    hmcs: Vec<HmcServer>,
    driver: HmcDriver,
    p1: ServerAddress,
    _ticker: Ticker,
}

impl Bench {
    async fn start() -> Self {
        let spec = WorldSpec::demo(DemoOptions { servers: 2, lpars: 3, hmcs: 2 });
        let mtms = spec.servers[0].mtms();
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
        let p1 = ServerAddress { name: "p1".to_owned(), mtms, hmcs: vec!["hmc1".to_owned(), "hmc2".to_owned()] };
        Self { world, hmcs, driver: HmcDriver::new(addresses), p1, _ticker: ticker }
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
    for status in bench.driver.health(PATIENCE).await {
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
