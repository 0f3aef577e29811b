//! Refusals of commands, and their texts on the HMC.

use super::output::Output;
use crate::world::{Command, Refusal, World};

/// A refusal by the command line itself or by the world.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum CliError {
    /// Parameters that are missing or have invalid values. The real text has no code.
    Parameters(Vec<String>),
    /// An attribute that does not exist.
    Attribute(String),
    /// A filter that does not exist.
    Filter(String),
    NoSystem(String),
    NoLpar(String),
    NoLparNumber(u16),
    NoProfile(String),
    /// A live migration of an LPAR without RMC. The code and the sentence are recorded.
    NoRmcToMigrate(String),
    /// A refusal by the world, worded for its object.
    Refused {
        refusal: Refusal,
        object: String,
    },
}

impl CliError {
    pub(super) fn parameter(name: &str) -> Self {
        CliError::Parameters(vec![name.to_owned()])
    }

    /// The refusal of a typed command, with the name of its object.
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
            CliError::Refused { refusal, object } => refusal.message(object),
        }
    }
}
