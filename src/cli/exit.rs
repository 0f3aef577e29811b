//! The result of a command, as exit codes and as errors.

use crate::{
    api::{
        ClientError,
        wire::{CheckView, ErrorKind, ErrorView},
    },
    local::identity::IdentityError,
};
use tenure_config::Problems;

/// Exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The command succeeded.
    Done = 0,
    /// The cluster refused it, with a reason.
    Refused = 1,
    /// The command or a file is invalid.
    Usage = 2,
    /// No node could be asked; nothing happened.
    Unreachable = 3,
    /// It may have happened.
    Unknown = 4,
    /// The answer to a question is that something that should run would not.
    WouldNotRun = 5,
    /// Something is wrong with the cluster (`tenure status --check`), or with a node's audit.
    Wrong = 6,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        std::process::ExitCode::from(exit as u8)
    }
}

/// The failure of a command.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// A node answered with an error, or none could be asked.
    #[error(transparent)]
    Client(ClientError),
    /// A file has mistakes.
    #[error("the file is not valid")]
    Invalid(Problems),
    /// The agents of the nodes cannot run the resources as a file demands.
    #[error("the agents of the nodes cannot keep what the cluster file asks of them")]
    Unsuitable(CheckView),
    /// The identity could not be read.
    #[error("the identity cannot be used")]
    Identity(#[source] IdentityError),
    /// The arguments make no sense.
    #[error("{message}")]
    Usage {
        /// The mistake.
        message: String,
        /// The remedy.
        suggestion: String,
    },
    /// There is nothing of that kind with that name.
    #[error("{message}")]
    NoSuch {
        /// The mistake.
        message: String,
        /// What may have been meant.
        suggestion: String,
    },
    /// The operator at the terminal typed another name.
    #[error("nothing was done: you typed {typed:?}, and not {name:?}")]
    Mistyped {
        /// What was typed.
        typed: String,
        /// What would have confirmed it.
        name: String,
    },
    /// The operator at the terminal declined.
    #[error("nothing was done")]
    Declined,
    /// The request was accepted, but its goal was not reached in time.
    #[error("{message}")]
    NotYet {
        /// The present state.
        message: String,
        /// The next step.
        suggestion: String,
    },
    /// The audit that a node keeps is not whole.
    #[error("{message}")]
    NotWhole {
        /// What is missing or was changed.
        message: String,
        /// The next step.
        suggestion: String,
    },
    /// Output could not be written.
    #[error("write the output")]
    Output(#[from] std::io::Error),
}

impl Fault {
    pub(super) fn usage(message: impl Into<String>, suggestion: impl Into<String>) -> Self {
        Fault::Usage { message: message.into(), suggestion: suggestion.into() }
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self {
            Fault::Client(error) => match error.kind() {
                ErrorKind::Refused => Exit::Refused,
                ErrorKind::Usage => Exit::Usage,
                ErrorKind::Unreachable | ErrorKind::NotLeader => Exit::Unreachable,
                ErrorKind::Unknown => Exit::Unknown,
            },
            Fault::Declined | Fault::Mistyped { .. } | Fault::Unsuitable(_) | Fault::NoSuch { .. } => Exit::Refused,
            Fault::Invalid(_) | Fault::Identity(_) | Fault::Usage { .. } => Exit::Usage,
            Fault::NotWhole { .. } => Exit::Wrong,
            Fault::NotYet { .. } | Fault::Output(_) => Exit::Unknown,
        }
    }

    /// The same as a view, for programs: the reason, and the next step.
    pub fn view(&self) -> ErrorView {
        let view = |kind, message: String, suggestion: &str| {
            let suggestion = (!suggestion.is_empty()).then(|| suggestion.to_owned());
            ErrorView { suggestion, ..ErrorView::new(kind, message) }
        };
        match self {
            Fault::Client(error) => error.view(),
            Fault::Invalid(problems) => ErrorView {
                problems: problems.list().to_vec(),
                ..view(ErrorKind::Usage, self.to_string(), "mend it, then `tenure validate FILE`")
            },
            Fault::Unsuitable(found) => ErrorView {
                check: Some(Box::new(found.clone())),
                ..view(
                    ErrorKind::Refused,
                    self.to_string(),
                    "mend the file, or install what is missing, then `tenure validate --agents FILE`",
                )
            },
            Fault::Identity(error) => {
                let cause = std::error::Error::source(error).map_or(String::new(), |cause| format!(": {cause}"));
                let suggestion = error.advice().unwrap_or_else(|| {
                    "name the directory of user.pem, user.key and ca.pem with --identity, or in TENURE_IDENTITY; \
                     `tenure cluster init` and `tenure user enrol` make one"
                        .to_owned()
                });
                view(ErrorKind::Usage, format!("{self}: {error}{cause}"), &suggestion)
            }
            Fault::Usage { message, suggestion } => view(ErrorKind::Usage, message.clone(), suggestion),
            Fault::NotWhole { message, suggestion } => ErrorView {
                code: Some("not_whole".to_owned()),
                ..view(ErrorKind::Refused, message.clone(), suggestion)
            },
            Fault::NoSuch { message, suggestion } => view(ErrorKind::Refused, message.clone(), suggestion),
            Fault::Declined | Fault::Mistyped { .. } => view(ErrorKind::Refused, self.to_string(), ""),
            Fault::NotYet { message, suggestion } => view(ErrorKind::Unknown, message.clone(), suggestion),
            Fault::Output(error) => view(ErrorKind::Unknown, format!("{self}: {error}"), ""),
        }
    }
}

impl From<ClientError> for Fault {
    fn from(error: ClientError) -> Self {
        Fault::Client(error)
    }
}
