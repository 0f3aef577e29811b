//! The ledger as the replicated state machine of consensus.

use super::codec::{self, Kind};
use std::sync::Arc;
use tenure_core::{Entry, Ledger, Level, Outcome, Refusal};
use tenure_raft::{RestoreError, StateMachine};

/// The replicated ledger.
#[derive(Default)]
pub struct Machine {
    ledger: Arc<Ledger>,
}

impl Machine {
    /// The ledger as it is now. Cheap; who keeps it long makes the next entry copy it.
    pub fn ledger(&self) -> Arc<Ledger> {
        Arc::clone(&self.ledger)
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
        Ok(())
    }
}
