//! Views of groups.

use super::{Index, Sight, group_wait, kept, shown};
use crate::api::wire::{self, FaultView, GroupStatus, GroupView};
use tenure_core::{
    GroupName, ResourceName, ServerName,
    config::Group,
    ledger::{Down, GroupState, Intent, Phase, Tenure},
};

pub(super) fn view(index: &Index<'_>, name: &GroupName, group: &Group) -> GroupView {
    let unknown = GroupState::default();
    let state = index.ledger.groups.get(name).map_or(&unknown, |state| &**state);
    let tenure = state.tenure.as_ref();
    let seen = index.sight.group(state);
    GroupView {
        name: name.to_string(),
        state: group_status(state),
        live: seen.live,
        read_at: seen.at.map(|at| index.sight.shown(at)),
        server: tenure.map(|tenure| tenure.server.to_string()),
        epoch: tenure.map(|tenure| tenure.epoch.0),
        since: tenure.map(|tenure| shown(index.ledger, tenure.since)),
        intent: match state.intent {
            Intent::Online => wire::Intent::Online,
            Intent::Offline => wire::Intent::Offline,
        },
        frozen: state.frozen,
        freeze: state.upkeep.freeze.as_ref().map(|freeze| kept::kept(index.ledger, freeze)),
        overlaps: kept::overlaps(index.ledger, state),
        priority: group.priority,
        system_list: group.servers.iter().map(ServerName::to_string).collect(),
        lpars: index.lpars_of(name).iter().map(|(lpar, _)| lpar.to_string()).collect(),
        faults: state
            .faults
            .iter()
            .map(|(server, (at, reason))| FaultView {
                server: server.to_string(),
                at: shown(index.ledger, *at),
                reason: reason.to_string(),
            })
            .collect(),
        prefer: state.prefer.as_ref().map(ServerName::to_string),
        migrating_to: tenure.and_then(Tenure::migration).map(|migration| migration.to.to_string()),
        instance_of: name.instance().map(|instance| instance.of.to_owned()),
        flags: flags(&index.sight, state, group.managed),
        wait: state.wait.as_ref().map(|wait| group_wait(index.ledger, name, wait, &index.turns)),
    }
}

/// The state of a group, in one word.
pub(super) fn group_status(state: &GroupState) -> GroupStatus {
    match (&state.hold, &state.tenure, state.intent) {
        (Some(_), _, _) => GroupStatus::Held,
        (None, Some(tenure), _) => match tenure.phase {
            Phase::Starting => GroupStatus::Starting,
            Phase::Online => GroupStatus::Online,
            Phase::Leaving { .. } => GroupStatus::Leaving,
            Phase::Migrating(_) => GroupStatus::Migrating,
        },
        (None, None, Intent::Online) => GroupStatus::Pending,
        (None, None, Intent::Offline) => GroupStatus::Offline,
    }
}

/// Flags for irregular states, and for operations withheld.
fn flags(sight: &Sight<'_>, state: &GroupState, managed: bool) -> Vec<String> {
    let failed = state.runs.values().any(|run| matches!(run.down, Some(Down::Faulted(_))));
    let online = state.tenure.as_ref().filter(|tenure| tenure.phase == Phase::Online);
    let active = |resource: &ResourceName, tenure: &Tenure| {
        let copy = state.copies.get(resource).and_then(|copies| copies.get(&tenure.server));
        copy.is_some_and(|copy| sight.power(resource, &tenure.server, copy).is_active())
    };
    let partial = online.is_some_and(|tenure| {
        state.copies.keys().any(|resource| {
            let kept_down = state.runs.get(resource).is_some_and(|run| run.down.is_some());
            kept_down || (sight.ledger.wanted(state, resource) && !active(resource, tenure))
        })
    });
    let mut wanted =
        state.owned().map(|(resource, _)| resource).filter(|one| sight.ledger.wanted(state, one)).peekable();
    let down = online.is_some_and(|tenure| wanted.peek().is_some() && wanted.all(|one| !active(one, tenure)));
    let all = [
        (partial, "partial"),
        (down, "down"),
        (failed, "faulted"),
        (state.flushed, "flushed"),
        (state.upkeep.disabled.is_some(), "disabled"),
        (state.upkeep.parked.is_some(), "parked"),
        (!managed, "watched"),
    ];
    all.into_iter().filter(|(so, _)| *so).map(|(_, word)| word.to_owned()).collect()
}
