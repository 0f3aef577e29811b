//! Explains why a group does not run on a server: every reason, in the ledger's own terms.

use crate::{
    Event, ForeignText, GroupName, Ledger, Power, ServerName, SystemState,
    ledger::{CopyState, GroupState, Intent, Phase},
    note::{NotHere, Wait},
};
use std::sync::Arc;

/// More reasons than one group can have on one server.
const MOST: usize = 256;

/// The explanation why a group does not run on a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhyNot {
    /// The present state.
    pub standing: Standing,
    /// Its last placement, as far as that is remembered.
    pub decision: Option<Decision>,
}

/// The state of a group with regard to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is there.
    Here(Phase),
    /// The server is not in its system list.
    NotListed,
    /// It cannot run there now, for each of these reasons. First the one that a refusal would name.
    Barred(Vec<NotHere>),
    /// It could run there now.
    Could(Vec<Instead>),
}

/// The reason why a group does not run where it could.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Instead {
    /// It is there already.
    Elsewhere(ServerName),
    /// It is to be offline.
    Unwanted,
    /// It is frozen.
    Frozen,
    /// More than one copy is active.
    Held,
    /// It waits.
    Waits(Wait),
}

/// A remembered placement: a grant, an adoption where it was found running, or a migration.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // what a name says is not said again
pub struct Decision {
    pub event: Event,
    /// The server on which it was placed.
    pub to: ServerName,
    /// Why it was not placed on the server in question; `None` if that one was not in the way, or was chosen.
    pub why: Option<ForeignText>,
}

/// Explains why a group does not run on a server. `None` if there is no such group.
pub fn why_not(ledger: &Ledger, name: &GroupName, server: &ServerName) -> Option<WhyNot> {
    let group = ledger.groups.get(name)?;
    let listed = ledger.config.groups.get(name).is_some_and(|declared| declared.servers.contains(server));
    let here = group.tenure.as_ref().filter(|tenure| &tenure.server == server);
    let standing = match here {
        Some(tenure) => Standing::Here(tenure.phase.clone()),
        None if !listed => Standing::NotListed,
        None => match reasons(ledger, name, server) {
            none if none.is_empty() => Standing::Could(instead(group)),
            all => Standing::Barred(all),
        },
    };
    let decision = decision(ledger, name, group, server).filter(|_| listed);
    Some(WhyNot { standing, decision })
}

fn instead(group: &GroupState) -> Vec<Instead> {
    let mut all = Vec::new();
    all.extend(group.tenure.as_ref().map(|tenure| Instead::Elsewhere(tenure.server.clone())));
    all.extend((group.intent == Intent::Offline).then_some(Instead::Unwanted));
    all.extend(group.frozen.then_some(Instead::Frozen));
    all.extend(group.hold.is_some().then_some(Instead::Held));
    all.extend(group.wait.clone().map(Instead::Waits));
    all
}

fn decision(ledger: &Ledger, name: &GroupName, group: &GroupState, server: &ServerName) -> Option<Decision> {
    let placed = |event: &&Event| ["granted", "adopted", "migrated"].contains(&&*event.kind);
    let event = ledger.history(name).find(placed)?;
    // Of a migration the event names the server that it left.
    let to = match &*event.kind {
        "migrated" => group.tenure.as_ref()?.server.clone(),
        _ => event.server.clone()?,
    };
    Some(Decision { event: event.clone(), to, why: event.passed_over.get(server).cloned() })
}

/// All reasons: the ledger names one, that one is removed on a copy, and the ledger is asked again. So it is always the
/// real rule that answers. A reason that cannot be removed here ends the list.
fn reasons(ledger: &Ledger, name: &GroupName, server: &ServerName) -> Vec<NotHere> {
    let mut scratch = ledger.scratch();
    let mut all: Vec<NotHere> = Vec::new();
    while all.len() < MOST {
        let Some(group) = scratch.groups.get(name).cloned() else { break };
        let Some(reason) = scratch.not_here(name, &group, server) else { break };
        let again = all.contains(&reason);
        if !again {
            all.push(reason.clone());
        }
        if again || mend(&mut scratch, name, server, &reason).is_none() {
            break;
        }
    }
    all
}

/// Removes one reason. `None` if that cannot be done.
fn mend(ledger: &mut Ledger, name: &GroupName, server: &ServerName, reason: &NotHere) -> Option<()> {
    let index = ledger.index;
    let group = ledger.groups.get_mut(name).map(Arc::make_mut)?;
    let state = ledger.servers.get_mut(server)?;
    match reason {
        NotHere::NotDefined { resource }
        | NotHere::NotBrought { resource, .. }
        | NotHere::NotReadOff { resource, .. } => {
            let copy = group.copies.get_mut(resource)?.get_mut(server)?;
            *copy = CopyState { power: Power::Off, since: Some(index), ..CopyState::default() };
        }
        NotHere::PersistentDown { resource } => {
            group.copies.get_mut(resource)?.get_mut(server)?.power = Power::Running;
        }
        NotHere::Link { child, .. } => group.ties.links.retain(|link| link.child != *child),
        NotHere::Faulted => drop(group.faults.remove(server)),
        NotHere::ProvenOff => {
            state.off = None;
            // It also reads Power Off, which is no further reason.
            (state.system, state.live) = (SystemState::Operating, true);
        }
        NotHere::Unread => (state.since, state.system, state.live) = (Some(index), SystemState::Operating, true),
        NotHere::NotReady(_) => (state.system, state.live) = (SystemState::Operating, true),
        NotHere::Draining | NotHere::ServerFrozen | NotHere::Quarantined { .. } => state.upkeep = Default::default(),
        NotHere::Dirty => state.dirty = None,
        NotHere::NobodyWatches => {
            state.watcher = ledger.nodes.iter().find(|(_, node)| node.lapsed().is_none()).map(|(node, _)| node.clone());
        }
        NotHere::ViosDown { .. } => state.vios.clear(),
        NotHere::NoMemory { .. } => Arc::make_mut(&mut ledger.config).servers.get_mut(server)?.memory = None,
        NotHere::NoProcessors { .. } => Arc::make_mut(&mut ledger.config).servers.get_mut(server)?.processors = None,
        NotHere::Limit { limit, .. } => {
            Arc::make_mut(&mut ledger.config).groups.get_mut(name)?.prerequisites.remove(limit);
        }
        // These would take several changes to remove, or are about other groups and nodes.
        NotHere::NodeDown { .. }
        | NotHere::FailoverOff { .. }
        | NotHere::OtherZone { .. }
        | NotHere::Rule { .. }
        | NotHere::StillDefined { .. }
        | NotHere::NotListed => return None,
    }
    Some(())
}
