//! The agents that are part of this program. `FileOnOff` and `FileNone` are for tests and drills.

mod application;
mod file;
mod killing;
mod process;
mod words;

pub(crate) use words::{assignments, split};

use super::{
    machine::Call,
    result::{ActionResult, MonitorResult},
    user::Account,
};

/// An agent that is part of this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Builtin {
    /// Programs that start, stop, clean and monitor it.
    Application,
    /// One process.
    Process,
    /// A file: online while it exists.
    FileOnOff,
    /// A file made by somebody else: only monitored.
    FileNone,
}

impl Builtin {
    pub(crate) const ALL: [Builtin; 4] =
        [Builtin::Application, Builtin::Process, Builtin::FileOnOff, Builtin::FileNone];

    pub(crate) fn of(name: &str) -> Option<Self> {
        Builtin::ALL.into_iter().find(|builtin| builtin.name() == name)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Builtin::Application => "Application",
            Builtin::Process => "Process",
            Builtin::FileOnOff => "FileOnOff",
            Builtin::FileNone => "FileNone",
        }
    }

    /// Mandatory attributes.
    pub(crate) fn required(self) -> &'static [&'static str] {
        match self {
            Builtin::Application => &["StartProgram"],
            Builtin::Process | Builtin::FileOnOff | Builtin::FileNone => &["PathName"],
        }
    }

    /// All attributes of the type.
    pub(crate) fn attributes(self) -> &'static [&'static str] {
        match self {
            Builtin::Application => &application::ATTRIBUTES,
            Builtin::Process => &process::ATTRIBUTES,
            Builtin::FileOnOff | Builtin::FileNone => &["PathName"],
        }
    }

    pub(crate) async fn monitor(self, call: &Call<'_>, account: Option<&Account>) -> MonitorResult {
        match self {
            Builtin::Application => application::monitor(call, account).await,
            Builtin::Process => process::monitor(call, account).await,
            Builtin::FileOnOff | Builtin::FileNone => file::monitor(call).await,
        }
    }

    pub(crate) async fn start(self, call: &Call<'_>, account: Option<&Account>) -> ActionResult {
        match self {
            Builtin::Application => application::start(call, account).await,
            Builtin::Process => process::start(call, account).await,
            Builtin::FileOnOff => file::start(call).await,
            Builtin::FileNone => ActionResult::refused("a FileNone is there or it is not: it is not started"),
        }
    }

    pub(crate) async fn stop(self, call: &Call<'_>, account: Option<&Account>) -> ActionResult {
        match self {
            Builtin::Application => application::stop(call, account).await,
            Builtin::Process => process::stop(call, account).await,
            Builtin::FileOnOff => file::stop(call).await,
            Builtin::FileNone => ActionResult::refused("a FileNone is there or it is not: it is not stopped"),
        }
    }

    pub(crate) async fn clean(self, call: &Call<'_>, account: Option<&Account>) -> ActionResult {
        match self {
            Builtin::Application => application::clean(call, account).await,
            Builtin::Process => process::clean(call, account).await,
            Builtin::FileOnOff => file::stop(call).await,
            Builtin::FileNone => ActionResult::refused("a FileNone is there or it is not: it is not stopped"),
        }
    }
}

/// The message for a missing mandatory attribute: without it, nothing of the resource can have been started.
pub(crate) fn lacks(attribute: &str) -> String {
    format!("it has no attribute {attribute}")
}
