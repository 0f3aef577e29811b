//! Starts that come together, carried out as a node does, through the driver and an emulated HMC: the commands that
//! they cost.

use std::collections::BTreeSet;
use std::future::ready;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};
use std::time::{Duration, Instant};

use futures::future::join_all;
use russh::keys::ssh_key::LineEnding;
use tenure::hypervisor::Registry;
use tenure::performer::{AgentPaths, Agents, Performer, Reader, ask};
use tenure_core::{
    OrderId, ResourceName, ServerName, Span, Time,
    config::{Cluster, Group, Hmc, Resource, Server},
    execution::{Answer, Ask, Execution, Next},
    order::{Action, Ending, Epoch, Order},
};
use tenure_jepsen::hmc::{HmcOptions, HmcServer, generate_key};
use tenure_jepsen::world::{DemoOptions, LiveWorld, Ticker, World, WorldSpec};
use tokio::sync::mpsc;

/// More time than any operation takes.
const PATIENCE: Duration = Duration::from_secs(60);
/// Commands that first readings take together besides the lists of LPARs: the states twice, or once more if one reading
/// was quicker than the others, and the links.
const TOGETHER: u64 = 4;
/// The entry with which the orders were given.
const GIVEN: u64 = 7;

/// A node that commands some servers through one emulated HMC.
struct Bench {
    cluster: Arc<Cluster>,
    world: LiveWorld,
    hmc: HmcServer,
    performer: Arc<Performer>,
    reader: Reader,
    _folder: tempfile::TempDir,
    _ticker: Ticker,
}

impl Bench {
    async fn start(servers: usize, lpars: usize) -> Self {
        let spec = WorldSpec::demo(DemoOptions { servers, lpars, hmcs: 1 });
        let mut cluster = Cluster { name: "east".to_owned(), ..Cluster::default() };
        for server in &spec.servers {
            cluster
                .servers
                .insert(server.name.as_str().into(), Server::new(&server.name, &server.mtms(), vec!["hmc1".into()]));
        }
        let list: Vec<ServerName> = cluster.servers.keys().cloned().collect();
        for lpar in spec.lpars.iter().filter(|lpar| !lpar.name.starts_with("node-") && !lpar.name.contains("vios")) {
            let group = format!("of-{}", lpar.name);
            cluster.groups.insert(group.as_str().into(), Group::new(list.clone()));
            cluster.resources.insert(lpar.name.as_str().into(), Resource::lpar(group.as_str().into(), &lpar.name));
        }
        let (world, ticker) = LiveWorld::start(World::new(spec, 1).unwrap());
        let (key, folder) = (generate_key(), tempfile::tempdir().unwrap());
        let hmc = HmcServer::start(world.clone(), HmcOptions::new("hmc1", key.public_key().clone())).await.unwrap();
        let declared = Hmc {
            address: hmc.address().to_string(),
            user: "tenure".to_owned(),
            host_key: hmc.fingerprint().to_owned(),
        };
        cluster.managers.insert("hmc1".into(), declared.into());
        let file = folder.path().join("key");
        std::fs::write(&file, key.to_openssh(LineEnding::LF).unwrap().as_bytes()).unwrap();
        let places = AgentPaths { run_dir: folder.path().to_owned(), ..AgentPaths::default() };
        let agents = Agents::new("n1".into(), places, Default::default(), Arc::new(|| GIVEN), Arc::new(|| None));
        let registry = Registry::new(Some(file));
        let performer =
            Performer::new("n1".into(), registry, Arc::new(agents), || GIVEN, |_: &ServerName| Default::default());
        let (performer, cluster) = (Arc::new(performer), Arc::new(cluster));
        performer.configure(&cluster);
        let reader = Reader::new(Arc::clone(&performer));
        Bench { cluster, world, hmc, performer, reader, _folder: folder, _ticker: ticker }
    }

