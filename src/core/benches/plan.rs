//! How long one plan takes after the loss of a server, and how long the ledger takes to apply what was planned.
//!
//! Every group has one LPAR, was found running and adopted, and may run on four servers. One server is lost: its node is
//! silent, its lease over, its witness reads Power Off, and the report of the fence has just been applied. The plan that is
//! measured moves every group that was there. Run with `cargo bench -p tenure-core`.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};
use tenure_core::{
    Author, Command, Entry, HmcName, Ledger, NodeName, Power, Reading, Report, Request, RequestId, ResourceName,
    ServerName, Span, SystemState, Time, View,
    config::{Cluster, Group, Hmc, Kind, Node, Resource, Server},
    foresee::Loss,
    order::{Action, Ending},
    plan::{Plan, plan},
    view::NodeView,
};

/// Measured runs of each figure.
const RUNS: usize = 40;
/// Length of a system list.
const LIST: usize = 4;

fn main() {
    println!("one plan after the loss of a server, and applying it; {RUNS} runs each\n");
    println!(
        "{:>7} {:>8} {:>6}  {:<34} {:<34} {:<34} {:<34}",
        "groups", "servers", "moved", "plan", "apply", "plan at rest", "the whole loss foreseen"
    );
    for (groups, servers) in [(1_000, 32), (5_000, 64), (50_000, 1_000)] {
        measure(groups, servers);
    }
}

fn measure(groups: usize, servers: usize) {
    let mut site = Site::new(groups, servers);
    let foreseeing = Spread::of(|| assert!(Loss::of(&site.ledger, &server(0)).is_survived()));
    site.lose_first();
    let planned = site.plan();
    let moved = planned.commands.iter().filter(|command| matches!(command, Command::Grant { .. })).count();
    assert!(moved >= groups / servers, "only {moved} groups are moved");
    let planning = Spread::of(|| site.plan());
    let entry = Entry::planned(site.now, "n0".into(), planned.commands.clone());
    let applying = Spread::of_with(
        || site.ledger.clone(),
        |mut ledger| {
            let outcome = ledger.apply(ledger.index + 1, &entry);
            assert!(outcome.refused.is_empty(), "{:?}", outcome.refused);
            ledger
        },
    );
    site.commit(Author::Planner("n0".into()), planned.commands);
    site.rest();
    let resting = Spread::of(|| site.plan());
    println!("{groups:>7} {servers:>8} {moved:>6}  {planning:<34} {applying:<34} {resting:<34} {foreseeing:<34}");
}

struct Site {
    ledger: Ledger,
    view: View,
    now: Time,
}

impl Site {
    /// A cluster whose groups are all online.
    fn new(groups: usize, servers: usize) -> Self {
        let mut site = Site { ledger: Ledger::default(), view: View::default(), now: Time(1_000_000) };
        let configure = Request::Configure { cluster: Arc::new(cluster(groups, servers)), strand: false };
        let author = Author::Operator { name: "ann".to_owned(), request: RequestId(1) };
        site.commit(author, vec![Command::Request(configure)]);
        for server in 0..servers {
            let view = NodeView { heard: true, silence: Span(0), lease_over: false, reaches_hmc: true };
            site.view.nodes.insert(node(server), view);
        }
        site.rest();
        for server in 0..servers {
            let here = (0..groups).filter(|group| (0..LIST).any(|i| (group + i) % servers == server));
            let power = |group: usize| if group % servers == server { Power::Running } else { Power::Off };
            let copies = here.map(|group| (resource(group), power(group))).collect();
            let reading = site.reading(server, &node(server), SystemState::Operating, copies);
            site.view.readings.insert(reading.server.clone(), reading);
        }
        site.rest();
        let online = site.ledger.groups.values().all(|group| group.tenure.is_some());
        assert!(online, "not every group was adopted");
        site
    }

