//! Command lines from end to end: their output and their exit codes.

use super::{
    fake::{Mood, SITE, Served, Site},
    render::TYPED,
};
use clap::Parser;
use std::{
    io::{self, Write},
    path::Path,
    sync::{Arc, Mutex, atomic::Ordering},
};
use tempfile::TempDir;
use tenure::{
    cli::{Args, Exit, Terminal, run},
    local::identity,
};
use tenure_core::{GroupName, SystemState, ledger::Intent};

/// Captured output.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// The result of a command line.
pub struct Ended {
    pub exit: Exit,
    pub out: String,
    pub err: String,
}

impl Ended {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|why| panic!("{why}: {}", self.out))
    }
}

/// A served site, and the directory of its administrator.
pub struct Desk {
    pub served: Served,
    directory: TempDir,
}

impl Desk {
    pub async fn new(site: Site) -> Self {
        let served = Served::start(site).await;
        let directory = tempfile::tempdir().unwrap();
        identity::save(directory.path(), identity::USER, &served.admin).unwrap();
        Desk { served, directory }
    }

    pub async fn run(&self, line: &str) -> Ended {
        self.answer(line, None).await
    }

    pub async fn answer(&self, line: &str, answers: Option<&str>) -> Ended {
        let node = self.served.address.to_string();
        command(line, &node, self.directory.path(), answers).await
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub fn write(&self, text: &str) -> String {
        let file = self.directory.path().join("site.toml");
        std::fs::write(&file, text).unwrap();
        file.display().to_string()
    }
}

pub async fn command(line: &str, node: &str, identity: &Path, answers: Option<&str>) -> Ended {
    let identity = identity.display().to_string();
    let head = ["tenure", "--node", node, "--identity", &identity];
    let args = Args::try_parse_from(head.into_iter().chain(line.split_whitespace())).unwrap();
    let (out, err) = (Paper::default(), Paper::default());
    let mut terminal = Terminal::scripted(Box::new(out.clone()), Box::new(err.clone()), answers);
    let exit = run(args, &mut terminal).await;
    Ended { exit, out: out.text(), err: err.text() }
}

#[tokio::test]
async fn groups_are_moved_and_the_way_is_shown() {
    let desk = Desk::new(Site::running()).await;
    let ended = desk.run("group switch web --to p2 --wait=30s").await;
    assert_eq!((ended.exit, ended.err.as_str()), (Exit::Done, ""));
    assert!(ended.out.contains("group web: switch to p2, asked by admin"), "{}", ended.out);
    let ended = desk.run("group offline web --wait").await;
    assert_eq!(ended.exit, Exit::Done);
    let ended = desk.run("group online web --on p1 --output json --wait").await;
    assert_eq!(ended.json()["group"]["state"], "online");
    assert_eq!(ended.json()["group"]["server"], "p1");
    for line in
        ["group freeze web", "group unfreeze web", "lpar restart web1", "group list", "lpar list", "lpar show db"]
    {
        assert_eq!(desk.run(line).await.exit, Exit::Done, "{line}");
    }
    desk.served.stop().await;
}

#[tokio::test]
async fn an_audit_that_is_not_whole_has_an_exit_code_of_its_own() {
    let desk = Desk::new(Site::running()).await;
    assert_eq!(desk.run("group freeze web").await.exit, Exit::Done);
    // The node keeps none of the records that the ledger has counted.
    let ended = desk.run("audit").await;
    assert_eq!(ended.exit, Exit::Wrong, "{}", ended.err);
    assert!(ended.err.starts_with("error: the audit of node p1 is not whole: node p1 keeps none of"), "{}", ended.err);
    assert!(ended.err.contains("next: compare it with that of another node"), "{}", ended.err);
    assert_eq!(desk.run("audit --output json").await.json()["error"]["code"], "not_whole");
    desk.served.stop().await;
}

#[tokio::test]
async fn refusals_exit_with_one_and_name_the_next_command() {
    let desk = Desk::new(Site::running()).await;
    let ended = desk.run("group online web --on p2").await;
    assert_eq!(ended.exit, Exit::Refused);
    assert_eq!(
        ended.err,
        "error: group web is already online on p1\nnext: to move it: `tenure group switch web --to SERVER`\n"
    );
    let ended = desk.run("group online web --on p2 --output json").await;
    assert_eq!((ended.exit, ended.err.as_str()), (Exit::Refused, ""));
    assert_eq!(ended.json()["error"]["message"], "group web is already online on p1");
    assert_eq!(ended.json()["error"]["kind"], "refused");
    let ended = desk.run("why nothing").await;
    assert_eq!((ended.exit, ended.err.contains("there is no group nothing")), (Exit::Refused, true));
    let ended = desk.run("fence confirm p1 --yes-i-checked p1").await;
    assert_eq!(ended.exit, Exit::Refused, "its node speaks: {}", ended.err);
    desk.served.stop().await;
}

#[tokio::test]
async fn unreachable_and_unknown_have_their_own_codes() {
    let desk = Desk::new(Site::running()).await;
    let directory = desk.directory.path();
    let ended = command("status", "127.0.0.1:1", directory, None).await;
    assert_eq!(ended.exit, Exit::Unreachable);
    assert!(ended.err.contains("next: try another node with --node"), "{}", ended.err);

    desk.served.fake.set_mood(Mood::Leaderless);
    let ended = desk.run("status").await;
    assert_eq!(ended.exit, Exit::Unreachable, "{}", ended.err);
    let ended = desk.run("status --stale").await;
    assert_eq!(ended.exit, Exit::Done);
    assert!(ended.out.contains("nobody leads") && ended.out.contains("STALE"), "{}", ended.out);
    let ended = desk.run("node list --stale").await;
    assert!(ended.out.contains("nobody leads at the moment"), "{}", ended.out);

    desk.served.fake.set_mood(Mood::Mute);
    let ended = desk.run("group offline web --timeout 300ms").await;
    assert_eq!(ended.exit, Exit::Unknown, "{}", ended.err);
    let (_, id) = ended.err.trim_end().rsplit_once("--request-id ").unwrap();
    desk.served.fake.set_mood(Mood::Well);
    let ended = desk.run(&format!("group offline web --request-id {id}")).await;
    assert_eq!(ended.exit, Exit::Done, "{}", ended.err);
    desk.served.stop().await;
}

#[tokio::test]
async fn what_does_not_come_about_in_time_is_said() {
    let desk = Desk::new(Site::running()).await;
    desk.served.fake.set_mood(Mood::Idle);
    let ended = desk.run("group offline web --wait=200ms").await;
    assert_eq!(ended.exit, Exit::Unknown);
    assert_eq!(
        ended.err,
        "error: after 200ms group web is still leaving on p1\nnext: the request stands; see `tenure why web`\n"
    );
    // A waiting client sees the progress, and an election in between does no harm.
    let (ended, ()) = tokio::join!(desk.run("group offline db --wait=30s"), async {
        let name = GroupName::from("db");
        while desk.served.fake.site().ledger.groups[&name].intent == Intent::Online {
            tokio::task::yield_now().await;
        }
        desk.served.fake.set_mood(Mood::Leaderless);
        while desk.served.fake.leaderless_answers.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        desk.served.fake.settle();
        desk.served.fake.set_mood(Mood::Idle);
    });
    assert_eq!((ended.exit, ended.err.as_str()), (Exit::Done, ""));
    desk.served.stop().await;
}

#[tokio::test]
async fn a_cluster_file_is_shown_confirmed_and_applied() {
    let desk = Desk::new(Site::default()).await;
    let file = desk.write(SITE);
    assert_eq!(desk.run("export").await.exit, Exit::Usage, "nothing was applied yet");
    let ended = desk.run(&format!("apply {file}")).await;
    assert_eq!(ended.exit, Exit::Usage, "nobody is there to say yes");
    assert!(ended.err.contains("--yes"), "{}", ended.err);
    let ended = desk.answer(&format!("apply {file}"), Some("no\n")).await;
    assert_eq!((ended.exit, ended.err.as_str()), (Exit::Refused, "error: nothing was done\n"));
    assert!(ended.out.contains("+ group web\n"), "{}", ended.out);
    let ended = desk.answer(&format!("apply {file}"), Some("y\n")).await;
    assert_eq!((ended.exit, ended.err.as_str()), (Exit::Done, ""));
    assert!(ended.out.ends_with("see `tenure status`\n"), "{}", ended.out);
    let ended = desk.run(&format!("apply {file}")).await;
    assert_eq!((ended.exit, ended.out.as_str()), (Exit::Done, "nothing changes\n"));

    let exported = desk.run("export").await.out;
    assert_eq!(desk.run(&format!("apply {}", desk.write(&exported))).await.out, "nothing changes\n");
    let changed = exported.replace("\"5m\"", "\"7m\"").replace("memory = \"16GiB\"", "memory = \"20GiB\"");
    let ended = desk.run(&format!("apply {} --yes", desk.write(&changed))).await;
    insta::assert_snapshot!(ended.out.split("applied").next().unwrap(), @r#"
    ~ group web
        restart_window  "5m" -> "7m"

    ~ lpar db
        memory  "16GiB" -> "20GiB"
    "#);
    let stranding = exported.split("[groups.web]").next().unwrap().to_owned()
        + &exported[exported.find("[timings]").unwrap()..]
        + "\n[groups.other]\nservers = [\"p1\"]\n[lpars.other]\ngroup = \"other\"\npartition = \"other\"\n";
    let ended = desk.run(&format!("apply {} --yes --output json", desk.write(&stranding))).await;
    assert_eq!(ended.exit, Exit::Refused, "{}", ended.out);
    assert!(ended.json()["error"]["message"].as_str().unwrap().contains("strand"), "{}", ended.out);
    let ended = desk.run(&format!("apply {} --yes --strand --output json", desk.write(&stranding))).await;
    assert_eq!(ended.exit, Exit::Done, "{}", ended.out);
    assert!(ended.json()["changes"].as_array().unwrap().len() >= 3);
    desk.served.stop().await;
}

#[tokio::test]
async fn invalid_files_exit_with_two() {
    let desk = Desk::new(Site::default()).await;
    let good = desk.run(&format!("validate {}", desk.write(SITE))).await;
    assert_eq!(good.exit, Exit::Done);
    assert!(
        good.out.ends_with("is valid: cluster site, 1 manager, 2 servers, 3 nodes, 2 groups, 3 LPARs\n"),
        "{}",
        good.out
    );
    let file = desk.write(&SITE.replace("\"5m\"", "\"5\"").replace("[\"p2\", \"p1\"]", "[\"p2\", \"p2\"]"));
    let ended = desk.run(&format!("validate {file}")).await;
    assert_eq!(ended.exit, Exit::Usage);
    assert_eq!(ended.err.lines().count(), 2, "{}", ended.err);
    assert!(ended.err.contains("site.toml:34:18: restart_window is \"5\";"), "{}", ended.err);
    let ended = desk.run(&format!("validate {file} --output json")).await;
    let problems = &ended.json()["error"]["problems"];
    assert_eq!((problems[0]["line"].as_u64(), problems[1]["column"].as_u64()), (Some(34), Some(18)));
    assert_eq!(desk.run("validate /nonexistent.toml").await.exit, Exit::Usage);
    assert_eq!(desk.run(&format!("apply {file}")).await.exit, Exit::Usage);
    let strange = command("status", "127.0.0.1:1", Path::new("/nonexistent"), None).await;
    assert_eq!(strange.exit, Exit::Usage);
    assert!(strange.err.contains("--identity"), "{}", strange.err);
    desk.served.stop().await;
}

#[tokio::test]
async fn a_lost_server_is_confirmed_by_name() {
    let mut site = Site::running();
    site.systems.insert("p2".into(), SystemState::NoConnection);
    site.silent.insert("p2".into());
    site.settle();
    let desk = Desk::new(site).await;
    let status = desk.run("status").await.out;
    assert!(status.contains("ALARM") && status.contains("tenure fence confirm p2"), "{status}");
    let ended = desk.run("fence confirm p2").await;
    assert_eq!(ended.exit, Exit::Usage);
    assert_eq!(desk.run("fence confirm p2 --yes-i-checked p1").await.exit, Exit::Usage);
    let ended = desk.answer("fence confirm p2", Some("p1\n")).await;
    assert_eq!(ended.exit, Exit::Refused);
    assert!(ended.out.contains("reads No Connection, not live; groups there: db"), "{}", ended.out);
    let ended = desk.answer("fence confirm p2", Some("p2\n")).await;
    assert_eq!(ended.exit, Exit::Done, "{}", ended.err);
    assert!(ended.out.contains("server p2 is proven off: asserted by operator admin"), "{}", ended.out);
    let why = desk.run("why db").await.out;
    assert!(why.starts_with("group db is online on p1 since"), "{why}");
    assert!(why.contains("proof: the server is off, asserted by operator admin"), "{why}");
    desk.served.stop().await;
}

#[tokio::test]
async fn members_leaders_and_tokens() {
    let desk = Desk::new(Site::running()).await;
    assert_eq!(desk.run("leader show").await.out, "p1 leads\n");
    let ended = desk.run("leader transfer p2").await;
    assert_eq!((ended.err.as_str(), ended.out.as_str()), ("", "p2 leads\n"));
    let added = desk.run("node add p4 --address p4.site:7100").await;
    insta::assert_snapshot!(added.out, @"
    NODE  ID  ROLE     SERVER     STATE                    ADDRESS        ADMIN API      VERSION  LEVEL
    p1     1  leader   p1         ok                       p1.site:7100   p1.site:7101   0.1.0        1
    p2     2  voter    p2         ok                       p2.site:7100   p2.site:7101   0.1.0        1
    arb    3  voter    (arbiter)  ok                       arb.site:7100  arb.site:7101  -            -
    p4     4  learner  -          not in the cluster file  p4.site:7100   p4.site:7101   0.1.0        1
    ");
    assert_eq!(desk.run("node promote p4 --output json").await.json()["members"][3]["name"], "p4");
    assert_eq!(desk.run("node remove p4 --yes").await.exit, Exit::Done);
    assert!(desk.run("node token p5").await.out.starts_with("t0ken\nfor p5 only"));
    let fake = desk.served.stop().await;
    let audit = fake.audit.lock().unwrap().join("\n");
    insta::assert_snapshot!(audit, @"
    admin: transfer Some(p2)
    admin: add p4 p4.site:7100
    admin: promote p4
    admin: remove p4
    admin: token for node p5 to join
    ");
}

#[tokio::test]
async fn events_are_listed() {
    let desk = Desk::new(Site::running()).await;
    let all = desk.run("events").await.out;
    assert!(all.lines().next().unwrap().contains("configuration applied by admin"), "{all}");
    let index = desk.served.fake.site().ledger.index;
    assert_eq!(desk.run(&format!("events --since {index}")).await.out, "");
    assert_eq!(desk.run("events --output json").await.json()[0]["kind"], "configured");
    desk.served.stop().await;
}

#[tokio::test]
async fn a_cluster_is_founded_offline_and_once() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let admin = directory.path().join("admin");
    let config = directory.path().join("tenured.toml");
    let text = "node = \"p1\"\ndata_dir = \"data\"\nlisten = \"127.0.0.1:7100\"\napi_listen = \"127.0.0.1:7101\"\n";
    std::fs::write(&config, text).unwrap();
    let line = format!("cluster init --name site --config {}", config.display());
    let ended = command(&line, "127.0.0.1:1", &admin, None).await;
    assert_eq!((ended.exit, ended.err.as_str()), (Exit::Done, ""));
    let node = identity::load(&data.join("cluster"), identity::NODE).unwrap();
    let (node, cluster) = (node.name().unwrap(), ended.out.split_whitespace().nth(1).unwrap());
    assert_eq!(node.to_string(), format!("tenure://{cluster}/node/p1?id=1"));
    let alice = identity::load(&admin, identity::USER).unwrap();
    assert_eq!(alice.name().unwrap().to_string(), format!("tenure://{cluster}/user/admin?id=0"));
    let mode = |file: &Path| std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions()) & 0o777;
    let seal = directory.path().join("p1.seal");
    for secret in [seal, data.join("cluster/authorities.json"), data.join("cluster/node.key"), admin.join("user.key")] {
        assert_eq!(mode(&secret), 0o600, "{}", secret.display());
    }
    let ended = command(&line, "127.0.0.1:1", &admin, None).await;
    assert_eq!(ended.exit, Exit::Usage);
    assert!(ended.err.contains("holds an administrator's identity already"), "{}", ended.err);
    let elsewhere = directory.path().join("elsewhere");
    let ended = command(&line, "127.0.0.1:1", &elsewhere, None).await;
    assert_eq!(ended.exit, Exit::Usage);
    assert!(ended.err.contains("holds a node's identity already\nnext: to start over"), "{}", ended.err);
    assert!(!elsewhere.exists());
    let wrong = format!("cluster init --name a/b --config {}", config.display());
    assert_eq!(command(&wrong, "127.0.0.1:1", &elsewhere, None).await.exit, Exit::Usage);
}

/// The arguments of `tenure` are declared apart from the verbs, and must mean the same: scenarios and replayed logs
/// show a verb as it is typed.
#[tokio::test]
async fn every_verb_is_asked_as_it_is_typed() {
    let desk = Desk::new(Site::running()).await;
    for typed in TYPED {
        let sure = match typed.split(' ').take(2).collect::<Vec<_>>()[..] {
            ["server", "shutdown"] | ["fence", _] => typed.rsplit(' ').next(),
            ["cluster", "disarm" | "resume"] => Some("site"),
            _ => None,
        };
        let sure = sure.map(|name| format!(" --yes-i-checked {name}")).unwrap_or_default();
        let ended = desk.run(&format!("{typed}{sure}")).await;
        assert!([Exit::Done, Exit::Refused].contains(&ended.exit), "{typed}: {}", ended.err);
        let asked = desk.served.fake.audit.lock().unwrap().last().cloned();
        assert_eq!(asked, Some(format!("admin: {typed}")));
    }
    desk.served.stop().await;
}
