//! A node without consensus: a real ledger and the real planner, in a world in which every order succeeds at once.

mod served;

pub use served::Served;

use async_trait::async_trait;
use futures::{StreamExt, stream::BoxStream};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};
use tenure::api::{
    Backend, Failure, HmcHeard, Member, Members, Read,
    wire::{
        AgentActionView, AgentDetailView, AgentView, AgentsView, AuditView, EnrolReply, EnrolRequest, HmcHeardView,
        JoinReply, JoinRequest, LogView, ParameterView, TokenView,
    },
};
use tenure_core::{
    Action, Author, Caller, Command, Entry, Event, ForeignLines, GroupName, HmcName, Inside, Ledger, Level, NodeName,
    Outcome, Power, Reading, Rejection, Reply, Report, Request, RequestId, ResourceName, Seen, ServerName, Span,
    SystemState, Time, UserName, View,
    authority::{Authority, Sealed},
    config::{Cluster, Manager},
    order::Ending,
    plan::plan,
    trust::{Act, Hash, LogLevel, Purpose, TrustChange},
    view::NodeView,
};
use tenure_raft::tls::{ClusterAuthority, Role, Validity};
use tokio::sync::watch;

/// 2026-11-22T03:00:00Z.
const START: Time = Time(1_795_316_400_000);
/// The cluster file of all tests.
pub const SITE: &str = include_str!("../fixtures/config/site.toml");
/// More planning rounds than any test needs.
const ROUNDS: usize = 100;

/// The ledger and the world.
#[derive(Clone, Default)]
pub struct Site {
    pub ledger: Ledger,
    powers: BTreeMap<(ServerName, ResourceName), Power>,
    /// Messages of agents about resources inside nodes.
    pub said: BTreeMap<(ServerName, ResourceName), String>,
    /// The watchdogs of nodes.
    pub watchdogs: BTreeMap<NodeName, Span>,
    /// The state that the HMC reports for servers that are not Operating.
    pub systems: BTreeMap<ServerName, SystemState>,
    /// Nodes that the leader does not hear.
    pub silent: BTreeSet<NodeName>,
    /// Everything that was committed, in order.
    pub log: Vec<Entry>,
}

impl Site {
    fn commit(&mut self, author: Author, commands: Vec<Command>) -> Outcome {
        let at = if self.ledger.now == Time(0) { START } else { self.ledger.now.after(Span::seconds(1)) };
        let index = self.ledger.index + 1;
        self.log.push(Entry { at, wall: at, author, commands });
        let entry = self.log.last().expect("it was just put there");
        self.ledger.apply(index, entry)
    }

    fn read(&self, server: &ServerName, by: &NodeName) -> Reading {
        let system = self.systems.get(server).copied().unwrap_or(SystemState::Operating);
        let live = system != SystemState::NoConnection;
        let config = Arc::clone(&self.ledger.config);
        let power = |lpar: &ResourceName| {
            let off = system == SystemState::PowerOff;
            let power = self.powers.get(&(server.clone(), lpar.clone())).copied();
            let power = power.unwrap_or_else(|| self.unless_changed(server, lpar));
            (lpar.clone(), if off { Power::Off } else { power })
        };
        let lpars = config.resources.keys().filter(|resource| !self.ledger.is_inside(resource));
        let copies = if live { lpars.map(power).collect() } else { BTreeMap::new() };
        let (server, by, vios) = (server.clone(), by.clone(), BTreeMap::new());
        let node = if live { Power::Running } else { Power::Unknown };
        Reading {
            server,
            by,
            since: self.ledger.index,
            serial: 0,
            system,
            live,
            copies,
            listed: BTreeMap::new(),
            node_listed: Default::default(),
            node,
            vios,
        }
    }

