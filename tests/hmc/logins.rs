//! Three nodes with one user: an HMC that refuses it is tried by one node at a time, and used again as soon as it
//! accepts the user.
//!
//! The nodes' rule, the ledger's and the driver are the real ones; a mutex takes the place of consensus.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use russh::keys::ssh_key::LineEnding;
use tenure::hypervisor::hmc::{HmcAddress, HmcDriver, HmcKey};
use tenure::hypervisor::{self, Accounts, ServerAddress, Turns};
use tenure::node::logins::{LoginAction, Logins};
use tenure_core::{
    Author, Command, Entry, HmcName, Ledger, NodeName, Request, RequestId, Time, View,
    config::{self, Hmc, Node, Server},
    plan::plan,
};
use tokio::task::JoinSet;

use crate::server::{Login, MTMS, PATIENCE, ScriptedHmc, driver, new_key, server, soon};
use crate::site::Site;

const NODES: [&str; 3] = ["n1", "n2", "n3"];
/// Interval at which a node follows the ledger.
const TICK: Duration = Duration::from_millis(20);

fn declared() -> config::Cluster {
    let mut cluster = config::Cluster { name: "site".to_owned(), ..config::Cluster::default() };
    let host_key = format!("SHA256:{}", "x".repeat(43));
    let hmc = Hmc { address: "hmc1:22".to_owned(), user: "tenure".to_owned(), host_key };
    cluster.managers.insert(HmcName::from("hmc1"), hmc.into());
    for (n, node) in NODES.iter().enumerate() {
        let server = format!("p{n}");
        let mtms = format!("9009-42A*123456{n}");
        cluster.servers.insert(server.as_str().into(), Server::new(&server, &mtms, vec!["hmc1".into()]));
        cluster.nodes.insert((*node).into(), Node { server: Some(server.as_str().into()), lpar: None, watchdog: None });
    }
    cluster
}

/// The state shared by the nodes.
struct Shared {
    ledger: Mutex<Ledger>,
    born: Instant,
    /// Lead of cluster time over the test's own clock.
    ahead: AtomicU64,
}

impl Shared {
    fn now(&self) -> Time {
        let passed = u64::try_from(self.born.elapsed().as_millis()).unwrap();
        Time(passed + self.ahead.load(Ordering::SeqCst))
    }

    fn ledger(&self) -> Ledger {
        self.ledger.lock().unwrap().clone()
    }

    fn apply(&self, author: Author, command: Command) {
        let mut ledger = self.ledger.lock().unwrap();
        let (index, now) = (ledger.index + 1, self.now());
        ledger.apply(index, &Entry { at: now, wall: now, author, commands: vec![command] });
    }

    /// The node's part of the daemon's loop.
    async fn live(self: Arc<Self>, me: NodeName, driver: HmcDriver) {
        let mut logins = Logins::default();
        let mut tasks = JoinSet::new();
        let mut tick = tokio::time::interval(TICK);
        loop {
            tick.tick().await;
            for action in logins.follow(&me, &self.ledger(), &driver, self.now()) {
                match action {
                    LoginAction::Say(command) => self.apply(Author::Agent(me.clone()), command),
                    LoginAction::LogIn(hmc) => {
                        let driver = driver.clone();
                        tasks.spawn(async move { driver.try_login(hmc.as_str()).await });
                    }
                }
            }
            if me == NODES[0].into() {
                self.lead(&me);
            }
        }
    }

    fn lead(&self, me: &NodeName) {
        for command in plan(&self.ledger(), &View::default(), me, self.now()).commands {
            if matches!(command, Command::TryHmc { .. }) {
                self.apply(Author::Planner(me.clone()), command);
            }
        }
    }
}

struct Trio {
    shared: Arc<Shared>,
    drivers: Vec<HmcDriver>,
    server: ServerAddress,
    _tasks: JoinSet<()>,
}

impl Trio {
    /// Three nodes that reach the HMC at these addresses, and read the server continuously.
    fn start(hmc: &ScriptedHmc, addresses: [HmcAddress; 3]) -> Self {
        let ahead = AtomicU64::new(0);
        let shared = Arc::new(Shared { ledger: Mutex::default(), born: Instant::now(), ahead });
        let author = Author::first_user(RequestId(1));
        let configure = Request::Configure { cluster: Arc::new(declared()), strand: false };
        shared.apply(author, Command::Request(configure));
        let drivers: Vec<HmcDriver> = addresses.map(|address| HmcDriver::new(vec![address])).into();
        let mut tasks = JoinSet::new();
        for (node, driver) in NODES.iter().zip(&drivers) {
            tasks.spawn(Arc::clone(&shared).live((*node).into(), driver.clone()));
            let (driver, server) = (driver.clone(), server(&[hmc]));
            tasks.spawn(async move {
                let mut tick = tokio::time::interval(TICK);
                loop {
                    tick.tick().await;
                    let _ = driver.read_server(&server, PATIENCE).await;
                }
            });
        }
        Trio { shared, drivers, server: server(&[hmc]), _tasks: tasks }
    }

