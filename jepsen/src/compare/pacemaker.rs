//! Pacemaker and Corosync on machines, as Debian packages them, started by hand: there is no systemd in a machine.

use super::{
    measure::{Cluster, until},
    tenure::own_program,
};
use crate::machines::{Machine, MachineError, Part, SiteError, Web, Yard};
use std::{
    fmt::Write,
    path::{Path, PathBuf},
    time::Duration,
};

/// Corosync's default, in milliseconds.
const DEFAULT_TOKEN: u32 = 3_000;
/// Directories private to each machine.
const PRIVATE: [&str; 7] = [
    "/dev/shm",
    "/etc/corosync",
    "/var/lib/corosync",
    "/var/lib/pacemaker",
    "/var/log/cluster",
    "/var/log/corosync",
    "/var/log/pacemaker",
];
/// Required programs.
const PROGRAMS: [&str; 5] = [
    "/usr/sbin/corosync",
    "/usr/sbin/pacemakerd",
    "/usr/sbin/cibadmin",
    "/usr/sbin/crm_attribute",
    "/usr/sbin/crm_mon",
];
/// Work of the packages' installation that each machine needs again.
const DIRECTORIES: &str = "cd /var/lib/pacemaker && mkdir -p blackbox cib cores pengine && \
                           chown -R hacluster:haclient . /var/log/pacemaker && chmod 750 . blackbox cib cores pengine && \
                           chmod 1777 /dev/shm";
/// Pause between two attempts to reach a starting daemon.
const RETRY: Duration = Duration::from_millis(100);
/// Maximum number of attempts to reach a starting daemon.
const TRIES: u32 = 300;

/// Three machines that run it. Nothing is fenced: a silent node is taken for dead, which is true here.
pub(super) struct Pacemaker {
    machines: Vec<Machine>,
    web: Web,
    token: u32,
    yard: Yard,
}

impl Pacemaker {
    /// The missing requirement for measuring it here, if any.
    pub(super) fn missing() -> Option<String> {
        let missing = PROGRAMS.into_iter().find(|program| !Path::new(program).is_file());
        missing.map(|program| format!("{program} (Debian: pacemaker, corosync, pacemaker-cli-utils)"))
    }

    pub(super) async fn start(token: u32) -> Result<Pacemaker, SiteError> {
        let yard = Yard::new(&own_program()?)?;
        let web = Web::new(&yard)?;
        let machines = (1..=3).map(|n| yard.machine(&format!("p{n}"), n, &PRIVATE)).collect();
        let pacemaker = Pacemaker { machines, web, token, yard };
        for machine in &pacemaker.machines {
            pacemaker.boot(machine)?;
        }
        let first = &pacemaker.machines[0];
        until("every node is online", async || online(first) == 3).await?;
        for (name, value) in [("stonith-enabled", "false"), ("no-quorum-policy", "stop")] {
            first.run(["crm_attribute", "--type", "crm_config", "--name", name, "--update", value])?;
        }
        let stays = ["crm_attribute", "--type", "rsc_defaults", "--name", "resource-stickiness", "--update", "100"];
        first.run(stays)?;
        first.run(["cibadmin", "--create", "--scope", "resources", "--xml-text", &pacemaker.group()])?;
        Ok(pacemaker)
    }

    /// The configuration of Corosync: its defaults, without encryption. A token other than the default is used
    /// exactly: otherwise 650 ms are added for each node beyond the second.
    fn totem(&self) -> String {
        let coefficient = if self.token == DEFAULT_TOKEN { "" } else { "    token_coefficient: 0\n" };
        let mut text = format!(
            "totem {{\n    version: 2\n    cluster_name: compare\n    transport: knet\n    crypto_cipher: none\n    \
             crypto_hash: none\n    token: {}\n{coefficient}}}\nquorum {{\n    provider: corosync_votequorum\n}}\nlogging {{\n    \
             to_logfile: yes\n    logfile: /var/log/corosync/corosync.log\n    to_syslog: no\n}}\nnodelist {{\n",
            self.token
        );
        for (number, machine) in (1..).zip(&self.machines) {
            let (name, address) = (machine.name(), machine.address());
            let _ = writeln!(
                text,
                "    node {{\n        ring0_addr: {address}\n        name: {name}\n        nodeid: {number}\n    }}"
            );
        }
        text + "}\n"
    }

    /// The service as a group: its members start in order.
    fn group(&self) -> String {
        let mut text = String::from("<group id=\"web\">");
        for Part { name, agent, attributes, requires: _ } in self.web.resources() {
            let _ = write!(text, "<primitive id=\"{name}\" class=\"ocf\" provider=\"heartbeat\" type=\"{agent}\">");
            let _ = write!(text, "<instance_attributes id=\"{name}-attributes\">");
            for (key, value) in attributes {
                let _ = write!(text, "<nvpair id=\"{name}-{key}\" name=\"{key}\" value=\"{value}\"/>");
            }
            let _ = write!(
                text,
                "</instance_attributes><operations><op id=\"{name}-monitor\" name=\"monitor\" interval=\"10s\" \
                 timeout=\"20s\"/></operations></primitive>"
            );
        }
        text + "</group>"
    }
}

/// Number of nodes online, as a node sees it.
fn online(machine: &Machine) -> usize {
    let Ok(output) = machine.output(["crm_mon", "--one-shot", "--output-as=xml"]) else { return 0 };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().filter(|line| line.trim_start().starts_with("<node ") && line.contains("online=\"true\"")).count()
}

impl Cluster for Pacemaker {
    fn yard(&self) -> &Yard {
        &self.yard
    }

    fn machines(&self) -> &[Machine] {
        &self.machines
    }

    fn web(&self) -> &Web {
        &self.web
    }

    fn power_off(&self, machine: &Machine) -> Result<(), SiteError> {
        Ok(machine.power_off()?)
    }

    fn boot(&self, machine: &Machine) -> Result<(), SiteError> {
        machine.boot()?;
        self.web.furnish(machine)?;
        machine.write(Path::new("/etc/corosync/corosync.conf"), &self.totem())?;
        machine.run(["sh", "-c", DIRECTORIES])?;
        let log: PathBuf = self.yard.directory().join(format!("{}.log", machine.name()));
        machine.start(["corosync", "-f"], &log)?;
        for _ in 0..TRIES {
            if machine.run(["corosync-cfgtool", "-s"]).is_ok() {
                return Ok(machine.start(["pacemakerd"], &log)?);
            }
            std::thread::sleep(RETRY);
        }
        let said = std::fs::read_to_string(&log).unwrap_or_default();
        Err(MachineError::Late(format!("corosync on {} does not come up: {said}", machine.name())).into())
    }

    async fn is_whole(&self) -> bool {
        self.machines.iter().all(|machine| machine.is_on() && online(machine) == self.machines.len())
    }

    fn is_daemon(&self, name: &str) -> bool {
        name.starts_with("corosync") || name.starts_with("pacemaker")
    }
}
