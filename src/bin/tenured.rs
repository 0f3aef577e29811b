//! The daemon `tenured` of a cluster node.

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    tenure::node::main::run(&tenure::node::main::Args::parse())
}
