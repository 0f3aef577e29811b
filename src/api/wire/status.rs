//! The state of everything, as `tenure status` shows it.

use super::{
    Closed, DrainPurpose, DrainStatus, GroupStatus, Intent, Level, NodeOut, NodeRole, ServerStatus, ServiceStatus,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The state of everything at one log index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct StatusView {
    /// Name of the cluster; empty before a cluster file was applied.
    pub cluster: String,
    /// Log index of this state.
    pub index: u64,
    /// Cluster time of this state, RFC 3339 in UTC.
    pub at: String,
    /// Log index at which the cluster file was applied; 0 if none was.
    pub configured: u64,
    /// The node that answered.
    pub answered_by: String,
    /// Whether this may be behind what other nodes know.
    pub stale: bool,
    /// The leading node.
    pub leader: Option<String>,
    pub term: u64,
    /// What keeps the whole cluster from acting.
    #[serde(default)]
    pub standstills: Vec<String>,
    /// What somebody has to act on.
    pub alarms: Vec<AlarmView>,
    /// Physical servers.
    pub servers: Vec<ServerView>,
    /// Nodes: declared ones and members of the consensus group.
    pub nodes: Vec<NodeView>,
    /// Groups, the most important first.
    pub groups: Vec<GroupView>,
    /// Services.
    #[serde(default)]
    pub services: Vec<ServiceView>,
    /// Managed LPARs, with what only they have.
    pub lpars: Vec<LparView>,
    /// All resources: LPARs, and what lives inside nodes.
    #[serde(default)]
    pub resources: Vec<ResourceView>,
    /// Groups and servers that wait, and why.
    pub waits: Vec<WaitView>,
    /// Orders without an answer.
    pub orders: Vec<OrderView>,
}

/// Something that somebody has to act on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmView {
    /// What is wrong, with what to do about it.
    pub text: String,
    /// The group it is about.
    pub group: Option<String>,
    /// The server it is about.
    pub server: Option<String>,
}

/// What a server has for managed LPARs, and what is used of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapacityView {
    /// Taken by groups that hold a tenure there.
    pub used: u64,
    /// Declared; unlimited if absent.
    pub total: Option<u64>,
}

/// A physical server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct ServerView {
    pub name: String,
    /// Who manages it. Without anybody it is not read, and ready where its node is there.
    #[serde(default)]
    pub managers: Vec<String>,
    /// What it is called there; empty without managers.
    pub system: String,
    /// How it is.
    pub state: ServerStatus,
    /// What a manager said last: `Operating`, `Power Off`, ….
    pub reads: String,
    /// Whether that was read live.
    pub live: bool,
    /// The node that watches and commands it.
    pub watcher: Option<String>,
    /// Whether that node lives elsewhere.
    pub surrogate: bool,
    /// The node that lives there.
    #[serde(default)]
    pub node: Option<String>,
    /// Why that node is given no orders.
    #[serde(default)]
    pub node_out: Option<NodeOut>,
    /// How it was proven that nothing runs inside that node.
    #[serde(default)]
    pub node_proof: Option<String>,
    /// How it was proven off.
    pub proof: Option<String>,
    /// VIO servers that are down.
    pub vios_down: Vec<String>,
    /// Groups that hold a tenure there.
    pub groups: Vec<String>,
    /// Why it takes no new work, if that is on purpose.
    #[serde(default)]
    pub closed: Option<Closed>,
    /// Its drain, if it is being emptied or was.
    #[serde(default)]
    pub drain: Option<DrainView>,
    /// Until when it is in quarantine, RFC 3339 in UTC.
    #[serde(default)]
    pub quarantine: Option<String>,
    /// Groups that a drain took away and that are to come back.
    #[serde(default)]
    pub returning: Vec<String>,
    /// Memory in MiB.
    pub memory: CapacityView,
    /// Processing units in hundredths.
    pub processors: CapacityView,
}

/// A server that is kept empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrainView {
    /// What for.
    pub purpose: DrainPurpose,
    /// Since when, RFC 3339 in UTC.
    pub since: String,
    /// How far it is.
    pub state: DrainStatus,
    /// The same in words, with what is left.
    pub progress: String,
    /// Groups that it took away.
    pub moved: Vec<String>,
}

/// The order of a rolling maintenance, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollingView {
    /// One server after the other; empty if there is no such order.
    pub turns: Vec<TurnView>,
    /// Why there is no such order.
    pub why_not: Option<String>,
}

