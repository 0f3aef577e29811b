//! States of servers, nodes and groups. Each lifecycle is an enum with the data of its state.

use super::{
    maintenance::{GroupUpkeep, Upkeep},
    overlaps::Overlaps,
};
use crate::{
    ForeignText, GroupName, NodeName, OrderId, Power, Reading, ResourceName, RuleName, ServerName, ServiceName, Span,
    SystemState, Time,
    config::{Link, Load},
    listing::Remark,
    note::{CleanReason, Conflict, FaultReason, LeaveReason, NodeOffHow, OffHow, ServerWait, Wait},
    order::Epoch,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// State of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerState {
    /// The node that watches and commands it.
    pub watcher: Option<NodeName>,
    /// Its state at the last reading.
    pub system: SystemState,
    /// Whether the last reading was live.
    pub live: bool,
    /// Time of the first of the recorded live readings without a gap; `None` if the last one was not live.
    pub live_since: Option<Time>,
    /// Cluster time until which its LPARs were read live: that of the last recorded reading that showed them, or of the
    /// first one after it that did not.
    pub lpars_read: Option<Time>,
    /// Power of its own node's LPAR, at the last reading.
    pub node: Power,
    /// Remark of the last list because of which the LPAR named as its node's must be left alone.
    pub node_alarm: Option<Remark>,
    /// Log index at which this machine was declared under this name: earlier readings are about another machine.
    pub declared: u64,
    /// Log index that the last reading followed; `None` if it was never read.
    pub since: Option<u64>,
    /// The node that read it last, and the serial number of that reading.
    pub read: Option<(NodeName, u64)>,
    /// Its VIO servers, and whether each runs.
    pub vios: BTreeMap<String, bool>,
    /// The proof that it is off.
    pub off: Option<OffProof>,
    /// Set when it came up again, until it is clean: copies that run there without a tenure were started by it itself.
    pub dirty: Option<Dirty>,
    /// The open order to power it off.
    pub fence: Option<OrderId>,
    /// Time at which the last order to power it off failed.
    pub fence_failed: Option<Time>,
    /// Load of the groups whose tenure covers it.
    pub used: Load,
    /// Amount of each of its limits that these groups take.
    pub limits_used: BTreeMap<String, u64>,
    /// Number of these groups.
    pub groups: u32,
    /// Its current wait: its state is not settled, or it is drained.
    pub wait: Option<ServerWait>,
    /// Its maintenance state.
    pub upkeep: Upkeep,
}

/// State of a server that came back and is not clean yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dirty {
    /// Log index at which it came back.
    pub index: u64,
    /// Time since which it reads Operating: it may start LPARs by itself for a while from then on.
    pub up: Option<Time>,
}

/// A proof that a server is off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OffProof {
    /// The kind of proof.
    pub how: OffHow,
    /// Log index at which it was recorded.
    pub index: u64,
    /// Cluster time at which it was recorded.
    pub at: Time,
}

/// State of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeState {
    /// State of its leases.
    pub leases: Leases,
    /// Whether it has ever reported anything under the declared name.
    pub met: bool,
    /// Whether it has itself read the LPAR that is declared as its own Running: then that LPAR is its own.
    pub known: bool,
    /// The UUID of that LPAR, by its own reading.
    #[serde(deserialize_with = "crate::foreign::identity")]
    pub lpar: Option<String>,
    /// Time after which its watchdog resets it when it is not fed, as it said last.
    pub watchdog: Option<Span>,
    /// The open order to cut its LPAR off.
    pub fence: Option<OrderId>,
    /// Time at which the last such order failed.
    pub fence_failed: Option<Time>,
}

/// State of the leases of a node, in stages. Whatever holds at one stage holds at those after it, until the node is
/// taken back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub enum Leases {
    /// It is granted leases.
    #[default]
    Granted,
    /// It is granted no leases any more.
    Suspended {
        /// Log index from which on it is granted none.
        from: u64,
    },
    /// All its leases have ended.
    Lapsed {
        /// Log index from which on it is granted none.
        from: u64,
        /// Time at which they were known to have ended.
        at: Time,
    },
    /// Nothing runs inside it, and all its leases have ended.
    Off {
        /// Log index from which on it is granted none.
        from: u64,
        /// Time at which its leases were known to have ended.
        at: Time,
        proof: NodeOff,
    },
}

/// A proof that nothing runs inside a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeOff {
    /// The kind of proof.
    pub how: NodeOffHow,
    /// Log index at which it was recorded.
    pub index: u64,
}

