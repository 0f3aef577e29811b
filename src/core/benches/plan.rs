//! The time of one plan after the loss of a server, and of the ledger to apply the planned commands.
//!
//! Every group has one LPAR, was found running and adopted, and may run on four servers, spread so that the groups of
//! one server have many servers to go to. Servers have half again as much memory and processors as runs there; groups
//! differ in both, and go where the largest share is left. One server is lost: its node is silent, its lease over, its
//! witness reads Power Off, and the report of the fence has just been applied. The measured plan moves every group of
//! that server.
//!
//! The measure is the processor time of this one thread, so that a busy machine does not count.
//!
//! `cargo bench -p tenure-core --bench plan`; with `-- --plot FILE.svg` also a picture, and a table beside it.

#[path = "plan/plot.rs"]
mod plot;

use plot::{Curve, Figure, Goal};
use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};
use tenure_core::{
    Author, Command, Entry, HmcName, Ledger, Moment, NodeName, Power, Reading, Report, Request, RequestId,
    ResourceName, ServerName, Span, SystemState, Time, View,
    config::{Cluster, Group, Hmc, Kind, Node, Policy, Resource, Server},
    ledger::Incarnation,
    node::{Birth, Call, Effect, Input, Node as Machine, Now, Standing},
    order::{Action, Ending},
    plan::{Checked, Plan, plan_on},
    view::NodeView,
    what_if::Loss,
};

/// Number of measured runs for each figure.
const RUNS: usize = 20;
/// The same for a whole loss, which takes many plans.
const WHOLE_RUNS: usize = 3;
/// Length of a system list.
const LIST: usize = 4;
/// Numbers of groups and of servers.
const SIZES: [(usize, usize); 8] =
    [(250, 8), (500, 16), (1_000, 32), (2_000, 40), (5_000, 64), (10_000, 200), (20_000, 400), (50_000, 1_000)];
/// Upper bounds on the milliseconds of one plan after a loss.
const GOALS: [Goal; 3] = [(1_000, 10.0), (5_000, 15.0), (50_000, 150.0)];
const NAMES: [&str; 6] = [
    "plan after a loss",
    "applying it",
    "plan at rest",
    "a reading at rest",
    "a heartbeat at rest",
    "the whole loss foreseen",
];

fn main() {
    println!(
        "one plan after the loss of a server, and applying it; {RUNS} runs each ({WHOLE_RUNS} of the whole loss): median (10 % .. 90 %)\n"
    );
    println!(
        "{:>7} {:>8} {:>6}  {:<30} {:<30} {:<30} {:<30} {:<30} {:<30}",
        "groups", "servers", "moved", NAMES[0], NAMES[1], NAMES[2], NAMES[3], NAMES[4], NAMES[5]
    );
    let mut curves = NAMES.map(|name| Curve { name, points: Vec::new() });
    for (groups, servers) in SIZES {
        for (curve, spread) in curves.iter_mut().zip(measure(groups, servers)) {
            curve.points.push((groups, spread.figure()));
        }
    }
    for (groups, most) in GOALS {
        let point = curves[0].points.iter().find(|(size, _)| *size == groups);
        let Some((_, [_, median, _])) = point else { panic!("{groups} groups are not measured") };
        println!("goal of {most} ms with {groups} groups: {}", if *median <= most { "kept" } else { "MISSED" });
    }
    let mut arguments = std::env::args().skip_while(|argument| argument != "--plot");
    if let Some(file) = arguments.nth(1) {
        // Benchmarks run in the directory of their package; paths are relative to the root of the repository.
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file);
        let servers = |groups| SIZES.iter().find(|(size, _)| *size == groups).map_or(0, |(_, servers)| *servers);
        let picture = plot::picture("Planning after the loss of one server", &curves, &GOALS);
        for (file, text) in [(file.clone(), picture), (file.with_extension("csv"), plot::table(&curves, servers))] {
            if let Err(why) = std::fs::write(&file, text) {
                panic!("writing {}: {why}", file.display());
            }
        }
    }
}

