//! The event loop: passes inputs to the node machine, and carries out its effects. It decides nothing.

use super::{
    Ending, Machine, changes,
    clock::{self, ClusterClock, Contact},
    logins::Logins,
    managers::Managers,
    peer::{self, Asked, incarnation},
    service::Alive,
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
    Event, Ledger, NodeName, OrderId, ServerName,
    node::{self, Birth, Node, Now, PlanResult},
};
use tenure_raft::{Changes, Handle, Status};
use tokio::{
    sync::{broadcast, mpsc, watch},
    task::{AbortHandle, JoinHandle},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Number of results of the node's own tasks that may wait for the loop.
const INPUTS: usize = 1024;

/// The event loop of a node, with all its parts.
pub(super) struct EventLoop {
    pub(super) me: NodeName,
    node: Node,
    pub(super) raft: Handle<Machine>,
    pub(super) lease: Lease,
    pub(super) performer: Arc<Performer>,
    pub(super) reader: Reader,
    pub(super) clock: ClusterClock,
    contact: Contact,
    pub(super) logins: Logins,
    /// The task that connects to HMCs before that is needed, and its beginning.
    pub(super) connecting: Option<(JoinHandle<()>, Instant)>,
    pub(super) managers: Managers,
    pub(super) events: broadcast::Sender<Event>,
    pub(super) tasks: TaskTracker,
    pub(super) stop: CancellationToken,
    pub(super) own: mpsc::Sender<node::Input>,
    inbox: mpsc::Receiver<node::Input>,
    /// Inputs that follow at once from an effect, to be handled before any other.
    pub(super) soon: VecDeque<node::Input>,
    /// Detects that this machine stood still.
    still: Stillness,
    pub(super) published: u64,
    /// Log index of the configuration taken over last.
    pub(super) configured: Option<u64>,
    pub(super) has_watchdog: bool,
    pub(super) followed: Arc<AtomicU64>,
    /// The plan that is being made, beside this loop. The machine asks for one at a time.
    pub(super) planning: Option<JoinHandle<PlanResult>>,
    /// The tasks in progress for orders.
    pub(super) carried: BTreeMap<OrderId, AbortHandle>,
    pub(super) ended: watch::Sender<Option<Ending>>,
    alive: Alive,
    told: changes::Changes,
}

/// The parts that the daemon provides.
pub(super) struct Parts {
    pub me: NodeName,
    pub raft: Handle<Machine>,
    pub lease: Lease,
    pub performer: Arc<Performer>,
    pub events: broadcast::Sender<Event>,
    pub clock: ClusterClock,
    pub contact: Contact,
    pub leader_lease: Duration,
    pub voter_gone: tenure_core::Span,
    pub tasks: TaskTracker,
    pub stop: CancellationToken,
    pub has_watchdog: bool,
    /// Log index up to which this node has applied the log and taken over the configuration: its readings and
    /// operations are marked with it, so that no newer entry counts as known under an older configuration.
    pub followed: Arc<AtomicU64>,
    pub ended: watch::Sender<Option<Ending>>,
    pub alive: Alive,
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
            contact,
            leader_lease,
            voter_gone,
            tasks,
            stop,
            has_watchdog,
            followed,
            ended,
            alive,
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
        })
        .replacing_voters_after(voter_gone);
        EventLoop {
            me,
            node,
            raft,
            lease,
            performer,
            reader,
            clock,
            contact,
            logins: Logins::default(),
            connecting: None,
            managers: Managers::default(),
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
            planning: None,
            carried: BTreeMap::new(),
            ended,
            alive,
            told: changes::Changes::new(moment::now()),
        }
    }

    /// Runs until the node is stopped or consensus ends.
    pub(super) async fn run(mut self, mut calls: mpsc::Receiver<Asked>) {
        let mut changes: Changes = self.raft.changed();
        let mut inside = self.performer.agents().changed();
        self.feed(node::Input::Woken);
        loop {
            self.alive.goes_round();
            let until = self.wake();
            let (call, input) = tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                Some(asked) = calls.recv() => (Some(asked), node::Input::Woken),
                Some(input) = self.inbox.recv() => (None, input),
                made = made(&mut self.planning) => (None, node::Input::PlanMade(Box::new(made))),
                _ = inside.changed() => (None, node::Input::Inside(self.performer.agents().inside())),
                moved = changes.changed() => if moved.is_ok() { (None, node::Input::Woken) } else { return },
                () = tokio::time::sleep_until(until.into()) => (None, node::Input::Woken),
            };
            if self.still.has_woken() {
                tracing::warn!("this machine stood still for a while; nothing that was so before is taken for granted");
                self.feed(node::Input::StoodStill);
            }
            // No call is answered before the machine's standstill is known.
            if let Some(call) = call {
                self.called(call);
            }
            self.feed(input);
            let ledger = self.ledger();
            self.mind_logins(&ledger);
            self.mind_managers(&ledger);
        }
    }

    /// Passes an input to the node machine, and those that follow at once.
    fn feed(&mut self, input: node::Input) {
        self.soon.push_back(input);
        while let Some(input) = self.soon.pop_front() {
            let (ledger, standing) = (self.ledger(), self.standing(&self.raft.status()));
            let now = Now { moment: moment::now(), ledger: &ledger, standing: &standing };
            let (led, digest) = (self.node.leads(), self.raft.state(Machine::digest));
            self.node.compares(digest);
            let effects = self.node.handle(now, input);
            self.tell_role(led, standing.term);
            self.contact.set(self.node.led_at());
            self.tell_changes(&ledger, &standing);
            self.carry_out(effects);
        }
    }

    /// Passes the call of another node to the node machine.
    fn called(&mut self, asked: Asked) {
        let Asked { from, by, call, reply } = asked;
        let peer::Call::Node(call) = call else { return };
        let (ledger, status) = (self.ledger(), self.raft.status());
        let standing = self.standing(&status);
        let now = Now { moment: moment::now(), ledger: &ledger, standing: &standing };
        let from = name_of(&status, from);
        let led = self.node.leads();
        let (answer, effects) = self.node.called(now, from.as_ref(), by, call);
        self.tell_role(led, standing.term);
        // The caller may have given up.
        let _ = reply.send(peer::Answer::Node(answer));
        self.carry_out(effects);
    }

    /// That this node decides, and no longer decides; that it leads is told with the leaders.
    fn tell_role(&self, led: bool, term: u64) {
        if led && !self.node.leads() {
            tracing::info!(kind = "leads_no_longer", term, "this node leads no longer");
        }
    }

    /// Who leads, and whether with a majority.
    fn tell_changes(&mut self, ledger: &Ledger, standing: &node::Standing) {
        let now = moment::now();
        // The only voter needs nobody to answer it.
        let alone = standing.leads && standing.voters.len() == 1;
        let led_at = if alone { Some(now) } else { self.node.led_at() };
        let patience = ledger.config.timings.monitor;
        for change in self.told.step(now, standing.leader.as_ref(), led_at, patience) {
            changes::log(&change, &self.me, standing.term);
        }
    }

    fn wake(&self) -> Instant {
        let (ledger, standing, moment) = (self.ledger(), self.standing(&self.raft.status()), moment::now());
        let (at, _) = self.node.wake(Now { moment, ledger: &ledger, standing: &standing });
        let at = Instant::now() + Duration::from_millis(at.since(moment).0);
        self.alive.due().map_or(at, |due| due.min(at))
    }

    fn standing(&self, status: &Status) -> node::Standing {
        standing(status, self.raft.rumoured_leader(), |age| self.still.age(age))
    }

    /// Whether nobody waits for the reading of a server that is due.
    pub(super) fn is_at_rest(&self, server: &ServerName) -> bool {
        self.node.reads_at_rest(server)
    }

    pub(super) fn ledger(&self) -> Arc<Ledger> {
        self.raft.state(Machine::ledger)
    }
}

/// The plan that is being made, once it is made. A panic in it is one of this loop.
async fn made(planning: &mut Option<JoinHandle<PlanResult>>) -> PlanResult {
    let Some(job) = planning else { return std::future::pending().await };
    let made = job.await;
    *planning = None;
    match made {
        Ok(made) => made,
        Err(why) => match why.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime ends.
            Err(_) => std::future::pending().await,
        },
    }
}
