//! Checks every entry on every node: the ledger's invariants, and that all nodes have the same ledger at an index.

use crate::bounds::TEN_SECONDS;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, OnceLock},
};
use tenure::node::{Image, Machine, Stamp};
use tenure_core::{
    Entry, Ledger, NodeName, Reply, codec,
    command::{Author, RequestId},
    invariants,
    node::Digest,
};
use tenure_raft::{RestoreError, StateMachine};

/// Interval of entries at which whole ledgers are compared; outcomes are always compared.
const WHOLE_EVERY: u64 = 32;

/// Checks every entry on every node. Clones share it.
#[derive(Clone, Default)]
pub struct Judge(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    entries: BTreeMap<u64, Applied>,
    requests: BTreeSet<RequestId>,
    wrong: Vec<String>,
    /// Times at which the last entries were first applied.
    recent: VecDeque<u64>,
    busiest: usize,
    /// Bytes of the largest ledger.
    largest: usize,
    story: Vec<String>,
}

#[derive(Clone, Copy)]
struct Applied {
    command: u32,
    reply: u32,
    ledger: Option<u32>,
}

/// An operation of a client: its start and end in true time, and its log index.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// Start, in nanoseconds.
    pub began: u128,
    /// End, in nanoseconds.
    pub ended: u128,
    /// Log index.
    pub index: u64,
    /// Whether it wrote the entry at that index.
    pub writes: bool,
}

impl Judge {
    fn with<R>(&self, look: impl FnOnce(&mut State) -> R) -> R {
        look(&mut self.0.lock().expect("nobody panics with it"))
    }

    /// Records a fault.
    pub fn accuse(&self, what: impl Into<String>) {
        let what = format!("at {} ms: {}", crate::hardware::now(), what.into());
        self.with(|state| {
            if state.wrong.len() < 20 {
                state.wrong.push(what);
            }
        });
    }

    /// Whether a fault was found.
    pub fn is_wrong(&self) -> bool {
        self.with(|state| !state.wrong.is_empty())
    }

    /// Takes the faults found since the last call.
    pub fn take_wrong(&self) -> Vec<String> {
        self.with(|state| std::mem::take(&mut state.wrong))
    }

    /// Takes the lines that operators would have seen since the last call.
    pub fn take_story(&self) -> Vec<String> {
        self.with(|state| std::mem::take(&mut state.story))
    }

    /// The last index that any node has applied, and the number of entries applied.
    pub fn tip(&self) -> (u64, usize) {
        self.with(|state| (state.entries.last_key_value().map_or(0, |(index, _)| *index), state.entries.len()))
    }

    /// Whether a request is in the log.
    pub fn holds(&self, request: RequestId) -> bool {
        self.with(|state| state.requests.contains(&request))
    }

    /// The maximum number of entries applied within ten seconds.
    pub fn busiest(&self) -> usize {
        self.with(|state| state.busiest)
    }

    /// Bytes of the largest ledger encoded so far.
    pub fn largest(&self) -> usize {
        self.with(|state| state.largest)
    }

    /// Checks that an entry acknowledged to a client was applied at its index, with the same outcome.
    pub fn acknowledged(&self, index: u64, reply: &[u8]) {
        let known = self.with(|state| state.entries.get(&index).copied());
        match known {
            None => self.accuse(format!("entry {index} was acknowledged, and no node has applied it")),
            Some(known) if known.reply != crc32fast::hash(reply) => {
                self.accuse(format!("entry {index} was acknowledged with another outcome than it has"));
            }
            Some(_) => {}
        }
    }

    /// Checks that each operation took effect between its start and its end. Returns the number of operations.
    pub fn linearizable(&self, operations: &[Operation]) -> usize {
        let late = late(operations);
        late.iter().for_each(|(operation, earlier)| {
            self.accuse(format!("{operation:?} began after one at {earlier} had ended"));
        });
        operations.len()
    }

    fn first(&self, before: &Ledger, command: &[u8], reply: &[u8], after: &Ledger) {
        let index = after.index;
        let (entry, reply) = (codec::decode::<Entry>(command), codec::decode::<Reply>(reply));
        let (Ok(entry), Ok(reply)) = (entry, reply) else {
            return self.accuse(format!("entry {index} cannot be read"));
        };
        let found = invariants::refused(before, &entry, after, &reply)
            .into_iter()
            .chain(invariants::step(before, after))
            .chain(invariants::state(after));
        found.for_each(|what| self.accuse(format!("entry {index}: {what}")));
        self.with(|state| {
            if let Author::User { request, .. } = entry.author {
                state.requests.insert(request);
            }
            let now = crate::hardware::now();
            state.recent.push_back(now);
            while state.recent.front().is_some_and(|then| now - then > TEN_SECONDS) {
                state.recent.pop_front();
            }
            state.busiest = state.busiest.max(state.recent.len());
            if reply.index == index {
                state.story.extend(reply.events.iter().map(|event| format!("{index}: {}", event.text)));
            }
        });
    }

