//! The words that a management console uses for states, as types.
//!
//! Promises: parsing is total. Upper and lower case, `-`, `_` and repeated spaces make no difference, since the same HMC spells
//! a state differently on its command line and in its REST API. A word that is not in the HMC's own enumeration stays
//! `Unknown` with its text; it is never mapped to something that looks similar.

use std::fmt;

/// State of a managed system, from the HMC's enumeration (command line spelling in the comments).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SystemState {
    /// `Operating`: the hypervisor is up.
    Operating,
    /// `Standby`: the hypervisor is up and started no LPAR by itself.
    Standby,
    /// `Initializing`: on its way up. LPARs may start by themselves soon.
    Initializing,
    /// `Power Off`: the service processor answers, the rest is off.
    PowerOff,
    /// `Power Off In Progress`.
    PowerOffInProgress,
    /// `Error`: hypervisor or hardware failed, the service processor answers. Says nothing certain about LPARs.
    Error,
    /// `Error - Dump In Progress`.
    ErrorDump,
    /// `Error - Terminated`.
    ErrorTerminated,
    /// `Recovery`: the service processor lost partition data. LPARs may be running.
    Recovery,
    /// `Incomplete`: this HMC could not collect everything. LPARs may be running.
    Incomplete,
    /// `No Connection`: this HMC cannot talk to the service processor. Never proof of death.
    NoConnection,
    /// `Pending Authentication - Password Updates Required`.
    PendingAuthentication,
    /// `Failed Authentication`: this HMC's password for the service processor is wrong.
    FailedAuthentication,
    /// `Version Mismatch`: HMC and firmware levels do not fit.
    VersionMismatch,
    /// `Service Processor Failover`.
    ServiceProcessorFailover,
    /// `On Demand Recovery`.
    OnDemandRecovery,
    /// `Unknown`, or a word that is not in the enumeration, as it was printed.
    Unknown(String),
}

impl SystemState {
    /// Reads the HMC's word.
    pub fn parse(text: &str) -> Self {
        match collapse(text).as_str() {
            "operating" => Self::Operating,
            "standby" => Self::Standby,
            "initializing" => Self::Initializing,
            "power off" => Self::PowerOff,
            "power off in progress" => Self::PowerOffInProgress,
            "error" => Self::Error,
            "error dump in progress" => Self::ErrorDump,
            "error terminated" => Self::ErrorTerminated,
            "recovery" => Self::Recovery,
            "incomplete" => Self::Incomplete,
            "no connection" => Self::NoConnection,
            "pending authentication" | "pending authentication password updates required" => {
                Self::PendingAuthentication
            }
            "failed authentication" => Self::FailedAuthentication,
            "version mismatch" => Self::VersionMismatch,
            "service processor failover" => Self::ServiceProcessorFailover,
            "on demand recovery" => Self::OnDemandRecovery,
            _ => Self::Unknown(text.trim().to_owned()),
        }
    }

    /// Whether the console can list LPAR states that mean something in this system state.
    pub fn can_list_lpars(&self) -> bool {
        match self {
            Self::Operating | Self::Standby | Self::PowerOff => true,
            Self::Initializing
            | Self::PowerOffInProgress
            | Self::Recovery
            | Self::Error
            | Self::ErrorDump
            | Self::ErrorTerminated
            | Self::Incomplete
            | Self::NoConnection
            | Self::PendingAuthentication
            | Self::FailedAuthentication
            | Self::VersionMismatch
            | Self::ServiceProcessorFailover
            | Self::OnDemandRecovery
            | Self::Unknown(_) => false,
        }
    }
}

