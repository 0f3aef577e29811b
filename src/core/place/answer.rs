//! What placement answers: where each item goes, or why it goes nowhere.

use super::Dimension;

/// Why an item cannot go to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// New work may not come there, or there is no such server.
    Closed,
    /// The item must stay in its zone.
    Zone,
    /// Too little is free.
    Short {
        /// Of what.
        dimension: Dimension,
        /// What the item needs.
        need: u64,
        /// What is free.
        free: u64,
    },
    /// Too little is left of a named limit.
    Limit {
        /// Index of the limit.
        limit: usize,
        /// What the item needs.
        need: u64,
        /// What is left.
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

/// What was decided about one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes to this server.
    Goes(usize),
    /// It is left out, and why, for each of its candidates in their order.
    Waits(Vec<(usize, Obstacle)>),
}

/// A running item that is stopped for a more important one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// Who is stopped. It has a verdict of its own.
    pub item: usize,
    /// For whom.
    pub to_place: usize,
}

/// The answer of [`place`](super::place()).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// Every item that waited or was stopped, with what becomes of it, by index.
    pub verdicts: Vec<(usize, Verdict)>,
    /// Who is stopped to make room, in the order in which it was decided.
    pub stops: Vec<Stop>,
    /// Whether everything that was left out is proven to have no place. If not, the budget ran out.
    pub complete: bool,
    /// Steps used of the budget.
    pub steps: u64,
}

impl Placement {
    /// What is placed, and where.
    pub fn placed(&self) -> impl Iterator<Item = (usize, usize)> {
        self.verdicts.iter().filter_map(|(item, verdict)| match verdict {
            Verdict::Goes(server) => Some((*item, *server)),
            Verdict::Waits(_) => None,
        })
    }

    /// What is left out.
    pub fn left_out(&self) -> impl Iterator<Item = usize> {
        self.verdicts.iter().filter(|(_, verdict)| matches!(verdict, Verdict::Waits(_))).map(|(item, _)| *item)
    }
}
