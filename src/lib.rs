//! Tenure: high availability for logical partitions (LPARs).

pub mod api;
pub mod backup;
pub mod cli;
pub mod hypervisor;
pub mod local;
pub mod node;
pub mod performer;

mod shown;

/// The version of these programs. Another feature level than that of the release makes it another one: see `src/core/next`.
pub const VERSION: &str =
    if cfg!(feature = "next-level") { concat!(env!("CARGO_PKG_VERSION"), "+next") } else { env!("CARGO_PKG_VERSION") };
