//! The node itself: one closed set of inputs, and one place that handles them.

use super::{
    Answer, Birth, Call, ClusterClock, Digest, Effect, Input, Lease, Now, Owing, Past, Wake, alone::StandDown,
    faith::Faith, input::Signs, lead::Role, orders::Orders, planning::Planning, rounds::Rounds, suffrage::Suffrage,
    usable,
};
use crate::{
    Inside, NodeName, Reading, ResourceName, ServerName, Span, Time, execution, ledger::Incarnation, pace::Gap,
    time::Moment,
};
use std::{collections::BTreeSet, sync::Arc};

/// Longest time until a leader is told again about the resources inside this node.
const TELL_AGAIN: Span = Span::seconds(5);

/// One process of a node.
#[derive(Clone, Debug)]
pub struct Node {
    pub(crate) me: NodeName,
    pub(crate) by: Incarnation,
    pub(super) stored: u64,
    pub(super) fresh: Span,
    pub(crate) clock: ClusterClock,
    pub(super) lease: Lease,
    pub(super) past: Past,
    pub(super) orders: Orders,
    pub(super) rounds: Rounds,
    pub(super) role: Role,
    pub(super) faith: Faith,
    pub(super) reaches_manager: bool,
    /// The last leader that this node heard, and the sending time of the heartbeat that it answered.
    pub(super) heard_leader: Option<(NodeName, Moment)>,
    /// Time at which a leader with a majority behind it last led for certain.
    pub(super) led_at: Option<Moment>,
    /// Index of the last entry that was followed, and that of its configuration.
    pub(super) seen: Option<(u64, u64)>,
    pub(super) beat_at: Moment,
    pub(super) beating: bool,
    /// The leader that was last told about the resources inside this node, with its term and the time.
    pub(super) told: Option<(NodeName, u64, Moment)>,
    /// Pace of the looks inside this node that somebody asks for; the next one is at `look_at`.
    pub(super) looked: Gap,
    pub(super) look_at: Option<Moment>,
    /// Time at which it last began to stand down.
    pub(super) stood_down: Option<Moment>,
    pub(super) standing_down: Option<StandDown>,
    /// Log index at which this process was entered for its node.
    pub(super) enlisted: Option<u64>,
    pub(super) enlisting: bool,
    /// Whether it is about to end.
    pub(super) ending: bool,
    /// The part of the view that the last plan used.
    pub(super) signs: Signs,
    /// Time until which these are the signs, unless a node is heard or the ledger changes; `None` if they may differ.
    pub(super) steady: Option<Moment>,
    pub(super) plan_at: Option<Moment>,
    /// Earliest time of the next plan, after one that was not committed.
    pub(super) plan_not_before: Moment,
    /// Cluster time at which a plan is due even if nothing happens.
    pub(super) plan_by: Option<Time>,
    /// The plan that is being made.
    pub(super) planning: Option<Planning>,
    /// Whether the last plan was dropped, because it was outdated.
    pub(super) outdated: bool,
    pub(crate) effects: Vec<Effect>,
    /// Digest of its own ledger at the last index at which all compare theirs.
    pub(super) digest: Option<Digest>,
    pub(super) suffrage: Suffrage,
}

impl Node {
    /// The node at the beginning of a process.
    pub fn new(birth: Birth) -> Self {
        let Birth { me, incarnation, stored, known, wall, fresh, moment } = birth;
        Node {
            orders: Orders::new(me.clone(), incarnation),
            me,
            by: incarnation,
            stored,
            fresh,
            clock: ClusterClock::new(known, wall, moment),
            lease: Lease::over(moment),
            past: Past::new(stored),
            rounds: Rounds::default(),
            role: Role::Follower,
            faith: Faith::new(moment),
            reaches_manager: true,
            heard_leader: None,
            led_at: None,
            seen: None,
            beat_at: moment,
            beating: false,
            told: None,
            looked: Gap::default(),
            look_at: None,
            stood_down: None,
            standing_down: None,
            enlisted: None,
            enlisting: false,
            ending: false,
            signs: Signs::new(),
            steady: None,
            plan_at: None,
            plan_not_before: moment,
            plan_by: None,
            planning: None,
            outdated: false,
            effects: Vec::new(),
            digest: None,
            suffrage: Suffrage::default(),
        }
    }

