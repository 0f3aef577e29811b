//! Live migration in the planner: the LPARs move to the target one after the other; if one fails, those that moved come
//! back; and the migration ends as soon as readings prove an outcome.
//!
//! The planner never ends a move by itself: a move that takes too long may be a large one on a slow line, and stopping
//! it may break it. The wait says so, and an operator gives the migration up.

use super::{Planner, groups::Step};
use crate::{
    Command, GroupName, Power, Refusal, ResourceName, ServerName,
    ledger::{GroupState, Migration, StartRisk, Tenure, Whereabouts},
    note::Wait,
};
use std::collections::BTreeSet;

/// Maximum number of doublings of the monitor interval between futile attempts to clear up.
const LONGEST_PAUSE: u32 = 6;

impl Planner<'_> {
    /// The next step for a group in the middle of a migration.
    pub(super) fn migrating(
        &mut self,
        name: &GroupName,
        group: &GroupState,
        tenure: &Tenure,
        migration: &Migration,
    ) -> Step {
        let (group_name, epoch) = (name.clone(), tenure.epoch);
        if self.emit(Command::Arrive { group: group_name, epoch }).is_ok() {
            return Step::Did;
        }
        let mut open = None;
        for (resource, _) in group.owned() {
            if self.scratch.whereabouts(group, tenure, resource) == Whereabouts::Open {
                match self.under_way(group, tenure, migration, resource) {
                    Step::Wait(wait) => open = open.or(Some(wait)),
                    Step::Did => return Step::Did,
                    Step::Rest | Step::Place => {}
                }
            }
        }
        if let Some(wait) = open {
            return Step::Wait(wait);
        }
        if group.frozen {
            return Step::Wait(Wait::Frozen { fault: None });
        }
        if group.flushed {
            return Step::Wait(Wait::Flushed);
        }
        let back = self.scratch.has_failed(group, tenure);
        let (place, done) =
            if back { (Whereabouts::Target, &migration.returned) } else { (Whereabouts::Source, &migration.sent) };
        let here: BTreeSet<ResourceName> = group
            .owned()
            .map(|(resource, _)| resource)
            .filter(|resource| self.scratch.whereabouts(group, tenure, resource) == place)
            .cloned()
            .collect();
        for resource in here.iter().filter(|resource| !done.contains(*resource)) {
            match self.emit(Command::Move { resource: resource.clone(), epoch }) {
                Ok(()) => return Step::Did,
                // Its last reading is of a state in which it cannot be moved; the next one may differ.
                Err(Refusal::Waits { why, .. }) => return Step::Wait(why),
                Err(Refusal::NotRunning { server, .. }) => return self.probe_again(BTreeSet::from([server])),
                Err(_) => {}
            }
        }
        if back && !here.is_empty() {
            let (from, to) = (tenure.server.clone(), migration.to.clone());
            return Step::Wait(Wait::HalfMoved { resources: here, from, to });
        }
        match self.emit(Command::StayGroup { group: name.clone(), epoch }) {
            Ok(()) => Step::Did,
            Err(_) => self.unclear(tenure, migration),
        }
    }

    /// An LPAR that may be on its way: returns its wait, and ends the move if the migration was given up.
    fn under_way(
        &mut self,
        group: &GroupState,
        tenure: &Tenure,
        migration: &Migration,
        resource: &ResourceName,
    ) -> Step {
        let Some(copies) = group.copies.get(resource) else { return Step::Rest };
        let ordered = copies.values().any(|copy| matches!(copy.risk, StartRisk::Ordered(_)));
        let moves = copies.iter().any(|(at, copy)| copy.is_moving() && tenure.covers(at));
        let (mut from, mut to) = (tenure.server.clone(), migration.to.clone());
        if migration.returned.contains(resource) {
            std::mem::swap(&mut from, &mut to);
        }
        let until = migration.ordered.after(self.scratch.migrate_timeout(resource));
        let overdue = until <= self.now();
        if !overdue {
            self.wake(until);
        }
        if !ordered && !moves {
            for (server, copy) in copies.iter().filter(|(server, _)| tenure.covers(server)) {
                match self.settle(resource, server, copy) {
                    Some(_) if overdue => {
                        return Step::Wait(Wait::MigrationStuck { resource: resource.clone(), from, to });
                    }
                    Some(Wait::Settling { resource, server, until }) => {
                        return Step::Wait(Wait::MoveSettling { resource, to: server, until });
                    }
                    Some(_) | None => {}
                }
            }
            let doubtful = copies.iter().find(|(at, copy)| tenure.covers(at) && copy.power == Power::Unknown);
            if let Some((server, _)) =
                doubtful.filter(|(_, copy)| copy.since.is_some_and(|since| since >= copy.quiet_from))
            {
                self.probe(server);
                if self.blind(server).is_none() {
                    if migration.aborted && self.end_move(group, tenure, resource) {
                        return Step::Did;
                    }
                    // An operator who has given it up need not be told to.
                    let resource = resource.clone();
                    return Step::Wait(match migration.aborted {
                        true => Wait::Attention { resource, server: server.clone() },
                        false => Wait::MigrationStuck { resource, from, to },
                    });
                }
            }
            return self.unclear(tenure, migration);
        }
        // A move is over when it no longer reads so, which only another reading shows.
        let looks = !ordered || migration.aborted;
        [&from, &to].into_iter().filter(|_| looks).for_each(|server| self.follow(server));
        if migration.aborted && moves && self.end_move(group, tenure, resource) {
            return Step::Did;
        }
        let resource = resource.clone();
        if !overdue {
            return Step::Wait(Wait::Migrating { resource, from, to });
        }
        Step::Wait(Wait::MigrationStuck { resource, from, to })
    }

    /// Ends a move that was given up, or clears up what it has left behind: repeated, with ever longer pauses.
    fn end_move(&mut self, group: &GroupState, tenure: &Tenure, resource: &ResourceName) -> bool {
        let stop = Command::StopMigration { resource: resource.clone(), epoch: tenure.epoch };
        !group.frozen && self.may_clear_up(group, resource) && self.emit(stop).is_ok()
    }

    /// Clears up after moves that failed half-way outside of any migration, wherever they have left an LPAR.
    pub(super) fn clear_up(&mut self, group: &GroupState) -> bool {
        group.owned().any(|(resource, copies)| {
            copies.keys().any(|server| {
                self.scratch.may_be_half_moved(group, resource, server)
                    && self.may_clear_up(group, resource)
                    && self.emit(Command::Recover { resource: resource.clone(), server: server.clone() }).is_ok()
            })
        })
    }

    /// Whether to clear up now: each futile attempt in a row doubles the pause before the next one.
    fn may_clear_up(&mut self, group: &GroupState, resource: &ResourceName) -> bool {
        let copies = || group.copies.get(resource).into_iter().flat_map(|copies| copies.values());
        let futile = copies().map(|copy| copy.futile).max().unwrap_or_default();
        let pause = self.scratch.config.timings.monitor.times(1 << futile.saturating_sub(1).min(LONGEST_PAUSE));
        self.retry_after_or_wake(copies().filter_map(|copy| copy.failed).max(), pause)
    }

    /// Has both servers read once more to locate the LPARs; if one cannot be read, the reason.
    fn unclear(&mut self, tenure: &Tenure, migration: &Migration) -> Step {
        let both = [&tenure.server, &migration.to];
        let off = |server: &ServerName| self.scratch.servers.get(server).is_some_and(|state| state.off.is_some());
        let blind = both.into_iter().filter(|server| !off(server)).find_map(|server| self.blind(server));
        match blind {
            Some(wait) => Step::Wait(wait),
            None => self.probe_again(both.into_iter().cloned().collect()),
        }
    }

    fn probe_again(&mut self, servers: BTreeSet<ServerName>) -> Step {
        servers.iter().for_each(|server| self.probe(server));
        Step::Wait(Wait::Locating { servers })
    }
}
