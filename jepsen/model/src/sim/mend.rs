//! Repair: everything that was done to a site is undone, so that a group that does not come to rest afterwards is
//! stuck.

use super::sim::Sim;
use crate::world::{Guest, LparKind, Power, ServerId};
use tenure_core::GroupName;

/// Extent of the repair. Only what a history could have done is undone, since further repair would hide a state that
/// is stuck by itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Mend {
    /// Faults; freezes, faults and stops of groups.
    Faults,
    /// Also copies started by hand on a wrong server.
    Hands,
    /// Also false listings of HMCs, the cluster file, disks and holds of maintenance.
    All,
}

impl Mend {
    pub(super) fn called(words: &[&str]) -> Option<Mend> {
        match words {
            [] => Some(Mend::Faults),
            ["hands"] => Some(Mend::Hands),
            ["all"] => Some(Mend::All),
            _ => None,
        }
    }

    /// The extent of an operation, if it is a repair.
    pub(super) fn of(operation: &str) -> Option<Mend> {
        let words: Vec<&str> = operation.split_whitespace().collect();
        words.split_first().filter(|(first, _)| **first == "mend").and_then(|(_, rest)| Mend::called(rest))
    }
}

impl Sim {
    /// Repairs in three rounds, since one repair may be needed for the next. Returns the operations.
    pub(super) fn mend(&mut self, what: Mend) -> Vec<String> {
        let mut done = Repairs(Vec::new());
        for round in 0..3 {
            self.mend_faults(&mut done);
            // There is no leader yet to receive requests.
            done.run(self, "10s");
            self.mend_groups(&mut done, what);
            for group in self.asked() {
                done.attempt(self, format!("op group online {group} --propagate"));
            }
            // In pieces: once a fault is found, nothing more need happen.
            for _ in 0..if round == 0 { 1 } else { 30 } {
                if self.wrong.is_empty() {
                    done.run(self, if round == 0 { "3s" } else { "10s" });
                }
            }
        }
        done.0
    }

    /// All groups that an operator can name.
    fn asked(&self) -> Vec<GroupName> {
        self.declared.groups.keys().cloned().collect()
    }

    fn servers(&self) -> Vec<String> {
        self.world.servers().map(|server| self.world.server_name(server).to_owned()).collect()
    }

    fn mend_faults(&mut self, done: &mut Repairs) {
        let (servers, nodes) = (self.servers(), self.parts.keys().cloned().collect::<Vec<_>>());
        for server in &servers {
            let power = self.world.server(server).map(|id| self.world.power(id));
            if matches!(power, Some(Power::Failed | Power::Dumping { .. })) {
                done.attempt(self, format!("power {server} off"));
                done.run(self, "2s");
            }
        }
        done.attempt(self, "heal".to_owned());
        for node in &nodes {
            done.all(self, ["start", "resume", "unblind"].map(|what| format!("{what} {node}")));
        }
        let hmcs: Vec<String> = self.world.hmcs().map(|hmc| self.world.spec().hmcs[hmc.index()].name.clone()).collect();
        for server in &servers {
            done.all(self, ["restore", "on"].map(|what| format!("power {server} {what}")));
            done.attempt(self, format!("sp {server} restore"));
            done.all(self, hmcs.iter().map(|hmc| format!("line {hmc} {server} mend")));
        }
        for hmc in &hmcs {
            let what = ["up", "slow 0s", "stale 0s", "loses answers 0", "loses commands 0", "key returns"];
            done.all(self, what.map(|what| format!("hmc {hmc} {what}")));
        }
    }

    fn mend_groups(&mut self, done: &mut Repairs, what: Mend) {
        for group in self.asked() {
            done.all(self, ["unfreeze", "clear"].map(|what| format!("op group {what} {group}")));
        }
        if what >= Mend::All {
            self.mend_file(done);
            self.mend_lists(done);
            self.mend_maintenance(done);
        }
        for group in self.moving() {
            done.attempt(self, format!("op group abort {group}"));
        }
        self.mend_inside(done);
        if what >= Mend::Hands {
            self.stop_by_hand(done);
        }
    }

    /// Migrating groups: a stuck move ends only when it is aborted.
    fn moving(&self) -> Vec<GroupName> {
        let moving = self
            .ledger
            .groups
            .iter()
            .filter(|(_, group)| group.tenure.as_ref().is_some_and(|tenure| tenure.migration().is_some()));
        moving.map(|(name, _)| name.clone()).collect()
    }

