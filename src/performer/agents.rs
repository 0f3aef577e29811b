//! The agents of this node: their runtime, created when the configuration places the node on a server, and replaced
//! when that changes.

use super::watchdog::Armed;
use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};
use tenure_agents::{Groups, Limits, Rights, Runtime, Settings};
use tenure_core::{
    ForeignLines, ForeignText, Inside, Ledger, NodeName, ResourceName, Seen, ServerName,
    config::{Cluster, Resource},
    execution::{Answer, LocalOperation},
    ledger::Phase,
};
use tokio::{sync::watch, task::AbortHandle};

/// Longest time for one stop by force: the rest of an order's budget after a full orderly stop.
const CLEAN: Duration = Duration::from_secs(100);

/// The paths of this node's agents and their files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentPaths {
    /// The directory of OCF resource agents.
    pub ocf_root: PathBuf,
    /// Directories with one directory for each script type.
    pub scripts: Vec<PathBuf>,
    /// The program `systemctl`.
    pub systemctl: PathBuf,
    /// The directory for output of programs, and state of agents; each node has one of its own below it. Empty after a
    /// boot.
    pub run_dir: PathBuf,
    /// A directory of cgroup v2 for programs; `tenure` at its root if absent.
    pub cgroup: Option<PathBuf>,
    /// What a program may take.
    pub limits: Limits,
    /// What this node runs.
    pub rights: Rights,
    /// The directory of secrets: each in a file of its name.
    pub secrets: PathBuf,
}

impl Default for AgentPaths {
    fn default() -> Self {
        AgentPaths {
            ocf_root: PathBuf::from("/usr/lib/ocf"),
            scripts: vec![PathBuf::from("/etc/tenure/agents")],
            systemctl: PathBuf::from("systemctl"),
            run_dir: PathBuf::from("/run/tenure"),
            cgroup: None,
            limits: Limits::default(),
            rights: Rights::default(),
            secrets: PathBuf::from("/etc/tenure/secrets"),
        }
    }
}

impl AgentPaths {
    /// The directory of a node of this machine below `run_dir`.
    pub fn run_dir_of(&self, node: &NodeName) -> PathBuf {
        self.run_dir.join(node.as_str())
    }

    /// The control group for a node's programs. Without one, what a program leaves outside its process group and its
    /// descendants is not found when the program is ended; that is said once, here.
    fn groups(&self, node: &NodeName) -> Option<Groups> {
        let groups = Groups::prepare(self.cgroup.as_deref(), &self.run_dir_of(node), self.limits);
        let why = "programs have no control groups: one that leaves its session and its parents outlives its end";
        groups.inspect_err(|error| tracing::warn!(error, "{why}")).ok()
    }
}

/// The agents of this node.
pub struct Agents {
    me: NodeName,
    cgroup: Option<Groups>,
    places: AgentPaths,
    applied: Arc<dyn Fn() -> u64 + Send + Sync>,
    runtime: RwLock<Option<Home>>,
    changed: watch::Sender<u64>,
    /// The time of the node's watchdog, once it is armed.
    watchdog: Armed,
    own: Arc<Own>,
    /// Log index at which the configuration followed last was declared.
    followed: RwLock<Option<u64>>,
    /// Whether that configuration covers all that an earlier process of this node may have started.
    knows: AtomicBool,
}

/// Returns the log index at which the configuration of the node's own ledger was declared; `None` until that ledger
/// has applied all that the disk held when this process began.
pub type Own = dyn Fn() -> Option<u64> + Send + Sync;

/// The agent runtime on one server.
struct Home {
    server: ServerName,
    runtime: Runtime,
    /// The latest configuration in which this node lives there.
    declared: Arc<Cluster>,
    relay: AbortHandle,
}

impl Home {
    /// Resources that must not run twice and are not known to be down here.
    fn held(&self) -> BTreeSet<ResourceName> {
        tenure_core::node::held(&self.declared, &self.server, &self.runtime.inside())
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        self.relay.abort();
    }
}

impl Drop for Agents {
    fn drop(&mut self) {
        if let Some(groups) = &self.cgroup {
            groups.leave();
        }
    }
}

