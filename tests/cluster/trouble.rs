//! Disks that fill up, and data with wrong checksums: the node stops and tells the reason; the others go on.

use super::{
    load::{Load, find_again},
    nodes::{Cluster, path, tenured, wait},
};
use rustix::process::{Resource, Rlimit, prlimit};
use std::{fs, process::Command};

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_cannot_write_stops_and_says_so_while_the_others_go_on() {
    let mut cluster = Cluster::of(3, "full", "").await;
    cluster.declare(3).await;
    let load = Load::start(&cluster, 3);
    for what in ["a follower", "the leader"] {
        let leader = cluster.leads().await;
        let name = cluster.nodes.keys().find(|name| (**name == leader) == (what == "the leader")).expect("one").clone();
        // Files of this process may grow only a little, which looks to it like a full disk. Without the trap the
        // kernel would kill it instead of refusing the write.
        cluster.kill(&name);
        let mut limited = Command::new("sh");
        limited.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_tenured"), "--config"]);
        limited.arg(&cluster.nodes[&name].config);
        cluster.node(&name).spawn(limited);
        cluster.answers(&name).await;
        if what == "the leader" {
            wait_to_lead(&cluster, &name).await;
        }
        let pid = cluster.nodes[&name].pid();
        let size = fs::metadata(cluster.nodes[&name].data.join("db")).expect("a database").len();
        prlimit(Some(pid), Resource::Fsize, Rlimit { current: Some(size), maximum: Some(size) }).expect("a limit");
        let (status, took) = cluster.node(&name).ended();
        assert_eq!(status.code(), Some(1), "{what}");
        let log = cluster.nodes[&name].log();
        let last: Vec<&str> = log.lines().filter(|line| line.contains("ERROR")).collect();
        println!("{what}, {name}: stopped {took:?} after its files could grow no more:\n  {}", last.join("\n  "));
        assert!(last.iter().any(|line| line.contains("File too large")), "{log}");
        load.acknowledges(30).await;
        cluster.start(&name);
        println!("  and with room again it answers after {:?}", cluster.answers(&name).await);
        load.acknowledges(10).await;
    }
    let writes = load.end().await;
    find_again(&cluster, &writes).await;
}

async fn wait_to_lead(cluster: &Cluster, name: &str) {
    let client = cluster.client();
    super::nodes::until(&format!("{name} leads"), async || {
        cluster.leads().await == name || client.transfer_leader(Some(name)).await.is_ok()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_store_is_refused_by_name_and_its_node_is_built_anew_from_the_others() {
    let mut cluster = Cluster::of(3, "damage", "").await;
    cluster.declare(2).await;
    let load = Load::start(&cluster, 2);
    load.acknowledges(50).await;
    let writes = load.end().await;
    let (status, _) = cluster.node("p3").terminate();
    assert!(status.success());

    let database = cluster.nodes["p3"].data.join("db");
    let whole = fs::read(&database).expect("the database");
    let config = path(&cluster.nodes["p3"].config).to_owned();
    let entries: Vec<usize> = (0..whole.len()).filter(|at| whole[*at..].starts_with(b"admin")).collect();
    for at in [entries[0], entries[entries.len() / 2], entries[entries.len() - 1]] {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x20;
        fs::write(&database, &bytes).expect("the database");
        // Twice: a refusal must not repair what it refuses.
        for _ in 0..2 {
            let (code, said) = tenured(&["--config", &config]);
            println!(
                "one bit of the store flipped, at {at}: exit {code:?}: {}",
                said.trim_end().lines().last().unwrap_or_default()
            );
            assert_eq!(code, Some(1), "{said}");
            let directory = path(&cluster.nodes["p3"].data);
            assert!(said.contains(&format!("data directory {directory} cannot be used: ")), "{said}");
        }
    }

    // As the operator is advised: removed, and joined again as a new node.
    cluster.client().node_remove("p3").await.expect("removed");
    fs::remove_dir_all(&cluster.nodes["p3"].data).expect("moved away");
    let token = cluster.client_of("p1").token("p3").await.expect("a token").token;
    cluster.start_with_token("p3", &token);
    cluster.answers("p3").await;
    cluster.client().node_promote("p3").await.expect("promoted");
    let leader = cluster.leads().await;
    let other = ["p1", "p2"].into_iter().find(|name| **name != leader).unwrap_or("p1");
    cluster.kill(other);
    cluster.leads().await;
    find_again(&cluster, &writes).await;
    let ids: Vec<u64> = cluster.members_of("p3").await.members.iter().map(|member| member.id).collect();
    println!("built anew from the others; the members are {ids:?}");
    wait("p3 still runs", || cluster.node("p3").runs());
}