/// State of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupState {
    /// The administrators' intent.
    pub intent: Intent,
    /// Its right to run on a server, if it has one.
    pub tenure: Option<Tenure>,
    /// State of each resource on each server of the system list.
    pub copies: BTreeMap<ResourceName, BTreeMap<ServerName, CopyState>>,
    /// Course of each resource under this tenure: restarts, stops, failures.
    pub runs: BTreeMap<ResourceName, Run>,
    /// Servers on which the group failed, with time and reason.
    pub faults: BTreeMap<ServerName, (Time, FaultReason)>,
    /// Resources of which no proof is needed: persistent, never stopped, or only watched.
    pub passive: BTreeSet<ResourceName>,
    /// Its fall, if its last tenure ended by a fault or with the server; forgotten when an operator asks for something.
    pub fall: Option<Fall>,
    /// Its starts as a whole on the server where it failed.
    pub retries: Retries,
    /// Whether it was flushed: nothing more is ordered for it until an operator asks for something.
    pub flushed: bool,
    /// Whether an operator or its declaration froze it: nothing is done to it.
    pub frozen: bool,
    /// Its hold, while copies are active that have no right to be.
    pub hold: Option<Hold>,
    /// The times at which something of it was active on several servers at once.
    pub overlaps: Overlaps,
    /// State of its preonline hook under its tenure.
    pub pre_online: PreOnline,
    /// Server on which an operator or the planner wants it next.
    pub prefer: Option<ServerName>,
    /// Server of its last tenure.
    pub last: Option<ServerName>,
    /// Its current wait.
    pub wait: Option<Wait>,
    /// Its links, services and rules.
    pub ties: Ties,
    /// Services that were asked to start: until the group is placed, it waits for the tiers below it.
    pub queued: BTreeSet<ServiceName>,
    /// Its maintenance state.
    pub upkeep: GroupUpkeep,
}

/// The end of a tenure by a fault, or with its server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fall {
    /// The server.
    pub from: ServerName,
    /// Whether administrators have been told that no other server can take the group.
    pub told: bool,
}

/// Starts of a whole group in place of a failover.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retries {
    /// Their number since the last failover, success that lasted, or request.
    pub count: u32,
    /// Time of the last.
    pub last: Option<Time>,
}

/// A group that has copies active without right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// All active copies.
    pub conflict: Conflict,
    /// Log index from which on readings can show that the right copies run and the others do not belong there; `None`
    /// where no reading can show that.
    pub judged_from: Option<u64>,
}

/// Dependencies and memberships of a group: worked out when the cluster is configured, because every plan needs them
/// for each group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ties {
    /// Its links to children, declared or from firm tiers of services.
    pub links: BTreeSet<Link>,
    /// Groups that have a link to it.
    pub parents: BTreeSet<GroupName>,
    /// Services that it is part of.
    pub services: BTreeSet<ServiceName>,
    /// Placement rules that name it.
    pub rules: BTreeSet<RuleName>,
    /// Its priority, or that of the most important group that depends on it.
    pub priority: u32,
    /// Number of levels of groups below it.
    pub depth: u32,
}

/// State of the preonline hook of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PreOnline {
    /// There is none, or it allowed the start.
    #[default]
    Passed,
    /// It has to be ordered.
    Due,
    /// It is ordered.
    Ordered(OrderId),
    /// It failed or refused, for this reason.
    Failed(ForeignText),
}

/// Intent of the administrators for a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Intent {
    /// It should be online.
    Online,
    /// It should be offline.
    #[default]
    Offline,
}

/// The exclusive right of a group to be online on a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Tenure {
    /// Its number.
    pub epoch: Epoch,
    pub server: ServerName,
    /// Cluster time of the grant.
    pub since: Time,
    /// Its phase.
    pub phase: Phase,
}

/// Phase of a tenure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub enum Phase {
    /// Its resources are being started.
    Starting,
    /// All its resources were seen Running.
    Online,
    /// Its resources are being stopped.
    Leaving {
        reason: LeaveReason,
        /// Log index at which it began to leave.
        index: u64,
    },
    /// Its LPARs are being moved to another server while they run. Until readings say where they are, the tenure covers
    /// both servers.
    Migrating(Migration),
}

/// A live migration of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migration {
    /// The target.
    pub to: ServerName,
    /// Log index at which it began: earlier readings do not say where an LPAR is.
    pub index: u64,
    /// Time of the last order to move an LPAR.
    pub ordered: Time,
    /// LPARs whose move to the target was ordered.
    pub sent: BTreeSet<ResourceName>,
    /// LPARs whose move back was ordered.
    pub returned: BTreeSet<ResourceName>,
    /// Whether an operator gave it up.
    pub aborted: bool,
    /// The last failure, in words.
    pub why: Option<ForeignText>,
}

