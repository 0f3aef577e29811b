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

mod error;

pub mod hmc;
mod reading;

use std::time::Duration;

use async_trait::async_trait;

pub use error::{Attempt, CommandError, Failure, ReadError};
pub use reading::{Capacity, ConsoleHealth, ConsoleStatus, HundredthsOfProcessor, Mebibytes, ServerAddress};
pub use tenure_core::carry::Stop;
pub use tenure_core::words::{
    Connection, Inventory, LparEnvironment, LparReading, LparState, Refusal, RefusalKind, RmcState, ServerReading,
    SystemState,
};

/// A driver for one kind of hypervisor management.
///
/// `within` bounds the whole call, including waiting for a connection, a command slot or another mutation of the same
/// server. `Ok` of a mutation means *accepted*: the caller reads the state back before it believes anything, even after
/// those that answer only when they are over. Dropping the future of a mutation leaves its outcome unknown.
#[async_trait]
pub trait Hypervisor: Send + Sync {
    /// Reads the server's state, the state of the link to its service processor, and all its LPARs (VIO servers
    /// included). Every fact in the answer was obtained after the call began.
    async fn read_server(&self, server: &ServerAddress, within: Duration) -> Result<ServerReading, ReadError>;

    /// Asks for an LPAR to be activated; without a profile, with its current configuration.
    async fn start_lpar(
        &self,
        server: &ServerAddress,
        lpar: &str,
        profile: Option<&str>,
        within: Duration,
    ) -> Result<(), CommandError>;

    /// Asks for this to be written as the description of an LPAR, in place of whatever is written there: printable ASCII,
    /// without commas and quotes. Needs a right that nothing else here needs.
    async fn mark_lpar(
        &self,
        server: &ServerAddress,
        lpar: &str,
        mark: &str,
        within: Duration,
    ) -> Result<(), CommandError>;

    /// Asks for an LPAR to be stopped.
    async fn stop_lpar(
        &self,
        server: &ServerAddress,
        lpar: &str,
        how: Stop,
        within: Duration,
    ) -> Result<(), CommandError>;

    /// Asks for the whole server to be powered off at once, with everything on it. Fences a server whose service
    /// processor still answers.
    async fn power_off_server(&self, server: &ServerAddress, within: Duration) -> Result<(), CommandError>;

    /// Asks for the server to be powered on. Its own start policy decides which LPARs come up with it.
    async fn power_on_server(&self, server: &ServerAddress, within: Duration) -> Result<(), CommandError>;

    /// Asks for an LPAR to be moved to another server with its definition, and if it runs, running. The HMC checks first
    /// and then answers only when the move is over, so give it minutes. While it is under way both servers list the LPAR
    /// as [`LparState::MigratingRunning`] or [`LparState::MigratingNotActivated`]; afterwards it is defined on the target
    /// alone, or, if the move failed, on the source. [`CommandError::Unknown`] includes a move that goes on.
    async fn migrate_lpar(
        &self,
        from: &ServerAddress,
        to: &ServerAddress,
        lpar: &str,
        within: Duration,
    ) -> Result<(), CommandError>;

    /// Asks for a migration under way to be given up. It may be too late for that.
    async fn stop_migration(&self, from: &ServerAddress, lpar: &str, within: Duration) -> Result<(), CommandError>;

    /// Asks for a migration that failed half-way to be cleared up: until then nothing else can be done with the LPAR.
    /// Afterwards it is defined on one server, and which one that is must be read. Takes as long as a migration.
    async fn recover_migration(&self, from: &ServerAddress, lpar: &str, within: Duration) -> Result<(), CommandError>;

    /// Asks for an LPAR of a server that is down to be made anew on another and started there (remote restart). The
    /// definition on the dead server stays until that is up again and its console clears it up.
    ///
    /// The caller must know that the server is down, and that the LPAR cannot come up there. The HMC refuses when the
    /// server reads Operating, Standby or No Connection; that check is a second bar and not the first.
    async fn restart_elsewhere(
        &self,
        from: &ServerAddress,
        to: &ServerAddress,
        lpar: &str,
        within: Duration,
    ) -> Result<(), CommandError>;

    /// Reads how much memory and processing power the server has, and how much of it is free.
    async fn capacity(&self, server: &ServerAddress, within: Duration) -> Result<Capacity, ReadError>;

    /// Asks every configured management console how it is.
    async fn health(&self, within: Duration) -> Vec<ConsoleStatus>;
}
