//! `tenure log` and `tenure debug`.

use super::time;
use clap::{Subcommand, ValueEnum};
use std::{path::PathBuf, time::Duration};
use tenure_core::trust;

/// `tenure log`.
#[derive(Debug, Subcommand)]
pub enum Log {
    /// Have the log of a node tell more, or less, for a time; then it is as before by itself
    #[command(after_help = "Example: tenure log level p2 debug --for 10m
The node goes on as it is. Only what Tenure itself does is told in more detail; up to 24h.")]
    Level {
        /// The node
        #[arg(value_name = "NODE")]
        name: String,
        /// How much it tells
        level: LogLevel,
        /// How long
        #[arg(long = "for", value_name = "TIME", default_value = "10m", value_parser = time)]
        lasts: Duration,
    },
    /// What the log of a node tells, and its last lines; needs no leader
    #[command(after_help = "Example: tenure log show p2 --lines 100")]
    Show {
        /// The node; if none is named, the one that answers
        #[arg(value_name = "NODE")]
        name: Option<String>,
        /// How many lines; at most 2000 are kept
        #[arg(long, value_name = "NUMBER", default_value_t = 20)]
        lines: usize,
    },
}

/// How much a log tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)] // what a name says is not said again
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl From<LogLevel> for trust::LogLevel {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => trust::LogLevel::Error,
            LogLevel::Warn => trust::LogLevel::Warn,
            LogLevel::Info => trust::LogLevel::Info,
            LogLevel::Debug => trust::LogLevel::Debug,
            LogLevel::Trace => trust::LogLevel::Trace,
        }
    }
}

/// `tenure debug`.
#[derive(Debug, Subcommand)]
pub enum Debug {
    /// Collect what somebody needs who is to find out what happened: states, events, reasons, logs; no secrets
    #[command(after_help = "Example: tenure debug bundle --out /tmp/site.tar.gz
Every node is asked for its own log. What cannot be had is in missing.txt, and without a leader it is what each node knows.
Keys, tokens and values of attributes that look like passwords are left out; look through it before you send it.")]
    Bundle {
        /// A directory that does not exist yet, or a file that ends in .tar.gz
        #[arg(long, value_name = "FILE|DIR", default_value = "tenure-bundle")]
        out: PathBuf,
    },
}
