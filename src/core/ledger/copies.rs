//! Proofs, as queries on the ledger: the planner uses them too, so that it never proposes a command that is refused.

use super::{CopyState, GroupState, Ledger, Phase, ServerState, StartRisk};
use crate::{
    ForeignText, GroupName, NodeName, Power, Reading, Refusal, ResourceName, ServerName, SystemState,
    config::{Load, Operations},
    listing::{Known, KnownOn},
    note::{Conflict, NotHere, Proof},
};
use std::collections::{BTreeMap, BTreeSet};

impl Ledger {
    /// The identity of an LPAR on a server as known before its list is read: the reader needs it to recognize the
    /// LPAR. A mobile LPAR takes its UUID along, and is gone from a server once it was listed on another by a reading
    /// that is not older.
    pub fn known(&self, resource: &ResourceName, server: &ServerName) -> Known {
        let group = self.group_of(resource).and_then(|name| self.groups.get(name));
        let Some(copies) = group.and_then(|group| group.copies.get(resource)) else { return Known::default() };
        let mobile = self.is_mobile(resource);
        let own = copies.get(server);
        let carried = || copies.values().filter(|_| mobile).find_map(|copy| copy.uuid.clone());
        let elsewhere = |at: u64| {
            copies.iter().filter(|(place, _)| mobile && *place != server).any(|(_, copy)| {
                let here = !matches!(copy.power, Power::Absent | Power::Missing);
                here && copy.listed.is_some_and(|listed| listed >= at)
            })
        };
        Known {
            uuid: own.and_then(|copy| copy.uuid.clone()).or_else(carried),
            listed: own.and_then(|copy| copy.listed).is_some_and(|at| !elsewhere(at)),
        }
    }

    /// The same for all LPARs that may be on a server, and for its node's LPAR.
    pub fn known_on(&self, server: &ServerName) -> KnownOn {
        let groups =
            self.groups.values().filter(|group| group.copies.values().any(|copies| copies.contains_key(server)));
        let lpars = groups.flat_map(|group| group.copies.keys()).filter(|resource| !self.is_inside(resource));
        let lpars = lpars.map(|resource| (resource.clone(), self.known(resource, server))).collect();
        KnownOn { lpars, node: self.own_lpar(server).map(str::to_owned) }
    }

    /// The state of an LPAR by a reading. Checked here too, because the reader may have known less of the LPAR.
    pub fn reads(&self, reading: &Reading, resource: &ResourceName) -> Power {
        let uuid = reading.listed.get(resource).and_then(|listed| listed.uuid.as_deref());
        let power = reading.power(resource);
        // An LPAR that was found under another name, or is left alone, is `Unknown` already.
        if reading.alarm(resource).is_some() { power } else { self.known(resource, &reading.server).says(power, uuid) }
    }

    /// The remark of a reading on an LPAR.
    pub fn said(reading: &Reading, resource: &ResourceName) -> ForeignText {
        let remark = reading.listed.get(resource).and_then(|listed| listed.remark.as_ref());
        remark.map(|remark| remark.to_string().into()).unwrap_or_default()
    }

    /// Whether a reading in which an LPAR has this state lists the LPAR itself, and not another one under its name.
    pub fn lists(reading: &Reading, resource: &ResourceName, power: Power) -> bool {
        !matches!(power, Power::Absent | Power::Missing) && reading.alarm(resource).is_none()
    }

