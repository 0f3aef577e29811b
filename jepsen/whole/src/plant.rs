//! Bugs that are put in on purpose, around the parts of a node and never inside them: what goes into the machine, what comes
//! out of it, and what its disk keeps. Something here must find each.

/// A bug.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Plant {
    /// A leader takes a quorum for having answered just now.
    QuorumTakenForGranted,
    /// A process says that its disk held nothing when it began, and that a leader answered it at once.
    PastForgotten,
    /// An order that ended in a way that nobody knows is reported done.
    UnknownIsDone,
    /// What came with a refusal is reported as not done, though nobody knows.
    UnknownIsNotDone,
    /// A lease lasts ten times as long as it was granted for.
    LongLease,
    /// The node's clock stands still while its machine does, and nobody tells it.
    ClockStandsStill,
    /// A call is answered before the node is told that its machine stood still.
    CalledBeforeWoken,
    /// A leader plans before it has applied what came before it.
    NotCaughtUp,
    /// A plan whose fate nobody knows counts as refused.
    FateKnown,
    /// A reading that began before the log moved counts as one that began after.
    OldReading,
    /// A write is acknowledged before it is synced.
    NoSync,
    /// A vote is not kept.
    VoteForgotten,
    /// A disk that holds less than was acknowledged is started on.
    Unwitnessed,
}

impl Plant {
    /// All of them.
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

    /// Those that seeds 1 to 40 find, with the first that does. The others are found by scenarios, the explorer and unit tests
    /// (`jepsen/model/mutants.md`); here too much else would have to come together.
    pub const FOUND: [(Plant, u64); 7] = [
        (Plant::VoteForgotten, 2),
        (Plant::Unwitnessed, 21),
        (Plant::OldReading, 1),
        (Plant::ClockStandsStill, 5),
        (Plant::UnknownIsDone, 15),
        (Plant::NotCaughtUp, 36),
        (Plant::NoSync, 1),
    ];

    /// The one with this name.
    pub fn named(name: &str) -> Option<Plant> {
        Plant::ALL.into_iter().find(|plant| format!("{plant:?}") == name)
    }
}
