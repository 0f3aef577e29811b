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
    /// Run as the first process of a machine.
    #[command(hide = true)]
    Init,
    /// Run as a node; what `tenured` does.
    #[command(hide = true)]
    Tenured(tenure::node::main::Args),
}

fn main() -> ExitCode {
    match Args::parse().command {
        Command::Init => tenure_jepsen::machines::init(),
        Command::Tenured(args) => tenure::node::main::run(&args),
    }
}
