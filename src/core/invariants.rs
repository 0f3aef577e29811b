//! Invariants of every ledger, and of every step from one to the next. Checked after every command by the scenario
//! runner, the explorer and the simulator; the ledger itself never relies on these checks.

use crate::{
    Action, Entry, GroupName, Ledger, Order, OrderId, Reply, ResourceName, ServerName,
    ledger::{CopyState, GroupState, Phase, StartRisk},
    order::Epoch,
};
use std::collections::BTreeMap;

/// All violations in this ledger, in words; empty if there are none.
pub fn state(ledger: &Ledger) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, group) in &ledger.groups {
        tenure_of(ledger, name, group, &mut wrong);
        for (resource, copies) in &group.copies {
            for (server, copy) in copies {
                copy_of(ledger, (resource, server), copy, &mut wrong);
            }
        }
    }
    for order in ledger.orders.values() {
        order_of(ledger, order, &mut wrong);
    }
    starts(ledger, &mut wrong);
    for (name, server) in &ledger.servers {
        let (since, off) = (server.since, server.off.as_ref().map(|off| off.index));
        let dirty = server.dirty.map(|dirty| dirty.index);
        if since.into_iter().chain(off).chain(dirty).any(|index| index > ledger.index) {
            wrong.push(format!("server {name} knows of an index after {}", ledger.index));
        }
        if off.is_some() && dirty.is_some() {
            wrong.push(format!("server {name} is proven off and came back"));
        }
        for group in &server.upkeep.returning {
            let tenure = ledger.groups.get(group).and_then(|group| group.tenure.as_ref());
            if tenure.is_some_and(|tenure| tenure.server == *name && tenure.phase == Phase::Online) {
                wrong.push(format!("group {group} is to come back to {name}, and is there"));
            }
        }
        if let Some(id) = server.fence.filter(|id| !ledger.orders.contains_key(id)) {
            wrong.push(format!("server {name} waits for order {id}, which does not exist"));
        }
    }
    for (name, node) in &ledger.nodes {
        if let Some(id) = node.fence.filter(|id| !ledger.orders.contains_key(id)) {
            wrong.push(format!("node {name} waits for order {id}, which does not exist"));
        }
    }
    wrong
}

fn tenure_of(ledger: &Ledger, name: &GroupName, group: &GroupState, wrong: &mut Vec<String>) {
    let Some(tenure) = &group.tenure else { return };
    if tenure.epoch > ledger.epoch {
        wrong.push(format!("group {name} holds epoch {}, never granted", tenure.epoch));
    }
    if tenure.since > ledger.now {
        wrong.push(format!("group {name} holds a tenure that begins later"));
    }
    let covered = std::iter::once(&tenure.server).chain(tenure.migration().map(|migration| &migration.to));
    for server in covered {
        if !group.copies.values().all(|copies| copies.contains_key(server)) {
            wrong.push(format!("group {name} holds a tenure on {server}, outside its list"));
        }
    }
    if tenure.migration().is_some_and(|migration| migration.to == tenure.server) {
        wrong.push(format!("group {name} migrates from {} to itself", tenure.server));
    }
}

fn copy_of(
    ledger: &Ledger,
    (resource, server): (&ResourceName, &ServerName),
    copy: &CopyState,
    wrong: &mut Vec<String>,
) {
    let risk = if let StartRisk::Ordered(id) = copy.risk { Some(id) } else { None };
    for id in risk.into_iter().chain(copy.stop) {
        if !ledger.orders.contains_key(&id) {
            wrong.push(format!("{resource} on {server} waits for order {id}, which does not exist"));
        }
    }
    // Evidence with an index later than the ledger's would count for events that have not happened yet.
    if copy.since.is_some_and(|since| since > ledger.index) || copy.quiet_from > ledger.index {
        wrong.push(format!("{resource} on {server} knows of an index after {}", ledger.index));
    }
}

fn order_of(ledger: &Ledger, order: &Order, wrong: &mut Vec<String>) {
    let id = order.id;
    if !ledger.nodes.contains_key(&order.node) || !ledger.servers.contains_key(&order.server) {
        wrong.push(format!(
            "order {id} ({}) is owed by {}, or by a server, that is not declared",
            order.action, order.node
        ));
    }
    if ledger.nodes.get(&order.node).is_some_and(|node| node.lapsed().is_some()) {
        wrong.push(format!("order {id} ({}) is owed by {}, whose lease is over", order.action, order.node));
    }
    let nothing = carries_out_nothing(ledger, &order.server);
    let tenure_of = |group: &GroupName, epoch: Epoch| {
        let tenure = ledger.groups.get(group).and_then(|group| group.tenure.as_ref());
        tenure.filter(|tenure| tenure.epoch == epoch)
    };
    match &order.action {
        Action::Start { group, epoch, resource, .. } => {
            let tenure = tenure_of(group, *epoch);
            if tenure.is_some_and(|tenure| tenure.migration().is_some()) {
                wrong.push(format!("order {id} starts {resource} in the middle of a migration"));
            }
            if !nothing && tenure.is_none() {
                wrong.push(format!("order {id} starts {resource} without its tenure {epoch}"));
            }
            // If the copy forgot that a start is under way, it would count as off when it reads Off.
            if copy(ledger, resource, &order.server).map(|copy| copy.risk) != Some(StartRisk::Ordered(id)) {
                wrong.push(format!("order {id} starts {resource} on {}, which does not know of it", order.server));
            }
        }
        Action::Migrate { group, epoch, resource, to } => {
            if !nothing && tenure_of(group, *epoch).is_none_or(|tenure| tenure.migration().is_none()) {
                wrong.push(format!("order {id} moves {resource}, which does not migrate under tenure {epoch}"));
            }
            if copy(ledger, resource, to).map(|copy| copy.risk) != Some(StartRisk::Ordered(id)) {
                wrong.push(format!("order {id} moves {resource} to {to}, which does not know of it"));
            }
        }
        Action::Stop { resource, .. } | Action::StopMigration { resource, .. } => {
            // A stop whose copy is forgotten does no harm.
            if copy(ledger, resource, &order.server).is_some_and(|copy| copy.stop != Some(id)) {
                wrong.push(format!("order {id} stops {resource} on {}, which does not know of it", order.server));
            }
        }
        Action::Fence => {
            if ledger.servers.get(&order.server).is_some_and(|server| server.fence != Some(id)) {
                wrong.push(format!("order {id} powers {} off, which does not know of it", order.server));
            }
        }
        Action::FenceNode { node } => {
            if ledger.nodes.get(node).and_then(|node| node.fence) != Some(id) {
                wrong.push(format!("order {id} cuts node {node} off, which does not know of it"));
            }
        }
        Action::Hook { .. } => {}
    }
}

