//! How loud each note is, and which waits are no news.

use super::{Level, NotHere, Note, ServerWait, Stay, Wait};
use crate::{Power, Verb};

impl Note {
    /// How loud the note is.
    #[rustfmt::skip]
    pub fn level(&self) -> Level {
        match self {
            Note::Held { .. } => Level::Alarm,
            Note::NeedsAdmin { .. } => Level::Alarm,
            Note::Storm { .. } => Level::Alarm,
            Note::Waiting { wait, .. } => wait.level(),
            Note::ServerWaiting { wait: ServerWait::Disarmed { .. } | ServerWait::DrainStuck { .. }, .. } => { Level::Alarm },
            Note::Requested { what: Verb::Disarm, .. } => { Level::Warning },
            Note::Quarantined { .. } => { Level::Warning },
            Note::NotBroughtBack { .. } => { Level::Warning },
            Note::ServerWaiting { wait: ServerWait::Draining { .. } | ServerWait::Drained { .. }, .. } => Level::Info,
            Note::ServerWaiting { wait: ServerWait::NoProof { .. } | ServerWait::Cleaning { .. }, .. } => Level::Alarm,
            Note::Faulted { .. } => Level::Warning,
            Note::ResourceFaulted { .. } => Level::Warning,
            Note::Recycling { .. } => Level::Warning,
            Note::Retrying { .. } => Level::Warning,
            Note::StoppedOnPurpose { .. } => Level::Warning,
            Note::Restarting { .. } => Level::Warning,
            Note::NodeLapsed { .. } => Level::Warning,
            Note::LoginRefused { .. } => Level::Alarm,
            Note::LoginAccepted { .. } => Level::Info,
            Note::ProvenOff { .. } => Level::Warning,
            Note::Loose { .. } => Level::Warning,
            Note::Reappeared { .. } => Level::Warning,
            Note::Stayed { .. } => Level::Warning,
            Note::WrongCopy { .. } | Note::SomebodyElse { .. } => Level::Alarm,
            Note::HookNotRun { .. } => Level::Warning,
            Note::ServerWaiting { wait: ServerWait::Fencing, .. } => Level::Warning,
            Note::Ended { bad, .. } => { if *bad { Level::Warning } else { Level::Info } },
            Note::ViosChanged { down, .. } => { if down.is_empty() { Level::Info } else { Level::Warning } },
            Note::Configured { .. } => Level::Info,
            Note::SystemChanged { .. } => Level::Info,
            Note::CopyChanged { to, .. } => { if matches!(to, Power::Missing | Power::Error) { Level::Warning } else { Level::Info } },
            Note::NotItself { .. } => Level::Alarm,
            Note::NodeReturned { .. } => Level::Info,
            Note::NodeProvenOff { .. } => Level::Warning,
            Note::WrongLpar { .. } | Note::NotItsLpar { .. } => Level::Alarm,
            Note::RunsTwice { .. } | Note::OlderStops { .. } | Note::Diverged { .. } => Level::Alarm,
            Note::WatcherChanged { .. } => Level::Info,
            Note::Adopted { .. } => Level::Info,
            Note::Granted { .. } => Level::Info,
            Note::Ordered { .. } => Level::Info,
            Note::OnlineNow { .. } => Level::Info,
            Note::ResourceBack { .. } => Level::Info,
            Note::Leaving { .. } => Level::Info,
            Note::Vacated { .. } => Level::Info,
            Note::Settled { .. } => Level::Info,
            Note::Released { .. } => Level::Info,
            Note::Cleaned { .. } => Level::Info,
            Note::WaitOver { .. } => Level::Info,
            Note::Fragile { .. } => Level::Warning,
            Note::Removed { .. } => Level::Info,
            Note::Migrating { .. } => Level::Info,
            Note::Migrated { .. } | Note::MoveSettled { .. } => Level::Info,
            Note::FaultsCleared { .. } => Level::Info,
            Note::Requested { .. } => Level::Info,
            Note::QuarantineOver { .. } => Level::Info,
        }
    }
}

