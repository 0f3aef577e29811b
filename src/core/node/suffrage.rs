//! Minding who votes, while this node leads: when [`voters::next`](super::voters::next) is asked, and on which knowledge.

use super::{
    Effect, Node, Now,
    lead::Role,
    voters::{self, Change, Member, Members},
};
use crate::{NodeName, Span, time::Moment};

/// Time of silence after which a voter is replaced, if nothing else is said. A mistake costs little: it goes on as a learner
/// when it is back.
const GONE: Span = Span::seconds(300);

/// The change of voters under way.
#[derive(Clone, Debug)]
pub(super) struct Suffrage {
    /// Time of silence after which a voter counts as gone for good.
    gone: Span,
    /// The term in which it was decided.
    changing: Option<u64>,
    /// Earliest time of the next one, after one that was not made.
    not_before: Option<Moment>,
}

impl Default for Suffrage {
    fn default() -> Self {
        Suffrage { gone: GONE, changing: None, not_before: None }
    }
}

impl Node {
    /// The same, replacing a voter after so much silence.
    pub fn replacing_voters_after(self, gone: Span) -> Self {
        Node { suffrage: Suffrage { gone, ..self.suffrage }, ..self }
    }

    /// Has the next change of voters made, if one is due and none is under way.
    pub(super) fn mind_voters(&mut self, now: Now<'_>) {
        let standing = now.standing;
        let held = self.suffrage.not_before.is_some_and(|at| now.moment < at);
        let Role::Leader { term, leading, .. } = &self.role else { return };
        let term = *term;
        // A leader that may not be one any more, or does not know yet what was decided before it, changes nothing.
        let sure = leading.index(now.ledger, standing.quorum, now.moment).is_some();
        if !sure || held || self.suffrage.changing == Some(term) {
            return;
        }
        let change = match standing.joint {
            true => Some(Change::default()),
            false => voters::next(&self.members(now)),
        };
        if let Some(change) = change {
            self.suffrage.changing = Some(term);
            self.effects.push(Effect::ChangeVoters { term, change });
        }
    }

    pub(super) fn voters_changed(&mut self, now: Now<'_>, of: u64, done: bool) {
        if self.suffrage.changing == Some(of) {
            let timings = &now.ledger.config.timings;
            let pause = if done { timings.heartbeat } else { timings.lease };
            (self.suffrage.changing, self.suffrage.not_before) = (None, Some(now.moment.after(pause)));
        }
    }

    fn members(&self, now: Now<'_>) -> Members {
        let voters = now.standing.voters.iter().map(|name| (name, true, false));
        let learners = now.standing.learners.iter().map(|(name, level)| (name, false, *level));
        voters
            .chain(learners)
            .map(|(name, votes, level)| (name.clone(), self.member(now, name, votes, level)))
            .collect()
    }

    fn member(&self, now: Now<'_>, name: &NodeName, votes: bool, level: bool) -> Member {
        let ledger = now.ledger;
        let leads = *name == self.me;
        let Role::Leader { leading, digests, .. } = &self.role else { return Member::default() };
        let (heard, silence) = leading.silence(name, now.moment);
        let gone = !leads && silence >= self.suffrage.gone;
        let server = ledger.config.nodes.get(name).and_then(|node| node.server.as_ref());
        Member {
            votes,
            leads,
            answers: leads || (heard && silence < ledger.config.timings.suspect),
            gone,
            fit: level && ledger.stops(name).is_none() && digests.is_wrong(name).is_none(),
            zone: server.and_then(|server| ledger.config.servers.get(server)?.zone.clone()),
        }
    }
}
