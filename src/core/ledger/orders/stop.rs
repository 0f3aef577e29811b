//! Stops of resources: one that leaves, is to be restarted, or runs where it has no right to.

use super::COMMAND_BUDGET;
use crate::{
    Note, Refusal, ResourceName, ServerName, Span,
    config::Trigger,
    ledger::{Progress, StartRisk, apply::Applying},
    order::{Action, Ending, Order},
};

impl Applying<'_> {
    /// Orders a node to stop a resource: one that leaves, is to be restarted, or runs without a tenure.
    pub(in super::super) fn stop(
        &mut self,
        resource: &ResourceName,
        server: &ServerName,
        grace: Span,
    ) -> Result<(), Refusal> {
        let name = self.ledger.group_of(resource).cloned().ok_or_else(|| Refusal::NoResource(resource.clone()))?;
        let group = self.group(&name)?;
        let by_right = self.ledger.is_by_right(group, resource, server);
        if by_right {
            return Err(Refusal::AlreadyOn { group: name, server: server.clone() });
        }
        // One of two copies is known to be wrong only if the right one runs. A copy that a server started by itself
        // when it came back is wrong in any case.
        let dirty = self.server(server)?.dirty.is_some();
        let here = group.tenure.as_ref().is_some_and(|tenure| tenure.covers(server));
        let wrong = group.hold.is_some() && !dirty && !here;
        if group.frozen && !(group.upkeep.strangers && wrong) {
            return Err(Refusal::Frozen { group: name });
        }
        if wrong && !self.ledger.wrong_copies(group).contains(&(resource.clone(), server.clone())) {
            return Err(Refusal::Held { group: name });
        }
        let copies = group.copies.get(resource).ok_or_else(|| Refusal::NoResource(resource.clone()))?;
        let copy = copies.get(server).ok_or_else(|| Refusal::NoServer(server.clone()))?;
        if copy.stop.is_some() || matches!(copy.risk, StartRisk::Ordered(_)) {
            return Err(Refusal::HasOrder { resource: resource.clone(), server: server.clone() });
        }
        let right = group.tenure.as_ref().map(|tenure| tenure.server.clone()).filter(|_| wrong);
        let node = self.hand(resource, server)?;
        if let Some(tenure) = right {
            let (group, resource, server) = (name.clone(), resource.clone(), server.clone());
            self.note(Note::WrongCopy { group, resource, server, tenure });
        }
        let budget = grace.plus(COMMAND_BUDGET);
        let id =
            self.issue(node, server, Action::Stop { resource: resource.clone(), grace }, budget, Some(name.clone()));
        let group = self.group_mut(&name)?;
        if let Some(copy) = group.copies.get_mut(resource).and_then(|copies| copies.get_mut(server)) {
            copy.stop = Some(id);
        }
        Ok(())
    }

    /// Closes an order to stop a resource.
    pub(super) fn close_stop(&mut self, order: &Order, resource: &ResourceName, ending: &Ending) {
        let bad = *ending != Ending::Done;
        let Some(copy) = self.ordered_copy(order, resource, ending) else { return };
        copy.stop = None;
        let Some(name) = self.ledger.group_of(resource).cloned() else { return };
        let wanted = self.group(&name).is_ok_and(|group| self.ledger.wanted(group, resource));
        let Ok(group) = self.group_mut(&name) else { return };
        if !group.tenure.as_ref().is_some_and(|tenure| tenure.covers(&order.server)) {
            return;
        }
        let run = group.runs.entry(resource.clone()).or_default();
        run.stuck = if bad { run.stuck.saturating_add(1) } else { 0 };
        if !bad && !wanted {
            // The next start is its first, and no restart.
            (run.progress, run.lost_since) = (Progress::Idle, None);
        }
        if run.stuck == 1 {
            let about = vec![resource.to_string(), ending.to_string()];
            self.fire(&name, Trigger::ResourceNotOff, &order.server, about);
        }
    }
}
