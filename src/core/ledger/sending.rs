//! The conditions under which an order is no longer sent. A node checks them against the ledger that it has applied,
//! directly before each change that the order makes.
//!
//! An order is closed by the log, which a node may learn late, and some events make an order pointless without
//! closing it. So each order has a moment from which on it is not sent, whether it is closed by then or not. What was
//! sent is sent: an order that is held back half-way ends there.

use super::{GroupState, Ledger, Phase};
use crate::{
    GroupName, NodeName, ResourceName, ServerName, Span,
    config::Trigger,
    order::{Action, Epoch, Order},
};
use std::fmt;

/// The reasons not to send an order, or the rest of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unsent {
    /// The log has closed it.
    Closed,
    /// Its budget has run out.
    Late,
    /// The cluster is disarmed.
    Disarmed,
    /// Its group is frozen.
    Frozen(GroupName),
    /// Its group is only watched.
    NotManaged(GroupName),
    /// The copy or server that it is about was declared anew since.
    Redeclared,
    /// No group that could run elsewhere waits for that node any more.
    NotNeeded(NodeName),
    /// Its tenure has ended, or is on its way to its end.
    Tenure(Epoch),
    /// The copy that it would stop runs by right.
    ByRight(ServerName),
    /// The migration was given up.
    GivenUp(GroupName),
    /// The server that it would power off is up.
    Up(ServerName),
    /// The server that it would power off is proven off.
    Off(ServerName),
    /// The node whose LPAR it would cut off was taken back, or is proven off.
    Node(NodeName),
}

impl fmt::Display for Unsent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unsent::Closed => f.write_str("the order is closed"),
            Unsent::Late => f.write_str("its time is over"),
            Unsent::Disarmed => f.write_str("the cluster is disarmed"),
            Unsent::Frozen(group) => write!(f, "group {group} is frozen"),
            Unsent::NotManaged(group) => write!(f, "group {group} is only watched"),
            Unsent::Redeclared => f.write_str("what it is about is declared otherwise now"),
            Unsent::NotNeeded(node) => write!(f, "nothing waits for node {node} any more"),
            Unsent::Tenure(epoch) => write!(f, "tenure {epoch} does not stay"),
            Unsent::ByRight(server) => write!(f, "it runs on {server} by right"),
            Unsent::GivenUp(group) => write!(f, "the migration of group {group} was given up"),
            Unsent::Up(server) => write!(f, "server {server} is up"),
            Unsent::Off(server) => write!(f, "server {server} is off already"),
            Unsent::Node(node) => write!(f, "node {node} is not to be cut off any more"),
        }
    }
}

impl Ledger {
    /// Checks that an order may still be sent, `elapsed` after its node learned of it by its own clock.
    pub fn may_send(&self, order: &Order, elapsed: Span) -> Result<(), Unsent> {
        if !self.orders.contains_key(&order.id) {
            return Err(Unsent::Closed);
        }
        if elapsed >= order.budget {
            return Err(Unsent::Late);
        }
        let ends_a_move = matches!(order.action, Action::StopMigration { .. });
        let tells = matches!(&order.action, Action::Hook { trigger, .. } if *trigger != Trigger::PreOnline);
        if self.maintenance.disarmed && !ends_a_move && !tells {
            return Err(Unsent::Disarmed);
        }
        let of_group = order.action.resource().and_then(|resource| self.group_of(resource));
        let group = of_group.and_then(|name| Some((name, &**self.groups.get(name)?)));
        // The wrong one of two copies is stopped, whoever started it.
        let stops_wrong = |group: &GroupState| {
            group.upkeep.strangers && group.hold.is_some() && matches!(order.action, Action::Stop { .. })
        };
        if let Some((name, _)) = group.filter(|(_, group)| group.frozen && !stops_wrong(group)) {
            return Err(Unsent::Frozen(name.clone()));
        }
        if let Some((name, _)) = group.filter(|(name, _)| !self.is_looked_after(name)) {
            return Err(Unsent::NotManaged(name.clone()));
        }
        if self.is_redeclared(order, group.map(|(_, group)| group)) {
            return Err(Unsent::Redeclared);
        }
        match &order.action {
            Action::Start { epoch, .. } => start_stands(group.map(|(_, group)| group), order, *epoch),
            Action::Stop { resource, .. } => match group {
                Some((_, group)) if self.is_by_right(group, resource, &order.server) => {
                    Err(Unsent::ByRight(order.server.clone()))
                }
                Some(_) | None => Ok(()),
            },
            Action::Migrate { group: name, epoch, to, .. } => {
                move_stands(name, group.map(|(_, group)| group), *epoch, to)
            }
            Action::Fence => self.fence_stands(order),
            Action::FenceNode { node } => {
                let state = self.nodes.get(node);
                let stands = state.is_some_and(|state| state.lapsed().is_some() && state.off().is_none());
                if !stands {
                    return Err(Unsent::Node(node.clone()));
                }
                if self.matters(node) { Ok(()) } else { Err(Unsent::NotNeeded(node.clone())) }
            }
            Action::StopMigration { .. } | Action::Hook { .. } => Ok(()),
        }
    }

