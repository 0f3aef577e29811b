//! The HMCs of the world, as a node's driver uses them: the first console with a live reading counts, a change goes
//! to the first that is connected. Their answers are texts of the command line, parsed like those of a real HMC.

use super::planted::Bug;
use crate::world::{
    Answer as WorldAnswer, Command, Connection, HmcId, LparId, LparReading as WorldLpar, Refusal, ServerId,
    Span as WorldSpan, Stop, SystemState as WorldSystem, World,
};
use std::collections::{BTreeMap, BTreeSet};
use tenure_core::{
    HmcName, Ledger, Power, Reading, ResourceName, ServerName,
    config::Cluster,
    execution::{self, Answer, Change, MachineOperation, Move, ServerOperation},
    words::{self, Inventory, LparEnvironment, LparReading, LparState, RmcState, ServerReading, Step, Told},
};

/// The server read, the reading node, and the log index that it had applied.
pub use tenure_core::words::Asked as Question;

/// A reading of a server by its consoles, for a node with this ledger. `blind`: the node reaches none of them.
pub fn read(world: &World, ledger: &Ledger, ask: &Question<'_>, blind: bool, bug: Option<Bug>) -> Reading {
    read_but(world, ledger, ask, blind, (&Shut::new(), bug))
}

/// HMCs that do not let a node in.
pub type Shut = BTreeSet<HmcName>;

/// The same, without the consoles that do not let the node in.
pub fn read_but(
    world: &World,
    ledger: &Ledger,
    ask: &Question<'_>,
    blind: bool,
    (shut, bug): (&Shut, Option<Bug>),
) -> Reading {
    let cluster = &*ledger.config;
    let id = physical(world, cluster, ask.server).filter(|_| !blind);
    let answers = consoles_but(world, cluster, ask.server, shut).filter_map(|hmc| said(world, hmc, id?, bug));
    let mut first: Option<ServerReading> = None;
    for seen in answers {
        if seen.is_live() {
            first = Some(seen);
            break;
        }
        // This console has no connection to the server. Another may have one.
        first.get_or_insert(seen);
    }
    let Some(seen) = first else { return words::no_reading(ask) };
    let mut found = words::reading(cluster, &ledger.known_on(ask.server), ask, &seen);
    let panicked = found.copies.values_mut().filter(|power| **power == Power::Error);
    panicked.filter(|_| bug == Some(Bug::ErrorAsOff)).for_each(|power| *power = Power::Off);
    found
}

/// One console's reading of a server: its state, its links, and its LPARs if they can be listed.
fn said(world: &World, hmc: HmcId, server: ServerId, bug: Option<Bug>) -> Option<ServerReading> {
    let (mut system, connection, _) = world.read_system(hmc, server).ok()?;
    if bug == Some(Bug::RecoveryAsOperating) && system == WorldSystem::Recovery {
        system = WorldSystem::Operating;
    }
    let system = words::SystemState::parse(system.as_str());
    let vmi = world.read_vmi(hmc, server).ok()?;
    let apart = world.server_spec(server).is_ebmc() && bug != Some(Bug::VmiIgnored);
    let inventory = match system.can_list_lpars().then(|| world.read(hmc, server)) {
        Some(Ok(seen)) => Inventory::Listed(seen.lpars.iter().map(|lpar| line(world, server, lpar)).collect()),
        Some(Err(why)) => Inventory::NotReadable(why.to_string().into()),
        None => Inventory::NotReadable(format!("the server is in state {system}").into()),
    };
    Some(ServerReading {
        system,
        connected: words::Connection::parse(connection.as_str()),
        vmi: apart.then(|| words::Connection::parse(vmi.as_str())),
        stands_still: false,
        inventory,
        via: String::new(),
    })
}

fn line(world: &World, server: ServerId, seen: &WorldLpar) -> LparReading {
    LparReading {
        name: world.listed_name(server, seen.lpar),
        id: Some(seen.number.into()),
        uuid: Some(world.lpar_uuid(server, seen.lpar)),
        env: LparEnvironment::parse(world.environment(seen.lpar)),
        state: LparState::parse(seen.state.as_str()),
        rmc: RmcState::parse(seen.rmc.as_str()),
        description: Some(world.description(server, seen.lpar).to_owned()),
    }
}

/// Whether each console of a server answers at all.
pub fn answering(world: &World, cluster: &Cluster, server: &ServerName, blind: bool) -> BTreeMap<HmcName, bool> {
    let names = cluster.servers.get(server).map(|declared| declared.managers.clone()).unwrap_or_default();
    let any = world.servers().next();
    let answers = |name: &HmcName| {
        let asked = world.hmc(name.as_str()).zip(any).map(|(hmc, server)| world.read_system(hmc, server));
        !blind && asked.is_some_and(|answer| answer != Err(Refusal::HmcDown))
    };
    names.into_iter().map(|name| (name.clone(), answers(&name))).collect()
}

/// Latency of a request to the consoles of a server: there, and back.
pub fn latency(world: &World, cluster: &Cluster, server: &ServerName) -> (u64, u64) {
    let first = consoles(world, cluster, server).next();
    let (out, back) = first.map_or((WorldSpan::ZERO, WorldSpan::ZERO), |hmc| world.latency(hmc));
    (out.as_millis(), back.as_millis())
}