    /// The results of the agents on a server's node.
    fn seen(&self, server: &ServerName) -> BTreeMap<ResourceName, Seen> {
        let look = |resource: &ResourceName| {
            let power = self.powers.get(&(server.clone(), resource.clone())).copied().unwrap_or(Power::Off);
            let said = self.said.get(&(server.clone(), resource.clone())).cloned().unwrap_or_default();
            let confidence = if power == Power::Running { 100 } else { 0 };
            (resource.clone(), Seen { power, since: self.ledger.index, serial: 0, confidence, said: said.into() })
        };
        let inside = self.ledger.config.resources.keys().filter(|resource| {
            let group = self.ledger.config.resources.get(*resource).map(|declared| &declared.group);
            let group = group.and_then(|group| self.ledger.config.groups.get(group));
            self.ledger.is_inside(resource) && group.is_some_and(|group| group.servers.contains(server))
        });
        inside.map(look).collect()
    }

    /// The reading of a copy that was never changed: a mobile LPAR is defined only on the first server of its list.
    fn unless_changed(&self, server: &ServerName, lpar: &ResourceName) -> Power {
        let config = &self.ledger.config;
        let mobile = config.lpar(lpar).is_some_and(|lpar| lpar.mobile);
        let first = config.resources.get(lpar).and_then(|lpar| config.groups[&lpar.group].servers.first());
        if mobile && first != Some(server) { Power::Absent } else { Power::Off }
    }

    fn view(&self) -> View {
        let mut view = View::default();
        for name in self.ledger.config.nodes.keys() {
            let silent = self.silent.contains(name);
            let silence = if silent { Span::seconds(60) } else { Span(0) };
            view.nodes.insert(
                name.clone(),
                NodeView { heard: !silent, silence, lease_over: silent, reaches_manager: !silent },
            );
        }
        for (name, state) in &self.ledger.servers {
            if let Some(watcher) = &state.watcher {
                view.readings.insert(name.clone(), self.read(name, watcher).into());
            }
        }
        for (name, node) in &self.ledger.config.nodes {
            if let Some(server) = node.server.as_ref().filter(|_| !self.silent.contains(name)) {
                let inside = Inside { seen: self.seen(server), watchdog: self.watchdogs.get(name).copied() };
                view.inside.insert(name.clone(), inside.into());
            }
        }
        view
    }

    /// Commits an operator's command, without carrying it out.
    pub fn operator(&mut self, command: Command) {
        let author = Author::first_user(RequestId(self.ledger.index.into()));
        assert_eq!(self.commit(author, vec![command]).refused, []);
    }

    /// Changes the world, unknown to the cluster.
    pub fn set(&mut self, server: &str, lpar: &str, power: Power) {
        self.powers.insert((server.into(), lpar.into()), power);
    }

    /// Plans and carries out until nothing is left to do.
    pub fn settle(&mut self) {
        for _ in 0..ROUNDS {
            let leader = NodeName::from("p1");
            let commands = plan(&self.ledger, &self.view(), &leader, self.ledger.now).commands;
            let idle = commands.is_empty();
            if !idle {
                self.commit(Author::Planner(leader), commands);
            }
            let orders: Vec<_> = self.ledger.orders.values().cloned().collect();
            if idle && orders.is_empty() {
                return;
            }
            for order in orders {
                let here = |lpar: &ResourceName| (order.server.clone(), lpar.clone());
                match &order.action {
                    Action::Start { resource, home, .. } => {
                        for home in home.iter().filter(|home| **home != order.server) {
                            self.powers.insert((home.clone(), resource.clone()), Power::Absent);
                        }
                        self.powers.insert(here(resource), Power::Running)
                    }
                    Action::Stop { resource, .. } => self.powers.insert(here(resource), Power::Off),
                    Action::Migrate { resource, to, .. } => {
                        self.powers.insert((to.clone(), resource.clone()), Power::Running);
                        self.powers.insert(here(resource), Power::Absent)
                    }
                    Action::Fence | Action::FenceNode { .. } | Action::StopMigration { .. } | Action::Hook { .. } => {
                        None
                    }
                };
                let readings = vec![self.read(&order.server, &order.node)];
                let mut seen = self.seen(&order.server);
                seen.retain(|resource, _| order.action.resource() == Some(resource));
                let report = Report { order: order.id, ending: Ending::Done, readings, seen };
                self.commit(Author::Agent(order.node.clone()), vec![Command::Report(report)]);
            }
        }
        panic!("the site does not settle: {:#?}", self.ledger.orders);
    }

