//! `tenure status`: with a leader and without one, in short and in full; and what is asked of whom.

use super::{
    commands::{Desk, command},
    fake::{Mood, SITE, Site},
};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tenure::cli::Exit;
use tenure_core::{Command, Power, Span, SystemState, Verb};
use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpStream},
};

/// p2 lost: nobody can say whether it is off.
fn lost() -> Site {
    let mut site = Site::running();
    site.systems.insert("p2".into(), SystemState::NoConnection);
    site.silent.insert("p2".into());
    site.settle();
    site
}

#[tokio::test]
async fn what_is_as_it_should_be_takes_one_line() {
    let desk = Desk::new(Site::running()).await;
    let ended = desk.run("status").await;
    assert_eq!(ended.exit, Exit::Done);
    insta::assert_snapshot!(ended.out);
    let ended = desk.run("status --check").await;
    assert_eq!((ended.exit, ended.out.lines().count()), (Exit::Done, 1), "{}", ended.out);
    assert_eq!(desk.run("status --output json").await.json()["verdict"]["ok"], true);
    desk.served.stop().await;
}

#[tokio::test]
async fn what_is_wrong_is_on_top_with_the_next_command() {
    let desk = Desk::new(lost()).await;
    *desk.served.fake.idle.lock().unwrap() = Span::seconds(240);
    insta::assert_snapshot!(desk.run("status").await.out);
    let ended = desk.run("status --check").await;
    assert_eq!(ended.exit, Exit::Wrong);
    assert!(ended.out.contains("ATTENTION: 1 group in doubt, 1 server not read, 1 node silent"), "{}", ended.out);
    assert!(ended.out.contains("quorum 2 of 3 (none may fail)"), "{}", ended.out);
    let json = desk.run("status --output json --check").await;
    assert_eq!((json.exit, json.json()["verdict"]["ok"].as_bool()), (Exit::Wrong, Some(false)));
    assert_eq!(json.json()["groups"].as_array().unwrap().len(), 2, "programs are shown everything");
    desk.served.stop().await;
}

/// All groups wait for the same.
#[tokio::test]
async fn two_hundred_groups_with_one_cause_are_one_line() {
    let mut file = SITE.to_owned();
    for number in 0..200 {
        file.push_str(&format!("[groups.app-{number}]\nservers = [\"p2\", \"p1\"]\n"));
        file.push_str(&format!("[lpars.app-{number}]\ngroup = \"app-{number}\"\npartition = \"app-{number}\"\n"));
    }
    let mut site = Site::running_from(0, &file.replace("[timings]\nheartbeat = \"200ms\"\n", ""));
    site.systems.insert("p2".into(), SystemState::NoConnection);
    site.silent.insert("p2".into());
    site.settle();
    let desk = Desk::new(site).await;
    let out = desk.run("status --check").await.out;
    assert!(out.contains("201 groups wait: nothing proves that p2 is off"), "{out}");
    assert!(out.contains("app-0, ") && out.contains("and 195 more"), "{out}");
    assert!(out.lines().count() < 20, "{out}");
    desk.served.stop().await;
}

#[tokio::test]
async fn a_part_of_it_is_shown() {
    let mut site = Site::running();
    site.set("p1", "web2", Power::Stopping);
    site.settle();
    let desk = Desk::new(site).await;
    let out = desk.run("status --on p2").await.out;
    assert!(out.contains("\ndb ") && !out.contains("\nweb"), "{out}");
    let out = desk.run("resource list --problems").await.out;
    assert!(out.contains("web2") && !out.contains("web1"), "{out}");
    let out = desk.run("resource list --state running --group web --output json").await;
    assert_eq!(out.json().as_array().unwrap().len(), 1, "{}", out.out);
    let out = desk.run("group list --on p1").await.out;
    assert!(out.contains("\nweb ") && !out.contains("\ndb "), "{out}");
    let ended = desk.run("status --on p9").await;
    assert_eq!(
        (ended.exit, ended.err.as_str()),
        (Exit::Refused, "error: there is no server p9\nnext: did you mean p1?\n")
    );
    desk.served.stop().await;
}

