//! What is installed beside the programs: the unit of systemd, an example of the configuration, manual pages, completions.

use crate::{
    expect,
    nodes::{Cluster, path, wait},
};
use clap::{CommandFactory as _, Parser as _};
use std::{
    fs,
    io::Write as _,
    os::unix::net::UnixDatagram,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};
use tenure_jepsen::needs;

const UNIT: &str = "contrib/systemd/tenured.service";
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(file)).unwrap_or_else(|why| panic!("{file}: {why}"))
}

/// A service manager that waits for words.
struct Manager(UnixDatagram);

impl Manager {
    fn at(socket: &Path) -> Manager {
        let socket = UnixDatagram::bind(socket).expect("a socket");
        socket.set_read_timeout(Some(Duration::from_secs(60))).expect("a socket");
        Manager(socket)
    }

    fn hears(&self) -> String {
        let mut word = [0; 256];
        let length = self.0.recv(&mut word).expect("a word of tenured");
        String::from_utf8_lossy(&word[..length]).into_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_is_told_that_a_node_runs_that_its_loop_does_and_that_it_stops() {
    let mut cluster = Cluster::empty("service", "");
    cluster.prepare("p1");
    let (config, socket) = (cluster.nodes["p1"].config.clone(), cluster.directory.path().join("notify"));
    let admin = cluster.admin();
    let init = ["cluster", "init", "--name", "service", "--config", path(&config)];
    expect(&crate::tenure("localhost:1", &admin, &init), 0, &["is founded"]);
    let manager = Manager::at(&socket);
    let mut daemon = Command::new("/bin/sh");
    daemon.args(["-c", "WATCHDOG_PID=$$ exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_tenured"), "--config", path(&config)]);
    daemon.env("NOTIFY_SOCKET", &socket).env("WATCHDOG_USEC", "400000");
    cluster.node("p1").spawn(daemon);
    let words: Vec<String> = (0..8).map(|_| manager.hears()).collect();
    assert!(words.iter().all(|word| ["READY=1", "WATCHDOG=1"].contains(&&**word)), "{words:?}");
    assert_eq!(words.iter().filter(|word| *word == "READY=1").count(), 1, "{words:?}");
    assert!(cluster.nodes["p1"].log().contains("tenured runs"));
    cluster.node("p1").signal(rustix::process::Signal::TERM);
    wait("it says that it stops", || manager.hears() == "STOPPING=1");
    assert_eq!(cluster.node("p1").ended().0.code(), Some(0));
}

#[test]
fn the_unit_starts_what_there_is_and_not_what_must_not_be_started_again() {
    let unit = read(UNIT);
    let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("it starts something");
    let args = tenure::node::main::Args::try_parse_from(line.split_whitespace()).expect("arguments of tenured");
    assert_eq!(args.config, Path::new("/etc/tenure/tenured.toml"));
    // The exit codes of `tenured`: usage, and an end after which an administrator has to look.
    let ending = format!("{:?}", tenure::node::Ending::Diverged { at: 1 }.code());
    assert_eq!(ending, format!("{:?}", std::process::ExitCode::from(3)));
    for line in ["Restart=on-failure", "RestartPreventExitStatus=2 3", "KillMode=process", "Type=notify"] {
        assert!(unit.lines().any(|other| other == line), "{line} is missing");
    }
}

/// Every command that is shown, as the words after `tenure`.
fn commands() -> Vec<Vec<String>> {
    fn below(command: &clap::Command, words: &[String], found: &mut Vec<Vec<String>>) {
        for command in command.get_subcommands().filter(|one| !one.is_hide_set()) {
            let words = [words, &[command.get_name().to_owned()]].concat();
            below(command, &words, found);
            found.push(words);
        }
    }
    let mut found = Vec::new();
    below(&tenure::cli::Args::command(), &[], &mut found);
    assert!(found.len() > 50 && found.contains(&vec!["group".to_owned(), "switch".to_owned()]));
    found
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = tempfile::tempdir().expect("a directory");
    let pages = folder.path().join("man");
    expect(&crate::tenure("localhost:1", folder.path(), &["manual", path(&pages)]), 0, &[]);
    let page = |name: &str| fs::read_to_string(pages.join(name)).unwrap_or_else(|why| panic!("{name}: {why}"));
    for words in commands() {
        let name = format!("tenure-{}", words.join("-"));
        let text = page(&format!("{name}.1"));
        assert!(text.contains(".SH NAME") && text.contains(&name.replace('-', "\\-")), "{text}");
    }
    // What to type, the example, and what holds for all commands.
    let switch = page("tenure-group-switch.1");
    for part in [".SH SYNOPSIS", "\\-\\-to", "Example: tenure group switch", "\\-\\-identity"] {
        assert!(switch.contains(part), "{part} is missing in:\n{switch}");
    }
    assert!(page("tenure.1").contains("Exit codes") && page("tenured.8").contains("\\-\\-join\\-file"));
    assert!(!pages.join("tenure-manual.1").exists(), "it is for those who make packages");
}

#[test]
fn shells_complete_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let output = crate::tenure("localhost:1", Path::new("/nonexistent"), &["completions", shell]);
        let script = expect(&output, 0, &[]);
        for words in commands() {
            let last = words.last().expect("a word");
            assert!(script.contains(last.as_str()), "{shell}: {last}");
        }
    }
    let refused = crate::tenure("localhost:1", Path::new("/nonexistent"), &["completions", "csh"]);
    expect(&refused, 2, &["csh", "bash"]);
    // The shell that every machine has takes it, and completes with it.
    let ask = "source /dev/stdin; COMP_WORDS=(tenure group sw); COMP_CWORD=2; _tenure tenure sw group; echo \"${COMPREPLY[@]}\"";
    let mut bash = Command::new("bash");
    bash.args(["-c", ask]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut bash = bash.spawn().expect("bash runs");
    let script = crate::tenure("localhost:1", Path::new("/nonexistent"), &["completions", "bash"]).stdout;
    bash.stdin.take().expect("its input").write_all(&script).expect("it reads");
    expect(&bash.wait_with_output().expect("it ends"), 0, &["switch"]);
}

