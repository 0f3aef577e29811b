//! HMCs that refuse the login of the nodes: a refusal of one node counts for all of them.
//!
//! An HMC counts refused logins by user, and locks the account after three; all nodes use the same account. So as
//! soon as one node was refused, no node logs in there any more but the one whose turn it is, once, after a pause.
//! Turns go round: if another node is let in, the account is well, and it is the key of the first node that is not;
//! then only that one keeps away. Open connections stay open.

use super::{Ledger, apply::Applying};
use crate::{
    ForeignText, HmcName, NodeName, Note, Refusal, Span, Time, Verb, command::Author, config::Cluster,
    note::ClusterWait,
};
use serde::{Deserialize, Serialize};

/// The pauses before an HMC that has refused a login is tried again; after these, always the longest one. The first
/// try makes two within five minutes, which lock no account. The others let a lock of five minutes pass, which every
/// try begins anew.
const PAUSES: [Span; 2] = [Span::seconds(150), Span::seconds(360)];
const LONGEST_PAUSE: Span = Span::seconds(600);
/// Length of a turn.
const TURN: Span = Span::seconds(60);

/// An HMC that refuses logins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lockout {
    /// The HMC's words at the last refusal.
    pub why: ForeignText,
    /// The node that was refused last.
    pub by: NodeName,
    /// Whether another node was let in since: then only `by` keeps away.
    pub alone: bool,
    /// Number of further tries that were refused.
    pub tries: u32,
    /// Time of the next try.
    pub next: Time,
    /// The turn of the node that tried it last since the refusal, or tries it now.
    pub turn: Option<Turn>,
}

/// The one node that may log in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Turn {
    pub node: NodeName,
    /// Log index at which the turn was given: it tells turns apart.
    pub index: u64,
    /// Time at which the turn is over.
    pub until: Time,
}

impl Lockout {
    /// The node's turn to log in, if it has one.
    pub fn turn_of(&self, node: &NodeName) -> Option<&Turn> {
        self.turn.as_ref().filter(|turn| turn.node == *node)
    }

    /// Whether the node must not log in now.
    pub fn keeps_away(&self, node: &NodeName) -> bool {
        (!self.alone || self.by == *node) && self.turn_of(node).is_none()
    }

    /// Time from which a node may be given its turn.
    pub fn due(&self) -> Time {
        self.turn.as_ref().map_or(self.next, |turn| turn.until.max(self.next))
    }
}

impl Ledger {
    /// The cluster waits for HMCs that refuse logins.
    pub fn lockouts(&self) -> impl Iterator<Item = ClusterWait> {
        self.hmcs.iter().map(|(hmc, lockout)| ClusterWait::Lockout {
            hmc: hmc.clone(),
            by: lockout.by.clone(),
            alone: lockout.alone,
            why: lockout.why.clone(),
        })
    }

    /// The node that is to try it next: the first node after the one that was refused, or did not answer, that may act.
    pub(crate) fn next_to_try(&self, lockout: &Lockout) -> Option<&NodeName> {
        let mut able = self.nodes.iter().filter(|(_, state)| !state.is_out()).map(|(node, _)| node);
        if lockout.alone {
            return able.find(|node| **node == lockout.by);
        }
        let last = lockout.turn.as_ref().map_or(&lockout.by, |turn| &turn.node);
        able.clone().find(|node| *node > last).or_else(|| able.next())
    }
}

impl Applying<'_> {
    pub(super) fn says(&self) -> Result<NodeName, Refusal> {
        match &self.author {
            Author::Agent(node) => Ok(node.clone()),
            Author::Planner(_) | Author::User { .. } => Err(Refusal::NoChange),
        }
    }

    /// Records that an HMC refused the login of the author.
    pub(super) fn hmc_refuses(&mut self, hmc: &HmcName, why: &ForeignText) -> Result<(), Refusal> {
        let by = self.says()?;
        if !self.ledger.config.managers.contains_key(hmc) {
            return Err(Refusal::NoHmc(hmc.clone()));
        }
        let known = self.ledger.hmcs.get(hmc);
        // A node that was refused before it heard of the first refusal says nothing new.
        if known.is_some_and(|lockout| lockout.keeps_away(&by)) {
            return Err(Refusal::NoChange);
        }
        let tries = known.map_or(0, |lockout| lockout.tries.saturating_add(1));
        let alone = known.is_some_and(|lockout| lockout.alone && lockout.by == by);
        let pause = usize::try_from(tries).ok().and_then(|tries| PAUSES.get(tries)).copied().unwrap_or(LONGEST_PAUSE);
        let next = self.ledger.now.after(pause);
        let lockout = Lockout { why: why.clone(), by: by.clone(), alone, tries, next, turn: None };
        self.ledger.hmcs.insert(hmc.clone(), lockout);
        self.note(Note::LoginRefused { hmc: hmc.clone(), by, why: why.clone(), again: pause });
        Ok(())
    }

    /// Records that an HMC let in the author, whose turn it was.
    pub(super) fn hmc_accepts(&mut self, hmc: &HmcName) -> Result<(), Refusal> {
        let by = self.says()?;
        let now = self.ledger.now;
        let lockout = self.ledger.hmcs.get_mut(hmc).filter(|lockout| lockout.turn_of(&by).is_some());
        let lockout = lockout.ok_or(Refusal::NoChange)?;
        if lockout.by == by {
            self.ledger.hmcs.remove(hmc);
        } else {
            (lockout.alone, lockout.tries, lockout.next, lockout.turn) = (true, 0, now, None);
        }
        self.note(Note::LoginAccepted { hmc: hmc.clone(), by });
        Ok(())
    }

    /// Gives a node its turn to try whether an HMC lets it in.
    pub(super) fn try_hmc(&mut self, hmc: &HmcName, node: &NodeName) -> Result<(), Refusal> {
        let (now, index) = (self.ledger.now, self.ledger.index);
        let lockout = self.ledger.hmcs.get(hmc).ok_or(Refusal::NoChange)?;
        if now < lockout.due() || self.ledger.next_to_try(lockout) != Some(node) {
            return Err(Refusal::NoChange);
        }
        if let Some(lockout) = self.ledger.hmcs.get_mut(hmc) {
            lockout.turn = Some(Turn { node: node.clone(), index, until: now.after(TURN) });
        }
        Ok(())
    }

    /// Lets an HMC be tried again now, at an operator's request.
    pub(super) fn ask_retry_hmc(&mut self, hmc: &HmcName) -> Result<(), Refusal> {
        if !self.ledger.config.managers.contains_key(hmc) {
            return Err(Refusal::NoHmc(hmc.clone()));
        }
        let now = self.ledger.now;
        let lockout = self.ledger.hmcs.get_mut(hmc).ok_or_else(|| Refusal::NotRefused { hmc: hmc.clone() })?;
        lockout.next = now;
        self.asked(Verb::RetryHmc { hmc: hmc.clone() });
        Ok(())
    }

    /// Forgets the refusals of HMCs that are declared differently now, and of nodes that are no longer declared.
    pub(super) fn redeclare_hmcs(&mut self, before: &Cluster) {
        let config = std::sync::Arc::clone(&self.ledger.config);
        self.ledger.hmcs.retain(|name, lockout| {
            let same = config.managers.get(name).is_some_and(|declared| before.managers.get(name) == Some(declared));
            same && config.nodes.contains_key(&lockout.by)
        });
    }
}
