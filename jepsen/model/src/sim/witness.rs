//! The HMCs of the world as a node's driver uses them: the first console that gives a live reading counts, a change goes to
//! the first that is connected, and the hardware's words become the core's.

use super::planted::Bug;
use crate::world::{
    Answer as WorldAnswer, Command, Connection, HmcId, LparId, LparKind, LparReading, LparState, Refusal, ServerId,
    Span as WorldSpan, Stop, SystemState as WorldSystem, World,
};
use std::collections::BTreeMap;
use tenure_core::{
    HmcName, Ledger, NodeName, Power, Reading, ResourceName, ServerName, SystemState,
    carry::{Answer, Ask},
    config::Cluster,
    listing::{self, Environment, Line, Listed},
};

/// Which server is read, by whom, and what its log held when it asked.
pub(super) struct Question<'a> {
    pub(super) server: &'a ServerName,
    pub(super) by: &'a NodeName,
    pub(super) since: u64,
    pub(super) serial: u64,
}

/// What the consoles of a server say of it, to a node with this ledger. `blind`: the node reaches none of them.
pub(super) fn read(world: &World, ledger: &Ledger, ask: &Question<'_>, blind: bool, bug: Option<Bug>) -> Reading {
    let cluster = &*ledger.config;
    let mut found = Reading {
        server: ask.server.clone(),
        by: ask.by.clone(),
        since: ask.since,
        serial: ask.serial,
        system: SystemState::NoWitness,
        live: false,
        copies: BTreeMap::new(),
        node: Power::Unknown,
        node_listed: Default::default(),
        vios: BTreeMap::new(),
        listed: BTreeMap::new(),
    };
    let Some(id) = physical(world, cluster, ask.server).filter(|_| !blind) else { return found };
    for hmc in consoles(world, cluster, ask.server) {
        match world.read(hmc, id) {
            Ok(mut seen) => {
                if bug == Some(Bug::RecoveryAsOperating) && seen.system == WorldSystem::Recovery {
                    seen.system = WorldSystem::Operating;
                }
                if is_live(world, &seen) || bug == Some(Bug::VmiIgnored) {
                    fill(world, ledger, &mut found, &seen);
                    let panicked = found.copies.values_mut().filter(|power| **power == Power::Error);
                    panicked.filter(|_| bug == Some(Bug::ErrorAsOff)).for_each(|power| *power = Power::Off);
                    return found;
                }
                let system =
                    if seen.vmi == Connection::Connected { system(seen.system) } else { SystemState::NoConnection };
                if found.system == SystemState::NoWitness {
                    found.system = system;
                }
            }
            Err(Refusal::NoConnection) if found.system == SystemState::NoWitness => {
                found.system = SystemState::NoConnection;
            }
            Err(_) => {}
        }
    }
    found
}

/// Whether a console knows what the server does. Of one with an eBMC that is up, it does through the link to its hypervisor.
fn is_live(world: &World, seen: &crate::world::Reading) -> bool {
    let up = matches!(seen.system, WorldSystem::Operating | WorldSystem::Standby);
    let lost = world.server_spec(seen.server).is_ebmc() && up && seen.vmi != Connection::Connected;
    seen.connection == Connection::Connected && is_seen(seen.system) && !lost
}

fn fill(world: &World, ledger: &Ledger, found: &mut Reading, seen: &crate::world::Reading) {
    let cluster = &*ledger.config;
    found.system = system(seen.system);
    found.live = true;
    if !found.system.tells_lpars() {
        return;
    }
    let lines: Vec<Line> = seen.lpars.iter().map(|lpar| line(world, seen.server, lpar)).collect();
    for (name, resource) in &cluster.resources {
        let Some(declared) = resource.as_lpar() else { continue };
        let asked = cluster.groups.get(&resource.group).is_some_and(|group| group.servers.contains(&found.server));
        if !asked {
            continue;
        }
        let (power, listed) = listing::find(cluster, declared, &ledger.known(name, &found.server), &lines);
        found.copies.insert(name.clone(), power);
        if listed != Listed::default() {
            found.listed.insert(name.clone(), listed);
        }
    }
    let own = cluster.node_on(&found.server).and_then(|node| cluster.nodes.get(node)?.lpar.as_deref());
    let known = ledger.own_lpar(&found.server);
    (found.node, found.node_listed) = own.map_or_else(Default::default, |name| listing::of_node(name, known, &lines));
    let vios = seen.lpars.iter().filter(|lpar| lpar.kind == LparKind::Vios);
    found.vios = vios.map(|vios| (world.lpar_name(vios.lpar).to_owned(), vios.state == LparState::Running)).collect();
}

