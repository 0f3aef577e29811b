//! Real nodes in trouble with resources inside them: agents that hang, and a lease that is gone.

use super::nodes::{Cluster, Node, cluster_file, path, said, until, wait};
use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use tenure::api::{Read, wire::GroupStatus};

/// Writes a script type of a cluster.
fn scripts(cluster: &Cluster, kind: &str, entries: &[(&str, &str)]) {
    let folder = cluster.directory.path().join("agents").join(kind);
    fs::create_dir_all(&folder).expect("a directory");
    for (name, text) in entries {
        let text = if *name == "arglist" { format!("{text}\n") } else { format!("#!/bin/sh\n{text}\n") };
        fs::write(folder.join(name), text).expect("a file");
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o755)).expect("its mode");
    }
}

/// Two paths by server, as attributes of a resource, and the first of them.
fn paths(cluster: &Cluster, name: &str) -> (String, PathBuf) {
    let file = |server: &str| cluster.directory.path().join(format!("{name}-{server}"));
    let (one, two) = (file("s1"), file("s2"));
    let text = format!("on = {{ s1 = {{ PathName = \"{}\" }}, s2 = {{ PathName = \"{}\" }} }}", path(&one), path(&two));
    (text, one)
}

fn apply(cluster: &Cluster, text: &str) {
    let file = cluster.directory.path().join("site.toml");
    fs::write(&file, text).expect("a file");
    let output = cluster.tenure(&["apply", "--yes", "--no-check", path(&file)]);
    assert!(output.status.success(), "{}", said(&output));
}

async fn online(cluster: &Cluster, group: &str) {
    until(&format!("group {group} is online"), async || {
        let status = cluster.client().status(Read::Linearizable).await;
        status.is_ok_and(|status| {
            status.groups.iter().any(|view| view.name == group && view.state == GroupStatus::Online)
        })
    })
    .await;
}

/// A hundred hanging agents delay neither the next one nor the lease of their node.
#[tokio::test(flavor = "multi_thread")]
async fn agents_that_hang_hold_up_nobody_else() {
    let cluster = Cluster::of(3, "hung", "").await;
    let begun = cluster.directory.path().join("begun");
    fs::create_dir(&begun).expect("a directory");
    let hangs = format!(": > {}/$1; exec sleep 600", path(&begun));
    scripts(&cluster, "Hung", &[("monitor", &hangs), ("online", "exit 0"), ("offline", "exit 0"), ("arglist", "")]);
    let (own, flag) = paths(&cluster, "flag");
    let mut text = cluster_file(0)
        + "\n[groups.hung]\nservers = [\"s1\"]\n\n[groups.good]\nservers = [\"s1\", \"s2\"]\nrestart_limit = 100\n"
        + &format!("\n[resources.flag]\ngroup = \"good\"\ntype = \"FileOnOff\"\nmonitor_interval = \"100ms\"\n{own}\n");
    for n in 0..100 {
        text += &format!("\n[resources.hung{n}]\ngroup = \"hung\"\ntype = \"script:Hung\"\nmonitor_timeout = \"1h\"\n");
    }
    apply(&cluster, &text);
    online(&cluster, "good").await;
    wait("a hundred agents hang", || fs::read_dir(&begun).is_ok_and(|found| found.count() == 100));
    for _ in 0..3 {
        fs::remove_file(&flag).expect("it is there");
        wait("it is started again", || flag.exists());
    }
    let events = said(&cluster.tenure(&["events"]));
    assert!(events.contains("flag went down on s1"), "{events}");
    assert!(!events.contains("its lease has ended"), "{events}");
}

/// Number of bytes fed to a watchdog.
fn fed(device: &Path) -> usize {
    fs::read(device).map(|bytes| bytes.len()).unwrap_or_default()
}

