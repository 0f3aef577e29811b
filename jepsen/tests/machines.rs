//! Machines made of namespaces: that they are what they are said to be, and what a cluster makes of them.
//!
//! Needs root and a few programs of the system. Where it cannot run it says so and passes, unless the environment has
//! `TENURE_REQUIRE_MACHINES=1`.

use std::{
    path::Path,
    time::{Duration, Instant},
};
use tenure_jepsen::machines::{Asker, Machine, Watch, Web, What, Yard, missing};

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whether machines can be made here. Says what is missing if not.
fn can_run(test: &str) -> bool {
    let Some(what) = missing().or_else(Web::missing) else { return true };
    assert!(std::env::var_os("TENURE_REQUIRE_MACHINES").is_none(), "{test} is required and lacks {what}");
    println!("{test}: not run, it lacks {what}");
    false
}

/// Waits until something is so, and says how long that took.
#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
    began.elapsed()
}

fn init() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_machines"))
}

/// The parts by themselves, with the service started by hand: what the tests of the cluster rely on.
#[test]
fn machines_are_what_they_are_said_to_be() {
    if !can_run("machines_are_what_they_are_said_to_be") {
        return;
    }
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
    println!("five networks, four machines: {:?}", began.elapsed());
    let watch = Watch::start(&machines, &web);
    let asker = Asker::start(&client, web.address()).expect("a client");
    let [p1, p2, p3] = &machines[..] else { unreachable!("there are three") };

    let starts = Instant::now();
    web.start_by_hand(p1).expect("it starts");
    println!("start of the service: {:?}", starts.elapsed());
    until("p1 serves", || asker.served_since(starts).as_deref() == Some("p1"));

    // Power: nothing is left, and the same service starts elsewhere at once.
    let off = Instant::now();
    p1.power_off().expect("it goes off");
    println!("power off: {:?}", off.elapsed());
    assert!(!p1.is_on() && p1.run(["true"]).is_err());
    web.start_by_hand(p2).expect("it starts");
    until("p2 serves", || asker.served_since(off).as_deref() == Some("p2"));
    println!("outage of a power-off: {:?}", asker.outage_since(off));
    until("that is seen", || watch.first_since(off, What::Serves, "p1").is_some_and(|event| event.machine == "p2"));

    // Processes: the address still answers at the link, the file system is still mounted, and nobody serves.
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

    // A second copy is seen: the file system at once, the service when both serve.
    web.start_by_hand(p3).expect("it starts");
    until("the second mount is seen", || watch.violations().iter().any(|what| what.contains("Mounted on p2 and p3")));
    assert!(!watch.violations().iter().any(|what| what.contains("Serves")), "{:?}", watch.violations());
    web.start_by_hand(p2).expect("it starts");
    until("the second service is seen", || watch.violations().iter().any(|what| what.contains("Serves on p2 and p3")));
    web.stop_by_hand(p3).expect("it stops");

    // Back under power it has nothing of what it had.
    p1.boot().expect("it boots");
    assert!(!p1.run(["ip", "-4", "address"]).expect("it runs").contains(&web.address().to_string()));
    let (rounds, longest) = watch.pace();
    println!("{rounds} looks, at most {longest:?} apart; all of it took {:?}", began.elapsed());
}
