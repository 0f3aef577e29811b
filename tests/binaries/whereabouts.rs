//! How `tenure` finds its cluster by itself: nothing is named on the command line or in the environment.

use crate::{
    expect,
    nodes::{Cluster, path},
};
use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

/// Runs `tenure` as a user with this home directory.
fn at_home(home: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tenure"));
    command.args(args).env("HOME", home).stdin(Stdio::null());
    for name in ["TENURE_NODES", "TENURE_IDENTITY", "XDG_CONFIG_HOME"] {
        command.env_remove(name);
    }
    command.output().expect("tenure runs")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_has_enrolled_finds_the_cluster() {
    let mut cluster = Cluster::of(2, "finds", "").await;
    let home = cluster.directory.path().join("home");
    let own = home.join(".config/tenure");
    fs::create_dir(&home).expect("a directory");
    expect(&at_home(&home, &["status"]), 2, &["the identity cannot be used"]);
    let token =
        expect(&cluster.tenure_of("p1", &["user", "add", "bob", "--role", "administrator", "--programs"]), 0, &[]);
    let file = home.join("token");
    // With the line that says what it is good for.
    fs::write(&file, token).expect("a file");
    expect(&at_home(&home, &["user", "enrol", "--token-file", path(&file)]), 0, &["bob", path(&own)]);
    let nodes = || fs::read_to_string(own.join("nodes")).expect("the addresses");
    let api = |cluster: &Cluster, name: &str| cluster.nodes[name].api.to_string();
    assert!(nodes().contains(&api(&cluster, "p1")), "{}", nodes());
    expect(&at_home(&home, &["whoami"]), 0, &["bob"]);

    // It hears of the members in passing, and finds the others when the one that it began with is gone.
    let listed = expect(&at_home(&home, &["node", "list"]), 0, &["VERSION"]);
    for name in ["p1", "p2"] {
        assert!(listed.contains(&api(&cluster, name)), "{listed}");
        assert!(nodes().contains(&format!("{name} {}", api(&cluster, name))), "{}", nodes());
    }
    cluster.join("p3").await;
    expect(&at_home(&home, &["node", "list"]), 0, &[&api(&cluster, "p3")]);
    assert!(nodes().contains(&format!("p3 {}", api(&cluster, "p3"))), "{}", nodes());
    cluster.kill("p1");
    expect(&at_home(&home, &["status"]), 0, &["leads"]);
    assert!(nodes().contains(&format!("p1 {}", api(&cluster, "p1"))), "it is a member all the same");

    // What is named wins over the file.
    expect(&at_home(&home, &["status", "--node", "127.0.0.1:1"]), 3, &["127.0.0.1:1"]);

    // A damaged file is told, and written anew when a node that is named answers.
    fs::write(own.join("nodes"), "p1 127.0.0.1\n").expect("a file");
    let told = format!("{}:1: \"p1 127.0.0.1\" is not NAME HOST:PORT", path(&own.join("nodes")));
    expect(&at_home(&home, &["status"]), 2, &[&told, "next: name a node with --node HOST:PORT"]);
    expect(&at_home(&home, &["status", "--node", &api(&cluster, "p2")]), 0, &["leads"]);
    expect(&at_home(&home, &["status"]), 0, &["leads"]);
    // Who is gone is no member.
    expect(&at_home(&home, &["node", "remove", "p1", "--yes"]), 0, &[]);
    assert!(!nodes().contains("p1 "), "{}", nodes());
}

/// A node that gets another address for administrators tells it when it starts.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_changes_is_told_to_the_others() {
    let mut cluster = Cluster::of(3, "moves", "").await;
    let config = cluster.nodes["p3"].config.clone();
    let (old, text) = (cluster.nodes["p3"].api, fs::read_to_string(&config).expect("a file"));
    let mut new = old;
    new.set_port(7201);
    fs::write(&config, text.replace(&old.to_string(), &new.to_string())).expect("a file");
    cluster.kill("p3");
    cluster.start("p3");
    crate::nodes::until("p1 knows the new address", async || {
        String::from_utf8_lossy(&cluster.tenure_of("p1", &["node", "list"]).stdout).contains(&new.to_string())
    })
    .await;
    let nodes = fs::read_to_string(cluster.admin().join("nodes")).expect("the addresses");
    assert!(nodes.contains(&format!("p3 {new}")) && !nodes.contains(&format!("p3 {old}")), "{nodes}");
}
