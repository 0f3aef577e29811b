//! Nodes whose data is lost while their identity is still there. They have voted and acknowledged, and others count
//! on that: they must not take part as if they were new, and tell the administrator what to do.

use super::nodes::{Cluster, path, said, tenured, until};
use std::{fs, path::Path};
use tenure::api::{ClientError, Read, wire::ErrorKind};
use tenure_core::Verb;

/// Deletes all data but the identity.
fn lose_data(data: &Path) {
    for item in fs::read_dir(data).expect("a directory") {
        let item = item.expect("an item");
        match item.file_type().expect("a type").is_dir() {
            true if item.file_name() == "cluster" => {}
            true => fs::remove_dir_all(item.path()).expect("removed"),
            false => fs::remove_file(item.path()).expect("removed"),
        }
    }
}

/// Checks that the node ends by itself with the reason, and with advice.
fn is_refused(cluster: &Cluster, name: &str) {
    let (code, message) = tenured(&["--config", path(&cluster.nodes[name].config)]);
    println!("{name} without its data: exit {code:?}\n  {}", message.trim_end());
    assert_eq!(code, Some(1), "{message}");
    for part in ["is blank, but node", "tenure node remove", "--join"] {
        assert!(message.contains(part), "{part}: {message}");
    }
}

pub async fn frozen(cluster: &Cluster, name: &str) -> Vec<(String, bool)> {
    let status = cluster.client_of(name).status(Read::Linearizable).await.expect("an answer");
    status.groups.into_iter().map(|group| (group.name, group.frozen)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voter_without_its_data_lets_nobody_lead_without_what_it_acknowledged() {
    let mut cluster = Cluster::of(3, "forgotten", "").await;
    cluster.declare(2).await;
    let index = cluster.members_of("p1").await.index;
    cluster.applied("p3", index).await;
    cluster.kill("p3");
    cluster.commit(Verb::Freeze { group: "g0".into(), terms: Default::default() }).await;
    cluster.commit(Verb::Freeze { group: "g1".into(), terms: Default::default() }).await;
    cluster.kill("p1");
    cluster.kill("p2");
    lose_data(&cluster.nodes["p2"].data);

    cluster.start("p3");
    cluster.answers_at_all("p3").await;
    is_refused(&cluster, "p2");
    is_refused(&cluster, "p2");
    let alone = cluster.impatient("p3").status(Read::Linearizable).await;
    assert!(alone.is_err(), "p3 leads without what was acknowledged: {alone:?}");

    cluster.start("p1");
    let leader = cluster.leads().await;
    assert_eq!(leader, "p1", "it has what was acknowledged");
    let all: Vec<(String, bool)> = ["g0", "g1"].map(|group| (group.to_owned(), true)).into();
    assert_eq!(frozen(&cluster, "p1").await, all);
    assert_eq!(frozen(&cluster, "p3").await, all);

    // The advised steps.
    cluster.client_of("p1").node_remove("p2").await.expect("removed");
    fs::rename(&cluster.nodes["p2"].data, cluster.directory.path().join("p2.lost")).expect("moved away");
    rejoin(&mut cluster, "p2", "p1").await;
    assert_eq!(frozen(&cluster, "p2").await, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_founder_without_its_data_founds_nothing() {
    let mut cluster = Cluster::of(3, "founder", "").await;
    cluster.holds_authority("p2").await;
    cluster.declare(1).await;
    cluster.kill("p1");
    lose_data(&cluster.nodes["p1"].data);
    cluster.commit(Verb::Freeze { group: "g0".into(), terms: Default::default() }).await;
    let leader = cluster.leads().await;
    let term = cluster.members_of(&leader).await.term;
    is_refused(&cluster, "p1");
    cluster.commit(Verb::Unfreeze { group: "g0".into() }).await;
    assert_eq!(cluster.members_of(&leader).await.term, term, "nobody was disturbed");

    // The founder is a node like every other one: any member makes the tokens.
    let client = cluster.client_of("p2");
    until("p1 is removed", async || match client.node_remove("p1").await {
        Ok(_) => true,
        Err(ClientError::Answered(why)) if why.kind == ErrorKind::NotLeader => false,
        Err(why) => panic!("{why}"),
    })
    .await;
    fs::rename(&cluster.nodes["p1"].data, cluster.directory.path().join("p1.lost")).expect("moved away");
    rejoin(&mut cluster, "p1", "p2").await;
    let members = cluster.members_of("p1").await;
    assert_eq!(members.members.iter().filter(|member| member.voter).count(), 3);
    assert!(members.members.iter().all(|member| member.id != 1), "nobody is the founder again: {members:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn data_that_was_put_back_from_a_copy_is_refused() {
    let mut cluster = Cluster::found("older", "").await;
    cluster.declare(1).await;
    let database = |name: &str, to: &str| {
        let (from, to) = (cluster.nodes[name].data.clone(), cluster.directory.path().join(to));
        fs::create_dir_all(&to).expect("a directory");
        (from, to)
    };
    let (data, copy) = database("p1", "copy");
    let (status, _) = cluster.node("p1").terminate();
    assert!(status.success());
    copy_files(&data, &copy);
    cluster.start("p1");
    cluster.commit(Verb::Freeze { group: "g0".into(), terms: Default::default() }).await;
    cluster.kill("p1");
    lose_data(&data);
    copy_files(&copy, &data);
    let (code, message) = tenured(&["--config", path(&cluster.nodes["p1"].config)]);
    println!("data from a copy: exit {code:?}\n  {}", message.trim_end());
    assert_eq!(code, Some(1), "{message}");
    assert!(message.contains("is older than what node 1 has acknowledged"), "{message}");
}

/// Copies the files of a database, which has no directories as long as its values are small.
fn copy_files(from: &Path, to: &Path) {
    for item in fs::read_dir(from).expect("a directory") {
        let item = item.expect("an item");
        if item.file_type().expect("a type").is_file() {
            fs::copy(item.path(), to.join(item.file_name())).expect("copied");
        }
    }
}

async fn rejoin(cluster: &mut Cluster, name: &str, authority: &str) {
    let token = cluster.client_of(authority).token(name).await.expect("a token").token;
    cluster.start_with_token(name, &token);
    cluster.answers(name).await;
    let client = cluster.client_of(authority);
    until(&format!("{name} votes again"), async || client.node_promote(name).await.is_ok()).await;
    let output = cluster.tenure(&["status"]);
    assert!(output.status.success(), "{}", said(&output));
}
