//! The agent runtime of a node: all resources inside it.

use super::{
    Settings, cgroup, leftover,
    machine::Machine,
    managed::{LOOKS_AT_ONCE, LOOKS_UNDER_WAY, Managed, Shared, lock},
    ocf, schedule, script,
    spec::{self, Spec},
    turnstile::Turnstile,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, atomic::AtomicU64},
    time::{Duration, SystemTime},
};
use tenure_core::{ForeignLines, ForeignText, Inside, ResourceName, Seen, config::Cluster, execution::Answer};
use tokio::{
    runtime::Handle,
    sync::{Semaphore, watch},
    task::{AbortHandle, JoinSet},
    time::Instant,
};

/// First looks are spread over this time.
const FIRST_LOOKS: Duration = Duration::from_secs(1);
/// Up to this number of resources, first looks are not spread.
const FEW: usize = 8;

/// Starts, stops and monitors the resources inside a node. Cheap to clone; its resources are dropped with the last
/// clone.
#[derive(Clone)]
pub struct Runtime {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    runtime: Handle,
    managed: Mutex<BTreeMap<ResourceName, Watched>>,
    /// Notices to agents in progress. Below, the turnstiles: also of resources that are being closed.
    notices: Mutex<JoinSet<()>>,
    turnstiles: Mutex<BTreeMap<ResourceName, Arc<Turnstile>>>,
}

struct Watched {
    managed: Arc<Managed>,
    task: AbortHandle,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Runtime {
    /// A runtime without resources yet. `applied` returns the log index that the node has applied; every look carries
    /// its value from before the look began. To be called within the tokio runtime on which everything will run.
    pub fn new(settings: Settings, applied: impl Fn() -> u64 + Send + Sync + 'static) -> Runtime {
        ocf::prepare(&settings.run_dir);
        script::prepare(&settings.run_dir);
        leftover::end_all(&settings.under_way());
        if let Some(groups) = &settings.cgroup {
            cgroup::sweep(groups);
        }
        let shared = Shared {
            machine: Machine::new(settings),
            applied: Box::new(applied),
            serial: AtomicU64::new(first_serial()),
            changed: watch::Sender::new(0),
            expected: Mutex::default(),
            beginning: Instant::now(),
            at_once: Semaphore::new(LOOKS_AT_ONCE),
            under_way: Semaphore::new(LOOKS_UNDER_WAY),
        };
        let inner = Inner {
            shared: Arc::new(shared),
            runtime: Handle::current(),
            managed: Mutex::default(),
            notices: Mutex::default(),
            turnstiles: Mutex::default(),
        };
        Runtime { inner: Arc::new(inner) }
    }

    /// Takes over the resources of this server from a configuration in which parallel groups are expanded to
    /// instances. New resources are opened and looked at; removed ones are closed, and otherwise left as they are;
    /// unchanged ones are not touched.
    pub fn configure(&self, cluster: &Arc<Cluster>) {
        let mut wanted = spec::here(cluster, &self.inner.shared.machine.settings.server);
        let mut managed = lock(&self.inner.managed);
        managed.retain(|name, watched| {
            let stays = wanted.get(name).is_some_and(|spec| spec.agent == watched.managed.spec().agent);
            if !stays {
                let gone = Arc::clone(&watched.managed);
                self.notice(async move { gone.close().await });
            }
            stays
        });
        let delay = if wanted.len() <= FEW { Duration::ZERO } else { FIRST_LOOKS };
        for (name, spec) in std::mem::take(&mut wanted) {
            match managed.get(&name) {
                Some(watched) => self.declare_again(&watched.managed, spec),
                None => drop(managed.insert(name, self.keep(spec, delay))),
            }
        }
    }

    fn keep(&self, spec: Spec, spread: Duration) -> Watched {
        let delay = schedule::share(spec.resource.as_str(), spread);
        let turnstile = self.inner.turnstile(&spec.resource);
        let managed = Arc::new(Managed::new(Arc::clone(&self.inner.shared), spec, turnstile));
        let task = self.inner.runtime.spawn(Arc::clone(&managed).watch(delay)).abort_handle();
        Watched { managed, task }
    }

    fn declare_again(&self, managed: &Arc<Managed>, spec: Spec) {
        let old = managed.spec();
        if *old == spec {
            return;
        }
        let names: BTreeSet<&String> = old.attributes.keys().chain(spec.attributes.keys()).collect();
        let differs = |name: &&&String| old.attributes.get(**name) != spec.attributes.get(**name);
        let changed: Vec<String> = names.iter().filter(differs).map(|name| (*name).clone()).collect();
        managed.declare(spec);
        if !changed.is_empty() {
            let managed = Arc::clone(managed);
            self.notice(async move { managed.changed(changed).await });
        }
    }

    /// Sends a notice to an agent, in a task of its own.
    fn notice(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut notices = lock(&self.inner.notices);
        while notices.try_join_next().is_some() {}
        notices.spawn_on(work, &self.inner.runtime);
    }

    /// Sets the resources that should be online here: they are looked at more often, and a missing file or package of
    /// theirs is a fault, not a sign that they never were here.
    pub fn expect(&self, up: BTreeSet<ResourceName>) {
        let old = std::mem::replace(&mut *lock(&self.inner.shared.expected), up.clone());
        let managed = lock(&self.inner.managed);
        for name in old.symmetric_difference(&up) {
            if let Some(watched) = managed.get(name) {
                watched.managed.wake();
            }
        }
    }

    /// The last result for each resource that has been looked at since this process began.
    pub fn inside(&self) -> Inside {
        let managed = lock(&self.inner.managed);
        let seen = managed.iter().filter_map(|(name, watched)| Some((name.clone(), watched.managed.seen()?)));
        Inside { seen: seen.collect(), watchdog: None }
    }

    /// Changes whenever [`Runtime::inside`] changes, and when a requested look has ended.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.inner.shared.changed.subscribe()
    }

