//! A running node: consensus, the loop and the admin API, started together and stopped together.

use super::{
    Machine,
    about::{About, Abouts},
    audit::AuditLog,
    backend::NodeBackend,
    backups::Writer,
    certificates::Certificates,
    clerk::{self, Clerk},
    clock::{self, ClusterClock, Contact},
    ending::Ending,
    event_loop::{self, EventLoop},
    founding,
    overviews::Others,
    pause,
    peer::{CALLS, Inbox},
    recovery,
    refusals::Refusals,
    service::Alive,
};
use crate::{
    api,
    hypervisor::{Neighbours, Registry},
    local::LocalConfig,
    performer::{
        Agents, Lease, Performer,
        watchdog::{self, Feeding, Watchdog, WatchdogError},
    },
};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Acquire},
    },
};
use tenure_agents::RunDir;
use tenure_raft::{Handle, InitializeError, Options, Raft, StartError, wire::door::Door};
use tokio::{
    sync::{broadcast, mpsc, watch},
    task::JoinHandle,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Records that a slow listener may be behind before it misses some.
const EVENTS: usize = 4096;
/// The highest feature level that this build supports.
pub const FEATURE_LEVEL: u32 = tenure_core::Level::NEWEST.0;

/// The reason why a node did not start.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // what a name says is not said again
pub enum DaemonError {
    /// It has no identity yet.
    #[error(
        "node {node} has no identity; found a cluster with `tenure cluster init`, or join one with --join-file FILE"
    )]
    NoIdentity { node: String },
    /// The cluster has gone on without it.
    #[error("this node was given up: {0}")]
    GivenUp(String),
    /// Its certificate, or what is kept beside it, is unusable.
    #[error("use the node's certificate")]
    Certificate(#[source] founding::FoundingError),
    /// The members that let it in are unreadable.
    #[error("read the members that let this node in")]
    Introduced(#[source] founding::FoundingError),
    /// The audit cannot be opened.
    #[error("open the audit")]
    Audit(#[source] std::io::Error),
    /// Consensus did not start.
    #[error("start consensus")]
    Raft(#[source] StartError),
    /// The cluster was not founded.
    #[error("found the cluster")]
    Found(#[source] InitializeError),
    /// Its run directory cannot be used.
    #[error("{0}")]
    RunDir(String),
    /// Its watchdog is unusable.
    #[error("arm the watchdog")]
    Watchdog(#[source] WatchdogError),
    /// The address of the admin API cannot be bound.
    #[error("listen for administrators on {address}")]
    Listen {
        address: SocketAddr,
        /// The error.
        #[source]
        source: std::io::Error,
    },
}

impl DaemonError {
    /// The remedy, where it is not obvious from the error.
    pub fn advice(&self) -> Option<String> {
        let why = match self {
            DaemonError::Raft(StartError::Storage(why)) => why,
            DaemonError::Certificate(why) => return why.advice(),
            DaemonError::GivenUp(_) => {
                return Some(
                    "the cluster goes on without it: move its data directory away, and join it anew (`tenure node token NODE`, \
                     `tenured --join-file FILE`)"
                        .to_owned(),
                );
            }
            _ => return None,
        };
        why.has_forgotten().then(|| {
            "as long as the other nodes count on what this one has lost it must not take part: remove it at another node \
             (`tenure node remove NODE`), move its data directory away, and join it anew (`tenure node token NODE`, \
             `tenured --join-file FILE`)"
                .to_owned()
        })
    }
}

impl DaemonError {
    /// Whether another start does not help.
    pub fn is_final(&self) -> bool {
        matches!(self, DaemonError::GivenUp(_))
    }
}

/// A running node.
pub struct Daemon {
    raft: Handle<Machine>,
    stop: CancellationToken,
    tasks: TaskTracker,
    api: JoinHandle<()>,
    performer: Arc<Performer>,
    certificates: Arc<Certificates>,
    ended: watch::Receiver<Option<Ending>>,
    feeding: Option<Feeding>,
    /// Of this process alone as long as it runs.
    _run_dir: RunDir,
}

impl Daemon {
    /// Starts a node. The founder founds its cluster the first time.
    pub async fn start(config: LocalConfig) -> Result<Self, DaemonError> {
        let node = config.node.to_string();
        if !config.cluster_dir().join("node.pem").exists() {
            return Err(DaemonError::NoIdentity { node });
        }
        if let Some(why) = recovery::given_up(&config) {
            return Err(DaemonError::GivenUp(why));
        }
        let certificates = Arc::new(Certificates::open(&config).map_err(DaemonError::Certificate)?);
        let (id, cluster) = (certificates.id(), certificates.cluster().to_owned());
        let introduced = founding::introduced(&config).map_err(DaemonError::Introduced)?;
        let (events, calls) = mpsc::channel(CALLS);
        let (clerk, questions) = mpsc::channel(CALLS);
        let timings = config.raft;
        let leader_lease = timings.leader_lease();
        let options = Options {
            id,
            name: node,
            cluster: cluster.clone(),
            data_dir: Some(config.data_dir.clone()),
            witness: Some(config.cluster_dir().join(founding::WITNESS)),
            introduced,
            listen: config.listen,
            advertise: config.advertise.clone(),
            credentials: certificates.credentials().clone(),
            timings,
            snapshots: config.snapshots,
            feature_level_max: FEATURE_LEVEL,
        };
        let audit = AuditLog::open(&config.data_dir, config.audit).map_err(DaemonError::Audit)?;
        let audit = Arc::new(audit);
        let machine = Machine::audited(Arc::clone(&audit));
        let stamp = machine.stamp();
        let raft = Raft::start(options, machine, Arc::new(Inbox { events, clerk })).await.map_err(DaemonError::Raft)?;
        let clock = ClusterClock::start(raft.state(|machine| machine.ledger().now));
        let (stamped, contact) = (clock.clone(), Contact::default());
        let _ = stamp.set(Box::new(move || (stamped.now(), clock::wall())));
        found_once(&raft, certificates.is_founder()).await?;
        let listener = Door::bind(config.api_listen)
            .map_err(|source| DaemonError::Listen { address: config.api_listen, source })?;
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (news, _) = broadcast::channel(EVENTS);
        let watchdog = config.watchdog.as_ref().map(|dog| Watchdog::find(&dog.device, dog.timeout.as_deref()));
        let watchdog = watchdog.transpose().map_err(DaemonError::Watchdog)?;
        let followed = Arc::new(AtomicU64::new(0));
        let known = Arc::clone(&followed);
        let applied: Arc<dyn Fn() -> u64 + Send + Sync> = Arc::new(move || known.load(Acquire));
        let armed = watchdog.as_ref().map(Watchdog::armed).unwrap_or_default();
        // An entry is applied before its index is reported as applied: so the ledger read here is at least as new.
        let own = raft.clone();
        let own = Arc::new(move || {
            let caught_up = own.status().applied.unwrap_or_default() >= own.last_stored();
            caught_up.then(|| own.state(|machine| machine.ledger().configured))
        });
        let run_dir = RunDir::take(&config.agents.run_dir_of(&config.node)).map_err(DaemonError::RunDir)?;
        let agents = Agents::new(config.node.clone(), config.agents.clone(), armed, Arc::clone(&applied), own);
        let agents = Arc::new(agents);
        let registry = Registry::new(config.hmc_key.clone());
        let ledger = raft.clone();
        let knows = move |server: &tenure_core::ServerName| ledger.state(|machine| machine.ledger().known_on(server));
        let performer = Performer::new(config.node.clone(), registry, Arc::clone(&agents), move || applied(), knows);
        let performer = Arc::new(performer);
        let others: Arc<dyn Neighbours> = Arc::new(Others::new(config.node.clone(), raft.clone()));
        performer.registry().share_with(&others);
        let lease = Lease::default();
        let feeding = watchdog.map(|watchdog| {
            let (lease, agents) = (lease.clone(), Arc::clone(&agents));
            watchdog.feed(move || watchdog::may_feed(&lease, &agents))
        });
        let (ended, has_ended) = watch::channel(None);
        let events = EventLoop::new(event_loop::Parts {
            me: config.node.clone(),
            raft: raft.clone(),
            lease,
            performer: Arc::clone(&performer),
            events: news.clone(),
            clock: clock.clone(),
            contact: contact.clone(),
            leader_lease,
            voter_gone: config.voter_gone,
            tasks: tasks.clone(),
            stop: stop.clone(),
            has_watchdog: feeding.is_some(),
            followed,
            ended: ended.clone(),
            alive: Alive::expected(),
        });
        let running = tasks.spawn(events.run(calls));
        let marker = recovery::marker(&config);
        tasks.spawn(watch_over(running, raft.clone(), stop.clone(), ended.clone(), marker));
        let abouts = Arc::new(Abouts::new(About::me(&config.api_advertise)));
        let (me, performer_beside) = (config.node.clone(), Arc::clone(&performer));
        let clerk =
            Clerk { me, raft: raft.clone(), performer: performer_beside, about: abouts.me().clone(), leave: ended };
        tasks.spawn(clerk::serve(questions, clerk, tasks.clone(), stop.clone()));
        let asking = (Arc::clone(&abouts), raft.clone(), stop.clone());
        tasks.spawn(async move { asking.0.run(asking.1, asking.2).await });
        let told = clock.clone();
        tasks.spawn(pause::come_back(raft.clone(), config.node.clone(), stop.clone(), move || told.now()));
        let keeping = (Arc::clone(&certificates), raft.clone(), stop.clone());
        tasks.spawn(async move { keeping.0.run(keeping.1, keeping.2).await });
        let backend_agents = Arc::clone(&agents);
        let credentials = certificates.credentials().clone();
        let backups = config.backups.clone();
        let backups = backups.map(|schedule| Arc::new(Writer::new(schedule, config.node.clone(), cluster.clone())));
        if let Some(writer) = &backups {
            tasks.spawn(Arc::clone(writer).run(raft.clone(), stop.clone()));
        }
        let backend = NodeBackend {
            config,
            backups,
            certificates: Arc::clone(&certificates),
            raft: raft.clone(),
            events: news,
            clock,
            contact,
            agents: backend_agents,
            abouts,
            performer: Arc::clone(&performer),
            cluster,
            refusals: Refusals::default(),
            audit,
        };
        let serving = stop.clone();
        let api = tokio::spawn(async move { api::serve(listener, credentials, Arc::new(backend), serving).await });
        Ok(Daemon { raft, stop, tasks, api, performer, certificates, ended: has_ended, feeding, _run_dir: run_dir })
    }

    /// Waits until this node must end by itself; returns the reason.
    pub async fn failed(&self) -> Ending {
        let (mut ended, mut changes) = (self.ended.clone(), self.raft.changed());
        let told = async {
            let ending = ended.wait_for(Option::is_some).await.map(|ending| ending.clone());
            ending.ok().flatten().unwrap_or_else(|| Ending::Failed("its tasks have ended".to_owned()))
        };
        let stopped = async {
            loop {
                if let Some(why) = self.raft.status().failed {
                    return Ending::Failed(why);
                }
                if changes.changed().await.is_err() {
                    let why = self.raft.status().failed.unwrap_or_else(|| "consensus has ended".to_owned());
                    return Ending::Failed(why);
                }
            }
        };
        tokio::select! {
            ending = told => ending,
            ending = stopped => ending,
        }
    }

    /// Reads the files of the certificate again if they have changed.
    pub fn reload(&self) {
        self.certificates.hurry();
    }

    /// Stops all parts, and waits for them.
    pub async fn stop(self) {
        self.stop.cancel();
        self.raft.shutdown().await;
        self.tasks.close();
        self.tasks.wait().await;
        if let Some(feeding) = &self.feeding {
            let (clear, left) = (self.performer.agents().is_clear(), self.performer.agents().held());
            if !clear {
                tracing::warn!(
                    resources = left.len(),
                    "resources stay up here, or may: if the watchdog counts, it goes on; start tenured again in time"
                );
            }
            feeding.end(clear);
        }
        if let Err(why) = self.api.await {
            tracing::warn!(%why, "admin API");
        }
    }
}

/// A node ends when its loop ends, whatever else still runs, and when another process runs under its identity.
async fn watch_over(
    running: JoinHandle<()>,
    raft: Handle<Machine>,
    stop: CancellationToken,
    ended: watch::Sender<Option<Ending>>,
    marker: PathBuf,
) {
    let ending = tokio::select! {
        biased;
        () = stop.cancelled() => return,
        why = raft.usurped() => Ending::Twice(why),
        why = raft.given_up() => {
            recovery::mark(&marker, &why);
            Ending::GivenUp(why)
        }
        over = running => Ending::Failed(match over {
            Ok(()) => raft.status().failed.unwrap_or_else(|| "consensus has ended".to_owned()),
            Err(why) => format!("its loop has ended: {why}"),
        }),
    };
    ended.send_if_modified(|known| {
        let first = known.is_none();
        if first {
            *known = Some(ending);
        }
        first
    });
}

/// The founder, which has made the authority and has never stored anything, makes itself the first voter. That its
/// store is blank because it is new, and not because it was lost, was checked when it was opened.
async fn found_once(raft: &Handle<Machine>, founder: bool) -> Result<(), DaemonError> {
    let new = founder && raft.began_blank() && raft.id() == founding::FOUNDER;
    let Some(me) = raft.peer().filter(|_| new) else { return Ok(()) };
    match raft.initialize(BTreeMap::from([(raft.id(), me)])).await {
        Ok(()) | Err(InitializeError::AlreadyInitialized) => Ok(()),
        Err(why) => Err(DaemonError::Found(why)),
    }
}