#[tokio::test]
async fn without_a_leader_every_node_is_asked_and_nothing_is_sure() {
    let desk = Desk::new(Site::running()).await;
    let fake = &desk.served.fake;
    fake.set_mood(Mood::Leaderless);
    *fake.idle.lock().unwrap() = Span::seconds(38);
    let refused = || "connection refused".to_owned();
    *fake.unreached.lock().unwrap() = [("p2".into(), refused()), ("arb".into(), refused())].into();
    let ended = desk.run("status").await;
    assert_eq!(ended.exit, Exit::Unreachable);
    let head = ended.out.lines().next().unwrap();
    assert!(head.starts_with("NO LEADER since "), "{}", ended.out);
    assert!(head.ends_with("UTC (38s). 1 of 3 voters answers; 2 are needed."), "{}", ended.out);
    assert!(ended.out.contains("cannot reach arb, p2 (connection refused)"), "{}", ended.out);
    assert!(ended.out.contains("next: bring back p2 or arb"), "{}", ended.out);
    assert!(ended.out.contains("online?") && ended.out.contains("Running 38s ago"), "{}", ended.out);
    assert!(!ended.out.contains("ready "), "{}", ended.out);
    let json = desk.run("status --output json").await;
    assert_eq!(json.exit, Exit::Unreachable);
    assert_eq!((json.json()["answer"].as_u64(), json.json()["needed"].as_u64()), (Some(1), Some(2)));
    assert_eq!(json.json()["known"]["groups"][0]["live"], false);

    let ended = desk.run("status --stale").await;
    assert!(ended.out.contains("nobody leads") && ended.out.contains("STALE"), "{}", ended.out);
    assert!(ended.out.contains("ATTENTION"), "{}", ended.out);
    let ended = desk.run("node list --stale").await;
    assert!(!ended.out.contains(" ok ") && !ended.out.contains("leader"), "{}", ended.out);
    desk.served.stop().await;
}

#[tokio::test]
async fn who_asks_a_node_that_is_cut_off_is_told_what_the_others_know() {
    let desk = Desk::new(Site::running()).await;
    let other = desk.served.start_beside("p2", 2, Site::running()).await;
    desk.served.fake.set_mood(Mood::Leaderless);
    let refused = || "connection refused".to_owned();
    *desk.served.fake.unreached.lock().unwrap() = [("p2".into(), refused()), ("arb".into(), refused())].into();
    let ended = desk.run("status").await;
    assert_eq!(ended.exit, Exit::Done, "{}", ended.out);
    assert!(ended.out.starts_with("cluster site  OK") && !ended.out.contains("NO LEADER"), "{}", ended.out);
    other.stop().await;
    desk.served.stop().await;
}

/// An address that accepts connections and never answers, and another before a node that sees whether a client still
/// waits for the first.
struct Addresses {
    silent: SocketAddr,
    second: SocketAddr,
    /// Whether the second one was asked while the client had not given up the first.
    together: Arc<AtomicBool>,
}

async fn addresses(node: SocketAddr) -> Addresses {
    let (silent, second) =
        (TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let (open, together) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let addresses = Addresses {
        silent: silent.local_addr().unwrap(),
        second: second.local_addr().unwrap(),
        together: Arc::clone(&together),
    };
    let waits = Arc::clone(&open);
    tokio::spawn(async move {
        loop {
            let (mut client, _) = silent.accept().await.unwrap();
            let waits = Arc::clone(&waits);
            tokio::spawn(async move {
                waits.store(true, Ordering::SeqCst);
                while client.read(&mut [0; 1024]).await.is_ok_and(|read| read > 0) {}
                waits.store(false, Ordering::SeqCst);
            });
        }
    });
    tokio::spawn(async move {
        loop {
            let (mut client, _) = second.accept().await.unwrap();
            together.fetch_or(open.load(Ordering::SeqCst), Ordering::SeqCst);
            tokio::spawn(async move {
                let mut node = TcpStream::connect(node).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut node).await;
            });
        }
    });
    addresses
}

#[tokio::test]
async fn a_dead_first_address_keeps_nobody_waiting() {
    for line in ["status", "why web", "node list", "group freeze web"] {
        let desk = Desk::new(Site::running()).await;
        let Addresses { silent, second, together } = addresses(desk.served.address).await;
        let ended = command(line, &format!("{silent},{second}"), desk.directory(), None).await;
        assert_eq!((ended.exit, ended.err.as_str()), (Exit::Done, ""), "{line}");
        assert!(together.load(Ordering::SeqCst), "{line}: the second is asked while the first has not answered");
        let asked = desk.served.fake.audit.lock().unwrap().clone();
        assert_eq!(asked.len(), usize::from(line == "group freeze web"), "a request is sent once: {asked:?}");
        desk.served.stop().await;
    }
}

