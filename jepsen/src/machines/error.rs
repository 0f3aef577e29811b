//! Errors of machines.

use std::{io, path::Path};

/// An operation on a machine failed.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// A program failed, or did not end in time.
    #[error("{program}: {said}")]
    Program {
        /// The command line.
        program: String,
        /// Its error output, or its exit status.
        said: String,
    },
    /// A system call failed.
    #[error("{what}")]
    System {
        /// The operation.
        what: String,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// The machine has no power.
    #[error("machine {0} is off")]
    Off(String),
    /// Something did not happen in time.
    #[error("{0}")]
    Late(String),
}

impl MachineError {
    pub(crate) fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> MachineError {
        let what = what.into();
        move |source| MachineError::System { what, source }
    }

    pub(crate) fn file(what: &str, file: &Path) -> impl FnOnce(io::Error) -> MachineError {
        MachineError::system(format!("{what} {}", file.display()))
    }
}
