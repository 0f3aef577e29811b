//! What-if, capacity and why-not: their output, and that questions change nothing.

use super::{
    commands::Desk,
    fake::{Mood, SITE, Site},
};
use tenure::cli::Exit;
use tenure_core::{Power, SystemState};

/// The site of all tests with a third server, and groups that do not all fit without p2.
fn larger() -> String {
    let third = r#"
[servers.p3]
managers = ["hmc1"]
address = { system = "Server-9009-42A-SN3333333", mtms = "9009-42A*3333333" }
memory = "20GiB"
processors = "4.0"

[nodes.p3]
server = "p3"

[groups.erp]
servers = ["p2", "p3"]
priority = 5

[lpars.erp]
group = "erp"
partition = "erp"
memory = "16GiB"
processors = "2.0"

[groups.crm]
servers = ["p3", "p1"]
priority = 20

[lpars.crm]
group = "crm"
partition = "crm"
memory = "8GiB"
processors = "1.0"
"#;
    SITE.to_owned() + third
}

async fn desk() -> Desk {
    Desk::new(Site::running_from(0, &larger())).await
}

#[tokio::test]
async fn a_loss_is_foreseen_and_nothing_happens() {
    let desk = desk().await;
    let before = desk.served.fake.site().ledger.clone();
    let ended = desk.run("plan --lose p2").await;
    assert_eq!((ended.exit, ended.err.as_str()), (Exit::WouldNotRun, ""));
    insta::assert_snapshot!(ended.out);
    let ended = desk.run("plan --lose p1").await;
    assert_eq!(ended.exit, Exit::Done);
    assert!(ended.out.starts_with("Losing p1: 1 group moves.\n"), "{}", ended.out);
    assert_eq!(desk.served.fake.site().ledger, before);
    assert_eq!(desk.served.fake.audit.lock().unwrap().len(), 0);
    desk.served.stop().await;
}

#[tokio::test]
async fn several_things_follow_each_other() {
    let desk = desk().await;
    let ended = desk.run("plan --offline web --switch db:p1 --lose p2").await;
    assert_eq!(ended.exit, Exit::WouldNotRun, "erp has no place");
    let first = ended.out.lines().next().unwrap();
    assert_eq!(
        first,
        "Taking web offline, then switching db to p1, then losing p2: 1 group moves, 1 group stops, 1 would not run."
    );
    let ended = desk.run("plan --lose p1,p2,p3").await;
    assert_eq!(ended.exit, Exit::WouldNotRun);
    assert!(ended.out.contains("and no majority of nodes is left to decide anything"), "{}", ended.out);
    let ended = desk.run("plan --online web").await;
    assert_eq!(ended.exit, Exit::WouldNotRun);
    assert!(ended.out.contains("refused: group web is already online on p1"), "{}", ended.out);
    desk.served.stop().await;
}

#[tokio::test]
async fn a_cluster_file_is_tried_before_it_is_applied() {
    let desk = desk().await;
    let file = desk.write(&larger().replace("\"erp\"\nmemory = \"16GiB\"", "\"erp\"\nmemory = \"12GiB\""));
    let ended = desk.run(&format!("plan --apply {file} --lose p2")).await;
    assert_eq!(ended.exit, Exit::Done, "{}{}", ended.out, ended.err);
    let ended = desk.run(&format!("plan --apply {file} --lose p2 --output json")).await;
    let json = ended.json();
    assert_eq!((json["ending"].as_str(), json["refused"].as_array().map(Vec::len)), (Some("rest"), Some(0)));
    assert_eq!(json["groups"][0]["name"], "erp");
    assert_eq!((json["groups"][0]["from"].as_str(), json["groups"][0]["to"].as_str()), (Some("p2"), Some("p3")));
    let ended = desk.run(&format!("plan --apply {}", desk.write("nonsense"))).await;
    assert_eq!(ended.exit, Exit::Usage);
    desk.served.stop().await;
}

#[tokio::test]
async fn the_loss_of_each_server_in_a_table() {
    let desk = desk().await;
    let ended = desk.run("plan --lose-each").await;
    assert_eq!(ended.exit, Exit::WouldNotRun);
    insta::assert_snapshot!(ended.out);
    let json = desk.run("plan --lose-each --output json").await.json();
    assert_eq!(
        (json[1]["lose"].as_str(), json[1]["foreseen"]["records"].as_array().map(Vec::len)),
        (Some("p2"), Some(0))
    );
    desk.served.stop().await;
}

#[tokio::test]
async fn capacity_in_a_table() {
    let desk = desk().await;
    let ended = desk.run("capacity").await;
    assert_eq!(ended.exit, Exit::Done);
    insta::assert_snapshot!(ended.out);
    assert_eq!(desk.run("capacity --output json").await.json()["survives"], 0);
    desk.served.stop().await;
    let desk = Desk::new(Site::running()).await;
    let out = desk.run("capacity").await.out;
    assert!(out.starts_with("Any 1 server may be lost at once, and everything runs.\n"), "{out}");
    desk.served.stop().await;
}

#[tokio::test]
async fn why_a_group_does_not_run_there() {
    let mut site = Site::running_from(0, &larger());
    site.set("p3", "erp", Power::Stopping);
    site.systems.insert("p1".into(), SystemState::NoConnection);
    site.settle();
    let desk = Desk::new(site).await;
    let mut all = String::new();
    for line in [
        "why-not erp --on p3",
        "why-not erp --on p1",
        "why-not web --on p2",
        "why-not db --on p1",
        "why-not db --on p2",
    ] {
        let ended = desk.run(line).await;
        assert_eq!(ended.exit, Exit::Done, "{}", ended.err);
        all.push_str(&format!("$ tenure {line}\n{}", ended.out));
    }
    insta::assert_snapshot!(all);
    assert_eq!(desk.run("why-not erp --on p9").await.exit, Exit::Refused);
    assert_eq!(desk.run("why-not nothing --on p1").await.exit, Exit::Refused);
    let json = desk.run("why-not erp --on p3 --output json").await.json();
    assert_eq!(json["standing"], "barred");
    desk.served.stop().await;
}

#[tokio::test]
async fn what_cannot_be_asked_is_said() {
    let desk = desk().await;
    desk.served.fake.set_mood(Mood::Leaderless);
    assert_eq!(desk.run("plan --lose p1").await.exit, Exit::Unreachable);
    assert_eq!(desk.run("plan --lose p1 --stale").await.exit, Exit::Done);
    desk.served.fake.set_mood(Mood::Well);
    let ended = desk.run("plan --lose p9").await;
    assert_eq!((ended.exit, ended.out.as_str()), (Exit::Refused, ""));
    assert!(ended.err.contains("there is no server p9"), "{}", ended.err);
    desk.served.stop().await;
}