fn measure(groups: usize, servers: usize) -> [Spread; 6] {
    let mut site = Site::new(groups, servers);
    let foreseeing = Spread::of(WHOLE_RUNS, || assert!(Loss::of(&site.ledger, &server(0)).is_survived()));
    let (reading, heartbeat) = site.leader_at_rest();
    site.lose_first();
    let planned = site.plan(&mut site.checked.clone());
    let moved = planned.commands.iter().filter(|command| matches!(command, Command::Grant { .. })).count();
    assert!(moved >= groups / servers, "only {moved} groups are moved");
    let planning = site.planning();
    let entry = Entry::planned(site.now, "n0".into(), planned.commands.clone());
    let applying = Spread::of_with(
        RUNS,
        || site.ledger.clone(),
        |mut ledger| {
            let outcome = ledger.apply(ledger.index + 1, &entry);
            assert!(outcome.refused.is_empty(), "{:?}", outcome.refused);
            ledger
        },
    );
    site.commit(Author::Planner("n0".into()), planned.commands);
    site.rest();
    let resting = site.planning();
    println!(
        "{groups:>7} {servers:>8} {moved:>6}  {planning:<30} {applying:<30} {resting:<30} {reading:<30} {heartbeat:<30} {foreseeing:<30}"
    );
    [planning, applying, resting, reading, heartbeat, foreseeing]
}

struct Site {
    ledger: Ledger,
    view: View,
    now: Time,
    /// What the leader has checked in its last plan.
    checked: Checked,
}

impl Site {
    /// A cluster whose groups are all online.
    fn new(groups: usize, servers: usize) -> Self {
        let mut site = Site {
            ledger: Ledger::default(),
            view: View::default(),
            now: Time(1_000_000),
            checked: Checked::default(),
        };
        let configure = Request::Configure { cluster: Arc::new(cluster(groups, servers)), strand: false };
        let author = Author::first_user(RequestId(1));
        site.commit(author, vec![Command::Request(configure)]);
        for server in 0..servers {
            let view = NodeView { heard: true, silence: Span(0), lease_over: false, reaches_manager: true };
            site.view.nodes.insert(node(server), view);
        }
        site.rest();
        let mut here: Vec<BTreeMap<ResourceName, Power>> = vec![BTreeMap::new(); servers];
        for group in 0..groups {
            for (rank, server) in list(group, servers).into_iter().enumerate() {
                here[server].insert(resource(group), if rank == 0 { Power::Running } else { Power::Off });
            }
        }
        for (server, copies) in here.into_iter().enumerate() {
            let reading = site.reading(server, &node(server), SystemState::Operating, copies);
            site.read(reading);
        }
        site.rest();
        let online = site.ledger.groups.values().all(|group| group.tenure.is_some());
        assert!(online, "not every group was adopted");
        site
    }

    /// Loses the first server, and proves it off.
    fn lose_first(&mut self) {
        let lost = server(0);
        self.now = self.now.after(Span::seconds(10));
        self.view.nodes.insert(
            node(0),
            NodeView { heard: true, silence: Span::seconds(10), lease_over: true, reaches_manager: true },
        );
        self.rest();
        let Some(watcher) = self.ledger.servers.get(&lost).and_then(|state| state.watcher.clone()) else {
            panic!("nobody watches {lost}")
        };
        let off: BTreeMap<ResourceName, Power> =
            self.view.readings[&lost].copies.keys().cloned().map(|l| (l, Power::Off)).collect();
        let reading = self.reading(0, &watcher, SystemState::PowerOff, off);
        self.read(reading.clone());
        self.rest();
        let fence = self.ledger.orders.values().find(|order| order.action == Action::Fence);
        let Some(order) = fence.map(|order| order.id) else { panic!("no fence was ordered") };
        let reading = Reading { since: self.ledger.index, ..reading };
        let report = Report { order, ending: Ending::Done, readings: vec![reading], seen: BTreeMap::new() };
        self.commit(Author::Agent(watcher), vec![Command::Report(report)]);
    }

