//! The agents of this node: the keeper of what lives inside it, there as soon as the configuration says on which server the
//! node lives, and anew when that changes.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use tenure_core::{
    Inside, Ledger, NodeName, ResourceName, Seen, ServerName,
    carry::{Answer, Ask},
    config::{Cluster, Resource},
    ledger::Phase,
};
use tenure_keeper::{Keeper, Settings};
use tokio::{sync::watch, task::AbortHandle};

/// Longest time for one stop by force: what is left of an order's budget when an orderly stop has taken its time.
const CLEAN: Duration = Duration::from_secs(100);

/// Where the agents of this node and their things are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// Where OCF resource agents live.
    pub ocf_root: PathBuf,
    /// Directories with one directory for each script type.
    pub scripts: Vec<PathBuf>,
    /// What speaks to systemd.
    pub systemctl: PathBuf,
    /// What programs said, and state that agents keep. Empty after a boot.
    pub run_dir: PathBuf,
    /// A directory of cgroup v2 that is ours.
    pub cgroup: Option<PathBuf>,
}

impl Default for Places {
    fn default() -> Self {
        Places {
            ocf_root: PathBuf::from("/usr/lib/ocf"),
            scripts: vec![PathBuf::from("/etc/tenure/agents")],
            systemctl: PathBuf::from("systemctl"),
            run_dir: PathBuf::from("/run/tenure"),
            cgroup: None,
        }
    }
}

/// The agents of this node.
pub struct Agents {
    me: NodeName,
    places: Places,
    applied: Arc<dyn Fn() -> u64 + Send + Sync>,
    keeper: RwLock<Option<Home>>,
    changed: watch::Sender<u64>,
    /// After which time the node's watchdog resets it.
    watchdog: Option<tenure_core::Span>,
}

/// The keeper on one server.
struct Home {
    server: ServerName,
    keeper: Keeper,
    relay: AbortHandle,
}

impl Drop for Home {
    fn drop(&mut self) {
        self.relay.abort();
    }
}

impl Agents {
    /// Agents of a node. `applied` tells the index of the last entry that the node's ledger has applied.
    pub fn new(
        me: NodeName,
        places: Places,
        watchdog: Option<tenure_core::Span>,
        applied: Arc<dyn Fn() -> u64 + Send + Sync>,
    ) -> Self {
        Agents { me, places, applied, keeper: RwLock::default(), changed: watch::Sender::new(0), watchdog }
    }

    /// Where the agents are.
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// What an OCF resource agent of this machine says of itself.
    pub async fn metadata(&self, agent: &str) -> Result<Arc<tenure_keeper::Metadata>, String> {
        // Where the node lives does not matter for that.
        let server = self.home().map_or_else(|| ServerName::from(self.me.as_str()), |(server, _)| server);
        tenure_keeper::metadata(&self.settings(&server), agent).await
    }

    /// What a keeper on this server is told.
    pub fn settings(&self, server: &ServerName) -> Settings {
        Settings {
            node: self.me.clone(),
            server: server.clone(),
            ocf_root: self.places.ocf_root.clone(),
            scripts: self.places.scripts.clone(),
            systemctl: self.places.systemctl.clone(),
            run_dir: self.places.run_dir.join(self.me.as_str()),
            cgroup: self.places.cgroup.as_ref().map(|parent| parent.join(self.me.as_str())),
        }
    }

    /// Takes over a new configuration.
    pub fn configure(&self, cluster: &Arc<Cluster>) {
        let server = cluster.nodes.get(&self.me).and_then(|node| node.server.clone());
        let mut home = self.keeper.write().unwrap_or_else(PoisonError::into_inner);
        if home.as_ref().map(|home| &home.server) != server.as_ref() {
            *home = server.map(|server| self.settle_on(server));
        }
        if let Some(home) = &*home {
            home.keeper.configure(cluster);
        }
    }

    fn settle_on(&self, server: ServerName) -> Home {
        let applied = Arc::clone(&self.applied);
        let keeper = Keeper::new(self.settings(&server), move || applied());
        let (mut moved, changed) = (keeper.changed(), self.changed.clone());
        let relay = tokio::spawn(async move {
            while moved.changed().await.is_ok() {
                changed.send_modify(|count| *count += 1);
            }
        });
        Home { server, keeper, relay: relay.abort_handle() }
    }

