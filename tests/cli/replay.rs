//! The log of a real node, replayed from its real disk.

use super::{
    commands::{Ended, command},
    fake::{SITE, Site},
};
use futures::{FutureExt, future::BoxFuture};
use std::{path::Path, sync::Arc, time::Duration};
use tempfile::TempDir;
use tenure::{cli::Exit, node::Machine};
use tenure_core::{Command, Level, SystemState, Verb, codec};
use tenure_raft::{
    AppHandler, Handle, Options, Raft, Snapshots, Timings,
    tls::{ClusterAuthority, Credentials, Role},
};

const SOON: Duration = Duration::from_secs(20);

struct Nobody;

impl AppHandler for Nobody {
    fn call(&self, _: u64, _: Vec<u8>) -> BoxFuture<'static, Result<Vec<u8>, String>> {
        async { Err("nobody is here".to_owned()) }.boxed()
    }
}

/// Waits until a node's state is as wanted.
async fn until(node: &Handle<Machine>, wanted: impl Fn(&tenure_raft::Status) -> bool) {
    let mut changes = node.changed();
    let waiting = async {
        while !wanted(&node.status()) {
            changes.changed().await.expect("the node runs");
        }
    };
    assert!(tokio::time::timeout(SOON, waiting).await.is_ok(), "{:?}", node.status());
}

/// A node that leads itself, in a directory of its own.
async fn node(directory: &Path, snapshots: Snapshots) -> Handle<Machine> {
    let authority = ClusterAuthority::create("site").unwrap();
    let timings = Timings {
        heartbeat: Duration::from_millis(60),
        election_min: Duration::from_millis(300),
        election_max: Duration::from_millis(600),
    };
    let options = Options {
        id: 1,
        name: "p1".to_owned(),
        cluster: "site".to_owned(),
        data_dir: Some(directory.to_owned()),
        witness: None,
        introduced: Default::default(),
        listen: "127.0.0.1:0".parse().unwrap(),
        advertise: String::new(),
        credentials: Credentials::new(authority.issue("p1", Role::Node { id: 1 }).unwrap()).unwrap(),
        timings,
        snapshots,
        feature_level_max: 1,
    };
    let node = Raft::start(options, Machine::default(), Arc::new(Nobody)).await.unwrap();
    node.initialize([(1, node.peer().unwrap())].into()).await.unwrap();
    until(&node, |status| status.is_leader && status.applied == status.last_log).await;
    node
}

/// The history of a site: it comes up, web is switched, p2 is lost.
fn history(from: u64) -> Site {
    let mut site = Site::running_from(from, SITE);
    site.operator(Command::Request(Verb::Switch { group: "web".into(), server: "p2".into() }.into()));
    site.settle();
    site.systems.insert("p2".into(), SystemState::PowerOff);
    site.silent.insert("p2".into());
    site.settle();
    site
}

/// The directory of a node with that history, and the node, still running.
async fn written(snapshots: Snapshots) -> (TempDir, Handle<Machine>, Site) {
    let directory = tempfile::tempdir().unwrap();
    let node = node(directory.path(), snapshots).await;
    let first = node.status().last_log.unwrap();
    let site = history(first);
    write(&node, &site).await;
    (directory, node, site)
}

/// Proposes the entries that the node does not have yet.
async fn write(node: &Handle<Machine>, site: &Site) {
    let first = site.ledger.index + 1 - site.log.len() as u64;
    let known = node.status().last_log.unwrap();
    for (index, entry) in (first..).zip(&site.log).filter(|(index, _)| *index > known) {
        let proposed = node.propose(codec::encode(entry, Level::FIRST), SOON).await.unwrap();
        assert_eq!(proposed.index, index, "consensus wrote an entry of its own in between");
    }
    assert_eq!(node.state(|machine| (*machine.ledger()).clone()), site.ledger);
}

async fn replay(directory: &Path, rest: &str) -> Ended {
    let line = format!("replay {} {rest}", directory.display());
    command(&line, "127.0.0.1:1", Path::new("/nonexistent"), None).await
}

fn whole() -> Snapshots {
    Snapshots { every: 100_000, keep: 100_000, ..Snapshots::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_decision_of_a_log_is_shown_again() {
    let (directory, node, site) = written(whole()).await;
    let ended = replay(directory.path(), "").await;
    assert_eq!(ended.exit, Exit::Usage);
    assert!(
        ended.err.contains("is in use by process") && ended.err.contains("next: stop that node first"),
        "{}",
        ended.err
    );
    node.shutdown().await;

    let ended = replay(directory.path(), "--group web").await;
    assert_eq!((ended.exit, ended.err.as_str()), (Exit::Done, ""));
    insta::assert_snapshot!(ended.out);
    let all = replay(directory.path(), "--output json").await.json();
    let entries = all["entries"].as_array().unwrap();
    assert_eq!(entries.len(), site.log.len());
    let texts = entries.iter().flat_map(|entry| entry["records"].as_array().unwrap());
    let texts: Vec<&str> = texts.map(|record| record["text"].as_str().unwrap()).collect();
    let journal: Vec<String> = site.ledger.journal.iter().map(|event| event.text.to_string()).collect();
    assert_eq!(texts, journal, "what is replayed is what happened");

    // The decision that moved web from the lost server, from all sides.
    let granted = site.ledger.journal.iter().rev().find(|event| event.text.contains("web granted to p1"));
    let index = granted.unwrap().index;
    let ended = replay(directory.path(), &format!("--at {index}")).await;
    insta::assert_snapshot!(ended.out);
    let ended = replay(directory.path(), &format!("--from {index} --to {index} --output json")).await;
    assert_eq!(ended.json()["entries"].as_array().map(Vec::len), Some(1));
    assert_eq!(replay(directory.path(), "--at 4711").await.exit, Exit::Usage);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purged_log_begins_at_its_snapshot() {
    let (directory, node, mut site) = written(Snapshots { every: 12, keep: 2, ..Snapshots::default() }).await;
    until(&node, |status| status.purged.is_some()).await;
    site.operator(Command::Request(Verb::Freeze { group: "web".into(), terms: Default::default() }.into()));
    site.settle();
    write(&node, &site).await;
    node.shutdown().await;
    let json = replay(directory.path(), "--output json").await.json();
    let (first, last) = (json["first"].as_u64().unwrap(), json["last"].as_u64().unwrap());
    assert!(first > 12 && last == site.ledger.index && json["purged"] == true, "{first} {last}");
    let later = |index: u64| site.ledger.journal.iter().filter(|record| record.index >= index).count();
    let shown = json["entries"].as_array().unwrap().iter().map(|entry| entry["records"].as_array().unwrap().len());
    assert_eq!(shown.sum::<usize>(), later(first));
    let ended = replay(directory.path(), "--at 3").await;
    assert_eq!(ended.exit, Exit::Usage);
    let said = format!("log indexes {first} to {last} can be shown; what is older was left behind by a snapshot");
    assert!(ended.err.contains(&said), "{}", ended.err);
}

#[tokio::test]
async fn what_is_no_data_directory_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let ended = replay(directory.path(), "").await;
    assert_eq!(ended.exit, Exit::Usage);
    assert!(ended.err.contains("is not the data directory of a node"), "{}", ended.err);
}
