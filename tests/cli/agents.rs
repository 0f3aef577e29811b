//! Resources inside nodes, and nodes that are out, as an operator sees them.

use super::{
    commands::Desk,
    fake::{Mood, SITE, Site},
};
use tenure::cli::Exit;
use tenure_core::{Power, Span, foreign::TEXT};

/// The site with a group inside the management LPARs: an address and a service at it.
pub fn inside() -> String {
    SITE.replace("lpar = \"mgmt1\"", "lpar = \"mgmt1\"\nwatchdog = \"10m\"")
        + r#"
[groups.shop]
servers = ["p1", "p2"]
priority = 20

[resources.ip]
group = "shop"
type = "ocf:heartbeat:IPaddr2"
attributes = { ip = "192.0.2.7", cidr_netmask = "24" }
monitor_interval = "5s"
monitor_timeout = "20s"

[resources.ip.on.p2]
nic = "eth1"

[resources.web]
group = "shop"
type = "systemd:nginx.service"
requires = ["ip"]
"#
}

async fn desk() -> Desk {
    let mut site = Site::running_from(0, &inside());
    site.said.insert(("p1".into(), "ip".into()), "192.0.2.7 on eth0".to_owned());
    Desk::new(site).await
}

#[tokio::test]
async fn a_resource_is_shown_with_what_its_agent_says() {
    let desk = desk().await;
    // A changed state is shown at once.
    desk.served.fake.site().set("p1", "ip", Power::Unknown);
    desk.served.fake.settle();
    desk.served.fake.site().set("p1", "ip", Power::Running);
    desk.served.fake.settle();
    insta::assert_snapshot!(desk.run("resource show ip").await.out);
    let ip = desk.run("resource show ip --output json").await.json();
    assert_eq!(ip["places"][0]["said"], "192.0.2.7 on eth0");
    assert_eq!(ip["attributes_on"]["p2"]["nic"], "eth1");
    assert_eq!((ip["monitor"].as_str(), ip["state"].as_str()), (Some("5s"), Some("Running")));

    // A very long message of an agent is cut.
    desk.served.fake.site().said.insert(("p1".into(), "ip".into()), "ä".repeat(1000));
    desk.served.fake.site().set("p1", "ip", Power::Unknown);
    desk.served.fake.settle();
    let ip = desk.run("resource show ip --output json").await.json();
    assert_eq!(ip["places"][0]["said"].as_str().map(|said| said.chars().count()), Some(TEXT));
    desk.served.stop().await;
}

#[tokio::test]
async fn agents_are_asked_and_their_words_are_printed_as_they_are() {
    let desk = desk().await;
    let ended = desk.run("resource info ip").await;
    assert_eq!((ended.exit, ended.out.as_str()), (Exit::Done, "ip is fine\nas seen by p1\n"), "{}", ended.err);
    let info = desk.run("resource info ip --on p2 --output json").await.json();
    assert_eq!((info["server"].as_str(), info["node"].as_str()), (Some("p2"), Some("p2")));
    let ended = desk.run("resource action ip pause 10 --on p2").await;
    assert_eq!((ended.exit, ended.out.as_str()), (Exit::Done, "paused 10\n"));
    let audit = desk.served.fake.audit.lock().unwrap().clone();
    assert_eq!(audit.last().unwrap(), "admin: extra p2 ip Some((\"pause\", [\"10\"]))");

    let refused = [
        (
            "resource action ip explode",
            "error: ip has these actions: pause, and not explode\nnext: see `tenure status`\n",
        ),
        ("resource info ip --on p3", "error: p3 is not in the system list of group shop\nnext: see `tenure status`\n"),
        ("resource info web1", "error: web1 is an LPAR, which no agent keeps\nnext: see `tenure resource show web1`\n"),
        ("resource info nothing", "error: there is no resource nothing\nnext: see `tenure resource list`\n"),
    ];
    for (line, said) in refused {
        let ended = desk.run(line).await;
        assert_eq!((ended.exit, ended.err.as_str()), (Exit::Refused, said), "{line}");
    }
    assert_eq!(desk.run("group offline shop --wait=30s").await.exit, Exit::Done);
    let ended = desk.run("resource info ip").await;
    assert_eq!(ended.err, "error: group shop is on no server\nnext: name one with --on SERVER\n");
    assert_eq!(desk.run("resource info ip --on p1").await.exit, Exit::Done);
    desk.served.fake.set_mood(Mood::Leaderless);
    assert_eq!(desk.run("resource action ip pause --on p1").await.exit, Exit::Unreachable);
    desk.served.stop().await;
}