/// What is installed is what a node may have: as it is it lacks a name; with the lines that it shows, it is whole.
#[test]
fn the_example_of_a_configuration_is_one() {
    let text = read("contrib/tenured.toml");
    let missing = tenure::local::LocalConfig::parse("tenured.toml", &text).expect_err("it names no node").to_string();
    for field in ["node", "listen", "api_listen"] {
        assert!(missing.contains(field), "{missing}");
    }
    let set: String = text
        .lines()
        .map(|line| if line.starts_with("# ") { "" } else { line.trim_start_matches('#') })
        .collect::<Vec<_>>()
        .join("\n");
    let whole = tenure::local::LocalConfig::parse("tenured.toml", &set).unwrap_or_else(|why| panic!("{why}\n{set}"));
    assert_eq!((whole.node.to_string(), whole.data_dir.as_path()), ("p1".to_owned(), Path::new("/var/lib/tenure")));
    let required = ["#node", "#listen", "#api_listen"];
    let least: String = text
        .lines()
        .map(|line| if required.iter().any(|name| line.starts_with(name)) { &line[1..] } else { line })
        .collect::<Vec<_>>()
        .join("\n");
    let least = tenure::local::LocalConfig::parse("tenured.toml", &least).expect("these are all that have to be set");
    assert_eq!((&least.agents.rights, &least.audit), (&whole.agents.rights, &whole.audit), "it shows the defaults");
}

#[test]
fn what_tests_look_for_is_set_up() {
    let setup = read(".ci/setup");
    let words: Vec<&str> = setup.split_whitespace().collect();
    for (what, package) in needs::PACKAGES {
        assert!(words.contains(&package), ".ci/setup does not install {package}, which has {what}");
    }
}

#[test]
fn systemd_understands_the_unit() {
    let test = "systemd_understands_the_unit";
    if !needs::met(test, "SYSTEMD", needs::programs(&["systemd-analyze"])) {
        return;
    }
    let folder = tempfile::tempdir().expect("a directory");
    let verify = |text: &str| {
        let file = folder.path().join("tenured.service");
        fs::write(&file, text.replace("/usr/sbin/tenured", env!("CARGO_BIN_EXE_tenured"))).expect("a file");
        let output = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&file).output();
        String::from_utf8(output.expect("it runs").stderr).expect("text")
    };
    let unit = read(UNIT);
    assert_eq!(verify(&unit), "");
    // It does find something.
    let wrong = verify(&unit.replace("OOMScoreAdjust=", "OOMScoreAdjust=x"));
    assert!(wrong.contains("OOM score adjust"), "{wrong}");
}
