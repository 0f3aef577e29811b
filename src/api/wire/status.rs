//! The status of the whole cluster, as `tenure status` shows it.

use super::{
    Closed, DrainPurpose, DrainStatus, GroupStatus, HmcView, Intent, KeptView, Level, NodeOut, NodeRole, OverlapsView,
    ServerStatus, ServiceStatus, TotalsView, Verdict,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The status of the whole cluster at one log index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct StatusView {
    /// Name of the cluster; empty before a cluster file was applied.
    pub cluster: String,
    /// Log index of this state.
    pub index: u64,
    /// Cluster time of this state, as a wall clock shows it: RFC 3339 in UTC.
    pub at: String,
    /// Cluster time now, by the clock of the node that answered.
    #[serde(default)]
    pub now: String,
    /// The time at which that node was last in touch with a leader that had a majority behind it; absent while it is.
    /// Nothing below is certain since then.
    #[serde(default)]
    pub heard: Option<String>,
    /// The voters that answer, and their number that is needed.
    #[serde(default)]
    pub quorum: Option<QuorumView>,
    /// Log index at which the cluster file was applied; 0 if none was.
    pub configured: u64,
    /// The node that answered.
    pub answered_by: String,
    /// Whether this state may be older than the one of other nodes.
    pub stale: bool,
    /// The leading node.
    pub leader: Option<String>,
    pub term: u64,
    /// The states that keep the whole cluster from acting, or hinder it.
    #[serde(default)]
    pub standstills: Vec<String>,
    /// Who disarmed the cluster, why and until when, if it is.
    #[serde(default)]
    pub disarmed: Option<KeptView>,
    /// Free bytes on the disk of the node that answered.
    #[serde(default)]
    pub disk_free: Option<u64>,
    /// The backups that the node that answered writes by itself.
    #[serde(default)]
    pub backups: Option<super::BackupsView>,
    /// Open states that need an operator.
    pub alarms: Vec<AlarmView>,
    /// The HMCs, as the log knows them.
    #[serde(default)]
    pub hmcs: Vec<HmcView>,
    /// Physical servers.
    pub servers: Vec<ServerView>,
    /// Nodes: declared ones and members of the consensus group.
    pub nodes: Vec<NodeView>,
    /// Groups, the most important first.
    pub groups: Vec<GroupView>,
    /// Services.
    #[serde(default)]
    pub services: Vec<ServiceView>,
    /// Managed LPARs, with the fields that only they have.
    pub lpars: Vec<LparView>,
    /// All resources: LPARs, and resources inside nodes.
    #[serde(default)]
    pub resources: Vec<ResourceView>,
    /// Groups and servers that wait, and why.
    pub waits: Vec<WaitView>,
    /// Orders without an answer.
    pub orders: Vec<OrderView>,
    /// What is wrong with the whole cluster, whatever part of it this is. Absent on pages after the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// How many things there are in the whole cluster, whatever part of it this is. Absent on pages after the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totals: Option<TotalsView>,
    /// The members of the consensus group, and where their admin API is, whatever part of the status this is. Absent on pages
    /// after the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<AddressView>,
    /// Where the next page begins, if there is one: its `after`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Where a member's admin API is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct AddressView {
    pub name: String,
    /// The address, if it is known.
    pub api_address: Option<String>,
}

/// The voters of the consensus group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuorumView {
    /// Their number.
    pub voters: usize,
    /// Those that answer.
    pub answer: usize,
    /// Number that is needed to decide anything.
    pub needed: usize,
}

impl QuorumView {
    /// Number of voters that may still fail.
    pub fn may_fail(&self) -> usize {
        self.answer.saturating_sub(self.needed)
    }
}

/// An open state that needs an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmView {
    /// The state, and the remedy.
    pub text: String,
    /// The group that it concerns.
    pub group: Option<String>,
    /// The server that it concerns.
    pub server: Option<String>,
}

