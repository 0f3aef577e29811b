//! Models that need the core alone: the simulated world and its checkers, the cluster in virtual time, the explorer.

pub mod explore;
pub mod sim;
pub mod world;
