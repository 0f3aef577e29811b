//! The interface between the API and the node behind it.

use super::wire::{
    AgentDetailView, AgentsView, AuditView, CheckView, EnrolReply, EnrolRequest, ErrorKind, ErrorView, HmcHeardView,
    JoinReply, JoinRequest, LogView, SubjectView, TokenView,
};
use async_trait::async_trait;
use futures::stream::BoxStream;
use std::{collections::BTreeMap, sync::Arc};
use tenure_config::Problems;
use tenure_core::{
    Caller, Event, ForeignLines, GroupName, HmcName, Ledger, Level, NodeName, Refusal, Rejection, Reply, Request,
    RequestId, ResourceName, Span, Time,
    authority::Authority,
    config::Cluster,
    trust::{LogLevel, Purpose},
};

/// Consistency of a read of the ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Read {
    /// At least as new as everything acknowledged before the read began.
    #[default]
    Linearizable,
    /// The state that this node has applied.
    Stale,
}

/// A member of the consensus group.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Member {
    /// Its number in consensus.
    pub id: u64,
    pub name: NodeName,
    /// The address for the other members.
    pub address: String,
    /// The address of its admin API, if known.
    pub api_address: Option<String>,
    /// Its version, if known.
    pub version: Option<String>,
    /// The newest feature level that it understands, if known.
    pub level: Option<u32>,
    /// Whether it votes.
    pub voter: bool,
}

/// A node's own view of the consensus group.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Members {
    /// This node.
    pub me: NodeName,
    /// The leader, if it is known.
    pub leader: Option<NodeName>,
    pub term: u64,
    /// Index of the last applied entry.
    pub index: u64,
    pub members: Vec<Member>,
    /// Free bytes on this node's disk.
    pub free: Option<u64>,
    /// The backups that this node writes by itself.
    pub backups: Option<crate::node::backups::Kept>,
    /// The wall clock of this node.
    pub wall: Time,
    /// Cluster time now, by this node's clock; that of the last entry if `None`.
    pub now: Option<Time>,
    /// The last time at which this node knew of a leader with a majority behind it.
    pub led_at: Option<Time>,
    /// Members that do not answer this node, and why. Only asked while it knows of no leader.
    pub unreached: BTreeMap<NodeName, String>,
}

/// What a member last heard of HMCs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HmcHeard {
    /// The member.
    pub node: NodeName,
    /// What it says; `None` if it does not answer.
    pub heard: Option<Vec<(HmcName, HmcHeardView)>>,
}

/// An error: nothing was done, or the outcome is unknown.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Refused outside the ledger, such as a change of members.
    #[error("{}", .0.message)]
    Rejected(Rejection),
    /// The request makes no sense.
    #[error("{0}")]
    Usage(String),
    /// The cluster file in the request has mistakes.
    #[error("the configuration is not valid")]
    Invalid(#[source] Problems),
    /// The agents of the nodes cannot run the resources as a configuration demands: one line each.
    #[error("the agents of the nodes cannot keep what the cluster file asks of them")]
    Unsuitable {
        /// Findings that make the configuration unusable.
        errors: Vec<String>,
        /// Findings that deserve a look as well.
        warnings: Vec<String>,
    },
    /// There is no leader, so nothing happened.
    #[error("nobody leads the cluster at the moment: {0}")]
    NoLeader(String),
    /// A node or an agent could not be reached, so nothing happened.
    #[error("{0}")]
    Unreachable(String),
    /// It may have happened, or may happen yet.
    #[error("the outcome is not known: {0}")]
    Unknown(String),
}

impl From<&Refusal> for Failure {
    fn from(why: &Refusal) -> Self {
        Failure::Rejected(why.into())
    }
}

impl From<Rejection> for Failure {
    fn from(why: Rejection) -> Self {
        Failure::Rejected(why)
    }
}

