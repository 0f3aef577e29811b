//! Programs of the administrators', run on events.
//!
//! A program gets no shell, no input, an environment of its own and a process group of its own. It is killed with all that
//! it started when its time is over, or when nobody waits for it any more. What it says is read until it ends, not until its
//! children let go of its output, and only the last of it is kept. Decides nothing.

use rustix::process::{Pid, Signal, kill_process_group};
use std::{
    collections::{BTreeMap, VecDeque},
    io,
    process::{ExitStatus, Stdio},
    time::Duration,
};
use tenure_core::carry::Answer;
use tokio::{
    net::unix::pipe::Receiver,
    process::{Child, Command},
    time::{Instant, sleep_until},
};

/// How much of what a program says is kept: the last of it.
pub const KEPT: usize = 4096;

/// A program to be run.
#[derive(Debug)]
pub struct Program<'a> {
    /// Absolute path.
    pub path: &'a str,
    /// What it is told.
    pub arguments: &'a [String],
    /// Variables that it gets, beside `PATH`.
    pub variables: BTreeMap<&'static str, String>,
    /// How long it may take.
    pub within: Duration,
}

/// Runs a program to its end, or to the end of its time.
pub async fn run(program: &Program<'_>) -> Answer {
    let (child, output) = match spawn(program) {
        Ok(started) => started,
        Err(error) => return not_started(program.path, &error),
    };
    let mut running = Running(child);
    let mut tail = Tail::default();
    let ended = watch(&mut running.0, &output, &mut tail, Instant::now() + program.within).await;
    tail.take_in(&output);
    match ended {
        Some(Ok(status)) => answer(status, &tail),
        Some(Err(error)) => Answer::Unknown(format!("{}: {error}", program.path)),
        None => Answer::Unknown(tail.after(&format!("it did not end within {:?}, and was killed", program.within))),
    }
}

/// A program that runs. All that it started is killed when this is dropped before the program was seen to end.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // A child that was waited for has no number any more: it may be somebody else's by now.
        let group = self.0.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(group) = group {
            // It may have ended by itself in this moment.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

fn spawn(program: &Program<'_>) -> io::Result<(Child, Receiver)> {
    let (output, said) = io::pipe()?;
    let complained = said.try_clone()?;
    let mut command = Command::new(program.path);
    command.args(program.arguments).env_clear().envs(&program.variables);
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command.stdin(Stdio::null()).stdout(said).stderr(complained).process_group(0);
    let output = Receiver::from_owned_fd(output.into())?;
    // Our own ends for writing go with the command, so that its output ends with those who write it.
    Ok((command.spawn()?, output))
}

/// What is missing or is no program is refused; what the machine has no room for now was not tried.
fn not_started(path: &str, error: &io::Error) -> Answer {
    let why = format!("{path}: {error}");
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::OutOfMemory | io::ErrorKind::Interrupted => Answer::NotSent(why),
        _ => Answer::Refused(why),
    }
}

/// Reads what the program says until it ends; `None` if its time is over first.
async fn watch(
    child: &mut Child,
    output: &Receiver,
    tail: &mut Tail,
    deadline: Instant,
) -> Option<io::Result<ExitStatus>> {
    loop {
        tokio::select! {
            // The end comes first, and then the time: a program that never stops talking does not hold them up.
            biased;
            status = child.wait() => return Some(status),
            () = sleep_until(deadline) => return None,
            ready = output.readable(), if !tail.ended => {
                tail.ended = ready.is_err();
                tail.take_in(output);
            }
        }
    }
}

fn answer(status: ExitStatus, tail: &Tail) -> Answer {
    match status.code() {
        Some(0) => Answer::Accepted,
        Some(code) => Answer::Refused(tail.after(&format!("exit status {code}"))),
        None => Answer::Unknown(tail.after(&format!("it was ended by {status}"))),
    }
}

/// The last of what a program said.
#[derive(Default)]
struct Tail {
    kept: VecDeque<u8>,
    ended: bool,
}

impl Tail {
    /// Takes in what is there now, as much as a pipe can hold.
    fn take_in(&mut self, output: &Receiver) {
        let mut piece = [0; KEPT];
        for _ in 0..32 {
            match output.try_read(&mut piece) {
                Ok(0) => {
                    self.ended = true;
                    return;
                }
                Ok(count) => {
                    self.kept.extend(&piece[..count]);
                    let over = self.kept.len().saturating_sub(KEPT);
                    self.kept.drain(..over);
                }
                Err(error) => {
                    self.ended |= error.kind() != io::ErrorKind::WouldBlock;
                    return;
                }
            }
        }
    }

