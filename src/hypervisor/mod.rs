//! What Tenure may ask of the thing that powers physical servers and their LPARs.
//!
//! For: reading the state of a server and all its LPARs in one go, and starting, stopping and moving them. The same readings
//! serve as the witness's facts.
//!
//! Promises: a reading says what was read and through whom, and never concludes ("off", "dead") from a missing answer. Every
//! word that is not known is `Unknown`. Every call ends within the time it was given. A mutation
//! answers one of four things: accepted, refused (definitely not done), not sent (definitely not done), or unknown (may
//! still take effect).
//!
//! Refuses to know: groups, tenures, orders, policies. Whether something *should* be started is decided elsewhere.

mod accounts;
mod error;

pub mod hmc;
mod reading;
mod registry;

use std::time::Duration;

use async_trait::async_trait;
use tenure_core::config::Cluster;

pub use accounts::{Accounts, Login, Turns};
pub use error::{Attempt, CommandError, Failure, ReadError};
pub use reading::{
    Capacity, ConsoleHealth, ConsoleStatus, HundredthsOfProcessor, ManagerHealth, Mebibytes, ServerAddress,
};
pub use registry::{Kind, Registry};
pub use tenure_core::execution::Stop;
pub use tenure_core::words::{
    Connection, Inventory, LparEnvironment, LparReading, LparState, Refusal, RefusalKind, RmcState, ServerReading,
    SystemState,
};

/// A change, with all that a manager has to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // what a name says is not said again
pub enum Change<'a> {
    /// Activate an LPAR; without a profile, with its current configuration.
    Start {
        server: &'a ServerAddress,
        /// Its name there.
        lpar: &'a str,
        profile: Option<&'a str>,
    },
    /// Bring an LPAR down.
    Stop {
        server: &'a ServerAddress,
        /// Its name there.
        lpar: &'a str,
        how: Stop,
    },
    /// Write this as the description of an LPAR, in place of whatever is written there: printable ASCII, without commas and
    /// quotes. Needs a right that nothing else here needs.
    Mark {
        server: &'a ServerAddress,
        /// Its name there.
        lpar: &'a str,
        /// What is written.
        mark: &'a str,
    },
    /// Move an LPAR to another server with its definition, and if it runs, running. While that is under way both servers may
    /// list it as moving; afterwards it is defined on one of them. An unknown outcome includes a move that goes on.
    Migrate {
        /// Where it is.
        from: &'a ServerAddress,
        /// Where to.
        to: &'a ServerAddress,
        /// Its name.
        lpar: &'a str,
    },
    /// Make an LPAR of a server that is down anew on another, and start it there. The caller must know that the server is
    /// down, and that the LPAR cannot come up there.
    RestartElsewhere {
        /// The server that is down.
        from: &'a ServerAddress,
        /// Where to.
        to: &'a ServerAddress,
        /// Its name.
        lpar: &'a str,
    },
    /// Give up a move under way. It may be too late for that.
    StopMigration {
        /// From where it goes.
        from: &'a ServerAddress,
        /// Its name.
        lpar: &'a str,
    },
    /// Clear up a move that failed half-way: until then nothing else can be done with the LPAR. Takes as long as a move.
    RecoverMigration {
        /// One of its servers.
        server: &'a ServerAddress,
        /// Its name.
        lpar: &'a str,
    },
    /// Power a server off at once, with everything on it. Fences a server whose service processor still answers.
    PowerOff { server: &'a ServerAddress },
}

/// A driver for one kind of manager. The daemon holds it as `dyn`, in a [`Registry`].
///
/// `within` bounds the whole call, including waiting for a connection, a command slot or another change of the same server.
#[async_trait]
pub trait Hypervisor: Send + Sync {
    /// Takes over the managers of its kind that are declared now.
    fn configure(&self, cluster: &Cluster);

    /// Reads the server's state, the state of the link to its service processor, and all its LPARs (VIO servers
    /// included). Every fact in the answer was obtained after the call began.
    async fn read(&self, server: &ServerAddress, within: Duration) -> Result<ServerReading, ReadError>;

    /// Asks for a change. `Ok` means *accepted*: the caller reads the state back before it believes anything, even after
    /// what answers only when it is over. Dropping the future leaves the outcome unknown.
    async fn change(&self, change: &Change<'_>, within: Duration) -> Result<(), CommandError>;

    /// How each manager is, as far as it was asked anything. Asks nobody.
    fn health(&self) -> Vec<ManagerHealth>;

    /// Who may log in when, if its managers lock accounts.
    fn accounts(&self) -> Option<&dyn Accounts> {
        None
    }
}