/// Checks that no resource is started in two places, or twice in one, where the order can still be carried out.
fn starts(ledger: &Ledger, wrong: &mut Vec<String>) {
    let mut open: BTreeMap<&ResourceName, Vec<OrderId>> = BTreeMap::new();
    for order in ledger.orders.values().filter(|order| !carries_out_nothing(ledger, &order.server)) {
        if let Action::Start { resource, .. } | Action::Migrate { resource, .. } = &order.action {
            open.entry(resource).or_default().push(order.id);
        }
    }
    for (resource, orders) in open.into_iter().filter(|(_, orders)| orders.len() > 1) {
        let orders: Vec<String> = orders.iter().map(ToString::to_string).collect();
        wrong.push(format!("{resource} is started by {} orders: {}", orders.len(), orders.join(", ")));
    }
}

fn copy<'a>(ledger: &'a Ledger, resource: &ResourceName, server: &ServerName) -> Option<&'a CopyState> {
    let group = ledger.groups.get(ledger.group_of(resource)?)?;
    group.copies.get(resource)?.get(server)
}

/// Whether the server is off, or dirty since: it carries out nothing, so a tenure may end with an order still out.
fn carries_out_nothing(ledger: &Ledger, server: &ServerName) -> bool {
    ledger.servers.get(server).is_none_or(|state| state.off.is_some() || state.dirty.is_some())
}

/// What was refused of an entry and yet changed something: without it, the entry must lead to the same ledger.
pub fn refused(before: &Ledger, entry: &Entry, after: &Ledger, reply: &Reply) -> Vec<String> {
    // A repeated request is answered as the first one was.
    let repeated = reply.index != after.index;
    if reply.refused.is_empty() && !repeated {
        return Vec::new();
    }
    let is_refused = |place: usize| reply.refused.iter().any(|(at, _)| usize::try_from(*at) == Ok(place));
    let mut rest = entry.clone();
    rest.commands = entry
        .commands
        .iter()
        .enumerate()
        .filter(|(at, _)| !repeated && !is_refused(*at))
        .map(|(_, it)| it.clone())
        .collect();
    let mut without = before.clone();
    let left = without.apply(after.index, &rest);
    // The request and its answer are remembered all the same.
    without.requests.clone_from(&after.requests);
    without.request_order.clone_from(&after.request_order);
    // And that it was refused is written down.
    without.trust.audit = after.trust.audit;
    let mut wrong = Vec::new();
    if without != *after || (!repeated && left.reply.events != reply.events) {
        wrong.push(format!("refused, and yet changed something: {:?} of {:?}", reply.refused, entry.commands));
    }
    wrong
}

/// All violations in the step from `before` to `after`, one entry later; empty if there are none.
pub fn step(before: &Ledger, after: &Ledger) -> Vec<String> {
    let mut wrong = Vec::new();
    if after.epoch < before.epoch || after.now < before.now || after.index <= before.index {
        wrong.push("epoch, time or index went back".to_owned());
    }
    for (name, group) in &after.groups {
        let Some(old) = before.groups.get(name) else { continue };
        let (was, is) = (old.tenure.as_ref(), group.tenure.as_ref());
        if let (Some(was), Some(is)) = (was, is) {
            if is.epoch < was.epoch {
                wrong.push(format!("group {name} went from epoch {} back to {}", was.epoch, is.epoch));
            }
            if is.epoch == was.epoch && is.server != was.server {
                wrong.push(format!("group {name} changed its server within tenure {}", was.epoch));
            }
        }
        let ended = was.is_some_and(|was| is.is_none_or(|is| is.epoch != was.epoch));
        if ended && !has_proof(before, after, name.as_str()) {
            wrong.push(format!("group {name} lost its tenure without a proof"));
        }
        let leaving = was.is_some_and(|was| matches!(was.phase, Phase::Leaving { .. }));
        let back = is.is_some_and(|is| !matches!(is.phase, Phase::Leaving { .. }));
        if leaving && back && !ended {
            wrong.push(format!("group {name} no longer leaves, within one tenure"));
        }
    }
    wrong
}

fn has_proof(before: &Ledger, after: &Ledger, group: &str) -> bool {
    let mut news = after.journal.iter().rev().take_while(|event| event.index > before.index);
    // It is a person's word, and what may still run is found again before anything else is started.
    if news.clone().any(|event| &*event.kind == "majority_given_up") {
        return true;
    }
    let mut of_group = news.by_ref().filter(|event| event.group.as_ref().is_some_and(|left| left.as_str() == group));
    of_group.any(|event| matches!(&*event.kind, "vacated" | "migrated"))
}
