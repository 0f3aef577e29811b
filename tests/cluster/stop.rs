//! A node that is asked to stop does so soon and in order, whatever it is doing.

use super::nodes::{Cluster, until};
use rustix::process::Signal;
use std::time::Duration;
use tenure::api::{Client, Read};
use tenure_core::Verb;

/// A longer time would make an operator, or systemd, use `kill -9`.
const SOON: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_told_to_stop_ends_soon_and_well() {
    let mut cluster = Cluster::of(3, "stop", "").await;
    cluster.declare(1).await;
    let leader = cluster.leads().await;
    let told = |cluster: &mut Cluster, name: &str, what: &str, signal: Signal| {
        cluster.node(name).signal(signal);
        let (status, took) = cluster.node(name).ended();
        println!("{what}: exit {:?} after {took:?}", status.code());
        assert_eq!(status.code(), Some(0), "{what}");
        assert!(took < SOON, "{what}: {took:?}");
        let log = cluster.nodes[name].log();
        assert!(log.trim_end().ends_with("stopped"), "{what}: {}", log.lines().last().unwrap_or_default());
    };
    told(&mut cluster, &leader, "the leader", Signal::TERM);
    let second = cluster.leads().await;
    let third = cluster.nodes.keys().find(|name| **name != leader && **name != second).expect("a third").clone();

    // Without a majority, with a change that cannot be committed, and with a client that follows events.
    cluster.kill(&second);
    let client = cluster.client_of(&third);
    let mut events = client.follow(0);
    events.next().await.expect("an old event");
    let asking = client.clone();
    let change = tokio::spawn(async move {
        asking.request(Client::request_id(), Verb::Freeze { group: "g0".into(), terms: Default::default() }).await
    });
    until("the change is under way", async || client.status(Read::Linearizable).await.is_err()).await;
    told(&mut cluster, &third, "a node without a majority, a change under way", Signal::TERM);
    let answer = change.await.expect("the client does not panic");
    assert!(answer.is_err(), "a change without a majority was acknowledged: {answer:?}");

    cluster.start(&third);
    cluster.answers_at_all(&third).await;
    told(&mut cluster, &third, "a node that finds nobody, interrupted", Signal::INT);
}
