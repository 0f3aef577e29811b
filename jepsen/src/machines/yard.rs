//! The surroundings of machines: a network with a switch, a directory, and an address plan.

use super::{Machine, MachineError, disk::detach_within, guest::Guest, tool};
use crate::needs;
use std::{
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

/// Prefix of the name of a yard's directory; the id of its process and a number follow.
const PREFIX: &str = "tenure-machines-";
/// Required programs.
const PROGRAMS: [&str; 10] =
    ["ip", "ping", "unshare", "nsenter", "timeout", "mount", "losetup", "mkfs.ext4", "hostname", "setsid"];
/// Host number of the outside, where the emulated HMC listens.
const OUTSIDE: u8 = 254;

/// The missing requirement for machines here, if any.
pub fn missing() -> Option<String> {
    let missing = needs::root().or_else(|| needs::programs(&PROGRAMS));
    if missing.is_some() {
        return missing;
    }
    let try_out = ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "ip", "link", "set", "lo", "up"];
    match tool::run(try_out) {
        Ok(_) => None,
        Err(why) => Some(format!("namespaces of one's own ({why})")),
    }
}

/// A network with a switch, and a directory for files. The switch has its own network namespace, so that filters and
/// names of the host do not matter, and nothing is left of it when this process ends. The host has one interface in
/// it.
#[derive(Debug)]
pub struct Yard {
    switch: Guest,
    init: PathBuf,
    /// The third byte of its addresses.
    network: u8,
    directory: PathBuf,
}

impl Yard {
    /// Creates the network. `init` is a program that runs [`init`](super::init) when its only argument is `init`.
    /// First removes the remains of dead processes.
    pub fn new(init: &Path) -> Result<Yard, MachineError> {
        static NUMBER: Mutex<u32> = Mutex::new(0);
        // Locked until the network is taken, so that another yard of this process takes another.
        let mut number = NUMBER.lock().unwrap_or_else(PoisonError::into_inner);
        *number += 1;
        let (base, process) = (std::env::temp_dir(), std::process::id());
        sweep(&base)?;
        let directory = base.join(format!("{PREFIX}{process}-{number}"));
        std::fs::create_dir_all(&directory).map_err(MachineError::file("make", &directory))?;
        let switch = Guest::start(init, "switch", &[])?;
        let yard = Yard { switch, init: init.to_owned(), network: free_network()?, directory };
        yard.wire(&format!("tn{process}.{number}"))?;
        Ok(yard)
    }

    fn wire(&self, uplink: &str) -> Result<(), MachineError> {
        let inside = self.switch.pid().to_string();
        self.in_switch(&["ip", "link", "add", "switch", "type", "bridge"])?;
        self.in_switch(&["ip", "link", "set", "switch", "up"])?;
        tool::run(["ip", "link", "add", uplink, "type", "veth", "peer", "name", "uplink", "netns", &inside])?;
        self.in_switch(&["ip", "link", "set", "uplink", "master", "switch", "up"])?;
        let address = format!("{}/24", self.outside());
        tool::run(["ip", "address", "add", &address, "dev", uplink])?;
        tool::run(["ip", "link", "set", uplink, "up"]).map(drop)
    }

    fn in_switch(&self, words: &[&str]) -> Result<String, MachineError> {
        let switch = self.switch.pid().to_string();
        tool::run(["nsenter", "-t", &switch, "-n", "--"].iter().chain(words))
    }

    /// A machine that is off. Numbers are 1 to 99, and are its host number. Each of `private` is a directory that is
    /// empty at every boot and not visible to other machines; `/run` is always one.
    pub fn machine(&self, name: &str, number: u8, private: &[&str]) -> Machine {
        let private = ["/run"].iter().chain(private).map(PathBuf::from).collect();
        Machine::new(name, (number, self.address(number)), self.init.clone(), self.switch.pid(), private)
    }

    /// An address of this network. Those from 100 to 199 are for services.
    pub fn address(&self, host: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 77, self.network, host)
    }

    /// The host's address in this network.
    pub fn outside(&self) -> Ipv4Addr {
        self.address(OUTSIDE)
    }

    /// A directory visible to all machines. It is removed with the yard.
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

impl Drop for Yard {
    fn drop(&mut self) {
        // Remains are removed by the next run.
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// A third byte of addresses that no interface of the host uses.
fn free_network() -> Result<u8, MachineError> {
    let taken = tool::run(["ip", "-4", "-oneline", "address"])?;
    let first = std::process::id() % 250;
    let mut candidates = (0..250).map(|step| u8::try_from((first + step) % 250).unwrap_or_default());
    let free = candidates.find(|candidate| !taken.contains(&format!(" 10.77.{candidate}.")));
    free.ok_or_else(|| MachineError::Late("every network of 10.77.0.0/16 is taken".to_owned()))
}

/// Removes the remains of yards of dead processes: their machines have ended with them, loop devices and files have
/// not.
fn sweep(base: &Path) -> Result<(), MachineError> {
    let entries = std::fs::read_dir(base).map_err(MachineError::file("read", base))?;
    for entry in entries.flatten() {
        let name = entry.file_name();
        let rest = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        let owner = rest.and_then(|rest| rest.split('-').next()).and_then(|pid| pid.parse::<u32>().ok());
        if owner.is_some_and(|owner| !Path::new(&format!("/proc/{owner}")).exists()) {
            detach_within(&entry.path())?;
            std::fs::remove_dir_all(entry.path()).map_err(MachineError::file("remove", &entry.path()))?;
        }
    }
    Ok(())
}
