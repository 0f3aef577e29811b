//! Preemption: chooses the items to stop so that a more important item has a place.
//!
//! Candidates are running items that may be stopped, are strictly less important and occupy a single server. One server
//! is cleared at a time, while all other items stay: the least important go first until the item fits, then those that
//! turn out not to be needed are spared, the most important first. Of the servers that can be cleared, the one whose
//! most important victim is the least important is chosen, then the one with the fewest victims, then the one that the
//! item prefers.

use super::{
    board::{Board, Seen},
    score::Key,
};
use std::cmp::Reverse;

/// Items that may be stopped for a sufficiently important one, by server.
pub(super) fn stoppable(board: &Board<'_>) -> Vec<Vec<usize>> {
    let mut stoppable = vec![Vec::new(); board.problem.rooms.len()];
    for (index, item) in board.problem.items.iter().enumerate().filter(|(_, item)| item.preemptible) {
        if let [server] = item.at.as_slice() {
            stoppable.get_mut(*server).into_iter().for_each(|here| here.push(index));
        }
    }
    stoppable
}

/// The server to clear for an item, and the items that have to leave it.
pub(super) fn victims(board: &mut Board<'_>, stoppable: &[Vec<usize>], item: usize) -> Option<(usize, Vec<usize>)> {
    let mut best: Option<(Reverse<u32>, usize, Key, Vec<usize>)> = None;
    for candidate in board.candidates(item) {
        let here = stoppable.get(candidate.server).map_or(&[][..], Vec::as_slice);
        let Some(victims) = to_clear(board, here, item, candidate.server) else { continue };
        let Some(key) = Key::of(board, item, *candidate) else { continue };
        let highest = victims.iter().filter_map(|victim| Some(board.item(*victim)?.importance)).min();
        let cost = (Reverse(highest.unwrap_or(u32::MAX)), victims.len());
        let is_better = best.as_ref().is_none_or(|(highest, count, other, _)| {
            cost.cmp(&(*highest, *count)).then_with(|| key.compare(other)).is_lt()
        });
        if is_better {
            best = Some((cost.0, cost.1, key, victims));
        }
    }
    best.map(|(_, _, key, victims)| (key.server, victims))
}

/// The fewest items that have to leave one server; `None` if clearing it does not help. Leaves the board unchanged.
fn to_clear(board: &mut Board<'_>, stoppable: &[usize], item: usize, server: usize) -> Option<Vec<usize>> {
    if board.standing(item, server).is_some() {
        return None;
    }
    let importance = board.item(item)?.importance;
    let may_go = |other: &usize| {
        let lifted = board.lifted.get(*other).copied().unwrap_or_default();
        board.item(*other).filter(|what| !lifted && what.importance > importance).map(|what| (what.importance, *other))
    };
    let mut pool: Vec<(u32, usize)> = stoppable.iter().filter_map(may_go).collect();
    pool.sort_unstable();
    let mut gone = Vec::new();
    while board.obstacle(item, server, Seen::All).is_some() {
        let Some((_, other)) = pool.pop() else { break };
        board.lift(other, true);
        gone.push(other);
    }
    let fits = board.obstacle(item, server, Seen::All).is_none();
    let mut needed = Vec::new();
    for other in gone.into_iter().rev() {
        board.lift(other, false);
        if fits && board.obstacle(item, server, Seen::All).is_some() {
            board.lift(other, true);
            needed.push(other);
        }
    }
    for other in &needed {
        board.lift(*other, false);
    }
    fits.then_some(needed)
}
