//! The daemon's loop: facts in, entries out. It holds timers, the lease and the connection to the leader, and decides
//! nothing: the core's plan decides, and the core's ledger checks.

mod about;
pub mod audit;
mod backend;
pub(crate) mod backups;
mod catalog;
pub mod certificates;
mod changes;
mod clerk;
mod clock;
mod daemon;
mod effects;
mod ending;
mod event_loop;
pub mod founding;
mod journal;
mod known;
mod log;
pub mod logins;
mod machine;
pub mod main;
pub mod managers;
mod member;
mod overviews;
mod pause;
pub mod peer;
mod permit;
pub mod propose;
mod recovery;
mod refusals;
mod service;
pub mod standing;
mod suitability;
pub mod voters;

pub use about::About;
pub use catalog::{AgentAction, Catalog, CatalogEntry, Description, Parameter};
pub use daemon::{Daemon, DaemonError, FEATURE_LEVEL};
pub use ending::Ending;
pub use machine::{Image, Machine, Stamp};
pub use peer::{Answer, Call, MemberCall, Spoken};
