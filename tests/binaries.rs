//! `tenure` and `tenured` as an administrator sees them: two programs, their output, their exit codes.
//!
//! Each exit code is provoked for real: 0 done, 1 refused, 2 usage, 3 unreachable, 4 outcome unknown.

#[path = "binaries/ansible.rs"]
mod ansible;
#[path = "binaries/install.rs"]
mod install;
#[path = "cluster/nodes.rs"]
mod nodes;
#[path = "binaries/operations.rs"]
mod operations;
#[path = "binaries/whereabouts.rs"]
mod whereabouts;

use nodes::{Cluster, cluster_file, path, said, tenure, until};
use rustix::process::Signal;
use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};
use tenure_jepsen::lab::{Site, SiteOptions};

/// Compares a command's exit code and output with those expected; returns its standard output.
#[track_caller]
fn expect(output: &Output, code: i32, words: &[&str]) -> String {
    let all = said(output);
    assert_eq!(output.status.code(), Some(code), "{all}");
    for word in words {
        assert!(all.contains(word), "{word:?} is missing in:\n{all}");
    }
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[track_caller]
fn json(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).unwrap_or_else(|why| panic!("{why}:\n{}", said(output)))
}

/// The steps of the README: found, start, look, join, declare, look again. Only by the two programs.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_by_the_binaries_alone() {
    let began = Instant::now();
    // This includes `tenure cluster init` and the start of `tenured`.
    let mut cluster = Cluster::found("readme", "").await;
    let init = ["cluster", "init", "--name", "readme", "--config", path(&cluster.nodes["p1"].config)];
    let other = cluster.directory.path().join("other-admin");
    expect(&tenure("localhost:1", &other, &init), 2, &["already"]);
    expect(&cluster.tenure(&["status"]), 0, &["p1 leads"]);

    for name in ["p2", "p3"] {
        cluster.prepare(name);
        let token = json(&cluster.tenure_of("p1", &["node", "token", name, "--output", "json"]));
        let token = token["token"].as_str().expect("a token").to_owned();
        cluster.start_with_token(name, &token);
        cluster.answers(name).await;
        expect(&cluster.tenure(&["node", "promote", name]), 0, &[name]);
    }
    let members = json(&cluster.tenure(&["node", "list", "--output", "json"]));
    let voters = members["members"].as_array().expect("a list").iter().filter(|one| one["voter"] == true).count();
    assert_eq!(voters, 3);

    let file = cluster.directory.path().join("site.toml");
    fs::write(&file, cluster_file(2)).expect("a file");
    expect(&cluster.tenure(&["validate", path(&file)]), 0, &["is valid", "2 groups"]);
    let shown = expect(&cluster.tenure(&["apply", path(&file), "--yes", "--no-check"]), 0, &["applied at log index"]);
    assert!(shown.contains("+ group g0") && shown.contains("+ server s1"), "{shown}");
    expect(&cluster.tenure(&["apply", path(&file), "--yes"]), 0, &["nothing changes"]);
    expect(&cluster.tenure(&["status", "--all"]), 0, &["g0", "g1", "s1", "s2", "p3"]);
    println!("from nothing to a declared cluster of three, by the binaries alone: {:?}", began.elapsed());

    // The export is what was applied, and applying it changes nothing.
    let exported = expect(&cluster.tenure(&["export"]), 0, &[]);
    fs::write(&file, &exported).expect("a file");
    expect(&cluster.tenure(&["apply", path(&file), "--yes"]), 0, &["nothing changes"]);

    // Any member makes tokens, once it has been given the authority's key.
    cluster.holds_authority("p2").await;
    expect(&cluster.tenure_of("p2", &["node", "token", "p4"]), 0, &["p4"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn exit_codes_and_every_answer_as_json() {
    let mut cluster = Cluster::of(3, "codes", "").await;
    cluster.declare(3).await;
    let reads: [&[&str]; 14] = [
        &["status"],
        &["status", "--stale"],
        &["why", "g0"],
        &["events"],
        &["group", "list"],
        &["lpar", "list"],
        &["lpar", "show", "l0"],
        &["agent", "list"],
        &["agent", "list", "--at", "p2"],
        &["server", "show", "s1"],
        &["leader", "show"],
        &["node", "list"],
        &["node", "list", "--stale"],
        &["export"],
    ];
    for read in reads {
        for node in ["p1", "p2", "p3"] {
            let output = cluster.tenure_of(node, &[read, &["--output", "json"]].concat());
            expect(&output, 0, &[]);
            json(&output);
            expect(&cluster.tenure_of(node, read), 0, &[]);
        }
    }

    // 0 and 1, at any node: whichever is asked, the leader carries it out.
    for node in ["p1", "p2", "p3"] {
        expect(&cluster.tenure_of(node, &["group", "freeze", "g1"]), 0, &["group g1: freeze, asked by admin"]);
        expect(&cluster.tenure_of(node, &["group", "freeze", "g1"]), 0, &["nothing to do: group g1 is frozen"]);
        expect(&cluster.tenure_of(node, &["group", "unfreeze", "g1"]), 0, &[]);
    }
    let refused = cluster.tenure(&["group", "freeze", "nosuch", "--output", "json"]);
    expect(&refused, 1, &[]);
    assert_eq!(json(&refused)["error"]["kind"], "refused");
    expect(&cluster.tenure(&["why", "nosuch"]), 1, &["there is no group nosuch"]);
    expect(&cluster.tenure(&["lpar", "show", "nosuch"]), 1, &["there is no resource nosuch", "tenure resource list"]);
    expect(&cluster.tenure(&["group", "switch", "g0", "--to", "s2"]), 1, &["group g0 is not online"]);

    // 2: not understood, by the client or by the node.
    expect(&cluster.tenure(&["group", "explode", "g0"]), 2, &["explode"]);
    expect(&cluster.tenure(&["status", "--timeout", "soon"]), 2, &["soon"]);
    expect(&tenure("localhost:1", "/nonexistent".as_ref(), &["status"]), 2, &["--identity"]);
    let file = cluster.directory.path().join("wrong.toml");
    fs::write(&file, cluster_file(1).replace("memory = ", "mem = ")).expect("a file");
    expect(&cluster.tenure(&["apply", path(&file), "--yes"]), 2, &["wrong.toml:", "mem"]);

    expect(&cluster.tenure(&["apply", path(&file)]), 2, &["wrong.toml:"]);

    // A server cannot be confirmed off while its node is heard.
    expect(&cluster.tenure(&["fence", "confirm", "s1"]), 2, &["--yes-i-checked s1"]);
    expect(&cluster.tenure(&["fence", "confirm", "s1", "--yes-i-checked", "s2"]), 2, &["names \"s2\""]);
    let told = expect(
        &cluster.tenure(&["fence", "confirm", "s1", "--yes-i-checked", "s1"]),
        1,
        &["node p1 on server s1 is heard"],
    );
    assert!(told.is_empty(), "{told}");

    // Leadership is transferred, and the command tells to which node.
    let leader = cluster.leads().await;
    let to = ["p1", "p2", "p3"].into_iter().find(|name| *name != leader).expect("another");
    let began = Instant::now();
    expect(&cluster.tenure(&["leader", "transfer", to]), 0, &[to, "leads"]);
    assert_eq!(cluster.leads().await, to);
    println!("leadership handed to {to} in {:?}", began.elapsed());
    expect(&cluster.tenure(&["leader", "transfer", "nosuch"]), 1, &["there is no node nosuch"]);
    expect(&cluster.tenure(&["node", "remove", "nosuch"]), 1, &["there is no node nosuch"]);

    // Events arrive while they happen.
    let mut follow = Command::new(env!("CARGO_BIN_EXE_tenure"));
    follow.args(["events", "--follow", "--since", "0", "--output", "json"]);
    follow.env("TENURE_NODES", cluster.nodes["p3"].api.to_string()).env("TENURE_IDENTITY", cluster.admin());
    let mut follow = follow.stdout(Stdio::piped()).spawn().expect("tenure runs");
    let mut lines = BufReader::new(follow.stdout.take().expect("its output")).lines();
    expect(&cluster.tenure(&["group", "freeze", "g2"]), 0, &[]);
    let seen = lines.find_map(|line| {
        let record: Value = serde_json::from_str(&line.expect("a line")).expect("a record per line");
        record["text"].as_str().filter(|text| text.contains("group g2: freeze")).map(str::to_owned)
    });
    println!("followed: {}", seen.expect("the event comes"));
    follow.kill().and_then(|()| follow.wait()).expect("it ends");

    // 3: no node, and no leader.
    for name in ["p1", "p2"] {
        cluster.kill(name);
    }
    let began = Instant::now();
    expect(&cluster.tenure(&["status", "--timeout", "15s"]), 3, &["next: "]);
    println!("one of three says that it leads nobody after {:?}", began.elapsed());
    expect(&cluster.tenure(&["status", "--stale"]), 0, &["g0"]);
    cluster.kill("p3");
    let nobody = cluster.tenure(&["status", "--output", "json"]);
    expect(&nobody, 3, &[]);
    assert_eq!(json(&nobody)["error"]["kind"], "unreachable");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_outcome_is_called_so_and_repeated_safely() {
    let cluster = Cluster::of(3, "unknown", "").await;
    cluster.declare(1).await;
    let leader = cluster.leads().await;
    let others: Vec<String> = cluster.nodes.keys().filter(|name| **name != leader).cloned().collect();
    // The leader still believes that it leads; the nodes that would have to agree are stopped.
    for name in &others {
        cluster.nodes[name].signal(Signal::STOP);
    }
    let began = Instant::now();
    let output = cluster.tenure_of(&leader, &["group", "freeze", "g0", "--timeout", "1s"]);
    let words = said(&output);
    println!("a majority hangs: exit {:?} after {:?}\n{}", output.status.code(), began.elapsed(), words.trim_end());
    expect(&output, 4, &["it may have happened", "--request-id "]);
    let id = words.split("--request-id ").nth(1).and_then(|rest| rest.get(..32)).expect("the identity").to_owned();
    let repeat = ["group", "freeze", "g0", "--request-id", &id, "--timeout", "1s"];
    expect(&cluster.tenure_of(&leader, &repeat), 4, &[&id]);

    for name in &others {
        cluster.nodes[name].signal(Signal::CONT);
    }
    let mut last = None;
    let took = until("the repeated request is answered", async || {
        let output = cluster.tenure(&["group", "freeze", "g0", "--request-id", &id]);
        let done = output.status.code() == Some(0);
        assert!(done || matches!(output.status.code(), Some(3 | 4)), "{}", said(&output));
        last = Some(output);
        done
    })
    .await;
    println!("it goes on: repeated and done after {took:?}: {}", said(&last.expect("just seen")).trim_end());
    let again = cluster.tenure(&["group", "freeze", "g0", "--request-id", &id]);
    expect(&again, 0, &["freeze, asked by admin"]);
    let events = json(&cluster.tenure(&["events", "--output", "json"]));
    let frozen = events.as_array().expect("a list").iter().filter(|one| one["kind"] == "requested").count();
    assert_eq!(frozen, 1, "applied once, though sent four times or more");
    expect(&cluster.tenure(&["group", "freeze", "g0"]), 0, &["nothing to do: group g0 is frozen"]);
}

/// A whole site with an emulated HMC, so that there are running resources.
#[tokio::test(flavor = "multi_thread")]
async fn a_running_site_from_the_command_line() {
    let directory = tempfile::tempdir().expect("a directory");
    let options = SiteOptions {
        servers: 2,
        arbiter: true,
        hmcs: 1,
        directory: directory.path().to_owned(),
        cluster_file: None,
        world: None,
        program: Some(env!("CARGO_BIN_EXE_tenured").into()),
    };
    let site = Site::start(options, &mut |_| {}).await.expect("a site");
    let nodes: Vec<String> = site.api_addresses().map(|(_, address)| address.to_string()).collect();
    let (nodes, admin) = (nodes.join(","), site.admin_dir());
    let run = |args: &[&str]| {
        let (nodes, admin) = (nodes.clone(), admin.clone());
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        async move {
            // The emulated HMC lives in this process, and must go on while the command waits for it.
            let run = move || tenure(&nodes, &admin, &args.iter().map(String::as_str).collect::<Vec<_>>());
            tokio::task::spawn_blocking(run).await.expect("the command runs")
        }
    };
    let began = Instant::now();
    site.until("everything is online", Duration::from_secs(60), async || {
        let groups = json(&run(&["group", "list", "--output", "json"]).await);
        groups
            .as_array()
            .is_some_and(|groups| !groups.is_empty() && groups.iter().all(|group| group["state"] == "online"))
    })
    .await
    .expect("it comes online");
    println!("everything online after {:?}", began.elapsed());

    // A group is stopped and started, and each time the command waits for that.
    let began = Instant::now();
    expect(&run(&["group", "offline", "trial", "--wait=60s"]).await, 0, &["trial"]);
    println!("trial offline after {:?}", began.elapsed());
    expect(&run(&["group", "offline", "trial"]).await, 0, &["nothing to do: group trial is already offline"]);
    let began = Instant::now();
    expect(&run(&["group", "online", "trial", "--on", "p2", "--wait=60s"]).await, 0, &["trial"]);
    println!("trial online after {:?}", began.elapsed());
    let began = Instant::now();
    expect(&run(&["group", "switch", "trial", "--to", "p1", "--wait=60s"]).await, 0, &["trial"]);
    println!("trial switched after {:?}", began.elapsed());
    let why = expect(&run(&["why", "trial"]).await, 0, &["switch to p1, asked by admin", "on p1"]);
    let newest = why.find("switch to p1").expect("the switch");
    assert!(why.find("offline, asked").is_some_and(|older| newest < older), "newest first:\n{why}");
    expect(&run(&["fence", "confirm", "p1", "--yes-i-checked", "p1"]).await, 1, &["p1 reads Operating"]);

    // A slip in a file does not strand running resources.
    let exported = expect(&run(&["export"]).await, 0, &["[groups.trial]"]);
    let file = directory.path().join("next.toml");
    let without = |text: &str, section: &str| {
        let sections: Vec<&str> = text.split("\n[").filter(|one| !one.starts_with(section)).collect();
        sections.join("\n[")
    };
    let cut = without(&without(&exported, "groups.trial]"), "lpars.test]");
    fs::write(&file, &cut).expect("a file");
    let strands = run(&["apply", path(&file), "--yes"]).await;
    expect(&strands, 1, &["- group trial", "strand", "group trial runs on p1", "--strand"]);
    let asked = run(&["apply", path(&file)]).await;
    expect(&asked, 2, &["--yes"]);
    let longer = exported.replacen("restart_limit = 1", "restart_limit = 3", 1);
    assert_ne!(longer, exported);
    fs::write(&file, &longer).expect("a file");
    let shown = expect(&run(&["apply", path(&file), "--yes"]).await, 0, &["restart_limit", "1 -> 3"]);
    println!("a difference as it is shown:\n{}", shown.trim_end());
    assert_eq!(expect(&run(&["export"]).await, 0, &[]), longer, "what is exported is what was applied");
    expect(&run(&["events"]).await, 0, &["configuration applied by admin", "trial"]);
    site.stop().await;
}

/// Runs a program of ours with a umask that allows everything to everybody.
fn open_to_all(program: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "umask 000; exec \"$0\" \"$@\"", program]);
    command
}

/// Every directory and file below this one, with its mode.
fn modes(directory: &Path, found: &mut Vec<(PathBuf, u32)>) {
    found.push((directory.to_owned(), fs::metadata(directory).expect("it is there").permissions().mode() & 0o7777));
    for entry in fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            modes(&entry, found);
        } else {
            found.push((entry.clone(), fs::metadata(&entry).expect("it is there").permissions().mode() & 0o7777));
        }
    }
}

