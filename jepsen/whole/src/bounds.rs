//! Upper bounds of queues, logs and tasks. The peak of each is kept, and checked against its bound.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
};

/// All bounds, with their maximum values.
pub const BOUNDS: [(&str, u64); 7] =
    [(ENTRIES, 250), (INPUTS, 128), (LOG, 2_000), (MESSAGES, 1_024), (RECORDS, 128), (TASKS, 1_500), (WRITES, 256)];

/// Entries applied within [`TEN_SECONDS`]: a loop of entries that cause each other never ends.
pub const ENTRIES: &str = "entries within ten seconds";
/// Inputs that wait for a node's state machine.
pub const INPUTS: &str = "inputs that wait in a node";
/// Entries on a disk.
pub const LOG: &str = "entries in a log";
/// Messages in flight from one node to another.
pub const MESSAGES: &str = "messages under way on a line";
/// Encoded size of a ledger: orders, faults, and the journal, which grows with the history.
pub const RECORDS: &str = "kilobytes of a ledger";
/// Tasks of one process.
pub const TASKS: &str = "tasks of a process";
/// Writes that wait for a sync.
pub const WRITES: &str = "writes that wait for a sync";

/// Ten seconds, in milliseconds.
pub const TEN_SECONDS: u64 = 10_000;

/// The peak of each so far. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Peaks(Arc<Mutex<BTreeMap<&'static str, u64>>>);

impl Peaks {
    /// Records a current value.
    pub fn note(&self, what: &'static str, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        let mut peaks = self.0.lock().expect("nobody panics with it");
        let peak = peaks.entry(what).or_default();
        *peak = count.max(*peak);
    }

    /// All peaks.
    pub fn all(&self) -> BTreeMap<&'static str, u64> {
        self.0.lock().expect("nobody panics with it").clone()
    }

    /// Merges the peaks of another run.
    pub fn join(&self, other: &BTreeMap<&'static str, u64>) {
        other.iter().for_each(|(what, count)| self.note(what, usize::try_from(*count).unwrap_or(usize::MAX)));
    }

    /// The bounds that were exceeded.
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
