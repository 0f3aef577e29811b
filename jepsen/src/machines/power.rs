//! Keeps the emulated HMC's state of a management LPAR and the state of its machine the same.

use super::{Machine, MachineError, Web};
use crate::world::{LparState, World};
use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError, mpsc},
};

/// Controls the power of all machines of a site, and starts their nodes.
///
/// A machine that should be off is off before the world can be read: [`Power::follow`] ends it at once. A machine
/// that should be on is booted by [`Power::boot_all`] on another thread, which starts its node.
#[derive(Debug)]
pub(super) struct Power {
    machines: Vec<Machine>,
    web: Web,
    /// The program of a node, with its first arguments.
    tenured: Vec<String>,
    directory: PathBuf,
    plan: Mutex<Plan>,
    wake: mpsc::Sender<()>,
}

#[derive(Debug, Default)]
struct Plan {
    /// Machines that should have power.
    on: BTreeSet<String>,
    /// Machines whose operating system should hang.
    hung: BTreeSet<String>,
    /// Machines whose node starts when they boot.
    members: BTreeSet<String>,
    trouble: Vec<String>,
}

impl Power {
    pub(super) fn new(
        machines: Vec<Machine>,
        web: Web,
        tenured: Vec<String>,
        directory: PathBuf,
    ) -> (Power, mpsc::Receiver<()>) {
        let (wake, woken) = mpsc::channel();
        (Power { machines, web, tenured, directory, plan: Mutex::default(), wake }, woken)
    }

    pub(super) fn machines(&self) -> &[Machine] {
        &self.machines
    }

    pub(super) fn web(&self) -> &Web {
        &self.web
    }

    /// Changes the machines to the new state of the world. Called with the world locked, before anybody can read it.
    pub(super) fn follow(&self, world: &World) {
        let mut plan = self.plan();
        for machine in &self.machines {
            let (Some(server), Some(lpar)) = (world.server(machine.name()), world.lpar(&lpar_of(machine.name())))
            else {
                continue;
            };
            let on = world.activity(server, lpar).is_some_and(has_power);
            let name = machine.name().to_owned();
            let result = if on {
                plan.on.insert(name);
                self.hang(&mut plan, machine, world.guest(server, lpar) == crate::world::Guest::Frozen)
            } else {
                plan.on.remove(&name);
                plan.hung.remove(&name);
                machine.power_off()
            };
            self.note(&mut plan, machine, result);
        }
        // Nobody listens any more when the site ends.
        let _ = self.wake.send(());
    }

    fn hang(&self, plan: &mut Plan, machine: &Machine, hung: bool) -> Result<(), MachineError> {
        let was = plan.hung.contains(machine.name());
        if hung == was || !machine.is_on() {
            return Ok(());
        }
        if hung {
            plan.hung.insert(machine.name().to_owned());
            machine.freeze()
        } else {
            plan.hung.remove(machine.name());
            machine.thaw()
        }
    }

    /// Boots the machines that should be on and are not.
    pub(super) fn boot_all(&self) {
        for machine in &self.machines {
            // Locked throughout, so that a machine that is to be off again is not booted after it was ended.
            let mut plan = self.plan();
            if plan.on.contains(machine.name()) && !machine.is_on() {
                let result = self.boot(&plan, machine);
                self.note(&mut plan, machine, result);
            }
        }
    }

    fn boot(&self, plan: &Plan, machine: &Machine) -> Result<(), MachineError> {
        machine.boot()?;
        self.web.furnish(machine)?;
        if plan.members.contains(machine.name()) { self.launch(machine, None) } else { Ok(()) }
    }

    /// Starts a node, with a token if it has to join first. From now on it starts whenever its machine boots.
    pub(super) fn start_node(&self, machine: &Machine, token: Option<&str>) -> Result<(), MachineError> {
        // Locked throughout, so that a boot does not start a second one.
        let mut plan = self.plan();
        plan.members.insert(machine.name().to_owned());
        self.launch(machine, token)
    }

    fn launch(&self, machine: &Machine, token: Option<&str>) -> Result<(), MachineError> {
        let config = self.directory.join(format!("{}.toml", machine.name())).display().to_string();
        let words = self.tenured.iter().map(String::as_str).chain(["--config", &config]);
        let file = self.directory.join(format!("{}.token", machine.name())).display().to_string();
        if let Some(token) = token {
            let what = || format!("write {file}");
            std::fs::write(&file, token).map_err(|source| MachineError::System { what: what(), source })?;
        }
        let token = token.into_iter().flat_map(|_| ["--join-file", &file]);
        machine.start(words.chain(token), &self.log_of(machine.name()))
    }

    pub(super) fn log_of(&self, node: &str) -> PathBuf {
        self.directory.join(format!("{node}.log"))
    }

    fn note(&self, plan: &mut Plan, machine: &Machine, result: Result<(), MachineError>) {
        if let Err(why) = result {
            let source = std::error::Error::source(&why).map(|source| format!(": {source}")).unwrap_or_default();
            plan.trouble.push(format!("{}: {why}{source}", machine.name()));
        }
    }

    /// Failures of the harness so far: a test that ends with any has shown nothing.
    pub(super) fn trouble(&self) -> Vec<String> {
        self.plan().trouble.clone()
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Power {
    fn drop(&mut self) {
        for machine in &self.machines {
            // A machine that cannot be powered off ends with this process.
            let _ = machine.power_off();
        }
    }
}

/// Name of the management LPAR of a server.
pub(super) fn lpar_of(server: &str) -> String {
    format!("node-{server}")
}

/// Whether a machine runs while its LPAR is in this state. A machine that is shutting down runs until it is off.
fn has_power(state: LparState) -> bool {
    match state {
        LparState::Running | LparState::ShuttingDown | LparState::MigratingRunning | LparState::NotAvailable => true,
        LparState::NotActivated
        | LparState::Starting
        | LparState::OpenFirmware
        | LparState::Error
        | LparState::MigratingNotActivated => false,
    }
}