/// A server's capacity for managed LPARs, and the part in use.
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
    /// Its managers. Without one it is not read, and is ready while its node is there.
    #[serde(default)]
    pub managers: Vec<String>,
    /// Its name at the managers; empty without managers.
    pub system: String,
    /// Its state.
    pub state: ServerStatus,
    /// Its last reading: `Operating`, `Power Off`, ….
    pub reads: String,
    /// Whether that is so now: read live within the time between two readings, or proven off.
    pub live: bool,
    /// The last time at which it was read live, RFC 3339 in UTC; absent if it never was.
    #[serde(default)]
    pub read_at: Option<String>,
    /// How often it is read at rest, and why, if that is not the monitor interval; absent without managers.
    #[serde(default)]
    pub read_every: Option<String>,
    /// The node that watches and commands it.
    pub watcher: Option<String>,
    /// Whether the watcher lives on another server.
    pub surrogate: bool,
    /// The node that lives there.
    #[serde(default)]
    pub node: Option<String>,
    /// The reason why that node is given no orders.
    #[serde(default)]
    pub node_out: Option<NodeOut>,
    /// The proof that nothing runs inside that node.
    #[serde(default)]
    pub node_proof: Option<String>,
    /// The proof that the server is off.
    pub proof: Option<String>,
    /// VIO servers that are down.
    pub vios_down: Vec<String>,
    /// Groups that hold a tenure there.
    pub groups: Vec<String>,
    /// The reason why it takes no new work, if that is on purpose.
    #[serde(default)]
    pub closed: Option<Closed>,
    /// Who froze it, why and until when, if it is frozen.
    #[serde(default)]
    pub freeze: Option<KeptView>,
    /// Its drain, if it is being emptied or was.
    #[serde(default)]
    pub drain: Option<DrainView>,
    /// End of its quarantine, RFC 3339 in UTC.
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
    /// Its purpose.
    pub purpose: DrainPurpose,
    /// Its beginning, RFC 3339 in UTC.
    pub since: String,
    /// Who asked for it, why and until when.
    #[serde(default)]
    pub kept: KeptView,
    /// Its progress.
    pub state: DrainStatus,
    /// The progress in words, with the number of groups left.
    pub progress: String,
    /// Groups that it took away.
    pub moved: Vec<String>,
}

/// The server order for a rolling maintenance, or the reason why there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollingView {
    /// One server after the other; empty if there is no such order.
    pub turns: Vec<TurnView>,
    /// The reason why there is no such order.
    pub why_not: Option<String>,
}

/// One server's turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct TurnView {
    pub server: String,
    /// Number of groups that its drain moves.
    pub moves: usize,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct NodeView {
    pub name: String,
    /// The server it lives on; none for an arbiter.
    pub server: Option<String>,
    /// Its role in the consensus group.
    pub role: NodeRole,
    /// The address for the other members.
    pub address: Option<String>,
    /// The address of its admin API, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_address: Option<String>,
    /// Whether it was stopped for a while, with `tenure node stop`, and is not back yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stopped: bool,
    /// Groups that live inside it, or may.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inside: Vec<String>,
    /// Those of them for which it would be cut off if it were silent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub would_cut_off: Vec<String>,
    /// Whether it is declared in the cluster file.
    pub declared: bool,
    /// Time at which all its leases had ended, RFC 3339 in UTC, while it is silent.
    pub lapsed: Option<String>,
    /// The reason why it is given no orders.
    #[serde(default)]
    pub out: Option<NodeOut>,
    /// The proof that nothing runs inside it.
    #[serde(default)]
    pub proof: Option<String>,
    /// The LPAR that it runs in.
    #[serde(default)]
    pub lpar: Option<String>,
    /// The HMC's reading of that LPAR, if it is live.
    #[serde(default)]
    pub lpar_reads: Option<String>,
    /// Time without being fed after which its watchdog resets it, as in a cluster file: `1m`.
    #[serde(default)]
    pub watchdog: Option<String>,
    /// Time by which its watchdog has certainly reset it, RFC 3339 in UTC, if it is silent.
    #[serde(default)]
    pub reset_by: Option<String>,
}