#[tokio::test]
async fn to_ask_for_what_is_so_is_no_error() {
    let desk = Desk::new(Site::running()).await;
    for line in ["group freeze web", "server freeze p1", "server drain p2", "cluster disarm --yes-i-checked site"] {
        assert_eq!(desk.run(line).await.exit, Exit::Done, "{line}");
        let again = desk.run(line).await;
        assert_eq!((again.exit, again.err.as_str()), (Exit::Done, ""), "{line}");
        assert!(again.out.starts_with("nothing to do: "), "{line}: {}", again.out);
    }
    for line in ["cluster arm", "server unfreeze p1", "server undrain p2", "group unfreeze web"] {
        assert_eq!(desk.run(line).await.exit, Exit::Done, "{line}");
        let again = desk.run(&format!("{line} --output json")).await;
        assert_eq!(again.exit, Exit::Done, "{line}: {}", again.out);
        assert!(again.json()["outcome"]["already"].is_string(), "{line}: {}", again.out);
    }
    for (line, said) in [
        ("group online web", "nothing to do: group web is already online on p1\n"),
        ("group online web --on p1 --wait=5s", "nothing to do: group web is already online on p1\n"),
        ("group switch web --to p1", "nothing to do: group web is already online on p1\n"),
        ("group clear web", "nothing to do: group web has no fault to clear\n"),
        ("group flush web", "nothing to do: nothing is under way for web\n"),
        ("cluster resume --yes-i-checked site", "nothing to do: no storm holds the cluster back\n"),
    ] {
        let ended = desk.run(line).await;
        assert_eq!((ended.exit, ended.out.as_str(), ended.err.as_str()), (Exit::Done, said, ""), "{line}");
    }
    assert_eq!(desk.run("group online web --on p2").await.exit, Exit::Refused, "it is elsewhere");
    desk.served.stop().await;
}

#[tokio::test]
async fn a_slip_of_the_fingers_is_answered_with_what_was_meant() {
    let desk = Desk::new(Site::running()).await;
    for (line, said) in [
        ("why Web", "there is no group Web\nnext: did you mean web?"),
        ("why web1", "there is no group web1\nnext: web1 is a resource of group web; did you mean web?"),
        ("why p1", "there is no group p1\nnext: p1 is a server: `tenure server show p1`"),
        ("group offline wbe", "there is no group wbe\nnext: did you mean web?"),
        ("group online web --on p9", "there is no server p9\nnext: did you mean p1?"),
        ("resource show web3", "there is no resource web3\nnext: did you mean web1?"),
        ("server show p11", "there is no server p11\nnext: did you mean p1?"),
        ("server drain p11", "there is no server p11\nnext: did you mean p1?"),
        ("service show nothing", "there is no service nothing\nnext: see `tenure service list`"),
        ("fence confirm p11", "there is no server p11\nnext: did you mean p1?"),
        ("plan --lose p11", "there is no server p11\nnext: did you mean p1?"),
        ("events --on p11", "there is no server p11\nnext: did you mean p1?"),
        ("node remove p11", "there is no node p11\nnext: did you mean p1?"),
    ] {
        let ended = desk.run(line).await;
        assert_eq!((ended.exit, ended.err), (Exit::Refused, format!("error: {said}\n")), "{line}");
        assert_eq!(ended.out, "", "{line}");
    }
    let other = desk.write("include \"types.cf\"\ncluster vcs (\n)\n");
    let ended = desk.run(&format!("validate {other}")).await;
    assert_eq!(ended.exit, Exit::Usage);
    assert!(ended.err.contains("is a main.cf of VCS") && ended.err.contains("docs/from-vcs.md"), "{}", ended.err);
    desk.served.stop().await;
}

