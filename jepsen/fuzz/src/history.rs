//! One history: each step is read from the bytes, until they are used up.

use crate::{
    bytes::Bytes,
    check,
    edit::edited,
    site::site,
    typed::{Known, typed},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use tenure_core::{
    Action, Author, Command, Entry, Inside, Ledger, NodeName, Order, Power, Reading, Report, Request, RequestId,
    ResourceName, Seen, ServerName, Span, SystemState, Time, View,
    command::Outcome,
    config::Cluster,
    ledger::{CopyState, StartRisk},
    order::Ending,
    plan::plan,
    view::NodeView,
};

/// The maximum number of steps of a history.
const STEPS: usize = 60;

/// A bug that is planted to show that the checks find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plant {
    /// A change of configuration forgets the starts in progress.
    ForgottenStart,
    /// A refused request changes the ledger.
    RefusedAndChanged,
}

impl Plant {
    /// All planted bugs, for the tests.
    pub const ALL: [Plant; 2] = [Plant::ForgottenStart, Plant::RefusedAndChanged];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Plant::ForgottenStart => "forgotten-start",
            Plant::RefusedAndChanged => "refused-and-changed",
        }
    }

    /// Rewrites the ledger after an entry, as if a check in it were missing.
    fn tamper(self, after: &mut Ledger, entry: &Entry, outcome: &Outcome) {
        let configured = matches!(entry.commands.as_slice(), [Command::Request(Request::Configure { .. })]);
        let asked = matches!(entry.commands.as_slice(), [Command::Request(Request::Do(_))]);
        match self {
            Plant::ForgottenStart if configured && outcome.refused.is_empty() => {
                let groups = after.groups.values_mut().map(Arc::make_mut);
                let copies = groups.flat_map(|group| group.copies.values_mut()).flat_map(BTreeMap::values_mut);
                for copy in copies.filter(|copy| matches!(copy.risk, StartRisk::Ordered(_))) {
                    *copy = CopyState::default();
                }
            }
            Plant::RefusedAndChanged if asked && !outcome.refused.is_empty() => {
                after.groups.values_mut().map(Arc::make_mut).for_each(|group| group.fall = None);
            }
            Plant::ForgottenStart | Plant::RefusedAndChanged => {}
        }
    }
}

/// Options of a run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The planted bug, if any.
    pub plant: Option<Plant>,
}

/// Runs the history that the bytes encode; on a fault, returns the fault and the events before it.
pub fn run(bytes: &[u8], options: &Options) -> Result<(), String> {
    let history = tell(bytes, options);
    if history.wrong.is_empty() { Ok(()) } else { Err(history.told()) }
}

fn tell<'a>(bytes: &'a [u8], options: &Options) -> History<'a> {
    let mut history = History::new(Bytes::new(bytes), *options);
    history.configure(history.whole.clone(), false);
    for _ in 0..STEPS {
        if history.bytes.is_empty() || !history.wrong.is_empty() {
            break;
        }
        history.step();
    }
    if history.wrong.is_empty() {
        history.wrong.extend(check::bytes(&history.ledger));
        history.wrong.extend(check::questions(&history.ledger));
    }
    history
}

/// The entries of the history that the bytes encode.
pub fn entries(bytes: &[u8]) -> Vec<Entry> {
    tell(bytes, &Options::default()).entries
}

struct History<'a> {
    bytes: Bytes<'a>,
    options: Options,
    ledger: Ledger,
    /// The cluster as first declared.
    whole: Arc<Cluster>,
    /// The true power states, which readings may misreport.
    truth: BTreeMap<(ServerName, ResourceName), Power>,
    lost: BTreeSet<ServerName>,
    silent: BTreeSet<NodeName>,
    /// Starts with unknown outcome: they may still take effect.
    late: Vec<Order>,
    now: Time,
    serial: u64,
    requests: u128,
    entries: Vec<Entry>,
    story: Vec<String>,
    wrong: Vec<String>,
}