    /// Applies the cluster file and waits until everything runs.
    pub fn running() -> Self {
        Site::running_from(0, SITE)
    }

    /// The same for the caller's cluster file, in a log that has entries of consensus up to this index.
    pub fn running_from(index: u64, file: &str) -> Self {
        let mut site = Site::default();
        site.ledger.index = index;
        let cluster = Arc::new(tenure_config::cluster::parse("site.toml", file).unwrap());
        let author = Author::first_user(RequestId(1));
        let request = Request::Configure { cluster, strand: false };
        assert_eq!(site.commit(author, vec![Command::Request(request)]).refused, []);
        site.settle();
        site
    }
}

/// The behaviour of the node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    /// Normal.
    #[default]
    Well,
    /// There is no leader.
    Leaderless,
    /// Requests are applied, and not answered.
    Mute,
    /// Requests are applied, and not carried out.
    Idle,
}

/// The fake node.
pub struct Fake {
    /// Its name.
    me: NodeName,
    /// Where other nodes that can be reached serve the API.
    addresses: Mutex<BTreeMap<NodeName, SocketAddr>>,
    site: Arc<Mutex<Site>>,
    mood: Mutex<Mood>,
    /// Time since the last entry; without a leader, also since one was last known.
    pub idle: Mutex<Span>,
    /// Members that do not answer this node.
    pub unreached: Mutex<BTreeMap<NodeName, String>>,
    /// Requests, with their authors.
    pub audit: Mutex<Vec<String>>,
    /// The newest feature levels that the members understand; by default, 1 for all but the arbiter, which does not say.
    pub levels: Mutex<Vec<u32>>,
    /// Number of answers that there is no leader.
    pub leaderless_answers: AtomicUsize,
    /// Whether followers of events may go on.
    pub admits: AtomicBool,
    applied: watch::Sender<u64>,
    authority: ClusterAuthority,
}

impl Fake {
    pub fn site(&self) -> MutexGuard<'_, Site> {
        self.site.lock().unwrap()
    }

    pub fn set_mood(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    fn mood(&self) -> Mood {
        *self.mood.lock().unwrap()
    }

    /// Carries out what is left to do, and notifies followers.
    pub fn settle(&self) {
        let index = {
            let mut site = self.site();
            site.settle();
            site.ledger.index
        };
        self.applied.send_replace(index);
    }

    fn leaderless(&self) -> Failure {
        self.leaderless_answers.fetch_add(1, Ordering::Relaxed);
        Failure::NoLeader("an election is under way".to_owned())
    }

    /// Has the ledger permit something.
    fn permit(&self, by: &Caller, act: Act) -> Result<(), Failure> {
        let author = by.author(tenure::api::Client::request_id(), None);
        let reply = self.site().commit(author, vec![Command::Request(act.into())]).reply;
        reply.refused.into_iter().next().map_or(Ok(()), |(_, why)| Err(why.into()))
    }

    fn note(&self, by: &Caller, what: String) -> Result<(), Failure> {
        if self.mood() == Mood::Leaderless {
            return Err(self.leaderless());
        }
        self.audit.lock().unwrap().push(format!("{}: {what}", by.user));
        Ok(())
    }
}

#[async_trait]
impl Backend for Fake {
    async fn ledger(&self, read: Read) -> Result<Arc<Ledger>, Failure> {
        if self.mood() == Mood::Leaderless && read == Read::Linearizable {
            return Err(self.leaderless());
        }
        Ok(Arc::new(self.site().ledger.clone()))
    }

