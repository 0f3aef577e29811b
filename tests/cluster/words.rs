//! Words of agents and users on their way through a real node: kept and shown to be read, obeyed by nothing.

use super::nodes::{Cluster, path, until};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use tenure::api::Read;
use tenure_core::foreign::is_harmful;

/// Takes the title and the clipboard of a terminal, clears it, and writes over the line in which it stands.
const PRINTS: &str = r"printf 'ok\rgroup esc: \033[2J\033[1;1H\033]0;owned\007\033[32mall is well \033]52;c;cm0gLXJmIC8=\007\302\2332J\342\200\256\n'";
/// How it is shown.
const SHOWN: &str = r"ok\rgroup esc: \u{1b}[2J\u{1b}[1;1H\u{1b}]0;owned\u{7}\u{1b}[32mall is well \u{1b}]52;c;cm0gLXJmIC8=\u{7}\u{9b}2J\u{202e}";

fn program(folder: &Path, name: &str, text: &str) -> PathBuf {
    fs::create_dir_all(folder).expect("a directory");
    let file = folder.join(name);
    fs::write(&file, format!("#!/bin/sh\n{text}\n")).expect("a file");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("its mode");
    file
}

/// Standard output and standard error of a command, on a terminal that shows colours or into a pipe.
fn run(cluster: &Cluster, colours: bool, args: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tenure"));
    command.args(args).env("TENURE_NODES", cluster.nodes["p1"].api.to_string());
    command.env("TENURE_IDENTITY", cluster.admin()).stdin(Stdio::null());
    if colours {
        command.env("CLICOLOR_FORCE", "1").env_remove("NO_COLOR");
    }
    let output = command.output().expect("tenure runs");
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The text without changes of colour.
fn without_colours(text: &str) -> String {
    let mut plain = String::new();
    for (number, piece) in text.split("\u{1b}[").enumerate() {
        let end = piece.find(|c: char| !c.is_ascii_digit() && c != ';').filter(|_| number > 0);
        match end {
            Some(end) if piece[end..].starts_with('m') => plain.push_str(&piece[end + 1..]),
            Some(_) => panic!("not a change of colour: {piece:?} in {text:?}"),
            None => plain.push_str(piece),
        }
    }
    plain
}

fn assert_harmless(what: &str, text: &str) {
    let raw: Vec<char> = text.chars().filter(|c| is_harmful(*c) && !"\n\t".contains(*c)).collect();
    assert!(raw.is_empty(), "{what} has {raw:?} in\n{text:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_agents_and_users_say_reaches_no_terminal_and_no_log_raw() {
    let mut cluster = Cluster::found("words", "").await;
    let folder = cluster.directory.path().join("programs");
    // The last table of the file is `[agents]`.
    let config = cluster.nodes["p1"].config.clone();
    let text = fs::read_to_string(&config).expect("a file");
    fs::write(&config, format!("{text}programs = [\"{}\"]\n", folder.display())).expect("a file");
    cluster.kill("p1");
    cluster.start("p1");
    cluster.answers("p1").await;
    let fails = program(&folder, "fails", &format!("{PRINTS}; exit 1"));
    let looks = program(&folder, "looks", &format!("{PRINTS}; exit 100"));
    let agent = cluster.directory.path().join("agents/Esc");
    for entry in ["online", "offline"] {
        program(&agent, entry, "exit 0");
    }
    program(&agent, "monitor", &format!("{PRINTS}; exit 100"));
    program(&agent, "info", &format!("echo first; {PRINTS}; printf 'third\\tfield\\n'"));
    program(&agent, "action", &format!("{PRINTS}; exit $(test \"$2\" = good; echo $?)"));
    fs::write(agent.join("arglist"), "").expect("a file");
    let (fails, looks) = (path(&fails), path(&looks));
    let file = cluster.directory.path().join("site.toml");
    let text = format!(
        "name = \"site\"\n\n[servers.s1]\n\n[nodes.p1]\nserver = \"s1\"\n\n[groups.esc]\nservers = [\"s1\"]\n\n\
         [resources.app]\ngroup = \"esc\"\ntype = \"Application\"\nattributes = {{ StartProgram = \"{fails}\", \
         StopProgram = \"{fails}\", MonitorProgram = \"{looks}\" }}\n\n[groups.script]\nservers = [\"s1\"]\n\n\
         [resources.flag]\ngroup = \"script\"\ntype = \"script:Esc\"\n"
    );
    fs::write(&file, text).expect("a file");
    let applied = run(&cluster, false, &["apply", "--yes", path(&file)]);
    assert!(applied.contains("applied at log index"), "{applied}");
    until("the start has failed", async || {
        let why = cluster.client().why("esc", 50, Read::Linearizable).await;
        why.is_ok_and(|why| why.records.iter().any(|record| record.text.contains("exit status 1: ok")))
    })
    .await;
    until("a look is known", async || run(&cluster, false, &["resource", "show", "app"]).contains("all is well")).await;

    let hostile_name = "no\r\u{1b}[2Jsuch\u{202e}";
    let commands: [(&[&str], bool); 10] = [
        (&["why", "esc"], true),
        (&["status"], false),
        (&["group", "list"], false),
        (&["events"], true),
        (&["resource", "show", "app"], true),
        (&["resource", "info", "flag", "--on", "s1"], true),
        (&["resource", "action", "flag", "good", "--on", "s1"], true),
        (&["resource", "action", "flag", "bad", "--on", "s1"], true),
        (&["agent", "show", "script:Esc"], false),
        (&["group", "freeze", hostile_name], false),
    ];
    for (args, quotes) in commands {
        for colours in [true, false] {
            let text = run(&cluster, colours, args);
            assert!(colours || !text.contains('\u{1b}'), "{args:?}: {text:?}");
            let plain = without_colours(&text);
            assert_harmless(&args.join(" "), &plain);
            // A table breaks lines where it has no room.
            let joined: String = plain.split_whitespace().collect();
            let shown: String = SHOWN.split_whitespace().collect();
            assert!(!quotes || joined.contains(&shown), "{args:?} does not quote it:\n{plain}");
        }
        let json = run(&cluster, false, &[args, &["--output", "json"]].concat());
        assert_harmless(&format!("{args:?} as JSON"), &json);
        assert!(!json.contains('\t'), "{json}");
    }
    let info = run(&cluster, false, &["resource", "info", "flag", "--on", "s1"]);
    assert!(info.starts_with("first\nok") && info.ends_with("\nthird\tfield\n"), "lines and tabs stay: {info:?}");
    let refused = run(&cluster, false, &["group", "freeze", hostile_name]);
    assert!(refused.contains(r"there is no group no\r\u{1b}[2Jsuch\u{202e}"), "{refused}");

    let log = cluster.nodes["p1"].log();
    assert_harmless("the log", &log);
    assert!(log.contains("all is well"), "{log}");
    let forged = |line: &&str| line.starts_with("group") || line.starts_with("all is well");
    assert_eq!(log.lines().filter(forged).count(), 0, "{log}");
}