#[tokio::test]
async fn a_cluster_file_is_held_against_the_agents_of_the_nodes() {
    let desk = desk().await;
    let good = desk.write(&inside());
    let ended = desk.run(&format!("validate --agents {good}")).await;
    assert_eq!((ended.exit, ended.err.as_str()), (Exit::Done, ""));
    let sure = "is valid, and the agents of the nodes can keep what it asks: cluster site, 1 manager";
    assert!(ended.out.contains(sure), "{}", ended.out);

    let file = desk.write(&inside().replace("cidr_netmask = \"24\"", "old = \"1\""));
    let warning = "warning: resources.ip.old on p1: old is deprecated; leave it out\n";
    let ended = desk.run(&format!("validate --agents {file}")).await;
    assert_eq!((ended.exit, ended.err.as_str()), (Exit::Done, warning));
    // It runs, and its agent's attributes belong to something else: it may not be dropped without `--strand`.
    let ended = desk.run(&format!("apply --yes {file}")).await;
    assert_eq!(ended.exit, Exit::Refused, "{}", ended.err);
    let ended = desk.run(&format!("apply --yes --strand {file}")).await;
    assert_eq!((ended.exit, ended.err.as_str()), (Exit::Done, warning));
    let checked = desk.run(&format!("validate --agents {file} --output json")).await.json();
    assert_eq!(checked["warnings"][0], "resources.ip.old on p1: old is deprecated; leave it out");

    let file = desk.write(&inside().replace("ocf:heartbeat:IPaddr2", "ocf:heartbeat:Missing"));
    assert_eq!(desk.run(&format!("validate {file}")).await.exit, Exit::Done, "nobody is asked");
    let ended = desk.run(&format!("validate --agents {file}")).await;
    assert_eq!(ended.exit, Exit::Refused);
    insta::assert_snapshot!(ended.err);
    let refused = desk.run(&format!("apply --yes {file}")).await;
    assert_eq!((refused.exit, refused.err), (Exit::Refused, ended.err));
    let refused = desk.run(&format!("apply --yes {file} --output json")).await.json();
    assert_eq!(refused["error"]["check"]["errors"].as_array().map(Vec::len), Some(2));
    assert_eq!(desk.run("validate --agents /nonexistent").await.exit, Exit::Usage);
    desk.served.stop().await;
}

#[tokio::test]
async fn the_agents_of_a_node_are_listed_and_described() {
    let desk = desk().await;
    insta::assert_snapshot!(desk.run("agent list").await.out);
    insta::assert_snapshot!(desk.run("agent show ocf:heartbeat:IPaddr2 --at p2").await.out);
    let view = desk.run("agent show ocf:heartbeat:IPaddr2 --output json").await.json();
    assert_eq!(view["parameters"][0]["required"], true);
    let ended = desk.run("agent show ocf:heartbeat:Nothing").await;
    assert_eq!(ended.exit, Exit::Refused);
    assert_eq!(ended.err, "error: ocf:heartbeat:Nothing is not installed on p1\nnext: see `tenure agent list`\n");
    desk.served.stop().await;
}

#[tokio::test]
async fn a_node_that_is_out_is_shown_with_the_reason() {
    let mut site = Site::running_from(0, &inside());
    site.watchdogs.insert("p1".into(), Span::seconds(600));
    site.settle();
    // Its watchdog may not have reset it yet, and its LPAR cannot be read.
    site.silent.insert("p1".into());
    site.systems.insert("p1".into(), tenure_core::SystemState::NoConnection);
    site.settle();
    let desk = Desk::new(site).await;
    insta::assert_snapshot!(desk.run("status").await.out);
    insta::assert_snapshot!(desk.run("node list").await.out);
    insta::assert_snapshot!(desk.run("server list").await.out);
    let ended = desk.run("fence confirm-node p1 --yes-i-checked p1").await;
    assert_eq!((ended.exit, ended.err.as_str()), (Exit::Done, ""), "{}", ended.out);
    insta::assert_snapshot!(desk.run("node list").await.out);
    insta::assert_snapshot!(desk.run("server show p1").await.out);
    let nodes = desk.run("node list --output json").await.json();
    assert_eq!(nodes["nodes"][1]["proof"], "asserted by operator admin");
    let server = desk.run("server show p1 --output json").await.json();
    assert_eq!((server["node"].as_str(), server["node_out"].as_str()), (Some("p1"), Some("proven off")));
    assert_eq!(desk.run("server show p9").await.exit, Exit::Refused);
    desk.served.stop().await;
}
