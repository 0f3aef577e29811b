//! An upgrade, rehearsed: what a later release changes in the formats, and how it goes on with what an earlier one wrote.
//!
//! From level 2 on the ledger knows the build of each process. That takes one change of each sort:
//!
//! - log entries: [`Command::Built`], a variant at the end. Earlier entries are read as they are.
//! - the ledger: a field of [`Process`]. The earlier image is a type of its own, [`Ledger2`], with a conversion both ways.
//! - calls between nodes: [`Call::Build`], a variant at the end, which nobody sends below the level.

use crate::{
    Command, Event, GroupName, HmcName, Ledger, Level, NodeName, Order, OrderId, Reply, RequestId, ServerName, Time,
    codec::{Format, Kind, read_body, write_body},
    config::Cluster,
    ledger::{Contact, GroupState, Incarnation, Lockout, Maintenance, NodeState, Process, ServerState, Trust},
    node::{Answer, Call, Effect, Node, Now, Proposal},
    order::Epoch,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

/// This build.
pub(crate) const BUILD: u32 = 3;

/// [`Process`] in version 2.
#[derive(Serialize, Deserialize)]
struct Process2 {
    incarnation: Incarnation,
    since: u64,
    older: Option<Incarnation>,
}

/// [`Ledger`] in version 2.
#[derive(Serialize, Deserialize)]
struct Ledger2 {
    index: u64,
    level: Level,
    now: Time,
    wall: Time,
    leases_end: Time,
    settles_end: Time,
    epoch: Epoch,
    config: Arc<Cluster>,
    typed: Option<Arc<Cluster>>,
    configured: u64,
    servers: BTreeMap<ServerName, ServerState>,
    nodes: BTreeMap<NodeName, NodeState>,
    groups: BTreeMap<GroupName, Arc<GroupState>>,
    maintenance: Maintenance,
    hmcs: BTreeMap<HmcName, Lockout>,
    contacts: BTreeMap<HmcName, BTreeMap<NodeName, Contact>>,
    orders: BTreeMap<OrderId, Order>,
    processes: BTreeMap<NodeName, Process2>,
    journal: VecDeque<Event>,
    trust: Trust,
    requests: BTreeMap<RequestId, Reply>,
    request_order: VecDeque<RequestId>,
}

/// A ledger of one version with the fields of the other; `$processes` converts those that differ.
macro_rules! converted {
    ($from:expr, $to:ident, $processes:expr) => {{
        let from = $from;
        $to {
            index: from.index,
            level: from.level,
            now: from.now,
            wall: from.wall,
            leases_end: from.leases_end,
            settles_end: from.settles_end,
            epoch: from.epoch,
            config: from.config,
            typed: from.typed,
            configured: from.configured,
            servers: from.servers,
            nodes: from.nodes,
            groups: from.groups,
            maintenance: from.maintenance,
            hmcs: from.hmcs,
            contacts: from.contacts,
            orders: from.orders,
            processes: from.processes.into_iter().map(|(node, process)| (node, $processes(process))).collect(),
            journal: from.journal,
            trust: from.trust,
            requests: from.requests,
            request_order: from.request_order,
        }
    }};
}

impl Format for Ledger {
    const KIND: Kind = Kind::Ledger;

    fn write(&self, version: u16, to: &mut Vec<u8>) {
        match version {
            2 => {
                let earlier =
                    |Process { incarnation, since, older, build: _ }: Process| Process2 { incarnation, since, older };
                write_body(&converted!(self.clone(), Ledger2, earlier), to);
            }
            _ => write_body(self, to),
        }
    }

    fn read(version: u16, body: &[u8]) -> Result<Self, String> {
        match version {
            2 => {
                let later = |Process2 { incarnation, since, older }| Process { incarnation, since, older, build: 0 };
                Ok(converted!(read_body::<Ledger2>(body)?, Ledger, later))
            }
            _ => read_body(body),
        }
    }
}

impl Node {
    /// Has the ledger know the build of this process, once every member can read that.
    pub(crate) fn tell_build(&mut self, now: Now<'_>) {
        let known = now.ledger.processes.get(&self.me).filter(|process| process.incarnation == self.by);
        if !now.ledger.level.is_rehearsal() || known.is_none_or(|process| process.build == BUILD) {
            return;
        }
        match &now.standing.leader {
            Some(leader) if !now.standing.leads => {
                let within = now.ledger.config.timings.lease;
                self.effects.push(Effect::Call { to: leader.clone(), call: Call::Build(BUILD), within });
            }
            Some(_) => {
                let me = self.me.clone();
                self.enter_build(now, me, BUILD);
            }
            None => {}
        }
    }

    /// Another process tells its build.
    pub(crate) fn build_of(&mut self, now: Now<'_>, from: Option<&NodeName>, build: u32) -> Answer {
        match from {
            Some(node) if now.standing.leads => {
                self.enter_build(now, node.clone(), build);
                Answer::Taken
            }
            Some(_) | None => Answer::NotLeader,
        }
    }

    fn enter_build(&mut self, now: Now<'_>, node: NodeName, build: u32) {
        let at = self.clock.now(now.moment);
        let commands = vec![Command::Built { node, build }];
        self.effects.push(Effect::Propose { of: Proposal::Finding, commands, at });
    }
}
