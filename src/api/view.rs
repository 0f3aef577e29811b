//! Ledger → wire types. Pure.

mod audit;
mod authority;
mod group;
mod hmc;
mod kept;
mod node;
mod part;
mod resource;
mod server;
mod service;
mod sight;
mod user;

pub(super) use authority::authorities;
pub(super) use hmc::live as hmcs;
pub(super) use node::views as nodes;
pub(super) use part::part;
pub use resource::detail as resource;
pub(super) use server::{rolling, server_status};
pub use sight::Sight;
pub(super) use user::user;

use super::{
    backend::{Member, Members, Read},
    verdict::totals,
    wire::{
        AddressView, AlarmView, BackupsView, GroupView, Level, OrderView, RecordView, ServerView, StatusView, Verdict,
        WaitView, WhyView,
    },
};
use crate::local::space;
use std::{cell::RefCell, collections::BTreeMap};
use tenure_core::{
    Event, GroupName, Ledger, NodeName, ResourceName, ServerName, Time,
    config::Resource,
    ledger::{GroupState, Hold, JOURNAL_LIMIT},
    note::{self, Brake, ClusterWait, Conflict, ServerWait, Wait},
};

/// Look-ups that the views need again and again, made once: a large site has thousands of groups.
struct Index<'a> {
    ledger: &'a Ledger,
    sight: Sight<'a>,
    lpars: BTreeMap<&'a GroupName, Vec<(&'a ResourceName, &'a Resource)>>,
    tenants: BTreeMap<&'a ServerName, Vec<&'a GroupName>>,
    turns: Turns,
}

impl<'a> Index<'a> {
    fn new(sight: Sight<'a>) -> Self {
        let ledger = sight.ledger;
        let mut index =
            Index { ledger, sight, lpars: BTreeMap::new(), tenants: BTreeMap::new(), turns: Turns::default() };
        for (name, lpar) in &ledger.config.resources {
            index.lpars.entry(&lpar.group).or_default().push((name, lpar));
        }
        for (name, group) in &ledger.groups {
            if let Some(tenure) = &group.tenure {
                index.tenants.entry(&tenure.server).or_default().push(name);
            }
        }
        index
    }

    fn lpars_of(&self, group: &GroupName) -> &[(&'a ResourceName, &'a Resource)] {
        self.lpars.get(group).map_or(&[], Vec::as_slice)
    }

    fn groups_on(&self, server: &ServerName) -> &[&'a GroupName] {
        self.tenants.get(server).map_or(&[], Vec::as_slice)
    }
}

/// The status of the whole cluster.
pub fn status(ledger: &Ledger, members: &Members, read: Read) -> StatusView {
    let config = &ledger.config;
    let sight = Sight::new(ledger, members, read);
    let members = &sight.believes(members);
    let index = Index::new(sight);
    let mut groups: Vec<GroupView> =
        config.groups.iter().map(|(name, group)| group::view(&index, name, group)).collect();
    groups.sort_by(|a, b| (a.priority, &a.name).cmp(&(b.priority, &b.name)));
    let mut view = StatusView {
        alarms: alarms(ledger).into_iter().chain(authority::alarms(&ledger.trust, members.wall)).collect(),
        hmcs: hmc::views(ledger),
        servers: config.servers.iter().map(|(name, server)| server::view(&index, name, server)).collect(),
        nodes: node::views(ledger, members),
        groups,
        services: config.services.keys().filter_map(|name| service::view(ledger, name)).collect(),
        lpars: config
            .resources
            .iter()
            .filter_map(|(name, declared)| resource::lpar(&index.sight, name, declared))
            .collect(),
        resources: config
            .resources
            .iter()
            .map(|(name, declared)| resource::view(&index.sight, name, declared))
            .collect(),
        waits: waits(ledger),
        orders: orders(ledger),
        members: members.members.iter().map(address).collect(),
        ..head(ledger, members, read)
    };
    view.totals = Some(totals(&view));
    view.verdict = Some(Verdict::of(&view));
    view
}

