//! Why a command is refused, and how the HMC says so.

use super::output::Output;
use crate::world::{Command, Refusal, World};

/// A refusal by the command line itself or by what is below it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum CliError {
    /// Parameters that are missing or have values that they cannot have. The real text has no code.
    Parameters(Vec<String>),
    /// An attribute that does not exist.
    Attribute(String),
    /// A filter that does not exist.
    Filter(String),
    NoSystem(String),
    NoLpar(String),
    NoLparNumber(u16),
    NoProfile(String),
    /// A live migration of what has no RMC. The code and the sentence are recorded.
    NoRmcToMigrate(String),
    /// From the world, in the words that fit its object.
    Refused {
        refusal: Refusal,
        object: String,
    },
}

impl CliError {
    pub(super) fn parameter(name: &str) -> Self {
        CliError::Parameters(vec![name.to_owned()])
    }

    /// A refusal of a typed command, with the name of what it was about.
    pub(super) fn refused(world: &World, command: &Command, refusal: Refusal) -> Self {
        let object = match command {
            Command::StartLpar { profile: crate::world::Profile::Named(name), .. }
                if refusal == Refusal::NoSuchProfile =>
            {
                return CliError::NoProfile(name.clone());
            }
            Command::Migrate { lpar, .. } if refusal == Refusal::NoRmc => {
                return CliError::NoRmcToMigrate(world.lpar_name(*lpar).to_owned());
            }
            Command::StartLpar { lpar, .. }
            | Command::StopLpar { lpar, .. }
            | Command::Describe { lpar, .. }
            | Command::Migrate { lpar, .. }
            | Command::StopMigration { lpar, .. }
            | Command::RecoverMigration { lpar, .. }
            | Command::RemoteRestart { lpar, .. } => world.lpar_name(*lpar),
            Command::PowerOn { server } | Command::PowerOff { server, .. } => world.server_name(*server),
        };
        CliError::Refused { refusal, object: object.to_owned() }
    }

    pub(super) fn output(&self) -> Output {
        match self {
            CliError::Refused { refusal: Refusal::HmcDown, .. } => {
                Output::shell("ssh: connect to host: Connection refused", 255)
            }
            other => Output::refusal(&other.message()),
        }
    }

    fn message(&self) -> String {
        const CHECK: &str = "Please check your entry and retry the command.";
        match self {
            CliError::Parameters(names) => format!(
                "The command entered is either missing a required parameter or a parameter value is invalid. The \
                 parameters that are missing or have an invalid value are {}. {CHECK}",
                names.join(",")
            ),
            CliError::Attribute(name) => format!(
                "An invalid attribute was entered.  The invalid attribute is {name}.  Please correct your entry and \
                 retry the command."
            ),
            CliError::Filter(name) => format!(
                "An invalid filter was entered.  The invalid filter is {name}.  Please correct your entry and retry \
                 the command."
            ),
            CliError::NoSystem(name) => {
                format!("HSCL8018 The managed system {name} was not found.  {CHECK}")
            }
            CliError::NoLpar(name) => {
                format!("HSCL8012 The partition named {name} was not found.  {CHECK}")
            }
            CliError::NoLparNumber(id) => {
                format!("HSCL8011 The partition with ID {id} was not found.  {CHECK}")
            }
            CliError::NoProfile(name) => {
                format!("HSCL800F The partition profile named {name} was not found.  {CHECK}")
            }
            CliError::NoRmcToMigrate(name) => format!(
                "HSCLA246 The management console cannot communicate with partition {name}.  Either the network connection \
                 is not available or the partition does not have a level of software that is capable of supporting this \
                 operation."
            ),
            CliError::Refused { refusal, object } => refusal_message(*refusal, object),
        }
    }
}

fn refusal_message(refusal: Refusal, object: &str) -> String {
    match refusal {
        Refusal::HmcDown => "Connection refused".into(),
        Refusal::NoSuchServer => format!("HSCL8018 The managed system {object} was not found."),
        Refusal::NoSuchLpar => {
            format!(
                "HSCL8012 The partition named {object} was not found.  Please check your entry and retry the command."
            )
        }
        Refusal::NoSuchProfile => format!("HSCL800F A partition profile of {object} was not found."),
        Refusal::NotOff => {
            format!("HSCL05EA Partition {object} cannot be activated since it is not in the Not Activated state.")
        }
        Refusal::AlreadyOff => {
            format!("HSCL1558 The shut down operation for {object} is unavailable in the current partition state.")
        }
        Refusal::WrongState => "HSCL05DF The partition is not in a state under which this operation can be performed. \
                                Check the state of the partition."
            .into(),
        Refusal::NoRmc => format!(
            "HSCL0DB4 The operating system of {object} cannot be shut down because there is no RMC connection to it."
        ),
        Refusal::NotOperating => {
            "HSCL0238 This operation is only allowed when the managed system is in the Operating state.".into()
        }
        Refusal::NoConnection => {
            "HSCL0237 This operation is not allowed when the managed system is in the No Connection state.".into()
        }
        Refusal::Busy => "HSCL3205 The managed system is busy with another operation. Try again later.".into(),
        Refusal::NotEnoughMemory => {
            format!("HSCL03EC There is not enough memory available to activate the partition {object}.")
        }
        Refusal::NotEnoughProcessors => {
            format!("HSCL03ED There are not enough processing units available to activate the partition {object}.")
        }
        Refusal::AlreadyDefined => {
            format!("HSCL05DE The partition name {object} is already in use on the destination managed system.")
        }
        Refusal::CannotHost => {
            "HSCLA319 The migrating partition's virtual fibre channel client adapter 2 cannot be hosted \
                                by the existing Virtual I/O Server (VIOS) partitions on the destination managed system."
                .into()
        }
        // The codes are recorded, the sentences are not.
        Refusal::NoAuthority => "HSCL350B The user does not have the appropriate authority.".into(),
        Refusal::NotPrintable => {
            format!("HSCLC63B The description of the partition {object} must be printable ASCII characters.")
        }
        // No recording of these is known, so the codes are none that a real HMC has.
        Refusal::NotDown => {
            "HSCLFF01 (synthetic) The source managed system is not in a state that allows a remote restart.".into()
        }
        Refusal::Unlisted => "HSCLFF03 (synthetic) The operation was not carried out.".into(),
        Refusal::MoveFailed => {
            format!("HSCLFF02 (synthetic) The move of the partition {object} was begun and failed.")
        }
    }
}
