//! The daemon as a later release would be: with the core at its next feature level. Only for tests of an upgrade.

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    tenure::node::main::run(&tenure::node::main::Args::parse())
}
