//! Planted bugs, around the parts of a node and never inside them: in the inputs and outputs of its state machine,
//! and in its disk. Each must be found by some test.

/// A planted bug.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Plant {
    /// A leader assumes that a quorum has answered just now.
    QuorumTakenForGranted,
    /// A process claims that its disk was empty when it started.
    PastForgotten,
    /// An order with unknown outcome is reported done.
    UnknownIsDone,
    /// An order with unknown outcome is reported not done.
    UnknownIsNotDone,
    /// A lease lasts ten times as long as granted.
    LongLease,
    /// The node's clock stands still while its machine is suspended, and the node is not told.
    ClockStandsStill,
    /// A call is answered before the node is told that its machine was suspended.
    CalledBeforeWoken,
    /// A leader plans before it has applied all entries of its predecessors.
    NotCaughtUp,
    /// A plan with unknown fate counts as refused.
    FateKnown,
    /// A reading counts as newer than every log entry.
    OldReading,
    /// A write is acknowledged before it is synced.
    NoSync,
    /// A vote is not stored.
    VoteForgotten,
    /// A node starts on a disk that holds less than was acknowledged.
    Unwitnessed,
}

impl Plant {
    /// All planted bugs.
    pub const ALL: [Plant; 13] = [
        Plant::QuorumTakenForGranted,
        Plant::PastForgotten,
        Plant::UnknownIsDone,
        Plant::UnknownIsNotDone,
        Plant::LongLease,
        Plant::ClockStandsStill,
        Plant::CalledBeforeWoken,
        Plant::NotCaughtUp,
        Plant::FateKnown,
        Plant::OldReading,
        Plant::NoSync,
        Plant::VoteForgotten,
        Plant::Unwitnessed,
    ];

    /// Those that seeds 1 to 40 find, each with the first seed. The others are found by scenarios, the explorer and
    /// unit tests (`jepsen/model/mutants.md`); here too many conditions would have to coincide.
    pub const FOUND: [(Plant, u64); 7] = [
        (Plant::VoteForgotten, 3),
        (Plant::Unwitnessed, 21),
        (Plant::OldReading, 1),
        (Plant::ClockStandsStill, 5),
        (Plant::UnknownIsDone, 15),
        (Plant::NotCaughtUp, 36),
        (Plant::NoSync, 1),
    ];

    /// The bug of this name.
    pub fn named(name: &str) -> Option<Plant> {
        Plant::ALL.into_iter().find(|plant| format!("{plant:?}") == name)
    }
}
