//! Hypervisors: how LPARs are read and commanded.
