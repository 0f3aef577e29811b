//! The first process of a machine: its work, and its start and end from outside.

use super::MachineError;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, wait};
use std::{
    io::{BufRead, BufReader, Read},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};
use tokio::signal::unix::{SignalKind, signal};

/// Maximum time for a first process to start.
const STARTS: Duration = Duration::from_secs(10);
/// Maximum time for the kernel to end a machine.
const ENDS: Duration = Duration::from_secs(10);
/// Pause between two checks of a machine that is ending.
const LOOK: Duration = Duration::from_millis(1);
/// Output of the first process when it has started.
const READY: &str = "ready";

/// Setup of a machine before its first process: a host name, and memory file systems in place of the directories that
/// machines must not share. Arguments: the program of the first process, the name, the directories.
const BOOT: &str = r#"set -e
init=$1; hostname "$2"; shift 2
for directory; do mkdir -p "$directory"; mount -t tmpfs -o size=128m,mode=755 machine "$directory"; done
ip link set lo up
exec "$init" init"#;

/// The preceding step. A network namespace's table of TCP sockets is as large as the host's memory suggests unless
/// the namespace in which it was created limits it, and is read completely at every search for a listening socket: in
/// five milliseconds, or in a twentieth of one. Kernels before 6.1 do not have this setting.
const SMALL_TABLES: &str = r#"echo 1024 2>/dev/null >/proc/sys/net/ipv4/tcp_child_ehash_entries || true
exec unshare --net --mount --pid --uts --ipc --fork --kill-child --mount-proc -- "$@""#;

/// Runs as the first process of a machine: reaps orphans, and ends when its standard input does, which happens when
/// the maker of the machine ends or switches it off. The kernel then ends everything else in the machine.
pub fn init() -> ExitCode {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return ExitCode::FAILURE;
    };
    std::thread::spawn(|| {
        // An error ends it as well.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0)
    });
    runtime.block_on(async {
        let Ok(mut children) = signal(SignalKind::child()) else { return ExitCode::FAILURE };
        println!("{READY}");
        loop {
            // Several exits may come as one signal.
            while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
            if children.recv().await.is_none() {
                return ExitCode::FAILURE;
            }
        }
    })
}

/// A running machine, seen from outside.
#[derive(Debug)]
pub(super) struct Guest {
    /// `unshare`, which waits for the first process and ends after it, and with it all others of the machine.
    outside: Child,
    /// The first process, by its process id outside.
    pid: Pid,
}

impl Guest {
    /// Starts a first process in its own namespaces.
    pub(super) fn start(init: &Path, name: &str, private: &[PathBuf]) -> Result<Guest, MachineError> {
        let mut command = Command::new("unshare");
        command
            .args(["--net", "--", "sh", "-c", SMALL_TABLES, "sh", "sh", "-c", BOOT, "sh"])
            .arg(init)
            .arg(name)
            .args(private);
        // Its own process group: signals of the test's terminal are not for the machine.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let what = format!("start machine {name}");
        let mut outside = command.spawn().map_err(MachineError::system(&what))?;
        let ready = is_ready(&mut outside);
        let pid = ready.then(|| only_child(outside.id())).flatten();
        match pid {
            Some(pid) => Ok(Guest { outside, pid }),
            None => {
                let _ = outside.kill();
                let said = outside.wait_with_output().map(|output| output.stderr).unwrap_or_default();
                let said = String::from_utf8_lossy(&said).trim().to_owned();
                Err(MachineError::Late(format!("{what}: its first process has not come up ({said})")))
            }
        }
    }

    pub(super) fn pid(&self) -> u32 {
        u32::try_from(self.pid.as_raw_nonzero().get()).unwrap_or_default()
    }

    /// Kills the first process. The kernel kills the others before that process counts as ended.
    pub(super) fn kill(&self) {
        // If it cannot be killed, it has already ended.
        let _ = kill_process(self.pid, Signal::KILL);
    }

    /// Waits until nothing of it is left.
    pub(super) fn wait(mut self) -> Result<(), MachineError> {
        self.reap()
    }

    fn reap(&mut self) -> Result<(), MachineError> {
        let began = Instant::now();
        while let Ok(None) = self.outside.try_wait() {
            if began.elapsed() > ENDS {
                return Err(MachineError::Late(format!("a machine was killed and is not dead within {ENDS:?}")));
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.kill();
        // If the wait fails, it ends with this process.
        let _ = self.reap();
    }
}

fn is_ready(outside: &mut Child) -> bool {
    let Some(stdout) = outside.stdout.take() else { return false };
    let (sender, receiver) = mpsc::channel();
    // Ends with the line, or with the process.
    std::thread::spawn(move || {
        let mut line = String::new();
        let _ = BufReader::new(stdout).read_line(&mut line);
        let _ = sender.send(line.trim() == READY);
    });
    receiver.recv_timeout(STARTS).unwrap_or(false)
}

fn only_child(parent: u32) -> Option<Pid> {
    let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok().and_then(Pid::from_raw)
}