    /// Checks that this copy cannot be active: its server is proven off; or the hypervisor is not up yet; or it died
    /// with its node; or it was read off after the last start could take effect, and the server does not start things
    /// by itself. A passive resource needs no proof.
    pub fn vouches(&self, group: &GroupState, resource: &ResourceName, server: &ServerName) -> Result<(), Refusal> {
        self.reads_off(group, resource, server)?;
        match self.servers.get(server) {
            // A server that comes up starts LPARs by itself, but nothing inside its node.
            Some(state) if state.dirty.is_some() && !state.is_rising() && !self.is_inside(resource) => {
                Err(Refusal::Dirty { server: server.clone() })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The same, where it does not matter that a dirty server may start the copy by itself.
    pub fn reads_off(&self, group: &GroupState, resource: &ResourceName, server: &ServerName) -> Result<(), Refusal> {
        let state = self.servers.get(server);
        if state.is_some_and(|state| state.off.is_some()) || group.passive.contains(resource) {
            return Ok(());
        }
        let inside = self.is_inside(resource);
        if self.died_inside(resource, server).is_some() {
            return Ok(());
        }
        let copy = group.copies.get(resource).and_then(|copies| copies.get(server)).cloned().unwrap_or_default();
        if copy.risk != StartRisk::None {
            return Err(Refusal::StartInFlight { resource: resource.clone(), server: server.clone() });
        }
        if !copy.is_quiet() && (inside || !state.is_some_and(ServerState::is_rising)) {
            let (resource, server) = (resource.clone(), server.clone());
            return Err(Refusal::NotProvenOff { resource, server, power: copy.power });
        }
        Ok(())
    }

    /// Whether a resource inside a node whose agent cannot tell its state any more counts as down, as it was: it was
    /// down there when its group was granted its tenure elsewhere, and no start of ours was ordered there since. That
    /// suffices for starts under that tenure, and for nothing else: no tenure begins or ends by it.
    pub(super) fn stands_by(&self, copies: &BTreeMap<ServerName, CopyState>, server: &ServerName) -> bool {
        let copy = copies.get(server);
        copy.is_some_and(|copy| copy.idle && copy.power == Power::Unknown && copy.risk == StartRisk::None)
    }

    /// The proof that nothing runs under the group's tenure any more.
    pub fn departure(&self, name: &GroupName, group: &GroupState) -> Result<Proof, Refusal> {
        let tenure = group.tenure.as_ref().ok_or_else(|| Refusal::NotOnline { group: name.clone() })?;
        if let Some(off) = self.servers.get(&tenure.server).and_then(|server| server.off.as_ref()) {
            if let Some(migration) = tenure.migration() {
                self.gone_from(group, &migration.to, migration.index)?;
            }
            return Ok(Proof::ServerOff(off.how.clone()));
        }
        let died_with = |resource: &ResourceName| self.died_inside(resource, &tenure.server);
        if group.owned().all(|(resource, _)| died_with(resource).is_some())
            && let Some((node, off)) = self.node_off_on(&tenure.server)
        {
            return Ok(Proof::NodeOff { node: node.clone(), how: off.how.clone() });
        }
        let mut died = None;
        let index = match tenure.phase {
            Phase::Leaving { index, .. } => index,
            // A group that is merely watched was not told to stop: that it reads off is enough.
            Phase::Starting | Phase::Online if !self.is_looked_after(name) => 0,
            Phase::Starting | Phase::Online | Phase::Migrating(_) => {
                return Err(Refusal::AlreadyOn { group: name.clone(), server: tenure.server.clone() });
            }
        };
        let mut oldest = u64::MAX;
        for (resource, copies) in &group.copies {
            self.reads_off(group, resource, &tenure.server)?;
            let since = copies.get(&tenure.server).and_then(|copy| copy.since).unwrap_or_default();
            if group.passive.contains(resource) {
                continue;
            }
            if let Some(off) = died_with(resource) {
                died = Some(off);
                continue;
            }
            if since < index {
                let (resource, server) = (resource.clone(), tenure.server.clone());
                return Err(Refusal::NotProvenOff { resource, server, power: Power::Unknown });
            }
            oldest = oldest.min(since);
        }
        Ok(match died {
            Some((node, off)) => Proof::NodeOff { node: node.clone(), how: off.how.clone() },
            None => Proof::ReadOff { since: oldest, undefined: self.undefined(group, &tenure.server) },
        })
    }

    /// The resources that are not defined on a server, and so were not read off: a proof that rests on that names them.
    pub(super) fn undefined(&self, group: &GroupState, server: &ServerName) -> BTreeSet<ResourceName> {
        let absent = |copies: &BTreeMap<ServerName, CopyState>| {
            copies.get(server).is_some_and(|copy| copy.power == Power::Absent)
        };
        group.owned().filter(|(_, copies)| absent(copies)).map(|(resource, _)| resource.clone()).collect()
    }

    /// The reason that the group may not run on this server now; `None` if it may. Says nothing of other servers.
    pub fn not_here(&self, name: &GroupName, group: &GroupState, server: &ServerName) -> Option<NotHere> {
        self.unable(name, group, server).or_else(|| self.crowded(name, group, server))
    }

    /// The same, but without strict rules and the room beside what runs there.
    pub fn unable(&self, name: &GroupName, group: &GroupState, server: &ServerName) -> Option<NotHere> {
        self.unfit(name, group, server, |resource, power| {
            (power == Power::Absent).then(|| self.not_brought(group, resource, server)).flatten()
        })
    }

    /// The common part of `unable` and `not_migrated`, which differ in their check of a single copy, `copy`.
    pub(super) fn unfit(
        &self,
        name: &GroupName,
        group: &GroupState,
        server: &ServerName,
        copy: impl Fn(&ResourceName, Power) -> Option<NotHere>,
    ) -> Option<NotHere> {
        if group.faults.contains_key(server) {
            return Some(NotHere::Faulted);
        }
        let Some(state) = self.servers.get(server) else { return Some(NotHere::Unread) };
        let (lpars, inside) = self.lives(group);
        // Resources inside nodes need no witness, but their node must be there.
        let ready = if lpars || !inside { not_ready(state) } else { state.off.as_ref().map(|_| NotHere::ProvenOff) };
        if let Some(why) = ready.or_else(|| state.closed().map(NotHere::from)) {
            return Some(why);
        }
        if (lpars || !inside) && !self.is_watched(state) {
            return Some(NotHere::NobodyWatches);
        }
        if inside && self.node_in_charge(server).is_none() {
            let node = self.config.node_on(server).cloned().unwrap_or_else(|| NodeName::from(""));
            return Some(NotHere::NodeDown { node });
        }
        for (resource, copies) in &group.copies {
            let power = copies.get(server).map(|copy| copy.power).unwrap_or_default();
            if group.passive.contains(resource) {
                if self.is_persistent(resource) && power != Power::Running {
                    return Some(NotHere::PersistentDown { resource: resource.clone() });
                }
                continue;
            }
            if let Some(why) = copy(resource, power) {
                return Some(why);
            }
            if self.reads_off(group, resource, server).is_err() {
                return Some(NotHere::NotReadOff { resource: resource.clone(), power });
            }
            if self.vios_lost(resource, state) {
                return Some(NotHere::ViosDown { resource: resource.clone() });
            }
        }
        self.link_forbids(name, group, server)
    }

    /// The reason that the group does not fit on this server beside what is there: a strict rule, or too little room.
    pub fn crowded(&self, name: &GroupName, group: &GroupState, server: &ServerName) -> Option<NotHere> {
        let state = self.servers.get(server)?;
        self.rule_forbids(name, group, server).or_else(|| self.no_room(name, server, state))
    }

    /// Whether a resource is persistent: it is there or is not, and is neither started nor stopped.
    pub fn is_persistent(&self, resource: &ResourceName) -> bool {
        let declared = self.config.resources.get(resource);
        declared.is_some_and(|declared| declared.operations() == Operations::None && !declared.monitor_only)
    }

    /// Whether the server has a watcher whose lease may be good.
    pub fn is_watched(&self, server: &ServerState) -> bool {
        server.watcher.as_ref().is_some_and(|node| self.nodes.get(node).is_some_and(|node| node.lapsed().is_none()))
    }

    /// Whether changes on a server are seen: its watcher reads it Operating, or, where no manager can be asked, its
    /// node is there.
    pub fn is_attended(&self, name: &ServerName, server: &ServerState) -> bool {
        if !self.config.has_manager(name) {
            return self.node_in_charge(name).is_some();
        }
        server.live && server.system == SystemState::Operating && self.is_watched(server)
    }

    /// Whether some of the VIO servers that the LPAR names are on this server, and all of those are down.
    pub fn vios_lost(&self, resource: &ResourceName, server: &ServerState) -> bool {
        let Some(declared) = self.config.lpar(resource) else { return false };
        let mut here = declared.vios.iter().filter_map(|vios| server.vios.get(vios)).peekable();
        here.peek().is_some() && here.all(|up| !up)
    }

    /// Load of the group: its own, and that of its resources.
    pub fn demand(&self, name: &GroupName, group: &GroupState) -> Load {
        let own = self.config.groups.get(name).map(|declared| declared.load).unwrap_or_default();
        let resources = group.copies.keys().filter_map(|resource| self.config.resources.get(resource));
        resources.fold(own, |sum, resource| sum.plus(resource.load()))
    }

    pub(super) fn no_room(&self, name: &GroupName, server: &ServerName, state: &ServerState) -> Option<NotHere> {
        let declared = self.config.servers.get(server)?;
        let need = self.demand(name, self.groups.get(name)?);
        let short = |limit: Option<u64>, used: u64, need: u64| {
            limit.map(|limit| limit.saturating_sub(used)).filter(|free| need > *free)
        };
        if let Some(free) = short(declared.memory, state.used.memory, need.memory) {
            return Some(NotHere::NoMemory { need: need.memory, free });
        }
        if let Some(free) = short(declared.processors, state.used.processors, need.processors) {
            return Some(NotHere::NoProcessors { need: need.processors, free });
        }
        for (limit, need) in &self.config.groups.get(name)?.prerequisites {
            let has = declared.limits.get(limit).copied().unwrap_or_default();
            let free = has.saturating_sub(state.limits_used.get(limit).copied().unwrap_or_default());
            if *need > free {
                return Some(NotHere::Limit { limit: limit.clone(), need: *need, free });
            }
        }
        None
    }

    /// The copies that are active without right while those with right run, by readings that began after the conflict
    /// was found: if these are stopped, every remaining copy is where it belongs. Empty as soon as this fails for one
    /// resource: whoever started the second copy may have known that the first is gone.
    pub fn wrong_copies(&self, group: &GroupState) -> Vec<(ResourceName, ServerName)> {
        let (Some(tenure), Some(held)) = (&group.tenure, group.judged_from()) else { return Vec::new() };
        let stays = matches!(tenure.phase, Phase::Starting | Phase::Online);
        let (lpars, inside) = self.lives(group);
        // Resources inside nodes are watched by these, whether an HMC answers or not.
        let watched = |server: &ServerName| {
            let by_hmc = self.servers.get(server).is_some_and(|state| state.is_working() && self.is_watched(state));
            (by_hmc || !lpars) && (!inside || self.node_in_charge(server).is_some())
        };
        if !stays || !watched(&tenure.server) {
            return Vec::new();
        }
        let fresh = |copy: &CopyState| copy.since.is_some_and(|since| since >= held);
        let mut wrong = Vec::new();
        for (server, resources) in &self.active_places(group).active {
            if *server == tenure.server {
                continue;
            }
            for resource in resources {
                let copy = |at: &ServerName| group.copies.get(resource).and_then(|copies| copies.get(at));
                let right = copy(&tenure.server).is_some_and(|own| own.power == Power::Running && fresh(own));
                if !right || !copy(server).is_some_and(fresh) {
                    return Vec::new();
                }
                wrong.push((resource.clone(), server.clone()));
            }
        }
        wrong
    }

    /// The places where copies of the group are active by the last live readings, without servers proven off or dirty.
    pub fn active_places(&self, group: &GroupState) -> Conflict {
        let mut active: BTreeMap<ServerName, _> = BTreeMap::new();
        for (resource, copies) in group.copies.iter().filter(|(resource, _)| !group.passive.contains(*resource)) {
            for (server, copy) in copies {
                let counts = |state: &ServerState| state.off.is_none() && state.dirty.is_none();
                if copy.is_active() && self.servers.get(server).is_some_and(counts) {
                    active
                        .entry(server.clone())
                        .or_insert_with(std::collections::BTreeSet::new)
                        .insert(resource.clone());
                }
            }
        }
        Conflict { active }
    }
}

pub(super) fn not_ready(state: &ServerState) -> Option<NotHere> {
    if state.off.is_some() {
        return Some(NotHere::ProvenOff);
    }
    if state.since.is_none() {
        return Some(NotHere::Unread);
    }
    if !state.live || state.system != SystemState::Operating {
        return Some(NotHere::NotReady(state.system));
    }
    state.dirty.map(|_| NotHere::Dirty)
}
