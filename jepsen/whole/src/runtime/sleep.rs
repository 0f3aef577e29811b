//! Instants of a machine's own clock, and sleeping by it.

use super::machines::Machine;
use openraft::async_runtime::AsyncRuntime;
use openraft_rt_sim::{SimRuntime, SimSleep};
use std::{
    fmt,
    future::Future,
    ops::{Add, AddAssign, Sub, SubAssign},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

/// An instant on the clock of a machine that stands still while the machine is suspended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LocalInstant(u64);

impl LocalInstant {
    /// Now, on the machine of the current process.
    pub fn now() -> Self {
        LocalInstant(Machine::current().awake())
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Add<Duration> for LocalInstant {
    type Output = Self;
    fn add(self, span: Duration) -> Self {
        LocalInstant(self.0.saturating_add(nanos(span)))
    }
}

impl AddAssign<Duration> for LocalInstant {
    fn add_assign(&mut self, span: Duration) {
        *self = *self + span;
    }
}

impl Sub<Duration> for LocalInstant {
    type Output = Self;
    fn sub(self, span: Duration) -> Self {
        LocalInstant(self.0.saturating_sub(nanos(span)))
    }
}

impl SubAssign<Duration> for LocalInstant {
    fn sub_assign(&mut self, span: Duration) {
        *self = *self - span;
    }
}

impl Sub for LocalInstant {
    type Output = Duration;
    fn sub(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl openraft::Instant for LocalInstant {
    fn now() -> Self {
        LocalInstant::now()
    }
}

/// Ends when the clock of its machine reaches an instant.
pub struct Sleep {
    machine: Machine,
    until: LocalInstant,
    timer: Option<SimSleep>,
}

impl Sleep {
    pub(super) fn until(until: LocalInstant) -> Self {
        Sleep { machine: Machine::current(), until, timer: None }
    }
}

impl Future for Sleep {
    type Output = ();

    /// The clock may have stood still, or run at another rate, since the timer was set.
    fn poll(mut self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<()> {
        loop {
            if let Some(timer) = &mut self.timer
                && Pin::new(timer).poll(ctx).is_pending()
            {
                return Poll::Pending;
            }
            let Some(left) = self.machine.left(self.until.0) else { return Poll::Ready(()) };
            // An infinite sleep wakes up once a day.
            self.timer = Some(SimRuntime::sleep(left.min(Duration::from_secs(86_400))));
        }
    }
}

/// The deadline passed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the deadline has passed")
    }
}

/// A future with a deadline.
pub struct Timeout<T> {
    future: Pin<Box<T>>,
    sleep: Sleep,
}

impl<T> Timeout<T> {
    pub(super) fn new(future: T, sleep: Sleep) -> Self {
        Timeout { future: Box::pin(future), sleep }
    }
}

impl<T: Future> Future for Timeout<T> {
    type Output = Result<T::Output, Elapsed>;

    fn poll(mut self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(output) = self.future.as_mut().poll(ctx) {
            return Poll::Ready(Ok(output));
        }
        Pin::new(&mut self.sleep).poll(ctx).map(|()| Err(Elapsed))
    }
}
