//! Capacity of each server: its use, and the largest group that would still fit.

use crate::{GroupName, Ledger, ServerName, config::Load};
use std::{cmp::Reverse, collections::BTreeMap};

/// The amounts of one dimension of a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Amount taken by the groups whose tenure is there.
    pub used: u64,
    /// The declared amount; unlimited if absent.
    pub total: Option<u64>,
}

impl Room {
    /// The rest; `None` if it is unlimited.
    pub fn free(self) -> Option<u64> {
        self.total.map(|total| total.saturating_sub(self.used))
    }
}

/// The capacity of one server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerRoom {
    /// Memory in MiB.
    pub memory: Room,
    /// Processing units in hundredths.
    pub processors: Room,
    /// Abstract units of load.
    pub units: Room,
    /// Named limits.
    pub limits: BTreeMap<String, Room>,
    /// Groups whose tenure is there.
    pub groups: u32,
    /// The largest group elsewhere, or waiting, that could run there now, by memory, then by processors.
    pub largest: Option<(GroupName, Load)>,
}

/// The capacity of every server.
pub fn capacity(ledger: &Ledger) -> BTreeMap<ServerName, ServerRoom> {
    let mut rooms: BTreeMap<ServerName, ServerRoom> =
        ledger.config.servers.keys().map(|name| (name.clone(), room(ledger, name))).collect();
    for (name, group) in &ledger.groups {
        let Some(declared) = ledger.config.groups.get(name) else { continue };
        let need = ledger.demand(name, group);
        let size = |load: &Load, name: &GroupName| (load.memory, load.processors, load.units, Reverse(name.clone()));
        let elsewhere = |server: &&ServerName| group.tenure.as_ref().is_none_or(|tenure| tenure.server != **server);
        for server in declared.servers.iter().filter(elsewhere) {
            let Some(room) = rooms.get_mut(server) else { continue };
            let larger = room.largest.as_ref().is_none_or(|(other, load)| size(&need, name) > size(load, other));
            if larger && ledger.not_here(name, group, server).is_none() {
                room.largest = Some((name.clone(), need));
            }
        }
    }
    rooms
}

fn room(ledger: &Ledger, name: &ServerName) -> ServerRoom {
    let Some(declared) = ledger.config.servers.get(name) else { return ServerRoom::default() };
    let state = ledger.servers.get(name).cloned().unwrap_or_default();
    let used_of = |limit: &String| state.limits_used.get(limit).copied().unwrap_or_default();
    let limits = declared.limits.iter();
    ServerRoom {
        memory: Room { used: state.used.memory, total: declared.memory },
        processors: Room { used: state.used.processors, total: declared.processors },
        units: Room { used: state.used.units, total: declared.units },
        limits: limits.map(|(limit, has)| (limit.clone(), Room { used: used_of(limit), total: Some(*has) })).collect(),
        groups: state.groups,
        largest: None,
    }
}
