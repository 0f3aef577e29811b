//! One placement: item after item in the order of importance, each to the server that its policy likes best. Where an item
//! does not fit, a search moves what this placement put before; where that is proven impossible, something less important
//! may be stopped. Because fewer items never fit worse, deciding one item at a time is exact: what has no place now has
//! none later.

use super::{
    Placement, Problem, Stop, Verdict,
    board::{Board, Budget, Seen},
    preempt,
    score::Key,
    search::{self, Found, Twins},
};
use std::collections::BTreeSet;

/// One search may use so small a part of the budget that is left.
const SEARCHES: u64 = 8;

/// Proven failures that are remembered, to answer for items that need no less.
const REMEMBERED: usize = 64;

/// Places what waits. The budget is in steps; one step is one look of a search at whether an item can go to a server. What
/// fits without a search costs none.
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
    /// Everything that is to be placed, also what was stopped on the way.
    pub wanting: Vec<usize>,
    pub left_out: Vec<usize>,
    pub stops: Vec<Stop>,
    pub complete: bool,
    pub budget: Budget,
    /// Whether something less important may be stopped.
    preempt: bool,
    /// What is still to be decided, the most important first.
    queue: BTreeSet<(u32, usize)>,
    /// Items proven to have no place.
    failed: Vec<usize>,
    twins: Option<Twins>,
    /// By server: what may be stopped there.
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

    /// Decides everything that is wanting.
    pub fn settle(&mut self, board: &mut Board<'_>) {
        let key = |item: &usize| board.item(*item).map(|what| (what.importance, *item));
        self.queue = self.wanting.iter().filter_map(key).collect();
        while let Some((_, item)) = self.queue.pop_first() {
            if !put_best(board, item) && !self.make_room(board, item) && !self.stop_others(board, item) {
                self.left_out.push(item);
            }
        }
        // Where the budget ran out, or where something was stopped later, a search may have left a gap that fits.
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
        // There is more room than before, so what was proven of less room holds no longer.
        self.failed.clear();
        let again = self.left_out.drain(..).filter_map(|item| Some((board.item(item)?.importance, item)));
        self.queue.extend(again);
        self.twins = None;
        true
    }
}

/// Puts an item on the best server that can take it as things are.
fn put_best(board: &mut Board<'_>, item: usize) -> bool {
    let free = board.candidates(item).iter().filter(|one| board.obstacle(item, one.server, Seen::All).is_none());
    let best = free.filter_map(|one| Key::of(board, item, *one)).min_by(Key::compare);
    if let Some(best) = &best {
        board.put(item, best.server);
    }
    best.is_some()
}

/// Whether an item could stand wherever another could if it had a place: then it has none if the other has none.
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
