//! Tenure keeps logical partitions running.

pub mod hypervisor;
