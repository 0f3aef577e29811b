//! External programs, run until they end or their time is over.
//!
//! A program gets its arguments as they are, no input, an environment of its own, the usual umask, no inherited descriptor, a process
//! group of its own, and a control group of its own where the machine has them. It is killed with all its descendants
//! when its time is over, or when nobody waits for it any more; processes left behind by a program that ended by
//! itself live on. Its output is read until it ends, not until its children close it. Decides nothing.

use super::{
    cgroup::{Cgroup, Groups},
    launch::{self, Step},
    leftover::Record,
    output::{self, Output, Said, Source},
    processes::{self, Number},
    umask::Usual,
    user::Account,
};
use std::{collections::BTreeMap, fmt, io, path::PathBuf, process::ExitStatus, sync::Arc, time::Duration};
use tenure_core::ForeignText;
use tokio::{
    process::Child,
    runtime::Handle,
    task::spawn_blocking,
    time::{Instant, sleep, sleep_until, timeout, timeout_at},
};

/// Time to wait for a killed program: one that hangs in the kernel may never be gone.
const BURIAL: Duration = Duration::from_secs(1);
/// Exit statuses of a shell that could not become a program.
const NOT_FOUND: i32 = 127;
const NOT_RUN: i32 = 126;
/// A program file cannot be run while it is being written: what is said then, number of tries, and the pause between
/// them.
const BUSY: &str = "Text file busy";
const BUSY_TRIES: u32 = 50;
const BUSY_PAUSE: Duration = Duration::from_millis(10);

/// A program to be run.
#[derive(Clone, Debug)]
pub struct Program {
    /// Absolute path, or a name to be found in `PATH`.
    pub path: PathBuf,
    /// Arguments, without the program's name.
    pub arguments: Vec<String>,
    /// Environment variables, besides `PATH`.
    pub variables: BTreeMap<String, String>,
    /// The user that it runs as; the one of this process if none is given.
    pub user: Option<Account>,
    /// Time that it may take.
    pub within: Duration,
    /// The destination of its output.
    pub output: Output,
    /// The control group in which it gets one of its own.
    pub cgroup: Option<Groups>,
    /// The directory for its record while it runs, which a later process of this node reads.
    pub record: Option<PathBuf>,
    /// Dropped only when the program is gone, also if nobody waits for that.
    pub place: Option<Permit>,
}

/// A guard that a program holds until it is gone, such as the turn of a resource.
pub type Permit = Arc<dyn fmt::Debug + Send + Sync>;

/// The way in which a program ended.
#[derive(Debug)]
pub enum Ended {
    /// It could not be started, and another try would fail too.
    Missing(String),
    /// The machine lacked the resources to start it now; it did not run.
    NoRoom(String),
    /// It exited by itself, with this status.
    Exited(i32),
    /// A signal ended it that was not sent from here, or waiting for it failed.
    Broken(String),
    /// Its time was over, and it was killed.
    TimeOver(Duration),
}

/// The outcome of a program.
#[derive(Debug)]
pub struct Outcome {
    /// How it ended.
    pub ended: Ended,
    /// Its output.
    pub said: Said,
}

impl Outcome {
    /// The outcome for people, with the last line of output.
    pub fn words(&self) -> ForeignText {
        match &self.ended {
            Ended::Missing(why) | Ended::NoRoom(why) => why.as_str().into(),
            Ended::Exited(code) => self.said.after(&format!("exit status {code}")),
            Ended::Broken(how) => self.said.after(how),
            Ended::TimeOver(within) => self.said.after(&format!("it did not end within {within:?}, and was killed")),
        }
    }
}

impl Program {
    /// A program without arguments and variables, whose output is read.
    pub fn new(path: impl Into<PathBuf>, within: Duration) -> Program {
        Program {
            path: path.into(),
            arguments: Vec::new(),
            variables: BTreeMap::new(),
            user: None,
            within,
            output: Output::Pipe,
            cgroup: None,
            record: None,
            place: None,
        }
    }
}

/// Runs a program until it ends or its time is over. Dropping the future kills the program.
pub async fn run(program: Program) -> Outcome {
    let deadline = Instant::now() + program.within;
    for _ in 1..BUSY_TRIES {
        let outcome = once(&program, deadline).await;
        if !matches!(&outcome.ended, Ended::NoRoom(why) if why.ends_with(BUSY)) {
            return outcome;
        }
        sleep(BUSY_PAUSE).await;
    }
    once(&program, deadline).await
}

