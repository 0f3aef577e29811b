//! The shell around one node: the loop that feeds the product's state machine of a node, as the daemon does.

use crate::{
    bounds,
    cluster::Site,
    hardware::Asker,
    judge::Judged,
    plant::Plant,
    runtime::{Process, Runtime, SimTypes},
    seat::{Raft, Seat},
    stillness::{self, moment},
};
use futures::{FutureExt, future::BoxFuture};
use openraft::async_runtime::AsyncRuntime;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};
use tenure::{
    node::{
        peer::{self, Asked, CALLS, Inbox},
        standing::{id_of, name_of, standing},
    },
    performer::moment::{Stillness, span},
};
use tenure_core::{
    Inside, Ledger, Moment, NodeName, OrderId, Span, Time,
    ledger::Incarnation,
    node::{Answer, Birth, Call, ClusterClock, End, Input, Node, Now, Standing},
    reach::Reach,
};
use tenure_raft::{Offload, Parts, Raft as Consensus, Timings};
use tokio::sync::{Notify, mpsc, oneshot};

/// Capacity of the queue of inputs.
const INPUTS: usize = 1_024;
/// Maximum number of consecutive wake-ups without time passing.
const RESTLESS: u32 = 50;

/// Time of silence after which a voter is replaced; shorter than for people, so that it happens in a run.
const VOTER_GONE: Span = Span::seconds(20);

/// Reason why a process of a node ended by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Its disk was refused.
    Refused(String),
    /// Consensus has stopped, or did not start.
    Failed(String),
    /// The node's state machine ended it.
    Stopped(End),
    /// Another process runs under its name.
    Usurped(String),
}

/// The product's timings of elections.
pub fn timings() -> Timings {
    Timings::default()
}

/// The environment of one process of a node.
pub(crate) struct Shell {
    pub(crate) site: Arc<Site>,
    pub(crate) seat: Arc<Seat>,
    pub(crate) raft: Raft,
    pub(crate) by: Incarnation,
    pub(crate) own: mpsc::Sender<Input>,
    /// Inputs that are available at once.
    pub(crate) next: VecDeque<Input>,
    pub(crate) clock: Arc<Mutex<ClusterClock>>,
    /// The ledger that the node acts on; it may be older than the applied one.
    pub(crate) followed: Arc<Ledger>,
    pub(crate) reach: Arc<Mutex<Reach>>,
    pub(crate) inside: Option<Inside>,
    pub(crate) dropped: BTreeMap<OrderId, Arc<Notify>>,
    pub(crate) exit: Option<oneshot::Sender<Exit>>,
    still: Stillness,
    restless: (Moment, u32),
    /// Time since which the node has been without a lease though it could have one; in the future while it has one.
    pub(crate) alone_since: Moment,
    looked: Moment,
}

/// The life of one process of a node.
pub async fn live(site: Arc<Site>, seat: Arc<Seat>) -> Exit {
    let state = seat.now();
    let booted = match state.disk.boot(site.planted(Plant::Unwitnessed)) {
        Ok(booted) => booted,
        Err(why) => return Exit::Refused(why.to_string()),
    };
    let judged = Judged::new(seat.name.clone(), site.judge.clone());
    let stamp = judged.stamp();
    let (events, asked) = mpsc::channel(CALLS);
    // There is no clerk here: checks of files, agents and members are for people.
    let door = Inbox { events, clerk: mpsc::channel(1).0 };
    let parts = Parts::<SimTypes> {
        id: state.id,
        cluster: "whole".to_owned(),
        log: booted.log,
        snapshots: booted.snapshots,
        introduced: site.seats.iter().map(|seat| (seat.now().id, Site::peer(seat))).collect(),
        wire: Arc::new(site.net.wire(state.id, seat.name.as_str(), seat.place)),
        timings: timings(),
        snapshot_policy: site.snapshots(),
        feature_level_max: tenure_core::Level::NEWEST.0,
        offload: Offload::Inline,
    };
    let assembled = Consensus::assemble(parts, judged, Arc::new(door)).await;
    let (raft, service) = match assembled {
        Ok(assembled) => assembled,
        Err(why) => return Exit::Failed(why.to_string()),
    };
    let process = Process::current();
    site.net.listen(state.id, seat.place, process, service);
    seat.with(|state| state.raft = Some(raft.clone()));
    let (mut shell, node, inbox, exit) = Shell::begin(site, seat, raft, state.lives);
    let (clock, machine, ahead) = (Arc::clone(&shell.clock), shell.seat.machine, state.ahead);
    let says = move || {
        let at = clock.lock().expect("nobody panics with it").now(moment(machine));
        (at, wall(ahead))
    };
    // Nobody else sets it.
    let _ = stamp.set(Box::new(says));
    tokio::select! {
        biased;
        end = shell.run(node, asked, inbox) => end,
        end = exit => end.unwrap_or_else(|_| Exit::Failed("nobody says why".to_owned())),
    }
}