    /// Restores the original configuration.
    fn mend_file(&mut self, done: &mut Repairs) {
        // A resource with other attributes is a different one: its running copies are stranded.
        for what in ["", " --strand"] {
            if **self.ledger.declared() != self.declared {
                done.attempt(self, format!("op configure whole{what}"));
            }
        }
        // Nothing is inside a node that was declared and never existed.
        let strangers: Vec<_> =
            self.ledger.nodes.keys().filter(|node| !self.nodes.contains_key(*node)).cloned().collect();
        for node in strangers {
            done.attempt(self, format!("op fence confirm-node {node}"));
        }
        // If that is still refused because something would be lost sight of, it is stopped first.
        if **self.ledger.declared() != self.declared {
            for group in self.ledger.groups.keys().cloned().collect::<Vec<_>>() {
                done.attempt(self, format!("op group offline {group} --propagate"));
            }
            done.run(self, "2m");
            done.attempt(self, "op configure whole --strand".to_owned());
        }
    }

    /// Restores true listings, links, VIO servers, disks and programs.
    fn mend_lists(&mut self, done: &mut Repairs) {
        for program in self.programs.keys().cloned().collect::<Vec<_>>() {
            done.attempt(self, format!("hook {program} works"));
        }
        let clients = self.world.lpars().filter(|lpar| self.world.lpar_spec(*lpar).kind == LparKind::Client);
        let clients: Vec<String> = clients.map(|lpar| self.world.lpar_name(lpar).to_owned()).collect();
        for server in self.servers() {
            done.all(
                self,
                [format!("list {server} truth"), format!("show {server} truth"), format!("vmi {server} restore")],
            );
            done.all(self, clients.iter().map(|lpar| format!("listed {lpar} shown on {server}")));
            for vios in self.world.server(&server).map(|server| self.vios_down(server)).unwrap_or_default() {
                done.attempt(self, format!("vios {server} {vios} up"));
            }
        }
        for node in self.parts.keys().cloned().collect::<Vec<_>>() {
            done.attempt(self, format!("disk {node} join"));
        }
    }

    /// The VIO servers of a server that are down.
    fn vios_down(&self, server: ServerId) -> Vec<String> {
        let down = self.world.lpars().filter(|lpar| {
            self.world.lpar_spec(*lpar).kind == LparKind::Vios && self.world.guest(server, *lpar) == Guest::Off
        });
        down.map(|lpar| self.world.lpar_name(lpar).to_owned()).collect()
    }

    /// Ends all holds of maintenance.
    fn mend_maintenance(&mut self, done: &mut Repairs) {
        for server in self.servers() {
            done.all(self, ["undrain", "unfreeze", "release"].map(|what| format!("op server {what} {server}")));
        }
        done.all(self, ["arm", "resume"].map(|what| format!("op cluster {what}")));
        let runs = self.ledger.groups.values().flat_map(|group| &group.runs);
        let down: Vec<_> = runs.filter(|(_, run)| run.down.is_some()).map(|(name, _)| name.clone()).collect();
        done.all(self, down.iter().map(|name| format!("op resource online {name}")));
    }

    /// Starts the LPARs of nodes, repairs agents, and clears admin waits.
    fn mend_inside(&mut self, done: &mut Repairs) {
        let declared = self.declared.resources.iter();
        let inside = declared.filter(|(_, resource)| resource.as_agent().is_some());
        let apps: Vec<_> = inside.map(|(name, _)| name.clone()).collect();
        if apps.is_empty() {
            return;
        }
        for server in self.servers() {
            let node = self.world.lpar(&format!("node-{server}")).zip(self.world.server(&server));
            if node.is_some_and(|(lpar, server)| self.world.guest(server, lpar) == Guest::Off) {
                // Its server may still be starting, and then starts it by itself.
                done.attempt(self, format!("handstart node-{server} on {server}"));
            }
            for app in &apps {
                done.all(self, ["wake", "unstick"].map(|what| format!("{what} {app} on {server}")));
            }
        }
        for group in self.asked() {
            done.attempt(self, format!("op group clear-admin-wait {group}"));
        }
    }

    /// Nobody can tell which of two copies is the wrong one if both were started by hand, or if a resource that was
    /// let go while it ran is declared again.
    fn stop_by_hand(&mut self, done: &mut Repairs) {
        let held: Vec<_> = self.ledger.groups.values().filter(|group| group.hold.is_some()).cloned().collect();
        for group in held {
            let right = group.tenure.as_ref().map(|tenure| &tenure.server);
            for (name, copies) in &group.copies {
                let wrong = copies.keys().filter(|server| Some(*server) != right);
                done.all(self, wrong.map(|server| format!("handstop {name} on {server}")));
            }
        }
    }
}

/// The operations done.
struct Repairs(Vec<String>);

impl Repairs {
    /// Does an operation unless it has no effect or would be refused.
    fn attempt(&mut self, sim: &mut Sim, operation: String) {
        if !sim.is_refused(&operation) && sim.act(&operation).is_ok() {
            self.0.push(operation);
        }
    }

    fn all(&mut self, sim: &mut Sim, operations: impl IntoIterator<Item = String>) {
        operations.into_iter().for_each(|operation| self.attempt(sim, operation));
    }

    fn run(&mut self, sim: &mut Sim, time: &str) {
        self.attempt(sim, format!("run {time}"));
    }
}
