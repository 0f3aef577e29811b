//! Machines made of Linux namespaces: they represent management LPARs in tests that need a real network, real mounts
//! and real processes. Needs root and the programs that [`missing`] checks for.
//!
//! A [`Yard`] is a network of its own with a switch; a [`Machine`] is plugged into it, has its own network, mounts,
//! processes and host name, and can lose its power at any instant, or only its processes. An [`Asker`] is a client of
//! the machines' service, a [`Watch`] looks into every machine from outside and collects violations.
//!
//! A [`Site`] provides machines as the management LPARs of the emulated world, and runs the nodes of a cluster on
//! them.
//!
//! Nothing outlives the process that made it, even if that is killed: every machine ends when the pipe to its first
//! process breaks, and with it its network and its mounts. Two runs do not interfere. A machine that was powered off
//! has no process left when [`Machine::power_off`] returns.

mod asker;
mod disk;
mod error;
mod guest;
mod machine;
mod power;
mod site;
mod tool;
mod watch;
mod web;
mod yard;

pub use asker::{Answer, Asker, Heard};
pub use disk::Disk;
pub use error::MachineError;
pub use guest::init;
pub use machine::Machine;
pub(crate) use site::until_within;
pub use site::{Site, SiteError, SiteOptions};
pub use watch::{Event, Watch, What};
pub use web::{OCF_ROOT, Part, Web};
pub use yard::{Yard, missing};