/// Which of the consoles of a server answer at all, whatever they know of it.
pub(super) fn answering(world: &World, cluster: &Cluster, server: &ServerName, blind: bool) -> BTreeMap<HmcName, bool> {
    let names = cluster.servers.get(server).map(|declared| declared.hmcs.clone()).unwrap_or_default();
    let any = world.servers().next();
    let answers = |name: &HmcName| {
        let asked = world.hmc(name.as_str()).zip(any).map(|(hmc, server)| world.read_system(hmc, server));
        !blind && asked.is_some_and(|answer| answer != Err(Refusal::HmcDown))
    };
    names.into_iter().map(|name| (name.clone(), answers(&name))).collect()
}

fn line(world: &World, server: ServerId, lpar: &LparReading) -> Line {
    Line {
        name: world.listed_name(server, lpar.lpar),
        uuid: Some(world.lpar_uuid(server, lpar.lpar)),
        environment: match lpar.kind {
            LparKind::Vios => Environment::Vios,
            LparKind::Client | LparKind::Management if world.lpar_spec(lpar.lpar).ibm_i => Environment::IbmI,
            LparKind::Client | LparKind::Management => Environment::AixLinux,
        },
        power: power(lpar.state),
        word: lpar.state.as_str().to_owned(),
        description: Some(world.description(server, lpar.lpar).to_owned()),
    }
}

/// Time that a question to the consoles of a server takes: on its way, and back.
pub(super) fn latency(world: &World, cluster: &Cluster, server: &ServerName) -> (u64, u64) {
    let first = consoles(world, cluster, server).next();
    let (out, back) = first.map_or((WorldSpan::ZERO, WorldSpan::ZERO), |hmc| world.latency(hmc));
    (out.as_millis(), back.as_millis())
}

/// The change that a question asks for, and the console that gets it; an answer at once if there is none.
pub(super) fn change(
    world: &World,
    cluster: &Cluster,
    server: &ServerName,
    ask: &Ask,
) -> Result<(HmcId, Command), Box<Answer>> {
    let not_sent = |why: &str| Box::new(Answer::NotSent(why.to_owned()));
    let id = physical(world, cluster, server).ok_or_else(|| not_sent("the server is not declared"))?;
    let lpar = |name: &ResourceName| {
        let declared = cluster.lpar(name).and_then(|declared| world.lpar(&declared.partition));
        declared.ok_or_else(|| Box::new(Answer::Refused(format!("{name} is not defined on {server}"))))
    };
    let other = |server: &ServerName| {
        physical(world, cluster, server).ok_or_else(|| not_sent("the other server is not declared"))
    };
    let command = match ask {
        Ask::Start(name) => Command::start(id, lpar(name)?),
        Ask::ShutDown(name) => Command::stop(id, lpar(name)?, Stop::Os),
        Ask::PowerDown(name) => Command::stop(id, lpar(name)?, Stop::Delayed),
        Ask::CutOff(name) => Command::stop(id, lpar(name)?, Stop::Immediate),
        Ask::PowerOff => Command::fence(id),
        Ask::Migrate { resource, to } => Command::Migrate { lpar: lpar(resource)?, from: id, to: other(to)? },
        Ask::MoveDefinition { resource, from } => {
            Command::Migrate { lpar: lpar(resource)?, from: other(from)?, to: id }
        }
        Ask::RemoteRestart { resource, from } => {
            Command::RemoteRestart { lpar: lpar(resource)?, from: other(from)?, to: id }
        }
        Ask::StopMigration(name) => Command::StopMigration { lpar: lpar(name)?, from: id },
        Ask::RecoverMigration(name) => Command::RecoverMigration { lpar: lpar(name)?, server: id },
        Ask::CutOffNode => {
            let lpar = own_lpar(world, cluster, server).ok_or_else(|| not_sent("the node has no LPAR"))?;
            Command::stop(id, lpar, Stop::Immediate)
        }
        Ask::Read(_) | Ask::Look(_) | Ask::Clean { .. } | Ask::Pause(_) | Ask::Run { .. } => {
            return Err(not_sent("it is no change"));
        }
    };
    // A move needs a console that reaches both its servers.
    let sees = |hmc: HmcId, server: ServerId| {
        world.read_system(hmc, server).is_ok_and(|(_, connection, _)| connection == Connection::Connected)
    };
    let connected = |hmc: &HmcId| sees(*hmc, command.server()) && command.target().is_none_or(|to| sees(*hmc, to));
    let hmc = consoles(world, cluster, server).find(connected).ok_or_else(|| not_sent("no HMC has a connection"))?;
    Ok((hmc, command))
}

