//! Measures one cluster, independently of its software.

use super::figures::Figures;
use crate::machines::{Asker, Machine, MachineError, SiteError, Watch, Web, What, Yard, until_within};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// Maximum time for each step.
const PATIENCE: Duration = Duration::from_secs(90);
/// Time for which a cluster must have been whole before a measurement.
const REST: Duration = Duration::from_secs(3);
/// Number of the client's machine.
const CLIENT: u8 = 90;

/// A cluster that runs on machines and keeps the service online on one of them.
pub(super) trait Cluster {
    /// The network.
    fn yard(&self) -> &Yard;
    /// The machines.
    fn machines(&self) -> &[Machine];
    /// The service.
    fn web(&self) -> &Web;
    /// Cuts a machine's power.
    fn power_off(&self, machine: &Machine) -> Result<(), SiteError>;
    /// Boots a machine with its cluster software.
    fn boot(&self, machine: &Machine) -> Result<(), SiteError>;
    /// Whether every machine is a member again, and nothing is in progress.
    async fn is_whole(&self) -> bool;
    /// Whether a program belongs to the cluster, by its name.
    fn is_daemon(&self, name: &str) -> bool;
}

/// First keeps all processors busy for the `steady` time without faults; then repeatedly cuts the power of the
/// machine that serves.
pub(super) async fn failovers(
    name: &str,
    cluster: &impl Cluster,
    runs: u16,
    steady: Duration,
) -> Result<Figures, SiteError> {
    let client = cluster.yard().machine("client", CLIENT, &[]);
    client.boot()?;
    let asker = Asker::start(&client, cluster.web().address())?;
    let watch = Watch::start(cluster.machines(), cluster.web());
    let mut figures = Figures { name: name.to_owned(), start: vec![], outage: vec![], memory: vec![] };
    if !steady.is_zero() {
        hold_steady(name, cluster, (&asker, &watch), steady).await?;
    }
    for run in 1..=runs {
        at_rest(cluster).await?;
        let now = Instant::now();
        until("somebody serves", async || asker.served_since(now).is_some()).await?;
        let active = asker.served_since(now).unwrap_or_default();
        let lost = cluster.machines().iter().find(|machine| machine.name() == active);
        let lost = lost.ok_or_else(|| MachineError::Late(format!("there is no machine {active}")))?;
        if run == runs {
            figures.memory = cluster.machines().iter().map(|machine| memory(cluster, machine)).collect();
        }
        let cut = Instant::now();
        cluster.power_off(lost)?;
        until("another serves", async || asker.served_since(cut).is_some_and(|by| by != active)).await?;
        let start = watch.first_since(cut, What::Address, &active).map(|event| event.at - cut);
        let (start, outage) = (start.unwrap_or(PATIENCE), asker.outage_since(cut));
        eprintln!("{name}: run {run}: start elsewhere after {start:.2?}, outage {outage:.2?}");
        figures.start.push(start);
        figures.outage.push(outage);
        cluster.boot(lost)?;
    }
    match watch.violations().first() {
        None => Ok(figures),
        Some(violation) => Err(MachineError::Late(format!("what must never be: {violation}")).into()),
    }
}

/// Causes no fault, but keeps all processors busy: reports whether the service moves all the same, and its longest
/// outage.
async fn hold_steady(
    name: &str,
    cluster: &impl Cluster,
    (asker, watch): (&Asker, &Watch),
    steady: Duration,
) -> Result<(), SiteError> {
    until("the cluster is whole", async || cluster.is_whole().await).await?;
    let now = Instant::now();
    until("somebody serves", async || asker.served_since(now).is_some()).await?;
    let active = asker.served_since(now).unwrap_or_default();
    let idle = Arc::new(AtomicBool::new(false));
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let busy: Vec<_> = (0..processors).map(|_| std::thread::spawn(spin(&idle))).collect();
    let began = Instant::now();
    // Ends early only if something moves.
    let moves =
        until_within("something moves", steady, async || watch.first_since(began, What::Address, &active).is_some());
    let _ = moves.await;
    idle.store(true, Relaxed);
    let moved = watch.first_since(began, What::Address, &active).map(|event| event.machine);
    let outage = asker.outage_since(began);
    for thread in busy {
        // It only spins.
        let _ = thread.join();
    }
    let moved = moved.map_or_else(|| "nothing moved".to_owned(), |to| format!("MOVED to {to} without a cause"));
    eprintln!(
        "{name}: {steady:?} with {processors} processors kept busy: {moved}; longest time without an answer {outage:.2?}"
    );
    Ok(())
}

fn spin(idle: &Arc<AtomicBool>) -> impl FnOnce() + Send + 'static {
    let idle = Arc::clone(idle);
    move || {
        while !idle.load(Relaxed) {
            std::hint::spin_loop();
        }
    }
}

/// KiB of the cluster's daemons on a machine: the proportional set size, in which shared pages count once in total.
fn memory(cluster: &impl Cluster, machine: &Machine) -> u64 {
    let read = |pid: u32, file: &str| std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let daemons = machine.processes().into_iter().filter(|&pid| cluster.is_daemon(read(pid, "comm").trim()));
    let sizes = daemons.filter_map(|pid| {
        let rollup = read(pid, "smaps_rollup");
        let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
        line.trim().split(' ').next()?.parse::<u64>().ok()
    });
    sizes.sum()
}

/// Waits until the cluster has been whole at every check for `REST`.
async fn at_rest(cluster: &impl Cluster) -> Result<(), MachineError> {
    let mut whole_since = None;
    until("the cluster is whole, and stays so", async || {
        let whole = cluster.is_whole().await;
        whole_since = whole_since.filter(|_| whole).or_else(|| whole.then(Instant::now));
        whole_since.is_some_and(|since: Instant| since.elapsed() >= REST)
    })
    .await
}

/// Waits until a condition is true.
pub(super) async fn until(what: &str, is_so: impl AsyncFnMut() -> bool) -> Result<(), MachineError> {
    until_within(what, PATIENCE, is_so).await
}
