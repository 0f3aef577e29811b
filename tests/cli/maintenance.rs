//! Maintenance, services and single resources: requests, output and exit codes.

use super::{
    commands::Desk,
    fake::{Mood, SITE, Site},
};
use tenure::cli::Exit;
use tenure_core::{Command, SystemState, Verb};

/// The site with a service of its two groups, a mobile group, and a parallel one.
fn larger() -> String {
    SITE.to_owned()
        + r#"
[groups.erp]
servers = ["p1", "p2"]
priority = 20

[lpars.erp]
group = "erp"
partition = "erp"
memory = "4GiB"
processors = "1.0"
mobile = true

[groups.net]
servers = ["p1", "p2"]
kind = "parallel"

[resources.nic]
group = "net"
type = "Nic"

[resources.ip]
group = "net"
requires = ["nic"]
type = "Ip"

[services.shop]
tiers = [{ groups = ["db"] }, { groups = ["web"], link = "firm" }]
"#
}

fn site() -> Site {
    Site::running_from(0, &larger())
}

async fn desk() -> Desk {
    Desk::new(site()).await
}

#[tokio::test]
async fn groups_are_migrated_flushed_and_started_with_what_they_need() {
    let desk = desk().await;
    let ended = desk.run("group migrate erp --to p2 --wait=30s --output json").await;
    assert_eq!((ended.exit, ended.err.as_str()), (Exit::Done, ""), "{}", ended.out);
    assert_eq!(ended.json()["group"]["server"], "p2");
    desk.served.fake.set_mood(Mood::Idle);
    assert_eq!(desk.run("group migrate erp --to p1").await.exit, Exit::Done);
    let groups = desk.run("group list").await.out;
    assert!(groups.contains("migrating to p1"), "{groups}");
    let ended = desk.run("group abort erp").await;
    assert!(ended.out.contains("asked by admin"), "{}{}", ended.out, ended.err);
    desk.served.fake.set_mood(Mood::Well);
    desk.served.fake.settle();

    // The web server needs the data base, so the request is refused.
    let ended = desk.run("group offline db").await;
    assert_eq!(ended.exit, Exit::Refused);
    assert!(ended.err.starts_with("error: group db is needed by web"), "{}", ended.err);
    assert_eq!(desk.run("group offline db --propagate --wait").await.exit, Exit::Done);
    assert_eq!(desk.run("group online web").await.exit, Exit::Refused);
    assert_eq!(desk.run("group online web --propagate --wait").await.exit, Exit::Done);
    // Waiting for a parallel group means waiting for its instances.
    assert_eq!(desk.run("group offline net --wait=30s").await.exit, Exit::Done);
    assert_eq!(desk.run("group online net --wait=30s").await.exit, Exit::Done);

    let ended = desk.run("group enable web").await;
    assert_eq!(
        (ended.exit, ended.out.lines().next()),
        (Exit::Done, Some("nothing to do: group web does not wait to be enabled"))
    );
    let ended = desk.run("group clear-admin-wait web --fault").await;
    assert_eq!(
        (ended.exit, ended.out.lines().next()),
        (Exit::Done, Some("nothing to do: no resource of group web waits for an administrator"))
    );
    assert_eq!(desk.run("group flush web").await.out, "nothing to do: nothing is under way for web\n");
    desk.served.fake.set_mood(Mood::Idle);
    assert_eq!(desk.run("group switch web --to p2").await.exit, Exit::Done);
    assert_eq!(desk.run("group flush web").await.exit, Exit::Done);
    let groups = desk.run("group list").await.out;
    assert!(groups.lines().any(|line| line.starts_with("web ") && line.contains("flushed")), "{groups}");
    desk.served.stop().await;
}

#[tokio::test]
async fn resources_are_listed_stopped_and_started() {
    let desk = desk().await;
    let ended = desk.run("resource offline ip@p1").await;
    assert_eq!((ended.exit, ended.err.as_str()), (Exit::Done, ""));
    insta::assert_snapshot!(desk.run("resource list").await.out);
    insta::assert_snapshot!(desk.run("resource show ip@p1").await.out);
    let groups = desk.run("group list").await.out;
    assert!(groups.contains("partly down"), "{groups}");
    assert_eq!(desk.run("resource list --output json").await.json()[2]["down"], "taken offline by an operator");
    let web1 = desk.run("resource show web1 --output json").await.json();
    assert_eq!((web1["type"].as_str(), web1["partition"].as_str()), (Some("LPAR"), Some("web1")));
    assert_eq!(desk.run("resource online ip@p1 --wait=30s").await.exit, Exit::Done);
    let ended = desk.run("resource offline nic@p1").await;
    assert_eq!(ended.exit, Exit::Refused);
    assert!(ended.err.starts_with("error: nic@p1 is required by ip@p1, which runs"), "{}", ended.err);
    assert_eq!(desk.run("resource offline nic@p1 --propagate --wait=30s").await.exit, Exit::Done);
    let nic = desk.run("resource show nic@p1 --output json").await.json();
    assert_eq!(nic["state"], "Off");
    assert_eq!(desk.run("group online net@p1 --wait=30s").await.exit, Exit::Done, "nothing of it was left");
    assert_eq!(desk.run("resource restart ip@p1").await.exit, Exit::Done);
    let ended = desk.run("resource show nothing").await;
    assert_eq!(ended.exit, Exit::Refused);
    assert_eq!(ended.err, "error: there is no resource nothing\nnext: see `tenure resource list`\n");
    assert_eq!(desk.run("resource online nothing").await.exit, Exit::Refused);
    desk.served.stop().await;
}

