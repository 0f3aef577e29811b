//! Leading: heartbeats and leases, the times of plans, and probes.

use super::{
    Answer, Call, Digest, Effect, Fate, Leading, Node, Now, PlanJob, PlanResult, Proposal, digests::Digests,
    input::Signs, planning::Planning, portion,
};
use crate::{
    Command, Inside, NodeName, Reading, ServerName, Span,
    config::Timings,
    ledger::Incarnation,
    pace::Pace,
    plan::{
        Plan,
        news::{self, Scope},
        plan,
    },
    time::Moment,
    view::NodeView,
};
use std::{collections::BTreeSet, sync::Arc};

/// Delay of a plan, so that events that come together are planned once.
const GATHER: Span = Span(1);

/// Role of a node among the others.
#[derive(Clone, Debug)]
pub(super) enum Role {
    Follower,
    /// Leads in this term, and may plan once it has applied everything that was committed before.
    Leader {
        term: u64,
        leading: Box<Leading>,
        proposing: bool,
        digests: Digests,
        pace: Pace,
        /// Servers of which the last plan wanted fresh readings: something waits for them, so each is a reason to plan.
        awaited: BTreeSet<ServerName>,
    },
}

impl Node {
    pub(super) fn follow_role(&mut self, now: Now<'_>) {
        let standing = now.standing;
        match &self.role {
            Role::Leader { term, .. } if standing.leads && standing.term == *term => {}
            Role::Leader { .. } if !standing.leads => {
                self.role = Role::Follower;
                (self.plan_at, self.plan_by) = (None, None);
            }
            Role::Leader { .. } | Role::Follower if standing.leads => {
                let before = self.heard_leader.take();
                self.lead(now, before);
            }
            Role::Leader { .. } | Role::Follower => {}
        }
    }

    fn lead(&mut self, now: Now<'_>, before: Option<(NodeName, Moment)>) {
        let term = now.standing.term;
        let leading = Box::new(Leading::new(before, self.fresh, now.moment));
        let (digests, pace, awaited) = (Digests::default(), Pace::default(), BTreeSet::new());
        self.role = Role::Leader { term, leading, proposing: false, digests, pace, awaited };
        self.steady = None;
        self.void_plan();
        self.effects.push(Effect::CatchUp(term));
    }

    /// Forgets everything that this leader knew.
    pub(super) fn lead_anew(&mut self, now: Now<'_>) {
        if let Role::Leader { term, leading, .. } = &mut self.role {
            **leading = Leading::new(None, self.fresh, now.moment);
            self.steady = None;
            self.effects.push(Effect::CatchUp(*term));
            self.void_plan();
        }
    }

    /// The plan that is being made is of what this leader no longer knows.
    fn void_plan(&mut self) {
        if let Some(planning) = &mut self.planning {
            planning.void = true;
        }
    }

    pub(super) fn caught_up(&mut self, now: Now<'_>, of: u64) {
        if let Role::Leader { term, leading, .. } = &mut self.role
            && *term == of
        {
            leading.caught_up();
            self.plan_soon(now.moment);
        }
    }

    /// Takes the outcome of a plan. If it was not committed, it is planned again, but not at once: a leader that has
    /// lost its quorum is refused time and again.
    pub(super) fn planned(&mut self, now: Now<'_>, of: u64, fate: Fate) {
        if let Role::Leader { term, proposing, leading, .. } = &mut self.role
            && *term == of
        {
            *proposing = false;
            leading.proposed(fate != Fate::Unknown);
            match fate {
                Fate::Committed => self.plan_soon(now.moment),
                Fate::Refused | Fate::Unknown => {
                    self.plan_at = None;
                    self.plan_not_before = now.moment.after(now.ledger.config.timings.heartbeat);
                    self.plan_soon(now.moment);
                }
            }
        }
    }

