//! Certificates: every member can sign, the authority is rotated while the cluster works, and who is locked out gets in again.

use super::nodes::{Cluster, path, said, tenure, until};
use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, process::Output};
use tenure::{
    api::{
        Client, ClientError, Read,
        wire::{AuthoritiesView, AuthorityState},
    },
    local::identity,
};
use tenure_core::Verb;
use tenure_raft::tls::roots;

async fn authorities(client: &Client) -> AuthoritiesView {
    client.authorities(Read::Linearizable).await.expect("the authorities")
}

/// A copy of the administrator's directory as it is now.
fn copy_of_admin(cluster: &Cluster, name: &str) -> PathBuf {
    let copy = cluster.directory.path().join(name);
    fs::create_dir(&copy).expect("a directory");
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o700)).expect("it is ours");
    for file in ["user.pem", "user.key", "ca.pem"] {
        fs::copy(cluster.admin().join(file), copy.join(file)).expect("a copy");
    }
    copy
}

fn done(output: &Output) -> String {
    assert!(output.status.success(), "{}", said(output));
    said(output)
}

fn signing(view: &AuthoritiesView) -> &str {
    let mut signing = view.authorities.iter().filter(|one| one.state == AuthorityState::Signs);
    &signing.next().expect("one signs").fingerprint
}

