//! Nodes, and what lives inside them: whether a node may act, what it says of its own resources, and the proofs that
//! nothing runs inside it.
//!
//! A silent node may still be running, so what lives inside it goes nowhere without a proof. There are five. Its LPAR
//! was read off by another node, after the leader had stopped granting it leases: a node that comes up again after
//! that is granted none before it is taken back. Its LPAR was cut off and read off. Its watchdog has had the time to
//! reset it. An operator asserted it. Its server was proven off. Silence alone, however
//! long, proves nothing: a process that was killed stops nothing.

use super::{GroupState, Intent, Leases, Ledger, NodeOff, NodeState, apply::Applying};
use crate::{
    GroupName, Inside, NodeName, Note, Power, Reading, Refusal, ResourceName, Seen, ServerName, Span, SystemState,
    Terms, Time, Verb,
    config::{Cluster, Failover, GroupKind},
    listing::{self, Remark},
    note::NodeOffHow,
    order::{Action, Ending, Order},
    trust::Act,
};
use std::{collections::BTreeSet, sync::Arc};

/// Safety margin on top of a watchdog's time.
const WATCHDOG_MARGIN: Span = Span::seconds(1);

impl Ledger {
    /// Whether a group that could run elsewhere lives inside a node, or may live there.
    pub fn matters(&self, node: &NodeName) -> bool {
        let Some(server) = self.config.nodes.get(node).and_then(|declared| declared.server.as_ref()) else {
            return false;
        };
        self.groups.iter().any(|(name, group)| self.is_stuck(name, group, server))
    }

    fn is_stuck(&self, name: &GroupName, group: &GroupState, server: &ServerName) -> bool {
        // Asked for every group, and most have their tenure elsewhere.
        if group.tenure.as_ref().is_some_and(|tenure| tenure.server != *server) {
            return false;
        }
        let lives_here = |resource: &ResourceName| {
            let here = group.copies.get(resource).is_some_and(|copies| copies.contains_key(server));
            here && self.is_inside(resource)
        };
        if !group.owned().any(|(resource, _)| lives_here(resource)) || !self.is_looked_after(name) {
            return false;
        }
        let declared = self.config.groups.get(name);
        let movable = declared.is_some_and(|declared| {
            declared.kind == GroupKind::Failover && declared.servers.len() > 1 && declared.failover != Failover::Never
        });
        if !movable || group.frozen || group.flushed {
            return false;
        }
        match &group.tenure {
            Some(_) => true,
            None => {
                let doubt =
                    |resource: &ResourceName| lives_here(resource) && self.vouches(group, resource, server).is_err();
                group.intent == Intent::Online && group.owned().any(|(resource, _)| doubt(resource))
            }
        }
    }

    /// The groups that would be cut off with a node if it were silent: they live inside it and could run elsewhere.
    pub fn inside(&self, node: &NodeName) -> Vec<&GroupName> {
        let server = self.config.nodes.get(node).and_then(|declared| declared.server.as_ref());
        let stuck =
            |(name, group): (&GroupName, &GroupState)| server.is_some_and(|server| self.is_stuck(name, group, server));
        let groups = self.groups.iter().map(|(name, group)| (name, &**group));
        groups.filter(|one| stuck(*one)).map(|(name, _)| name).collect()
    }

    /// The index at which it was permitted that a node stops for a while, until it is back.
    pub fn stops(&self, node: &NodeName) -> Option<u64> {
        let stops = |act: &Act| matches!(act, Act::StopNode { node: stopped, .. } if stopped == node);
        self.trust.acts.iter().find(|(_, act)| stops(act)).map(|(index, _)| *index)
    }

    /// Whether a resource lives inside a node, and dies with it.
    pub fn is_inside(&self, resource: &ResourceName) -> bool {
        self.config.resources.get(resource).is_some_and(|declared| declared.as_agent().is_some())
    }

    /// The node on a server, if it may be given orders.
    pub fn node_in_charge(&self, server: &ServerName) -> Option<&NodeName> {
        self.config.node_on(server).filter(|node| self.nodes.get(*node).is_some_and(|state| !state.is_out()))
    }

