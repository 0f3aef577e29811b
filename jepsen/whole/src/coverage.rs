//! Coverage of a run: each fault is counted where it takes effect, not where it is requested.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
};

/// The events required in the runs of CI. A fault that never takes effect proves nothing.
pub const EXPECTED: [&str; 65] = [
    "clock: another rate",
    "clock: wall clock jumps",
    "disk: full",
    "disk: last record torn",
    "disk: lost",
    "disk: old one back",
    "disk: slow",
    "disk: slow sync",
    "disk: snapshot",
    "disk: unsynced write lost",
    "disk: write failed",
    "disk: write lost with its process",
    "hmc: answer lost",
    "hmc: command lost",
    "hmc: down",
    "hmc: line cut",
    "hmc: slow",
    "hmc: stale",
    "inside: something happens",
    "lpar: crash",
    "lpar: hang",
    "lpar: next start fails",
    "lpar: panic",
    "member: leadership handed over",
    "member: removed and joined anew",
    "net: cut one way",
    "net: cut partially",
    "net: message cut off",
    "net: message delayed",
    "net: message lost",
    "net: message overtaken",
    "net: message twice",
    "net: one comes and goes",
    "net: one cut off",
    "node: LPAR crashes",
    "node: LPAR hangs",
    "node: LPAR lost",
    "node: begins to lead",
    "node: stands down",
    "node: consensus has failed",
    "node: dies at some await",
    "node: distrusts the leader, or takes it back",
    "node: killed",
    "node: killed for good",
    "node: machine suspended for a while",
    "node: power lost",
    "node: power lost everywhere",
    "node: reaches no HMC",
    "node: makes a plan slowly",
    "node: refuses its disk",
    "node: reports that nobody knows",
    "node: stopped for a while",
    "node: told that its machine stood still",
    "operator: configures",
    "operator: read",
    "operator: request of unknown fate",
    "operator: request taken",
    "server: checkstop",
    "server: failed",
    "server: power cut",
    "server: power tripped",
    "service processor: hangs",
    "vios: down",
    "watchdog: LPAR reset",
    "world: command sent",
];

/// Number of occurrences of each event. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Counts(Arc<Mutex<BTreeMap<&'static str, u64>>>);

impl Counts {
    /// Counts one more occurrence.
    pub fn count(&self, what: &'static str) {
        self.add(what, 1);
    }

    /// Counts several more occurrences.
    pub fn add(&self, what: &'static str, times: u64) {
        if times > 0 {
            *self.0.lock().expect("nobody panics with it").entry(what).or_default() += times;
        }
    }

    /// All counts.
    pub fn all(&self) -> BTreeMap<&'static str, u64> {
        self.0.lock().expect("nobody panics with it").clone()
    }

    /// The required events that never occurred.
    pub fn missing(&self) -> Vec<&'static str> {
        let all = self.all();
        EXPECTED.into_iter().filter(|what| !all.contains_key(what)).collect()
    }

    /// Adds the counts of another run.
    pub fn join(&self, other: &BTreeMap<&'static str, u64>) {
        other.iter().for_each(|(what, times)| self.add(what, *times));
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, times) in self.all() {
            writeln!(f, "{times:>9} {what}")?;
        }
        Ok(())
    }
}
