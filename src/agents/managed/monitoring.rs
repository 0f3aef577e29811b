//! The schedule of looks at a resource, and the handling of their results.

use super::{
    super::{
        contract::Contract,
        result::MonitorResult,
        schedule,
        turnstile::{Displaced, Rank, Turn},
    },
    GRACE, Managed, lock,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

/// Time for which a look counts among those that begin.
const BURST: Duration = Duration::from_millis(250);

impl Managed {
    /// Looks at the resource as long as it is managed; the first time after `delay`.
    pub(crate) async fn watch(self: Arc<Self>, delay: Duration) {
        let first = Instant::now() + delay;
        self.sleep_unless_asked(first).await;
        self.turn(None).await;
        // An agent that does not answer for its metadata holds up no look.
        tokio::join!(self.learn(), self.go_on());
    }

    async fn go_on(&self) {
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

    /// Reads the agent's metadata, for the timeouts that it advises.
    async fn learn(&self) {
        let spec = self.spec();
        if let Contract::Ocf(ocf) = Contract::of(&spec.agent)
            && let Err(error) = ocf.metadata(&self.shared.machine).await
        {
            tracing::warn!(resource = %self.name, %error, "what its agent advises is not known");
        }
    }

    fn is_asked(&self) -> bool {
        *self.asked.borrow() > *self.answered.borrow()
    }

    /// Sleeps until a moment, or until a look is requested. Returns whether a look is to be taken now; if not, the
    /// next moment has to be computed anew.
    async fn sleep_unless_asked(&self, until: Instant) -> bool {
        if !self.is_asked() {
            tokio::select! {
                () = sleep_until(until) => {}
                () = self.wake.notified() => return self.is_asked(),
            }
        }
        true
    }

    /// Time of the next look, counted from the beginning, and its depth.
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

    /// Takes one look, in its turn.
    async fn turn(&self, depth: Option<&str>) {
        let turn = self.enter_for_look().await;
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
    }

    /// Waits for the turn of a look. An entry point that hangs and cannot be killed may keep the turn for ever: then
    /// the state of the resource is unknown, and is reported so.
    async fn enter_for_look(&self) -> Turn<'_> {
        let entering = self.turnstile.enter(Rank::MonitorResult);
        tokio::pin!(entering);
        loop {
            let moment = self.shared.moment();
            let within = self.timeout() + GRACE;
            if let Ok(turn) = timeout(within, &mut entering).await {
                return turn;
            }
            let news = {
                let mut state = lock(&self.state);
                let is_busy = state.doing.is_some() || self.acting.load(Ordering::Relaxed) > 0;
                let said = "an earlier entry point of it hangs, and cannot be killed";
                !is_busy && state.take(MonitorResult::unknown(said), None, moment)
            };
            if news {
                self.shared.bump();
            }
        }
    }

    async fn held_look(&self, turn: &Turn<'_>, depth: Option<&str>) -> Result<MonitorResult, Displaced> {
        let spec = self.spec();
        let within = self.timeout();
        let work = async {
            let Ok(Ok(_under_way)) = timeout(within, self.shared.under_way.acquire()).await else {
                return MonitorResult::unknown("too many looks are under way");
            };
            let Ok(Ok(at_once)) = timeout(within, self.shared.at_once.acquire()).await else {
                return MonitorResult::unknown("too many looks begin at once");
            };
            let deadline = Instant::now() + within;
            let call = self.call(&spec, turn, deadline);
            let contract = Contract::of(&spec.agent);
            // A look that runs no program may hang as well, on a file system that does.
            let looking = timeout_at(deadline + GRACE / 2, contract.monitor(&call, depth));
            tokio::pin!(looking);
            let done = tokio::select! {
                done = &mut looking => done,
                () = tokio::time::sleep(BURST) => {
                    drop(at_once);
                    looking.await
                }
            };
            done.unwrap_or_else(|_| MonitorResult {
                late: true,
                ..MonitorResult::unknown(format!("no answer within {within:?}"))
            })
        };
        turn.hold(work).await
    }
}

/// Time of the last look taken, by depth, counted from the beginning.
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
