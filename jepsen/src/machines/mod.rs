//! Machines made of Linux namespaces: what a management LPAR is to a test that needs a real network, real mounts and real
//! processes. Needs root and the programs that [`missing`] looks for.
//!
//! A [`Yard`] is a network of its own with a switch; a [`Machine`] is plugged into it, has its own network, mounts,
//! processes and host name, and can lose its power at any instant, or only its processes. An [`Asker`] is a client of what
//! the machines serve, a [`Watch`] looks into every machine from outside and collects what must never be.
//!
//! A [`Site`] makes management LPARs of the emulated world of machines, and runs the nodes of a cluster on them.
//!
//! Promises: nothing outlives the process that made it, even if that is killed: every machine ends when the pipe to its
//! first process breaks, and with it its network and its mounts. Two runs do not meet. A machine that was powered off has
//! no process left when [`Machine::power_off`] returns.

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