#[tokio::test]
async fn services_are_stopped_and_started_tier_by_tier() {
    let desk = desk().await;
    insta::assert_snapshot!(desk.run("service list").await.out);
    let ended = desk.run("service offline shop --wait=30s --output json").await;
    assert_eq!((ended.exit, ended.err.as_str()), (Exit::Done, ""));
    assert_eq!(ended.json()["service"]["state"], "offline");
    assert_eq!(desk.run("service offline shop").await.exit, Exit::Done, "it is so");
    desk.served.fake.set_mood(Mood::Idle);
    let ended = desk.run("service online shop --wait=200ms").await;
    assert_eq!(ended.exit, Exit::Unknown);
    assert_eq!(
        ended.err,
        "error: after 200ms service shop is still starting\n\
         next: the request stands; see `tenure service show shop`\n"
    );
    assert!(desk.run("service show shop").await.out.starts_with("service shop is starting\n"));
    desk.served.fake.set_mood(Mood::Well);
    desk.served.fake.settle();
    insta::assert_snapshot!(desk.run("service show shop").await.out);
    assert_eq!(desk.run("service show nothing").await.exit, Exit::Refused);
    assert_eq!(desk.run("service online nothing").await.exit, Exit::Refused);
    desk.served.stop().await;
}

#[tokio::test]
async fn a_server_is_drained_and_given_back() {
    let desk = desk().await;
    let ended = desk.run("server drain p1 --wait=30s").await;
    assert_eq!((ended.exit, ended.err.as_str()), (Exit::Done, ""));
    insta::assert_snapshot!(desk.run("server list").await.out);
    let status = desk.run("status --output json").await.json();
    assert_eq!(status["servers"][0]["closed"], "draining");
    assert_eq!(status["servers"][0]["state"], "ready", "its fate is not open");
    assert_eq!(desk.run("server drain p1").await.exit, Exit::Done, "it is so");
    assert_eq!(desk.run("server undrain p1 --bring-back").await.exit, Exit::Done);
    let list = desk.run("server list --output json").await.json();
    assert_eq!((list[0]["closed"].is_null(), list[0]["drain"].is_null()), (true, true));
    assert_eq!(list[0]["groups"], serde_json::json!(["erp", "net@p1", "web"]), "all is back");

    assert_eq!(desk.run("server freeze p2").await.exit, Exit::Done);
    let list = desk.run("server list").await.out;
    assert!(list.lines().any(|line| line.starts_with("p2") && line.contains("frozen")), "{list}");
    assert_eq!(desk.run("server unfreeze p2").await.exit, Exit::Done);
    assert_eq!(desk.run("server release p2").await.exit, Exit::Done, "it is free already");
    desk.served.stop().await;
}

#[tokio::test]
async fn a_shutdown_is_confirmed_by_name() {
    let desk = desk().await;
    let ended = desk.run("server shutdown p1").await;
    assert_eq!(ended.exit, Exit::Usage);
    assert_eq!(
        ended.err,
        "error: nobody is here to confirm that p1 is to be shut down\n\
         next: look at it, then repeat it with --yes-i-checked p1\n"
    );
    assert_eq!(desk.run("server shutdown p1 --yes-i-checked p2").await.exit, Exit::Usage);
    let ended = desk.answer("server shutdown p1", Some("no\n")).await;
    assert_eq!(ended.exit, Exit::Refused);
    assert!(ended.out.contains("groups there: erp, net@p1, web\n"), "{}", ended.out);
    assert_eq!(desk.served.fake.audit.lock().unwrap().len(), 0, "nothing was asked");
    assert_eq!(desk.answer("server shutdown p1", Some("p1\n")).await.exit, Exit::Done);
    let list = desk.run("server list").await.out;
    assert!(list.contains("to be powered off: drained; it may be powered off"), "{list}");
    assert_eq!(desk.run("server undrain p1").await.exit, Exit::Done);
    assert_eq!(desk.run("server shutdown p1 --yes-i-checked p1").await.exit, Exit::Done);
    desk.served.stop().await;
}

