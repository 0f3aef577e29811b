//! Tenure keeps logical partitions running.

pub mod agent;
pub mod api;
pub mod cli;
pub mod config;
pub mod hypervisor;
pub mod node;
