//! The service of the tests: an address, a file system on a shared disk, and nginx on both, kept by the standard agents.

use super::{Disk, Machine, MachineError, Yard, asker::WHO};
use crate::needs;
use std::{
    fmt::Write,
    fs::Permissions,
    net::Ipv4Addr,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};

/// Directory of the nodes' agents, below the yard's directory.
pub(super) const AGENTS: &str = "ocf";
/// Directory of the standard agents.
pub const OCF_ROOT: &str = "/usr/lib/ocf";
/// Content of the page.
const PAGE: &str = "tenure\n";
/// Host number of the service's address.
const HOST: u8 = 100;
/// Directory for files of nginx that machines do not share.
const LOCAL: &str = "/run/web";
/// Size of the disk, in MiB.
const MEBIBYTES: u64 = 16;

/// A resource of the service.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Part {
    pub name: &'static str,
    /// Its agent, of the provider `heartbeat`.
    pub agent: &'static str,
    /// Parameters of the agent.
    pub attributes: Vec<(&'static str, String)>,
    /// Resources that must be online before it.
    pub requires: &'static [&'static str],
}

/// The service: resources `ip` (IPaddr2), `disk` (Filesystem) and `nginx` that requires both.
#[derive(Debug)]
pub struct Web {
    address: Ipv4Addr,
    directory: PathBuf,
    disk: Disk,
}

impl Web {
    /// Creates its disk, with the page on it.
    pub fn new(yard: &Yard) -> Result<Web, MachineError> {
        let (content, directory) = (yard.directory().join("page"), yard.directory().join("web"));
        for directory in [&content, &directory] {
            std::fs::create_dir_all(directory).map_err(MachineError::file("make", directory))?;
        }
        let page = content.join("index.html");
        std::fs::write(&page, PAGE).map_err(MachineError::file("write", &page))?;
        let disk = Disk::new(&yard.directory().join("disk.img"), MEBIBYTES, &content)?;
        agents(&yard.directory().join(AGENTS))?;
        Ok(Web { address: yard.address(HOST), directory, disk })
    }

    /// The missing requirement of the agents here, if any.
    pub fn missing() -> Option<String> {
        let agents = ["IPaddr2", "Filesystem", "nginx"].map(|agent| agent_file("heartbeat", agent));
        // The agent of file systems requires modprobe, even if there is no module to load.
        let missing = agents.iter().find_map(|agent| needs::file(agent, "resource-agents"));
        missing.or_else(|| needs::programs(&["nginx", "modprobe", "arping", "pkill"]))
    }

