//! Survival of losses: whether everything that runs on any so many lost servers has a place on the others.
//!
//! Losses of unrelated servers are examined once by themselves, and not again in combination. Two servers are related
//! if an item of one may go to the other, if items of both may go to a third, or if a strict rule names items of both.

use super::{
    Amounts, Problem, Rule,
    board::{Board, Budget},
    greedy::Run,
};
use std::collections::{BTreeMap, BTreeSet};

/// Divisor of the remaining budget; the quotient is the budget of one loss.
const LOSSES: u64 = 64;

/// The losses in question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Number of servers lost at once, among those that count.
    pub servers: usize,
    /// Whether only losses within one zone are examined.
    pub one_zone: bool,
    /// Number of losses not survived after which to stop.
    pub most: usize,
}

/// A loss that is not survived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The servers lost.
    pub servers: Vec<usize>,
    /// The items that would have no place, by index. All others that ran there would have one.
    pub left_out: Vec<usize>,
}

/// The answer of [`survive`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survival {
    /// Losses proven not to be survived, in the order of their indexes; within zones, zone by zone.
    pub losses: Vec<Loss>,
    /// Number of losses examined.
    pub looked_at: u64,
    /// The first loss on which the budget ran out.
    pub undecided: Option<Vec<usize>>,
    /// Whether every loss was decided. If not, the budget ran out or the number of losses asked for was reached.
    pub complete: bool,
    /// Steps used of the budget.
    pub steps: u64,
}

impl Survival {
    /// Whether every such loss is proven to be survived; also true if there are fewer servers than would be lost.
    pub fn holds(&self) -> bool {
        self.losses.is_empty() && self.complete
    }
}

/// Whether all running items of lost servers can be placed on the others at once, with no other item moved or stopped,
/// and all rules kept. Waiting items take no part. An item that migrates is lost only with source and target. Every
/// loss examined costs a step, and so does every check of a search.
pub fn survive(problem: &Problem, lost: Lost, budget: u64) -> Survival {
    let mut question = Question::new(problem, Budget::new(budget), lost.servers);
    let mut answer = Survival { complete: true, ..Survival::default() };
    let mut zones: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (server, room) in problem.rooms.iter().enumerate().filter(|(_, room)| room.counts) {
        zones.entry(if lost.one_zone { room.zone } else { 0 }).or_default().push(server);
    }
    'all: for servers in zones.values() {
        let mut picks: Vec<usize> = (0..lost.servers).collect();
        let mut more = lost.servers > 0 && lost.servers <= servers.len();
        while more {
            if answer.losses.len() >= lost.most || !question.budget.step() {
                answer.complete = false;
                break 'all;
            }
            let set: Vec<usize> = picks.iter().filter_map(|pick| servers.get(*pick).copied()).collect();
            answer.looked_at = answer.looked_at.saturating_add(1);
            match question.left_out(&set) {
                Some(left_out) if left_out.is_empty() => {}
                Some(left_out) => answer.losses.push(Loss { servers: set, left_out }),
                None => {
                    answer.complete = false;
                    answer.undecided.get_or_insert(set);
                }
            }
            more = advance(&mut picks, servers.len());
        }
    }
    answer.steps = question.budget.used;
    answer
}

/// Advances to the next combination of indexes below a number, in order; false after the last.
fn advance(picks: &mut [usize], below: usize) -> bool {
    let mut end = below;
    for at in (0..picks.len()).rev() {
        end = end.saturating_sub(1);
        let Some(pick) = picks.get(at).copied().filter(|pick| *pick < end) else { continue };
        for (next, later) in picks.iter_mut().skip(at).enumerate() {
            *later = pick.saturating_add(next).saturating_add(1);
        }
        return true;
    }
    false
}

/// Use and free capacity of a server, for operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headroom {
    /// Amounts in use.
    pub used: Amounts,
    /// Free amounts; `None` for unlimited.
    pub free: [Option<u64>; 3],
}

/// The answer of [`capacity`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// One entry for each server.
    pub rooms: Vec<Headroom>,
    /// Number of servers of which any so many, or fewer, can be lost.
    pub survives: usize,
    /// Whether one more is proven to be too many. If not, the budget ran out.
    pub complete: bool,
}

