//! Another version on one node after the other, as an operator sees it.

use super::{agents::inside, commands::Desk, fake::Site};
use tenure::cli::Exit;

async fn desk() -> Desk {
    Desk::new(Site::running_from(0, &inside())).await
}

#[tokio::test]
async fn a_node_that_is_stopped_is_frozen_and_says_so_while_it_is_away() {
    let desk = desk().await;
    let ended = desk.run("node stop p1 --for upgrade").await;
    assert_eq!((ended.exit, ended.err.as_str()), (Exit::Done, ""));
    insta::assert_snapshot!(ended.out, @r"
    node p1 stops
    frozen until it is back: shop
    next: install the new version there, then `systemctl start tenured`; `tenure node list` says when p1 is back
    ");
    let groups = desk.run("group list --output json").await.json();
    let frozen =
        |name: &str| groups.as_array().unwrap().iter().find(|one| one["name"] == name).unwrap()["frozen"].clone();
    assert_eq!((frozen("shop"), frozen("web")), (true.into(), false.into()));
    desk.served.fake.site().silent.insert("p1".into());
    desk.served.fake.settle();
    // Nobody is sent to prove anything: who stopped it starts it again.
    let ended = desk.run("status").await;
    assert!(!ended.out.contains("confirm-node") && !ended.out.contains("nothing proves"), "{}", ended.out);
    assert!(ended.out.contains("which was stopped with `tenure node stop`: start `tenured` there"), "{}", ended.out);
    let ended = desk.run("node list").await;
    assert!(ended.out.contains("stopped since 03:00:10; start it again"), "{}", ended.out);
    let json = desk.run("node stop p1 --for upgrade --output json").await.json();
    assert_eq!((json["node"].as_str(), json["frozen"][0].as_str()), (Some("p1"), Some("shop")));
    desk.served.stop().await;
}

#[tokio::test]
async fn the_plan_names_what_lives_inside_each_node() {
    let desk = desk().await;
    // The arbiter does not say which version it is: no other voter can be spared.
    let ended = desk.run("cluster upgrade --plan").await;
    assert_eq!((ended.exit, ended.err.as_str()), (Exit::Refused, ""));
    insta::assert_snapshot!(ended.out, @r"
    4 nodes run 0.1.0, at feature level 1.
    Not now: bring back arb first: without another voter fewer would be left than decide.

    STEP  NODE  ROLE     VERSION  INSIDE                     COMMAND
       1  p4    learner  0.1.0    -                          tenure node stop p4 --for upgrade
       2  arb   voter    -        -                          tenure node stop arb --for upgrade
       3  p2    voter    0.1.0    -                          tenure node stop p2 --for upgrade
       4  p1    leader   0.1.0    shop (frozen by the stop)  tenure node stop p1 --for upgrade

    After each: install the new version there, `systemctl start tenured`, and go on when `tenure node list` says ok.
    Never two at a time. The leader hands over when it is stopped. What lives inside a node runs on meanwhile.
    Not every node says what it understands.
    ");
    let json = desk.run("cluster upgrade --output json").await.json();
    let last = json["steps"].as_array().and_then(|steps| steps.last()).cloned().unwrap();
    assert_eq!((last["node"].as_str(), last["would_cut_off"][0].as_str()), (Some("p1"), Some("shop")));
    desk.served.stop().await;
}

#[tokio::test]
async fn a_level_is_raised_when_every_node_says_that_it_understands_it() {
    let desk = desk().await;
    let ended = desk.run("cluster upgrade --raise").await;
    assert_eq!(ended.exit, Exit::Refused);
    let next = "next: bring arb back, or remove it: `tenure node remove`\n";
    assert_eq!(ended.err, format!("error: it is not known what arb understands\n{next}"));
    *desk.served.fake.levels.lock().unwrap() = vec![1, 2, 2, 2];
    let ended = desk.run("cluster upgrade --raise").await;
    let says = "nothing to do: the cluster is at feature level 1\np1 understands no higher one: `tenure cluster upgrade --plan`\n";
    assert_eq!((ended.exit, ended.out.as_str()), (Exit::Done, says));
    *desk.served.fake.levels.lock().unwrap() = vec![2, 2, 2, 3];
    let ended = desk.run("cluster upgrade --raise").await;
    assert_eq!(ended.exit, Exit::Usage);
    assert!(ended.err.contains("no older version can run any more"), "{}", ended.err);
    let ended = desk.answer("cluster upgrade --raise", Some("n\n")).await;
    assert_eq!((ended.exit, desk.served.fake.site().ledger.level.0), (Exit::Refused, 1));
    let ended = desk.answer("cluster upgrade --raise", Some("y\n")).await;
    assert_eq!(ended.exit, Exit::Done, "{}", ended.err);
    assert!(ended.out.contains("the cluster is at feature level 2 now"), "{}", ended.out);
    assert!(ended.out.contains("p1, p2, arb understands no higher one"), "{}", ended.out);
    assert_eq!(desk.served.fake.site().ledger.level.0, 2);
    desk.served.stop().await;
}

#[tokio::test]
async fn every_node_says_where_it_is_and_what_it_runs() {
    let desk = desk().await;
    insta::assert_snapshot!(desk.run("node list").await.out, @r"
    NODE  ID  ROLE     SERVER     STATE                    ADDRESS        ADMIN API      VERSION  LEVEL
    p1     1  leader   p1         ok                       p1.site:7100   p1.site:7101   0.1.0        1
    p2     2  voter    p2         ok                       p2.site:7100   p2.site:7101   0.1.0        1
    arb    3  voter    (arbiter)  ok                       arb.site:7100  arb.site:7101  -            -
    p4     4  learner  -          not in the cluster file  p4.site:7100   p4.site:7101   0.1.0        1
    ");
    *desk.served.fake.levels.lock().unwrap() = vec![2, 1, 1, 1];
    let ended = desk.run("node list").await;
    assert!(ended.out.contains("The cluster is at feature level 1"), "{}", ended.out);
    let json = desk.run("node list --output json").await.json();
    assert_eq!((json["level"].as_u64(), json["members"][0]["level"].as_u64()), (Some(1), Some(2)));
    assert_eq!(json["members"][1]["version"], "0.1.0");
    desk.served.stop().await;
}
