//! The admin client `tenure`.

use clap::Parser;
use std::process::ExitCode;
use tenure::cli::{Args, Exit, Terminal, run};

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => {
            eprintln!("error: start the runtime: {why}");
            return Exit::Unreachable.into();
        }
    };
    runtime.block_on(run(args, &mut Terminal::system())).into()
}
