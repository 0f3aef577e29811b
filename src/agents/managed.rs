//! One managed resource: looked at by schedule and on request, started and stopped on order.
//!
//! Every look carries the log index that was applied before it began. A look displaced by a start or a stop is
//! discarded; after every start or stop, however it ended, a fresh look follows.

mod monitoring;
mod operations;

use super::{
    contract::Contract,
    machine::{Call, Machine},
    spec::{LOOK_TIMEOUT, Spec},
    state::{Moment, State},
    turnstile::{Turn, Turnstile},
};
use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};
use tenure_core::{ResourceName, Seen};
use tokio::{
    sync::{Notify, Semaphore, watch},
    time::{Instant, timeout_at},
};

/// Looks that may begin at the same time. After `BURST` a look no longer counts: it waits, it does not work.
pub const LOOKS_AT_ONCE: usize = 64;
/// Looks under way, including those that hang.
pub const LOOKS_UNDER_WAY: usize = 512;
/// Extra time beyond the look's timeout that a requester waits for its result.
const GRACE: Duration = Duration::from_secs(1);

/// State shared by all managed resources.
pub(crate) struct Shared {
    pub machine: Machine,
    pub applied: Box<dyn Fn() -> u64 + Send + Sync>,
    pub serial: AtomicU64,
    pub changed: watch::Sender<u64>,
    /// The resources that should be online here.
    pub expected: Mutex<BTreeSet<ResourceName>>,
    pub beginning: Instant,
    pub at_once: Semaphore,
    pub under_way: Semaphore,
}

/// A managed resource.
pub(crate) struct Managed {
    pub name: ResourceName,
    shared: Arc<Shared>,
    spec: Mutex<Arc<Spec>>,
    turnstile: Arc<Turnstile>,
    state: Mutex<State>,
    /// Number of looks requested so far; below, the number of the last request answered.
    asked: watch::Sender<u64>,
    answered: watch::Sender<u64>,
    /// Notified when the time of the next look has to be computed anew.
    wake: Notify,
    opened: AtomicBool,
    /// Number of entry points running or waiting that are neither look nor start nor stop.
    acting: AtomicU32,
}

/// Ignores poisoning by a panic: guarded values are replaced whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn moment(&self) -> Moment {
        Moment { since: (self.applied)(), serial: self.serial.fetch_add(1, Ordering::Relaxed) }
    }

    pub(crate) fn bump(&self) {
        self.changed.send_modify(|count| *count = count.wrapping_add(1));
    }
}

impl Managed {
    pub(crate) fn new(shared: Arc<Shared>, spec: Spec, turnstile: Arc<Turnstile>) -> Self {
        Managed {
            name: spec.resource.clone(),
            shared,
            spec: Mutex::new(Arc::new(spec)),
            turnstile,
            state: Mutex::default(),
            asked: watch::Sender::new(0),
            answered: watch::Sender::new(0),
            wake: Notify::new(),
            opened: AtomicBool::new(false),
            acting: AtomicU32::new(0),
        }
    }

    pub(crate) fn spec(&self) -> Arc<Spec> {
        Arc::clone(&lock(&self.spec))
    }

    /// Replaces the declaration. The agent stays the same.
    pub(crate) fn declare(&self, spec: Spec) {
        *lock(&self.spec) = Arc::new(spec);
        self.wake.notify_one();
    }

    pub(crate) fn seen(&self) -> Option<Seen> {
        lock(&self.state).seen.clone()
    }

    /// Requests a look; returns the ticket to wait for in `answered`.
    pub(crate) fn ask(&self) -> u64 {
        let mut ticket = 0;
        self.asked.send_modify(|count| {
            *count += 1;
            ticket = *count;
        });
        self.wake.notify_one();
        ticket
    }

    /// Called when the set of resources that should be online has changed.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// A look that begins after this call. While a start or a stop runs, that is the answer, at once.
    pub(crate) async fn probe(&self) -> Seen {
        let since = (self.shared.applied)();
        let not_before = {
            let mut state = lock(&self.state);
            if let Some(power) = state.doing {
                let news = state.tell_doing(power, self.shared.moment());
                debug_assert!(!news, "it was told when it began");
                return state.seen.clone().unwrap_or_default();
            }
            state.not_before
        };
        let ticket = self.ask();
        let within = self.timeout() + GRACE;
        let deadline = not_before.unwrap_or_else(Instant::now).max(Instant::now()) + within;
        let mut answered = self.answered.subscribe();
        let ended = timeout_at(deadline, answered.wait_for(|count| *count >= ticket)).await;
        match (ended, self.seen()) {
            (Ok(Ok(_)), Some(seen)) => seen,
            (Ok(_) | Err(_), _) => {
                let Moment { serial, .. } = self.shared.moment();
                Seen { since, serial, said: format!("no look ended within {within:?}").into(), ..Seen::default() }
            }
        }
    }

    fn is_expected(&self) -> bool {
        lock(&self.shared.expected).contains(&self.name) || lock(&self.state).started
    }

    /// Whether it should be online, or may be online although it should not.
    fn should_be_watched(&self) -> bool {
        self.is_expected() || !lock(&self.state).is_inactive()
    }

    /// Time that a look may take.
    fn timeout(&self) -> Duration {
        let spec = self.spec();
        let advised = || match Contract::of(&spec.agent) {
            Contract::Ocf(ocf) => ocf.advised(&self.shared.machine, "monitor"),
            Contract::Script(_) | Contract::Systemd(_) | Contract::Builtin(_) | Contract::Nobody(_) => None,
        };
        spec.timeout.or_else(advised).unwrap_or(LOOK_TIMEOUT)
    }

    fn call<'a>(&'a self, spec: &'a Spec, turn: &'a Turn<'_>, deadline: Instant) -> Call<'a> {
        let place = Some(turn.place());
        Call { machine: &self.shared.machine, spec, deadline, probe: !self.is_expected(), place }
    }
}
