//! Where servers are read, and what is read beside their words.

use std::fmt;

use super::error::Failure;

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

/// What a node has seen of one manager.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // what a name says is not said again
pub struct ManagerHealth {
    pub name: String,
    /// Whether it answered what it was asked last. Those that were asked nothing are left out.
    pub answers: bool,
}

/// How one console is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // what a name says is not said again
pub struct ConsoleStatus {
    pub name: String,
    /// How it is.
    pub health: ConsoleHealth,
}

/// Whether a console answers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // what a name says is not said again
pub enum ConsoleHealth {
    /// It answered, with this version (such as `V11R2`).
    Ok { version: String },
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