/// State of one resource on one server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyState {
    /// Log index at which this thing was declared here: earlier looks are about something else.
    pub declared: u64,
    /// Its state at the last live reading.
    pub power: Power,
    /// Log index that this reading followed; `None` if it was never read.
    pub since: Option<u64>,
    /// Whether a start may still take effect.
    pub risk: StartRisk,
    /// Log index from which on a reading counts: the last start had been answered by then, or had settled.
    pub quiet_from: u64,
    /// The open order to stop it.
    pub stop: Option<OrderId>,
    /// Time at which the last order for it failed.
    pub failed: Option<Time>,
    /// Number of times in a row that clearing it up after a move failed.
    pub futile: u32,
    /// Whether the last conclusive look, after everything that could have started it, found it down, and no start of
    /// ours was ordered here since.
    pub idle: bool,
    /// The confidence of its agent that it runs, in percent; 0 if its agent gave none.
    pub confidence: u8,
    /// Serial number of the last look at it, among those that follow the same entry.
    pub serial: u64,
    /// Words of its agent, or remark of the list, at the last look that was recorded.
    pub said: ForeignText,
    /// Whether the thing that bears its name here is another one, or is not as declared, and is left alone.
    pub alone: bool,
    /// The UUID of the LPAR, as learnt at its first reading here.
    #[serde(deserialize_with = "crate::foreign::identity")]
    pub uuid: Option<String>,
    /// Log index followed by the last reading that listed it here; 0 for an LPAR that is not mobile.
    pub listed: Option<u64>,
}

/// Whether a start of a copy may still take effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum StartRisk {
    /// No start is in flight.
    #[default]
    None,
    /// An order to start it is out.
    Ordered(OrderId),
    /// An order ended at this time without a known outcome.
    Loose(Time),
}

/// Course of one resource under the present tenure.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Times of restarts in place, as many as the limit needs.
    pub restarts: Vec<Time>,
    /// How far it has come.
    pub progress: Progress,
    /// Time since which it reads Starting or Stopping.
    pub away_since: Option<Time>,
    /// Time since which it reads off, though it ran and was not stopped.
    pub lost_since: Option<Time>,
    /// Time since which nobody can tell whether it runs, on a server that is watched.
    pub unread_since: Option<Time>,
    /// Time since which every reading says that it has panicked.
    pub error_since: Option<Time>,
    /// Reason for which its last start was refused.
    pub refused: Option<ForeignText>,
    /// Whether it must be stopped and started again.
    pub restart: bool,
    /// Reason for which it stays down while its group is up.
    pub down: Option<Down>,
    /// Whether an operator wants it up, though it is not started with its group.
    pub asked: bool,
    /// Number of times that it was cleaned and started again because it did not come up.
    pub tries: u32,
    /// Number of orders in a row to stop it that failed.
    pub stuck: u32,
    /// The part of an administrator in its fate.
    pub admin: Admin,
}

/// How far a resource has come under the present tenure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Progress {
    /// It was not ordered to start, and did not run.
    #[default]
    Idle,
    /// It was ordered to start at this time, and was not Running since.
    Ordered(Time),
    /// It was Running.
    Ran {
        /// Whether by an order under this tenure: then the next one is a restart.
        ordered: bool,
    },
}

impl Progress {
    /// That of a resource where a tenure begins, by what it reads there.
    pub fn found(power: Power) -> Self {
        if power == Power::Running { Progress::Ran { ordered: false } } else { Progress::Idle }
    }
}

/// The part of an administrator in the fate of a resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Admin {
    /// None.
    #[default]
    No,
    /// Nothing is done before an administrator has looked, for this reason.
    Awaited(CleanReason),
    /// An administrator has looked, and says that it failed.
    SaysFailed,
}

/// The reasons that a resource stays down while its group is up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Down {
    /// It failed.
    Faulted(FaultReason),
    /// Somebody stopped it on purpose, by its own means.
    OnPurpose,
    /// An operator took it offline.
    Operator,
}

impl ServerState {
    /// Whether a reading of it began before the last one. Two readings by different nodes that follow the same entry
    /// have no order.
    pub fn is_past(&self, reading: &Reading) -> bool {
        let earlier = self.read.as_ref().is_some_and(|(by, serial)| *by == reading.by && reading.serial < *serial);
        self.since.is_some_and(|since| since > reading.since || (since == reading.since && earlier))
    }

