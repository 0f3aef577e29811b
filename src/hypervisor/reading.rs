//! Facts as they were read from a management console, with their source.

use std::fmt;
use std::time::Duration;

use super::error::Failure;
use super::state::{Connection, LparEnvironment, LparState, RmcState, SystemState};

/// How to name one physical server to its management consoles.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServerAddress {
    /// The name people use; only for messages.
    pub name: String,
    /// Type, model and serial number, `9009-42A*1234567`. Names can be duplicated or changed on a console; this cannot.
    pub mtms: String,
    /// Names of the consoles that manage the server, in the order in which they are asked. Empty means all of them, in
    /// the order in which they are configured.
    pub hmcs: Vec<String>,
}

/// One LPAR in a reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LparReading {
    /// Its name, unique on its server.
    pub name: String,
    /// Its number on the server.
    pub id: Option<u32>,
    /// Its identity, which moves with it between servers. Very old consoles do not print it.
    pub uuid: Option<String>,
    /// What kind of partition it is.
    pub env: LparEnvironment,
    /// Its state.
    pub state: LparState,
    /// RMC to its operating system.
    pub rmc: RmcState,
    /// What somebody has written about it, empty if nobody has; `None` where that was not asked, or is not known there.
    pub description: Option<String>,
}

/// The LPARs of a server, or why they could not be listed. The two are kept apart because an LPAR that is missing from a
/// list is not there, while one that could not be listed may well be running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inventory {
    /// All LPARs that are defined on the server, VIO servers included.
    Listed(Vec<LparReading>),
    /// The console could not list them; the text says why.
    NotReadable(String),
}

/// One answer about one server, from one console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerReading {
    /// State of the system.
    pub system: SystemState,
    /// `detailed_state`, as it was printed; empty where the console does not have it.
    pub detailed_state: String,
    /// The system's own clock, as it was printed. It must advance between two readings that are both live.
    pub system_time: String,
    /// This console's link to the service processor, read after everything else in this reading.
    pub connected: Connection,
    /// Its link to the hypervisor, where that is not the one to the service processor (eBMC): LPARs are known through it.
    pub vmi: Option<Connection>,
    /// Whether the system's own clock stood still between two readings of what has an eBMC: then it shows what it knew last.
    pub stands_still: bool,
    /// The LPARs.
    pub inventory: Inventory,
    /// Name of the console that answered.
    pub via: String,
    /// How long the reading took. Every fact in it is at most this old.
    pub took: Duration,
}

impl ServerReading {
    /// The LPARs, if they could be listed.
    pub fn lpars(&self) -> Option<&[LparReading]> {
        match &self.inventory {
            Inventory::Listed(lpars) => Some(lpars),
            Inventory::NotReadable(_) => None,
        }
    }

    /// The LPAR of that name, if the LPARs could be listed and it is one of them.
    pub fn lpar(&self, name: &str) -> Option<&LparReading> {
        self.lpars()?.iter().find(|lpar| lpar.name == name)
    }

    /// Whether the console was connected to the service processor when it gave this reading, and saw enough of the
    /// server to have a state for it. Without that, states are the last ones it knew.
    pub fn is_live(&self) -> bool {
        let is_seen = match &self.system {
            SystemState::Operating
            | SystemState::Standby
            | SystemState::Initializing
            | SystemState::PowerOff
            | SystemState::PowerOffInProgress
            | SystemState::Error
            | SystemState::ErrorDump
            | SystemState::ErrorTerminated => true,
            // A service processor that has lost its partition data lists nothing, or what it had once.
            SystemState::Recovery
            | SystemState::Incomplete
            | SystemState::NoConnection
            | SystemState::PendingAuthentication
            | SystemState::FailedAuthentication
            | SystemState::VersionMismatch
            | SystemState::ServiceProcessorFailover
            | SystemState::OnDemandRecovery
            | SystemState::Unknown(_) => false,
        };
        is_seen && self.connected == Connection::Connected && !self.lost_hypervisor()
    }

    /// Whether the hypervisor is said to be up, and the link that would tell otherwise is lost.
    pub fn lost_hypervisor(&self) -> bool {
        let up = matches!(self.system, SystemState::Operating | SystemState::Standby);
        let lost = self.vmi.as_ref().is_some_and(|vmi| *vmi != Connection::Connected);
        up && (lost || self.stands_still)
    }
}

/// An amount of memory in MiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mebibytes(pub u64);

impl fmt::Display for Mebibytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} MiB", self.0)
    }
}

/// An amount of processing power in hundredths of a processor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HundredthsOfProcessor(pub u64);

impl fmt::Display for HundredthsOfProcessor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02} processors", self.0 / 100, self.0 % 100)
    }
}

/// What a server has and what of it is free (`lshwres --level sys`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Memory that LPARs can have.
    pub memory: Mebibytes,
    /// Memory that no LPAR holds now.
    pub memory_free: Mebibytes,
    /// Processing power that LPARs can have.
    pub processors: HundredthsOfProcessor,
    /// Processing power that no LPAR holds now.
    pub processors_free: HundredthsOfProcessor,
}

/// How one console is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleStatus {
    /// Its name.
    pub name: String,
    /// How it is.
    pub health: ConsoleHealth,
}

/// Whether a console answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsoleHealth {
    /// It answered, with this version (such as `V11R2`).
    Ok {
        /// Its version.
        version: String,
    },
    /// It did not answer; a later try may.
    Unreachable(Failure),
    /// It rejected our key. Nothing is tried again until its configuration changes or an operator resets it, since
    /// accounts lock after three failures.
    AuthenticationFailed {
        /// What happened, and that everything is stopped.
        reason: String,
    },
    /// It showed a host key that is not the configured one. It was told nothing.
    HostKeyMismatch {
        /// The fingerprint in the configuration.
        expected: String,
        /// The algorithm and fingerprint that it showed.
        presented: String,
    },
}