    /// The start of an LPAR on one of the servers.
    fn order(&self, number: u32, lpar: &ResourceName) -> Order {
        let server = self.servers()[number as usize % self.cluster.servers.len()].clone();
        let group = self.cluster.resources[lpar].group.clone();
        let (epoch, vouched, home) = (Epoch(1), BTreeSet::new(), None);
        let action = Action::Start { group, resource: lpar.clone(), epoch, vouched, home };
        let id = OrderId { index: GIVEN, ordinal: number };
        Order { id, node: "n1".into(), server, action, issued: Time(0), budget: Span::seconds(120) }
    }

    fn orders(&self) -> Vec<Order> {
        (0..).zip(self.cluster.resources.keys()).map(|(number, lpar)| self.order(number, lpar)).collect()
    }

    fn servers(&self) -> Vec<ServerName> {
        self.cluster.servers.keys().cloned().collect()
    }

    /// Carries out an order as the daemon does.
    async fn carry(&self, order: Order) -> Ending {
        let mut execution = Execution::new(order.clone(), &self.servers());
        let began = Instant::now();
        let (tell, mut told) = mpsc::unbounded_channel();
        let put = |question: Ask| {
            let (performer, reader, order) = (Arc::clone(&self.performer), self.reader.clone(), order.clone());
            let tell = tell.clone();
            tokio::spawn(async move {
                let tell = |answer| {
                    // Nobody waits any more once one reading has forbidden the start.
                    drop(tell.send(answer));
                    ready(())
                };
                ask::ask(&performer, &reader, &order, &question, tell).await;
            });
        };
        put(execution.first());
        loop {
            let answer = told.recv().await.expect("an answer");
            let elapsed = u64::try_from(began.elapsed().as_millis()).expect("short");
            match execution.next(answer, Span(elapsed)) {
                Next::Ask(next) => put(next),
                Next::Wait => {}
                Next::Report(report) => return report.ending,
            }
        }
    }
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("did not end")
}

#[tokio::test(flavor = "multi_thread")]
async fn starts_that_come_together_read_each_server_once() {
    let bench = Bench::start(5, 30).await;
    let (asked, answers) = (bench.hmc.asked(), AtomicUsize::new(0));
    let orders = bench.orders();
    let list: BTreeSet<ServerName> = bench.servers().into_iter().collect();
    let all = orders.iter().map(|order| {
        let tell = |answer: Answer| {
            assert!(matches!(&answer, Answer::Read(reading) if reading.live), "{answer:?}");
            answers.fetch_add(1, SeqCst);
            ready(())
        };
        let question = Execution::new(order.clone(), &bench.servers()).first();
        assert_eq!(question, Ask::ReadAll(list.clone()));
        let (performer, reader) = (&bench.performer, &bench.reader);
        async move { ask::ask(performer, reader, order, &question, tell).await }
    });
    soon(join_all(all)).await;
    assert_eq!(answers.load(SeqCst), orders.len() * list.len());
    let commands = bench.hmc.asked() - asked;
    assert!(commands <= list.len() as u64 + TOGETHER, "{commands} commands, for {} starts", orders.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn starts_that_come_together_are_done() {
    let bench = Bench::start(5, 30).await;
    let (asked, began) = (bench.hmc.asked(), Instant::now());
    let each = bench.orders().into_iter().map(|order| async {
        let ending = bench.carry(order).await;
        (ending, began.elapsed())
    });
    let mut ends = soon(join_all(each)).await;
    assert!(ends.iter().all(|(ending, _)| *ending == Ending::Done), "{ends:?}");
    ends.sort_by_key(|(_, at)| *at);
    let [first, median, last] = [0, ends.len() / 2, ends.len() - 1].map(|at| ends[at].1);
    let commands = bench.hmc.asked() - asked;
    println!("{} starts: {commands} commands; first {first:?}, median {median:?}, last {last:?}", ends.len());
    let clean = bench.world.with(|world| world.verdict());
    assert!(clean.is_clean(), "{clean:?}");
}
