//! Tests of `program::run` with real programs.

#[path = "../../../jepsen/src/needs.rs"]
mod needs;

use super::*;
use crate::{KEPT, Limits, user::account};
use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};
use tempfile::TempDir;

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(300);

struct Case(TempDir);

impl Case {
    fn new() -> Self {
        Case(TempDir::new().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn program(&self, text: &str, within: Duration) -> Program {
        let path = self.path("program");
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Program {
            arguments: ["monitor", "web", "a b; $(c)"].map(str::to_owned).into(),
            variables: BTreeMap::from([("TENURE_GROUP".to_owned(), "web".to_owned())]),
            ..Program::new(path, within)
        }
    }

    async fn words(&self, text: &str, within: Duration) -> String {
        run(self.program(text, within)).await.words().to_string()
    }

    /// The process number that a program wrote into a file.
    fn number(&self, name: &str) -> Number {
        fs::read_to_string(self.path(name)).unwrap().trim().parse().unwrap()
    }
}

/// Waits until a condition holds.
async fn again(what: &str, mut is_so: impl FnMut() -> bool) {
    let limit = Instant::now() + Duration::from_secs(10);
    while !is_so() {
        assert!(Instant::now() < limit, "{what}");
        sleep(Duration::from_millis(10)).await;
    }
}

async fn dies(process: Number) {
    again("it lives on", || !processes::is_alive(process)).await;
}

#[tokio::test]
async fn what_a_program_makes_has_the_usual_mode_and_what_this_process_makes_its_own() {
    let case = Case::new();
    let before = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let ended = run(case.program("umask >$(dirname $0)/umask; mkdir $(dirname $0)/made", LONG)).await.ended;
    fs::create_dir(case.path("own")).unwrap();
    let after = rustix::process::umask(before);
    assert!(matches!(ended, Ended::Exited(0)), "{ended:?}");
    assert_eq!(fs::read_to_string(case.path("umask")).unwrap().trim(), "0022");
    let mode = |name: &str| fs::metadata(case.path(name)).unwrap().permissions().mode() & 0o777;
    // Other tests of this process may be starting programs at this moment.
    assert_eq!(mode("made"), 0o755);
    assert!([0o700, 0o755].contains(&mode("own")) && [0o077, 0o022].contains(&after.as_raw_mode()));
}

/// The priority of this process, or of the thread that asks, and how readily the kernel ends it when memory is short.
const RANK: &str = "nice; cat /proc/self/oom_score_adj";

/// Gives this thread, and those that it starts, a higher priority, and this process another place when memory is short. A node
/// has a lower number there; that takes more rights than this one. Returns what it lacks.
fn raise() -> Option<String> {
    let raised = rustix::process::setpriority_process(None, -10).map_err(std::io::Error::from);
    let raised = raised.and_then(|()| fs::write("/proc/self/oom_score_adj", "500"));
    raised.err().map(|why| format!("the right to raise its priority ({why})"))
}

#[tokio::test]
async fn programs_have_the_usual_priority_whatever_a_node_has() {
    let usual = fs::read_to_string("/proc/self/oom_score_adj").unwrap();
    let lacking = needs::root().or_else(|| needs::user("nobody")).or_else(|| needs::programs(&["nice", "setpriv"]));
    if !needs::met("programs_have_the_usual_priority_whatever_a_node_has", "RIGHTS", lacking.or_else(raise)) {
        return;
    }
    let case = Case::new();
    fs::set_permissions(case.0.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let raised = std::process::Command::new("/bin/sh").args(["-c", RANK]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&raised.stdout), "-10\n500\n", "what this process begins has its own");
    for user in [None, Some(account("nobody", LONG).await.unwrap())] {
        let outcome = run(Program { user: user.clone(), ..case.program(RANK, LONG) }).await;
        assert_eq!(outcome.said.text(), "0\n0\n", "{user:?}: {}", outcome.words());
    }
    // What reads on for a daemon is begun by this process as well.
    let file = case.path("said");
    let mut program = case.program(&format!("sleep 600 & echo $! >{}", case.path("child").display()), LONG);
    program.output = Output::File(file.clone());
    assert!(matches!(run(program).await.ended, Ended::Exited(0)));
    let mut readers = Vec::new();
    again("somebody reads on", || {
        let reads = |process: &Number| processes::command_line(*process).contains(&file.display().to_string());
        readers = processes::all().into_iter().filter(reads).collect();
        !readers.is_empty()
    })
    .await;
    let of = |process: Number, name: &str| fs::read_to_string(format!("/proc/{process}/{name}")).unwrap();
    again("it becomes the shell, which lets itself be ended", || of(readers[0], "oom_score_adj").trim() == "0").await;
    let stat = of(readers[0], "stat");
    assert_eq!(stat.rsplit_once(')').unwrap().1.split_whitespace().nth(16), Some("0"), "{stat}");
    processes::signal(case.number("child"), rustix::process::Signal::KILL);
    fs::write("/proc/self/oom_score_adj", usual).unwrap();
}

#[tokio::test]
async fn it_is_told_everything_without_a_shell_and_ends_well() {
    let case = Case::new();
    let told = case.path("told");
    let text = format!("printf '%s|' \"$@\" >{0}; cat >>{0}; env | sort >>{0}; exit 0", told.display());
    assert!(matches!(run(case.program(&text, LONG)).await.ended, Ended::Exited(0)));
    let told = fs::read_to_string(told).unwrap();
    let (arguments, environment) = told.split_once("|a b; $(c)|").expect("its arguments as they are");
    assert_eq!(arguments, "monitor|web");
    // The shell sets some variables by itself.
    let names = environment.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name);
    let ours: Vec<&str> = names.filter(|name| !["PWD", "SHLVL", "_", "OLDPWD"].contains(name)).collect();
    assert_eq!(ours, ["PATH", "TENURE_GROUP"]);
}

/// Descriptors that any child of this process inherits, because this process inherited them so itself.
fn handed_on() -> Vec<String> {
    let flags = |name: &str| {
        let text = fs::read_to_string(format!("/proc/self/fdinfo/{name}")).unwrap_or_default();
        let flags = text.lines().find_map(|line| line.strip_prefix("flags:"))?.trim().to_owned();
        u32::from_str_radix(&flags, 8).ok()
    };
    let names = fs::read_dir("/proc/self/fd").unwrap().flatten().map(|entry| entry.file_name().into_string().unwrap());
    names.filter(|name| flags(name).is_some_and(|flags| flags & 0o2_000_000 == 0)).collect()
}

#[tokio::test]
async fn it_has_no_descriptor_of_ours() {
    let case = Case::new();
    let _ours = fs::File::create(case.path("ours")).unwrap();
    let _socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    // The shell reads its own script through a descriptor, which it closes on `exec`.
    let text = "exec /bin/ls /proc/self/fd";
    let outcome = run(case.program(text, LONG)).await;
    let mut seen: Vec<&str> = outcome.said.text().split_whitespace().collect();
    let inherited = handed_on();
    seen.retain(|name| ["0", "1", "2"].contains(name) || !inherited.iter().any(|handed| handed == name));
    // The last one is the descriptor through which `ls` reads the directory.
    assert_eq!(seen.len(), 4, "{seen:?}");
    assert_eq!(seen[..3], ["0", "1", "2"]);
}

#[tokio::test]
async fn an_end_is_told_with_its_last_line() {
    let case = Case::new();
    let said = case.words("echo looking; echo 'not today' >&2; echo; exit 3", LONG).await;
    assert_eq!(said, "exit status 3: not today");
    assert_eq!(case.words("exit 4", LONG).await, "exit status 4");
    assert!(case.words("kill -9 $$", LONG).await.contains("signal: 9"));
}

#[tokio::test]
async fn its_children_die_with_it_when_its_time_is_over() {
    let case = Case::new();
    // One child left the process group, as `timeout` does.
    let text = format!(
        "sleep 600 & echo $! >{}; timeout 600 sleep 600 & echo $! >{}; echo waiting; wait",
        case.path("child").display(),
        case.path("other").display()
    );
    assert_eq!(case.words(&text, SHORT).await, "it did not end within 300ms, and was killed: waiting");
    dies(case.number("child")).await;
    dies(case.number("other")).await;
}

#[tokio::test]
async fn its_children_die_with_it_when_nobody_waits_any_more() {
    let case = Case::new();
    let child = case.path("child");
    let text = format!("sleep 600 & echo $! >{0}.new; mv {0}.new {0}; wait", child.display());
    let waited = tokio::select! {
        outcome = run(case.program(&text, LONG)) => Some(outcome.words()),
        () = again("it began", || child.exists()) => None,
    };
    assert_eq!(waited, None);
    dies(case.number("child")).await;
}

#[tokio::test]
async fn a_daemon_that_it_leaves_lives_on_and_holds_nothing_up() {
    let case = Case::new();
    let file = case.path("said");
    // It keeps writing after its parent ended, and would die of a broken pipe if nobody read.
    let daemon =
        format!("(while :; do echo more || exit 1; sleep 0.01; done) & echo $! >{}", case.path("child").display());
    let mut program = case.program(&format!("{daemon}; echo started"), LONG);
    program.output = Output::File(file.clone());
    let outcome = run(program).await;
    assert!(matches!(outcome.ended, Ended::Exited(0)), "{}", outcome.words());
    assert!(outcome.said.text().contains("started"), "{}", outcome.said.text());
    again("it goes on talking", || fs::metadata(&file).unwrap().len() > 200).await;
    let daemon = case.number("child");
    assert!(processes::is_alive(daemon));
    processes::signal(daemon, rustix::process::Signal::KILL);
    dies(daemon).await;
}

#[tokio::test]
async fn what_a_daemon_says_has_a_bound_and_its_last_is_kept() {
    let case = Case::new();
    let file = case.path("said");
    let text = "(head -c 5000000 /dev/zero; echo; echo last) & echo begun";
    let mut program = case.program(text, LONG);
    program.output = Output::File(file.clone());
    assert!(matches!(run(program).await.ended, Ended::Exited(0)));
    let read = |path: PathBuf| fs::read(path).unwrap_or_default();
    let said = || [read(file.with_extension("before")), read(file.clone())].concat();
    again("all is said", || said().ends_with(b"\nlast\n")).await;
    let size = |path: &Path| fs::metadata(path).map_or(0, |about| about.len());
    let most = output::LONGEST_FILE + 256 * 1024;
    assert!(size(&file) <= most && size(&file.with_extension("before")) <= most);
}

#[tokio::test]
async fn a_child_that_holds_the_pipe_holds_nothing_up() {
    let case = Case::new();
    let text = format!("sleep 600 & echo $! >{}; echo gone; exit 5", case.path("child").display());
    assert_eq!(case.words(&text, LONG).await, "exit status 5: gone");
    assert!(processes::is_alive(case.number("child")), "what is left behind on purpose lives on");
    processes::signal(case.number("child"), rustix::process::Signal::KILL);
}

#[tokio::test]
async fn much_is_said_and_the_last_is_kept() {
    let case = Case::new();
    assert_eq!(case.words("seq 1 2000000; echo the end; exit 1", LONG).await, "exit status 1: the end");
    let outcome = run(case.program("head -c 3000000 /dev/zero | tr '\\0' x; exit 1", LONG)).await;
    assert_eq!(outcome.said.text().len(), KEPT);
    assert_eq!(case.words("exec yes", SHORT).await, "it did not end within 300ms, and was killed: y");
}

#[tokio::test]
async fn what_is_no_program_stays_so() {
    let case = Case::new();
    fs::write(case.path("plain"), "no program").unwrap();
    for name in ["missing", "plain"] {
        let mut program = case.program("exit 0", LONG);
        program.path = case.path(name);
        let Ended::Missing(why) = run(program).await.ended else { panic!("{name} was run") };
        assert!(why.contains(name), "{why}");
    }
}

/// Control groups of this test's own, with its run directory and these controllers; none if they cannot be had here.
async fn own_groups(test: &str, case: &Case, limits: Limits, controllers: &[&str]) -> Option<Groups> {
    let groups = match Groups::prepare(None, &case.path("run"), limits) {
        Ok(groups) => groups,
        Err(why) => {
            needs::met(test, "CGROUP", Some(format!("control groups of its own: {why}")));
            return None;
        }
    };
    let here = fs::read_to_string(groups.path().join("cgroup.subtree_control")).unwrap();
    let missing = controllers.iter().find(|name| !here.split_whitespace().any(|one| one == **name));
    if needs::met(test, "CGROUP", missing.map(|name| format!("the controller {name} in cgroup v2"))) {
        return Some(groups);
    }
    gone(&groups).await;
    None
}

/// Waits until a group is empty, and removes it.
async fn gone(groups: &Groups) {
    again("the groups are gone", || {
        crate::cgroup::sweep(groups);
        fs::remove_dir(groups.path()).is_ok()
    })
    .await;
}

#[tokio::test]
async fn a_child_that_left_everything_else_dies_with_its_control_group() {
    let case = Case::new();
    let test = "a_child_that_left_everything_else_dies_with_its_control_group";
    let Some(groups) = own_groups(test, &case, Limits::default(), &[]).await else { return };
    // At once, the child is in a session of its own, its parent is gone, and it listens to nothing.
    let child = case.path("child");
    let text = format!(
        "( setsid sh -c 'trap \"\" TERM HUP; sleep 600 & echo $! >{0}.new; mv {0}.new {0}' & ); sleep 600",
        child.display()
    );
    let mut program = case.program(&text, LONG);
    program.cgroup = Some(groups.clone());
    let waited = tokio::select! {
        outcome = run(program) => Some(outcome.words()),
        () = again("it began", || child.exists()) => None,
    };
    assert_eq!(waited, None);
    dies(case.number("child")).await;
    gone(&groups).await;
}

#[tokio::test]
async fn what_an_earlier_process_left_in_a_control_group_is_ended() {
    let case = Case::new();
    let test = "what_an_earlier_process_left_in_a_control_group_is_ended";
    let Some(groups) = own_groups(test, &case, Limits::default(), &[]).await else { return };
    let (child, records) = (case.path("child"), case.path("records"));
    let text = format!("( setsid sh -c 'echo $$ >{0}.new; mv {0}.new {0}; sleep 600' & ); sleep 600", child.display());
    let mut program = case.program(&text, LONG);
    (program.cgroup, program.record) = (Some(groups.clone()), Some(records.clone()));
    let running = tokio::spawn(run(program));
    again("it began", || child.exists()).await;
    crate::leftover::end_all(&records);
    dies(case.number("child")).await;
    assert!(matches!(running.await.unwrap().ended, Ended::Broken(_)));
    gone(&groups).await;
}

#[tokio::test]
async fn a_program_takes_no_more_processes_than_it_may() {
    let case = Case::new();
    let limits = Limits { pids: 8, ..Limits::default() };
    let test = "a_program_takes_no_more_processes_than_it_may";
    let Some(groups) = own_groups(test, &case, limits, &["pids"]).await else { return };
    let mut program = case.program("for i in 1 2 3 4 5 6 7 8 9 10; do sleep 600 & done; exit 0", LONG);
    program.cgroup = Some(groups.clone());
    assert!(run(program).await.words().contains("fork"));
    for entry in fs::read_dir(groups.path()).unwrap().flatten().filter(|entry| entry.path().is_dir()) {
        crate::cgroup::kill(&entry.path());
    }
    gone(&groups).await;
}

#[tokio::test]
async fn a_program_takes_no_more_memory_than_it_may() {
    let case = Case::new();
    let limits = Limits { memory_percent: 1, ..Limits::default() };
    let test = "a_program_takes_no_more_memory_than_it_may";
    let Some(groups) = own_groups(test, &case, limits, &["memory"]).await else { return };
    let known = fs::read_to_string("/proc/meminfo").unwrap();
    let kilobytes: u64 = known.split_whitespace().nth(1).unwrap().parse().unwrap();
    // Twice what it may: a line that does not end is kept whole until it does.
    let text = format!("head -c {} /dev/zero | tail -n 1 >/dev/null; echo $?; exit 3", kilobytes * 1024 / 50);
    let mut program = case.program(&text, LONG);
    program.cgroup = Some(groups.clone());
    let words = run(program).await.words();
    assert!(words.contains("exit status 3: 137"), "{words}");
    gone(&groups).await;
}

#[tokio::test]
async fn a_program_begins_at_the_root_with_the_usual_mask() {
    let case = Case::new();
    assert_eq!(
        case.words("echo $(pwd) $(umask) $PATH; exit 1", LONG).await,
        format!("exit status 1: / 0022 {}", launch::PATH)
    );
}
