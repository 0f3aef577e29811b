//! Clearing up after a move that failed half-way, where no migration is under way: a definition was to be brought to
//! where its LPAR was to start, by a node that died, or whose one try to clear up failed.
//!
//! Nothing in a reading tells such an LPAR apart from other trouble: it reads Unknown, like one that has crashed, or
//! Moving for ever. So only an LPAR is cleared up for which an order of ours failed, or whose server came back, and
//! never one that has run under its tenure. The HMC itself refuses to clear up where no move has left anything
//! behind.

use super::{CopyState, GroupState, Ledger, Run, StartRisk, apply::Applying, orders::COMMAND_BUDGET};
use crate::{Power, Refusal, ResourceName, ServerName, order::Action};

impl Ledger {
    /// Whether a move that failed half-way may hold an LPAR on a server, by readings that count.
    pub fn may_be_half_moved(&self, group: &GroupState, resource: &ResourceName, server: &ServerName) -> bool {
        let Some(copies) = group.copies.get(resource).filter(|_| self.is_mobile(resource)) else { return false };
        let Some(state) = self.servers.get(server).filter(|state| state.is_working()) else { return false };
        let Some(copy) = copies.get(server) else { return false };
        let busy = |copy: &CopyState| copy.risk != StartRisk::None || copy.stop.is_some();
        let read = copy.since.is_some_and(|since| since >= copy.quiet_from);
        // A live migration does not outlast its server, whatever it still reads. One that was begun by hand is not
        // ours to end.
        let half = copy.power == Power::Unknown || (copy.power == Power::Moving && state.dirty.is_some());
        if !read || !half || copies.values().any(busy) {
            return false;
        }
        let Some(tenure) = group.tenure.as_ref().filter(|tenure| tenure.covers(server)) else {
            return state.dirty.is_some() || copies.values().any(|copy| copy.failed.is_some());
        };
        let ran = group.runs.get(resource).is_some_and(Run::ran);
        tenure.migration().is_some() || (!ran && copies.values().any(|copy| copy.failed.is_some()))
    }
}

impl Applying<'_> {
    /// Orders a node to clear up after a move of an LPAR that failed half-way.
    pub(super) fn recover(&mut self, resource: &ResourceName, server: &ServerName) -> Result<(), Refusal> {
        let name = self.ledger.group_of(resource).cloned().ok_or_else(|| Refusal::NoResource(resource.clone()))?;
        self.not_migrating(&name)?;
        let group = self.group(&name)?;
        if group.frozen {
            return Err(Refusal::Frozen { group: name });
        }
        if !self.ledger.may_be_half_moved(group, resource, server) {
            return Err(Refusal::NoChange);
        }
        // The other end of the move, if it had one.
        let elsewhere = |half: bool| {
            let copies = group.copies.get(resource)?;
            let other = |(place, copy): &(&ServerName, &CopyState)| {
                *place != server
                    && (!half || matches!(copy.power, Power::Unknown | Power::Moving))
                    && copy.power != Power::Absent
            };
            copies.iter().find(other).map(|(place, _)| place.clone())
        };
        let other = elsewhere(true).or_else(|| elsewhere(false)).unwrap_or_else(|| server.clone());
        let node = self.watcher(server)?;
        let budget = COMMAND_BUDGET.plus(self.ledger.migrate_timeout(resource));
        let action = Action::StopMigration { resource: resource.clone(), from: other, to: server.clone() };
        let id = self.issue(node, server, action, budget, Some(name.clone()));
        if let Some(copy) = self.group_mut(&name)?.copies.get_mut(resource).and_then(|copies| copies.get_mut(server)) {
            copy.stop = Some(id);
        }
        Ok(())
    }
}
