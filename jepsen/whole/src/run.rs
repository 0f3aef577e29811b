//! One run: a site is founded, the nemesis rages, everything is repaired and must come to rest, and the result is
//! checked.

use crate::{
    bounds::{self, Peaks},
    cluster::Site,
    coverage::Counts,
    disk::Disk,
    hardware::{Hardware, now},
    judge::{Judge, Judged},
    nemesis::{Nemesis, Step, Steps},
    net::Net,
    operators::{Answered, Operators},
    plant::Plant,
    rest,
    runtime::{self, Machine, Runtime, WORLD, spawn_in},
    seat::Seat,
    trace::Trace,
    waits::Waits,
};
use openraft::async_runtime::AsyncRuntime;
use rand::{RngExt, SeedableRng, rngs::SmallRng};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};
use tenure_core::{Verb, command::Request, config::Cluster};
use tenure_model::{sim, world::World};

/// Options of a run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The seed, which determines everything.
    pub seed: u64,
    /// Duration of the nemesis.
    pub rage: Duration,
    /// The steps that the nemesis takes.
    pub steps: Steps,
    /// The planted bug, if any.
    pub plant: Option<Plant>,
    /// One node that is the whole cluster, without a nemesis: it is idle, and then asked to stop and start everything.
    pub alone: bool,
    /// Keeps every line of the trace, including those of the scheduler.
    pub traced: bool,
}

impl Options {
    /// The options used in CI.
    pub fn plain(seed: u64) -> Self {
        Options { seed, rage: Duration::from_secs(1_200), steps: Steps::All, plant: None, alone: false, traced: false }
    }
}

/// Result of a run.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Report {
    pub seed: u64,
    /// The faults found; empty on success.
    pub wrong: Vec<String>,
    /// The steps of the nemesis.
    pub steps: Vec<Step>,
    /// The events, for people.
    pub story: Vec<String>,
    /// Number of occurrences of each event.
    pub counts: BTreeMap<&'static str, u64>,
    /// The peaks of bounded values.
    pub peaks: BTreeMap<&'static str, u64>,
    /// Checksum of the trace, and the number of its lines.
    pub sum: (u32, u64),
    /// The trace, if it was kept.
    pub trace: Vec<String>,
    /// Simulated time.
    pub lasted: Duration,
    /// Time from the repair to the rest.
    pub recovery: Option<Duration>,
    /// Number of log entries, and of clients' operations checked.
    pub entries: (usize, usize),
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}: {}", self.seed, if self.wrong.is_empty() { "well" } else { "wrong" })?;
        self.wrong.iter().try_for_each(|what| writeln!(f, "  {what}"))
    }
}

/// The declarations of a site; each seed adds variants.
const LPARS: [&str; 5] = [
    "group db on p1,p2,p3 lpars=db1 priority=1",
    "group web on p2,p3,p1 lpars=web1,web2 priority=2",
    "group app on p3,p1 lpars=app1 priority=3",
    "group mob on p1,p2,p3 lpars=mob1 priority=4",
    "lpar mob1 mobile=yes migrate_timeout=60s",
];
const INSIDE: [&str; 11] = [
    "group db on p1,p2,p3 lpars=db1 priority=1",
    "group ip on p1,p2,p3 apps=ip,httpd priority=2",
    "group solo on p3,p2 apps=job priority=3",
    "| [resources.httpd]",
    "| requires = [\"ip\"]",
    "| stop_timeout = \"5s\"",
    "| [resources.ip]",
    "| stop_timeout = \"5s\"",
    "| [resources.job]",
    "| stop_timeout = \"15s\"",
    "lpar db1 start_timeout=60s",
];
const SHAPES: [&str; 4] =
    ["site servers=3 hmcs=2", "site servers=3 hmcs=1", "site servers=3 arbiters=1 hmcs=2", "site servers=3 hmcs=2"];
const TIES: [&[&str]; 3] = [
    &[],
    &["| [groups.web]", "| requires = [{ group = \"db\", online = \"local\", rigidity = \"firm\" }]"],
    &["| [groups.app]", "| requires = [{ group = \"db\", offline = \"local\" }]"],
];
const DOGS: [&str; 12] = [
    "| [nodes.n1]",
    "| server = \"p1\"",
    "| lpar = \"node-p1\"",
    "| watchdog = \"30s\"",
    "| [nodes.n2]",
    "| server = \"p2\"",
    "| lpar = \"node-p2\"",
    "| watchdog = \"40s\"",
    "| [nodes.n3]",
    "| server = \"p3\"",
    "| lpar = \"node-p3\"",
    "| watchdog = \"60s\"",
];

