//! What lives inside nodes, through real nodes: whichever is asked, the agents of the right one answer.

use super::nodes::{Cluster, cluster_file, path, said, until};
use std::{fs, os::unix::fs::PermissionsExt, process::Output};
use tenure::api::Read;

/// A type of scripts: its file, what it does beside starting and stopping, and what it tells people.
const SCRIPTS: [(&str, &str); 6] = [
    ("online", ": > \"$2\"; exit 0"),
    ("offline", "rm -f \"$2\"; exit 0"),
    ("monitor", "test -e \"$2\" && exit 110; exit 100"),
    ("info", "echo \"$1 at $2\""),
    ("action", "test \"$2\" = flush || { echo \"no such thing as $2\"; exit 1; }; echo \"flushed $3\""),
    ("arglist", ""),
];

/// Writes the agent into the directory of a cluster, and returns a cluster file with one resource of it.
fn printer(cluster: &Cluster, kind: &str) -> String {
    let folder = cluster.directory.path().join("agents/Printer");
    fs::create_dir_all(&folder).expect("a directory");
    for (name, text) in SCRIPTS {
        let text = if name == "arglist" { "PathName\n".to_owned() } else { format!("#!/bin/sh\n{text}\n") };
        fs::write(folder.join(name), text).expect("a file");
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o755)).expect("its mode");
    }
    let file = |server: &str| cluster.directory.path().join(format!("flag-{server}")).display().to_string();
    let (one, two) = (file("s1"), file("s2"));
    cluster_file(1)
        + &format!(
            "\n[groups.print]\nservers = [\"s1\", \"s2\"]\n\n[resources.flag]\ngroup = \"print\"\ntype = \"{kind}\"\n\
             on = {{ s1 = {{ PathName = \"{one}\" }}, s2 = {{ PathName = \"{two}\" }} }}\n"
        )
}

fn expect(output: &Output, code: i32, pieces: &[&str]) {
    assert_eq!(output.status.code(), Some(code), "{}", said(output));
    for piece in pieces {
        assert!(said(output).contains(piece), "{piece:?} is not in\n{}", said(output));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_answer_whichever_node_is_asked() {
    let cluster = Cluster::of(3, "inside", "").await;
    let file = cluster.directory.path().join("site.toml");

    // A type that no node has is refused, and each node says so.
    fs::write(&file, printer(&cluster, "script:Typewriter")).expect("a file");
    expect(&cluster.tenure(&["validate", path(&file)]), 0, &["is valid"]);
    let both = ["resources.flag on p1: ", "resources.flag on p2: ", "the type Typewriter is in none"];
    expect(&cluster.tenure_of("p3", &["validate", "--agents", path(&file)]), 1, &both);
    expect(&cluster.tenure(&["apply", "--yes", path(&file)]), 1, &both);

    fs::write(&file, printer(&cluster, "script:Printer")).expect("a file");
    expect(&cluster.tenure_of("p2", &["validate", "--agents", path(&file)]), 0, &["the agents of the nodes can keep"]);
    expect(&cluster.tenure(&["apply", "--yes", path(&file)]), 0, &["applied at log index"]);
    until("the group is online", async || {
        let status = cluster.client().status(Read::Linearizable).await;
        status.is_ok_and(|status| status.groups.iter().any(|group| group.name == "print" && group.state == "online"))
    })
    .await;
    assert!(cluster.directory.path().join("flag-s1").exists());

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
        expect(&run(&["agent", "list", "--at", "p9"]), 1, &["node p9 is not a member"]);
    }
    // Whoever had an agent do something is on record with that node.
    assert!(cluster.nodes["p1"].log().contains("action asked of an agent"));
}
