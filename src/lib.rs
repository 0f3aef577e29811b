//! Tenure: high availability for logical partitions (LPARs).

pub mod api;
pub mod cli;
pub mod hypervisor;
pub mod local;
pub mod node;
pub mod performer;

/// Configuration: the cluster file, and the local files of a node.
pub mod config {
    pub use crate::local::{self, LocalConfig, identity};
    pub use tenure_config::*;
}