    /// Whether its last reading said anything of LPARs.
    pub fn tells_lpars(&self) -> bool {
        self.live && self.system.tells_lpars()
    }

    /// Whether it was read Operating, live, and is not proven off.
    pub fn is_working(&self) -> bool {
        self.live && self.system == SystemState::Operating && self.off.is_none()
    }

    /// Whether its hypervisor is coming up: nothing can be active there yet.
    pub fn is_rising(&self) -> bool {
        self.live && self.system == SystemState::Initializing
    }
}

impl NodeState {
    /// Whether it is granted no lease.
    pub fn is_out(&self) -> bool {
        self.suspended().is_some()
    }

    /// Log index from which on it is granted no lease.
    pub fn suspended(&self) -> Option<u64> {
        match self.leases {
            Leases::Granted => None,
            Leases::Suspended { from } | Leases::Lapsed { from, .. } | Leases::Off { from, .. } => Some(from),
        }
    }

    /// Time at which all its leases were known to have ended.
    pub fn lapsed(&self) -> Option<Time> {
        match self.leases {
            Leases::Granted | Leases::Suspended { .. } => None,
            Leases::Lapsed { at, .. } | Leases::Off { at, .. } => Some(at),
        }
    }

    /// The proof that nothing runs inside it.
    pub fn off(&self) -> Option<&NodeOff> {
        match &self.leases {
            Leases::Granted | Leases::Suspended { .. } | Leases::Lapsed { .. } => None,
            Leases::Off { proof, .. } => Some(proof),
        }
    }

    /// Marks all its leases as ended, if they are not yet.
    pub fn lapse(&mut self, index: u64, now: Time) {
        match self.leases {
            Leases::Granted => self.leases = Leases::Lapsed { from: index, at: now },
            Leases::Suspended { from } => self.leases = Leases::Lapsed { from, at: now },
            Leases::Lapsed { .. } | Leases::Off { .. } => {}
        }
    }

    /// Marks it as proven off, so that all its leases have ended, too.
    pub fn prove_off(&mut self, index: u64, now: Time, proof: NodeOff) {
        self.lapse(index, now);
        if let (Some(from), Some(at)) = (self.suspended(), self.lapsed()) {
            self.leases = Leases::Off { from, at, proof };
        }
    }

    /// Drops the proof that it is off; its leases stay ended.
    pub fn forget_proof(&mut self) {
        if let Leases::Off { from, at, .. } = self.leases {
            self.leases = Leases::Lapsed { from, at };
        }
    }
}

impl GroupState {
    /// Forgets earlier failures, because an operator asks for something.
    pub fn fresh_start(&mut self) {
        (self.fall, self.retries, self.flushed) = (None, Retries::default(), false);
    }

    /// The server on which its last tenure ended by a fault, or with the server.
    pub fn fell_from(&self) -> Option<&ServerName> {
        self.fall.as_ref().map(|fall| &fall.from)
    }

    /// Log index from which on readings can show which of its active copies are the right ones, while it is held.
    pub fn judged_from(&self) -> Option<u64> {
        self.hold.as_ref().and_then(|hold| hold.judged_from)
    }
}

impl CopyState {
    /// A copy that was just declared, of which nothing is known.
    pub fn declared(index: u64) -> Self {
        CopyState { declared: index, ..CopyState::default() }
    }

    /// Forgets its readings; new ones count from this log index on. Its identity stays known.
    pub fn forget(&mut self, index: u64) {
        let (declared, uuid, listed) = (self.declared, self.uuid.take(), self.listed);
        *self = CopyState { declared, uuid, listed, quiet_from: index, ..CopyState::default() };
    }

    /// Whether it was read off, live, after the last start could take effect.
    pub fn is_quiet(&self) -> bool {
        self.power.is_inactive()
            && self.risk == StartRisk::None
            && self.since.is_some_and(|since| since >= self.quiet_from)
    }
    /// Whether a reading that counts shows that it has panicked, and no start of ours is in flight.
    pub fn has_panicked(&self) -> bool {
        let counts = self.since.is_some_and(|since| since >= self.quiet_from);
        self.power == Power::Error && counts && self.risk == StartRisk::None
    }
    /// Whether it runs, is in transit from or to another server, or holds its disks though it has panicked.
    pub fn may_run(&self) -> bool {
        self.power.is_active() || matches!(self.power, Power::Moving | Power::Error)
    }
    /// Whether a start order is out for it.
    pub fn is_ordered(&self) -> bool {
        matches!(self.risk, StartRisk::Ordered(_))
    }
    /// Whether it is in transit from or to another server, by a reading that counts.
    pub fn is_moving(&self) -> bool {
        self.power == Power::Moving && self.since.is_some_and(|since| since >= self.quiet_from)
    }
    /// Whether it is active by the last reading, even by one older than `quiet_from`.
    pub fn is_active(&self) -> bool {
        self.power.is_active()
    }
}

