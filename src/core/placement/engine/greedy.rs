//! One placement: item after item in the order of importance, each to the best server by its policy. If an item does
//! not fit, a search moves items that this placement put before; if that is proven impossible, a less important item
//! may be stopped. Because fewer items never fit worse, deciding one item at a time is exact: an item without a place
//! now has none later.

use super::{
    Placement, Problem, Stop, Verdict,
    board::{Board, Budget, Seen},
    preempt,
    score::Key,
    search::{self, Found, Twins},
};
use std::collections::BTreeSet;

/// Divisor of the remaining budget; the quotient is the budget of one search.
const SEARCHES: u64 = 8;

/// Number of proven failures that are remembered, to answer for items that need no less.
const REMEMBERED: usize = 64;

/// Places all waiting items. The budget is in steps; one step is a search's check whether an item can go to a server.
/// An item that fits without a search costs none.
pub fn place(problem: &Problem, budget: u64) -> Placement {
    let mut board = Board::new(problem);
    let waiting = (0..problem.items.len()).filter(|item| board.item(*item).is_some_and(|item| item.waits()));
    let mut run = Run::new(waiting.collect(), Budget::new(budget), problem.preempt);
    run.settle(&mut board);
    let mut verdicts: Vec<(usize, Verdict)> = run.wanting.iter().map(|item| (*item, verdict(&board, *item))).collect();
    verdicts.sort_unstable_by_key(|(item, _)| *item);
    Placement { verdicts, stops: run.stops, complete: run.complete, steps: run.budget.used }
}

fn verdict(board: &Board<'_>, item: usize) -> Verdict {
    if let Some(Some(server)) = board.placed.get(item) {
        return Verdict::Goes(*server);
    }
    let why = |server: usize| Some((server, board.obstacle(item, server, Seen::All)?));
    Verdict::Waits(board.candidates(item).iter().filter_map(|candidate| why(candidate.server)).collect())
}

/// A placement under way.
pub(super) struct Run {
    /// All items to be placed, including those stopped on the way.
    pub wanting: Vec<usize>,
    pub left_out: Vec<usize>,
    pub stops: Vec<Stop>,
    pub complete: bool,
    pub budget: Budget,
    /// Whether less important items may be stopped.
    preempt: bool,
    /// Items still to be decided, the most important first.
    queue: BTreeSet<(u32, usize)>,
    /// Items proven to have no place.
    failed: Vec<usize>,
    twins: Option<Twins>,
    /// Items that may be stopped, by server.
    stoppable: Option<Vec<Vec<usize>>>,
}

impl Run {
    pub fn new(wanting: Vec<usize>, budget: Budget, preempt: bool) -> Self {
        Run {
            wanting,
            left_out: Vec::new(),
            stops: Vec::new(),
            complete: true,
            budget,
            preempt,
            queue: BTreeSet::new(),
            failed: Vec::new(),
            twins: None,
            stoppable: None,
        }
    }

    /// Decides all items to be placed.
    pub fn settle(&mut self, board: &mut Board<'_>) {
        let key = |item: &usize| board.item(*item).map(|what| (what.importance, *item));
        self.queue = self.wanting.iter().filter_map(key).collect();
        while let Some((_, item)) = self.queue.pop_first() {
            if !put_best(board, item) && !self.make_room(board, item) && !self.stop_others(board, item) {
                self.left_out.push(item);
            }
        }
        // Where the budget ran out, or an item was stopped later, a search may have left a gap that fits.
        self.left_out.retain(|item| !put_best(board, *item));
    }

    fn make_room(&mut self, board: &mut Board<'_>, item: usize) -> bool {
        if self.failed.iter().any(|failed| needs_no_less(board, item, *failed)) {
            return false;
        }
        let twins = self.twins.get_or_insert_with(|| Twins::of(board, &self.wanting));
        let mut share = self.budget.share(SEARCHES);
        let found = search::make_room(board, item, twins, &mut share);
        self.budget.charge(&share);
        match found {
            Found::Placed => {}
            Found::Unknown => self.complete = false,
            Found::Impossible if self.failed.len() < REMEMBERED => self.failed.push(item),
            Found::Impossible => {}
        }
        found == Found::Placed
    }

    fn stop_others(&mut self, board: &mut Board<'_>, item: usize) -> bool {
        if !self.preempt {
            return false;
        }
        let stoppable = self.stoppable.get_or_insert_with(|| preempt::stoppable(board));
        let Some((server, victims)) = preempt::victims(board, stoppable, item) else { return false };
        for victim in victims {
            board.lift(victim, true);
            self.stops.push(Stop { item: victim, to_place: item });
            self.wanting.push(victim);
            self.queue.extend(board.item(victim).map(|what| (what.importance, victim)));
        }
        board.put(item, server);
        // There is more room than before, so proofs from when there was less hold no longer.
        self.failed.clear();
        let again = self.left_out.drain(..).filter_map(|item| Some((board.item(item)?.importance, item)));
        self.queue.extend(again);
        self.twins = None;
        true
    }
}

/// Puts an item on the best server that can take it at present.
fn put_best(board: &mut Board<'_>, item: usize) -> bool {
    let free = board.candidates(item).iter().filter(|one| board.obstacle(item, one.server, Seen::All).is_none());
    let best = free.filter_map(|one| Key::of(board, item, *one)).min_by(Key::compare);
    if let Some(best) = &best {
        board.put(item, best.server);
    }
    best.is_some()
}

/// Whether `failed` could be placed wherever `item` could: then `item` has no place if `failed` has none.
fn needs_no_less(board: &Board<'_>, item: usize, failed: usize) -> bool {
    let (Some(what), Some(other)) = (board.item(item), board.item(failed)) else { return false };
    if board.rules_of(failed).any(|(_, rule)| rule.is_strict()) {
        return false;
    }
    let stands = |item: usize, server: usize| board.standing(item, server).is_none();
    let lists = |server: usize| board.candidates(failed).iter().any(|one| one.server == server);
    what.demand.iter().zip(other.demand).all(|(mine, theirs)| *mine >= theirs)
        && other.prerequisites.iter().all(|(limit, need)| {
            *need == 0 || what.prerequisites.iter().any(|(mine, amount)| mine == limit && amount >= need)
        })
        && board
            .candidates(item)
            .iter()
            .filter(|one| stands(item, one.server))
            .all(|one| lists(one.server) && stands(failed, one.server))
}
