//! Intruders: nodes of other clusters, bad tokens, a second process on the same data, no identity at all. Each is
//! refused with a message that tells the reason, and harms no one.

use super::nodes::{Cluster, path, said, tenure, tenured};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;
use std::fs;
use tenure::local::private;
use tenure_core::Verb;

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_has_one_process_and_a_node_has_an_identity() {
    let mut cluster = Cluster::found("one", "").await;
    // The same data at other addresses: a mistake of two administrators.
    cluster.prepare("twin");
    let (first, twin) = (&cluster.nodes["p1"], &cluster.nodes["twin"]);
    let text = fs::read_to_string(&twin.config).expect("a file");
    let text = text.replace("\"twin\"", "\"p1\"").replace(path(&twin.data), path(&first.data));
    fs::write(&twin.config, text).expect("a file");
    let (code, message) = tenured(&["--config", path(&twin.config)]);
    println!("a second process on the same data: exit {code:?}\n  {}", message.trim_end());
    assert_eq!(code, Some(1));
    let pid = first.pid();
    let expected = format!("data directory {} is in use by process {}", path(&first.data), pid.as_raw_nonzero());
    assert!(message.contains(&expected), "{message}");

    // The same file twice.
    let (code, message) = tenured(&["--config", path(&first.config)]);
    println!("the same file twice: exit {code:?}\n  {}", message.trim_end());
    assert_eq!(code, Some(1));
    assert!(message.contains(&first.listen.to_string()) && message.contains("in use"), "{message}");
    assert!(cluster.node("p1").runs());

    cluster.prepare("p2");
    let (code, message) = tenured(&["--config", path(&cluster.nodes["p2"].config)]);
    println!("no identity: exit {code:?}\n  {}", message.trim_end());
    assert_eq!(code, Some(1));
    assert!(message.contains("node p2 has no identity") && message.contains("--join"), "{message}");

    // The identity of another node.
    let (mine, its) = (cluster.nodes["p1"].data.join("cluster"), cluster.nodes["p2"].data.join("cluster"));
    private::make_directory(&its).expect("a directory");
    for file in ["node.pem", "node.key", "ca.pem"] {
        fs::copy(mine.join(file), its.join(file)).expect("a copy");
    }
    let (code, message) = tenured(&["--config", path(&cluster.nodes["p2"].config)]);
    println!("an identity of another node: exit {code:?}\n  {}", message.trim_end());
    assert_eq!(code, Some(1));
    assert!(message.contains("p1") && message.contains("tenured.toml says node p2"), "{message}");

    let (code, message) = tenured(&["--config", "/nonexistent/tenured.toml"]);
    assert_eq!(code, Some(2), "{message}");
    assert!(message.contains("/nonexistent/tenured.toml"), "{message}");
    let (code, _) = tenured(&["--conf"]);
    assert_eq!(code, Some(2));
}

