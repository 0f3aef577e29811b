//! One machine.

use super::{MachineError, guest::Guest, tool};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::{
    fs::File,
    net::Ipv4Addr,
    os::fd::AsFd,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    thread::JoinHandle,
};

/// Name of the network interface inside.
pub(super) const INTERFACE: &str = "eth0";

/// A machine: off, or a set of namespaces in which programs run. Clones are the same machine. It is powered off when
/// the last of them is dropped.
#[derive(Clone, Debug)]
pub struct Machine(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: String,
    /// Name of its port at the switch.
    port: String,
    address: Ipv4Addr,
    init: PathBuf,
    /// First process of the switch's namespace, by its process id outside.
    switch: u32,
    private: Vec<PathBuf>,
    guest: Mutex<Option<Guest>>,
    /// Its first process, by its process id outside; zero while it is off. Atomic, so that readers do not wait for a
    /// boot.
    first: AtomicU32,
}

impl Machine {
    pub(super) fn new(
        name: &str,
        (number, address): (u8, Ipv4Addr),
        init: PathBuf,
        switch: u32,
        private: Vec<PathBuf>,
    ) -> Machine {
        let (name, port) = (name.to_owned(), format!("port{number}"));
        Machine(Arc::new(Inner {
            name,
            port,
            address,
            init,
            switch,
            private,
            guest: Mutex::new(None),
            first: AtomicU32::new(0),
        }))
    }

    /// Its name, which is also its host name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Its own address.
    pub fn address(&self) -> Ipv4Addr {
        self.0.address
    }

