//! Invariant: a mobile LPAR is always defined on some server, whatever the result of a move.

use crate::world::{Change, Entry, LparId, ServerId, Time};
use std::collections::{BTreeMap, BTreeSet};

/// An LPAR that was defined nowhere.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Lost {
    pub lpar: LparId,
    /// Start of that time.
    pub at: Time,
}

/// Finds every time at which an LPAR had its last definition removed and no other within the same instant.
pub fn defined(entries: &[Entry]) -> Vec<Lost> {
    let mut places: BTreeMap<LparId, BTreeSet<ServerId>> = BTreeMap::new();
    let mut lost: Vec<Lost> = Vec::new();
    for entry in entries {
        let Change::Definition { server, lpar, defined, .. } = entry.change else {
            continue;
        };
        let known = places.entry(lpar).or_default();
        if defined {
            known.insert(server);
            lost.retain(|lost| (lost.lpar, lost.at) != (lpar, entry.at));
        } else if known.remove(&server) && known.is_empty() {
            lost.push(Lost { lpar, at: entry.at });
        }
    }
    lost
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Cause;

    fn entry(at: u64, server: u16, defined: bool) -> Entry {
        let (server, lpar) = (ServerId(server), LparId(0));
        let change = Change::Definition { server, lpar, defined, cause: Cause::Progress };
        Entry { at: Time::from_millis(at), change }
    }

    #[test]
    fn a_planted_loss_is_found() {
        let history = [entry(0, 0, true), entry(5, 1, true), entry(6, 0, false), entry(9, 1, false)];
        assert_eq!(defined(&history), [Lost { lpar: LparId(0), at: Time::from_millis(9) }]);
        assert_eq!(defined(&history[..3]), []);
    }

    #[test]
    fn a_change_of_server_within_one_instant_is_no_loss() {
        assert_eq!(defined(&[entry(0, 0, true), entry(5, 0, false), entry(5, 1, true)]), []);
    }
}