    /// What became of the program, with the last line that it said.
    fn after(&self, what: &str) -> String {
        let bytes: Vec<u8> = self.kept.iter().copied().collect();
        let text = String::from_utf8_lossy(&bytes);
        let last = text.lines().map(str::trim).rfind(|line| !line.is_empty());
        last.map_or_else(|| what.to_owned(), |line| format!("{what}: {line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};
    use tempfile::TempDir;
    use tokio::sync::{Mutex, MutexGuard};

    /// A script that is open for writing in one thread while another starts a program cannot be run by that one.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

    struct Case {
        folder: TempDir,
        _turn: MutexGuard<'static, ()>,
    }

    impl Case {
        async fn new() -> Self {
            Case { _turn: ONE_AT_A_TIME.lock().await, folder: TempDir::new().unwrap() }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        fn script(&self, text: &str) -> String {
            let path = self.path("hook");
            fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
            path.to_str().unwrap().to_owned()
        }

        async fn run(&self, text: &str, within: Duration) -> Answer {
            let path = self.script(text);
            let arguments = ["resource_fault".to_owned(), "web".to_owned(), "a b; $(c)".to_owned()];
            let variables = BTreeMap::from([("TENURE_GROUP", "web".to_owned())]);
            run(&Program { path: &path, arguments: &arguments, variables, within }).await
        }
    }

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(300);

    /// Whether a process is there, and not only waiting to be buried.
    fn is_alive(pid: &str) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
        stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
    }

    async fn dies(pid: &str) {
        let limit = Instant::now() + Duration::from_secs(10);
        while is_alive(pid) {
            assert!(Instant::now() < limit, "process {pid} lives on");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    #[tokio::test]
    async fn it_is_told_everything_without_a_shell_and_ends_well() {
        let case = Case::new().await;
        let told = case.path("told");
        let text = format!("printf '%s|' \"$@\" >{0}; cat >>{0}; env | sort >>{0}; exit 0", told.display());
        assert_eq!(case.run(&text, LONG).await, Answer::Accepted);
        let told = fs::read_to_string(told).unwrap();
        let (arguments, environment) = told.split_once("|a b; $(c)|").expect("its arguments as they are");
        assert_eq!(arguments, "resource_fault|web");
        // What a shell adds by itself is not ours.
        let names = environment.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name);
        let ours: Vec<&str> = names.filter(|name| !["PWD", "SHLVL", "_", "OLDPWD"].contains(name)).collect();
        assert_eq!(ours, ["PATH", "TENURE_GROUP"]);
    }

    #[tokio::test]
    async fn a_refusal_says_its_last_line() {
        let case = Case::new().await;
        let answer = case.run("echo looking; echo 'not today' >&2; echo; exit 3", LONG).await;
        assert_eq!(answer, Answer::Refused("exit status 3: not today".to_owned()));
        assert_eq!(case.run("exit 4", LONG).await, Answer::Refused("exit status 4".to_owned()));
    }

    #[tokio::test]
    async fn its_children_die_with_it_when_its_time_is_over() {
        let case = Case::new().await;
        let text = format!("sleep 600 & echo $! >{}; echo waiting; wait", case.path("child").display());
        let answer = case.run(&text, SHORT).await;
        assert_eq!(answer, Answer::Unknown("it did not end within 300ms, and was killed: waiting".to_owned()));
        dies(&fs::read_to_string(case.path("child")).unwrap()).await;
    }

    #[tokio::test]
    async fn its_children_die_with_it_when_nobody_waits_any_more() {
        let case = Case::new().await;
        let child = case.path("child");
        let text = format!("sleep 600 & echo $! >{0}.new; mv {0}.new {0}; wait", child.display());
        let waited = tokio::select! {
            answer = case.run(&text, LONG) => Some(answer),
            () = async { while !child.exists() { tokio::time::sleep(Duration::from_millis(5)).await } } => None,
        };
        assert_eq!(waited, None);
        dies(&fs::read_to_string(child).unwrap()).await;
    }

    #[tokio::test]
    async fn a_child_that_holds_its_output_holds_nothing_up() {
        let case = Case::new().await;
        let text = format!("sleep 600 & echo $! >{}; echo gone; exit 5", case.path("child").display());
        assert_eq!(case.run(&text, LONG).await, Answer::Refused("exit status 5: gone".to_owned()));
        let child = fs::read_to_string(case.path("child")).unwrap();
        assert!(is_alive(&child), "what a program leaves behind on purpose is its own affair");
        kill(&child);
    }

    fn kill(pid: &str) {
        let pid = Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
        rustix::process::kill_process(pid, Signal::KILL).unwrap();
    }

    #[tokio::test]
    async fn much_is_said_and_the_last_is_kept() {
        let case = Case::new().await;
        let answer = case.run("seq 1 2000000; echo the end; exit 1", LONG).await;
        assert_eq!(answer, Answer::Refused("exit status 1: the end".to_owned()));
        let Answer::Refused(one_line) = case.run("head -c 3000000 /dev/zero | tr '\\0' x; exit 1", LONG).await else {
            panic!("it ended badly");
        };
        assert_eq!(one_line.len(), "exit status 1: ".len() + KEPT);
    }

    #[tokio::test]
    async fn what_never_stops_talking_ends_with_its_time() {
        let case = Case::new().await;
        let Answer::Unknown(why) = case.run("exec yes", SHORT).await else { panic!("it does not end") };
        assert_eq!(why, "it did not end within 300ms, and was killed: y");
    }

    #[tokio::test]
    async fn what_is_no_program_is_refused_with_its_path() {
        let case = Case::new().await;
        let (missing, plain) = (case.path("missing"), case.path("plain"));
        fs::write(&plain, "no program").unwrap();
        for path in [missing, plain] {
            let path = path.to_str().unwrap();
            let program = Program { path, arguments: &[], variables: BTreeMap::new(), within: LONG };
            let Answer::Refused(why) = run(&program).await else { panic!("{path} was run") };
            assert!(why.starts_with(&format!("{path}: ")), "{why}");
        }
    }

    #[tokio::test]
    async fn what_was_killed_by_somebody_else_is_unknown() {
        let case = Case::new().await;
        let Answer::Unknown(why) = case.run("kill -9 $$", LONG).await else { panic!("it was killed") };
        assert!(why.contains("signal: 9"), "{why}");
    }
}