/// A node that has lost its lease stops the resources that must not run twice, leaves the others alone, and does not
/// feed its watchdog while one of them does not stop.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_alone_stops_what_must_not_run_twice() {
    let mut cluster = Cluster::of(3, "alone", "").await;
    let device = cluster.directory.path().join("watchdog");
    let timeout = cluster.directory.path().join("watchdog-timeout");
    fs::write(&device, "").expect("a file");
    fs::write(&timeout, "60\n").expect("a file");
    cluster.kill("p1");
    let config = cluster.nodes["p1"].config.clone();
    let lines = format!("watchdog = \"{}\"\nwatchdog_timeout = \"{}\"\n", path(&device), path(&timeout));
    fs::write(&config, lines + &fs::read_to_string(&config).expect("it is there")).expect("a file");
    cluster.start("p1");
    cluster.answers("p1").await;

    scripts(
        &cluster,
        "Stuck",
        &[
            ("monitor", "test -e \"$2\" && exit 110; exit 100"),
            ("online", ": > \"$2\"; exit 0"),
            ("offline", "exit 0"),
            ("arglist", "PathName"),
        ],
    );
    let here = |name: &str| {
        let file = cluster.directory.path().join(name);
        (format!("attributes = {{ PathName = \"{}\" }}", path(&file)), file)
    };
    let ((once, once_file), (stuck, stuck_file), (every, every_file)) =
        (here("once"), here("stuck"), paths(&cluster, "every"));
    let resource = |name: &str, group: &str, kind: &str, on: &str| {
        format!(
            "\n[resources.{name}]\ngroup = \"{group}\"\ntype = \"{kind}\"\nstop_timeout = \"5s\"\nmonitor_interval = \"200ms\"\n{on}\n"
        )
    };
    // On s1 alone, so that it is there whatever happens meanwhile to p2.
    let alone = "servers = [\"s1\"]\n";
    let text = cluster_file(0).replace("lpar = \"node-p1\"\n", "lpar = \"node-p1\"\nwatchdog = \"1m\"\n")
        + &format!(
            "\n[timings]\nstand_down = \"2s\"\n\n[groups.one]\n{alone}\n[groups.stuck]\n{alone}\n[groups.all]\nkind = \"parallel\"\nservers = [\"s1\", \"s2\"]\n"
        )
        + &resource("once", "one", "FileOnOff", &once)
        + &resource("stuck", "stuck", "script:Stuck", &stuck)
        + &resource("every", "all", "FileOnOff", &every);
    apply(&cluster, &text);
    wait("everything is up on s1", || once_file.exists() && stuck_file.exists() && every_file.exists());
    wait("the watchdog is fed", || fed(&device) > 0);

    // Without the others there is no majority, and so no lease.
    cluster.kill("p2");
    cluster.kill("p3");
    wait("what must not run twice is stopped", || !once_file.exists());
    let tries = |cluster: &Cluster| cluster.nodes["p1"].log().matches("cannot be stopped").count();
    wait("what does not stop is said", || tries(&cluster) > 0);
    let (tried, before) = (tries(&cluster), fed(&device));
    // Two seconds lie between two tries, more than between two feeds.
    wait("it is tried again", || tries(&cluster) >= tried + 4);
    assert_eq!(fed(&device), before, "it is fed without a lease");
    assert!(stuck_file.exists() && every_file.exists());

    // Nor does a new process feed it while such a resource is up: it does not even open the device.
    cluster.kill("p1");
    let armed = |cluster: &Cluster| cluster.nodes["p1"].log().matches("the watchdog is armed").count();
    let (opened, tried) = (armed(&cluster), tries(&cluster));
    fs::write(&device, "").expect("a file");
    cluster.start("p1");
    wait("the new process tries to stop it, too", || tries(&cluster) > tried);
    assert_eq!((fed(&device), armed(&cluster)), (0, opened), "a process that begins feeds it");
    // Stopped in order, it does not disarm a device that it has not armed, and neither does the next one.
    let (status, _) = cluster.node("p1").terminate();
    assert!(status.success(), "{status}");
    cluster.start("p1");
    let tried = tries(&cluster);
    wait("so does the next", || tries(&cluster) > tried);
    assert_eq!((fed(&device), armed(&cluster)), (0, opened), "a process that begins feeds it");

    // With a lease again, the stopped resource is started, and the watchdog is fed.
    cluster.start("p2");
    cluster.start("p3");
    wait("it is started again", || once_file.exists());
    wait("the watchdog is fed again", || fed(&device) > 0);
}

/// Nodes that were members for longer than `stand_down` before anything was declared adopt what runs inside them.
#[tokio::test(flavor = "multi_thread")]
async fn what_ran_before_it_was_declared_runs_on() {
    let cluster = Cluster::of(3, "before", "").await;
    let mut text = cluster_file(0) + "\n[timings]\nstand_down = \"2s\"\n";
    let mut files = Vec::new();
    for server in ["s1", "s2"] {
        let file = cluster.directory.path().join(format!("runs-{server}"));
        fs::write(&file, "").expect("a file");
        text += &format!(
            "\n[groups.on-{server}]\nservers = [\"{server}\"]\n\n[resources.runs-{server}]\ngroup = \"on-{server}\"\n\
             type = \"FileOnOff\"\nattributes = {{ PathName = \"{}\" }}\n",
            path(&file)
        );
        files.push((fs::metadata(&file).expect("it is there").ino(), file));
    }
    let began = Instant::now();
    wait("they have been members for longer than `stand_down`", || began.elapsed() > Duration::from_secs(3));
    apply(&cluster, &text);
    for server in ["s1", "s2"] {
        online(&cluster, &format!("on-{server}")).await;
    }
    for (inode, file) in files {
        let now = fs::metadata(&file).expect("it was stopped").ino();
        assert_eq!(now, inode, "{} was stopped and started", file.display());
    }
    let stopped = |node: &Node| node.log().contains("no lease for too long");
    assert!(!cluster.nodes.values().any(stopped), "{}", said(&cluster.tenure(&["events"])));
}

/// A node that is the whole cluster acts on, however long ago it was elected: what goes down is started again, for longer
/// than two leases last.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_the_whole_cluster_acts_on() {
    let cluster = Cluster::found("whole", "").await;
    let flag = cluster.directory.path().join("flag");
    let text = format!(
        "name = \"site\"\n\n[timings]\nlease = \"3s\"\n\n[servers.s1]\n\n[nodes.p1]\nserver = \"s1\"\n\n[groups.one]\nservers = [\"s1\"]\n\
         restart_limit = 1000\n\n[resources.flag]\ngroup = \"one\"\ntype = \"FileOnOff\"\nmonitor_interval = \"100ms\"\n\
         attributes = {{ PathName = \"{}\" }}\n",
        path(&flag)
    );
    apply(&cluster, &text);
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(6) {
        wait("it is up", || flag.exists());
        online(&cluster, "one").await;
        fs::remove_file(&flag).expect("it is there");
    }
    wait("it is started again", || flag.exists());
}
