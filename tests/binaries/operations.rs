//! The commands of docs/operations.md, line by line as they are written, on three machines that are directories: their `tenured`
//! listen on loopback addresses.
//!
//! What is changed before a line runs is declared here, and nothing else is: `/etc/tenure` and `/var/lib/tenure` are directories
//! of the machine, `10.0.0.11` its address, and `systemctl` starts what the unit would start. Nothing is installed. In the table of daily work, words in capitals
//! stand for names, `--wait` ends after a minute, what asks is answered with `--yes`, and what goes on for ever is ended.

use crate::{
    expect,
    nodes::{Cluster, said, until},
};
use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

const DOCUMENT: &str = include_str!("../../docs/operations.md");
const UNIT: &str = include_str!("../../contrib/systemd/tenured.service");

/// The text below a heading, up to the next one.
fn section(heading: &str) -> &'static str {
    let from = DOCUMENT.find(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no {heading:?}")) + 1;
    let text = &DOCUMENT[from + heading.len()..];
    let ends = ["\n## ", "\n### "].into_iter().filter_map(|mark| text.find(mark)).min();
    &text[..ends.unwrap_or(text.len())]
}

/// The blocks of a section in a language, in order.
fn blocks(heading: &str, language: &str) -> Vec<&'static str> {
    let parts = section(heading).split("\n```");
    // Every second part is a block.
    let inside = parts.skip(1).step_by(2).filter_map(|part| part.split_once('\n'));
    inside.filter(|(named, _)| *named == language).map(|(_, text)| text).collect()
}

fn block(heading: &str, language: &str, number: usize) -> &'static str {
    let all = blocks(heading, language);
    all.get(number).copied().unwrap_or_else(|| panic!("{heading}: {} blocks of {language}", all.len()))
}

/// A directory that stands for a machine.
pub struct Machine {
    pub root: PathBuf,
    pub address: String,
    programs: PathBuf,
}

impl Machine {
    fn new(directory: &Path, name: &str, address: &str) -> Machine {
        let root = directory.join(name);
        let machine = Machine { root, address: address.to_owned(), programs: directory.join("bin") };
        for place in ["etc/tenure", "var/lib", "home"] {
            fs::create_dir_all(machine.root.join(place)).expect("a directory");
        }
        machine
    }

    /// Its name, as a node.
    pub fn name(&self) -> String {
        self.root.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// Whether `tenured` runs here.
    fn runs_tenured(&self) -> bool {
        let ids = fs::read_dir(self.root.join("pids")).into_iter().flatten().flatten();
        let line = |id: &str| fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap_or_default();
        ids.filter_map(|file| file.file_name().into_string().ok()).any(|id| line(&id).contains("tenured"))
    }

    /// What is changed in a text of the document.
    fn here(&self, text: &str) -> String {
        let at = |place: &str| self.root.join(place).display().to_string();
        let text = text.replace("/etc/tenure", &at("etc/tenure")).replace("/var/lib/tenure", &at("var/lib/tenure"));
        text.replace("10.0.0.11", &self.address)
    }

    /// Writes the `tenured.toml` of the document for this machine.
    fn configure(&self, name: &str) {
        let text = self.here(block("### `tenured.toml`", "toml", 0)).replace("\"p1\"", &format!("{name:?}"));
        let text = text.replace("p1.seal", &format!("{name}.seal"));
        let run = self.root.join("run");
        let text = format!("{text}\n[agents]\nrun_dir = {:?}\n", run.display().to_string());
        fs::write(self.root.join("etc/tenure/tenured.toml"), text).expect("a file");
    }

    /// Runs a line in a shell, in the home directory of the user, who is root: the administrator's certificate is in `/etc/tenure`.
    fn run(&self, line: &str) -> Output {
        self.runs(line, true)
    }

    /// The same as a user who has no certificate but in `~/.config/tenure`.
    fn run_as_user(&self, line: &str) -> Output {
        self.runs(line, false)
    }

    fn runs(&self, line: &str, root: bool) -> Output {
        let mut shell = Command::new("/bin/sh");
        let home = self.root.join("home");
        shell.args(["-c", &self.here(line)]).current_dir(&home).env("HOME", &home).env("MACHINE", &self.root);
        shell.env("PATH", format!("{}:/usr/bin:/bin", self.programs.display()));
        for name in ["TENURE_NODES", "TENURE_IDENTITY", "XDG_CONFIG_HOME"] {
            shell.env_remove(name);
        }
        if root {
            shell.env("TENURE_IDENTITY", self.root.join("etc/tenure/admin"));
        }
        shell.stdin(Stdio::null()).output().expect("a shell")
    }

    /// Runs the lines of a block, each of which must succeed; returns what they print.
    #[track_caller]
    pub fn does(&self, lines: &str) -> String {
        let mut all = String::new();
        for line in lines.lines().filter(|line| !line.trim().is_empty()) {
            let output = self.run(line);
            println!("$ {line}\n{}", said(&output).trim_end());
            assert_eq!(output.status.code(), Some(0), "{line}\n{}", said(&output));
            all.push_str(&said(&output));
        }
        all
    }
}

/// The processes that `systemctl` has started here end with the test.
pub struct Site {
    pub directory: tempfile::TempDir,
    pub machines: Vec<Machine>,
}

impl Drop for Site {
    fn drop(&mut self) {
        for machine in &self.machines {
            for file in fs::read_dir(machine.root.join("pids")).into_iter().flatten().flatten() {
                let id = fs::read_to_string(file.path()).ok().and_then(|id| id.trim().parse::<i32>().ok());
                if let Some(id) = id.and_then(rustix::process::Pid::from_raw) {
                    // It may have ended by itself.
                    let _ = rustix::process::kill_process(id, rustix::process::Signal::KILL);
                }
            }
            // What agents have started goes on without them.
            for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
                let line = fs::read_to_string(process.path().join("cmdline")).unwrap_or_default();
                let id = process
                    .file_name()
                    .to_str()
                    .and_then(|id| id.parse().ok())
                    .and_then(rustix::process::Pid::from_raw);
                if let Some(id) = id.filter(|_| line.starts_with(&format!("/bin/sleep\0{}", mark()))) {
                    let _ = rustix::process::kill_process(id, rustix::process::Signal::KILL);
                }
            }
            if std::thread::panicking() {
                let log = fs::read_to_string(machine.root.join("log")).unwrap_or_default();
                let tail: Vec<&str> = log.lines().rev().take(15).collect();
                eprintln!("--- the end of {}:", machine.root.display());
                tail.iter().rev().for_each(|line| eprintln!("{line}"));
            }
        }
    }
}

