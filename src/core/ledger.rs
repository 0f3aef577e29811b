//! The ledger: the replicated state. [`Ledger::apply`] is the only way it changes.
//!
//! Its guarantees: at any index a group has at most one tenure and epochs only grow; a tenure ends only with a proof;
//! a tenure begins only when no other copy can be active; an order to start exists only under its tenure. A command
//! that would break one of these is refused, with a reason.

mod apply;
mod authorities;
mod contacts;
mod copies;
mod facts;
mod grants;
mod hooks;
mod kept;
mod links;
mod logins;
mod maintenance;
mod migration;
mod nodes;
mod orders;
mod overlaps;
mod processes;
mod recovery;
mod requests;
mod resources;
mod rules;
mod sending;
mod services;
mod state;
mod trust;

pub use authorities::short as short_fingerprint;
pub use contacts::{Contact, Trouble};
pub use kept::{Kept, KeptCopy, KeptGroup, KeptNode};
pub use logins::{Lockout, Turn};
pub use maintenance::{Closed, Drain, GroupUpkeep, Maintenance, Purpose, Storm, Upkeep};
pub use migration::Whereabouts;
pub use overlaps::{Overlap, Overlaps, PastOverlaps};
pub use processes::{Incarnation, Process};
pub use sending::Unsent;
pub use services::{Member, ServiceState, ServiceView};
pub use state::{
    Admin, CopyState, Dirty, Down, Fall, GroupState, Hold, Intent, Leases, Migration, NodeOff, NodeState, OffProof,
    Phase, PreOnline, Progress, Retries, Run, ServerState, StartRisk, Tenure, Ties,
};
pub use trust::Trust;

use crate::{
    Event, GroupName, HmcName, Level, NodeName, Order, OrderId, Reply, RequestId, ResourceName, ServerName, Time,
    config::Cluster, order::Epoch,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

/// Number of records that the journal keeps.
pub const JOURNAL_LIMIT: usize = 8192;
/// Number of requests that are remembered, so that a repeated one is applied once.
pub const REQUEST_LIMIT: usize = 1024;

/// The replicated state of the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Index of the last applied entry.
    pub index: u64,
    /// Feature level by whose rules entries are applied.
    pub level: Level,
    /// Cluster time of the last applied entry; never goes back.
    pub now: Time,
    /// Wall clock of the leader at that entry, which is shown to people in place of cluster time.
    pub wall: Time,
    /// Time until which leases may be valid that were granted while a longer lease was declared.
    pub leases_end: Time,
    /// Time until which commands may take effect that were sent while longer times were declared.
    pub settles_end: Time,
    /// The last granted epoch.
    pub epoch: Epoch,
    /// The declared cluster, with each parallel group as its instances.
    pub config: Arc<Cluster>,
    /// The cluster as it was declared, if it has parallel groups; otherwise it equals `config`.
    pub typed: Option<Arc<Cluster>>,
    /// Log index of the last configuration; 0 if there was none.
    pub configured: u64,
    /// State of each declared server.
    pub servers: BTreeMap<ServerName, ServerState>,
    /// State of each declared node.
    pub nodes: BTreeMap<NodeName, NodeState>,
    /// State of each declared group. Shared, so that the planner's scratch copy costs little.
    pub groups: BTreeMap<GroupName, Arc<GroupState>>,
    /// Maintenance state of the whole cluster.
    pub maintenance: Maintenance,
    /// HMCs that refuse the login of the nodes.
    pub hmcs: BTreeMap<HmcName, Lockout>,
    /// The troubles of nodes with HMCs, as each says itself.
    pub contacts: BTreeMap<HmcName, BTreeMap<NodeName, Contact>>,
    /// Open orders.
    pub orders: BTreeMap<OrderId, Order>,
    /// The process that runs each node, if one was entered.
    pub processes: BTreeMap<NodeName, Process>,
    /// Events, oldest first, at most [`JOURNAL_LIMIT`].
    pub journal: VecDeque<Event>,
    /// Who may do what.
    pub trust: Trust,
    /// Answers to the last requests, by [`Author::remembered`](crate::Author::remembered).
    pub requests: BTreeMap<RequestId, Reply>,
    /// The remembered requests in the order in which they came, oldest first.
    pub request_order: VecDeque<RequestId>,
}

