//! The node: a state machine without I/O. Everything that happens to a node goes in, and its reactions come out.
//!
//! The daemon, the simulator and the explorer are three drivers of this one machine: they supply the time, the ledger
//! that the node has applied and the state of consensus ([`Now`]), hand in events ([`Input`]), and carry out its
//! effects ([`Effect`]) in the order in which they come. They decide nothing. [`Node::wake`] gives the time at which
//! it wants to be called again even if nothing happens, and the reason.
//!
//! - [`Lease`], [`Past`], [`ClusterClock`]: its permission to act, the orders of earlier processes, cluster time.
//! - `Orders`: the orders that it carries out, and the last check before something is sent.
//! - `Rounds`: the schedule of its readings of servers.
//! - `StandDown`: standing down, after it has been alone for too long.
//! - `Faith`: whether it believes that the leader leads.
//! - [`Leading`], `Digests`: its knowledge while it leads itself.
//! - [`voters`]: who votes; `suffrage`: minding that.
//! - [`PlanJob`], `portion`: making a plan beside the machine, and how much of it is proposed at once.
//! - [`Recall`]: its state, given to whoever compares nodes.

mod alone;
mod clock;
mod digests;
mod faith;
mod input;
mod lead;
mod leading;
mod lease;
mod machine;
mod orders;
mod past;
mod planning;
mod portion;
mod presence;
mod recall;
mod rounds;
mod suffrage;
pub mod voters;

pub use alone::held;
pub use clock::ClusterClock;
pub use digests::Digest;
pub use input::{Answer, Birth, Call, Effect, End, Fate, Input, Now, Proposal, Standing, Taken, Wake};
pub use leading::{Granted, Leading};
pub use lease::Lease;
pub use machine::Node;
pub use orders::{Orders, Owing};
pub use past::Past;
pub use planning::{PlanJob, PlanResult};
pub use recall::Recall;

use crate::Span;

/// A lease divided by this is added to every lease that a leader waits out.
const LEASE_MARGIN: u64 = 12;

/// Time for which a node may use a lease: its clock may run slow, and it must not use it longer than its leader
/// believes.
pub fn usable(lease: Span) -> Span {
    Span(lease.0.saturating_sub(lease.drift().0))
}

/// Time after which a lease has certainly ended, on the clock of the leader that granted it.
pub fn surely_over(lease: Span) -> Span {
    lease.plus(lease.drift()).plus(Span(lease.0.checked_div(LEASE_MARGIN).unwrap_or_default()))
}
