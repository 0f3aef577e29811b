//! Proofs without a search that an item has no place: too many, or too much, for too few servers.

use super::board::{Board, Budget};
use std::cmp::Ordering;

/// Whether counting alone proves that an item cannot join those placed before it. A search could need years for what is
/// plain from the sums.
pub(super) fn is_hopeless(board: &Board<'_>, item: usize, least: &[u64; 3], budget: &mut Budget) -> bool {
    is_crowded(board, item, least, budget) || is_too_much(board, item, budget)
}

/// The servers that could come to matter for an item all hold as many items as they ever could, each counted with the
/// least that any item needs. Those items have no other servers, so one more has no place. Exact where all need the same.
fn is_crowded(board: &Board<'_>, item: usize, least: &[u64; 3], budget: &mut Budget) -> bool {
    reach(board, item, budget, |server| is_full(board, server, least)).is_some()
}

/// What the item and those it could push about need is more than their servers have.
fn is_too_much(board: &Board<'_>, item: usize, budget: &mut Budget) -> bool {
    let Some((items, rooms)) = reach(board, item, budget, |_| true) else { return false };
    let (mut need, mut free) = ([0_u128; 3], [0_u128; 3]);
    for what in items.iter().filter_map(|item| board.item(*item)) {
        for (sum, amount) in need.iter_mut().zip(what.demand) {
            *sum = sum.saturating_add(amount.into());
        }
    }
    for server in rooms {
        for (sum, amount) in free.iter_mut().zip(spare(board, server)) {
            *sum = sum.saturating_add(amount.unwrap_or(u128::MAX));
        }
    }
    need.iter().zip(free).any(|(need, free)| need.cmp(&free) == Ordering::Greater)
}

/// What this placement can use of a server: its hard capacity without what runs there.
fn spare(board: &Board<'_>, server: usize) -> [Option<u128>; 3] {
    let (Some(room), Some(fill)) = (board.problem.rooms.get(server), board.firm.get(server)) else { return [None; 3] };
    let [memory, processors, units] = room.capacity;
    let [memory_used, processors_used, units_used] = fill.used;
    let free = |capacity: Option<u64>, used| Some(u128::from(capacity?).saturating_sub(used));
    let units = units.filter(|_| board.problem.hard_units);
    [free(memory, memory_used), free(processors, processors_used), free(units, units_used)]
}

fn is_full(board: &Board<'_>, server: usize, least: &[u64; 3]) -> bool {
    let count = board.here.get(server).map_or(0, Vec::len);
    let holds = |(spare, least): (Option<u128>, &u64)| spare?.checked_div(u128::from(*least));
    spare(board, server).into_iter().zip(least).filter_map(holds).any(|most| most <= count as u128)
}

/// The items that could be moved about for an item, itself among them, and all servers that they can go to. `None` if the
/// budget runs out, or if one of these servers is not what the caller asks.
fn reach(
    board: &Board<'_>,
    item: usize,
    budget: &mut Budget,
    passes: impl Fn(usize) -> bool,
) -> Option<(Vec<usize>, Vec<usize>)> {
    let (mut items, mut rooms, mut next) = (vec![item], Vec::new(), 0_usize);
    let mut seen = vec![false; board.problem.rooms.len()];
    while let Some(item) = items.get(next).copied() {
        next = next.saturating_add(1);
        for candidate in board.candidates(item) {
            if !budget.step() {
                return None;
            }
            let server = candidate.server;
            let Some(known) = seen.get_mut(server).filter(|known| !**known) else { continue };
            if board.standing(item, server).is_some() {
                continue;
            }
            *known = true;
            if !passes(server) {
                return None;
            }
            rooms.push(server);
            items.extend(board.here.get(server)?);
        }
    }
    Some((items, rooms))
}
