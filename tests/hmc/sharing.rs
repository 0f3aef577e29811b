//! What an HMC says of all its systems, asked by one node on behalf of all.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use tenure::hypervisor::hmc::HmcDriver;
use tenure::hypervisor::{Hypervisor, Neighbours, ServerAddress, Sharing, Told, Urgency, Which};
use tenure_core::HmcName;
use tokio::sync::Semaphore;

use crate::server::{Fault, MTMS, PATIENCE, ScriptedHmc, driver, server, soon};
use crate::site::{Answer, Site};

/// The nodes around one, in one process: another asks for it, or nobody does.
struct Around {
    asker: Mutex<Option<HmcDriver>>,
    gap: Duration,
    asked: AtomicUsize,
}

impl Around {
    fn new(asker: Option<&HmcDriver>, gap: Duration) -> Arc<Self> {
        Arc::new(Around { asker: Mutex::new(asker.cloned()), gap, asked: AtomicUsize::new(0) })
    }
}

#[async_trait]
impl Neighbours for Around {
    async fn ask(&self, which: &Which) -> Option<Told> {
        let asker = self.asker.lock().unwrap().clone()?;
        self.asked.fetch_add(1, Ordering::SeqCst);
        asker.tell(which).await.ok()
    }

    fn gap(&self, _: &HmcName) -> Duration {
        self.gap
    }
}

fn mtms(number: usize) -> String {
    format!("9009-42A*{number:07}")
}

/// So many nodes, each with a server of its own, of which the first asks the HMC on behalf of all.
struct Nodes {
    hmc: ScriptedHmc,
    site: Site,
    nodes: Vec<(HmcDriver, ServerAddress)>,
}

impl Nodes {
    async fn new(count: usize, gap: Duration) -> Self {
        let site = Site::default();
        (0..count).for_each(|number| site.add_server(&mtms(number), &["web"]));
        let hmc = ScriptedHmc::start("hmc1", &site).await;
        let here = server(&[&hmc]);
        let first = driver(&[&hmc]);
        let node = |number: usize| {
            let own = if number == 0 { first.clone() } else { driver(&[&hmc]) };
            own.share_with(Around::new((number > 0).then_some(&first), gap));
            (own, ServerAddress { mtms: mtms(number), ..here.clone() })
        };
        let nodes = (0..count).map(node).collect();
        Nodes { hmc, site, nodes }
    }

    /// Each node reads its server; returns the commands that the HMC got for that.
    async fn round(&self, urgency: Urgency) -> usize {
        let before = self.hmc.shared.commands("").len();
        let all = self.nodes.iter().map(|(driver, server)| driver.read(server, urgency, PATIENCE));
        for reading in soon(join_all(all)).await {
            assert!(reading.unwrap().is_live());
        }
        self.hmc.shared.commands("").len() - before
    }
}

#[tokio::test]
async fn nodes_share_what_the_hmc_says_of_all_its_systems() {
    const NODES: usize = 12;
    let nodes = Nodes::new(NODES, Duration::from_millis(200)).await;
    assert_eq!(nodes.round(Urgency::Round).await, 4 * NODES, "by itself, each asks everything, and once more at first");
    assert_eq!(nodes.round(Urgency::Round).await, 3 * NODES);
    let shared = nodes.round(Urgency::Rest).await;
    // All lists come at once here, so a few overviews are enough; how many depends on which list is last.
    assert!((NODES + 2..=NODES + 6).contains(&shared), "{shared}");
}

/// An overview that is under way when a node asks for one says nothing of the time after that.
#[tokio::test]
async fn an_overview_that_began_before_it_was_asked_for_is_told_to_nobody() {
    let nodes = Nodes::new(2, Duration::ZERO).await;
    nodes.round(Urgency::Round).await;
    let (asker, which) = (&nodes.nodes[0].0, which(&nodes.hmc));
    let gate = Arc::new(Semaphore::new(0));
    nodes.hmc.shared.misbehave("lssysconn", Fault::Gate(Arc::clone(&gate)));
    let first = async { asker.tell(&which).await.unwrap() };
    let second = async {
        // The states are with the first by now, and the links are asked for.
        nodes.hmc.shared.running(1).await;
        while nodes.hmc.shared.commands("lssysconn").len() < 3 {
            tokio::task::yield_now().await;
        }
        nodes.site.set_server(&mtms(1), "Power Off");
        let told = asker.tell(&which);
        let conductor = async { gate.add_permits(10) };
        tokio::join!(told, conductor).0.unwrap()
    };
    let (first, second) = soon(async { tokio::join!(first, second) }).await;
    let state = |told: &Told| told.systems.iter().find(|row| row[1].as_deref() == Some("0000001")).unwrap()[2].clone();
    assert_eq!(state(&first).as_deref(), Some("Operating"));
    assert_eq!(state(&second).as_deref(), Some("Power Off"), "it was asked for after the server had gone off");
}