    /// Handles an event.
    pub fn handle(&mut self, now: Now<'_>, input: Input) -> Vec<Effect> {
        self.follow(now);
        match input {
            Input::Woken => {}
            Input::StoodStill => self.stood_still(now),
            Input::Beaten { to, asked, answer } => self.beaten(now, to, asked, answer),
            Input::Read { server, reading, blind } => self.read(now, &server, reading, blind),
            Input::Inside(inside) => self.tell_inside(now, inside),
            Input::Held { held, has_watchdog } => self.stand_down(now, held, has_watchdog),
            Input::Answered { order, answer } => {
                let owing = owing(&self.clock, &self.lease, &self.past, now);
                self.orders.answered(order, answer, &owing, &mut self.effects);
            }
            Input::Marked(order) => {
                let owing = owing(&self.clock, &self.lease, &self.past, now);
                self.orders.marked(order, &owing, &mut self.effects);
            }
            Input::StoodDown { resource, answer } => self.stood_down(now, &resource, answer),
            Input::Reported { order, taken } => self.orders.reported(order, taken, now.moment),
            Input::PlanMade(made) => self.plan_made(now, *made),
            Input::Planned { term, fate } => self.planned(now, term, fate),
            Input::CaughtUp(term) => self.caught_up(now, term),
            Input::VotersChanged { term, done } => self.voters_changed(now, term, done),
            Input::Enlisted(at) => {
                self.enlisting = false;
                self.enlisted = at.or(self.enlisted);
                if at.is_some() {
                    self.beat(now);
                }
            }
        }
        self.go_on(now);
        std::mem::take(&mut self.effects)
    }

    /// Handles a call of another process. `from` is `None` if the caller is not a member.
    pub fn called(
        &mut self,
        now: Now<'_>,
        from: Option<&NodeName>,
        by: Incarnation,
        call: Call,
    ) -> (Answer, Vec<Effect>) {
        self.follow(now);
        let answer = self.answer(now, from, by, call);
        self.go_on(now);
        (answer, std::mem::take(&mut self.effects))
    }

    /// The time at which it has to be called even if nothing happens, and the reason.
    pub fn wake(&self, now: Now<'_>) -> (Moment, Wake) {
        let by_cluster_time = |at: Time| now.moment.after(at.since(self.clock.now(now.moment)));
        let plan = self.plan_at.into_iter().chain(self.plan_by.map(by_cluster_time)).min();
        // A plan that is due while another is being made follows it.
        let plan = plan.map(|at| at.max(self.plan_not_before)).filter(|_| self.planning.is_none());
        [
            (Some(self.beat_at), Wake::Beat),
            (self.rounds.next(now.moment), Wake::Round),
            (self.look_at, Wake::Probe),
            (plan, Wake::Plan),
            (self.next_sign(now), Wake::Silence),
            (self.orders.wake(), Wake::Order),
        ]
        .into_iter()
        .filter_map(|(at, why)| Some((at?, why)))
        .min()
        .unwrap_or((self.beat_at, Wake::Beat))
    }

    /// Its clock of cluster time.
    pub fn clock(&self) -> ClusterClock {
        self.clock
    }

    /// Its lease.
    pub fn lease(&self) -> Lease {
        self.lease
    }

    /// Sets the digest of its own ledger at the last index at which all compare theirs.
    pub fn compares(&mut self, digest: Option<Digest>) {
        self.digest = digest;
    }

    /// Whether nothing is planned or being planned, now or later, unless something happens.
    pub fn rests(&self) -> bool {
        self.plan_at.is_none() && self.plan_by.is_none() && self.planning.is_none()
    }

    /// The last moment at which this node knows that a leader led with a majority behind it: another one that answered
    /// it, or itself. `None` if it has known none since it began.
    pub fn led_at(&self) -> Option<Moment> {
        self.led_at
    }

    /// Whether the reading of a server that was asked for last is one at rest, for which nobody waits.
    pub fn reads_at_rest(&self, server: &ServerName) -> bool {
        self.rounds.is_at_rest(server)
    }

    /// Whether this node leads, as of the last call.
    pub fn leads(&self) -> bool {
        matches!(self.role, Role::Leader { .. })
    }