/// What concerns the whole cluster, without any list.
fn head(ledger: &Ledger, members: &Members, read: Read) -> StatusView {
    let sight = Sight::new(ledger, members, read);
    let members = &sight.believes(members);
    let full = members.free.and_then(space::warning).map(|text| format!("node {}: {text}", members.me));
    let kept = members.backups.as_ref();
    let late = kept.and_then(|kept| kept.warning(members.wall));
    let late = late.map(|text| format!("node {}: {text}", members.me));
    StatusView {
        cluster: ledger.config.name.clone(),
        index: ledger.index,
        at: shown(ledger, ledger.now),
        now: sight.shown(sight.now),
        heard: sight.heard.map(|at| sight.shown(at)),
        quorum: Some(node::quorum(ledger, members, sight.heard.is_some())),
        configured: ledger.configured,
        answered_by: members.me.to_string(),
        stale: read == Read::Stale,
        leader: members.leader.as_ref().map(NodeName::to_string),
        term: members.term,
        standstills: ledger.standstills().iter().map(|wait| standstill(ledger, wait)).chain(full).chain(late).collect(),
        disarmed: ledger.maintenance.disarm.as_ref().map(|disarm| kept::kept(ledger, disarm)),
        disk_free: members.free,
        backups: kept.map(|kept| BackupsView { newest: kept.newest.map(time), failed: kept.failed.clone() }),
        alarms: Vec::new(),
        hmcs: Vec::new(),
        servers: Vec::new(),
        nodes: Vec::new(),
        groups: Vec::new(),
        services: Vec::new(),
        lpars: Vec::new(),
        resources: Vec::new(),
        waits: Vec::new(),
        orders: Vec::new(),
        verdict: None,
        totals: None,
        members: Vec::new(),
        next: None,
    }
}

fn address(member: &Member) -> AddressView {
    AddressView { name: member.name.to_string(), api_address: member.api_address.clone() }
}

fn orders(ledger: &Ledger) -> Vec<OrderView> {
    let order = |order: &tenure_core::Order| OrderView {
        id: order.id.to_string(),
        what: order.action.to_string(),
        server: order.server.to_string(),
        node: order.node.to_string(),
        issued: shown(ledger, order.issued),
    };
    ledger.orders.values().map(order).collect()
}

/// The state of a group, and its history: at most `limit` records, newest first.
pub fn why(sight: Sight<'_>, group: &GroupName, limit: usize) -> Option<WhyView> {
    let ledger = sight.ledger;
    let declared = ledger.config.groups.get(group)?;
    let mut history = ledger.history(group);
    let records = history.by_ref().take(limit).map(event).collect();
    Some(WhyView { group: group::view(&Index::new(sight), group, declared), records, more: history.next().is_some() })
}

/// A record that tells of dropped records after `after`; `None` if there are none.
pub fn gap(ledger: &Ledger, after: u64) -> Option<RecordView> {
    let oldest = ledger.journal.front().filter(|_| ledger.journal.len() >= JOURNAL_LIMIT)?;
    (after > 0 && oldest.index > after.saturating_add(1)).then(|| RecordView {
        index: oldest.index.saturating_sub(1),
        at: time(oldest.at),
        level: Level::Warning,
        kind: "gap".to_owned(),
        text: format!("what happened after log index {after} and before {} is no longer kept", oldest.index),
        group: None,
        server: None,
    })
}

/// One event.
pub fn event(event: &Event) -> RecordView {
    RecordView {
        index: event.index,
        at: time(event.at),
        level: event.level.into(),
        kind: event.kind.clone().into_owned(),
        text: event.text.to_string(),
        group: event.group.as_ref().map(GroupName::to_string),
        server: event.server.as_ref().map(ServerName::to_string),
    }
}

/// A group; `None` if it is not declared.
pub fn group(ledger: &Ledger, name: &GroupName) -> Option<GroupView> {
    Some(group::view(&Index::new(ledger.into()), name, ledger.config.groups.get(name)?))
}

