//! Machines made of namespaces: their own properties, and a cluster on them.
//!
//! Needs root and a few programs of the system. If it cannot run, it reports that and passes, unless
//! `TENURE_REQUIRE_MACHINES=1` is set.

mod failover;

use std::{
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tenure::api::Read;
use tenure_jepsen::{
    machines::{Asker, Machine, Site, SiteOptions, Watch, Web, What, Yard, missing},
    needs,
    world::{Command, Guest, LparState, Power, Stop},
};

/// Time limit for every wait.
const PATIENCE: Duration = Duration::from_secs(30);

/// Tests run one at a time: they play in real time.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Prints to standard error past the capture of test output, for measurements and for tests that could not be run.
macro_rules! say {
    ($($what:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($what)*);
    }};
}
pub(crate) use say;

/// Whether machines can be made here. Otherwise prints what is missing.
fn can_run(test: &str) -> bool {
    needs::met(test, "MACHINES", missing().or_else(Web::missing))
}

/// Waits until a condition is true; returns the time that it took.
#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        again();
    }
    began.elapsed()
}

/// Pause before another check.
fn again() {
    std::thread::sleep(Duration::from_millis(5));
}

fn init() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_machines"))
}

/// The parts alone, with the service started by hand: the basis of the cluster's tests.
#[test]
fn machines_are_what_they_are_said_to_be() {
    if !can_run("machines_are_what_they_are_said_to_be") {
        return;
    }
    let _alone = alone();
    let began = Instant::now();
    let yard = Yard::new(init()).expect("a yard");
    let web = Web::new(&yard).expect("a service");
    let machines: Vec<Machine> = (1..=3).map(|n| yard.machine(&format!("p{n}"), n, &[])).collect();
    let client = yard.machine("client", 9, &[]);
    client.boot().expect("it boots");
    for machine in &machines {
        machine.boot().expect("it boots");
        web.furnish(machine).expect("it is furnished");
    }
    say!("five networks, four machines: {:?}", began.elapsed());
    let watch = Watch::start(&machines, &web);
    let asker = Asker::start(&client, web.address()).expect("a client");
    let [p1, p2, p3] = &machines[..] else { unreachable!("there are three") };

    let starts = Instant::now();
    web.start_by_hand(p1).expect("it starts");
    say!("start of the service: {:?}", starts.elapsed());
    until("p1 serves", || asker.served_since(starts).as_deref() == Some("p1"));

    // Power: no process is left, and the same service starts elsewhere at once.
    let off = Instant::now();
    p1.power_off().expect("it goes off");
    say!("power off: {:?}", off.elapsed());
    assert!(!p1.is_on() && p1.run(["true"]).is_err());
    web.start_by_hand(p2).expect("it starts");
    until("p2 serves", || asker.served_since(off).as_deref() == Some("p2"));
    say!("outage of a power-off: {:?}", asker.outage_since(off));
    until("that is seen", || watch.first_since(off, What::Serves, "p1").is_some_and(|event| event.machine == "p2"));

    // Processes: the address still answers at the link layer, the file system is still mounted, and nobody serves.
    let killed = Instant::now();
    p2.kill_processes().expect("they die");
    until("p2 serves no more", || {
        watch.events().iter().any(|event| event.at > killed && event.what == What::Serves && !event.on)
    });
    assert!(p2.processes().is_empty());
    assert!(p2.run(["ip", "-4", "address"]).expect("it runs").contains(&web.address().to_string()));
    assert!(p2.run(["cat", "/proc/mounts"]).expect("it runs").contains(web.directory().to_str().expect("text")));
    let arping = ["ping", "-c", "1", "-W", "1", &web.address().to_string()].map(str::to_owned);
    client.run(arping.iter().map(String::as_str)).expect("the address answers");
    assert_eq!(watch.violations(), Vec::<String>::new());

    // A second copy is detected: of the file system at once, of the service when both serve.
    web.start_by_hand(p3).expect("it starts");
    until("the second mount is seen", || watch.violations().iter().any(|what| what.contains("Mounted on p2 and p3")));
    assert!(!watch.violations().iter().any(|what| what.contains("Serves")), "{:?}", watch.violations());
    web.start_by_hand(p2).expect("it starts");
    until("the second service is seen", || watch.violations().iter().any(|what| what.contains("Serves on p2 and p3")));
    web.stop_by_hand(p3).expect("it stops");

    // After a boot it has none of its former addresses.
    p1.boot().expect("it boots");
    assert!(!p1.run(["ip", "-4", "address"]).expect("it runs").contains(&web.address().to_string()));
    let (rounds, longest) = watch.pace();
    say!("{rounds} looks, at most {longest:?} apart; all of it took {:?}", began.elapsed());
}

