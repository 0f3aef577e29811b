//! Servers that this node cannot read: one line when that begins, and one when it is over, whatever is tried in between.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Instant,
};
use tenure_core::ServerName;

/// The servers that were not read at the last attempt, since when, and whether their managers were only busy.
#[derive(Default)]
pub(super) struct Unread(Mutex<BTreeMap<ServerName, (Instant, bool)>>);

impl Unread {
    /// A server was not read, because its managers did not answer, or because they were `busy` with other commands. Gives
    /// back whether that is a change.
    pub(super) fn failed(&self, server: &ServerName, busy: bool, error: &dyn std::fmt::Display) -> bool {
        let mut unread = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = unread.get(server).is_none_or(|(_, before)| *before != busy);
        unread.entry(server.clone()).or_insert_with(|| (Instant::now(), busy)).1 = busy;
        if is_new && busy {
            tracing::warn!(
                kind = "server_waits",
                server = server.as_str(),
                %error,
                "server {server} waits to be read: its HMCs are busy with other commands"
            );
        } else if is_new {
            tracing::warn!(kind = "server_unread", server = server.as_str(), %error, "server {server} is not read");
        } else {
            tracing::debug!(server = server.as_str(), %error, "server {server} is not read yet");
        }
        is_new
    }

    /// A server was read. Gives back whether that is a change.
    pub(super) fn read(&self, server: &ServerName) -> bool {
        let since = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(server);
        if let Some((since, _)) = since {
            let after = since.elapsed().as_secs();
            tracing::info!(
                kind = "server_read",
                server = server.as_str(),
                "server {server} is read again, after {after} s"
            );
        }
        since.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_and_nothing_else() {
        let (unread, p1, p2) = (Unread::default(), ServerName::from("p1"), ServerName::from("p2"));
        assert!(!unread.read(&p1), "it was never missed");
        let failed = |server, busy| unread.failed(server, busy, &"no route");
        assert!(failed(&p1, false) && !failed(&p1, false) && failed(&p2, false));
        assert!(failed(&p1, true) && !failed(&p1, true) && failed(&p1, false), "it is said which of both it is");
        assert!(unread.read(&p1) && !unread.read(&p1));
        assert!(failed(&p1, false));
    }
}
