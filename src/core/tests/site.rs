//! Shared by these tests: a site, and a ledger of it to which commands are applied one at a time.

use std::{collections::BTreeMap, sync::Arc};
use tenure_core::{
    Author, Command, Entry, HmcName, Ledger, OrderId, Power, Reading, Refusal, Report, Request, RequestId, SystemState,
    Time,
    command::Outcome,
    config::{Cluster, Group, Hmc, Node, Resource, Server},
    invariants,
    order::Ending,
};

/// Servers p1, p2, … of one HMC, each with its node n1, n2, ….
pub fn site(servers: u32) -> Cluster {
    let mut cluster = Cluster { name: "site".to_owned(), ..Cluster::default() };
    let host_key = format!("SHA256:{}", "x".repeat(43));
    let hmc = Hmc { address: "hmc1:22".to_owned(), user: "tenure".to_owned(), host_key };
    cluster.managers.insert(HmcName::from("hmc1"), hmc.into());
    for n in 1..=servers {
        let server = Server::new(&format!("p{n}"), &format!("9009-42A*{n:07}"), vec!["hmc1".into()]);
        cluster.servers.insert(format!("p{n}").into(), server);
        let node = Node { server: Some(format!("p{n}").into()), lpar: None, watchdog: None };
        cluster.nodes.insert(format!("n{n}").into(), node);
    }
    cluster
}

/// Two servers whose nodes live in LPARs that are declared: `node-p1`, `node-p2`.
pub fn with_lpars_of_nodes() -> Cluster {
    let mut cluster = site(2);
    for node in cluster.nodes.values_mut() {
        node.lpar = node.server.as_ref().map(|server| format!("node-{server}"));
    }
    cluster
}

/// This cluster with group web on all of its servers, and one resource in the group.
pub fn with_web(mut cluster: Cluster, name: &str, resource: Resource) -> Cluster {
    cluster.groups.insert("web".into(), Group::new(cluster.servers.keys().cloned().collect()));
    cluster.resources.insert(name.into(), resource);
    cluster
}

/// LPAR web1 of group web.
pub fn web1() -> Resource {
    Resource::lpar("web".into(), "web1")
}

/// A reading of a server that is up, with nothing in it.
pub fn reading(server: &str) -> Reading {
    Reading {
        server: server.into(),
        by: "n1".into(),
        since: 0,
        serial: 0,
        system: SystemState::Operating,
        live: true,
        copies: BTreeMap::new(),
        node: Power::Unknown,
        node_listed: Default::default(),
        vios: BTreeMap::new(),
        listed: BTreeMap::new(),
    }
}

/// A ledger, to which commands are applied. After each command, every invariant is checked.
#[derive(Clone)]
pub struct Case {
    pub ledger: Ledger,
    pub now: u64,
    pub requests: u128,
}

impl Case {
    /// A cluster whose servers are watched by their nodes; nothing has been read.
    pub fn watched(cluster: Cluster) -> Self {
        let servers = cluster.servers.len();
        let mut case = Case { ledger: Ledger::default(), now: 1_000, requests: 0 };
        let configure = Request::Configure { cluster: Arc::new(cluster), strand: false };
        assert_eq!(case.ask(configure).refusal(), None);
        for n in 1..=servers {
            case.must(Command::Assign { server: format!("p{n}").into(), node: format!("n{n}").into() });
        }
        case
    }

    pub fn apply(&mut self, author: Author, command: Command) -> Outcome {
        let before = self.ledger.clone();
        let entry = Entry { at: Time(self.now), wall: Time(self.now), author, commands: vec![command] };
        let outcome = self.ledger.apply(before.index + 1, &entry);
        let mut wrong = invariants::step(&before, &self.ledger);
        wrong.extend(invariants::state(&self.ledger));
        wrong.extend(invariants::refused(&before, &entry, &self.ledger, &outcome.reply));
        assert_eq!(wrong, Vec::<String>::new());
        outcome
    }

    /// Applies a command by the planner of node n1.
    pub fn plan(&mut self, command: Command) -> Option<Refusal> {
        self.apply(Author::Planner("n1".into()), command).refusal().cloned()
    }

    pub fn must(&mut self, command: Command) -> Outcome {
        let outcome = self.apply(Author::Planner("n1".into()), command.clone());
        assert_eq!(outcome.refusal(), None, "{command:?}");
        outcome
    }

    pub fn ask(&mut self, request: impl Into<Request>) -> Outcome {
        self.requests += 1;
        let author = Author::Operator { name: "ann".into(), request: RequestId(self.requests) };
        self.apply(author, Command::Request(request.into()))
    }

    /// A reading of a server that is up, by its watcher, with nothing in it.
    pub fn reading(&self, server: &str) -> Reading {
        let by = self.ledger.servers[server].watcher.clone().expect("somebody watches it");
        Reading { by, since: self.ledger.index, serial: self.ledger.index, ..reading(server) }
    }

    /// The only order, or the oldest.
    pub fn order(&self) -> OrderId {
        *self.ledger.orders.keys().next().expect("an order is open")
    }

    /// Answers the only order, or the oldest, as its node.
    pub fn answer(&mut self, ending: Ending) {
        let report = Report { order: self.order(), ending, readings: Vec::new(), seen: BTreeMap::new() };
        self.must(Command::Report(report));
    }
}

/// A case with questions of its own, wrapped around one of these.
macro_rules! case {
    ($name:ident) => {
        #[derive(Clone)]
        struct $name(crate::site::Case);

        impl std::ops::Deref for $name {
            type Target = crate::site::Case;
            fn deref(&self) -> &crate::site::Case {
                &self.0
            }
        }

        impl std::ops::DerefMut for $name {
            fn deref_mut(&mut self) -> &mut crate::site::Case {
                &mut self.0
            }
        }
    };
}
pub(crate) use case;