/// What `tenure cluster init` and `tenured` store is for their user alone, whatever umask they are started with; they do not
/// write through links, and do not start on what others can reach.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_is_for_its_user_alone() {
    let mut cluster = Cluster::empty("private", "");
    cluster.prepare("p1");
    let (data, admin) = (cluster.nodes["p1"].data.clone(), cluster.admin());
    // Somebody was there before, and left links.
    let victim = cluster.directory.path().join("victim");
    fs::write(&victim, "as before").expect("a file");
    fs::create_dir_all(data.join("cluster")).expect("a directory");
    for private in [&data, &data.join("cluster")] {
        fs::set_permissions(private, fs::Permissions::from_mode(0o700)).expect("it is ours");
    }
    symlink(&victim, data.join("cluster/ca.pem")).expect("a link");
    let mut init = open_to_all(env!("CARGO_BIN_EXE_tenure"));
    let config = cluster.nodes["p1"].config.clone();
    init.args(["--identity", path(&admin), "cluster", "init", "--name", "private", "--config", path(&config)]);
    expect(&init.output().expect("tenure runs"), 0, &["is founded"]);
    assert_eq!(fs::read_to_string(&victim).expect("a file"), "as before");

    symlink(&victim, data.join("lock")).expect("a link");
    let start = ["--config", path(&config)];
    let refused = nodes::tenured(&start);
    assert!(refused.0 == Some(1) && refused.1.contains("lock"), "{refused:?}");
    assert_eq!(fs::read_to_string(&victim).expect("a file"), "as before");
    fs::remove_file(data.join("lock")).expect("it is ours");

    let mut daemon = open_to_all(env!("CARGO_BIN_EXE_tenured"));
    daemon.args(start);
    cluster.node("p1").spawn(daemon);
    cluster.answers("p1").await;
    expect(&cluster.tenure(&["status"]), 0, &["p1 leads"]);
    cluster.kill("p1");
    let mut found = Vec::new();
    modes(&data, &mut found);
    modes(&admin, &mut found);
    assert!(found.len() > 12, "{found:?}");
    let open: Vec<String> = found
        .iter()
        .filter(|(path, mode)| *mode != if path.is_dir() { 0o700 } else { 0o600 })
        .map(|(path, mode)| format!("{} {mode:o}", path.display()))
        .collect();
    assert_eq!(open, Vec::<String>::new());

    for (exposed, mode, usual, remedy) in [
        (data.clone(), 0o755, 0o700, "chmod 700"),
        (data.join("cluster/node.key"), 0o640, 0o600, "chmod 600"),
        (data.join("cluster/authorities.json"), 0o604, 0o600, "chmod 600"),
    ] {
        fs::set_permissions(&exposed, fs::Permissions::from_mode(mode)).expect("it is ours");
        let (code, said) = nodes::tenured(&start);
        let next = format!("next: {remedy} {}", exposed.display());
        assert!(code == Some(1) && said.contains(&next), "{code:?} {said}");
        fs::set_permissions(&exposed, fs::Permissions::from_mode(usual)).expect("it is ours");
    }
    let key = admin.join("user.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("it is ours");
    expect(&cluster.tenure(&["status"]), 2, &[&format!("next: chmod 600 {}", key.display())]);
}
