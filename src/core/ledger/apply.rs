//! Applies entries, command by command. Each command is checked completely before it changes anything.

use super::{GroupState, JOURNAL_LIMIT, Ledger, REQUEST_LIMIT, ServerState};
use crate::{
    Event, ForeignText, GroupName, NodeName, Note, OrderId, Record, Refusal, Reply, ServerName, audit,
    command::{Author, Command, Entry, Outcome},
};
use std::sync::Arc;

/// One entry being applied.
pub(super) struct Applying<'a> {
    pub(super) ledger: &'a mut Ledger,
    pub(super) author: &'a Author,
    ordinal: u32,
    records: Vec<Record>,
    /// The node whose older process wrote the rest of this entry: its commands are refused.
    pub(super) unheard: Option<NodeName>,
}

impl Ledger {
    /// Applies one entry of the log. Total and deterministic: each command is applied, or refused with a reason.
    pub fn apply(&mut self, index: u64, entry: &Entry) -> Outcome {
        self.index = index;
        self.now = self.now.max(entry.at);
        self.wall = entry.wall;
        let remembered = entry.author.remembered();
        if let Some(known) = self.remembered(&entry.author) {
            return Outcome { reply: known.clone(), ..Outcome::default() };
        }
        let mut applying =
            Applying { ledger: self, author: &entry.author, ordinal: 0, records: Vec::new(), unheard: None };
        let mut refused: Vec<(u32, Refusal)> = Vec::new();
        let mut audit = Vec::new();
        for (place, command) in (0_u32..).zip(&entry.commands) {
            let told = audit::told(&entry.author, command, applying.ledger.declared());
            let result = applying.command(command);
            if let Some(told) = told {
                let record = audit::record(told, index, entry.wall, result.as_ref().err());
                audit.push(applying.ledger.trust.audit.append(record));
            }
            if let Err(why) = result {
                refused.push((place, why));
            }
        }
        let records = applying.records;
        let reply = Reply {
            index,
            refused: refused.iter().map(|(place, why)| (*place, why.into())).collect(),
            events: records.iter().map(Event::from).collect(),
        };
        self.keep(&reply.events);
        if let Some(request) = remembered {
            self.requests.insert(request, reply.clone());
            self.request_order.push_back(request);
            while self.request_order.len() > REQUEST_LIMIT {
                if let Some(oldest) = self.request_order.pop_front() {
                    self.requests.remove(&oldest);
                }
            }
        }
        Outcome { refused, records, audit, reply }
    }

    /// Applies one command to a scratch copy, so that the planner proposes only commands that are accepted.
    pub(crate) fn attempt(&mut self, author: &Author, command: &Command, ordinal: &mut u32) -> Result<(), Refusal> {
        let mut applying = Applying { ledger: self, author, ordinal: *ordinal, records: Vec::new(), unheard: None };
        let result = applying.command(command);
        *ordinal = applying.ordinal;
        result
    }

    /// Applies a request to a scratch copy, whoever may make it, to see its consequences.
    pub(crate) fn try_request(&mut self, request: &crate::Request) -> Result<(), Refusal> {
        let author = Author::first_user(crate::RequestId(0));
        Applying { ledger: self, author: &author, ordinal: 0, records: Vec::new(), unheard: None }.request(request)
    }

    fn keep(&mut self, events: &[Event]) {
        self.journal.extend(events.iter().cloned());
        while self.journal.len() > JOURNAL_LIMIT {
            self.journal.pop_front();
        }
    }
}

