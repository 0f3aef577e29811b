//! What is wrong with a cluster, by its status: one line for each cause. Pure.

use crate::api::wire::{
    Cause, Closed, GroupStatus, GroupView, HmcStatus, HmcView, Intent, Level, NodeOut, NodeRole, NodeView, QuorumView,
    ResourceView, ServerStatus, ServerView, ServiceStatus, StatusView, TotalView, TotalsView, Verdict, WaitView,
};
use std::collections::{BTreeMap, BTreeSet};

/// Names in one line; the others are counted.
const NAMES: usize = 6;

impl Verdict {
    /// The verdict on a cluster.
    pub fn of(view: &StatusView) -> Self {
        let mut problems = causes(view);
        problems.sort_by_key(|cause| std::cmp::Reverse(cause.level));
        let ok = problems.is_empty();
        let summary = if ok { rest(view) } else { counts(view).unwrap_or_else(|| weighed(&problems)) };
        Verdict { ok, summary, problems }
    }

    /// The severity of the worst cause.
    pub fn level(&self) -> Option<Level> {
        self.problems.iter().map(|cause| cause.level).max()
    }
}

/// How many things of each kind there are.
pub fn totals(view: &StatusView) -> TotalsView {
    fn total<T>(all: &[T], is_amiss: impl Fn(&T) -> bool) -> TotalView {
        TotalView { all: all.len(), amiss: all.iter().filter(|one| is_amiss(one)).count() }
    }
    TotalsView {
        hmcs: total(&view.hmcs, is_amiss_hmc),
        servers: total(&view.servers, is_amiss_server),
        nodes: total(&view.nodes, is_amiss_node),
        services: total(&view.services, |service| is_amiss_service(&service.state)),
        groups: total(&view.groups, is_amiss_group),
        resources: total(&view.resources, is_amiss_resource),
    }
}

/// Whether a server is not as it should be.
pub fn is_amiss_server(server: &ServerView) -> bool {
    let kept = server.closed.is_some() || !server.returning.is_empty() || server.drain.is_some();
    server.state != ServerStatus::Ready
        || !server.live
        || server.node_out.is_some()
        || !server.vios_down.is_empty()
        || kept
}

/// Whether an HMC is not as it should be.
pub fn is_amiss_hmc(hmc: &HmcView) -> bool {
    hmc.state != HmcStatus::Ok
}

/// Whether a node is not as it should be.
pub fn is_amiss_node(node: &NodeView) -> bool {
    // Who votes is the leader's choice: a learner is as it should be.
    let joined = matches!(node.role, NodeRole::Leader | NodeRole::Voter | NodeRole::Learner);
    node.out.is_some() || node.proof.is_some() || (node.declared && !joined)
}

/// Whether a group is not as it should be.
pub fn is_amiss_group(group: &GroupView) -> bool {
    let settled = match group.intent {
        Intent::Offline => group.state == GroupStatus::Offline,
        Intent::Online | Intent::Other(_) => group.state == GroupStatus::Online,
    };
    let marked = !group.faults.is_empty() || group.flags.iter().any(|flag| flag != "watched");
    !settled || !group.live || marked || group.frozen || group.wait.is_some() || group.overlaps.is_some()
}

/// Whether a resource is not as it should be.
pub fn is_amiss_resource(resource: &ResourceView) -> bool {
    let should = resource.server.is_some();
    !resource.live || resource.down.is_some() || (should && resource.runs != Some(true)) || resource.restarts > 0
}

/// Whether a service is not as it should be.
pub fn is_amiss_service(state: &ServiceStatus) -> bool {
    !matches!(state, ServiceStatus::Online | ServiceStatus::Offline)
}

/// Whether a group should run and does not, as far as is known.
fn is_down(group: &GroupView) -> bool {
    let wanted = group.intent == Intent::Online;
    let down = group.flags.iter().any(|flag| flag == "down");
    group.state == GroupStatus::Held || (wanted && (group.state == GroupStatus::Pending || (down && group.live)))
}

fn is_read(server: &ServerView) -> bool {
    server.live && !matches!(server.state, ServerStatus::Unread | ServerStatus::Doubtful | ServerStatus::Open)
}

