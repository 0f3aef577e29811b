//! Placeholder.
pub mod tls;