impl Ledger {
    /// A copy for trying commands on, without the journal and the requests.
    pub fn scratch(&self) -> Ledger {
        Ledger {
            index: self.index,
            level: self.level,
            now: self.now,
            wall: self.wall,
            leases_end: self.leases_end,
            settles_end: self.settles_end,
            epoch: self.epoch,
            config: Arc::clone(&self.config),
            typed: self.typed.clone(),
            configured: self.configured,
            servers: self.servers.clone(),
            nodes: self.nodes.clone(),
            groups: self.groups.clone(),
            maintenance: self.maintenance.clone(),
            hmcs: self.hmcs.clone(),
            contacts: self.contacts.clone(),
            orders: self.orders.clone(),
            processes: self.processes.clone(),
            trust: self.trust.clone(),
            journal: VecDeque::new(),
            requests: BTreeMap::new(),
            request_order: VecDeque::new(),
        }
    }

    /// A copy of all that the ledgers of two nodes must agree on, whatever builds they run: everything but words.
    pub fn compared(&self) -> Ledger {
        Ledger { request_order: self.request_order.clone(), ..self.scratch() }
    }

    /// An instant of cluster time as wall-clock time. The two differ, because cluster time stands still while no node
    /// runs.
    pub fn shown(&self, at: Time) -> Time {
        Time(at.0.saturating_add(self.wall.0).saturating_sub(self.now.0))
    }

    /// Raises the feature level, at this place of the log: later entries are applied by its rules. It is never lowered.
    pub fn raise(&mut self, level: Level) {
        self.level = self.level.max(level);
    }

    /// Returns to the state of an earlier scratch copy; the journal and the requests stay.
    fn go_back(&mut self, before: Ledger) {
        let journal = std::mem::take(&mut self.journal);
        let requests = std::mem::take(&mut self.requests);
        let request_order = std::mem::take(&mut self.request_order);
        *self = Ledger { journal, requests, request_order, ..before };
    }

    /// The answer to an author's entry, if it was applied before.
    pub fn remembered(&self, author: &crate::Author) -> Option<&Reply> {
        self.requests.get(&author.remembered()?)
    }

    /// The cluster as it was declared.
    pub fn declared(&self) -> &Arc<Cluster> {
        self.typed.as_ref().unwrap_or(&self.config)
    }

    /// The instances of a parallel group.
    pub fn instances<'a>(&'a self, name: &GroupName) -> impl Iterator<Item = &'a GroupName> + use<'a> {
        let (first, of) = (name.on(&ServerName::from("")), name.clone());
        let is_one = move |name: &&GroupName| name.instance().is_some_and(|instance| instance.of == of.as_str());
        self.groups.range(first..).map(|(name, _)| name).take_while(is_one)
    }

    /// The group that a resource belongs to.
    pub fn group_of(&self, resource: &ResourceName) -> Option<&GroupName> {
        self.config.resources.get(resource).map(|resource| &resource.group)
    }

    /// The groups whose tenure is on a server, or covers it while they migrate.
    pub fn groups_on<'a>(&'a self, server: &'a ServerName) -> impl Iterator<Item = (&'a GroupName, &'a GroupState)> {
        self.groups
            .iter()
            .filter(move |(_, group)| group.tenure.as_ref().is_some_and(|tenure| tenure.covers(server)))
            .map(|(name, group)| (name, &**group))
    }

    /// Events of a group, newest first.
    pub fn history<'a>(&'a self, group: &'a GroupName) -> impl Iterator<Item = &'a Event> {
        self.journal.iter().rev().filter(move |event| event.group.as_ref() == Some(group))
    }

    /// The open order for a resource on a server.
    pub fn order_for(&self, resource: &ResourceName, server: &ServerName) -> Option<&Order> {
        self.orders.values().find(|order| &order.server == server && order.action.resource() == Some(resource))
    }
}