/// A node, as the API sees it. Methods that change something take the user who asked (`by`): the ledger judges them by it,
/// and writes it down. Each must return within the API's deadline, or is given up with an unknown outcome. A node that is not the
/// leader forwards to it.
#[async_trait]
pub trait Backend: Send + Sync + 'static {
    /// The replicated state.
    async fn ledger(&self, read: Read) -> Result<Arc<Ledger>, Failure>;

    /// Commits a request and returns what it led to. A refusal may come either way: in the outcome, or as a failure.
    async fn request(&self, by: &Caller, id: RequestId, request: Request) -> Result<Reply, Failure>;

    /// Checks a configuration against the agents of the nodes; returns warnings, one line each.
    async fn check_agents(&self, by: &Caller, cluster: &Cluster) -> Result<Vec<String>, Failure>;

    /// What members last heard of HMCs, each by itself; of one, if it is named, after asking it.
    async fn managers(&self, knock: Option<&HmcName>) -> Vec<HmcHeard>;

    /// Has one node log in once to each of these HMCs of a configuration.
    async fn check_managers(&self, by: &Caller, cluster: &Cluster, hmcs: &[HmcName]) -> Result<(), Failure>;

    /// Calls an agent of a node for a resource: for an action with its arguments, or without one for its description
    /// for people.
    async fn extra(
        &self,
        by: &Caller,
        node: &NodeName,
        resource: &ResourceName,
        action: Option<(String, Vec<String>)>,
    ) -> Result<ForeignLines, Failure>;

    /// Has the log of a node tell more, or less, for a time; returns what it says.
    async fn log_level(
        &self,
        by: &Caller,
        node: &NodeName,
        level: LogLevel,
        lasts: Span,
    ) -> Result<ForeignLines, Failure>;

    /// What the log of this node tells, and its last lines.
    async fn log(&self, lines: usize) -> Result<LogView, Failure>;

    /// The agents of a node; of this one if none is named.
    async fn agents(&self, node: Option<&NodeName>) -> Result<AgentsView, Failure>;

    /// The attributes and actions of an agent of a node; of this one if none is named.
    async fn agent(&self, node: Option<&NodeName>, agent: &str) -> Result<AgentDetailView, Failure>;

    /// This node's view of the consensus group, without asking another one.
    async fn members(&self) -> Result<Members, Failure>;

    /// The same, after every other member was asked what it says of itself.
    async fn members_asked(&self) -> Result<Members, Failure> {
        self.members().await
    }

    /// Records with an index greater than `after`, oldest first, then new ones as they come, without end.
    fn events(&self, after: u64) -> BoxStream<'static, Event>;

    /// Whether a client that follows events may go on doing so. Asked often, so it must be cheap.
    fn still_admitted(&self, by: &Caller) -> bool;

    /// Adds a learner.
    async fn node_add(&self, by: &Caller, node: &NodeName, address: &str) -> Result<(), Failure>;

    /// Makes a learner a voter, once it has caught up.
    async fn node_promote(&self, by: &Caller, node: &NodeName) -> Result<(), Failure>;

    /// Removes a member.
    async fn node_remove(&self, by: &Caller, node: &NodeName) -> Result<(), Failure>;

    /// Stops a node for a while: what lives inside it is frozen until it is back. Returns the groups that were frozen.
    async fn node_stop(&self, by: &Caller, node: &NodeName) -> Result<Vec<GroupName>, Failure>;

    /// Raises the feature level, once every member understands it.
    async fn raise(&self, by: &Caller, level: Level) -> Result<(), Failure>;

    /// Transfers leadership to another voter; returns the leader.
    async fn transfer_leader(&self, by: &Caller, to: Option<&NodeName>) -> Result<Option<NodeName>, Failure>;

    /// Creates a token.
    async fn token(&self, by: &Caller, purpose: Purpose) -> Result<TokenView, Failure>;

    /// Certifies the key of a user who shows a token. The token is the only authentication.
    async fn enrol(&self, request: EnrolRequest) -> Result<EnrolReply, Failure>;

    /// Certifies a new key of a user under their present number.
    async fn certify(&self, by: &Caller, csr_pem: &str) -> Result<EnrolReply, Failure>;

    /// Writes down that somebody was refused before their request reached the log. Never waits.
    fn denied(&self, caller: &Caller, what: &str, code: &str);

    /// Records of the audit with a number greater than `after`, oldest first, as this node keeps them.
    async fn audit(&self, after: u64) -> Result<Vec<AuditView>, Failure>;

    /// The id of the cluster, as certificates bear it.
    fn cluster_id(&self) -> String;

    /// Admits a node. The token is its only authentication.
    async fn join(&self, request: JoinRequest) -> Result<JoinReply, Failure>;

    /// The authority's certificate, PEM.
    fn ca_pem(&self) -> String;

    /// Makes another authority: what the ledger is to know of it.
    fn next_authority(&self, ledger: &Ledger) -> Result<Authority, Failure>;
}

impl Failure {
    /// The error for the client.
    pub fn view(&self) -> ErrorView {
        let of = |kind| ErrorView::new(kind, self.to_string());
        match self {
            Failure::Rejected(Rejection { code, subject, message, advice }) => {
                let view = ErrorView {
                    code: Some(code.clone().into_owned()),
                    subject: subject.clone().map(SubjectView::from).map(Box::new),
                    ..ErrorView::new(ErrorKind::Refused, message.clone())
                };
                match advice {
                    Some(advice) => view.advise(advice.as_str()),
                    None => view,
                }
            }
            Failure::Unsuitable { errors, warnings } => {
                let check = CheckView { errors: errors.clone(), warnings: warnings.clone() };
                ErrorView {
                    code: Some("unsuitable".to_owned()),
                    check: Some(Box::new(check)),
                    ..of(ErrorKind::Refused)
                }
                .advise("mend the file, or install what is missing, then `tenure validate --agents FILE`")
            }
            Failure::Invalid(problems) => ErrorView { problems: problems.list().to_vec(), ..of(ErrorKind::Usage) },
            Failure::Usage(_) => of(ErrorKind::Usage),
            Failure::NoLeader(_) => of(ErrorKind::NotLeader),
            Failure::Unreachable(_) => of(ErrorKind::Unreachable),
            Failure::Unknown(_) => of(ErrorKind::Unknown),
        }
    }
}

impl ErrorKind {
    /// The advice for an error without a better one.
    pub fn suggestion(self) -> &'static str {
        match self {
            ErrorKind::Refused => "see `tenure status`",
            ErrorKind::Usage => "see `tenure help`",
            ErrorKind::Unreachable => "try another node with --node, or look at `tenured` on this one",
            ErrorKind::Unknown => "look with `tenure status`; to repeat it safely, use the same --request-id",
            ErrorKind::NotLeader => "`tenure status` asks every node, and says who answers and what to do",
        }
    }
}