    async fn reads(&self, node: usize) -> bool {
        self.drivers[node].read_server(&self.server, PATIENCE).await.is_ok()
    }

    /// Waits until these nodes can read.
    async fn all_read(&self, nodes: &[usize]) {
        for &node in nodes {
            self.until(|| async { self.reads(node).await }).await;
        }
    }

    async fn until<F: Future<Output = bool>>(&self, mut holds: impl FnMut() -> F) {
        soon(async {
            let mut tick = tokio::time::interval(TICK);
            while !holds().await {
                tick.tick().await;
            }
        })
        .await;
    }

    /// Lets every node have its turn twice.
    async fn turns(&self) {
        let end = self.shared.now().0 + 6_000;
        self.until(|| async { self.shared.now().0 > end }).await;
    }

    fn pass(&self, seconds: u64) {
        self.shared.ahead.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }

    fn away(&self) -> Vec<&str> {
        let ledger = self.shared.ledger();
        let lockout = ledger.hmcs.get("hmc1");
        NODES.into_iter().filter(|node| lockout.is_some_and(|l| l.keeps_away(&(*node).into()))).collect()
    }
}

#[tokio::test]
async fn a_key_that_is_refused_for_a_while_costs_one_login_at_a_time_and_readings_come_back_by_themselves() {
    let site = Site::with_server(MTMS, &["web"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let logins = || hmc.shared.logins.load(Ordering::SeqCst);
    let trio = Trio::start(&hmc, [(); 3].map(|()| hmc.configuration()));
    trio.all_read(&[0, 1, 2]).await;
    assert_eq!(logins(), 3);

    hmc.shared.set_login(Login::Reject);
    hmc.shared.cut();
    trio.until(|| async { trio.away() == NODES }).await;
    trio.turns().await;
    assert_eq!(logins(), 4, "one node tried, for all of them");
    for node in 0..3 {
        assert!(!trio.reads(node).await);
    }

    trio.pass(150);
    trio.until(|| async { logins() == 5 }).await;
    trio.turns().await;
    assert_eq!(logins(), 5, "one node tried again");
    assert_eq!(trio.away(), NODES);

    hmc.shared.set_login(Login::Accept);
    trio.turns().await;
    assert_eq!(logins(), 5, "nobody tries before its time");
    trio.pass(360);
    trio.all_read(&[0, 1, 2]).await;
    trio.until(|| async { trio.shared.ledger().hmcs.is_empty() }).await;
    assert_eq!(logins(), 8, "each logged in once");
    let ledger = trio.shared.ledger();
    let refused = ledger.journal.iter().filter(|record| record.kind == "login_refused");
    assert_eq!(refused.count(), 2, "each is an alarm");
}

#[tokio::test]
async fn a_node_whose_own_key_is_bad_keeps_away_alone() {
    let site = Site::with_server(MTMS, &["web"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let (good, mut bad) = (hmc.configuration(), hmc.configuration());
    bad.key = HmcKey::Pem(new_key().to_openssh(LineEnding::LF).unwrap().to_string());
    let trio = Trio::start(&hmc, [good.clone(), bad, good]);
    trio.until(|| async { trio.away() == NODES }).await;
    trio.pass(150);
    trio.all_read(&[0, 2]).await;
    // n3 was accepted; n2 tries at once, in vain.
    trio.until(|| async { trio.shared.ledger().hmcs["hmc1"].tries == 1 && trio.away() == ["n2"] }).await;
    hmc.shared.cut();
    trio.all_read(&[0, 2]).await;
    assert!(!trio.reads(1).await);
    assert_eq!(trio.away(), ["n2"]);
}

#[tokio::test]
async fn a_node_connects_before_it_has_anything_to_ask_and_again_and_not_with_a_refused_key() {
    let site = Site::with_server(MTMS, &["web"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let logins = || hmc.shared.logins.load(Ordering::SeqCst);
    let node = driver(&[&hmc]);
    node.take_turns(Some(Turns { one: tokio::time::Instant::now(), every: Duration::from_secs(1) }));
    node.keep_up().await;
    assert_eq!(logins(), 1);
    node.keep_up().await;
    assert_eq!(logins(), 1, "it is connected");
    assert!(hmc.shared.commands("").is_empty(), "it has asked for nothing");

    hmc.shared.cut();
    soon(async {
        while logins() < 2 {
            node.keep_up().await;
        }
    })
    .await;
    hmc.shared.set_login(Login::Reject);
    hmc.shared.cut();
    soon(async {
        while logins() < 3 {
            node.keep_up().await;
        }
    })
    .await;
    node.keep_up().await;
    assert_eq!(logins(), 3, "its key was refused");
    assert!(node.logins().iter().all(|(_, login)| matches!(login, Some(hypervisor::Login::Refused(_)))));
}
