//! The wire types. Versioned by the path (`/v1`): fields may be added, never renamed or given a new meaning.

mod agent;
mod ask;
mod authority;
mod backup;
mod hmc;
mod kept;
mod log;
mod states;
mod status;
mod verdict;
mod what_if;

pub use agent::{
    ActionBody, AgentActionView, AgentDetailView, AgentSettingsView, AgentView, AgentsView, CheckBody, CheckView,
    ParameterView, PlaceView, ResourceDetailView, SaidView,
};
pub use ask::{ConfigureBody, RequestBody};
pub use authority::{AuthoritiesView, AuthorityState, AuthorityView, CertificateView};
pub use backup::{BackupBody, BackupView, BackupsView, RestoreBody};
pub use hmc::{HmcHeardView, HmcView, HmcsView};
pub use kept::{KeptView, OverlapView, OverlapsView};
pub use log::{LogLevelBody, LogSetView, LogView};
pub use states::{
    Closed, DrainPurpose, DrainStatus, GroupStatus, HmcStatus, Intent, NodeOut, NodeRole, ServerStatus, ServiceStatus,
};
pub use status::{
    AddressView, AlarmView, CapacityView, DrainView, FaultView, GroupView, LparView, NodeView, OrderView, QuorumView,
    ResourceView, RollingView, ServerView, ServiceMemberView, ServiceView, StatusView, TurnView, WaitView,
};
pub use verdict::{Cause, TotalView, TotalsView, Verdict};
pub use what_if::{
    DecisionView, EndingView, ForeseenGroup, ForeseenRecord, LargestView, RefusedView, ServerCapacityView,
    SiteCapacityView, WeakView, WhatIf, WhatIfBody, WhatIfView, WhyNotView,
};

/// Operators' requests are the same type on the wire and in the log.
pub use tenure_core::Verb;

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tenure_config::Problem;
use tenure_core::{Sentence, Subject, trust::Role};

/// Severity of an event or a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Normal operation.
    Info,
    /// Deserves a look.
    Warning,
    /// An operator has to act.
    Alarm,
}

/// An event, from the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordView {
    /// Log index.
    pub index: u64,
    /// Cluster time, RFC 3339 in UTC.
    pub at: String,
    /// Its severity.
    pub level: Level,
    /// The kind of event, in snake case: `granted`, `faulted`, ….
    pub kind: String,
    /// The text for people.
    pub text: String,
    /// The group it is about.
    pub group: Option<String>,
    /// The server it is about.
    pub server: Option<String>,
}

/// The state of a group, and its history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhyView {
    /// Its present state.
    pub group: GroupView,
    /// Its history, newest first.
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

/// The outcome of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeView {
    /// Log index at which it was applied.
    pub index: u64,
    /// The identity of the request.
    pub request_id: String,
    /// Its immediate effects.
    pub records: Vec<RecordView>,
    /// Findings that deserve a look, one line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Set by the client if what was asked for was so already, and nothing was done: what is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub already: Option<String>,
}

/// The members of the consensus group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct MembersView {
    /// The node that answered.
    pub answered_by: String,
    /// The leader, if that node knows it.
    pub leader: Option<String>,
    pub term: u64,
    /// Index of the last entry that the node applied.
    pub index: u64,
    pub members: Vec<MemberView>,
    /// The feature level of the cluster.
    #[serde(default)]
    pub level: u32,
    /// All nodes, in the view of the node that answered.
    #[serde(default)]
    pub nodes: Vec<NodeView>,
    /// Cluster time of that view, as a wall clock shows it: RFC 3339 in UTC.
    #[serde(default)]
    pub at: String,
    /// Cluster time now, by the clock of the node that answered.
    #[serde(default)]
    pub now: String,
    /// The time at which that node was last in touch with a leader that had a majority behind it; absent while it is.
    #[serde(default)]
    pub heard: Option<String>,
    /// Members that do not answer that node, and why; empty while it is in touch with a leader.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unreached: BTreeMap<String, String>,
}

/// One member of the consensus group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct MemberView {
    /// Its number in consensus.
    pub id: u64,
    pub name: String,
    /// The address for the other members.
    pub address: String,
    /// The address of its admin API, if known.
    pub api_address: Option<String>,
    /// Whether it votes; a learner only replicates the log.
    pub voter: bool,
    /// Its version, if known.
    #[serde(default)]
    pub version: Option<String>,
    /// The newest feature level that it understands, if known.
    #[serde(default)]
    pub level: Option<u32>,
}

/// A node to be added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // what a name says is not said again
pub struct NodeAddBody {
    pub name: String,
    /// Its address for the other members.
    pub address: String,
}

/// A node that is stopped for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoppedView {
    /// The node.
    pub node: String,
    /// The groups that were frozen for it, until it is back.
    pub frozen: Vec<String>,
}

/// A feature level to be reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LevelBody {
    /// The level.
    pub level: u32,
}

/// A transfer of leadership.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransferBody {
    /// The new leader; any other voter if absent.
    pub to: Option<String>,
}

/// The present leader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaderView {
    /// The node, if one is known.
    pub leader: Option<String>,
}

