//! Rolling maintenance: an order in which every server can be drained and given back, one after the other, while the
//! cluster can still survive the losses that it must.
//!
//! Each turn begins from the present state: what a drain took away is assumed to be brought back before the next turn.
//! So any order would do, and the servers with the fewest groups to move come first.

use crate::{
    GroupName, Ledger, ServerName,
    config::{Asks, Failover, Load},
    ledger::{GroupState, ServerState},
    placement::engine::{Amounts, Candidate, Door, Item, Lost, Placement, Problem, Room, Rule, place, survive},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// Maximum number of search steps for one turn.
const STEPS: u64 = 1_000_000;

/// The turn of one server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Turn {
    pub server: ServerName,
    /// Number of groups that a drain of it moves.
    pub moves: usize,
}

/// The reason why there is no such order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // what a name says is not said again
pub enum NoRolling {
    /// While this server is drained, these groups have nowhere to go.
    Nowhere { server: ServerName, groups: BTreeSet<GroupName> },
    /// While this server is drained, the loss of these others would leave groups without a place.
    Frail {
        server: ServerName,
        /// The other servers.
        lost: BTreeSet<ServerName>,
        groups: BTreeSet<GroupName>,
    },
    /// Nothing was proven for this server within the allowed steps.
    Undecided { server: ServerName },
}

/// The order of a rolling maintenance, or the reason why there is none.
///
/// # Errors
/// If some server cannot be drained without stopping a group, or not with the declared losses survived meanwhile.
pub fn rolling(ledger: &Ledger) -> Result<Vec<Turn>, NoRolling> {
    let mut turns = Vec::new();
    for server in ledger.config.servers.keys() {
        turns.push(turn(ledger, server)?);
    }
    turns.sort_by_key(|turn| turn.moves);
    Ok(turns)
}

fn turn(ledger: &Ledger, out: &ServerName) -> Result<Turn, NoRolling> {
    let server = || out.clone();
    let mut board = Board::new(ledger, out);
    let moves = board.problem.items.iter().filter(|item| item.waits()).count();
    let placement: Placement = place(&board.problem, STEPS);
    let groups = board.names(placement.left_out());
    if !groups.is_empty() {
        return Err(if placement.complete {
            NoRolling::Nowhere { server: server(), groups }
        } else {
            NoRolling::Undecided { server: server() }
        });
    }
    for (item, room) in placement.placed() {
        if let Some(item) = board.problem.items.get_mut(item) {
            item.at = vec![room];
        }
    }
    let tolerance = &ledger.config.tolerance;
    let servers = usize::try_from(tolerance.servers).unwrap_or(usize::MAX);
    let lost = Lost { servers, one_zone: tolerance.within_zone, most: 1 };
    let survival = survive(&board.problem, lost, STEPS);
    if let Some(loss) = survival.losses.first() {
        let lost = loss.servers.iter().filter_map(|room| board.servers.get(*room).cloned()).collect();
        let groups = board.names(loss.left_out.iter().copied());
        return Err(NoRolling::Frail { server: server(), lost, groups });
    }
    if servers > 0 && !survival.complete {
        return Err(NoRolling::Undecided { server: server() });
    }
    Ok(Turn { server: server(), moves })
}

/// The problem of one turn, with the names behind its indexes.
struct Board {
    problem: Problem,
    servers: Vec<ServerName>,
    groups: Vec<GroupName>,
}