impl fmt::Display for SystemState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Operating => "Operating",
            Self::Standby => "Standby",
            Self::Initializing => "Initializing",
            Self::PowerOff => "Power Off",
            Self::PowerOffInProgress => "Power Off In Progress",
            Self::Error => "Error",
            Self::ErrorDump => "Error - Dump In Progress",
            Self::ErrorTerminated => "Error - Terminated",
            Self::Recovery => "Recovery",
            Self::Incomplete => "Incomplete",
            Self::NoConnection => "No Connection",
            Self::PendingAuthentication => "Pending Authentication - Password Updates Required",
            Self::FailedAuthentication => "Failed Authentication",
            Self::VersionMismatch => "Version Mismatch",
            Self::ServiceProcessorFailover => "Service Processor Failover",
            Self::OnDemandRecovery => "On Demand Recovery",
            Self::Unknown(text) => return unknown(f, text),
        })
    }
}

/// State of an LPAR, from the HMC's enumeration.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LparState {
    /// `Not Activated`: off, if the system's state was live when this was read.
    NotActivated,
    /// `Starting`.
    Starting,
    /// `Running`.
    Running,
    /// `Open Firmware`: holds its resources and can touch its disks.
    OpenFirmware,
    /// `Shutting Down`: can hang for long.
    ShuttingDown,
    /// `Error`: *running* but requires attention, or an activation failed. Not off.
    Error,
    /// `Not Available`: the console does not know.
    NotAvailable,
    /// `Hardware Discovery`: activated for a while to take inventory.
    HardwareDiscovery,
    /// `Migrating - Running`: active on exactly one of two systems.
    MigratingRunning,
    /// `Migrating - Not Activated`.
    MigratingNotActivated,
    /// `Suspended`.
    Suspended,
    /// `Suspending`.
    Suspending,
    /// `Resuming`.
    Resuming,
    /// `Unknown`, or a word that is not in the enumeration, as it was printed.
    Unknown(String),
}

impl LparState {
    /// Reads the HMC's word.
    pub fn parse(text: &str) -> Self {
        match collapse(text).as_str() {
            "not activated" => Self::NotActivated,
            "starting" => Self::Starting,
            "running" => Self::Running,
            "open firmware" => Self::OpenFirmware,
            "shutting down" => Self::ShuttingDown,
            "error" => Self::Error,
            "not available" => Self::NotAvailable,
            "hardware discovery" => Self::HardwareDiscovery,
            "migrating running" => Self::MigratingRunning,
            "migrating not activated" | "migrating not active" => Self::MigratingNotActivated,
            "suspended" => Self::Suspended,
            "suspending" => Self::Suspending,
            "resuming" => Self::Resuming,
            _ => Self::Unknown(text.trim().to_owned()),
        }
    }
}

impl fmt::Display for LparState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotActivated => "Not Activated",
            Self::Starting => "Starting",
            Self::Running => "Running",
            Self::OpenFirmware => "Open Firmware",
            Self::ShuttingDown => "Shutting Down",
            Self::Error => "Error",
            Self::NotAvailable => "Not Available",
            Self::HardwareDiscovery => "Hardware Discovery",
            Self::MigratingRunning => "Migrating - Running",
            Self::MigratingNotActivated => "Migrating - Not Activated",
            Self::Suspended => "Suspended",
            Self::Suspending => "Suspending",
            Self::Resuming => "Resuming",
            Self::Unknown(text) => return unknown(f, text),
        })
    }
}

/// The link between one management console and a server's service processor, from `lssysconn`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Connection {
    /// At least one service processor of the server is connected.
    Connected,
    /// None is; the text is what the console printed.
    NotConnected(String),
    /// The console has no line about this server, or the line could not be read.
    Unknown,
}

impl Connection {
    /// Reads the word of one service processor.
    pub fn parse(text: &str) -> Self {
        match collapse(text).as_str() {
            "connected" => Self::Connected,
            "" => Self::Unknown,
            _ => Self::NotConnected(text.trim().to_owned()),
        }
    }
}

impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected => f.write_str("Connected"),
            Self::NotConnected(text) => f.write_str(text),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

