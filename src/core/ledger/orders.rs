//! Orders: the conditions for issuing one, and its effects when it is closed. Each kind has a file with both; those
//! of moves, hooks and nodes are in the files about these.

mod fence;
mod start;
mod stop;

use super::{CopyState, StartRisk, apply::Applying};
use crate::{
    ForeignText, GroupName, NodeName, Note, OrderId, Refusal, ResourceName, ServerName, Span, Time,
    note::Wait,
    order::{Action, Ending, Order},
};
use std::collections::BTreeSet;

/// Time that a node may take to have an activation accepted and read back, or to read a stopped LPAR off after its
/// grace.
pub const COMMAND_BUDGET: Span = Span::seconds(120);
/// Time that a node may take to look again at a resource that an agent has started.
pub const READ_BACK: Span = Span::seconds(30);

impl Applying<'_> {
    /// Closes an order, with the effects on its object.
    pub(super) fn close(&mut self, order: &Order, ending: &Ending) {
        self.close_from(order, ending, self.ledger.now);
    }

    /// Closes an order whose node may go on with it until its lease has ended: late commands may still take effect.
    pub(super) fn call_back(&mut self, order: &Order, why: ForeignText) {
        self.ledger.orders.remove(&order.id);
        let from = self.ledger.lease_ends(&order.node);
        self.close_from(order, &Ending::Unknown(why), from);
    }

    fn close_from(&mut self, order: &Order, ending: &Ending, from: Time) {
        let of_hook = if let Action::Hook { group, .. } = &order.action { Some(group) } else { None };
        let of_resource = || order.action.resource().and_then(|resource| self.ledger.group_of(resource));
        let group = of_hook.or_else(of_resource).cloned();
        let (what, said, bad) = (order.action.to_string(), ending.to_string().into(), *ending != Ending::Done);
        self.note(Note::Ended { order: order.id, what, server: order.server.clone(), ending: said, group, bad });
        match &order.action {
            Action::Start { resource, epoch, .. } => self.close_start(order, resource, *epoch, ending, from),
            Action::Stop { resource, .. } => self.close_stop(order, resource, ending),
            Action::Fence => self.close_fence(&order.server, ending),
            Action::FenceNode { node } => self.close_node_fence(node, ending),
            Action::Migrate { resource, to, .. } => self.close_move(order, resource, to, ending, from),
            Action::StopMigration { resource, from, to } => {
                self.close_stop_migration(order, resource, [from, to], ending)
            }
            Action::Hook { group, .. } => self.close_hook(group, order.id, ending),
        }
    }

    /// Time of the failure, if the order failed: the next of its kind waits for a while.
    pub(super) fn failed(&self, ending: &Ending) -> Option<Time> {
        (*ending != Ending::Done).then_some(self.ledger.now)
    }

    /// The copy that an order is about, if it is still declared. Records there whether the order failed.
    pub(super) fn ordered_copy(
        &mut self,
        order: &Order,
        resource: &ResourceName,
        ending: &Ending,
    ) -> Option<&mut CopyState> {
        let failed = self.failed(ending);
        let name = self.ledger.group_of(resource).cloned()?;
        let copy = self.group_mut(&name).ok()?.copies.get_mut(resource)?.get_mut(&order.server)?;
        copy.failed = failed;
        Some(copy)
    }

    /// The node that carries out orders for a resource: the one that it lives inside, or the watcher of the server.
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

// The planner's wait for orders, kept beside the orders themselves.
impl super::Ledger {
    /// The wait for the group's open orders on a server, if there are any.
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
