//! Tenure keeps logical partitions running.

pub mod api;
pub mod cli;
pub mod config;
pub mod hypervisor;
