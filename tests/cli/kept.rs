//! What operators have said, and what they are yet to look at; and what is collected for others.

use super::{
    commands::Desk,
    fake::{Mood, SITE, Site},
};
use std::{fs, path::Path};
use tenure::cli::Exit;
use tenure_core::{Command, Power, Span, Terms, Verb};

fn terms() -> Terms {
    Terms { reason: Some("kernel patch, CHG1234".into()), lasts: Some(Span::seconds(7200)) }
}

#[tokio::test]
async fn a_freeze_says_who_why_and_until_when() {
    let mut site = Site::running();
    site.operator(Command::Request(Verb::Freeze { group: "db".into(), terms: terms() }.into()));
    site.operator(Command::Request(Verb::Drain { server: "p1".into(), terms: terms() }.into()));
    site.operator(Command::Request(Verb::FreezeServer { server: "p2".into(), terms: terms() }.into()));
    site.operator(Command::Request(Verb::Disarm { terms: terms() }.into()));
    let desk = Desk::new(site).await;
    let out = desk.run("status --all").await.out;
    assert_eq!(out.matches("by admin until 05:").count(), 3, "{out}");
    assert!(
        out.replace("\n       ", " ").contains("`tenure cluster arm` (asked by admin, until 2026-11-22 05:"),
        "{out}"
    );
    assert!(out.contains("kernel patch, CHG1234"), "{out}");
    let json = desk.run("status --output json").await.json();
    assert_eq!(json["disarmed"]["reason"], "kernel patch, CHG1234");
    let db = json["groups"].as_array().unwrap().iter().find(|group| group["name"] == "db").unwrap();
    assert_eq!((&db["freeze"]["by"], db["freeze"]["until"].is_string()), (&"admin".into(), true));
    let why = desk.run("why db").await.out;
    assert!(
        why.contains("frozen by admin at 2026-11-22 0") && why.contains(": kernel patch, CHG1234; to let it"),
        "{why}"
    );
    for (server, word) in [("p1", "asked       by admin"), ("p2", "frozen      by admin")] {
        let shown = desk.run(&format!("server show {server}")).await.out;
        assert!(shown.contains(word) && shown.contains("UTC: kernel patch, CHG1234"), "{shown}");
    }
    // A group that is frozen already takes another reason, and none is no news.
    assert_eq!(desk.run("group freeze db").await.out, "nothing to do: group db is frozen\n");
    assert!(desk.run("group freeze db --reason later").await.out.contains("group db: freeze (later), asked by admin"));
    desk.served.stop().await;
}

#[tokio::test]
async fn two_copies_stay_an_alarm_until_somebody_has_looked() {
    let mut site = Site::running();
    site.operator(Command::Request(Verb::Freeze { group: "db".into(), terms: Terms::default() }.into()));
    site.set("p1", "db", Power::Running);
    site.settle();
    site.set("p1", "db", Power::Off);
    site.settle();
    site.operator(Command::Request(Verb::Unfreeze { group: "db".into() }.into()));
    let desk = Desk::new(site).await;
    let ended = desk.run("status --check").await;
    assert_eq!(ended.exit, Exit::Wrong);
    let out = ended.out.replace("\n       ", " ");
    assert!(out.contains("two copies active (db on p1 and db on p2) at 2026-11-22 03:"), "{out}");
    assert!(out.contains("check its file systems, then `tenure group acknowledge db`"), "{out}");
    let json = desk.run("status --output json").await.json();
    let db = json["groups"].as_array().unwrap().iter().find(|group| group["name"] == "db").unwrap();
    assert_eq!((&db["overlaps"]["count"], &db["overlaps"]["last"]["copies"]["p1"][0]), (&1.into(), &"db".into()));
    assert!(desk.run("why db").await.out.contains("`tenure group acknowledge db`"));
    assert_eq!(desk.run("group acknowledge db").await.exit, Exit::Done);
    let again = desk.run("group acknowledge db").await;
    assert_eq!(again.exit, Exit::Done);
    assert!(again.out.starts_with("nothing to do: nothing of group db was active on two servers"), "{}", again.out);
    assert_eq!(desk.run("status --check").await.exit, Exit::Done);
    desk.served.stop().await;
}

