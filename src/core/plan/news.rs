//! What a look says that the ledger does not know. A plan takes nothing else from looks: one that has no news is no
//! reason to plan.

use super::rest::Calm;
use crate::{
    GroupName, Inside, Ledger, NodeName, Power, Reading, ResourceName, Seen, ServerName,
    ledger::{CopyState, GroupState, Phase, ServerState},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// How sure a reading by an HMC is, in percent.
const SURE: u8 = 100;

/// What the last plan found to be no news, so that the next one need not look at it again: whether what a reading says of
/// the copies of a group is news depends on that reading, on the state of that group, and on the configuration alone.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    configured: u64,
    /// The states of all groups, in their order, that the readings were held against. They are shared with the ledger, so
    /// a group that is not at the same place in memory has changed.
    groups: Vec<Arc<GroupState>>,
    /// Servers whose present readings have not been held against them.
    unchecked: BTreeSet<ServerName>,
    /// The groups that are calm.
    calm: Calm,
}

impl Checked {
    /// There is another reading of this server.
    pub fn read(&mut self, server: &ServerName) {
        self.unchecked.insert(server.clone());
    }

    pub(super) fn calm(&mut self) -> &mut Calm {
        &mut self.calm
    }

    /// Takes over what a plan has checked that began when this was empty: the readings that have come since are not checked.
    pub(crate) fn follows(&mut self, plan: Checked) {
        let since = std::mem::replace(self, plan);
        self.unchecked.extend(since.unchecked);
    }

    /// Begins to hold readings against a ledger.
    pub(super) fn begin(&mut self, ledger: &Ledger) -> Scope {
        let known = self.configured == ledger.configured && self.groups.len() == ledger.groups.len();
        let mut scope = Scope { all: !known, servers: std::mem::take(&mut self.unchecked), ..Scope::default() };
        if known {
            let moved = ledger.groups.iter().zip(&self.groups).filter(|((_, now), then)| !Arc::ptr_eq(now, then));
            scope.moved = moved.map(|((name, _), _)| name.clone()).collect();
        }
        scope
    }

    /// Keeps what was found. `scope` names the servers whose readings were news: they are held against the ledger again. So
    /// are those that do not count yet, as their watcher may be assigned.
    pub(super) fn end<'a>(&mut self, ledger: &Ledger, readings: impl Iterator<Item = &'a Reading>, mut scope: Scope) {
        let idle =
            readings.filter(|reading| ledger.servers.get(&reading.server).is_none_or(|state| !counts(state, reading)));
        scope.news.extend(idle.map(|reading| reading.server.clone()));
        if self.configured == ledger.configured && self.groups.len() == ledger.groups.len() {
            let moved = ledger.groups.values().zip(&mut self.groups).filter(|(now, then)| !Arc::ptr_eq(now, then));
            moved.for_each(|(now, then)| then.clone_from(now));
        } else {
            self.configured = ledger.configured;
            self.groups = ledger.groups.values().cloned().collect();
        }
        self.unchecked = scope.news;
    }
}

/// What has to be looked at in one plan.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    /// Everything.
    all: bool,
    /// All that the readings of these servers say.
    servers: BTreeSet<ServerName>,
    /// What any reading says of these groups.
    moved: BTreeSet<GroupName>,
    /// Servers whose readings were news.
    news: BTreeSet<ServerName>,
}

impl Scope {
    /// Everything that a reading says.
    pub fn all() -> Self {
        Scope { all: true, ..Scope::default() }
    }

    /// A reading was news. If the ledger has taken it, the groups that it tells of have changed.
    pub(super) fn is_news(&mut self, ledger: &Ledger, reading: &Reading) {
        self.news.insert(reading.server.clone());
        if !self.all {
            self.moved.extend(reading.copies.keys().filter_map(|resource| ledger.group_of(resource).cloned()));
        }
    }
}

/// Whether a reading is the watcher's, and not older than what is known.
fn counts(state: &ServerState, reading: &Reading) -> bool {
    state.watcher.as_ref() == Some(&reading.by) && !state.is_past(reading)
}

/// Whether a reading is news. `home` is the node that lives on its server.
pub fn is_read(ledger: &Ledger, home: Option<&NodeName>, reading: &Reading, scope: &Scope) -> bool {
    let Some(state) = ledger.servers.get(&reading.server).filter(|state| counts(state, reading)) else { return false };
    let fresher_matters = state.since.is_none_or(|since| {
        let silent = home.and_then(|node| ledger.nodes.get(node)).and_then(|node| ledger.reads_from(node));
        let marks = [state.dirty.map(|dirty| dirty.index), state.off.as_ref().map(|off| off.index), silent];
        marks.into_iter().flatten().any(|mark| since < mark && reading.since >= mark)
    });
    fresher_matters
        || state.system != reading.system
        || state.live != reading.live
        || state.node != ledger.reads_node(reading)
        || (reading.tells_lpars() && state.node_alarm != ledger.node_alarm(reading))
        || (reading.tells_vios() && state.vios != reading.vios)
        || has_copy(ledger, reading, scope)
}

