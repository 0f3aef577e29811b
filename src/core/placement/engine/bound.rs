//! Proves without a search that an item has no place: too much demand for too few servers.

use super::{
    Item,
    board::{Board, Budget},
};
use std::collections::{BTreeMap, VecDeque};

/// A hard amount of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Resource {
    /// By the position in [`super::Amounts`].
    Amount(usize),
    /// By the index of the limit.
    Limit(usize),
}

/// For each resource, the greatest common divisor of all needs.
pub(super) type Grains = BTreeMap<Resource, u64>;

pub(super) fn grains<'i>(items: impl Iterator<Item = &'i Item>) -> Grains {
    let mut grains = Grains::new();
    for item in items {
        for (resource, need) in needs(item) {
            let grain = grains.entry(resource).or_default();
            let (mut one, mut other) = (*grain, need);
            while let Some(rest) = one.checked_rem(other) {
                (one, other) = (other, rest);
            }
            *grain = one;
        }
    }
    grains
}

fn needs(item: &Item) -> impl Iterator<Item = (Resource, u64)> {
    let amounts = item.demand.into_iter().enumerate().map(|(at, need)| (Resource::Amount(at), need));
    let limits = item.prerequisites.iter().map(|(limit, need)| (Resource::Limit(*limit), *need));
    amounts.chain(limits).filter(|(_, need)| *need > 0)
}

fn need(board: &Board<'_>, item: usize, resource: Resource) -> u128 {
    let named = |item| needs(item).find(|(other, _)| *other == resource).map_or(0, |(_, need)| need);
    board.item(item).map_or(0, named).into()
}

/// The amount on a server that is left for this placement beside running items. `None` for unlimited.
fn spare(board: &Board<'_>, server: usize, resource: Resource) -> Option<u128> {
    let (room, fill) = (board.problem.rooms.get(server)?, board.firm.get(server)?);
    let (has, used) = match resource {
        Resource::Amount(2) if !board.problem.hard_units => return None,
        Resource::Amount(at) => (room.capacity.get(at).copied()??, fill.used.get(at)),
        Resource::Limit(limit) => (room.limits.get(limit).copied().unwrap_or_default(), fill.taken.get(limit)),
    };
    Some(u128::from(has).saturating_sub(used.copied().unwrap_or_default()))
}

/// Whether sums alone prove that an item cannot join those placed before it. A search could take years to find what the
/// sums show.
pub(super) fn is_hopeless(board: &Board<'_>, item: usize, grains: &Grains, budget: &mut Budget) -> bool {
    let Some(what) = board.item(item) else { return true };
    needs(what).any(|(resource, need)| {
        let grain = grains.get(&resource).copied().unwrap_or(1);
        Flow { board, resource, grain, amounts: BTreeMap::new() }.overflows(item, need.into(), budget)
    })
}

/// The greatest flow of items onto their servers, as if each item could be split, grown from the present assignment. If
/// that does not fit, nothing does. If all items need the same, the converse is true as well, because only whole grains
/// of a server count.
struct Flow<'b, 'p> {
    board: &'b Board<'p>,
    resource: Resource,
    grain: u64,
    /// For each server reached: the amount left (`None` for unlimited), and each item's part.
    amounts: BTreeMap<usize, (Option<u128>, BTreeMap<usize, u128>)>,
}

impl Flow<'_, '_> {
    /// Whether a part of an item's need cannot go anywhere.
    fn overflows(&mut self, item: usize, need: u128, budget: &mut Budget) -> bool {
        let mut rest = need;
        while rest > 0 {
            match self.pour(item, rest, budget) {
                Some(0) => return true,
                Some(poured) => rest = rest.saturating_sub(poured),
                None => return false,
            }
        }
        false
    }

    /// Moves as much as possible along one path: onto a server, another item from there onto a second, and so on to one
    /// with something left. `None` if a server on the way is unlimited, or the budget ran out.
    fn pour(&mut self, item: usize, rest: u128, budget: &mut Budget) -> Option<u128> {
        // The item that moves to each server, and the server that each item leaves.
        let (mut comes, mut leaves) = (BTreeMap::new(), BTreeMap::new());
        let mut open = VecDeque::from([item]);
        while let Some(next) = open.pop_front() {
            for candidate in self.board.candidates(next) {
                let server = candidate.server;
                if !budget.step() {
                    return None;
                }
                if comes.contains_key(&server) || self.board.standing(next, server).is_some() {
                    continue;
                }
                comes.insert(server, next);
                let (left, takes) = self.server(server);
                if (*left)? > 0 {
                    return Some(self.carry_out(item, rest, server, &comes, &leaves));
                }
                for other in takes.keys().filter(|other| **other != item) {
                    leaves.entry(*other).or_insert_with(|| {
                        open.push_back(*other);
                        server
                    });
                }
            }
        }
        Some(0)
    }

    fn server(&mut self, server: usize) -> &mut (Option<u128>, BTreeMap<usize, u128>) {
        let Flow { board, resource, grain, amounts } = self;
        amounts.entry(server).or_insert_with(|| {
            let here = board.here.get(server).into_iter().flatten();
            let takes = here.map(|item| (*item, need(board, *item, *resource))).filter(|(_, need)| *need > 0);
            let takes: BTreeMap<usize, u128> = takes.collect();
            let sum = takes.values().fold(0, |sum: u128, need| sum.saturating_add(*need));
            let grained = |spare: u128| spare.saturating_sub(spare.checked_rem((*grain).into()).unwrap_or_default());
            (spare(board, server, *resource).map(|spare| grained(spare).saturating_sub(sum)), takes)
        })
    }

    fn carry_out(
        &mut self,
        item: usize,
        rest: u128,
        end: usize,
        comes: &BTreeMap<usize, usize>,
        leaves: &BTreeMap<usize, usize>,
    ) -> u128 {
        let mut way = Vec::new();
        let mut at = Some(end);
        while let Some((server, comer)) = at.and_then(|server| Some((server, *comes.get(&server)?))) {
            at = leaves.get(&comer).copied().filter(|_| comer != item);
            way.push((server, comer, at));
        }
        let mut poured = rest.min(self.server(end).0.unwrap_or(rest));
        for (_, comer, from) in &way {
            let takes = from.and_then(|from| self.server(from).1.get(comer).copied());
            poured = poured.min(takes.unwrap_or(poured));
        }
        for (server, comer, from) in way {
            let amount = self.server(server).1.entry(comer).or_default();
            *amount = amount.saturating_add(poured);
            let Some(from) = from else { continue };
            let takes = &mut self.server(from).1;
            let left = takes.remove(&comer).unwrap_or_default().saturating_sub(poured);
            if left > 0 {
                takes.insert(comer, left);
            }
        }
        let left = &mut self.server(end).0;
        *left = left.map(|left| left.saturating_sub(poured));
        poured
    }
}