    fn seen(&self, node: &NodeName, index: u64, command: u32, reply: u32, ledger: impl FnOnce() -> u32) -> bool {
        let whole = index.is_multiple_of(WHOLE_EVERY);
        let ledger = whole.then(ledger);
        let (first, differs) = self.with(|state| {
            let mine = Applied { command, reply, ledger };
            match state.entries.get(&index) {
                None => {
                    state.entries.insert(index, mine);
                    (true, None)
                }
                Some(known) if known.command != command => (false, Some("entry")),
                Some(known) if known.reply != reply => (false, Some("outcome")),
                Some(known) if known.ledger != ledger => (false, Some("ledger")),
                Some(_) => (false, None),
            }
        });
        if let Some(what) = differs {
            self.accuse(format!("node {node} has another {what} at {index} than the first that applied it"));
        }
        first
    }

    fn sum(&self, ledger: &Ledger) -> u32 {
        let bytes = codec::encode(ledger, ledger.level);
        self.with(|state| state.largest = state.largest.max(bytes.len()));
        crc32fast::hash(&bytes)
    }

    fn restored(&self, node: &NodeName, ledger: &Ledger) {
        let known = self.with(|state| state.entries.get(&ledger.index).and_then(|known| known.ledger));
        if known.is_some_and(|known| known != self.sum(ledger)) {
            self.accuse(format!("node {node} has restored another ledger at {}", ledger.index));
        }
    }
}

/// Operations that began after another had ended but took effect before it, each with the index of the other. As
/// every node has the same ledger at an index, it is sufficient to compare indexes.
fn late(operations: &[Operation]) -> Vec<(Operation, u64)> {
    let (mut ended, mut began) = (operations.to_vec(), operations.to_vec());
    ended.sort_by_key(|operation| operation.ended);
    began.sort_by_key(|operation| operation.began);
    let (mut over, mut highest, mut found) = (ended.into_iter().peekable(), 0, Vec::new());
    for operation in began {
        while let Some(earlier) = over.next_if(|earlier| earlier.ended < operation.began) {
            highest = highest.max(earlier.index);
        }
        if operation.index < highest || (operation.writes && operation.index == highest && highest > 0) {
            found.push((operation, highest));
        }
    }
    found
}

/// The product's state machine, with checks.
pub struct Judged {
    machine: Machine,
    node: NodeName,
    judge: Judge,
}

impl Judged {
    /// An empty state machine.
    pub fn new(node: NodeName, judge: Judge) -> Self {
        Judged { machine: Machine::default(), node, judge }
    }

    /// The current ledger.
    pub fn ledger(&self) -> Arc<Ledger> {
        self.machine.ledger()
    }

    /// Its digest at the last comparison.
    pub fn digest(&self) -> Option<Digest> {
        self.machine.digest()
    }

    /// The slot for the clocks that stamp entries.
    pub fn stamp(&self) -> Arc<OnceLock<Stamp>> {
        self.machine.stamp()
    }
}

impl StateMachine for Judged {
    type Image = Image;

    fn apply(&mut self, index: u64, command: &[u8]) -> Vec<u8> {
        let new = self.judge.with(|state| !state.entries.contains_key(&index));
        let before = new.then(|| self.machine.ledger());
        let reply = self.machine.apply(index, command);
        let after = self.machine.ledger();
        let sums = (crc32fast::hash(command), crc32fast::hash(&reply));
        if self.judge.seen(&self.node, index, sums.0, sums.1, || self.judge.sum(&after))
            && let Some(before) = before
        {
            self.judge.first(&before, command, &reply, &after);
        }
        reply
    }

    fn seal(&self, command: Vec<u8>, from: Option<&str>) -> Result<Vec<u8>, String> {
        self.machine.seal(command, from)
    }

    fn raised(&mut self, level: u32) {
        self.machine.raised(level);
    }

    fn image(&self) -> Image {
        self.machine.image()
    }

    fn encode(image: Image) -> Vec<u8> {
        Machine::encode(image)
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<(), RestoreError> {
        self.machine.restore(bytes)?;
        self.judge.restored(&self.node, &self.machine.ledger());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(began: u128, ended: u128, index: u64, writes: bool) -> Operation {
        Operation { began, ended, index, writes }
    }

    fn contradictions(operations: &[Operation]) -> usize {
        late(operations).len()
    }

    #[test]
    fn what_began_after_another_had_ended_must_not_come_before_it() {
        let write = operation(0, 10, 5, true);
        assert_eq!(contradictions(&[write, operation(11, 20, 5, false)]), 0);
        assert_eq!(contradictions(&[write, operation(11, 20, 4, false)]), 1, "an old read");
        assert_eq!(contradictions(&[write, operation(9, 20, 4, false)]), 0, "they were under way together");
        assert_eq!(contradictions(&[operation(0, 10, 5, false), operation(11, 12, 5, true)]), 1, "read before written");
    }
}
