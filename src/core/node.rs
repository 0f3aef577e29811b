//! The node: a machine without I/O. Everything that can happen to a node goes in, what it does about it comes out.
//!
//! The daemon, the simulator and the explorer are three bodies of this one machine: they bring the moments, the ledger that
//! the node has applied and what consensus says ([`Now`]), hand in what happens ([`Input`]), and carry out what it wants
//! ([`Effect`]) in the order in which it says so. They decide nothing. [`Node::wake`] says when it wants to be called again
//! though nothing happens, and why.
//!
//! - [`Lease`], [`Past`], [`ClusterClock`]: what a node may do and say, and since when.
//! - `Orders`: which orders it carries out, and the last look before something is sent.
//! - `Rounds`: when it reads which server.
//! - `Concession`: what it stops when it has been alone for too long.
//! - `Faith`: whether it believes that the leader leads.
//! - [`Leading`], `Digests`: what it knows while it leads itself.
//! - [`Recall`]: what it remembers, told to whoever compares memories.

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
mod presence;
mod recall;
mod rounds;

pub use alone::held;
pub use clock::ClusterClock;
pub use digests::Digest;
pub use input::{Answer, Birth, Call, Effect, End, Fate, Input, Now, Proposal, Standing, Taken, Wake};
pub use leading::{Granted, Leading};
pub use lease::Lease;
pub use machine::Node;
pub use orders::{Orders, Owing};
pub use past::Past;
pub use recall::Recall;

use crate::Span;

/// How much faster or slower another node's clock may run, in hundredths.
pub(crate) const DRIFT_PERCENT: u64 = 5;
/// What part of a lease is added to every lease that a leader waits out.
const LEASE_MARGIN: u64 = 12;

/// What a node may take of a lease: a clock that runs slow must not make it longer than its leader believes.
pub fn usable(lease: Span) -> Span {
    Span(lease.0.saturating_sub(percent(lease).0))
}

/// After how long a lease that a leader granted has ended for certain, on that leader's clock.
pub fn surely_over(lease: Span) -> Span {
    lease.plus(percent(lease)).plus(Span(lease.0.checked_div(LEASE_MARGIN).unwrap_or_default()))
}

fn percent(span: Span) -> Span {
    Span(span.0.saturating_mul(DRIFT_PERCENT).checked_div(100).unwrap_or_default())
}