impl Board {
    fn new(ledger: &Ledger, out: &ServerName) -> Self {
        let config = &ledger.config;
        let servers: Vec<ServerName> = config.servers.keys().cloned().collect();
        let rooms: BTreeMap<&ServerName, usize> = servers.iter().zip(0..).collect();
        let limits: BTreeSet<&String> = config.servers.values().flat_map(|server| server.limits.keys()).collect();
        let limits: BTreeMap<&String, usize> = limits.into_iter().zip(0..).collect();
        let mut zones: BTreeMap<&str, u32> = BTreeMap::new();
        let mut problem = Problem::default();
        for (name, declared) in &config.servers {
            let fit = name != out && ledger.servers.get(name).is_some_and(|state| is_fit(ledger, name, state));
            let next = u32::try_from(zones.len()).unwrap_or(u32::MAX);
            problem.rooms.push(Room {
                door: if fit { Door::Open } else { Door::Closed },
                zone: *zones.entry(declared.zone.as_deref().unwrap_or_default()).or_insert(next),
                capacity: [declared.memory, declared.processors, declared.units],
                limits: limits.keys().map(|limit| declared.limits.get(*limit).copied().unwrap_or_default()).collect(),
                counts: fit,
                ..Room::default()
            });
        }
        let mut groups = Vec::new();
        for (name, group) in &ledger.groups {
            let Some((tenure, declared)) = group.tenure.as_ref().zip(config.groups.get(name)) else { continue };
            let need = amounts(ledger.demand(name, group));
            let bound = declared.servers.len() < 2 || name.instance().is_some() || declared.failover == Failover::Never;
            let here = &tenure.server == out;
            if bound || !declared.managed {
                // It stays, or is stopped with its server: it takes room, and no loss is held against it.
                let room = rooms.get(&tenure.server).and_then(|room| problem.rooms.get_mut(*room));
                if let Some(room) = room {
                    occupy(room, need, &declared.prerequisites, &limits);
                }
                continue;
            }
            let candidates = declared.servers.iter().zip(0..);
            let candidates = candidates.filter(|(server, _)| *server != out && !group.faults.contains_key(*server));
            groups.push(name.clone());
            problem.items.push(Item {
                at: places(&rooms, group, here),
                candidates: candidates
                    .filter_map(|(server, rank)| Some(Candidate { server: *rooms.get(server)?, rank }))
                    .collect(),
                demand: need,
                prerequisites: declared
                    .prerequisites
                    .iter()
                    .filter_map(|(limit, amount)| Some((*limits.get(limit)?, *amount)))
                    .collect(),
                importance: declared.priority,
                ..Item::default()
            });
        }
        problem.rules = rules(ledger, &groups, &rooms);
        Board { problem, servers, groups }
    }

    fn names(&self, items: impl Iterator<Item = usize>) -> BTreeSet<GroupName> {
        items.filter_map(|item| self.groups.get(item).cloned()).collect()
    }
}

/// The rooms that a group occupies; none if its server is the one being drained.
fn places(rooms: &BTreeMap<&ServerName, usize>, group: &GroupState, leaves: bool) -> Vec<usize> {
    let covered =
        group.tenure.iter().filter(|_| !leaves).flat_map(|tenure| {
            std::iter::once(&tenure.server).chain(tenure.migration().map(|migration| &migration.to))
        });
    covered.filter_map(|server| rooms.get(server).copied()).collect()
}

fn is_fit(ledger: &Ledger, server: &ServerName, state: &ServerState) -> bool {
    state.off.is_none() && state.dirty.is_none() && state.closed().is_none() && ledger.is_attended(server, state)
}

fn amounts(load: Load) -> Amounts {
    [load.memory, load.processors, load.units]
}

fn occupy(room: &mut Room, need: Amounts, takes: &BTreeMap<String, u64>, limits: &BTreeMap<&String, usize>) {
    for (used, need) in room.used.iter_mut().zip(need) {
        *used = used.saturating_add(need);
    }
    for (limit, amount) in takes {
        if let Some(left) = limits.get(limit).and_then(|limit| room.limits.get_mut(*limit)) {
            *left = left.saturating_sub(*amount);
        }
    }
}

fn rules(ledger: &Ledger, groups: &[GroupName], rooms: &BTreeMap<&ServerName, usize>) -> Vec<Rule> {
    let place: BTreeMap<&GroupName, usize> = groups.iter().zip(0..).collect();
    let rule = |declared: &crate::config::PlacementRule| {
        let items: Vec<usize> = declared.groups.iter().filter_map(|group| place.get(group).copied()).collect();
        let strict = declared.strict;
        let servers = |servers: &BTreeSet<ServerName>| servers.iter().filter_map(|s| rooms.get(s).copied()).collect();
        match &declared.asks {
            Asks::Together => Rule::Together { items, strict },
            Asks::Apart => Rule::Apart { items, strict },
            Asks::On(on) => Rule::Prefer { items, servers: servers(on), strict },
            Asks::NotOn(off) => Rule::Avoid { items, servers: servers(off), strict },
        }
    };
    ledger.config.rules.values().map(rule).collect()
}

impl fmt::Display for NoRolling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |names: Vec<String>| names.join(", ");
        let groups = |groups: &BTreeSet<GroupName>| list(groups.iter().map(ToString::to_string).collect());
        match self {
            NoRolling::Nowhere { server, groups: left } => {
                write!(f, "while {server} is drained, no other server can take {}", groups(left))
            }
            NoRolling::Frail { server, lost, groups: left } => write!(
                f,
                "while {server} is drained, the loss of {} would leave {} without a place",
                list(lost.iter().map(ToString::to_string).collect()),
                groups(left)
            ),
            NoRolling::Undecided { server } => {
                write!(f, "whether {server} can be drained safely could not be proven within the steps allowed")
            }
        }
    }
}