impl Agents {
    /// The agents of a node. `applied` returns the index of the last entry that the node's ledger has applied.
    pub fn new(
        me: NodeName,
        places: AgentPaths,
        watchdog: Armed,
        applied: Arc<dyn Fn() -> u64 + Send + Sync>,
        own: Arc<Own>,
    ) -> Self {
        Agents {
            cgroup: places.groups(&me),
            me,
            places,
            applied,
            runtime: RwLock::default(),
            changed: watch::Sender::new(0),
            watchdog,
            own,
            followed: RwLock::default(),
            knows: AtomicBool::new(false),
        }
    }

    /// The paths of the agents.
    pub fn places(&self) -> &AgentPaths {
        &self.places
    }

    /// The metadata of an OCF resource agent of this machine.
    pub async fn metadata(&self, agent: &str) -> Result<Arc<tenure_agents::Metadata>, ForeignText> {
        // The server does not matter for metadata.
        let server = self.home().map_or_else(|| ServerName::from(self.me.as_str()), |(server, _)| server);
        tenure_agents::metadata(&self.settings(&server), agent).await
    }

    /// Whether a hook may run on this node; the error says why not.
    pub async fn may_run(&self, hook: &str) -> Result<(), String> {
        self.places.rights.hook(hook, &self.me).await.map_err(|(what, help)| format!("{what}; {help}"))
    }

    /// The control group of this node's programs.
    pub fn cgroup(&self) -> Option<Groups> {
        self.cgroup.clone()
    }

    /// The settings of a runtime on this server.
    pub fn settings(&self, server: &ServerName) -> Settings {
        Settings {
            node: self.me.clone(),
            server: server.clone(),
            ocf_root: self.places.ocf_root.clone(),
            scripts: self.places.scripts.clone(),
            systemctl: self.places.systemctl.clone(),
            run_dir: self.places.run_dir_of(&self.me),
            cgroup: self.cgroup.clone(),
            rights: self.places.rights.clone(),
            secrets: self.places.secrets.clone(),
        }
    }

    /// Takes over a new configuration.
    pub fn configure(&self, cluster: &Arc<Cluster>) {
        let server = cluster.nodes.get(&self.me).and_then(|node| node.server.clone());
        let mut home = self.runtime.write().unwrap_or_else(PoisonError::into_inner);
        if home.as_ref().map(|home| &home.server) != server.as_ref() {
            // Resources that must not run twice stay managed until they are down: nobody else can stop them, and the
            // watchdog must know.
            if let Some(left) = home.as_ref().map(Home::held).filter(|left| !left.is_empty()) {
                tracing::error!(
                    resources = left.len(),
                    "this node is taken from its server while things run inside it"
                );
                return;
            }
            *home = server.map(|server| self.settle_on(server, cluster));
        }
        if let Some(home) = &mut *home {
            home.declared = Arc::clone(cluster);
            home.runtime.configure(cluster);
        }
    }

    fn settle_on(&self, server: ServerName, cluster: &Arc<Cluster>) -> Home {
        let applied = Arc::clone(&self.applied);
        let runtime = Runtime::new(self.settings(&server), move || applied());
        let (mut moved, changed) = (runtime.changed(), self.changed.clone());
        let relay = tokio::spawn(async move {
            while moved.changed().await.is_ok() {
                changed.send_modify(|count| *count += 1);
            }
        });
        Home { server, runtime, declared: Arc::clone(cluster), relay: relay.abort_handle() }
    }

    /// Follows the ledger: resources that should be online here are looked at more often.
    pub fn follow(&self, ledger: &Ledger) {
        let lives_on = ledger.config.nodes.get(&self.me).and_then(|node| node.server.clone());
        if self.home().map(|(server, _)| server) != lives_on {
            self.configure(&ledger.config);
        }
        *self.followed.write().unwrap_or_else(PoisonError::into_inner) = Some(ledger.configured);
        let Some((server, runtime)) = self.home() else { return };
        let groups = ledger.groups.iter().filter(|(_, group)| {
            let tenure = group.tenure.as_ref().filter(|tenure| tenure.server == server);
            tenure.is_some_and(|tenure| !matches!(tenure.phase, Phase::Leaving { .. }))
        });
        let up: BTreeSet<ResourceName> = groups
            .flat_map(|(_, group)| group.copies.keys().filter(|resource| ledger.wanted(group, resource)))
            .filter(|resource| ledger.is_inside(resource))
            .cloned()
            .collect();
        runtime.expect(up);
    }

