//! HMCs, servers and nodes.

use super::{Found, Rule, list};
use crate::{GroupName, HmcName, NodeName, ServerName, config::Cluster};
use std::collections::BTreeMap;

pub(super) fn check(cluster: &Cluster, found: &mut Found) {
    found.name(&["name"], &cluster.name);
    hmcs(cluster, found);
    servers(cluster, found);
    nodes(cluster, found);
}

fn hmcs(cluster: &Cluster, found: &mut Found) {
    let mut addresses: BTreeMap<&str, &HmcName> = BTreeMap::new();
    for (name, hmc) in &cluster.hmcs {
        let at = ["hmcs", name.as_str()];
        found.name(&at, name.as_str());
        if hmc.host_key.strip_prefix("SHA256:").is_none_or(|rest| rest.len() != 43) {
            found.add(&[at[0], at[1], "host_key"], Rule::HostKey { host_key: hmc.host_key.clone() });
        }
        if !is_address(&hmc.address) {
            found.add(&[at[0], at[1], "address"], Rule::Address { address: hmc.address.clone() });
        } else if let Some(other) = addresses.insert(&hmc.address, name) {
            let rule = Rule::AddressTwice { address: hmc.address.clone(), other: other.clone() };
            found.add(&[at[0], at[1], "address"], rule);
        }
        if hmc.user.chars().any(|c| c.is_whitespace() || c.is_control()) {
            found.add(&[at[0], at[1], "user"], Rule::User { user: hmc.user.clone() });
        }
    }
}

fn servers(cluster: &Cluster, found: &mut Found) {
    let mut systems: BTreeMap<&str, &ServerName> = BTreeMap::new();
    for (name, server) in &cluster.servers {
        let at = ["servers", name.as_str()];
        found.name(&at, name.as_str());
        if server.hmcs.is_empty() {
            without_manager(cluster, found, name);
        } else if !is_mtms(&server.mtms) {
            found.add(&[at[0], at[1], "mtms"], Rule::Mtms { mtms: server.mtms.clone() });
        }
        if !server.hmcs.is_empty() && server.system.is_empty() {
            found.add(&at, Rule::NoSystem { server: name.clone() });
        }
        let same = Some(&server.mtms).filter(|mtms| !mtms.is_empty());
        if let Some(other) = same.and_then(|mtms| systems.insert(mtms, name)) {
            let rule = Rule::SystemTwice { mtms: server.mtms.clone(), other: other.clone() };
            found.add(&[at[0], at[1], "mtms"], rule);
        }
        for (i, hmc) in server.hmcs.iter().enumerate() {
            let place = [at[0], at[1], "hmcs", &i.to_string()];
            if !cluster.hmcs.contains_key(hmc) {
                let known = list(cluster.hmcs.keys());
                found.add(&place, Rule::UnknownHmc { hmc: hmc.to_string(), known });
            }
            if server.hmcs.iter().take(i).any(|earlier| earlier == hmc) {
                found.add(&place, Rule::HmcTwice { hmc: hmc.to_string() });
            }
        }
        for limit in server.limits.keys() {
            found.name(&[at[0], at[1], "limits", limit], limit);
        }
        if let Some(zone) = &server.zone {
            found.name(&[at[0], at[1], "zone"], zone);
        }
    }
}

/// A server without a manager: nothing on it can be an LPAR of ours, and what only a manager would use means nothing.
fn without_manager(cluster: &Cluster, found: &mut Found, name: &ServerName) {
    let at = ["servers", name.as_str()];
    let Some(server) = cluster.servers.get(name) else { return };
    let listed = |group: &GroupName| cluster.groups.get(group).is_some_and(|group| group.servers.contains(name));
    let mut lpars = cluster.resources.iter().filter(|(_, resource)| resource.as_lpar().is_some());
    if let Some((lpar, resource)) = lpars.find(|(_, resource)| listed(&resource.group)) {
        let (server, lpar, group) = (name.clone(), lpar.clone(), resource.group.clone());
        found.add(&at, Rule::NoHmc { server, lpar, group });
        return;
    }
    let without = "hmcs";
    let written =
        [("system", !server.system.is_empty()), ("mtms", !server.mtms.is_empty()), ("surrogate", server.surrogate)];
    for (what, _) in written.into_iter().filter(|(_, written)| *written) {
        found.add(&[at[0], at[1], what], Rule::Meaningless { what, without });
    }
    let node = cluster.node_on(name).and_then(|node| cluster.nodes.get_key_value(node));
    if let Some((node, _)) = node.filter(|(_, declared)| declared.lpar.is_some()) {
        found.add(&["nodes", node.as_str(), "lpar"], Rule::LparWithoutHmc { node: node.clone(), server: name.clone() });
    }
}

fn nodes(cluster: &Cluster, found: &mut Found) {
    let mut hosts: BTreeMap<&ServerName, &NodeName> = BTreeMap::new();
    for (name, node) in &cluster.nodes {
        let at = ["nodes", name.as_str()];
        found.name(&at, name.as_str());
        let Some(server) = &node.server else {
            if node.lpar.is_some() {
                found.add(&[at[0], at[1], "lpar"], Rule::LparWithoutServer { node: name.clone() });
            }
            continue;
        };
        let place = [at[0], at[1], "server"];
        if !cluster.servers.contains_key(server) {
            found.unknown_server(&place, server, cluster);
        }
        if let Some(other) = hosts.insert(server, name) {
            found.add(&place, Rule::NodesOnOneServer { server: server.clone(), other: other.clone() });
        }
    }
}

fn is_mtms(mtms: &str) -> bool {
    let Some((model, serial)) = mtms.split_once('*') else { return false };
    let Some((machine, model)) = model.split_once('-') else { return false };
    let word = |text: &str, least: usize, most: usize| {
        (least..=most).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric())
    };
    word(machine, 4, 4) && word(model, 3, 3) && word(serial, 5, 7)
}

fn is_address(address: &str) -> bool {
    address.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|p| p != 0))
}
