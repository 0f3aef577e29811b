//! Nodes: which may act, and which must be proven off because of resources that live, or may live, inside them.
//!
//! A silent node on which nothing depends is left alone. A node inside which a group lives that could run elsewhere is
//! granted no lease any more as soon as it is suspect; from then on, its LPAR being read off is a proof. If its LPAR
//! still reads anything else when its last lease has ended, it is cut off.

use super::{Planner, news};
use crate::{
    Command, GroupName, NodeName, Power, ResourceName, ServerName,
    ledger::{GroupState, Phase, Tenure},
    note::{LeaveReason, Wait},
};

impl Planner<'_> {
    /// Proposes what nodes report on the resources inside them, if it is news or fresher where something waits.
    pub(super) fn inside(&mut self) {
        let view = self.view;
        for (node, inside) in &view.inside {
            if let Some(inside) = news::of_inside(&self.scratch, node, inside) {
                // The report of a node that must be taken back first is refused, and comes again.
                let _ = self.emit(Command::Sense { node: node.clone(), inside });
            }
        }
    }

    /// Suspends leases of silent nodes that matter, records ended leases, and takes back nodes that are heard again.
    pub(super) fn nodes(&mut self) {
        let suspect = self.scratch.config.timings.suspect;
        let view = self.view;
        for (node, seen) in &view.nodes {
            let Some(state) = self.scratch.nodes.get(node) else { continue };
            let command = if state.lapsed().is_none() && seen.lease_over {
                Command::LapseNode(node.clone())
            } else if state.is_out() && seen.heard && seen.silence < suspect && !seen.lease_over {
                Command::TakeBackNode(node.clone())
            } else if !state.is_out() && seen.silence >= suspect && self.scratch.matters(node) {
                Command::SuspendLeases(node.clone())
            } else {
                continue;
            };
            let ends = self.scratch.leases_end;
            if self.emit(command).is_err() && ends > self.now() {
                self.wake(ends);
            }
        }
    }

    /// Proves that nothing runs inside silent nodes, or takes the steps that lead to a proof.
    pub(super) fn silent_nodes(&mut self) {
        let out: Vec<NodeName> = self
            .scratch
            .nodes
            .iter()
            .filter(|(_, state)| state.suspended().is_some() && state.off().is_none())
            .map(|(name, _)| name.clone())
            .collect();
        for node in out {
            if self.scratch.matters(&node) && self.emit(Command::NodeOff(node.clone())).is_err() {
                self.pursue(&node);
            }
        }
    }

    /// Reads the LPAR of a silent node, and cuts it off once its last lease has ended.
    fn pursue(&mut self, node: &NodeName) {
        let Some(server) = self.scratch.config.nodes.get(node).and_then(|declared| declared.server.clone()) else {
            return;
        };
        let (Some(state), Some(about)) = (self.scratch.nodes.get(node).cloned(), self.scratch.servers.get(&server))
        else {
            return;
        };
        let from = self.scratch.reads_from(&state);
        let fresh = about.since.zip(from).is_some_and(|(since, from)| since >= from);
        let runs = about.live && about.node != Power::Off && about.node != Power::Absent;
        if !fresh && self.scratch.config.nodes.get(node).is_some_and(|declared| declared.lpar.is_some()) {
            self.probe(&server);
        } else if runs && state.fence.is_none() && self.retry_or_wake(state.fence_failed) {
            // Refused while a lease may be good, and for an LPAR that is not surely the node's own.
            let _ = self.emit(Command::FenceNode(node.clone()));
        }
        if let Some(at) = self.scratch.reset_by(&state)
            && at > self.now()
        {
            self.wake(at);
        }
    }

    /// The wait of a group with a resource inside a node that is silent or off. `None` if the node can be commanded.
    pub(super) fn node_wait(&self, resource: &ResourceName, server: &ServerName) -> Option<Wait> {
        let node = self.homes.get(server)?.clone();
        if self.scratch.node_in_charge(server).is_some() {
            return None;
        }
        let (state, server) = (self.scratch.nodes.get(&node)?, server.clone());
        if state.fence.is_some() {
            return Some(Wait::NodeFencing { node, server });
        }
        // An LPAR that is not surely the node's own says nothing of the node.
        let about = self.scratch.servers.get(&server).filter(|about| about.live && (state.known || !state.met));
        let lpar = about.map(|about| about.node);
        let lpar = lpar.unwrap_or_default();
        match self.scratch.reset_by(state).filter(|_| state.off().is_none()) {
            Some(until) => Some(Wait::Watchdog { node, server, until }),
            None => Some(Wait::NodeSilent { resource: resource.clone(), server, node, lpar }),
        }
    }

    /// The wait of a group that lives inside nodes alone and can be neither watched nor commanded. `None` if it can.
    pub(super) fn node_is_silent(&self, group: &GroupState, server: &ServerName) -> Option<Wait> {
        self.node_wait(group.copies.keys().next()?, server)
    }

    /// A group with LPARs leaves a server if a part of it died inside the node there and another server can take it.
    pub(super) fn leaves_dead_node(&mut self, name: &GroupName, group: &GroupState, tenure: &Tenure) -> bool {
        let stays = matches!(tenure.phase, Phase::Leaving { .. } | Phase::Migrating(_)) || group.frozen;
        let died = |resource: &ResourceName| self.scratch.died_inside(resource, &tenure.server);
        let mut died = group.owned().filter_map(|(resource, _)| died(resource));
        let Some((node, _)) = died.next().filter(|_| !stays) else { return false };
        let node = node.clone();
        let servers = self.scratch.config.groups.get(name).map(|declared| declared.servers.clone()).unwrap_or_default();
        let fits = |other: &ServerName| {
            *other != tenure.server
                && self.scratch.unable(name, group, other).is_none()
                && self.scratch.crowded(name, group, other).is_none()
        };
        if !servers.iter().any(fits) {
            return false;
        }
        let reason = LeaveReason::NodeOff(node);
        self.emit(Command::Leave { group: name.clone(), epoch: tenure.epoch, reason }).is_ok()
    }
}
