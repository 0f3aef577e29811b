//! What is generated from the arguments of the programs: completions of shells, and manual pages.

use super::{Args, Exit, Fault, Terminal};
use crate::node;
use clap::CommandFactory as _;
use std::{fs, path::Path};

pub use clap_complete::Shell;

/// Section of the manual for daemons.
const DAEMONS: &str = "8";

/// Prints the script that a shell loads.
pub(super) fn completions(shell: Shell, terminal: &mut Terminal) -> Result<Exit, Fault> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "tenure", &mut script);
    terminal.print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}

/// Writes a page for each command of `tenure`, and one for `tenured`.
pub(super) fn manual(directory: &Path) -> Result<Exit, Fault> {
    fs::create_dir_all(directory)?;
    clap_mangen::generate_to(Args::command(), directory)?;
    clap_mangen::Man::new(node::main::Args::command()).section(DAEMONS).generate_to(directory)?;
    Ok(Exit::Done)
}
