//! A machine that stands still for a while and then goes on: suspended, or stopped for a move of its own. The clock by which its
//! process counts has stood still with it, and the clock of its leases has not.
//!
//! A clock that stands still is that of `libfaketime`, which is put back by as long as the machine is said to have stood still.
//! Where that is not installed, the test says so and ends; with `TENURE_REQUIRE_FAKETIME=1` it fails instead.

use super::{
    ahead::library,
    nodes::{Cluster, until},
};
use std::{fs, process::Command};
use tenure::api::wire::Ask;

const WOKEN: &str = "this machine stood still for a while";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_that_stood_still_takes_nothing_from_before_for_granted() {
    let Some(library) = library() else {
        let test = "a_machine_that_stood_still_takes_nothing_from_before_for_granted";
        assert!(std::env::var_os("TENURE_REQUIRE_FAKETIME").is_none(), "{test} is required and lacks libfaketime");
        println!("{test}: not run, libfaketime is not installed");
        return;
    };
    let mut cluster = Cluster::of(3, "suspended", "").await;
    cluster.declare(1).await;
    cluster.kill("p2");
    let clock = cluster.directory.path().join("p2.clock");
    fs::write(&clock, "+0").expect("a file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_tenured"));
    command.arg("--config").arg(&cluster.nodes["p2"].config);
    command.env("LD_PRELOAD", library).env("FAKETIME_TIMESTAMP_FILE", &clock).env("FAKETIME_NO_CACHE", "1");
    cluster.node("p2").spawn(command);
    cluster.answers("p2").await;
    until("p2 leads", async || {
        // Refused while it catches up.
        let _ = cluster.client().transfer_leader(Some("p2")).await;
        cluster.leads().await == "p2"
    })
    .await;
    let term = cluster.members_of("p1").await.term;
    assert!(!cluster.nodes["p2"].log().contains(WOKEN), "its clock goes on");

    // It leads, holds a lease, and has just been answered by a quorum. Its timers wait for as long as it is said to have slept.
    fs::write(&clock, "-8s").expect("a file");
    until("it has noticed", async || cluster.nodes["p2"].log().contains(WOKEN)).await;
    let took = until("somebody leads, and what is asked for is done", async || {
        let client = cluster.client_at(vec![cluster.nodes["p1"].api.to_string(), cluster.nodes["p3"].api.to_string()]);
        client.request(tenure::api::Client::request_id(), Ask::Freeze { group: "g0".into() }).await.is_ok()
    })
    .await;
    println!("a request was committed {took:?} after the leader had woken up");
    cluster.answers("p2").await;
    let now = cluster.members_of("p2").await;
    assert!(now.term >= term && now.leader.is_some(), "it follows, or leads again: {now:?}");
}