/// One server's turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct TurnView {
    pub server: String,
    /// How many groups a drain of it moves.
    pub moves: usize,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct NodeView {
    pub name: String,
    /// The server it lives on; none for an arbiter.
    pub server: Option<String>,
    /// What it is in the consensus group.
    pub role: NodeRole,
    /// Where the others reach it.
    pub address: Option<String>,
    /// Whether it is declared in the cluster file.
    pub declared: bool,
    /// Since when it is silent and its lease over, RFC 3339 in UTC.
    pub lapsed: Option<String>,
    /// Why it is given no orders.
    #[serde(default)]
    pub out: Option<NodeOut>,
    /// How it was proven that nothing runs inside it.
    #[serde(default)]
    pub proof: Option<String>,
    /// The LPAR that it runs in.
    #[serde(default)]
    pub lpar: Option<String>,
    /// What the HMC says of that, if it is read live.
    #[serde(default)]
    pub lpar_reads: Option<String>,
    /// After which time its watchdog resets it when nobody feeds it, as in a cluster file: `1m`.
    #[serde(default)]
    pub watchdog: Option<String>,
    /// When its watchdog has reset it for certain, RFC 3339 in UTC, if it is silent.
    #[serde(default)]
    pub reset_by: Option<String>,
}

/// A service group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct GroupView {
    pub name: String,
    /// How it is.
    pub state: GroupStatus,
    /// Where it may run.
    pub server: Option<String>,
    /// The number of that tenure.
    pub epoch: Option<u64>,
    /// Since when, RFC 3339 in UTC.
    pub since: Option<String>,
    /// What is wanted of it.
    pub intent: Intent,
    /// Whether nothing is done to it.
    pub frozen: bool,
    /// Smaller is more important.
    pub priority: u32,
    /// Where it may run at all, best first.
    pub system_list: Vec<String>,
    pub lpars: Vec<String>,
    /// Where it failed.
    pub faults: Vec<FaultView>,
    /// Where an operator wants it next.
    pub prefer: Option<String>,
    /// Where it is being migrated to.
    #[serde(default)]
    pub migrating_to: Option<String>,
    /// The parallel group that it is an instance of.
    #[serde(default)]
    pub instance_of: Option<String>,
    /// What is not as it should be, or is kept back: `partial` (something of it is down while it is up), `faulted`
    /// (something of it failed), `flushed`, `disabled`, `parked`, `watched` (only that).
    #[serde(default)]
    pub flags: Vec<String>,
    /// Why it waits.
    pub wait: Option<WaitView>,
}

/// A mark that a group failed on a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct FaultView {
    pub server: String,
    /// When, RFC 3339 in UTC.
    pub at: String,
    pub reason: String,
}

/// A managed LPAR.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct LparView {
    pub name: String,
    pub group: String,
    /// Its name on the HMC.
    pub partition: String,
    /// The profile it is activated with.
    pub profile: Option<String>,
    /// Where its group may run.
    pub server: Option<String>,
    /// What it reads there; where it has no tenure, what it reads wherever it is known to be active.
    pub state: String,
    /// What it reads on each server of the system list.
    pub copies: BTreeMap<String, String>,
    /// Restarts in place within the window.
    pub restarts: u32,
    /// How many of them there may be.
    pub restart_limit: u32,
    /// Memory in MiB.
    pub memory: u64,
    /// Processing units in hundredths.
    pub processors: u64,
    /// VIO servers that it needs.
    pub vios: Vec<String>,
}

/// A resource: an LPAR, or something that lives inside a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct ResourceView {
    pub name: String,
    pub group: String,
    /// `LPAR`, or the type of its agent.
    #[serde(rename = "type")]
    pub of_type: String,
    /// Where its group may run.
    pub server: Option<String>,
    /// What it reads there; where it has no tenure, what it reads wherever it is known to be active.
    pub state: String,
    /// Whether that means that it runs, or is off; left out if it is on its way, or not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs: Option<bool>,
    /// How sure its agent is that it runs, in percent, if it said so.
    pub confidence: Option<u8>,
    /// Restarts in place within the window.
    pub restarts: u32,
    /// How many of them there may be.
    pub restart_limit: u32,
    /// Why it stays down while its group is up, or waits for an administrator.
    pub down: Option<String>,
    /// What it reads on each server of the system list.
    pub copies: BTreeMap<String, String>,
}

/// A service: groups in tiers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct ServiceView {
    pub name: String,
    /// How it is.
    pub state: ServiceStatus,
    /// Its tiers, the one that starts first first.
    pub tiers: Vec<Vec<ServiceMemberView>>,
}

/// A group of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct ServiceMemberView {
    pub group: String,
    /// How it is.
    pub state: GroupStatus,
    /// Where it may run.
    pub server: Option<String>,
    /// Why it waits.
    pub wait: Option<String>,
}

/// Something that waits, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct WaitView {
    /// `group` or `server`.
    pub what: String,
    pub name: String,
    /// How loud.
    pub level: Level,
    /// What it waits for, for programs: `no_proof`, `booting`, ...
    #[serde(default)]
    pub kind: String,
    /// What it waits for, in words.
    pub text: String,
    /// Until when at the longest, RFC 3339 in UTC, if it ends by itself.
    pub until: Option<String>,
}

/// An order without an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderView {
    /// Its identity: index and ordinal.
    pub id: String,
    /// What is to be done.
    pub what: String,
    /// On which server.
    pub server: String,
    /// By which node.
    pub node: String,
    /// Since when, RFC 3339 in UTC.
    pub issued: String,
}
