//! From how a console ended a command to what that is to the order which sent it.

use super::refusal::RefusalKind;
use crate::execution::{Answer, Change, MachineDeed, ServerDeed};

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
enum Aim {
    Start,
    Stop,
    PowerOff,
    Other,
}

/// What the end of a command is to who carries out the order.
pub fn answer(change: &Change, told: Told) -> Answer {
    match told {
        Told::Accepted => Answer::Accepted,
        Told::NotSent(why) => Answer::NotSent(why),
        Told::Unknown(why) => Answer::Unknown(why),
        Told::Refused { kind, why } => refused(change, kind, why),
    }
}

fn refused(change: &Change, kind: RefusalKind, why: String) -> Answer {
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
            Aim::Start | Aim::Stop | Aim::PowerOff | Aim::Other,
        ) => Answer::Refused(why),
    }
}

fn aim(change: &Change) -> Aim {
    match change {
        Change::Machine(_, MachineDeed::Start) => Aim::Start,
        Change::Machine(_, MachineDeed::Stop(_)) | Change::Server(ServerDeed::CutOffNode) => Aim::Stop,
        Change::Server(ServerDeed::PowerOff) => Aim::PowerOff,
        Change::Machine(_, MachineDeed::Move(_)) => Aim::Other,
    }
}