    async fn request(&self, by: &Caller, id: RequestId, request: Request) -> Result<Reply, Failure> {
        let what = match &request {
            Request::Configure { .. } => "configure".to_owned(),
            Request::Do(verb) => verb.typed(),
            Request::Trust(change) => change.to_string(),
            Request::Act(act) => act.to_string(),
            Request::Restore { image, .. } => format!("backup restore {image}"),
        };
        self.note(by, what)?;
        let author = by.author(id, None);
        let reply = self.site().commit(author, vec![Command::Request(request)]).reply;
        self.applied.send_replace(reply.index);
        match self.mood() {
            Mood::Well | Mood::Leaderless => self.settle(),
            Mood::Mute => std::future::pending().await,
            Mood::Idle => {}
        }
        Ok(reply)
    }

    async fn check_agents(&self, by: &Caller, cluster: &Cluster) -> Result<Vec<String>, Failure> {
        let programs = self.site().ledger.chooses_programs(cluster);
        self.permit(by, Act::Check { config: tenure_core::audit::digest(cluster), programs })?;
        let (mut errors, mut warnings) = (Vec::new(), Vec::new());
        for (name, resource) in &cluster.resources {
            let Some(agent) = resource.as_agent() else { continue };
            if agent.agent == "ocf:heartbeat:Missing" {
                errors.push(format!("resources.{name} on p1: ocf:heartbeat:Missing is not installed on this node"));
                errors.push(format!("resources.{name} on p2: ocf:heartbeat:Missing is not installed on this node"));
            }
            if agent.attributes.contains_key("old") {
                warnings.push(format!("resources.{name}.old on p1: old is deprecated; leave it out"));
            }
        }
        if errors.is_empty() { Ok(warnings) } else { Err(Failure::Unsuitable { errors, warnings }) }
    }

    async fn managers(&self, knock: Option<&HmcName>) -> Vec<HmcHeard> {
        let config = self.site().ledger.config.clone();
        let heard = |node: &NodeName, hmc: &HmcName| {
            let trouble = self.site().ledger.trouble(hmc, node).cloned();
            let asked_ago = if knock == Some(hmc) { 0 } else { 2_500 };
            let answered_ago = Some(if trouble.is_some() { 240_000 } else { asked_ago });
            let failure = trouble.map(|_| "unreachable: connection refused".to_owned());
            HmcHeardView { node: node.to_string(), asked_ago, answered_ago, took: Some(380), failure }
        };
        let of = |node: &NodeName| config.managers.keys().map(|hmc| (hmc.clone(), heard(node, hmc))).collect();
        let lives = |node: &NodeName| config.nodes.get(node).is_some_and(|node| node.server.is_some());
        let nodes = config.nodes.keys();
        nodes.map(|node| HmcHeard { node: node.clone(), heard: lives(node).then(|| of(node)) }).collect()
    }

    async fn check_managers(&self, by: &Caller, cluster: &Cluster, hmcs: &[HmcName]) -> Result<(), Failure> {
        let programs = self.site().ledger.chooses_programs(cluster);
        self.permit(by, Act::Check { config: tenure_core::audit::digest(cluster), programs })?;
        for hmc in hmcs {
            let Manager::Hmc(declared) = &cluster.managers[hmc];
            self.note(by, format!("log in to {hmc} as {}", declared.user))?;
            if declared.user == "nobody" {
                let why = Rejection::new("hmc_check", format!("HMC {hmc} refuses user nobody with the key of node p1"));
                return Err(why.advise(format!("mend `user` of [managers.{hmc}]")).into());
            }
        }
        Ok(())
    }

    async fn extra(
        &self,
        by: &Caller,
        node: &NodeName,
        resource: &ResourceName,
        action: Option<(String, Vec<String>)>,
    ) -> Result<ForeignLines, Failure> {
        let (at, of) = (node.clone(), resource.clone());
        let act = match action.clone() {
            Some((action, arguments)) => Act::Action { node: at, resource: of, action, arguments },
            None => Act::Describe { node: at, resource: of },
        };
        self.permit(by, act)?;
        self.note(by, format!("extra {node} {resource} {action:?}"))?;
        match action {
            None => Ok(format!("{resource} is fine\nas seen by {node}").into()),
            Some((token, arguments)) if token == "pause" => Ok(format!("paused {}", arguments.join(" ")).into()),
            Some((token, _)) => {
                Err(Rejection::new("agent", format!("ip has these actions: pause, and not {token}")).into())
            }
        }
    }

