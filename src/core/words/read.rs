//! Converts a console's answer about a server to the reading that the ledger takes.

use super::{
    seen::{LparReading, ServerReading},
    state::{Connection, LparEnvironment, LparState, SystemState as Word},
};
use crate::{
    NodeName, Power, Reading, ResourceName, ServerName, SystemState,
    config::{Cluster, Lpar},
    listing::{self, Environment, KnownOn, Line, Listed},
};
use std::collections::{BTreeMap, BTreeSet};

/// The circumstances of a reading: the server, the asking node, and the state of its log.
#[allow(missing_docs)] // what a name says is not said again
pub struct Asked<'a> {
    pub server: &'a ServerName,
    pub by: &'a NodeName,
    /// The log index that the node had applied.
    pub since: u64,
    /// Number of the node's question.
    pub serial: u64,
}

/// Meaning of a managed system's state to the ledger.
pub fn system(word: &Word) -> SystemState {
    match word {
        Word::Operating => SystemState::Operating,
        Word::Standby => SystemState::Standby,
        Word::Initializing => SystemState::Initializing,
        Word::PowerOff => SystemState::PowerOff,
        Word::PowerOffInProgress => SystemState::PoweringOff,
        Word::Error | Word::ErrorDump | Word::ErrorTerminated => SystemState::Error,
        Word::NoConnection => SystemState::NoConnection,
        // A service processor that has lost its partition data lists nothing, or an old state.
        Word::Recovery
        | Word::Incomplete
        | Word::PendingAuthentication
        | Word::FailedAuthentication
        | Word::VersionMismatch
        | Word::ServiceProcessorFailover
        | Word::OnDemandRecovery
        | Word::Unknown(_) => SystemState::Unknown,
    }
}

/// Meaning of an LPAR's state to the ledger.
pub fn power(word: &LparState) -> Power {
    match word {
        LparState::NotActivated => Power::Off,
        LparState::Starting | LparState::OpenFirmware | LparState::HardwareDiscovery => Power::Starting,
        LparState::Running => Power::Running,
        LparState::ShuttingDown => Power::Stopping,
        LparState::MigratingRunning => Power::Moving,
        LparState::Error => Power::Error,
        LparState::NotAvailable
        | LparState::MigratingNotActivated
        | LparState::Suspended
        | LparState::Suspending
        | LparState::Resuming
        | LparState::Unknown(_) => Power::Unknown,
    }
}

/// Whether a VIO server in this state serves its clients; `None` where that is uncertain.
pub fn vios(word: &LparState) -> Option<bool> {
    match word {
        LparState::Running => Some(true),
        LparState::NotActivated | LparState::ShuttingDown => Some(false),
        LparState::Starting
        | LparState::OpenFirmware
        | LparState::Error
        | LparState::NotAvailable
        | LparState::HardwareDiscovery
        | LparState::MigratingRunning
        | LparState::MigratingNotActivated
        | LparState::Suspended
        | LparState::Suspending
        | LparState::Resuming
        | LparState::Unknown(_) => None,
    }
}

/// Kind of an LPAR to the ledger.
fn environment(word: &LparEnvironment) -> Environment {
    match word {
        LparEnvironment::AixLinux => Environment::AixLinux,
        LparEnvironment::Os400 => Environment::IbmI,
        LparEnvironment::VioServer => Environment::Vios,
        LparEnvironment::Other(_) => Environment::Other,
    }
}

/// The system state of the whole answer: a state that came over a lost link does not count.
fn shown(seen: &ServerReading) -> SystemState {
    match seen.connected {
        Connection::NotConnected(_) => SystemState::NoConnection,
        Connection::Connected | Connection::Unknown if seen.lost_hypervisor() => SystemState::NoConnection,
        Connection::Connected | Connection::Unknown => system(&seen.system),
    }
}

/// The reading that the ledger takes. The state of an LPAR depends on what is known of it.
pub fn reading(cluster: &Cluster, known: &KnownOn, asked: &Asked<'_>, seen: &ServerReading) -> Reading {
    let (system, live) = (shown(seen), seen.is_live());
    let Some(listed) = seen.lpars().filter(|_| live && system.tells_lpars()) else {
        return Reading { system, live, ..no_reading(asked) };
    };
    let lines: Vec<Line> = listed.iter().map(line).collect();
    let (node, node_listed) = node(cluster, asked.server, known.node.as_deref(), &lines);
    let vios = vios_of(cluster, listed);
    let mut found = Reading { system, live, node, node_listed, vios, ..no_reading(asked) };
    for (name, declared) in managed(cluster, asked.server) {
        let known = known.lpars.get(name).cloned().unwrap_or_default();
        let (power, listed) = listing::find(cluster, declared, &known, &lines);
        found.copies.insert(name.clone(), power);
        if listed != Listed::default() {
            found.listed.insert(name.clone(), listed);
        }
    }
    found
}

/// The reading when no console answers.
pub fn no_reading(asked: &Asked<'_>) -> Reading {
    Reading {
        server: asked.server.clone(),
        by: asked.by.clone(),
        since: asked.since,
        serial: asked.serial,
        system: SystemState::NoWitness,
        live: false,
        copies: BTreeMap::new(),
        node: Power::Unknown,
        node_listed: Listed::default(),
        vios: BTreeMap::new(),
        listed: BTreeMap::new(),
    }
}

/// The managed LPARs that may be on a server.
pub fn managed<'a>(cluster: &'a Cluster, server: &'a ServerName) -> impl Iterator<Item = (&'a ResourceName, &'a Lpar)> {
    let concerns = |group| cluster.groups.get(group).is_some_and(|group| group.servers.contains(server));
    let here = cluster.resources.iter().filter(move |(_, resource)| concerns(&resource.group));
    here.filter_map(|(name, resource)| Some((name, resource.as_lpar()?)))
}

fn line(lpar: &LparReading) -> Line {
    Line {
        name: lpar.name.clone(),
        uuid: lpar.uuid.clone(),
        environment: environment(&lpar.env),
        power: power(&lpar.state),
        word: lpar.state.to_string().into(),
        description: lpar.description.clone(),
    }
}

/// The LPAR of the node that lives on the server.
fn node(cluster: &Cluster, server: &ServerName, known: Option<&str>, lines: &[Line]) -> (Power, Listed) {
    let declared = cluster.node_on(server).and_then(|node| cluster.nodes.get(node)?.lpar.as_ref());
    declared.map_or_else(Default::default, |name| listing::of_node(name, known, lines))
}

/// VIO servers that some LPAR names, where it is certain whether they serve.
fn vios_of(cluster: &Cluster, listed: &[LparReading]) -> BTreeMap<String, bool> {
    let lpars = cluster.resources.values().filter_map(|resource| resource.as_lpar());
    let named: BTreeSet<&String> = lpars.flat_map(|lpar| &lpar.vios).collect();
    let named = listed.iter().filter(|lpar| named.contains(&lpar.name));
    named.filter_map(|lpar| Some((lpar.name.clone(), vios(&lpar.state)?))).collect()
}