impl GroupState {
    /// The resources that need a proof, with their copies.
    pub fn owned(&self) -> impl Iterator<Item = (&ResourceName, &BTreeMap<ServerName, CopyState>)> {
        self.copies.iter().filter(|(resource, _)| !self.passive.contains(*resource))
    }
}

impl Run {
    /// Takes over the state that a look shows.
    pub fn absorb(&mut self, power: Power, now: Time) {
        self.error_since = self.error_since.or(Some(now)).filter(|_| power == Power::Error);
        match power {
            Power::Running => {
                self.progress = Progress::Ran { ordered: self.was_ordered() };
                (self.away_since, self.lost_since, self.unread_since, self.tries) = (None, None, None, 0);
                self.down = self.down.take().filter(|down| *down != Down::OnPurpose);
            }
            Power::Off | Power::Absent => {
                // A resource that never ran, or was stopped, is not lost.
                let lost = self.lost_since.or(Some(now)).filter(|_| self.ran());
                (self.away_since, self.unread_since, self.lost_since) = (None, None, lost);
            }
            Power::OffOnPurpose => {
                (self.away_since, self.unread_since, self.lost_since) = (None, None, None);
                self.down = Some(Down::OnPurpose);
            }
            Power::Starting | Power::Stopping => self.away_since = self.away_since.or(Some(now)),
            Power::Unknown | Power::Missing => self.unread_since = self.unread_since.or(Some(now)),
            Power::Moving | Power::Error => {}
        }
    }

    /// Whether it was Running since its last start.
    pub fn ran(&self) -> bool {
        matches!(self.progress, Progress::Ran { .. })
    }

    /// Whether it was ordered to start.
    pub fn was_ordered(&self) -> bool {
        match self.progress {
            Progress::Idle => false,
            Progress::Ordered(_) => true,
            Progress::Ran { ordered } => ordered,
        }
    }

    /// Time of the order to start it, until it reads Running.
    pub fn starts_since(&self) -> Option<Time> {
        match self.progress {
            Progress::Ordered(at) => Some(at),
            Progress::Idle | Progress::Ran { .. } => None,
        }
    }

    /// Forgets that it was ordered to start: the next start is its first, and no restart.
    pub fn forget_order(&mut self) {
        self.progress = match self.progress {
            Progress::Idle | Progress::Ordered(_) => Progress::Idle,
            Progress::Ran { .. } => Progress::Ran { ordered: false },
        };
    }

    /// The reason for which an administrator is awaited.
    pub fn awaits_admin(&self) -> Option<CleanReason> {
        match self.admin {
            Admin::Awaited(reason) => Some(reason),
            Admin::No | Admin::SaysFailed => None,
        }
    }

    /// Counts one more restart in place. Only as many are kept as the limit needs.
    pub fn counts_restart(&mut self, now: Time, limit: u32) {
        self.restarts.push(now);
        let keep = usize::try_from(limit).unwrap_or(usize::MAX);
        let old = self.restarts.len().saturating_sub(keep);
        self.restarts.drain(..old);
    }

    /// Forgets its failures. Restarts are kept, because they say how well it runs; so is an operator's wish to have
    /// it up.
    pub fn clear(&mut self) {
        *self = Run { restarts: std::mem::take(&mut self.restarts), asked: self.asked, ..Run::default() };
    }
}

impl Tenure {
    /// The migration that it is in.
    pub fn migration(&self) -> Option<&Migration> {
        match &self.phase {
            Phase::Migrating(migration) => Some(migration),
            Phase::Starting | Phase::Online | Phase::Leaving { .. } => None,
        }
    }
    /// Whether a copy that is active on this server has the right to be.
    pub fn covers(&self, server: &ServerName) -> bool {
        &self.server == server || self.migration().is_some_and(|migration| &migration.to == server)
    }
}

impl Phase {
    /// The word for tables.
    pub fn word(&self) -> &'static str {
        match self {
            Phase::Starting => "starting",
            Phase::Online => "online",
            Phase::Leaving { .. } => "leaving",
            Phase::Migrating(_) => "migrating",
        }
    }
}
