//! One resource that is kept: looked at when its time has come or when somebody asks, and started and stopped on order.
//!
//! Every look carries the log index that was applied before it began. A look that was ended by a start or a stop says
//! nothing; after every start or stop, however it ended, a fresh look follows.

use super::{
    contract::Contract,
    lane::{Displaced, Lane, Rank, Turn},
    look::{Deed, Look},
    machine::{Call, Machine},
    output, schedule,
    spec::{LOOK_TIMEOUT, Spec},
    state::{Moment, State},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tenure_core::{Power, ResourceName, Seen, carry::Answer};
use tokio::{
    sync::{Notify, Semaphore, watch},
    time::{Instant, sleep_until, timeout, timeout_at},
};

/// Looks that begin at the same time. One that takes longer than [`BURST`] makes room: it waits, it does not work.
pub const LOOKS_AT_ONCE: usize = 64;
/// How long a look counts among those that begin.
const BURST: Duration = Duration::from_millis(250);
/// Looks under way, those that hang included.
pub const LOOKS_UNDER_WAY: usize = 512;
/// How long entry points may take that tell an agent something.
const NOTICE: Duration = Duration::from_secs(60);
/// How long opening may take: whatever comes first waits for it.
const OPENING: Duration = Duration::from_secs(10);
/// How much longer than its look somebody waits who asked for it.
const GRACE: Duration = Duration::from_secs(1);

/// What all resources that are kept share.
pub(crate) struct Shared {
    pub machine: Machine,
    pub applied: Box<dyn Fn() -> u64 + Send + Sync>,
    pub serial: AtomicU64,
    pub changed: watch::Sender<u64>,
    /// Which resources should be up here.
    pub expected: Mutex<BTreeSet<ResourceName>>,
    pub beginning: Instant,
    pub at_once: Semaphore,
    pub under_way: Semaphore,
}

/// A resource that is kept.
pub(crate) struct Kept {
    pub name: ResourceName,
    shared: Arc<Shared>,
    spec: Mutex<Arc<Spec>>,
    lane: Arc<Lane>,
    state: Mutex<State>,
    /// How many looks were asked for, and how many of those have been answered.
    asked: watch::Sender<u64>,
    answered: watch::Sender<u64>,
    /// When to look next has to be thought over.
    wake: Notify,
    opened: AtomicBool,
}

/// Ignores that somebody panicked while it held the lock: what is guarded is replaced whole.
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

impl Kept {
    pub(crate) fn new(shared: Arc<Shared>, spec: Spec, lane: Arc<Lane>) -> Self {
        Kept {
            name: spec.resource.clone(),
            shared,
            spec: Mutex::new(Arc::new(spec)),
            lane,
            state: Mutex::default(),
            asked: watch::Sender::new(0),
            answered: watch::Sender::new(0),
            wake: Notify::new(),
            opened: AtomicBool::new(false),
        }
    }

    pub(crate) fn spec(&self) -> Arc<Spec> {
        Arc::clone(&lock(&self.spec))
    }

    /// Puts another declaration in place of the present one. The agent is the same.
    pub(crate) fn declare(&self, spec: Spec) {
        *lock(&self.spec) = Arc::new(spec);
        self.wake.notify_one();
    }

    pub(crate) fn seen(&self) -> Option<Seen> {
        lock(&self.state).seen.clone()
    }

    /// Asks for a look, and says which answer to wait for.
    pub(crate) fn ask(&self) -> u64 {
        let mut ticket = 0;
        self.asked.send_modify(|count| {
            *count += 1;
            ticket = *count;
        });
        self.wake.notify_one();
        ticket
    }

    /// What should be up has changed.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// A look that begins after this call.
    pub(crate) async fn look(&self) -> Seen {
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
                Seen { since, serial, said: format!("no look ended within {within:?}"), ..Seen::default() }
            }
        }
    }

    pub(crate) async fn start(&self, within: Duration) -> Answer {
        let work = async |call: Call<'_>, contract: Contract| {
            let mut deed = contract.start(&call).await;
            if deed.ran
                && let Answer::Refused(why) = deed.answer
            {
                deed = after_failed_start(&call, &contract, why).await;
            }
            deed
        };
        self.deed(Rank::Deed, Power::Starting, within, work).await
    }

    pub(crate) async fn stop(&self, within: Duration) -> Answer {
        self.deed(Rank::Stop, Power::Stopping, within, async |call, contract| contract.stop(&call).await).await
    }

    pub(crate) async fn clean(&self, reason: u8, within: Duration) -> Answer {
        let work = async |call: Call<'_>, contract: Contract| contract.clean(&call, reason).await;
        self.deed(Rank::Clean, Power::Stopping, within, work).await
    }

    /// Starts or stops it, tells that meanwhile, and looks afterwards, however it ends.
    async fn deed(
        &self,
        rank: Rank,
        power: Power,
        within: Duration,
        work: impl AsyncFnOnce(Call<'_>, Contract) -> Deed,
    ) -> Answer {
        let deadline = Instant::now() + within;
        let Ok(turn) = timeout_at(deadline, self.lane.enter(rank)).await else {
            return Answer::NotSent(format!("another entry point of {} did not end within {within:?}", self.name));
        };
        let doing = Doing::begin(self, power);
        self.open(&turn).await;
        let spec = self.spec();
        let call =
            Call { machine: &self.shared.machine, spec: &spec, deadline, probe: false, place: Some(turn.place()) };
        match turn.hold(work(call, Contract::of(&spec.agent))).await {
            Err(Displaced) => Answer::Unknown("it was given up for a stop".to_owned()),
            Ok(deed) => {
                doing.done(&deed);
                deed.answer
            }
        }
    }

    pub(crate) async fn action(&self, token: &str, words: &[String], within: Duration) -> Result<String, String> {
        let deadline = Instant::now() + within;
        let late = || format!("another entry point of {} did not end within {within:?}", self.name);
        let turn = timeout_at(deadline, self.lane.enter(Rank::Deed)).await.map_err(|_| late())?;
        self.open(&turn).await;
        let spec = self.spec();
        let call = self.call(&spec, &turn, deadline);
        let contract = Contract::of(&spec.agent);
        let done = turn.hold(contract.action(&call, token, words)).await;
        self.ask();
        done.unwrap_or_else(|Displaced| Err("it was given up for a stop".to_owned()))
    }

    pub(crate) async fn info(&self) -> Result<String, String> {
        let deadline = Instant::now() + LOOK_TIMEOUT;
        let late = || format!("another entry point of {} did not end within {LOOK_TIMEOUT:?}", self.name);
        let turn = timeout_at(deadline, self.lane.enter(Rank::Look)).await.map_err(|_| late())?;
        self.open(&turn).await;
        let spec = self.spec();
        let call = self.call(&spec, &turn, deadline);
        let told = turn.hold(Contract::of(&spec.agent).info(&call)).await;
        told.unwrap_or_else(|Displaced| Err("it was given up for a start or a stop".to_owned()))
    }

    /// Tells the agent something, in turn with everything else; again if it was ended for a stop.
    async fn notice(&self, notice: Notice<'_>) {
        loop {
            let turn = self.lane.enter(Rank::Deed).await;
            self.open(&turn).await;
            let spec = self.spec();
            let call = self.call(&spec, &turn, Instant::now() + NOTICE);
            let contract = Contract::of(&spec.agent);
            let told = match notice {
                Notice::Closed => turn.hold(contract.close(&call)).await,
                Notice::Changed(attribute) => turn.hold(contract.changed(&call, attribute)).await,
            };
            if told.is_ok() {
                return;
            }
        }
    }

    /// Opens it, before the first of its other entry points.
    async fn open(&self, turn: &Turn<'_>) {
        if self.opened.swap(true, Ordering::Relaxed) {
            return;
        }
        let spec = self.spec();
        let call = self.call(&spec, turn, Instant::now() + OPENING);
        // A stop does not wait for it; who could not open in peace has been called all the same.
        let _ = turn.hold(Contract::of(&spec.agent).open(&call)).await;
    }

    pub(crate) async fn close(&self) {
        self.notice(Notice::Closed).await;
    }

    /// Tells the agent which attributes changed, and looks.
    pub(crate) async fn changed(&self, attributes: Vec<String>) {
        for attribute in attributes {
            self.notice(Notice::Changed(&attribute)).await;
        }
        self.ask();
    }

    /// Looks at it as long as it is kept. The first look comes after this delay.
    pub(crate) async fn watch(self: Arc<Self>, delay: Duration) {
        let first = Instant::now() + delay;
        self.sleep_unless_asked(first).await;
        self.turn(None).await;
        self.learn().await;
        let mut cursors = Cursors::new(self.shared.beginning.elapsed());
        loop {
            let (due, depth) = self.due(&cursors);
            if !self.sleep_unless_asked(self.shared.beginning + due).await {
                continue;
            }
            let depth = depth.filter(|_| !self.is_asked());
            cursors.pass(depth.as_deref(), self.shared.beginning.elapsed());
            self.turn(depth.as_deref()).await;
        }
    }

    /// Learns what the agent advises.
    async fn learn(&self) {
        let spec = self.spec();
        if let Contract::Ocf(ocf) = Contract::of(&spec.agent)
            && let Err(error) = ocf.metadata(&self.shared.machine).await
        {
            tracing::warn!(resource = %self.name, error, "what its agent advises is not known");
        }
    }

    fn is_asked(&self) -> bool {
        *self.asked.borrow() > *self.answered.borrow()
    }

    /// Waits for a moment, or for somebody who asks. Whether there is something to be done now; if not, the moment has to
    /// be thought over.
    async fn sleep_unless_asked(&self, until: Instant) -> bool {
        if !self.is_asked() {
            tokio::select! {
                () = sleep_until(until) => {}
                () = self.wake.notified() => return self.is_asked(),
            }
        }
        true
    }

    /// When to look next, and how deep, counted from the beginning.
    fn due(&self, cursors: &Cursors) -> (Duration, Option<String>) {
        let (spec, name) = (self.spec(), self.name.as_str());
        let (up, late) = {
            let state = lock(&self.state);
            (state.is_up(), state.is_late_for_once())
        };
        if late {
            return (cursors.shallow, None);
        }
        let interval = if self.should_be_watched() { spec.interval } else { spec.offline_interval };
        let shallow = (schedule::next(name, interval, cursors.shallow), None);
        let deep = spec.depths.iter().filter(|_| up).map(|(depth, every)| {
            (schedule::next(&format!("{name} {depth}"), *every, cursors.deep(depth)), Some(depth.clone()))
        });
        deep.fold(shallow, |first, other| if other.0 < first.0 { other } else { first })
    }

    fn is_expected(&self) -> bool {
        lock(&self.shared.expected).contains(&self.name) || lock(&self.state).started
    }

    /// What should be up, and what may be although it should not be.
    fn should_be_watched(&self) -> bool {
        self.is_expected() || !lock(&self.state).is_inactive()
    }

    /// How long a look may take.
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

    /// One look, in its turn.
    async fn turn(&self, depth: Option<&str>) {
        let turn = self.lane.enter(Rank::Look).await;
        let not_before = lock(&self.state).not_before.filter(|until| *until > Instant::now());
        if let Some(until) = not_before {
            drop(turn);
            sleep_until(until).await;
            return;
        }
        self.open(&turn).await;
        let ticket = *self.asked.borrow();
        let moment = self.shared.moment();
        let Ok(look) = self.held_look(&turn, depth).await else { return };
        let news = lock(&self.state).take(look, depth, moment);
        drop(turn);
        let requested = self.answered.send_replace(ticket) != ticket;
        if news || requested {
            self.shared.bump();
        }
        let file = self.spec().file(&self.shared.machine.settings, "");
        // Only what was started here can go on writing; it is looked at seldom enough for this.
        let _ = tokio::task::spawn_blocking(move || cut_all(&file)).await;
    }

    async fn held_look(&self, turn: &Turn<'_>, depth: Option<&str>) -> Result<Look, Displaced> {
        let spec = self.spec();
        let within = self.timeout();
        let work = async {
            let Ok(Ok(_under_way)) = timeout(within, self.shared.under_way.acquire()).await else {
                return Look::unknown("too many looks are under way");
            };
            let Ok(Ok(at_once)) = timeout(within, self.shared.at_once.acquire()).await else {
                return Look::unknown("too many looks begin at once");
            };
            let deadline = Instant::now() + within;
            let call = self.call(&spec, turn, deadline);
            let contract = Contract::of(&spec.agent);
            // What is no program may hang as well, on a file system that does.
            let looking = timeout_at(deadline + GRACE / 2, contract.look(&call, depth));
            tokio::pin!(looking);
            let done = tokio::select! {
                done = &mut looking => done,
                () = tokio::time::sleep(BURST) => {
                    drop(at_once);
                    looking.await
                }
            };
            done.unwrap_or_else(|_| Look { late: true, ..Look::unknown(format!("no answer within {within:?}")) })
        };
        turn.hold(work).await
    }
}

