//! The true events of a world, with their times and causes: the evidence for the checkers.

use super::id::{HmcId, LparId, ServerId};
use super::moving::MoveKind;
use super::state::{LparState, SystemState};
use super::time::Time;

/// Maximum number of entries kept. Beyond it, the older half is dropped and counted.
pub const HISTORY_LIMIT: usize = 1 << 20;

/// Cause of a change.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Cause {
    /// It was the initial state.
    Initial,
    /// A command to an HMC.
    Command(HmcId),
    /// The server's own start.
    Autostart,
    /// The second half of a stop with restart.
    Restart,
    /// The operating system itself.
    Guest,
    /// A fault.
    Fault,
    /// The failure or power-off of its server.
    ServerDown,
    /// The completion of an earlier action.
    Progress,
    /// The switchover of a live migration. Neither a start nor a stop.
    Migration,
}

/// A step of a move.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum MoveStep {
    /// It begins.
    Begins,
    /// It ends: the LPAR belongs to the target.
    Ends,
    /// It fails and is undone.
    Fails,
    /// It is undone on request.
    Stops,
    /// It fails half-way and must be recovered.
    Sticks,
    /// It is recovered: undone before the switchover, completed after it.
    Recovers,
}

/// A change of the world.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)] // what a name says is not said again
pub enum Change {
    /// A server's power.
    Power {
        server: ServerId,
        /// The new state; [`SystemState::NoConnection`] stands for a server without input power.
        state: SystemState,
        cause: Cause,
    },
    /// A copy of an LPAR.
    Lpar {
        server: ServerId,
        lpar: LparId,
        /// The new state.
        state: LparState,
        cause: Cause,
    },
    /// A mobile LPAR became defined on a server, or no longer is.
    Definition {
        server: ServerId,
        lpar: LparId,
        /// Whether it is defined there now.
        defined: bool,
        cause: Cause,
    },
    /// A move of an LPAR.
    Move {
        lpar: LparId,
        kind: MoveKind,
        /// The source.
        from: ServerId,
        /// The target.
        to: ServerId,
        /// The step.
        step: MoveStep,
        cause: Cause,
    },
    /// An operating system hung, or continued.
    Hang {
        server: ServerId,
        lpar: LparId,
        /// Whether it hangs now.
        hung: bool,
    },
    /// An HMC noticed that its connection to a server was lost or restored.
    Connection {
        /// The HMC.
        hmc: HmcId,
        /// The server.
        server: ServerId,
        /// Whether it is connected now.
        connected: bool,
    },
    /// An HMC went down or came up.
    Hmc {
        hmc: HmcId,
        /// Whether it is up now.
        up: bool,
    },
}

/// A change and its time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Entry {
    pub at: Time,
    pub change: Change,
}

/// Number of starts of an LPAR, over all its copies, by cause.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct StartCounts {
    /// Running when the world began.
    pub initial: u32,
    /// Starts by command to an HMC.
    pub command: u32,
    /// Starts by its server itself.
    pub autostart: u32,
    /// Starts after a stop with restart.
    pub restart: u32,
    /// Starts by hand, without an HMC.
    pub foreign: u32,
}

impl StartCounts {
    /// Number of all starts.
    pub fn total(self) -> u32 {
        self.initial + self.command + self.autostart + self.restart + self.foreign
    }
}

/// The recorded history. Entries are in order of time; within one instant, in the order in which they took effect.
#[derive(Clone, Debug)]
pub struct History {
    keep: bool,
    entries: Vec<Entry>,
    dropped: usize,
    starts: Vec<StartCounts>,
}

impl History {
    pub(super) fn new(keep: bool, lpars: usize) -> Self {
        History { keep, entries: Vec::new(), dropped: 0, starts: vec![StartCounts::default(); lpars] }
    }

    /// Entries kept, oldest first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Number of entries ever made. A cursor for [`History::since`].
    pub fn len(&self) -> usize {
        self.dropped + self.entries.len()
    }

    /// Whether nothing was recorded yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Entries made after the first `cursor` ones.
    pub fn since(&self, cursor: usize) -> &[Entry] {
        &self.entries[cursor.saturating_sub(self.dropped).min(self.entries.len())..]
    }

    /// Number of starts of an LPAR.
    pub fn starts(&self, lpar: LparId) -> StartCounts {
        self.starts.get(lpar.index()).copied().unwrap_or_default()
    }

    pub(super) fn push(&mut self, at: Time, change: Change) {
        self.count(change);
        if !self.keep {
            self.dropped += 1;
            return;
        }
        if self.entries.len() >= HISTORY_LIMIT {
            self.entries.drain(..HISTORY_LIMIT / 2);
            self.dropped += HISTORY_LIMIT / 2;
        }
        self.entries.push(Entry { at, change });
    }

    fn count(&mut self, change: Change) {
        let Change::Lpar { lpar, state, cause, .. } = change else {
            return;
        };
        let Some(starts) = self.starts.get_mut(lpar.index()) else {
            return;
        };
        match cause {
            Cause::Initial => starts.initial += 1,
            Cause::Command(_) if state == LparState::Starting => starts.command += 1,
            Cause::Autostart => starts.autostart += 1,
            Cause::Restart => starts.restart += 1,
            Cause::Fault if state == LparState::Starting => starts.foreign += 1,
            Cause::Command(_)
            | Cause::Guest
            | Cause::Fault
            | Cause::ServerDown
            | Cause::Progress
            | Cause::Migration => {}
        }
    }
}
