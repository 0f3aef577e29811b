//! One copy of an LPAR on one server: its true state, whatever an HMC may show.

use super::moving::MoveKind;
use super::state::LparState;
use super::time::Time;

/// State of the software inside a copy: a process of a node, for instance.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Guest {
    /// Down: the operating system does not run, or not yet.
    Off,
    /// Running.
    Running,
    /// Stopped for now, and may continue: its operating system hangs, or its disks are gone.
    Frozen,
}

/// True state of a copy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Activity {
    NotActivated,
    Starting {
        until: Time,
        outcome: Boot,
    },
    Running,
    OpenFirmware,
    /// `until` is absent if its operating system will never finish.
    ShuttingDown {
        until: Option<Time>,
        restart: bool,
    },
    Error,
}

/// Whether a copy is defined on a server.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Definition {
    /// A mobile LPAR that is defined elsewhere.
    Absent,
    Here,
    /// The remnant of a move. It can be activated like any other copy, until an HMC cleans it up.
    Remnant,
}

/// The listing of a copy on its server, whatever its state.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Line {
    /// Truly.
    #[default]
    Shown,
    /// Not listed: the user of the HMCs may not see it, or the list is truncated.
    Hidden,
    /// Under another name: it was renamed.
    Renamed,
    /// With another UUID: it was removed, and another LPAR got its name.
    Another,
    /// Like `Another`, and off, while the original runs on under another name and is not listed.
    Replaced,
}

/// Result of an activation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Boot {
    Running,
    Error,
}

/// Whether its operating system talks to the HMCs, the time of the last change, and the state before that.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Talk {
    pub(super) talking: bool,
    pub(super) since: Time,
    pub(super) before: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Partition {
    pub(super) definition: Definition,
    /// Its move, if it is the source or target of one.
    pub(super) moving: Option<MoveKind>,
    /// Time of its cleanup.
    pub(super) cleanup_at: Option<Time>,
    pub(super) activity: Activity,
    pub(super) hung: bool,
    pub(super) talk: Talk,
    pub(super) auto_start: bool,
    /// Number of its next activations that fail.
    pub(super) failing_starts: u8,
    /// Time at which its server starts it by itself.
    pub(super) autostart_at: Option<Time>,
    /// Whether it was on when its server last went down; `autorecovery` starts these again.
    pub(super) was_on: bool,
    /// Its listing.
    pub(super) line: Line,
    /// Its description, as set by an administrator.
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

    /// The listing by a perfectly informed HMC.
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

    /// Whether it holds memory and processors, or they are reserved for it.
    pub(super) fn holds_resources(&self) -> bool {
        self.is_active() || matches!(self.moving, Some(MoveKind::Live | MoveKind::Restart))
    }

    /// Time of its next change by itself.
    pub(super) fn due(&self) -> Option<Time> {
        let own = match self.activity {
            Activity::Starting { until, .. } => Some(until),
            Activity::ShuttingDown { until, .. } => until,
            Activity::NotActivated | Activity::Running | Activity::OpenFirmware | Activity::Error => None,
        };
        [own, self.autostart_at, self.cleanup_at].into_iter().flatten().min()
    }
}
