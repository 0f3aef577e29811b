//! The records of the ledger, for the log of this node and for subscribers.

use super::event_loop::EventLoop;
use tenure_core::{Event, Ledger, note::Level};

impl EventLoop {
    /// Logs and publishes the ledger's records since the last call.
    pub(super) fn publish(&mut self, ledger: &Ledger) {
        let news = ledger.journal.iter().skip(ledger.journal.partition_point(|event| event.index <= self.published));
        for event in news {
            log(event);
            // Nobody may be listening.
            let _ = self.events.send(event.clone());
        }
        self.published = ledger.index;
    }
}

fn log(event: &Event) {
    let Event { index, level, text, .. } = event;
    match level {
        Level::Info => tracing::info!(index, "{text}"),
        Level::Warning => tracing::warn!(index, "{text}"),
        Level::Alarm => tracing::error!(index, "{text}"),
    }
}
