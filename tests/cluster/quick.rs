//! A node is killed while it carries out a start, and is back at once: the new process cannot know which commands the
//! old one had sent, and does not claim that it sent none.

use super::restart::{settled, site};
use std::time::Duration;
use tenure::api::{Client, Read, wire::RecordView};
use tenure_core::Verb;
use tenure_jepsen::{
    lab::Site,
    world::{Fault, HmcId, LparId},
};

const PATIENCE: Duration = Duration::from_secs(60);
/// Number of tries.
const TRIES: u32 = 3;

/// The LPAR that is started; below, its group, which has no other, and its node.
const LPAR: &str = "mail";
const GROUP: &str = "office";
const NODE: &str = "p2";

async fn records(site: &Site) -> Vec<RecordView> {
    site.client.events(0, Read::Linearizable).await.expect("the journal")
}

fn hmc(site: &Site, up: bool) {
    let hmc = HmcId(0);
    site.world
        .with(|world| world.inject(if up { Fault::HmcUp(hmc) } else { Fault::HmcDown(hmc) }))
        .expect("it happens");
}

/// Brings the LPAR online on the node's server, with another node as leader.
async fn begin(site: &Site) -> u64 {
    let status = settled(site, "everything is online").await;
    let runs = status.groups.iter().find(|group| group.name == GROUP).and_then(|group| group.server.clone());
    if runs.as_deref() != Some(NODE) {
        let ask = Verb::Switch { group: GROUP.into(), server: NODE.into() };
        site.client.request(Client::request_id(), ask).await.expect("asked");
        let there = site.until("the group has moved", PATIENCE, async || {
            site.client.status(Read::Linearizable).await.is_ok_and(|status| {
                status.groups.iter().any(|group| group.name == GROUP && group.server.as_deref() == Some(NODE))
            })
        });
        there.await.expect("it moves");
        settled(site, "everything is online again").await;
    }
    if site.leader().await.as_deref() == Some(NODE) {
        site.client.transfer_leader(Some("p1")).await.expect("transferred");
    }
    settled(site, "everything is as before").await.index
}

/// The id of the order to start the LPAR that is issued after this log index, as soon as it is in the ledger.
async fn ordered(site: &Site, client: &Client, since: u64) -> String {
    let start = format!("start {LPAR}");
    let mut id = None;
    let seen = site.until("a start is ordered", PATIENCE, async || {
        let status = client.status(Read::Stale).await;
        let orders = status.into_iter().filter(|status| status.index > since).flat_map(|status| status.orders);
        id =
            orders.into_iter().find(|order| order.what.starts_with(&start) && order.node == NODE).map(|order| order.id);
        id.is_some()
    });
    seen.await.expect("it is ordered");
    id.expect("just seen")
}

/// The ending of an order, in the words of the journal.
async fn ending(site: &Site, id: &str) -> String {
    let (order, mut said) = (format!("(order {id})"), None);
    let seen = site.until("the order has an end", PATIENCE, async || {
        let all = site.client.events(0, Read::Linearizable).await.unwrap_or_default();
        let ends = |record: &RecordView| record.text.contains(&order) && !record.text.contains(": ordered from");
        said = all.into_iter().find(ends).map(|record| record.text);
        said.is_some()
    });
    seen.await.expect("it ends");
    said.expect("just seen")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_back_at_once_does_not_say_that_a_start_was_not_sent() {
    let (_directory, mut site) = site(3).await;
    // The LPAR is started again and again; its restart limit must not matter here.
    site.cluster_file = site.cluster_file.replace("restart_limit = 1\n", "restart_limit = 20\n");
    site.declare().await.expect("declared");
    let leader = site.client_of("p1").expect("a client");
    let lpar: LparId = site.world.with(|world| world.lpar(LPAR)).expect("it is in the world");
    let mut doubted = 0;
    for number in 1..=TRIES {
        let since = begin(&site).await;
        site.world.with(|world| {
            let server = world.server(NODE).expect("it is in the world");
            world.inject(Fault::Crash(server, lpar)).expect("it ran");
        });
        let id = ordered(&site, &leader, since).await;
        site.kill_node(NODE).expect("killed");
        hmc(&site, false);
        site.start_node(NODE).expect("started");
        let said = ending(&site, &id).await;
        println!("try {number}: {said}");
        assert!(said.contains("outcome unknown: ") || said.contains(": done"), "{said}");
        doubted += u32::from(said.contains("; and an earlier process of this node may have sent it"));
        hmc(&site, true);
        site.world.with(|world| assert!(world.active_on(lpar).len() < 2, "{LPAR} is active twice"));
    }
    settled(&site, "everything is online at last").await;
    let texts: Vec<String> = records(&site).await.into_iter().map(|record| record.text).collect();
    let wrong = texts.iter().find(|text| text.starts_with(&format!("start {LPAR} on {NODE}: not done")));
    assert_eq!(wrong, None, "{texts:#?}");
    // If a restart takes longer than a lease, the leader gives the order up.
    assert!(doubted > 0, "in none of {TRIES} tries the new process had to answer for the old one: {texts:#?}");
    site.stop().await;
}
