//! Carrying out orders, and reading servers.
//!
//! Promises: every reading begins after it was requested, or after the order that it is for was given, and carries the
//! log index that the node had applied by then;
//! a mutation is sent only under a lease; an order is carried out once at a time. Decides nothing.

mod agents;
pub mod ask;
mod hook;
pub mod known;
mod lease;
mod marks;
pub mod moment;
mod orders;
mod reader;
mod unread;
pub mod watchdog;

pub use agents::{AgentPaths, Agents};
pub use lease::Lease;
pub use orders::Performer;
pub use reader::{After, Reader};
