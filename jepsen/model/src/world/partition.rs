//! One copy of an LPAR on one server: what it truly does, whatever an HMC may show.

use super::moving::MoveKind;
use super::state::LparState;
use super::time::Time;

/// Whether what lives inside a copy lives: a process of a node, for instance.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Guest {
    /// It does not: its operating system does not run, or not yet.
    Off,
    /// It does.
    Running,
    /// It stands still, and may go on: its operating system hangs, or its disks are gone.
    Frozen,
}

/// What a copy does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Activity {
    NotActivated,
    Starting {
        until: Time,
        outcome: Boot,
    },
    Running,
    OpenFirmware,
    /// `until` is absent when its operating system will never finish.
    ShuttingDown {
        until: Option<Time>,
        restart: bool,
    },
    Error,
}

/// Whether there is a copy at a place.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Definition {
    /// A mobile LPAR that is elsewhere.
    Absent,
    Here,
    /// What a move left behind. It can be activated like any other copy, until an HMC clears it up.
    Remnant,
}

/// How a copy stands in its server's list, whatever it does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Line {
    /// As it is.
    #[default]
    Shown,
    /// Not at all: the user of the HMCs may not see it, or the list is cut short.
    Hidden,
    /// Under another name: somebody renamed it.
    Renamed,
    /// With another UUID: it was removed, and another LPAR got its name.
    Another,
    /// The same, and that one is off, while it runs on under another name and is not listed.
    Replaced,
}

/// How an activation will end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Boot {
    Running,
    Error,
}

/// Whether its operating system talks to the HMCs, since when, and whether it did before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Talk {
    pub(super) talking: bool,
    pub(super) since: Time,
    pub(super) before: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Partition {
    pub(super) definition: Definition,
    /// The move that it is one side of.
    pub(super) moving: Option<MoveKind>,
    /// When it is cleared up.
    pub(super) cleanup_at: Option<Time>,
    pub(super) activity: Activity,
    pub(super) hung: bool,
    pub(super) talk: Talk,
    pub(super) auto_start: bool,
    /// How many of its next activations fail.
    pub(super) failing_starts: u8,
    /// When its server starts it by itself.
    pub(super) autostart_at: Option<Time>,
    /// Whether it was on when its server last went away: what `autorecovery` starts again.
    pub(super) was_on: bool,
    /// How it stands in the list.
    pub(super) line: Line,
    /// What somebody has written about it.
    pub(super) description: String,
}

impl Partition {
    pub(super) fn new(auto_start: bool) -> Self {
        Partition {
            definition: Definition::Here,
            moving: None,
            cleanup_at: None,
            activity: Activity::NotActivated,
            hung: false,
            talk: Talk { talking: false, since: Time::START, before: false },
            auto_start,
            failing_starts: 0,
            autostart_at: None,
            was_on: false,
            line: Line::Shown,
            description: String::new(),
        }
    }

    pub(super) fn state(&self) -> LparState {
        match self.activity {
            Activity::NotActivated => LparState::NotActivated,
            Activity::Starting { .. } => LparState::Starting,
            Activity::Running => LparState::Running,
            Activity::OpenFirmware => LparState::OpenFirmware,
            Activity::ShuttingDown { .. } => LparState::ShuttingDown,
            Activity::Error => LparState::Error,
        }
    }

    /// What a perfectly informed HMC lists of it.
    pub(super) fn listed(&self) -> Option<LparState> {
        match (self.definition, self.moving) {
            (Definition::Absent, _) => None,
            (Definition::Here | Definition::Remnant, Some(MoveKind::Live)) => Some(LparState::MigratingRunning),
            (Definition::Here | Definition::Remnant, Some(MoveKind::Inactive)) => {
                Some(LparState::MigratingNotActivated)
            }
            (Definition::Here | Definition::Remnant, Some(MoveKind::Restart) | None) => Some(self.state()),
        }
    }

    pub(super) fn is_active(&self) -> bool {
        self.state().is_active()
    }

    /// Whether memory and processors are taken by it, or kept for it.
    pub(super) fn holds_resources(&self) -> bool {
        self.is_active() || matches!(self.moving, Some(MoveKind::Live | MoveKind::Restart))
    }

    /// Next instant at which it changes by itself.
    pub(super) fn due(&self) -> Option<Time> {
        let own = match self.activity {
            Activity::Starting { until, .. } => Some(until),
            Activity::ShuttingDown { until, .. } => until,
            Activity::NotActivated | Activity::Running | Activity::OpenFirmware | Activity::Error => None,
        };
        [own, self.autostart_at, self.cleanup_at].into_iter().flatten().min()
    }
}
