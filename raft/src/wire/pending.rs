//! Requests that wait for their answers, by correlation id.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::oneshot;

use super::WireError;

const QUEUED: u8 = 0;
const SENT: u8 = 1;
const ABANDONED: u8 = 2;

/// Decides, once and for both sides, whether a queued request was sent or given up before.
#[derive(Debug, Clone, Default)]
pub(super) struct Claim(Arc<AtomicU8>);

impl Claim {
    /// The sending side takes the request. `false`: the asking side has given it up.
    pub(super) fn send(&self) -> bool {
        self.0.compare_exchange(QUEUED, SENT, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// The asking side gives up. Returns whether the request had been sent.
    pub(super) fn abandon(&self) -> bool {
        self.0.compare_exchange(QUEUED, ABANDONED, Ordering::AcqRel, Ordering::Acquire).is_err()
    }
}

pub(super) type Answer = oneshot::Sender<Result<Vec<u8>, WireError>>;

/// The requests in flight on one connection.
#[derive(Debug, Default)]
pub(super) struct Pending(Mutex<HashMap<u64, Answer>>);

impl Pending {
    /// The most requests in flight on one connection.
    pub(super) const MAX: usize = 4096;

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Answer>> {
        self.0.lock().expect("no code panics while it holds the pending requests")
    }

    /// Gives the answer back when there is no room.
    pub(super) fn insert(&self, id: u64, answer: Answer) -> Result<(), Answer> {
        let mut pending = self.lock();
        if pending.len() >= Self::MAX {
            pending.retain(|_, waiting| !waiting.is_closed());
        }
        if pending.len() >= Self::MAX {
            return Err(answer);
        }
        pending.insert(id, answer);
        Ok(())
    }

    /// An answer whose question was given up is dropped.
    pub(super) fn answer(&self, id: u64, body: &[u8]) {
        let waiting = self.lock().remove(&id);
        if let Some(waiting) = waiting {
            let _ = waiting.send(Ok(body.to_vec()));
        }
    }

    /// Forgets the requests that nobody waits for.
    pub(super) fn sweep(&self) {
        self.lock().retain(|_, waiting| !waiting.is_closed());
    }

    /// The connection is gone.
    pub(super) fn fail(&self, reason: &str) {
        for (_, waiting) in std::mem::take(&mut *self.lock()) {
            let _ = waiting.send(Err(WireError::Lost(reason.to_owned())));
        }
    }
}
