//! The promises of placement, checked by trying everything. Shares no code with what it checks.

use std::collections::BTreeMap;
use tenure_core::placement::engine::{Door, Problem, Rule, ZoneRule};

/// The rooms that each item occupies; waiting items only if they are placed.
pub type Where = BTreeMap<usize, Vec<usize>>;

/// The running items, with their rooms.
pub fn running(problem: &Problem) -> Where {
    let items = problem.items.iter().enumerate().filter(|(_, item)| !item.at.is_empty());
    items.map(|(index, item)| (index, item.at.clone())).collect()
}

/// The waiting items, the most important first.
pub fn waiting(problem: &Problem) -> Vec<usize> {
    let mut waiting: Vec<usize> = (0..problem.items.len()).filter(|item| problem.items[*item].at.is_empty()).collect();
    waiting.sort_by_key(|item| (problem.items[*item].importance, *item));
    waiting
}

/// Whether a newly placed item may be on this server, given the places of all items.
pub fn may_be(problem: &Problem, everybody: &Where, item: usize, server: usize) -> bool {
    let (what, room) = (&problem.items[item], &problem.rooms[server]);
    let listed = what.candidates.iter().any(|candidate| candidate.server == server);
    let zone = !matches!(what.zone, ZoneRule::Stay(zone) if zone != room.zone);
    let others = || everybody.iter().filter(|(other, _)| **other != item);
    let here = || everybody.iter().filter(|(_, at)| at.contains(&server)).map(|(other, _)| &problem.items[*other]);
    let room_for = |dimension: usize| {
        let takes: u64 = here().map(|other| other.demand[dimension]).sum();
        let free = room.capacity[dimension].is_none_or(|capacity| room.used[dimension] + takes <= capacity);
        free || what.demand[dimension] == 0 || (dimension == 2 && !problem.hard_units)
    };
    let within_limits = what.prerequisites.iter().all(|(limit, need)| {
        let named = here().flat_map(|other| &other.prerequisites).filter(|(other, _)| other == limit);
        let taken: u64 = named.map(|(_, need)| need).sum();
        *need == 0 || taken <= room.limits.get(*limit).copied().unwrap_or(0)
    });
    let kept = |rule: &Rule| match rule {
        Rule::Together { items, strict: true } if items.contains(&item) => {
            others().filter(|(other, _)| items.contains(other)).all(|(_, at)| at.contains(&server))
        }
        Rule::Apart { items, strict: true } if items.contains(&item) => {
            others().filter(|(other, _)| items.contains(other)).all(|(_, at)| !at.contains(&server))
        }
        Rule::Prefer { items, servers, strict: true } => !items.contains(&item) || servers.contains(&server),
        Rule::Avoid { items, servers, strict: true } => !items.contains(&item) || !servers.contains(&server),
        Rule::Together { .. } | Rule::Apart { .. } | Rule::Prefer { .. } | Rule::Avoid { .. } => true,
    };
    listed
        && zone
        && room.door != Door::Closed
        && (0..3).all(room_for)
        && within_limits
        && problem.rules.iter().all(kept)
}

/// Whether every placed item may be where it is.
pub fn all_may_be(problem: &Problem, everybody: &Where, placed: &BTreeMap<usize, usize>) -> bool {
    placed.iter().all(|(item, server)| may_be(problem, everybody, *item, *server))
}

/// For each of these items, in this order, whether the best assignment places it.
pub fn best(problem: &Problem, fixed: &Where, order: &[usize]) -> Vec<bool> {
    fn go(
        problem: &Problem,
        everybody: &mut Where,
        placed: &mut BTreeMap<usize, usize>,
        order: &[usize],
        choice: &mut Vec<bool>,
        best: &mut Vec<bool>,
    ) {
        // A worse beginning has only worse continuations.
        if choice[..] < best[..choice.len()] {
            return;
        }
        let Some((item, rest)) = order.split_first() else {
            if *choice > *best && all_may_be(problem, everybody, placed) {
                best.clone_from(choice);
            }
            return;
        };
        for candidate in &problem.items[*item].candidates {
            everybody.insert(*item, vec![candidate.server]);
            placed.insert(*item, candidate.server);
            choice.push(true);
            go(problem, everybody, placed, rest, choice, best);
            choice.pop();
            placed.remove(item);
            everybody.remove(item);
        }
        choice.push(false);
        go(problem, everybody, placed, rest, choice, best);
        choice.pop();
    }
    let mut best = vec![false; order.len()];
    go(problem, &mut fixed.clone(), &mut BTreeMap::new(), order, &mut Vec::new(), &mut best);
    best
}