impl Wait {
    /// Whether it is the normal course of things, or another note says as much: shown, and no news.
    pub fn is_course(&self) -> bool {
        match self {
            Wait::Fencing { .. }
            | Wait::NodeFencing { .. }
            | Wait::Settling { .. }
            | Wait::Orders { .. }
            | Wait::Reading { .. }
            | Wait::Booting { .. }
            | Wait::Requires { .. }
            | Wait::AdminWait { .. }
            | Wait::Eviction { .. }
            | Wait::Hook { .. }
            | Wait::Held
            | Wait::Migrating { .. }
            | Wait::MoveSettling { .. }
            | Wait::Locating { .. }
            | Wait::Below { .. }
            | Wait::Above { .. }
            | Wait::Queue { .. }
            | Wait::Storm
            | Wait::Parked { .. }
            | Wait::NotManaged => true,
            Wait::Probe { .. }
            | Wait::NoTarget { .. }
            | Wait::NoProof { .. }
            | Wait::Unwatched { .. }
            | Wait::NodeSilent { .. }
            | Wait::Watchdog { .. }
            | Wait::Stuck { .. }
            | Wait::Attention { .. }
            | Wait::Frozen { .. }
            | Wait::Flushed
            | Wait::Tolerance { .. }
            | Wait::MigrationStuck { .. }
            | Wait::HalfMoved { .. }
            | Wait::Child { .. }
            | Wait::Parents { .. }
            | Wait::Apart { .. }
            | Wait::Disarmed { .. }
            | Wait::AutoDisabled { .. }
            | Wait::Stays { .. } => false,
        }
    }

    /// How loud the wait is.
    #[rustfmt::skip]
    pub fn level(&self) -> Level {
        match self {
            // The other groups say what is wrong, if anything is.
            Wait::NoTarget { why } if why.values().all(|why| matches!(why, NotHere::Link { .. })) => Level::Warning,
            Wait::NoTarget { .. } => Level::Alarm,
            Wait::NoProof { .. } => Level::Alarm,
            Wait::Stuck { .. } => Level::Alarm,
            Wait::Attention { .. } => Level::Alarm,
            Wait::AdminWait { .. } => Level::Alarm,
            Wait::Held => Level::Alarm,
            Wait::MigrationStuck { .. } => Level::Alarm,
            Wait::HalfMoved { .. } => Level::Alarm,
            Wait::Unwatched { .. } => Level::Warning,
            // Nothing will prove it off by itself.
            Wait::NodeSilent { lpar: Power::Unknown, .. } => Level::Alarm,
            Wait::NodeSilent { .. } => Level::Warning,
            Wait::NodeFencing { .. } => Level::Warning,
            Wait::Watchdog { .. } => Level::Warning,
            Wait::Flushed => Level::Warning,
            Wait::Eviction { .. } => Level::Info,
            Wait::Tolerance { .. } => Level::Alarm,
            Wait::Frozen { .. } => Level::Warning,
            Wait::Settling { .. } => Level::Warning,
            Wait::Child { unwanted: true, .. } => Level::Warning,
            Wait::Child { unwanted: false, .. } => Level::Info,
            Wait::Storm => Level::Alarm,
            Wait::Disarmed { .. } => Level::Alarm,
            Wait::AutoDisabled { .. } => Level::Alarm,
            Wait::Stays { why: Stay::Nowhere(_), .. } => Level::Alarm,
            Wait::Stays { why: Stay::Frozen | Stay::NotMoved, .. } => Level::Warning,
            Wait::Stays { why: Stay::Declared | Stay::Instance, .. } => Level::Info,
            Wait::Queue { .. } => Level::Info,
            Wait::Parked { .. } => Level::Info,
            Wait::NotManaged => Level::Info,
            Wait::Probe { .. } => Level::Info,
            Wait::Reading { .. } => Level::Info,
            Wait::Fencing { .. } => Level::Info,
            Wait::Orders { .. } => Level::Info,
            Wait::Parents { .. } => Level::Info,
            Wait::Below { .. } => Level::Info,
            Wait::Above { .. } => Level::Info,
            Wait::Apart { .. } => Level::Info,
            Wait::Requires { .. } => Level::Info,
            Wait::Booting { .. } => Level::Info,
            Wait::Hook { .. } => Level::Info,
            Wait::Migrating { .. } => Level::Info,
            Wait::Locating { .. } | Wait::MoveSettling { .. } => Level::Info,
        }
    }
}

impl ServerWait {
    /// Whether another note says as much.
    pub fn is_course(&self) -> bool {
        match self {
            ServerWait::Fencing | ServerWait::Draining { .. } => true,
            ServerWait::Disarmed { .. } | ServerWait::DrainStuck { .. } | ServerWait::Drained { .. } => false,
            ServerWait::Cleaning { resources } => resources.is_empty(),
            ServerWait::NoProof { .. } => false,
        }
    }
}
