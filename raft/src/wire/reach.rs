//! Which peers cannot be reached: one line when that begins, and one when it is over.
//!
//! A peer has a connection for each lane, and an absent peer is called again and again: a line for each attempt, or for each
//! lane, would fill the log with one and the same change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tenure_storage::Peer;

use super::Lane;

/// The peers that cannot be reached, by Raft id.
#[derive(Default)]
pub(super) struct Reach {
    lost: Mutex<BTreeMap<u64, Lost>>,
}

/// A peer that cannot be reached.
struct Lost {
    since: Instant,
    /// The lanes on which the last attempt failed.
    lanes: BTreeSet<Lane>,
}

impl Reach {
    /// An attempt to connect has failed. Gives back whether that is a change.
    pub(super) fn failed(&self, id: u64, peer: &Peer, lane: Lane, reason: &str) -> bool {
        let mut all = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = !all.contains_key(&id);
        let lost = all.entry(id).or_insert_with(|| Lost { since: Instant::now(), lanes: BTreeSet::new() });
        lost.lanes.insert(lane);
        if is_new {
            let (node, address) = (&peer.name, &peer.address);
            tracing::warn!(kind = "peer_lost", node, address, "node {node} cannot be reached: {reason}");
        } else {
            tracing::debug!(%peer, ?lane, "connection failed: {reason}");
        }
        is_new
    }

    /// A connection was made. Gives back how long the peer could not be reached, if this ends that.
    pub(super) fn opened(&self, id: u64, peer: &Peer, lane: Lane) -> Option<Duration> {
        let over = self.forget(id, lane)?;
        let (node, address) = (&peer.name, &peer.address);
        // Of a long time, its milliseconds say nothing.
        let whole = if over.as_secs() < 10 { over } else { Duration::from_secs(over.as_secs()) };
        let after = crate::show::duration(whole);
        tracing::info!(kind = "peer_back", node, address, "node {node} is reached again, after {after}");
        Some(over)
    }

    /// The lane is used no more: it says nothing of the peer. Gives back how long the peer was lost, if no other lane says so.
    pub(super) fn forget(&self, id: u64, lane: Lane) -> Option<Duration> {
        let mut all = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        let lost = all.get_mut(&id)?;
        let was_lost = lost.lanes.remove(&lane);
        if !was_lost || !lost.lanes.is_empty() {
            return None;
        }
        all.remove(&id).map(|lost| lost.since.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_lost_once_and_back_once_whatever_its_lanes_do() {
        let (reach, peer) = (Reach::default(), Peer::default());
        assert!(reach.failed(2, &peer, Lane::Urgent, "refused"));
        assert!(!reach.failed(2, &peer, Lane::Urgent, "refused"), "the next attempt is no change");
        assert!(!reach.failed(2, &peer, Lane::App, "no route"), "nor is another lane, or another reason");
        assert!(reach.failed(3, &peer, Lane::App, "refused"), "another peer is");
        assert!(reach.opened(2, &peer, Lane::Bulk).is_none(), "a lane that did not fail says nothing");
        assert!(reach.opened(2, &peer, Lane::Urgent).is_none(), "one lane still fails");
        assert!(reach.opened(2, &peer, Lane::App).is_some());
        assert!(reach.opened(2, &peer, Lane::App).is_none(), "it is back already");
        reach.forget(3, Lane::App);
        assert!(reach.opened(3, &peer, Lane::App).is_none(), "nobody has called it for long");
        assert!(reach.failed(3, &peer, Lane::App, "refused"));
    }
}