impl<'a> History<'a> {
    fn new(mut bytes: Bytes<'a>, options: Options) -> Self {
        let whole = Arc::new(site(&mut bytes));
        History {
            bytes,
            options,
            ledger: Ledger::default(),
            whole,
            truth: BTreeMap::new(),
            lost: BTreeSet::new(),
            silent: BTreeSet::new(),
            late: Vec::new(),
            now: Time(1_000_000),
            serial: 0,
            requests: 0,
            entries: Vec::new(),
            story: Vec::new(),
            wrong: Vec::new(),
        }
    }

    fn told(&self) -> String {
        format!("{}\nwrong: {}", self.story.join("\n"), self.wrong.join("\n       "))
    }

    fn step(&mut self) {
        let known = Known::new(&self.ledger);
        match self.bytes.below(24) {
            0..=5 => self.plan(),
            6..=9 => self.answer(),
            10 => self.pass(),
            11 => self.observe(),
            12 => self.sense(),
            13..=15 => {
                if let Some(request) = typed::<Request>(&mut self.bytes, &known) {
                    self.ask(request);
                }
            }
            16 | 17 => {
                let declared = Arc::clone(self.ledger.declared());
                let cluster = edited(&mut self.bytes, &known, &declared, &self.whole);
                let strand = self.bytes.below(2) == 1;
                self.configure(Arc::new(cluster), strand);
            }
            18 | 19 => self.mishap(),
            20 => {
                // An earlier command takes effect.
                if let Some(order) = self.late.pop() {
                    self.carry_out(&order);
                }
            }
            _ => {
                let commands = (0..=self.bytes.below(3)).filter_map(|_| typed(&mut self.bytes, &known)).collect();
                let author = typed(&mut self.bytes, &known).unwrap_or(Author::Planner("n1".into()));
                self.commit(author, commands);
            }
        }
    }

    fn commit(&mut self, author: Author, commands: Vec<Command>) -> Outcome {
        let before = self.ledger.clone();
        let entry = Entry { at: self.now, wall: self.now, author, commands };
        let outcome = self.ledger.apply(before.index + 1, &entry);
        if let Some(plant) = self.options.plant {
            plant.tamper(&mut self.ledger, &entry, &outcome);
        }
        self.story.push(format!("{} {:?}", self.ledger.index, entry.commands));
        self.story.extend(outcome.records.iter().map(|record| format!("    {}", record.note)));
        self.story.extend(outcome.refused.iter().map(|(place, why)| format!("    {place} refused: {why}")));
        self.wrong.extend(check::entry(&before, &entry, &self.ledger, &outcome));
        self.entries.push(entry);
        outcome
    }

    fn ask(&mut self, request: impl Into<Request>) {
        self.requests += u128::from(!self.bytes.once_in(12));
        let author = Author::first_user(RequestId(self.requests));
        self.commit(author, vec![Command::Request(request.into())]);
    }

    fn configure(&mut self, cluster: Arc<Cluster>, strand: bool) {
        self.ask(Request::Configure { cluster, strand });
    }

    /// Commits the leader's plan, which must be accepted whole.
    fn plan(&mut self) {
        let leader = self.ledger.nodes.keys().find(|node| !self.silent.contains(*node)).cloned();
        let Some(leader) = leader else { return };
        let view = self.view();
        let planned = plan(&self.ledger, &view, &leader, self.now);
        if planned.commands.is_empty() {
            return;
        }
        let outcome = self.commit(Author::Planner(leader), planned.commands);
        if !outcome.refused.is_empty() {
            self.wrong.push(format!("the plan itself is refused: {:?}", outcome.refused));
        }
    }