/// Use and free capacity of the servers, and the number of servers that could be lost.
pub fn capacity(problem: &Problem, budget: u64) -> Capacity {
    let board = Board::new(problem);
    let narrow = |amount: u128| u64::try_from(amount).unwrap_or(u64::MAX);
    let rooms = problem.rooms.iter().zip(&board.now).map(|(room, fill)| {
        let mut free = room.capacity;
        for (free, used) in free.iter_mut().zip(fill.used) {
            *free = free.map(|capacity| narrow(u128::from(capacity).saturating_sub(used)));
        }
        Headroom { used: fill.used.map(narrow), free }
    });
    let mut answer = Capacity { rooms: rooms.collect(), survives: 0, complete: true };
    let counting = problem.rooms.iter().filter(|room| room.counts).count();
    let mut budget = Budget::new(budget);
    for servers in 1..=counting {
        let survival = survive(problem, Lost { servers, one_zone: false, most: 1 }, budget.left);
        budget.charge(&Budget { left: 0, used: survival.steps });
        if !survival.holds() {
            answer.complete = !survival.losses.is_empty();
            break;
        }
        answer.survives = servers;
    }
    answer
}

/// The state of one examination of losses.
struct Question<'a> {
    board: Board<'a>,
    budget: Budget,
    servers: usize,
    residents: Vec<Vec<usize>>,
    /// For each server: itself and the servers to which its items could go; and the strict rules that name its items.
    reach: Vec<(BTreeSet<usize>, BTreeSet<usize>)>,
    /// The items left out after the loss of a few servers, as far as it could be decided.
    known: BTreeMap<Vec<usize>, Option<Vec<usize>>>,
}

impl<'a> Question<'a> {
    fn new(problem: &'a Problem, budget: Budget, servers: usize) -> Self {
        let board = Board::new(problem);
        let mut residents = vec![Vec::new(); problem.rooms.len()];
        let own = |server: usize| (BTreeSet::from([server]), BTreeSet::new());
        let mut reach: Vec<_> = (0..problem.rooms.len()).map(own).collect();
        for (index, item) in problem.items.iter().enumerate() {
            for server in &item.at {
                let (Some(residents), Some((rooms, rules))) = (residents.get_mut(*server), reach.get_mut(*server))
                else {
                    continue;
                };
                residents.push(index);
                // Only losses of several servers need to know which servers are related.
                if servers > 1 {
                    rooms.extend(
                        item.candidates.iter().map(|candidate| candidate.server).chain(item.at.iter().copied()),
                    );
                    rules.extend(board.rules_of(index).filter(|(_, rule)| Rule::is_strict(rule)).map(|(rule, _)| rule));
                }
            }
        }
        Question { board, budget, servers, residents, reach, known: BTreeMap::new() }
    }

    /// The items left out after a loss; `None` if the budget does not suffice.
    fn left_out(&mut self, set: &[usize]) -> Option<Vec<usize>> {
        let mut left_out = Vec::new();
        for part in self.parts(set) {
            let found = match self.known.get(&part) {
                Some(found) => found.clone(),
                None => {
                    let found = self.lose(&part);
                    if part.len() < self.servers {
                        self.known.insert(part, found.clone());
                    }
                    found
                }
            };
            left_out.extend(found?);
        }
        left_out.sort_unstable();
        Some(left_out)
    }

    /// Divides the servers of a loss into unrelated parts.
    fn parts(&self, set: &[usize]) -> Vec<Vec<usize>> {
        let mut parts: Vec<Vec<usize>> = Vec::new();
        for server in set {
            let (mut joined, apart): (Vec<_>, Vec<_>) =
                parts.into_iter().partition(|part| part.iter().any(|other| self.meet(*other, *server)));
            joined.push(vec![*server]);
            let mut joined = joined.concat();
            joined.sort_unstable();
            parts = apart;
            parts.push(joined);
        }
        parts
    }

    fn meet(&self, one: usize, other: usize) -> bool {
        let (Some(one), Some(other)) = (self.reach.get(one), self.reach.get(other)) else { return false };
        !one.0.is_disjoint(&other.0) || !one.1.is_disjoint(&other.1)
    }

    /// Loses servers, places their items elsewhere, and puts everything back.
    fn lose(&mut self, set: &[usize]) -> Option<Vec<usize>> {
        let mark = |board: &mut Board<'_>, lost: bool| {
            for server in set {
                board.lost.get_mut(*server).into_iter().for_each(|mark| *mark = lost);
            }
        };
        let is_gone =
            |item: &usize| self.board.item(*item).is_some_and(|item| item.at.iter().all(|at| set.contains(at)));
        let residents = set.iter().filter_map(|server| self.residents.get(*server)).flatten().copied();
        let gone: BTreeSet<usize> = residents.filter(is_gone).collect();
        mark(&mut self.board, true);
        for item in &gone {
            self.board.lift(*item, true);
        }
        let mut run = Run::new(gone.iter().copied().collect(), self.budget.share(LOSSES), false);
        run.settle(&mut self.board);
        self.budget.charge(&run.budget);
        for item in &gone {
            self.board.take(*item);
            self.board.lift(*item, false);
        }
        mark(&mut self.board, false);
        // If everything was placed, it does not matter that a search was given up on the way.
        (run.complete || run.left_out.is_empty()).then_some(run.left_out)
    }
}
