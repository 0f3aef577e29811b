//! The log's growth in bytes since the last snapshot. openraft counts entries, and one entry may be as large as a thousand.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use tenure_storage::{Entry, Payload};

/// Bytes of commands that were applied since the last snapshot, and what is done when they are too many.
pub(crate) struct Growth {
    most: u64,
    since: AtomicU64,
    due: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl Growth {
    pub(crate) fn new(most: u64) -> Self {
        Self { most, since: AtomicU64::new(0), due: OnceLock::new() }
    }

    /// Sets, once, what is done when a snapshot is due.
    pub(crate) fn when_due(&self, act: impl Fn() + Send + Sync + 'static) {
        let _ = self.due.set(Box::new(act));
    }

    /// Counts an applied entry.
    pub(super) fn add(&self, entry: &Entry) {
        let bytes = match &entry.payload {
            Payload::Normal(command) => command.0.len(),
            Payload::Blank | Payload::Membership(_) => 0,
        };
        let since = self.since.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
        // Entries of an earlier process are applied before consensus runs: then the next one finds that it is due.
        if since >= self.most
            && let Some(act) = self.due.get()
        {
            self.begin();
            act();
        }
    }

    /// A snapshot covers all that was applied so far.
    pub(super) fn begin(&self) {
        self.since.store(0, Ordering::Relaxed);
    }
}
