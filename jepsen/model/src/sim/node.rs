//! One node: the part of a daemon that outlives nothing but its log.

use super::event::NodeEvent;
use crate::world::{CommandId, LparId, ServerId};
use std::collections::BTreeMap;
use tenure_core::{
    Ledger, Moment, OrderId, Report, ServerName, Span, Time,
    carry::{Ask, Execution},
    node::{ClusterClock, Lease, Past},
    pace::Gap,
    reach::Reach,
};

/// An order that the node is carrying out.
#[derive(Clone, Debug)]
pub(super) struct Work {
    pub(super) execution: Execution,
    pub(super) since: Time,
    /// The change that it waits for at an HMC.
    pub(super) sent: Option<(CommandId, Ask)>,
}

/// Watching one server.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Watch {
    pub(super) gap: Gap,
    pub(super) asking: bool,
    /// Asked for while a question was under way.
    pub(super) again: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Node {
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
    pub(super) ledger: Ledger,
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
    /// What may have been taken up in an earlier life.
    pub(super) past: Past,
    pub(super) clock: ClusterClock,
    pub(super) lease: Lease,
    pub(super) reach: Reach,
    /// The last look at what lives inside it.
    pub(super) sensed: Gap,
    /// When this life of it began.
    pub(super) born: Time,
    /// When its watchdog was last fed.
    pub(super) fed: Time,
    /// When it learned of each open order.
    pub(super) learned: BTreeMap<OrderId, Time>,
    pub(super) work: BTreeMap<OrderId, Work>,
    /// Answers that are not in the log yet.
    pub(super) outbox: BTreeMap<OrderId, Report>,
    pub(super) watches: BTreeMap<ServerName, Watch>,
    /// What happened while it was paused.
    pub(super) stalled: Vec<NodeEvent>,
}

impl Memory {
    /// A process begins with what its disk holds.
    fn new(ledger: &Ledger, now: Time, ahead: Span) -> Self {
        Memory {
            past: Past::new(ledger.index),
            clock: ClusterClock::new(ledger.now, now.after(ahead), Moment(now.0)),
            lease: Lease::default(),
            reach: Reach::default(),
            sensed: Gap::default(),
            born: now,
            fed: now,
            learned: BTreeMap::new(),
            work: BTreeMap::new(),
            outbox: BTreeMap::new(),
            watches: BTreeMap::new(),
            stalled: Vec::new(),
        }
    }
}

impl Node {
    pub(super) fn new(server: Option<ServerId>, lpar: Option<LparId>) -> Self {
        Node {
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
            ledger: Ledger::default(),
            armed: None,
            blank: false,
            paused_at: None,
            memory: Memory::new(&Ledger::default(), Time(0), Span(0)),
        }
    }

    /// The moment on its own clock.
    pub(super) fn moment(&self, now: Moment) -> Moment {
        now.before(self.stood_still)
    }

    /// Whether it takes part in anything now.
    pub(super) fn acts(&self) -> bool {
        self.alive && !self.paused
    }

    /// Starts again with what its disk holds. A watchdog begins anew with its LPAR; a process that is started again within
    /// finds it as the one before left it, unless it `feeds` it.
    pub(super) fn reborn(&mut self, now: Time, feeds: bool) {
        self.life += 1;
        let fed = if std::mem::take(&mut self.rebooted) || feeds { now } else { self.memory.fed };
        self.memory = Memory { fed, ..Memory::new(&self.ledger, now, self.ahead) };
    }

    /// Whether its lease lets it act now, with all that the lease stands for applied.
    pub(super) fn may_act(&self, now: Time) -> bool {
        self.memory.lease.covers(self.ledger.index, self.moment(Moment(now.0)))
    }

    /// Whether its lease is good, if only for moments.
    pub(super) fn has_lease(&self, now: Time) -> bool {
        self.memory.lease.left(self.moment(Moment(now.0))) > Span(0)
    }

    /// How long it has been without a lease in this life; `None` while it has one.
    pub(super) fn alone_for(&self, now: Time) -> Option<Span> {
        let over = self.memory.lease.over_for(self.moment(Moment(now.0)));
        let lived = now.since(self.memory.born);
        (!self.has_lease(now)).then(|| over.unwrap_or(lived).min(lived))
    }

    /// Lets go of answers to orders that the log has closed.
    pub(super) fn forget_closed(&mut self) {
        let open = &self.ledger.orders;
        self.memory.learned.retain(|id, _| open.contains_key(id));
        self.memory.outbox.retain(|id, _| open.contains_key(id));
    }
}
