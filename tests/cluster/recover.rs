//! A majority is lost for ever, and one node that is left goes on alone: what is refused, what stays, and what the others do
//! when they come back.

use super::{
    nodes::{Cluster, path, said, tenure, tenured, until},
    restart::{settled, site, starts, stop},
};
use std::{fs, path::Path, time::Duration};
use tenure::api::{Client, Read, wire::GroupStatus};
use tenure_core::Verb;

/// `tenured --recover-majority` for a node.
fn recover(config: &Path, more: &[&str]) -> (Option<i32>, String) {
    tenured(&[&["--config", path(config), "--recover-majority"], more].concat())
}

const SURE: [&str; 4] = ["--by", "anna", "--yes-i-checked", "site"];

#[tokio::test(flavor = "multi_thread")]
async fn it_is_refused_while_it_may_be_wrong_and_who_was_given_up_stops() {
    let mut cluster = Cluster::of(3, "site", "").await;
    cluster.declare(2).await;
    cluster.commit(Verb::Freeze { group: "g0".into(), terms: Default::default() }).await;
    cluster.commit(Verb::Offline { group: "g1".into(), propagate: false }).await;
    let index = cluster.client().status(Read::Linearizable).await.expect("answered").index;
    cluster.applied("p1", index).await;
    let config = cluster.nodes["p1"].config.clone();

    let (code, text) = recover(&config, &SURE);
    assert!(code == Some(1) && text.contains("in use by process"), "while it runs: {code:?} {text}");
    cluster.kill("p1");
    cluster.kill("p3");
    let (code, text) = recover(&config, &SURE);
    assert!(code == Some(1) && text.contains("p2 answers: it is not lost"), "{code:?} {text}");
    cluster.kill("p2");
    let (code, text) = recover(&config, &["--by", "anna"]);
    assert!(code == Some(2) && text.contains("nobody is here to confirm"), "{code:?} {text}");
    for part in ["p2  127.", "p3  127.", "The cluster is disarmed", "Wipe those disks", "--yes-i-checked site"] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
    let (code, text) = recover(&config, &["--by", "anna", "--yes-i-checked", "sight"]);
    assert!(code == Some(2) && text.contains("names \"sight\", not \"site\""), "{code:?} {text}");
    let (code, text) = tenured(&["--config", path(&config), "--by", "anna"]);
    assert!(code == Some(2), "{text}");

    let (code, text) = recover(&config, &SURE);
    println!("{text}");
    assert_eq!(code, Some(0), "{text}");
    let (code, text) = recover(&config, &SURE);
    assert!(code == Some(1) && text.contains("p1 is the only voter already"), "a second time: {code:?} {text}");
    let saved = fs::read_dir(&cluster.nodes["p1"].data).expect("it is there").filter_map(|file| {
        let path = file.expect("a name").path();
        path.to_str().is_some_and(|path| path.ends_with(".backup")).then_some(path)
    });
    let saved: Vec<_> = saved.collect();
    assert_eq!(saved.len(), 1, "the ledger as it was");
    let show = cluster.tenure(&["backup", "show", path(&saved[0])]);
    assert!(said(&show).contains("frozen:                 g0"), "{}", said(&show));

    cluster.start("p1");
    let p1 = cluster.client_of("p1");
    until("p1 leads", async || p1.status(Read::Linearizable).await.is_ok()).await;
    let status = p1.status(Read::Linearizable).await.expect("answered");
    let group = |name: &str| status.groups.iter().find(|group| group.name == name).expect("declared");
    assert!(group("g0").frozen && !group("g1").frozen);
    assert_eq!(group("g1").intent, tenure::api::wire::Intent::Offline);
    assert!(status.standstills.iter().any(|text| text.contains("DISARMED")), "{:?}", status.standstills);
    assert!(status.index >= 1_000_000_000_000, "a leap ahead of all that the others may have stored");
    let refused = p1.request(Client::request_id(), Verb::Arm).await.expect_err("p2 and p3 may run").view();
    assert_eq!(refused.code.as_deref(), Some("unaccounted"), "{refused:?}");
    let audit = p1.audit(0, Read::Linearizable).await.expect("answered").records;
    assert!(audit.iter().any(|record| record.what.contains("by anna")), "{audit:?}");
    let events = p1.events(0, Read::Linearizable).await.expect("the journal");
    let said_so = events.iter().find(|event| event.kind == "majority_given_up").expect("it is on record");
    assert!(said_so.text.contains("anna") && said_so.text.contains("p2, p3"), "{}", said_so.text);
    assert!(cluster.tenure_of("p1", &["audit"]).status.success(), "the audit is whole");

    // The others come back with their disks: most of the voters that they know. Both stop, for good.
    for name in ["p2", "p3"] {
        cluster.start(name);
    }
    for name in ["p2", "p3"] {
        let (status, took) = cluster.node(name).ended();
        println!("{name} came back and stopped after {took:?}");
        assert_eq!(status.code(), Some(3), "{}", cluster.nodes[name].log());
        assert!(cluster.nodes[name].log().contains("this node was given up"));
    }
    cluster.kill("p1");
    for name in ["p2", "p3"] {
        let (code, text) = tenured(&["--config", path(&cluster.nodes[name].config)]);
        assert!(code == Some(3) && text.contains("join it anew"), "also where nobody tells it: {code:?} {text}");
        let (code, text) = recover(&cluster.nodes[name].config.clone(), &SURE);
        assert!(code == Some(1) && text.contains("was given up itself"), "{code:?} {text}");
    }
    cluster.start("p1");
    until("p1 leads again", async || p1.status(Read::Linearizable).await.is_ok()).await;

    // One joins anew, the other one is seen to be off.
    fs::remove_dir_all(&cluster.nodes["p2"].data).expect("wiped");
    cluster.holds_authority("p1").await;
    let token = p1.token("p2").await.expect("a token").token;
    cluster.start_with_token("p2", &token);
    cluster.answers("p2").await;
    p1.node_promote("p2").await.expect("promoted");
    until("p2 is accounted for", async || {
        let refused = p1.request(Client::request_id(), Verb::Arm).await.expect_err("p3 may run").view();
        assert!(refused.message.contains("p3"), "{}", refused.message);
        !refused.message.contains("p2")
    })
    .await;
    until("p3 is asserted off", async || {
        p1.request(Client::request_id(), Verb::ConfirmNodeOff { node: "p3".into() }).await.is_ok()
    })
    .await;
    p1.request(Client::request_id(), Verb::Arm).await.expect("armed");
    let members = cluster.members_of("p2").await.members;
    assert_eq!(members.iter().filter(|member| member.voter).count(), 2);
    assert!(members.iter().all(|member| member.name == "p1" || member.id > 1_000_000_000_000), "{members:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_goes_on_from_the_disk_of_one_node() {
    let (directory, site) = site(3).await;
    let before = settled(&site, "everything is online").await;
    let started = starts(&site, &before);
    let names = site.names().to_vec();
    let (one, others) = names.split_first().expect("three nodes");
    let ask = |verb| site.client.request(Client::request_id(), verb);
    let group = before.groups.iter().find(|group| group.name == "trial").expect("a group").clone();
    ask(Verb::Freeze { group: "database".into(), terms: Default::default() }).await.expect("frozen");
    let stopped = before.groups.iter().find(|group| group.name == "shop").expect("a group").name.clone();
    ask(Verb::Offline { group: stopped.as_str().into(), propagate: true }).await.expect("stopped");
    site.until("shop is offline", Duration::from_secs(60), async || {
        site.client.status(Read::Linearizable).await.is_ok_and(|status| {
            status.groups.iter().any(|group| group.name == stopped && group.state == GroupStatus::Offline)
        })
    })
    .await
    .expect("it stops");
    for name in others {
        site.kill_node(name).expect("killed");
        fs::remove_dir_all(directory.path().join(name)).expect("its disk is gone");
    }
    stop(&site, one).await;
    let (code, text) =
        recover(&directory.path().join(format!("{one}.toml")), &["--by", "anna", "--yes-i-checked", &before.cluster]);
    assert_eq!(code, Some(0), "{text}");
    site.start_node(one).expect("started");
    let p1 = site.client_of(one).expect("a client");
    site.until("it leads alone, and has found what runs", Duration::from_secs(90), async || {
        p1.status(Read::Linearizable).await.is_ok_and(|status| {
            let mut running = status.groups.iter().filter(|group| group.name != stopped);
            running.all(|group| group.server.is_some() && group.state == GroupStatus::Online)
        })
    })
    .await
    .unwrap_or_else(|late| panic!("{late}"));

    for name in others {
        let token = p1.token(name).await.expect("a token").token;
        site.join_node(name, &token).expect("started");
        let node = site.client_of(name).expect("a client");
        let what = format!("{name} has joined");
        site.until(&what, Duration::from_secs(60), async || node.status(Read::Linearizable).await.is_ok())
            .await
            .expect("it joins");
        p1.node_promote(name).await.expect("promoted");
    }
    // It takes a moment until a node that has joined is entered as one.
    site.until("it is armed", Duration::from_secs(60), async || {
        p1.request(Client::request_id(), Verb::Arm).await.is_ok()
    })
    .await
    .expect("armed");
    let after = site.client.status(Read::Linearizable).await.expect("answered");
    assert_eq!(starts(&site, &after), started, "nothing was started by it");
    let of = |name: &str| after.groups.iter().find(|group| group.name == name).expect("declared");
    assert!(of("database").frozen && of(&stopped).state == GroupStatus::Offline, "{:?}", after.groups);
    let to = group.system_list.iter().find(|server| Some(*server) != of("trial").server.as_ref()).expect("another");
    let nodes: Vec<String> = site.api_addresses().map(|(_, address)| address.to_string()).collect();
    let switch = ["group", "switch", "trial", "--to", to, "--wait=90s"];
    let moved = tenure(&nodes.join(","), &site.admin_dir(), &switch);
    assert!(moved.status.success(), "{}", said(&moved));
}
