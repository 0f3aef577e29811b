//! What a command prints.

use crate::world::Span;

/// Output and exit status of a command, and how much longer than the HMC's usual latency it takes to appear.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Output {
    /// Standard output. Errors of HMC commands go here too.
    pub stdout: String,
    /// Standard error. Only the shell writes here.
    pub stderr: String,
    /// Exit status.
    pub status: u32,
    /// From the command's being carried out to this answer.
    pub delay: Span,
}

impl Output {
    pub(super) fn success(stdout: String) -> Self {
        Output {
            stdout,
            ..Output::default()
        }
    }

    /// An HMC command's refusal: on standard output, with status 1.
    pub(super) fn refusal(message: &str) -> Self {
        Output {
            stdout: format!("{message}\n"),
            status: 1,
            ..Output::default()
        }
    }

    /// A refusal of the restricted shell, before any HMC command ran.
    pub(super) fn shell(message: &str, status: u32) -> Self {
        Output {
            stderr: format!("{message}\n"),
            status,
            ..Output::default()
        }
    }
}
