//! The search that makes room for one item by moving items that the same placement put before.
//!
//! It starts from the present assignment and keeps as much of it as it can. The item is decided first; an item that is
//! then in the way of a decided one is decided next, on any server that running and decided items leave to it, and so
//! on until nothing is in the way. All other items stay. As every server of every decided item is tried, the search is
//! complete; as no item is decided without need, it looks at little. It is run with a growing limit on the number of
//! decisions, so that it finds a short way before it gets lost in a long one.

use super::{
    Dimension, Rule,
    board::{Board, Budget, Fill, Seen},
    bound::{Grains, grains, is_hopeless},
    score::Key,
};
use std::{cmp::Reverse, collections::BTreeMap};

/// Limits on the number of decisions; without one the search is complete.
const DEPTHS: [usize; 4] = [4, 16, 64, usize::MAX];

/// The result of a search.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// The item has a place, and all items that had one still do.
    Placed,
    /// The item is proven to have no place.
    Impossible,
    /// The budget ran out.
    Unknown,
}

/// Knowledge of servers and items that the searches of a run share.
pub(super) struct Twins {
    /// Class of each server. Servers of one class can be exchanged: the same room, for the same items.
    class: Vec<usize>,
    grains: Grains,
}

impl Twins {
    pub fn of(board: &Board<'_>, wanting: &[usize]) -> Self {
        let mut lists = vec![Vec::new(); board.problem.rooms.len()];
        for item in wanting {
            for candidate in board.candidates(*item) {
                if board.standing(*item, candidate.server).is_none() {
                    lists.get_mut(candidate.server).into_iter().for_each(|list| list.push(*item));
                }
            }
        }
        // A server with a running item that a strict rule names has a class of its own.
        let mut ruled = vec![false; board.problem.rooms.len()];
        for item in board.problem.rules.iter().filter(|rule| rule.is_strict()).flat_map(Rule::items) {
            for server in board.places(*item, Seen::Firm) {
                ruled.get_mut(*server).into_iter().for_each(|ruled| *ruled = true);
            }
        }
        let mut known = BTreeMap::new();
        let rooms = board.problem.rooms.iter().zip(&board.firm).zip(&lists).zip(ruled).enumerate();
        let class = rooms.map(|(index, (((room, fill), list), ruled))| {
            let Fill { used, taken, .. } = fill;
            let looks = (list, room.capacity, used, &room.limits, taken, if ruled { index } else { usize::MAX });
            *known.entry(looks).or_insert(index)
        });
        Twins { class: class.collect(), grains: grains(wanting.iter().filter_map(|item| board.item(*item))) }
    }
}

/// Finds a place for an item that fits nowhere at present.
pub(super) fn make_room(board: &mut Board<'_>, item: usize, twins: &Twins, budget: &mut Budget) -> Found {
    let mut share = budget.share(2);
    let hopeless = is_hopeless(board, item, &twins.grains, &mut share);
    budget.charge(&share);
    if hopeless {
        return Found::Impossible;
    }
    for depth in DEPTHS {
        let share = if depth == usize::MAX { Budget::new(budget.left) } else { budget.share(2) };
        let mut search = Search { board, twins, depth, budget: share, cut: false, frames: Vec::new() };
        let found = search.run(item);
        budget.charge(&search.budget);
        if found != Found::Unknown {
            return found;
        }
    }
    Found::Unknown
}

/// One decision of the search.
struct Frame {
    item: usize,
    /// The room where it was before, to which it goes back if this decision does not help.
    home: Option<usize>,
    /// Servers to try, best first.
    servers: Vec<usize>,
    tried: usize,
    /// Number of first frames with nothing in their way.
    cleared: usize,
}

/// The item that has to be decided next.
enum Next {
    Nobody,
    Item(usize, Vec<usize>),
    DeadEnd,
    OutOfBudget,
}

struct Search<'s, 'p> {
    board: &'s mut Board<'p>,
    twins: &'s Twins,
    depth: usize,
    budget: Budget,
    /// Whether the limit on decisions hid a possibility.
    cut: bool,
    frames: Vec<Frame>,
}

impl Search<'_, '_> {
    fn run(&mut self, item: usize) -> Found {
        let Some(servers) = self.servers(item) else { return Found::Unknown };
        self.frames.push(Frame { item, home: None, servers, tried: 0, cleared: 0 });
        while let Some(top) = self.frames.last_mut() {
            let item = top.item;
            self.board.decide(item, false);
            self.board.take(item);
            let Some(server) = top.servers.get(top.tried).copied() else {
                self.retreat();
                continue;
            };
            top.tried = top.tried.saturating_add(1);
            if self.is_repeat(server) {
                continue;
            }
            self.board.put(item, server);
            self.board.decide(item, true);
            match self.next() {
                Next::Nobody => {
                    for frame in self.frames.drain(..) {
                        self.board.decide(frame.item, false);
                    }
                    return Found::Placed;
                }
                Next::DeadEnd => {}
                Next::Item(..) if self.frames.len() >= self.depth => self.cut = true,
                Next::Item(item, servers) => {
                    let cleared = self.frames.last().map_or(0, |top| top.cleared);
                    let home = self.board.placed.get(item).copied().flatten();
                    self.frames.push(Frame { item, home, servers, tried: 0, cleared });
                }
                Next::OutOfBudget => {
                    while !self.frames.is_empty() {
                        self.retreat();
                    }
                    return Found::Unknown;
                }
            }
        }
        if self.cut { Found::Unknown } else { Found::Impossible }
    }

