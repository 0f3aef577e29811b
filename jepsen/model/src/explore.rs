//! The explorer: every short history of a tiny world, up to a stated bound.
//!
//! Two servers, three nodes (the third is an arbiter), one or two groups of one LPAR each. The real ledger, the real plan and
//! the real machine that carries out orders are driven through every interleaving of late, lost and repeated messages, late
//! commands, cuts, kills, crashes, power losses and operators' requests that a [`Scope`] allows, breadth first, so that the
//! first history that breaks a promise is a shortest one. What surrounds the three (leases, readings, the way of messages) is
//! a model of its own here, far smaller than [`crate::world`], because speed decides how deep the search gets.
//!
//! A [`Mutant`] is a bug that is put in on purpose; `jepsen/model/mutants.md` lists them. The explorer refuses to know of time
//! beyond two coarse steps, of capacity, and of configuration changes.

mod act;
mod action;
mod calm;
mod check;
mod commit;
mod drive;
mod faults;
mod fingerprint;
mod model;
mod moves;
mod mutant;
mod scope;
mod search;
mod site;
mod transit;
mod witness;

pub use action::Action;
pub use mutant::Mutant;
pub use scope::{Assumptions, Bounds, Scope, Start, scopes, unsafe_scopes};
pub use search::{Counterexample, Explored, explore};
