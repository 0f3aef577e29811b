//! The lab: a whole site on one machine. Emulated HMCs over real SSH on a simulated world, real `tenured` processes
//! with real certificates and real disks, and a network between them that can be cut.
//!
//! Nothing outlives it; a server without power has no running node; its checkers judge the world's own history, not
//! the product's reports. Needs no privileges: every node has its own loopback address.

mod cluster_file;
mod control;
mod demo;
mod drill;
mod flood;
mod network;
mod process;
mod program;
mod scale;
mod signal;
mod site;
mod socket;
mod truth;
mod up;

pub use control::{Control, ControlError};
pub use network::Network;
pub use process::{NodeArgs, NodeProcess, ProcessError, run_node};
pub use program::{Args, run};
pub use site::{NodeRuns, Site, SiteError, SiteOptions};