const ALONE: [&str; 3] =
    ["site servers=1 hmcs=1", "group db on p1 lpars=db1 priority=1", "group ip on p1 apps=ip priority=2"];
/// Time for which a node alone is idle: many leases.
const IDLE: Duration = Duration::from_secs(60);
/// Number of times that it is asked to stop and start everything.
const ROUNDS: u32 = 3;

/// The site of a seed.
fn site_of(rng: &mut SmallRng, alone: bool) -> sim::Site {
    let mut site = sim::Site::default();
    if alone {
        for line in ALONE {
            site.declare(line).expect("the line declares something");
        }
        return site;
    }
    let inside = rng.random_range(0..2) == 0;
    let mut lines: Vec<&str> = vec![SHAPES[rng.random_range(0..SHAPES.len())]];
    if inside {
        lines.extend(INSIDE);
        lines.extend(if rng.random_range(0..2) == 0 { &DOGS[..] } else { &[] });
    } else {
        lines.extend(LPARS);
        lines.extend(TIES[rng.random_range(0..TIES.len())]);
    }
    for line in lines {
        site.declare(line).expect("the line declares something");
    }
    site
}

/// Executes a run.
pub fn run(options: &Options) -> Report {
    let ((mut report, trace), scheduler) = runtime::run(options.seed, options.traced, unfold(options.clone()));
    report.trace = trace.lines();
    report.trace.extend(scheduler);
    report
}

async fn unfold(options: Options) -> (Report, Trace) {
    let mut rng = SmallRng::seed_from_u64(options.seed);
    let declared = site_of(&mut rng, options.alone);
    let (spec, cluster, _) = declared.build().expect("the site is sound");
    let (counts, trace, judge) = (Counts::default(), Trace::new(options.traced), Judge::default());
    let world = World::new(spec, options.seed).expect("the world is sound");
    let hardware = Hardware::start(world, counts.clone(), trace.clone(), judge.clone());
    let seats = declared.nodes().enumerate().map(|(place, (name, server))| {
        let machine = Machine::new(rng.random_range(-20_000..20_000));
        let disk = Disk::new(counts.clone(), trace.clone(), options.plant);
        let id = u64::try_from(place).unwrap_or_default() + 1;
        Arc::new(Seat::new(name, place, server.map(Into::into), machine, id, disk))
    });
    let site = Arc::new(Site {
        net: Net::new(counts.clone(), trace.clone()),
        hardware,
        judge: judge.clone(),
        counts: counts.clone(),
        peaks: Peaks::default(),
        trace: trace.clone(),
        seats: seats.collect(),
        plant: options.plant,
        snapshot_every: [40, 150, 600][rng.random_range(0..3)],
    });
    let operators = Operators::default();
    let (recovery, steps) = course(&site, &cluster, &options, &operators).await;
    let operations = operators.check(&site);
    let mut wrong = judge.take_wrong();
    if let Err(moving) = &recovery
        && wrong.is_empty()
    {
        wrong.push(format!("not at rest after {} s", rest::PATIENCE.as_secs()));
        wrong.extend(moving.clone());
    }
    let mut story = trace.story();
    story.extend(judge.take_story());
    let report = Report {
        seed: options.seed,
        wrong,
        steps,
        story,
        counts: counts.all(),
        peaks: site.peaks.all(),
        sum: trace.sum(),
        trace: Vec::new(),
        lasted: Duration::from_millis(now()),
        recovery: recovery.ok(),
        entries: (judge.tip().1, operations),
    };
    for seat in &site.seats {
        site.kill(seat, crate::cluster::Death::Killed);
    }
    (report, trace)
}

/// The course of a run; returns the duration of the recovery.
async fn course(
    site: &Arc<Site>,
    cluster: &Cluster,
    options: &Options,
    operators: &Operators,
) -> (Result<Duration, Vec<String>>, Vec<Step>) {
    site.start();
    let late = options.seed % 4 == 3 && !options.alone;
    if let Err(why) = found(site, cluster, operators, late).await {
        return (Err(vec![why]), Vec::new());
    }
    if options.alone {
        return (stop_and_start(site, cluster, operators).await, Vec::new());
    }
    let over = Arc::new(Mutex::new(false));
    for _ in 0..2 {
        drop(spawn_in(WORLD, operators.clone().go_on_asking(Arc::clone(site), Arc::clone(&over))));
    }
    drop(spawn_in(WORLD, watch(Arc::clone(site))));
    let groups: Vec<String> = cluster.groups.keys().map(ToString::to_string).collect();
    let resources: Vec<String> = cluster.resources.keys().map(ToString::to_string).collect();
    let mut nemesis = Nemesis::new(options.seed, Arc::clone(site), operators.clone(), groups, resources);
    nemesis.rage(options.rage, &options.steps).await;
    *over.lock().expect("nobody panics with it") = true;
    (rest::mend(site, &mut nemesis, operators).await, nemesis.take_steps())
}

