//! States of servers, nodes and groups. Each lifecycle is an enum with the data of its state.

use super::maintenance::{GroupUpkeep, Upkeep};
use crate::{
    GroupName, NodeName, OrderId, Power, Reading, ResourceName, RuleName, ServerName, ServiceName, Span, SystemState,
    Time,
    config::{Link, Load},
    listing::Remark,
    note::{CleanReason, Conflict, FaultReason, LeaveReason, NodeOffHow, OffHow, ServerWait, Wait},
    order::Epoch,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerState {
    /// The node that watches and commands it.
    pub watcher: Option<NodeName>,
    /// Its state at the last reading.
    pub system: SystemState,
    /// Whether the last reading was live.
    pub live: bool,
    /// The LPAR of its own node, at the last reading.
    pub node: Power,
    /// Why what bears the name of that LPAR must be left alone, at the last list.
    pub node_alarm: Option<Remark>,
    /// Log index at which this machine was declared under this name: what was read before is about something else.
    pub declared: u64,
    /// Log index that the last reading followed; `None` if it was never read.
    pub since: Option<u64>,
    /// Who read it last, and the serial number of that reading.
    pub read: Option<(NodeName, u64)>,
    /// Its VIO servers, and whether each runs.
    pub vios: BTreeMap<String, bool>,
    /// The proof that it is off.
    pub off: Option<OffProof>,
    /// It came up again, and what runs there without a tenure does so by itself, until it is clean.
    pub dirty: Option<Dirty>,
    /// The open order to power it off.
    pub fence: Option<OrderId>,
    /// When the last order to power it off ended badly.
    pub fence_failed: Option<Time>,
    /// What the groups whose tenure is here take of it.
    pub used: Load,
    /// What they take of its limits.
    pub limits_used: BTreeMap<String, u64>,
    /// How many they are.
    pub groups: u32,
    /// Why its fate is open.
    pub wait: Option<ServerWait>,
    /// What is kept back on purpose.
    pub upkeep: Upkeep,
}

/// A server that came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dirty {
    /// Log index at which it was seen again.
    pub index: u64,
    /// Since when it reads Operating: it may start LPARs by itself for a while from then on.
    pub up: Option<Time>,
}

/// A proof that a server is off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OffProof {
    /// How it was proven.
    pub how: OffHow,
    /// Log index at which it was recorded.
    pub index: u64,
    /// Cluster time at which it was recorded.
    pub at: Time,
}

/// What is known of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeState {
    /// What has become of its leases.
    pub leases: Leases,
    /// Whether it has ever said anything under this configuration's name.
    pub met: bool,
    /// Whether it has itself read the LPAR that is declared as its own Running: then that is its own.
    pub known: bool,
    /// The UUID of that LPAR, as it read it then.
    pub lpar: Option<String>,
    /// After which time its watchdog resets it when nobody feeds it, as it said last.
    pub watchdog: Option<Span>,
    /// The open order to cut its LPAR off.
    pub fence: Option<OrderId>,
    /// When the last such order ended badly.
    pub fence_failed: Option<Time>,
}

/// What has become of the leases of a node, from one stage to the next. Whatever is so at one stage is so at those after it,
/// until the node is taken back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub enum Leases {
    /// It is granted leases.
    #[default]
    Granted,
    /// It is granted none.
    Suspended {
        /// From this log index on.
        from: u64,
    },
    /// Those that it had have ended.
    Lapsed {
        /// It is granted none from this log index on.
        from: u64,
        /// When that was known.
        at: Time,
    },
    /// Nothing runs inside it.
    Off {
        /// It is granted none from this log index on.
        from: u64,
        /// Since when its leases have ended.
        at: Time,
        proof: NodeOff,
    },
}

/// A proof that nothing runs inside a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeOff {
    /// How it was proven.
    pub how: NodeOffHow,
    /// Log index at which it was recorded.
    pub index: u64,
}