impl Applying<'_> {
    fn command(&mut self, command: &Command) -> Result<(), Refusal> {
        if let Some(node) = &self.unheard {
            return Err(Refusal::OlderProcess { node: node.clone() });
        }
        self.may(command)?;
        self.ledger.permits(command)?;
        match command {
            Command::Request(request) => self.request(request),
            Command::Observe(reading) => self.observe(reading),
            Command::Sense { node, inside } => self.sense(node, inside),
            Command::Report(report) => self.report(report),
            Command::SuspendLeases(node) => self.suspend_leases(node),
            Command::NodeOff(node) => self.node_off(node),
            Command::FenceNode(node) => self.fence_node(node),
            Command::LapseNode(node) => self.lapse(node),
            Command::TakeBackNode(node) => self.node_return(node),
            Command::Assign { server, node } => self.assign(server, node),
            Command::Adopt { group, server } => self.adopt(group, server),
            Command::Grant { group, server } => self.grant(group, server),
            Command::Start { resource, epoch, restart } => self.start(resource, *epoch, *restart),
            Command::Stop { resource, server, grace } => self.stop(resource, server, *grace),
            Command::Fence(server) => self.fence(server),
            Command::PreOnline { group, epoch } => self.pre_online(group, *epoch),
            Command::Online { group, epoch } => self.online(group, *epoch),
            Command::Fault { group, epoch, reason } => self.fault(group, *epoch, reason),
            Command::FaultResource { resource, epoch, reason } => self.fault_resource(resource, *epoch, reason),
            Command::Recycle { resource, epoch, reason } => self.recycle(resource, *epoch, reason),
            Command::AdminWait { resource, epoch, reason } => self.needs_admin(resource, *epoch, *reason),
            Command::Forgive { resource, server } => self.forgive(resource, server),
            Command::Leave { group, epoch, reason } => self.leave(group, *epoch, reason),
            Command::Vacate { group, epoch } => self.vacate(group, *epoch),
            Command::Migrate { group, epoch, to, reason } => self.migrate(group, *epoch, to, reason),
            Command::Move { resource, epoch } => self.order_move(resource, *epoch),
            Command::StopMigration { resource, epoch } => self.stop_migration(resource, *epoch),
            Command::Recover { resource, server } => self.recover(resource, server),
            Command::Arrive { group, epoch } => self.arrive(group, *epoch),
            Command::StayGroup { group, epoch } => self.stay(group, *epoch),
            Command::Settle { resource, server } => self.settle(resource, server),
            Command::Expire(order) => self.expire(*order),
            Command::HoldGroup { group, conflict } => self.hold(group, conflict),
            Command::ReleaseGroup(group) => self.release(group),
            Command::CallOff(server) => self.call_off(server),
            Command::ReappearServer(server) => self.reappear(server),
            Command::CleanServer(server) => self.clean(server),
            Command::Storm(servers) => self.storm(servers),
            Command::EndQuarantine(server) => self.end_quarantine(server),
            Command::TimeOver(what) => self.time_is_over(what),
            Command::Forgo { group, server, why } => self.forgo(group, server, why),
            Command::HmcRefuses { hmc, why } => self.hmc_refuses(hmc, why),
            Command::HmcAccepts(hmc) => self.hmc_accepts(hmc),
            Command::TryHmc { hmc, node } => self.try_hmc(hmc, node),
            Command::HmcContact { hmc, trouble } => self.hmc_contact(hmc, trouble.as_ref()),
            Command::Warn(weakness) => {
                self.note(Note::Fragile { weakness: weakness.clone() });
                Ok(())
            }
            Command::Enlist { node, incarnation } => self.enlist(node, *incarnation),
            Command::SpokenBy { node, incarnation } => self.spoken_by(node, *incarnation),
            Command::Twice { node, older } => self.twice(node, *older),
            Command::Diverged { nodes, at, stop } => self.diverged(nodes, *at, *stop),
            Command::Spend { token, key } => self.spend(token, key),
            Command::Ended { act, .. } => self.ended(*act),
            // It is a line of the audit.
            Command::Denied { .. } => Ok(()),
            Command::FoundAuthority { authority, first_user } => self.found_authority(authority, *first_user),
            Command::Certified { node, credential } => self.certified(node, credential),
            Command::Entrust { authority, node, key } => self.entrust(authority, node, key),
            Command::GiveUpMajority { by, survivor } => self.give_up_majority(by, survivor),
            Command::Wait { group, wait } => self.wait(group, wait.as_ref()),
            #[cfg(feature = "next-level")]
            Command::Built { node, build } => self.built(node, *build),
            Command::ServerWait { server, wait } => self.server_wait(server, wait.as_ref()),
        }
    }

    /// Makes a change completely or not at all: if it is refused half-way, the ledger is restored. It copies the
    /// ledger, so it is only for operators' requests, which are rare and touch many things; facts and decisions check
    /// before they change.
    pub(super) fn whole(&mut self, change: impl FnOnce(&mut Self) -> Result<(), Refusal>) -> Result<(), Refusal> {
        let (before, told, ordinal) = (self.ledger.scratch(), self.records.len(), self.ordinal);
        let result = change(self);
        if result.is_err() {
            self.ledger.go_back(before);
            self.records.truncate(told);
            self.ordinal = ordinal;
        }
        result
    }

    /// Records a change.
    pub(super) fn note(&mut self, note: Note) {
        self.records.push(Record { index: self.ledger.index, at: self.ledger.wall, note });
    }

    /// The identity of the next order.
    pub(super) fn next_order(&mut self) -> OrderId {
        let id = OrderId { index: self.ledger.index, ordinal: self.ordinal };
        self.ordinal = self.ordinal.saturating_add(1);
        id
    }

    /// The name of the author, for the audit.
    pub(super) fn by(&self) -> ForeignText {
        match self.author {
            Author::Planner(node) => format!("planner on {node}").into(),
            Author::Agent(node) => format!("node {node}").into(),
            Author::User { user, .. } => user.as_str().into(),
        }
    }

    pub(super) fn group(&self, name: &GroupName) -> Result<&GroupState, Refusal> {
        self.ledger.groups.get(name).map(|group| &**group).ok_or_else(|| Refusal::NoGroup(name.clone()))
    }

    pub(super) fn group_mut(&mut self, name: &GroupName) -> Result<&mut GroupState, Refusal> {
        self.ledger.groups.get_mut(name).map(Arc::make_mut).ok_or_else(|| Refusal::NoGroup(name.clone()))
    }

    pub(super) fn server(&self, name: &ServerName) -> Result<&ServerState, Refusal> {
        self.ledger.servers.get(name).ok_or_else(|| Refusal::NoServer(name.clone()))
    }

    pub(super) fn server_mut(&mut self, name: &ServerName) -> Result<&mut ServerState, Refusal> {
        self.ledger.servers.get_mut(name).ok_or_else(|| Refusal::NoServer(name.clone()))
    }
}
