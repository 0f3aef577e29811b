//! Tests of the runtime's promises, with real programs in directories of their own.

mod builtin;
mod check;
mod house;
#[path = "../../../jepsen/src/needs.rs"]
mod needs;
mod ocf;
mod real;
mod script;
mod secrets;
mod systemd;
mod trust;
mod turns;