    /// The answer to a call.
    pub(super) fn answer(&mut self, now: Now<'_>, from: Option<&NodeName>, by: Incarnation, call: Call) -> Answer {
        match call {
            Call::Heartbeat { reaches_manager, digest } => self.heartbeat_from(now, from, by, reaches_manager, digest),
            Call::Reading(_) | Call::Inside(_) => match (&mut self.role, from) {
                (Role::Follower, _) | (_, None) => Answer::NotLeader,
                // An older process of a node is not believed about the world.
                (Role::Leader { .. }, Some(node)) if !now.ledger.is_present(node, by) => {
                    Answer::OtherProcess { at: now.ledger.index }
                }
                (Role::Leader { .. }, Some(node)) => {
                    match call {
                        // A node tells what it has read itself.
                        Call::Reading(reading) if reading.by != *node => {}
                        Call::Reading(reading) => self.is_told(now, reading),
                        Call::Inside(inside) => self.is_told_of_inside(now, node, inside),
                        Call::Heartbeat { .. } | Call::Probe(_) => {}
                        #[cfg(feature = "next-level")]
                        Call::Build(_) => {}
                    }
                    Answer::Taken
                }
            },
            Call::Probe(servers) => {
                self.probed(now, &servers);
                Answer::Taken
            }
            #[cfg(feature = "next-level")]
            Call::Build(build) => self.build_of(now, from, build),
        }
    }

    fn heartbeat_from(
        &mut self,
        now: Now<'_>,
        from: Option<&NodeName>,
        by: Incarnation,
        reaches_manager: bool,
        digest: Option<Digest>,
    ) -> Answer {
        if matches!(self.role, Role::Follower) {
            return Answer::NotLeader;
        }
        if from.is_some_and(|node| !now.ledger.is_present(node, by)) {
            return Answer::OtherProcess { at: now.ledger.index };
        }
        if let Some(node) = from {
            self.compare(now, node, digest);
        }
        let Role::Leader { leading, digests, .. } = &mut self.role else { return Answer::NotLeader };
        if let Some(at) = from.and_then(|node| digests.is_wrong(node)) {
            return Answer::Diverged { at };
        }
        let (ledger, quorum) = (now.ledger, now.standing.quorum);
        leading.log(now.standing.last_log, now.standing.applied, now.moment);
        if let Some(node) = from {
            leading.hear(node, reaches_manager, now.moment);
            self.look_at_sign(now, node);
        }
        let Role::Leader { leading, .. } = &mut self.role else { return Answer::NotLeader };
        let index = leading.index(ledger, quorum, now.moment);
        let granted = from.and_then(|node| leading.lease(node, ledger, quorum, now.moment));
        match (index, granted) {
            (None, _) => Answer::NotYet,
            (Some(_), Some(granted)) => Answer::Lease { lasts: granted.lasts.0, floor: granted.floor },
            (Some(index), None) => Answer::NoLease { index },
        }
    }

    /// The leader's heartbeat to itself: its own lease counts from the moment that a quorum last confirmed it.
    pub(super) fn beat_self(&mut self, now: Now<'_>) {
        let me = self.me.clone();
        self.compare(now, &me, self.digest);
        let (ledger, quorum) = (now.ledger, now.standing.quorum);
        let present = ledger.is_present(&me, self.by);
        let Role::Leader { leading, .. } = &mut self.role else { return };
        leading.log(now.standing.last_log, now.standing.applied, now.moment);
        leading.hear(&me, self.reaches_manager, now.moment);
        if let Some(index) = leading.index(ledger, quorum, now.moment) {
            self.past.heard(index);
            self.led_at = quorum.map(|age| now.moment.before(age));
        }
        if let Some(granted) = leading.lease(&me, ledger, quorum, now.moment).filter(|_| present) {
            self.renew(granted.confirmed, super::usable(granted.lasts), granted.floor);
        }
        self.look_at_sign(now, &me);
    }

    /// Compares a node's ledger with those of the others.
    fn compare(&mut self, now: Now<'_>, node: &NodeName, digest: Option<Digest>) {
        let (Some(digest), Role::Leader { digests, .. }) = (digest, &mut self.role) else { return };
        let Some(finding) = digests.tell(node, digest, &now.standing.voters) else { return };
        let (at, stop) = (finding.at, finding.stop);
        let mine = stop && finding.nodes.contains(&self.me);
        let command = Command::Diverged { nodes: finding.nodes, at, stop };
        if mine {
            self.stop(super::End::Diverged(at), Some(command));
            return;
        }
        let at = self.clock.now(now.moment);
        self.effects.push(Effect::Propose { of: Proposal::Finding, commands: vec![command], at });
    }

