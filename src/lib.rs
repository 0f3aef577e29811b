//! Tenure keeps logical partitions running.

pub mod hypervisor;
pub mod api;
pub mod cli;
pub mod config;
