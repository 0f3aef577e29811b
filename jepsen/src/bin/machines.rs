//! Machines made of namespaces, as a program: their first process, and the comparison with another cluster.

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Debug, Parser)]
#[command(name = "machines", version, about = "Machines made of namespaces")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure Tenure and Pacemaker side by side.
    #[command(
        after_help = "Example:\n  machines compare --runs 10\nExit codes: 0 measured, 1 failed, 3 something that is needed is not here."
    )]
    Compare(tenure_jepsen::compare::CompareArgs),
    /// Run as the first process of a machine.
    #[command(hide = true)]
    Init,
    /// Run as a node; what `tenured` does.
    #[command(hide = true)]
    Tenured(tenure::node::main::Args),
}

fn main() -> ExitCode {
    match Args::parse().command {
        Command::Compare(args) => tenure_jepsen::compare::run(&args),
        Command::Init => tenure_jepsen::machines::init(),
        Command::Tenured(args) => tenure::node::main::run(&args),
    }
}
