//! One node: its place, the state of its process, and its state machine.

use super::event::NodeEvent;
use super::logins::Outside;
use super::sim::FRESH;
use crate::world::{CommandId, LparId, ServerId};
use std::collections::BTreeMap;
use std::sync::Arc;
use tenure_core::{
    HmcName, Inside, Ledger, Moment, NodeName, OrderId, ServerName, Span, Time,
    contacts::{Contacts, Seen},
    execution::Change,
    ledger::Incarnation,
    node::{self, Birth},
    reach::Reach,
};

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) name: NodeName,
    /// Its number, independent of its name.
    pub(super) number: u32,
    pub(super) server: Option<ServerId>,
    pub(super) lpar: Option<LparId>,
    /// Whether the daemon is stopped although its LPAR may run.
    pub(super) killed: bool,
    pub(super) paused: bool,
    /// Its side of a network cut; nodes on the same side are connected.
    pub(super) side: u32,
    /// Whether it reaches no HMC.
    pub(super) blind: bool,
    /// Whether it was alive at the last check.
    pub(super) alive: bool,
    /// Whether its LPAR has been down since its process last started.
    pub(super) rebooted: bool,
    /// Lead of its wall clock over true time.
    pub(super) ahead: Span,
    /// Total time that its monotonic clock has stood still; nonzero only with a planted bug.
    pub(super) stood_still: Span,
    /// Number of its starts; events of an earlier life are void.
    pub(super) life: u32,
    /// Its disk: the ledger as applied.
    pub(super) ledger: Arc<Ledger>,
    /// Timeout with which its watchdog was last armed. The device knows nothing of disks and processes.
    pub(super) armed: Option<Span>,
    /// Whether its disk has been lost: it does not start before it has joined again.
    pub(super) blank: bool,
    /// Start of its pause.
    pub(super) paused_at: Option<Time>,
    pub(super) memory: Memory,
}

/// State that a node loses when it dies.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    /// The state machine.
    pub(super) brain: node::Node,
    /// Time of its next wake-up.
    pub(super) wake_at: Option<Time>,
    pub(super) reach: Reach,
    /// What it last saw and said of HMCs.
    pub(super) seen: Seen,
    pub(super) contacts: Contacts,
    /// HMCs that it is not connected with.
    pub(super) outside: BTreeMap<HmcName, Outside>,
    /// The latest look of its agents.
    pub(super) inside: Option<Inside>,
    /// Time at which its watchdog was last fed.
    pub(super) fed: Time,
    /// Changes in progress at HMCs.
    pub(super) sent: BTreeMap<OrderId, (CommandId, Change)>,
    /// Servers that are read next for a start.
    pub(super) around: BTreeMap<OrderId, Vec<ServerName>>,
    /// Events that arrived while it was paused.
    pub(super) stalled: Vec<NodeEvent>,
}

impl Node {
    pub(super) fn new(name: NodeName, number: u32, server: Option<ServerId>, lpar: Option<LparId>) -> Self {
        let ledger = Arc::default();
        let memory = Memory::new(&name, number, 1, &ledger, Time(0), Span(0), Moment(0));
        Node {
            name,
            number,
            server,
            lpar,
            killed: false,
            paused: false,
            side: 0,
            blind: false,
            alive: true,
            rebooted: false,
            ahead: Span(0),
            stood_still: Span(0),
            life: 1,
            ledger,
            armed: None,
            blank: false,
            paused_at: None,
            memory,
        }
    }

    /// Current time on its monotonic clock.
    pub(super) fn moment(&self, now: Time) -> Moment {
        Moment(now.0).before(self.stood_still)
    }

    /// Whether it runs and is not paused.
    pub(super) fn acts(&self) -> bool {
        self.alive && !self.paused
    }

    /// The incarnation of its current process.
    pub(super) fn incarnation(&self) -> Incarnation {
        incarnation(self.number, self.life)
    }

    /// Starts with the contents of its disk. A watchdog starts together with the LPAR; a process that is restarted
    /// within the LPAR inherits it from its predecessor, unless it `feeds` it.
    pub(super) fn reborn(&mut self, now: Time, feeds: bool) {
        self.life += 1;
        let fed = if std::mem::take(&mut self.rebooted) || feeds { now } else { self.memory.fed };
        let moment = self.moment(now);
        let memory = Memory::new(&self.name, self.number, self.life, &self.ledger, now, self.ahead, moment);
        self.memory = Memory { fed, ..memory };
    }

    /// Whether its lease is valid, if only for moments.
    pub(super) fn has_lease(&self, now: Time) -> bool {
        self.memory.brain.lease().left(self.moment(now)) > Span(0)
    }
}

impl Memory {
    /// A process starts with the contents of its disk.
    fn new(
        me: &NodeName,
        number: u32,
        life: u32,
        ledger: &Arc<Ledger>,
        now: Time,
        ahead: Span,
        moment: Moment,
    ) -> Self {
        let brain = node::Node::new(Birth {
            me: me.clone(),
            incarnation: incarnation(number, life),
            stored: ledger.index,
            known: ledger.now,
            wall: now.after(ahead),
            fresh: FRESH,
            moment,
        });
        Memory {
            brain,
            wake_at: None,
            reach: Reach::default(),
            seen: Seen::new(),
            contacts: Contacts::default(),
            outside: BTreeMap::new(),
            inside: None,
            fed: now,
            sent: BTreeMap::new(),
            around: BTreeMap::new(),
            stalled: Vec::new(),
        }
    }
}

fn incarnation(number: u32, life: u32) -> Incarnation {
    Incarnation(u64::from(number) << 32 | u64::from(life))
}
