//! The site: names, configuration and assumptions of one search. The same for all states of a search.

use super::{
    model::{CHILD, GROUPS, NODES, PARENT, SERVERS},
    mutant::Mutant,
    scope::Scope,
};
use std::{
    array,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use tenure_core::{
    GroupName, HmcName, NodeName, ResourceName, ServerName, Span,
    config::{Cluster, Group, Hmc, Kind, Link, Need, Node, Resource, Rigidity, Server, Timings},
};

pub(super) struct Site {
    pub scope: Scope,
    pub mutant: Option<Mutant>,
    pub servers: [ServerName; SERVERS],
    pub nodes: [NodeName; NODES],
    pub groups: [GroupName; GROUPS],
    pub lpars: [ResourceName; GROUPS],
    pub cluster: Arc<Cluster>,
    /// The voting nodes: all of them.
    pub voters: Arc<BTreeSet<NodeName>>,
}

impl Site {
    pub fn new(scope: &Scope, mutant: Option<Mutant>) -> Self {
        let servers: [ServerName; SERVERS] = array::from_fn(|i| format!("p{}", i + 1).into());
        let nodes: [NodeName; NODES] = array::from_fn(|i| format!("n{}", i + 1).into());
        let groups: [GroupName; GROUPS] = array::from_fn(|i| format!("g{}", i + 1).into());
        let lpars: [ResourceName; GROUPS] = array::from_fn(|i| format!("l{}", i + 1).into());
        let cluster = Arc::new(cluster(scope, &servers, &nodes, &groups, &lpars));
        let voters = Arc::new(nodes.iter().cloned().collect());
        Site { scope: *scope, mutant, servers, nodes, groups, lpars, cluster, voters }
    }

    pub fn has(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }
    pub fn server(&self, name: &ServerName) -> usize {
        place(&self.servers, name)
    }
    pub fn node(&self, name: &NodeName) -> usize {
        place(&self.nodes, name)
    }
    pub fn group(&self, name: &GroupName) -> usize {
        place(&self.groups, name)
    }
    pub fn lpar(&self, name: &ResourceName) -> usize {
        place(&self.lpars, name)
    }
}

fn place<T: PartialEq + std::fmt::Debug>(names: &[T], name: &T) -> usize {
    let Some(place) = names.iter().position(|known| known == name) else { panic!("{name:?} is not of this site") };
    place
}

fn cluster(
    scope: &Scope,
    servers: &[ServerName],
    nodes: &[NodeName],
    groups: &[GroupName],
    lpars: &[ResourceName],
) -> Cluster {
    let hmc: HmcName = "hmc1".into();
    let mut cluster = Cluster { name: "tiny".to_owned(), ..Cluster::default() };
    let host_key = format!("SHA256:{}", "A".repeat(43));
    cluster.managers = BTreeMap::from([(
        hmc.clone(),
        Hmc { address: "hmc1:22".to_owned(), user: "tenure".to_owned(), host_key }.into(),
    )]);
    cluster.timings = timings();
    // Returns are not counted, so that they do not distinguish states.
    cluster.brakes.flaps = 0;
    for (i, name) in servers.iter().enumerate() {
        let mtms = format!("9009-42A*000000{}", i + 1);
        let server = Server { surrogate: true, ..Server::new(name.as_str(), &mtms, vec![hmc.clone()]) };
        cluster.servers.insert(name.clone(), server);
    }
    for (i, name) in nodes.iter().enumerate() {
        cluster.nodes.insert(name.clone(), node(scope, servers.get(i)));
    }
    for i in 0..scope.groups {
        let mut list = servers.to_vec();
        list.rotate_left(i);
        let mut group = Group::new(list);
        group.restart_limit = 1;
        group.restart_window = SUSPECT.times(1000);
        if scope.link && i == PARENT {
            group.requires =
                vec![Link { child: groups[CHILD].clone(), need: Need::OnlineLocal, rigidity: Rigidity::Hard }];
        }
        cluster.groups.insert(groups[i].clone(), group);
        let mut lpar = Resource::lpar(groups[i].clone(), lpars[i].as_str());
        if scope.inside {
            lpar = Resource::agent(groups[i].clone(), "Application");
        }
        // Shorter than a settling time, so that one coarse step of time covers it, and longer than it takes leases to end.
        lpar.start_timeout = Span::seconds(60);
        lpar.stop_timeout = Span(0);
        if let Kind::Lpar(declared) = &mut lpar.kind {
            declared.mobile = scope.mobile;
            // A move that needs another reading is not waited for: a pause is longer.
            declared.migrate_timeout = Span::seconds(2);
        }
        cluster.resources.insert(lpars[i].clone(), lpar);
    }
    cluster
}

fn node(scope: &Scope, server: Option<&ServerName>) -> Node {
    let lpar = server.filter(|_| scope.inside).map(|server| format!("node-{server}"));
    Node { server: server.cloned(), lpar, watchdog: None }
}

/// The silence that makes a node suspect, and the shortest relevant step of time. Times have three scales: events
/// take a small part of it, however long a history lasts; leases, settling and the budgets of orders are multiples,
/// in the order in which a cluster has them.
pub(super) const SUSPECT: Span = Span::seconds(16);

fn timings() -> Timings {
    Timings {
        heartbeat: Span(10),
        suspect: SUSPECT,
        lease: SUSPECT.times(2),
        monitor: Span(SUSPECT.0 / 2),
        stand_down: Span(SUSPECT.0 / 2),
        settle: SUSPECT.times(4),
        // Shorter than a pause: a result that is not visible at once stays unknown.
        fence: Span::seconds(2),
    }
}
