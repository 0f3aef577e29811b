//! The interface to the managers that power physical servers and their LPARs.
//!
//! For: reading the state of a server and all its LPARs in one go, and starting, stopping and moving them. The same
//! readings serve as the witness's facts.
//!
//! Promises: a reading contains only what was read, and through which manager; it never concludes ("off", "dead")
//! from a missing answer. Every unknown word is `Unknown`. Every call ends within its time. A mutation has one of
//! four results: accepted, refused (definitely not done), not sent (definitely not done), or unknown (may still take
//! effect).
//!
//! A second driver takes a kind in `registry.rs`, a `Manager` and an `Address` in `tenure_core::config` with their checks
//! and keys, and its words in `tenure_core::words`. `ServerAddress` has the fields that HMCs need today.
//!
//! Refuses to know: groups, tenures, orders, policies. Whether something *should* be started is decided elsewhere.

mod accounts;
mod contact;
mod error;

pub mod hmc;
mod reading;
mod registry;
pub mod sharing;

use std::time::Duration;

use async_trait::async_trait;
use tenure_core::config::{Cluster, Manager};

pub use accounts::{Accounts, Login, Turns};
pub use contact::{ManagerContact, Unfit};
pub use error::{Attempt, CommandError, Failure, ReadError};
pub use reading::{
    Capacity, ConsoleHealth, ConsoleStatus, HundredthsOfProcessor, ManagerHealth, Mebibytes, ServerAddress,
};
pub use registry::{Kind, Registry};
pub use sharing::{Neighbours, Sharing, Told, Which};
pub use tenure_core::execution::Stop;
pub use tenure_core::words::{
    Connection, Inventory, LparEnvironment, LparReading, LparState, Refusal, RefusalKind, RmcState, ServerReading,
    SystemState,
};

/// A change, with all arguments for a manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // what a name says is not said again
pub enum Change<'a> {
    /// Activate an LPAR; without a profile, with its current configuration.
    Start {
        server: &'a ServerAddress,
        /// The LPAR's name on the server.
        lpar: &'a str,
        profile: Option<&'a str>,
    },
    /// Bring an LPAR down.
    Stop {
        server: &'a ServerAddress,
        /// The LPAR's name on the server.
        lpar: &'a str,
        how: Stop,
    },
    /// Replace the description of an LPAR by a text: printable ASCII, without commas and quotes. Needs a right that
    /// no other change needs.
    Mark {
        server: &'a ServerAddress,
        /// The LPAR's name on the server.
        lpar: &'a str,
        /// The text.
        mark: &'a str,
    },
    /// Move an LPAR to another server with its definition, and if it runs, while it runs. Meanwhile both servers may
    /// list it as moving; afterwards it is defined on one of them. An unknown outcome includes a move that goes on.
    Migrate {
        /// The source.
        from: &'a ServerAddress,
        /// The target.
        to: &'a ServerAddress,
        /// The LPAR's name.
        lpar: &'a str,
    },
    /// Recreate an LPAR of a server that is down on another server, and start it there. The caller must know that the
    /// server is down, and that the LPAR cannot come up there.
    RestartElsewhere {
        /// The server that is down.
        from: &'a ServerAddress,
        /// The target.
        to: &'a ServerAddress,
        /// The LPAR's name.
        lpar: &'a str,
    },
    /// Stop a move in progress. It may be too late for that.
    StopMigration {
        /// The source of the move.
        from: &'a ServerAddress,
        /// The LPAR's name.
        lpar: &'a str,
    },
    /// Recover a move that failed half-way: until then no other operation on the LPAR is possible. Takes as long as a
    /// move.
    RecoverMigration {
        /// The source or the target of the move.
        server: &'a ServerAddress,
        /// The LPAR's name.
        lpar: &'a str,
    },
    /// Power a server off at once, with everything on it. Fences a server whose service processor still answers.
    PowerOff { server: &'a ServerAddress },
}

/// Who waits for a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Urgency {
    /// An order, which goes before the rounds in the queue to a manager.
    Order,
    /// The rounds over the servers.
    Round,
    /// The same at rest: nothing is under way on the server, and nobody waits for the reading. So other nodes may be asked
    /// for a part of it.
    Rest,
}

/// A driver for one kind of manager. The daemon holds it as `dyn`, in a [`Registry`].
///
/// `within` bounds the whole call of a change, including waiting for a connection, a command slot or another change of the
/// same server. Of a reading it bounds the time for answers: waiting for a turn is bounded by a few times that, and is
/// told apart ([`ReadError::NoTurn`]).
#[async_trait]
pub trait Hypervisor: Send + Sync {
    /// Takes over the declared managers of its kind.
    fn configure(&self, cluster: &Cluster);

    /// Reads the server's state, the state of the link to its service processor, and all its LPARs (VIO servers
    /// included). Every fact in the answer was obtained after the call began.
    async fn read(
        &self,
        server: &ServerAddress,
        urgency: Urgency,
        within: Duration,
    ) -> Result<ServerReading, ReadError>;

    /// Asks for a change. `Ok` means *accepted*: the caller reads the state back before it believes anything, even
    /// after a command that is answered only at its end. Dropping the future leaves the outcome unknown.
    async fn change(&self, change: &Change<'_>, within: Duration) -> Result<(), CommandError>;

    /// Whether each manager answers, as far as it was asked anything. Sends no question.
    fn health(&self) -> Vec<ManagerHealth>;

    /// The last contact with each manager that was asked anything. Sends no question.
    fn contacts(&self) -> Vec<ManagerContact> {
        Vec::new()
    }

    /// Asks a manager a trifle, so that [`contacts`](Self::contacts) tells whether it answers now. A name that is not
    /// configured is ignored.
    async fn knock(&self, _manager: &str, _within: Duration) {}

    /// Logs in once to a manager that is to be declared, apart from the connections in use.
    async fn attempt(&self, _name: &str, _manager: &Manager) -> Result<(), Unfit> {
        Ok(())
    }

    /// The control of logins, if its managers lock accounts.
    fn accounts(&self) -> Option<&dyn Accounts> {
        None
    }

    /// What it shares with other nodes, if it does.
    fn sharing(&self) -> Option<&dyn Sharing> {
        None
    }
}
