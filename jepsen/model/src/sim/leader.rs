//! Leading: the view, planning, proposing, committing, and who leads.

use super::event::Event;
use super::sim::{COMMIT, ELECTION, FOLLOW, FRESH, GATHER, Sim};
use std::sync::Arc;
use tenure_core::{
    Entry, Ledger, Moment, NodeName, Reading, Span, Time, View,
    command::{Author, Outcome},
    invariants,
    node::{Leading, usable},
    pace::Pace,
    plan::plan,
};

/// What the leading node knows and does not share.
#[derive(Clone, Debug)]
pub(super) struct Leader {
    pub(super) node: NodeName,
    pub(super) term: u64,
    pub(super) leading: Leading,
    pace: Pace,
    /// What the view said of nodes when the leader last planned.
    digest: Vec<(NodeName, [bool; 3])>,
    proposing: bool,
    /// The index on which it planned last.
    planned_on: u64,
    /// When it will plan next, if nothing happens before.
    pub(super) plan_at: Option<Time>,
}

impl Sim {
    /// This node leads from now on, and knows nothing but the log.
    pub(super) fn lead(&mut self, node: NodeName) {
        self.term += 1;
        // Of the leader before it, it knows when it was last heard.
        let before = self.last_leader.replace(node.clone()).filter(|_| self.leader.is_none());
        if let Some(old) = self.leader.take() {
            self.depose(old);
        }
        let before = before.map(|before| (before, Moment(self.leaderless_since.0)));
        let mut leading = Leading::new(before, FRESH, self.moment());
        // It applies all of the log in this very moment.
        leading.caught_up();
        self.leader = Some(Leader {
            term: self.term,
            leading,
            pace: Pace::default(),
            digest: Vec::new(),
            proposing: false,
            planned_on: 0,
            plan_at: None,
            node: node.clone(),
        });
        self.apply(&node);
        self.plan_soon();
    }

    /// A leader that leads no more does not know it yet: it takes the last answers of a quorum for fresh a while longer.
    fn depose(&mut self, mut old: Leader) {
        old.plan_at = None;
        self.deposed = Some((old, self.now.after(FRESH)));
    }

    /// Another node that can lead does so from now on.
    pub(super) fn change_leader(&mut self) {
        let Some(now) = self.leader.as_ref().map(|leader| leader.node.clone()) else { return };
        let mut others: Vec<NodeName> = self.nodes.keys().filter(|name| **name > now).cloned().collect();
        others.extend(self.nodes.keys().filter(|name| **name < now).cloned());
        if let Some(next) = others.into_iter().find(|name| self.connected(name, &now)) {
            self.lead(next);
        }
    }

    /// A leader without a majority is none; a majority without a leader elects one.
    pub(super) fn look_after_leader(&mut self) {
        if let Some(leader) = &self.leader {
            if self.has_majority(&leader.node) {
                return;
            }
            if let Some(old) = self.leader.take() {
                self.depose(old);
            }
            self.leaderless_since = self.now;
        }
        if self.now >= self.leaderless_since.after(ELECTION) {
            let next = self.nodes.keys().filter(|name| self.has_majority(name)).max_by_key(|name| {
                // The longest log wins, then the first name.
                (self.nodes[*name].ledger.index, std::cmp::Reverse((*name).clone()))
            });
            if let Some(next) = next.cloned() {
                self.lead(next);
            }
        }
    }

    fn has_majority(&self, node: &NodeName) -> bool {
        let with = self.nodes.keys().filter(|other| self.connected(node, other)).count();
        with * 2 > self.nodes.len()
    }

    /// Heartbeats: who is heard gets a lease, and what it missed.
    pub(super) fn beat(&mut self) {
        let timings = self.ledger.config.timings.clone();
        self.queue.push(self.now.after(timings.heartbeat), Event::Beat);
        self.watchdogs();
        self.grant_late();
        let Some(mut leader) = self.leader.take() else { return };
        let heard = self.grant(&mut leader, &Arc::clone(&self.ledger));
        let news = self.digest(&leader) != leader.digest;
        self.leader = Some(leader);
        for name in heard {
            self.apply(&name);
            self.take_up(&name);
            self.send_reports(&name);
        }
        if news {
            self.plan_soon();
        }
    }

    /// Who is heard by a leader gets a lease, by what that leader has applied.
    fn grant(&mut self, leader: &mut Leader, ledger: &Ledger) -> Vec<NodeName> {
        let now = self.moment();
        let heard: Vec<NodeName> = self.nodes.keys().filter(|n| self.connected(&leader.node, n)).cloned().collect();
        for name in &heard {
            let Some(node) = self.nodes.get_mut(name) else { continue };
            leader.leading.hear(name, !node.memory.reach.is_blind(), now);
            if let Some(index) = leader.leading.index(ledger, Some(Span(0)), now) {
                node.memory.past.heard(index);
            }
            if let Some(granted) = leader.leading.lease(name, ledger, Some(Span(0)), now) {
                let asked = node.moment(now);
                node.memory.lease.renew(asked, usable(granted.lasts), granted.floor);
            }
        }
        heard
    }

    /// A leader that does not know yet that another was elected grants leases still.
    fn grant_late(&mut self) {
        let Some((mut old, until)) = self.deposed.take().filter(|(_, until)| self.now < *until) else { return };
        if let Some(ledger) = self.nodes.get(&old.node).filter(|node| node.acts()).map(|node| node.ledger.clone()) {
            self.grant(&mut old, &ledger);
        }
        self.deposed = Some((old, until));
    }