/// What is known of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupState {
    /// What its administrators want.
    pub intent: Intent,
    /// Where it may run, if anywhere.
    pub tenure: Option<Tenure>,
    /// Each resource on each server of the system list.
    pub copies: BTreeMap<ResourceName, BTreeMap<ServerName, CopyState>>,
    /// Restarts and stops of each resource under this tenure.
    pub runs: BTreeMap<ResourceName, Run>,
    /// Servers on which the group failed, since when and why.
    pub faults: BTreeMap<ServerName, (Time, FaultReason)>,
    /// Resources of which no proof is needed: persistent, never stopped, or only watched.
    pub passive: BTreeSet<ResourceName>,
    /// Where its last tenure ended by a fault or with its server; forgotten when an operator asks for something.
    pub fell_from: Option<ServerName>,
    /// How often it was started again as a whole on the server where it failed, and when last.
    pub retries: u32,
    /// When it was last started again so.
    pub retried: Option<Time>,
    /// Nothing more is ordered for it until an operator asks for something.
    pub flushed: bool,
    /// Nothing is done to it: an operator froze it, or its declaration does.
    pub frozen: bool,
    /// More than one copy is active.
    pub conflict: Option<Conflict>,
    /// Log index from which on readings tell that the copies with right run and the others do not belong there; `None` where
    /// nothing can tell.
    pub held: Option<u64>,
    /// What must be run before anything of it is started under its tenure.
    pub pre_online: PreOnline,
    /// Administrators have been told that no server can take it since it fell from its last one.
    pub stranded: bool,
    /// Where an operator wants it next.
    pub prefer: Option<ServerName>,
    /// Where its last tenure was.
    pub last: Option<ServerName>,
    /// Why it waits.
    pub wait: Option<Wait>,
    /// How it hangs together with other groups.
    pub ties: Ties,
    /// Services that were asked to start: until it is placed, it waits for the tiers below it.
    pub queued: BTreeSet<ServiceName>,
    /// What is kept back on purpose.
    pub upkeep: GroupUpkeep,
}

/// How a group hangs together with others: worked out when the cluster is configured, because it is asked for each group in
/// each plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ties {
    /// What it needs of other groups, by declared links and by firm tiers of services.
    pub links: BTreeSet<Link>,
    /// Groups that need something of it.
    pub parents: BTreeSet<GroupName>,
    /// Services that it is part of.
    pub services: BTreeSet<ServiceName>,
    /// Placement rules that name it.
    pub rules: BTreeSet<RuleName>,
    /// Its priority, or that of the most important group that depends on it.
    pub priority: u32,
    /// How many levels of groups are below it.
    pub depth: u32,
}

/// What must be run before a group is started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PreOnline {
    /// Nothing, or it went well.
    #[default]
    Passed,
    /// It is to be ordered.
    Due,
    /// It is ordered.
    Ordered(OrderId),
    /// It did not go well, for this reason.
    Failed(String),
}

/// What administrators want of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Intent {
    /// It is to run.
    Online,
    /// It is to be stopped.
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
    /// What it is doing.
    pub phase: Phase,
}

/// What a tenure is doing.
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
        /// Log index at which it began.
        index: u64,
    },
    /// Its LPARs are being moved to another server while they run. Until readings say where they are, the tenure covers
    /// both servers.
    Migrating(Migration),
}

/// A live migration of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migration {
    /// Where to.
    pub to: ServerName,
    /// Log index at which it began: earlier readings do not say where an LPAR is.
    pub index: u64,
    /// When the last move was ordered.
    pub ordered: Time,
    /// LPARs whose move to the target was ordered.
    pub sent: BTreeSet<ResourceName>,
    /// LPARs whose move back was ordered.
    pub returned: BTreeSet<ResourceName>,
    /// An operator wants it given up.
    pub aborted: bool,
    /// The last thing that went wrong.
    pub why: Option<String>,
}

/// As much of what an agent says of a copy is kept.
pub const SAID_LIMIT: usize = 200;

