//! The lab: try Tenure on this machine.

use clap::Parser;

fn main() -> std::process::ExitCode {
    tenure_jepsen::lab::run(tenure_jepsen::lab::Args::parse())
}
