//! Whether this process is the one that runs its node, and whether the leader leads: found out by heartbeats.

use super::{Answer, Effect, End, Node, Now, Proposal};
use crate::{Command, NodeName};

impl Node {
    /// Has this process entered for its node, if it is not yet.
    pub(super) fn enlist(&mut self, now: Now<'_>) {
        if self.enlisted.is_some() || self.enlisting || !now.standing.has_way() {
            return;
        }
        self.enlisting = true;
        let commands = vec![Command::Enlist { node: self.me.clone(), incarnation: self.by }];
        self.effects.push(Effect::Propose { of: Proposal::Enlist, commands, at: self.clock.now(now.moment) });
    }

    /// Distrusts a leader that decides nothing any more, though its consensus goes on sending heartbeats, and ends
    /// that when the leader's turn has come again.
    pub(super) fn look_at_leader(&mut self, now: Now<'_>) {
        let standing = now.standing;
        let leader = standing.leader.as_ref().or(standing.distrusted.as_ref()).filter(|_| !standing.leads);
        let timings = &now.ledger.config.timings;
        let patience = timings.suspect.plus(timings.lease);
        let leader = leader.map(|leader| (leader.clone(), standing.term));
        let lost = self.faith.lost(leader, standing.voters.len(), patience, now.moment);
        match (lost, standing.distrusted.is_some()) {
            (true, false) => self.effects.push(Effect::Distrust(standing.term)),
            (false, true) => self.effects.push(Effect::Distrust(0)),
            (true, true) | (false, false) => {}
        }
    }

    /// Takes the leader's answer to a heartbeat.
    pub(super) fn answered(&mut self, now: Now<'_>, leader: &NodeName, answer: &Answer) {
        match answer {
            Answer::Lease { .. } | Answer::NoLease { .. } => {}
            Answer::OtherProcess { at } => self.superseded(now, *at),
            Answer::Diverged { at } => self.stop(End::Diverged(*at), None),
            // The leader decides nothing now, or this is no answer to a heartbeat.
            Answer::NotYet | Answer::NotLeader | Answer::Taken => return,
        }
        self.faith.note_decision(leader, now.moment);
        if now.standing.distrusted.as_ref() == Some(leader) {
            self.effects.push(Effect::Distrust(0));
        }
    }

    /// Another process than this one is entered for this node, in a ledger that has applied the log up to `at`. If it
    /// was entered after this one, two processes run, and this one stops.
    pub(super) fn superseded(&mut self, now: Now<'_>, at: u64) {
        if self.enlisted.is_none_or(|since| at < since) {
            return;
        }
        self.let_go(now);
        self.stop(End::Twice, Some(Command::Twice { node: self.me.clone(), older: self.by }));
    }

    /// Ends this process, once the reason has been recorded, or cannot be.
    pub(super) fn stop(&mut self, end: End, words: Option<Command>) {
        if !std::mem::replace(&mut self.ending, true) {
            self.effects.push(Effect::Stop { end, words });
        }
    }
}
