//! What is said on the wire. Versioned by the path (`/v1`): fields may be added, never renamed or given a new meaning.

mod agent;
mod ask;
mod states;
mod status;
mod what_if;

pub use agent::{
    ActionBody, AgentActionView, AgentDetailView, AgentView, AgentsView, CheckBody, CheckView, KeptView, ParameterView,
    PlaceView, ResourceDetailView, SaidView,
};
pub use ask::{ConfigureBody, RequestBody};
pub use states::{
    Closed, DrainPurpose, DrainStatus, GroupStatus, Intent, NodeOut, NodeRole, ServerStatus, ServiceStatus,
};
pub use status::{
    AlarmView, CapacityView, DrainView, FaultView, GroupView, LparView, NodeView, OrderView, ResourceView, RollingView,
    ServerView, ServiceMemberView, ServiceView, StatusView, TurnView, WaitView,
};
pub use what_if::{
    DecisionView, EndingView, ForeseenGroup, ForeseenRecord, LargestView, RefusedView, ServerCapacityView,
    SiteCapacityView, WeakView, WhatIf, WhatIfBody, WhatIfView, WhyNotView,
};

/// What operators ask is what the log holds.
pub use tenure_core::Verb;

use crate::config::Problem;
use serde::{Deserialize, Serialize};
use tenure_core::Subject;

/// How loud something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// As it should be.
    Info,
    /// Worth a look.
    Warning,
    /// Somebody has to act.
    Alarm,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordView {
    /// Log index.
    pub index: u64,
    /// Cluster time, RFC 3339 in UTC.
    pub at: String,
    /// How loud.
    pub level: Level,
    /// What kind of thing, in snake case: `granted`, `faulted`, ….
    pub kind: String,
    /// The line that people read.
    pub text: String,
    /// The group it is about.
    pub group: Option<String>,
    /// The server it is about.
    pub server: Option<String>,
}

/// Why a group is where it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhyView {
    /// What the group is now.
    pub group: GroupView,
    /// What led there, newest first.
    pub records: Vec<RecordView>,
    /// Whether older records were left out.
    pub more: bool,
}

/// The declared cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigView {
    /// Log index at which it was declared; 0 if none was.
    pub configured: u64,
    /// The text of a cluster file.
    pub text: String,
}

/// What a request led to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeView {
    /// Log index at which it was applied.
    pub index: u64,
    /// Its identity.
    pub request_id: String,
    /// What changed at once.
    pub records: Vec<RecordView>,
    /// What somebody should look at, one line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// Who is in the consensus group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct MembersView {
    /// The node that answered.
    pub answered_by: String,
    /// Who leads, if that node knows.
    pub leader: Option<String>,
    pub term: u64,
    /// Index of the last entry that the node applied.
    pub index: u64,
    pub members: Vec<MemberView>,
    /// What the node that answered knows of all nodes.
    #[serde(default)]
    pub nodes: Vec<NodeView>,
    /// Cluster time of that, RFC 3339 in UTC.
    #[serde(default)]
    pub at: String,
}

/// One member of the consensus group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct MemberView {
    /// Its number in consensus.
    pub id: u64,
    pub name: String,
    /// Where the others reach it.
    pub address: String,
    /// Where administrators reach it, if known.
    pub api_address: Option<String>,
    /// Whether it votes; a learner only follows.
    pub voter: bool,
}

/// A node to be added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // what a name says is not said again
pub struct NodeAddBody {
    pub name: String,
    /// Where the others reach it.
    pub address: String,
}

/// Who is to lead.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransferBody {
    /// The node; any other voter if absent.
    pub to: Option<String>,
}

/// Who leads now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaderView {
    /// The node, if one is known.
    pub leader: Option<String>,
}

/// For whom a token is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenBody {
    /// The node that is to join.
    pub node: String,
}

/// A permission to join, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenView {
    /// What the new node shows.
    pub token: String,
    /// The only node that may use it.
    pub node: String,
    /// Until when, RFC 3339 in UTC.
    pub expires: String,
}

/// A node asks to be let in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JoinRequest {
    /// Its permission.
    pub token: String,
    /// Its name.
    pub node: String,
    /// Request for a certificate, PEM.
    pub csr_pem: String,
    /// Where the others reach it.
    pub address: String,
    /// Where administrators reach it.
    pub api_address: String,
}

/// A node is let in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinReply {
    /// Id of the cluster.
    pub cluster: String,
    /// The node's number in consensus.
    pub id: u64,
    /// Its certificate, PEM.
    pub cert_pem: String,
    /// The authority's certificate, PEM.
    pub ca_pem: String,
    /// The members that it will talk to.
    pub members: Vec<MemberView>,
}

/// What kind of error it is, and so what may be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// Understood, and not done.
    Refused,
    /// Not understood.
    Usage,
    /// Nothing happened, because something could not be reached.
    Unreachable,
    /// It may have happened.
    Unknown,
    /// Nothing happened, because nobody leads.
    NotLeader,
}

/// What something is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct SubjectView {
    /// What kind of thing: `group`, `server`, `node`, `resource`, `service` or `hmc`.
    pub kind: String,
    pub name: String,
}

impl From<Subject> for SubjectView {
    fn from(Subject { kind, name }: Subject) -> Self {
        SubjectView { kind: kind.into_owned(), name }
    }
}

/// An error, as every path of the API answers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorView {
    /// What kind.
    pub kind: ErrorKind,
    /// Which one exactly, in snake case, where there are several of a kind: `frozen`, `already_on`, ….
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Box<SubjectView>>,
    /// What is wrong.
    pub message: String,
    /// What to do next.
    pub suggestion: Option<String>,
    /// Mistakes in a file that was sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
    /// What agents make of a cluster file that they cannot keep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Box<CheckView>>,
}

impl ErrorView {
    /// An error of which no more is known than its kind, and what is wrong.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let (message, suggestion) = (message.into(), Some(kind.suggestion().to_owned()));
        ErrorView { kind, code: None, subject: None, message, suggestion, problems: Vec::new(), check: None }
    }

    /// The same with what to do next.
    pub fn advise(self, suggestion: impl Into<String>) -> Self {
        ErrorView { suggestion: Some(suggestion.into()), ..self }
    }
}
