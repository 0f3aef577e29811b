//! The body of one node: where it lives, what becomes of its process, and the machine that decides for it.

use super::event::NodeEvent;
use super::sim::FRESH;
use crate::world::{CommandId, LparId, ServerId};
use std::collections::BTreeMap;
use std::sync::Arc;
use tenure_core::{
    Inside, Ledger, Moment, NodeName, OrderId, Span, Time,
    execution::Change,
    ledger::Incarnation,
    node::{self, Birth},
    reach::Reach,
};

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) name: NodeName,
    /// Its number, which no twist of the names changes.
    pub(super) number: u32,
    pub(super) server: Option<ServerId>,
    pub(super) lpar: Option<LparId>,
    /// Whether the daemon runs, as long as its LPAR does.
    pub(super) killed: bool,
    pub(super) paused: bool,
    /// Which side of a cut it is on; nodes on the same side hear each other.
    pub(super) side: u32,
    /// Whether it reaches no HMC.
    pub(super) blind: bool,
    /// Whether it was alive when last looked at.
    pub(super) alive: bool,
    /// Whether its LPAR was down since its process last began.
    pub(super) rebooted: bool,
    /// How far its wall clock is ahead.
    pub(super) ahead: Span,
    /// How long its own clock has stood still: only where a bug makes it.
    pub(super) stood_still: Span,
    /// Counts its starts: what belongs to an earlier life is void.
    pub(super) life: u32,
    /// Durable.
    pub(super) ledger: Arc<Ledger>,
    /// With which time its watchdog was last armed. The device knows nothing of disks and processes.
    pub(super) armed: Option<Span>,
    /// Whether its disk holds nothing where there was something: it does not start before it has joined anew.
    pub(super) blank: bool,
    /// Since when it is paused.
    pub(super) paused_at: Option<Time>,
    pub(super) memory: Memory,
}

/// What a node forgets when it dies.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    /// The machine that decides.
    pub(super) brain: node::Node,
    /// When it is to be woken.
    pub(super) wake_at: Option<Time>,
    pub(super) reach: Reach,
    /// What its agents saw last.
    pub(super) inside: Option<Inside>,
    /// When its watchdog was last fed.
    pub(super) fed: Time,
    /// Changes that are under way at HMCs.
    pub(super) sent: BTreeMap<OrderId, (CommandId, Change)>,
    /// What happened while it was paused.
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

    /// The moment on its own clock.
    pub(super) fn moment(&self, now: Time) -> Moment {
        Moment(now.0).before(self.stood_still)
    }

    /// Whether it takes part in anything now.
    pub(super) fn acts(&self) -> bool {
        self.alive && !self.paused
    }

    /// Which of its processes this is.
    pub(super) fn incarnation(&self) -> Incarnation {
        incarnation(self.number, self.life)
    }

    /// Starts again with what its disk holds. A watchdog begins anew with its LPAR; a process that is started again within
    /// finds it as the one before left it, unless it `feeds` it.
    pub(super) fn reborn(&mut self, now: Time, feeds: bool) {
        self.life += 1;
        let fed = if std::mem::take(&mut self.rebooted) || feeds { now } else { self.memory.fed };
        let moment = self.moment(now);
        let memory = Memory::new(&self.name, self.number, self.life, &self.ledger, now, self.ahead, moment);
        self.memory = Memory { fed, ..memory };
    }

    /// Whether its lease is good, if only for moments.
    pub(super) fn has_lease(&self, now: Time) -> bool {
        self.memory.brain.lease().left(self.moment(now)) > Span(0)
    }
}

impl Memory {
    /// A process begins with what its disk holds.
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
            inside: None,
            fed: now,
            sent: BTreeMap::new(),
            stalled: Vec::new(),
        }
    }
}

fn incarnation(number: u32, life: u32) -> Incarnation {
    Incarnation(u64::from(number) << 32 | u64::from(life))
}