    fn reading(&self, at: usize, by: &NodeName, system: SystemState, copies: BTreeMap<ResourceName, Power>) -> Reading {
        let (server, by, since) = (server(at), by.clone(), self.ledger.index);
        Reading {
            server,
            by,
            since,
            serial: since,
            system,
            live: true,
            copies,
            node: Power::Unknown,
            node_listed: Default::default(),
            vios: BTreeMap::new(),
            listed: BTreeMap::new(),
        }
    }

    fn read(&mut self, reading: Reading) {
        self.checked.read(&reading.server);
        self.view.readings.insert(reading.server.clone(), reading.into());
    }

    fn plan(&self, checked: &mut Checked) -> Plan {
        plan_on(&self.ledger, &self.view, &node(1), self.now, checked)
    }

    fn planning(&self) -> Spread {
        Spread::of_with(RUNS, || self.checked.clone(), |mut checked| self.plan(&mut checked))
    }

    /// The time that a leader spends on a reading of its own server which says what is known, and on a heartbeat of
    /// another node.
    fn leader_at_rest(&self) -> (Spread, Spread) {
        let (me, moment) = (node(1), Moment(50_000));
        let birth = Birth {
            me: me.clone(),
            incarnation: Incarnation(7),
            stored: 0,
            known: self.now,
            wall: self.now,
            fresh: Span(1_000),
            moment,
        };
        let standing =
            Standing { term: 1, leads: true, leader: Some(me), quorum: Some(Span(0)), ..Standing::default() };
        let ledger = Arc::new(self.ledger.clone());
        let now = |at| Now { moment: at, ledger: &ledger, standing: &standing };
        let mut leader = Machine::new(birth);
        let inputs = [(moment, Input::Woken), (moment, Input::CaughtUp(1)), (moment.after(Span(10)), Input::Woken)];
        for (at, input) in inputs {
            for effect in leader.handle(now(at), input) {
                if let Effect::Plan(job) = effect {
                    leader.handle(now(at), Input::PlanMade(Box::new(job.run())));
                }
            }
        }
        assert!(leader.rests() && leader.leads(), "the leader is not at rest");
        let at = moment.after(Span(20));
        let spread = Spread::of_with(
            RUNS,
            || Input::Read {
                server: server(1),
                reading: Some((*self.view.readings[&server(1)]).clone()),
                blind: false,
            },
            |reading| leader.handle(now(at), reading),
        );
        assert!(leader.rests(), "a reading that says what is known makes a plan due");
        // The first after which it looks at all nodes; then it hears each of them, as in the tenth of a second before.
        let beats = |leader: &mut Machine, from: usize, at| {
            let call = Call::Heartbeat { reaches_manager: true, digest: None };
            leader.called(now(at), Some(&node(from)), Incarnation(1), call)
        };
        for other in (0..self.ledger.nodes.len()).filter(|other| *other != 1) {
            beats(&mut leader, other, at.after(Span(10)));
        }
        let at = at.after(Span(20));
        let heartbeat = Spread::of(RUNS, || beats(&mut leader, 2, at));
        (spread, heartbeat)
    }

    /// Plans and commits until nothing is left to propose.
    fn rest(&mut self) {
        for _ in 0..8 {
            let mut checked = std::mem::take(&mut self.checked);
            let commands = self.plan(&mut checked).commands;
            self.checked = checked;
            if commands.is_empty() {
                return;
            }
            self.commit(Author::Planner(node(1)), commands);
        }
        panic!("the plan does not come to rest");
    }

    fn commit(&mut self, author: Author, commands: Vec<Command>) {
        let outcome =
            self.ledger.apply(self.ledger.index + 1, &Entry { at: self.now, wall: self.now, author, commands });
        assert!(outcome.refused.is_empty(), "{:?}", outcome.refused);
    }
}

