//! Views of resources: LPARs, and resources inside nodes.

use super::Sight;
use crate::api::wire::{AgentSettingsView, LparView, PlaceView, ResourceDetailView, ResourceView};
use tenure_core::{
    GroupName, Ledger, NodeName, Power, ResourceName, ServerName, Span,
    config::{Agent, Kind, Resource},
    ledger::{CopyState, Down, GroupState, Run},
};

/// Any resource.
pub(super) fn view(sight: &Sight<'_>, name: &ResourceName, resource: &Resource) -> ResourceView {
    let ledger = sight.ledger;
    let unknown = GroupState::default();
    let group = ledger.groups.get(&resource.group).map_or(&unknown, |state| &**state);
    let copies = group.copies.get(name);
    let server = group.tenure.as_ref().map(|tenure| &tenure.server);
    let here = copies.zip(server).and_then(|(copies, server)| copies.get(server));
    let run = group.runs.get(name);
    let (state, power, place) = reading_of(sight, group, name);
    let seen = place.map(|server| sight.copy(name, server));
    ResourceView {
        name: name.to_string(),
        group: resource.group.to_string(),
        of_type: match &resource.kind {
            Kind::Lpar(_) => "LPAR".to_owned(),
            Kind::Agent(agent) => agent.agent.clone(),
        },
        server: server.map(ServerName::to_string),
        state,
        live: seen.is_some_and(|seen| seen.live),
        read_at: seen.and_then(|seen| seen.at).map(|at| sight.shown(at)),
        runs: power.filter(|_| seen.is_some_and(|seen| seen.live)).and_then(runs),
        confidence: here.filter(|copy| copy.is_active() && copy.confidence > 0).map(|copy| copy.confidence),
        restarts: run.map_or(0, |run| u32::try_from(run.restarts.len()).unwrap_or(u32::MAX)),
        restart_limit: ledger.restart_limit(name).0,
        down: run.and_then(|run| down(&resource.group, run)),
        copies: copies
            .into_iter()
            .flatten()
            .map(|(server, copy)| (server.to_string(), reads(sight, name, server, copy)))
            .collect(),
    }
}

fn reads(sight: &Sight<'_>, name: &ResourceName, server: &ServerName, copy: &CopyState) -> String {
    if copy.since.is_none() { "not read".to_owned() } else { sight.power(name, server, copy).to_string() }
}

/// All details of a resource; `None` if it is not declared.
pub fn detail(sight: Sight<'_>, name: &ResourceName) -> Option<ResourceDetailView> {
    let (ledger, sight) = (sight.ledger, &sight);
    let declared = ledger.config.resources.get(name)?;
    let group = ledger.groups.get(&declared.group);
    let copies = group.and_then(|group| group.copies.get(name));
    let tenure = group.and_then(|group| group.tenure.as_ref());
    let inside = declared.as_agent().is_some();
    let seen = |server: &ServerName| sight.copy(name, server);
    let places = copies.into_iter().flatten().map(|(server, copy)| PlaceView {
        server: server.to_string(),
        node: ledger.config.node_on(server).filter(|_| inside).map(NodeName::to_string),
        state: reads(sight, name, server, copy),
        live: copy.since.is_some() && seen(server).live,
        read_at: seen(server).at.filter(|_| copy.since.is_some()).map(|at| sight.shown(at)),
        confidence: Some(copy.confidence).filter(|confidence| copy.is_active() && *confidence > 0),
        said: copy.said.to_string(),
        tenure: tenure.is_some_and(|tenure| tenure.covers(server)),
    });
    Some(ResourceDetailView {
        resource: view(sight, name, declared),
        lpar: lpar(sight, name, declared),
        settings: declared.as_agent().map(|agent| settings(ledger, declared, agent)),
        places: places.collect(),
    })
}

fn settings(ledger: &Ledger, declared: &Resource, agent: &Agent) -> AgentSettingsView {
    let span = |span: &Span| span.to_string();
    let watch = &agent.watch;
    AgentSettingsView {
        attributes: agent.attributes.clone(),
        attributes_on: agent.on.iter().map(|(server, own)| (server.to_string(), own.clone())).collect(),
        monitor: watch.interval.unwrap_or(ledger.config.timings.monitor).to_string(),
        monitor_offline: watch.offline_interval.as_ref().map(span),
        monitor_timeout: watch.timeout.as_ref().map(span),
        depths: watch.depths.iter().map(|(depth, every)| (depth.clone(), every.to_string())).collect(),
        start_timeout: declared.start_timeout.to_string(),
        stop_timeout: declared.stop_timeout.to_string(),
    }
}

/// The reason why it stays down, or waits for an administrator.
fn down(group: &GroupName, run: &Run) -> Option<String> {
    if let Some(reason) = run.awaits_admin() {
        return Some(format!("waits for an administrator ({reason}); `tenure group clear-admin-wait {group}`"));
    }
    Some(match run.down.as_ref()? {
        Down::Faulted(reason) => format!("faulted: {reason}"),
        Down::OnPurpose => "stopped on purpose by its own means".to_owned(),
        Down::Operator => "taken offline by an operator".to_owned(),
    })
}

/// An LPAR, with the fields that only LPARs have; `None` for another resource.
pub(super) fn lpar(sight: &Sight<'_>, name: &ResourceName, resource: &Resource) -> Option<LparView> {
    let lpar = resource.as_lpar()?;
    let common = view(sight, name, resource);
    Some(LparView {
        name: common.name,
        group: common.group,
        partition: lpar.partition.clone(),
        profile: lpar.profile.clone(),
        server: common.server,
        state: common.state,
        live: common.live,
        read_at: common.read_at,
        copies: common.copies,
        restarts: common.restarts,
        restart_limit: common.restart_limit,
        memory: lpar.memory,
        processors: lpar.processors,
        vios: lpar.vios.clone(),
    })
}

/// Its state for people; the same as a power state of the ledger, if it was read; and the server that this is about.
fn reading_of<'a>(
    sight: &Sight<'_>,
    group: &'a GroupState,
    name: &ResourceName,
) -> (String, Option<Power>, Option<&'a ServerName>) {
    let unread = || ("not read".to_owned(), None, None);
    let Some(copies) = group.copies.get(name) else { return unread() };
    let power = |server: &ServerName, copy: &CopyState| sight.power(name, server, copy);
    if let Some((server, copy)) = group.tenure.as_ref().and_then(|tenure| copies.get_key_value(&tenure.server)) {
        let power = power(server, copy);
        return if copy.since.is_none() { unread() } else { (power.to_string(), Some(power), Some(server)) };
    }
    if let Some((server, copy)) = copies.iter().find(|(server, copy)| power(server, copy).is_active()) {
        // Where it has no tenure it does not count as running.
        return (format!("{} on {server}", copy.power), None, Some(server));
    }
    if copies.values().any(|copy| copy.since.is_none()) {
        return unread();
    }
    let off = copies.iter().all(|(server, copy)| power(server, copy).is_inactive());
    let power = if off { Power::Off } else { Power::Unknown };
    // Off everywhere is as old as the oldest of its readings.
    let oldest = copies.keys().min_by_key(|server| {
        let seen = sight.copy(name, server);
        (seen.live, seen.at)
    });
    (power.to_string(), Some(power), oldest)
}

fn runs(power: Power) -> Option<bool> {
    match power {
        Power::Running => Some(true),
        Power::Off | Power::OffOnPurpose => Some(false),
        Power::Starting
        | Power::Stopping
        | Power::Moving
        | Power::Absent
        | Power::Unknown
        | Power::Missing
        | Power::Error => None,
    }
}