impl Site {
    /// Three machines with the two programs and a `systemctl`, and the `tenured.toml` of the document.
    fn new() -> Site {
        let site = Site::bare();
        site.machines.iter().for_each(|machine| machine.configure(&machine.name()));
        site
    }

    /// The same without a configuration.
    pub fn bare() -> Site {
        let directory = tempfile::tempdir().expect("a directory");
        let programs = directory.path().join("bin");
        fs::create_dir(&programs).expect("a directory");
        symlink(env!("CARGO_BIN_EXE_tenure"), programs.join("tenure")).expect("a link");
        symlink(env!("CARGO_BIN_EXE_tenured"), programs.join("tenured")).expect("a link");
        let start =
            UNIT.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/sbin/")).expect("it starts something");
        let start = start.replace("/etc/tenure", "$MACHINE/etc/tenure");
        let script = format!(
            "#!/bin/sh\ncase \"$*\" in 'enable --now tenured' | 'start tenured') ;; *) exit 64 ;; esac\n\
             mkdir -p $MACHINE/pids\n{start} </dev/null >>$MACHINE/log 2>&1 &\necho $! >$MACHINE/pids/$!\n"
        );
        let systemctl = programs.join("systemctl");
        fs::write(&systemctl, script).expect("a file");
        fs::set_permissions(&systemctl, fs::Permissions::from_mode(0o755)).expect("it is ours");
        // A network of its own.
        let network = Cluster::empty("operations", "").network();
        let machine = |(name, number): (&str, u8)| {
            let address = format!("127.{}.{}.{number}", network[0], network[1]);
            Machine::new(directory.path(), name, &address)
        };
        let machines = [("p1", 1), ("p2", 2), ("p3", 3)].into_iter().map(machine).collect();
        Site { directory, machines }
    }

    /// Waits until a command at the first machine says something.
    pub async fn until(&self, line: &str, says: &str) {
        until(&format!("{line} says {says}"), async || said(&self.machines[0].run(line)).contains(says)).await;
    }

    /// Founds the cluster, and joins the two others, as the document has it.
    async fn found(&self) {
        let founding = "## Founding and joining";
        let first = &self.machines[0];
        let on_first = block(founding, "text", 0);
        let (start, token) = on_first.split_once("tenure status").expect("it is looked at before somebody joins");
        first.does(start);
        self.until("tenure status", "p1 leads").await;
        for (name, machine) in ["p2", "p3"].into_iter().zip(&self.machines[1..]) {
            let whose = |text: &str| text.replace("p2", name);
            first.does(&whose(&format!("tenure status{token}")));
            fs::copy(first.root.join("home/token"), machine.root.join("etc/tenure/token")).expect("the token");
            machine.does(&whose(block(founding, "text", 1)));
            self.until("tenure node list", name).await;
            let listed = first.does(&whose(block(founding, "text", 2)));
            assert!(listed.contains("ADMIN API"), "{listed}");
        }
        self.until("tenure status", "quorum 3 of 3").await;
        // A node is asked for its address soon after it has joined; with the answer the client writes it down.
        for machine in &self.machines {
            self.until("tenure node list", &format!("{}:7101", machine.address)).await;
        }
    }
}