    /// The proof that nothing runs inside the node of a server.
    pub fn node_off_on(&self, server: &ServerName) -> Option<(&NodeName, &NodeOff)> {
        let node = self.config.node_on(server)?;
        Some((node, self.nodes.get(node)?.off()?))
    }

    /// The proof that a resource died with the node of a server. A watchdog proves that only for resources that must
    /// not run twice: while only others run, it is fed, and they may run on.
    pub fn died_inside(&self, resource: &ResourceName, server: &ServerName) -> Option<(&NodeName, &NodeOff)> {
        // Asked for each resource in each plan, and most are LPARs.
        if !self.is_inside(resource) {
            return None;
        }
        let (node, off) = self.node_off_on(server)?;
        let answers = !matches!(off.how, NodeOffHow::Watchdog { .. }) || self.config.lives_once(resource);
        answers.then_some((node, off))
    }

    /// Whether a group has managed LPARs, and whether it has resources inside nodes.
    pub fn lives(&self, group: &GroupState) -> (bool, bool) {
        let inside = group.copies.keys().filter(|resource| self.is_inside(resource)).count();
        (inside < group.copies.len(), inside > 0)
    }

    /// Time by which the watchdog of a silent node has certainly reset it, counted from the end of its last lease.
    /// One more lease is allowed for, granted while the leader was about to find that out.
    pub fn reset_by(&self, node: &NodeState) -> Option<Time> {
        let (lapsed, after) = (node.lapsed()?, node.watchdog?);
        Some(lapsed.after(self.config.timings.lease).after(after).after(after.drift()).after(WATCHDOG_MARGIN))
    }

    /// Log index from which on a reading of a silent node's LPAR counts: the node was granted no lease any more, and
    /// its LPAR was declared as it is now.
    pub fn reads_from(&self, node: &NodeState) -> Option<u64> {
        node.suspended().map(|suspended| suspended.max(self.configured))
    }

    /// The UUID of the LPAR of a server's node, if the node has read it.
    pub fn own_lpar(&self, server: &ServerName) -> Option<&str> {
        self.nodes.get(self.config.node_on(server)?)?.lpar.as_deref()
    }

    /// The remark because of which the LPAR that a reading found under the name of a node's must be left alone.
    /// Checked here too, because the reader may have known less of the LPAR.
    pub fn node_alarm(&self, reading: &Reading) -> Option<Remark> {
        let found = reading.node_listed.uuid.as_deref().filter(|_| reading.tells_lpars());
        reading.node_alarm().cloned().or_else(|| listing::another(self.own_lpar(&reading.server), found))
    }

    /// The state of a node's LPAR by a reading.
    pub fn reads_node(&self, reading: &Reading) -> Power {
        if self.node_alarm(reading).is_some() { Power::Unknown } else { reading.node_power() }
    }

    /// The present proof that nothing runs inside a node that is granted no lease, if there is one.
    pub(super) fn node_proof(&self, name: &NodeName, node: &NodeState) -> Option<NodeOffHow> {
        let from = self.reads_from(node)?;
        let server = self.config.nodes.get(name)?.server.as_ref().and_then(|server| self.servers.get(server));
        if let Some(server) = server
            && let Some((by, since)) = server.read.as_ref().map(|(by, _)| by).zip(server.since)
            && by != name
            && server.live
            // A server that seems to be down proves nothing about its LPARs before it was powered off for certain.
            && matches!(server.system, SystemState::Operating | SystemState::Standby)
            && server.node == Power::Off
            && since >= from
            && (node.known || !node.met)
        {
            return Some(NodeOffHow::ReadOff { since });
        }
        let after = node.watchdog.filter(|_| self.reset_by(node).is_some_and(|by| self.now >= by));
        after.map(|after| NodeOffHow::Watchdog { after })
    }
}