/// Time of a wall clock that is ahead by this many milliseconds.
fn wall(ahead: u64) -> Time {
    Time(1_700_000_000_000 + crate::hardware::now() + ahead)
}

impl Shell {
    fn begin(
        site: Arc<Site>,
        seat: Arc<Seat>,
        raft: Raft,
        lives: u64,
    ) -> (Shell, Node, mpsc::Receiver<Input>, oneshot::Receiver<Exit>) {
        let (own, inbox) = mpsc::channel(INPUTS);
        let (end, exit) = oneshot::channel();
        let ledger = raft.state(Judged::ledger);
        let now = moment(seat.machine);
        let by = Incarnation(u64::try_from(seat.place).unwrap_or_default() * 1_000_000 + lives);
        let stored = if site.planted(Plant::PastForgotten) { 0 } else { raft.last_stored() };
        let wall = wall(seat.now().ahead);
        let node = Node::new(Birth {
            me: seat.name.clone(),
            incarnation: by,
            stored,
            known: ledger.now,
            wall,
            fresh: span(timings().leader_lease()),
            moment: now,
        })
        .replacing_voters_after(VOTER_GONE);
        let shell = Shell {
            still: stillness::watch(seat.machine),
            restless: (now, 0),
            alone_since: now,
            looked: now,
            clock: Arc::new(Mutex::new(node.clock())),
            followed: ledger,
            reach: Arc::default(),
            inside: None,
            dropped: BTreeMap::new(),
            next: VecDeque::new(),
            exit: Some(end),
            site,
            seat,
            raft,
            by,
            own,
        };
        (shell, node, inbox, exit)
    }

    async fn run(
        &mut self,
        mut node: Node,
        mut calls: mpsc::Receiver<Asked>,
        mut inbox: mpsc::Receiver<Input>,
    ) -> Exit {
        let mut changes = self.raft.changed();
        let raft = self.raft.clone();
        let usurped = raft.usurped();
        tokio::pin!(usurped);
        self.handle(&mut node, Input::Woken);
        loop {
            let until = self.until(&mut node);
            let until = match until {
                Ok(until) => until,
                Err(exit) => return exit,
            };
            tokio::select! {
                biased;
                why = &mut usurped => return Exit::Usurped(why),
                Some(asked) = calls.recv() => self.answer(&mut node, asked),
                Some(input) = inbox.recv() => self.handle(&mut node, input),
                moved = changes.changed() => {
                    let failed = self.raft.status().failed;
                    if let Some(why) = failed.or_else(|| moved.is_err().then(|| "consensus has ended".to_owned())) {
                        return Exit::Failed(why);
                    }
                    self.handle(&mut node, Input::Woken);
                }
                () = <Runtime as AsyncRuntime>::sleep(until) => self.handle(&mut node, Input::Woken),
            }
            self.look_around(&node);
        }
    }

    /// Time until the node's next wake-up.
    fn until(&mut self, node: &mut Node) -> Result<Duration, Exit> {
        self.site.peaks.note(bounds::INPUTS, INPUTS - self.own.capacity());
        let (ledger, standing) = self.things();
        let now = self.moment();
        let (at, why) = node.wake(Now { moment: now, ledger: &ledger, standing: &standing });
        let left = at.since(now);
        self.restless = match (left, self.restless) {
            (Span(0), (then, times)) if then == now => (now, times + 1),
            (Span(0), _) => (now, 1),
            (Span(_), _) => (now, 0),
        };
        if self.restless.1 > RESTLESS {
            self.site.judge.accuse(format!("node {} wants to be woken for a {why} and never rests", self.seat.name));
            return Err(Exit::Failed("restless".to_owned()));
        }
        // The current millisecond has already partly passed.
        let begun = Duration::from_nanos(self.seat.machine.always() % 1_000_000);
        Ok(Duration::from_millis(left.0).saturating_sub(begun).min(Duration::from_secs(1)))
    }

    pub(crate) fn moment(&self) -> Moment {
        if self.site.planted(Plant::ClockStandsStill) {
            return Moment(self.seat.machine.awake() / 1_000_000);
        }
        moment(self.seat.machine)
    }