    /// Requests looks at resources, without waiting for them.
    pub fn request_probes(&self, resources: impl IntoIterator<Item = ResourceName>) {
        let managed = lock(&self.inner.managed);
        for watched in resources.into_iter().filter_map(|name| managed.get(&name)) {
            watched.managed.ask();
        }
    }

    /// A look that begins after this call. While the resource is being started or stopped it reads so, at once.
    /// Unknown if no look ended within the time that a look may take.
    pub async fn probe(&self, resource: &ResourceName) -> Seen {
        match self.managed(resource) {
            Ok(managed) => managed.probe().await,
            Err(said) => {
                let moment = self.inner.shared.moment();
                Seen { since: moment.since, serial: moment.serial, said, ..Seen::default() }
            }
        }
    }

    /// Starts a resource. If the future is dropped, its programs are killed, and a fresh look is taken; the same
    /// holds for [`Runtime::stop`] and [`Runtime::clean`].
    pub async fn start(&self, resource: &ResourceName, within: Duration) -> Answer {
        match self.managed(resource) {
            Ok(managed) => managed.start(within).await,
            Err(why) => Answer::Refused(why),
        }
    }

    /// Stops a resource, as its agent does.
    pub async fn stop(&self, resource: &ResourceName, within: Duration) -> Answer {
        match self.managed(resource) {
            Ok(managed) => managed.stop(within).await,
            Err(why) => Answer::Refused(why),
        }
    }

    /// Stops a resource by force. `reason` is for its agent, as VCS numbers it: 0 offline hung, 1 offline
    /// ineffective, 2 online hung, 3 online ineffective, 4 unexpected offline, 5 monitor hung.
    pub async fn clean(&self, resource: &ResourceName, reason: u8, within: Duration) -> Answer {
        match self.managed(resource) {
            Ok(managed) => managed.clean(reason, within).await,
            Err(why) => Answer::Refused(why),
        }
    }

    /// Runs another action of a resource's agent; returns its output.
    pub async fn act(
        &self,
        resource: &ResourceName,
        token: &str,
        arguments: &[String],
        within: Duration,
    ) -> Result<ForeignLines, ForeignText> {
        self.managed(resource)?.action(token, arguments, within).await
    }

    /// The agent's description of a resource, for people.
    pub async fn info(&self, resource: &ResourceName) -> Result<ForeignLines, ForeignText> {
        self.managed(resource)?.info().await
    }

    fn managed(&self, resource: &ResourceName) -> Result<Arc<Managed>, ForeignText> {
        let managed = lock(&self.inner.managed);
        let found = managed.get(resource).map(|watched| Arc::clone(&watched.managed));
        found.ok_or_else(|| format!("{resource} is not kept by {}", self.inner.shared.machine.settings.node).into())
    }
}

impl Inner {
    /// The turnstile of a resource: the same one as long as it is in use, so that a resource being closed and a new
    /// one of the same name take turns.
    fn turnstile(&self, resource: &ResourceName) -> Arc<Turnstile> {
        let mut turnstiles = lock(&self.turnstiles);
        turnstiles.retain(|_, turnstile| Arc::strong_count(turnstile) > 1);
        Arc::clone(turnstiles.entry(resource.clone()).or_insert_with(|| Arc::new(Turnstile::new())))
    }
}

/// The first serial number of this process: microseconds of the clock. A later process of the node so counts from a
/// greater number, provided that the clock went forward, even if both have applied the same entry.
fn first_serial() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or_default()
}