fn server(i: usize) -> ServerName {
    format!("p{i}").into()
}

fn node(i: usize) -> NodeName {
    format!("n{i}").into()
}

fn resource(i: usize) -> ResourceName {
    format!("resource{i}").into()
}

/// The server list of a group: the one where it runs, and others that differ from group to group.
fn list(group: usize, servers: usize) -> Vec<usize> {
    let (home, round) = (group % servers, group / servers);
    (0..LIST).map(|k| if k == 0 { home } else { (home + 1 + (3 * round + k) % (servers - 1)) % servers }).collect()
}

/// Memory and processors of a group.
fn size(group: usize) -> (u64, u64) {
    let (memory, processors) = ([8192, 16_384, 24_576], [50, 100]);
    (memory[group % memory.len()], processors[group % processors.len()])
}

fn cluster(groups: usize, servers: usize) -> Cluster {
    let hmc: HmcName = "hmc1".into();
    let mut cluster = Cluster { name: "bench".to_owned(), ..Cluster::default() };
    let host_key = format!("SHA256:{}", "A".repeat(43));
    cluster
        .managers
        .insert(hmc.clone(), Hmc { address: "hmc1:22".to_owned(), user: "tenure".to_owned(), host_key }.into());
    let mut runs = vec![(0, 0); servers];
    for group in 0..groups {
        let ((memory, processors), runs) = (size(group), &mut runs[group % servers]);
        *runs = (runs.0 + memory, runs.1 + processors);
    }
    for (i, (memory, processors)) in runs.into_iter().enumerate() {
        let mut declared = Server::new(&format!("p{i}"), &format!("9009-42A*{i:07}"), vec![hmc.clone()]);
        declared.surrogate = true;
        (declared.memory, declared.processors) = (Some(memory * 3 / 2), Some(processors * 3 / 2));
        cluster.servers.insert(server(i), declared);
        cluster.nodes.insert(node(i), Node { server: Some(server(i)), lpar: None, watchdog: None });
    }
    for i in 0..groups {
        let name: tenure_core::GroupName = format!("group{i}").into();
        let mut group = Group::new(list(i, servers).into_iter().map(server).collect());
        group.policy = Policy::BiggestAvailable;
        group.priority = u32::try_from(i % 10).unwrap_or_default();
        cluster.groups.insert(name.clone(), group);
        let mut declared = Resource::lpar(name, resource(i).as_str());
        if let Kind::Lpar(lpar) = &mut declared.kind {
            (lpar.memory, lpar.processors) = size(i);
        }
        cluster.resources.insert(resource(i), declared);
    }
    cluster
}

/// Processor time of this thread.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let part = |value: i64| u64::try_from(value).unwrap_or_default();
    Duration::new(part(time.tv_sec), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// The median of many runs, and their spread.
struct Spread {
    low: Duration,
    median: Duration,
    high: Duration,
}

impl Spread {
    fn of<T>(runs: usize, mut run: impl FnMut() -> T) -> Self {
        Self::of_with(runs, || (), |()| run())
    }

    fn figure(&self) -> Figure {
        [self.low, self.median, self.high].map(|took| took.as_secs_f64() * 1000.0)
    }

    /// Neither the preparation nor the drop of the result is measured.
    fn of_with<S, T>(runs: usize, mut prepare: impl FnMut() -> S, mut run: impl FnMut(S) -> T) -> Self {
        let mut took: Vec<Duration> = (0..runs)
            .map(|_| {
                let prepared = prepare();
                let began = processor_time();
                let result = run(prepared);
                let took = processor_time().saturating_sub(began);
                drop(result);
                took
            })
            .collect();
        took.sort();
        Spread { low: took[runs / 10], median: took[runs / 2], high: took[runs * 9 / 10] }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [low, median, high] = self.figure();
        f.pad(&format!("{median:.2} ms ({low:.2} .. {high:.2})"))
    }
}
