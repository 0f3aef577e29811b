//! The explorer: every short history of a tiny world, up to a stated bound.
//!
//! Two servers, three nodes (the third is an arbiter), one or two groups of one resource each: LPARs, or what lives inside nodes.
//! Each node is the machine that the daemon runs ([`tenure_core::node::Node`]), with its ledger, its plan and its orders. They
//! are driven through every interleaving of late, lost and repeated messages, late commands, cuts, processes that end and others
//! that begin and have forgotten, crashes, power losses and operators' requests that a [`Scope`] allows, breadth first, so that
//! the first history that breaks a promise is a shortest one. What is played is the world, far smaller than [`crate::world`]
//! because speed decides how deep the search gets, and consensus, which here has no delays.
//!
//! Time is of three sizes: what happens at once counts as no time; leases end, and settling times pass, as steps of a history.
//! How soon something is read is not looked at: readings and looks come at any time.
//!
//! A [`Mutant`] is a bug that is put in on purpose; `jepsen/model/mutants.md` lists them. The explorer refuses to know of
//! capacity and of configuration changes.

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