/// Three servers, each with a machine that runs a node.
async fn site() -> Site {
    let program = init();
    let tenured = vec![program.display().to_string(), "tenured".to_owned()];
    let options = SiteOptions { servers: 3, init: program.to_owned(), tenured, raft: RAFT.to_owned() };
    let site = Site::prepare(&options).await.expect("a site");
    site.form().await.expect("a cluster");
    site
}

/// Consensus as fast as a test's machines can follow.
const RAFT: &str = "heartbeat = \"100ms\"\nelection_min = \"400ms\"\nelection_max = \"800ms\"\n";

/// The HMC's state of a management LPAR and the state of its machine always agree, whatever the cause of a change.
#[test]
fn the_hmc_and_the_machines_are_of_one_mind() {
    if !can_run("the_hmc_and_the_machines_are_of_one_mind") {
        return;
    }
    let _alone = alone();
    runtime().block_on(of_one_mind());
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime")
}

async fn of_one_mind() {
    let began = Instant::now();
    let site = site().await;
    say!("a cluster of three machines: {:?}", began.elapsed());
    site.declare(site.cluster_file()).await.expect("declared");
    let reads = async || {
        let status = site.client.status(Read::Linearizable).await.expect("it answers");
        status.servers.into_iter().map(|server| (server.name, server.reads)).collect::<Vec<_>>()
    };
    while reads().await.iter().any(|(_, reads)| reads != "Operating") {
        assert!(began.elapsed() < PATIENCE, "{:?}", reads().await);
        again();
    }

    // The HMC cuts an LPAR off: its machine is dead before anybody can read that.
    let (p2, lpar, hmc) = site.world.with(|world| {
        (world.server("p2").expect("p2"), world.lpar("node-p2").expect("its LPAR"), world.hmc("hmc1").expect("an HMC"))
    });
    let first = site.machine("p2").expect("p2").first_process().expect("it is on");
    let node = site.machine("p2").expect("p2").processes();
    assert!(!node.is_empty(), "no node runs on p2");
    site.world.with(|world| world.execute(hmc, &Command::stop(p2, lpar, Stop::Immediate))).expect("accepted");
    until("p2 is off", || {
        let state = site.world.with(|world| world.activity(p2, lpar)).expect("it is defined");
        let alive = [first].iter().chain(&node).any(|pid| Path::new(&format!("/proc/{pid}")).exists());
        assert!(state != LparState::NotActivated || !alive, "it reads {state} and lives");
        state == LparState::NotActivated
    });
    assert_eq!(site.fenced("p2").expect("p2"), 1);

    // It boots again, and its node with it.
    site.boot("p2").expect("it may");
    until("p2 runs a node", || !site.machine("p2").expect("p2").processes().is_empty());

    // The HMC cannot see killed processes.
    let p3 = site.world.with(|world| world.server("p3")).expect("p3");
    site.kill_processes("p3").expect("they die");
    let lpar = site.world.with(|world| world.lpar("node-p3")).expect("its LPAR");
    assert_eq!(site.world.with(|world| world.guest(p3, lpar)), Guest::Running);
    assert!(site.machine("p3").expect("p3").is_on());
    assert_eq!(site.fenced("p3").expect("p3"), 0);

    // Power: of the machine, then of the server.
    site.power_off("p3").expect("it goes off");
    assert!(!site.machine("p3").expect("p3").is_on());
    site.boot("p3").expect("it may");
    until("p3 runs a node", || !site.machine("p3").expect("p3").processes().is_empty());
    site.trip("p3").expect("it goes off");
    assert!(!site.machine("p3").expect("p3").is_on());
    assert_eq!(site.world.with(|world| world.power(p3)), Power::Off);
    site.boot("p3").expect("it may");
    until("p3 runs a node", || !site.machine("p3").expect("p3").processes().is_empty());

    // The processes of a machine that hangs stop, and continue later.
    site.hang("p1").expect("it hangs");
    let stands = |pid: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('T'))
    };
    until("p1 stands still", || site.machine("p1").expect("p1").processes().iter().all(stands));
    site.resume("p1").expect("it goes on");
    until("p1 goes on", || !site.machine("p1").expect("p1").processes().iter().any(stands));
    assert_eq!(site.trouble(), Vec::<String>::new());
    say!("all of it: {:?}", began.elapsed());
}
