//! The hypervisor's words in the core's. What is not known for certain becomes `Unknown` here, never `Off`.

use crate::hypervisor::{CommandError, LparReading};
use crate::hypervisor::{Connection, LparState, RefusalKind, ServerReading, SystemState as Seen};
use std::collections::{BTreeMap, BTreeSet};
use tenure_core::{NodeName, Power, Reading, ResourceName, ServerName, SystemState, carry::Answer, config::Cluster};

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

/// A reading as the ledger takes it.
pub fn reading(cluster: &Cluster, asked: &Asked<'_>, seen: &ServerReading) -> Reading {
    let live = seen.is_live();
    let listed = seen.lpars().filter(|_| live);
    Reading {
        system: system(&seen.system, &seen.connected),
        live,
        copies: listed.map(|listed| copies(cluster, asked.server, listed)).unwrap_or_default(),
        node: listed.map(|listed| node(cluster, asked.server, listed)).unwrap_or_default(),
        vios: listed.map(|listed| vios(cluster, listed)).unwrap_or_default(),
        ..no_reading(asked)
    }
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
        vios: BTreeMap::new(),
    }
}

fn copies(cluster: &Cluster, server: &ServerName, listed: &[LparReading]) -> BTreeMap<ResourceName, Power> {
    let concerns = |group| cluster.groups.get(group).is_some_and(|group| group.servers.contains(server));
    cluster
        .resources
        .iter()
        .filter(|(_, resource)| concerns(&resource.group))
        .filter_map(|(name, resource)| Some((name, resource.as_lpar()?)))
        .map(|(name, declared)| {
            let found = listed.iter().find(|lpar| lpar.name == declared.partition);
            (name.clone(), found.map_or(Power::Absent, |lpar| power(&lpar.state)))
        })
        .collect()
}

/// The LPAR of the node that lives on the server.
fn node(cluster: &Cluster, server: &ServerName, listed: &[LparReading]) -> Power {
    let declared = cluster.node_on(server).and_then(|node| cluster.nodes.get(node)?.lpar.as_ref());
    let Some(name) = declared else { return Power::Unknown };
    listed.iter().find(|lpar| lpar.name == *name).map_or(Power::Absent, |lpar| power(&lpar.state))
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
        LparState::Error
        | LparState::NotAvailable
        | LparState::MigratingNotActivated
        | LparState::Suspended
        | LparState::Suspending
        | LparState::Resuming
        | LparState::Unknown(_) => Power::Unknown,
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
