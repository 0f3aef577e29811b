//! Standing down (`stand_down`): a node that has been without a lease for too long stops what must not run twice.
//!
//! No other node relies on that: they wait for a proof (its LPAR off, its watchdog, an operator). It keeps the two
//! copies from running side by side if that proof is an operator's error, and spares a node with a watchdog the
//! reset. A resource is stopped before those that it requires; if it does not stop in its time, it is stopped by
//! force. Standing down ends as soon as the lease is back: the leader then has the stopped resources started again.

use super::{Effect, Recall};
use crate::{
    Inside, Ledger, ResourceName, ServerName,
    config::Cluster,
    execution::{Answer, LocalOperation},
    note::CleanReason,
};
use std::collections::{BTreeMap, BTreeSet};

/// The resources that must not run twice and are not known to be down on a server, by the last looks inside its node.
pub fn held(declared: &Cluster, server: &ServerName, inside: &Inside) -> BTreeSet<ResourceName> {
    let down = |name: &ResourceName| inside.seen.get(name).is_some_and(|seen| seen.power.is_inactive());
    declared.living_on(server).map(|(name, _)| name).filter(|name| !down(name)).cloned().collect()
}

/// The resources that a node stops to stand down, and the progress of that.
#[derive(Clone, Debug, Default)]
pub struct StandDown {
    left: BTreeSet<ResourceName>,
    stopping: BTreeMap<ResourceName, Stop>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    Stopping,
    Looking(CleanReason),
    ByForce,
    LookingAgain,
}

impl StandDown {
    /// Begins with the held resources that are to be given up. A frozen one, and every one while the cluster is
    /// disarmed, is left alone if no other node could take it, which is if no watchdog may prove this node off.
    pub fn begin(
        ledger: &Ledger,
        held: BTreeSet<ResourceName>,
        has_watchdog: bool,
        effects: &mut Vec<Effect>,
    ) -> Option<Self> {
        let stays = |resource: &ResourceName| {
            let group = ledger.group_of(resource).and_then(|name| ledger.groups.get(name));
            ledger.maintenance.disarmed || group.is_some_and(|group| group.frozen)
        };
        let left: BTreeSet<ResourceName> =
            held.into_iter().filter(|resource| has_watchdog || !stays(resource)).collect();
        if left.is_empty() {
            return None;
        }
        let mut standing_down = StandDown { left, stopping: BTreeMap::new() };
        standing_down.go_on(ledger, effects);
        Some(standing_down)
    }

    /// Gives its state to `to`, field by field.
    pub(super) fn recall(&self, to: &mut impl Recall) {
        let StandDown { left, stopping } = self;
        left.iter().for_each(|resource| to.resource(resource));
        to.word(u64::MAX);
        for (resource, stop) in stopping {
            to.resource(resource);
            to.word(match stop {
                Stop::Stopping => 0,
                Stop::Looking(_) => 1,
                Stop::ByForce => 2,
                Stop::LookingAgain => 3,
            });
        }
    }

    /// Whether every resource was tried.
    pub fn is_over(&self) -> bool {
        self.left.is_empty() && self.stopping.is_empty()
    }

    /// Stops the resources that no other one requires any more; if each is required by another, all of them.
    fn go_on(&mut self, ledger: &Ledger, effects: &mut Vec<Effect>) {
        let users: Vec<&ResourceName> = self.left.iter().chain(self.stopping.keys()).collect();
        let required = |name: &ResourceName| {
            users.iter().any(|user| {
                let declared = ledger.config.resources.get(*user);
                declared.is_some_and(|declared| declared.requires.iter().any(|need| need.of.contains(name)))
            })
        };
        let mut free: BTreeSet<ResourceName> = self.left.iter().filter(|name| !required(name)).cloned().collect();
        if free.is_empty() && self.stopping.is_empty() {
            free = self.left.clone();
        }
        for resource in free {
            self.left.remove(&resource);
            self.stopping.insert(resource.clone(), Stop::Stopping);
            effects.push(Effect::StandDown { resource, operation: Some(LocalOperation::Stop), last: false });
        }
    }

    /// Takes an agent's answer.
    pub fn answered(&mut self, resource: &ResourceName, answer: Answer, ledger: &Ledger, effects: &mut Vec<Effect>) {
        let Some(stop) = self.stopping.get_mut(resource) else { return };
        let off = matches!(&answer, Answer::Probed(seen) if seen.power.is_inactive());
        let (next, operation) = match *stop {
            Stop::Stopping => {
                let reason = match answer {
                    Answer::Unknown(_) => CleanReason::OfflineHung,
                    Answer::Accepted
                    | Answer::Already
                    | Answer::Refused(_)
                    | Answer::NotSent(_)
                    | Answer::Read(_)
                    | Answer::Unread(_)
                    | Answer::Probed(_)
                    | Answer::Paused => CleanReason::OfflineIneffective,
                };
                (Stop::Looking(reason), None)
            }
            Stop::Looking(reason) if !off => (Stop::ByForce, Some(LocalOperation::Clean(reason))),
            Stop::ByForce => (Stop::LookingAgain, None),
            Stop::Looking(_) | Stop::LookingAgain => {
                self.stopping.remove(resource);
                self.go_on(ledger, effects);
                return;
            }
        };
        *stop = next;
        let last = next == Stop::LookingAgain;
        effects.push(Effect::StandDown { resource: resource.clone(), operation, last });
    }
}