/// What of a node's looks inside itself is news; `None` if nothing is.
pub fn of_inside(ledger: &Ledger, node: &NodeName, inside: &Inside) -> Option<Inside> {
    let state = ledger.nodes.get(node).filter(|state| !state.is_out())?;
    let server = ledger.config.nodes.get(node).and_then(|declared| declared.server.as_ref())?;
    // The watchdog of a report counts if the node knew the present configuration when it looked.
    let knows = inside.seen.values().any(|seen| seen.since >= ledger.configured);
    let watchdog = if knows { inside.watchdog } else { state.watchdog };
    let news = inside.seen.iter().filter(|(resource, seen)| is_seen(ledger, server, resource, seen));
    let seen: BTreeMap<_, _> = news.map(|(resource, seen)| (resource.clone(), seen.clone())).collect();
    (!state.met || state.watchdog != watchdog || !seen.is_empty()).then_some(Inside { seen, watchdog })
}

fn has_copy(ledger: &Ledger, reading: &Reading, scope: &Scope) -> bool {
    if !reading.tells_lpars() {
        return false;
    }
    let tells = |group: &GroupState, resource: &ResourceName| {
        let copy = group.copies.get(resource).and_then(|copies| copies.get(&reading.server));
        copy.is_some_and(|copy| {
            let power = ledger.reads(reading, resource);
            is_copy(group, copy, &reading.server, (power, reading.since, SURE))
                || is_listed(ledger, group, copy, reading, (resource, power))
        })
    };
    if scope.all || scope.servers.contains(&reading.server) {
        reading.copies.keys().filter(|resource| !ledger.is_inside(resource)).any(|resource| {
            let group = ledger.group_of(resource).and_then(|name| ledger.groups.get(name));
            group.is_some_and(|group| tells(group, resource))
        })
    } else {
        scope.moved.iter().filter_map(|name| ledger.groups.get(name)).any(|group| {
            let here = |resource: &&ResourceName| reading.copies.contains_key(*resource) && !ledger.is_inside(resource);
            group.copies.keys().filter(here).any(|resource| tells(group, resource))
        })
    }
}

/// Whether a reading has news of a line besides its state: its UUID for the first time, a remark, or its presence
/// here while it is missed elsewhere.
fn is_listed(
    ledger: &Ledger,
    group: &GroupState,
    copy: &CopyState,
    reading: &Reading,
    (resource, power): (&ResourceName, Power),
) -> bool {
    // The list was read of another object under this name.
    if reading.since < copy.declared {
        return false;
    }
    let listed = Ledger::lists(reading, resource, power);
    let uuid = reading.listed.get(resource).and_then(|listed| listed.uuid.as_ref());
    let learns = listed && copy.uuid.is_none() && uuid.is_some();
    let missed = || {
        let copies = group.copies.get(resource).filter(|_| listed && ledger.is_mobile(resource));
        copies.is_some_and(|copies| {
            let gone = copies.values().filter(|copy| copy.power == Power::Missing);
            gone.filter_map(|copy| copy.listed)
                .any(|at| copy.listed.is_some_and(|here| here < at) && reading.since >= at)
        })
    };
    let newer = copy.since.is_none_or(|known| known <= reading.since);
    newer && (learns || copy.said != Ledger::said(reading, resource) || missed())
}

fn is_seen(ledger: &Ledger, server: &ServerName, resource: &ResourceName, seen: &Seen) -> bool {
    if !ledger.is_inside(resource) {
        return false;
    }
    let group = ledger.group_of(resource).and_then(|name| ledger.groups.get(name));
    let copy = group.and_then(|group| group.copies.get(resource)?.get(server));
    group.zip(copy).is_some_and(|(group, copy)| {
        is_copy(group, copy, server, (seen.power, seen.since, seen.confidence))
            && copy.since.is_none_or(|since| (since, copy.serial) <= (seen.since, seen.serial))
    })
}

/// Whether a look at a copy is news, or is the first of those that count.
fn is_copy(group: &GroupState, copy: &CopyState, server: &ServerName, (power, since, sure): (Power, u64, u8)) -> bool {
    // The look was at another object under this name.
    if since < copy.declared {
        return false;
    }
    let leaving = group.tenure.as_ref().and_then(|tenure| match tenure.phase {
        Phase::Leaving { index, .. } if tenure.server == *server => Some(index),
        Phase::Migrating(ref migration) if tenure.covers(server) => Some(migration.index),
        Phase::Leaving { .. } | Phase::Starting | Phase::Online | Phase::Migrating(_) => None,
    });
    let doubt = group.overlaps.now.as_ref().filter(|overlap| !overlap.certain).map(|overlap| overlap.found);
    let judged = leaving.or(group.judged_from()).max(doubt);
    let counts_from = copy.quiet_from.max(judged.unwrap_or_default());
    let older = copy.since.is_none_or(|known| known < counts_from);
    let changed = copy.power != power || (copy.since.is_some() && copy.confidence != sure);
    // Readings by other nodes, in their reports, may be newer than the watcher's last one.
    let known = copy.since.is_none_or(|known| known <= since);
    (known && changed) || (older && copy.since.is_none_or(|known| since > known))
}