    /// Counts changes of the state of resources.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// The last result for each resource; `None` if there is none inside this node.
    pub fn inside(&self) -> Option<Inside> {
        let (_, runtime) = self.home()?;
        let inside = Inside { watchdog: self.watchdog.after(), ..runtime.inside() };
        (!inside.seen.is_empty()).then_some(inside)
    }

    /// Requests looks at all resources.
    pub fn request_probes(&self) {
        if let Some((_, runtime)) = self.home() {
            runtime.request_probes(runtime.inside().seen.into_keys());
        }
    }

    /// A look at one resource that begins after this call.
    pub async fn probe(&self, resource: &ResourceName) -> Seen {
        match self.home() {
            Some((_, runtime)) => runtime.probe(resource).await,
            None => Seen { said: "nothing lives inside this node".into(), ..Seen::default() },
        }
    }

    /// Carries out a local operation of an order through an agent.
    pub async fn act(&self, cluster: &Cluster, resource: &ResourceName, operation: LocalOperation) -> Answer {
        let Some((_, runtime)) = self.home() else {
            return Answer::NotSent("nothing lives inside this node".into());
        };
        // A resource that is no longer declared is stopped within its former timeout.
        let before = self.declared();
        let before = before.as_ref().and_then(|before| before.resources.get(resource));
        let declared = cluster.resources.get(resource).or(before);
        let time =
            |of: fn(&Resource) -> tenure_core::Span| Duration::from_millis(declared.map(of).unwrap_or_default().0);
        let (start, stop) = (time(|resource| resource.start_timeout), time(|resource| resource.stop_timeout));
        match operation {
            LocalOperation::Start => runtime.start(resource, start).await,
            LocalOperation::Stop => runtime.stop(resource, stop).await,
            LocalOperation::Clean(reason) => runtime.clean(resource, reason.code(), stop.min(CLEAN)).await,
        }
    }

    /// Runs another action of a resource's agent; returns its output.
    pub async fn extra(
        &self,
        resource: &ResourceName,
        token: &str,
        arguments: &[String],
        within: Duration,
    ) -> Result<ForeignLines, ForeignText> {
        let (_, runtime) = self.home().ok_or_else(|| "nothing lives inside this node".to_owned())?;
        runtime.act(resource, token, arguments, within).await
    }

    /// The agent's description of a resource, for people.
    pub async fn info(&self, resource: &ResourceName) -> Result<ForeignLines, ForeignText> {
        let (_, runtime) = self.home().ok_or_else(|| "nothing lives inside this node".to_owned())?;
        runtime.info(resource).await
    }

    /// Resources that must not run twice and are not known to be down here, even after this node was taken from its
    /// server.
    pub fn held(&self) -> BTreeSet<ResourceName> {
        let home = self.runtime.read().unwrap_or_else(PoisonError::into_inner);
        home.as_ref().map(Home::held).unwrap_or_default()
    }

    /// Whether certainly no resource that must not run twice is up here. A new process cannot know that before it has
    /// followed all that its predecessor may have acted on: until then, no configuration is not an empty one.
    pub fn is_clear(&self) -> bool {
        self.knows() && self.held().is_empty()
    }

    fn knows(&self) -> bool {
        if self.knows.load(SeqCst) {
            return true;
        }
        let followed = *self.followed.read().unwrap_or_else(PoisonError::into_inner);
        let knows = followed.is_some() && (self.own)() == followed;
        self.knows.fetch_or(knows, SeqCst) || knows
    }

    fn declared(&self) -> Option<Arc<Cluster>> {
        let home = self.runtime.read().unwrap_or_else(PoisonError::into_inner);
        home.as_ref().map(|home| Arc::clone(&home.declared))
    }

