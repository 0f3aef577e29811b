//! The records of the ledger, for the log of this node and for subscribers.

use super::event_loop::EventLoop;
use tenure_core::{Event, GroupName, Ledger, ServerName, note::Level};

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
    let Event { index, level, kind, text, .. } = event;
    let (group, server) = (event.group.as_ref().map(GroupName::as_str), event.server.as_ref().map(ServerName::as_str));
    // By the names that `tenure events --output json` gives them.
    match level {
        Level::Info => tracing::info!(index, kind = &**kind, group, server, "{text}"),
        Level::Warning => tracing::warn!(index, kind = &**kind, group, server, "{text}"),
        Level::Alarm => tracing::error!(index, kind = &**kind, group, server, "{text}"),
    }
}
