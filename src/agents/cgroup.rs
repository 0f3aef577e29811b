//! One control group per program, so that none of its children can escape being killed.
//!
//! A child of a program may leave its process group and its parents; it cannot leave its control group by accident.
//! The program is put into the group right after its start: children from before that are found through its process
//! group and its parents. Decides nothing, and never fails: without a control group the other two means remain.

use super::processes::{self, Number};
use rustix::process::Signal;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// Limit of remembered groups that still hold a daemon, to be removed when the daemon is gone.
const LEFT: usize = 4096;

static NEXT: AtomicU64 = AtomicU64::new(0);
static LEFT_BEHIND: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// A control group of one program.
#[derive(Debug)]
pub(crate) struct Cgroup(PathBuf);

impl Cgroup {
    /// A new group below `parent`; `None` if it cannot be created.
    pub(crate) fn below(parent: &Path) -> Option<Cgroup> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("run-{}-{number}", std::process::id()));
        fs::create_dir(&path).ok()?;
        Some(Cgroup(path))
    }

    /// Moves a process into the group. The process may have ended already.
    pub(crate) fn take_in(&self, process: Number) {
        let _ = fs::write(self.0.join("cgroup.procs"), process.to_string());
    }

    /// Kills all processes in the group.
    pub(crate) fn kill(&self) {
        if fs::write(self.0.join("cgroup.kill"), "1").is_err() {
            // Kernels before 5.14 have no `cgroup.kill`.
            for process in fs::read_to_string(self.0.join("cgroup.procs")).unwrap_or_default().lines() {
                processes::signal(process.parse().unwrap_or_default(), Signal::KILL);
            }
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
pub(crate) fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with("run-")) {
        let _ = fs::remove_dir(entry.path());
    }
}