    fn view(&self, leader: &Leader) -> View {
        leader.leading.view(self.ledger.nodes.keys(), &self.ledger.config.timings, self.moment())
    }

    fn digest(&self, leader: &Leader) -> Vec<(NodeName, [bool; 3])> {
        let suspect = self.ledger.config.timings.suspect;
        let nodes = self.view(leader).nodes.into_iter();
        nodes.map(|(name, v)| (name, [v.silence >= suspect, v.lease_over, v.reaches_hmc])).collect()
    }

    /// Plans once what happens now has been gathered.
    pub(super) fn plan_soon(&mut self) {
        self.plan_by(self.now.after(GATHER));
    }

    fn plan_by(&mut self, at: Time) {
        let Some(leader) = &mut self.leader else { return };
        if leader.plan_at.is_none_or(|planned| planned > at) {
            leader.plan_at = Some(at);
            self.queue.push(at, Event::Plan { term: leader.term });
        }
    }

    /// When the leader has something to do by itself.
    pub(super) fn next_plan(&self) -> Option<Time> {
        self.leader.as_ref()?.plan_at
    }

    pub(super) fn plan(&mut self, term: u64) {
        let now = self.cluster_time();
        let Some(mut leader) = self.leader.take() else { return };
        let due = leader.plan_at.is_some_and(|at| at <= self.now);
        if due {
            leader.plan_at = None;
        }
        // What it waits for is followed by another plan.
        if leader.term != term || !due || leader.proposing {
            self.leader = Some(leader);
            return;
        }
        leader.digest = self.digest(&leader);
        let view = self.view(&leader);
        let result = plan(&self.ledger, &view, &leader.node, now);
        leader.leading.proposes(&result.commands);
        leader.planned_on = self.ledger.index;
        leader.proposing = !result.commands.is_empty();
        let (due, next) = leader.pace.due(&result.probe, now, self.ledger.config.timings.monitor);
        let (node, proposing) = (leader.node.clone(), leader.proposing);
        self.leader = Some(leader);
        if proposing {
            self.propose(Entry::planned(now, node.clone(), result.commands));
        }
        for server in due {
            let manager = self.ledger.servers.get(&server).and_then(|state| state.manager.clone());
            if let Some(manager) = manager.filter(|manager| self.connected(&node, manager)) {
                self.look(&manager, &server);
            }
            let home = self.ledger.config.node_on(&server).cloned();
            if let Some(home) = home.filter(|home| self.connected(&node, home)) {
                self.sense_again(&home);
            }
        }
        // Cluster time, in which both are counted, goes on as fast as this clock.
        if let Some(at) = result.wake_at.into_iter().chain(next).min() {
            self.plan_by(self.now.after(at.since(now)).max(self.now.after(GATHER)));
        }
    }

    /// Hands an entry to the leader, which stamps it, and commits it if it still leads by then.
    pub(super) fn propose(&mut self, entry: Entry) {
        let Some(leader) = &self.leader else { return };
        let entry = Entry { at: self.cluster_time(), wall: self.now, ..entry };
        self.queue.push(self.now.after(COMMIT), Event::Commit { term: leader.term, entry });
    }

    pub(super) fn commit(&mut self, term: u64, entry: &Entry) {
        let Some(leader) = self.leader.as_mut().filter(|leader| leader.term == term) else {
            if matches!(entry.author, Author::Operator { .. }) {
                self.say("no answer: the request may or may not have been taken".to_owned());
            }
            return;
        };
        let node = leader.node.clone();
        let planned = matches!(entry.author, Author::Planner(_));
        if planned {
            leader.proposing = false;
            leader.leading.proposed(true);
        }
        let undisturbed = planned && leader.planned_on == self.ledger.index;
        self.log.push(entry.clone());
        let index = self.log.len() as u64;
        let before = Arc::clone(&self.ledger);
        let mut after = (*before).clone();
        let outcome = after.apply(index, entry);
        self.wrong.extend(invariants::refused(&before, entry, &after, &outcome));
        if let Some(bug) = self.options.bug {
            bug.tamper(&before, &mut after, entry);
        }
        self.judge_step(&before, &after);
        if undisturbed && !outcome.refused.is_empty() {
            self.wrong.push(format!("entry {index}: the plan itself is refused: {:?}", outcome.refused));
        }
        self.ledger = Arc::new(after);
        self.report_outcome(index, entry, &outcome);
        self.apply(&node);
        let others: Vec<NodeName> = self.nodes.keys().filter(|name| **name != node).cloned().collect();
        for other in others {
            self.queue.push(self.now.after(FOLLOW), Event::Apply(other));
        }
        self.plan_soon();
    }

    fn report_outcome(&mut self, index: u64, entry: &Entry, outcome: &Outcome) {
        // A repeated request is answered as the first one was; it is no news.
        if outcome.index != index {
            return;
        }
        for record in &outcome.records {
            self.say(record.note.to_string());
        }
        if let (Author::Operator { .. }, Some(why)) = (&entry.author, outcome.refusal()) {
            self.say(format!("refused: {why}"));
        }
    }

    /// A manager tells the leader what it read.
    pub(super) fn tell(&mut self, node: &NodeName, reading: Reading) {
        let Some(leader) = self.leader.as_ref().map(|leader| leader.node.clone()) else { return };
        if !self.connected(node, &leader) {
            return;
        }
        let blind = self.nodes.get(node).is_some_and(|node| node.memory.reach.is_blind());
        if let Some(leader) = &mut self.leader {
            leader.leading.hear(node, !blind, Moment(self.now.0));
            leader.leading.read(reading);
        }
        self.plan_soon();
    }
}
