//! The emulated HMC: its command line, and that command line over real SSH.
//!
//! [`execute`] executes a command line on a world and returns an HMC's output; it is pure and works in virtual time
//! as well as in real time. [`HmcServer`] is an SSH server in front of a [`LiveWorld`](crate::world::LiveWorld).
//!
//! Grammar, codes and exit statuses follow recordings of real consoles. Anything not modelled is refused as an
//! invalid parameter, never silently accepted. Where no recording exists (`HSCL0237`, `HSCL8018`, `HSCL03EC`,
//! `HSCL03ED`, the texts of most refusals) the wording is invented: clients must rely on states, not on sentences.
//! Few refusals of `migrlpar` and `rrstartlpar` are recorded; invented codes for others are marked as synthetic in
//! their text.

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
