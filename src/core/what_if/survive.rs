//! Number of servers that may be lost at once, by room and the majority of nodes: the placement engine proves it.

use crate::{
    GroupName, Ledger, Power, ServerName,
    config::{Asks, Cluster, Failover, Load, PlacementRule},
    ledger::GroupState,
    placement::engine::{self, Candidate, Door, Item, Problem, Room, Rule, ZoneRule},
    what_if::lose_each,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Maximum number of steps of the engine: a few seconds at the most.
const BUDGET: u64 = 200_000;

/// The number of servers that may be lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Survival {
    /// Number of servers: whichever are lost at once, all that runs still has a place, and a majority of nodes is left.
    pub servers: usize,
    /// Whether one more is known to be too many.
    pub exact: bool,
}

/// Number of servers that may be lost at once. One is forecast by the real planner, more by the placement engine alone.
pub fn survival(ledger: &Ledger) -> Survival {
    if lose_each(ledger).any(|loss| !loss.is_survived()) {
        return Survival { servers: 0, exact: true };
    }
    survival_beyond_one(ledger)
}

/// The same, if the loss of each single server is known to be survived.
pub fn survival_beyond_one(ledger: &Ledger) -> Survival {
    let capacity = engine::capacity(&problem(ledger), BUDGET);
    let majority = majority(ledger);
    let servers = capacity.survives.max(1).min(majority);
    let exact = if capacity.survives < majority { capacity.complete } else { true };
    Survival { servers, exact }
}

/// The number of servers that may be lost with a majority of nodes left; nodes that are silent now do not count.
fn majority(ledger: &Ledger) -> usize {
    let heard = ledger.nodes.values().filter(|node| node.lapsed().is_none()).count();
    let needed = (ledger.nodes.len() / 2).saturating_add(1);
    let hosts = ledger.config.nodes.values().filter(|node| node.server.is_some()).count();
    let spare = heard.saturating_sub(needed);
    // Servers without a node take none with them.
    if spare >= hosts { ledger.servers.len() } else { spare }
}

/// Indexes of names in the engine's problem.
struct Numbers {
    servers: BTreeMap<ServerName, usize>,
    groups: BTreeMap<GroupName, usize>,
    limits: BTreeMap<String, usize>,
    zones: BTreeMap<String, u32>,
}

impl Numbers {
    fn new(ledger: &Ledger) -> Self {
        let config = &ledger.config;
        // An instance of a parallel group goes nowhere, and is not missed with its server.
        let running = ledger.groups.iter().filter(|(name, group)| group.tenure.is_some() && name.instance().is_none());
        let mut zones: Vec<&String> = config.servers.values().filter_map(|server| server.zone.as_ref()).collect();
        zones.sort();
        zones.dedup();
        let mut limits: Vec<&String> = config.groups.values().flat_map(|group| group.prerequisites.keys()).collect();
        limits.sort();
        limits.dedup();
        Numbers {
            servers: ledger.servers.keys().cloned().zip(0..).collect(),
            groups: running.map(|(name, _)| name.clone()).zip(0..).collect(),
            limits: limits.into_iter().cloned().zip(0..).collect(),
            zones: zones.into_iter().cloned().zip(1..).collect(),
        }
    }

    fn zone(&self, config: &Cluster, server: &ServerName) -> u32 {
        let zone = config.servers.get(server).and_then(|declared| declared.zone.as_ref());
        zone.and_then(|zone| self.zones.get(zone)).copied().unwrap_or_default()
    }
}

fn problem(ledger: &Ledger) -> Problem {
    let numbers = Numbers::new(ledger);
    // Decides which groups may run where regardless of room: room is for the engine.
    let mut roomy = ledger.scratch();
    let config = Arc::make_mut(&mut roomy.config);
    for server in config.servers.values_mut() {
        (server.memory, server.processors, server.units) = (None, None, None);
    }
    config.groups.values_mut().for_each(|group| group.prerequisites.clear());
    let running = ledger.groups.iter().filter(|(name, _)| numbers.groups.contains_key(*name));
    Problem {
        rooms: ledger.servers.keys().map(|name| room(ledger, &numbers, name)).collect(),
        items: running.map(|(name, group)| item(ledger, &roomy, &numbers, name, group)).collect(),
        rules: ledger.config.rules.values().map(|declared| rule(&numbers, declared)).collect(),
        ..Problem::default()
    }
}