    fn view(&mut self) -> View {
        let mut view = View::default();
        let nodes: Vec<NodeName> = self.ledger.nodes.keys().cloned().collect();
        for node in nodes {
            let silent = self.silent.contains(&node);
            let silence = if silent { Span::seconds(30) } else { Span(0) };
            let state = NodeView { heard: true, silence, lease_over: silent, reaches_manager: true };
            if !silent {
                view.inside.insert(node.clone(), self.inside(&node).into());
            }
            view.nodes.insert(node, state);
        }
        let servers: Vec<ServerName> = self.ledger.servers.keys().cloned().collect();
        for server in servers {
            let watcher = self.ledger.servers.get(&server).and_then(|state| state.watcher.clone());
            if let Some(watcher) = watcher.filter(|watcher| !self.silent.contains(watcher)) {
                let reading = self.read(&server, &watcher);
                view.readings.insert(server, reading.into());
            }
        }
        view
    }

    fn power(&self, server: &ServerName, resource: &ResourceName) -> Power {
        let at = (server.clone(), resource.clone());
        let mobile = self.ledger.config.lpar(resource).is_some_and(|lpar| lpar.mobile);
        let group =
            self.ledger.config.resources.get(resource).and_then(|one| self.ledger.config.groups.get(&one.group));
        let first = group.is_some_and(|group| group.servers.first() == Some(server));
        let at_first = if mobile && !first { Power::Absent } else { Power::Off };
        self.truth.get(&at).copied().unwrap_or(at_first)
    }

    fn read(&mut self, server: &ServerName, by: &NodeName) -> Reading {
        self.serial += 1;
        let lost = self.lost.contains(server);
        let lpars = self.ledger.config.resources.iter().filter(|(_, one)| one.as_lpar().is_some());
        let copies = lpars.map(|(name, _)| (name.clone(), self.power(server, name))).collect();
        let node = self.ledger.config.node_on(server);
        let up = node.is_some_and(|node| !self.silent.contains(node));
        Reading {
            listed: std::collections::BTreeMap::new(),
            server: server.clone(),
            by: by.clone(),
            since: self.ledger.index,
            serial: self.serial,
            system: if lost { SystemState::PowerOff } else { SystemState::Operating },
            live: true,
            copies,
            node: if up { Power::Running } else { Power::Off },
            node_listed: Default::default(),
            vios: BTreeMap::new(),
        }
    }

    fn inside(&mut self, node: &NodeName) -> Inside {
        let declared = self.ledger.config.nodes.get(node);
        let watchdog = declared.and_then(|node| node.watchdog);
        let Some(server) = declared.and_then(|node| node.server.clone()) else { return Inside::default() };
        self.serial += 1;
        let look = |resource: &ResourceName| {
            let (power, since) = (self.power(&server, resource), self.ledger.index);
            Seen { power, since, serial: self.serial, ..Seen::default() }
        };
        let agents = self.ledger.config.resources.iter().filter(|(_, one)| one.as_agent().is_some());
        Inside { seen: agents.map(|(name, _)| (name.clone(), look(name))).collect(), watchdog }
    }

    /// A node reports on an order, correctly or not.
    fn answer(&mut self) {
        let open: Vec<Order> = self.ledger.orders.values().cloned().collect();
        let Some(order) = self.bytes.pick(&open).cloned() else { return };
        let ending = match self.bytes.below(8) {
            0..=4 => Ending::Done,
            5 => Ending::NotDone("it could not be tried".into()),
            6 => Ending::Refused("the hypervisor refuses".into()),
            _ => Ending::Unknown("no answer".into()),
        };
        match ending {
            Ending::Done => self.carry_out(&order),
            Ending::Unknown(_) => self.late.push(order.clone()),
            Ending::NotDone(_) | Ending::Refused(_) => {}
        }
        let readings = vec![self.read(&order.server, &order.node)];
        let seen = self.inside(&order.node).seen;
        let report = Report { order: order.id, ending, readings, seen };
        self.commit(Author::Agent(order.node), vec![Command::Report(report)]);
    }

    fn carry_out(&mut self, order: &Order) {
        let mut set = |server: &ServerName, resource: &ResourceName, power: Power| {
            self.truth.insert((server.clone(), resource.clone()), power);
        };
        match &order.action {
            Action::Start { resource, home, .. } => {
                home.iter().for_each(|home| set(home, resource, Power::Absent));
                set(&order.server, resource, Power::Running);
            }
            Action::Stop { resource, .. } => set(&order.server, resource, Power::Off),
            Action::Migrate { resource, to, .. } => {
                set(&order.server, resource, Power::Absent);
                set(to, resource, Power::Running);
            }
            Action::Fence => self.lose(&order.server.clone()),
            Action::FenceNode { .. } | Action::StopMigration { .. } | Action::Hook { .. } => {}
        }
    }

