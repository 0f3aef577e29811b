//! Tenure: high availability for logical partitions (LPARs).

pub mod api;
pub mod backup;
pub mod cli;
pub mod hypervisor;
pub mod local;
pub mod node;
pub mod performer;

mod shown;
