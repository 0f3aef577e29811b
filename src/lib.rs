//! Tenure keeps logical partitions running.

pub mod api;
pub mod cli;
pub mod hypervisor;
pub mod local;
pub mod node;
pub mod performer;

/// Configuration: the cluster file, and what a machine keeps in files of its own.
pub mod config {
    pub use crate::local::{self, LocalConfig, identity};
    pub use tenure_config::*;
}
