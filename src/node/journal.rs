//! What the ledger writes down, for the log of this node and for whoever listens.

use super::event_loop::EventLoop;
use tenure_core::{Ledger, Record, note::Level};

impl EventLoop {
    /// Logs and publishes what the ledger wrote down since the last time.
    pub(super) fn publish(&mut self, ledger: &Ledger) {
        let news = ledger.journal.iter().skip(ledger.journal.partition_point(|record| record.index <= self.published));
        for record in news {
            log(record);
            // Nobody may be listening.
            let _ = self.records.send(record.clone());
        }
        self.published = ledger.index;
    }
}

fn log(record: &Record) {
    let Record { index, note, .. } = record;
    match note.level() {
        Level::Info => tracing::info!(index, "{note}"),
        Level::Warning => tracing::warn!(index, "{note}"),
        Level::Alarm => tracing::error!(index, "{note}"),
    }
}