async fn once(program: &Program, deadline: Instant) -> Outcome {
    let within = program.within;
    let path = program.path.display();
    let (mut running, mut source, step) = match timeout_at(deadline, started(program.clone())).await {
        Ok(Ok(started)) => started,
        Ok(Err(error)) => return Outcome { ended: not_started(&path, &error), said: Said::default() },
        Err(_) => return Outcome { ended: Ended::TimeOver(within), said: Said::default() },
    };
    let ended = match running.watch(&mut source, deadline).await {
        Some(Ok(status)) => match status.code() {
            Some(code) => Ended::Exited(code),
            None => Ended::Broken(format!("it was ended by {status}")),
        },
        Some(Err(error)) => Ended::Broken(format!("{path}: {error}")),
        None => {
            running.reap().await;
            Ended::TimeOver(within)
        }
    };
    let (said, complaint) = source.finish().await;
    if let Ended::Exited(NOT_FOUND | NOT_RUN) = ended
        && let Some(why) = step.failed(complaint.last_line())
    {
        let why = format!("{path}: {why}");
        let ended = if why.ends_with(BUSY) { Ended::NoRoom(why) } else { Ended::Missing(why) };
        return Outcome { ended, said: Said::default() };
    }
    let quiet = said.last_line().is_none() && !matches!(ended, Ended::Exited(0));
    Outcome { ended, said: if quiet { complaint } else { said } }
}

/// A running program. It is killed with its descendants when this is dropped before the program was seen to end.
struct Running(Option<Body>);

struct Body {
    child: Child,
    cgroup: Option<Cgroup>,
    _record: Option<Record>,
    _place: Option<Permit>,
}

impl Running {
    /// Reads the program's output until it ends; `None` if its time is over first.
    async fn watch(&mut self, source: &mut Source, deadline: Instant) -> Option<io::Result<ExitStatus>> {
        let body = self.0.as_mut()?;
        loop {
            tokio::select! {
                // The end comes first, and then the deadline: a program that never stops writing does not hold them
                // up.
                biased;
                status = body.child.wait() => return Some(status),
                () = sleep_until(deadline) => return None,
                () = source.readable() => source.take_in(),
            }
        }
    }

    /// Kills it, and waits up to `BURIAL` until it is gone.
    async fn reap(mut self) {
        if let Some(body) = self.0.take() {
            body.reap().await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A child that was waited for is gone.
        let body = self.0.take().filter(|body| body.child.id().is_some());
        if let (Some(body), Ok(runtime)) = (body, Handle::try_current()) {
            runtime.spawn(body.reap());
        }
    }
}

impl Body {
    fn kill(&self) {
        // A child that was waited for has no number any more: another process may have it by now.
        let Some(leader) = self.child.id().and_then(|id| Number::try_from(id).ok()) else { return };
        // Descendants that left the group can be found only as long as their parent is there.
        let family = processes::descendants(leader);
        processes::kill_group(leader);
        if let Some(cgroup) = &self.cgroup {
            cgroup.kill();
        }
        for process in family {
            processes::signal(process, rustix::process::Signal::KILL);
        }
    }

    /// Kills it, waits until it is gone, and then drops its place. To find descendants, all processes of the machine
    /// are searched, so it runs away from the async threads.
    async fn reap(self) {
        let killed = spawn_blocking(move || {
            self.kill();
            self
        });
        if let Ok(mut body) = killed.await {
            let _ = timeout(BURIAL, body.child.wait()).await;
        }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        // It is still there if it does not die, or if the runtime ends.
        self.kill();
    }
}

/// Starts a program away from the async threads: the file may lie on a file system that hangs. If nobody waits for the
/// result any more it is dropped in that thread, and the program killed.
async fn started(program: Program) -> io::Result<(Running, Source, Step)> {
    spawn_blocking(move || spawn(&program)).await.unwrap_or_else(|_| Err(io::ErrorKind::Interrupted.into()))
}

fn spawn(program: &Program) -> io::Result<(Running, Source, Step)> {
    let cgroup = program.cgroup.as_ref().and_then(Cgroup::of);
    let (mut command, step) = launch::command(program, cgroup.as_ref().map(Cgroup::path))?;
    let (out, err, source) = output::ends(&program.output)?;
    command.stdout(out).stderr(err).process_group(0);
    // This process's copies of the writing ends are closed with the command: the output ends with its last writer.
    let child = {
        let _usual = Usual::set();
        command.spawn()?
    };
    let number = child.id().and_then(|id| Number::try_from(id).ok());
    let record = program.record.as_deref().zip(number);
    let record = record.and_then(|(directory, number)| Record::of(directory, number, cgroup.as_ref()));
    Ok((Running(Some(Body { child, cgroup, _record: record, _place: program.place.clone() })), source, step))
}

/// Lack of memory or processes is temporary, and the program did not run; any other error is permanent.
fn not_started(path: &dyn fmt::Display, error: &io::Error) -> Ended {
    let why = format!("{path}: {error}");
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::OutOfMemory | io::ErrorKind::Interrupted => Ended::NoRoom(why),
        _ => Ended::Missing(why),
    }
}

#[cfg(test)]
mod tests;