/// One resource on one server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyState {
    /// Log index at which this very thing was declared here: what was seen before is about something else.
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
    /// When the last order for it ended badly.
    pub failed: Option<Time>,
    /// How often in a row it was to be cleared up after a move, and was not.
    pub futile: u32,
    /// It was down by the last look that could tell, after everything that could have started it, and nothing of ours was to
    /// start it here since.
    pub idle: bool,
    /// How sure its agent is that it runs, in percent; 0 if nothing was said.
    pub confidence: u8,
    /// Number of the last look at it, of those that follow the same entry.
    pub serial: u64,
    /// What its agent said of it at the last look that was recorded; cut off after [`SAID_LIMIT`] characters.
    pub said: String,
    /// What bears its name here is not it, or not what is declared: it is left alone.
    pub alone: bool,
    /// The UUID of the LPAR, as learnt at its first reading here.
    pub uuid: Option<String>,
    /// Log index that the last reading followed in which it was listed here; 0 for what stays where it is.
    pub listed: Option<u64>,
}

/// Whether a start of a copy may still take effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum StartRisk {
    /// No start is in flight.
    #[default]
    None,
    /// An order is out.
    Ordered(OrderId),
    /// An order ended without a known outcome, at this time.
    Loose(Time),
}

/// What one resource went through under the present tenure.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// When it was restarted in place, within the window.
    pub restarts: Vec<Time>,
    /// When it was last ordered to start.
    pub started: Option<Time>,
    /// Whether it was Running since then.
    pub ran: bool,
    /// Since when it is active without being Running.
    pub away: Option<Time>,
    /// Why its last start failed.
    pub failed: Option<String>,
    /// It is to be stopped and started again.
    pub restart: bool,
    /// Why it stays down while its group is up.
    pub down: Option<Down>,
    /// An operator wants it up, though it is not started with its group.
    pub asked: bool,
    /// Since when it reads Off though it should run.
    pub lost: Option<Time>,
    /// Since when nobody can say whether it runs, on a server that is watched.
    pub unread: Option<Time>,
    /// Since when every reading says that it has panicked.
    pub error: Option<Time>,
    /// How often it was cleaned and started again because it did not come up.
    pub tries: u32,
    /// How often in a row it was ordered to stop and did not.
    pub stuck: u32,
    /// An administrator has to look at it first.
    pub admin: Option<CleanReason>,
    /// An administrator has looked, and says that it failed.
    pub concede: bool,
}

/// Why a resource stays down while its group is up.
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
    /// Whether a reading of it began before the last one. Readings by two nodes that follow the same entry cannot be told
    /// apart.
    pub fn is_past(&self, reading: &Reading) -> bool {
        let earlier = self.read.as_ref().is_some_and(|(by, serial)| *by == reading.by && reading.serial < *serial);
        self.since.is_some_and(|since| since > reading.since || (since == reading.since && earlier))
    }

    /// Whether its last reading said anything of LPARs.
    pub fn tells_lpars(&self) -> bool {
        self.live && self.system.tells_lpars()
    }

    /// Read Operating, live, and not proven off.
    pub fn is_working(&self) -> bool {
        self.live && self.system == SystemState::Operating && self.off.is_none()
    }

    /// Its hypervisor is on its way up: nothing can be active there yet.
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

    /// Since when every lease of it has ended.
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

    /// Every lease of it has ended, if that was not known before.
    pub fn lapse(&mut self, index: u64, now: Time) {
        match self.leases {
            Leases::Granted => self.leases = Leases::Lapsed { from: index, at: now },
            Leases::Suspended { from } => self.leases = Leases::Lapsed { from, at: now },
            Leases::Lapsed { .. } | Leases::Off { .. } => {}
        }
    }

    /// Nothing runs inside it, and so all of its leases have ended.
    pub fn prove_off(&mut self, index: u64, now: Time, proof: NodeOff) {
        self.lapse(index, now);
        if let (Some(from), Some(at)) = (self.suspended(), self.lapsed()) {
            self.leases = Leases::Off { from, at, proof };
        }
    }

    /// What proved it off does so no more.
    pub fn forget_proof(&mut self) {
        if let Leases::Off { from, at, .. } = self.leases {
            self.leases = Leases::Lapsed { from, at };
        }
    }
}

impl GroupState {
    /// An operator asks for something: what it went through before counts no more.
    pub fn fresh_start(&mut self) {
        (self.fell_from, self.retries, self.retried, self.flushed) = (None, 0, None, false);
    }
}

