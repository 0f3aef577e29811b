//! The driver: the order in which HMCs are asked or commanded, and when another one must not be tried.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use tracing::info;

use super::address::HmcAddress;
use super::command::check_name;
use super::console::Console;
use super::keyed::KeyedMutex;
use super::moving;
use super::mutation::{Change, description_command, lpar_command, offer, server_command};
use super::overview::Overview;
use super::queries::{Connections, Wanted, read_capacity, read_server, read_version};
use super::shared::{WAITING, With};
use super::time::Time;
use super::trial::Trials;
use crate::hypervisor::{
    Attempt, Capacity, CommandError, ConsoleHealth, ConsoleStatus, Failure, Neighbours, ReadError, ServerAddress,
    ServerReading, Stop, Turns, Unfit, Urgency,
};

/// Longest time of a call, whatever the caller allows.
const LONGEST_CALL: Duration = Duration::from_secs(3600);

/// Commands servers through HMCs. Cheap to clone; clones share connections and limits.
#[derive(Clone)]
pub struct HmcDriver {
    inner: Arc<Inner>,
}

struct Inner {
    hmcs: RwLock<Vec<Arc<Hmc>>>,
    key: Option<PathBuf>,
    mutations: KeyedMutex,
    trials: Trials,
    turns: Mutex<Option<Turns>>,
    /// The HMC of the last live reading of each server.
    live: Mutex<BTreeMap<String, String>>,
    /// Whether descriptions of LPARs are requested.
    descriptions: AtomicBool,
    neighbours: RwLock<Option<Arc<dyn Neighbours>>>,
    /// For the questions of other nodes.
    waiting: Semaphore,
}

pub struct Hmc {
    pub console: Console,
    connections: Connections,
}

impl Hmc {
    fn new(address: HmcAddress) -> Arc<Self> {
        Arc::new(Self { console: Console::new(address), connections: Connections::default() })
    }
}

impl Hmc {
    /// What it says of all its systems, asked for after this call.
    pub async fn overview(&self, wanted: &mut Wanted) -> Result<Overview, Failure> {
        self.connections.overview(&self.console, wanted).await
    }
}

/// An HMC; the error is the name of one that is not configured.
pub type Candidate = Result<Arc<Hmc>, String>;

impl HmcDriver {
    /// A driver for these HMCs. Nothing is contacted before it is needed.
    pub fn new(hmcs: Vec<HmcAddress>) -> Self {
        Self::with(hmcs, None)
    }

    /// A driver without HMCs, until it is [configured](crate::hypervisor::Hypervisor::configure); this key is offered
    /// to all of them.
    pub fn with_key(key: Option<PathBuf>) -> Self {
        Self::with(Vec::new(), key)
    }

