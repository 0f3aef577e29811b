//! The hypervisor's words in the core's. What is not known for certain becomes `Unknown` here, never `Off`.

use crate::hypervisor::{CommandError, LparEnvironment, LparReading};
use crate::hypervisor::{Connection, LparState, RefusalKind, ServerReading, SystemState as Seen};
use std::collections::{BTreeMap, BTreeSet};
use tenure_core::{
    NodeName, Power, Reading, ResourceName, ServerName, SystemState,
    carry::Answer,
    config::Cluster,
    listing::{self, Environment, KnownOn, Line, Listed},
};

/// What was asked, by whom, and what that node knew.
pub struct Asked<'a> {
    /// The server.
    pub server: &'a ServerName,
    /// The node.
    pub by: &'a NodeName,
    /// The log index that it had applied.
    pub since: u64,
    /// The number of its question.
    pub serial: u64,
}

/// A reading as the ledger takes it. What an LPAR reads depends on what is known of it.
pub fn reading(cluster: &Cluster, known: &KnownOn, asked: &Asked<'_>, seen: &ServerReading) -> Reading {
    let lost = seen.lost_hypervisor();
    let system = if lost { SystemState::NoConnection } else { system(&seen.system, &seen.connected) };
    let live = seen.is_live();
    let Some(listed) = seen.lpars().filter(|_| live && system.tells_lpars()) else {
        return Reading { system, live, ..no_reading(asked) };
    };
    let lines: Vec<Line> = listed.iter().map(line).collect();
    let (node, node_listed) = node(cluster, asked.server, known.node.as_deref(), &lines);
    let mut found = Reading { system, live, node, node_listed, vios: vios(cluster, listed), ..no_reading(asked) };
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

/// What is read when no console answers.
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
        node_listed: Default::default(),
        vios: BTreeMap::new(),
        listed: BTreeMap::new(),
    }
}

/// The managed LPARs that may be on a server.
pub(super) fn managed<'a>(
    cluster: &'a Cluster,
    server: &'a ServerName,
) -> impl Iterator<Item = (&'a ResourceName, &'a tenure_core::config::Lpar)> {
    let concerns = |group| cluster.groups.get(group).is_some_and(|group| group.servers.contains(server));
    let here = cluster.resources.iter().filter(move |(_, resource)| concerns(&resource.group));
    here.filter_map(|(name, resource)| Some((name, resource.as_lpar()?)))
}

fn line(lpar: &LparReading) -> Line {
    Line {
        name: lpar.name.clone(),
        uuid: lpar.uuid.clone(),
        environment: match lpar.env {
            LparEnvironment::AixLinux => Environment::AixLinux,
            LparEnvironment::Os400 => Environment::IbmI,
            LparEnvironment::VioServer => Environment::Vios,
            LparEnvironment::Other(_) => Environment::Other,
        },
        power: power(&lpar.state),
        word: lpar.state.to_string(),
        description: lpar.description.clone(),
    }
}

/// The LPAR of the node that lives on the server.
fn node(cluster: &Cluster, server: &ServerName, known: Option<&str>, lines: &[Line]) -> (Power, Listed) {
    let declared = cluster.node_on(server).and_then(|node| cluster.nodes.get(node)?.lpar.as_ref());
    declared.map_or_else(Default::default, |name| listing::of_node(name, known, lines))
}

/// VIO servers that some LPAR names, where it is certain whether they run.
fn vios(cluster: &Cluster, listed: &[LparReading]) -> BTreeMap<String, bool> {
    let named: BTreeSet<&String> =
        cluster.resources.values().filter_map(|resource| resource.as_lpar()).flat_map(|lpar| &lpar.vios).collect();
    listed
        .iter()
        .filter(|lpar| named.contains(&lpar.name))
        .filter_map(|lpar| match lpar.state {
            LparState::Running => Some((lpar.name.clone(), true)),
            LparState::NotActivated | LparState::ShuttingDown => Some((lpar.name.clone(), false)),
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
        })
        .collect()
}

fn system(seen: &Seen, connected: &Connection) -> SystemState {
    if let Connection::NotConnected(_) = connected {
        return SystemState::NoConnection;
    }
    match seen {
        Seen::Operating => SystemState::Operating,
        Seen::Standby => SystemState::Standby,
        Seen::Initializing => SystemState::Initializing,
        Seen::PowerOff => SystemState::PowerOff,
        Seen::PowerOffInProgress => SystemState::PoweringOff,
        Seen::Error | Seen::ErrorDump | Seen::ErrorTerminated => SystemState::Error,
        Seen::NoConnection => SystemState::NoConnection,
        Seen::Recovery
        | Seen::Incomplete
        | Seen::PendingAuthentication
        | Seen::FailedAuthentication
        | Seen::VersionMismatch
        | Seen::ServiceProcessorFailover
        | Seen::OnDemandRecovery
        | Seen::Unknown(_) => SystemState::Unknown,
    }
}

fn power(state: &LparState) -> Power {
    match state {
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

/// The same of a command to power a server off: but where it is refused because the server is off already, that says nothing
/// of whether it is, which is read.
pub fn power_off(result: Result<(), CommandError>) -> Answer {
    match result {
        Err(CommandError::Refused { refusal, .. }) if refusal.kind == RefusalKind::AlreadyOff => Answer::Already,
        Err(error @ CommandError::Refused { .. }) => Answer::Refused(error.to_string()),
        result => answer(result),
    }
}

/// What a command's end means to who carries out the order.
pub fn answer(result: Result<(), CommandError>) -> Answer {
    let error = match result {
        Ok(()) => return Answer::Accepted,
        Err(error) => error,
    };
    let text = error.to_string();
    match error {
        CommandError::NotSent { .. } => Answer::NotSent(text),
        CommandError::Unknown { .. } => Answer::Unknown(text),
        CommandError::Refused { refusal, .. } => match refusal.kind {
            RefusalKind::AlreadyOn | RefusalKind::AlreadyOff => Answer::Already,
            // Says nothing about the LPAR on this server: it can be tried again.
            RefusalKind::Busy
            | RefusalKind::NotOperating
            | RefusalKind::NotConnected
            | RefusalKind::ServerNotFound
            | RefusalKind::NoAuthority => Answer::NotSent(text),
            RefusalKind::WrongState
            | RefusalKind::NoRmc
            | RefusalKind::LparNotFound
            | RefusalKind::ProfileNotFound
            | RefusalKind::Resources
            | RefusalKind::Parameter => Answer::Refused(text),
            RefusalKind::Other => Answer::Unknown(text),
        },
    }
}
