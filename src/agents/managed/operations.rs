//! Operations on a resource: start, stop, clean, and notices to its agent.
//!
//! Each waits for the turn of the resource. After a start or a stop, however it ended, a fresh look follows.

use super::{
    super::{
        contract::Contract,
        machine::Call,
        result::ActionResult,
        spec::LOOK_TIMEOUT,
        turnstile::{Displaced, Rank, Turn},
    },
    GRACE, Managed, lock,
};
use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};
use tenure_core::{ForeignLines, ForeignText, Power, execution::Answer};
use tokio::time::{Instant, timeout_at};

/// Time that a notice to an agent may take.
const NOTICE: Duration = Duration::from_secs(60);
/// Time that opening may take: the first entry point waits for it.
const OPENING: Duration = Duration::from_secs(10);

impl Managed {
    pub(crate) async fn start(&self, within: Duration) -> Answer {
        let work = async |call: Call<'_>, contract: Contract| {
            let mut result = contract.start(&call).await;
            if result.ran
                && let Answer::Refused(why) = result.answer
            {
                result = after_failed_start(&call, &contract, why.to_string()).await;
            }
            result
        };
        self.result(Rank::ActionResult, Power::Starting, within, work).await
    }

    pub(crate) async fn stop(&self, within: Duration) -> Answer {
        self.result(Rank::Stop, Power::Stopping, within, async |call, contract| contract.stop(&call).await).await
    }

    pub(crate) async fn clean(&self, reason: u8, within: Duration) -> Answer {
        let work = async |call: Call<'_>, contract: Contract| contract.clean(&call, reason).await;
        self.result(Rank::Clean, Power::Stopping, within, work).await
    }

    /// Runs a start, a stop or a clean; meanwhile the resource reads so. However it ends, a fresh look follows.
    async fn result(
        &self,
        rank: Rank,
        power: Power,
        within: Duration,
        work: impl AsyncFnOnce(Call<'_>, Contract) -> ActionResult,
    ) -> Answer {
        let deadline = Instant::now() + within;
        let Ok(turn) = timeout_at(deadline, self.turnstile.enter(rank)).await else {
            return Answer::NotSent(
                format!("another entry point of {} did not end within {within:?}", self.name).into(),
            );
        };
        let doing = Doing::begin(self, power);
        self.open(&turn).await;
        let spec = self.spec();
        let call =
            Call { machine: &self.shared.machine, spec: &spec, deadline, probe: false, place: Some(turn.place()) };
        let done = turn.hold(work(call, Contract::of(&spec.agent)));
        // Programs end by their own deadline; an operation without a program may hang on a file system.
        match timeout_at(deadline + 2 * GRACE, done).await {
            Err(_) => Answer::Unknown(format!("it was not done within {within:?}").into()),
            Ok(Err(Displaced)) => Answer::Unknown("it was given up for a stop".into()),
            Ok(Ok(result)) => {
                doing.done(&result);
                result.answer
            }
        }
    }

    pub(crate) async fn action(
        &self,
        token: &str,
        words: &[String],
        within: Duration,
    ) -> Result<ForeignLines, ForeignText> {
        let _acting = Acting::new(&self.acting);
        let deadline = Instant::now() + within;
        let late = || format!("another entry point of {} did not end within {within:?}", self.name);
        let turn = timeout_at(deadline, self.turnstile.enter(Rank::ActionResult)).await.map_err(|_| late())?;
        self.open(&turn).await;
        let spec = self.spec();
        let call = self.call(&spec, &turn, deadline);
        let contract = Contract::of(&spec.agent);
        let done = turn.hold(contract.action(&call, token, words)).await;
        self.ask();
        done.unwrap_or_else(|Displaced| Err("it was given up for a stop".into()))
    }

    pub(crate) async fn info(&self) -> Result<ForeignLines, ForeignText> {
        let _acting = Acting::new(&self.acting);
        let deadline = Instant::now() + LOOK_TIMEOUT;
        let late = || format!("another entry point of {} did not end within {LOOK_TIMEOUT:?}", self.name);
        let turn = timeout_at(deadline, self.turnstile.enter(Rank::MonitorResult)).await.map_err(|_| late())?;
        self.open(&turn).await;
        let spec = self.spec();
        let call = self.call(&spec, &turn, deadline);
        let told = turn.hold(Contract::of(&spec.agent).info(&call)).await;
        told.unwrap_or_else(|Displaced| Err("it was given up for a start or a stop".into()))
    }

    /// Sends a notice to the agent, in turn with everything else; again if it was displaced by a stop.
    async fn notice(&self, notice: Notice<'_>) {
        let _acting = Acting::new(&self.acting);
        loop {
            let turn = self.turnstile.enter(Rank::ActionResult).await;
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
    pub(super) async fn open(&self, turn: &Turn<'_>) {
        if self.opened.swap(true, Ordering::Relaxed) {
            return;
        }
        let spec = self.spec();
        let call = self.call(&spec, turn, Instant::now() + OPENING);
        // A stop displaces it, and it is not repeated: the agent has been called all the same.
        let _ = turn.hold(Contract::of(&spec.agent).open(&call)).await;
    }

    pub(crate) async fn close(&self) {
        self.notice(Notice::Closed).await;
    }

    /// Tells the agent which attributes changed, and requests a look.
    pub(crate) async fn changed(&self, attributes: Vec<String>) {
        for attribute in attributes {
            self.notice(Notice::Changed(&attribute)).await;
        }
        self.ask();
    }
}

/// A message to an agent that needs no answer.
#[derive(Clone, Copy)]
enum Notice<'a> {
    /// The resource is no longer managed here.
    Closed,
    /// This attribute has a new value.
    Changed(&'a str),
}

/// A start refused by its agent may have got half-way: only a look can show that it did not.
async fn after_failed_start(call: &Call<'_>, contract: &Contract, why: String) -> ActionResult {
    let look = contract.monitor(&Call { probe: true, ..*call }, None).await;
    match look.power {
        Power::Off | Power::Absent | Power::OffOnPurpose => ActionResult::failed(why),
        Power::Starting
        | Power::Running
        | Power::Stopping
        | Power::Moving
        | Power::Unknown
        | Power::Missing
        | Power::Error => ActionResult::unknown(format!("{why}; and then it reads {}", look.power)),
    }
}

/// An operation in progress on a resource. When it is dropped, a fresh look is requested.
struct Doing<'a>(&'a Managed);

impl<'a> Doing<'a> {
    fn begin(kept: &'a Managed, power: Power) -> Self {
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

    fn done(&self, result: &ActionResult) {
        let mut state = lock(&self.0.state);
        state.not_before = Some(Instant::now() + result.wait).filter(|_| !result.wait.is_zero());
        let done = matches!(result.answer, Answer::Accepted | Answer::Already);
        state.started |= done && state.doing == Some(Power::Starting);
    }
}

impl Drop for Doing<'_> {
    fn drop(&mut self) {
        lock(&self.0.state).doing = None;
        self.0.ask();
    }
}

/// Counts an entry point in progress that is neither look nor start nor stop.
struct Acting<'a>(&'a AtomicU32);

impl<'a> Acting<'a> {
    fn new(count: &'a AtomicU32) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Acting(count)
    }
}

impl Drop for Acting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
