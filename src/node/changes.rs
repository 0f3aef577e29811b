//! What this node tells of consensus: who leads, and whether anybody leads with a majority. One line for each change.

use tenure_core::{NodeName, Span, time::Moment};

/// What was told last.
#[derive(Debug)]
pub(super) struct Changes {
    leader: Option<NodeName>,
    /// Whether a leader with a majority is known; `None` before anything is known.
    led: Option<bool>,
    /// The moment since which no such leader is known.
    since: Moment,
}

/// A change.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// This node leads, or another.
    Leader(NodeName),
    /// Nobody is known to lead with a majority behind it: nothing is decided.
    Lost,
    /// Somebody is known to again, after this time.
    Back(Span),
}

impl Changes {
    /// Nothing is known yet.
    pub(super) fn new(now: Moment) -> Self {
        Changes { leader: None, led: None, since: now }
    }

    /// What has changed, if a leader with a majority was last known at this moment. One is missed after `patience`.
    pub(super) fn step(
        &mut self,
        now: Moment,
        leader: Option<&NodeName>,
        led_at: Option<Moment>,
        patience: Span,
    ) -> Vec<Change> {
        let mut changes = Vec::new();
        let is_led = led_at.is_some_and(|at| now.since(at) <= patience);
        if is_led {
            if self.led == Some(false) {
                changes.push(Change::Back(now.since(self.since)));
            }
            self.led = Some(true);
            self.since = led_at.unwrap_or(now);
            if let Some(leader) = leader.filter(|leader| self.leader.as_ref() != Some(*leader)) {
                self.leader = Some(leader.clone());
                changes.push(Change::Leader(leader.clone()));
            }
        } else if self.led != Some(false) && now.since(self.since) > patience {
            self.led = Some(false);
            // Who leads next is news, even if it is the same node.
            self.leader = None;
            changes.push(Change::Lost);
        }
        changes
    }
}

/// Writes a change to the log.
pub(super) fn log(change: &Change, me: &NodeName, term: u64) {
    match change {
        Change::Leader(node) if node == me => {
            tracing::info!(kind = "leader", node = node.as_str(), term, "this node leads");
        }
        Change::Leader(node) => tracing::info!(kind = "leader", node = node.as_str(), term, "node {node} leads"),
        Change::Lost => tracing::warn!(
            kind = "quorum_lost",
            "no leader is known that has a majority behind it: nothing is decided, and what runs is left alone"
        ),
        Change::Back(after) => {
            let after = after.0.div_ceil(1000);
            tracing::info!(kind = "quorum_back", "a leader with a majority behind it is known again, after {after} s");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_told_once() {
        let patience = Span(5000);
        let (p1, p2) = (NodeName::from("p1"), NodeName::from("p2"));
        let mut changes = Changes::new(Moment(0));
        let mut step = |now, leader: Option<&NodeName>, led: Option<u64>| {
            changes.step(Moment(now), leader, led.map(Moment), patience)
        };
        assert_eq!(step(100, None, None), []);
        assert_eq!(step(900, Some(&p1), None), [], "its word alone is none");
        assert_eq!(step(1000, Some(&p1), Some(1000)), [Change::Leader(p1.clone())]);
        assert_eq!(step(4000, Some(&p1), Some(1000)), []);
        assert_eq!(step(5000, None, Some(5000)), [], "an election that is over at once");
        assert_eq!(step(5200, Some(&p2), Some(5200)), [Change::Leader(p2.clone())]);
        assert_eq!(step(10_200, Some(&p2), Some(5200)), []);
        assert_eq!(step(10_300, Some(&p2), Some(5200)), [Change::Lost]);
        assert_eq!(step(60_000, None, Some(5200)), [], "for ever");
        let back = [Change::Back(Span(58_800)), Change::Leader(p2.clone())];
        assert_eq!(step(64_000, Some(&p2), Some(64_000)), back);
        assert_eq!(step(64_001, Some(&p2), Some(64_000)), []);
    }

    #[test]
    fn a_node_that_finds_nobody_says_so() {
        let mut changes = Changes::new(Moment(0));
        assert_eq!(changes.step(Moment(5001), None, None, Span(5000)), [Change::Lost]);
        assert_eq!(changes.step(Moment(9000), None, None, Span(5000)), []);
    }
}
