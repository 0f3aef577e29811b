//! The emulated HMC and the lab, around the simulated world of [`tenure_model`].

pub mod hmc;
pub mod lab;

pub use tenure_model::{explore, sim, world};
