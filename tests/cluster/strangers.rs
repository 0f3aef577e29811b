//! Intruders: nodes of other clusters, bad tokens, a second process on the same data, no identity at all. Each is
//! refused with a message that tells the reason, and harms no one.

use super::nodes::{Cluster, path, said, tenure, tenured};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
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

/// A token that says something else.
fn forge(genuine: &str, change: impl FnOnce(&mut serde_json::Value)) -> String {
    let (says, secret) = genuine.split_once('.').expect("two parts");
    let says = URL_SAFE_NO_PAD.decode(says).expect("text in base64");
    let mut says: serde_json::Value = serde_json::from_slice(&says).expect("JSON");
    change(&mut says);
    let says = serde_json::to_vec(&says).expect("JSON");
    format!("{}.{secret}", URL_SAFE_NO_PAD.encode(&says))
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
    let theirs = token(&stranger, "p2").await;
    let (says, secret) = good.split_once('.').expect("two parts");
    let (their_word, their_secret) = theirs.split_once('.').expect("two parts");
    let spent = token(&cluster, "p3").await;
    cluster.client().node_remove("p3").await.expect_err("it is no member, and its tokens are spent all the same");
    let cases = [
        ("garbled", "p2", good.replace('.', ""), "it is not a token"),
        ("cut off", "p2", good[..good.len() - 11].to_owned(), "it is not a token"),
        ("for another node", "p3", good.clone(), "it is for node p2, this is p3"),
        ("renamed", "p3", forge(&good, |says| says["for"] = "p3".into()), "it is not for node p3"),
        ("of a node that was removed", "p3", spent, "this cluster did not make it"),
        ("of another cluster", "p2", format!("{says}.{their_secret}"), "this cluster did not make it"),
        ("that sends it to another cluster", "p2", format!("{their_word}.{secret}"), "this cluster did not make it"),
    ];
    for (what, node, token, expected) in cases {
        let file = cluster.directory.path().join("bad.token");
        fs::write(&file, token).expect("a file");
        let (code, message) = tenured(&["--config", &config(node), "--join-file", path(&file)]);
        println!("a token {what}: exit {code:?}: {}", message.trim_end().lines().last().unwrap_or_default());
        assert_eq!(code, Some(1), "{what}");
        assert!(message.contains(expected), "{what}: {message}");
        assert!(!cluster.nodes[node].data.join("cluster/node.key").exists(), "{what}: an identity was written");
    }
    assert_eq!(cluster.members_of("p1").await.members.len(), 1, "nobody was let in");
    let (code, message) = tenured(&["--config", &config("p2"), "--join-file", "/nonexistent/token"]);
    assert!(code == Some(2) && message.contains("/nonexistent/token"), "{message}");

    cluster.start_with_token("p2", &good);
    cluster.answers("p2").await;
    cluster.client_of("p1").node_promote("p2").await.expect("promoted");
    // A third one, so that the cluster works on without p2.
    let third = token(&cluster, "p3").await;
    cluster.start_with_token("p3", &third);
    cluster.answers("p3").await;
    cluster.client_of("p1").node_promote("p3").await.expect("promoted");
    // It is good once: who comes with another key is refused, were it the same machine.
    cluster.kill("p2");
    fs::remove_dir_all(&cluster.nodes["p2"].data).expect("a lost disk");
    let file = cluster.directory.path().join("p2.token");
    let (code, message) = tenured(&["--config", path(&cluster.nodes["p2"].config), "--join-file", path(&file)]);
    println!("the same token again: exit {code:?}: {}", message.trim_end());
    assert!(message.contains("it was used already"), "{message}");
    assert_eq!(code, Some(1), "{message}");
    // And a voter without its memory would break its promise.
    let fresh = token(&cluster, "p2").await;
    fs::write(&file, fresh).expect("a file");
    let (code, message) = tenured(&["--config", path(&cluster.nodes["p2"].config), "--join-file", path(&file)]);
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
        cluster.commit(Verb::Freeze { group: "g0".into(), terms: Default::default() }).await;
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
