//! The arguments of the program `lab`.

use super::{
    control::Control,
    demo::{self, DemoArgs},
    drill::{self, DrillArgs},
    flood::{self, FloodArgs},
    process::{NodeArgs, run_node},
    scale::{self, ScaleArgs},
    socket,
    up::{self, UpArgs},
};
use clap::{Parser, Subcommand};
use std::{future::Future, path::PathBuf, process::ExitCode};

const EXAMPLES: &str = "\
Examples:
  lab demo                        the main job as a story: a minute and a half
  lab demo --json story.json      the same, and all of it as data
  lab up                          three servers and an HMC, left running
  lab up --servers 2 --arbiter    a two-server site with a tie-breaker
  lab up --inside                 three Linux machines with agents, and no LPAR
  lab drill majority-lost         practise an emergency of docs/operations.md; `lab drill --help` lists them
  lab flood                       what thousands of strangers' connections cost
  lab scale --servers 16 --lpars 1250    what a site of that size costs, at rest and in an emergency
and while one is up, from another terminal:
  lab server p1 off               p1 loses power; `lab server p1 on` brings it back
  lab node p2 kill                kill|pause|resume|start the process of a node
  lab cut p3                      cut a node off from the others; `lab heal` mends it
  lab lpar db crash               crash|hang an LPAR; `lab lpar node-p1 start` activates one that was cut off
  lab hmc down                    take the HMC away; `lab hmc up` brings it back
  lab sp p1 lose                  the HMC loses a service processor; `lab sp p1 restore`
  lab status                      what is truly so
  lab down                        end it

Exit codes: 0 done, 1 refused or failed, 2 usage.";

/// Try Tenure on this machine: emulated HMCs and servers, real nodes.
#[derive(Debug, Parser)]
#[command(name = "lab", version, after_help = EXAMPLES)]
pub struct Args {
    /// Directory of the lab's files and its control socket. By default `demo` and `drill` take a temporary directory, and all
    /// others `tenure-lab` in the system's.
    #[arg(long, global = true, value_name = "DIR")]
    directory: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Tell the main task as a story, with a timeline.
    Demo(DemoArgs),
    /// Practise an emergency of docs/operations.md: the fault, the commands of the document, and what comes of them.
    Drill(DrillArgs),
    /// Measure what strangers cost: changes of leader, answers and memory, with and without a flood of connections.
    Flood(FloodArgs),
    /// Measure a site of any size: at rest, when the leader is killed, when a server is lost.
    Scale(ScaleArgs),
    /// Start a site and leave it running.
    Up(UpArgs),
    #[command(flatten)]
    Control(Control),
    /// Run as a node; the lab starts its own nodes this way.
    #[command(name = "run-node", hide = true)]
    RunNode(NodeArgs),
}

/// Runs the lab.
pub fn run(args: Args) -> ExitCode {
    let directory_given = args.directory.clone();
    let directory = args.directory.unwrap_or_else(socket::default_directory);
    match args.command {
        Command::RunNode(args) => run_node(&args),
        Command::Demo(demo) => on_main_thread(demo::run(&demo, directory_given)),
        Command::Drill(args) => on_main_thread(drill::run(&args, directory_given)),
        Command::Flood(args) => on_main_thread(flood::run(&args)),
        Command::Scale(args) => on_main_thread(scale::run(&args, directory_given)),
        Command::Up(up) => on_main_thread(up::run(&up, &directory)),
        Command::Control(control) => on_main_thread(socket::ask(&directory, &control)),
    }
}

/// Runs a future on this thread, which lives as long as the process, with worker threads. Nodes die with the thread
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