/// Groups inside the nodes, so that there is something to work with; the machines have no HMC. Each machine has processes of its own:
/// what runs on one is seen on all, as they are directories.
pub fn trial() -> String {
    let mut text = "name = \"site\"\n".to_owned();
    for name in ["p1", "p2", "p3"] {
        text.push_str(&format!("\n[servers.{name}]\n\n[nodes.{name}]\nserver = {name:?}\n"));
    }
    for group in ["web", "db"] {
        text.push_str(&format!("\n[groups.{group}]\nservers = [\"p1\", \"p2\", \"p3\"]\n"));
    }
    for (number, name) in (1..).zip(["web-1", "web-2", "db-1"]) {
        let (group, _) = name.split_once('-').expect("a group and a number");
        text.push_str(&format!(
            "\n[resources.{name}]\ngroup = {group:?}\ntype = \"Process\"\n\
             attributes = {{ PathName = \"/bin/sleep\", Arguments = \"1\", User = \"nobody\" }}\nmonitor_interval = \"1s\"\n"
        ));
        for server in 1..=3 {
            let sleep = format!("{}{number}{server}", mark());
            text.push_str(&format!("\n[resources.{name}.on.p{server}]\nArguments = {sleep:?}\n"));
        }
    }
    text + "\n[services.shop]\ntiers = [{ groups = [\"db\"] }, { groups = [\"web\"] }]\n"
}

/// The beginning of the seconds that processes of this test sleep. No other ones do so.
fn mark() -> String {
    static SITES: AtomicU32 = AtomicU32::new(0);
    thread_local!(static MINE: u32 = SITES.fetch_add(1, Ordering::Relaxed));
    format!("7{:07}{}", std::process::id(), MINE.with(|mine| *mine))
}

/// The commands of "Daily work" that end otherwise here than with 0, and how.
const OTHERWISE: [(&str, i32, &str); 9] = [
    ("tenure plan --lose-each", 5, "nothing proves it off"),
    ("tenure group migrate", 1, "mobile"),
    ("tenure resource action", 1, ""),
    ("tenure resource info", 1, ""),
    ("tenure agent show", 1, ""),
    ("tenure hmc retry", 1, "there is no HMC"),
    ("tenure hmc show", 1, "there is no HMC"),
    ("tenure hmc check", 1, "there is no HMC"),
    ("tenure cluster disarm", 2, "--yes-i-checked site"),
];

