//! Mending: everything that was done to a site is undone, so that whatever does not come to rest afterwards is stuck.

use super::sim::Sim;
use crate::world::{Guest, LparKind, Power, ServerId};
use tenure_core::GroupName;

/// How much is mended. What a history did not do is not undone either, or it would hide what gets stuck by itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Mend {
    /// Faults; freezes, faults and stops of groups.
    Faults,
    /// Also copies that hands have started where they have no right to be.
    Hands,
    /// Also what HMCs pretend, the file, disks and what is kept back in maintenance.
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

    /// How much a deed mends.
    pub(super) fn of(deed: &str) -> Option<Mend> {
        let words: Vec<&str> = deed.split_whitespace().collect();
        words.split_first().filter(|(first, _)| **first == "mend").and_then(|(_, rest)| Mend::called(rest))
    }
}

impl Sim {
    /// Mends, in three rounds: what is mended at first may be what the rest needs. Gives what was done, as deeds.
    pub(super) fn mend(&mut self, what: Mend) -> Vec<String> {
        let mut done = Deeds(Vec::new());
        for round in 0..3 {
            self.mend_faults(&mut done);
            // Nobody leads yet who could be asked.
            done.run(self, "10s");
            self.mend_groups(&mut done, what);
            for group in self.asked() {
                done.attempt(self, format!("op group online {group} --propagate"));
            }
            // In pieces: where something is wrong, nothing more need happen.
            for _ in 0..if round == 0 { 1 } else { 30 } {
                if self.wrong.is_empty() {
                    done.run(self, if round == 0 { "3s" } else { "10s" });
                }
            }
        }
        done.0
    }

    /// Every group that an operator can name.
    fn asked(&self) -> Vec<GroupName> {
        self.declared.groups.keys().cloned().collect()
    }

    fn servers(&self) -> Vec<String> {
        self.world.servers().map(|server| self.world.server_name(server).to_owned()).collect()
    }

    fn mend_faults(&mut self, done: &mut Deeds) {
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
            let what = ["up", "slow 0s", "stale 0s", "loses answers 0", "loses commands 0"];
            done.all(self, what.map(|what| format!("hmc {hmc} {what}")));
        }
    }

    fn mend_groups(&mut self, done: &mut Deeds, what: Mend) {
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

    /// Groups that migrate: a move that is stuck ends only when it is given up.
    fn moving(&self) -> Vec<GroupName> {
        let moving = self
            .ledger
            .groups
            .iter()
            .filter(|(_, group)| group.tenure.as_ref().is_some_and(|tenure| tenure.migration().is_some()));
        moving.map(|(name, _)| name.clone()).collect()
    }

    /// Everything is declared as it was.
    fn mend_file(&mut self, done: &mut Deeds) {
        // Attributes that were changed are another thing's: what runs of it is let go.
        for what in ["", " --strand"] {
            if **self.ledger.declared() != self.declared {
                done.attempt(self, format!("op configure whole{what}"));
            }
        }
        // Nothing lives inside a node that was declared and never there.
        let strangers: Vec<_> =
            self.ledger.nodes.keys().filter(|node| !self.nodes.contains_key(*node)).cloned().collect();
        for node in strangers {
            done.attempt(self, format!("op fence confirm-node {node}"));
        }
        // What even so must not be lost sight of is stopped first, as the refusal says.
        if **self.ledger.declared() != self.declared {
            for group in self.ledger.groups.keys().cloned().collect::<Vec<_>>() {
                done.attempt(self, format!("op group offline {group} --propagate"));
            }
            done.run(self, "2m");
            done.attempt(self, "op configure whole --strand".to_owned());
        }
    }

    /// HMCs show the truth, disks and VIO servers are there, and programs work.
    fn mend_lists(&mut self, done: &mut Deeds) {
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

    /// Nothing is kept back any more.
    fn mend_maintenance(&mut self, done: &mut Deeds) {
        for server in self.servers() {
            done.all(self, ["undrain", "unfreeze", "release"].map(|what| format!("op server {what} {server}")));
        }
        done.all(self, ["arm", "resume"].map(|what| format!("op cluster {what}")));
        let runs = self.ledger.groups.values().flat_map(|group| &group.runs);
        let down: Vec<_> = runs.filter(|(_, run)| run.down.is_some()).map(|(name, _)| name.clone()).collect();
        done.all(self, down.iter().map(|name| format!("op resource online {name}")));
    }

    /// The LPARs of nodes are up, agents do what they are told, and groups that wait for somebody to look are looked after.
    fn mend_inside(&mut self, done: &mut Deeds) {
        let declared = self.declared.resources.iter();
        let inside = declared.filter(|(_, resource)| resource.as_agent().is_some());
        let apps: Vec<_> = inside.map(|(name, _)| name.clone()).collect();
        if apps.is_empty() {
            return;
        }
        for server in self.servers() {
            let node = self.world.lpar(&format!("node-{server}")).zip(self.world.server(&server));
            if node.is_some_and(|(lpar, server)| self.world.guest(server, lpar) == Guest::Off) {
                // Its server may still be on its way up, and starts it by itself then.
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

    /// Nobody can tell which of two copies is the wrong one where hands have started both, or where what was let go while it
    /// ran is declared again.
    fn stop_by_hand(&mut self, done: &mut Deeds) {
        let held: Vec<_> = self.ledger.groups.values().filter(|group| group.conflict.is_some()).cloned().collect();
        for group in held {
            let right = group.tenure.as_ref().map(|tenure| &tenure.server);
            for (name, copies) in &group.copies {
                let wrong = copies.keys().filter(|server| Some(*server) != right);
                done.all(self, wrong.map(|server| format!("handstop {name} on {server}")));
            }
        }
    }
}

/// What was done.
struct Deeds(Vec<String>);

impl Deeds {
    /// What is whole already cannot be mended, and what would be refused is not asked for.
    fn attempt(&mut self, sim: &mut Sim, deed: String) {
        if !sim.is_refused(&deed) && sim.act(&deed).is_ok() {
            self.0.push(deed);
        }
    }

    fn all(&mut self, sim: &mut Sim, deeds: impl IntoIterator<Item = String>) {
        deeds.into_iter().for_each(|deed| self.attempt(sim, deed));
    }

    fn run(&mut self, sim: &mut Sim, time: &str) {
        self.attempt(sim, format!("run {time}"));
    }
}
