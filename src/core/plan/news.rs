//! What a look says that the ledger does not know. A plan takes nothing else from looks: one that has no news is no
//! reason to plan.

use crate::{
    Inside, Ledger, NodeName, Power, Reading, ResourceName, Seen, ServerName,
    ledger::{CopyState, GroupState, Phase},
};
use std::collections::BTreeMap;

/// How sure a reading by an HMC is, in percent.
const SURE: u8 = 100;

/// Whether a reading is news. `home` is the node that lives on its server.
pub fn is_read(ledger: &Ledger, home: Option<&NodeName>, reading: &Reading) -> bool {
    let Some(state) = ledger.servers.get(&reading.server) else { return false };
    if state.watcher.as_ref() != Some(&reading.by) || state.is_past(reading) {
        return false;
    }
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
        || has_copy(ledger, reading)
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

fn has_copy(ledger: &Ledger, reading: &Reading) -> bool {
    let told = |resource: &&ResourceName| reading.tells_lpars() && !ledger.is_inside(resource);
    reading.copies.keys().filter(told).any(|resource| {
        let group = ledger.group_of(resource).and_then(|name| ledger.groups.get(name));
        let copy = group.and_then(|group| group.copies.get(resource)?.get(&reading.server));
        group.zip(copy).is_some_and(|(group, copy)| {
            let power = ledger.reads(reading, resource);
            is_copy(group, copy, &reading.server, (power, reading.since, SURE))
                || is_listed(ledger, group, copy, reading, (resource, power))
        })
    })
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
    let counts_from = copy.quiet_from.max(leaving.or(group.judged_from()).unwrap_or_default());
    let older = copy.since.is_none_or(|known| known < counts_from);
    let changed = copy.power != power || (copy.since.is_some() && copy.confidence != sure);
    // Readings by other nodes, in their reports, may be newer than the watcher's last one.
    let known = copy.since.is_none_or(|known| known <= since);
    (known && changed) || (older && copy.since.is_none_or(|known| since > known))
}