/// A service group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct GroupView {
    pub name: String,
    /// Its state.
    pub state: GroupStatus,
    /// Whether that is so now: all of it was read live within a monitor interval, or is proven off.
    #[serde(default = "yes")]
    pub live: bool,
    /// The last time at which all of it was read live, RFC 3339 in UTC; absent if it never was.
    #[serde(default)]
    pub read_at: Option<String>,
    /// The server of its tenure.
    pub server: Option<String>,
    /// The number of that tenure.
    pub epoch: Option<u64>,
    /// Beginning of that tenure, RFC 3339 in UTC.
    pub since: Option<String>,
    /// The goal: online or offline.
    pub intent: Intent,
    /// Whether it is frozen.
    pub frozen: bool,
    /// Who froze it, why and until when, if an operator did.
    #[serde(default)]
    pub freeze: Option<KeptView>,
    /// The times at which something of it was active on several servers at once, until they are acknowledged.
    #[serde(default)]
    pub overlaps: Option<OverlapsView>,
    /// Smaller is more important.
    pub priority: u32,
    /// The servers on which it may run at all, best first.
    pub system_list: Vec<String>,
    pub lpars: Vec<String>,
    /// Servers on which it failed.
    pub faults: Vec<FaultView>,
    /// The server that an operator chose for its next start.
    pub prefer: Option<String>,
    /// The target of its migration.
    #[serde(default)]
    pub migrating_to: Option<String>,
    /// The parallel group that it is an instance of.
    #[serde(default)]
    pub instance_of: Option<String>,
    /// Irregular states: `partial` (some resource is down while the group is online), `down` (all of it is), `faulted` (some resource has
    /// failed), `flushed`, `disabled`, `parked`, `watched` (unmanaged).
    #[serde(default)]
    pub flags: Vec<String>,
    /// The reason why it waits.
    pub wait: Option<WaitView>,
}

/// A mark that a group failed on a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct FaultView {
    pub server: String,
    /// Time of the fault, RFC 3339 in UTC.
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
    /// The server of its group's tenure.
    pub server: Option<String>,
    /// Its reading there; without a tenure, its reading wherever it is known to be active.
    pub state: String,
    /// Whether that is so now: read live within a monitor interval, or proven off.
    #[serde(default = "yes")]
    pub live: bool,
    /// The last time at which it was read live, RFC 3339 in UTC; absent if it never was.
    #[serde(default)]
    pub read_at: Option<String>,
    /// Its reading on each server of the system list.
    pub copies: BTreeMap<String, String>,
    /// Restarts in place within the window.
    pub restarts: u32,
    /// Limit of restarts in place within the window.
    pub restart_limit: u32,
    /// Memory in MiB.
    pub memory: u64,
    /// Processing units in hundredths.
    pub processors: u64,
    /// VIO servers that it needs.
    pub vios: Vec<String>,
}

/// A resource: an LPAR, or a resource inside a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct ResourceView {
    pub name: String,
    pub group: String,
    /// `LPAR`, or the type of its agent.
    #[serde(rename = "type")]
    pub of_type: String,
    /// The server of its group's tenure.
    pub server: Option<String>,
    /// Its reading there; without a tenure, its reading wherever it is known to be active.
    pub state: String,
    /// Whether that is so now: read live within a monitor interval, or proven off.
    #[serde(default = "yes")]
    pub live: bool,
    /// The last time at which it was read live, RFC 3339 in UTC; absent if it never was.
    #[serde(default)]
    pub read_at: Option<String>,
    /// Whether that reading means running or off; absent if it is in between, unknown, or not live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs: Option<bool>,
    /// The agent's confidence that it runs, in percent, if it gave one.
    pub confidence: Option<u8>,
    /// Restarts in place within the window.
    pub restarts: u32,
    /// Limit of restarts in place within the window.
    pub restart_limit: u32,
    /// The reason why it stays down while its group is online, or waits for an administrator.
    pub down: Option<String>,
    /// Its reading on each server of the system list.
    pub copies: BTreeMap<String, String>,
}

/// A service: groups in tiers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct ServiceView {
    pub name: String,
    /// Its state.
    pub state: ServiceStatus,
    /// Its tiers, in the order in which they start.
    pub tiers: Vec<Vec<ServiceMemberView>>,
}

/// A group of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct ServiceMemberView {
    pub group: String,
    /// Its state.
    pub state: GroupStatus,
    /// The server of its tenure.
    pub server: Option<String>,
    /// The reason why it waits.
    pub wait: Option<String>,
}

/// A wait of a group or a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct WaitView {
    /// `group` or `server`.
    pub what: String,
    pub name: String,
    /// Its severity.
    pub level: Level,
    /// The reason, for programs: `no_proof`, `booting`, ...
    #[serde(default)]
    pub kind: String,
    /// The reason, in words.
    pub text: String,
    /// Its end at the latest, RFC 3339 in UTC, if it ends by itself.
    pub until: Option<String>,
}

/// An order without an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderView {
    /// Its identity: index and ordinal.
    pub id: String,
    /// The action.
    pub what: String,
    /// The server that it concerns.
    pub server: String,
    /// The node that carries it out.
    pub node: String,
    /// Time of issue, RFC 3339 in UTC.
    pub issued: String,
}

/// What a node that does not say so shows counts as the present.
pub(super) fn yes() -> bool {
    true
}