    /// Whether its server, or a copy that it relies on, was declared anew since the order: a start or a move relies on
    /// all copies of the resource, because none of the others may run; a stop on that copy alone.
    fn is_redeclared(&self, order: &Order, group: Option<&GroupState>) -> bool {
        let copies = order.action.resource().zip(group).and_then(|(resource, group)| group.copies.get(resource));
        let everywhere = matches!(order.action, Action::Start { .. } | Action::Migrate { .. });
        let concerned = |server: &ServerName| everywhere || *server == order.server;
        let machine = self.servers.get(&order.server).is_some_and(|state| state.declared > order.id.index);
        machine || copies.into_iter().flatten().any(|(at, copy)| concerned(at) && copy.declared > order.id.index)
    }

    /// Whether a resource has the right to run on a server.
    pub(super) fn is_by_right(&self, group: &GroupState, resource: &ResourceName, server: &ServerName) -> bool {
        group.tenure.as_ref().is_some_and(|tenure| {
            let recycled = group.runs.get(resource).is_some_and(|run| run.restart);
            let stays = !matches!(tenure.phase, Phase::Leaving { .. });
            let moves = tenure.migration().is_some();
            tenure.covers(server) && stays && (moves || (!recycled && self.wanted(group, resource)))
        })
    }

    /// Whether an order to power a server off still makes sense, by what is known of the server.
    pub(crate) fn fence_stands(&self, order: &Order) -> Result<(), Unsent> {
        let server = order.server.clone();
        let Some(state) = self.servers.get(&server) else { return Ok(()) };
        if state.off.is_some() {
            return Err(Unsent::Off(server));
        }
        // An order was given in spite of the readings before it.
        let since = state.since.is_some_and(|since| since >= order.id.index);
        if state.live && state.system.is_up() && since { Err(Unsent::Up(server)) } else { Ok(()) }
    }
}

/// Checks that the tenure of a start still stands.
fn start_stands(group: Option<&GroupState>, order: &Order, epoch: Epoch) -> Result<(), Unsent> {
    let tenure = group.and_then(|group| group.tenure.as_ref());
    let stands = tenure.is_some_and(|tenure| {
        tenure.epoch == epoch
            && tenure.server == order.server
            && matches!(tenure.phase, Phase::Starting | Phase::Online)
    });
    if stands { Ok(()) } else { Err(Unsent::Tenure(epoch)) }
}

fn move_stands(name: &GroupName, group: Option<&GroupState>, epoch: Epoch, to: &ServerName) -> Result<(), Unsent> {
    let tenure = group.and_then(|group| group.tenure.as_ref()).filter(|tenure| tenure.epoch == epoch);
    match tenure.and_then(|tenure| tenure.migration()) {
        None => Err(Unsent::Tenure(epoch)),
        // A move back, because the migration was given up, goes the other way.
        Some(migration) if migration.aborted && migration.to == *to => Err(Unsent::GivenUp(name.clone())),
        Some(_) => Ok(()),
    }
}
