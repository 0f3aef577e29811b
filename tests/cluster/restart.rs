//! Restarts of a whole site: of each node in turn, then of all at once. Nothing is lost, and no LPAR notices.

use rustix::process::{Pid, Signal, kill_process};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tenure::api::{
    Client, Read,
    wire::{GroupStatus, ServerStatus, StatusView},
};
use tenure_core::Verb;
use tenure_jepsen::lab::{NodeRuns, Site, SiteOptions};

const PATIENCE: Duration = Duration::from_secs(60);

/// The server and grant of each group, the readings of LPARs, and the index of the configuration.
fn state(status: &StatusView) -> impl PartialEq + std::fmt::Debug + use<> {
    let groups = status.groups.iter().map(|one| (one.name.clone(), one.state.clone(), one.server.clone(), one.epoch));
    let lpars = status.lpars.iter().map(|one| (one.name.clone(), one.server.clone(), one.restarts));
    (status.configured, groups.collect::<Vec<_>>(), lpars.collect::<Vec<_>>())
}

/// Number of starts of each LPAR, by anybody.
pub fn starts(site: &Site, status: &StatusView) -> BTreeMap<String, u32> {
    let count =
        |name: &str| site.world.with(|world| world.lpar(name).map_or(0, |lpar| world.history().starts(lpar).total()));
    status.lpars.iter().map(|one| (one.name.clone(), count(&one.partition))).collect()
}

/// A site of this many servers, with an emulated HMC.
pub async fn site(servers: usize) -> (TempDir, Site) {
    let directory = tempfile::tempdir().expect("a directory");
    let site = site_with(directory.path(), servers, env!("CARGO_BIN_EXE_tenured").into()).await;
    (directory, site)
}

/// The same in an existing directory, with this program as `tenured`.
pub async fn site_with(directory: &Path, servers: usize, program: PathBuf) -> Site {
    Site::start(options(directory, servers, program), &mut |_| {}).await.expect("a site")
}

/// Options of a site with the ready-made world.
pub fn options(directory: &Path, servers: usize, program: PathBuf) -> SiteOptions {
    let directory = directory.to_owned();
    SiteOptions { servers, arbiter: false, hmcs: 1, directory, cluster_file: None, world: None, program: Some(program) }
}

/// Waits until everything is online, every node is heard, every server is read live, and no order is open.
pub async fn settled(site: &Site, why: &str) -> StatusView {
    let mut last = None;
    let took = site.until(why, PATIENCE, async || {
        last = site.client.status(Read::Linearizable).await.ok();
        last.as_ref().is_some_and(|status| {
            status.groups.iter().all(|group| group.state == GroupStatus::Online && group.wait.is_none())
                && status.nodes.iter().all(|node| node.lapsed.is_none())
                && status
                    .servers
                    .iter()
                    .all(|server| server.live && !server.surrogate && server.state == ServerStatus::Ready)
                && status.orders.is_empty()
        })
    });
    if let Err(late) = took.await {
        panic!("{late}: {last:#?}");
    }
    last.expect("just seen")
}

#[tokio::test(flavor = "multi_thread")]
async fn of_each_node_in_turn_and_of_all_at_once_nothing_is_lost_and_no_lpar_is_restarted() {
    let (_directory, site) = site(3).await;
    let began = Instant::now();
    let status = settled(&site, "everything is online").await;
    let (before, started) = (state(&status), starts(&site, &status));
    println!("{} LPARs of three servers online {:?} after the site was declared", started.len(), began.elapsed());
    assert!(started.values().all(|count| *count == 1), "each LPAR was started once: {started:?}");

    let names = site.names().to_vec();
    for name in &names {
        let began = Instant::now();
        stop(&site, name).await;
        let stopped = began.elapsed();
        site.start_node(name).expect("started");
        back(&site, name).await;
        let status = settled(&site, &format!("{name} is back")).await;
        println!("{name} restarted: stopped after {stopped:?}, all as before after {:?}", began.elapsed());
        assert_eq!(state(&status), before, "after {name} was restarted");
    }

    let began = Instant::now();
    for name in &names {
        site.kill_node(name).expect("killed");
    }
    for name in &names {
        site.start_node(name).expect("started");
    }
    for name in &names {
        back(&site, name).await;
    }
    let status = settled(&site, "all are back").await;
    println!("all killed and restarted at once: all as before after {:?}", began.elapsed());
    assert_eq!(state(&status), before, "after all were restarted");
    assert_eq!(starts(&site, &status), started, "no LPAR was started by it");

    // The site still works: it carries out one order, and no other.
    let began = Instant::now();
    let trial = status.groups.iter().find(|group| group.name == "trial").expect("a group").clone();
    let to = trial.system_list.iter().find(|server| Some(*server) != trial.server.as_ref()).expect("another").clone();
    let ask = Verb::Switch { group: "trial".into(), server: to.as_str().into() };
    site.client.request(Client::request_id(), ask).await.expect("asked");
    let moved = settled_on(&site, "trial", &to).await;
    println!("trial switched to {to} after {:?}", began.elapsed());
    let mut expected = started;
    *expected.get_mut("test").expect("the LPAR of trial") += 1;
    assert_eq!(starts(&site, &moved), expected, "only what was switched was started");
    let epoch = |status: &StatusView| status.groups.iter().filter_map(|group| group.epoch).max();
    assert!(epoch(&moved) > epoch(&status), "epochs go on from where they were");
    site.stop().await;
}

/// Asks a node to stop, and waits until it has.
pub async fn stop(site: &Site, name: &str) {
    let pid = i32::try_from(site.pids()[name]).ok().and_then(Pid::from_raw).expect("a process id");
    kill_process(pid, Signal::TERM).expect("it lives");
    let what = format!("{name} stops");
    let stopped = site.until(&what, PATIENCE, async || site.node_runs(name).is_ok_and(|runs| runs == NodeRuns::Dead));
    stopped.await.expect("it stops");
}

/// Waits until a node that was restarted knows a leader and all that was committed.
pub async fn back(site: &Site, name: &str) {
    let node = site.client_of(name).expect("a client");
    let what = format!("{name} follows");
    let seen = site.until(&what, PATIENCE, async || node.status(Read::Linearizable).await.is_ok());
    seen.await.expect("it comes back");
}

async fn settled_on(site: &Site, group: &str, server: &str) -> StatusView {
    let moved = site.until("the group has moved", PATIENCE, async || {
        site.client.status(Read::Linearizable).await.is_ok_and(|status| {
            status.groups.iter().any(|one| one.name == group && one.server.as_deref() == Some(server))
        })
    });
    moved.await.expect("it moves");
    settled(site, "everything is online again").await
}