    /// Takes the last decision back.
    fn retreat(&mut self) {
        let Some(frame) = self.frames.pop() else { return };
        self.board.decide(frame.item, false);
        self.board.take(frame.item);
        if let Some(home) = frame.home {
            self.board.put(frame.item, home);
        }
    }

    /// Whether the last frame tried a twin of a server in vain, and no decided item distinguishes the two.
    fn is_repeat(&self, server: usize) -> bool {
        let Some((top, above)) = self.frames.split_last() else { return false };
        let class = |server: usize| self.twins.class.get(server);
        let plain = |server: usize| {
            !above.iter().any(|frame| self.board.placed.get(frame.item).copied().flatten() == Some(server))
        };
        let before = top.servers.iter().take(top.tried.saturating_sub(1));
        before.filter(|other| class(**other) == class(server)).any(|other| plain(*other)) && plain(server)
    }

    /// Looks for an item in the way of the decided ones, the oldest decision first.
    fn next(&mut self) -> Next {
        loop {
            let cleared = self.frames.last().map_or(0, |top| top.cleared);
            let Some(item) = self.frames.get(cleared).map(|frame| frame.item) else { return Next::Nobody };
            if let Some(other) = self.breaks_rule_with(item) {
                return self.choose(vec![(other, 0)]);
            }
            let crowd = self.crowd(item);
            if !crowd.is_empty() {
                return self.choose(crowd);
            }
            if let Some(top) = self.frames.last_mut() {
                top.cleared = cleared.saturating_add(1);
            }
        }
    }

    /// An undecided item whose place breaks a strict rule with a decided item.
    fn breaks_rule_with(&self, item: usize) -> Option<usize> {
        let server = self.board.placed.get(item).copied().flatten()?;
        let strict = self.board.rules_of(item).filter(|(_, rule)| rule.is_strict());
        strict.filter_map(|(_, rule)| self.board.against(item, server, rule, Seen::All)).next()
    }

    /// If the server of a decided item is too full: the items that could leave it, and their parts of what is short.
    fn crowd(&self, item: usize) -> Vec<(usize, u64)> {
        let at = self.board.placed.get(item).copied().flatten();
        let Some((what, server)) = self.board.item(item).zip(at) else { return Vec::new() };
        let (Some(room), Some(fill), Some(here)) =
            (self.board.problem.rooms.get(server), self.board.now.get(server), self.board.here.get(server))
        else {
            return Vec::new();
        };
        let open = || here.iter().copied().filter(|other| !self.board.is_decided(*other));
        let of = |need: &dyn Fn(usize) -> u64| open().map(|o| (o, need(o))).filter(|(_, need)| *need > 0).collect();
        for (at, dimension) in Dimension::ALL.into_iter().enumerate() {
            let hard = self.board.problem.hard_units || dimension != Dimension::Units;
            let amount = |item: usize| self.board.item(item).and_then(|what| what.demand.get(at)).copied().unwrap_or(0);
            let capacity = room.capacity.get(at).copied().flatten().filter(|_| hard && amount(item) > 0);
            if capacity.is_some_and(|capacity| fill.used.get(at).is_some_and(|used| *used > u128::from(capacity))) {
                return of(&amount);
            }
        }
        for (limit, _) in what.prerequisites.iter().filter(|(_, need)| *need > 0) {
            let has = room.limits.get(*limit).copied().unwrap_or_default();
            if fill.taken.get(*limit).is_some_and(|taken| *taken > u128::from(has)) {
                let needs = |item: usize| self.board.item(item).map_or(&[][..], |what| &what.prerequisites);
                return of(&|item| needs(item).iter().find(|(named, _)| named == limit).map_or(0, |(_, need)| *need));
            }
        }
        Vec::new()
    }

    /// Of the items in the way, the one to decide: one that has a single server left, else one that can leave at once,
    /// else the one with the largest part. If one of them has no server left, the decisions so far are in vain.
    fn choose(&mut self, crowd: Vec<(usize, u64)>) -> Next {
        let mut best = None;
        for (item, amount) in crowd {
            let Some(servers) = self.servers(item) else { return Next::OutOfBudget };
            match servers.as_slice() {
                [] => return Next::DeadEnd,
                [_] => return Next::Item(item, servers),
                [first, ..] => {
                    let home = self.board.placed.get(item).copied().flatten();
                    let stuck = home == Some(*first) || self.board.obstacle(item, *first, Seen::All).is_some();
                    let key = (stuck, Reverse(amount), item);
                    if best.as_ref().is_none_or(|(other, _): &(_, Vec<usize>)| key < *other) {
                        best = Some((key, servers));
                    }
                }
            }
        }
        best.map_or(Next::DeadEnd, |((_, _, item), servers)| Next::Item(item, servers))
    }

    /// The servers that running and decided items leave to an item: first those that are free at present, last the one
    /// where it is. `None` if the budget ran out.
    fn servers(&mut self, item: usize) -> Option<Vec<usize>> {
        let home = self.board.placed.get(item).copied().flatten();
        let mut keys = Vec::new();
        for candidate in self.board.candidates(item) {
            if !self.budget.step() {
                return None;
            }
            if self.board.obstacle(item, candidate.server, Seen::Firm).is_none() {
                let is_home = home == Some(candidate.server);
                let is_taken = self.board.obstacle(item, candidate.server, Seen::All).is_some();
                keys.push((is_home, is_taken, Key::of(self.board, item, *candidate)?));
            }
        }
        keys.sort_by(|one, other| (one.0, one.1).cmp(&(other.0, other.1)).then_with(|| one.2.compare(&other.2)));
        Some(keys.into_iter().map(|(_, _, key)| key.server).collect())
    }
}