    /// Its address.
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Mount point of its file system.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Content of the page.
    pub fn page(&self) -> &'static str {
        PAGE
    }

    /// Writes nginx's configuration on a machine that has just booted. Its answers name the machine. It listens on
    /// every address, because nginx accepts an address in its configuration only where that address exists.
    pub fn furnish(&self, machine: &Machine) -> Result<(), MachineError> {
        let (directory, name) = (self.directory.display(), machine.name());
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .iter()
            .fold(String::new(), |text, kind| text + &format!("    {kind}_temp_path {LOCAL}/{kind};\n"));
        let text = format!(
            "user root;\nworker_processes 1;\npid {LOCAL}/nginx.pid;\nerror_log {LOCAL}/error.log;\n\
             events {{ worker_connections 64; }}\nhttp {{\n    access_log off;\n{temporary}    server {{\n        \
             listen 80;\n        root {directory};\n        add_header {WHO} {name} always;\n    }}\n}}\n"
        );
        machine.write(&self.config_file(), &text)
    }

    fn config_file(&self) -> PathBuf {
        Path::new(LOCAL).join("nginx.conf")
    }

    /// Its resources in their start order.
    pub fn resources(&self) -> [Part; 3] {
        let ip = vec![
            ("ip", self.address.to_string()),
            ("cidr_netmask", "24".to_owned()),
            ("nic", super::machine::INTERFACE.to_owned()),
        ];
        let disk = vec![
            ("device", self.disk.device().display().to_string()),
            ("directory", self.directory.display().to_string()),
            ("fstype", "ext4".to_owned()),
        ];
        // Without a URL, the agent makes one up and then refuses it.
        let nginx = vec![
            ("configfile", self.config_file().display().to_string()),
            ("status10url", format!("http://{}/", self.address)),
        ];
        [
            Part { name: "ip", agent: "IPaddr2", attributes: ip, requires: &[] },
            Part { name: "disk", agent: "Filesystem", attributes: disk, requires: &[] },
            Part { name: "nginx", agent: "nginx", attributes: nginx, requires: &["ip", "disk"] },
        ]
    }

    /// The group `web` for a cluster file. `servers` is its system list; the lines of `group` and `resource` are
    /// added to it and to each of its resources.
    pub fn declaration(&self, servers: &[&str], group: &str, resource: &str) -> String {
        let list: Vec<String> = servers.iter().map(|server| format!("\"{server}\"")).collect();
        let mut text = format!("\n[groups.web]\nservers = [{}]\n{group}", list.join(", "));
        for Part { name, agent, attributes, requires } in self.resources() {
            let attributes: Vec<String> =
                attributes.iter().map(|(key, value)| format!("{key} = \"{value}\"")).collect();
            let requires: Vec<String> = requires.iter().map(|other| format!("\"{other}\"")).collect();
            let _ = write!(
                text,
                "\n[resources.{name}]\ngroup = \"web\"\nrequires = [{}]\ntype = \"ocf:heartbeat:{agent}\"\n\
                 attributes = {{ {} }}\n{resource}",
                requires.join(", "),
                attributes.join(", ")
            );
        }
        text
    }

    /// Starts it on a machine without a cluster, as an administrator would.
    pub fn start_by_hand(&self, machine: &Machine) -> Result<(), MachineError> {
        self.resources().iter().try_for_each(|part| act(machine, part, "start"))
    }

    /// Stops it on a machine without a cluster.
    pub fn stop_by_hand(&self, machine: &Machine) -> Result<(), MachineError> {
        self.resources().iter().rev().try_for_each(|part| act(machine, part, "stop"))
    }
}

/// Installs agents for the nodes: links to the standard ones, and one for tests, `ocf:test:hang`.
fn agents(root: &Path) -> Result<(), MachineError> {
    let test = root.join("resource.d/test");
    std::fs::create_dir_all(&test).map_err(MachineError::file("make", &test))?;
    for part in ["lib", "resource.d/heartbeat"] {
        let link = root.join(part);
        symlink(Path::new(OCF_ROOT).join(part), &link).map_err(MachineError::file("make", &link))?;
    }
    let agent = test.join("hang");
    std::fs::write(&agent, include_str!("hang.sh")).map_err(MachineError::file("write", &agent))?;
    std::fs::set_permissions(&agent, Permissions::from_mode(0o755)).map_err(MachineError::file("write", &agent))
}

/// One call of an agent, with the environment that the standard defines.
fn act(machine: &Machine, part: &Part, action: &str) -> Result<(), MachineError> {
    let fixed = [format!("OCF_ROOT={OCF_ROOT}"), format!("OCF_RESOURCE_INSTANCE={}", part.name)];
    let attributes = part.attributes.iter().map(|(key, value)| format!("OCF_RESKEY_{key}={value}"));
    let environment: Vec<String> = fixed.into_iter().chain(attributes).collect();
    let agent = agent_file("heartbeat", part.agent).display().to_string();
    let words = ["env"].into_iter().chain(environment.iter().map(String::as_str)).chain([agent.as_str(), action]);
    machine.run(words).map(drop)
}

fn agent_file(provider: &str, agent: &str) -> PathBuf {
    Path::new(OCF_ROOT).join("resource.d").join(provider).join(agent)
}
