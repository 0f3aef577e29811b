//! A node as a process of its own: this very program, running the code of `tenured`.

use rustix::process::{Pid, Signal, kill_process, set_parent_process_death_signal};
use std::{
    fs::File,
    io,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
};

/// Arguments under which the lab's program runs as a node.
#[derive(Clone, Debug, clap::Args)]
pub struct NodeArgs {
    /// The process that started it, and without which it must not live.
    #[arg(long)]
    pub parent: i32,
    /// What `tenured` is told.
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
    // The parent may have died before the line above.
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
    /// A `tenured`; this very program if absent.
    program: Option<PathBuf>,
    child: Option<Child>,
    paused: bool,
}

impl NodeProcess {
    /// A node that does not run yet.
    pub fn new(name: &str, config: PathBuf, log: PathBuf) -> Self {
        NodeProcess { name: name.to_owned(), config, log, program: None, child: None, paused: false }
    }

    /// Runs this `tenured` in place of the code in this program.
    pub fn with_program(mut self, tenured: &Path) -> Self {
        self.program = Some(tenured.to_owned());
        self
    }

    /// Starts the process, with a token if it is to join first. One that runs is left alone.
    ///
    /// To be called on a thread that lives as long as the lab, such as the main one: a node dies with the *thread* that
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
                let mut command = Command::new(std::env::current_exe()?);
                command.arg("run-node").arg("--parent").arg(std::process::id().to_string());
                command
            }
        };
        command.arg("--config").arg(&self.config);
        if let Some(token) = token {
            command.arg("--join").arg(token);
        }
        // Its own process group: what a terminal sends to the lab is the lab's business.
        command.process_group(0);
        self.child = Some(command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?);
        self.paused = false;
        Ok(())
    }

    /// Whether the process lives (a paused one does).
    pub fn is_running(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Whether the process was paused.
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// Process id, while it lives.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// `kill -9`, and waits for its end.
    pub fn kill(&mut self) -> Result<(), ProcessError> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        child.kill().and_then(|()| child.wait()).map_err(|source| self.error("kill", source))?;
        self.paused = false;
        Ok(())
    }

    /// Stops it from running, as a hung machine does.
    pub fn pause(&mut self) -> Result<(), ProcessError> {
        self.signal(Signal::STOP, "pause")?;
        self.paused = true;
        Ok(())
    }

    /// Lets a paused process go on.
    pub fn resume(&mut self) -> Result<(), ProcessError> {
        self.signal(Signal::CONT, "resume")?;
        self.paused = false;
        Ok(())
    }

    /// Asks it to stop, without waiting for that.
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
        // A process that cannot be killed has ended already.
        let _ = self.kill();
    }
}