#[tokio::test]
async fn questions_that_wait_together_are_answered_together_and_not_more_often_than_the_gap() {
    const WAIT: usize = 30;
    let nodes = Nodes::new(2, Duration::from_millis(400)).await;
    let (asker, which) = (&nodes.nodes[0].0, which(&nodes.hmc));
    let began = std::time::Instant::now();
    for _ in 0..3 {
        let all = soon(join_all((0..WAIT).map(|_| asker.tell(&which)))).await;
        assert!(all.iter().all(Result::is_ok));
    }
    let overviews = nodes.hmc.shared.commands("lssysconn").len();
    assert_eq!(overviews, nodes.hmc.shared.commands("-r 'sys'").len());
    assert!((3..=6).contains(&overviews), "{overviews}");
    assert!(began.elapsed() >= Duration::from_millis(400) * (overviews as u32 - 1), "{:?}", began.elapsed());
}

fn which(hmc: &ScriptedHmc) -> Which {
    let address = hmc.configuration();
    let declared = tenure_core::config::Hmc {
        address: address.address,
        user: address.user,
        host_key: address.host_key_fingerprint,
    };
    Which { hmc: address.name.as_str().into(), declared }
}

#[tokio::test]
async fn an_hmc_that_is_declared_otherwise_is_another_one() {
    let nodes = Nodes::new(1, Duration::ZERO).await;
    let (asker, known) = (&nodes.nodes[0].0, which(&nodes.hmc));
    assert!(asker.tell(&known).await.is_ok());
    let mut moved = known.clone();
    moved.declared.address = "127.0.0.2:22".to_owned();
    let unknown = Which { hmc: "hmc9".into(), ..known };
    for other in [moved, unknown] {
        assert_eq!(asker.tell(&other).await.unwrap_err(), "this node knows no such HMC");
    }
}

/// Whatever keeps the other node from telling it, the reading is made.
#[tokio::test]
async fn a_node_that_is_told_nothing_asks_by_itself() {
    let site = Site::with_server(MTMS, &["web"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let lost = ScriptedHmc::start("hmc1", &site).await;
    let here = server(&[&hmc]);
    for asker in [None, Some(driver(&[])), Some(driver(&[&lost]))] {
        let own = driver(&[&hmc]);
        let around = Around::new(asker.as_ref(), Duration::ZERO);
        own.share_with(Arc::clone(&around) as Arc<dyn Neighbours>);
        let reading = soon(own.read(&here, Urgency::Rest, PATIENCE)).await.unwrap();
        assert!(reading.is_live());
        assert_eq!(around.asked.load(Ordering::SeqCst) > 0, asker.is_some());
    }
    // The asker cannot get an answer that makes sense, and this one can.
    let asker = driver(&[&hmc]);
    let own = driver(&[&hmc]);
    own.share_with(Around::new(Some(&asker), Duration::ZERO));
    hmc.shared.misbehave("lssysconn", Fault::Say(Answer::ok("nonsense")));
    assert!(asker.tell(&which(&hmc)).await.is_err());
    let told = soon(own.read(&here, Urgency::Rest, PATIENCE)).await;
    assert!(told.is_err(), "what the HMC itself says is reported: {told:?}");
    hmc.shared.behave();
    assert!(soon(own.read(&here, Urgency::Rest, PATIENCE)).await.unwrap().is_live());
}

/// Orders, and rounds over servers on which something is under way, do not wait for another node.
#[tokio::test]
async fn only_readings_at_rest_ask_another_node() {
    let site = Site::with_server(MTMS, &["web"]);
    let hmc = ScriptedHmc::start("hmc1", &site).await;
    let (asker, own, here) = (driver(&[&hmc]), driver(&[&hmc]), server(&[&hmc]));
    let around = Around::new(Some(&asker), Duration::ZERO);
    own.share_with(Arc::clone(&around) as Arc<dyn Neighbours>);
    for (urgency, asks) in [(Urgency::Order, 0), (Urgency::Round, 0), (Urgency::Rest, 1)] {
        soon(own.read(&here, urgency, PATIENCE)).await.unwrap();
        assert_eq!(around.asked.load(Ordering::SeqCst), asks, "{urgency:?}");
    }
}
