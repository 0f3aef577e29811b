//! Facts: readings, reports, proofs of servers, and times that have passed.

use super::{CopyState, Dirty, NodeState, OffProof, StartRisk, apply::Applying};
use crate::{
    Author, ForeignText, GroupName, Ledger, NodeName, Note, OrderId, Power, Reading, Refusal, ResourceName, Seen,
    ServerName, Span, SystemState, Time,
    node::surely_over,
    note::OffHow,
    order::{Action, Ending, Order, Report},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Number of starts by no order of ours after which a group counts as managed by somebody else, too.
const STRANGE: usize = 3;

impl Applying<'_> {
    /// Takes a reading by the server's watcher.
    pub(super) fn observe(&mut self, reading: &Reading) -> Result<(), Refusal> {
        let state = self.server(&reading.server)?;
        let stale = || Refusal::Stale { server: reading.server.clone() };
        let elsewhen = reading.since < state.declared || self.is_foreseen(reading.since);
        if state.watcher.as_ref() != Some(&reading.by) || state.is_past(reading) || elsewhen {
            return Err(stale());
        }
        if self.ledger.nodes.get(&reading.by).is_none_or(NodeState::is_out) {
            return Err(Refusal::Lapsed { node: reading.by.clone() });
        }
        self.absorb(reading)
    }

    /// Whether a fact claims to follow an entry that did not exist when it was observed: it would count as the newest
    /// for ever.
    fn is_foreseen(&self, since: u64) -> bool {
        since >= self.ledger.index
    }

    /// Takes over a reading that is not older than what is known.
    fn absorb(&mut self, reading: &Reading) -> Result<(), Refusal> {
        let now = self.ledger.now;
        if self.is_foreseen(reading.since) {
            return Ok(());
        }
        let state = self.server_mut(&reading.server)?;
        if state.is_past(reading) || reading.since < state.declared {
            return Ok(());
        }
        state.read = Some((reading.by.clone(), reading.serial));
        // Readings that are no news are not recorded: until this one, the last one held.
        if reading.tells_lpars() || state.tells_lpars() {
            state.lpars_read = Some(now);
        }
        let from = std::mem::replace(&mut state.system, reading.system);
        state.live = reading.live;
        state.live_since = if reading.live { state.live_since.or(Some(now)) } else { None };
        let first = state.since.replace(reading.since).is_none();
        // Even where nobody could prove it off: a server that comes up may start LPARs by itself.
        let rises = match reading.system {
            SystemState::Initializing => from != SystemState::Initializing,
            SystemState::Operating | SystemState::Standby => {
                matches!(from, SystemState::PowerOff | SystemState::PoweringOff | SystemState::Initializing)
            }
            SystemState::PowerOff
            | SystemState::PoweringOff
            | SystemState::Error
            | SystemState::NoConnection
            | SystemState::NoWitness
            | SystemState::Unknown => false,
        };
        let rises = rises && reading.live && !first && state.off.is_none() && state.dirty.is_none();
        let mut down = None;
        if reading.tells_vios() {
            let (before, after) = (down_of(&state.vios), down_of(&reading.vios));
            state.vios.clone_from(&reading.vios);
            down = (before != after).then_some(after);
        }
        if let Some(dirty) = &mut state.dirty {
            dirty.up = dirty.up.or(Some(now)).filter(|_| reading.live && reading.system == SystemState::Operating);
        }
        if first || from != reading.system {
            let (server, to, by) = (reading.server.clone(), reading.system, reading.by.clone());
            self.note(Note::SystemChanged { server, from, to, by });
        }
        if rises {
            self.mark_dirty(&reading.server, false);
        }
        if let Some(down) = down {
            self.note(Note::ViosChanged { server: reading.server.clone(), down });
        }
        self.absorb_node(reading);
        for resource in reading.copies.keys().filter(|_| reading.tells_lpars()) {
            self.absorb_lpar(reading, resource);
        }
        Ok(())
    }

    /// Takes over the line of a list about an LPAR: its state, and at the first reading its UUID.
    fn absorb_lpar(&mut self, reading: &Reading, resource: &ResourceName) {
        if self.ledger.config.lpar(resource).is_none() {
            return;
        }
        let (power, said) = (self.ledger.reads(reading, resource), Ledger::said(reading, resource));
        let listed = Ledger::lists(reading, resource, power);
        let seen = Seen { power, since: reading.since, confidence: 100, said, ..Seen::default() };
        let Some(name) = self.ledger.group_of(resource).cloned() else { return };
        let new = self.ledger.groups.get(&name).and_then(|group| group.copies.get(resource)?.get(&reading.server));
        let new = new.is_some_and(|copy| copy.said != seen.said) && reading.alarm(resource).is_some();
        if !self.absorb_copy(&reading.server, resource, &seen) {
            return;
        }
        if new {
            let (group, resource, server) = (name.clone(), resource.clone(), reading.server.clone());
            self.note(Note::NotItself { group, resource, server, said: seen.said });
        }
        let alone = reading.alarm(resource).is_some();
        let mobile = self.ledger.is_mobile(resource);
        let Ok(group) = self.group_mut(&name) else { return };
        let copy = group.copies.get_mut(resource).and_then(|copies| copies.get_mut(&reading.server));
        let Some(copy) = copy else { return };
        copy.alone = alone;
        if listed {
            copy.listed = Some(if mobile { reading.since } else { 0 });
            let uuid = reading.listed.get(resource).and_then(|listed| listed.uuid.clone());
            copy.uuid = copy.uuid.take().or(uuid);
        }
        if listed && mobile {
            self.found_here(&name, resource, reading);
        }
    }

    /// Marks a mobile LPAR that is listed on a server as absent from the servers where it was missing.
    fn found_here(&mut self, name: &GroupName, resource: &ResourceName, reading: &Reading) {
        let Ok(group) = self.group_mut(name) else { return };
        let mut gone = Vec::new();
        for (server, copy) in group.copies.get_mut(resource).into_iter().flatten() {
            let older = copy.listed.is_none_or(|at| at <= reading.since);
            if *server != reading.server && copy.power == Power::Missing && older {
                copy.power = Power::Absent;
                gone.push(server.clone());
            }
        }
        for server in gone {
            let (group, resource, said) = (name.clone(), resource.clone(), ForeignText::default());
            let (from, to, inside) = (Power::Missing, Power::Absent, false);
            self.note(Note::CopyChanged { group, resource, server, from, to, said, inside });
        }
    }

    /// Takes over a reading that a node made for an order, of a server that another node watches: it can only take
    /// away what vouches there, and proves nothing. Readings by two nodes cannot be ordered in time (each says when
    /// it began, and a slow one is newer in the world than a quick one that began later), so only readings that
    /// follow the report count next. Gives back whether it was news.
    fn take_away(&mut self, order: OrderId, reading: &Reading) -> bool {
        let Some(state) = self.ledger.servers.get(&reading.server).filter(|_| reading.tells_lpars()) else {
            return false;
        };
        let elsewhen = reading.since < state.declared || self.is_foreseen(reading.since);
        if elsewhen || !order.precedes(reading.since) {
            return false;
        }
        let mut news = false;
        if reading.system.is_up() && state.off.as_ref().is_some_and(|off| reading.since >= off.index) {
            self.give_up(&reading.server);
            news = true;
        }
        let index = self.ledger.index;
        for resource in reading.copies.keys() {
            let power = self.ledger.reads(reading, resource);
            let Some(name) = self.ledger.group_of(resource).cloned().filter(|_| !power.is_inactive()) else { continue };
            let copy = self.ledger.groups.get(&name).and_then(|group| group.copies.get(resource)?.get(&reading.server));
            let vouched = copy.filter(|copy| copy.power.is_inactive() && reading.since >= copy.declared);
            let Some(known) = vouched.map(|copy| copy.since) else { continue };
            if known.is_none_or(|since| since <= reading.since) {
                self.absorb_lpar(reading, resource);
            }
            let Ok(group) = self.group_mut(&name) else { continue };
            if let Some(copy) = group.copies.get_mut(resource).and_then(|copies| copies.get_mut(&reading.server)) {
                copy.quiet_from = index;
            }
            news = true;
        }
        news
    }

    /// Takes over a look at one copy. Gives back whether it counts: it is not older than what was known.
    pub(super) fn absorb_copy(&mut self, server: &ServerName, resource: &ResourceName, seen: &Seen) -> bool {
        let (now, index_now) = (self.ledger.now, self.ledger.index);
        let inside = self.ledger.is_inside(resource);
        let Some(name) = self.ledger.group_of(resource).cloned().filter(|_| !self.is_foreseen(seen.since)) else {
            return false;
        };
        let Ok(group) = self.group_mut(&name) else { return false };
        let here = group.tenure.as_ref().is_some_and(|tenure| tenure.server == *server);
        let moves = group.tenure.as_ref().is_some_and(|tenure| tenure.migration().is_some());
        let again = moves || group.overlaps.now.is_some();
        let Some(copy) = group.copies.get_mut(resource).and_then(|copies| copies.get_mut(server)) else {
            return false;
        };
        let order = (seen.since, seen.serial);
        let older = copy.since.is_some_and(|since| (since, copy.serial) > order);
        if older || seen.since < copy.declared {
            return false;
        }
        let quiet = copy.is_quiet() && copy.quiet_from != index_now;
        let known = copy.since.replace(seen.since).is_some();
        copy.serial = seen.serial;
        let (power, from) = (seen.power, std::mem::replace(&mut copy.power, seen.power));
        copy.idle = copy.is_quiet() || (copy.idle && power == Power::Unknown);
        if here {
            group.runs.entry(resource.clone()).or_default().absorb(power, now);
        }
        copy.confidence = seen.confidence;
        copy.said = seen.said.clone();
        let on_purpose = here && power == Power::OffOnPurpose && from != power;
        // On the server of its tenure, it may have come back by itself before anybody did anything about it.
        let strange = known && quiet && power.is_active() && !here;
        let news = from != power && (known || power.is_active());
        if news {
            let (resource, server, said) = (resource.clone(), server.clone(), seen.said.clone());
            self.note(Note::CopyChanged { group: name.clone(), resource, server, from, to: power, said, inside });
        }
        if on_purpose {
            let (resource, server) = (resource.clone(), server.clone());
            self.note(Note::StoppedOnPurpose { group: name.clone(), resource, server });
        }
        if strange {
            self.started_by_others(&name, resource, server);
        }
        // A look that is no news may show that two are active at the same time, or stand still after a move.
        if from != power || again {
            self.count_copies(&name);
        }
        true
    }

    /// Counts a start by no order of ours. Once, that is an operator's hand; if it happens again and again, somebody
    /// else manages the group, too: that is noted, and the group is frozen until an operator has settled whose it is,
    /// except that the wrong one of two copies is stopped. LPARs that a server starts by itself when it comes up, and
    /// moves, do not count.
    fn started_by_others(&mut self, name: &GroupName, resource: &ResourceName, server: &ServerName) {
        let (now, window) = (self.ledger.now, self.ledger.config.brakes.flap_window);
        let comes_up =
            self.ledger.servers.get(server).is_some_and(|state| state.dirty.is_some() || state.off.is_some());
        let ours = self.ledger.is_looked_after(name) && !self.ledger.is_mobile(resource);
        let Ok(group) = self.group_mut(name) else { return };
        if comes_up || !ours || group.frozen || group.passive.contains(resource) {
            return;
        }
        let strange = group.upkeep.strange.entry(resource.clone()).or_default();
        strange.retain(|at| now.since(*at) < window);
        strange.push(now);
        let times = strange.len();
        if times < STRANGE {
            return;
        }
        group.upkeep.strange.clear();
        (group.frozen, group.upkeep.frozen, group.upkeep.strangers) = (true, true, true);
        let (group, resource, server) = (name.clone(), resource.clone(), server.clone());
        self.note(Note::SomebodyElse { group, resource, server, times, within: window });
    }

    /// Takes a node's report of an order.
    pub(super) fn report(&mut self, report: &Report) -> Result<(), Refusal> {
        // A node answers its own orders, with its own readings.
        if let Author::Agent(node) = self.author {
            let of = self.ledger.orders.get(&report.order).map(|order| &order.node);
            let read_by = report.readings.iter().map(|reading| &reading.by);
            if of.into_iter().chain(read_by).any(|by| by != node) {
                return Err(Refusal::NotItsBusiness { by: self.by().into() });
            }
        }
        let Some(order) = self.ledger.orders.remove(&report.order) else {
            // A reading is a fact, whatever became of the order.
            let news = report.readings.iter().filter(|reading| self.take_away(report.order, reading)).count() > 0;
            return if news { Ok(()) } else { Err(Refusal::NoOrder(report.order)) };
        };
        self.close(&order, &report.ending);
        let outdated = self.rose_since(&order, report);
        for reading in report.readings.iter().filter(|reading| reading.server != order.server) {
            self.take_away(order.id, reading);
        }
        for reading in report.readings.iter().filter(|reading| reading.server == order.server) {
            // A reading of a server that is no longer declared is ignored.
            let _ = self.absorb(reading);
        }
        for (resource, seen) in &report.seen {
            // A look at a resource that does not live in the node is ignored.
            let _ = self.absorb_seen(&order.node, resource, seen);
        }
        let done = report.ending == Ending::Done;
        if order.action == Action::Fence && done && !outdated {
            self.prove_off(&order.server, OffHow::Fenced { order: order.id, by: order.node.clone() });
        }
        if let Action::FenceNode { node } = &order.action
            && done
        {
            self.node_fenced(node, &order);
        }
        Ok(())
    }

    /// Whether the server was read up by a reading that may be newer than those of the report: then it came back
    /// before the report did, and may have been given work.
    fn rose_since(&self, order: &Order, report: &Report) -> bool {
        let read = report.readings.iter().filter(|reading| reading.server == order.server).map(|reading| reading.since);
        let read = read.max().unwrap_or(order.id.index);
        let known = self.ledger.servers.get(&order.server);
        known.is_some_and(|state| state.live && state.system.is_up() && state.since.is_some_and(|since| since >= read))
    }

    /// Records the proof that a server is off.
    pub(super) fn prove_off(&mut self, server: &ServerName, how: OffHow) {
        let (index, at) = (self.ledger.index, self.ledger.now);
        let Ok(state) = self.server_mut(server) else { return };
        state.off = Some(OffProof { how: how.clone(), index, at });
        state.dirty = None;
        self.void_moves(server);
        self.note(Note::ProvenOff { server: server.clone(), how });
        self.recount_overlaps();
    }

    /// Makes a node the watcher of a server.
    pub(super) fn assign(&mut self, server: &ServerName, node: &NodeName) -> Result<(), Refusal> {
        let known = self.ledger.nodes.get(node).ok_or_else(|| Refusal::NoNode(node.clone()))?;
        if known.lapsed().is_some() {
            return Err(Refusal::Lapsed { node: node.clone() });
        }
        let surrogate = self.ledger.config.node_on(server) != Some(node);
        let state = self.server_mut(server)?;
        if state.watcher.as_ref() == Some(node) {
            return Err(Refusal::NoChange);
        }
        let from = state.watcher.replace(node.clone());
        self.note(Note::WatcherChanged { server: server.clone(), from, to: node.clone(), surrogate });
        Ok(())
    }

    /// Settles a loose start whose time is over.
    pub(super) fn settle(&mut self, resource: &ResourceName, server: &ServerName) -> Result<(), Refusal> {
        let (now, index) = (self.ledger.now, self.ledger.index);
        let copy = self.ledger.group_of(resource).and_then(|name| self.ledger.groups.get(name));
        let copy = copy.and_then(|group| group.copies.get(resource)?.get(server));
        let settled =
            copy.is_some_and(|copy| matches!(copy.risk, StartRisk::Loose(at) if now >= self.ledger.settled_by(at)));
        let name = self.ledger.group_of(resource).cloned().ok_or_else(|| Refusal::NoResource(resource.clone()))?;
        let group = self.group_mut(&name)?;
        let group_moves = group.tenure.as_ref().is_some_and(|tenure| tenure.migration().is_some());
        let copy = group.copies.get_mut(resource).and_then(|copies| copies.get_mut(server));
        let Some(copy) = copy.filter(|_| settled) else {
            return Err(Refusal::NotSettled { resource: resource.clone(), server: server.clone() });
        };
        copy.risk = StartRisk::None;
        copy.quiet_from = index;
        let (resource, server) = (resource.clone(), server.clone());
        self.note(match group_moves {
            true => Note::MoveSettled { group: name, resource, server },
            false => Note::Settled { group: name, resource, server },
        });
        Ok(())
    }

    /// Closes an order that nobody answered in its time.
    pub(super) fn expire(&mut self, id: OrderId) -> Result<(), Refusal> {
        let order = self.ledger.orders.get(&id).ok_or(Refusal::NoOrder(id))?;
        if self.ledger.now < self.ledger.expiry(order) {
            return Err(Refusal::NoChange);
        }
        let order = self.ledger.orders.remove(&id).ok_or(Refusal::NoOrder(id))?;
        self.close(&order, &Ending::Unknown("no answer within its budget".into()));
        Ok(())
    }

    /// Gives up the proof that a server is off, because it is up: a live reading says so, or its own node is heard,
    /// which only the leader knows. To give up a proof is never unsafe. Nothing that is known of its copies counts
    /// any more.
    pub(super) fn reappear(&mut self, server: &ServerName) -> Result<(), Refusal> {
        let state = self.server(server)?;
        let Some(off) = &state.off else { return Err(Refusal::NotOff { server: server.clone() }) };
        let up = state.live && state.since.is_some_and(|since| since >= off.index) && state.system.is_up();
        let node = self.ledger.config.node_on(server).and_then(|node| self.ledger.nodes.get(node));
        if !up && node.is_none_or(|node| node.lapsed().is_some()) {
            return Err(Refusal::NotOff { server: server.clone() });
        }
        self.give_up(server);
        Ok(())
    }

    /// Gives up the proof that a server is off.
    fn give_up(&mut self, server: &ServerName) {
        let Ok(state) = self.server_mut(server) else { return };
        state.off = None;
        self.mark_dirty(server, true);
        self.outlive_server(server);
    }

    /// Marks a server that came up: nothing that is known of its copies counts any more, except of those that run
    /// there by right, if it was never proven off.
    fn mark_dirty(&mut self, server: &ServerName, was_off: bool) {
        let (index, now, managed) = (self.ledger.index, self.ledger.now, self.ledger.config.has_manager(server));
        let Ok(state) = self.server_mut(server) else { return };
        // Without a manager there are no LPARs, and nothing starts by itself that could be read.
        if managed {
            state.dirty = Some(Dirty { index, up: (state.system == SystemState::Operating).then_some(now) });
        }
        for group in self.ledger.groups.values_mut() {
            let by_right = group.tenure.as_ref().is_some_and(|tenure| tenure.covers(server));
            let concerned = group.copies.values().any(|copies| copies.contains_key(server));
            if !concerned || (by_right && !was_off) {
                continue;
            }
            let copies = Arc::make_mut(group).copies.values_mut();
            for copy in copies.filter_map(|copies| copies.get_mut(server)) {
                let (risk, stop) = (copy.risk, copy.stop);
                copy.forget(index);
                (copy.risk, copy.stop) = (risk, stop);
            }
        }
        let again = if managed {
            Note::Reappeared { server: server.clone() }
        } else {
            Note::Cleaned { server: server.clone() }
        };
        self.note(again);
        self.recount_overlaps();
        self.count_return(server);
    }

    /// Marks a dirty server as clean: everything on it was read, nothing runs there but by right, and its time to
    /// start things by itself is over. A copy whose state cannot be told vouches for nothing, but is no reason to
    /// keep the server from all other groups.
    pub(super) fn clean(&mut self, server: &ServerName) -> Result<(), Refusal> {
        let not_clean = || Refusal::NotClean { server: server.clone() };
        let state = self.server(server)?;
        let dirty = state.dirty.ok_or_else(not_clean)?;
        let settled = dirty.up.map(|up| self.ledger.settled_by(up));
        if settled.is_none_or(|settled| self.ledger.now < settled) {
            return Err(not_clean());
        }
        // A group that is merely watched is not stopped, so nothing waits for it.
        let config = Arc::clone(&self.ledger.config);
        let watched = |name: &GroupName| config.groups.get(name).is_some_and(|declared| !declared.managed);
        for (_, group) in self.ledger.groups.iter().filter(|(name, _)| !watched(name)) {
            let by_right = group.tenure.as_ref().is_some_and(|tenure| tenure.covers(server));
            let lpars = group.copies.iter().filter(|(resource, _)| config.lpar(resource).is_some());
            let mut here = lpars.filter_map(|(_, copies)| copies.get(server));
            let read = |copy: &CopyState| copy.since.is_some_and(|since| since >= dirty.index);
            let settled = |copy: &CopyState| read(copy) && copy.risk == StartRisk::None && copy.stop.is_none();
            if !by_right && !here.all(|copy| settled(copy) && !copy.may_run()) {
                return Err(not_clean());
            }
        }
        self.server_mut(server)?.dirty = None;
        self.mark_open(server);
        self.note(Note::Cleaned { server: server.clone() });
        Ok(())
    }
}

fn down_of(vios: &BTreeMap<String, bool>) -> BTreeSet<String> {
    vios.iter().filter(|(_, up)| !**up).map(|(name, _)| name.clone()).collect()
}

impl super::Ledger {
    /// Time from which on nothing that was sent by `at` can take effect any more.
    pub fn settled_by(&self, at: Time) -> Time {
        at.after(self.config.timings.settle).max(self.settles_end)
    }

    /// Time by which every lease that a node may hold now has ended, if it is granted none from now on.
    pub fn lease_ends(&self, node: &NodeName) -> Time {
        if self.nodes.get(node).is_some_and(|state| state.lapsed().is_some()) {
            return self.now;
        }
        self.now.after(surely_over(self.config.timings.lease)).max(self.leases_end)
    }

    /// Time at which an order that nobody answers is given up.
    pub fn expiry(&self, order: &Order) -> Time {
        let timings = &self.config.timings;
        order.issued.after(order.budget).after(timings.settle).after(timings.lease).after(Span::seconds(1))
    }
}
