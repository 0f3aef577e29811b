//! Invariant: no LPAR is active on two servers at any instant: two copies of one identity would write to the same
//! disks.

use crate::world::{Cause, Change, Entry, LparId, ServerId, Time};
use std::collections::BTreeMap;

/// A time during which an LPAR was active on two servers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Overlap {
    /// The LPAR.
    pub lpar: LparId,
    /// The server on which it was active first.
    pub first: ServerId,
    /// The server on which it became active too.
    pub second: ServerId,
    /// Start of the overlap.
    pub from: Time,
    /// End of the overlap; `None` while it lasts.
    pub until: Option<Time>,
}

impl Overlap {
    /// Whether the second copy was started by a command to an HMC, and not by hand.
    pub fn was_ordered(&self, entries: &[Entry]) -> bool {
        entries.iter().any(|entry| match entry.change {
            Change::Lpar { server, lpar, cause, .. } => {
                entry.at == self.from
                    && server == self.second
                    && lpar == self.lpar
                    && matches!(cause, Cause::Command(_))
            }
            Change::Power { .. }
            | Change::Definition { .. }
            | Change::Move { .. }
            | Change::Hang { .. }
            | Change::Connection { .. }
            | Change::Hmc { .. } => false,
        })
    }
}

/// Finds every overlap, in order of its beginning. Times of activity are half-open: a copy that stops at the instant at
/// which another starts does not overlap it, whichever entry comes first.
pub fn single_active(entries: &[Entry]) -> Vec<Overlap> {
    let mut active: BTreeMap<LparId, Vec<ServerId>> = BTreeMap::new();
    let mut overlaps: Vec<Overlap> = Vec::new();
    for entry in entries {
        let Change::Lpar { server, lpar, state, .. } = entry.change else {
            continue;
        };
        let holders = active.entry(lpar).or_default();
        if !state.is_active() {
            holders.retain(|&holder| holder != server);
            for overlap in overlaps.iter_mut().filter(|o| o.until.is_none() && o.lpar == lpar) {
                if overlap.first == server || overlap.second == server {
                    overlap.until = Some(entry.at);
                }
            }
        } else if !holders.contains(&server) {
            let with = |&first: &ServerId| Overlap { lpar, first, second: server, from: entry.at, until: None };
            overlaps.extend(holders.iter().map(with));
            holders.push(server);
        }
    }
    overlaps.retain(|overlap| overlap.until != Some(overlap.from));
    overlaps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{Cause, LparState};

    fn entry(at: u64, server: u16, state: LparState) -> Entry {
        let change = Change::Lpar { server: ServerId(server), lpar: LparId(0), state, cause: Cause::Fault };
        Entry { at: Time::from_millis(at), change }
    }

    #[test]
    fn a_planted_overlap_is_found() {
        let history = [
            entry(1, 0, LparState::Starting),
            entry(2, 0, LparState::Running),
            entry(5, 1, LparState::Starting),
            entry(6, 0, LparState::ShuttingDown),
            entry(9, 0, LparState::NotActivated),
        ];
        let (from, until) = (Time::from_millis(5), Some(Time::from_millis(9)));
        let expected = Overlap { lpar: LparId(0), first: ServerId(0), second: ServerId(1), from, until };
        assert_eq!(single_active(&history), [expected]);
        assert_eq!(single_active(&history[..4]), [Overlap { until: None, ..expected }]);
    }

    #[test]
    fn error_after_a_start_counts_as_active() {
        let history = [entry(1, 0, LparState::Error), entry(2, 1, LparState::OpenFirmware)];
        assert_eq!(single_active(&history).len(), 1);
    }

    #[test]
    fn a_change_of_server_within_one_instant_is_no_overlap() {
        let history =
            [entry(1, 0, LparState::Running), entry(5, 1, LparState::Starting), entry(5, 0, LparState::NotActivated)];
        assert_eq!(single_active(&history), []);
    }
}
