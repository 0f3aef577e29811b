//! How a program is begun: in a control group of its own from its first instruction on, and as the user that it is for.
//!
//! A small shell step, run with the rights of this process, enters the control group and becomes the program, or
//! `setpriv`, which changes the user. Until the user has changed, every step is named by its path and has an empty
//! environment: nothing that the user or the cluster file chose reaches it but arguments. After that a second step,
//! which has the user's rights and no more, takes the variables from its standard input, where nobody else can read
//! them, and becomes the program.
//!
//! A node that is given a higher priority, and is spared when memory is short, keeps that for itself: each program has the
//! usual priority and may be ended like any other. Decides nothing.

use super::{program::Program, user::Account};
use rustix::{
    fs::{Access, MemfdFlags, access, memfd_create},
    process::getpriority_process,
};
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs::{self, File},
    io::{self, Seek as _, Write as _},
    path::{Path, PathBuf},
    process::Stdio,
    sync::atomic::{AtomicU64, Ordering},
};
use tokio::process::Command;

/// The `PATH` of programs, and the directories in which those named without one are found.
pub(crate) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The shell of the steps, and the directories of the other tools: only root writes there.
pub(crate) const SHELL: &str = "/bin/sh";
const TOOLS: [&str; 4] = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"];
/// What each shell does first: when memory is short the kernel chooses it as it would any other process.
const EXPENDABLE: &str = "{ echo 0 >/proc/self/oom_score_adj; } 2>/dev/null; ";
/// Enters the control group `$1`, if there is one, and becomes the rest.
const ENTER: &str =
    r#"umask 022; cd /; unset OLDPWD; [ -z "$1" ] || { echo 0 >"$1/cgroup.procs"; } 2>/dev/null; shift; exec "$@""#;
/// Takes variables from standard input, goes to the directory `$2`, and becomes the rest; `$1` is `cat`.
const BECOME: &str = r#"eval "$("$1")"; cd "$2" 2>/dev/null; unset OLDPWD; shift 2; exec "$@" </dev/null"#;

static NEXT: AtomicU64 = AtomicU64::new(0);

/// The name under which the steps of one program report that it cannot be run.
#[derive(Clone, Debug)]
pub(crate) struct Step(String);

impl Step {
    /// Why the program was not run, from the last line of output; `None` if it was run.
    pub(crate) fn failed<'a>(&self, line: Option<&'a str>) -> Option<&'a str> {
        let rest = line?.strip_prefix(&self.0)?.strip_prefix(": ")?;
        Some(rest.rsplit_once(": ").map_or(rest, |(_, why)| why))
    }
}

/// The path of a standard tool.
pub(crate) fn tool(name: &str) -> PathBuf {
    let found = TOOLS.iter().map(|place| Path::new(place).join(name)).find(|path| path.exists());
    found.unwrap_or_else(|| Path::new(TOOLS[0]).join(name))
}

/// A shell that runs this text with the usual priority and the usual place in the kernel's order when memory is short,
/// whatever this process has.
pub(crate) fn shell(text: &str) -> Command {
    let mut command = match raised() {
        0 => Command::new(SHELL),
        by => {
            let mut command = Command::new(tool("nice"));
            command.args(["-n", &by.to_string(), SHELL]);
            command
        }
    };
    command.arg("-c").arg(format!("{EXPENDABLE}{text}"));
    command
}

/// By how much the priority of this thread is above the usual one. One that is below is left to whoever lowered it.
fn raised() -> u32 {
    getpriority_process(None).map_or(0, |nice| nice.min(0).unsigned_abs())
}

/// The command for a program, in this control group. Its output has still to be connected.
pub(crate) fn command(program: &Program, cgroup: Option<&Path>) -> io::Result<(Command, Step)> {
    let step = Step(format!("tenure-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
    let mut command = shell(ENTER);
    command.arg(&step.0).arg(cgroup.unwrap_or(Path::new(""))).env_clear();
    match program.user.as_ref().filter(|user| !user.is_this()) {
        None => {
            command.env("PATH", PATH).envs(&program.variables).stdin(Stdio::null());
            command.arg(found(&program.path)?);
        }
        Some(user) => {
            let (home, numbers) = (user.home(), user.numbers());
            command.arg(tool("setpriv")).args(numbers).args(["--init-groups", "--", SHELL, "-c", BECOME, &step.0]);
            command.arg(tool("cat")).arg(home).arg(&program.path).stdin(input(&exports(user, &program.variables)?)?);
        }
    }
    command.args(&program.arguments);
    Ok((command, step))
}

/// The program's file, provided that it can be run.
fn found(path: &Path) -> io::Result<PathBuf> {
    let named = path.to_str().filter(|name| !name.contains('/'));
    let place = named.and_then(|name| std::env::split_paths(PATH).map(|place| place.join(name)).find(|at| at.exists()));
    let path = place.unwrap_or_else(|| path.to_owned());
    if !fs::metadata(&path)?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    access(&path, Access::EXEC_OK)?;
    Ok(path)
}

/// A file in memory, as standard input: whatever its length, nobody has to write while the program reads.
fn input(text: &str) -> io::Result<Stdio> {
    let mut file = File::from(memfd_create("variables", MemfdFlags::CLOEXEC)?);
    file.write_all(text.as_bytes())?;
    file.rewind()?;
    Ok(file.into())
}

/// The variables as commands of a shell.
fn exports(user: &Account, variables: &BTreeMap<String, String>) -> io::Result<String> {
    let mut all = BTreeMap::from([("PATH".to_owned(), PATH.to_owned())]);
    all.extend(user.variables());
    all.extend(variables.clone());
    let mut text = String::new();
    for (name, value) in &all {
        if !is_name(name) || value.contains('\0') {
            return Err(io::Error::other(format!("{name:?} is no variable that can be passed on")));
        }
        let _ = writeln!(text, "export {name}='{}'", value.replace('\'', r"'\''"));
    }
    Ok(text)
}

/// Whether a shell takes it for the name of a variable.
pub(crate) fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