/// What an answer of the world means to the order that waits for it.
pub(super) fn answer(ask: &Ask, answer: WorldAnswer) -> Answer {
    let why = match answer {
        WorldAnswer::Answered(Ok(())) => return Answer::Accepted,
        WorldAnswer::Lost => return Answer::Unknown("the HMC did not answer".to_owned()),
        WorldAnswer::Answered(Err(why)) => why,
    };
    match why {
        Refusal::NotOff if matches!(ask, Ask::Start(_)) => Answer::Already,
        Refusal::AlreadyOff if !matches!(ask, Ask::Start(_)) => Answer::Already,
        Refusal::NotOperating if *ask == Ask::PowerOff => Answer::Refused(why.to_string()),
        Refusal::HmcDown | Refusal::NoConnection | Refusal::Busy | Refusal::NotOperating => {
            Answer::NotSent(why.to_string())
        }
        Refusal::MoveFailed | Refusal::Unlisted => Answer::Unknown(why.to_string()),
        Refusal::NoSuchServer
        | Refusal::NoAuthority
        | Refusal::NotPrintable
        | Refusal::NoSuchLpar
        | Refusal::NoSuchProfile
        | Refusal::NotOff
        | Refusal::AlreadyOff
        | Refusal::WrongState
        | Refusal::NoRmc
        | Refusal::NotEnoughMemory
        | Refusal::NotEnoughProcessors
        | Refusal::AlreadyDefined
        | Refusal::CannotHost
        | Refusal::NotDown => Answer::Refused(why.to_string()),
    }
}

/// The LPAR that is declared as that of the node on a server.
fn own_lpar(world: &World, cluster: &Cluster, server: &ServerName) -> Option<LparId> {
    let node = cluster.nodes.get(cluster.node_on(server)?)?;
    world.lpar(node.lpar.as_deref()?)
}

fn physical(world: &World, cluster: &Cluster, server: &ServerName) -> Option<ServerId> {
    world.server(&cluster.servers.get(server)?.mtms)
}

fn consoles<'a>(world: &'a World, cluster: &'a Cluster, server: &ServerName) -> impl Iterator<Item = HmcId> + 'a {
    let names = cluster.servers.get(server).map(|declared| declared.hmcs.as_slice()).unwrap_or_default();
    names.iter().filter_map(|name| world.hmc(name.as_str()))
}

/// States in which a connected HMC knows what the server does.
fn is_seen(state: WorldSystem) -> bool {
    matches!(
        state,
        WorldSystem::Operating
            | WorldSystem::Standby
            | WorldSystem::Initializing
            | WorldSystem::PowerOff
            | WorldSystem::PowerOffInProgress
            | WorldSystem::Error
            | WorldSystem::ErrorDumpInProgress
            | WorldSystem::ErrorTerminated
    )
}

fn system(state: WorldSystem) -> SystemState {
    match state {
        WorldSystem::Operating => SystemState::Operating,
        WorldSystem::Standby => SystemState::Standby,
        WorldSystem::Initializing => SystemState::Initializing,
        WorldSystem::PowerOff => SystemState::PowerOff,
        WorldSystem::PowerOffInProgress => SystemState::PoweringOff,
        WorldSystem::Error | WorldSystem::ErrorDumpInProgress | WorldSystem::ErrorTerminated => SystemState::Error,
        WorldSystem::NoConnection => SystemState::NoConnection,
        WorldSystem::Recovery
        | WorldSystem::Incomplete
        | WorldSystem::FailedAuthentication
        | WorldSystem::VersionMismatch
        | WorldSystem::ServiceProcessorFailover
        | WorldSystem::Unknown => SystemState::Unknown,
    }
}

fn power(state: LparState) -> Power {
    match state {
        LparState::NotActivated => Power::Off,
        LparState::Starting | LparState::OpenFirmware => Power::Starting,
        LparState::Running => Power::Running,
        LparState::ShuttingDown => Power::Stopping,
        LparState::MigratingRunning => Power::Moving,
        // It runs and needs attention, or its activation failed: it is not off.
        LparState::Error => Power::Error,
        LparState::NotAvailable | LparState::MigratingNotActivated => Power::Unknown,
    }
}
