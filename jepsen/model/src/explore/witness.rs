//! The witness: the HMC's readings of a server, and their way to the leader.

use super::{
    act::Stepper,
    model::{Copy, Life, Power, State},
    mutant::Mutant,
    site::Site,
};
use std::{collections::BTreeMap, sync::Arc};
use tenure_core::{
    Ledger, Reading,
    ledger::Phase,
    listing::KnownOn,
    node::Input,
    words::{self, Asked, Connection, Inventory, LparState, ServerReading, SystemState},
};

impl Stepper<'_> {
    /// The watcher of a server reads it, and the leader receives the reading. `false` if that is no news.
    pub fn watch(&mut self, server: usize) -> bool {
        let state = &self.state;
        let watcher = state.ledger.servers.get(&self.site.servers[server]).and_then(|known| known.watcher.as_ref());
        let Some(node) = watcher.map(|name| self.site.node(name)) else { return false };
        if state.nodes[node].life != Life::Up || !state.majority() {
            return false;
        }
        let reading = read(self.site, &mut self.state, node, server);
        let state = &self.state;
        // A reading by an earlier watcher does not count for the ledger.
        let known = state.told.readings[server].as_ref();
        let same = known.is_some_and(|known| known.by == reading.by && known.says_the_same(&reading));
        let fresher = known.is_some_and(|known| known.since < reading.since);
        let news = differs(&state.ledger, &reading) || freshness_matters(self.site, &state.ledger, server);
        if same && !(fresher && news) {
            return false;
        }
        if let Some(lines) = &mut self.lines {
            let copies: Vec<String> = reading.copies.iter().map(|(lpar, power)| format!("{lpar} {power}")).collect();
            lines.push(format!("{} reads {} {}: {}", reading.by, reading.server, reading.system, copies.join(", ")));
        }
        let leads = state.leader == Some(node);
        if leads {
            self.state.told.readings[server] = Some(Arc::new(reading.clone()));
        }
        let server = reading.server.clone();
        self.feed(node, Input::Read { server, reading: Some(reading), blind: false });
        true
    }
}

/// The witness's reading of a server, requested by a node.
pub(super) fn read(site: &Site, state: &mut State, node: usize, server: usize) -> Reading {
    state.nodes[node].serial += 1;
    let known = &state.servers[server];
    let lost = !known.link;
    let power = if lost && site.has(Mutant::NoConnectionAsOff) { Power::Off } else { known.power };
    let system = match power {
        Power::On => SystemState::Operating,
        Power::Off => SystemState::PowerOff,
        Power::Sick => SystemState::Error,
    };
    let connected = match lost && !site.has(Mutant::NoConnectionAsOff) {
        true => Connection::NotConnected("No Connection".into()),
        false => Connection::Connected,
    };
    let seen = ServerReading {
        system,
        connected,
        vmi: None,
        stands_still: false,
        inventory: Inventory::NotReadable(String::new().into()),
        via: String::new(),
    };
    let is_moving = |server: usize| state.transit.is_some_and(|transit| [transit.from, transit.to].contains(&server));
    let mut copies = BTreeMap::new();
    let lists = seen.is_live() && seen.system.can_list_lpars();
    for group in (0..site.scope.groups).filter(|_| lists && !site.scope.inside) {
        let word = match (known.copies[group], known.power) {
            _ if lost => Some(LparState::NotActivated),
            (Copy::Absent, _) => None,
            (_, Power::On) if is_moving(server) => Some(LparState::MigratingRunning),
            (Copy::Off, _) => Some(LparState::NotActivated),
            (Copy::Ours | Copy::Itself, _) => Some(LparState::Running),
        };
        let power = word.map_or(tenure_core::Power::Absent, |word| words::power(&word));
        copies.insert(site.lpars[group].clone(), power);
    }
    let guest = if known.guest && known.power == Power::On { LparState::Running } else { LparState::NotActivated };
    let told = lists && site.scope.inside;
    let since = if site.has(Mutant::OldReadingAsNew) { state.ledger.index } else { state.nodes[node].ledger.index };
    let asked = Asked { server: &site.servers[server], by: &site.nodes[node], since, serial: state.nodes[node].serial };
    // UUIDs and VIO servers are not modelled: the listing contains the copies, and the LPAR of the node.
    let node = if told { words::power(&guest) } else { tenure_core::Power::Unknown };
    Reading { copies, node, ..words::reading(&state.ledger.config, &KnownOn::default(), &asked, &seen) }
}

/// Whether the ledger differs from the reading, perhaps because of a report, which the leader does not examine.
fn differs(ledger: &Ledger, reading: &Reading) -> bool {
    let known = ledger.servers.get(&reading.server);
    let server = known.is_some_and(|known| (known.system, known.live) == (reading.system, reading.live));
    let copies = ledger.groups.values().flat_map(|group| &group.copies);
    let mut copies = copies.filter_map(|(resource, copies)| Some((resource, copies.get(&reading.server)?)));
    let same = |resource, power| reading.copies.get(resource).is_none_or(|read| *read == power);
    !server || !copies.all(|(resource, copy)| same(resource, copy.power))
}

/// Whether the ledger waits for a reading that is at least as recent as one of its entries.
fn freshness_matters(site: &Site, ledger: &Ledger, server: usize) -> bool {
    let name = &site.servers[server];
    let Some(state) = ledger.servers.get(name) else { return false };
    let home = ledger.config.node_on(name).and_then(|node| ledger.nodes.get(node));
    let suspended = home.filter(|node| node.off().is_none()).and_then(|node| ledger.reads_from(node));
    let marks = [state.dirty.map(|dirty| dirty.index), state.off.as_ref().map(|off| off.index), suspended];
    let server_waits = marks.into_iter().flatten().any(|mark| state.since.is_none_or(|since| since < mark));
    let copy_waits = ledger.groups.values().any(|group| {
        let leaving = group.tenure.as_ref().and_then(|tenure| match tenure.phase {
            Phase::Leaving { index, .. } if &tenure.server == name => Some(index),
            Phase::Migrating(ref migration) if tenure.covers(name) => Some(migration.index),
            Phase::Leaving { .. } | Phase::Starting | Phase::Online | Phase::Migrating(_) => None,
        });
        let mut copies = group.copies.values().filter_map(|copies| copies.get(name));
        copies.any(|copy| copy.since.is_none_or(|since| since < copy.quiet_from.max(leaving.unwrap_or_default())))
    });
    server_waits || copy_waits
}
