//! A node as a separate process: this program, running the code of `tenured`.

use rustix::process::{Pid, Signal, kill_process, set_parent_process_death_signal};
use std::{
    fs::{self, File},
    io,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
};

/// Arguments under which the lab's program runs as a node.
#[derive(Clone, Debug, clap::Args)]
pub struct NodeArgs {
    /// The process that started it; it dies with that process.
    #[arg(long)]
    pub parent: i32,
    /// Arguments of `tenured`.
    #[command(flatten)]
    pub tenured: tenure::node::main::Args,
}

/// A node's process could not be controlled.
#[derive(Debug, thiserror::Error)]
#[error("{what} node {node}")]
pub struct ProcessError {
    what: &'static str,
    node: String,
    #[source]
    source: io::Error,
}

/// Runs as a node that dies with its parent, even if that is killed.
pub fn run_node(args: &NodeArgs) -> ExitCode {
    if let Err(why) = set_parent_process_death_signal(Some(Signal::KILL)) {
        eprintln!("lab: a node that may outlive the lab is not started: {why}");
        return ExitCode::FAILURE;
    }
    // The parent may already have died before the line above.
    if rustix::process::getppid().map(Pid::as_raw_nonzero).map(i32::from) != Some(args.parent) {
        return ExitCode::FAILURE;
    }
    tenure::node::main::run(&args.tenured)
}

/// A node of the lab. Its process is killed when this is dropped.
#[derive(Debug)]
pub struct NodeProcess {
    /// The node's name.
    pub name: String,
    config: PathBuf,
    log: PathBuf,
    /// A `tenured`; this program if absent.
    program: Option<PathBuf>,
    child: Option<Child>,
    paused: bool,
}

impl NodeProcess {
    /// A node that is not running yet.
    pub fn new(name: &str, config: PathBuf, log: PathBuf) -> Self {
        NodeProcess { name: name.to_owned(), config, log, program: None, child: None, paused: false }
    }

    /// Runs this `tenured` instead of the code in this program.
    pub fn with_program(mut self, tenured: &Path) -> Self {
        self.program = Some(tenured.to_owned());
        self
    }

    /// Starts the process, with a token if it has to join first. No effect if it is running.
    ///
    /// Call it on a thread that lives as long as the lab, such as the main one: a node dies with the *thread* that
    /// started it.
    pub fn start(&mut self, token: Option<&str>) -> Result<(), ProcessError> {
        if self.is_running() {
            return Ok(());
        }
        self.launch(token).map_err(|source| self.error("start", source))
    }

    fn launch(&mut self, token: Option<&str>) -> io::Result<()> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let mut command = match &self.program {
            Some(tenured) => Command::new(tenured),
            None => {
                let mut command = Command::new("/proc/self/exe");
                command.arg("run-node").arg("--parent").arg(std::process::id().to_string());
                command
            }
        };
        command.arg("--config").arg(&self.config);
        if let Some(token) = token {
            let file = self.config.with_extension("token");
            fs::write(&file, token)?;
            command.arg("--join-file").arg(file);
        }
        // As the unit of the packages has it.
        command.env("MALLOC_ARENA_MAX", "1");
        // Its own process group: signals of a terminal are for the lab only.
        command.process_group(0);
        self.child = Some(command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?);
        self.paused = false;
        Ok(())
    }

    /// Whether the process exists, even if paused.
    pub fn is_running(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Whether the process was paused.
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// Process id, while it is running.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Kills it with `kill -9`, and waits for its end.
    pub fn kill(&mut self) -> Result<(), ProcessError> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        child.kill().and_then(|()| child.wait()).map_err(|source| self.error("kill", source))?;
        self.paused = false;
        Ok(())
    }

    /// Pauses it, like a hung machine.
    pub fn pause(&mut self) -> Result<(), ProcessError> {
        self.signal(Signal::STOP, "pause")?;
        self.paused = true;
        Ok(())
    }

    /// Continues a paused process.
    pub fn resume(&mut self) -> Result<(), ProcessError> {
        self.signal(Signal::CONT, "resume")?;
        self.paused = false;
        Ok(())
    }

    /// Asks it to stop, without waiting.
    pub fn ask_to_stop(&mut self) -> Result<(), ProcessError> {
        if !self.is_running() {
            return Ok(());
        }
        if self.paused {
            self.resume()?;
        }
        self.signal(Signal::TERM, "stop")
    }

    fn signal(&self, signal: Signal, what: &'static str) -> Result<(), ProcessError> {
        let pid = self.pid().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        let Some(pid) = pid else {
            return Err(self.error(what, io::Error::other("it does not run")));
        };
        kill_process(pid, signal).map_err(|why| self.error(what, why.into()))
    }

    fn error(&self, what: &'static str, source: io::Error) -> ProcessError {
        ProcessError { what, node: self.name.clone(), source }
    }
}

impl Drop for NodeProcess {
    fn drop(&mut self) {
        // A process that cannot be killed has already ended.
        let _ = self.kill();
    }
}
