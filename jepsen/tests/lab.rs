//! The lab from outside: the story succeeds, a running lab can be broken and ended, and nothing outlives the lab,
//! however it dies.

use serde_json::Value;
use std::{
    fs::File,
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Labs run one at a time: they play in real time.
static ALONE: Mutex<()> = Mutex::new(());

/// Time limit for every wait.
const PATIENCE: Duration = Duration::from_secs(120);

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn lab(directory: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.arg("--directory").arg(directory).args(words).stdin(Stdio::null());
    command
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        again();
    }
}

/// Pause before another check.
fn again() {
    std::thread::sleep(Duration::from_millis(50));
}

/// A running lab. Killed with everything in it when it is dropped.
struct Up {
    child: Child,
    place: TempDir,
}

impl Up {
    fn start(words: &[&str]) -> Up {
        let place = tempfile::tempdir().unwrap();
        let said = File::create(place.path().join("said")).unwrap();
        let mut command = lab(&place.path().join("lab"), &[&["up"], words].concat());
        let child = command.stdout(said.try_clone().unwrap()).stderr(said).spawn().unwrap();
        let mut up = Up { child, place };
        until("the lab is up", || {
            let said = up.said();
            assert!(up.child.try_wait().unwrap().is_none(), "the lab has ended:\n{said}");
            said.contains("ends it.")
        });
        up
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.place.path().join("said")).unwrap()
    }

    /// Runs a `lab` command; returns its exit code and output.
    fn ask(&self, words: &[&str]) -> (i32, String) {
        let output = lab(&self.place.path().join("lab"), words).output().unwrap();
        (output.status.code().unwrap(), text(&output))
    }

    /// Runs a `lab` command that must succeed.
    fn done(&self, words: &[&str]) -> String {
        let (code, said) = self.ask(words);
        assert_eq!(code, 0, "{words:?}: {said}");
        said
    }

    /// Its child processes.
    fn children(&self) -> Vec<u32> {
        let all = std::fs::read_dir("/proc").unwrap().flatten();
        let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(|pid| stat(*pid).is_some_and(|(_, parent)| parent == self.child.id())).collect()
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // Fails if it has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// State and parent of a process.
fn stat(pid: u32) -> Option<(char, u32)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

fn lives(pid: u32) -> bool {
    // An orphan may remain a zombie if nobody reaps it.
    stat(pid).is_some_and(|(state, _)| state != 'Z' && state != 'X')
}

#[test]
fn the_story_runs_to_its_good_end() {
    let _alone = alone();
    let place = tempfile::tempdir().unwrap();
    let json = place.path().join("story.json");
    let output = lab(&place.path().join("lab"), &["demo", "--json"]).arg(&json).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let story: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    assert_eq!(story["ok"], true);
    assert_eq!(story["steps"], serde_json::json!([8, 8]));
    assert_eq!(story["verdict"]["clean"], true);
    assert_eq!(story["starts"].as_array().unwrap().len(), 7);
    let figures: Vec<&str> =
        story["durations"].as_array().unwrap().iter().filter_map(|one| one["figure"].as_str()).collect();
    for figure in ["loss_to_order", "leader_loss_to_order", "crash_to_order", "leader_killed_to_commit"] {
        assert!(figures.contains(&figure), "{figures:?}");
    }
    let lines = story["timeline"].as_array().unwrap();
    for source in ["step", "lab", "world", "cluster", "expected"] {
        assert!(lines.iter().any(|line| line["source"] == source), "{source}");
    }
}

#[test]
fn what_is_left_running_can_be_broken_and_ended() {
    let _alone = alone();
    let mut up = Up::start(&[]);
    assert_eq!(up.children().len(), 3);
    for words in [&["server", "p9", "off"][..], &["lpar", "nothing", "crash"], &["hmc", "sideways"], &["cut", "x"]] {
        assert_eq!(up.ask(words).0, 2, "{words:?}");
    }
    for words in [&["server", "p1", "on"][..], &["heal"], &["node", "p2", "resume"], &["hmc", "up"]] {
        assert_eq!(up.ask(words).0, 1, "{words:?}");
    }
    assert_eq!(lab(&up.place.path().join("lab"), &["up"]).output().unwrap().status.code(), Some(1));

    up.done(&["lpar", "db", "crash"]);
    assert!(up.ask(&["lpar", "db", "hang"]).1.contains("active nowhere"));
    up.done(&["node", "p2", "pause"]);
    assert!(up.done(&["status"]).contains("paused"));
    up.done(&["node", "p2", "resume"]);
    up.done(&["node", "p3", "kill"]);
    assert_eq!(up.children().len(), 2);
    up.done(&["node", "p3", "start"]);
    up.done(&["hmc", "down"]);
    up.done(&["hmc", "up"]);
    up.done(&["sp", "p1", "lose"]);
    up.done(&["sp", "p1", "restore"]);
    up.done(&["cut", "p3"]);
    up.done(&["heal"]);
    until("db is restarted", || up.ask(&["lpar", "db", "hang"]).0 == 0);
    up.done(&["server", "p2", "off"]);
    assert_eq!(up.children().len(), 2, "a node lives without power");
    up.done(&["server", "p2", "on"]);
    until("the node comes with its server", || up.children().len() == 3);

    let nodes = up.children();
    up.done(&["down"]);
    until("the lab ends", || up.child.try_wait().unwrap().is_some());
    assert!(up.child.wait().unwrap().success(), "{}", up.said());
    assert!(!nodes.iter().any(|pid| lives(*pid)), "a node outlives the lab");
    assert_eq!(up.ask(&["status"]).0, 1);
}

#[test]
fn nothing_outlives_a_lab_that_is_killed() {
    let _alone = alone();
    let mut up = Up::start(&["--servers", "5", "--arbiter", "--hmcs", "2"]);
    assert!(up.done(&["status"]).contains("arbiter"));
    // Processes that were started later, by other requests, die with it too.
    up.done(&["node", "arbiter", "kill"]);
    up.done(&["node", "arbiter", "start"]);
    up.done(&["node", "p5", "pause"]);
    assert_eq!(up.ask(&["hmc", "down"]).0, 2);
    up.done(&["hmc", "hmc2", "down"]);
    let nodes = up.children();
    assert_eq!(nodes.len(), 6);
    up.child.kill().unwrap();
    up.child.wait().unwrap();
    until("every node is gone", || !nodes.iter().any(|pid| lives(*pid)));
}

#[test]
fn machines_without_lpars_need_nothing_that_manages_them() {
    let _alone = alone();
    let mut up = Up::start(&["--inside"]);
    let row = |up: &Up, server: &str| {
        let status = up.done(&["status"]);
        status.lines().map(str::trim_start).find(|line| line.starts_with(server)).unwrap_or_default().to_owned()
    };
    assert!(row(&up, "p1").contains("db"), "{}", up.said());
    up.done(&["server", "p1", "off"]);
    assert!(!row(&up, "p1").contains("db"), "what was inside goes with the power");
    assert_eq!(up.children().len(), 2);
    up.done(&["server", "p1", "on"]);
    until("what is left where it was is started again", || row(&up, "p1").contains("db"));
    let said = up.said() + &up.done(&["status"]);
    assert!(!said.to_lowercase().contains("hmc"), "{said}");
    up.done(&["down"]);
    until("the lab ends", || up.child.try_wait().unwrap().is_some());
}

/// The commands of docs/operations.md bring a site back of which most nodes are lost for ever.
#[test]
fn the_drill_of_a_lost_majority_goes_as_the_document_says() {
    let _alone = alone();
    let place = tempfile::tempdir().unwrap();
    let output = lab(&place.path().join("drill"), &["drill", "majority-lost"]).output().unwrap();
    let text = text(&output);
    assert!(output.status.success(), "{text}");
    for part in ["--recover-majority", "cluster arm", "group switch", "The drill went as the document says"] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
}

/// A small one, so that what measures large sites goes on working. What it measures is judged elsewhere.
#[test]
fn a_site_of_any_size_is_measured() {
    let _alone = alone();
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("scale.json");
    let words = ["scale", "--servers", "4", "--lpars", "12", "--hmcs", "2", "--list", "3", "--rest", "6", "--json"];
    let mut command = lab(&place.path().join("lab"), &words);
    let output = command.arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let figures: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    // Three of the twelve were at home on the server that was lost.
    assert_eq!((figures["servers"].as_u64(), figures["lost"].as_u64()), (Some(4), Some(3)), "{figures}");
    let order = ["first_s", "last_s", "running_s"].map(|figure| figures[figure].as_f64().unwrap());
    assert!(order.is_sorted() && order[0] > 0.0, "{figures}");
    for figure in ["form_s", "apply_s", "adopted_s", "leader_cpu", "commands", "leader_s", "status_s"] {
        assert!(figures[figure].as_f64().unwrap() > 0.0, "{figure}: {figures}");
    }
    assert!(text(&output).contains("leader killed → another leads"), "{}", text(&output));
}
