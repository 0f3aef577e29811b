//! Short-lived programs of the system, each with a deadline.

use super::MachineError;
use std::{
    ffi::OsStr,
    process::{Command, Output, Stdio},
};

/// Maximum duration of a program, in seconds, as an argument of `timeout`.
const DEADLINE: &str = "20";

/// Runs a program that must succeed, and returns its standard output.
pub(super) fn run<S: AsRef<OsStr>>(words: impl IntoIterator<Item = S>) -> Result<String, MachineError> {
    let words: Vec<S> = words.into_iter().collect();
    let output = output(&words)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let said = if said.is_empty() { output.status.to_string() } else { said };
    Err(MachineError::Program { program: line(&words), said })
}

/// Runs a program to its end, with any exit code.
pub(super) fn output<S: AsRef<OsStr>>(words: &[S]) -> Result<Output, MachineError> {
    let mut command = Command::new("timeout");
    command.args(["-s", "KILL", DEADLINE]).args(words).stdin(Stdio::null());
    command.output().map_err(MachineError::system(format!("run {}", line(words))))
}

fn line<S: AsRef<OsStr>>(words: &[S]) -> String {
    words.iter().map(|word| word.as_ref().to_string_lossy()).collect::<Vec<_>>().join(" ")
}