    async fn log_level(
        &self,
        by: &Caller,
        node: &NodeName,
        level: LogLevel,
        lasts: Span,
    ) -> Result<ForeignLines, Failure> {
        self.permit(by, Act::LogLevel { node: node.clone(), level, lasts })?;
        self.note(by, format!("log level {node} {level} --for {lasts}"))?;
        Ok(format!("the log level is {level} for {lasts}").into())
    }

    async fn log(&self, lines: usize) -> Result<LogView, Failure> {
        let lines = ["one", "DEBUG said password=\"hunter2\"", "three"].into_iter().take(lines).map(str::to_owned);
        let (node, version, filter) = ("p1".to_owned(), "0.1.0".to_owned(), "info".to_owned());
        Ok(LogView { node, version, filter, left: None, lines: lines.collect() })
    }

    async fn agents(&self, node: Option<&NodeName>) -> Result<AgentsView, Failure> {
        let agent = |agent: &str, kind: &str, at: &str| AgentView {
            agent: agent.to_owned(),
            kind: kind.to_owned(),
            at: at.to_owned(),
        };
        Ok(AgentsView {
            node: node.map_or("p1", NodeName::as_str).to_owned(),
            agents: vec![
                agent("Application", "built in", ""),
                agent("script:Printer", "script", "/etc/tenure/agents/Printer"),
                agent("ocf:heartbeat:IPaddr2", "OCF", "/usr/lib/ocf/resource.d/heartbeat/IPaddr2"),
            ],
        })
    }

    async fn agent(&self, node: Option<&NodeName>, agent: &str) -> Result<AgentDetailView, Failure> {
        if agent != "ocf:heartbeat:IPaddr2" {
            return Err(Rejection::new("no_such_agent", format!("{agent} is not installed on p1"))
                .advise("see `tenure agent list`")
                .into());
        }
        let parameter = |name: &str, required, value: &str, default: Option<&str>, short: &str| ParameterView {
            name: name.to_owned(),
            required,
            unique: name == "ip",
            deprecated: false,
            value: value.to_owned(),
            default: default.map(str::to_owned),
            short: short.to_owned(),
        };
        let action = |name: &str, timeout: Option<u64>, interval: Option<u64>, depth: Option<&str>| AgentActionView {
            name: name.to_owned(),
            timeout,
            interval,
            depth: depth.map(str::to_owned),
        };
        Ok(AgentDetailView {
            node: node.map_or("p1", NodeName::as_str).to_owned(),
            agent: agent.to_owned(),
            short: "Manages virtual IPv4 and IPv6 addresses".to_owned(),
            parameters: vec![
                parameter("ip", true, "text", None, "IPv4 or IPv6 address"),
                parameter("nic", false, "text", None, "Network interface"),
                parameter("arp_count", false, "integer", Some("5"), "ARP packet count sent during initialization"),
            ],
            actions: vec![
                action("start", Some(20_000), None, None),
                action("monitor", Some(20_000), Some(10_000), Some("0")),
                action("meta-data", Some(5_000), None, None),
            ],
        })
    }

