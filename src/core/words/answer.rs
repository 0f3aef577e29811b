//! Converts the outcome of a console's command to the answer for the order that sent it.

use super::refusal::RefusalKind;
use crate::{
    ForeignText,
    execution::{Answer, Change, MachineOperation, ServerOperation},
};

/// Outcome of a command that was given to a console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// It accepted.
    Accepted,
    /// It refused, and nothing was done.
    Refused {
        /// Meaning of the refusal.
        kind: RefusalKind,
        /// The console's message.
        why: ForeignText,
    },
    /// No console was given the command.
    NotSent(ForeignText),
    /// A console was given the command, and the outcome is unknown.
    Unknown(ForeignText),
}

/// Purpose of a command, as far as a refusal is concerned.
#[derive(Clone, Copy)]
enum Aim {
    Start,
    Stop,
    PowerOff,
    Other,
}

/// The answer to an order, from the outcome of its command.
pub fn answer(change: &Change, told: Told) -> Answer {
    match told {
        Told::Accepted => Answer::Accepted,
        Told::NotSent(why) => Answer::NotSent(why),
        Told::Unknown(why) => Answer::Unknown(why),
        Told::Refused { kind, why } => refused(change, kind, why),
    }
}

fn refused(change: &Change, kind: RefusalKind, why: ForeignText) -> Answer {
    match (kind, aim(change)) {
        (RefusalKind::AlreadyOn, Aim::Start) | (RefusalKind::AlreadyOff, Aim::Stop | Aim::PowerOff) => Answer::Already,
        // Says nothing about the LPAR on this server: it can be tried again.
        (
            RefusalKind::Busy
            | RefusalKind::NotOperating
            | RefusalKind::NotConnected
            | RefusalKind::ServerNotFound
            | RefusalKind::NoAuthority,
            Aim::Start | Aim::Stop | Aim::Other,
        ) => Answer::NotSent(why),
        // No recording shows how power-off is refused for a server that is off: whatever the words, it is read back.
        (
            RefusalKind::AlreadyOn
            | RefusalKind::AlreadyOff
            | RefusalKind::WrongState
            | RefusalKind::Busy
            | RefusalKind::NotOperating
            | RefusalKind::NotConnected
            | RefusalKind::NoRmc
            | RefusalKind::LparNotFound
            | RefusalKind::ServerNotFound
            | RefusalKind::ProfileNotFound
            | RefusalKind::NoAuthority
            | RefusalKind::Resources
            | RefusalKind::Parameter
            | RefusalKind::Other,
            Aim::Start | Aim::Stop | Aim::PowerOff | Aim::Other,
        ) => Answer::Refused(why),
    }
}

fn aim(change: &Change) -> Aim {
    match change {
        Change::Machine(_, MachineOperation::Start) => Aim::Start,
        Change::Machine(_, MachineOperation::Stop(_)) | Change::Server(ServerOperation::CutOffNode) => Aim::Stop,
        Change::Server(ServerOperation::PowerOff) => Aim::PowerOff,
        Change::Machine(_, MachineOperation::Move(_)) => Aim::Other,
    }
}
