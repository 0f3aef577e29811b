//! Placement: assigns servers to waiting groups, on a compact model of rooms and items.
//!
//! A *room* is the capacity of a server, an *item* is a group (or any part of one that is placed by itself). Both are
//! known by their index, every amount is an integer, and the same problem always has the same answer. The caller
//! decides on which servers an item may run at all (health, faults, dependencies) and lists them as its candidates;
//! this module chooses among them. It knows no names, no ledger and no time.
//!
//! Promises, which the tests check against brute force:
//! - Running items are never moved. Placed items never break capacity, limits, zones and strict rules.
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

/// A measured dimension of a server's capacity.
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
    /// All dimensions, in the order of [`Amounts`].
    pub const ALL: [Dimension; 3] = [Dimension::Memory, Dimension::Processors, Dimension::Units];
}

/// An amount of each [`Dimension`].
pub type Amounts = [u64; 3];

/// A problem of placement: items, rooms, and the rules between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problem {
    /// The servers.
    pub rooms: Vec<Room>,
    /// All waiting items, and the running ones that matter by themselves: those that a rule names, that may be stopped
    /// for another, or whose server's loss is in question. The others may be counted in [`Room::used`].
    pub items: Vec<Item>,
    /// Rules that must or should be kept.
    pub rules: Vec<Rule>,
    /// Whether the capacity in units is hard. If not it may be exceeded, and only guides [`Policy::Load`].
    pub hard_units: bool,
    /// Whether a preemptible running item may be stopped for a more important one that waits.
    pub preempt: bool,
    /// Weights of memory and processors in [`Policy::BiggestAvailable`].
    pub weights: Weights,
}

/// The capacity of a server, and its use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Whether new work may come here.
    pub door: Door,
    /// Its zone.
    pub zone: u32,
    /// Its capacity; `None` for unlimited.
    pub capacity: [Option<u64>; 3],
    /// Amounts in use by anything that is not an item of the problem.
    pub used: Amounts,
    /// The rest of each named limit, by the index of the limit, before the items of the problem. A limit beyond the end
    /// of the list has nothing left.
    pub limits: Vec<u64>,
    /// Number of groups online there that are not items of the problem.
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
    /// The rooms that it occupies now: none while it waits, source and target while it migrates.
    pub at: Vec<usize>,
    /// The rooms to which it may go, best first.
    pub candidates: Vec<Candidate>,
    /// Its need of each dimension.
    pub demand: Amounts,
    /// Its needs of named limits: index of the limit and amount, each limit once.
    pub prerequisites: Vec<(usize, u64)>,
    /// A smaller number is more important; between equals, the smaller index is.
    pub importance: u32,
    /// Choice among the servers that can take it.
    pub policy: Policy,
    /// Its preferred or required zone.
    pub zone: ZoneRule,
    /// Whether it may be stopped to make room for a more important one.
    pub preemptible: bool,
}

impl Item {
    /// Whether it waits for a place.
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

/// Choice among the servers that can take an item. Between equals the lower rank wins, then the lower index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// The lowest rank.
    #[default]
    Priority,
    /// The fewest groups online.
    RoundRobin,
    /// The most units available: capacity less use, which may be negative.
    Load,
    /// The largest share of memory and processors still free once the item is there: the weighted sum of the two free
    /// shares. An unlimited capacity is wholly free. Compared as exact fractions.
    BiggestAvailable,
}

/// Weights of memory and processors against each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weights {
    /// Weight of the free share of memory.
    pub memory: u8,
    /// Weight of the free share of processors.
    pub processors: u8,
}

impl Default for Weights {
    fn default() -> Self {
        Weights { memory: 1, processors: 1 }
    }
}

/// The bond of an item to a zone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ZoneRule {
    /// None.
    #[default]
    Any,
    /// Servers of this zone first.
    Prefer(u32),
    /// Servers of this zone only.
    Stay(u32),
}

/// A rule that must be kept if strict, and should otherwise. A soft rule beats the policy and never leaves an item out.
///
/// Rules between items apply to pairs: an item on several servers is together with another on any of them, and apart
/// from it on none. Items that neither run nor are placed bind no others. A group that must run beside another is a
/// strict `Together` of the two, one that must not is a strict `Apart`; the order of starts is for the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// These items on one server.
    Together {
        /// Indexes of items.
        items: Vec<usize>,
        /// Whether it must be kept.
        strict: bool,
    },
    /// No two of these items on one server.
    Apart {
        /// Indexes of items.
        items: Vec<usize>,
        /// Whether it must be kept.
        strict: bool,
    },
    /// These items on these servers.
    Prefer {
        /// Indexes of items.
        items: Vec<usize>,
        /// Indexes of rooms.
        servers: Vec<usize>,
        /// Whether it must be kept.
        strict: bool,
    },
    /// These items not on these servers.
    Avoid {
        /// Indexes of items.
        items: Vec<usize>,
        /// Indexes of rooms.
        servers: Vec<usize>,
        /// Whether it must be kept.
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