    /// Keeps a reading of a server, and plans if it matters: at rest, when it says what is known, no plan is made.
    pub(super) fn is_told(&mut self, now: Now<'_>, reading: Reading) {
        let Role::Leader { leading, awaited, .. } = &mut self.role else { return };
        let home = now.ledger.config.node_on(&reading.server);
        let matters = awaited.contains(&reading.server) || news::is_read(now.ledger, home, &reading, &Scope::all());
        if let Some(planning) = &mut self.planning {
            planning.told.insert(reading.server.clone());
        }
        leading.read(reading);
        self.plan_if(now, matters);
    }

    /// Keeps a node's looks inside itself, and plans if they matter.
    pub(super) fn is_told_of_inside(&mut self, now: Now<'_>, node: &NodeName, inside: Inside) {
        let Role::Leader { leading, awaited, .. } = &mut self.role else { return };
        let server = now.ledger.config.nodes.get(node).and_then(|declared| declared.server.as_ref());
        let matters = server.is_some_and(|server| awaited.contains(server))
            || news::of_inside(now.ledger, node, &inside).is_some();
        if let Some(planning) = &mut self.planning {
            planning.told.extend(server.cloned());
        }
        leading.sense(node.clone(), inside);
        self.plan_if(now, matters);
    }

    fn plan_if(&mut self, now: Now<'_>, matters: bool) {
        if matters {
            self.plan_soon(now.moment);
        } else {
            debug_assert_eq!(self.overlooked(now), [], "a look that was no reason to plan changes the plan");
        }
    }

    /// What a plan that is not due would decide.
    fn overlooked(&self, now: Now<'_>) -> Vec<Command> {
        let at = self.clock.now(now.moment);
        let due = self.plan_at.is_some()
            || self.planning.is_some()
            || self.plan_by.is_some_and(|by| by <= at)
            || self.signs_now(now) != self.signs;
        let Role::Leader { leading, proposing, .. } = &self.role else { return Vec::new() };
        if due || *proposing || !leading.is_ready() {
            return Vec::new();
        }
        let view = leading.view(now.ledger.nodes.keys(), &now.ledger.config.timings, now.moment);
        plan(now.ledger, &view, &self.me, at).commands
    }

    /// Makes a plan due a moment from now.
    pub(super) fn plan_soon(&mut self, now: Moment) {
        if matches!(self.role, Role::Leader { .. }) {
            let at = now.after(GATHER).max(self.plan_not_before);
            self.plan_at = Some(self.plan_at.map_or(at, |earlier| earlier.min(at)));
        }
    }

    /// Time at which a node falls silent, or its lease is over, if nothing is heard before; or an earlier time to look.
    pub(super) fn next_sign(&self, now: Now<'_>) -> Option<Moment> {
        self.steady.filter(|until| *until > now.moment).or_else(|| self.sign_by_time(now))
    }

    fn sign_by_time(&self, now: Now<'_>) -> Option<Moment> {
        let Role::Leader { leading, .. } = &self.role else { return None };
        leading.next_sign(now.ledger.nodes.keys(), &now.ledger.config.timings, now.moment)
    }

    fn signs_now(&self, now: Now<'_>) -> Signs {
        let Role::Leader { leading, .. } = &self.role else { return Signs::new() };
        let timings = &now.ledger.config.timings;
        let nodes = leading.nodes(now.ledger.nodes.keys(), timings, now.moment).into_iter();
        nodes.map(|(node, seen)| (node, sign(&seen, timings))).collect()
    }

    /// Makes a plan due if the sign of a node that was just heard has changed. What time changes, [`Node::plan_if_due`]
    /// sees: a look at all nodes at each heartbeat would cost as much as there are nodes, as many times.
    fn look_at_sign(&mut self, now: Now<'_>, node: &NodeName) {
        let Role::Leader { leading, .. } = &self.role else { return };
        let timings = &now.ledger.config.timings;
        let declared = now.ledger.nodes.contains_key(node);
        let seen = declared.then(|| sign(&leading.look_at(node, timings, now.moment), timings));
        if seen.as_ref() != self.signs.get(node) {
            self.steady = None;
            self.plan_soon(now.moment);
        }
    }

