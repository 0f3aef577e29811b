//! The feature level: the version of the rules by which entries are applied and configurations are checked.
//!
//! A ledger is the same on every node only if every node applies every entry by the same rules: also while some run a
//! newer build than others, and when a newer build replays an old log. So a rule that changes after a release depends
//! on the level that the ledger had reached when the entry was applied, never on the build. The level begins at the
//! first and is raised through the log, once every member has said that it understands it; it is never lowered. A
//! build that does not know a level stops before it applies anything under it.
//!
//! A new rule is a function here, named after its decision, and [`Level::NEWEST`] goes up by one with each release
//! that has new rules.

use serde::{Deserialize, Serialize};

/// A feature level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Level(pub u32);

impl Level {
    /// Level of a new cluster.
    pub const FIRST: Level = Level(1);
    /// Highest level that this build knows.
    pub const NEWEST: Level = if cfg!(feature = "next-level") { Level(2) } else { Level::FIRST };

    /// Whether this is the level of `core/next`, a build as a later release would be. No release has what it brings: a rule,
    /// and changes of what is kept and sent. By it `jepsen/fuzz/tests/levels.rs` rehearses an upgrade.
    pub(crate) const fn is_rehearsal(self) -> bool {
        cfg!(feature = "next-level") && self.0 >= 2
    }

    /// Whether a start has twice the lease to settle. No release has this rule, only the build of `core/next`, with
    /// which `jepsen/fuzz/tests/levels.rs` shows that two builds side by side stay the same.
    pub(crate) fn settles_twice_the_lease(self) -> bool {
        self.is_rehearsal()
    }
}

impl Default for Level {
    fn default() -> Self {
        Level::FIRST
    }
}