impl Applying<'_> {
    /// A node is to stop for a while: what lives inside it and would be cut off is frozen. What was frozen for an earlier
    /// stop from which it has not come back stays so.
    pub(super) fn stop_node(&mut self, node: &NodeName) -> Act {
        let mut frozen: BTreeSet<GroupName> = self.ledger.inside(node).into_iter().cloned().collect();
        frozen.iter().for_each(|name| self.freeze_for_stop(name, node));
        while let Some(index) = self.ledger.stops(node) {
            if let Some(Act::StopNode { frozen: before, .. }) = self.ledger.trust.acts.remove(&index) {
                frozen.extend(before);
            }
        }
        Act::StopNode { node: node.clone(), frozen }
    }

    fn freeze_for_stop(&mut self, name: &GroupName, node: &NodeName) {
        let terms = Terms { reason: Some(format!("node {node} stops").into()), lasts: None };
        let kept = self.kept(&terms);
        let Ok(group) = self.group_mut(name) else { return };
        (group.frozen, group.upkeep.frozen, group.upkeep.freeze) = (true, true, Some(kept));
        self.asked(Verb::Freeze { group: name.clone(), terms });
    }

    /// An operator's freeze has ended by itself. If the node in which the group lives is stopped, it stays frozen until that
    /// is back.
    pub(super) fn freeze_on(&mut self, name: &GroupName) {
        let lives_in = |node: &&NodeName| self.ledger.inside(node).contains(&name) && self.ledger.stops(node).is_some();
        let Some(node) = self.ledger.nodes.keys().find(lives_in).cloned() else { return };
        let Some(index) = self.ledger.stops(&node) else { return };
        self.freeze_for_stop(name, &node);
        if let Some(Act::StopNode { frozen, .. }) = self.ledger.trust.acts.get_mut(&index) {
            frozen.insert(name.clone());
        }
    }

    /// Ends what was frozen while a node was stopped.
    pub(super) fn thaw(&mut self, frozen: &BTreeSet<GroupName>) {
        for name in frozen {
            let declared = self.ledger.config.groups.get(name).is_some_and(|declared| declared.frozen);
            let Ok(group) = self.group_mut(name) else { continue };
            let thaws = group.upkeep.frozen && !group.upkeep.strangers;
            if thaws {
                (group.frozen, group.upkeep.frozen, group.upkeep.freeze) = (declared, false, None);
                self.asked(Verb::Unfreeze { group: name.clone() });
            }
        }
    }

    /// An operator has taken a group into their own hands: whatever stop it was frozen for, that is over for it.
    pub(super) fn keep_frozen_no_more(&mut self, group: &GroupName) {
        for act in self.ledger.trust.acts.values_mut() {
            if let Act::StopNode { frozen, .. } = act {
                frozen.remove(group);
            }
        }
    }

    fn node_mut(&mut self, name: &NodeName) -> Result<&mut NodeState, Refusal> {
        self.ledger.nodes.get_mut(name).ok_or_else(|| Refusal::NoNode(name.clone()))
    }

    /// Takes over changed declarations of nodes, and of what lives inside them. What a node said of another LPAR says
    /// nothing of this one, and an order to cut the other one off is called back. What it said of its watchdog counts
    /// no more either: it may have been cut off before it armed it anew, or before it knew what it has to stop.
    pub(super) fn redeclare_nodes(&mut self, before: &Cluster) {
        let now = Arc::clone(&self.ledger.config);
        let machine = |cluster: &Cluster, server: Option<&ServerName>| {
            server.and_then(|server| cluster.servers.get(server)).and_then(|server| server.mtms().map(str::to_owned))
        };
        let mut void = Vec::new();
        for (name, state) in &mut self.ledger.nodes {
            let Some(old) = before.nodes.get(name) else { continue };
            let Some(new) = now.nodes.get(name) else {
                void.extend(state.fence);
                continue;
            };
            let server = new.server.as_ref();
            let same_server = old.server == new.server && machine(before, server) == machine(&now, server);
            if !same_server || old.lpar != new.lpar {
                (state.known, state.lpar) = (false, None);
                if !same_server {
                    state.forget_proof();
                }
                void.extend(state.fence);
            }
            let same = server.is_none_or(|server| before.living_on(server).eq(now.living_on(server)));
            if old != new || !same {
                state.watchdog = None;
            }
            // A reset by the watchdog proves nothing of resources that the node did not know to live once.
            let by_watchdog = |off: &NodeOff| matches!(off.how, NodeOffHow::Watchdog { .. });
            if !same && state.off().is_some_and(by_watchdog) {
                state.forget_proof();
            }
        }
        for id in void {
            if let Some(order) = self.ledger.orders.get(&id).cloned() {
                self.call_back(&order, "the node is declared otherwise now".into());
            }
        }
    }

    /// Takes what a node says of its watchdog and of the resources inside it.
    pub(super) fn sense(&mut self, name: &NodeName, inside: &Inside) -> Result<(), Refusal> {
        let node = self.node_mut(name)?;
        if node.is_out() {
            return Err(Refusal::Lapsed { node: name.clone() });
        }
        node.met = true;
        node.watchdog = inside.watchdog;
        for (resource, seen) in &inside.seen {
            // A resource that is not declared there any more is ignored.
            let _ = self.absorb_seen(name, resource, seen);
        }
        Ok(())
    }

    /// Takes an agent's look. A look that began after an order had been closed follows the end of everything that the
    /// order ran, so no start is in flight any more.
    pub(super) fn absorb_seen(&mut self, node: &NodeName, resource: &ResourceName, seen: &Seen) -> Result<(), Refusal> {
        let no_server = || Refusal::NoResource(resource.clone());
        let server = self.ledger.config.nodes.get(node).and_then(|declared| declared.server.clone());
        let server = server.filter(|_| self.ledger.is_inside(resource)).ok_or_else(no_server)?;
        let name = self.ledger.group_of(resource).cloned().ok_or_else(no_server)?;
        let index = self.ledger.index;
        let group = self.group_mut(&name)?;
        if let Some(copy) = group.copies.get_mut(resource).and_then(|copies| copies.get_mut(&server))
            && matches!(copy.risk, super::StartRisk::Loose(_))
            && seen.since >= copy.quiet_from
            && seen.since < index
            && seen.power != Power::Unknown
        {
            copy.risk = super::StartRisk::None;
        }
        self.absorb_copy(&server, resource, seen);
        Ok(())
    }

    /// Takes what a reading says of the LPAR of the server's node.
    pub(super) fn absorb_node(&mut self, reading: &Reading) {
        let (power, alarm) = (self.ledger.reads_node(reading), self.ledger.node_alarm(reading));
        let Ok(server) = self.server_mut(&reading.server) else { return };
        let from = std::mem::replace(&mut server.node, power);
        let said = alarm.as_ref().filter(|_| server.node_alarm != alarm).map(ToString::to_string);
        if reading.tells_lpars() {
            server.node_alarm = alarm;
        }
        if let Some((said, node)) = said.zip(self.ledger.config.node_on(&reading.server).cloned()) {
            self.note(Note::NotItsLpar { node, server: reading.server.clone(), said: said.into() });
        }
        if self.ledger.config.node_on(&reading.server) != Some(&reading.by) {
            return;
        }
        let Some(node) = self.ledger.nodes.get_mut(&reading.by) else { return };
        node.met = true;
        match power {
            Power::Running => {
                node.known = true;
                node.lpar = node.lpar.take().or_else(|| reading.node_listed.uuid.clone());
            }
            // The node took another LPAR for its own.
            Power::Off => (node.known, node.lpar) = (false, None),
            Power::Absent => node.known = false,
            Power::Starting
            | Power::Stopping
            | Power::OffOnPurpose
            | Power::Unknown
            | Power::Moving
            | Power::Missing
            | Power::Error => {}
        }
        if power.is_inactive() && from != power {
            let (node, server) = (reading.by.clone(), reading.server.clone());
            self.note(Note::WrongLpar { node, server, power });
        }
    }

    /// Suspends the leases of a silent node: from here on, a reading of its LPAR off is a proof.
    pub(super) fn suspend_leases(&mut self, name: &NodeName) -> Result<(), Refusal> {
        let index = self.ledger.index;
        let node = self.node_mut(name)?;
        if node.is_out() {
            return Err(Refusal::AlreadySuspended { node: name.clone() });
        }
        node.leases = Leases::Suspended { from: index };
        Ok(())
    }

    /// Records that all leases of a node have ended: its orders are void, and its starts are loose.
    pub(super) fn lapse(&mut self, name: &NodeName) -> Result<(), Refusal> {
        if self.node_mut(name)?.lapsed().is_some() {
            return Err(Refusal::Lapsed { node: name.clone() });
        }
        if self.ledger.now < self.ledger.leases_end {
            return Err(Refusal::LeaseIsGood { node: name.clone() });
        }
        let (now, index) = (self.ledger.now, self.ledger.index);
        self.node_mut(name)?.lapse(index, now);
        self.note(Note::NodeLapsed { node: name.clone() });
        self.close_all(name);
        Ok(())
    }

    fn close_all(&mut self, name: &NodeName) {
        let void: Vec<Order> = self.ledger.orders.values().filter(|order| &order.node == name).cloned().collect();
        for order in void {
            self.ledger.orders.remove(&order.id);
            self.close(&order, &Ending::Unknown(format!("the lease of {name} has ended").into()));
        }
    }

    /// Takes back a node that was granted no lease and is heard again. An order to cut it off is called back.
    pub(super) fn node_return(&mut self, name: &NodeName) -> Result<(), Refusal> {
        let node = self.node_mut(name)?;
        if !node.is_out() {
            return Err(Refusal::NotLapsed { node: name.clone() });
        }
        let news = node.lapsed().is_some();
        (node.leases, node.fence_failed) = (Leases::Granted, None);
        if let Some(fence) = node.fence
            && let Some(order) = self.ledger.orders.remove(&fence)
        {
            self.close(&order, &Ending::Unknown(format!("node {name} is heard again").into()));
        }
        if news {
            self.note(Note::NodeReturned { node: name.clone() });
        }
        Ok(())
    }

    /// Records that nothing runs inside a node, with a proof that the ledger itself finds.
    pub(super) fn node_off(&mut self, name: &NodeName) -> Result<(), Refusal> {
        let node = self.ledger.nodes.get(name).ok_or_else(|| Refusal::NoNode(name.clone()))?;
        if node.off().is_some() {
            return Err(Refusal::NodeAlreadyOff { node: name.clone() });
        }
        let how = self.ledger.node_proof(name, node).ok_or_else(|| Refusal::NodeNotOff { node: name.clone() })?;
        self.prove_node_off(name, how)
    }

    /// Orders the watcher of its server to cut off the LPAR of a node.
    pub(super) fn fence_node(&mut self, name: &NodeName) -> Result<(), Refusal> {
        let node = self.ledger.nodes.get(name).ok_or_else(|| Refusal::NoNode(name.clone()))?;
        if node.lapsed().is_none() {
            return Err(Refusal::NodeHeard { node: name.clone() });
        }
        if node.off().is_some() {
            return Err(Refusal::NodeAlreadyOff { node: name.clone() });
        }
        let declared = self.ledger.config.nodes.get(name).filter(|declared| declared.lpar.is_some() && node.known);
        let server = declared.and_then(|declared| declared.server.clone());
        let itself =
            |server: &ServerName| self.ledger.servers.get(server).is_some_and(|about| about.node_alarm.is_none());
        let server = server.filter(itself).ok_or_else(|| Refusal::NoLpar { node: name.clone() })?;
        if node.fence.is_some() {
            return Err(Refusal::BeingFenced { server });
        }
        let watcher = self.watcher(&server)?;
        if watcher == *name {
            return Err(Refusal::NodeSpeaks { node: watcher, server });
        }
        let budget = self.ledger.config.timings.fence;
        let action = Action::FenceNode { node: name.clone() };
        let id = self.issue(watcher, &server, action, budget, None);
        self.node_mut(name)?.fence = Some(id);
        Ok(())
    }

    /// Closes an order to cut off the LPAR of a node.
    pub(super) fn close_node_fence(&mut self, name: &NodeName, ending: &Ending) {
        let failed = self.failed(ending);
        if let Some(node) = self.ledger.nodes.get_mut(name) {
            (node.fence, node.fence_failed) = (None, failed);
        }
    }

    /// Records that the LPAR of a node was cut off and read off. That proves nothing once the node has been taken back.
    pub(super) fn node_fenced(&mut self, name: &NodeName, order: &Order) {
        if self.ledger.nodes.get(name).is_some_and(|node| node.lapsed().is_some() && node.off().is_none()) {
            // The node exists, so this is not refused.
            let _ = self.prove_node_off(name, NodeOffHow::Fenced { order: order.id, by: order.node.clone() });
        }
    }

    /// Records an operator's assertion that nothing runs inside a node.
    pub(super) fn confirm_node_off(&mut self, name: &NodeName) -> Result<(), Refusal> {
        let node = self.ledger.nodes.get(name).ok_or_else(|| Refusal::NoNode(name.clone()))?;
        if node.off().is_some() {
            return Err(Refusal::NodeAlreadyOff { node: name.clone() });
        }
        if node.lapsed().is_none() {
            return Err(Refusal::NodeHeard { node: name.clone() });
        }
        let server = self.ledger.config.nodes.get(name).and_then(|declared| declared.server.as_ref());
        if let Some((server, state)) = server.and_then(|server| self.ledger.servers.get_key_value(server))
            && state.live
            && state.node.is_active()
        {
            let (node, server) = (name.clone(), server.clone());
            return Err(Refusal::NodeLooksAlive { node, server, power: state.node });
        }
        let by = self.by();
        self.prove_node_off(name, NodeOffHow::Operator { name: by })
    }

    /// Proves off the node of a server that was proven off and is up again. It has not run since, unless it was taken
    /// back.
    pub(super) fn outlive_server(&mut self, server: &ServerName) {
        let Some(node) = self.ledger.config.node_on(server).cloned() else { return };
        if self.ledger.nodes.get(&node).is_some_and(|state| state.is_out() && state.off().is_none()) {
            // The node exists, so this is not refused.
            let _ = self.prove_node_off(&node, NodeOffHow::Server);
        }
    }

    /// Records the proof: what lived inside the node is dead, and must be looked at anew once the node is back.
    fn prove_node_off(&mut self, name: &NodeName, how: NodeOffHow) -> Result<(), Refusal> {
        let (now, index) = (self.ledger.now, self.ledger.index);
        self.node_mut(name)?.prove_off(index, now, NodeOff { how: how.clone(), index });
        self.close_all(name);
        let Some(server) = self.ledger.config.nodes.get(name).and_then(|declared| declared.server.clone()) else {
            return Ok(());
        };
        let config = Arc::clone(&self.ledger.config);
        let by_watchdog = matches!(how, NodeOffHow::Watchdog { .. });
        let died = |resource: &ResourceName| {
            let inside = config.resources.get(resource).is_some_and(|one| one.as_agent().is_some());
            inside && (!by_watchdog || config.lives_once(resource))
        };
        let mut news = how != NodeOffHow::Server;
        for group in self.ledger.groups.values_mut() {
            let concerned = group.copies.iter().any(|(name, copies)| died(name) && copies.contains_key(&server));
            if !concerned {
                continue;
            }
            news = true;
            let copies = Arc::make_mut(group).copies.iter_mut().filter(|(name, _)| died(name));
            for copy in copies.filter_map(|(_, copies)| copies.get_mut(&server)) {
                // What the node said before it died is older than the proof.
                copy.forget(index);
                copy.since = Some(index);
            }
        }
        // A node inside which nothing lives is noted with its server.
        if news {
            self.note(Note::NodeProvenOff { node: name.clone(), how });
        }
        self.recount_overlaps();
        Ok(())
    }
}
