//! The simulated world, its checkers, the explorer and the lab.

pub mod explore;
pub mod hmc;
pub mod lab;
pub mod sim;
pub mod world;