/// The command for a change, and the console that gets it; an immediate answer if there is none.
pub fn change(
    world: &World,
    cluster: &Cluster,
    server: &ServerName,
    change: &Change,
) -> Result<(HmcId, Command), Box<Answer>> {
    change_but(world, cluster, server, (change, &Shut::new()))
}

/// The same, without the consoles that do not let the node in.
pub fn change_but(
    world: &World,
    cluster: &Cluster,
    server: &ServerName,
    (change, shut): (&Change, &Shut),
) -> Result<(HmcId, Command), Box<Answer>> {
    let not_sent = |why: &str| Box::new(Answer::NotSent(why.into()));
    let id = physical(world, cluster, server).ok_or_else(|| not_sent("the server is not declared"))?;
    let lpar = |name: &ResourceName| {
        let declared = cluster.lpar(name).and_then(|declared| world.lpar(&declared.partition));
        declared.ok_or_else(|| Box::new(Answer::Refused(format!("{name} is not defined on {server}").into())))
    };
    let other = |server: &ServerName| {
        physical(world, cluster, server).ok_or_else(|| not_sent("the other server is not declared"))
    };
    let command = match change {
        Change::Machine(name, MachineOperation::Start) => Command::start(id, lpar(name)?),
        Change::Machine(name, MachineOperation::Stop(how)) => Command::stop(id, lpar(name)?, manner(*how)),
        Change::Machine(name, MachineOperation::Move(step)) => {
            let lpar = lpar(name)?;
            match step {
                Move::Live { to } => Command::Migrate { lpar, from: id, to: other(to)? },
                Move::Definition { from } => Command::Migrate { lpar, from: other(from)?, to: id },
                Move::Anew { from } => Command::RemoteRestart { lpar, from: other(from)?, to: id },
                Move::Stop => Command::StopMigration { lpar, from: id },
                Move::Recover => Command::RecoverMigration { lpar, server: id },
            }
        }
        Change::Server(ServerOperation::PowerOff) => Command::fence(id),
        Change::Server(ServerOperation::CutOffNode) => {
            let lpar = own_lpar(world, cluster, server).ok_or_else(|| not_sent("the node has no LPAR"))?;
            Command::stop(id, lpar, Stop::Immediate)
        }
    };
    // A move needs a console that reaches both its servers.
    let sees = |hmc: HmcId, server: ServerId| {
        world.read_system(hmc, server).is_ok_and(|(_, connection, _)| connection == Connection::Connected)
    };
    let connected = |hmc: &HmcId| sees(*hmc, command.server()) && command.target().is_none_or(|to| sees(*hmc, to));
    let hmc = consoles_but(world, cluster, server, shut)
        .find(connected)
        .ok_or_else(|| not_sent("no HMC has a connection"))?;
    Ok((hmc, command))
}

fn manner(how: execution::Stop) -> Stop {
    match how {
        execution::Stop::OsShutdown => Stop::Os,
        execution::Stop::Shutdown => Stop::Delayed,
        execution::Stop::Immediate => Stop::Immediate,
    }
}

/// Translates an answer of the world for the order that waits for it.
pub fn answer(change: &Change, answer: WorldAnswer) -> Answer {
    words::answer(change, told(change, answer))
}

/// Result of a command on a console, as its command line would print it.
fn told(change: &Change, answer: WorldAnswer) -> Told {
    let refusal = match answer {
        WorldAnswer::Answered(Ok(())) => return Told::Accepted,
        WorldAnswer::Lost => return Told::Unknown("the HMC did not answer".into()),
        WorldAnswer::Answered(Err(refusal)) => refusal,
    };
    let why = refusal.to_string();
    let step = match (change, refusal) {
        (_, Refusal::HmcDown) => return Told::NotSent(why.into()),
        (_, Refusal::MoveFailed) => Step::Checked,
        // The check before it is refused for the same reasons.
        (
            Change::Machine(_, MachineOperation::Move(Move::Live { .. } | Move::Definition { .. } | Move::Anew { .. })),
            _,
        ) => Step::Check,
        _ => Step::Change,
    };
    match words::Refusal::parse(&refusal.message("it")) {
        Some(refusal) if refusal.kind.is_definite(step) => Told::Refused { kind: refusal.kind, why: why.into() },
        Some(_) | None => Told::Unknown(why.into()),
    }
}

/// The declared LPAR of the node on a server.
fn own_lpar(world: &World, cluster: &Cluster, server: &ServerName) -> Option<LparId> {
    let node = cluster.nodes.get(cluster.node_on(server)?)?;
    world.lpar(node.lpar.as_deref()?)
}

fn physical(world: &World, cluster: &Cluster, server: &ServerName) -> Option<ServerId> {
    world.server(cluster.servers.get(server)?.mtms()?)
}

fn consoles<'a>(world: &'a World, cluster: &'a Cluster, server: &ServerName) -> impl Iterator<Item = HmcId> + 'a {
    const ALL: &Shut = &Shut::new();
    consoles_but(world, cluster, server, ALL)
}

fn consoles_but<'a>(
    world: &'a World,
    cluster: &'a Cluster,
    server: &ServerName,
    shut: &'a Shut,
) -> impl Iterator<Item = HmcId> + 'a {
    let names = cluster.servers.get(server).map(|declared| declared.managers.as_slice()).unwrap_or_default();
    names.iter().filter(|name| !shut.contains(*name)).filter_map(|name| world.hmc(name.as_str()))
}
