//! What the ledger can prove. Questions only: the planner asks them too, so that it never proposes what is refused.

use super::{GroupState, Ledger, Phase, ServerState, StartRisk};
use crate::{
    GroupName, LparName, Power, Refusal, ServerName, SystemState,
    note::{Conflict, NotHere, Proof},
};
use std::collections::BTreeMap;

impl Ledger {
    /// Whether nothing of this LPAR can be active on this server: the server is proven off; or its hypervisor is not up yet;
    /// or the copy was read off after the last start could take effect, and the server does not start things by itself.
    pub fn vouches(&self, group: &GroupState, lpar: &LparName, server: &ServerName) -> Result<(), Refusal> {
        self.reads_off(group, lpar, server)?;
        match self.servers.get(server) {
            Some(state) if state.dirty.is_some() && !state.is_rising() => {
                Err(Refusal::Dirty { server: server.clone() })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The same, where it does not matter what the server may start by itself in a moment.
    pub fn reads_off(&self, group: &GroupState, lpar: &LparName, server: &ServerName) -> Result<(), Refusal> {
        let state = self.servers.get(server);
        if state.is_some_and(|state| state.off.is_some()) {
            return Ok(());
        }
        let copy = group.copies.get(lpar).and_then(|copies| copies.get(server)).cloned().unwrap_or_default();
        if copy.risk != StartRisk::None {
            return Err(Refusal::StartInFlight { lpar: lpar.clone(), server: server.clone() });
        }
        if !copy.is_quiet() && !state.is_some_and(ServerState::is_rising) {
            let (lpar, server) = (lpar.clone(), server.clone());
            return Err(Refusal::NotProvenOff { lpar, server, power: copy.power });
        }
        Ok(())
    }

    /// The evidence that nothing runs under the group's tenure any more.
    pub fn departure(&self, name: &GroupName, group: &GroupState) -> Result<Proof, Refusal> {
        let tenure = group.tenure.as_ref().ok_or_else(|| Refusal::NotOnline { group: name.clone() })?;
        if let Some(off) = self.servers.get(&tenure.server).and_then(|server| server.off.as_ref()) {
            return Ok(Proof::ServerOff(off.how.clone()));
        }
        let Phase::Leaving { index, .. } = tenure.phase else {
            return Err(Refusal::AlreadyOn { group: name.clone(), server: tenure.server.clone() });
        };
        let mut oldest = u64::MAX;
        for (lpar, copies) in &group.copies {
            self.reads_off(group, lpar, &tenure.server)?;
            let since = copies.get(&tenure.server).and_then(|copy| copy.since).unwrap_or_default();
            if since < index {
                let (lpar, server) = (lpar.clone(), tenure.server.clone());
                return Err(Refusal::NotProvenOff { lpar, server, power: Power::Unknown });
            }
            oldest = oldest.min(since);
        }
        Ok(Proof::ReadOff { since: oldest })
    }

    /// Why the group may not run on this server now; `None` if it may. Says nothing of other servers.
    pub fn not_here(&self, name: &GroupName, group: &GroupState, server: &ServerName) -> Option<NotHere> {
        if group.faults.contains_key(server) {
            return Some(NotHere::Faulted);
        }
        let Some(state) = self.servers.get(server) else { return Some(NotHere::Unread) };
        if let Some(why) = not_ready(state) {
            return Some(why);
        }
        if !self.is_managed(state) {
            return Some(NotHere::NobodyManages);
        }
        for (lpar, copies) in &group.copies {
            let power = copies.get(server).map(|copy| copy.power).unwrap_or_default();
            if power == Power::Absent {
                return Some(NotHere::NotDefined { lpar: lpar.clone() });
            }
            if self.reads_off(group, lpar, server).is_err() {
                return Some(NotHere::NotReadOff { lpar: lpar.clone(), power });
            }
            if self.vios_lost(lpar, state) {
                return Some(NotHere::ViosDown { lpar: lpar.clone() });
            }
        }
        self.no_room(name, server, state)
    }

    /// Whether the server has a manager whose lease may be good.
    pub fn is_managed(&self, server: &ServerState) -> bool {
        server.manager.as_ref().is_some_and(|node| self.nodes.get(node).is_some_and(|node| node.lapsed.is_none()))
    }

    /// Whether some of the VIO servers that the LPAR names are on this server, and all of those are down.
    pub fn vios_lost(&self, lpar: &LparName, server: &ServerState) -> bool {
        let Some(declared) = self.config.lpars.get(lpar) else { return false };
        let mut here = declared.vios.iter().filter_map(|vios| server.vios.get(vios)).peekable();
        here.peek().is_some() && here.all(|up| !up)
    }

    /// What the group needs: memory in MiB, processing units in hundredths.
    pub fn demand(&self, group: &GroupState) -> (u64, u64) {
        group.copies.keys().filter_map(|lpar| self.config.lpars.get(lpar)).fold((0, 0), |(memory, processors), lpar| {
            (memory.saturating_add(lpar.memory), processors.saturating_add(lpar.processors))
        })
    }

    fn no_room(&self, name: &GroupName, server: &ServerName, state: &ServerState) -> Option<NotHere> {
        let declared = self.config.servers.get(server)?;
        let (memory, processors) = self.demand(self.groups.get(name)?);
        if let Some(limit) = declared.memory {
            let free = limit.saturating_sub(state.memory);
            if memory > free {
                return Some(NotHere::NoMemory { need: memory, free });
            }
        }
        let free = declared.processors?.saturating_sub(state.processors);
        (processors > free).then_some(NotHere::NoProcessors { need: processors, free })
    }

    /// Where copies of the group are active by the last live readings, servers proven off or dirty left out.
    pub fn active_places(&self, group: &GroupState) -> Conflict {
        let mut active: BTreeMap<ServerName, _> = BTreeMap::new();
        for (lpar, copies) in &group.copies {
            for (server, copy) in copies {
                let counts = |state: &ServerState| state.off.is_none() && state.dirty.is_none();
                if copy.is_active() && self.servers.get(server).is_some_and(counts) {
                    active.entry(server.clone()).or_insert_with(std::collections::BTreeSet::new).insert(lpar.clone());
                }
            }
        }
        Conflict { active }
    }
}

fn not_ready(state: &ServerState) -> Option<NotHere> {
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
