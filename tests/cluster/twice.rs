//! Two processes under one identity: a management LPAR that was cloned, or restored beside its original. One of the
//! two ends with the reason; the cluster records that, and goes on.

use super::nodes::{Cluster, Node, said, tenure, until};
use std::{fs, path::Path};
use tenure::local::private;
use tenure_core::Verb;

fn copy(from: &Path, to: &Path) {
    private::make_directory(to).expect("a directory");
    for item in fs::read_dir(from).expect("a directory") {
        let item = item.expect("an item");
        let target = to.join(item.file_name());
        if item.file_type().expect("a type").is_dir() {
            copy(&item.path(), &target);
        } else {
            fs::copy(item.path(), target).expect("copied");
        }
    }
}

/// Copies a stopped node with its identity and its data; the copy has addresses of its own.
fn clone_of(cluster: &mut Cluster, name: &str, twin: &str) {
    cluster.prepare(twin);
    let (original, copied) = (&cluster.nodes[name], &cluster.nodes[twin]);
    copy(&original.data, &copied.data);
    let text = fs::read_to_string(&copied.config).expect("a file");
    let text = text.replace(&format!("node = \"{twin}\""), &format!("node = \"{name}\""));
    // Another machine has a run directory of its own.
    fs::write(&copied.config, text.replace("/run\"", "/run-of-the-copy\"")).expect("a file");
}

/// Waits until one of the two has ended; returns its exit code, the name of the other one, and the log.
async fn one_ends(cluster: &mut Cluster, names: [&'static str; 2]) -> (Option<i32>, &'static str, String) {
    let mut ended = None;
    until("one of the two ends", async || {
        ended = names.into_iter().find(|name| !cluster.node(name).runs());
        ended.is_some()
    })
    .await;
    let ended = ended.expect("just seen");
    let other = names.into_iter().find(|name| *name != ended).expect("the other");
    let node: &mut Node = cluster.node(ended);
    let (status, _) = node.ended();
    (status.code(), other, node.log())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_processes_under_one_identity_one_ends_and_the_cluster_says_so() {
    let mut cluster = Cluster::of(3, "twice", "").await;
    cluster.declare(1).await;
    cluster.kill("p2");
    clone_of(&mut cluster, "p2", "twin");
    cluster.start("p2");
    cluster.answers("p2").await;
    cluster.commit(Verb::Freeze { group: "g0".into(), terms: Default::default() }).await;
    cluster.start("twin");
    let (code, goes_on, log) = one_ends(&mut cluster, ["p2", "twin"]).await;
    println!("{goes_on} goes on; the other: exit {code:?}: {}", log.lines().last().unwrap_or_default());
    assert_eq!(code, Some(3), "{log}");
    assert!(log.contains("another process runs under this node's identity"), "{log}");

    // The cluster still has a leader, and the events show it.
    let nodes = format!("{},{}", cluster.nodes["p1"].api, cluster.nodes["p3"].api);
    let (admin, mut events) = (cluster.admin(), String::new());
    until("the events say it", async || {
        events = said(&tenure(&nodes, &admin, &["events"]));
        events.contains("node p2 runs twice") && events.contains("node p2: the older of its two processes")
    })
    .await;
    let status = tenure(&nodes, &admin, &["status"]);
    assert!(status.status.success(), "{}", said(&status));

    // If the copy went on, the original is started again while the copy lives: then the copy ends.
    if goes_on == "twin" {
        cluster.start("p2");
        let (code, goes_on, log) = one_ends(&mut cluster, ["p2", "twin"]).await;
        assert_eq!((code, goes_on), (Some(3), "p2"), "{log}");
    }
    cluster.answers("p2").await;
    cluster.commit(Verb::Unfreeze { group: "g0".into() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_comes_to_lead_does_not_leave_its_original_standing_still() {
    let mut cluster = Cluster::of(3, "twin-leads", "").await;
    cluster.declare(1).await;
    if cluster.leads().await != "p1" {
        cluster.client().transfer_leader(Some("p1")).await.expect("transferred");
    }
    cluster.kill("p2");
    clone_of(&mut cluster, "p2", "twin");
    cluster.kill("p1");
    // Without a leader neither process can be entered: both may stand for election, and the copy has a head start.
    cluster.start("twin");
    cluster.start("p2");
    let (code, goes_on, log) = one_ends(&mut cluster, ["p2", "twin"]).await;
    println!("{goes_on} goes on; the other: exit {code:?}: {}", log.lines().last().unwrap_or_default());
    assert_eq!(code, Some(3), "{log}");
    assert!(log.contains("another process runs under this node's identity"), "{log}");
    cluster.start("p1");
    cluster.commit(Verb::Freeze { group: "g0".into(), terms: Default::default() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_killed_and_started_again_at_once_is_the_same_node() {
    let mut cluster = Cluster::of(3, "quick", "").await;
    cluster.declare(1).await;
    for _ in 0..3 {
        cluster.kill("p2");
        cluster.start("p2");
        cluster.answers("p2").await;
        cluster.commit(Verb::Freeze { group: "g0".into(), terms: Default::default() }).await;
        cluster.commit(Verb::Unfreeze { group: "g0".into() }).await;
    }
    for name in ["p1", "p2", "p3"] {
        assert!(cluster.node(name).runs(), "{name} runs");
    }
    let events = said(&cluster.tenure(&["events"]));
    assert!(!events.contains("runs twice"), "{events}");
}
