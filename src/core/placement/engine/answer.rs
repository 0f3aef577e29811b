//! The answers of placement: the server of each item, or the reasons that it has none.

use super::Dimension;

/// The reason why an item cannot go to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// New work may not come there, or there is no such server.
    Closed,
    /// The item must stay in its zone.
    Zone,
    /// Too little is free.
    Short {
        /// The dimension.
        dimension: Dimension,
        /// The item's need.
        need: u64,
        /// The free amount.
        free: u64,
    },
    /// Too little is left of a named limit.
    Limit {
        /// Index of the limit.
        limit: usize,
        /// The item's need.
        need: u64,
        /// The amount left.
        left: u64,
    },
    /// A strict rule forbids it.
    Rule {
        /// Index of the rule.
        rule: usize,
        /// The other item, for a rule about items.
        with: Option<usize>,
    },
}

/// The decision on one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes to this server.
    Goes(usize),
    /// It is left out, for these reasons: one for each of its candidates, in their order.
    Waits(Vec<(usize, Obstacle)>),
}

/// A running item that is stopped for a more important one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// The item that is stopped. It has a verdict of its own.
    pub item: usize,
    /// The item for which it is stopped.
    pub to_place: usize,
}

/// The answer of [`place`](super::place()).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// Every item that waited or was stopped, with its verdict, by index.
    pub verdicts: Vec<(usize, Verdict)>,
    /// Items that are stopped to make room, in the order of the decisions.
    pub stops: Vec<Stop>,
    /// Whether every item that was left out is proven to have no place. If not, the budget ran out.
    pub complete: bool,
    /// Steps used of the budget.
    pub steps: u64,
}

impl Placement {
    /// The placed items, with their rooms.
    pub fn placed(&self) -> impl Iterator<Item = (usize, usize)> {
        self.verdicts.iter().filter_map(|(item, verdict)| match verdict {
            Verdict::Goes(server) => Some((*item, *server)),
            Verdict::Waits(_) => None,
        })
    }

    /// The items that are left out.
    pub fn left_out(&self) -> impl Iterator<Item = usize> {
        self.verdicts.iter().filter(|(_, verdict)| matches!(verdict, Verdict::Waits(_))).map(|(item, _)| *item)
    }
}
