//! Orders: what may be asked of a node. A start exists only under its tenure.

use super::{Phase, StartRisk, apply::Applying};
use crate::{
    GroupName, NodeName, Note, OrderId, Refusal, ResourceName, ServerName, Span,
    config::Trigger,
    note::Wait,
    order::{Action, Ending, Epoch, Order},
};
use std::collections::BTreeSet;

/// How long a node may take to have an activation accepted and read back, or to read a stopped LPAR off after its grace.
pub const COMMAND_BUDGET: Span = Span::seconds(120);
/// How long a node may take to look again at what an agent has started.
pub const READ_BACK: Span = Span::seconds(30);

impl Applying<'_> {
    /// A node is to start a resource.
    pub(super) fn start(&mut self, resource: &ResourceName, epoch: Epoch, restart: bool) -> Result<(), Refusal> {
        let name = self.ledger.group_of(resource).cloned().ok_or_else(|| Refusal::NoResource(resource.clone()))?;
        let server = self.tenure(&name, epoch)?.server.clone();
        if restart {
            self.restarts_left(&name, resource)?;
        }
        self.may_start(&name, resource, &server)?;
        let node = self.hand(resource, &server)?;
        let vouched = self.vouched(&name, &server)?;
        if restart {
            self.count_restart(&name, resource, &server)?;
        }
        let home = self.ledger.home(self.group(&name)?, resource, &server);
        // Where its definition must be brought first, that takes as long as a move.
        let budget = match &home {
            None if self.ledger.is_inside(resource) => {
                let declared = self.ledger.config.resources.get(resource);
                declared.map(|declared| declared.start_timeout).unwrap_or_default().plus(READ_BACK)
            }
            Some(_) => COMMAND_BUDGET.plus(self.ledger.migrate_timeout(resource)),
            None => COMMAND_BUDGET,
        };
        let action = Action::Start { group: name.clone(), resource: resource.clone(), epoch, vouched, home };
        let id = self.issue(node, &server, action, budget, Some(name.clone()));
        let now = self.ledger.now;
        let group = self.group_mut(&name)?;
        let run = group.runs.entry(resource.clone()).or_default();
        run.started = Some(now);
        run.ran = false;
        run.failed = None;
        run.restart = false;
        run.lost = None;
        if let Some(copy) = group.copies.get_mut(resource).and_then(|copies| copies.get_mut(&server)) {
            (copy.risk, copy.idle) = (StartRisk::Ordered(id), false);
        }
        Ok(())
    }

    fn may_start(&self, name: &GroupName, resource: &ResourceName, server: &ServerName) -> Result<(), Refusal> {
        let group = self.group(name)?;
        if group.frozen {
            return Err(Refusal::Frozen { group: name.clone() });
        }
        if group.conflict.is_some() {
            return Err(Refusal::Held { group: name.clone() });
        }
        if group.tenure.as_ref().is_some_and(|tenure| matches!(tenure.phase, Phase::Leaving { .. })) {
            return Err(Refusal::Moving { group: name.clone(), server: server.clone() });
        }
        self.not_migrating(name)?;
        if self.ledger.awaits_hook(name, group) {
            return Err(Refusal::HookFirst { group: name.clone() });
        }
        if self.server(server)?.off.is_some() {
            return Err(Refusal::AlreadyOff { server: server.clone() });
        }
        let copies = group.copies.get(resource).ok_or_else(|| Refusal::NoResource(resource.clone()))?;
        let copy = copies.get(server).ok_or_else(|| Refusal::NoServer(server.clone()))?;
        if copy.stop.is_some() {
            return Err(Refusal::HasOrder { resource: resource.clone(), server: server.clone() });
        }
        if copy.is_active() {
            return Err(Refusal::AlreadyActive { resource: resource.clone(), server: server.clone() });
        }
        copies.keys().try_for_each(|place| {
            // Where it has its tenure, the hypervisor itself lets it start only once.
            let here = place == server;
            if here {
                self.ledger.reads_off(group, resource, place)
            } else {
                let vouched = self.ledger.vouches(group, resource, place);
                let stands_by = self.ledger.is_inside(resource) && self.ledger.stands_by(copies, place);
                if stands_by { Ok(()) } else { vouched }
            }
        })
    }

    /// Which restart within the window the next one is, and how many there may be.
    pub(super) fn restarts_left(&self, name: &GroupName, resource: &ResourceName) -> Result<(u32, u32), Refusal> {
        let now = self.ledger.now;
        let (limit, window) = self.ledger.restart_limit(resource);
        let run = self.group(name)?.runs.get(resource);
        let before =
            run.map(|run| run.restarts.iter().filter(|at| now.since(**at) < window).count()).unwrap_or_default();
        let count = u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1);
        if count > limit {
            return Err(Refusal::RestartsUsedUp { resource: resource.clone(), limit });
        }
        Ok((count, limit))
    }

    fn count_restart(&mut self, name: &GroupName, resource: &ResourceName, server: &ServerName) -> Result<(), Refusal> {
        let (count, limit) = self.restarts_left(name, resource)?;
        let now = self.ledger.now;
        let run = self.group_mut(name)?.runs.entry(resource.clone()).or_default();
        run.counts_restart(now, limit);
        let ran = run.ran;
        let (group, place) = (name.clone(), server.clone());
        let note = Note::Restarting { group, resource: resource.clone(), server: place, count, limit, ran };
        self.note(note);
        let about = vec![resource.to_string(), format!("restart {count} of {limit}")];
        self.fire(name, Trigger::ResourceRestart, server, about);
        Ok(())
    }

    /// A node is to stop a resource: one that leaves, is to be restarted, or runs without a tenure.
    pub(super) fn stop(&mut self, resource: &ResourceName, server: &ServerName, grace: Span) -> Result<(), Refusal> {
        let name = self.ledger.group_of(resource).cloned().ok_or_else(|| Refusal::NoResource(resource.clone()))?;
        let group = self.group(&name)?;
        let by_right = self.ledger.is_by_right(group, resource, server);
        if by_right {
            return Err(Refusal::AlreadyOn { group: name, server: server.clone() });
        }
        // Which of two copies is the wrong one is known only where the right one runs. What a server that came back has
        // started by itself is wrong in any case.
        let dirty = self.server(server)?.dirty.is_some();
        let here = group.tenure.as_ref().is_some_and(|tenure| tenure.covers(server));
        let wrong = group.conflict.is_some() && !dirty && !here;
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

    /// A node is to power a server off and read it back.
    pub(super) fn fence(&mut self, server: &ServerName) -> Result<(), Refusal> {
        let state = self.server(server)?;
        if state.off.is_some() {
            return Err(Refusal::AlreadyOff { server: server.clone() });
        }
        if state.fence.is_some() {
            return Err(Refusal::BeingFenced { server: server.clone() });
        }
        let node = self.watcher(server)?;
        // A node cannot be asked to cut its own power and then report it.
        if self.ledger.config.node_on(server) == Some(&node) {
            return Err(Refusal::NodeSpeaks { node, server: server.clone() });
        }
        let budget = self.ledger.config.timings.fence;
        let id = self.issue(node, server, Action::Fence, budget, None);
        self.server_mut(server)?.fence = Some(id);
        Ok(())
    }

    /// The order to power a server off is called back. Never unsafe: what was not read off is not proven off.
    pub(super) fn call_off(&mut self, server: &ServerName) -> Result<(), Refusal> {
        let fence = self.server(server)?.fence;
        let order = fence.and_then(|fence| self.ledger.orders.remove(&fence)).ok_or(Refusal::NoChange)?;
        self.close(&order, &Ending::Unknown(format!("server {server} is not to be powered off any more")));
        Ok(())
    }

    /// Who carries out orders for a resource: the node that it lives inside, or the watcher of the server.
    fn hand(&self, resource: &ResourceName, server: &ServerName) -> Result<NodeName, Refusal> {
        if !self.ledger.is_inside(resource) {
            return self.watcher(server);
        }
        let node = self.ledger.node_in_charge(server).cloned();
        node.ok_or_else(|| Refusal::NoWatcher { server: server.clone() })
    }

    pub(super) fn watcher(&self, server: &ServerName) -> Result<NodeName, Refusal> {
        let state = self.server(server)?;
        let good = self.ledger.is_watched(state);
        state.watcher.clone().filter(|_| good).ok_or_else(|| Refusal::NoWatcher { server: server.clone() })
    }

    /// Servers that the executor need not see off again if it cannot read them. Proven off is a proof. The last live reading
    /// excuses only where the ledger itself knows that the server cannot be read, and decides with that: where it believes
    /// that it can, one that cannot be read is news, and what was read before proves nothing any more.
    fn vouched(&self, name: &GroupName, server: &ServerName) -> Result<BTreeSet<ServerName>, Refusal> {
        let group = self.group(name)?;
        let places: BTreeSet<&ServerName> = group.copies.values().flat_map(|copies| copies.keys()).collect();
        let known = |place: &&ServerName| {
            self.ledger.servers.get(*place).is_none_or(|state| state.off.is_some() || !state.tells_lpars())
        };
        let off = |place: &&ServerName| {
            *place != server
                && known(place)
                && group.copies.keys().all(|resource| self.ledger.vouches(group, resource, place).is_ok())
        };
        Ok(places.into_iter().filter(off).cloned().collect())
    }

    pub(super) fn issue(
        &mut self,
        node: NodeName,
        server: &ServerName,
        action: Action,
        budget: Span,
        group: Option<GroupName>,
    ) -> OrderId {
        let id = self.next_order();
        let what = action.to_string();
        let order = Order { id, node: node.clone(), server: server.clone(), action, issued: self.ledger.now, budget };
        self.ledger.orders.insert(id, order);
        self.note(Note::Ordered { order: id, what, node, server: server.clone(), group });
        id
    }
}

// The planner's word for waiting on orders, kept beside the orders themselves.
impl super::Ledger {
    /// What to wait for while orders for the group are open on a server.
    pub fn open_orders(&self, group: &super::GroupState, server: &ServerName) -> Option<Wait> {
        let resources: BTreeSet<ResourceName> = group
            .copies
            .iter()
            .filter(|(_, copies)| {
                copies.get(server).is_some_and(|copy| copy.stop.is_some() || matches!(copy.risk, StartRisk::Ordered(_)))
            })
            .map(|(resource, _)| resource.clone())
            .collect();
        (!resources.is_empty()).then(|| Wait::Orders { resources, server: server.clone() })
    }
}