    /// The first server is lost, and proven off.
    fn lose_first(&mut self) {
        let lost = server(0);
        self.now = self.now.after(Span::seconds(10));
        self.view
            .nodes
            .insert(node(0), NodeView { heard: true, silence: Span::seconds(10), lease_over: true, reaches_hmc: true });
        self.rest();
        let Some(manager) = self.ledger.servers.get(&lost).and_then(|state| state.manager.clone()) else {
            panic!("nobody watches {lost}")
        };
        let off: BTreeMap<ResourceName, Power> =
            self.view.readings[&lost].copies.keys().cloned().map(|l| (l, Power::Off)).collect();
        let reading = self.reading(0, &manager, SystemState::PowerOff, off);
        self.view.readings.insert(lost.clone(), reading.clone());
        self.rest();
        let fence = self.ledger.orders.values().find(|order| order.action == Action::Fence);
        let Some(order) = fence.map(|order| order.id) else { panic!("no fence was ordered") };
        let reading = Reading { since: self.ledger.index, ..reading };
        let report = Report { order, ending: Ending::Done, readings: vec![reading] };
        self.commit(Author::Agent(manager), vec![Command::Report(report)]);
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
            confidence: BTreeMap::new(),
            vios: BTreeMap::new(),
        }
    }

    fn plan(&self) -> Plan {
        plan(&self.ledger, &self.view, &node(1), self.now)
    }

    /// Plans and commits until nothing is left to propose.
    fn rest(&mut self) {
        for _ in 0..8 {
            let commands = self.plan().commands;
            if commands.is_empty() {
                return;
            }
            self.commit(Author::Planner(node(1)), commands);
        }
        panic!("the plan does not come to rest");
    }

    fn commit(&mut self, author: Author, commands: Vec<Command>) {
        let outcome = self.ledger.apply(self.ledger.index + 1, &Entry { at: self.now, author, commands });
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

fn cluster(groups: usize, servers: usize) -> Cluster {
    let hmc: HmcName = "hmc1".into();
    let mut cluster = Cluster { name: "bench".to_owned(), ..Cluster::default() };
    let host_key = format!("SHA256:{}", "A".repeat(43));
    cluster.hmcs.insert(hmc.clone(), Hmc { address: "hmc1:22".to_owned(), user: "tenure".to_owned(), host_key });
    for i in 0..servers {
        let mut declared = Server::new(&format!("p{i}"), &format!("9009-42A*{i:07}"), vec![hmc.clone()]);
        declared.surrogate = true;
        (declared.memory, declared.processors) = (Some(16_000_000), Some(100_000));
        cluster.servers.insert(server(i), declared);
        cluster.nodes.insert(node(i), Node { server: Some(server(i)), lpar: None });
    }
    for i in 0..groups {
        let name: tenure_core::GroupName = format!("group{i}").into();
        let list = (0..LIST).map(|k| server((i + k) % servers)).collect();
        let mut group = Group::new(list);
        group.priority = u32::try_from(i % 10).unwrap_or_default();
        cluster.groups.insert(name.clone(), group);
        let mut declared = Resource::lpar(name, resource(i).as_str());
        if let Kind::Lpar(lpar) = &mut declared.kind {
            (lpar.memory, lpar.processors) = (16_384, 50);
        }
        cluster.resources.insert(resource(i), declared);
    }
    cluster
}

/// The middle of many runs, and how far they spread.
struct Spread {
    low: Duration,
    median: Duration,
    high: Duration,
}

impl Spread {
    fn of<T>(mut run: impl FnMut() -> T) -> Self {
        Self::of_with(|| (), |()| run())
    }

    /// Neither the preparation nor the clearing away is measured.
    fn of_with<S, T>(mut prepare: impl FnMut() -> S, mut run: impl FnMut(S) -> T) -> Self {
        let mut took: Vec<Duration> = (0..RUNS)
            .map(|_| {
                let prepared = prepare();
                let began = Instant::now();
                let result = run(prepared);
                let took = began.elapsed();
                drop(result);
                took
            })
            .collect();
        took.sort();
        Spread { low: took[RUNS / 10], median: took[RUNS / 2], high: took[RUNS * 9 / 10] }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ms = |took: Duration| took.as_secs_f64() * 1000.0;
        f.pad(&format!("{:.2} ms ({:.2} .. {:.2})", ms(self.median), ms(self.low), ms(self.high)))
    }
}
