//! Live migration: a phase of a tenure that covers two servers, until readings say where the group is.
//!
//! Its guarantees: while it lasts nothing else is done to the group, and room is booked on both servers; it ends with
//! a proof that the other server holds nothing of the group: [`Ledger::arrival`], [`Ledger::staying`], or the end of
//! the tenure when the source is proven off. A move that was not answered counts like a start on its target: it may
//! begin until it has settled, and has ended only when readings after that say so.

use super::{GroupState, Intent, Ledger, Migration, Phase, Progress, ServerState, StartRisk, Tenure, apply::Applying};
use crate::{
    GroupName, Note, Power, Refusal, ResourceName, ServerName, Span, Time, Verb,
    note::{LeaveReason, NotHere, Proof},
    order::{Action, Ending, Epoch, Order},
};
use std::collections::BTreeSet;

/// The place of an LPAR of a migrating group, by readings that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// Active on the source alone.
    Source,
    /// Active on the target alone.
    Target,
    /// Active on neither.
    Nowhere,
    /// Active on both, and not in transit.
    Twice,
    /// In transit, or not read since it may have been.
    Open,
}

impl Ledger {
    /// The place of an LPAR of a migrating group.
    pub fn whereabouts(&self, group: &GroupState, tenure: &Tenure, resource: &ResourceName) -> Whereabouts {
        let Some(migration) = tenure.migration() else { return Whereabouts::Open };
        let source = self.settled_power(group, resource, &tenure.server, migration.index);
        let target = self.settled_power(group, resource, &migration.to, migration.index);
        match (source, target) {
            (Some(Power::Moving | Power::Unknown) | None, _) | (_, Some(Power::Moving | Power::Unknown) | None) => {
                Whereabouts::Open
            }
            (Some(source), Some(target)) => match (source.is_active(), target.is_active()) {
                (true, false) => Whereabouts::Source,
                (false, true) => Whereabouts::Target,
                (false, false) => Whereabouts::Nowhere,
                (true, true) => Whereabouts::Twice,
            },
        }
    }

    /// The state of a copy, if a reading that follows `index` counts and no move or start can still take effect there.
    fn settled_power(
        &self,
        group: &GroupState,
        resource: &ResourceName,
        server: &ServerName,
        index: u64,
    ) -> Option<Power> {
        let copy = group.copies.get(resource)?.get(server)?;
        if copy.risk != StartRisk::None {
            return None;
        }
        if self.servers.get(server).is_some_and(|state| state.off.is_some()) {
            return Some(Power::Off);
        }
        let counts = copy.since.is_some_and(|since| since >= index.max(copy.quiet_from));
        counts.then_some(copy.power)
    }

    /// Whether the migration is to be undone: it was given up, or a move that was tried left its LPAR on the source.
    pub fn has_failed(&self, group: &GroupState, tenure: &Tenure) -> bool {
        tenure.migration().is_some_and(|migration| {
            let left = |resource| self.whereabouts(group, tenure, resource) == Whereabouts::Source;
            migration.aborted || migration.sent.iter().any(left)
        })
    }

    /// Whether a copy of the group is active where it has no right to be, or one LPAR is active twice.
    pub fn is_stray(&self, group: &GroupState) -> bool {
        let active = self.active_places(group).active;
        match &group.tenure {
            Some(tenure) => {
                let twice = |resource| self.whereabouts(group, tenure, resource) == Whereabouts::Twice;
                active.keys().any(|server| !tenure.covers(server)) || group.owned().any(|(resource, _)| twice(resource))
            }
            None => active.len() > 1,
        }
    }

    /// Checks that nothing of the group can be active on a server, by readings that follow this index. Gives back the
    /// index that the oldest of them followed.
    pub(super) fn gone_from(&self, group: &GroupState, server: &ServerName, index: u64) -> Result<u64, Refusal> {
        let state = self.servers.get(server);
        let needs_reading = state.is_none_or(|state| state.off.is_none() && !state.is_rising());
        let mut oldest = u64::MAX;
        for (resource, copies) in group.owned() {
            self.reads_off(group, resource, server)?;
            let since = copies.get(server).and_then(|copy| copy.since).unwrap_or_default();
            if needs_reading && since < index {
                let (resource, server) = (resource.clone(), server.clone());
                return Err(Refusal::NotProvenOff { resource, server, power: Power::Unknown });
            }
            oldest = oldest.min(since);
        }
        Ok(oldest)
    }

