//! The ledger as the replicated state machine of consensus.

use super::{
    clock::{self, ClusterClock},
    codec::{self, Kind},
};
use std::sync::{Arc, OnceLock};
use tenure_core::{Entry, Ledger, Outcome, Refusal};
use tenure_raft::{RestoreError, StateMachine};

/// The replicated ledger.
#[derive(Default)]
pub struct Machine {
    ledger: Arc<Ledger>,
    /// Cluster time, once this node has it: whoever leads stamps entries with it.
    clock: Arc<OnceLock<ClusterClock>>,
}

impl Machine {
    /// The ledger as it is now. Cheap; who keeps it long makes the next entry copy it.
    pub fn ledger(&self) -> Arc<Ledger> {
        Arc::clone(&self.ledger)
    }

    /// Where the clock goes that entries are stamped by while this node leads.
    pub(super) fn clock(&self) -> Arc<OnceLock<ClusterClock>> {
        Arc::clone(&self.clock)
    }
}

impl StateMachine for Machine {
    type Image = Arc<Ledger>;

    fn apply(&mut self, index: u64, command: &[u8]) -> Vec<u8> {
        let outcome = match codec::decode::<Entry>(Kind::Entry, command) {
            Ok(entry) => Arc::make_mut(&mut self.ledger).apply(index, &entry),
            // The same bytes are refused on every replica, so the state stays the same.
            Err(why) => {
                Outcome { index, refused: vec![(0, Refusal::NotUnderstood(why.to_string()))], records: Vec::new() }
            }
        };
        codec::encode(Kind::Outcome, &outcome)
    }

    /// One place stamps time: whoever leads, when the entry is appended. What its author says of the time does not count.
    fn seal(&self, command: Vec<u8>) -> Vec<u8> {
        let Some(clock) = self.clock.get() else { return command };
        match codec::decode::<Entry>(Kind::Entry, &command) {
            Ok(entry) => codec::encode(Kind::Entry, &Entry { at: clock.now(), wall: clock::wall(), ..entry }),
            // It is refused where it is applied, with the reason.
            Err(_) => command,
        }
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
        Ok(())
    }
}
