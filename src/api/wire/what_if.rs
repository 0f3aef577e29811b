//! What-if, capacity and why-not: answers to questions that change nothing.

use super::{CapacityView, RecordView, SubjectView, ask::lean};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tenure_core::Verb;

/// A hypothetical event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[allow(missing_docs)] // what a name says is not said again
pub enum WhatIf {
    /// These servers lose power at once, with their nodes.
    Lose { servers: Vec<String> },
    /// An operator makes this request.
    Ask(#[serde(serialize_with = "lean")] Verb),
    /// This cluster file is applied.
    Configure { text: String },
}

/// A what-if question. The events follow each other, each after the cluster has come to rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhatIfBody {
    /// The events, in order.
    pub what_if: Vec<WhatIf>,
    /// Whether the records are left out of the answer.
    #[serde(default)]
    pub brief: bool,
}

/// The end of a foresight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndingView {
    /// The cluster came to rest.
    Rest,
    /// The limit of steps or of time was reached before the cluster came to rest.
    Unsettled,
    /// No majority of nodes was left, so nothing was decided any more.
    NoMajority,
}

/// The answer to a what-if question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhatIfView {
    /// Log index of the state from which it started.
    pub index: u64,
    /// The way in which it ended.
    pub ending: EndingView,
    /// Groups that change their place or would not run, the most important first.
    pub groups: Vec<ForeseenGroup>,
    /// Number of groups that stay as they are.
    pub unchanged: usize,
    /// Events that were refused.
    pub refused: Vec<RefusedView>,
    /// The records of the foresight, in order.
    pub records: Vec<ForeseenRecord>,
    /// Number of records left out.
    pub left_out: usize,
}

/// One group, before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct ForeseenGroup {
    pub name: String,
    /// Smaller is more important.
    pub priority: u32,
    /// Its server before.
    pub from: Option<String>,
    /// Its server in the end.
    pub to: Option<String>,
    /// Whether it would be online there.
    pub runs: bool,
    /// Whether it should run and would not, though it did or was not meant to before.
    pub unserved: bool,
    /// The reason why it would wait.
    pub wait: Option<String>,
    /// Time from the beginning to its arrival there, in milliseconds of the ideal world.
    pub after_ms: Option<u64>,
}

/// A refused what-if.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedView {
    /// Its number in the question, counted from 0.
    pub number: usize,
    /// The code of the refusal.
    pub code: String,
    /// The object that it concerns.
    pub subject: Option<SubjectView>,
    /// The reason.
    pub message: String,
    /// The remedy, if one is known.
    pub suggestion: Option<String>,
}

/// A record of a foresight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeseenRecord {
    /// Time from the beginning, in milliseconds of the ideal world.
    pub after_ms: u64,
    /// The record. Its index and its time are made up.
    #[serde(flatten)]
    pub record: RecordView,
}

/// The capacity and load of each server, and the losses that the cluster would survive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct SiteCapacityView {
    /// Log index of this state.
    pub index: u64,
    pub servers: Vec<ServerCapacityView>,
    /// Number of servers, whichever they are, that may be lost at once so that all that runs still runs: at least so
    /// many.
    pub survives: u32,
    /// Whether it is known that one more would be too many.
    pub exact: bool,
    /// Losses of single servers that would not be survived.
    pub weak: Vec<WeakView>,
    /// Servers whose loss was not examined, for lack of time.
    pub not_looked_at: Vec<String>,
}

/// The free capacity of one server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct ServerCapacityView {
    pub name: String,
    /// As in the status: `ready`, `dirty`, `off`, ….
    pub state: super::ServerStatus,
    /// Memory in MiB.
    pub memory: CapacityView,
    /// Processing units in hundredths.
    pub processors: CapacityView,
    /// Abstract units of load.
    pub units: CapacityView,
    /// Named limits.
    pub limits: BTreeMap<String, CapacityView>,
    /// Groups whose tenure is there.
    pub groups: u32,
    /// The largest group that is not there and could run there now.
    pub largest: Option<LargestView>,
}

/// The largest group that fits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LargestView {
    /// Its name.
    pub group: String,
    /// Memory in MiB.
    pub memory: u64,
    /// Processing units in hundredths.
    pub processors: u64,
}

/// A server whose loss would not be survived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct WeakView {
    pub server: String,
    /// The way in which the foresight of its loss ended.
    pub ending: EndingView,
    /// Groups that would not run.
    pub groups: Vec<String>,
}

/// The reasons why a group does not run on a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct WhyNotView {
    pub group: String,
    pub server: String,
    /// `here`, `not_listed`, `barred` or `could`.
    pub standing: String,
    /// The standing in words.
    pub text: String,
    /// If barred, every reason; if it could run there, the reasons why it is elsewhere.
    pub reasons: Vec<String>,
    /// The last placement of the group, if its record is still kept.
    pub decision: Option<DecisionView>,
}

/// The last placement of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionView {
    /// The record of it.
    pub record: RecordView,
    /// The chosen server.
    pub to: String,
    /// The reason against the server in question, if it was considered and not chosen.
    pub why: Option<String>,
}