/// Has a node alone stop and start every group, after it was idle; returns the time that the last start took.
async fn stop_and_start(site: &Arc<Site>, cluster: &Cluster, operators: &Operators) -> Result<Duration, Vec<String>> {
    let mut took = Duration::ZERO;
    for _ in 0..ROUNDS {
        <Runtime as AsyncRuntime>::sleep(IDLE).await;
        for up in [false, true] {
            let began = now();
            for group in cluster.groups.keys().cloned() {
                let verb = match up {
                    true => Verb::Online { group, server: None, propagate: true },
                    false => Verb::Offline { group, propagate: true },
                };
                if operators.request(site, &site.seats[0], verb).await != Answered::Taken {
                    return Err(vec!["the node took no request".to_owned()]);
                }
            }
            while if up { !rest::moving(site).is_empty() } else { !rest::is_all_down(site) } {
                if now() - began > u64::try_from(rest::PATIENCE.as_millis()).unwrap_or(u64::MAX) {
                    return Err(rest::moving(site));
                }
                <Runtime as AsyncRuntime>::sleep(Duration::from_secs(1)).await;
            }
            took = Duration::from_millis(now() - began);
        }
    }
    Ok(took)
}

/// Founds the cluster: the first members, the first configuration, and every group online. If `late`, the cluster has
/// waited for its configuration for long, and what that declares inside nodes runs already.
async fn found(site: &Arc<Site>, cluster: &Cluster, operators: &Operators, late: bool) -> Result<(), String> {
    let members: BTreeMap<_, _> = site.seats.iter().map(|seat| (seat.now().id, Site::peer(seat))).collect();
    for _ in 0..100 {
        <Runtime as AsyncRuntime>::sleep(Duration::from_millis(100)).await;
        let Some((process, raft)) = site.seats[0].running() else { continue };
        let members = members.clone();
        let founded = spawn_in(process, async move { raft.initialize(members).await.is_ok() }).await;
        if founded == Ok(true) {
            break;
        }
    }
    if late {
        let long = Duration::from_millis(cluster.timings.stand_down.0) + Duration::from_secs(5);
        <Runtime as AsyncRuntime>::sleep(long).await;
        site.hardware.run_by_hand(cluster);
        site.counts.count("run: founded long before anything was declared");
    }
    let configure = Request::Configure { cluster: Arc::new(cluster.clone()), strand: false };
    for _ in 0..30 {
        <Runtime as AsyncRuntime>::sleep(Duration::from_secs(1)).await;
        if operators.request(site, &site.seats[0], configure.clone()).await == Answered::Taken {
            break;
        }
    }
    for _ in 0..300 {
        <Runtime as AsyncRuntime>::sleep(Duration::from_secs(1)).await;
        if rest::moving(site).is_empty() {
            site.trace.tell("the cluster is founded, and everything is online");
            return Ok(());
        }
    }
    Err(format!("the cluster was not founded: {:?}", rest::moving(site)))
}

/// Checks the invariants that must hold at every moment.
async fn watch(site: Arc<Site>) {
    let mut waits = Waits::default();
    while !site.judge.is_wrong() {
        <Runtime as AsyncRuntime>::sleep(Duration::from_millis(500)).await;
        for panic in runtime::take_panics() {
            site.judge.accuse(format!("panic in {panic}"));
        }
        for seat in &site.seats {
            let state = seat.now();
            site.peaks.note(bounds::LOG, state.disk.entries());
            site.peaks.note(bounds::WRITES, state.disk.most_waiting());
            let Some((process, raft)) = seat.running() else { continue };
            site.peaks.note(bounds::TASKS, process.most_tasks());
            let ledger = process.act(|| raft.state(Judged::ledger));
            if ledger.index == site.judge.tip().0 {
                site.hardware.judge_inside(&ledger);
            }
        }
        site.peaks.note(bounds::MESSAGES, site.net.most_under_way());
        site.peaks.note(bounds::ENTRIES, site.judge.busiest());
        site.peaks.note(bounds::RECORDS, site.judge.largest() / 1_024);
        site.peaks.breached().into_iter().for_each(|what| site.judge.accuse(what));
        waits.look(&site);
    }
}