#[tokio::test]
async fn to_remove_a_node_is_to_know_how_many_may_fail() {
    let desk = Desk::new(Site::running()).await;
    let ended = desk.run("node remove p2").await;
    assert_eq!(ended.exit, Exit::Usage);
    assert!(ended.err.contains("2 voters are left: none may fail") && ended.err.contains("--yes"), "{}", ended.err);
    let ended = desk.answer("node remove p2", Some("n\n")).await;
    assert_eq!(ended.exit, Exit::Refused);
    assert!(ended.out.contains("Without p2, 2 voters are left: none may fail."), "{}", ended.out);
    let removed = || desk.served.fake.audit.lock().unwrap().iter().any(|line| line.contains("remove"));
    assert!(!removed());
    assert_eq!(desk.answer("node remove p2", Some("y\n")).await.exit, Exit::Done);
    assert!(removed());
    desk.served.stop().await;

    // With p2 silent, arb alone could decide nothing without p1.
    let desk = Desk::new(lost()).await;
    let ended = desk.run("node remove p1").await;
    let said = "2 voters are left, and p2 does not answer: nobody could decide anything";
    assert!(ended.err.contains(said), "{}", ended.err);
    let ended = desk.run("node remove p2").await;
    assert!(ended.err.contains("2 voters are left: none may fail"), "{}", ended.err);
    let ended = desk.run("node token p2").await;
    assert!(ended.err.contains("p2 votes; the token is of use only after `tenure node remove p2`"), "{}", ended.err);
    desk.served.stop().await;
}

#[tokio::test]
async fn a_name_typed_wrong_is_shown() {
    let desk = Desk::new(lost()).await;
    let ended = desk.answer("fence confirm p2", Some("p1\n")).await;
    assert_eq!(
        (ended.exit, ended.err.as_str()),
        (Exit::Refused, "error: nothing was done: you typed \"p1\", and not \"p2\"\n")
    );
    desk.served.stop().await;
}

#[tokio::test]
async fn a_held_group_names_the_wrong_copy_and_the_command() {
    let mut site = Site::running();
    site.operator(Command::Request(Verb::Freeze { group: "db".into(), terms: Default::default() }.into()));
    site.set("p1", "db", Power::Running);
    site.settle();
    let desk = Desk::new(site).await;
    let out = desk.run("status").await.out.replace("\n       ", " ");
    let command = "`chsysstate -m Server-9009-42A-SN1111111 -r lpar -n db -o shutdown --immed` on hmc1";
    assert!(out.contains(&format!("the wrong copy is the one on p1: {command}")), "{out}");
    desk.served.stop().await;
}

/// The way over from another manager begins so: nothing may be moved before everything is known.
#[tokio::test]
async fn a_cluster_without_a_file_is_disarmed_by_the_name_it_was_founded_with() {
    let desk = Desk::new(Site::default()).await;
    let ended = desk.run("cluster disarm").await;
    assert!(ended.err.contains("repeat it with --yes-i-checked site"), "{}", ended.err);
    let ended = desk.run("cluster disarm --yes-i-checked site").await;
    assert_eq!((ended.exit, ended.err.as_str()), (Exit::Done, ""));
    desk.served.stop().await;
}

/// A watcher that ends when it can write no more.
#[tokio::test]
async fn a_watcher_looks_again() {
    struct Few(Arc<std::sync::Mutex<(usize, Vec<u8>)>>);
    impl std::io::Write for Few {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let mut few = self.0.lock().unwrap();
            few.0 += 1;
            if few.0 > 3 {
                return Err(std::io::ErrorKind::BrokenPipe.into());
            }
            few.1.extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    use clap::Parser;
    let desk = Desk::new(Site::running()).await;
    let (node, identity) = (desk.served.address.to_string(), desk.directory().display().to_string());
    let line = ["tenure", "--node", &node, "--identity", &identity, "status", "--watch"];
    let seen = Arc::new(std::sync::Mutex::default());
    let (out, err) = (Box::new(Few(Arc::clone(&seen))), Box::new(std::io::sink()));
    let mut terminal = tenure::cli::Terminal::scripted(out, err, None);
    let exit = tenure::cli::run(tenure::cli::Args::try_parse_from(line).unwrap(), &mut terminal).await;
    assert_eq!(exit, Exit::Done);
    let shown = String::from_utf8(seen.lock().unwrap().1.clone()).unwrap();
    assert_eq!(shown.matches("cluster site").count(), 2, "{shown}");
    desk.served.stop().await;
}
