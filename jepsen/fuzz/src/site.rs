//! The sites: three servers with one node each, an arbiter, and groups of all kinds.

use crate::bytes::Bytes;
use tenure_core::{
    ServerName, Span,
    config::{Cluster, Group, GroupKind, Hmc, Kind, Link, Need, Node, Resource, Rigidity, Server},
};

pub fn site(bytes: &mut Bytes<'_>) -> Cluster {
    let mut cluster = Cluster { name: "site".to_owned(), ..Cluster::default() };
    let host_key = format!("SHA256:{}", "x".repeat(43));
    cluster
        .managers
        .insert("hmc1".into(), Hmc { address: "hmc1:22".to_owned(), user: "tenure".to_owned(), host_key }.into());
    let watchdog = (bytes.below(2) == 1).then_some(Span::seconds(60));
    for n in 1..=3 {
        let mut server = Server::new(&format!("p{n}"), &format!("9009-42A*123456{n}"), vec!["hmc1".into()]);
        server.surrogate = true;
        cluster.servers.insert(format!("p{n}").into(), server);
        let node = Node { server: Some(format!("p{n}").into()), lpar: Some(format!("node-p{n}")), watchdog };
        cluster.nodes.insert(format!("n{n}").into(), node);
    }
    cluster.nodes.insert("arbiter".into(), Node { server: None, lpar: None, watchdog: None });
    group(&mut cluster, "db", &["p1", "p2", "p3"]);
    lpar(&mut cluster, "db", "db1", false);
    lpar(&mut cluster, "db", "db2", false);
    match bytes.below(3) {
        0 => {}
        1 => {
            group(&mut cluster, "mob", &["p1", "p2", "p3"]);
            lpar(&mut cluster, "mob", "mob1", true);
        }
        _ => {
            group(&mut cluster, "nfs", &["p2", "p1"]);
            agent(&mut cluster, "nfs", "share");
            group(&mut cluster, "net", &["p1", "p2"]);
            agent(&mut cluster, "net", "nic");
            declared(&mut cluster, "net", |group| group.kind = GroupKind::Parallel);
        }
    }
    if bytes.below(3) == 0 {
        group(&mut cluster, "web", &["p2", "p3"]);
        lpar(&mut cluster, "web", "web1", false);
        let need = [Need::OnlineLocal, Need::OnlineRemote, Need::OnlineGlobal][bytes.below(3)];
        let rigidity = [Rigidity::Soft, Rigidity::Firm, Rigidity::Hard][bytes.below(3)];
        declared(&mut cluster, "web", |group| group.requires.push(Link { child: "db".into(), need, rigidity }));
    }
    cluster
}

fn group(cluster: &mut Cluster, name: &str, servers: &[&str]) {
    let servers: Vec<ServerName> = servers.iter().map(|server| ServerName::from(*server)).collect();
    cluster.groups.insert(name.into(), Group::new(servers));
}

fn declared(cluster: &mut Cluster, name: &str, change: impl FnOnce(&mut Group)) {
    if let Some(group) = cluster.groups.get_mut(name) {
        change(group);
    }
}

fn lpar(cluster: &mut Cluster, group: &str, name: &str, mobile: bool) {
    let mut resource = Resource::lpar(group.into(), name);
    if let Kind::Lpar(lpar) = &mut resource.kind {
        lpar.mobile = mobile;
    }
    cluster.resources.insert(name.into(), resource);
}

fn agent(cluster: &mut Cluster, group: &str, name: &str) {
    cluster.resources.insert(name.into(), Resource::agent(group.into(), "Application"));
}
