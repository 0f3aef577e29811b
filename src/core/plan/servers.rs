//! Nodes and servers: watchers, proofs that a server is off, and servers that came back.

use super::{
    Planner,
    news::{self, Checked, Scope},
};
use crate::{
    Command, HmcName, Ledger, NodeName, Power, Reading, ServerName, Span, SystemState,
    ledger::{Dirty, Lockout, ServerState, StartRisk},
    note::ServerWait,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

impl Planner<'_> {
    /// Proposes readings that are news, or fresher where something waits.
    pub(super) fn readings(&mut self, checked: &mut Checked) {
        let view = self.view;
        let mut scope = checked.begin(&self.scratch);
        let is_news = |planner: &Self, reading: &Reading, scope: &Scope| {
            news::is_read(&planner.scratch, planner.homes.get(&reading.server), reading, scope)
        };
        let readings = || view.readings.values().map(|reading| &**reading);
        let news: Vec<_> = readings().filter(|reading| is_news(self, reading, &scope)).collect();
        // Readings that find an LPAR come before those that miss it.
        let misses = |reading: &&Reading| {
            let mut mobile = reading.copies.iter().filter(|(resource, _)| self.scratch.is_mobile(resource));
            mobile.any(|(_, power)| matches!(power, Power::Absent | Power::Missing))
        };
        let (later, first): (Vec<_>, Vec<_>) = news.into_iter().partition(misses);
        for reading in first.into_iter().chain(later) {
            // Another reading may have told the same.
            if is_news(self, reading, &scope) {
                // A reading by a node that is no longer the watcher is rightly refused.
                let _ = self.emit(Command::Observe(reading.clone()));
            }
            scope.is_news(&self.scratch, reading);
        }
        checked.end(&self.scratch, readings(), scope);
    }

    /// Each server is watched by its own node while that is heard and reaches an HMC, and by a surrogate otherwise. A
    /// server without a manager is only ever watched by its own node: no other would see anything of it.
    pub(super) fn watchers(&mut self) {
        let mut load: BTreeMap<NodeName, u32> = self.scratch.nodes.keys().map(|node| (node.clone(), 0)).collect();
        for state in self.scratch.servers.values() {
            if let Some(count) = state.watcher.as_ref().and_then(|node| load.get_mut(node)) {
                *count = count.saturating_add(1);
            }
        }
        let servers: Vec<ServerName> = self.scratch.servers.keys().cloned().collect();
        for server in servers {
            let Some(node) = self.best_watcher(&server, &load) else { continue };
            if self.scratch.servers.get(&server).is_some_and(|state| state.watcher.as_ref() == Some(&node)) {
                continue;
            }
            if self.emit(Command::Assign { server: server.clone(), node: node.clone() }).is_ok() {
                if let Some(count) = load.get_mut(&node) {
                    *count = count.saturating_add(1);
                }
                self.probe(&server);
            }
        }
    }

    fn best_watcher(&self, server: &ServerName, load: &BTreeMap<NodeName, u32>) -> Option<NodeName> {
        let own = self.homes.get(server);
        let reaches = |node: &NodeName| self.view.nodes.get(node).is_none_or(|view| view.reaches_manager);
        // The normal case. Nothing below ranks higher, and comparing every node for every server takes its time.
        if let Some(own) =
            own.filter(|node| self.scratch.nodes.contains_key(*node) && self.hears(node) && reaches(node))
        {
            return Some(own.clone());
        }
        let now = self.scratch.servers.get(server).and_then(|state| state.watcher.as_ref());
        if !self.scratch.config.has_manager(server) {
            return own.filter(|node| self.scratch.nodes.contains_key(*node) && self.hears(node)).cloned();
        }
        let lent = own.is_some() || self.scratch.config.servers.get(server).is_some_and(|declared| declared.surrogate);
        let candidates = self.scratch.nodes.keys().filter(|node| self.hears(node) && (lent || own == Some(*node)));
        // A node that reaches an HMC is better than one that does not, the server's own better than a surrogate, the
        // present watcher better than a change, a free one better than a busy one.
        let best = candidates.min_by_key(|node| {
            (!reaches(node), own != Some(*node), now != Some(*node), load.get(*node).copied().unwrap_or_default())
        });
        best.cloned()
    }

    /// Plans the next try at HMCs that refuse logins.
    pub(super) fn logins(&mut self) {
        let tries = |ledger: &Ledger| {
            let due = |(hmc, lockout): (&HmcName, &Lockout)| {
                Some((hmc.clone(), lockout.due(), ledger.next_to_try(lockout)?.clone()))
            };
            ledger.hmcs.iter().filter_map(due).collect::<Vec<_>>()
        };
        for (hmc, at, node) in tries(&self.scratch) {
            if at > self.now() {
                self.wake(at);
            } else {
                // Refused only if it is not due, and then it is planned again.
                let _ = self.emit(Command::TryHmc { hmc, node });
            }
        }
    }

    /// Expires orders without an answer.
    pub(super) fn orders(&mut self) {
        let due: Vec<_> = self.scratch.orders.values().map(|order| (order.id, self.scratch.expiry(order))).collect();
        for (id, at) in due {
            if at > self.now() {
                self.wake(at);
            } else {
                let _ = self.emit(Command::Expire(id));
            }
        }
    }

    /// Servers that are down, came back, or are in doubt.
    pub(super) fn servers(&mut self) {
        let servers: Vec<ServerName> = self.scratch.servers.keys().cloned().collect();
        for server in servers {
            if self.is_fence_pointless(&server) {
                let _ = self.emit(Command::CallOff(server.clone()));
            }
            let up = |state: &ServerState| (state.live && state.system.is_up()) || self.is_node_heard(&server);
            if self.scratch.servers.get(&server).is_some_and(|state| state.off.is_some() && up(state)) {
                let _ = self.emit(Command::ReappearServer(server.clone()));
            }
            let Some(state) = self.scratch.servers.get(&server).cloned() else { continue };
            // If a server that came back goes down again, that is another loss.
            let down = state.live && state.system.is_down() && self.is_silent(&server);
            let wait = match state.dirty {
                _ if state.off.is_some() => None,
                Some(dirty) if !down => self.dirty(&server, dirty),
                Some(_) | None => self.doubt(&server, &state),
            };
            let wait = wait.or_else(|| self.server_upkeep(&server));
            let _ = self.emit(Command::ServerWait { server, wait });
        }
    }

    /// Whether an order to power a server off is open and pointless: the server is up or off, or its node is heard.
    fn is_fence_pointless(&self, server: &ServerName) -> bool {
        let fence = self.scratch.servers.get(server).and_then(|state| state.fence);
        let order = fence.and_then(|fence| self.scratch.orders.get(&fence));
        order.is_some_and(|order| self.scratch.fence_stands(order).is_err() || self.is_node_heard(server))
    }

    /// Whether this leader has just heard the server's own node: then the server is not off.
    fn is_node_heard(&self, server: &ServerName) -> bool {
        let node = self.scratch.config.node_on(server);
        let seen = node.and_then(|node| self.view.nodes.get(node));
        seen.is_some_and(|seen| seen.heard && seen.silence < self.scratch.config.timings.suspect)
    }

    /// Stops what runs on a dirty server without a tenure there, until it is clean.
    fn dirty(&mut self, server: &ServerName, dirty: Dirty) -> Option<ServerWait> {
        let mut strays = BTreeSet::new();
        let mut unread = false;
        let managed = self.scratch.groups.iter().filter(|(name, _)| self.scratch.is_looked_after(name));
        let groups: Vec<_> = managed.map(|(_, group)| Arc::clone(group)).collect();
        for group in groups {
            if group.tenure.as_ref().is_some_and(|tenure| tenure.covers(server)) {
                continue;
            }
            for (resource, copies) in &group.copies {
                // Nothing starts by itself inside a node that is not up yet; once it is up, it stops what does.
                let Some(copy) = copies.get(server).filter(|_| !self.scratch.is_inside(resource)) else { continue };
                unread |= !copy.is_active() && copy.since.is_none_or(|read| read < dirty.index);
                if let StartRisk::Loose(_) = copy.risk {
                    self.settle(resource, server, copy);
                }
                if copy.may_run() && copy.power != Power::Moving {
                    strays.insert(resource.clone());
                    if copy.stop.is_none() && self.retry_or_wake(copy.failed) {
                        let _ = self.emit(Command::Stop {
                            resource: resource.clone(),
                            server: server.clone(),
                            grace: Span(0),
                        });
                    }
                }
            }
        }
        if unread {
            self.probe(server);
        }
        if let Some(settled) = dirty.up.map(|up| self.scratch.settled_by(up))
            && settled > self.now()
        {
            self.wake(settled);
        }
        if self.emit(Command::CleanServer(server.clone())).is_ok() {
            return None;
        }
        Some(ServerWait::Cleaning { resources: strays })
    }

    /// A server whose node is silent: fenced if the witness says that it is down; waited for if the witness cannot say.
    fn doubt(&mut self, server: &ServerName, state: &ServerState) -> Option<ServerWait> {
        if !self.is_silent(server) {
            return None;
        }
        match state.system {
            SystemState::PowerOff | SystemState::PoweringOff | SystemState::Error
                if state.live && state.fence.is_none() && self.scratch.maintenance.disarmed =>
            {
                Some(ServerWait::Disarmed { system: state.system })
            }
            SystemState::PowerOff | SystemState::PoweringOff | SystemState::Error if state.live => {
                if state.fence.is_none() && self.retry_or_wake(state.fence_failed) {
                    let _ = self.emit(Command::Fence(server.clone()));
                }
                Some(ServerWait::Fencing)
            }
            SystemState::Operating | SystemState::Standby | SystemState::Initializing => None,
            SystemState::PowerOff
            | SystemState::PoweringOff
            | SystemState::Error
            | SystemState::NoConnection
            | SystemState::NoWitness
            | SystemState::Unknown => {
                let concerned = self.scratch.groups_on(server).next().is_some();
                let node = self.homes.get(server).cloned();
                let read = state.since.is_some();
                (concerned && read).then_some(ServerWait::NoProof { node, system: state.system })
            }
        }
    }
}