    /// The proof that a migrating group is on its target: nothing of it can be active on the source, and some of it
    /// was read active on the target after its move was answered.
    pub fn arrival(&self, name: &GroupName, group: &GroupState) -> Result<Proof, Refusal> {
        let (tenure, migration) = migrating(name, group)?;
        let source = &tenure.server;
        let since = self.gone_from(group, source, migration.index)?;
        let mut active = false;
        for (resource, _) in group.owned() {
            // An LPAR that the source starts by itself in a moment would be a second copy.
            self.vouches(group, resource, source)?;
            match self.settled_power(group, resource, &migration.to, migration.index) {
                None | Some(Power::Moving) => return Err(in_flight(resource, &migration.to)),
                Some(power) => active |= power.is_active(),
            }
        }
        if !active {
            return Err(Refusal::NotOnline { group: name.clone() });
        }
        let off = self.servers.get(source).and_then(|state| state.off.as_ref());
        let read = Proof::ReadOff { since, undefined: BTreeSet::new() };
        Ok(off.map_or(read, |off| Proof::ServerOff(off.how.clone())))
    }

    /// Checks that a migrating group is where it was: nothing of it can be active on the target, and nothing is on
    /// its way back.
    pub fn staying(&self, name: &GroupName, group: &GroupState) -> Result<(), Refusal> {
        let (tenure, migration) = migrating(name, group)?;
        if self.servers.get(&tenure.server).is_some_and(|state| state.off.is_some()) {
            return Err(Refusal::AlreadyOff { server: tenure.server.clone() });
        }
        self.gone_from(group, &migration.to, migration.index)?;
        for (resource, _) in group.owned() {
            // A move that was not answered may begin when its target is back, so it counts even while that is off.
            for server in [&tenure.server, &migration.to] {
                match self.settled_power(group, resource, server, migration.index) {
                    None | Some(Power::Moving) => return Err(in_flight(resource, server)),
                    // It has gone somewhere, and a list that was cut short does not show where.
                    Some(power @ Power::Missing) => {
                        let (resource, server) = (resource.clone(), server.clone());
                        return Err(Refusal::NotProvenOff { resource, server, power });
                    }
                    Some(_) => {}
                }
            }
        }
        Ok(())
    }

    /// The server from which the definition of a mobile LPAR must be brought before it can start on a server: the one
    /// on which it was last read, if that is another.
    pub fn home(&self, group: &GroupState, resource: &ResourceName, server: &ServerName) -> Option<ServerName> {
        let copies = group.copies.get(resource).filter(|_| self.is_mobile(resource))?;
        copies.get(server).filter(|copy| copy.power == Power::Absent)?;
        let is_listed = |copy: &super::CopyState| !matches!(copy.power, Power::Absent | Power::Missing);
        let defined = || copies.iter().filter(|(_, copy)| copy.since.is_some() && is_listed(copy));
        let last = defined().find(|(place, _)| group.last.as_ref() == Some(*place));
        last.or_else(|| defined().next()).map(|(place, _)| place.clone())
    }

    /// The reason that an LPAR that is not defined on a server cannot be brought there; `None` if it can.
    pub(super) fn not_brought(&self, group: &GroupState, resource: &ResourceName, to: &ServerName) -> Option<NotHere> {
        let Some(from) = self.home(group, resource, to) else {
            return Some(NotHere::NotDefined { resource: resource.clone() });
        };
        let state = self.servers.get(&from)?;
        let possible = if state.off.is_some() {
            // It is made anew from the HMC's data, which the HMC does only for a server that it sees down.
            state.live && !state.system.is_up()
        } else {
            // If its tenure is there, it will have been stopped and read off by then.
            let leaves = group.tenure.as_ref().is_some_and(|tenure| tenure.covers(&from));
            state.is_working() && state.dirty.is_none() && (leaves || self.vouches(group, resource, &from).is_ok())
        };
        (!possible).then(|| NotHere::NotBrought { resource: resource.clone(), from, system: state.system })
    }

    /// The reason that the group cannot be migrated to this server; `None` if it can.
    pub fn not_migrated(&self, name: &GroupName, group: &GroupState, to: &ServerName) -> Option<NotHere> {
        self.unfit(name, group, to, |resource, power| {
            (power == Power::Off).then(|| NotHere::StillDefined { resource: resource.clone() })
        })
        .or_else(|| self.crowded(name, group, to))
    }