    fn ledger(&self) -> Arc<Ledger> {
        self.raft.state(Judged::ledger)
    }

    fn things(&self) -> (Arc<Ledger>, Standing) {
        let ledger = self.ledger();
        let (still, machine) = (&self.still, self.seat.machine);
        let age = |age| stillness::age(still, machine, age);
        let mut standing = standing(&self.raft.status(), self.raft.rumoured_leader(), age);
        if self.site.planted(Plant::QuorumTakenForGranted) && standing.leads {
            standing.quorum = Some(Span(0));
        }
        (ledger, standing)
    }

    fn answer(&mut self, node: &mut Node, asked: Asked) {
        if !self.site.planted(Plant::CalledBeforeWoken) {
            self.wake_up(node);
        }
        let Asked { from, by, call, reply } = asked;
        let peer::Call::Node(call) = call else { return };
        let (ledger, standing) = self.things();
        let from = name_of(&self.raft.status(), from);
        let now = Now { moment: self.moment(), ledger: &ledger, standing: &standing };
        let (answer, effects) = node.called(now, from.as_ref(), by, call);
        // The caller may have given up.
        let _ = reply.send(peer::Answer::Node(answer));
        self.carry_out(effects);
        self.go_on(node);
    }

    fn handle(&mut self, node: &mut Node, input: Input) {
        self.wake_up(node);
        self.next.push_back(input);
        self.go_on(node);
    }

    /// Inputs that are available at once are handled before all others.
    fn go_on(&mut self, node: &mut Node) {
        while let Some(input) = self.next.pop_front() {
            let input = self.tampered(input);
            let (ledger, standing) = self.things();
            node.compares(self.raft.state(Judged::digest));
            let now = Now { moment: self.moment(), ledger: &ledger, standing: &standing };
            let effects = node.handle(now, input);
            self.carry_out(effects);
        }
    }

    fn wake_up(&mut self, node: &mut Node) {
        if stillness::has_woken(&mut self.still, self.seat.machine) && !self.site.planted(Plant::ClockStandsStill) {
            self.site.counts.count("node: told that its machine stood still");
            let (ledger, standing) = self.things();
            let now = Now { moment: self.moment(), ledger: &ledger, standing: &standing };
            let effects = node.handle(now, Input::StoodStill);
            self.carry_out(effects);
        }
    }

    /// Work of the daemon's agents and watchdog beside the node.
    fn look_around(&mut self, node: &Node) {
        let Some(server) = self.seat.server.clone() else { return };
        let now = self.moment();
        let monitor = self.followed.config.timings.monitor;
        if now.since(self.looked) >= monitor {
            self.looked = now;
            self.look();
        }
        let watchdog = self.followed.config.nodes.get(&self.seat.name).and_then(|node| node.watchdog);
        let Some(after) = watchdog else { return };
        let config = Arc::clone(&self.followed.config);
        let holds = self.site.hardware.inside(|apps, _| apps.holds(&config, &server));
        if node.lease().left(now) > Span(0) || !holds {
            self.site.hardware.feed(&server, after);
        }
    }

    /// Looks at everything inside this node.
    pub(crate) fn look(&mut self) {
        let Some(server) = self.seat.server.clone() else { return };
        let (hardware, ledger, own) = (self.site.hardware.clone(), Arc::clone(&self.followed), self.own.clone());
        let me = self.seat.name.clone();
        drop(Runtime::spawn(async move {
            let mut inside = hardware.look(&ledger, &server);
            <Runtime as AsyncRuntime>::sleep(crate::hardware::LOOK).await;
            inside.watchdog = ledger.config.nodes.get(&me).and_then(|node| node.watchdog);
            let _ = own.send(Input::Inside((!inside.seen.is_empty()).then_some(inside))).await;
        }));
    }

    pub(crate) fn asker(&self) -> Asker {
        let blind = self.seat.now().blind;
        Asker { node: self.seat.name.clone(), ledger: Arc::clone(&self.followed), blind }
    }

    /// Calls another node; `None` if nothing came back.
    pub(crate) fn ask(&self, to: &NodeName, call: Call, within: Span) -> BoxFuture<'static, Option<Answer>> {
        let (raft, to, by) = (self.raft.clone(), to.clone(), self.by);
        async move {
            let id = id_of(&raft.status(), &to)?;
            let within = Duration::from_millis(within.0);
            match peer::ask(&raft, by, id, &peer::Call::Node(call), within).await.ok()? {
                peer::Answer::Node(answer) => Some(answer),
                _ => None,
            }
        }
        .boxed()
    }
}
