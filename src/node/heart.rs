//! The loop: one closed set of inputs, one place that handles them, no decisions.

use super::{
    Machine,
    clock::ClusterClock,
    codec::{self, Kind},
    digests::Digests,
    ending::Ending,
    faith::Faith,
    known,
    logins::Logins,
    machine::Digest,
    member,
    peer::{Answer, Asked, Call, ask, incarnation},
    suitability,
    watch::Rounds,
};
use crate::agent::{
    Applied, Executor, Finished, Hands, Lease, Reader, concede,
    moment::{self, Stillness, span},
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Release},
    },
    time::{Duration, Instant},
};
use tenure_core::{
    Entry, Ledger, Moment, NodeName, Reading, Record, ServerName, Span, Time, View,
    ledger::Incarnation,
    node::{Leading, usable},
    pace::{Gap, Pace},
    plan::{Plan, plan},
    view::NodeView,
};
use tenure_raft::{Changes, Handle, ProposeError, Status};
use tokio::sync::{broadcast, mpsc, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Longest time that a proposal of the planner may take before it is looked at again.
pub(super) const PROPOSAL: Duration = Duration::from_secs(5);
/// Longest time that the loop sleeps.
const TICK: Duration = Duration::from_millis(100);
/// Longest time until a leader is told again what lives inside this node.
const TELL_AGAIN: Duration = Duration::from_secs(5);
/// Inputs that may wait.
pub const INPUTS: usize = 1024;

/// Everything that can happen to a node.
pub(super) enum Input {
    /// Consensus or the ledger moved.
    Changed,
    /// Another node calls.
    Asked(Asked),
    /// What lives inside this node is otherwise than before.
    Inside,
    /// A server was read.
    Read(Option<Reading>, ServerName),
    /// An order was carried out.
    Finished(Finished),
    /// A heartbeat has ended; whom it was answered by, when it was sent, and the answer.
    Beaten(Option<(u64, Moment, Answer)>),
    /// This process was entered for its node, at this index, or not yet.
    Enlisted(Option<u64>),
    /// What the planner proposed has been answered, or nobody knows what became of it.
    Proposed { known: bool },
    /// A leader that has caught up may plan.
    Ready(u64),
    /// Time has passed.
    Tick,
}

/// What a node is made of.
pub(super) struct Heart {
    pub(super) me: NodeName,
    pub(super) raft: Handle<Machine>,
    pub(super) lease: Lease,
    pub(super) hands: Arc<Hands>,
    pub(super) reader: Reader,
    pub(super) executor: Executor,
    pub(super) rounds: Rounds,
    pub(super) clock: ClusterClock,
    pub(super) logins: Logins,
    pub(super) records: broadcast::Sender<Record>,
    pub(super) leader_lease: Duration,
    pub(super) tasks: TaskTracker,
    pub(super) stop: CancellationToken,
    pub(super) own: mpsc::Sender<Input>,
    inbox: mpsc::Receiver<Input>,
    pub(super) role: Role,
    heard_leader: Option<(u64, Moment)>,
    /// Whether this machine has stood still.
    pub(super) still: Stillness,
    pub(super) published: u64,
    /// Last entry that this process found in its own log when it started.
    stored: u64,
    /// Last entry whose time was followed.
    pub(super) seen: u64,
    /// What of the view the last plan went by.
    signs: Signs,
    configured: u64,
    reaches_hmc: bool,
    beating: bool,
    wake_at: Option<Time>,
    /// Whom it was told last what lives inside this node, in which term and when.
    told: Option<(u64, u64, Instant)>,
    /// When it was last looked at what lives inside this node because somebody asked, and when it is to be next.
    looked: Gap,
    look_at: Option<Instant>,
    /// When this process began.
    born: Instant,
    /// When it began last to stop what must not run twice.
    conceded: Option<Instant>,
    conceding: Option<tokio::task::AbortHandle>,
    has_watchdog: bool,
    followed: Arc<AtomicU64>,
    pub(super) faith: Faith,
    /// Log index at which this process was entered for its node.
    pub(super) enlisted: Option<u64>,
    pub(super) enlisting: bool,
    /// This node is about to end.
    pub(super) ending: bool,
    pub(super) ended: watch::Sender<Option<Ending>>,
}

/// What a node is to the others.
pub(super) enum Role {
    Follower,
    /// Leads in this term, and may plan once it has applied what came before.
    Leader {
        term: u64,
        leading: Box<Leading>,
        proposing: bool,
        digests: Digests,
        pace: Pace,
    },
}

/// The parts that the daemon has put together.
pub(super) struct Parts {
    pub me: NodeName,
    pub raft: Handle<Machine>,
    pub lease: Lease,
    pub hands: Arc<Hands>,
    pub finished: mpsc::Sender<Finished>,
    pub records: broadcast::Sender<Record>,
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

impl Heart {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts {
            me,
            raft,
            lease,
            hands,
            finished,
            records,
            clock,
            leader_lease,
            tasks,
            stop,
            has_watchdog,
            followed,
            ended,
        } = parts;
        let reader = Reader::new(Arc::clone(&hands));
        let (own, inbox) = mpsc::channel(INPUTS);
        let published = raft.state(|machine| machine.ledger().index);
        let stored = raft.last_stored();
        let applied = raft.clone();
        let applied: Applied = Arc::new(move || applied.state(Machine::ledger));
        let executor = Executor::new(me.clone(), Arc::clone(&hands), reader.clone(), lease.clone(), applied, finished);
        Heart {
            me,
            raft,
            lease,
            hands,
            reader,
            executor,
            rounds: Rounds::default(),
            clock,
            logins: Logins::default(),
            records,
            leader_lease,
            tasks,
            stop,
            own,
            inbox,
            role: Role::Follower,
            heard_leader: None,
            still: Stillness::watch(),
            published,
            stored,
            seen: 0,
            signs: Signs::new(),
            configured: 0,
            reaches_hmc: true,
            beating: false,
            wake_at: None,
            told: None,
            looked: Gap::default(),
            look_at: None,
            born: Instant::now(),
            conceded: None,
            conceding: None,
            has_watchdog,
            followed,
            faith: Faith::new(Instant::now()),
            enlisted: None,
            enlisting: false,
            ending: false,
            ended,
        }
    }

    /// Runs until the node is stopped or consensus ends.
    pub(super) async fn run(mut self, mut calls: mpsc::Receiver<Asked>, mut finished: mpsc::Receiver<Finished>) {
        let mut changes: Changes = self.raft.changed();
        let mut inside = self.hands.agents().changed();
        let mut beat = Instant::now();
        self.changed();
        loop {
            let until = self.sleep_until(beat);
            let input = tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                Some(asked) = calls.recv() => Input::Asked(asked),
                Some(input) = self.inbox.recv() => input,
                Some(order) = finished.recv() => Input::Finished(order),
                _ = inside.changed() => Input::Inside,
                moved = changes.changed() => if moved.is_ok() { Input::Changed } else { return },
                () = tokio::time::sleep_until(until.into()) => Input::Tick,
            };
            if self.still.has_woken() {
                self.wake_up();
            }
            self.handle(input);
            if Instant::now() >= beat {
                beat = Instant::now() + self.heartbeat();
                self.beat();
                self.hold_on();
            }
            self.mind_logins(&self.ledger());
            self.read_due();
            self.look_due();
        }
    }

    fn handle(&mut self, input: Input) {
        match input {
            Input::Changed => self.changed(),
            Input::Asked(asked) => self.asked(asked),
            Input::Inside => self.tell_inside(),
            Input::Read(reading, server) => self.read(reading, &server),
            Input::Finished(order) => self.report(order),
            Input::Beaten(heard) => {
                self.beating = false;
                if let Some((leader, asked, answer)) = heard {
                    self.heard_leader = Some((leader, asked));
                    self.answered(leader, &answer);
                }
            }
            Input::Enlisted(at) => {
                self.enlisting = false;
                self.enlisted = at.or(self.enlisted);
                if at.is_some() {
                    self.beat();
                }
            }
            Input::Proposed { known } => {
                if let Role::Leader { proposing, leading, .. } = &mut self.role {
                    *proposing = false;
                    leading.proposed(known);
                }
                self.plan();
            }
            Input::Ready(of) => {
                if let Role::Leader { term, leading, .. } = &mut self.role
                    && *term == of
                {
                    leading.caught_up();
                    self.plan();
                }
            }
            Input::Tick => self.tick(),
        }
    }

    /// Time has passed: a plan is due when a deadline is, or when time has told something of a node.
    fn tick(&mut self) {
        let Role::Leader { leading, .. } = &self.role else { return };
        let ledger = self.ledger();
        let due = self.wake_at.is_some_and(|at| at <= self.clock.now());
        if due
            || signs(&leading.view(ledger.nodes.keys(), &ledger.config.timings, moment::now()), &ledger) != self.signs
        {
            drop(ledger);
            self.plan();
        }
    }

    fn sleep_until(&self, beat: Instant) -> Instant {
        let longest = Instant::now() + TICK.min(self.heartbeat());
        let rounds = self.rounds.next().unwrap_or(longest);
        let now = self.clock.now();
        let wake = self.wake_at.map_or(longest, |at| Instant::now() + Duration::from_millis(at.since(now).0));
        longest.min(beat).min(rounds).min(wake)
    }

    pub(super) fn ledger(&self) -> Arc<Ledger> {
        self.raft.state(Machine::ledger)
    }

    fn heartbeat(&self) -> Duration {
        Duration::from_millis(self.hands.cluster().timings.heartbeat.0)
    }

    /// Consensus or the ledger moved: follow both. What is derived from the ledger follows when that has moved.
    fn changed(&mut self) {
        let status = self.raft.status();
        self.follow_role(&status);
        let ledger = self.ledger();
        if ledger.index <= self.seen && self.configured == ledger.configured {
            return;
        }
        self.seen = ledger.index;
        self.clock.follow(ledger.now, !status.is_leader && ledger.index > self.stored);
        if ledger.configured != self.configured {
            self.configured = ledger.configured;
            self.hands.configure(&ledger.config);
        }
        self.followed.store(ledger.index, Release);
        self.mind_logins(&ledger);
        self.publish(&ledger);
        if !ledger.is_present(&self.me, incarnation()) {
            self.superseded(ledger.index);
        }
        self.rounds.follow(&self.me, &ledger, !self.reaches_hmc);
        self.executor.follow(&ledger);
        self.hands.agents().follow(&ledger);
        drop(ledger);
        self.plan();
    }

    fn follow_role(&mut self, status: &Status) {
        match &self.role {
            Role::Leader { term, .. } if status.is_leader && status.term == *term => {}
            Role::Leader { .. } if !status.is_leader => {
                tracing::info!(term = status.term, "leads no longer");
                self.role = Role::Follower;
                self.wake_at = None;
            }
            Role::Leader { .. } | Role::Follower if status.is_leader => self.lead(status),
            Role::Leader { .. } | Role::Follower => {}
        }
    }

    fn lead(&mut self, status: &Status) {
        let term = status.term;
        tracing::info!(term, "leads");
        let before = self.heard_leader.take().and_then(|(id, at)| Some((name_of(status, id)?, at)));
        let leading = Box::new(Leading::new(before, span(self.leader_lease), moment::now()));
        let (digests, pace) = (Digests::default(), Pace::default());
        self.role = Role::Leader { term, leading, proposing: false, digests, pace };
        self.catch_up(term);
    }

    fn asked(&mut self, asked: Asked) {
        let Asked { from, by, call, reply } = asked;
        let answer = match call {
            Call::Heartbeat { reaches_hmc, digest } => self.heartbeat_from(from, by, reaches_hmc, digest),
            // What an older process of a node says of the world is not believed.
            Call::Reading(_) | Call::Inside(_) if let Some(at) = self.other_process(from, by) => {
                Answer::OtherProcess { at }
            }
            Call::Reading(reading) => match &mut self.role {
                Role::Leader { leading, .. } => {
                    leading.read(reading);
                    self.plan();
                    Answer::Taken
                }
                Role::Follower => Answer::NotLeader,
            },
            Call::Inside(inside) => {
                let node = name_of(&self.raft.status(), from);
                match (&mut self.role, node) {
                    (Role::Leader { leading, .. }, Some(node)) => {
                        leading.sense(node, inside);
                        self.plan();
                        Answer::Taken
                    }
                    (Role::Leader { .. }, None) | (Role::Follower, _) => Answer::NotLeader,
                }
            }
            Call::Probe(servers) => {
                self.rounds.probe(&servers, self.seen);
                self.look_inside(&servers);
                Answer::Taken
            }
            Call::Check(cluster) => {
                let (agents, me) = (Arc::clone(self.hands.agents()), self.me.clone());
                self.tasks.spawn(async move {
                    let found = suitability::check_here(&agents, &me, &cluster).await;
                    // The caller may have given up.
                    let _ = reply.send(Answer::Checked { errors: found.errors, warnings: found.warnings });
                });
                return;
            }
            Call::Extra(call) => {
                let agents = Arc::clone(self.hands.agents());
                self.tasks.spawn(async move {
                    // The caller may have given up.
                    let _ = reply.send(Answer::Said(suitability::extra(&agents, &call).await));
                });
                return;
            }
            Call::Agents => {
                let (agents, me) = (Arc::clone(self.hands.agents()), self.me.clone());
                self.tasks.spawn(async move {
                    // The caller may have given up.
                    let _ = reply.send(Answer::Agents(known::list_here(&agents, &me).await));
                });
                return;
            }
            Call::Agent(agent) => {
                let (agents, me) = (Arc::clone(self.hands.agents()), self.me.clone());
                self.tasks.spawn(async move {
                    // The caller may have given up.
                    let _ = reply.send(Answer::Agent(known::one_here(&agents, &me, &agent).await));
                });
                return;
            }
            Call::Member(call) => {
                self.tasks.spawn(member::change(self.raft.clone(), call, reply));
                return;
            }
        };
        // The caller may have given up.
        let _ = reply.send(answer);
    }

    fn heartbeat_from(&mut self, from: u64, by: Incarnation, reaches_hmc: bool, digest: Option<Digest>) -> Answer {
        let status = self.raft.status();
        if matches!(self.role, Role::Follower) {
            return Answer::NotLeader;
        }
        if let Some(at) = self.other_process(from, by) {
            return Answer::OtherProcess { at };
        }
        let (ledger, quorum) = (self.ledger(), self.quorum(&status));
        let node = name_of(&status, from);
        if let Some(node) = &node {
            self.compare(node, digest, &status);
        }
        let Role::Leader { leading, digests, .. } = &mut self.role else { return Answer::NotLeader };
        if let Some(at) = node.as_ref().and_then(|node| digests.is_wrong(node)) {
            return Answer::Diverged { at };
        }
        let now = moment::now();
        leading.log(status.last_log.unwrap_or_default(), status.applied.unwrap_or_default(), now);
        if let Some(node) = &node {
            leading.hear(node, reaches_hmc, now);
        }
        let Some(index) = leading.index(&ledger, quorum, now) else { return Answer::NotYet };
        match node.and_then(|node| leading.lease(&node, &ledger, quorum, now)) {
            Some(granted) => Answer::Lease { lasts: granted.lasts.0, floor: granted.floor },
            None => Answer::NoLease { index },
        }
    }

    pub(super) fn lease_time(&self) -> Duration {
        Duration::from_millis(self.hands.cluster().timings.lease.0)
    }

    /// Tells the leader that this node lives, and takes the lease that comes back.
    fn beat(&mut self) {
        let status = self.raft.status();
        self.enlist(&status);
        self.look_at_leader(&status);
        if status.is_leader {
            self.beat_self(&status);
            return;
        }
        let known = status.leader.or(status.distrusted).or_else(|| self.raft.rumoured_leader());
        let Some(leader) = known.filter(|_| !self.beating) else { return };
        self.heard_leader = self.heard_leader.filter(|(id, _)| *id == leader);
        let (raft, lease, own) = (self.raft.clone(), self.lease.clone(), self.own.clone());
        let call = Call::Heartbeat { reaches_hmc: self.reaches_hmc, digest: raft.state(Machine::digest) };
        let deadline = self.lease_time() / 2;
        self.beating = true;
        self.tasks.spawn(async move {
            let asked = moment::now();
            let answer = ask(&raft, leader, &call, deadline).await;
            match &answer {
                Ok(Answer::Lease { lasts, floor }) => {
                    lease.heard(*floor);
                    lease.renew(asked, usable(Span(*lasts)), *floor);
                }
                Ok(Answer::NoLease { index }) => lease.heard(*index),
                _ => {}
            }
            let _ = own.send(Input::Beaten(answer.ok().map(|answer| (leader, asked, answer)))).await;
        });
    }

    /// The leader's own lease counts from the moment that a quorum last confirmed it.
    fn beat_self(&mut self, status: &Status) {
        let (me, digest) = (self.me.clone(), self.raft.state(Machine::digest));
        self.compare(&me, digest, status);
        let (ledger, quorum) = (self.ledger(), self.quorum(status));
        let (reaches, now) = (self.reaches_hmc, moment::now());
        let present = ledger.is_present(&me, incarnation());
        let Role::Leader { leading, .. } = &mut self.role else { return };
        leading.log(status.last_log.unwrap_or_default(), status.applied.unwrap_or_default(), now);
        leading.hear(&me, reaches, now);
        if let Some(index) = leading.index(&ledger, quorum, now) {
            self.lease.heard(index);
        }
        if let Some(granted) = leading.lease(&me, &ledger, quorum, now).filter(|_| present) {
            self.lease.renew(granted.confirmed, usable(granted.lasts), granted.floor);
        }
    }

    /// Reads the servers whose turn it is.
    fn read_due(&mut self) {
        for server in self.rounds.due(self.seen) {
            let (reader, own) = (self.reader.clone(), self.own.clone());
            self.tasks.spawn(async move {
                let reading = reader.read(&server).await;
                let _ = own.send(Input::Read(reading, server)).await;
            });
        }
    }

    /// A reading came in: to the planner if this node leads, to the leader otherwise.
    fn read(&mut self, reading: Option<Reading>, server: &ServerName) {
        self.rounds.done(server);
        let Some(reading) = reading else { return };
        self.reaches_hmc = !self.hands.reach().is_blind();
        let ledger = self.ledger();
        let manages = ledger.servers.get(server).is_some_and(|state| state.manager.as_ref() == Some(&self.me));
        self.rounds.follow(&self.me, &ledger, !self.reaches_hmc);
        // A node that merely looks whether it reaches an HMC again says nothing of its server.
        if !manages {
            return;
        }
        if let Role::Leader { leading, .. } = &mut self.role {
            leading.read(reading);
            self.plan();
            return;
        }
        let Some(leader) = self.raft.status().leader else { return };
        let (raft, deadline) = (self.raft.clone(), self.lease_time());
        self.tasks.spawn(async move {
            if let Err(why) = ask(&raft, leader, &Call::Reading(reading), deadline).await {
                tracing::debug!(%why, "reading not delivered; the next one will be");
            }
        });
    }

    /// Tells the leader what lives inside this node.
    fn tell_inside(&mut self) {
        let Some(inside) = self.hands.agents().inside() else { return };
        let status = self.raft.status();
        let Some(leader) = status.leader else { return };
        self.told = Some((leader, status.term, Instant::now()));
        if let Role::Leader { leading, .. } = &mut self.role {
            leading.sense(self.me.clone(), inside);
            self.plan();
            return;
        }
        let (raft, deadline) = (self.raft.clone(), self.lease_time());
        self.tasks.spawn(async move {
            if let Err(why) = ask(&raft, leader, &Call::Inside(inside), deadline).await {
                tracing::debug!(%why, "what lives inside was not delivered; it will be told again");
            }
        });
    }

    /// Looks at what lives inside this node, if it lives on one of these servers.
    pub(super) fn look_inside(&mut self, servers: &[ServerName]) {
        let cluster = self.hands.cluster();
        let own = cluster.nodes.get(&self.me).and_then(|node| node.server.as_ref());
        if own.is_some_and(|own| servers.contains(own)) {
            let wait = self.looked.wait(self.seen, self.age());
            let at = Instant::now() + Duration::from_millis(wait.0);
            self.look_at = Some(self.look_at.map_or(at, |earlier| earlier.min(at)));
            self.look_due();
        }
    }

    /// Looks at what lives inside this node, if somebody has asked for it and its time has come.
    fn look_due(&mut self) {
        if self.look_at.is_some_and(|at| at <= Instant::now()) {
            self.look_at = None;
            self.looked.begins(self.seen, self.age());
            self.hands.agents().probe();
        }
    }

    /// The time since this process began.
    fn age(&self) -> Time {
        Time(u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// What follows from having a leader, and a lease, or from having had none for too long.
    fn hold_on(&mut self) {
        let status = self.raft.status();
        let told = self.told.filter(|(_, _, at)| at.elapsed() < TELL_AGAIN).map(|(id, term, _)| (id, term));
        if status.leader.is_some_and(|leader| told != Some((leader, status.term))) {
            self.tell_inside();
        }
        let alone = match self.lease.over_for() {
            None if !self.lease.left().is_zero() => {
                self.conceded = None;
                return;
            }
            over => over.unwrap_or(Duration::MAX).min(self.born.elapsed()),
        };
        let concede = Duration::from_millis(self.hands.cluster().timings.concede.0);
        // What does not stop is stopped again, but not all the time.
        let lately = self.conceded.is_some_and(|at| at.elapsed() < concede);
        if alone < concede || lately || self.conceding.as_ref().is_some_and(|task| !task.is_finished()) {
            return;
        }
        let ledger = self.ledger();
        let left = concede::to_concede(&ledger, self.hands.agents(), self.has_watchdog);
        if !left.is_empty() {
            let (agents, lease) = (Arc::clone(self.hands.agents()), self.lease.clone());
            let task = self.tasks.spawn(concede::concede(agents, lease, ledger, left));
            (self.conceded, self.conceding) = (Some(Instant::now()), Some(task.abort_handle()));
        }
    }

    /// Asks the core what to do, and proposes it. One proposal at a time; a refused command is planned again.
    fn plan(&mut self) {
        let Role::Leader { term, leading, proposing, pace, .. } = &mut self.role else { return };
        if *proposing || !leading.is_ready() {
            return;
        }
        let term = *term;
        let ledger = self.raft.state(Machine::ledger);
        let view = leading.view(ledger.nodes.keys(), &ledger.config.timings, moment::now());
        let now = self.clock.now();
        let Plan { commands, probe, wake_at } = plan(&ledger, &view, &self.me, now);
        let (due, next) = pace.due(&probe, now, ledger.config.timings.monitor);
        self.signs = signs(&view, &ledger);
        drop(ledger);
        self.wake_at = wake_at.into_iter().chain(next).min();
        if !commands.is_empty() {
            *proposing = true;
            leading.proposes(&commands);
            let entry = Entry::planned(now, self.me.clone(), commands);
            let (raft, own) = (self.raft.clone(), self.own.clone());
            self.tasks.spawn(async move {
                // What this leader decided is committed under this leader, or never.
                let ended = raft.propose_as_leader(term, codec::encode(Kind::Entry, &entry), PROPOSAL).await;
                let known = !matches!(ended, Err(ProposeError::Unknown { .. }));
                if let Err(why) = ended {
                    tracing::warn!(%why, "decisions not committed yet");
                }
                let _ = own.send(Input::Proposed { known }).await;
            });
        }
        self.probe(due);
    }
}

/// What can change in a view without a reading: whether a node is suspect, whether its lease is over, and whether it reaches
/// an HMC.
type Signs = BTreeMap<NodeName, [bool; 3]>;

fn signs(view: &View, ledger: &Ledger) -> Signs {
    let suspect = ledger.config.timings.suspect;
    let signs = |seen: &NodeView| [seen.silence >= suspect, seen.lease_over, seen.reaches_hmc];
    view.nodes.iter().map(|(node, seen)| (node.clone(), signs(seen))).collect()
}

pub(super) fn name_of(status: &Status, id: u64) -> Option<NodeName> {
    let peer = status.voters.get(&id).or_else(|| status.learners.get(&id))?;
    Some(NodeName::from(peer.name.as_str()))
}

pub(super) fn id_of(status: &Status, node: &NodeName) -> Option<u64> {
    let mut peers = status.voters.iter().chain(&status.learners);
    peers.find(|(_, peer)| peer.name == node.as_str()).map(|(id, _)| *id)
}
