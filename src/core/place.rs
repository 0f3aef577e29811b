//! Placement: which server each waiting group goes to, on a compact model of rooms and items.
//!
//! A *room* is what a server offers, an *item* is a group (or any part of one that is placed by itself). Both are known by
//! their index, every amount is an integer, and the same problem always has the same answer. The caller decides who may
//! run where at all (health, faults, dependencies) and says so with the candidates of an item; this module decides among
//! them. It knows no names, no ledger and no time.
//!
//! What is promised, and shown against brute force by the tests:
//! - What runs is never moved. Capacity, limits, zones and strict rules are never broken by what is placed.
//! - An item is left out only if no assignment of the waiting items places it together with all more important ones that
//!   are placed, unless [`Placement::complete`] says that the budget of steps ran out on the proof.
//! - Placing again with the result as running changes nothing.

mod answer;
mod board;
mod bound;
mod greedy;
mod preempt;
mod rules;
mod score;
mod search;
mod survive;

pub use answer::{Obstacle, Placement, Stop, Verdict};
pub use greedy::place;
pub use rules::{Contradiction, contradictions};
pub use survive::{Capacity, Headroom, Loss, Lost, Survival, capacity, survive};

/// Something a server has a measured amount of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dimension {
    /// Memory in MiB.
    Memory,
    /// Processors in hundredths.
    Processors,
    /// The operator's own units of load.
    Units,
}

impl Dimension {
    /// In the order of [`Amounts`].
    pub const ALL: [Dimension; 3] = [Dimension::Memory, Dimension::Processors, Dimension::Units];
}

/// An amount of each [`Dimension`].
pub type Amounts = [u64; 3];

/// A problem: who wants to run, where, and what must be kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problem {
    /// The servers.
    pub rooms: Vec<Room>,
    /// Everything that waits, and what runs as far as it matters one by one: because a rule names it, because it may be
    /// stopped for another, or because the loss of its server is asked about. The rest may be told in [`Room::used`].
    pub items: Vec<Item>,
    /// What should or must be kept together and apart.
    pub rules: Vec<Rule>,
    /// Whether the capacity in units is hard. If not it may be exceeded, and only guides [`Policy::Load`].
    pub hard_units: bool,
    /// Whether a preemptible running item may be stopped for a more important one that waits.
    pub preempt: bool,
    /// What memory and processors weigh in [`Policy::BiggestAvailable`].
    pub weights: Weights,
}

/// What a server offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Whether new work may come here.
    pub door: Door,
    /// The zone in which it stands.
    pub zone: u32,
    /// What it has, `None` for unlimited.
    pub capacity: [Option<u64>; 3],
    /// What is in use by anything that is not an item of the problem.
    pub used: Amounts,
    /// What is left of each named limit, by the index of the limit, before the items of the problem. One that is not here
    /// has nothing left.
    pub limits: Vec<u64>,
    /// How many groups are online there that are not items of the problem.
    pub online: u64,
    /// Whether [`survive`] may lose it.
    pub counts: bool,
}

/// Whether new work may come to a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Door {
    /// It may.
    #[default]
    Open,
    /// Only if no other server can take it: its own node is silent, for example.
    LastResort,
    /// It may not.
    Closed,
}

/// A group that runs or waits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Item {
    /// Where it takes room now: nowhere while it waits, on source and target while it migrates.
    pub at: Vec<usize>,
    /// Where it may go, best first.
    pub candidates: Vec<Candidate>,
    /// What it needs of each dimension.
    pub demand: Amounts,
    /// What it needs of named limits: index of the limit and amount, each limit once.
    pub prerequisites: Vec<(usize, u64)>,
    /// A smaller number is more important; between equals the smaller index is.
    pub importance: u32,
    /// How a server is chosen among those that can take it.
    pub policy: Policy,
    /// Which zone it likes.
    pub zone: ZoneRule,
    /// Whether it may be stopped to make room for a more important one.
    pub preemptible: bool,
}

impl Item {
    /// Whether it wants to be placed.
    pub fn waits(&self) -> bool {
        self.at.is_empty()
    }
}

/// A server on which an item may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Index of the room.
    pub server: usize,
    /// The smaller the better.
    pub rank: u32,
}

/// How a server is chosen among those that can take an item. Between equals the lower rank wins, then the lower index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// The lowest rank.
    #[default]
    Priority,
    /// The fewest groups online.
    RoundRobin,
    /// The most units available: capacity less what is used, which may be less than nothing.
    Load,
    /// The largest part of memory and processors still free once the item is there: the weighted sum of the two free
    /// parts. What is unlimited is wholly free. Compared as exact fractions.
    BiggestAvailable,
}

/// What memory and processors weigh against each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weights {
    /// Of the free part of memory.
    pub memory: u8,
    /// Of the free part of processors.
    pub processors: u8,
}

impl Default for Weights {
    fn default() -> Self {
        Weights { memory: 1, processors: 1 }
    }
}

/// How an item is bound to a zone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ZoneRule {
    /// Not at all.
    #[default]
    Any,
    /// Servers of this zone first.
    Prefer(u32),
    /// Servers of this zone only.
    Stay(u32),
}

/// What should be kept, or must if it is strict. A soft rule beats the policy and never leaves an item unplaced.
///
/// Rules about items count pairs: an item that takes room on several servers is together with another on any of them, and
/// apart from it on none of them. Items that neither run nor are placed bind nobody. A group that must run beside another
/// is a strict `Together` of the two, one that must not is a strict `Apart`; which of them starts first is for the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// These items on one server.
    Together {
        /// Indexes of items.
        items: Vec<usize>,
        /// Must, not should.
        strict: bool,
    },
    /// No two of these items on one server.
    Apart {
        /// Indexes of items.
        items: Vec<usize>,
        /// Must, not should.
        strict: bool,
    },
    /// These items on these servers.
    Prefer {
        /// Indexes of items.
        items: Vec<usize>,
        /// Indexes of rooms.
        servers: Vec<usize>,
        /// Must, not should.
        strict: bool,
    },
    /// These items not on these servers.
    Avoid {
        /// Indexes of items.
        items: Vec<usize>,
        /// Indexes of rooms.
        servers: Vec<usize>,
        /// Must, not should.
        strict: bool,
    },
}

impl Rule {
    /// The items that it names.
    pub fn items(&self) -> &[usize] {
        match self {
            Rule::Together { items, .. }
            | Rule::Apart { items, .. }
            | Rule::Prefer { items, .. }
            | Rule::Avoid { items, .. } => items,
        }
    }

    /// Whether it must be kept.
    pub fn is_strict(&self) -> bool {
        match self {
            Rule::Together { strict, .. }
            | Rule::Apart { strict, .. }
            | Rule::Prefer { strict, .. }
            | Rule::Avoid { strict, .. } => *strict,
        }
    }
}