    fn home(&self) -> Option<(ServerName, Runtime)> {
        let home = self.runtime.read().unwrap_or_else(PoisonError::into_inner);
        home.as_ref().map(|home| (home.server.clone(), home.runtime.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenure_core::{
        GroupName, Power,
        config::{Group, Node, Server},
    };

    fn cluster(file: &std::path::Path) -> Cluster {
        let mut cluster = Cluster { name: "lab".to_owned(), ..Cluster::default() };
        for (server, node) in [("p1", "n1"), ("p2", "n2")] {
            cluster.servers.insert(server.into(), Server::new(server, &format!("9105-22A*{server}"), Vec::new()));
            let node_on = Node { server: Some(server.into()), lpar: None, watchdog: None };
            cluster.nodes.insert(node.into(), node_on);
        }
        let group = GroupName::from("web");
        cluster.groups.insert(group.clone(), Group::new(vec!["p1".into(), "p2".into()]));
        let mut resource = Resource::agent(group, "FileOnOff");
        if let tenure_core::config::Kind::Agent(agent) = &mut resource.kind {
            agent.attributes.insert("PathName".to_owned(), file.display().to_string());
        }
        cluster.resources.insert("flag".into(), resource);
        cluster
    }

    #[tokio::test]
    async fn a_node_that_is_taken_from_its_server_keeps_in_hand_what_runs_inside_it() {
        let folder = tempfile::tempdir().unwrap();
        let (file, name) = (folder.path().join("flag"), ResourceName::from("flag"));
        std::fs::write(&file, "").unwrap();
        let places = AgentPaths { run_dir: folder.path().join("run"), ..AgentPaths::default() };
        let agents = Agents::new("n1".into(), places, Armed::default(), Arc::new(|| 1), Arc::new(|| Some(0)));
        let declared = Arc::new(cluster(&file));
        agents.configure(&declared);
        assert_eq!(agents.probe(&name).await.power, Power::Running);
        let mut without = (*declared).clone();
        without.nodes.remove("n1");
        let without = Arc::new(without);
        agents.configure(&without);
        assert_eq!(agents.held(), BTreeSet::from([name.clone()]), "nobody else can stop it");
        assert_eq!(agents.act(&without, &name, LocalOperation::Stop).await, Answer::Accepted);
        assert!(!file.exists());
        assert_eq!(agents.probe(&name).await.power, Power::Off);
        assert!(agents.held().is_empty());
        agents.follow(&Ledger { config: without, ..Ledger::default() });
        assert!(agents.inside().is_none(), "it lives nowhere now");
    }

    #[tokio::test]
    async fn a_process_that_begins_knows_nothing_of_what_an_earlier_one_left() {
        let folder = tempfile::tempdir().unwrap();
        let (file, name) = (folder.path().join("flag"), ResourceName::from("flag"));
        std::fs::write(&file, "").unwrap();
        let caught_up = Arc::new(AtomicBool::new(false));
        let begin = || {
            let places = AgentPaths { run_dir: folder.path().join("run"), ..AgentPaths::default() };
            let caught_up = Arc::clone(&caught_up);
            let own = Arc::new(move || caught_up.load(SeqCst).then_some(7));
            Agents::new("n1".into(), places, Armed::default(), Arc::new(|| 1), own)
        };
        let lease = super::super::Lease::default();
        let may_feed = |agents: &Agents| super::super::watchdog::may_feed(&lease, agents);
        let agents = begin();
        assert!(!may_feed(&agents), "nothing was followed yet");
        agents.follow(&Ledger { configured: 3, ..Ledger::default() });
        assert!(!may_feed(&agents), "what it has followed may be old");
        caught_up.store(true, SeqCst);
        assert!(!may_feed(&agents), "its ledger has gone on meanwhile");
        let ledger = Ledger { config: Arc::new(cluster(&file)), configured: 7, ..Ledger::default() };
        agents.follow(&ledger);
        assert!(!may_feed(&agents), "nobody has looked, or it is up");
        assert_eq!(agents.probe(&name).await.power, Power::Running);
        assert!(!may_feed(&agents), "it is up");
        std::fs::remove_file(&file).unwrap();
        assert_eq!(agents.probe(&name).await.power, Power::Off);
        assert!(may_feed(&agents), "it is down");
        caught_up.store(false, SeqCst);
        assert!(may_feed(&agents), "what was known once stays known");

        let empty = begin();
        caught_up.store(true, SeqCst);
        assert!(!may_feed(&empty));
        empty.follow(&Ledger { configured: 7, ..Ledger::default() });
        assert!(may_feed(&empty), "nothing is declared inside it");
    }
}
