//! Membership from one node to three, to five and back, through tokens, `join`, `promote` and `remove`.

use super::{
    load::{Load, Write, find_again},
    nodes::{Cluster, until},
};
use std::time::Instant;
use tenure::api::{Read, wire::ErrorKind};

const CLIENTS: usize = 3;
const CHANGES: usize = 20;

async fn serves(cluster: &Cluster, stage: &str, since: Instant, load: &Load) {
    load.acknowledges(CHANGES).await;
    let leader = cluster.leads().await;
    let members = cluster.members_of(&leader).await;
    let voters = members.members.iter().filter(|member| member.voter).count();
    println!(
        "{stage}: {voters} voters, {leader} leads in term {}, usable {:?} after the change",
        members.term,
        since.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn from_one_node_to_three_to_five_and_back() {
    let mut cluster = Cluster::found("members", "").await;
    cluster.declare(CLIENTS).await;
    let load = Load::start(&cluster, CLIENTS);
    serves(&cluster, "one", Instant::now(), &load).await;

    for (size, names) in [("three", ["p2", "p3"]), ("five", ["p4", "p5"])] {
        let began = Instant::now();
        for name in names {
            cluster.join(name).await;
        }
        serves(&cluster, size, began, &load).await;
    }
    let voters = |view: &tenure::api::wire::MembersView| view.members.iter().filter(|one| one.voter).count();
    assert_eq!(voters(&cluster.members_of("p5").await), 5);

    // Five voters tolerate the loss of two, one of them the leader. The clients of the load know p1 alone, so it
    // stays.
    if cluster.leads().await == "p1" {
        cluster.client().transfer_leader(Some("p2")).await.expect("transferred");
    }
    let leader = cluster.leads().await;
    let other = ["p2", "p3", "p4", "p5"].into_iter().find(|name| *name != leader).expect("another");
    let began = Instant::now();
    cluster.kill(&leader);
    cluster.kill(other);
    serves(&cluster, "two of five lost", began, &load).await;
    cluster.start(&leader);
    cluster.start(other);
    cluster.answers(&leader).await;
    cluster.answers(other).await;

    // Back to three: one of the removed nodes is the leader itself.
    let began = Instant::now();
    if cluster.leads().await != "p5" {
        cluster.client().transfer_leader(Some("p5")).await.expect("transferred");
    }
    cluster.client().node_remove("p4").await.expect("removed");
    let removed = cluster.client().node_remove("p5").await.or_else(|why| match why.kind() {
        // A leader that removes itself may be gone before it answers.
        ErrorKind::Unknown | ErrorKind::Unreachable | ErrorKind::NotLeader => Ok(cluster_is_told()),
        ErrorKind::Refused | ErrorKind::Usage => Err(why),
    });
    removed.expect("removed");
    until("p5 is out", async || {
        cluster.client_of("p1").node_remove("p5").await.is_err_and(|why| why.kind() == ErrorKind::Refused)
    })
    .await;
    serves(&cluster, "back to three", began, &load).await;
    let view = cluster.members_of(&cluster.leads().await).await;
    let names: Vec<&str> = view.members.iter().map(|member| member.name.as_str()).collect();
    assert_eq!(names, ["p1", "p2", "p3"]);

    let writes = load.end().await;
    removed_nodes_do_no_harm(&mut cluster, &writes).await;
}

fn cluster_is_told() -> tenure::api::wire::MembersView {
    tenure::api::wire::MembersView {
        answered_by: String::new(),
        leader: None,
        term: 0,
        index: 0,
        members: Vec::new(),
        level: 1,
        nodes: Vec::new(),
        at: String::new(),
        now: String::new(),
        heard: None,
        unreached: std::collections::BTreeMap::new(),
    }
}

/// Removed nodes go on, and start again: they never lead, disturb no other node, and vouch for nothing.
async fn removed_nodes_do_no_harm(cluster: &mut Cluster, writes: &[Vec<Write>]) {
    let leader = cluster.leads().await;
    let before = cluster.members_of(&leader).await;
    for name in ["p4", "p5"] {
        assert!(cluster.node(name).runs(), "{name} still runs");
        cluster.kill(name);
        cluster.start(name);
        cluster.answers_at_all(name).await;
        let answer = cluster.impatient(name).status(Read::Linearizable).await;
        let index = answer.as_ref().ok().map(|status| status.index);
        println!(
            "removed {name} is asked for the state: {:?}",
            answer.map(|status| status.leader).map_err(|why| why.to_string())
        );
        assert!(index.is_none_or(|index| index >= before.index), "{name} vouches for an old state");
    }
    let stays = ["p1", "p2", "p3"].into_iter().find(|name| *name != leader).expect("a follower");
    find_again(cluster, writes).await;
    let after = cluster.members_of(&leader).await;
    assert_eq!((after.term, after.leader), (before.term, before.leader), "removed nodes unseat nobody");
    // One of the three voters and two removed nodes are no majority.
    for name in ["p1", "p2", "p3"].into_iter().filter(|name| *name != stays) {
        cluster.kill(name);
    }
    let answer = cluster.impatient(stays).status(Read::Linearizable).await;
    assert!(answer.is_err(), "one of three and two removed nodes are no majority");
    println!("one of three with two removed nodes: {}", answer.expect_err("just seen"));
}
