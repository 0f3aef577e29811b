//! Checks of single groups: their servers, their needs there, and settings without effect.

use super::{Found, Rule, hundredths, text::is_path};
use crate::{
    GroupName, ServerName, Span,
    config::{Cluster, Failback, Group, GroupKind, Load, Resource, Shutdown},
};
use std::collections::BTreeMap;

/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// Contents of a group, summed up once: looking through all resources for each group takes seconds on a large site.
#[derive(Default)]
struct Contents {
    load: Load,
    enabled: bool,
}

pub(super) fn check(cluster: &Cluster, found: &mut Found) {
    let mut contents: BTreeMap<&GroupName, Contents> = BTreeMap::new();
    for resource in cluster.resources.values() {
        let group = contents.entry(&resource.group).or_default();
        group.load = group.load.plus(Resource::load(resource));
        group.enabled |= resource.enabled;
    }
    for (name, group) in &cluster.groups {
        let at = ["groups", name.as_str()];
        found.name(&at, name.as_str());
        if group.servers.is_empty() {
            found.add(&at, Rule::EmptySystemList { group: name.clone() });
        }
        lists(cluster, found, name, group);
        prerequisites(cluster, found, name, group);
        settings(found, name, group);
        hooks(found, name, group);
        match contents.get(name) {
            Some(contents) => {
                if !contents.enabled && group.managed {
                    found.add(&at, Rule::NothingEnabled { group: name.clone() });
                }
                fit(cluster, found, name, group, contents.load.plus(group.load));
            }
            None => found.add(&at, Rule::EmptyGroup { group: name.clone() }),
        }
    }
}

fn lists(cluster: &Cluster, found: &mut Found, name: &GroupName, group: &Group) {
    list(cluster, found, name, "servers", &group.servers);
    list(cluster, found, name, "autostart_servers", &group.autostart_servers);
    for (i, server) in group.autostart_servers.iter().enumerate() {
        if !group.servers.contains(server) {
            let place = ["groups", name.as_str(), "autostart_servers", &i.to_string()];
            found.add(&place, Rule::AutostartOutsideList { server: server.clone() });
        }
    }
}

fn list(cluster: &Cluster, found: &mut Found, group: &GroupName, field: &str, servers: &[ServerName]) {
    for (i, server) in servers.iter().enumerate() {
        let place = ["groups", group.as_str(), field, &i.to_string()];
        match cluster.servers.get(server) {
            None => found.unknown_server(&place, server, cluster),
            Some(declared) if !declared.surrogate && cluster.node_on(server).is_none() => {
                found.add(&place, Rule::Unmanaged { server: server.clone() });
            }
            Some(_) => {}
        }
        if servers.iter().take(i).any(|earlier| earlier == server) {
            found.add(&place, Rule::ServerTwice { server: server.clone() });
        }
    }
}

fn fit(cluster: &Cluster, found: &mut Found, name: &GroupName, group: &Group, needs: Load) {
    for (i, server_name) in group.servers.iter().enumerate() {
        let Some(server) = cluster.servers.get(server_name) else { continue };
        let place = ["groups", name.as_str(), "servers", &i.to_string()];
        let mut too_big = |what: &'static str, need: String, has: String| {
            let (group, server) = (name.clone(), server_name.clone());
            found.add(&place, Rule::NeverFits { group, server, what, need, has });
        };
        if let Some(has) = server.memory.filter(|has| *has < needs.memory) {
            too_big("memory", format!("{} MiB", needs.memory), format!("{has} MiB"));
        }
        if let Some(has) = server.processors.filter(|has| *has < needs.processors) {
            too_big("processors", hundredths(needs.processors), hundredths(has));
        }
        if let Some(has) = server.units.filter(|has| *has < needs.units) {
            too_big("units", needs.units.to_string(), has.to_string());
        }
    }
}

fn prerequisites(cluster: &Cluster, found: &mut Found, group_name: &GroupName, group: &Group) {
    for (name, need) in &group.prerequisites {
        let place = ["groups", group_name.as_str(), "prerequisites", name];
        found.name(&place, name);
        if *need == 0 {
            found.add(&place, Rule::ZeroAmount { name: name.clone() });
        }
        let servers = || group.servers.iter().filter_map(|server| cluster.servers.get(server));
        let most = servers().map(|server| server.limits.get(name).copied().unwrap_or_default()).max();
        if let Some(most) = most.filter(|most| most < need) {
            let (group, name) = (group_name.clone(), name.clone());
            found.add(&place, Rule::NoLimitsMeet { group, name, need: *need, most });
        }
    }
}

fn settings(found: &mut Found, name: &GroupName, group: &Group) {
    let at = |field| ["groups", name.as_str(), field];
    if group.restart_limit > 0 && group.restart_window == Span(0) {
        found.add(&at("restart_window"), Rule::Zero { what: "restart_window" });
    }
    if group.online_retry_interval > Span(0) && group.online_retry_limit == 0 {
        let rule = Rule::Meaningless { what: "online_retry_interval", without: "online_retry_limit" };
        found.add(&at("online_retry_interval"), rule);
    }
    if let Failback::Window { from, to } = group.failback {
        if from >= DAY {
            found.add(&at("failback"), Rule::WindowStart { from });
        } else if from == to {
            let at_clock = format!("{:02}:{:02}", from / 60, from % 60);
            found.add(&at("failback"), Rule::EmptyWindow { at: at_clock });
        }
    }
    if group.kind == GroupKind::Parallel {
        if group.failback != Failback::Never {
            found.add(&at("failback"), Rule::ParallelMoves { group: name.clone(), what: "failback" });
        }
        if group.shutdown == Shutdown::Migrate {
            found.add(&at("shutdown"), Rule::ParallelMoves { group: name.clone(), what: "shutdown = \"migrate\"" });
        }
    }
}

fn hooks(found: &mut Found, name: &GroupName, group: &Group) {
    for (trigger, hook) in &group.hooks {
        let at = ["groups", name.as_str(), "hooks", trigger.word()];
        if !is_path(&hook.program) {
            let rule = Rule::HookNotAbsolute { program: hook.program.clone() };
            found.add(&[at[0], at[1], at[2], at[3], "program"], rule);
        }
        if hook.timeout == Span(0) {
            found.add(&[at[0], at[1], at[2], at[3], "timeout"], Rule::Zero { what: "timeout" });
        }
    }
}
