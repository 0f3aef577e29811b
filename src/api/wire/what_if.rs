//! What would happen if, what there is room for, and why not: answers to questions that change nothing.

use super::{CapacityView, RecordView, SubjectView, ask::lean};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tenure_core::Verb;

/// Something that might happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[allow(missing_docs)] // what a name says is not said again
pub enum WhatIf {
    /// These servers lose power at once, with their nodes.
    Lose { servers: Vec<String> },
    /// An operator asks this.
    Ask(#[serde(serialize_with = "lean")] Verb),
    /// This cluster file is applied.
    Configure { text: String },
}

/// A question: what would happen. The what-ifs follow each other, each after the cluster has come to rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhatIfBody {
    /// What might happen.
    pub what_if: Vec<WhatIf>,
    /// Whether the records are left out of the answer.
    #[serde(default)]
    pub brief: bool,
}

/// How a foresight ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndingView {
    /// Nothing was left to do.
    Rest,
    /// It was still going on when the steps or the time allowed for it were used up.
    Unsettled,
    /// No majority of nodes was left, so nothing was decided any more.
    NoMajority,
}

/// What would happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhatIfView {
    /// Log index of the state that it was foreseen from.
    pub index: u64,
    /// How it ended.
    pub ending: EndingView,
    /// Groups that change their place or would not run, the most important first.
    pub groups: Vec<ForeseenGroup>,
    /// How many groups stay as they are.
    pub unchanged: usize,
    /// What-ifs that were refused.
    pub refused: Vec<RefusedView>,
    /// What would happen, in order.
    pub records: Vec<ForeseenRecord>,
    /// How many records were left out.
    pub left_out: usize,
}

/// One group, before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct ForeseenGroup {
    pub name: String,
    /// Smaller is more important.
    pub priority: u32,
    /// Where it was.
    pub from: Option<String>,
    /// Where it would be.
    pub to: Option<String>,
    /// Whether it would be online there.
    pub runs: bool,
    /// Whether it should run and would not, and that is news.
    pub unserved: bool,
    /// Why it would wait.
    pub wait: Option<String>,
    /// When it would come there, in milliseconds of the ideal world after the beginning.
    pub after_ms: Option<u64>,
}

/// A what-if that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedView {
    /// Which one, counted from 0.
    pub number: usize,
    /// Which refusal.
    pub code: String,
    /// What it is about.
    pub subject: Option<SubjectView>,
    /// What is wrong.
    pub message: String,
    /// What to do about it, if that is known.
    pub suggestion: Option<String>,
}

/// One thing that would happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeseenRecord {
    /// When, in milliseconds of the ideal world after the beginning.
    pub after_ms: u64,
    /// What. Its index and its time are made up.
    #[serde(flatten)]
    pub record: RecordView,
}

/// What each server has, what is taken of it, and which losses the cluster would survive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct SiteCapacityView {
    /// Log index of this state.
    pub index: u64,
    pub servers: Vec<ServerCapacityView>,
    /// How many servers may be lost at once, whichever they are, and everything that runs still runs: at least so many.
    pub survives: u32,
    /// Whether it is known that one more would be too much.
    pub exact: bool,
    /// Losses of single servers that would not be survived.
    pub weak: Vec<WeakView>,
    /// Servers whose loss was not looked at, for want of time.
    pub not_looked_at: Vec<String>,
}

/// One server's room.
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
    /// How it would end.
    pub ending: EndingView,
    /// Groups that would not run.
    pub groups: Vec<String>,
}

/// Why a group does not run on a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct WhyNotView {
    pub group: String,
    pub server: String,
    /// `here`, `not_listed`, `barred` or `could`.
    pub standing: String,
    /// That in words.
    pub text: String,
    /// If barred, every reason; if it could run there, why it is not there.
    pub reasons: Vec<String>,
    /// The last time that it was placed, as far as that is kept.
    pub decision: Option<DecisionView>,
}

/// The last time that a group was placed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionView {
    /// What was decided.
    pub record: RecordView,
    /// Where it was placed.
    pub to: String,
    /// Why not on the server in question.
    pub why: Option<String>,
}
