//! What is kept and sent of what happened: code, subject and text.
//!
//! It only explains, and nothing is decided by it. So it holds the words of the build that wrote it, it is left out where
//! ledgers are compared, and a note or a refusal may be added, reworded or dropped in any release without another format.

use crate::{ForeignText, GroupName, Note, Record, Refusal, Sentence, ServerName, Time, name::Thing, note::Level};
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, collections::BTreeMap};

/// A line of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Log index.
    pub index: u64,
    /// Cluster time.
    pub at: Time,
    /// How loud it is.
    pub level: Level,
    /// The word for programs.
    pub kind: Cow<'static, str>,
    /// The group it is about.
    pub group: Option<GroupName>,
    /// The server it is about.
    pub server: Option<ServerName>,
    /// The sentence for people.
    pub text: Sentence,
    /// Servers that were passed over when a group was placed, and why: `tenure why-not` looks them up.
    pub passed_over: BTreeMap<ServerName, ForeignText>,
}

impl From<&Record> for Event {
    fn from(record: &Record) -> Self {
        let note = &record.note;
        let passed_over = if let Note::Granted { passed_over, .. } = note { Some(passed_over) } else { None };
        let passed_over = passed_over.into_iter().flatten();
        Event {
            index: record.index,
            at: record.at,
            level: note.level(),
            kind: note.kind().into(),
            group: note.group().cloned(),
            server: note.server().cloned(),
            text: note.to_string().into(),
            passed_over: passed_over.map(|(server, why)| (server.clone(), why.to_string().into())).collect(),
        }
    }
}

/// The name of a thing, and what kind of thing it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// `group`, `server`, `node`, `resource`, `service` or `hmc`.
    pub kind: Cow<'static, str>,
    /// Its name.
    pub name: ForeignText,
}

impl From<Thing<'_>> for Subject {
    fn from(thing: Thing<'_>) -> Self {
        Subject { kind: thing.kind().into(), name: thing.name().into() }
    }
}

/// Why something was not done: by the ledger, a node, or an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// The word for programs.
    pub code: Cow<'static, str>,
    /// The first thing it names.
    pub subject: Option<Subject>,
    /// What is wrong. An agent may have said it.
    pub message: Sentence,
    /// What to do about it, if that is known.
    pub advice: Option<Sentence>,
}

impl Rejection {
    /// One without a subject, and with nothing to do about it.
    pub fn new(code: &'static str, message: impl Into<Sentence>) -> Self {
        Rejection { code: code.into(), subject: None, message: message.into(), advice: None }
    }

    /// The same with what to do about it.
    pub fn advise(self, advice: impl Into<Sentence>) -> Self {
        Rejection { advice: Some(advice.into()), ..self }
    }
}

impl From<&Refusal> for Rejection {
    fn from(why: &Refusal) -> Self {
        Rejection {
            code: why.code().into(),
            subject: why.subject().map(Subject::from),
            message: why.message().into(),
            advice: why.advice().map(Sentence::from),
        }
    }
}

/// The answer to whoever had an entry written. It is remembered for the last requests, so that one that is repeated gets the
/// same answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// Log index of the entry that was applied; of the first one, for a repeated request.
    pub index: u64,
    /// Commands that were refused: place in the entry, and why.
    pub refused: Vec<(u32, Rejection)>,
    /// What changed, in order.
    pub events: Vec<Event>,
}

impl Reply {
    /// The answer to an entry whose first command was refused, and which changed nothing.
    pub fn refusal(index: u64, why: &Refusal) -> Self {
        Reply { index, refused: vec![(0, why.into())], events: Vec::new() }
    }

    /// Whether the entry was refused because the process that wrote it is not, or not yet, the one that runs its node.
    pub fn is_unheard(&self) -> bool {
        self.refused.first().is_some_and(|(_, why)| why.code == "older_process")
    }
}