    /// Time from which a start without an answer settles: now. An LPAR that is made anew for a lost server is started
    /// only at the end of that, which may take as long as a move.
    pub(super) fn settles_from(&self, order: &Order) -> Time {
        let Action::Start { resource, home: Some(home), .. } = &order.action else { return self.now };
        // The server may have come back since the order was issued.
        let was_lost = self.servers.get(home).is_none_or(|state| {
            state.off.is_some()
                || state.dirty.is_some_and(|dirty| dirty.index >= order.id.index)
                || state.upkeep.open_since.is_some_and(|at| at >= order.issued)
        });
        if was_lost { self.now.after(self.migrate_timeout(resource)) } else { self.now }
    }

    /// Whether an LPAR is mobile: defined on one server at a time.
    pub fn is_mobile(&self, resource: &ResourceName) -> bool {
        self.config.lpar(resource).is_some_and(|lpar| lpar.mobile)
    }

    /// Time that a move of an LPAR may take.
    pub fn migrate_timeout(&self, resource: &ResourceName) -> Span {
        self.config.lpar(resource).map(|lpar| lpar.migrate_timeout).unwrap_or_default()
    }
}

impl Applying<'_> {
    /// Migrates the group, at an operator's request.
    pub(super) fn ask_migrate(&mut self, name: &GroupName, to: &ServerName) -> Result<(), Refusal> {
        self.may_touch(name)?;
        let group = self.group(name)?;
        let tenure = group.tenure.clone().ok_or_else(|| Refusal::NotOnline { group: name.clone() })?;
        if tenure.migration().is_some() {
            self.try_again(name, &tenure, to)?;
        } else {
            self.may_part(name)?;
            self.may_migrate(name, &tenure, to)?;
            self.begin_migration(name, to)?;
        }
        self.group_mut(name)?.flushed = false;
        self.asked(Verb::Migrate { group: name.clone(), server: to.clone() });
        Ok(())
    }

    /// Tries a failed migration again, to the same target.
    fn try_again(&mut self, name: &GroupName, tenure: &Tenure, to: &ServerName) -> Result<(), Refusal> {
        let failed = self.ledger.has_failed(self.group(name)?, tenure);
        match self.migration_mut(name)? {
            migration if failed && &migration.to == to => {
                migration.sent.clear();
                migration.returned.clear();
                migration.aborted = false;
                Ok(())
            }
            migration => Err(Refusal::Migrating { group: name.clone(), to: migration.to.clone() }),
        }
    }

    /// Gives a migration up, at an operator's request.
    pub(super) fn ask_abort(&mut self, name: &GroupName) -> Result<(), Refusal> {
        self.may_touch(name)?;
        let by = self.by();
        self.migration_mut(name)?;
        self.group_mut(name)?.flushed = false;
        let migration = self.migration_mut(name)?;
        migration.aborted = true;
        migration.returned.clear();
        migration.why = Some(format!("given up by {by}").into());
        self.asked(Verb::AbortMigration { group: name.clone() });
        Ok(())
    }

    /// Migrates the group, as the planner decided.
    pub(super) fn migrate(
        &mut self,
        name: &GroupName,
        epoch: Epoch,
        to: &ServerName,
        reason: &LeaveReason,
    ) -> Result<(), Refusal> {
        let tenure = self.tenure(name, epoch)?.clone();
        self.may_touch(name)?;
        self.not_migrating(name)?;
        self.may_migrate(name, &tenure, to)?;
        self.begin_migration(name, to)?;
        self.remember_moved(name, &tenure.server, reason)?;
        let (group, from, to) = (name.clone(), tenure.server, to.clone());
        self.note(Note::Migrating { group, from, to, reason: reason.clone() });
        Ok(())
    }

    /// Checks that the group is online, with every LPAR mobile and as it should be, nothing under way, and a fit
    /// target.
    fn may_migrate(&self, name: &GroupName, tenure: &Tenure, to: &ServerName) -> Result<(), Refusal> {
        let group = self.group(name)?;
        if &tenure.server == to {
            return Err(Refusal::AlreadyOn { group: name.clone(), server: to.clone() });
        }
        if tenure.phase != Phase::Online || group.intent == Intent::Offline {
            return Err(Refusal::NotOnline { group: name.clone() });
        }
        if !self.ledger.config.groups.get(name).is_some_and(|declared| declared.servers.contains(to)) {
            return Err(Refusal::NotInList { group: name.clone(), server: to.clone() });
        }
        if let Some((fixed, _)) = group.owned().find(|(resource, _)| !self.ledger.is_mobile(resource)) {
            return Err(Refusal::NotMobile { resource: fixed.clone() });
        }
        for (resource, copies) in group.owned() {
            let copy = copies.get(&tenure.server).ok_or_else(|| Refusal::NoServer(tenure.server.clone()))?;
            let at_rest = !self.ledger.wanted(group, resource) && copy.power.is_inactive();
            let (resource, server) = (resource.clone(), tenure.server.clone());
            if copy.power != Power::Running && !at_rest {
                return Err(Refusal::NotRunning { resource, server, power: copy.power });
            }
            if copy.stop.is_some() || copy.risk != StartRisk::None {
                return Err(Refusal::HasOrder { resource, server });
            }
        }
        self.watcher(&tenure.server)?;
        match self.ledger.not_migrated(name, group, to) {
            Some(why) => Err(Refusal::NotThere { group: name.clone(), server: to.clone(), why }),
            None => Ok(()),
        }
    }

    fn begin_migration(&mut self, name: &GroupName, to: &ServerName) -> Result<(), Refusal> {
        let migration = Migration {
            to: to.clone(),
            index: self.ledger.index,
            ordered: self.ledger.now,
            sent: BTreeSet::new(),
            returned: BTreeSet::new(),
            aborted: false,
            why: None,
        };
        self.set_phase(name, Phase::Migrating(migration))?;
        self.occupy(name, to)
    }

    /// Orders a node to move an LPAR: to the target, or back.
    pub(super) fn order_move(&mut self, resource: &ResourceName, epoch: Epoch) -> Result<(), Refusal> {
        let name = self.ledger.group_of(resource).cloned().ok_or_else(|| Refusal::NoResource(resource.clone()))?;
        let tenure = self.tenure(&name, epoch)?.clone();
        self.may_touch(&name)?;
        let group = self.group(&name)?;
        let (_, migration) = migrating(&name, group)?;
        if !self.ledger.is_mobile(resource) {
            return Err(Refusal::NotMobile { resource: resource.clone() });
        }
        let back = self.ledger.has_failed(group, &tenure);
        let (from, to, done, place) = if back {
            (migration.to.clone(), tenure.server.clone(), &migration.returned, Whereabouts::Target)
        } else {
            (tenure.server.clone(), migration.to.clone(), &migration.sent, Whereabouts::Source)
        };
        // One after the other, and each once.
        let busy = |copies: &std::collections::BTreeMap<ServerName, super::CopyState>| {
            copies.values().any(|copy| copy.risk != StartRisk::None || copy.stop.is_some())
        };
        if done.contains(resource) || group.owned().any(|(_, copies)| busy(copies)) {
            return Err(Refusal::HasOrder { resource: resource.clone(), server: from });
        }
        if self.ledger.whereabouts(group, &tenure, resource) != place {
            let power = group.copies.get(resource).and_then(|copies| copies.get(&from)).map(|copy| copy.power);
            let (resource, power) = (resource.clone(), power.unwrap_or_default());
            return Err(Refusal::NotRunning { resource, server: from, power });
        }
        if self.server(&to)?.off.is_some() {
            return Err(Refusal::AlreadyOff { server: to });
        }
        let node = self.watcher(&from)?;
        let budget = self.ledger.migrate_timeout(resource);
        let action = Action::Migrate { group: name.clone(), resource: resource.clone(), epoch, to: to.clone() };
        let id = self.issue(node, &from, action, budget, Some(name.clone()));
        if let Some(copy) = self.group_mut(&name)?.copies.get_mut(resource).and_then(|copies| copies.get_mut(&to)) {
            copy.risk = StartRisk::Ordered(id);
        }
        let now = self.ledger.now;
        let migration = self.migration_mut(&name)?;
        migration.ordered = now;
        let done = if back { &mut migration.returned } else { &mut migration.sent };
        done.insert(resource.clone());
        Ok(())
    }

    /// Orders a node to end a move that is under way, because the migration was given up.
    pub(super) fn stop_migration(&mut self, resource: &ResourceName, epoch: Epoch) -> Result<(), Refusal> {
        let name = self.ledger.group_of(resource).cloned().ok_or_else(|| Refusal::NoResource(resource.clone()))?;
        let tenure = self.tenure(&name, epoch)?.clone();
        self.may_touch(&name)?;
        let group = self.group(&name)?;
        let (_, migration) = migrating(&name, group)?;
        if !migration.aborted {
            return Err(Refusal::Migrating { group: name, to: migration.to.clone() });
        }
        let (mut from, mut to) = (tenure.server.clone(), migration.to.clone());
        if migration.returned.contains(resource) {
            std::mem::swap(&mut from, &mut to);
        }
        let copies = group.copies.get(resource).ok_or_else(|| Refusal::NoResource(resource.clone()))?;
        if copies.values().any(|copy| copy.stop.is_some()) {
            return Err(Refusal::HasOrder { resource: resource.clone(), server: from });
        }
        let half = |server: &ServerName| self.ledger.may_be_half_moved(group, resource, server);
        if !copies.values().any(super::CopyState::is_moving) && !half(&from) && !half(&to) {
            return Err(Refusal::NoChange);
        }
        // Sent to the source, as the HMC requires; if that is lost, the other server can still clear up.
        let works = |server: &ServerName| self.server(server).is_ok_and(ServerState::is_working);
        let at = if works(&from) { from.clone() } else { to.clone() };
        let node = self.watcher(&at)?;
        let budget = super::orders::COMMAND_BUDGET.plus(self.ledger.migrate_timeout(resource));
        let id = self.issue(
            node,
            &at,
            Action::StopMigration { resource: resource.clone(), from, to },
            budget,
            Some(name.clone()),
        );
        if let Some(copy) = self.group_mut(&name)?.copies.get_mut(resource).and_then(|copies| copies.get_mut(&at)) {
            copy.stop = Some(id);
        }
        Ok(())
    }

    /// Closes an order to move an LPAR. Only readings from now on tell where the LPAR is.
    pub(super) fn close_move(
        &mut self,
        order: &Order,
        resource: &ResourceName,
        to: &ServerName,
        ending: &Ending,
        from: Time,
    ) {
        let Some(name) = self.ledger.group_of(resource).cloned() else { return };
        let loose = matches!(ending, Ending::Unknown(_));
        self.count_anew(&name, resource, [&order.server, to]);
        let Ok(group) = self.group_mut(&name) else { return };
        let Some(copy) = group.copies.get_mut(resource).and_then(|copies| copies.get_mut(to)) else { return };
        if copy.risk == StartRisk::Ordered(order.id) {
            copy.risk = if loose { StartRisk::Loose(from) } else { StartRisk::None };
        }
        if let Ok(migration) = self.migration_mut(&name)
            && *ending != Ending::Done
            && !migration.aborted
        {
            migration.why = Some(format!("{resource}: {ending}").into());
        }
    }

    /// Closes an order to end a move. Only readings from now on tell where the LPAR is.
    pub(super) fn close_stop_migration(
        &mut self,
        order: &Order,
        resource: &ResourceName,
        servers: [&ServerName; 2],
        ending: &Ending,
    ) {
        let bad = *ending != Ending::Done;
        let Some(copy) = self.ordered_copy(order, resource, ending) else { return };
        copy.stop = None;
        copy.futile = if bad { copy.futile.saturating_add(1) } else { 0 };
        if let Some(name) = self.ledger.group_of(resource).cloned() {
            self.count_anew(&name, resource, servers);
        }
    }

    /// Makes earlier readings of an LPAR count no more, because an order that may have moved it has ended.
    pub(super) fn count_anew(&mut self, name: &GroupName, resource: &ResourceName, servers: [&ServerName; 2]) {
        let index = self.ledger.index;
        let Ok(group) = self.group_mut(name) else { return };
        for (server, copy) in group.copies.get_mut(resource).into_iter().flatten() {
            if servers.contains(&server) {
                copy.quiet_from = index;
            }
        }
    }

    /// Voids orders to move something from or to a server that is proven off. Of a group that migrates from it, no
    /// move can begin any more, and one that had begun has reached the target or never will: readings of the target
    /// from now on tell.
    pub(super) fn void_moves(&mut self, server: &ServerName) {
        let ends = |order: &Order| match &order.action {
            Action::Migrate { to, .. } => &order.server == server || to == server,
            Action::Start { .. }
            | Action::Stop { .. }
            | Action::StopMigration { .. }
            | Action::Hook { .. }
            | Action::FenceNode { .. }
            | Action::Fence => false,
        };
        let void: Vec<Order> = self.ledger.orders.values().filter(|order| ends(order)).cloned().collect();
        for order in void {
            self.call_back(&order, format!("{server} is off").into());
        }
        let index = self.ledger.index;
        for group in self.ledger.groups.values_mut() {
            let Some(tenure) = group.tenure.as_ref().filter(|tenure| &tenure.server == server) else { continue };
            let Some(to) = tenure.migration().map(|migration| migration.to.clone()) else { continue };
            let group = std::sync::Arc::make_mut(group);
            for copy in group.copies.values_mut().filter_map(|copies| copies.get_mut(&to)) {
                copy.risk = StartRisk::None;
                copy.quiet_from = index;
            }
        }
    }

    /// Ends the migration on its target: the tenure on the source ends, and one on the target begins.
    pub(super) fn arrive(&mut self, name: &GroupName, epoch: Epoch) -> Result<(), Refusal> {
        self.tenure(name, epoch)?;
        let group = self.group(name)?;
        if group.hold.is_some() {
            return Err(Refusal::Held { group: name.clone() });
        }
        let proof = self.ledger.arrival(name, group)?;
        let (_, migration) = migrating(name, group)?;
        let to = migration.to.clone();
        for (resource, copies) in group.owned() {
            for other in copies.keys().filter(|other| **other != to) {
                self.ledger.vouches(group, resource, other)?;
            }
        }
        let runs = group.owned().filter_map(|(_, copies)| copies.get(&to)).all(super::CopyState::is_active);
        let phase = if runs { Phase::Online } else { Phase::Starting };
        let from = self.end(name)?.server;
        let epoch = self.begin(name, &to, phase)?;
        let group = self.group_mut(name)?;
        group.fall = None;
        for (resource, run) in &mut group.runs {
            let power = group.copies.get(resource).and_then(|copies| copies.get(&to)).map(|copy| copy.power);
            run.progress = Progress::found(power.unwrap_or_default());
        }
        self.note(Note::Migrated { group: name.clone(), from, to, epoch, proof });
        Ok(())
    }

    /// Ends the migration where it began: the tenure goes on.
    pub(super) fn stay(&mut self, name: &GroupName, epoch: Epoch) -> Result<(), Refusal> {
        let server = self.tenure(name, epoch)?.server.clone();
        let group = self.group(name)?;
        if group.hold.is_some() {
            return Err(Refusal::Held { group: name.clone() });
        }
        self.ledger.staying(name, group)?;
        let (_, migration) = migrating(name, group)?;
        let (to, why) = (migration.to.clone(), migration.why.clone());
        let why = why.unwrap_or_else(|| format!("nothing of it runs on {to}").into());
        let group = self.group_mut(name)?;
        (group.prefer, group.upkeep.stayed) = (None, true);
        // A server that is no longer declared has no books.
        let _ = self.release_room(name, &to);
        self.set_phase(name, Phase::Online)?;
        self.note(Note::Stayed { group: name.clone(), server, to, why });
        Ok(())
    }

    /// Refuses a change while the group migrates.
    pub(super) fn not_migrating(&self, name: &GroupName) -> Result<(), Refusal> {
        match self.group(name)?.tenure.as_ref().and_then(Tenure::migration) {
            Some(migration) => Err(Refusal::Migrating { group: name.clone(), to: migration.to.clone() }),
            None => Ok(()),
        }
    }

    fn migration_mut(&mut self, name: &GroupName) -> Result<&mut Migration, Refusal> {
        match self.group_mut(name)?.tenure.as_mut().map(|tenure| &mut tenure.phase) {
            Some(Phase::Migrating(migration)) => Ok(migration),
            Some(Phase::Starting | Phase::Online | Phase::Leaving { .. }) | None => {
                Err(Refusal::NotMigrating { group: name.clone() })
            }
        }
    }
}

fn migrating<'a>(name: &GroupName, group: &'a GroupState) -> Result<(&'a Tenure, &'a Migration), Refusal> {
    let tenure = group.tenure.as_ref();
    let found = tenure.and_then(|tenure| Some((tenure, tenure.migration()?)));
    found.ok_or_else(|| Refusal::NotMigrating { group: name.clone() })
}

fn in_flight(resource: &ResourceName, server: &ServerName) -> Refusal {
    Refusal::StartInFlight { resource: resource.clone(), server: server.clone() }
}
