//! The words of a management console for states, as types.
//!
//! Promises: parsing is total. Upper and lower case, `-`, `_` and repeated spaces make no difference, since the same HMC spells
//! a state differently on its command line and in its REST API. A word that is not in the HMC's own enumeration stays
//! `Unknown` with its text; it is never mapped to something that looks similar.

use crate::ForeignText;
use std::fmt;

words! {
    /// State of a managed system, from the HMC's enumeration.
    SystemState {
        /// The hypervisor is up.
        Operating: "Operating",
        /// The hypervisor is up and started no LPAR by itself.
        Standby: "Standby",
        /// On its way up. LPARs may start by themselves soon.
        Initializing: "Initializing",
        /// The service processor answers, the rest is off.
        PowerOff: "Power Off",
        /// On its way to `PowerOff`. LPARs may still run.
        PowerOffInProgress: "Power Off In Progress",
        /// Hypervisor or hardware failed, the service processor answers. Says nothing certain about LPARs.
        Error: "Error",
        /// Like `Error`, and a dump is being taken.
        ErrorDump: "Error - Dump In Progress",
        /// Like `Error`, after a checkstop.
        ErrorTerminated: "Error - Terminated",
        /// The service processor lost partition data. LPARs may be running.
        Recovery: "Recovery",
        /// This HMC could not collect everything. LPARs may be running.
        Incomplete: "Incomplete",
        /// This HMC cannot talk to the service processor. Never proof of death.
        NoConnection: "No Connection",
        /// This HMC's passwords for the service processor must be set.
        PendingAuthentication: "Pending Authentication - Password Updates Required" or "Pending Authentication",
        /// This HMC's password for the service processor is wrong.
        FailedAuthentication: "Failed Authentication",
        /// HMC and firmware levels do not fit.
        VersionMismatch: "Version Mismatch",
        /// One service processor takes over from the other.
        ServiceProcessorFailover: "Service Processor Failover",
        /// Recovery of capacity on demand.
        OnDemandRecovery: "On Demand Recovery",
    }
}

words! {
    /// State of an LPAR, from the HMC's enumeration.
    LparState {
        /// Off, if the system's state was live when this was read.
        NotActivated: "Not Activated",
        /// Being activated.
        Starting: "Starting",
        /// Its operating system runs, or hangs.
        Running: "Running",
        /// Holds its resources and can touch its disks.
        OpenFirmware: "Open Firmware",
        /// Shutting down; can hang for long.
        ShuttingDown: "Shutting Down",
        /// *Running* but requires attention, or an activation failed. Not off.
        Error: "Error",
        /// The console does not know.
        NotAvailable: "Not Available",
        /// Activated for a while to take inventory.
        HardwareDiscovery: "Hardware Discovery",
        /// Active on exactly one of two systems.
        MigratingRunning: "Migrating - Running",
        /// On its way between two systems, off on both.
        MigratingNotActivated: "Migrating - Not Activated" or "Migrating - Not Active",
        /// Its memory is on disk.
        Suspended: "Suspended",
        /// On its way to `Suspended`.
        Suspending: "Suspending",
        /// On its way back from `Suspended`.
        Resuming: "Resuming",
    }
}

/// The link between one management console and a server's service processor, from `lssysconn`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Connection {
    /// At least one service processor of the server is connected.
    Connected,
    /// None is; the text is what the console printed.
    NotConnected(ForeignText),
    /// The console has no line about this server, or the line could not be read.
    Unknown,
}

impl Connection {
    /// Parses the word of one service processor.
    pub fn parse(text: &str) -> Self {
        match text {
            _ if same(text, "Connected") => Self::Connected,
            _ if same(text, "") => Self::Unknown,
            _ => Self::NotConnected(text.trim().into()),
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

/// Kind of partition (`lpar_env`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LparEnvironment {
    /// `aixlinux`.
    AixLinux,
    /// `os400`: IBM i.
    Os400,
    /// `vioserver`: a VIO server.
    VioServer,
    /// Anything else, as it was printed.
    Other(ForeignText),
}

impl LparEnvironment {
    /// Parses the HMC's word.
    pub fn parse(text: &str) -> Self {
        match text {
            _ if same(text, "aixlinux") => Self::AixLinux,
            _ if same(text, "os400") => Self::Os400,
            _ if same(text, "vioserver") => Self::VioServer,
            _ => Self::Other(text.trim().into()),
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
    Unknown(ForeignText),
}

impl RmcState {
    /// Parses the HMC's word.
    pub fn parse(text: &str) -> Self {
        match text {
            _ if same(text, "active") => Self::Active,
            _ if same(text, "inactive") => Self::Inactive,
            _ if ["", "none", "null"].iter().any(|none| same(text, none)) => Self::None,
            _ => Self::Unknown(text.trim().into()),
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

/// Whether two texts are the same word: case does not count, nor whether its parts are joined by spaces, `-` or `_`.
fn same(one: &str, other: &str) -> bool {
    let (mut one, mut other) = (parts(one), parts(other));
    loop {
        match (one.next(), other.next()) {
            (None, None) => return true,
            (Some(one), Some(other)) if one.eq_ignore_ascii_case(other) => {}
            (Some(_), _) | (_, Some(_)) => return false,
        }
    }
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_ascii_whitespace() || c == '-' || c == '_').filter(|part| !part.is_empty())
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
        assert_eq!(SystemState::parse("pending authentication"), SystemState::PendingAuthentication);
    }

    #[test]
    fn a_word_that_is_not_known_is_unknown_and_keeps_its_text() {
        assert_eq!(LparState::parse("Not Activated Yet"), LparState::Unknown("Not Activated Yet".into()));
        assert_eq!(LparState::parse("Not"), LparState::Unknown("Not".into()));
        assert_eq!(LparState::parse(""), LparState::Unknown(String::new().into()));
        assert_eq!(SystemState::parse("Power Of"), SystemState::Unknown("Power Of".into()));
        assert_eq!(SystemState::parse("Power Of").to_string(), "Unknown (Power Of)");
        assert_eq!(SystemState::parse("unknown").to_string(), "Unknown");
    }

    #[test]
    fn every_known_state_is_read_back_from_its_own_text() {
        for state in SystemState::ALL {
            assert_eq!(SystemState::parse(&state.to_string()), *state);
        }
        for state in LparState::ALL {
            assert_eq!(LparState::parse(&state.to_string()), *state);
        }
    }

    #[test]
    fn links_kinds_and_rmc_are_read() {
        let not = |text: &str| Connection::NotConnected(text.into());
        let links = [
            ("Connected", Connection::Connected),
            (" connected ", Connection::Connected),
            ("No Connection", not("No Connection")),
            ("Connecting", not("Connecting")),
            ("unavailable", not("unavailable")),
            (" ", Connection::Unknown),
        ];
        for (text, link) in links {
            assert_eq!(Connection::parse(text), link, "{text:?}");
        }
        let kinds = [
            ("aixlinux", LparEnvironment::AixLinux),
            ("OS400", LparEnvironment::Os400),
            ("vioserver", LparEnvironment::VioServer),
            ("vio", LparEnvironment::Other("vio".into())),
        ];
        for (text, kind) in kinds {
            assert_eq!(LparEnvironment::parse(text), kind, "{text:?}");
        }
        let states = [
            ("active", RmcState::Active),
            ("inactive", RmcState::Inactive),
            ("", RmcState::None),
            ("null", RmcState::None),
            ("none", RmcState::None),
            ("busy", RmcState::Unknown("busy".into())),
        ];
        for (text, state) in states {
            assert_eq!(RmcState::parse(text), state, "{text:?}");
        }
    }
}
