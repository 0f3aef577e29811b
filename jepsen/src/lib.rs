//! The emulated HMC, the lab, and machines made of namespaces, around the simulated world of [`tenure_model`].

pub mod compare;
pub mod hmc;
pub mod lab;
mod live;
pub mod machines;
pub mod needs;

pub use tenure_model::{explore, sim};

/// The simulated world, also in real time.
pub mod world {
    pub use crate::live::{LiveWorld, Ticker};
    pub use tenure_model::world::*;
}