/// What kind of partition an LPAR is (`lpar_env`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LparEnvironment {
    /// `aixlinux`.
    AixLinux,
    /// `os400`: IBM i.
    Os400,
    /// `vioserver`: a VIO server.
    VioServer,
    /// Anything else, as it was printed.
    Other(String),
}

impl LparEnvironment {
    /// Reads the HMC's word.
    pub fn parse(text: &str) -> Self {
        match collapse(text).as_str() {
            "aixlinux" => Self::AixLinux,
            "os400" => Self::Os400,
            "vioserver" => Self::VioServer,
            _ => Self::Other(text.trim().to_owned()),
        }
    }
}

/// State of the RMC connection to an LPAR's operating system. `Active` is evidence of life; nothing here is evidence of
/// death, since `inactive` is normal for running LPARs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RmcState {
    /// `active`.
    Active,
    /// `inactive`.
    Inactive,
    /// `none`, or nothing printed.
    None,
    /// `unknown`, `busy`, or any other word, as it was printed.
    Unknown(String),
}

impl RmcState {
    /// Reads the HMC's word.
    pub fn parse(text: &str) -> Self {
        match collapse(text).as_str() {
            "active" => Self::Active,
            "inactive" => Self::Inactive,
            "" | "none" | "null" => Self::None,
            _ => Self::Unknown(text.trim().to_owned()),
        }
    }
}

fn unknown(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    if text.is_empty() || text.eq_ignore_ascii_case("unknown") {
        f.write_str("Unknown")
    } else {
        write!(f, "Unknown ({text})")
    }
}

/// Lower case, with every run of spaces, `-` and `_` made one space.
fn collapse(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let words = lower.split(|c: char| c.is_ascii_whitespace() || c == '-' || c == '_').filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_of_the_command_line_and_of_rest_is_the_same_state() {
        for text in ["Not Activated", "not activated", "NOT_ACTIVATED", " not  activated "] {
            assert_eq!(LparState::parse(text), LparState::NotActivated, "{text}");
        }
        for text in ["Error - Dump In Progress", "error dump in progress", "Error - Dump in progress"] {
            assert_eq!(SystemState::parse(text), SystemState::ErrorDump, "{text}");
        }
        assert_eq!(LparState::parse("migrating not active"), LparState::MigratingNotActivated);
    }

    #[test]
    fn a_word_that_is_not_known_is_unknown_and_keeps_its_text() {
        assert_eq!(LparState::parse("Not Activated Yet"), LparState::Unknown("Not Activated Yet".into()));
        assert_eq!(LparState::parse(""), LparState::Unknown(String::new()));
        assert_eq!(SystemState::parse("Power Of"), SystemState::Unknown("Power Of".into()));
        assert_eq!(SystemState::parse("Power Of").to_string(), "Unknown (Power Of)");
    }

    #[test]
    fn every_known_state_is_read_back_from_its_own_text() {
        use SystemState::*;
        let systems = [
            Operating,
            Standby,
            Initializing,
            PowerOff,
            PowerOffInProgress,
            Error,
            ErrorDump,
            ErrorTerminated,
            Recovery,
            Incomplete,
            NoConnection,
            PendingAuthentication,
            FailedAuthentication,
            VersionMismatch,
            ServiceProcessorFailover,
            OnDemandRecovery,
        ];
        for state in systems {
            assert_eq!(SystemState::parse(&state.to_string()), state);
        }
        let lpars = [
            LparState::NotActivated,
            LparState::Starting,
            LparState::Running,
            LparState::OpenFirmware,
            LparState::ShuttingDown,
            LparState::Error,
            LparState::NotAvailable,
            LparState::HardwareDiscovery,
            LparState::MigratingRunning,
            LparState::MigratingNotActivated,
            LparState::Suspended,
            LparState::Suspending,
            LparState::Resuming,
        ];
        for state in lpars {
            assert_eq!(LparState::parse(&state.to_string()), state);
        }
    }
}