impl CopyState {
    /// A thing that was just declared, of which nothing is known.
    pub fn declared(index: u64) -> Self {
        CopyState { declared: index, ..CopyState::default() }
    }

    /// Forgets how it was read; readings count from this log index on. What it is stays known.
    pub fn forget(&mut self, index: u64) {
        let (declared, uuid, listed) = (self.declared, self.uuid.take(), self.listed);
        *self = CopyState { declared, uuid, listed, quiet_from: index, ..CopyState::default() };
    }

    /// Read off, live, after the last start could take effect.
    pub fn is_quiet(&self) -> bool {
        self.power.is_inactive()
            && self.risk == StartRisk::None
            && self.since.is_some_and(|since| since >= self.quiet_from)
    }
    /// It has panicked, by a reading that counts, and nothing of ours is on its way there.
    pub fn has_panicked(&self) -> bool {
        let counts = self.since.is_some_and(|since| since >= self.quiet_from);
        self.power == Power::Error && counts && self.risk == StartRisk::None
    }
    /// It runs, is on its way to or from another server, or holds its disks though it has panicked.
    pub fn may_run(&self) -> bool {
        self.power.is_active() || matches!(self.power, Power::Moving | Power::Error)
    }
    /// A start order is out for it.
    pub fn is_ordered(&self) -> bool {
        matches!(self.risk, StartRisk::Ordered(_))
    }
    /// On its way to or from another server, by a reading that counts.
    pub fn is_moving(&self) -> bool {
        self.power == Power::Moving && self.since.is_some_and(|since| since >= self.quiet_from)
    }
    /// Active by a reading that counts.
    pub fn is_active(&self) -> bool {
        self.power.is_active()
    }
}

impl GroupState {
    /// The resources of which something has to be proven, with their copies.
    pub fn owned(&self) -> impl Iterator<Item = (&ResourceName, &BTreeMap<ServerName, CopyState>)> {
        self.copies.iter().filter(|(resource, _)| !self.passive.contains(*resource))
    }
}

impl Run {
    /// What a look at it says of how it goes.
    pub fn absorb(&mut self, power: Power, now: Time) {
        self.error = self.error.or(Some(now)).filter(|_| power == Power::Error);
        match power {
            Power::Running => {
                (self.ran, self.away, self.lost, self.unread, self.tries) = (true, None, None, None, 0);
                self.down = self.down.take().filter(|down| *down != Down::OnPurpose);
            }
            Power::Off | Power::Absent => {
                // What never ran, or was stopped, is not lost.
                let lost = self.lost.or(Some(now)).filter(|_| self.ran);
                (self.away, self.unread, self.lost) = (None, None, lost);
            }
            Power::OffOnPurpose => {
                (self.away, self.unread, self.lost) = (None, None, None);
                self.down = Some(Down::OnPurpose);
            }
            Power::Starting | Power::Stopping => self.away = self.away.or(Some(now)),
            Power::Unknown | Power::Missing => self.unread = self.unread.or(Some(now)),
            Power::Moving | Power::Error => {}
        }
    }

    /// It is restarted in place once more. No more are kept than the limit asks for.
    pub fn counts_restart(&mut self, now: Time, limit: u32) {
        self.restarts.push(now);
        let keep = usize::try_from(limit).unwrap_or(usize::MAX);
        let old = self.restarts.len().saturating_sub(keep);
        self.restarts.drain(..old);
    }

    /// What failed counts no more. Restarts do: they are about what runs, not about what is wanted.
    pub fn clear(&mut self) {
        *self = Run { restarts: std::mem::take(&mut self.restarts), asked: self.asked, ..Run::default() };
    }
}

impl Tenure {
    /// The migration that it is in the middle of.
    pub fn migration(&self) -> Option<&Migration> {
        match &self.phase {
            Phase::Migrating(migration) => Some(migration),
            Phase::Starting | Phase::Online | Phase::Leaving { .. } => None,
        }
    }
    /// Whether what is active on this server is so by right.
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
