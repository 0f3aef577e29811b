//! The emulated HMC, the lab, and machines made of namespaces, around the simulated world of [`tenure_model`].

pub mod compare;
pub mod hmc;
pub mod lab;
pub mod machines;

pub use tenure_model::{explore, sim, world};