    /// Its network interface.
    pub fn interface(&self) -> &'static str {
        INTERFACE
    }

    /// Switches it on: when this returns, its first process runs and its address answers. No effect on a machine that
    /// is on.
    pub fn boot(&self) -> Result<(), MachineError> {
        let mut guest = self.guest();
        if guest.is_some() {
            return Ok(());
        }
        let new = Guest::start(&self.0.init, &self.0.name, &self.0.private)?;
        self.plug_in(new.pid())?;
        self.0.first.store(new.pid(), Ordering::Release);
        *guest = Some(new);
        Ok(())
    }

    fn plug_in(&self, pid: u32) -> Result<(), MachineError> {
        let (pid, switch, port) = (pid.to_string(), self.0.switch.to_string(), self.0.port.as_str());
        let cable = ["ip", "link", "add", INTERFACE, "netns", &pid, "type", "veth"];
        tool::run(cable.into_iter().chain(["peer", "name", port, "netns", &switch]))?;
        let address = format!("{}/24", self.0.address);
        let inside = ["nsenter", "-t", &pid, "-n", "--", "ip"];
        tool::run(inside.into_iter().chain(["address", "add", &address, "dev", INTERFACE]))?;
        tool::run(inside.into_iter().chain(["link", "set", INTERFACE, "up"]))?;
        let at_switch = ["nsenter", "-t", &switch, "-n", "--", "ip"];
        tool::run(at_switch.into_iter().chain(["link", "set", port, "master", "switch", "up"])).map(drop)
    }

    /// Cuts its power: the kernel kills all its processes at once, its mounts and its network are gone. When this
    /// returns none of its processes is left and nothing of it answers. No effect on a machine that is off.
    pub fn power_off(&self) -> Result<(), MachineError> {
        let mut guest = self.guest();
        let Some(dying) = guest.take() else { return Ok(()) };
        dying.kill();
        // The kernel would remove the network by itself, but later.
        let (switch, port) = (self.0.switch.to_string(), self.0.port.as_str());
        let unplugged = tool::run(["nsenter", "-t", &switch, "-n", "--", "ip", "link", "delete", port]);
        dying.wait()?;
        self.0.first.store(0, Ordering::Release);
        match unplugged {
            Err(MachineError::Program { said, .. }) if said.contains("Cannot find device") => Ok(()),
            other => other.map(drop),
        }
    }

    /// Kills everything but the first process with one `kill -9`. Addresses and mounts stay: the address still
    /// answers at the link layer, the file system is still mounted.
    pub fn kill_processes(&self) -> Result<(), MachineError> {
        self.run(["sh", "-c", "kill -9 -1"]).map(drop)
    }

    /// Stops all its processes but the first with SIGSTOP.
    pub fn freeze(&self) -> Result<(), MachineError> {
        self.run(["sh", "-c", "kill -STOP -1"]).map(drop)
    }

    /// Continues its processes.
    pub fn thaw(&self) -> Result<(), MachineError> {
        self.run(["sh", "-c", "kill -CONT -1"]).map(drop)
    }

    /// Whether it has power.
    pub fn is_on(&self) -> bool {
        self.guest().is_some()
    }

    /// Its first process, by its process id outside, while it has power.
    pub fn first_process(&self) -> Option<u32> {
        Some(self.0.first.load(Ordering::Acquire)).filter(|&pid| pid != 0)
    }

    /// Starts a long-running program in its own session. Its output is appended to a file outside. Its parent is the
    /// first process.
    pub fn start<'a>(&self, words: impl IntoIterator<Item = &'a str>, log: &Path) -> Result<(), MachineError> {
        let failed = || MachineError::file("write", log);
        let file = File::options().create(true).append(true).open(log).map_err(failed())?;
        let errors = file.try_clone().map_err(failed())?;
        // A parent outside would have to reap the program before the machine counts as dead, and would be stopped
        // together with the program.
        let mut command = Command::new("nsenter");
        command.args(self.entrance()?).args(["setsid", "--fork"]).args(words);
        command.stdin(Stdio::null()).stdout(file).stderr(errors);
        let status = command.status().map_err(MachineError::system(format!("start a program on {}", self.0.name)))?;
        let said = || MachineError::Program { program: format!("{command:?}"), said: status.to_string() };
        status.success().then_some(()).ok_or_else(said)
    }

    /// Runs a short program inside, and returns its standard output. It must succeed.
    pub fn run<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Result<String, MachineError> {
        let entrance = self.entrance()?;
        let words = words.into_iter().map(str::to_owned);
        tool::run(["nsenter".to_owned()].into_iter().chain(entrance).chain(words))
    }

    /// Runs a short program whose exit code matters.
    pub fn output<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Result<Output, MachineError> {
        let entrance = self.entrance()?;
        let words = words.into_iter().map(str::to_owned);
        let words: Vec<String> = ["nsenter".to_owned()].into_iter().chain(entrance).chain(words).collect();
        tool::output(&words)
    }

    fn entrance(&self) -> Result<[String; 8], MachineError> {
        let pid = self.first_process().ok_or_else(|| MachineError::Off(self.0.name.clone()))?;
        Ok(["-t", &pid.to_string(), "-n", "-m", "-p", "-u", "-i", "--"].map(str::to_owned))
    }

    /// The outside path of a path inside.
    pub fn path(&self, inside: &Path) -> Result<PathBuf, MachineError> {
        let pid = self.first_process().ok_or_else(|| MachineError::Off(self.0.name.clone()))?;
        Ok(Path::new(&format!("/proc/{pid}/root")).join(inside.strip_prefix("/").unwrap_or(inside)))
    }

    /// Writes a file inside, and creates its directory.
    pub fn write(&self, inside: &Path, text: &str) -> Result<(), MachineError> {
        let path = self.path(inside)?;
        let directory = path.parent().unwrap_or(&path);
        std::fs::create_dir_all(directory).map_err(MachineError::file("make", directory))?;
        std::fs::write(&path, text).map_err(MachineError::file("write", &path))
    }

    /// Runs code of this process on a thread of its own in the machine's network. In everything else the thread is
    /// outside.
    pub fn in_network(&self, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, MachineError> {
        let pid = self.first_process().ok_or_else(|| MachineError::Off(self.0.name.clone()))?;
        let door = PathBuf::from(format!("/proc/{pid}/ns/net"));
        let door = File::open(&door).map_err(MachineError::file("open", &door))?;
        let (sender, entered) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let moved = move_into_link_name_space(door.as_fd(), Some(LinkNameSpaceType::Network));
            drop(door);
            let inside = moved.is_ok();
            let _ = sender.send(moved);
            // Outside it would work on the wrong network.
            if inside {
                work();
            }
        });
        let failed = MachineError::system(format!("enter the network of {}", self.0.name));
        match entered.recv() {
            Ok(Ok(())) => Ok(thread),
            Ok(Err(why)) => Err(failed(why.into())),
            Err(_) => Err(failed(std::io::Error::other("the thread has ended"))),
        }
    }

    /// Its processes but the first, by their process ids outside.
    pub fn processes(&self) -> Vec<u32> {
        let Some(first) = self.first_process() else { return Vec::new() };
        let space = |pid: u32| std::fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
        let own = space(first);
        let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        pids.filter(|&pid| pid != first && own.is_some() && space(pid) == own).collect()
    }

    fn guest(&self) -> MutexGuard<'_, Option<Guest>> {
        self.0.guest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