    fn lose(&mut self, server: &ServerName) {
        self.lost.insert(server.clone());
        self.silent.extend(self.ledger.config.node_on(server).cloned());
        for ((_, _), power) in self.truth.iter_mut().filter(|((at, _), _)| at == server) {
            *power = if *power == Power::Absent { Power::Absent } else { Power::Off };
        }
    }

    fn pass(&mut self) {
        let spans = [Span(1), Span::seconds(1), Span::seconds(40), Span::seconds(900)];
        self.now = self.now.after(spans[self.bytes.below(4)]);
    }

    /// A node reads a server, perhaps falsely.
    fn observe(&mut self) {
        let servers: Vec<ServerName> = self.ledger.servers.keys().cloned().collect();
        let Some(server) = self.bytes.pick(&servers).cloned() else { return };
        let watcher = self.ledger.servers.get(&server).and_then(|state| state.watcher.clone());
        let nodes: Vec<NodeName> = self.ledger.nodes.keys().cloned().collect();
        let other = self.bytes.pick(&nodes).cloned();
        let Some(by) = watcher.filter(|_| !self.bytes.once_in(6)).or(other) else { return };
        let mut reading = self.read(&server, &by);
        reading.since = reading.since.saturating_sub(self.bytes.below(4) as u64);
        let known = Known::new(&self.ledger);
        if self.bytes.once_in(2) {
            reading.system = typed(&mut self.bytes, &known).unwrap_or_default();
            reading.live = self.bytes.below(3) > 0;
        }
        if self.bytes.once_in(2) {
            let resources: Vec<ResourceName> = reading.copies.keys().cloned().collect();
            if let Some(resource) = self.bytes.pick(&resources) {
                reading.copies.insert(resource.clone(), typed(&mut self.bytes, &known).unwrap_or_default());
            }
        }
        reading.node = typed(&mut self.bytes, &known).unwrap_or_default();
        self.commit(Author::Planner("n1".into()), vec![Command::Observe(reading)]);
    }

    fn sense(&mut self) {
        let nodes: Vec<NodeName> = self.ledger.nodes.keys().cloned().collect();
        let Some(node) = self.bytes.pick(&nodes).cloned() else { return };
        let mut inside = self.inside(&node);
        let known = Known::new(&self.ledger);
        if let Some((name, seen)) = inside.seen.iter_mut().next() {
            seen.power = typed(&mut self.bytes, &known).unwrap_or_default();
            self.truth.insert((ServerName::from("p1"), name.clone()), seen.power);
        }
        self.commit(Author::Planner("n1".into()), vec![Command::Sense { node, inside }]);
    }

    /// Servers and nodes fail and return, resources crash.
    fn mishap(&mut self) {
        let servers: Vec<ServerName> = self.ledger.servers.keys().cloned().collect();
        let nodes: Vec<NodeName> = self.ledger.nodes.keys().cloned().collect();
        let resources: Vec<ResourceName> = self.ledger.config.resources.keys().cloned().collect();
        let Some(server) = self.bytes.pick(&servers).cloned() else { return };
        let Some(node) = self.bytes.pick(&nodes).cloned() else { return };
        match self.bytes.below(6) {
            0 => self.lose(&server),
            1 | 2 => {
                self.lost.remove(&server);
                if let Some(node) = self.ledger.config.node_on(&server) {
                    self.silent.remove(node);
                }
            }
            3 => drop(self.silent.insert(node)),
            4 => drop(self.silent.remove(&node)),
            _ => {
                if let Some(resource) = self.bytes.pick(&resources) {
                    self.truth.insert((server, resource.clone()), Power::Off);
                }
            }
        }
    }
}
