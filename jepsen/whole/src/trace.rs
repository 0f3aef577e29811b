//! The trace of a run: a line for each event between its parts. Two runs of one seed have the same trace.

use openraft::Instant;
use openraft_rt_sim::SimInstant;
use std::sync::{Arc, Mutex};

/// The trace. Clones share it.
#[derive(Clone, Debug)]
pub struct Trace(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    hash: crc32fast::Hasher,
    lines: u64,
    kept: Option<Vec<String>>,
    story: Vec<String>,
}

impl Trace {
    /// An empty trace; `kept` keeps its lines, otherwise only their checksum.
    pub fn new(kept: bool) -> Self {
        let state = State { hash: crc32fast::Hasher::new(), lines: 0, kept: kept.then(Vec::new), story: Vec::new() };
        Trace(Arc::new(Mutex::new(state)))
    }

    /// Adds a line.
    pub fn note(&self, what: impl FnOnce() -> String) {
        let at = SimInstant::now().elapsed_since_start().as_nanos();
        let line = format!("{at} {}", what());
        let mut state = self.0.lock().expect("nobody panics with it");
        state.hash.update(line.as_bytes());
        state.lines += 1;
        if let Some(kept) = &mut state.kept {
            kept.push(line);
        }
    }

    /// Adds a line for people, which is always kept.
    pub fn tell(&self, what: impl Into<String>) {
        let what = what.into();
        self.note(|| what.clone());
        let at = SimInstant::now().elapsed_since_start().as_secs_f64();
        self.0.lock().expect("nobody panics with it").story.push(format!("{at:>10.3} {what}"));
    }

    /// Number of lines for people.
    pub fn told(&self) -> usize {
        self.0.lock().expect("nobody panics with it").story.len()
    }

    /// The line for people with this number.
    pub fn tale(&self, number: usize) -> Option<String> {
        self.0.lock().expect("nobody panics with it").story.get(number).cloned()
    }

    /// All lines for people.
    pub fn story(&self) -> Vec<String> {
        self.0.lock().expect("nobody panics with it").story.clone()
    }

    /// Checksum of all lines, and their number.
    pub fn sum(&self) -> (u32, u64) {
        let state = self.0.lock().expect("nobody panics with it");
        (state.hash.clone().finalize(), state.lines)
    }

    /// The lines, if they are kept.
    pub fn lines(&self) -> Vec<String> {
        self.0.lock().expect("nobody panics with it").kept.clone().unwrap_or_default()
    }
}