/// A token with changed content, sealed with a cluster's key: one that the cluster could have made at another time.
fn forge(sealed_by: &Cluster, genuine: &str, change: impl FnOnce(&mut serde_json::Value)) -> String {
    let (says, _) = genuine.split_once('.').expect("two parts");
    let says = URL_SAFE_NO_PAD.decode(says).expect("text in base64");
    let mut says: serde_json::Value = serde_json::from_slice(&says).expect("JSON");
    change(&mut says);
    let says = serde_json::to_vec(&says).expect("JSON");
    let key = fs::read(sealed_by.nodes["p1"].data.join("cluster/ca.key")).expect("the authority's key");
    let seal = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), &says);
    format!("{}.{}", URL_SAFE_NO_PAD.encode(&says), URL_SAFE_NO_PAD.encode(seal))
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_are_not_good() {
    let mut cluster = Cluster::found("tokens", "").await;
    let stranger = Cluster::found("tokens", "").await;
    let token = async |cluster: &Cluster, node: &str| cluster.client().token(node).await.expect("a token").token;
    let good = token(&cluster, "p2").await;
    cluster.prepare("p2");
    cluster.prepare("p3");
    let config = |name: &str| path(&cluster.nodes[name].config).to_owned();
    let fingerprint = |token: &str| {
        let says = URL_SAFE_NO_PAD.decode(token.split_once('.').expect("two parts").0).expect("base64");
        serde_json::from_slice::<serde_json::Value>(&says).expect("JSON")["fingerprint"].clone()
    };
    let theirs = fingerprint(&token(&stranger, "p2").await);
    let cases = [
        ("garbled", "p2", good.replace('.', ""), "it is not a token"),
        ("cut off", "p2", good[..good.len() - 11].to_owned(), "this cluster did not make it"),
        ("for another node", "p3", good.clone(), "it is for node p2, this is p3"),
        (
            "renamed",
            "p3",
            good.replacen(
                good.split_once('.').expect("two parts").0,
                forge(&stranger, &good, |says| says["node"] = "p3".into()).split_once('.').expect("two parts").0,
                1,
            ),
            "this cluster did not make it",
        ),
        ("expired", "p2", forge(&cluster, &good, |says| says["expires"] = 1_700_000_000.into()), "it has expired"),
        ("of another cluster", "p2", forge(&stranger, &good, |_| {}), "this cluster did not make it"),
        (
            "of a cluster that is not here",
            "p2",
            forge(&cluster, &good, |says| says["fingerprint"] = theirs.clone()),
            "no node answers",
        ),
    ];
    for (what, node, token, expected) in cases {
        let (code, message) = tenured(&["--config", &config(node), "--join", &token]);
        println!("a token {what}: exit {code:?}: {}", message.trim_end().lines().last().unwrap_or_default());
        assert_eq!(code, Some(1), "{what}");
        assert!(message.contains(expected), "{what}: {message}");
        assert!(!cluster.nodes[node].data.join("cluster/node.key").exists(), "{what}: an identity was written");
    }
    assert_eq!(cluster.members_of("p1").await.members.len(), 1, "nobody was let in");

    // A valid token can be used again as long as the node has stored nothing: the first answer may have been lost.
    cluster.node("p2").start_with(&["--join", &good]);
    cluster.answers("p2").await;
    cluster.client_of("p1").node_promote("p2").await.expect("promoted");
    // But a voter without its memory would break its promise.
    cluster.kill("p2");
    fs::remove_dir_all(&cluster.nodes["p2"].data).expect("a lost disk");
    let (code, message) = tenured(&["--config", path(&cluster.nodes["p2"].config), "--join", &good]);
    println!("a voter that lost its disk: exit {code:?}: {}", message.trim_end());
    assert!(message.contains("node p2 votes already") && message.contains("`tenure node remove p2`"), "{message}");
    assert_eq!(code, Some(1), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_another_cluster_is_turned_away() {
    let mut cluster = Cluster::of(3, "same-name", "").await;
    cluster.declare(1).await;
    // Another cluster of the same name, with a node at the address of p3.
    let mut other = Cluster::found("same-name", "").await;
    other.kill("p1");
    if cluster.leads().await == "p3" {
        cluster.client().transfer_leader(Some("p1")).await.expect("transferred");
    }
    cluster.kill("p3");
    let (mine, its) = (&cluster.nodes["p3"], other.nodes["p1"].listen.ip().to_string());
    let text = fs::read_to_string(&other.nodes["p1"].config).expect("a file");
    fs::write(&other.nodes["p1"].config, text.replace(&its, &mine.listen.ip().to_string())).expect("a file");
    other.node("p1").api = mine.api;
    other.start("p1");
    assert_eq!(other.leads().await, "p1");
    let before = other.members_of("p1").await;

    let term = cluster.members_of("p1").await.term;
    for _ in 0..5 {
        cluster.commit(Verb::Freeze { group: "g0".into() }).await;
        cluster.commit(Verb::Unfreeze { group: "g0".into() }).await;
    }
    let after = other.members_of("p1").await;
    assert_eq!((before.term, before.members), (after.term, after.members), "the stranger keeps to itself");
    assert_eq!(cluster.members_of("p1").await.term, term, "and the cluster is not disturbed");
    let log = cluster.nodes.values().map(|node| node.log()).collect::<String>();
    let lines: Vec<&str> =
        log.lines().filter(|line| line.contains("certificate") || line.contains("authority")).collect();
    println!("the cluster's log on the stranger ({} lines): {}", lines.len(), lines.first().unwrap_or(&""));

    // An administrator of one cluster has no access to the other.
    let refused = tenure(&cluster.nodes["p1"].api.to_string(), &other.admin(), &["status"]);
    println!("another cluster's administrator: exit {:?}: {}", refused.status.code(), said(&refused).trim_end());
    assert_eq!(refused.status.code(), Some(3));
    other.kill("p1");
    cluster.start("p3");
    let index = cluster.members_of("p1").await.index;
    cluster.applied("p3", index).await;
}