fn room(ledger: &Ledger, numbers: &Numbers, name: &ServerName) -> Room {
    let off = ledger.servers.get(name).is_none_or(|state| state.off.is_some());
    let Some(declared) = ledger.config.servers.get(name) else { return Room::default() };
    let limit = |limit: &String| declared.limits.get(limit).copied().unwrap_or_default();
    let stay = ledger.groups_on(name).filter(|(group, _)| !numbers.groups.contains_key(*group));
    let used = stay.fold(Load::default(), |sum, (group, state)| sum.plus(ledger.demand(group, state)));
    Room {
        used: [used.memory, used.processors, used.units],
        door: if off { Door::Closed } else { Door::Open },
        zone: numbers.zone(&ledger.config, name),
        capacity: [declared.memory, declared.processors, declared.units],
        limits: numbers.limits.keys().map(limit).collect(),
        counts: !off,
        ..Room::default()
    }
}

fn item(ledger: &Ledger, roomy: &Ledger, numbers: &Numbers, name: &GroupName, group: &GroupState) -> Item {
    let declared = ledger.config.groups.get(name);
    let index = |server: &ServerName| numbers.servers.get(server).copied();
    let tenure = group.tenure.as_ref();
    let target = tenure.and_then(|tenure| tenure.migration()).map(|migration| &migration.to);
    let demand = ledger.demand(name, group);
    let moves = declared.filter(|declared| !group.frozen && declared.failover != Failover::Never);
    let list = moves.map(|declared| declared.servers.as_slice()).unwrap_or_default();
    let rested = rested(ledger, group);
    let may = |server: &ServerName| roomy.not_here(name, &rested, server).is_none();
    let candidates = (0..).zip(list).filter(|(_, server)| may(server));
    let home = tenure.map_or(0, |tenure| numbers.zone(&ledger.config, &tenure.server));
    let prerequisites = declared.into_iter().flat_map(|declared| &declared.prerequisites);
    Item {
        at: tenure.map(|tenure| &tenure.server).into_iter().chain(target).filter_map(index).collect(),
        candidates: candidates.filter_map(|(rank, server)| Some(Candidate { server: index(server)?, rank })).collect(),
        demand: [demand.memory, demand.processors, demand.units],
        prerequisites: prerequisites.filter_map(|(limit, need)| Some((*numbers.limits.get(limit)?, *need))).collect(),
        importance: declared.map(|declared| declared.priority).unwrap_or_default(),
        zone: match declared.map(|declared| declared.failover) {
            Some(Failover::Zone) => ZoneRule::Stay(home),
            Some(Failover::Any | Failover::Never) | None => ZoneRule::Any,
        },
        ..Item::default()
    }
}

/// The group once its server is gone: nothing of it is active any more, and its mobile LPARs can be made anew.
fn rested(ledger: &Ledger, group: &GroupState) -> GroupState {
    let mut rested = group.clone();
    for (resource, copies) in &mut rested.copies {
        copies.retain(|server, _| group.tenure.as_ref().is_none_or(|tenure| !tenure.covers(server)));
        if ledger.is_mobile(resource) {
            copies.values_mut().filter(|copy| copy.power == Power::Absent).for_each(|copy| copy.power = Power::Off);
        }
    }
    rested
}

fn rule(numbers: &Numbers, rule: &PlacementRule) -> Rule {
    let items = rule.groups.iter().filter_map(|group| numbers.groups.get(group).copied()).collect();
    let strict = rule.strict;
    let indexes =
        |names: &BTreeSet<ServerName>| names.iter().filter_map(|server| numbers.servers.get(server).copied()).collect();
    match &rule.asks {
        Asks::Together => Rule::Together { items, strict },
        Asks::Apart => Rule::Apart { items, strict },
        Asks::On(servers) => Rule::Prefer { items, servers: indexes(servers), strict },
        Asks::NotOn(servers) => Rule::Avoid { items, servers: indexes(servers), strict },
    }
}