    /// Follows the ledger: what should be up here is looked at more often.
    pub fn follow(&self, ledger: &Ledger) {
        let Some((server, keeper)) = self.home() else { return };
        let groups = ledger.groups.iter().filter(|(_, group)| {
            let tenure = group.tenure.as_ref().filter(|tenure| tenure.server == server);
            tenure.is_some_and(|tenure| !matches!(tenure.phase, Phase::Leaving { .. }))
        });
        let up: BTreeSet<ResourceName> = groups
            .flat_map(|(_, group)| group.copies.keys().filter(|resource| ledger.wanted(group, resource)))
            .filter(|resource| ledger.is_inside(resource))
            .cloned()
            .collect();
        keeper.expect(up);
    }

    /// Counts the times that something else was seen than before.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// What was last seen of each resource; `None` if nothing lives inside this node.
    pub fn inside(&self) -> Option<Inside> {
        let (_, keeper) = self.home()?;
        let inside = Inside { watchdog: self.watchdog, ..keeper.inside() };
        (!inside.seen.is_empty()).then_some(inside)
    }

    /// Has everything looked at soon.
    pub fn probe(&self) {
        if let Some((_, keeper)) = self.home() {
            keeper.probe(keeper.inside().seen.into_keys());
        }
    }

    /// A look at one resource that begins after this call.
    pub async fn look(&self, resource: &ResourceName) -> Seen {
        match self.home() {
            Some((_, keeper)) => keeper.look(resource).await,
            None => Seen { said: "nothing lives inside this node".to_owned(), ..Seen::default() },
        }
    }

    /// Carries out what an order asks of an agent.
    pub async fn act(&self, cluster: &Cluster, ask: &Ask) -> Answer {
        let Some((_, keeper)) = self.home() else {
            return Answer::NotSent("nothing lives inside this node".to_owned());
        };
        let times = |name: &ResourceName| {
            let declared = cluster.resources.get(name);
            let times =
                |of: fn(&Resource) -> tenure_core::Span| Duration::from_millis(declared.map(of).unwrap_or_default().0);
            (times(|resource| resource.start_timeout), times(|resource| resource.stop_timeout))
        };
        match ask {
            Ask::Start(name) => keeper.start(name, times(name).0).await,
            Ask::ShutDown(name) => keeper.stop(name, times(name).1).await,
            Ask::Clean { resource, reason } => {
                keeper.clean(resource, reason.code(), times(resource).1.min(CLEAN)).await
            }
            Ask::Read(_)
            | Ask::Look(_)
            | Ask::PowerDown(_)
            | Ask::CutOff(_)
            | Ask::PowerOff
            | Ask::CutOffNode
            | Ask::Migrate { .. }
            | Ask::StopMigration(_)
            | Ask::RecoverMigration(_)
            | Ask::MoveDefinition { .. }
            | Ask::RemoteRestart { .. }
            | Ask::Run { .. }
            | Ask::Pause(_) => Answer::NotSent("nothing for an agent".to_owned()),
        }
    }

    /// Has an agent do something else to a resource; what it said.
    pub async fn extra(
        &self,
        resource: &ResourceName,
        token: &str,
        arguments: &[String],
        within: Duration,
    ) -> Result<String, String> {
        let (_, keeper) = self.home().ok_or_else(|| "nothing lives inside this node".to_owned())?;
        keeper.act(resource, token, arguments, within).await
    }

    /// What an agent tells people of a resource.
    pub async fn info(&self, resource: &ResourceName) -> Result<String, String> {
        let (_, keeper) = self.home().ok_or_else(|| "nothing lives inside this node".to_owned())?;
        keeper.info(resource).await
    }

    /// What must not run twice and is not known to be down here.
    pub fn held(&self, cluster: &Cluster) -> BTreeSet<ResourceName> {
        let Some((server, keeper)) = self.home() else { return BTreeSet::new() };
        let inside = keeper.inside();
        let down = |name: &ResourceName| inside.seen.get(name).is_some_and(|seen| seen.power.is_inactive());
        cluster.living_on(&server).map(|(name, _)| name).filter(|name| !down(name)).cloned().collect()
    }

    fn home(&self) -> Option<(ServerName, Keeper)> {
        let home = self.keeper.read().unwrap_or_else(PoisonError::into_inner);
        home.as_ref().map(|home| (home.server.clone(), home.keeper.clone()))
    }
}
