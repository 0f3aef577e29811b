//! Carrying out orders and reading servers: the hands and eyes of a node.
//!
//! Promises: every reading begins after it was asked for and carries the log index that the node had applied by then; a
//! mutation goes out only under a lease; an order is carried out once at a time. Decides nothing.

mod agents;
pub mod carry;
mod hands;
mod hook;
pub mod known;
mod lease;
mod marks;
pub mod moment;
mod reader;
pub mod watchdog;

pub use agents::{Agents, Places};
pub use hands::Hands;
pub use lease::Lease;
pub use reader::Reader;
