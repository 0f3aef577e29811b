//! An ideal world: every order succeeds, everything is read at once, and a lost server reads Power Off.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use tenure_core::{
    Action, Author, Command, Entry, GroupName, Ledger, NodeName, Power, Reading, Report, Request, RequestId,
    ResourceName, ServerName, Span, SystemState, Time, View,
    config::{Asks, Cluster},
    invariants,
    order::Ending,
    plan::{Plan, plan},
    view::NodeView,
};

/// More steps than a small site needs.
const STEPS: usize = 400;

/// A ledger, and the true state of the world that it manages.
pub struct World {
    pub ledger: Ledger,
    /// The violations that were found.
    pub wrong: Vec<String>,
    pub lost: BTreeSet<ServerName>,
    truth: BTreeMap<ServerName, BTreeMap<ResourceName, Power>>,
    now: Time,
    requests: u128,
}

impl World {
    /// A world in which everything is off. `None` if the configuration contradicts itself.
    pub fn new(cluster: Cluster) -> Option<World> {
        let mut truth: BTreeMap<ServerName, BTreeMap<ResourceName, Power>> = BTreeMap::new();
        for (name, resource) in &cluster.resources {
            let mobile = resource.as_lpar().is_some_and(|lpar| lpar.mobile);
            for (rank, server) in cluster.groups.get(&resource.group)?.servers.iter().enumerate() {
                let power = if mobile && rank > 0 { Power::Absent } else { Power::Off };
                truth.entry(server.clone()).or_default().insert(name.clone(), power);
            }
        }
        let mut world = World {
            ledger: Ledger::default(),
            wrong: Vec::new(),
            lost: BTreeSet::new(),
            truth,
            now: Time(1_000_000),
            requests: 0,
        };
        world.ask(Request::Configure { cluster: Arc::new(cluster), strand: false });
        (world.ledger.configured > 0).then_some(world)
    }

    /// Makes an operator's request, which may be refused.
    pub fn ask(&mut self, request: impl Into<Request>) {
        self.requests += 1;
        let author = Author::first_user(RequestId(self.requests));
        let entry = Entry { at: self.now, wall: self.now, author, commands: vec![Command::Request(request.into())] };
        self.ledger.apply(self.ledger.index + 1, &entry);
        self.check();
    }

    /// Cuts the power of a server, and its node with it.
    pub fn lose(&mut self, server: &ServerName) {
        self.lost.insert(server.clone());
        for power in self.truth.entry(server.clone()).or_default().values_mut().filter(|power| **power != Power::Absent)
        {
            *power = Power::Off;
        }
        self.now = self.now.after(Span::seconds(30));
    }

    /// Plans and carries out until nothing is left to do, with no more than so many commands of each plan.
    pub fn rest(&mut self, most: usize) {
        for _ in 0..STEPS {
            let view = self.view();
            let planned = self.plan(&view);
            if planned.commands.is_empty() {
                if self.carry_out() {
                    continue;
                }
                match planned.wake_at.filter(|at| *at > self.now) {
                    Some(at) if at.since(self.now) < Span::seconds(600) => self.now = at,
                    Some(_) | None => return,
                }
                continue;
            }
            let whole = planned.commands.len() <= most;
            let commands = planned.commands.into_iter().take(most).collect();
            self.commit(Author::Planner(self.leader()), commands);
            // Only decisions count: a server being left is read anew, and the reason for a wait may depend on later
            // commands. Where groups are linked, one may leave only when the next plan sees that another has left.
            let mut again = self.plan(&view).commands;
            let is_word =
                |one: &Command| matches!(one, Command::Observe(_) | Command::Wait { .. } | Command::ServerWait { .. });
            again.retain(|command| !is_word(command));
            let linked = self.ledger.config.groups.values().any(|group| !group.requires.is_empty());
            if whole && !linked && !again.is_empty() {
                self.wrong.push(format!("planned again: {again:?}"));
            }
            if whole {
                self.carry_out();
            }
        }
        self.wrong.push("it does not come to rest".to_owned());
    }

    fn leader(&self) -> NodeName {
        let mut nodes = self.ledger.nodes.keys().filter(|node| !self.is_silent(node));
        nodes.next().cloned().unwrap_or_else(|| "n0".into())
    }

    fn is_silent(&self, node: &NodeName) -> bool {
        let home = self.ledger.config.nodes.get(node).and_then(|declared| declared.server.as_ref());
        home.is_some_and(|home| self.lost.contains(home))
    }

    fn plan(&self, view: &View) -> Plan {
        plan(&self.ledger, view, &self.leader(), self.now)
    }

    fn view(&self) -> View {
        let mut view = View::default();
        for node in self.ledger.nodes.keys() {
            let silent = self.is_silent(node);
            let silence = if silent { Span::seconds(30) } else { Span(0) };
            view.nodes
                .insert(node.clone(), NodeView { heard: true, silence, lease_over: silent, reaches_manager: true });
        }
        for (server, state) in &self.ledger.servers {
            if let Some(watcher) = state.watcher.as_ref().filter(|node| !self.is_silent(node)) {
                view.readings.insert(server.clone(), self.read(server, watcher).into());
            }
        }
        view
    }

