//! The explorer: every short history of a tiny world, up to a stated bound.
//!
//! Two servers, three nodes (the third is an arbiter), one or two groups of one resource each: LPARs, or resources
//! inside nodes. Each node is the state machine that the daemon runs ([`tenure_core::node::Node`]), with its ledger,
//! its plan and its orders. The search goes breadth first through every interleaving of late, lost and repeated
//! messages, late commands, cuts, killed and restarted processes without memory, crashes, power losses and operators'
//! requests that a [`Scope`] allows, so that the first history that breaks a promise is a shortest one. Simulated are
//! the world, far smaller than [`crate::world`] because speed decides how deep the search gets, and consensus, which
//! here has no delays.
//!
//! Time has three scales: events take no time; ends of leases and settling times are steps of a history. The delay of
//! readings is not modelled: readings and looks come at any time.
//!
//! A [`Mutant`] is a planted bug; `jepsen/model/mutants.md` lists them. Capacity and configuration changes are out of
//! scope.

mod act;
mod action;
mod calm;
mod check;
mod commit;
mod drive;
mod faults;
mod fingerprint;
mod inside;
mod model;
mod moves;
mod mutant;
mod scope;
mod search;
mod shell;
mod site;
mod transit;
mod witness;

pub use action::Action;
pub use mutant::Mutant;
pub use scope::{Assumptions, Bounds, Scope, Start, scopes, unsafe_scopes};
pub use search::{Counterexample, Explored, explore};