/// All text below a directory.
fn all(at: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(at).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text += &all(&path);
        } else {
            text += &format!("{}\n{}\n", path.display(), fs::read_to_string(&path).unwrap());
        }
    }
    text
}

#[tokio::test]
async fn a_bundle_has_what_there_is_and_no_secrets() {
    let secret = "\n[resources.planted]\ngroup = \"db\"\ntype = \"ocf:heartbeat:IPaddr2\"\n\
                  attributes = { ip = \"192.0.2.9\", db_password = \"hunter2\" }\n";
    let desk = Desk::new(Site::running_from(0, &(SITE.to_owned() + secret))).await;
    let key = fs::read_to_string(desk.directory().join("user.key")).unwrap();
    let middle = key.lines().nth(1).unwrap().to_owned();
    let token = desk.run("node token p9 --output json").await.json()["token"].as_str().unwrap().to_owned();
    for (mood, name) in [(Mood::Well, "one"), (Mood::Leaderless, "two")] {
        desk.served.fake.set_mood(mood);
        let out = desk.directory().join(name);
        let ended = desk.run(&format!("debug bundle --out {}", out.display())).await;
        assert_eq!(ended.exit, Exit::Done, "{}", ended.err);
        let text = all(&out);
        for planted in ["hunter2", middle.as_str(), token.as_str(), "PRIVATE KEY"] {
            assert!(!text.contains(planted), "{planted}");
        }
        for file in
            ["status.json", "events.json", "capacity.json", "cluster.toml", "why/db.json", "log.txt", "members.json"]
        {
            assert!(text.contains(file), "{file}");
        }
        assert!(text.contains("planted") && text.contains("(left out)"), "{text}");
        let missing = fs::read_to_string(out.join("missing.txt")).unwrap();
        assert_eq!(missing.contains("the state with everything acknowledged"), name == "two", "{missing}");
        assert!(missing.contains("tenure replay"), "{missing}");
        // The members are asked as well, and those of this site do not exist.
        assert!(missing.contains("nodes/p2: ") && missing.contains("p2.site:7101"), "{missing}");
        let again = desk.run(&format!("debug bundle --out {}", out.display())).await;
        assert_eq!(again.exit, Exit::Usage, "nothing is written over");
    }
    desk.served.fake.set_mood(Mood::Well);
    let packed = desk.directory().join("three.tar.gz");
    let ended = desk.run(&format!("debug bundle --out {}", packed.display())).await;
    assert_eq!(ended.exit, Exit::Done, "{}", ended.err);
    assert!(packed.is_file() && !desk.directory().join("three").exists());
    desk.served.stop().await;
}

#[tokio::test]
async fn a_log_level_is_asked_of_a_node_for_a_time() {
    let desk = Desk::new(Site::running()).await;
    let ended = desk.run("log level p2 debug --for 10m").await;
    assert_eq!((ended.exit, ended.out.as_str()), (Exit::Done, "node p2: the log level is debug for 10m\n"));
    let asked = desk.served.fake.audit.lock().unwrap().last().cloned();
    assert_eq!(asked, Some("admin: log level p2 debug --for 10m".to_owned()));
    let ended = desk.run("log level p2 debug --for 48h").await;
    assert_eq!(ended.exit, Exit::Usage, "{}", ended.err);
    assert!(ended.err.contains("a log level is set for up to 24h"), "{}", ended.err);
    let ended = desk.run("log show p7").await;
    assert_eq!((ended.exit, ended.err.contains("node p7 is not a member")), (Exit::Refused, true), "{}", ended.err);
    let ended = desk.run("log show --lines 1").await;
    assert_eq!(ended.out, "one\nnode p1 (0.1.0): its log tells info\n");
    desk.served.stop().await;
}
