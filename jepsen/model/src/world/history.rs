//! What truly happened in a world, with its time and cause: the evidence that checkers judge.

use super::id::{HmcId, LparId, ServerId};
use super::moving::MoveKind;
use super::state::{LparState, SystemState};
use super::time::Time;

/// Most entries kept. Beyond, the older half is dropped and counted.
pub const HISTORY_LIMIT: usize = 1 << 20;

/// Why something changed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Cause {
    /// It was so when the world began.
    Initial,
    /// An HMC was told to.
    Command(HmcId),
    /// The server did it by itself when it came up.
    Autostart,
    /// The second half of a stop with restart.
    Restart,
    /// The operating system did it by itself.
    Guest,
    /// A fault.
    Fault,
    /// Its server went down.
    ServerDown,
    /// The end of something that began earlier.
    Progress,
    /// The switchover of a live migration. No start and no stop.
    Migration,
}

/// What became of a move.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum MoveStep {
    /// It was begun.
    Begins,
    /// The LPAR belongs to the target.
    Ends,
    /// It was undone.
    Fails,
    /// It was undone on request.
    Stops,
    /// It failed half-way and must be recovered.
    Sticks,
    /// It was recovered: undone if it had not switched over, completed if it had.
    Recovers,
}

/// What changed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)] // what a name says is not said again
pub enum Change {
    /// A server's power.
    Power {
        server: ServerId,
        /// To what; [`SystemState::NoConnection`] stands for a server without input power.
        state: SystemState,
        cause: Cause,
    },
    /// A copy of an LPAR.
    Lpar {
        server: ServerId,
        lpar: LparId,
        /// To what.
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
        /// Where it was.
        from: ServerId,
        /// Where it goes.
        to: ServerId,
        /// What became of it.
        step: MoveStep,
        cause: Cause,
    },
    /// An operating system hung, or went on.
    Hang {
        server: ServerId,
        lpar: LparId,
        /// Whether it hangs now.
        hung: bool,
    },
    /// An HMC noticed that it lost a server, or has it again.
    Connection {
        /// Which HMC.
        hmc: HmcId,
        /// Which server.
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

/// How often an LPAR was started, over all its copies, by what began it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct StartCounts {
    /// It ran when the world began.
    pub initial: u32,
    /// An HMC was told to start it.
    pub command: u32,
    /// A server started it by itself.
    pub autostart: u32,
    /// It was stopped with restart.
    pub restart: u32,
    /// Someone started it by hand, past the HMCs.
    pub foreign: u32,
}

impl StartCounts {
    /// Every start.
    pub fn total(self) -> u32 {
        self.initial + self.command + self.autostart + self.restart + self.foreign
    }
}

/// The record. Entries are in order of time; within one instant, in the order in which they took effect.
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

    /// Whether nothing was ever recorded.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Entries made after the first `cursor` ones.
    pub fn since(&self, cursor: usize) -> &[Entry] {
        &self.entries[cursor.saturating_sub(self.dropped).min(self.entries.len())..]
    }

    /// Starts of an LPAR.
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
