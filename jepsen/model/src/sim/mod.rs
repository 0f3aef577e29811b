//! The cluster in virtual time: the daemon's work around the core, without network, disk or threads.
//!
//! For scenarios and for short histories with a certain outcome: one shared log stands for consensus, nodes apply it
//! while they are connected, the leader plans and proposes, nodes read servers through the HMCs of the simulated
//! [`World`](crate::world::World), and orders are executed by the same state machine as in the daemon
//! ([`tenure_core::execution`]). The same site and the same operations give the same lines, and every entry and every
//! moment of the world is checked against the invariants. All decisions are the core's.

mod act;
pub mod apps;
mod attributes;
mod configure;
mod event;
mod honest;
mod inside;
mod judge;
mod leader;
mod logins;
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
