//! The program `lab`: arguments.

use super::{
    demo::{self, DemoArgs},
    process::{NodeArgs, run_node},
};
use clap::{Parser, Subcommand};
use std::{future::Future, process::ExitCode};

/// Try Tenure on this machine: a whole site with emulated HMCs and servers, and real nodes.
#[derive(Debug, Parser)]
#[command(name = "lab", version)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Tell the main job as a story, with a timeline.
    Demo(DemoArgs),
    /// Run as a node; the lab starts its own nodes so.
    #[command(hide = true)]
    Node(NodeArgs),
}

/// Runs the lab.
pub fn run(args: Args) -> ExitCode {
    match args.command {
        Command::Node(args) => run_node(&args),
        Command::Demo(args) => on_main_thread(demo::run(&args)),
    }
}

/// Runs something on this thread, which lives as long as the process, with others to help it. Nodes die with the thread
/// that started them.
fn on_main_thread(work: impl Future<Output = ExitCode>) -> ExitCode {
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(work),
        Err(why) => {
            eprintln!("lab: start the runtime: {why}");
            ExitCode::FAILURE
        }
    }
}
