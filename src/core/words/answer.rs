//! From how a console ended a command to what that is to the order which sent it.

use super::refusal::RefusalKind;
use crate::carry::{Answer, Ask};

/// How a console ended what it was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// It accepted.
    Accepted,
    /// It refused, and nothing was done.
    Refused {
        /// What the refusal means.
        kind: RefusalKind,
        /// What was said.
        why: String,
    },
    /// None was told.
    NotSent(String),
    /// It was told, and nobody knows what became of that.
    Unknown(String),
}

/// What is asked for, as far as a refusal is concerned.
#[derive(Clone, Copy)]
enum Deed {
    Start,
    Stop,
    PowerOff,
    Other,
}

/// What the end of a command is to who carries out the order.
pub fn answer(ask: &Ask, told: Told) -> Answer {
    match told {
        Told::Accepted => Answer::Accepted,
        Told::NotSent(why) => Answer::NotSent(why),
        Told::Unknown(why) => Answer::Unknown(why),
        Told::Refused { kind, why } => refused(ask, kind, why),
    }
}

fn refused(ask: &Ask, kind: RefusalKind, why: String) -> Answer {
    match (kind, deed(ask)) {
        (RefusalKind::AlreadyOn, Deed::Start) | (RefusalKind::AlreadyOff, Deed::Stop | Deed::PowerOff) => {
            Answer::Already
        }
        // Says nothing about the LPAR on this server: it can be tried again.
        (
            RefusalKind::Busy
            | RefusalKind::NotOperating
            | RefusalKind::NotConnected
            | RefusalKind::ServerNotFound
            | RefusalKind::NoAuthority,
            Deed::Start | Deed::Stop | Deed::Other,
        ) => Answer::NotSent(why),
        // Nobody has recorded what is said of a server that is off: in whatever words that is refused, it is read back.
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
            Deed::Start | Deed::Stop | Deed::PowerOff | Deed::Other,
        ) => Answer::Refused(why),
    }
}

fn deed(ask: &Ask) -> Deed {
    match ask {
        Ask::Start(_) => Deed::Start,
        Ask::ShutDown(_) | Ask::PowerDown(_) | Ask::CutOff(_) | Ask::CutOffNode => Deed::Stop,
        Ask::PowerOff => Deed::PowerOff,
        Ask::Migrate { .. }
        | Ask::MoveDefinition { .. }
        | Ask::RemoteRestart { .. }
        | Ask::StopMigration(_)
        | Ask::RecoverMigration(_)
        | Ask::Read(_)
        | Ask::Look(_)
        | Ask::Clean { .. }
        | Ask::Run { .. }
        | Ask::Pause(_) => Deed::Other,
    }
}