    async fn members(&self) -> Result<Members, Failure> {
        let levels = self.levels.lock().unwrap().clone();
        let addresses: BTreeMap<String, SocketAddr> =
            self.addresses.lock().unwrap().iter().map(|(name, address)| (name.to_string(), *address)).collect();
        let member = |(id, name): (u64, &str)| Member {
            id,
            name: name.into(),
            address: format!("{name}.site:7100"),
            api_address: Some(match addresses.get(name) {
                Some(address) => address.to_string(),
                None => format!("{name}.site:7101"),
            }),
            voter: name != "p4",
            version: (name != "arb").then(|| "0.1.0".to_owned()),
            level: levels.get(usize::try_from(id).unwrap() - 1).copied().or((name != "arb").then_some(1)),
        };
        let leader = (self.mood() != Mood::Leaderless).then(|| "p1".into());
        let members = [(1, "p1"), (2, "p2"), (3, "arb"), (4, "p4")].into_iter().map(member).collect();
        let site = self.site();
        let (index, last, wall) = (site.ledger.index, site.ledger.now, site.ledger.wall);
        drop(site);
        let now = last.after(*self.idle.lock().unwrap());
        let led_at = if self.mood() == Mood::Leaderless { last } else { now };
        let unreached = self.unreached.lock().unwrap().clone();
        let (me, free) = (self.me.clone(), Some(1 << 30));
        let backups = None;
        Ok(Members {
            me,
            leader,
            term: 3,
            index,
            members,
            free,
            backups,
            wall,
            now: Some(now),
            led_at: Some(led_at),
            unreached,
        })
    }

