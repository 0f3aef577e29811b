//! One node asks the HMC for all its systems on behalf of all nodes: what that saves, and that no reading depends on it.

use crate::restart::{options, settled, starts};
use std::time::{Duration, Instant};
use tenure::api::{Read, wire::StatusView};
use tenure_core::budget::COMMANDS;
use tenure_jepsen::{lab::Site, world::Fault};

const SERVERS: usize = 6;
/// Each server was read once a second, which took three commands.
const BEFORE: u64 = 3 * SERVERS as u64;
const COUNTED: Duration = Duration::from_secs(12);
const PATIENCE: Duration = Duration::from_secs(60);

async fn status(site: &Site) -> StatusView {
    site.client.status(Read::Linearizable).await.expect("a status")
}

fn asker(status: &StatusView) -> Option<String> {
    status.hmcs.first().and_then(|hmc| hmc.asker.clone())
}

/// An LPAR on a server whose node is not one of these goes off, and is started again once that node has read it.
async fn is_noticed(site: &Site, but: &[&str]) {
    let before = status(site).await;
    let elsewhere = |server: &str| !but.contains(&server);
    let lpar = before.lpars.iter().find(|lpar| lpar.server.as_deref().is_some_and(elsewhere)).expect("one is up");
    let server = lpar.server.clone().expect("it is up");
    let count = starts(site, &before)[&lpar.name];
    site.world.with(|world| {
        let (at, id) = (world.server(&server).expect("a server"), world.lpar(&lpar.partition).expect("an LPAR"));
        world.inject(Fault::Crash(at, id)).expect("it ran");
    });
    let again = site.until("it is started again", PATIENCE, async || starts(site, &before)[&lpar.name] > count).await;
    println!("{} on {server} was started again after {:?}", lpar.name, again.expect("started"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_share_of_the_hmc_is_small_and_the_readings_go_on_when_the_node_that_asks_dies_or_falls_silent() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut site = Site::start(options(directory.path(), SERVERS, env!("CARGO_BIN_EXE_tenured").into()), &mut |_| {})
        .await
        .expect("a site");
    site.cluster_file = site.cluster_file.replace("[timings]\n", "[timings]\nmonitor = \"1s\"\n");
    site.declare().await.expect("declared");
    let seen = settled(&site, "everything is online").await;
    assert_eq!(asker(&seen).as_deref(), Some("p1"));
    let every = seen.servers.iter().map(|server| server.read_every.clone().expect("it is read"));
    for every in every {
        assert_eq!(every, "1.2s: 6 servers of hmc1 at 6 commands a second");
    }
    let (began, asked) = (Instant::now(), site.asked());
    site.until("time passes", COUNTED * 2, async || began.elapsed() >= COUNTED).await.expect("it passes");
    let (asked, took) = (site.asked() - asked, began.elapsed());
    println!("{asked} commands in {took:?} at rest, of {} before", BEFORE * took.as_secs());
    // A few more are those of the odd second in which one node asked by itself.
    assert!(asked <= (COMMANDS + 1) * (took.as_secs() + 1), "{asked} commands in {took:?}");

    site.kill_node("p1").expect("killed");
    is_noticed(&site, &["p1"]).await;
    let next = site.until("another one asks", PATIENCE, async || asker(&status(&site).await).as_deref() == Some("p2"));
    next.await.expect("p2");
    site.pause_node("p2").expect("paused");
    is_noticed(&site, &["p1", "p2"]).await;
    let next = site.until("another one asks", PATIENCE, async || asker(&status(&site).await).as_deref() == Some("p3"));
    next.await.expect("p3");
    site.stop().await;
}
