//! Resources: LPARs, and what lives inside nodes.

use crate::api::wire::{LparView, ResourceView};
use tenure_core::{
    GroupName, Ledger, Power, ResourceName, ServerName,
    config::{Kind, Resource},
    ledger::{Copy, Down, GroupState, Run},
};

/// Any resource.
pub(super) fn view(ledger: &Ledger, name: &ResourceName, resource: &Resource) -> ResourceView {
    let unknown = GroupState::default();
    let group = ledger.groups.get(&resource.group).map_or(&unknown, |state| &**state);
    let copies = group.copies.get(name);
    let server = group.tenure.as_ref().map(|tenure| &tenure.server);
    let here = copies.zip(server).and_then(|(copies, server)| copies.get(server));
    let run = group.runs.get(name);
    let reads = |copy: &Copy| if copy.since.is_none() { "not read".to_owned() } else { copy.power.to_string() };
    ResourceView {
        name: name.to_string(),
        group: resource.group.to_string(),
        of_type: match &resource.kind {
            Kind::Lpar(_) => "LPAR".to_owned(),
            Kind::Agent(agent) => agent.agent.clone(),
        },
        server: server.map(ServerName::to_string),
        state: power_word(group, name),
        confidence: here.filter(|copy| copy.is_active() && copy.confidence > 0).map(|copy| copy.confidence),
        restarts: run.map_or(0, |run| u32::try_from(run.restarts.len()).unwrap_or(u32::MAX)),
        restart_limit: ledger.restart_limit(name).0,
        down: run.and_then(|run| down(&resource.group, run)),
        copies: copies.into_iter().flatten().map(|(server, copy)| (server.to_string(), reads(copy))).collect(),
    }
}

/// Why it stays down, or is left alone.
fn down(group: &GroupName, run: &Run) -> Option<String> {
    if let Some(reason) = run.admin {
        return Some(format!("waits for an administrator ({reason}); `tenure group clear-admin-wait {group}`"));
    }
    Some(match run.down.as_ref()? {
        Down::Faulted(reason) => format!("faulted: {reason}"),
        Down::OnPurpose => "stopped on purpose by its own means".to_owned(),
        Down::Operator => "taken offline by an operator".to_owned(),
    })
}

/// An LPAR, with what only LPARs have.
pub(super) fn lpar(ledger: &Ledger, name: &ResourceName, resource: &Resource) -> Option<LparView> {
    let lpar = resource.as_lpar()?;
    let common = view(ledger, name, resource);
    Some(LparView {
        name: common.name,
        group: common.group,
        partition: lpar.partition.clone(),
        profile: lpar.profile.clone(),
        server: common.server,
        state: common.state,
        copies: common.copies,
        restarts: common.restarts,
        restart_limit: common.restart_limit,
        memory: lpar.memory,
        processors: lpar.processors,
        vios: lpar.vios.clone(),
    })
}

fn power_word(group: &GroupState, name: &ResourceName) -> String {
    let Some(copies) = group.copies.get(name) else { return "not read".to_owned() };
    if let Some(copy) = group.tenure.as_ref().and_then(|tenure| copies.get(&tenure.server)) {
        return if copy.since.is_none() { "not read".to_owned() } else { copy.power.to_string() };
    }
    if let Some((server, copy)) = copies.iter().find(|(_, copy)| copy.is_active()) {
        return format!("{} on {server}", copy.power);
    }
    if copies.values().any(|copy| copy.since.is_none()) {
        "not read".to_owned()
    } else if copies.values().any(|copy| !copy.power.is_inactive()) {
        Power::Unknown.to_string()
    } else {
        Power::Off.to_string()
    }
}
