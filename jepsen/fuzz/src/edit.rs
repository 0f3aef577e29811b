//! Realistic edits of the cluster file: something is dropped, added again, or declared differently.

use crate::{
    bytes::Bytes,
    typed::{Known, typed},
};
use tenure_core::{
    ServerName, Span,
    config::{Address, Cluster, Group, Kind, Node},
};

/// The declared cluster, edited once or twice. `whole` is the original cluster, the source of what is added again.
pub fn edited(bytes: &mut Bytes<'_>, known: &Known, declared: &Cluster, whole: &Cluster) -> Cluster {
    let mut cluster = declared.clone();
    for _ in 0..=bytes.below(2) {
        edit(bytes, known, &mut cluster, whole);
    }
    cluster
}

fn edit(bytes: &mut Bytes<'_>, known: &Known, cluster: &mut Cluster, whole: &Cluster) {
    let resources: Vec<_> = cluster.resources.keys().cloned().collect();
    let groups: Vec<_> = cluster.groups.keys().cloned().collect();
    let servers: Vec<ServerName> = cluster.servers.keys().cloned().collect();
    let nodes: Vec<_> = cluster.nodes.keys().cloned().collect();
    let resource = bytes.pick(&resources).cloned();
    let group = bytes.pick(&groups).cloned();
    let server = bytes.pick(&servers).cloned();
    let node = bytes.pick(&nodes).cloned();
    let of = |cluster: &mut Cluster, change: &mut dyn FnMut(&mut tenure_core::config::Resource)| {
        if let Some(resource) = resource.as_ref().and_then(|name| cluster.resources.get_mut(name)) {
            change(resource);
        }
    };
    match bytes.below(18) {
        0 | 1 => of(cluster, &mut |resource| resource.enabled = !resource.enabled),
        2 => of(cluster, &mut |resource| resource.monitor_only = !resource.monitor_only),
        3 => drop(resource.and_then(|resource| cluster.resources.remove(&resource))),
        4 => {
            if let Some(group) = group {
                cluster.groups.remove(&group);
                cluster.resources.retain(|_, resource| resource.group != group);
            }
        }
        5 | 6 => cluster.clone_from(whole),
        7 => of(cluster, &mut |resource| {
            if let Kind::Lpar(lpar) = &mut resource.kind {
                lpar.partition.push('x');
            }
        }),
        8 => of(cluster, &mut |resource| {
            if let Kind::Agent(agent) = &mut resource.kind {
                agent.attributes.insert("start".to_owned(), format!("/bin/{}", bytes.byte()));
            }
        }),
        9 => of(cluster, &mut |resource| resource.group = group.clone().unwrap_or_else(|| resource.group.clone())),
        10 => {
            if let Some(declared) = server.and_then(|server| cluster.servers.get_mut(&server)) {
                let system = declared.system().unwrap_or_default().to_owned();
                let mtms = format!("9009-42A*765432{}", bytes.below(10));
                declared.address = Some(Address::Hmc { system, mtms });
            }
        }
        11 => {
            if let (Some(declared), Some(server)) = (group.and_then(|group| cluster.groups.get_mut(&group)), server) {
                let before = declared.servers.len();
                declared.servers.retain(|one| *one != server);
                if declared.servers.len() == before {
                    declared.servers.push(server);
                }
            }
        }
        12 => drop(node.and_then(|node| cluster.nodes.remove(&node))),
        13 => {
            if let (Some(node), Some(server)) = (node, server) {
                cluster.nodes.remove(&node);
                let lpar = (bytes.below(2) == 0).then(|| format!("node-{server}-{}", bytes.below(2)));
                cluster.nodes.insert(format!("m{server}").into(), Node { server: Some(server), lpar, watchdog: None });
            }
        }
        14 => cluster.timings.lease = Span::seconds(1 + bytes.below(10) as u64),
        15 => cluster.timings.settle = Span::seconds(1 + bytes.below(60) as u64),
        16 => {
            if let Some(server) = server {
                cluster.servers.remove(&server);
                cluster.nodes.retain(|_, node| node.server.as_ref() != Some(&server));
                cluster.groups.values_mut().for_each(|group| group.servers.retain(|one| *one != server));
            }
        }
        _ => {
            if let (Some(declared), Some(mut other)) =
                (group.and_then(|group| cluster.groups.get_mut(&group)), typed::<Group>(bytes, known))
            {
                (other.servers, other.kind) = (declared.servers.clone(), declared.kind);
                (other.requires, other.hooks) = (declared.requires.clone(), declared.hooks.clone());
                other.autostart_servers.clear();
                other.prerequisites.clear();
                *declared = other;
            }
        }
    }
}
