//! State words of an HMC, spelled as its command line spells them. `reference`: the enumerations of the HMC itself.

use std::fmt;

/// State of a managed system as an HMC shows it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SystemState {
    /// The hypervisor is up.
    Operating,
    /// The hypervisor is up and no LPAR was started with it.
    Standby,
    /// An initial program load is in progress.
    Initializing,
    /// The service processor runs on standby power, everything else is off.
    PowerOff,
    /// On the way to `PowerOff`; LPARs may still run.
    PowerOffInProgress,
    /// Hypervisor or hardware failed; the service processor answers.
    Error,
    /// A platform dump is being taken.
    ErrorDumpInProgress,
    /// Terminated by a checkstop.
    ErrorTerminated,
    /// The service processor lost its partition data; LPARs may run.
    Recovery,
    /// This HMC could not collect all data; LPARs may run.
    Incomplete,
    /// This HMC cannot reach the service processor, for any reason.
    NoConnection,
    /// This HMC's password for the service processor is wrong; LPARs may run.
    FailedAuthentication,
    /// This HMC and the firmware are incompatible; LPARs may run.
    VersionMismatch,
    /// The service processors are failing over; LPARs run.
    ServiceProcessorFailover,
    /// Anything else.
    Unknown,
}

impl SystemState {
    /// Every state, for tables and tests.
    pub const ALL: [SystemState; 15] = [
        Self::Operating,
        Self::Standby,
        Self::Initializing,
        Self::PowerOff,
        Self::PowerOffInProgress,
        Self::Error,
        Self::ErrorDumpInProgress,
        Self::ErrorTerminated,
        Self::Recovery,
        Self::Incomplete,
        Self::NoConnection,
        Self::FailedAuthentication,
        Self::VersionMismatch,
        Self::ServiceProcessorFailover,
        Self::Unknown,
    ];

    /// The words of the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Operating => "Operating",
            Self::Standby => "Standby",
            Self::Initializing => "Initializing",
            Self::PowerOff => "Power Off",
            Self::PowerOffInProgress => "Power Off In Progress",
            Self::Error => "Error",
            Self::ErrorDumpInProgress => "Error - Dump In Progress",
            Self::ErrorTerminated => "Error - Terminated",
            Self::Recovery => "Recovery",
            Self::Incomplete => "Incomplete",
            Self::NoConnection => "No Connection",
            Self::FailedAuthentication => "Failed Authentication",
            Self::VersionMismatch => "Version Mismatch",
            Self::ServiceProcessorFailover => "Service Processor Failover",
            Self::Unknown => "Unknown",
        }
    }

    /// The matching `detailed_state`.
    pub fn detail(self) -> &'static str {
        match self {
            Self::ErrorDumpInProgress => "Dump In Progress",
            Self::ErrorTerminated => "Terminated",
            Self::Recovery => "Recovery",
            Self::Incomplete => "Incomplete",
            Self::FailedAuthentication => "Failed Authentication",
            Self::VersionMismatch => "Version Mismatch",
            Self::ServiceProcessorFailover => "Service Processor Failover",
            Self::Unknown => "Unknown",
            Self::Operating
            | Self::Standby
            | Self::Initializing
            | Self::PowerOff
            | Self::PowerOffInProgress
            | Self::Error
            | Self::NoConnection => "None",
        }
    }
}

/// State of an LPAR copy as an HMC shows it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum LparState {
    /// Off, provided that the reading is live.
    NotActivated,
    /// Being activated.
    Starting,
    /// Its operating system runs, or ran until it hung.
    Running,
    /// At the firmware prompt; holds its resources and can touch its disks.
    OpenFirmware,
    /// Stopping, perhaps for long.
    ShuttingDown,
    /// Running but requires attention, or its activation failed.
    Error,
    /// The HMC does not know.
    NotAvailable,
    /// Moving to another server, running on exactly one of the two.
    MigratingRunning,
    /// Moving to another server, off on both.
    MigratingNotActivated,
}

impl LparState {
    /// The words of the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotActivated => "Not Activated",
            Self::Starting => "Starting",
            Self::Running => "Running",
            Self::OpenFirmware => "Open Firmware",
            Self::ShuttingDown => "Shutting Down",
            Self::Error => "Error",
            Self::NotAvailable => "Not Available",
            Self::MigratingRunning => "Migrating - Running",
            Self::MigratingNotActivated => "Migrating - Not Activated",
        }
    }

    /// Whether a copy that is truly in this state may touch its disks. Asked of the world's truth, where
    /// `NotAvailable` and `Migrating` do not occur; asked of a reading, `NotAvailable` and `MigratingRunning` count as
    /// active, because the copy may be.
    pub fn is_active(self) -> bool {
        !matches!(self, Self::NotActivated | Self::MigratingNotActivated)
    }
}

/// State of an HMC's connection to a service processor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Connection {
    /// Connected, as far as this HMC has noticed.
    Connected,
    /// Lost.
    NoConnection,
    /// Being set up again.
    Connecting,
}

impl Connection {
    /// The words of the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "Connected",
            Self::NoConnection => "No Connection",
            Self::Connecting => "Connecting",
        }
    }
}

impl fmt::Display for SystemState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for LparState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