/// A request for a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum TokenBody {
    /// For this node to join.
    Node(String),
    /// For this user to have a key certified.
    User(String),
    /// For a browser of the user who asks.
    Session {},
}

/// A token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenView {
    /// The secret. It is nowhere else.
    pub token: String,
    /// The only node, or user, that may use it.
    #[serde(rename = "for")]
    pub whose: String,
    /// End of its validity, RFC 3339 in UTC.
    pub expires: String,
}

/// A node's request for admission to the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JoinRequest {
    /// The token.
    pub token: String,
    /// Its name.
    pub node: String,
    /// Certificate signing request, PEM.
    pub csr_pem: String,
    /// Its address for the other members.
    pub address: String,
    /// The address of its admin API.
    pub api_address: String,
}

/// The admission of a node.
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
    /// The members of the cluster.
    pub members: Vec<MemberView>,
}

/// A user's request to have a key certified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrolRequest {
    /// The token.
    pub token: String,
    /// Certificate signing request, PEM.
    pub csr_pem: String,
}

/// A user's new key to be certified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertifyBody {
    /// Certificate signing request, PEM.
    pub csr_pem: String,
}

/// A user's certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolReply {
    /// The user.
    pub user: String,
    /// The certificate, PEM.
    pub cert_pem: String,
    /// The authority's certificate, PEM.
    pub ca_pem: String,
}

/// One thing that somebody did, or was refused. Its hash covers everything but `changed`, and the hash of the record before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditView {
    /// Counted from 1, without a gap.
    pub number: u64,
    /// Log index.
    pub index: u64,
    /// Wall clock of the leader, RFC 3339 in UTC, to the millisecond.
    pub at: String,
    /// The user, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The number in the user's certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// The node, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Address of the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<std::net::IpAddr>,
    /// The node that the user asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_node: Option<String>,
    /// What, as it is typed.
    pub what: String,
    /// Code of the refusal; absent if it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// What differs in the configuration, a field a line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
    /// SHA-256, in hexadecimal digits.
    pub hash: String,
}

/// Records of the audit, as one node keeps them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditsView {
    /// The node.
    pub node: String,
    /// Number of the last record by the replicated state.
    pub count: u64,
    /// Hash of that record.
    pub hash: Option<String>,
    /// The records, oldest first.
    pub records: Vec<AuditView>,
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct UserView {
    pub name: String,
    /// The number that their certificate must bear.
    pub id: u64,
    /// `reader`, `operator` or `administrator`.
    pub role: Role,
    /// The groups to which the role is limited; absent for the whole cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<String>>,
    /// Whether they may choose the programs that nodes run.
    pub programs: bool,
    /// Since when, RFC 3339 in UTC.
    pub since: String,
    /// Who let them in.
    pub by: String,
    /// The end of their longest certificate, RFC 3339 in UTC; absent if they have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certified_until: Option<String>,
}

/// All users.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsersView {
    /// By name.
    pub users: Vec<UserView>,
}

/// The rights of a user, to be given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserBody {
    /// The name.
    pub name: String,
    /// The role.
    pub role: Role,
    /// The groups to which it is limited; absent for the whole cluster.
    #[serde(default)]
    pub groups: Option<Vec<String>>,
    /// Whether they may choose the programs that nodes run.
    #[serde(default)]
    pub programs: bool,
}

/// The kind of an error, from which its consequences follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The request was understood, and refused.
    Refused,
    /// The request was not understood.
    Usage,
    /// Nothing happened, because a node or an agent could not be reached.
    Unreachable,
    /// It may have happened.
    Unknown,
    /// Nothing happened, because there is no leader.
    NotLeader,
}

/// The object that an error concerns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct SubjectView {
    /// The kind of object: `group`, `server`, `node`, `resource`, `service` or `hmc`.
    pub kind: String,
    pub name: String,
}

impl From<Subject> for SubjectView {
    fn from(Subject { kind, name }: Subject) -> Self {
        SubjectView { kind: kind.into_owned(), name: name.into() }
    }
}

/// An error, in the form that all paths of the API use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorView {
    /// Its kind.
    pub kind: ErrorKind,
    /// The exact reason, in snake case, where a kind has several: `frozen`, `already_on`, ….
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The object that it concerns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Box<SubjectView>>,
    /// The reason, for people.
    pub message: String,
    /// The next step.
    pub suggestion: Option<String>,
    /// Mistakes in the cluster file of the request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
    /// The findings of the agents about a cluster file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Box<CheckView>>,
}

impl ErrorView {
    /// An error with the usual suggestion for its kind.
    pub fn new(kind: ErrorKind, message: impl Into<Sentence>) -> Self {
        let (message, suggestion) = (message.into().into(), Some(kind.suggestion().to_owned()));
        ErrorView { kind, code: None, subject: None, message, suggestion, problems: Vec::new(), check: None }
    }

    /// The same with another suggestion.
    pub fn advise(self, suggestion: impl Into<String>) -> Self {
        ErrorView { suggestion: Some(suggestion.into()), ..self }
    }
}
