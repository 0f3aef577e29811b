//! Invariant: no LPAR is active on a server whose hypervisor does not run. Only a fault of the model could violate
//! it.

use crate::world::{Change, Entry, LparId, ServerId, SystemState, Time};
use std::collections::BTreeMap;

/// An LPAR that was active without power.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Unpowered {
    /// The LPAR.
    pub lpar: LparId,
    pub server: ServerId,
    /// Time at which it became active without power, or stayed active when its server lost power.
    pub at: Time,
}

/// Finds every LPAR that was active on a server without power for longer than an instant.
pub fn powered(entries: &[Entry]) -> Vec<Unpowered> {
    let mut off: BTreeMap<ServerId, Time> = BTreeMap::new();
    let mut active: BTreeMap<(ServerId, LparId), Time> = BTreeMap::new();
    let mut found = Vec::new();
    let end = entries.last().map_or(Time::START, |entry| entry.at);
    let mut ended = |server, lpar, since: Time, until: Time, off: &BTreeMap<ServerId, Time>| {
        if let Some(&at) = off.get(&server).filter(|&&at| at.max(since) < until) {
            found.push(Unpowered { lpar, server, at: at.max(since) });
        }
    };
    for entry in entries {
        match entry.change {
            Change::Power { server, state, .. } => {
                if matches!(state, SystemState::Operating | SystemState::PowerOffInProgress) {
                    off.remove(&server);
                } else {
                    off.entry(server).or_insert(entry.at);
                }
            }
            Change::Lpar { server, lpar, state, .. } if state.is_active() => {
                active.entry((server, lpar)).or_insert(entry.at);
            }
            Change::Lpar { server, lpar, .. } => {
                if let Some(since) = active.remove(&(server, lpar)) {
                    ended(server, lpar, since, entry.at, &off);
                }
            }
            Change::Definition { .. }
            | Change::Move { .. }
            | Change::Hang { .. }
            | Change::Connection { .. }
            | Change::Hmc { .. } => {}
        }
    }
    for ((server, lpar), since) in active {
        ended(server, lpar, since, end, &off);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{Cause, LparState};

    const SERVER: ServerId = ServerId(0);
    const LPAR: LparId = LparId(0);

    fn power(at: u64, state: SystemState) -> Entry {
        let change = Change::Power { server: SERVER, state, cause: Cause::Fault };
        Entry { at: Time::from_millis(at), change }
    }

    fn lpar(at: u64, state: LparState) -> Entry {
        let change = Change::Lpar { server: SERVER, lpar: LPAR, state, cause: Cause::Fault };
        Entry { at: Time::from_millis(at), change }
    }

    #[test]
    fn a_planted_survivor_is_found() {
        let history = [
            power(0, SystemState::Operating),
            lpar(1, LparState::Running),
            power(5, SystemState::PowerOff),
            lpar(7, LparState::NotActivated),
        ];
        assert_eq!(powered(&history), [Unpowered { lpar: LPAR, server: SERVER, at: Time::from_millis(5) }]);
    }

    #[test]
    fn going_down_with_its_server_is_no_finding() {
        let history = [
            power(0, SystemState::Operating),
            lpar(1, LparState::Running),
            power(3, SystemState::PowerOffInProgress),
            power(5, SystemState::PowerOff),
            lpar(5, LparState::NotActivated),
            power(6, SystemState::Initializing),
        ];
        assert_eq!(powered(&history), []);
    }
}
