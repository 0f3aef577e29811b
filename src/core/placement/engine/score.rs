//! Ranks the servers that can take an item.

use super::{
    Candidate, Door, Policy, ZoneRule,
    board::{Board, Seen, is_misplaced},
};
use std::cmp::Ordering;

/// Free amounts beyond these count as these: 8 PiB of memory, 167,772 processors. The bounds keep the products of exact
/// fractions inside an `i128`.
const MOST_MEMORY: u64 = 1 << 33;
const MOST_PROCESSORS: u64 = 1 << 24;

/// Rank of a server for an item; the smallest is the best. In this order: a server of last resort comes after all
/// others, then the zone, then the soft rules, then the policy, then the rank in the list, then the index.
pub(super) struct Key {
    last_resort: bool,
    away: bool,
    broken: usize,
    /// Its value to the policy, as numerator and denominator. More is better.
    worth: (i128, i128),
    rank: u32,
    pub server: usize,
}

impl Key {
    pub fn of(board: &Board<'_>, item: usize, candidate: Candidate) -> Option<Key> {
        let Candidate { server, rank } = candidate;
        let (what, room) = (board.item(item)?, board.problem.rooms.get(server)?);
        let soft = board.rules_of(item).filter(|(_, rule)| !rule.is_strict());
        let broken = soft
            .filter(|(_, rule)| is_misplaced(rule, server) || board.against(item, server, rule, Seen::All).is_some());
        Some(Key {
            last_resort: room.door == Door::LastResort,
            away: matches!(what.zone, ZoneRule::Prefer(zone) if zone != room.zone),
            broken: broken.count(),
            worth: worth(board, item, server)?,
            rank,
            server,
        })
    }

    /// Fractions are compared by their cross products, so that nothing is lost to rounding.
    pub fn compare(&self, other: &Key) -> Ordering {
        let plain = |key: &Key| (key.last_resort, key.away, key.broken);
        let mine = self.worth.0.saturating_mul(other.worth.1);
        let theirs = other.worth.0.saturating_mul(self.worth.1);
        plain(self)
            .cmp(&plain(other))
            .then(theirs.cmp(&mine))
            .then((self.rank, self.server).cmp(&(other.rank, other.server)))
    }
}

fn worth(board: &Board<'_>, item: usize, server: usize) -> Option<(i128, i128)> {
    let (what, room, fill) = (board.item(item)?, board.problem.rooms.get(server)?, board.now.get(server)?);
    let [memory, processors, units] = room.capacity;
    match what.policy {
        Policy::Priority => Some((0, 1)),
        Policy::RoundRobin => Some((0_i128.saturating_sub_unsigned(fill.online), 1)),
        Policy::Load => {
            let [.., used] = fill.used;
            Some((units.map_or(i128::MAX, |units| i128::from(units).saturating_sub_unsigned(used)), 1))
        }
        Policy::BiggestAvailable => {
            let ([memory_used, processors_used, _], [memory_need, processors_need, _]) = (fill.used, what.demand);
            let (free_memory, all_memory) = free_part(memory, memory_used, memory_need, MOST_MEMORY);
            let (free_processors, all_processors) =
                free_part(processors, processors_used, processors_need, MOST_PROCESSORS);
            let weights = board.problem.weights;
            let of_memory = i128::from(weights.memory).saturating_mul(free_memory).saturating_mul(all_processors);
            let of_processors =
                i128::from(weights.processors).saturating_mul(free_processors).saturating_mul(all_memory);
            Some((of_memory.saturating_add(of_processors), all_memory.saturating_mul(all_processors)))
        }
    }
}

/// The part of a capacity that stays free once the need is met, and the capacity.
fn free_part(capacity: Option<u64>, used: u128, need: u64, most: u64) -> (i128, i128) {
    let Some(capacity) = capacity.filter(|capacity| *capacity > 0) else {
        return (i128::from(capacity.is_none()), 1);
    };
    let free = u128::from(capacity).saturating_sub(used).saturating_sub(need.into()).min(most.into());
    (i128::try_from(free).unwrap_or(i128::MAX), i128::from(capacity.min(most)))
}
