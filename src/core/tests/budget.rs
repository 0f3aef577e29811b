//! How much an HMC is asked at rest, and by whom.

use crate::site::{Case, site};
use tenure_core::{
    HmcName, Ledger, Span,
    budget::{Budget, COMMANDS},
    config::{Cluster, Hmc},
    ledger::{Contact, Leases, Trouble},
};

const HMC: &str = "hmc1";

fn hmc() -> HmcName {
    HMC.into()
}

/// All nodes are there, and each watches its own server.
fn ledger(cluster: Cluster) -> Ledger {
    let mut ledger = Case::watched(cluster).ledger;
    for (server, state) in &mut ledger.servers {
        state.watcher = ledger.config.node_on(server).cloned();
    }
    ledger.nodes.values_mut().for_each(|node| node.met = true);
    ledger
}

fn with_hmc2(servers: u32) -> Cluster {
    let mut cluster = site(servers);
    let hmc = Hmc {
        address: "hmc2:22".to_owned(),
        user: "tenure".to_owned(),
        host_key: format!("SHA256:{}", "y".repeat(43)),
    };
    cluster.managers.insert("hmc2".into(), hmc.into());
    cluster.servers.values_mut().for_each(|server| server.managers.push("hmc2".into()));
    cluster
}

fn trouble(ledger: &mut Ledger, node: &str) {
    let contact = Contact { trouble: Trouble::Silent { why: "refused".into() }, since: Default::default() };
    ledger.contacts.entry(hmc()).or_default().insert(node.into(), contact);
}

#[test]
fn all_readings_at_rest_are_within_the_budget() {
    for servers in [1, 3, 20, 25, 26, 64, 65, 1_000] {
        let budget = Budget::of(&ledger(site(servers)));
        let (pace, gap) = (budget.pace(&hmc()).0, budget.gap(&hmc()).0);
        // In thousandths of a command a second, rounded up.
        let lists = (u64::from(servers) * 1_000_000).div_ceil(pace);
        let overviews = 2_000_000_u64.div_ceil(gap);
        assert!(lists + overviews <= COMMANDS * 1_000 + 20, "{servers} servers: {lists} lists, {overviews} overviews");
        assert!(gap <= 2_000, "{servers} servers wait {gap} ms for an overview");
    }
}

#[test]
fn few_servers_are_read_as_often_as_declared_and_many_more_seldom() {
    let read = |servers: u32, monitor: u64| {
        let mut cluster = site(servers);
        cluster.timings.monitor = Span(monitor);
        let ledger = ledger(cluster);
        let pace = Budget::of(&ledger).pace(ledger.manager_in_use(&"p1".into()).unwrap());
        (pace, Budget::of(&ledger).says(&hmc()))
    };
    assert_eq!(read(25, 5_000), (Span::seconds(5), "5s".to_owned()));
    assert_eq!(read(64, 5_000), (Span(12_800), "12.8s: 64 servers of hmc1 at 6 commands a second".to_owned()));
    assert_eq!(read(64, 20_000), (Span::seconds(20), "20s".to_owned()));
    assert_eq!(read(4, 100), (Span(800), "800ms: 4 servers of hmc1 at 6 commands a second".to_owned()));
}

#[test]
fn a_server_counts_for_the_first_hmc_that_its_watcher_can_use() {
    let mut ledger = ledger(with_hmc2(10));
    let count = |ledger: &Ledger| ["hmc1", "hmc2"].map(|hmc| Budget::of(ledger).servers(&hmc.into()));
    assert_eq!(count(&ledger), [10, 0]);
    trouble(&mut ledger, "n3");
    assert_eq!(count(&ledger), [9, 1]);
    ledger.config = std::sync::Arc::new(site(10));
    assert_eq!(count(&ledger), [10, 0], "without another one it is still asked");
}

#[test]
fn the_first_node_that_is_there_and_can_use_the_hmc_asks_for_all() {
    let mut ledger = ledger(site(4));
    let asker = |ledger: &Ledger| ledger.asker(&hmc()).map(ToString::to_string);
    assert_eq!(asker(&ledger).as_deref(), Some("n1"));
    ledger.nodes.get_mut("n1").unwrap().leases = Leases::Suspended { from: 3 };
    assert_eq!(asker(&ledger).as_deref(), Some("n2"), "n1 is not heard");
    trouble(&mut ledger, "n2");
    assert_eq!(asker(&ledger).as_deref(), Some("n3"), "the HMC does not answer n2");
    ledger.nodes.get_mut("n3").unwrap().met = false;
    assert_eq!(asker(&ledger).as_deref(), Some("n4"), "n3 has never been there");
    let mut cluster = site(4);
    cluster.servers.get_mut("p4").unwrap().managers.clear();
    ledger.config = std::sync::Arc::new(cluster);
    assert_eq!(asker(&ledger), None, "hmc1 does not manage the server of n4");
}