/// What is not as it should be, counted.
fn counts(view: &StatusView) -> Option<String> {
    let groups = |is: &dyn Fn(&GroupView) -> bool| view.groups.iter().filter(|group| is(group)).count();
    let servers = |is: &dyn Fn(&ServerView) -> bool| view.servers.iter().filter(|server| is(server)).count();
    let off = |server: &ServerView| server.state == ServerStatus::Off;
    let all = [
        (groups(&is_down), "group", "down"),
        (groups(&is_in_doubt), "group", "in doubt"),
        (servers(&off), "server", "off"),
        (servers(&|server| !is_read(server) && !off(server)), "server", "not read"),
        (view.nodes.iter().filter(|node| node.out.is_some()).count(), "node", "silent"),
        (view.hmcs.iter().filter(|hmc| is_amiss_hmc(hmc)).count(), "HMC", "not usable"),
    ];
    let words: Vec<String> = all
        .into_iter()
        .filter(|(count, _, _)| *count > 0)
        .map(|(count, what, how)| format!("{count} {what}{} {how}", if count == 1 { "" } else { "s" }))
        .collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// `1 alarm`, `2 warnings`.
fn weighed(problems: &[Cause]) -> String {
    let alarms = problems.iter().filter(|cause| cause.level == Level::Alarm).count();
    let (count, what) = if alarms > 0 { (alarms, "alarm") } else { (problems.len(), "warning") };
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// What there is while nothing is wrong.
fn rest(view: &StatusView) -> String {
    let count = |state: GroupStatus| view.groups.iter().filter(|group| group.state == state).count();
    let (online, offline) = (count(GroupStatus::Online), count(GroupStatus::Offline));
    let moving = view.groups.len().saturating_sub(online + offline);
    let s = |count: usize| if count == 1 { "" } else { "s" };
    let mut text = format!("{online} group{} online", s(online));
    if moving > 0 {
        text.push_str(&format!(", {moving} on the way"));
    }
    if offline > 0 {
        text.push_str(&format!(", {offline} offline as intended"));
    }
    text
}

/// The time of day of an instant in RFC 3339.
fn clock(at: &str) -> &str {
    at.get(11..19).unwrap_or(at)
}

fn cause(level: Level, text: impl Into<String>) -> Cause {
    Cause { level, text: text.into(), groups: Vec::new() }
}

fn causes(view: &StatusView) -> Vec<Cause> {
    let mut all: Vec<Cause> = view.standstills.iter().map(|text| cause(Level::Alarm, text)).collect();
    // Its alarms are among the standstills.
    let weak = view.hmcs.iter().filter(|hmc| hmc.level == Level::Warning);
    all.extend(weak.flat_map(|hmc| &hmc.problems).map(|text| cause(Level::Warning, text)));
    let (of_groups, others): (Vec<_>, Vec<_>) = view.alarms.iter().partition(|alarm| alarm.group.is_some());
    all.extend(others.iter().map(|alarm| cause(Level::Alarm, &alarm.text)));
    let of_groups = of_groups.into_iter().filter_map(|alarm| {
        let group = alarm.group.as_deref()?;
        Some((group, alarm.text.strip_prefix(&format!("group {group} ")).unwrap_or(&alarm.text)))
    });
    all.extend(by_cause(Level::Alarm, of_groups));
    let told = |server: &str| view.alarms.iter().any(|alarm| alarm.server.as_deref() == Some(server));
    let apart = view.heard.is_some();
    all.extend(view.servers.iter().filter(|server| !apart && !told(&server.name)).filter_map(of_server));
    // That no HMC of it can be used is said already.
    let shut = |server: &ServerView| {
        let amiss = |name: &String| view.hmcs.iter().any(|hmc| &hmc.name == name && is_amiss_hmc(hmc));
        !server.managers.is_empty() && server.managers.iter().all(amiss)
    };
    let told_of = |name: &str| told(name) || view.servers.iter().any(|server| server.name == name && shut(server));
    all.extend(unread(view, &told_of).into_iter().filter(|_| !apart));
    all.extend(view.nodes.iter().filter_map(|node| of_node(node, view)));
    all.extend(of_quorum(view));
    let told: BTreeSet<String> = all.iter().flat_map(|cause| cause.groups.iter().cloned()).collect();
    all.extend(in_doubt(view, &told));
    // That its server cannot be watched now is the reason of the doubt.
    let doubted = |wait: &&WaitView| {
        wait.kind == "unwatched" && view.groups.iter().any(|group| group.name == wait.name && is_in_doubt(group))
    };
    let waits = view.waits.iter().filter(|wait| wait.level == Level::Warning && wait.what == "group");
    let waits = waits.filter(|wait| !doubted(wait));
    let until = |wait: &WaitView| wait.until.as_deref().map(|at| format!(" (until {} UTC)", clock(at)));
    let waits: Vec<(&str, String)> = waits
        .map(|wait| (wait.name.as_str(), format!("waits: {}{}", wait.text, until(wait).unwrap_or_default())))
        .collect();
    all.extend(by_cause(Level::Warning, waits.iter().map(|(name, text)| (*name, text.as_str()))));
    let waits = view.waits.iter().filter(|wait| wait.level == Level::Warning && wait.what != "group");
    all.extend(waits.map(|wait| cause(Level::Warning, format!("{} {}: {}", wait.what, wait.name, wait.text))));
    let faulted = view.resources.iter().filter_map(|one| Some((one, one.down.as_deref()?)));
    let faulted = faulted.filter(|(_, why)| why.starts_with("faulted") || why.starts_with("waits"));
    all.extend(faulted.map(|(one, why)| cause(Level::Warning, format!("resource {}: {why}", one.name))));
    all.extend(fell(view));
    all
}

/// Causes in one line each: those of groups that differ in the name of the group alone are one.
fn by_cause<'a>(level: Level, all: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<Cause> {
    let mut groups: BTreeMap<String, Vec<(&str, &str)>> = BTreeMap::new();
    let mut order = Vec::new();
    for (name, text) in all {
        let key = text.replace(&format!(" {name}`"), " GROUP`").replace(&format!(" {name} "), " GROUP ");
        let same = groups.entry(key.clone()).or_default();
        if same.is_empty() {
            order.push(key);
        }
        same.push((name, text));
    }
    order
        .into_iter()
        .filter_map(|key| {
            let same = groups.remove(&key)?;
            let names: Vec<String> = same.iter().map(|(name, _)| (*name).to_owned()).collect();
            let text = match same.as_slice() {
                [(name, text)] => format!("group {name} {text}"),
                _ => {
                    let (verb, rest) = key.split_once(' ').unwrap_or((&key, ""));
                    let verb = match verb {
                        "waits:" => "wait:",
                        "is" => "are",
                        verb => verb,
                    };
                    format!("{} groups {verb} {rest} ({})", names.len(), listed(&names))
                }
            };
            Some(Cause { level, text, groups: names })
        })
        .collect()
}

/// The first of some names, and the number of the others.
fn listed(names: &[String]) -> String {
    match names.get(..NAMES) {
        Some(first) if names.len() > NAMES => format!("{}, and {} more", first.join(", "), names.len() - NAMES),
        Some(_) | None => names.join(", "),
    }
}

fn of_server(server: &ServerView) -> Option<Cause> {
    let name = &server.name;
    let warning = |text: String| Some(cause(Level::Warning, text));
    if let Some(proof) = &server.proof {
        return warning(format!("server {name} is off: {proof}"));
    }
    if !is_read(server) {
        return None;
    }
    if server.state == ServerStatus::Dirty {
        return warning(format!("server {name} came back, and what runs there is being checked"));
    }
    if !server.vios_down.is_empty() {
        return warning(format!("server {name}: VIO server {} is down", server.vios_down.join(", ")));
    }
    if server.closed == Some(Closed::Quarantined) {
        return warning(format!("server {name} came back too often and takes no work: `tenure server release {name}`"));
    }
    None
}

/// Servers that are not read live, by the reason.
fn unread(view: &StatusView, told: &dyn Fn(&str) -> bool) -> Vec<Cause> {
    let mut reasons: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let unread = view.servers.iter().filter(|server| !is_read(server) && server.proof.is_none() && !told(&server.name));
    for server in unread {
        let reason = if server.managers.is_empty() { "its node is not there" } else { server.reads.as_str() };
        reasons.entry(reason).or_default().push(server.name.clone());
    }
    let text = |(reason, names): (&str, Vec<String>)| match names.as_slice() {
        [name] => format!("server {name} is not read live ({reason}): see `tenure server show {name}`"),
        many => format!("{} servers are not read live ({reason}): {}", many.len(), listed(many)),
    };
    reasons.into_iter().map(|one| cause(Level::Warning, text(one))).collect()
}

fn of_node(node: &NodeView, view: &StatusView) -> Option<Cause> {
    let name = &node.name;
    let text = match (&node.out, &node.proof) {
        (_, Some(proof)) => format!("node {name} is off: {proof}"),
        (Some(NodeOut::CutOff), None) => format!("node {name} is silent, and its LPAR is being cut off"),
        (Some(_), None) if node.stopped => {
            format!("node {name} was stopped with `tenure node stop`: start `tenured` there")
        }
        (Some(_), None) => format!("node {name} is silent"),
        (None, None) if node.declared && node.role == NodeRole::Absent => format!(
            "node {name} has not joined: `tenure node token {name}`, and there `tenured --config FILE --join-file FILE`"
        ),
        (None, None) => return None,
    };
    // A server that is off, or said to be silent in an alarm, takes its node with it.
    let told = view.alarms.iter().any(|alarm| alarm.server.is_some() && alarm.server == node.server)
        || view.servers.iter().any(|one| Some(&one.name) == node.server.as_ref() && one.proof.is_some());
    (!told).then(|| cause(Level::Warning, text))
}

/// A quorum that does not survive another loss, though it would if all voters were there.
fn of_quorum(view: &StatusView) -> Option<Cause> {
    let quorum = view.quorum.as_ref().filter(|_| view.heard.is_none())?;
    let worse = quorum.answer < quorum.voters && quorum.may_fail() == 0;
    worse.then(|| {
        let QuorumView { voters, answer, needed } = quorum;
        let text = match answer < needed {
            true => format!("{answer} of {voters} voters answer, and {needed} are needed to decide anything"),
            false => format!("{answer} of {voters} voters answer: if one more fails, nobody decides any more"),
        };
        cause(Level::Alarm, text)
    })
}

/// Groups of which nobody knows now whether they run, by the server that is not read.
fn in_doubt(view: &StatusView, told: &BTreeSet<String>) -> Vec<Cause> {
    if let Some(heard) = &view.heard {
        let text = format!("{} knows of no leader since {} UTC: nothing below is sure", view.answered_by, clock(heard));
        return vec![cause(Level::Alarm, text)];
    }
    let doubtful = view.groups.iter().filter(|group| is_in_doubt(group) && !told.contains(&group.name));
    let (mut groups, mut servers) = (Vec::new(), BTreeSet::new());
    for group in doubtful {
        groups.push(group.name.clone());
        servers.extend(group.server.clone());
    }
    if groups.is_empty() {
        return Vec::new();
    }
    let who = if groups.len() == 1 { "1 group is".to_owned() } else { format!("{} groups are", groups.len()) };
    let servers: Vec<String> = servers.into_iter().collect();
    let text = format!("{who} in doubt, because what runs on {} is not read: {}", listed(&servers), listed(&groups));
    vec![Cause { level: Level::Warning, text, groups }]
}

/// Whether nobody knows now if it runs.
fn is_in_doubt(group: &GroupView) -> bool {
    !group.live && !is_down(group)
}

/// Groups that failed somewhere, and have not been looked at since.
fn fell(view: &StatusView) -> Vec<Cause> {
    let fallen = view.groups.iter().filter(|group| !group.faults.is_empty() && !is_down(group));
    let fallen: Vec<String> = fallen.map(|group| group.name.clone()).collect();
    if fallen.is_empty() {
        return Vec::new();
    }
    let text = match fallen.as_slice() {
        [one] => format!("group {one} failed on a server: see `tenure why {one}`, then `tenure group clear {one}`"),
        many => format!(
            "{} groups failed on a server: see `tenure why GROUP`, then `tenure group clear GROUP` ({})",
            many.len(),
            listed(many)
        ),
    };
    vec![Cause { level: Level::Warning, text, groups: fallen }]
}