#[tokio::test]
async fn a_rolling_maintenance_is_ordered_or_refused() {
    let desk = desk().await;
    let ended = desk.run("server rolling").await;
    assert_eq!((ended.exit, ended.err.as_str()), (Exit::Done, ""));
    insta::assert_snapshot!(ended.out);
    desk.served.stop().await;

    let small = SITE.replace("memory = \"64GiB\"", "memory = \"24GiB\"");
    let desk = Desk::new(Site::running_from(0, &small)).await;
    let ended = desk.run("server rolling").await;
    assert_eq!(ended.exit, Exit::WouldNotRun);
    assert_eq!(ended.out, "there is no such order: while p1 is drained, no other server can take web\n");
    let view = desk.run("server rolling --output json").await.json();
    assert_eq!(view["turns"], serde_json::json!([]));
    assert_eq!(view["why_not"], "while p1 is drained, no other server can take web");
    desk.served.stop().await;
}

#[tokio::test]
async fn the_cluster_is_disarmed_armed_and_resumed() {
    let desk = desk().await;
    assert_eq!(desk.run("cluster disarm").await.exit, Exit::Usage, "nobody is there to mean it");
    let ended = desk.answer("cluster disarm", Some("site\n")).await;
    assert_eq!((ended.exit, ended.err.as_str()), (Exit::Done, ""));
    let status = desk.run("status --all").await.out;
    let standstill = "DISARMED: nothing is started, stopped, moved or fenced; `tenure cluster arm` (asked by admin)";
    assert_eq!(status.lines().nth(1), Some(&*format!("ALARM  {standstill}")), "{status}");
    assert_eq!(desk.run("status --output json").await.json()["standstills"], serde_json::json!([standstill]));
    assert_eq!(desk.run("server drain p1").await.exit, Exit::Refused);
    assert_eq!(desk.run("cluster arm").await.exit, Exit::Done);
    assert_eq!(desk.run("cluster disarm --yes-i-checked site --output json").await.exit, Exit::Done);
    assert_eq!(desk.run("cluster arm").await.exit, Exit::Done);
    let ended = desk.run("cluster resume --yes-i-checked site").await;
    assert_eq!((ended.exit, ended.out.as_str()), (Exit::Done, "nothing to do: no storm holds the cluster back\n"));
    desk.served.stop().await;
}

#[tokio::test]
async fn a_storm_is_shown_and_ended_by_name() {
    let mut site = Site::running_from(0, &(SITE.to_owned() + "\n[brakes]\nstorm = 1\n"));
    site.systems.insert("p2".into(), SystemState::PowerOff);
    site.silent.insert("p2".into());
    site.settle();
    let desk = Desk::new(site).await;
    let groups = desk.run("group list --output json").await.json();
    assert_eq!((groups[1]["name"].as_str(), groups[1]["state"].as_str()), (Some("db"), Some("pending")));
    let ended = desk.answer("cluster resume", Some("\n")).await;
    assert_eq!(ended.exit, Exit::Refused);
    assert!(ended.out.starts_with("cluster site\nSTORM: p2 lost at about the same time"), "{}", ended.out);
    let ended = desk.answer("cluster resume", Some("site\n")).await;
    assert_eq!((ended.exit, ended.err.as_str()), (Exit::Done, ""));
    let groups = desk.run("group list --output json").await.json();
    assert_eq!((groups[1]["state"].as_str(), groups[1]["server"].as_str()), (Some("online"), Some("p1")));
    desk.served.stop().await;
}

#[tokio::test]
async fn a_parallel_group_names_its_instances() {
    let desk = desk().await;
    let ended = desk.run("why net").await;
    assert_eq!(ended.exit, Exit::Refused);
    assert_eq!(ended.err, "error: group net is parallel\nnext: ask for one of net@p1, net@p2: `tenure why net@p1`\n");
    assert_eq!(desk.run("why net@p1").await.exit, Exit::Done);
    desk.served.stop().await;
}

/// Only a server without any proof may be confirmed off, never one that is merely not empty yet.
#[tokio::test]
async fn a_drain_that_is_stuck_asks_for_no_assertion() {
    let small = SITE.replace("memory = \"64GiB\"", "memory = \"24GiB\"");
    let desk = Desk::new(Site::running_from(0, &small)).await;
    let ended = desk.run("server drain p1 --wait=200ms").await;
    assert_eq!(ended.exit, Exit::Unknown);
    assert!(ended.err.contains("server p1 is still not drained: 1 group cannot leave"), "{}", ended.err);
    let status = desk.run("status --all").await.out;
    assert!(status.contains("ALARM  server p1: not drained: 1 group cannot leave"), "{status}");
    assert!(!status.contains("fence confirm"), "{status}");
    desk.served.stop().await;
}

#[tokio::test]
async fn everything_of_a_large_site_on_one_screen() {
    let mut site = site();
    site.operator(Command::Request(Verb::ResourceOffline { resource: "ip@p2".into(), propagate: false }.into()));
    site.operator(Command::Request(Verb::Drain { server: "p2".into(), terms: Default::default() }.into()));
    site.settle();
    site.operator(Command::Request(Verb::Disarm { terms: Default::default() }.into()));
    let desk = Desk::new(site).await;
    insta::assert_snapshot!(desk.run("status --all").await.out);
    desk.served.stop().await;
}
