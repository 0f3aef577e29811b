//! The admin client `tenure`.

use clap::Parser;
use std::process::ExitCode;
use tenure::cli::{Args, Exit, Terminal, run};

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(why) => {
            // There is nowhere left to report that this failed.
            let _ = why.print();
            if let Some(tip) = tenure::cli::args::tip(std::env::args()).filter(|_| why.use_stderr()) {
                eprintln!("\n  tip: {tip}");
            }
            return ExitCode::from(u8::try_from(why.exit_code()).unwrap_or(2));
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => {
            eprintln!("error: start the runtime: {why}");
            return Exit::Unreachable.into();
        }
    };
    runtime.block_on(run(args, &mut Terminal::system())).into()
}