/// The commands in a table of the document, in its order.
fn commands(heading: &str) -> Vec<&'static str> {
    let rows = section(heading).lines().filter(|line| line.starts_with("| "));
    rows.flat_map(|row| row.split('`').skip(1).step_by(2)).filter(|text| text.starts_with("tenure ")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_commands_work_as_they_are_written() {
    let site = Site::new();
    site.found().await;
    let (first, second) = (&site.machines[0], &site.machines[1]);

    // The first administrator finds all nodes, though the one that was founded is gone.
    let nodes = fs::read_to_string(first.root.join("etc/tenure/admin/nodes")).expect("the addresses");
    for machine in &site.machines {
        assert!(nodes.contains(&format!("{}:7101", machine.address)), "{nodes}");
    }

    let people = "### Letting people in";
    first.does(block(people, "text", 0));
    let token = first.root.join("home/token");
    fs::copy(&token, second.root.join("home/token")).expect("the token");
    for line in block(people, "text", 1).lines() {
        let output = second.run_as_user(line);
        assert!(expect(&output, 0, &["bob"]).contains("bob"), "{line}");
    }
    assert!(second.root.join("home/.config/tenure/nodes").exists());

    // The example of a cluster file; its third node has another name there.
    let file = first.root.join("home/site.toml");
    fs::write(&file, block("## The cluster file", "toml", 0)).expect("a file");
    first.does("tenure validate site.toml\ntenure apply --yes --no-check site.toml\ntenure export");
    fs::write(&file, trial()).expect("a file");
    first.does("tenure validate site.toml\ntenure validate --agents site.toml\ntenure apply --yes site.toml");
    site.until("tenure group list --state online --output json", "\"db\"").await;
    site.until("tenure group list --state online --output json", "\"web\"").await;
    daily_work(&site).await;
}

async fn daily_work(site: &Site) {
    let first = &site.machines[0];
    let all = commands("## Daily work");
    assert!(all.len() > 40, "{all:?}");
    let mut wrong = Vec::new();
    let endless = |line: &str| ["--watch", "--follow"].iter().any(|option| line.contains(option));
    for line in all {
        let line = line.replace("FILE", "site.toml").replace("GROUP", "web").replace("SERVICE", "shop");
        let line = line.replace("NAME", "web-1").replace("TOKEN ARG", "pause now").replace("AGENT", "Process");
        let line = if line.contains("migrate") { line.replace("SERVER", "p3") } else { line };
        let line = line.replace("SERVER", "p2").replace("NODE", "p3").replace(" HMC", " hmc1");
        // A group is brought to rest before the next line.
        let waits = ["group switch", "group offline", "group online", "server drain", "server undrain"];
        let line = if line.ends_with("--wait") { line.replace("--wait", "--wait=60s") } else { line };
        let run = if endless(&line) {
            format!("timeout -s INT 2 {line}; test $? = 124")
        } else if line.starts_with("tenure node remove") {
            format!("{line} --yes")
        } else {
            line.clone()
        };
        let (code, words) = OTHERWISE
            .iter()
            .find(|(start, ..)| line.starts_with(start))
            .map_or((0, ""), |(_, code, words)| (*code, *words));
        let output = first.run(&run);
        println!("$ {line}\n{}", said(&output).lines().take(4).collect::<Vec<_>>().join("\n"));
        if output.status.code() != Some(code) || !said(&output).contains(words) {
            wrong.push(format!("$ {run}\n{:?}\n{}", output.status.code(), said(&output)));
        }
        if waits.iter().any(|start| line.contains(start)) || line.contains("resource") || line.contains("service") {
            site.at_rest().await;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

impl Site {
    /// Waits until nothing is on its way.
    async fn at_rest(&self) {
        until("nothing is on its way", async || {
            let output = self.machines[0].run("tenure status --output json");
            let Ok(status) = serde_json::from_slice::<serde_json::Value>(&output.stdout) else { return false };
            let still = |group: &serde_json::Value| {
                ["online", "offline"].contains(&group["state"].as_str().unwrap_or_default())
            };
            let groups = status["groups"].as_array();
            groups.is_some_and(|groups| groups.iter().all(still))
                && status["orders"].as_array().is_some_and(Vec::is_empty)
        })
        .await;
    }
}

/// The commands of "A new version": each node is stopped and comes back, and what lives inside goes on.
#[tokio::test(flavor = "multi_thread")]
async fn every_node_gets_a_new_version_without_an_interruption() {
    let site = Site::new();
    site.found().await;
    let first = &site.machines[0];
    fs::write(first.root.join("home/site.toml"), trial()).expect("a file");
    first.does("tenure apply --yes site.toml");
    for group in ["db", "web"] {
        site.until("tenure group list --state online --output json", &format!("{group:?}")).await;
    }
    site.at_rest().await;
    let runs = || {
        let output = first.run("tenure resource list --output json");
        let list: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a list");
        let row = |one: &serde_json::Value| (one["name"].clone(), one["server"].clone(), one["restarts"].clone());
        list.as_array().expect("a list").iter().map(row).collect::<Vec<_>>()
    };
    let before = runs();
    let plan = first.does("tenure cluster upgrade --plan");
    let order: Vec<&str> =
        plan.lines().filter_map(|line| line.split("tenure node stop ").nth(1)?.split(' ').next()).collect();
    assert_eq!(order.len(), 3, "{plan}");
    let steps = block("### A new version", "text", 0);
    for node in &order {
        let machine = &site.machines[usize::from(node.as_bytes()[1] - b'1')];
        let inside =
            plan.lines().any(|line| line.contains(&format!("stop {node} ")) && line.contains("frozen by the stop"));
        for line in steps.lines().filter(|line| !line.starts_with("apt-get")) {
            let line = line.replace("p2", node);
            let at = if line.contains("systemctl") { machine } else { first };
            let told = at.does(&line);
            assert!(!line.contains("node stop") || told.contains("frozen until it is back") == inside, "{told}");
            if line.contains("node stop") {
                until(&format!("{node} has stopped"), async || !machine.runs_tenured()).await;
                assert!(said(&first.run("tenure status --all")).contains("web"), "the others go on");
            }
        }
        until(&format!("{node} is back, and nothing is frozen"), async || {
            let output = first.run("tenure status --output json");
            let Ok(status) = serde_json::from_slice::<serde_json::Value>(&output.stdout) else { return false };
            let frozen = |group: &serde_json::Value| group["frozen"] == true;
            let away = |node: &serde_json::Value| node["stopped"] == true || !node["out"].is_null();
            let none = |list: &serde_json::Value, is: &dyn Fn(&serde_json::Value) -> bool| {
                list.as_array().is_some_and(|list| !list.iter().any(is))
            };
            none(&status["groups"], &frozen) && none(&status["nodes"], &away)
        })
        .await;
    }
    assert_eq!(runs(), before, "nothing was moved or started again");
    let raise = block("### A new version", "text", 1);
    assert!(first.does(raise).contains("nothing to do: the cluster is at feature level"));
}