    /// Whether the signs of nodes differ from those that the last plan used.
    fn signs_differ(&mut self, now: Now<'_>) -> bool {
        if self.steady.is_some_and(|until| now.moment < until) {
            return false;
        }
        let differ = self.signs_now(now) != self.signs;
        self.steady = (!differ).then(|| self.sign_by_time(now)).flatten();
        differ
    }

    /// Has a plan made if one is due. One plan and one proposal at a time; a refused command is planned again.
    pub(super) fn plan_if_due(&mut self, now: Now<'_>) {
        let at = self.clock.now(now.moment);
        let due = self.plan_at.is_some_and(|at| at <= now.moment) || self.plan_by.is_some_and(|by| by <= at);
        let Role::Leader { leading, proposing, .. } = &self.role else { return };
        if self.planning.is_some() {
            return;
        }
        if *proposing || !leading.is_ready() || now.moment < self.plan_not_before {
            // The end of what it waits for makes another plan due.
            if due && now.moment >= self.plan_not_before {
                (self.plan_at, self.plan_by) = (None, None);
            }
            return;
        }
        if !self.signs_differ(now) && !due {
            return;
        }
        self.signs = self.signs_now(now);
        (self.plan_at, self.plan_by) = (None, None);
        let (ledger, timings) = (Arc::clone(now.ledger), &now.ledger.config.timings);
        let Role::Leader { leading, .. } = &mut self.role else { return };
        let view = leading.view(ledger.nodes.keys(), timings, now.moment);
        let (index, last) = (ledger.index, std::mem::take(&mut self.outdated));
        let job = PlanJob { ledger, view, leader: self.me.clone(), at, checked: leading.begins_plan() };
        self.planning = Some(Planning { index, last, void: false, told: BTreeSet::new() });
        self.effects.push(Effect::Plan(Box::new(job)));
    }

    /// Takes a plan, and proposes its commands, unless it is outdated.
    pub(super) fn plan_made(&mut self, now: Now<'_>, made: PlanResult) {
        let Some(planning) = self.planning.take() else { return };
        let signs = self.signs_now(now);
        let Role::Leader { term, leading, proposing, pace, awaited, .. } = &mut self.role else { return };
        if planning.void {
            return self.plan_soon(now.moment);
        }
        let PlanResult { plan: Plan { mut commands, probe, wake_at }, checked } = made;
        leading.ends_plan(checked, &mut commands);
        let outdated = now.ledger.index > planning.index || signs != self.signs;
        if outdated && !planning.last {
            self.outdated = true;
            return self.plan_soon(now.moment);
        }
        let at = self.clock.now(now.moment);
        let (due, next) = pace.due(&probe, at, now.ledger.config.timings.monitor);
        *awaited = probe.into_keys().collect();
        let (proposes, told) = (!commands.is_empty(), !awaited.is_disjoint(&planning.told));
        self.plan_by = wake_at.into_iter().chain(next).min().filter(|_| !proposes);
        // If it is due already, it is planned with the next event, not over and over.
        self.plan_by = self.plan_by.map(|by| by.max(at.after(GATHER)));
        if proposes {
            *proposing = true;
            let commands = portion::first(commands);
            leading.proposes(&commands);
            self.effects.push(Effect::Propose { of: Proposal::Plan(*term), commands, at });
        }
        if told || outdated {
            self.plan_soon(now.moment);
        }
        self.probe(now, due);
    }

    /// Has servers read at once by their watchers, and the nodes on these servers look inside themselves.
    fn probe(&mut self, now: Now<'_>, servers: BTreeSet<ServerName>) {
        if servers.is_empty() {
            return;
        }
        let servers: Vec<ServerName> = servers.into_iter().collect();
        self.probed(now, &servers);
        let within = now.ledger.config.timings.lease;
        for server in servers {
            let watcher = now.ledger.servers.get(&server).and_then(|state| state.watcher.clone());
            let own = now.ledger.config.node_on(&server).cloned();
            let asked: BTreeSet<NodeName> = watcher.into_iter().chain(own).filter(|node| *node != self.me).collect();
            for to in asked {
                self.effects.push(Effect::Call { to, call: Call::Probe(vec![server.clone()]), within });
            }
        }
    }
}

/// What a plan uses of a node, besides readings.
fn sign(seen: &NodeView, timings: &Timings) -> [bool; 4] {
    [seen.heard, seen.silence >= timings.suspect, seen.lease_over, seen.reaches_manager]
}
