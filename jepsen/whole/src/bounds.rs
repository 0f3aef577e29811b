//! What must stay small: queues, logs, tasks. The most that each ever was is kept, and held against its bound.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
};

/// Each, with the most that it may be.
pub const BOUNDS: [(&str, u64); 7] =
    [(ENTRIES, 250), (INPUTS, 128), (LOG, 2_000), (MESSAGES, 1_024), (RECORDS, 64), (TASKS, 1_500), (WRITES, 256)];

/// Entries that were applied within [`TEN_SECONDS`]: what leads to an entry that leads to the first again never ends.
pub const ENTRIES: &str = "entries within ten seconds";
/// What waits for the machine of a node.
pub const INPUTS: &str = "inputs that wait in a node";
/// Entries on a disk.
pub const LOG: &str = "entries in a log";
/// What is under way from one node to another.
pub const MESSAGES: &str = "messages under way on a line";
/// Orders, faults and whatever else the ledger holds.
pub const RECORDS: &str = "kilobytes of a ledger";
/// Tasks of one process.
pub const TASKS: &str = "tasks of a process";
/// What waits for a sync.
pub const WRITES: &str = "writes that wait for a sync";

/// Milliseconds.
pub const TEN_SECONDS: u64 = 10_000;

/// The most of each so far. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Peaks(Arc<Mutex<BTreeMap<&'static str, u64>>>);

impl Peaks {
    /// There were so many.
    pub fn note(&self, what: &'static str, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        let mut peaks = self.0.lock().expect("nobody panics with it");
        let peak = peaks.entry(what).or_default();
        *peak = count.max(*peak);
    }

    /// All of them.
    pub fn all(&self) -> BTreeMap<&'static str, u64> {
        self.0.lock().expect("nobody panics with it").clone()
    }

    /// Takes in what another run had.
    pub fn join(&self, other: &BTreeMap<&'static str, u64>) {
        other.iter().for_each(|(what, count)| self.note(what, usize::try_from(*count).unwrap_or(usize::MAX)));
    }

    /// What was too much.
    pub fn breached(&self) -> Vec<String> {
        let peaks = self.all();
        let over = BOUNDS.into_iter().filter(|(what, most)| peaks.get(what).is_some_and(|count| count > most));
        over.map(|(what, most)| format!("{what}: {}, at most {most} may be", peaks[what])).collect()
    }
}

impl fmt::Display for Peaks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, most) in BOUNDS {
            writeln!(f, "{:>9} of {most} {what}", self.all().get(what).copied().unwrap_or_default())?;
        }
        Ok(())
    }
}
