//! The log of a node says what has changed, once, and programs can read it.

use super::nodes::{Cluster, until};
use serde_json::Value;
use std::{
    fs,
    time::{Duration, Instant},
};
use tenure_core::Verb;

/// Time without a quorum: a line for each attempt would be dozens by then.
const ALONE: Duration = Duration::from_secs(15);

/// The lines of p1 behind the first ones, which are text.
fn lines(cluster: &Cluster, skipped: usize) -> Vec<Value> {
    let text = cluster.nodes["p1"].log();
    let (whole, _) = text.rsplit_once('\n').unwrap_or_default();
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}"));
    whole.lines().skip(skipped).map(parse).collect()
}

fn kinds(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["fields"]["kind"].as_str().unwrap_or("-")).collect()
}

/// A node that is left alone says what it has lost, and then nothing more, until that is back.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_a_quorum_says_each_change_once() {
    let mut cluster = Cluster::of(3, "logs", "").await;
    cluster.declare(1).await;
    cluster.kill("p1");
    let config = cluster.nodes["p1"].config.clone();
    let text = fs::read_to_string(&config).expect("it is there");
    fs::write(&config, format!("log_format = \"json\"\n{text}")).expect("a file");
    let skipped = cluster.nodes["p1"].log().lines().count();
    let lines = |cluster: &Cluster| lines(cluster, skipped);
    cluster.start("p1");
    cluster.answers("p1").await;
    cluster.commit(Verb::Freeze { group: "g0".into(), terms: Default::default() }).await;
    until("the freeze is in the log of p1", async || {
        lines(&cluster).iter().any(|line| {
            let fields = &line["fields"];
            fields["kind"] == "requested" && fields["group"] == "g0" && fields["index"].is_u64()
        })
    })
    .await;

    // It may miss the first one before the second is gone.
    let before = lines(&cluster).len();
    cluster.kill("p2");
    cluster.kill("p3");
    until("p1 has missed them", async || kinds(&lines(&cluster)[before..]).contains(&"quorum_lost")).await;
    let since = Instant::now();
    until("it was alone for long enough", async || since.elapsed() > ALONE).await;
    let all = lines(&cluster);
    let alone = &all[before..];
    let count = |kind: &str| kinds(alone).iter().filter(|one| **one == kind).count();
    assert_eq!((count("peer_lost"), count("quorum_lost")), (2, 1), "{alone:#?}");
    // What may come besides: it leads no longer, decisions and reports fail, its HMC is silent.
    assert!(alone.len() <= 10, "{} lines: {alone:#?}", alone.len());
    let lost = alone.iter().filter(|line| line["fields"]["kind"] == "peer_lost");
    let mut nodes: Vec<&str> = lost.filter_map(|line| line["fields"]["node"].as_str()).collect();
    nodes.sort_unstable();
    assert_eq!(nodes, ["p2", "p3"]);

    let before = all.len();
    cluster.start("p2");
    until("p1 says that it is back", async || {
        let all = lines(&cluster);
        let seen = kinds(&all[before..]);
        seen.contains(&"peer_back") && seen.contains(&"quorum_back")
    })
    .await;
    println!("{} lines in {ALONE:?} and more without a quorum: {:?}", alone.len(), kinds(alone));
}

/// A level is set on another node than the one that is asked, is told, and is over by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_level_that_was_set_is_over_by_itself() {
    use tenure::api::wire::LogLevelBody;
    use tenure_core::trust::LogLevel;
    let mut cluster = Cluster::found("levels", "").await;
    cluster.join("p2").await;
    let usual = cluster.client_of("p2").log(0).await.expect("its log").filter;
    assert!(usual.starts_with("info,openraft=error"), "{usual}");
    let body = LogLevelBody { level: LogLevel::Debug, lasts_ms: 4000 };
    let set = cluster.client_of("p1").log_level("p2", &body).await.expect("set");
    assert_eq!((set.node.as_str(), set.said.as_str()), ("p2", "the log level is debug for 4 s, then what it was"));
    let told = cluster.client_of("p2").log(2000).await.expect("its log");
    assert!(told.filter.starts_with("debug,") && told.left.is_some(), "{told:?}");
    assert!(told.lines.iter().any(|line| line.contains("the log level is debug")), "{told:?}");
    assert_eq!(cluster.client_of("p1").log(0).await.expect("its log").filter, usual, "the other one is as it was");
    until("it is over", async || cluster.client_of("p2").log(0).await.is_ok_and(|told| told.filter == usual)).await;
    let audit = cluster.client_of("p1").audit(0, tenure::api::Read::Linearizable).await.expect("the audit");
    assert!(audit.records.iter().any(|record| record.what == "log level p2 debug --for 4s"), "{audit:?}");
    let refused = cluster.client_of("p1").log_level("p9", &body).await.expect_err("no such node").view();
    assert_eq!(refused.code.as_deref(), Some("no_node"));
}
