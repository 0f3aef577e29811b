//! Resources inside real nodes: whichever node is asked, the agents of the right one answer.

use super::nodes::{Cluster, cluster_file, path, said, until};
use std::{fs, os::unix::fs::PermissionsExt, process::Output};
use tenure::api::{
    Read,
    wire::{GroupStatus, GroupView},
};

/// A script type: its entry points, with an action and a description for people.
const SCRIPTS: [(&str, &str); 6] = [
    ("online", ": > \"$2\"; exit 0"),
    ("offline", "rm -f \"$2\"; exit 0"),
    ("monitor", "test -e \"$2\" && exit 110; exit 100"),
    ("info", "echo \"$1 at $2\""),
    ("action", "test \"$2\" = flush || { echo \"no such thing as $2\"; exit 1; }; echo \"flushed $3\""),
    ("arglist", ""),
];

/// Three machines with a node each, and without a manager.
const MACHINES: &str = "name = \"site\"\n\n[servers.s1]\n[servers.s2]\n[servers.s3]\n\n[nodes.p1]\nserver = \"s1\"\n\n[nodes.p2]\n\
                        server = \"s2\"\n\n[nodes.p3]\nserver = \"s3\"\n";

/// Writes the agent into the directory of a cluster, and returns this cluster file with one of its resources.
fn printer(cluster: &Cluster, site: &str, kind: &str) -> String {
    let folder = cluster.directory.path().join("agents/Printer");
    fs::create_dir_all(&folder).expect("a directory");
    for (name, text) in SCRIPTS {
        let text = if name == "arglist" { "PathName\n".to_owned() } else { format!("#!/bin/sh\n{text}\n") };
        fs::write(folder.join(name), text).expect("a file");
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o755)).expect("its mode");
    }
    let file = |server: &str| cluster.directory.path().join(format!("flag-{server}")).display().to_string();
    let (one, two) = (file("s1"), file("s2"));
    format!(
        "{site}\n[groups.print]\nservers = [\"s1\", \"s2\"]\n\n[resources.flag]\ngroup = \"print\"\ntype = \"{kind}\"\n\
         on = {{ s1 = {{ PathName = \"{one}\" }}, s2 = {{ PathName = \"{two}\" }} }}\n"
    )
}

fn expect(output: &Output, code: i32, pieces: &[&str]) {
    assert_eq!(output.status.code(), Some(code), "{}", said(output));
    for piece in pieces {
        assert!(said(output).contains(piece), "{piece:?} is not in\n{}", said(output));
    }
}

/// Waits until the group is online on a server.
async fn online_on(cluster: &Cluster, server: &str) {
    until(&format!("the group is online on {server}"), async || {
        let status = cluster.client().status(Read::Linearizable).await;
        let here = |group: &GroupView| group.name == "print" && group.state == GroupStatus::Online;
        let on = |group: &GroupView| here(group) && group.server.as_deref() == Some(server);
        status.is_ok_and(|status| status.groups.iter().any(on))
    })
    .await;
    assert!(cluster.directory.path().join(format!("flag-{server}")).exists());
}

