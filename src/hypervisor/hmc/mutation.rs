//! Sending a change to one of several HMCs.
//!
//! Promises: it is carried out at most once. The next HMC is tried only while it is certain that nothing was done,
//! and only where another HMC may answer differently. Repeatable changes are the exception: if one HMC refuses such a
//! change for an unknown reason, which may have been its link to the server, the next one is tried.
//!
//! A change that can fail half-way is checked first: a refused check has certainly done nothing, whatever the code.

use tokio::time::Instant;
use tracing::{info, warn};

use super::answers::conclude;
use super::command::{Command, check_name};
use super::console::{Console, Limits, Purpose};
use super::driver::{Candidate, share};
use super::exec::ExecError;
use crate::hypervisor::{Attempt, CommandError, Failure, Refusal, RefusalKind, ServerAddress};
use tenure_core::words::Step;

/// A change, with its commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Asks whether the change is possible; changes nothing.
    pub check: Option<Command>,
    /// Carries it out.
    pub command: Command,
    /// The limit that it counts against: mutations, or moves.
    pub purpose: Purpose,
    /// Whether sending it twice has no more effect than once: a stop stays stopped.
    pub repeatable: bool,
}

impl Change {
    /// A short change, which is either refused before anything is done, or not at all.
    pub fn short(command: Command) -> Self {
        Self { check: None, command, purpose: Purpose::Mutation, repeatable: false }
    }

    /// The same, for a repeatable change.
    pub fn repeatable(command: Command) -> Self {
        Self { repeatable: true, ..Self::short(command) }
    }
}

/// Offers a change to these HMCs in order.
pub async fn offer(
    candidates: Vec<Candidate>,
    operation: String,
    change: &Change,
    end_by: Instant,
) -> Result<(), CommandError> {
    let mut attempts = Vec::new();
    let mut left = candidates.len();
    let (mut refused, mut unclear) = (None, None);
    for candidate in candidates {
        // One share more than there are HMCs, so that the last one has time to carry the command out, too.
        let limits = Limits { send_by: share(end_by, left + 1), end_by };
        left -= 1;
        let (via, told) = match candidate {
            Ok(hmc) => (hmc.console.name().to_owned(), tell(&hmc.console, &operation, change, limits).await),
            Err(name) => (name, Told::NotSent(Failure::NotConfigured)),
        };
        match told {
            Told::Accepted => return Ok(()),
            // It answered, so it does nothing any more.
            Told::Unknown(failure @ Failure::Refused(_)) if change.repeatable => {
                unclear.get_or_insert(CommandError::Unknown { operation: operation.clone(), via, failure });
            }
            Told::Unknown(failure) => {
                return Err(CommandError::Unknown { operation, via, failure });
            }
            Told::NotSent(failure) => attempts.push(Attempt { via, failure }),
            // Another HMC may answer differently. If none does, the first refusal is reported: it comes from the HMC
            // that should be asked first.
            Told::Refused(refusal) if may_differ_elsewhere(refusal.kind) => {
                refused.get_or_insert((via, refusal));
            }
            Told::Refused(refusal) => {
                // The command that one HMC refused for an unknown reason may have had its effect all the same.
                return Err(unclear.unwrap_or(CommandError::Refused { operation, via, refusal }));
            }
        }
    }
    if let Some(unclear) = unclear {
        return Err(unclear);
    }
    match refused {
        Some((via, refusal)) => Err(CommandError::Refused { operation, via, refusal }),
        None => Err(CommandError::NotSent { operation, attempts }),
    }
}

/// `chsysstate` for one LPAR.
pub fn lpar_command(server: &ServerAddress, lpar: &str, operation: &'static str) -> Result<Command, String> {
    check_name("server", &server.mtms)?;
    check_name("LPAR", lpar)?;
    let command = Command::new("chsysstate").with("-m", &server.mtms).with("-r", "lpar");
    Ok(command.with("-o", operation).with("-n", lpar))
}

