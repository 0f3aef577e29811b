//! The feature level: by which rules entries are applied, and a configuration is checked.
//!
//! A ledger is the same on every node only if every node applies every entry by the same rules: also while some run a newer
//! build than others, and when a newer build goes through an old log again. So a rule that changes after a release is asked
//! of the level that the ledger had reached when the entry was applied, never of the build. The level begins at the first
//! and is raised through the log, once every member has said that it understands it; it is never lowered. A build that does
//! not know a level stops before it applies anything under it.
//!
//! A new rule is a function here, named after what it decides, and [`Level::NEWEST`] goes up by one with each release that
//! has some.

use serde::{Deserialize, Serialize};

/// A feature level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Level(pub u32);

impl Level {
    /// Where every cluster begins.
    pub const FIRST: Level = Level(1);
    /// The highest whose rules this build knows.
    pub const NEWEST: Level = if cfg!(feature = "next-level") { Level(2) } else { Level::FIRST };

    /// Whether this is the level of `core/next`, a build as a later release would be. No release has what it brings: a rule,
    /// and changes of what is kept and sent. By it `jepsen/fuzz/tests/levels.rs` rehearses an upgrade.
    pub(crate) const fn is_rehearsal(self) -> bool {
        cfg!(feature = "next-level") && self.0 >= 2
    }

    /// Whether a start has twice the lease to settle.
    pub(crate) fn settles_twice_the_lease(self) -> bool {
        self.is_rehearsal()
    }
}

impl Default for Level {
    fn default() -> Self {
        Level::FIRST
    }
}
