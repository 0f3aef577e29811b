//! The changes an HMC can be told to make, and its reasons to refuse them. Typed; the command line is a rendering of
//! exactly these.

use super::id::{LparId, ServerId};

/// The configuration of an activation.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub enum Profile {
    /// Its current configuration: `-o on` without `-f`.
    #[default]
    Current,
    /// A profile by name: `-f`.
    Named(String),
}

/// A way to stop an LPAR.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Stop {
    /// `shutdown`: the hypervisor asks the operating system (the "white button").
    Delayed,
    /// `shutdown --immed`: the hypervisor takes it away. Needs no cooperation.
    Immediate,
    /// `osshutdown`: through RMC.
    Os,
}

/// A change that an HMC can make.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)] // what a name says is not said again
pub enum Command {
    /// `chsysstate -r lpar -o on`
    StartLpar {
        server: ServerId,
        lpar: LparId,
        /// The configuration.
        profile: Profile,
    },
    /// `chsysstate -r lpar -o shutdown|osshutdown`
    StopLpar {
        server: ServerId,
        lpar: LparId,
        stop: Stop,
        /// Whether it starts again afterwards.
        restart: bool,
    },
    /// `chsyscfg -r lpar -i "name=…,description=…"`
    Describe {
        server: ServerId,
        lpar: LparId,
        /// The new description.
        text: String,
    },
    /// `chsysstate -r sys -o on`
    PowerOn { server: ServerId },
    /// `chsysstate -r sys -o off`
    PowerOff {
        server: ServerId,
        /// Without waiting for operating systems.
        immediate: bool,
        /// Whether it starts again afterwards.
        restart: bool,
    },
    /// `migrlpar -o m`: live if the LPAR runs, inactive if it is off. Answered at the end of the move.
    Migrate {
        lpar: LparId,
        /// The source.
        from: ServerId,
        /// The target.
        to: ServerId,
    },
    /// `migrlpar -o s`
    StopMigration {
        lpar: LparId,
        /// The source.
        from: ServerId,
    },
    /// `migrlpar -o r`, `rrstartlpar -o recover`
    RecoverMigration {
        lpar: LparId,
        /// The source; or the target, presumably, if only that still answers.
        server: ServerId,
    },
    /// `rrstartlpar -o restart`. Answered when the LPAR has been made anew and is starting.
    RemoteRestart {
        lpar: LparId,
        /// The source.
        from: ServerId,
        /// The target.
        to: ServerId,
    },
}

impl Command {
    /// The managed system that it changes; for a move, the source.
    pub fn server(&self) -> ServerId {
        match self {
            Command::StartLpar { server, .. }
            | Command::StopLpar { server, .. }
            | Command::Describe { server, .. }
            | Command::PowerOn { server }
            | Command::PowerOff { server, .. }
            | Command::RecoverMigration { server, .. } => *server,
            Command::Migrate { from, .. }
            | Command::StopMigration { from, .. }
            | Command::RemoteRestart { from, .. } => *from,
        }
    }

    /// The other managed system that it changes: the target of a move.
    pub fn target(&self) -> Option<ServerId> {
        match self {
            Command::Migrate { to, .. } | Command::RemoteRestart { to, .. } => Some(*to),
            Command::StartLpar { .. }
            | Command::StopLpar { .. }
            | Command::Describe { .. }
            | Command::PowerOn { .. }
            | Command::PowerOff { .. }
            | Command::StopMigration { .. }
            | Command::RecoverMigration { .. } => None,
        }
    }

    /// Activation with the current configuration.
    pub fn start(server: ServerId, lpar: LparId) -> Self {
        Command::StartLpar { server, lpar, profile: Profile::Current }
    }

    /// A stop without restart.
    pub fn stop(server: ServerId, lpar: LparId, stop: Stop) -> Self {
        Command::StopLpar { server, lpar, stop, restart: false }
    }

    /// The fence: immediate power-off.
    pub fn fence(server: ServerId) -> Self {
        Command::PowerOff { server, immediate: true, restart: false }
    }
}

/// An HMC's answer to the command to power off a server that is off. No recording of a real answer is known.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum OffAlready {
    /// Refuses: it is off already.
    #[default]
    Says,
    /// Accepts, and does nothing.
    Accepts,
    /// Refuses: the server must be Operating.
    NotOperating,
    /// An unknown answer.
    Unlisted,
}

/// Reason why an HMC did not carry out a command.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, thiserror::Error)]
pub enum Refusal {
    /// The HMC itself does not answer. Nothing was done.
    #[error("the HMC does not answer")]
    HmcDown,
    /// The system is not defined in this world.
    #[error("no such managed system")]
    NoSuchServer,
    /// No copy of this LPAR is defined on that system.
    #[error("no such partition on that system")]
    NoSuchLpar,
    /// The LPAR has no profile of that name.
    #[error("no such profile")]
    NoSuchProfile,
    /// Activation of an LPAR that is already active.
    #[error("the partition is not in the Not Activated state")]
    NotOff,
    /// Stop of an LPAR that is already off.
    #[error("the partition is already off")]
    AlreadyOff,
    /// The LPAR or system is in a wrong state.
    #[error("not in a state for this operation")]
    WrongState,
    /// `osshutdown` without RMC.
    #[error("no RMC connection to the partition")]
    NoRmc,
    /// The system is connected but not Operating.
    #[error("the managed system is not Operating")]
    NotOperating,
    /// The HMC has no connection to the system.
    #[error("no connection to the managed system")]
    NoConnection,
    /// Another change holds the system.
    #[error("the managed system is busy")]
    Busy,
    /// Not enough memory on the system for this activation.
    #[error("not enough memory")]
    NotEnoughMemory,
    /// Not enough processing units on the system for this activation.
    #[error("not enough processing units")]
    NotEnoughProcessors,
    /// The target of a move already has a definition of the LPAR.
    #[error("the partition is already defined on the target")]
    AlreadyDefined,
    /// The target of a move has no VIO server up that could serve the LPAR.
    #[error("no VIO server of the target can serve the partition")]
    CannotHost,
    /// Remote restart from a system that is not known to be down.
    #[error("the source is not down")]
    NotDown,
    /// The user may not do this.
    #[error("the user may not do this")]
    NoAuthority,
    /// A description that is not printable ASCII.
    #[error("the description is not printable ASCII")]
    NotPrintable,
    /// A reason of unknown meaning.
    #[error("a reason that is not known")]
    Unlisted,
    /// A move was begun and did not complete. Not a refusal: the state of the LPAR must be read.
    #[error("the move was begun and failed")]
    MoveFailed,
}
