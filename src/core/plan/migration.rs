//! Live migration, as the planner drives it: one LPAR after the other to the target; if one fails, those that moved come
//! back; and an end as soon as readings prove one.
//!
//! It never ends a move by itself: a move that takes too long may be a large one on a slow line, and what stops it may break
//! it. It says so, and an operator gives it up.

use super::{Planner, groups::Step};
use crate::{
    Command, GroupName, Power, Refusal, ResourceName, ServerName,
    ledger::{GroupState, Migration, StartRisk, Tenure, Whereabouts},
    note::Wait,
};
use std::collections::BTreeSet;

impl Planner<'_> {
    /// A group in the middle of a migration.
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
                // It was read at a moment at which it cannot be moved: the next reading may say otherwise.
                Err(Refusal::Waits { why, .. }) => return Step::Wait(why),
                Err(Refusal::NotRunning { server, .. }) => return self.look_again(BTreeSet::from([server])),
                Err(_) => {}
            }
        }
        if back && !here.is_empty() {
            let (from, to) = (tenure.server.clone(), migration.to.clone());
            return Step::Wait(Wait::HalfMoved { resources: here, from, to });
        }
        match self.emit(Command::Stay { group: name.clone(), epoch }) {
            Ok(()) => Step::Did,
            Err(_) => self.unclear(tenure, migration),
        }
    }

    /// An LPAR that may be on its way: what is waited for, and what is done about it if the migration was given up.
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
                self.plan.probe.insert(server.clone());
                if self.blind(server).is_none() {
                    return Step::Wait(Wait::Attention { resource: resource.clone(), server: server.clone() });
                }
            }
            return self.unclear(tenure, migration);
        }
        // A move under way is over when it no longer reads so, which only another reading tells.
        let looks = !ordered || migration.aborted;
        self.plan.probe.extend([from.clone(), to.clone()].into_iter().filter(|_| looks));
        if migration.aborted && moves && !group.frozen {
            let failed = copies.values().filter_map(|copy| copy.failed).max();
            let again = self.may_retry(failed);
            let stop = Command::StopMigration { resource: resource.clone(), epoch: tenure.epoch };
            if again && self.emit(stop).is_ok() {
                return Step::Did;
            }
        }
        let resource = resource.clone();
        if !overdue {
            self.wake(until);
            return Step::Wait(Wait::Migrating { resource, from, to });
        }
        Step::Wait(Wait::MigrationStuck { resource, from, to })
    }

    /// Where something is must be read once more; or it cannot be, and this is why.
    fn unclear(&mut self, tenure: &Tenure, migration: &Migration) -> Step {
        let both = [&tenure.server, &migration.to];
        let off = |server: &ServerName| self.scratch.servers.get(server).is_some_and(|state| state.off.is_some());
        let blind = both.into_iter().filter(|server| !off(server)).find_map(|server| self.blind(server));
        match blind {
            Some(wait) => Step::Wait(wait),
            None => self.look_again(both.into_iter().cloned().collect()),
        }
    }

    fn look_again(&mut self, servers: BTreeSet<ServerName>) -> Step {
        self.plan.probe.extend(servers.iter().cloned());
        Step::Wait(Wait::Locating { servers })
    }
}