/// A server; `None` if it is not declared.
pub fn server(ledger: &Ledger, name: &ServerName) -> Option<ServerView> {
    Some(server::view(&Index::new(ledger.into()), name, ledger.config.servers.get(name)?))
}

/// An instant of cluster time, as a wall clock shows it, in RFC 3339 in UTC.
pub(crate) fn shown(ledger: &Ledger, at: Time) -> String {
    time(ledger.shown(at))
}

pub(crate) fn time(time: Time) -> String {
    let instant = i64::try_from(time.0).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    format!("{:.3}", instant.unwrap_or(jiff::Timestamp::MAX))
}

/// What is said of a node that was stopped for a while.
const STOPPED: &str = "which was stopped with `tenure node stop`: start `tenured` there";

fn waits(ledger: &Ledger) -> Vec<WaitView> {
    let turns = Turns::default();
    let groups =
        ledger.groups.iter().filter_map(|(name, state)| Some(group_wait(ledger, name, state.wait.as_ref()?, &turns)));
    let servers =
        ledger.servers.iter().filter_map(|(name, state)| Some(server_wait(ledger, name, state.wait.as_ref()?)));
    let mut all: Vec<WaitView> = servers.chain(groups).collect();
    all.sort_by_key(|wait| std::cmp::Reverse(wait.level));
    all
}

/// By when the next turn comes at each brake: many groups wait for the same few.
#[derive(Default)]
struct Turns(RefCell<Vec<(Brake, Option<Time>)>>);

impl Turns {
    fn next(&self, ledger: &Ledger, brake: &Brake) -> Option<Time> {
        let known = self.0.borrow().iter().find(|(known, _)| known == brake).map(|(_, at)| *at);
        if let Some(at) = known {
            return at;
        }
        let at = ledger.next_turn(brake);
        self.0.borrow_mut().push((brake.clone(), at));
        at
    }
}

fn group_wait(ledger: &Ledger, name: &GroupName, wait: &Wait, turns: &Turns) -> WaitView {
    let turn = if let Wait::Queue { brake } = wait { turns.next(ledger, brake) } else { None };
    let until = wait.until().or(turn).map(|until| shown(ledger, until));
    // Whoever stopped the node for a while starts it again: nobody has to prove anything.
    let (level, text) = match wait {
        Wait::NodeSilent { resource, node, .. } if ledger.stops(node).is_some() => {
            (Level::Warning, format!("{resource} lives inside node {node}, {STOPPED}"))
        }
        _ => (wait.level().into(), wait.to_string()),
    };
    WaitView { what: "group".to_owned(), name: name.to_string(), level, kind: wait.kind().to_owned(), text, until }
}

fn server_wait(ledger: &Ledger, name: &ServerName, wait: &ServerWait) -> WaitView {
    WaitView {
        what: "server".to_owned(),
        name: name.to_string(),
        level: wait.level().into(),
        kind: wait.kind().to_owned(),
        text: wait.to_string(),
        until: wait.until().map(|until| shown(ledger, until)),
    }
}

/// Open states that need an operator, servers first.
fn alarms(ledger: &Ledger) -> Vec<AlarmView> {
    let servers = ledger.servers.iter().filter_map(|(name, state)| {
        let wait = server_wait(ledger, name, state.wait.as_ref()?);
        let text = format!("server {name}: {}{}", wait.text, server::advice(name, state.wait.as_ref()?));
        let alarm = AlarmView { text, group: None, server: Some(name.to_string()) };
        (wait.level == Level::Alarm).then_some(alarm)
    });
    servers.chain(ledger.groups.iter().flat_map(|(name, state)| alarms_of(ledger, name, state))).collect()
}

