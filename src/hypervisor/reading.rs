//! Addresses of servers, and readings other than those of the core.

use std::fmt;
use tenure_core::ForeignText;

use super::error::Failure;

/// The identification of a physical server at its management consoles.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServerAddress {
    /// The name people use; only for messages.
    pub name: String,
    /// Type, model and serial number, `9009-42A*1234567`. Names can be duplicated or changed on a console; this cannot.
    pub mtms: String,
    /// Names of the consoles that manage the server, in the order in which they are asked. Empty means all of them,
    /// in the order of the configuration.
    pub hmcs: Vec<String>,
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

/// The total and free capacity of a server (`lshwres --level sys`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Memory available to LPARs.
    pub memory: Mebibytes,
    /// Memory not assigned to an LPAR now.
    pub memory_free: Mebibytes,
    /// Processing power available to LPARs.
    pub processors: HundredthsOfProcessor,
    /// Processing power not assigned to an LPAR now.
    pub processors_free: HundredthsOfProcessor,
}

/// A node's experience with one manager.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // what a name says is not said again
pub struct ManagerHealth {
    pub name: String,
    /// Whether it answered its last question or command. Managers that were asked nothing are left out.
    pub answers: bool,
}

/// The result of checking one console.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // what a name says is not said again
pub struct ConsoleStatus {
    pub name: String,
    /// Whether it answers, and if not, why.
    pub health: ConsoleHealth,
}

/// Whether a console answers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // what a name says is not said again
pub enum ConsoleHealth {
    /// It answered, with this version (such as `V11R2`).
    Ok { version: ForeignText },
    /// It did not answer; a later try may.
    Unreachable(Failure),
    /// It rejected this node's key. No login is tried again until its configuration changes or an operator resets it,
    /// since accounts lock after three failures.
    AuthenticationFailed {
        /// The reason, and that all logins are stopped.
        reason: ForeignText,
    },
    /// It showed a host key that is not the configured one. Nothing was sent to it.
    HostKeyMismatch {
        /// The fingerprint in the configuration.
        expected: String,
        /// The algorithm and fingerprint of the key that it showed.
        presented: ForeignText,
    },
}