    fn read(&self, server: &ServerName, by: &NodeName) -> Reading {
        let system = if self.lost.contains(server) { SystemState::PowerOff } else { SystemState::Operating };
        Reading {
            server: server.clone(),
            by: by.clone(),
            since: self.ledger.index,
            serial: self.ledger.index,
            system,
            live: true,
            copies: self.truth.get(server).cloned().unwrap_or_default(),
            node: Power::Unknown,
            node_listed: Default::default(),
            vios: BTreeMap::new(),
            listed: BTreeMap::new(),
        }
    }

    fn carry_out(&mut self) -> bool {
        let open: Vec<_> = self.ledger.orders.values().filter(|order| !self.is_silent(&order.node)).cloned().collect();
        for order in &open {
            match &order.action {
                Action::Start { resource, home, .. } => {
                    home.iter().for_each(|home| self.set(home, resource, Power::Absent));
                    self.set(&order.server, resource, Power::Running);
                }
                Action::Stop { resource, .. } => self.set(&order.server, resource, Power::Off),
                Action::Migrate { resource, to, .. } => {
                    self.set(&order.server, resource, Power::Absent);
                    self.set(to, resource, Power::Running);
                }
                Action::StopMigration { .. } | Action::Fence | Action::FenceNode { .. } | Action::Hook { .. } => {}
            }
            self.now = self.now.after(Span(1));
            let report = Report {
                order: order.id,
                ending: Ending::Done,
                readings: vec![self.read(&order.server, &order.node)],
                seen: BTreeMap::new(),
            };
            self.commit(Author::Agent(order.node.clone()), vec![Command::Report(report)]);
        }
        !open.is_empty()
    }

    fn set(&mut self, server: &ServerName, resource: &ResourceName, power: Power) {
        self.truth.entry(server.clone()).or_default().insert(resource.clone(), power);
    }

    fn commit(&mut self, author: Author, commands: Vec<Command>) {
        let before = self.ledger.clone();
        let entry = Entry { at: self.now, wall: self.now, author, commands };
        let outcome = self.ledger.apply(self.ledger.index + 1, &entry);
        if !outcome.refused.is_empty() {
            self.wrong.push(format!("refused: {:?}", outcome.refused));
        }
        self.wrong.extend(invariants::step(&before, &self.ledger));
        self.check();
    }

    /// Checks that no server is overloaded, and that no strict rule is broken: nothing here was started by hand.
    fn check(&mut self) {
        let config = &self.ledger.config;
        for (server, declared) in &config.servers {
            let here = || {
                let groups = self.ledger.groups.iter();
                groups.filter(|(_, group)| group.tenure.as_ref().is_some_and(|tenure| tenure.covers(server)))
            };
            let memory: u64 = here().map(|(name, _)| needs(config, name).0).sum();
            let processors: u64 = here().map(|(name, _)| needs(config, name).1).sum();
            let licences: u64 = here().map(|(name, _)| needs(config, name).2).sum();
            if declared.memory.is_some_and(|has| memory > has)
                || declared.processors.is_some_and(|has| processors > has)
                || licences > declared.limits.get("licences").copied().unwrap_or_default()
            {
                self.wrong.push(format!("{server} has too much: {memory} {processors} {licences}"));
            }
        }
        for (name, rule) in config.rules.iter().filter(|(_, rule)| rule.strict) {
            let covered: Vec<BTreeSet<&ServerName>> =
                rule.groups.iter().map(|group| self.covered(group)).filter(|at| !at.is_empty()).collect();
            let pairs =
                || covered.iter().enumerate().flat_map(|(n, one)| covered[..n].iter().map(move |two| (one, two)));
            let kept = match &rule.asks {
                Asks::Together => pairs().all(|(one, two)| !one.is_disjoint(two)),
                Asks::Apart => pairs().all(|(one, two)| one.is_disjoint(two)),
                Asks::On(servers) => covered.iter().flatten().all(|at| servers.contains(*at)),
                Asks::NotOn(servers) => covered.iter().flatten().all(|at| !servers.contains(*at)),
            };
            if !kept {
                self.wrong.push(format!("rule {name} is broken: {covered:?}"));
            }
        }
        self.wrong.extend(invariants::state(&self.ledger));
    }

    fn covered(&self, group: &GroupName) -> BTreeSet<&ServerName> {
        let tenure = self.ledger.groups.get(group).and_then(|group| group.tenure.as_ref());
        let servers = self.ledger.servers.keys();
        servers.filter(|server| tenure.is_some_and(|tenure| tenure.covers(server))).collect()
    }
}

/// Memory, processors and licences of a group, from its declaration alone.
pub fn needs(config: &Cluster, name: &GroupName) -> (u64, u64, u64) {
    let lpars = config.resources.values().filter(|resource| resource.group == *name);
    let lpars = lpars.filter_map(|resource| resource.as_lpar());
    let (memory, processors) =
        lpars.fold((0, 0), |(memory, processors), lpar| (memory + lpar.memory, processors + lpar.processors));
    let licences = config.groups.get(name).and_then(|group| group.prerequisites.get("licences"));
    (memory, processors, licences.copied().unwrap_or_default())
}
