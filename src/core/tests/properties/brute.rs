//! The groups that could be online after a loss, by trying every assignment. Knows the declarations and the places of
//! running groups, and shares no code with the planner.

use crate::properties::world::{World, needs};
use std::collections::{BTreeMap, BTreeSet};
use tenure_core::{
    GroupName, ServerName,
    config::{Asks, Failover},
};

/// The groups that are online when these servers are lost as well, with the more important ones placed first, and
/// groups that run elsewhere staying where they are.
pub fn best(world: &World, more: &BTreeSet<ServerName>) -> BTreeSet<GroupName> {
    let config = &world.ledger.config;
    let gone: BTreeSet<&ServerName> = world.lost.iter().chain(more).collect();
    let mut fixed: BTreeMap<GroupName, ServerName> = BTreeMap::new();
    let mut waiting: Vec<(u32, GroupName, Vec<ServerName>)> = Vec::new();
    for (name, state) in &world.ledger.groups {
        let at = state.tenure.as_ref().map(|tenure| tenure.server.clone());
        if let Some(at) = at.clone().filter(|at| !gone.contains(at)) {
            fixed.insert(name.clone(), at);
            continue;
        }
        let declared = &config.groups[name];
        let from = at.or_else(|| state.fell_from().cloned()).filter(|_| declared.failover == Failover::Zone);
        let may = |server: &&ServerName| {
            let zone = |server: &ServerName| config.servers[server].zone.clone();
            !gone.contains(*server) && from.as_ref().is_none_or(|from| zone(from) == zone(server))
        };
        let servers = declared.servers.iter().filter(may).cloned().collect();
        waiting.push((declared.priority, name.clone(), servers));
    }
    waiting.sort();
    let mut chosen = BTreeSet::new();
    // It is decided group by group whether a whole set can be placed: fewer never fit worse.
    for (_, name, _) in &waiting {
        chosen.insert(name.clone());
        let wanted: Vec<_> = waiting.iter().filter(|(_, name, _)| chosen.contains(name)).collect();
        if !can(world, &mut fixed.clone(), &wanted) {
            chosen.remove(name);
        }
    }
    chosen.into_iter().chain(fixed.into_keys()).collect()
}

fn can(world: &World, at: &mut BTreeMap<GroupName, ServerName>, wanted: &[&(u32, GroupName, Vec<ServerName>)]) -> bool {
    let Some(((_, name, servers), rest)) = wanted.split_first() else { return true };
    servers.iter().any(|server| {
        at.insert(name.clone(), server.clone());
        let fits = holds(world, at, server) && can(world, at, rest);
        at.remove(name);
        fits
    })
}

/// Whether a server can bear its groups, and every strict rule is kept.
fn holds(world: &World, at: &BTreeMap<GroupName, ServerName>, server: &ServerName) -> bool {
    let config = &world.ledger.config;
    let declared = &config.servers[server];
    let here = at.iter().filter(|(_, place)| *place == server).map(|(name, _)| needs(config, name));
    let sum = here.fold((0, 0, 0), |sum, need| (sum.0 + need.0, sum.1 + need.1, sum.2 + need.2));
    let kept = |asks: &Asks, places: &[&ServerName]| {
        let distinct: BTreeSet<_> = places.iter().collect();
        match asks {
            Asks::Together => distinct.len() <= 1,
            Asks::Apart => distinct.len() == places.len(),
            Asks::On(servers) => places.iter().all(|place| servers.contains(*place)),
            Asks::NotOn(servers) => places.iter().all(|place| !servers.contains(*place)),
        }
    };
    let mut strict = config.rules.values().filter(|rule| rule.strict);
    declared.memory.is_none_or(|has| sum.0 <= has)
        && declared.processors.is_none_or(|has| sum.1 <= has)
        && sum.2 <= declared.limits.get("licences").copied().unwrap_or_default()
        && strict.all(|rule| {
            let places: Vec<&ServerName> = rule.groups.iter().filter_map(|group| at.get(group)).collect();
            kept(&rule.asks, &places)
        })
}