    /// Follows consensus and the ledger, which may have moved. State derived from the ledger follows only if that has.
    fn follow(&mut self, now: Now<'_>) {
        self.follow_role(now);
        let ledger = now.ledger;
        let at = (ledger.index, ledger.configured);
        if self.seen.is_some_and(|(index, configured)| ledger.index <= index && configured == ledger.configured) {
            return;
        }
        self.seen = Some(at);
        self.steady = None;
        self.clock.follow(ledger.now, !now.standing.leads && ledger.index > self.stored, now.moment);
        self.effects.push(Effect::Clock(self.clock));
        self.effects.push(Effect::Follow(Arc::clone(ledger)));
        if !ledger.is_present(&self.me, self.by) {
            self.superseded(now, ledger.index);
        }
        self.rounds.follow(&self.me, ledger, !self.reaches_manager);
        let owing = owing(&self.clock, &self.lease, &self.past, now);
        self.orders.follow(&owing, &mut self.effects);
        self.plan_soon(now.moment);
    }

    /// Does what is due.
    fn go_on(&mut self, now: Now<'_>) {
        if now.moment >= self.beat_at {
            self.beat_at = now.moment.after(now.ledger.config.timings.heartbeat);
            self.beat(now);
            self.hold_on(now);
        }
        self.plan_if_due(now);
        let owing = owing(&self.clock, &self.lease, &self.past, now);
        self.orders.go_on(&owing, &mut self.effects);
        for server in self.rounds.due(now.ledger.index, now.moment) {
            self.effects.push(Effect::Read(server));
        }
        if self.look_at.is_some_and(|at| at <= now.moment) {
            self.look_at = None;
            self.looked.begins(now.ledger.index, Time(now.moment.0));
            self.effects.push(Effect::ProbeInside);
        }
    }

    /// Gives up the lease, and has everything read and heard again: the machine stood still while the world went on.
    fn stood_still(&mut self, now: Now<'_>) {
        self.let_go(now);
        self.rounds.probe_all(now.moment);
        self.lead_anew(now);
    }

    /// Sends the leader a heartbeat, which asks for a lease.
    pub(super) fn beat(&mut self, now: Now<'_>) {
        self.enlist(now);
        #[cfg(feature = "next-level")]
        self.tell_build(now);
        self.look_at_leader(now);
        let standing = now.standing;
        if standing.leads {
            self.beat_self(now);
            self.mind_voters(now);
            return;
        }
        let known = standing.leader.as_ref().or(standing.distrusted.as_ref()).or(standing.rumoured.as_ref());
        let Some(leader) = known.filter(|_| !self.beating) else { return };
        self.heard_leader = self.heard_leader.take().filter(|(of, _)| of == leader);
        self.beating = true;
        let call = Call::Heartbeat { reaches_manager: self.reaches_manager, digest: self.digest };
        let within = Span(now.ledger.config.timings.lease.0.checked_div(2).unwrap_or_default());
        self.effects.push(Effect::Call { to: leader.clone(), call, within });
    }

    fn beaten(&mut self, now: Now<'_>, to: NodeName, asked: Moment, answer: Option<Answer>) {
        self.beating = false;
        let Some(answer) = answer else { return };
        match &answer {
            Answer::Lease { lasts, floor } => {
                self.past.heard(*floor);
                self.led_at = Some(asked);
                self.renew(asked, usable(Span(*lasts)), *floor);
            }
            Answer::NoLease { index } => {
                self.past.heard(*index);
                self.led_at = Some(asked);
            }
            Answer::Taken
            | Answer::NotYet
            | Answer::OtherProcess { .. }
            | Answer::Diverged { .. }
            | Answer::NotLeader => {}
        }
        self.heard_leader = Some((to.clone(), asked));
        self.answered(now, &to, &answer);
    }

    /// Takes a lease that a leader granted.
    pub(super) fn renew(&mut self, from: Moment, lasts: Span, floor: u64) {
        self.lease.renew(from, lasts, floor);
        self.effects.push(Effect::Leased(self.lease));
    }

    /// Gives the lease up.
    pub(super) fn let_go(&mut self, now: Now<'_>) {
        self.lease.give_up(now.moment);
        self.effects.push(Effect::Leased(self.lease));
    }

