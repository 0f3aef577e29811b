//! Checks of managers, servers and nodes.

use super::{
    Found, Rule, list,
    text::{TEXT_LIMIT, is_text},
};
use crate::{
    GroupName, HmcName, NodeName, ServerName,
    config::{Address, Cluster, Hmc, Manager, Server},
};
use std::collections::BTreeMap;

pub(super) fn check(cluster: &Cluster, found: &mut Found) {
    found.name(&["name"], &cluster.name);
    managers(cluster, found);
    servers(cluster, found);
    nodes(cluster, found);
}

fn managers(cluster: &Cluster, found: &mut Found) {
    let mut addresses: BTreeMap<&str, &HmcName> = BTreeMap::new();
    for (name, manager) in &cluster.managers {
        let at = ["managers", name.as_str()];
        found.name(&at, name.as_str());
        match manager {
            Manager::Hmc(declared) => hmc(&at, declared, found),
        }
        let address = manager.address();
        if is_address(address)
            && let Some(other) = addresses.insert(address, name)
        {
            let rule = Rule::AddressTwice { address: address.to_owned(), other: other.clone() };
            found.add(&[at[0], at[1], "address"], rule);
        }
    }
}

fn hmc(at: &[&str; 2], hmc: &Hmc, found: &mut Found) {
    if hmc.host_key.strip_prefix("SHA256:").is_none_or(|rest| rest.len() != 43) {
        found.add(&[at[0], at[1], "host_key"], Rule::HostKey { host_key: hmc.host_key.clone() });
    }
    if !is_address(&hmc.address) {
        found.add(&[at[0], at[1], "address"], Rule::Address { address: hmc.address.clone() });
    }
    if hmc.user.len() > TEXT_LIMIT || hmc.user.chars().any(|c| c.is_whitespace() || c.is_control()) {
        found.add(&[at[0], at[1], "user"], Rule::User { user: hmc.user.clone() });
    }
}

fn servers(cluster: &Cluster, found: &mut Found) {
    let mut systems: BTreeMap<&str, &ServerName> = BTreeMap::new();
    for (name, server) in &cluster.servers {
        let at = ["servers", name.as_str()];
        found.name(&at, name.as_str());
        if server.managers.is_empty() {
            without_manager(cluster, found, name, server);
        } else {
            address(found, name, server);
        }
        if let Some((mtms, other)) = server.mtms().and_then(|mtms| Some((mtms, systems.insert(mtms, name)?))) {
            let rule = Rule::SystemTwice { mtms: mtms.to_owned(), other: other.clone() };
            found.add(&[at[0], at[1], "address", "mtms"], rule);
        }
        for (i, manager) in server.managers.iter().enumerate() {
            let place = [at[0], at[1], "managers", &i.to_string()];
            if !cluster.managers.contains_key(manager) {
                let known = list(cluster.managers.keys());
                found.add(&place, Rule::UnknownManager { manager: manager.to_string(), known });
            }
            if server.managers.iter().take(i).any(|earlier| earlier == manager) {
                found.add(&place, Rule::ManagerTwice { manager: manager.to_string() });
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

/// Checks the address of a server that has managers.
fn address(found: &mut Found, name: &ServerName, server: &Server) {
    let at = ["servers", name.as_str(), "address", "mtms"];
    match &server.address {
        None => found.add(&at[..2], Rule::NoAddress { server: name.clone() }),
        Some(Address::Hmc { mtms, .. }) if !is_mtms(mtms) => found.add(&at, Rule::Mtms { mtms: mtms.clone() }),
        Some(Address::Hmc { .. }) => {}
    }
    if let Some(system) = server.system() {
        found.text(&["servers", name.as_str(), "address", "system"], "system", system);
    }
}

/// Checks a server without a manager: nothing on it can be an LPAR of ours, and settings for a manager mean nothing.
fn without_manager(cluster: &Cluster, found: &mut Found, name: &ServerName, server: &Server) {
    let at = ["servers", name.as_str()];
    let listed = |group: &GroupName| cluster.groups.get(group).is_some_and(|group| group.servers.contains(name));
    let mut lpars = cluster.resources.iter().filter(|(_, resource)| resource.as_lpar().is_some());
    if let Some((lpar, resource)) = lpars.find(|(_, resource)| listed(&resource.group)) {
        let (server, lpar, group) = (name.clone(), lpar.clone(), resource.group.clone());
        found.add(&at, Rule::NoManager { server, lpar, group });
        return;
    }
    let written = [("address", server.address.is_some()), ("surrogate", server.surrogate)];
    for (what, _) in written.into_iter().filter(|(_, written)| *written) {
        found.add(&[at[0], at[1], what], Rule::Meaningless { what, without: "managers" });
    }
    let node = cluster.node_on(name).and_then(|node| cluster.nodes.get_key_value(node));
    if let Some((node, _)) = node.filter(|(_, declared)| declared.lpar.is_some()) {
        let rule = Rule::LparWithoutManager { node: node.clone(), server: name.clone() };
        found.add(&["nodes", node.as_str(), "lpar"], rule);
    }
}

fn nodes(cluster: &Cluster, found: &mut Found) {
    let mut hosts: BTreeMap<&ServerName, &NodeName> = BTreeMap::new();
    for (name, node) in &cluster.nodes {
        let at = ["nodes", name.as_str()];
        found.name(&at, name.as_str());
        if let Some(lpar) = &node.lpar {
            found.partition(&[at[0], at[1], "lpar"], lpar);
        }
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
    address.rsplit_once(':').is_some_and(|(host, port)| is_text(host) && port.parse::<u16>().is_ok_and(|p| p != 0))
}
