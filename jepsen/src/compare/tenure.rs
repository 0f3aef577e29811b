//! Tenure on machines.

use super::measure::Cluster;
use crate::machines::{Machine, MachineError, Site, SiteError, SiteOptions, Web, Yard};
use std::path::{Path, PathBuf};
use tenure::api::{
    Read,
    wire::{GroupStatus, ServerStatus},
};

/// The timings measured: name, lines of `[raft]`, lines of `[timings]`.
pub(super) const TIMINGS: [(&str, &str, &str); 2] = [("Tenure, defaults", "", ""), ("Tenure, tight", RAFT, TIGHT)];
const RAFT: &str = "heartbeat = \"50ms\"\nelection_min = \"200ms\"\nelection_max = \"350ms\"\n";
const TIGHT: &str = "heartbeat = \"50ms\"\nsuspect = \"200ms\"\nlease = \"300ms\"\nmonitor = \"1s\"\nsettle = \"1s\"\n";

/// A site with the service declared.
pub(super) struct Tenure {
    site: Site,
}

impl Tenure {
    pub(super) async fn start(tenured: Option<&Path>, raft: &str, timings: &str) -> Result<Tenure, SiteError> {
        let init = own_program()?;
        let tenured = match tenured {
            Some(tenured) => {
                // Machines have a different working directory.
                let tenured = tenured.canonicalize().map_err(MachineError::file("find", tenured))?;
                vec![tenured.display().to_string()]
            }
            None => vec![init.display().to_string(), "tenured".to_owned()],
        };
        let site = Site::prepare(&SiteOptions { servers: 3, init, tenured, raft: raft.to_owned() }).await?;
        site.form().await?;
        let names: Vec<&str> = site.machines().iter().map(Machine::name).collect();
        let group = site.web().declaration(&names, "", "");
        let timings = if timings.is_empty() { String::new() } else { format!("\n[timings]\n{timings}") };
        // A machine lost ten times in a row would be put into quarantine.
        let brakes = "\n[brakes]\nflaps = 0\n";
        site.declare(site.cluster_file() + &group + &timings + brakes).await?;
        Ok(Tenure { site })
    }
}

/// Path of this program.
pub(super) fn own_program() -> Result<PathBuf, MachineError> {
    std::env::current_exe().map_err(MachineError::system("find this program"))
}

impl Cluster for Tenure {
    fn yard(&self) -> &Yard {
        &self.site.yard
    }

    fn machines(&self) -> &[Machine] {
        self.site.machines()
    }

    fn web(&self) -> &Web {
        self.site.web()
    }

    fn power_off(&self, machine: &Machine) -> Result<(), SiteError> {
        self.site.power_off(machine.name())
    }

    fn boot(&self, machine: &Machine) -> Result<(), SiteError> {
        self.site.boot(machine.name())
    }

    async fn is_whole(&self) -> bool {
        let Ok(status) = self.site.client.status(Read::Linearizable).await else { return false };
        status.servers.iter().all(|server| server.state == ServerStatus::Ready)
            && status.groups.iter().all(|group| group.state == GroupStatus::Online)
            && status.orders.is_empty()
    }

    fn is_daemon(&self, name: &str) -> bool {
        // The latter is the name of a node that is run by this program.
        name.starts_with("tenured") || name.starts_with("machines")
    }
}