    /// Passes a reading on: to the planner if this node leads, to the leader otherwise.
    fn read(&mut self, now: Now<'_>, server: &ServerName, reading: Option<Reading>, blind: bool) {
        self.rounds.done(server, now.ledger.config.timings.monitor, now.moment);
        let Some(reading) = reading else { return };
        self.reaches_manager = !blind;
        let state = now.ledger.servers.get(server);
        let manages = state.is_some_and(|state| state.watcher.as_ref() == Some(&self.me));
        self.rounds.follow(&self.me, now.ledger, blind);
        // A node that merely checks whether it reaches an HMC again says nothing of its server.
        if !manages {
            return;
        }
        if self.leads() {
            self.is_told(now, reading);
        } else if let Some(leader) = now.standing.leader.clone() {
            let within = now.ledger.config.timings.lease;
            self.effects.push(Effect::Call { to: leader, call: Call::Reading(reading), within });
        }
    }

    /// Tells the leader about the resources inside this node.
    fn tell_inside(&mut self, now: Now<'_>, inside: Option<Inside>) {
        let Some((inside, leader)) = inside.zip(now.standing.leader.clone()) else { return };
        self.told = Some((leader.clone(), now.standing.term, now.moment));
        if self.leads() {
            let me = self.me.clone();
            self.is_told_of_inside(now, &me, inside);
        } else {
            let within = now.ledger.config.timings.lease;
            self.effects.push(Effect::Call { to: leader, call: Call::Inside(inside), within });
        }
    }

    /// Hastens the readings of these servers, and the look inside this node if it lives on one of them.
    pub(super) fn probed(&mut self, now: Now<'_>, servers: &[ServerName]) {
        self.rounds.probe(servers, now.ledger.index, now.moment);
        let own = now.ledger.config.nodes.get(&self.me).and_then(|node| node.server.as_ref());
        if own.is_some_and(|own| servers.contains(own)) {
            let at = now.moment.after(self.looked.wait(now.ledger.index, Time(now.moment.0)));
            self.look_at = Some(self.look_at.map_or(at, |earlier| earlier.min(at)));
        }
    }

    /// Tells a new leader about the resources inside this node, and begins or ends standing down.
    fn hold_on(&mut self, now: Now<'_>) {
        let told = self.told.as_ref().filter(|(_, _, at)| now.moment.since(*at) < TELL_AGAIN);
        let told = told.map(|(leader, term, _)| (leader, *term));
        let leader = now.standing.leader.as_ref();
        if leader.is_some_and(|leader| told != Some((leader, now.standing.term))) {
            self.effects.push(Effect::AskInside);
        }
        // No leader grants a lease to a node that is not declared: only once it is, is a lease missing.
        if !now.ledger.nodes.contains_key(&self.me) {
            self.lease = Lease::over(now.moment);
            self.effects.push(Effect::Leased(self.lease));
        }
        if self.lease.left(now.moment) > Span(0) {
            (self.stood_down, self.standing_down) = (None, None);
            return;
        }
        let alone = self.lease.over_for(now.moment);
        let stand_down = now.ledger.config.timings.stand_down;
        // Retried, but at most once per `stand_down`.
        let lately = self.stood_down.is_some_and(|at| now.moment.since(at) < stand_down);
        if alone >= stand_down && !lately && self.standing_down.is_none() {
            self.effects.push(Effect::AskHeld);
        }
    }

    fn stand_down(&mut self, now: Now<'_>, held: BTreeSet<ResourceName>, has_watchdog: bool) {
        if self.lease.left(now.moment) > Span(0) || self.standing_down.is_some() {
            return;
        }
        self.standing_down = StandDown::begin(now.ledger, held, has_watchdog, &mut self.effects);
        if self.standing_down.is_some() {
            self.stood_down = Some(now.moment);
        }
    }

    fn stood_down(&mut self, now: Now<'_>, resource: &ResourceName, answer: execution::Answer) {
        let Some(standing_down) = self.standing_down.as_mut() else { return };
        if self.lease.left(now.moment) > Span(0) {
            self.standing_down = None;
            return;
        }
        standing_down.answered(resource, answer, now.ledger, &mut self.effects);
        if standing_down.is_over() {
            self.standing_down = None;
        }
    }
}

/// The context in which orders are carried out.
fn owing<'a>(clock: &ClusterClock, lease: &'a Lease, past: &'a Past, now: Now<'a>) -> Owing<'a> {
    Owing { moment: now.moment, at: clock.now(now.moment), ledger: now.ledger, lease, past }
}