    fn events(&self, after: u64) -> BoxStream<'static, Event> {
        struct Source(Arc<Mutex<Site>>, watch::Receiver<u64>, u64);
        let source = Source(Arc::clone(&self.site), self.applied.subscribe(), after);
        let batches = futures::stream::unfold(source, async |mut source| {
            loop {
                source.1.borrow_and_update();
                let batch: Vec<Event> = {
                    let site = source.0.lock().unwrap();
                    site.ledger.journal.iter().filter(|one| one.index > source.2).cloned().collect()
                };
                if let Some(last) = batch.last() {
                    source.2 = last.index;
                    return Some((futures::stream::iter(batch), source));
                }
                source.1.changed().await.ok()?;
            }
        });
        batches.flatten().boxed()
    }

    fn still_admitted(&self, by: &Caller) -> bool {
        self.admits.load(Ordering::SeqCst) && self.site().ledger.trust.user(&by.user, by.id).is_some()
    }

    async fn node_add(&self, by: &Caller, node: &NodeName, address: &str) -> Result<(), Failure> {
        self.permit(by, Act::AddNode { node: node.clone(), address: address.to_owned() })?;
        self.note(by, format!("add {node} {address}"))
    }

    async fn node_promote(&self, by: &Caller, node: &NodeName) -> Result<(), Failure> {
        self.permit(by, Act::PromoteNode { node: node.clone() })?;
        if node.as_str() == "p9" {
            return Err(Rejection::new("no_node", "p9 is not a member")
                .advise("add it first: `tenure node add`")
                .into());
        }
        self.note(by, format!("promote {node}"))
    }

    async fn node_remove(&self, by: &Caller, node: &NodeName) -> Result<(), Failure> {
        self.permit(by, Act::RemoveNode { node: node.clone() })?;
        self.note(by, format!("remove {node}"))
    }

    async fn node_stop(&self, by: &Caller, node: &NodeName) -> Result<Vec<GroupName>, Failure> {
        self.permit(by, Act::StopNode { node: node.clone(), frozen: BTreeSet::new() })?;
        self.note(by, format!("stop {node}"))?;
        let site = self.site();
        let act = site.ledger.stops(node).and_then(|index| site.ledger.trust.acts.get(&index));
        Ok(match act {
            Some(Act::StopNode { frozen, .. }) => frozen.iter().cloned().collect(),
            _ => Vec::new(),
        })
    }

    async fn raise(&self, by: &Caller, level: Level) -> Result<(), Failure> {
        self.permit(by, Act::Raise { level })?;
        self.site().ledger.raise(level);
        self.note(by, format!("raise {}", level.0))
    }

    async fn transfer_leader(&self, by: &Caller, to: Option<&NodeName>) -> Result<Option<NodeName>, Failure> {
        self.permit(by, Act::Transfer { to: to.cloned() })?;
        self.note(by, format!("transfer {to:?}"))?;
        Ok(to.cloned())
    }

    async fn token(&self, by: &Caller, purpose: Purpose) -> Result<TokenView, Failure> {
        let (token, lasts) = (Hash::of(b"t0ken"), Span::seconds(60));
        let author = by.author(tenure::api::Client::request_id(), None);
        // A session can be used; what else is made here is only looked at.
        let made = if let Purpose::Session(_) = purpose { token } else { Hash::of(format!("{purpose:?}").as_bytes()) };
        let change = TrustChange::AddToken { token: made, purpose: purpose.clone(), lasts };
        let reply = self.site().commit(author, vec![Command::Request(change.into())]).reply;
        if let Some((_, why)) = reply.refused.into_iter().next() {
            return Err(why.into());
        }
        self.note(by, format!("token for {purpose}"))?;
        let whose = match &purpose {
            Purpose::Join(node) => node.to_string(),
            Purpose::Enrol(user) => user.to_string(),
            Purpose::Session(caller) => caller.user.to_string(),
        };
        let expires = "2026-11-22T04:00:00.000Z".to_owned();
        Ok(TokenView { token: "t0ken".to_owned(), whose, expires })
    }

    async fn enrol(&self, request: EnrolRequest) -> Result<EnrolReply, Failure> {
        if request.token != "t0ken" {
            return Err(Rejection::new("bad_token", "the token is not known").into());
        }
        self.certified("bob", &request.csr_pem)
    }

    async fn certify(&self, by: &Caller, csr_pem: &str) -> Result<EnrolReply, Failure> {
        self.permit(by, Act::Certify { key: Hash([0; 32]) })?;
        self.note(by, "certify".to_owned())?;
        self.certified(by.user.as_str(), csr_pem)
    }

    fn denied(&self, caller: &Caller, what: &str, code: &str) {
        self.audit.lock().unwrap().push(format!("{} is refused: {what} ({code})", caller.user));
    }

    async fn audit(&self, _: u64) -> Result<Vec<AuditView>, Failure> {
        Ok(Vec::new())
    }

    fn cluster_id(&self) -> String {
        "site".to_owned()
    }

    async fn join(&self, request: JoinRequest) -> Result<JoinReply, Failure> {
        if request.token != "t0ken" {
            return Err(Rejection::new("token", "the token is not known")
                .advise("make one: `tenure node token`")
                .into());
        }
        let signed = self.authority.sign(&request.csr_pem, &request.node, Role::Node { id: 5 }, an_hour());
        let signed = signed.map_err(|why| Failure::Usage(why.to_string()))?;
        let (cert_pem, ca_pem) = (signed.cert_pem, signed.ca_pem);
        Ok(JoinReply { cluster: "site".to_owned(), id: 5, cert_pem, ca_pem, members: Vec::new() })
    }

    fn next_authority(&self, _: &Ledger) -> Result<Authority, Failure> {
        let next = ClusterAuthority::create("site").unwrap();
        Ok(Authority {
            fingerprint: Hash(tenure_raft::tls::roots(&next.cert_pem).unwrap()[0].fingerprint),
            certificate: next.cert_pem,
            chain: None,
            expires: Time(2_000_000_000_000),
            keys: BTreeMap::from([("p1".into(), Sealed(vec![1]))]),
        })
    }

    fn ca_pem(&self) -> String {
        self.authority.cert_pem.clone()
    }
}

impl Fake {
    fn certified(&self, user: &str, csr_pem: &str) -> Result<EnrolReply, Failure> {
        let id = self.site().ledger.trust.users.get(&UserName::from(user)).map_or(0, |user| user.id);
        let signed = self.authority.sign(csr_pem, user, Role::User { id }, an_hour());
        let signed = signed.map_err(|why| Failure::Usage(why.to_string()))?;
        Ok(EnrolReply { user: user.to_owned(), cert_pem: signed.cert_pem, ca_pem: signed.ca_pem })
    }
}

fn an_hour() -> Validity {
    Validity::from_now(std::time::Duration::from_secs(3600))
}
