//! The cluster in virtual time: what the daemon does around the brain, without network, disk or threads.
//!
//! For scenarios and for whoever wants a short history with a certain outcome: one shared log stands for consensus, nodes
//! apply it while they are connected, the leader plans and proposes, managers read their servers in the simulated
//! [`World`](crate::world::World), and orders are carried out by the same machine as in the daemon
//! ([`tenure_core::execution`]). It promises that the same site and the same deeds give the same lines, and that every entry
//! and every moment of the world is held against the invariants. It refuses to decide anything: decisions are the core's.

mod act;
pub mod apps;
mod attributes;
mod configure;
mod event;
mod honest;
mod inside;
mod judge;
mod leader;
mod mend;
mod node;
mod orders;
mod patch;
mod planted;
mod programs;
mod script;
mod shrink;
#[allow(clippy::module_inception)]
mod sim;
mod site;
#[cfg(test)]
mod swarm;
pub mod witness;

pub use act::ActError;
pub use planted::Bug;
pub use script::{Play, Script};
pub use shrink::{Shrunk, Size, shrink};
pub use sim::{Line, Options, Sim};
pub use site::{Site, SiteError};
