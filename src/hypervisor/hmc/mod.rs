//! The HMC driver: the HMC's own command line over SSH.
//!
//! For: carrying out [`Hypervisor`](super::Hypervisor) on real HMCs, in the order in which they are configured.
//!
//! Promises: one SSH connection per HMC, kept open and shared; a bounded number of commands on it; a deadline on
//! everything; one mutation at a time per server, and a bounded number of moves of LPARs besides; a mutation whose
//! outcome is unknown is never repeated; one rejected authentication stops all further ones, since HMC accounts lock
//! after three; nothing is said to a host whose key is not the configured one.
//!
//! Refuses to know: what a state means for a service group.
//!
//! The locale: HMC messages are translated to the user's language, so every command asks for `LANG=C`, both as an
//! assignment in front of the command and as an SSH environment request. The assignment is the one that counts: the
//! HMC's restricted shell forbids changing `PATH`, `SHELL` and `ENV` but not `LANG`, while whether its SSH server
//! accepts environment requests is up to its configuration. The request costs nothing and covers the reverse case.

mod address;
mod answers;
mod command;
mod connection;
mod console;
mod driver;
mod exec;
#[doc(hidden)]
pub mod fuzz;
mod held;
mod keyed;
mod link;
mod message;
mod moving;
mod mutation;
mod overview;
mod queries;
pub mod records;
mod shared;
mod time;
mod trial;

pub use address::{HmcAddress, HmcKey};
pub use driver::HmcDriver;