/// What an agent is told that only listens.
#[derive(Clone, Copy)]
enum Notice<'a> {
    /// It is kept no more.
    Closed,
    /// This attribute of it has another value.
    Changed(&'a str),
}

/// A start that its agent refused may have got half-way: only a look can say that it did not.
async fn after_failed_start(call: &Call<'_>, contract: &Contract, why: String) -> Deed {
    let look = contract.look(&Call { probe: true, ..*call }, None).await;
    match look.power {
        Power::Off | Power::Absent | Power::OffOnPurpose => Deed::failed(why),
        Power::Starting | Power::Running | Power::Stopping | Power::Moving | Power::Unknown => {
            Deed::unknown(format!("{why}; and then it reads {}", look.power))
        }
    }
}

fn cut_all(folder: &std::path::Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        output::cut(&entry.path());
    }
}

/// Up to which moment looks were taken, by depth.
struct Cursors {
    beginning: Duration,
    shallow: Duration,
    deep: BTreeMap<String, Duration>,
}

impl Cursors {
    fn new(now: Duration) -> Self {
        Cursors { beginning: now, shallow: now, deep: BTreeMap::new() }
    }

    fn deep(&self, depth: &str) -> Duration {
        self.deep.get(depth).copied().unwrap_or(self.beginning)
    }

    fn pass(&mut self, depth: Option<&str>, now: Duration) {
        match depth {
            None => self.shallow = now,
            Some(depth) => drop(self.deep.insert(depth.to_owned(), now)),
        }
    }
}

/// Something is being done to a resource. When this ends, however it does, a fresh look is asked for.
struct Doing<'a>(&'a Kept);

impl<'a> Doing<'a> {
    fn begin(kept: &'a Kept, power: Power) -> Self {
        let news = {
            let mut state = lock(&kept.state);
            state.doing = Some(power);
            state.not_before = None;
            state.begin_anew();
            if power == Power::Stopping {
                state.started = false;
            }
            state.tell_doing(power, kept.shared.moment())
        };
        if news {
            kept.shared.bump();
        }
        Doing(kept)
    }

    fn done(&self, deed: &Deed) {
        let mut state = lock(&self.0.state);
        state.not_before = Some(Instant::now() + deed.wait).filter(|_| !deed.wait.is_zero());
        let done = matches!(deed.answer, Answer::Accepted | Answer::Already);
        state.started |= done && state.doing == Some(Power::Starting);
    }
}

impl Drop for Doing<'_> {
    fn drop(&mut self) {
        lock(&self.0.state).doing = None;
        self.0.ask();
    }
}
