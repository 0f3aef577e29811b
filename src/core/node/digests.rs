//! Comparing ledgers: digests of each node's ledger at the same index.
//!
//! Replicas that apply the same log have the same ledger. If they have not, something is broken that nobody else
//! notices: a lost write, a build that applies differently, memory. The leader compares the digests that come with
//! the heartbeats. A node whose ledger differs from that of more than half of the voters is wrong and stops; if no
//! such majority agrees, nobody can tell which ledger is right: that is an alarm, and no node is stopped, because a
//! cluster of two would stop as a whole.

use crate::NodeName;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Digest of a ledger at an index at which every node computes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// The index.
    pub at: u64,
    /// Checksum of the ledger's bytes.
    pub crc: u32,
}

/// Number of indexes that are remembered: a node may be behind by as many comparisons and still be compared.
const REMEMBERED: usize = 4;

/// The digests that a leader was told.
#[derive(Clone, Debug, Default)]
pub struct Digests {
    told: BTreeMap<u64, BTreeMap<NodeName, u32>>,
    /// The finding at each index, so that each finding is news once.
    found: BTreeMap<u64, Finding>,
}

/// A difference between ledgers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Log index of the compared ledgers.
    pub at: u64,
    /// The nodes that differ from the majority, or all that were compared if there is no majority.
    pub nodes: BTreeSet<NodeName>,
    /// Whether they differ from a majority, and must stop.
    pub stop: bool,
}

impl Digests {
    /// Takes a node's digest. Gives back a finding that is new.
    pub fn tell(&mut self, node: &NodeName, digest: Digest, voters: &BTreeSet<NodeName>) -> Option<Finding> {
        self.told.entry(digest.at).or_default().insert(node.clone(), digest.crc);
        while self.told.len() > REMEMBERED {
            let forgotten = self.told.pop_first();
            self.found.retain(|at, _| forgotten.as_ref().is_none_or(|(oldest, _)| at != oldest));
        }
        let finding = judge(digest.at, self.told.get(&digest.at)?, voters)?;
        let known = self.found.insert(finding.at, finding.clone());
        (known.as_ref() != Some(&finding)).then_some(finding)
    }

    /// The index at which this node's ledger differs from the majority's, if it does.
    pub fn is_wrong(&self, node: &NodeName) -> Option<u64> {
        self.found.values().find(|finding| finding.stop && finding.nodes.contains(node)).map(|finding| finding.at)
    }
}

fn judge(at: u64, told: &BTreeMap<NodeName, u32>, voters: &BTreeSet<NodeName>) -> Option<Finding> {
    let mut having: BTreeMap<u32, usize> = BTreeMap::new();
    for (_, crc) in told.iter().filter(|(node, _)| voters.contains(*node)) {
        let count = having.entry(*crc).or_default();
        *count = count.saturating_add(1);
    }
    if let Some((right, _)) = having.iter().find(|(_, count)| count.saturating_mul(2) > voters.len()) {
        let nodes: BTreeSet<NodeName> =
            told.iter().filter(|(_, crc)| *crc != right).map(|(node, _)| node.clone()).collect();
        return (!nodes.is_empty()).then_some(Finding { at, nodes, stop: true });
    }
    // Nodes that have not told theirs yet may still make a majority.
    let silent = voters.iter().filter(|voter| !told.contains_key(*voter)).count();
    let most = having.values().max().copied().unwrap_or_default();
    let undecidable = having.len() > 1 && most.saturating_add(silent).saturating_mul(2) <= voters.len();
    undecidable.then(|| Finding { at, nodes: told.keys().cloned().collect(), stop: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> BTreeSet<NodeName> {
        names.iter().map(|name| NodeName::from(*name)).collect()
    }

    /// The findings while each node in turn tells its digest.
    fn found(voters: &[&str], told: &[(&str, u32)]) -> Vec<(BTreeSet<NodeName>, bool)> {
        let mut digests = Digests::default();
        let voters = names(voters);
        let tell =
            |(node, crc): &(&str, u32)| digests.tell(&NodeName::from(*node), Digest { at: 512, crc: *crc }, &voters);
        told.iter().filter_map(tell).map(|finding| (finding.nodes, finding.stop)).collect()
    }

    #[test]
    fn equal_ledgers_are_no_news() {
        assert_eq!(found(&["p1", "p2", "p3"], &[("p1", 7), ("p2", 7), ("p3", 7), ("p1", 7)]), []);
    }

    #[test]
    fn the_minority_is_wrong_whoever_it_is() {
        let three = ["p1", "p2", "p3"];
        assert_eq!(found(&three, &[("p1", 7), ("p2", 7), ("p3", 8), ("p3", 8)]), [(names(&["p3"]), true)]);
        assert_eq!(found(&three, &[("p1", 8), ("p2", 7), ("p3", 7)]), [(names(&["p1"]), true)]);
        let learner = [("p1", 7), ("p2", 7), ("p9", 8)];
        assert_eq!(found(&three, &learner), [(names(&["p9"]), true)], "a learner has no say");
    }

    #[test]
    fn without_a_majority_nobody_is_stopped() {
        assert_eq!(found(&["p1", "p2"], &[("p1", 7), ("p2", 8)]), [(names(&["p1", "p2"]), false)]);
        let three = ["p1", "p2", "p3"];
        assert_eq!(found(&three, &[("p1", 7), ("p2", 8)]), [], "the third will tell");
        assert_eq!(found(&three, &[("p1", 7), ("p2", 8), ("p3", 9)]), [(names(&["p1", "p2", "p3"]), false)], "or not");
    }

    #[test]
    fn a_node_that_is_behind_is_still_compared_and_old_indexes_are_forgotten() {
        let mut digests = Digests::default();
        let voters = names(&["p1", "p2", "p3"]);
        let mut tell = |node: &str, at, crc| digests.tell(&NodeName::from(node), Digest { at, crc }, &voters);
        for at in 1..=6 {
            for node in ["p1", "p2"] {
                assert_eq!(tell(node, at * 512, 7), None);
            }
        }
        assert_eq!(tell("p3", 512, 8), None, "it is forgotten");
        assert!(tell("p3", 4 * 512, 8).is_some());
        assert_eq!(digests.is_wrong(&"p3".into()), Some(4 * 512));
        assert_eq!(digests.is_wrong(&"p1".into()), None);
    }
}
