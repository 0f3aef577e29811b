//! Resources inside a node: the agents that start, stop and monitor them.
//!
//! Promises: never two entry points of one resource at once; every program has a deadline and is killed with its
//! children when it is over, or when nobody waits for its outcome any more; a state that could not be found out in
//! time is Unknown; a resource that hangs holds up no other, and no start or stop of its own; every look carries the
//! log index that was applied before it began. Decides nothing: where resources should run, and how faults are
//! handled, is up to the core.

mod builtin;
mod cgroup;
mod check;
mod contract;
#[doc(hidden)]
pub mod fuzz;
mod launch;
mod leftover;
mod machine;
mod managed;
mod ocf;
mod output;
mod permission;
mod processes;
pub mod program;
mod result;
mod run_dir;
mod runtime;
mod schedule;
mod script;
mod secrets;
mod settings;
mod spec;
mod state;
mod systemd;
mod trust;
mod turnstile;
mod umask;
mod user;

pub use cgroup::{Groups, Limits};
pub use check::{Finding, Severity, check, kinds, metadata};
pub use managed::{LOOKS_AT_ONCE, LOOKS_UNDER_WAY};
pub use ocf::{Advice, Metadata, Parameter, ValueType};
pub use output::{KEPT, LONGEST_FILE, Output, Said};
pub use permission::{PROGRAMS, Rights};
pub use run_dir::RunDir;
pub use runtime::Runtime;
pub use settings::Settings;
pub use spec::{LOOK_TIMEOUT, OFFLINE_INTERVAL};