    fn with(hmcs: Vec<HmcAddress>, key: Option<PathBuf>) -> Self {
        let hmcs = hmcs.into_iter().map(Hmc::new).collect();
        let inner = Inner {
            hmcs: RwLock::new(hmcs),
            key,
            mutations: KeyedMutex::default(),
            trials: Trials::default(),
            live: Mutex::default(),
            turns: Mutex::default(),
            descriptions: AtomicBool::new(false),
            neighbours: RwLock::default(),
            waiting: Semaphore::new(WAITING),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Replaces the configuration while running. An HMC whose address did not change keeps its connection and, if its
    /// authentication was stopped, stays stopped. Commands in progress on removed ones still end by themselves.
    pub fn replace(&self, hmcs: Vec<HmcAddress>) {
        let mut current = self.inner.hmcs.write().unwrap_or_else(PoisonError::into_inner);
        let kept = |address: &HmcAddress| current.iter().find(|hmc| hmc.console.address() == address).cloned();
        let next = hmcs.into_iter().map(|address| kept(&address).unwrap_or_else(|| Hmc::new(address))).collect();
        *current = next;
        let turns = *self.inner.turns.lock().unwrap_or_else(PoisonError::into_inner);
        current.iter().for_each(|hmc| hmc.console.connection().take_turns(turns));
    }

    /// Requests the descriptions of LPARs from now on, or stops that. A release that does not know them refuses the
    /// whole list, and is asked for all attributes from then on.
    pub fn ask_descriptions(&self, on: bool) {
        self.inner.descriptions.store(on, Ordering::Relaxed);
    }

    /// Sets the times at which this node may log in to HMCs; at any time if `None`.
    pub(super) fn set_turns(&self, turns: Option<Turns>) {
        *self.inner.turns.lock().unwrap_or_else(PoisonError::into_inner) = turns;
        self.all().iter().for_each(|hmc| hmc.console.connection().take_turns(turns));
    }

    pub(super) fn neighbours(&self) -> &RwLock<Option<Arc<dyn Neighbours>>> {
        &self.inner.neighbours
    }

    /// For the questions of other nodes that wait.
    pub(super) fn waiting(&self) -> &Semaphore {
        &self.inner.waiting
    }

    /// How readings at rest share with other nodes, if they do.
    pub(super) fn sharing_with(&self) -> Option<With> {
        let neighbours = self.inner.neighbours.read().unwrap_or_else(PoisonError::into_inner).clone()?;
        Some(With { neighbours, on_behalf: false })
    }

    /// The key that is offered to every HMC of a configuration.
    pub(super) fn key(&self) -> Option<&Path> {
        self.inner.key.as_deref()
    }

    /// Logs in once to an HMC that is to be declared.
    pub(super) async fn try_entry(&self, name: &str, hmc: &tenure_core::config::Hmc) -> Result<(), Unfit> {
        self.inner.trials.attempt(name, hmc, self.key()).await
    }

    /// Asks an HMC for its version.
    pub(super) async fn knock_at(&self, name: &str, within: Duration) {
        if let Some(hmc) = self.by_name(name) {
            // The console keeps the outcome.
            let _ = read_version(&hmc.console, &mut Wanted::within(within)).await;
        }
    }

    /// Permits another try at an HMC that rejected the authentication. Returns whether there is an HMC of that name.
    pub async fn reset_auth(&self, hmc: &str) -> bool {
        match self.by_name(hmc) {
            Some(found) => {
                found.console.reset().await;
                info!(hmc, "authentication may be tried again");
                true
            }
            None => false,
        }
    }

    /// Ends all connections. Later calls connect anew.
    pub async fn close(&self) {
        join_all(self.all().iter().map(|hmc| hmc.console.close())).await;
    }

    pub(super) fn by_name(&self, hmc: &str) -> Option<Arc<Hmc>> {
        self.all().into_iter().find(|candidate| candidate.console.name() == hmc)
    }

    pub(super) fn all(&self) -> Vec<Arc<Hmc>> {
        self.inner.hmcs.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The HMCs to try for a server, in order; HMCs that left a command unanswered a short while ago come last.
    fn candidates(&self, server: &ServerAddress) -> Vec<Candidate> {
        let all = self.all();
        let mut candidates: Vec<Candidate> = match server.hmcs.is_empty() {
            true => all.into_iter().map(Ok).collect(),
            false => {
                let by_name = |name: &String| all.iter().find(|hmc| hmc.console.name() == name).cloned();
                server.hmcs.iter().map(|name| by_name(name).ok_or_else(|| name.clone())).collect()
            }
        };
        candidates.sort_by_key(|candidate| candidate.as_ref().is_ok_and(|hmc| hmc.console.is_suspect()));
        candidates
    }

    /// The same for a change, but the HMC of the last live reading of the server comes first. It has a link to the
    /// server; for another one that is unknown.
    fn candidates_for_change(&self, server: &ServerAddress) -> Vec<Candidate> {
        let live = self.inner.live.lock().unwrap_or_else(PoisonError::into_inner).get(&server.mtms).cloned();
        let mut candidates = self.candidates(server);
        let saw_it = |hmc: &Arc<Hmc>| live.as_deref() == Some(hmc.console.name());
        candidates.sort_by_key(|candidate| !candidate.as_ref().is_ok_and(saw_it));
        candidates
    }

    /// Waits for the server's mutex and offers the command to its HMCs.
    async fn mutate(
        &self,
        server: &ServerAddress,
        operation: String,
        change: Result<Change, String>,
        within: Duration,
    ) -> Result<(), CommandError> {
        let end_by = deadline(within);
        let change = match change {
            Ok(change) => change,
            Err(reason) => return Err(not_sent(operation, Failure::BadArgument { reason: reason.into() })),
        };
        let Ok(_turn) = timeout_at(end_by, self.inner.mutations.lock(&server.mtms)).await else {
            return Err(not_sent(operation, Failure::NoTurn));
        };
        offer(self.candidates_for_change(server), operation, &change, end_by).await
    }

    /// Offers a move to HMCs without taking the mutex of a server: it takes minutes, during which other LPARs of both
    /// servers must be able to start and stop. The HMC itself refuses incompatible operations.
    async fn move_lpar(
        &self,
        via: Result<ServerAddress, String>,
        operation: String,
        change: Result<Change, String>,
        within: Duration,
    ) -> Result<(), CommandError> {
        let end_by = deadline(within);
        match change.and_then(|change| Ok((change, via?))) {
            Ok((change, via)) => offer(self.candidates_for_change(&via), operation, &change, end_by).await,
            Err(reason) => Err(not_sent(operation, Failure::BadArgument { reason: reason.into() })),
        }
    }
}

impl HmcDriver {
    /// Reads the server's state, the state of the link to its service processor, and all its LPARs (VIO servers
    /// included). Every fact in the answer was obtained after the call began.
    pub async fn read_server(&self, server: &ServerAddress, within: Duration) -> Result<ServerReading, ReadError> {
        self.read_for(server, Urgency::Order, within).await
    }

    /// The same, in the queue of those who wait for it.
    pub(super) async fn read_for(
        &self,
        server: &ServerAddress,
        urgency: Urgency,
        within: Duration,
    ) -> Result<ServerReading, ReadError> {
        let mut time = Time::new(within.min(LONGEST_CALL));
        let mtms = checked_mtms(server)?;
        let candidates = self.candidates(server);
        let described = self.inner.descriptions.load(Ordering::Relaxed);
        let mut left = candidates.len();
        let mut attempts = Vec::new();
        let mut not_live: Option<ServerReading> = None;
        for candidate in candidates {
            let sharing = if urgency == Urgency::Rest { self.sharing_with() } else { None };
            let mut wanted = Wanted { urgency, time: time.share(left), sharing };
            left -= 1;
            let (via, result) = match candidate {
                Ok(hmc) => {
                    let reading = read_server(&hmc.console, &hmc.connections, mtms, described, &mut wanted).await;
                    time.spend(&wanted.time);
                    (hmc.console.name().to_owned(), reading)
                }
                Err(name) => (name, Err(Failure::NotConfigured)),
            };
            match result {
                Ok(reading) if reading.is_live() => {
                    let mut live = self.inner.live.lock().unwrap_or_else(PoisonError::into_inner);
                    live.insert(mtms.to_owned(), via);
                    return Ok(reading);
                }
                // This HMC lost the server, or never had it. Another one may still be connected.
                Ok(reading) => drop(not_live.get_or_insert(reading)),
                Err(failure) => attempts.push(Attempt { via, failure }),
            }
        }
        not_live.ok_or_else(|| no_answer(server, attempts))
    }

    /// Asks for an LPAR to be activated; without a profile, with its current configuration.
    pub async fn start_lpar(
        &self,
        server: &ServerAddress,
        lpar: &str,
        profile: Option<&str>,
        within: Duration,
    ) -> Result<(), CommandError> {
        let operation = format!("start LPAR {lpar} on {}", server.name);
        let command = lpar_command(server, lpar, "on").and_then(|command| match profile {
            Some(profile) => check_name("profile", profile).map(|()| command.with("-f", profile)),
            None => Ok(command),
        });
        self.mutate(server, operation, command.map(Change::short), within).await
    }

    /// Asks for a text to replace the description of an LPAR: printable ASCII, without commas and quotes. Needs a
    /// right that no other command needs.
    pub async fn mark_lpar(
        &self,
        server: &ServerAddress,
        lpar: &str,
        mark: &str,
        within: Duration,
    ) -> Result<(), CommandError> {
        let operation = format!("mark LPAR {lpar} on {} as {mark}", server.name);
        let command = description_command(server, lpar, mark);
        self.mutate(server, operation, command.map(Change::repeatable), within).await
    }

    /// Asks for an LPAR to be stopped.
    pub async fn stop_lpar(
        &self,
        server: &ServerAddress,
        lpar: &str,
        how: Stop,
        within: Duration,
    ) -> Result<(), CommandError> {
        let (manner, command) = match how {
            Stop::OsShutdown => ("its operating system", lpar_command(server, lpar, "osshutdown")),
            Stop::Shutdown => ("delayed", lpar_command(server, lpar, "shutdown")),
            Stop::Immediate => {
                ("at once", lpar_command(server, lpar, "shutdown").map(|command| command.flag("--immed")))
            }
        };
        let operation = format!("stop LPAR {lpar} on {} ({manner})", server.name);
        self.mutate(server, operation, command.map(Change::repeatable), within).await
    }

    /// Asks for the whole server to be powered off at once, with everything on it. Fences a server whose service
    /// processor still answers.
    pub async fn power_off_server(&self, server: &ServerAddress, within: Duration) -> Result<(), CommandError> {
        let command = server_command(server, "off").map(|command| command.flag("--immed"));
        let operation = format!("power off server {}", server.name);
        self.mutate(server, operation, command.map(Change::repeatable), within).await
    }

    /// Asks for the server to be powered on. Its own start policy determines which LPARs come up with it.
    pub async fn power_on_server(&self, server: &ServerAddress, within: Duration) -> Result<(), CommandError> {
        let command = server_command(server, "on");
        self.mutate(server, format!("power on server {}", server.name), command.map(Change::short), within).await
    }

    /// Asks for an LPAR to be moved to another server with its definition, and if it runs, running. The HMC checks first
    /// and then answers only when the move is over, so give it minutes. While it is under way both servers list the LPAR
    /// as `MigratingRunning` or `MigratingNotActivated`; afterwards it is defined on the target
    /// alone, or, if the move failed, on the source. [`CommandError::Unknown`] includes a move that goes on.
    pub async fn migrate_lpar(
        &self,
        from: &ServerAddress,
        to: &ServerAddress,
        lpar: &str,
        within: Duration,
    ) -> Result<(), CommandError> {
        let operation = format!("migrate LPAR {lpar} from {} to {}", from.name, to.name);
        let via = moving::managed_together(from, to);
        self.move_lpar(via, operation, moving::migrate(from, to, lpar), within).await
    }

    /// Asks for a migration in progress to be stopped. It may be too late for that.
    pub async fn stop_migration(&self, from: &ServerAddress, lpar: &str, within: Duration) -> Result<(), CommandError> {
        let operation = format!("stop migration of LPAR {lpar} from {}", from.name);
        self.mutate(from, operation, moving::stop_migration(from, lpar), within).await
    }

    /// Asks for a migration that failed half-way to be recovered: until then no other operation on the LPAR is
    /// possible. Afterwards it is defined on one server; only a reading tells which. Takes as long as a migration.
    pub async fn recover_migration(
        &self,
        from: &ServerAddress,
        lpar: &str,
        within: Duration,
    ) -> Result<(), CommandError> {
        let operation = format!("recover migration of LPAR {lpar} from {}", from.name);
        self.move_lpar(Ok(from.clone()), operation, moving::recover_migration(from, lpar), within).await
    }

    /// Asks for an LPAR of a server that is down to be recreated and started on another server (remote restart). The
    /// definition on the dead server stays until that is up again and its console removes it.
    ///
    /// The caller must know that the server is down, and that the LPAR cannot come up there. The HMC refuses when the
    /// server reads Operating, Standby or No Connection; that check is a second bar and not the first.
    pub async fn restart_elsewhere(
        &self,
        from: &ServerAddress,
        to: &ServerAddress,
        lpar: &str,
        within: Duration,
    ) -> Result<(), CommandError> {
        let operation = format!("restart LPAR {lpar} of {} on {}", from.name, to.name);
        let via = moving::managed_together(from, to);
        self.move_lpar(via, operation, moving::restart_elsewhere(from, to, lpar), within).await
    }

    /// Reads the server's total and free memory and processing power.
    pub async fn capacity(&self, server: &ServerAddress, within: Duration) -> Result<Capacity, ReadError> {
        let mut time = Time::new(within.min(LONGEST_CALL));
        let mtms = checked_mtms(server)?;
        let candidates = self.candidates(server);
        let mut left = candidates.len();
        let mut attempts = Vec::new();
        for candidate in candidates {
            let mut wanted = Wanted { urgency: Urgency::Order, time: time.share(left), sharing: None };
            left -= 1;
            let (via, result) = match candidate {
                Ok(hmc) => {
                    let capacity = read_capacity(&hmc.console, mtms, &mut wanted).await;
                    time.spend(&wanted.time);
                    (hmc.console.name().to_owned(), capacity)
                }
                Err(name) => (name, Err(Failure::NotConfigured)),
            };
            match result {
                Ok(capacity) => return Ok(capacity),
                Err(failure) => attempts.push(Attempt { via, failure }),
            }
        }
        Err(no_answer(server, attempts))
    }

    /// Checks every HMC, by asking for its version.
    pub async fn check(&self, within: Duration) -> Vec<ConsoleStatus> {
        let hmcs = self.all();
        let statuses = hmcs.iter().map(|hmc| async move {
            let health = match read_version(&hmc.console, &mut Wanted::within(within)).await {
                Ok(version) => ConsoleHealth::Ok { version },
                Err(Failure::AuthenticationFailed { reason }) => ConsoleHealth::AuthenticationFailed { reason },
                Err(Failure::HostKeyMismatch { expected, presented }) => {
                    ConsoleHealth::HostKeyMismatch { expected, presented }
                }
                Err(failure) => ConsoleHealth::Unreachable(failure),
            };
            ConsoleStatus { name: hmc.console.name().to_owned(), health }
        });
        join_all(statuses).await
    }
}

/// The end of a caller's time.
fn deadline(within: Duration) -> Instant {
    Instant::now() + within.min(LONGEST_CALL)
}

/// The end of one of `parts` equal parts of the time left, so that an HMC that hangs leaves time to ask the next.
pub fn share(deadline: Instant, parts: usize) -> Instant {
    let parts = u32::try_from(parts.max(1)).unwrap_or(u32::MAX);
    Instant::now() + deadline.saturating_duration_since(Instant::now()) / parts
}

fn checked_mtms(server: &ServerAddress) -> Result<&str, ReadError> {
    match check_name("server", &server.mtms) {
        Ok(()) => Ok(&server.mtms),
        Err(reason) => Err(no_answer(server, vec![itself(Failure::BadArgument { reason: reason.into() })])),
    }
}

/// A failure before any HMC was involved.
fn itself(failure: Failure) -> Attempt {
    Attempt { via: "the driver".to_owned(), failure }
}

fn not_sent(operation: String, failure: Failure) -> CommandError {
    let attempts = vec![itself(failure)];
    CommandError::NotSent { operation, attempts }
}

fn no_answer(server: &ServerAddress, attempts: Vec<Attempt>) -> ReadError {
    let server = server.name.clone();
    match attempts.iter().any(|attempt| attempt.failure == Failure::NoTurn) {
        _ if attempts.is_empty() => ReadError::NoConsole { server },
        // It was not asked, and might have answered.
        true => ReadError::NoTurn { server, attempts },
        false => ReadError::NoAnswer { server, attempts },
    }
}
