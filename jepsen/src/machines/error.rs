//! Why a machine does not do what it is told.

use std::{io, path::Path};

/// Something about a machine could not be done.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// A program failed, or did not end in time.
    #[error("{program}: {said}")]
    Program {
        /// The command line.
        program: String,
        /// What it said, or how it ended.
        said: String,
    },
    /// The system refused.
    #[error("{what}")]
    System {
        /// What was tried.
        what: String,
        /// Why not.
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
