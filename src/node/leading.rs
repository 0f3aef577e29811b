//! What a node knows while it leads: who was heard when, which leases are out, the newest readings. Forgotten when it stops.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use tenure_core::{Inside, NodeName, Reading, ServerName, Span, View, config::Timings, view::NodeView};

/// How much faster another node's clock may run, in hundredths, before a lease outlasts what the leader believes.
pub const DRIFT_PERCENT: u32 = 5;
/// What part of a lease is added to every lease that the leader waits out.
pub const LEASE_MARGIN: u32 = 12;

/// A leader's knowledge.
pub struct Leading {
    since: Instant,
    heard: BTreeMap<NodeName, Heard>,
    readings: BTreeMap<ServerName, Reading>,
    inside: BTreeMap<NodeName, Inside>,
}

#[derive(Clone, Copy)]
struct Heard {
    at: Instant,
    reaches_hmc: bool,
    leased_until: Option<Instant>,
}

impl Leading {
    /// A node begins to lead. `before` is when it last heard the leader before it, which makes that one's silence older.
    pub fn new(before: Option<(NodeName, Instant)>) -> Self {
        let heard = before.map(|(node, at)| (node, Heard { at, reaches_hmc: true, leased_until: None }));
        Leading {
            since: Instant::now(),
            heard: heard.into_iter().collect(),
            readings: BTreeMap::new(),
            inside: BTreeMap::new(),
        }
    }

    /// A node was heard.
    pub fn hear(&mut self, node: &NodeName, reaches_hmc: bool) {
        let now = Instant::now();
        let heard = self.heard.entry(node.clone()).or_insert(Heard { at: now, reaches_hmc, leased_until: None });
        (heard.at, heard.reaches_hmc) = (now, reaches_hmc);
    }

    /// A lease goes out to a node now.
    pub fn grant(&mut self, node: &NodeName, lease: Duration) {
        if let Some(heard) = self.heard.get_mut(node) {
            heard.leased_until = Some(Instant::now() + lease);
        }
    }

    /// A reading came in.
    pub fn read(&mut self, reading: Reading) {
        self.readings.insert(reading.server.clone(), reading);
    }

    /// A node says what lives inside it.
    pub fn sense(&mut self, node: NodeName, inside: Inside) {
        self.inside.insert(node, inside);
    }

    /// What the planner is told.
    pub fn view<'a>(&self, nodes: impl Iterator<Item = &'a NodeName>, timings: &Timings) -> View {
        let now = Instant::now();
        let lease = Duration::from_millis(timings.lease.0);
        let suspect = Duration::from_millis(timings.suspect.0);
        let nodes = nodes.map(|node| {
            let heard = self.heard.get(node);
            let silence = now.saturating_duration_since(heard.map_or(self.since, |heard| heard.at));
            // Leaders before this one may have granted leases until this one began.
            let until = heard.and_then(|heard| heard.leased_until).unwrap_or(self.since).max(self.since + lease);
            let over = until + lease * DRIFT_PERCENT / 100 + lease / LEASE_MARGIN;
            let view = NodeView {
                heard: heard.is_some_and(|heard| heard.at >= self.since),
                silence: Span(u64::try_from(silence.as_millis()).unwrap_or(u64::MAX)),
                lease_over: silence >= suspect && now > over,
                reaches_hmc: heard.is_none_or(|heard| heard.reaches_hmc),
            };
            (node.clone(), view)
        });
        View { nodes: nodes.collect(), readings: self.readings.clone(), inside: self.inside.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(leading: &Leading, node: &NodeName) -> NodeView {
        leading.view([node].into_iter(), &Timings::default()).nodes[node]
    }

    #[test]
    fn a_node_that_was_never_heard_is_silent_since_the_leader_began_and_may_hold_an_old_lease() {
        let leading = Leading::new(None);
        let seen = view(&leading, &NodeName::from("p2"));
        assert!(seen.silence < Span(1000));
        assert!(!seen.lease_over);
    }

    #[test]
    fn the_leader_before_is_silent_since_it_was_last_heard_but_its_lease_counts_from_the_change() {
        let node = NodeName::from("p1");
        let before = Instant::now().checked_sub(Duration::from_secs(60)).expect("the machine is up for a minute");
        let leading = Leading::new(Some((node.clone(), before)));
        let seen = view(&leading, &node);
        assert!(seen.silence >= Span(60_000));
        assert!(!seen.lease_over);
    }

    #[test]
    fn a_lease_that_is_out_is_not_over() {
        let node = NodeName::from("p1");
        let mut leading = Leading::new(None);
        leading.since = Instant::now().checked_sub(Duration::from_secs(60)).expect("the machine is up for a minute");
        assert!(view(&leading, &node).lease_over);
        leading.hear(&node, true);
        assert!(!view(&leading, &node).lease_over, "a node that is heard is asked, not given up");
        leading.grant(&node, Duration::from_secs(3));
        assert!(!view(&leading, &node).lease_over);
    }
}
