//! The emulated HMC: its command line, and that command line over real SSH.
//!
//! [`execute`] takes a command line and a world and gives what an HMC would print; it is pure and serves virtual time as
//! well as real. [`HmcServer`] is an SSH server in front of a [`LiveWorld`](crate::world::LiveWorld).
//!
//! Grammar, codes and exit statuses follow recordings of real consoles. What is not modelled is refused as an invalid
//! parameter, never silently accepted. Where no recording exists (`HSCL0237`, `HSCL8018`, `HSCL03EC`, `HSCL03ED`, the texts
//! of most refusals) the wording is made up: clients must go by state, not by sentences. How `migrlpar` and `rrstartlpar`
//! refuse is recorded for few reasons only; codes that stand for none of those are marked as synthetic in their text.

mod account;
mod args;
mod changes;
mod error;
mod execute;
mod hardware;
mod listing;
mod lpars;
mod moves;
mod output;
mod run;
mod server;
mod session;
mod systems;
mod words;

pub use execute::execute;
pub use output::Output;
pub use server::{HmcOptions, HmcServer, HmcServerError, generate_key};

#[cfg(test)]
mod ssh_tests;
#[cfg(test)]
mod table_tests;