/// The output of all commands that only read, from this node.
fn shown(cluster: &Cluster, node: &str) -> String {
    let file = cluster.directory.path().join("site.toml");
    let commands: [&[&str]; 16] = [
        &["status", "--all"],
        &["server", "show", "s1"],
        &["server", "show", "s3"],
        &["resource", "show", "flag"],
        &["group", "list"],
        &["why", "print"],
        &["why-not", "print", "--on", "s1"],
        &["why-not", "print", "--on", "s2"],
        &["node", "list"],
        &["events"],
        &["capacity"],
        &["plan", "--lose-each"],
        &["plan", "--drain", "s1"],
        &["plan", "--lose", "s1"],
        &["export"],
        &["validate", path(&file)],
    ];
    commands
        .iter()
        .map(|args| format!("$ tenure {}\n{}", args.join(" "), said(&cluster.tenure_of(node, args))))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn three_machines_need_nothing_that_manages_them() {
    let mut cluster = Cluster::of(3, "machines", "").await;
    let file = cluster.directory.path().join("site.toml");
    fs::write(&file, printer(&cluster, MACHINES, "script:Printer")).expect("a file");
    expect(&cluster.tenure(&["validate", path(&file)]), 0, &["is valid", "3 servers, 3 nodes"]);
    expect(&cluster.tenure(&["apply", "--yes", "--no-check", path(&file)]), 0, &["applied at log index"]);
    online_on(&cluster, "s1").await;
    let ready = shown(&cluster, "p2");
    for piece in ["s1      ready", "node        p3", "SERVER  STATE  NODE"] {
        assert!(ready.contains(piece), "{piece:?} is not in\n{ready}");
    }
    expect(&cluster.tenure(&["group", "switch", "print", "--to", "s2", "--wait"]), 0, &[]);
    expect(&cluster.tenure(&["group", "switch", "print", "--to", "s1", "--wait"]), 0, &[]);

    // Only an operator can confirm that a silent machine is off.
    cluster.node("p1").kill();
    until("the group waits", async || {
        let status = cluster.client_of("p2").status(Read::Linearizable).await;
        let waits = |group: &GroupView| group.wait.iter().any(|wait| wait.text.contains("nothing proves it off"));
        status.is_ok_and(|status| status.groups.iter().any(waits))
    })
    .await;
    let silent = shown(&cluster, "p2");
    fs::remove_file(cluster.directory.path().join("flag-s1")).expect("what the machine took along");
    until("its word is taken", async || {
        cluster.tenure_of("p2", &["fence", "confirm-node", "p1", "--yes-i-checked", "p1"]).status.success()
    })
    .await;
    online_on(&cluster, "s2").await;
    cluster.start("p1");
    cluster.answers("p1").await;
    let again = shown(&cluster, "p1");

    let logs = ["p1", "p2", "p3"].map(|node| cluster.nodes[node].log());
    for text in [ready, silent, again].iter().chain(&logs) {
        let lines: Vec<&str> = text.lines().filter(|line| line.to_lowercase().contains("hmc")).collect();
        assert!(lines.is_empty(), "{}\nstand in\n{text}", lines.join("\n"));
    }
    // Nor is memory mentioned, which nobody declares.
    let status = cluster.tenure(&["status", "--all"]);
    expect(&status, 0, &["SERVER  STATE"]);
    let table = String::from_utf8_lossy(&status.stdout);
    assert!(!table.contains("MEMORY") && !table.contains("CPU"), "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_answer_whichever_node_is_asked() {
    let cluster = Cluster::of(3, "inside", "").await;
    let file = cluster.directory.path().join("site.toml");

    // A type that no node has is refused, and each node says so.
    fs::write(&file, printer(&cluster, &cluster_file(1), "script:Typewriter")).expect("a file");
    expect(&cluster.tenure(&["validate", path(&file)]), 0, &["is valid"]);
    let both = ["resources.flag on p1: ", "resources.flag on p2: ", "the type Typewriter is in none"];
    expect(&cluster.tenure_of("p3", &["validate", "--agents", path(&file)]), 1, &both);
    expect(&cluster.tenure(&["apply", "--yes", "--no-check", path(&file)]), 1, &both);

    fs::write(&file, printer(&cluster, &cluster_file(1), "script:Printer")).expect("a file");
    expect(&cluster.tenure_of("p2", &["validate", "--agents", path(&file)]), 0, &["the agents of the nodes can keep"]);
    expect(&cluster.tenure(&["apply", "--yes", "--no-check", path(&file)]), 0, &["applied at log index"]);
    online_on(&cluster, "s1").await;

    for asked in ["p1", "p2", "p3"] {
        let run = |args: &[&str]| cluster.tenure_of(asked, args);
        expect(&run(&["resource", "show", "flag"]), 0, &["script:Printer", "Running", "100 %", "PathName"]);
        expect(&run(&["resource", "info", "flag"]), 0, &["flag at", "flag-s1"]);
        expect(&run(&["resource", "info", "flag", "--on", "s2"]), 0, &["flag at", "flag-s2"]);
        expect(&run(&["resource", "action", "flag", "flush", "tray"]), 0, &["flushed tray"]);
        expect(&run(&["resource", "action", "flag", "burn", "--on", "s2"]), 1, &["no such thing as burn", "next: "]);
        expect(&run(&["agent", "list", "--at", "p2"]), 0, &["agents of node p2", "script:Printer", "FileOnOff"]);
        expect(&run(&["agent", "show", "script:Printer", "--at", "p2"]), 0, &["on node p2", "PathName", "monitor"]);
        expect(&run(&["agent", "show", "ocf:none:Such", "--at", "p2"]), 1, &["next: see `tenure agent list`"]);
        expect(&run(&["agent", "show", "nosuch"]), 1, &["there is no agent nosuch on node", "`tenure agent list`"]);
        expect(&run(&["agent", "list", "--at", "p9"]), 1, &["node p9 is not a member"]);
    }
    // Who asked an agent for something is written down, and how it ended.
    let audit = cluster.client().audit(0, Read::Linearizable).await.expect("the audit");
    let told: Vec<&str> = audit.records.iter().map(|record| record.what.as_str()).collect();
    assert!(told.contains(&"resource action flag \"flush\" --on p1 \"tray\""), "{told:#?}");
    assert!(
        told.iter().any(|what| what.starts_with("what was permitted at ") && what.contains("no such thing as burn"))
    );
}