/// `chsyscfg` for the description of one LPAR. Its name and the text are items of a list, in which commas and quotes
/// have a meaning of their own.
pub fn description_command(server: &ServerAddress, lpar: &str, text: &str) -> Result<Command, String> {
    check_name("server", &server.mtms)?;
    check_name("LPAR", lpar)?;
    for (what, value) in [("name of the LPAR", lpar), ("description", text)] {
        if value.contains([',', '"']) {
            return Err(format!("the {what} holds a comma or a quote: {value:?}"));
        }
    }
    if !text.chars().all(|c| c == ' ' || c.is_ascii_graphic()) {
        return Err(format!("the description is not printable ASCII: {text:?}"));
    }
    let command = Command::new("chsyscfg").with("-r", "lpar").with("-m", &server.mtms);
    Ok(command.with("-i", &format!("name={lpar},description={text}")))
}

/// `chsysstate` for a whole server.
pub fn server_command(server: &ServerAddress, operation: &'static str) -> Result<Command, String> {
    check_name("server", &server.mtms)?;
    Ok(Command::new("chsysstate").with("-m", &server.mtms).with("-r", "sys").with("-o", operation))
}

/// The result of a change at one HMC.
enum Told {
    Accepted,
    Refused(Refusal),
    NotSent(Failure),
    Unknown(Failure),
}

async fn tell(console: &Console, operation: &str, change: &Change, limits: Limits) -> Told {
    let hmc = console.name();
    if let Some(check) = &change.check {
        // An HMC that hangs in the check must leave time for the next one.
        let limits = Limits { end_by: limits.send_by, ..limits };
        if let Err(told) = ask_first(console, check, change.purpose, limits).await {
            return log(hmc, operation, told);
        }
    }
    let limits = Limits { send_by: limits.send_by.max(share(limits.end_by, 2)), ..limits };
    let step = if change.check.is_some() { Step::Checked } else { Step::Change };
    info!(hmc, operation, command = change.command.line(), "sending");
    let told = match console.change(&change.command, change.purpose, limits).await {
        Err(ExecError::Before(failure)) => Told::NotSent(failure),
        Err(ExecError::After(failure)) => Told::Unknown(failure),
        Ok(output) => match conclude(output) {
            Ok(_) => Told::Accepted,
            Err(Failure::Refused(refusal)) if refusal.kind.is_definite(step) => Told::Refused(refusal),
            Err(failure) => Told::Unknown(failure),
        },
    };
    log(hmc, operation, told)
}

/// Asks whether the change is possible. Nothing is changed in any case.
async fn ask_first(console: &Console, check: &Command, purpose: Purpose, limits: Limits) -> Result<(), Told> {
    match console.change(check, purpose, limits).await {
        Err(ExecError::Before(failure) | ExecError::After(failure)) => Err(Told::NotSent(failure)),
        Ok(output) => match conclude(output) {
            Ok(_) => Ok(()),
            Err(Failure::Refused(refusal)) if refusal.kind.is_definite(Step::Check) => Err(Told::Refused(refusal)),
            Err(failure) => Err(Told::NotSent(failure)),
        },
    }
}

fn log(hmc: &str, operation: &str, told: Told) -> Told {
    match &told {
        Told::Accepted => info!(hmc, operation, "accepted"),
        Told::Refused(refusal) => warn!(hmc, operation, %refusal, "refused"),
        Told::NotSent(failure) => warn!(hmc, operation, %failure, "not sent"),
        Told::Unknown(failure) => warn!(hmc, operation, %failure, "outcome unknown"),
    }
    told
}

/// Whether another HMC may answer differently: its link to the server, or the rights of the user there, may differ.
fn may_differ_elsewhere(kind: RefusalKind) -> bool {
    match kind {
        RefusalKind::NotConnected
        | RefusalKind::NotOperating
        | RefusalKind::NoAuthority
        | RefusalKind::ServerNotFound => true,
        RefusalKind::AlreadyOn
        | RefusalKind::AlreadyOff
        | RefusalKind::WrongState
        | RefusalKind::Busy
        | RefusalKind::NoRmc
        | RefusalKind::LparNotFound
        | RefusalKind::ProfileNotFound
        | RefusalKind::Resources
        | RefusalKind::Parameter
        | RefusalKind::Other => false,
    }
}
