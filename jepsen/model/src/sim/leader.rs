//! Leading: the view, planning, proposing, committing, and who leads.

use super::event::Event;
use super::node::Lease;
use super::sim::{COMMIT, ELECTION, FOLLOW, GATHER, Sim};
use std::collections::BTreeMap;
use std::sync::Arc;
use tenure_core::{
    Entry, Inside, NodeName, Reading, ServerName, Span, Time, View,
    command::{Author, Outcome},
    pace::Pace,
    plan::plan,
    view::NodeView,
};

/// What the leading node knows and does not share.
#[derive(Clone, Debug)]
pub(super) struct Leader {
    pub(super) node: NodeName,
    pub(super) term: u64,
    elected: Time,
    heard: BTreeMap<NodeName, Time>,
    /// The last instant at which a lease that this leader granted can be good.
    granted: BTreeMap<NodeName, Time>,
    reaches: BTreeMap<NodeName, bool>,
    pub(super) readings: BTreeMap<ServerName, Reading>,
    pub(super) inside: BTreeMap<NodeName, Inside>,
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
        self.leader = Some(Leader {
            term: self.term,
            elected: self.now,
            heard: before.into_iter().map(|before| (before, self.leaderless_since)).collect(),
            granted: BTreeMap::new(),
            reaches: BTreeMap::new(),
            readings: BTreeMap::new(),
            inside: BTreeMap::new(),
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
            self.leader = None;
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
        let Some(mut leader) = self.leader.take() else { return };
        let until = self.now.after(timings.lease);
        let heard: Vec<NodeName> = self.nodes.keys().filter(|n| self.connected(&leader.node, n)).cloned().collect();
        for name in &heard {
            let Some(node) = self.nodes.get_mut(name) else { continue };
            // Who was given up, or is about to be, is granted nothing before it is taken back.
            let out = self.ledger.nodes.get(name).is_some_and(tenure_core::ledger::NodeState::is_out);
            if !out {
                node.memory.lease = Lease { until, index: self.ledger.index };
                leader.granted.insert(name.clone(), until);
            }
            leader.heard.insert(name.clone(), self.now);
            leader.reaches.insert(name.clone(), !node.memory.reach.is_blind());
        }
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

    fn views(&self, leader: &Leader) -> BTreeMap<NodeName, NodeView> {
        let timings = &self.ledger.config.timings;
        // Who cannot be heard for a heartbeat more than a lease has certainly lost it.
        let margin = timings.heartbeat;
        let any = leader.elected.after(timings.lease);
        self.nodes
            .keys()
            .map(|name| {
                let heard = leader.heard.get(name).copied().unwrap_or(leader.elected);
                let end = leader.granted.get(name).copied().unwrap_or_default().max(any).after(margin);
                let own = *name == leader.node;
                let silence = if own { Span(0) } else { self.now.since(heard) };
                let view = NodeView {
                    heard: leader.heard.get(name).is_some_and(|at| *at >= leader.elected),
                    silence,
                    lease_over: silence >= timings.suspect && self.now > end,
                    reaches_hmc: leader.reaches.get(name).copied().unwrap_or(true),
                };
                (name.clone(), view)
            })
            .collect()
    }

    fn digest(&self, leader: &Leader) -> Vec<(NodeName, [bool; 3])> {
        let suspect = self.ledger.config.timings.suspect;
        self.views(leader)
            .into_iter()
            .map(|(name, v)| (name, [v.silence >= suspect, v.lease_over, v.reaches_hmc]))
            .collect()
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
        let (readings, inside) = (leader.readings.clone(), leader.inside.clone());
        let view = View { nodes: self.views(&leader), readings, inside };
        let result = plan(&self.ledger, &view, &leader.node, self.now);
        leader.planned_on = self.ledger.index;
        leader.proposing = !result.commands.is_empty();
        let (due, next) = leader.pace.due(&result.probe, self.now, self.ledger.config.timings.monitor);
        let (node, proposing) = (leader.node.clone(), leader.proposing);
        self.leader = Some(leader);
        if proposing {
            self.propose(Entry::planned(self.now, node.clone(), result.commands));
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
        if let Some(at) = result.wake_at.into_iter().chain(next).min() {
            self.plan_by(at.max(self.now.after(GATHER)));
        }
    }

    /// Hands an entry to the leader, which commits it if it still leads by then.
    pub(super) fn propose(&mut self, entry: Entry) {
        let Some(leader) = &self.leader else { return };
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
        }
        let undisturbed = planned && leader.planned_on == self.ledger.index;
        self.log.push(entry.clone());
        let index = self.log.len() as u64;
        let before = Arc::clone(&self.ledger);
        let mut after = (*before).clone();
        let outcome = after.apply(index, entry);
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
            leader.reaches.insert(node.clone(), !blind);
            leader.readings.insert(reading.server.clone(), reading);
        }
        self.plan_soon();
    }
}
