//! One control group per program, so that none of its children can escape being killed, and so that one program does
//! not take the memory and the processes of all.
//!
//! A child of a program may leave its process group and its parents; it cannot leave its control group. The program is
//! in the group from its first instruction on. Decides nothing, and never fails: without a control group, children are
//! found through the process group and their parents.

use super::processes;
use rustix::process::Signal;
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// Limit of remembered groups that still hold a daemon, to be removed when the daemon is gone.
const LEFT: usize = 4096;
/// Names that are tried for a new group: an earlier process of the same number may have left some.
const TRIES: u32 = 64;
/// The group of all programs, below the root of cgroup v2: the daemons in it outlive the service `tenured`.
const OWN: &str = "tenure";

static NEXT: AtomicU64 = AtomicU64::new(0);
static LEFT_BEHIND: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// What one program, with all that it starts and leaves behind, may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Part of the machine's memory, in percent.
    pub memory_percent: u32,
    /// Number of processes and threads.
    pub pids: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { memory_percent: 90, pids: 16384 }
    }
}

/// The control group of a node's programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Groups {
    parent: PathBuf,
    pids: u32,
    /// In bytes; `None` if the machine does not say how much it has.
    memory: Option<u64>,
}

impl Groups {
    /// The control group for the programs of this run directory, below `place` or else below the root of cgroup v2.
    /// Created unless it exists; the error says why there are none.
    pub fn prepare(place: Option<&Path>, run_dir: &Path, limits: Limits) -> Result<Groups, String> {
        let root = || mounted().ok_or_else(|| "cgroup v2 is not mounted".to_owned());
        let place = place.map_or_else(|| root().map(|root| root.join(OWN)), |place| Ok(place.to_owned()))?;
        let parent = place.join(name_of(run_dir));
        fs::create_dir_all(&parent).map_err(|error| format!("{}: {error}", parent.display()))?;
        if !parent.join("cgroup.procs").exists() {
            return Err(format!("{} is not in cgroup v2", parent.display()));
        }
        for group in [place.parent(), Some(&place), Some(&parent)].into_iter().flatten() {
            for controller in ["+memory", "+pids"] {
                // Not every machine has every controller here: said once, below.
                let _ = fs::write(group.join("cgroup.subtree_control"), controller);
            }
        }
        let enabled = fs::read_to_string(parent.join("cgroup.subtree_control")).unwrap_or_default();
        for controller in
            ["memory", "pids"].into_iter().filter(|name| !enabled.split_whitespace().any(|on| on == *name))
        {
            tracing::warn!(cgroup = %parent.display(), "no limit of {controller} holds for programs: the controller is not in cgroup v2");
        }
        let memory = memory().map(|all| all / 100 * u64::from(limits.memory_percent));
        Ok(Groups { parent, pids: limits.pids, memory })
    }

    /// Removes the group, unless daemons are still in it.
    pub fn leave(&self) {
        sweep(self);
        let _ = fs::remove_dir(&self.parent);
    }

    /// The directory of the group.
    pub fn path(&self) -> &Path {
        &self.parent
    }
}

/// The root of cgroup v2.
fn mounted() -> Option<PathBuf> {
    let text = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let mount = text.lines().find(|line| line.contains(" - cgroup2 "))?.split_whitespace().nth(4)?;
    Some(PathBuf::from(mount))
}

/// A path as one name.
fn name_of(path: &Path) -> String {
    path.display().to_string().trim_matches('/').replace('%', "%25").replace('/', "%2f")
}

/// The memory of this machine, in bytes.
fn memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

/// A control group of one program.
#[derive(Debug)]
pub(crate) struct Cgroup(PathBuf);

impl Cgroup {
    /// A new group; `None` if it cannot be created.
    pub(crate) fn of(groups: &Groups) -> Option<Cgroup> {
        let path = (0..TRIES).find_map(|_| {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = groups.parent.join(format!("run-{}-{number}", std::process::id()));
            match fs::create_dir(&path) {
                Ok(()) => Some(Some(path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => None,
                Err(_) => Some(None),
            }
        })??;
        // Without the controller there is no such file.
        let _ = fs::write(path.join("pids.max"), groups.pids.to_string());
        if let Some(memory) = groups.memory {
            let _ = fs::write(path.join("memory.max"), memory.to_string());
        }
        Some(Cgroup(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Kills all processes in the group.
    pub(crate) fn kill(&self) {
        kill(&self.0);
    }
}

/// Kills all processes in a group.
pub(crate) fn kill(group: &Path) {
    if fs::write(group.join("cgroup.kill"), "1").is_err() {
        // Kernels before 5.14 have no `cgroup.kill`.
        for process in fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default().lines() {
            processes::signal(process.parse().unwrap_or_default(), Signal::KILL);
        }
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // A group that holds a daemon cannot be removed until the daemon is gone.
        let mut left = LEFT_BEHIND.lock().unwrap_or_else(PoisonError::into_inner);
        left.retain(|path| fs::remove_dir(path).is_err() && path.exists());
        if fs::remove_dir(&self.0).is_err() && left.len() < LEFT {
            left.push(self.0.clone());
        }
    }
}

/// Removes the empty groups that an earlier process of this node left.
pub(crate) fn sweep(groups: &Groups) {
    let Ok(entries) = fs::read_dir(&groups.parent) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with("run-")) {
        let _ = fs::remove_dir(entry.path());
    }
}
