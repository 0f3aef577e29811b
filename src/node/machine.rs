//! The ledger as the replicated state machine of consensus.

use super::codec::{self, Kind};
use std::sync::{Arc, OnceLock};
use tenure_core::{Entry, Ledger, Level, Outcome, Refusal, Time, node::Digest};
use tenure_raft::{RestoreError, StateMachine};

/// Ledgers are compared once in so many entries.
pub const COMPARED_EVERY: u64 = 512;

/// What a ledger is like, at the first entry past each multiple of a number that all know.
fn digest(ledger: &Ledger) -> Digest {
    Digest { at: ledger.index, crc: crc32fast::hash(&codec::encode(Kind::Ledger, ledger)) }
}

/// Cluster time and the wall clock, as whoever leads stamps entries with them.
pub type Stamp = Box<dyn Fn() -> (Time, Time) + Send + Sync>;

/// The replicated ledger.
#[derive(Default)]
pub struct Machine {
    ledger: Arc<Ledger>,
    digest: Option<Digest>,
    /// The clocks, once this node has them: whoever leads stamps entries with them.
    stamp: Arc<OnceLock<Stamp>>,
}

impl Machine {
    /// The ledger as it is now. Cheap; who keeps it long makes the next entry copy it.
    pub fn ledger(&self) -> Arc<Ledger> {
        Arc::clone(&self.ledger)
    }

    /// Where the clocks go that entries are stamped by while this node leads.
    pub fn stamp(&self) -> Arc<OnceLock<Stamp>> {
        Arc::clone(&self.stamp)
    }

    /// What it was like when it was last compared; nothing if that was before this process.
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }
}

impl StateMachine for Machine {
    type Image = Arc<Ledger>;

    fn apply(&mut self, index: u64, command: &[u8]) -> Vec<u8> {
        let outcome = match codec::decode::<Entry>(Kind::Entry, command) {
            Ok(entry) => {
                let before = self.ledger.index;
                let ledger = Arc::make_mut(&mut self.ledger);
                let outcome = ledger.apply(index, &entry);
                if before / COMPARED_EVERY != index / COMPARED_EVERY {
                    self.digest = Some(digest(ledger));
                }
                outcome
            }
            // The same bytes are refused on every replica, so the state stays the same.
            Err(why) => {
                Outcome { index, refused: vec![(0, Refusal::NotUnderstood(why.to_string()))], records: Vec::new() }
            }
        };
        codec::encode(Kind::Outcome, &outcome)
    }

    /// One place stamps time: whoever leads, when the entry is appended. What its author says of the time does not count.
    fn seal(&self, command: Vec<u8>) -> Vec<u8> {
        let Some(stamp) = self.stamp.get() else { return command };
        match codec::decode::<Entry>(Kind::Entry, &command) {
            Ok(entry) => {
                let (at, wall) = stamp();
                codec::encode(Kind::Entry, &Entry { at, wall, ..entry })
            }
            // It is refused where it is applied, with the reason.
            Err(_) => command,
        }
    }

    fn raised(&mut self, level: u32) {
        Arc::make_mut(&mut self.ledger).raise(Level(level));
    }

    fn image(&self) -> Arc<Ledger> {
        self.ledger()
    }

    fn encode(image: Arc<Ledger>) -> Vec<u8> {
        codec::encode(Kind::Ledger, &*image)
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<(), RestoreError> {
        let ledger = codec::decode::<Ledger>(Kind::Ledger, bytes);
        self.ledger = Arc::new(ledger.map_err(|why| RestoreError { reason: why.to_string() })?);
        self.digest = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenure_core::{
        Command, Time,
        command::{Author, MAX_COMMANDS},
        ledger::Incarnation,
    };

    fn enlist(incarnation: u64) -> Vec<u8> {
        let command = Command::Enlist { node: "p1".into(), incarnation: Incarnation(incarnation) };
        let entry = Entry { at: Time(7), wall: Time(7), author: Author::Agent("p1".into()), commands: vec![command] };
        codec::encode(Kind::Entry, &entry)
    }

    #[test]
    fn every_node_looks_at_the_same_entries_also_after_a_snapshot() {
        let (mut one, mut other) = (Machine::default(), Machine::default());
        for index in [3, 510, 511, 514, 515, 1023, 1700, 1701] {
            one.apply(index, &enlist(index));
            if index == 514 {
                assert_eq!(one.digest().map(|digest| digest.at), Some(514));
                other.restore(&Machine::encode(one.image())).expect("restored");
                assert_eq!(other.digest(), None);
            } else if index > 514 {
                other.apply(index, &enlist(index));
            }
        }
        assert_eq!(one.digest().map(|digest| digest.at), Some(1700));
        assert_eq!(one.digest(), other.digest());
    }

    #[test]
    fn a_ledger_that_is_otherwise_has_another_digest() {
        let (mut one, mut other) = (Machine::default(), Machine::default());
        one.apply(5, &enlist(1));
        other.apply(5, &enlist(2));
        one.apply(600, &enlist(3));
        other.apply(600, &enlist(3));
        assert_eq!(one.digest(), other.digest(), "what is equal again is equal");
        one.apply(1200, &enlist(4));
        other.apply(1200, &enlist(5));
        assert_ne!(one.digest(), other.digest());
    }

    #[test]
    fn an_entry_of_very_many_commands_is_not_understood() {
        let command = Command::Request(tenure_core::Verb::Resume.into());
        let entry = |count| {
            let commands = vec![command.clone(); count];
            codec::encode(
                Kind::Entry,
                &Entry { at: Time(7), wall: Time(7), author: Author::Agent("p1".into()), commands },
            )
        };
        let refused = |count| {
            let outcome = Machine::default().apply(1, &entry(count));
            codec::decode::<Outcome>(Kind::Outcome, &outcome).expect("an outcome").refused
        };
        assert_eq!(refused(MAX_COMMANDS).len(), MAX_COMMANDS, "each is refused by itself");
        assert!(matches!(&refused(MAX_COMMANDS + 1)[..], [(0, Refusal::NotUnderstood(_))]));
    }
}
