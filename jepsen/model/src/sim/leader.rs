//! Simulated consensus: the leader, committing, and applying. Real consensus is tested elsewhere; here it is a total
//! order with terms, delays and losses.

use super::event::Event;
use super::sim::{COMMIT, ELECTION, FOLLOW, FRESH, Sim};
use std::sync::Arc;
use tenure_core::{
    Entry, NodeName, Span, Time,
    command::{Author, Outcome},
    invariants,
    node::{Input, Proposal, Standing},
};

/// A leader, and its term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seat {
    pub(super) node: NodeName,
    pub(super) term: u64,
}

impl Sim {
    /// Makes this node the leader.
    pub(super) fn lead(&mut self, node: NodeName) {
        self.term += 1;
        if let Some(old) = self.leader.take() {
            self.depose(old);
        }
        self.leader = Some(Seat { term: self.term, node: node.clone() });
        self.apply(&node);
        self.feed(&node, Input::Woken);
    }

    /// A deposed leader may not know it yet: for a while it still takes the last answers of a quorum for fresh. Its
    /// old state keeps answering late messages, beside the node's new state.
    fn depose(&mut self, old: Seat) {
        let Some(node) = self.nodes.get(&old.node) else { return };
        let ghost = Box::new(node.memory.brain.clone());
        self.deposed = Some((old, self.now.after(FRESH), ghost));
    }

    /// The previous leader, as long as it may take itself for the leader.
    pub(super) fn late(&self) -> Option<&NodeName> {
        self.deposed.as_ref().filter(|(_, until, _)| self.now < *until).map(|(seat, ..)| &seat.node)
    }

    /// The consensus state, as the previous leader sees it.
    pub(super) fn late_standing(&self, seat: &Seat, until: Time) -> Standing {
        let applied = self.nodes.get(&seat.node).map_or(0, |node| node.ledger.index);
        Standing {
            term: seat.term,
            leads: true,
            leader: Some(seat.node.clone()),
            quorum: Some(Span(FRESH.0 - until.since(self.now).0)),
            last_log: applied,
            applied,
            voters: Arc::clone(&self.voters),
            ..Standing::default()
        }
    }

    /// The consensus state of a node.
    pub(super) fn standing(&self, name: &NodeName) -> Standing {
        let applied = self.nodes.get(name).map_or(0, |node| node.ledger.index);
        let voters = Arc::clone(&self.voters);
        let common = Standing { last_log: applied, applied, voters, ..Standing::default() };
        match &self.leader {
            Some(seat) if seat.node == *name => {
                Standing { term: seat.term, leads: true, leader: Some(name.clone()), quorum: Some(Span(0)), ..common }
            }
            Some(seat) if self.connected(name, &seat.node) => {
                Standing { term: seat.term, leader: Some(seat.node.clone()), ..common }
            }
            Some(_) | None => {
                let late = self.late().filter(|late| self.connected(name, late)).cloned();
                Standing { term: self.term.saturating_sub(u64::from(late.is_some())), leader: late, ..common }
            }
        }
    }

    /// Makes another node the leader.
    pub(super) fn change_leader(&mut self) {
        let Some(now) = self.leader.as_ref().map(|leader| leader.node.clone()) else { return };
        let mut others: Vec<NodeName> = self.nodes.keys().filter(|name| **name > now).cloned().collect();
        others.extend(self.nodes.keys().filter(|name| **name < now).cloned());
        if let Some(next) = others.into_iter().find(|name| self.connected(name, &now)) {
            self.lead(next);
        }
    }

    /// A leader without a majority steps down; a majority without a leader elects one.
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

    /// Watchdogs are checked, and connected nodes receive the entries that they miss.
    pub(super) fn beat(&mut self) {
        self.queue.push(self.now.after(self.ledger.config.timings.heartbeat), Event::Beat);
        self.watchdogs();
        for name in self.nodes.keys().cloned().collect::<Vec<_>>() {
            self.apply(&name);
        }
    }

    /// Whether the leader has nothing to do by itself.
    pub(super) fn leader_rests(&self) -> bool {
        let node = self.leader.as_ref().and_then(|leader| self.nodes.get(&leader.node));
        node.is_none_or(|node| node.memory.brain.rests())
    }

    /// A node applies the log, if it is connected to the leader.
    pub(super) fn apply(&mut self, name: &NodeName) {
        let Some(leader) = self.leader.as_ref().map(|leader| leader.node.clone()) else { return };
        if !self.connected(name, &leader) {
            return;
        }
        let Some(node) = self.nodes.get_mut(name) else { return };
        let from = node.ledger.index;
        if from >= self.log.len() as u64 {
            return;
        }
        let ledger = Arc::make_mut(&mut node.ledger);
        for (index, entry) in (1_u64..).zip(&self.log).skip(usize::try_from(from).unwrap_or(usize::MAX)) {
            let was = self.options.bug.map(|bug| (bug, ledger.clone()));
            ledger.apply(index, entry);
            if let Some((bug, was)) = was {
                bug.tamper(&was, ledger, entry);
            }
        }
        self.feed(name, Input::Woken);
    }

    /// Hands an entry to the leader, which stamps it, and commits it if it is still the leader by then.
    pub(super) fn propose(&mut self, entry: Entry, by: Option<(NodeName, u32, Proposal)>) {
        let Some(leader) = &self.leader else { return };
        let entry = Entry { at: self.cluster_time(), wall: self.now, ..entry };
        self.queue.push(self.now.after(COMMIT), Event::Commit { term: leader.term, entry, by });
    }

    pub(super) fn commit(&mut self, term: u64, entry: &Entry, by: Option<(NodeName, u32, Proposal)>) {
        let Some(leader) = self.leader.as_ref().filter(|leader| leader.term == term) else {
            if matches!(entry.author, Author::User { .. }) {
                self.say("no answer: the request may or may not have been taken".to_owned());
            }
            if let Some((node, life, of)) = by {
                self.proposed(&node, life, of, None);
            }
            return;
        };
        let node = leader.node.clone();
        let planned = matches!(entry.author, Author::Planner(_));
        let undisturbed = planned && self.planned_on == self.ledger.index;
        self.log.push(entry.clone());
        let index = self.log.len() as u64;
        let before = Arc::clone(&self.ledger);
        let mut after = (*before).clone();
        let outcome = after.apply(index, entry);
        self.wrong.extend(invariants::refused(&before, entry, &after, &outcome.reply));
        if let Some(bug) = self.options.bug {
            bug.tamper(&before, &mut after, entry);
        }
        self.judge_step(&before, &after, entry);
        if undisturbed && !outcome.refused.is_empty() {
            self.wrong.push(format!("entry {index}: the plan itself is refused: {:?}", outcome.refused));
        }
        self.ledger = Arc::new(after);
        self.report_outcome(entry, &outcome);
        if let Some((node, life, of)) = by {
            self.proposed(&node, life, of, Some(index).filter(|_| !outcome.reply.is_unheard()));
        }
        self.apply(&node);
        let others: Vec<NodeName> = self.nodes.keys().filter(|name| **name != node).cloned().collect();
        for other in others {
            self.queue.push(self.now.after(FOLLOW), Event::Apply(other));
        }
    }

    fn report_outcome(&mut self, entry: &Entry, outcome: &Outcome) {
        for record in &outcome.records {
            self.say(record.note.to_string());
        }
        if let (Author::User { .. }, Some(why)) = (&entry.author, outcome.refusal()) {
            self.say(format!("refused: {why}"));
        }
    }
}