/// What needs an operator about one group.
fn alarms_of<'a>(
    ledger: &'a Ledger,
    name: &'a GroupName,
    state: &'a GroupState,
) -> impl Iterator<Item = AlarmView> + 'a {
    let waits = || {
        if let Some(Hold { conflict, .. }) = &state.hold {
            let text = format!("group {name} is held: {conflict}; {}", wrong_copies(ledger, state, conflict));
            return Some(AlarmView { text, group: Some(name.to_string()), server: None });
        }
        let wait = state.wait.as_ref().filter(|wait| wait.level() == note::Level::Alarm)?;
        let wait = group_wait(ledger, name, wait, &Turns::default());
        let text = format!("group {name} waits: {}", wait.text);
        let alarm = AlarmView { text, group: Some(name.to_string()), server: None };
        (wait.level == Level::Alarm).then_some(alarm)
    };
    waits().into_iter().chain(kept::alarms(ledger, name, state))
}

/// The words of a standstill, with those of the operator who wanted it.
fn standstill(ledger: &Ledger, wait: &ClusterWait) -> String {
    match wait {
        ClusterWait::Disarmed => format!("{wait}{}", kept::said(ledger, ledger.maintenance.disarm.as_ref())),
        ClusterWait::Storm { .. }
        | ClusterWait::Lockout { .. }
        | ClusterWait::GivenUp { .. }
        | ClusterWait::HmcSilent { .. }
        | ClusterWait::HmcHostKey { .. }
        | ClusterWait::HmcOwnKey { .. } => wait.to_string(),
    }
}

/// The copies of a held group that have no right to run, and how to stop them.
fn wrong_copies(ledger: &Ledger, state: &GroupState, conflict: &Conflict) -> String {
    let Some(tenure) = &state.tenure else { return "stop the wrong copy at its manager".to_owned() };
    let wrong = conflict.active.iter().filter(|(server, _)| !tenure.covers(server));
    let wrong = wrong.flat_map(|(server, resources)| resources.iter().map(move |resource| (server, resource)));
    let one = |(server, resource): (&ServerName, &ResourceName)| {
        let declared = ledger.config.servers.get(server);
        let manager = declared.and_then(|declared| declared.managers.first());
        let how = match (ledger.config.lpar(resource), declared.and_then(|declared| declared.system()), manager) {
            (Some(lpar), Some(system), Some(manager)) => {
                let partition = &lpar.partition;
                format!("`chsysstate -m {system} -r lpar -n {partition} -o shutdown --immed` on {manager}")
            }
            _ => match ledger.config.node_on(server) {
                Some(node) => format!("stop {resource} by its own means on node {node}"),
                None => format!("stop {resource} there"),
            },
        };
        format!("the wrong copy is the one on {server}: {how}")
    };
    let all: Vec<String> = wrong.map(one).collect();
    if all.is_empty() { "see `tenure resource list`".to_owned() } else { all.join("; ") }
}

impl From<note::Level> for Level {
    fn from(level: note::Level) -> Self {
        match level {
            note::Level::Info => Level::Info,
            note::Level::Warning => Level::Warning,
            note::Level::Alarm => Level::Alarm,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenure_core::{Note, Record};

    #[test]
    fn what_is_no_longer_kept_is_said() {
        let mut ledger = Ledger::default();
        let note = Note::Released { group: "web".into() };
        let event = |index| Event::from(&Record { index, at: Time(0), note: note.clone() });
        let last = 100 + JOURNAL_LIMIT as u64;
        ledger.journal = (101..=last).map(event).collect();
        let gap_after = |ledger: &Ledger, after| gap(ledger, after).map(|record| (record.index, record.text));
        assert_eq!(gap_after(&ledger, 0), None, "whoever asks for all there is misses nothing");
        assert_eq!(gap_after(&ledger, 100), None);
        let text = "what happened after log index 7 and before 101 is no longer kept";
        assert_eq!(gap_after(&ledger, 7), Some((100, text.to_owned())));
        ledger.journal.pop_front();
        assert_eq!(gap_after(&ledger, 7), None, "nothing was dropped yet");
    }
}
