//! The loop: it hands the machine what happens, and carries out what that wants. It decides nothing.

use super::{
    Ending, Machine,
    clock::{self, ClusterClock},
    logins::Logins,
    peer::{self, Asked, incarnation},
    standing::{name_of, standing},
};
use crate::performer::{
    Lease, Performer, Reader,
    moment::{self, Stillness, span},
};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, atomic::AtomicU64},
    time::{Duration, Instant},
};
use tenure_core::{
    Event, Ledger, NodeName, OrderId,
    node::{self, Birth, Node, Now},
};
use tenure_raft::{Changes, Handle};
use tokio::{
    sync::{broadcast, mpsc, watch},
    task::AbortHandle,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Inputs that may wait.
const INPUTS: usize = 1024;

/// What a node is made of.
pub(super) struct EventLoop {
    pub(super) me: NodeName,
    node: Node,
    pub(super) raft: Handle<Machine>,
    pub(super) lease: Lease,
    pub(super) performer: Arc<Performer>,
    pub(super) reader: Reader,
    pub(super) clock: ClusterClock,
    pub(super) logins: Logins,
    pub(super) events: broadcast::Sender<Event>,
    pub(super) tasks: TaskTracker,
    pub(super) stop: CancellationToken,
    pub(super) own: mpsc::Sender<node::Input>,
    inbox: mpsc::Receiver<node::Input>,
    /// What is answered at once.
    pub(super) soon: VecDeque<node::Input>,
    /// Whether this machine has stood still.
    still: Stillness,
    pub(super) published: u64,
    /// The declaration that was taken over last, by its log index.
    pub(super) configured: Option<u64>,
    pub(super) has_watchdog: bool,
    pub(super) followed: Arc<AtomicU64>,
    /// What is under way for orders.
    pub(super) carried: BTreeMap<OrderId, AbortHandle>,
    pub(super) ended: watch::Sender<Option<Ending>>,
}

/// The parts that the daemon has put together.
pub(super) struct Parts {
    pub me: NodeName,
    pub raft: Handle<Machine>,
    pub lease: Lease,
    pub performer: Arc<Performer>,
    pub events: broadcast::Sender<Event>,
    pub clock: ClusterClock,
    pub leader_lease: Duration,
    pub tasks: TaskTracker,
    pub stop: CancellationToken,
    pub has_watchdog: bool,
    /// Log index up to which this node has applied the log and taken over what is declared: what it reads and what it does
    /// follows that, and no newer entry under an older declaration.
    pub followed: Arc<AtomicU64>,
    pub ended: watch::Sender<Option<Ending>>,
}

impl EventLoop {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts {
            me,
            raft,
            lease,
            performer,
            events,
            clock,
            leader_lease,
            tasks,
            stop,
            has_watchdog,
            followed,
            ended,
        } = parts;
        let reader = Reader::new(Arc::clone(&performer));
        let (own, inbox) = mpsc::channel(INPUTS);
        let ledger = raft.state(Machine::ledger);
        let node = Node::new(Birth {
            me: me.clone(),
            incarnation: incarnation(),
            stored: raft.last_stored(),
            known: ledger.now,
            wall: clock::wall(),
            fresh: span(leader_lease),
            moment: moment::now(),
        });
        EventLoop {
            me,
            node,
            raft,
            lease,
            performer,
            reader,
            clock,
            logins: Logins::default(),
            events,
            tasks,
            stop,
            own,
            inbox,
            soon: VecDeque::new(),
            still: Stillness::watch(),
            published: ledger.index,
            configured: None,
            has_watchdog,
            followed,
            carried: BTreeMap::new(),
            ended,
        }
    }

    /// Runs until the node is stopped or consensus ends.
    pub(super) async fn run(mut self, mut calls: mpsc::Receiver<Asked>) {
        let mut changes: Changes = self.raft.changed();
        let mut inside = self.performer.agents().changed();
        self.feed(node::Input::Woken);
        loop {
            let until = self.wake();
            let (call, input) = tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                Some(asked) = calls.recv() => (Some(asked), node::Input::Woken),
                Some(input) = self.inbox.recv() => (None, input),
                _ = inside.changed() => (None, node::Input::Inside(self.performer.agents().inside())),
                moved = changes.changed() => if moved.is_ok() { (None, node::Input::Woken) } else { return },
                () = tokio::time::sleep_until(until.into()) => (None, node::Input::Woken),
            };
            if self.still.has_woken() {
                tracing::warn!("this machine stood still for a while; nothing that was so before is taken for granted");
                self.feed(node::Input::StoodStill);
            }
            // Nothing is answered before it is known that the machine stood still.
            if let Some(call) = call {
                self.called(call);
            }
            self.feed(input);
            self.mind_logins(&self.ledger());
        }
    }

    /// Hands the machine what happens, and what follows at once.
    fn feed(&mut self, input: node::Input) {
        self.soon.push_back(input);
        while let Some(input) = self.soon.pop_front() {
            let (ledger, standing) = (self.ledger(), self.standing());
            let now = Now { moment: moment::now(), ledger: &ledger, standing: &standing };
            let (led, digest) = (self.node.leads(), self.raft.state(Machine::digest));
            self.node.compares(digest);
            let effects = self.node.handle(now, input);
            self.tell_role(led, standing.term);
            self.carry_out(effects);
        }
    }

    /// Another node calls.
    fn called(&mut self, asked: Asked) {
        let Asked { from, by, call, reply } = asked;
        let peer::Call::Node(call) = call else { return };
        let (ledger, standing) = (self.ledger(), self.standing());
        let now = Now { moment: moment::now(), ledger: &ledger, standing: &standing };
        let from = name_of(&self.raft.status(), from);
        let led = self.node.leads();
        let (answer, effects) = self.node.called(now, from.as_ref(), by, call);
        self.tell_role(led, standing.term);
        // The caller may have given up.
        let _ = reply.send(peer::Answer::Node(answer));
        self.carry_out(effects);
    }

    fn tell_role(&self, led: bool, term: u64) {
        match (led, self.node.leads()) {
            (false, true) => tracing::info!(term, "leads"),
            (true, false) => tracing::info!(term, "leads no longer"),
            (true, true) | (false, false) => {}
        }
    }

    fn wake(&self) -> Instant {
        let (ledger, standing, moment) = (self.ledger(), self.standing(), moment::now());
        let (at, _) = self.node.wake(Now { moment, ledger: &ledger, standing: &standing });
        Instant::now() + Duration::from_millis(at.since(moment).0)
    }

    fn standing(&self) -> node::Standing {
        standing(&self.raft.status(), self.raft.rumoured_leader(), |age| self.still.age(age))
    }

    pub(super) fn ledger(&self) -> Arc<Ledger> {
        self.raft.state(Machine::ledger)
    }
}
