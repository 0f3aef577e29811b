//! Where things are on this machine. Decides nothing.

use std::path::PathBuf;
use tenure_core::{NodeName, ServerName};

/// Where things are on this machine, and who it is.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The node that runs here.
    pub node: NodeName,
    /// The server that it lives on.
    pub server: ServerName,
    /// Where OCF resource agents live, `/usr/lib/ocf`: they are in `resource.d/PROVIDER/TYPE` below it.
    pub ocf_root: PathBuf,
    /// Directories with one directory for each script type. The first that has a type has it.
    pub scripts: Vec<PathBuf>,
    /// What speaks to systemd: `systemctl`, by name or with its path.
    pub systemctl: PathBuf,
    /// Writable, and empty after a boot: what programs said, and state that agents keep. A state that outlived a boot would
    /// have agents say that things run which do not.
    pub run_dir: PathBuf,
    /// A directory of cgroup v2 that is ours. Each program gets one of its own below it, if that can be done.
    pub cgroup: Option<PathBuf>,
}

impl Settings {
    /// Where programs that change something are on record while they run.
    pub(crate) fn under_way(&self) -> PathBuf {
        self.run_dir.join("under_way")
    }
}