#[tokio::test(flavor = "multi_thread")]
async fn the_authority_is_rotated_while_the_cluster_works() {
    let mut cluster = Cluster::of(3, "rotated", "").await;
    cluster.declare(1).await;
    for name in ["p1", "p2", "p3"] {
        cluster.holds_authority(name).await;
    }
    let client = cluster.client();
    let old = signing(&authorities(&client).await).to_owned();
    let abroad = copy_of_admin(&cluster, "abroad");
    let pids: Vec<_> = cluster.nodes.values().map(|node| node.pid()).collect();
    let leader = cluster.leads().await;
    let term = cluster.members_of(&leader).await.term;

    done(&cluster.tenure(&["authority", "rotate"]));
    let nodes = ["p1", "p2", "p3"].map(str::to_owned);
    until("every node has a certificate of the new authority", async || {
        cluster.commit(Verb::Freeze { group: "g0".into(), terms: Default::default() }).await;
        cluster.commit(Verb::Unfreeze { group: "g0".into() }).await;
        let view = authorities(&client).await;
        view.authorities.iter().any(|one| one.fingerprint != old && one.nodes == nodes && one.holders == nodes)
    })
    .await;
    let view = authorities(&client).await;
    let new = signing(&view).to_owned();
    assert!(new != old && view.authorities.len() == 2, "{view:?}");
    assert_eq!(cluster.members_of(&leader).await.term, term, "nobody was disturbed");

    // Who trusts the old one alone still gets in, and is given both.
    let from = |directory: &PathBuf| identity::load(directory, identity::USER).expect("an identity");
    assert_eq!(roots(&from(&abroad).ca_pem).expect("readable").len(), 1);
    let nodes: Vec<String> = cluster.nodes.values().map(|node| node.api.to_string()).collect();
    let late = copy_of_admin(&cluster, "late");
    done(&tenure(&nodes.join(","), &abroad, &["whoami"]));
    assert_eq!(roots(&from(&abroad).ca_pem).expect("readable").len(), 2);
    assert!(from(&abroad).fits().expect("readable"));

    // The old one is needed until its certificates are gone; who comes too late is shut out by force.
    let short = &old[..12];
    let refused = cluster.tenure(&["authority", "retire", short]);
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(said(&refused).contains("users admin"), "{}", said(&refused));
    done(&tenure(&nodes.join(","), &abroad, &["authority", "retire", short, "--force"]));
    let renewed = Client::new(&from(&abroad), nodes.clone(), std::time::Duration::from_secs(20)).expect("a client");
    until("nobody trusts the old one", async || {
        let mut gone = true;
        for node in cluster.nodes.values() {
            let trusted = fs::read_to_string(node.data.join("cluster/ca.pem")).expect("a file");
            gone &= roots(&trusted).expect("readable").len() == 1;
        }
        gone
    })
    .await;
    let view = authorities(&renewed).await;
    assert_eq!((view.authorities.len(), signing(&view)), (1, new.as_str()));
    let shut_out = Client::new(&from(&late), nodes.clone(), std::time::Duration::from_secs(5)).expect("a client");
    until("who has a certificate of it is shut out", async || {
        matches!(shut_out.whoami().await, Err(ClientError::Unreachable { .. }))
    })
    .await;
    assert_eq!(cluster.nodes.values().map(|node| node.pid()).collect::<Vec<_>>(), pids, "no process was restarted");

    // A node that was killed meanwhile, or is, comes back.
    cluster.kill("p3");
    cluster.start("p3");
    let p3 = vec![cluster.nodes["p3"].api.to_string()];
    let p3 = Client::new(&from(&abroad), p3, std::time::Duration::from_secs(20)).expect("a client");
    until("p3 answers", async || p3.status(Read::Linearizable).await.is_ok()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_authority_outlives_its_founder_and_a_user_who_is_locked_out_gets_in_again() {
    let mut cluster = Cluster::of(3, "outlives", "").await;
    cluster.holds_authority("p2").await;
    cluster.kill("p1");
    let token = async |cluster: &Cluster| cluster.client_of("p2").token("p4").await;
    until("p2 makes a token", async || token(&cluster).await.is_ok()).await;
    cluster.prepare("p4");
    let made = token(&cluster).await.expect("a token").token;
    cluster.start_with_token("p4", &made);
    cluster.answers("p4").await;
    cluster.holds_authority("p4").await;

    let lost = cluster.directory.path().join("again");
    let config = path(&cluster.nodes["p2"].config).to_owned();
    let api = cluster.nodes["p2"].api.to_string();
    let recover = ["user", "recover", "admin", "--config", &config];
    done(&tenure(&api, &lost, &recover));
    assert!(done(&tenure(&api, &lost, &["whoami"])).contains("administrator"));
    let found = identity::load(&lost, identity::USER).expect("an identity");
    let left = found.details().expect("readable").valid.until.duration_since(std::time::SystemTime::now());
    assert!(left.expect("in the future") > std::time::Duration::from_secs(360 * 24 * 3600), "not the short one");
    let audit = done(&tenure(&api, &lost, &["audit"]));
    assert!(audit.contains("certify key") && audit.contains("gives node p2 the key"), "{audit}");

    let again = tenure(&api, &lost, &recover);
    assert!(again.status.code() == Some(2) && said(&again).contains("holds an identity already"), "{}", said(&again));
    let stranger = ["user", "recover", "nobody", "--config", &config];
    let refused = tenure(&api, &cluster.directory.path().join("other"), &stranger);
    assert!(refused.status.code() == Some(2) && said(&refused).contains("no user nobody"), "{}", said(&refused));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_of_a_certificate_may_be_replaced() {
    let mut cluster = Cluster::found("replaced", "").await;
    cluster.holds_authority("p1").await;
    let shown = |cluster: &Cluster| cluster.nodes["p1"].log();
    let file = cluster.nodes["p1"].data.join("cluster/node.pem");
    let same = fs::read_to_string(&file).expect("a file");
    fs::write(&file, same).expect("written");
    // The signal only makes it look at once.
    rustix::process::kill_process(cluster.nodes["p1"].pid(), rustix::process::Signal::HUP).expect("it runs");
    until("the files are read again", async || shown(&cluster).contains("the certificate was read again")).await;
    assert!(cluster.node("p1").runs());
    fs::write(&file, "nothing").expect("written");
    until("bad files are told", async || shown(&cluster).contains("are not usable")).await;
    cluster.answers("p1").await;
}
