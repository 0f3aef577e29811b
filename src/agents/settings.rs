//! Paths on this machine. Decides nothing.

use super::{cgroup::Groups, permission::Rights};
use std::path::PathBuf;
use tenure_core::{NodeName, ServerName};

/// Paths on this machine, and its identity.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The node on this machine.
    pub node: NodeName,
    /// The server of the node.
    pub server: ServerName,
    /// The directory of OCF, `/usr/lib/ocf`: resource agents are in `resource.d/PROVIDER/TYPE` below it.
    pub ocf_root: PathBuf,
    /// Directories with one directory for each script type. The first one that has the type is used.
    pub scripts: Vec<PathBuf>,
    /// The program `systemctl`, by name or with its path.
    pub systemctl: PathBuf,
    /// A writable directory that is empty after a boot: for output of programs, and state of agents. With state from
    /// before a boot, agents would report resources running that are not.
    pub run_dir: PathBuf,
    /// The control group of this node's programs, each of which gets one of its own below it.
    pub cgroup: Option<Groups>,
    /// What may run here.
    pub rights: Rights,
    /// The directory of secrets: each in a file of its name, for root alone.
    pub secrets: PathBuf,
}

impl Settings {
    /// The directory for records of programs that start, stop or clean something, while they run.
    pub(crate) fn under_way(&self) -> PathBuf {
        self.run_dir.join("under_way")
    }
}
