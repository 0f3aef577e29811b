//! The clock of this machine that also runs while it is suspended, or stopped for its own migration.

use rustix::time::{ClockId, clock_gettime};
use std::time::{Duration, Instant};
use tenure_core::{Moment, Span};

/// Greatest difference attributed to the two clocks being read one after the other.
const READ_APART: Span = Span(100);

/// Time since the boot of this machine.
pub fn now() -> Moment {
    let now = clock_gettime(ClockId::Boottime);
    let (seconds, nanos) =
        (u64::try_from(now.tv_sec).unwrap_or_default(), u64::try_from(now.tv_nsec).unwrap_or_default());
    Moment(seconds.saturating_mul(1_000).saturating_add(nanos / 1_000_000))
}

/// A duration in the core's unit, whole milliseconds.
pub fn span(duration: Duration) -> Span {
    Span(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

/// Detects that the machine stood still. Durations measured by a clock that stood still with it, such as the time
/// since a quorum answered, seem shorter than they are.
#[derive(Debug)]
pub struct Stillness {
    begun: (Instant, Moment),
    /// Lead of the running clock over the other, when last compared.
    ahead: Span,
    woke: Instant,
}

impl Stillness {
    /// Begins to watch.
    pub fn watch() -> Self {
        Stillness::from(Instant::now(), now())
    }

    /// Begins to watch, with these readings of the two clocks.
    pub fn from(at: Instant, moment: Moment) -> Self {
        Stillness { begun: (at, moment), ahead: Span(0), woke: at }
    }

    /// Whether the machine has stood still since this was last asked.
    pub fn has_woken(&mut self) -> bool {
        self.look(Instant::now(), now())
    }

    /// The same, with these readings of the two clocks.
    pub fn look(&mut self, at: Instant, moment: Moment) -> bool {
        let (since, begun) = self.begun;
        let ahead = Span(moment.since(begun).0.saturating_sub(span(at.saturating_duration_since(since)).0));
        let woken = ahead.0 > self.ahead.plus(READ_APART).0;
        if woken {
            (self.ahead, self.woke) = (ahead, at);
        }
        woken
    }

    /// The true age of an event that is `age` old by the clock that stands still; `None` if the machine may have
    /// stood still since.
    pub fn age(&self, age: Duration) -> Option<Span> {
        self.age_at(Instant::now(), age)
    }

    /// The same, with this reading of the clock that stands still.
    pub fn age_at(&self, now: Instant, age: Duration) -> Option<Span> {
        let at = now.checked_sub(age)?;
        (at >= self.woke).then(|| span(age))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_stood_still_is_told_once_and_takes_nothing_from_before_for_fresh() {
        let mut still = Stillness::watch();
        let (since, begun) = still.begun;
        let later = since + Duration::from_secs(5);
        assert!(!still.look(later, begun.after(Span(5_050))), "both went on");
        assert!(still.look(later, begun.after(Span(65_000))), "a minute went by on one of them");
        assert!(!still.look(later + Duration::from_secs(1), begun.after(Span(66_000))));
        // It woke up in the future of this test's clock: the age of anything before that is unknown.
        assert_eq!(still.age(Duration::from_millis(10)), None);
        assert_eq!(Stillness::watch().age(Duration::ZERO), Some(Span(0)));
    }

    #[test]
    fn the_clock_goes_on() {
        let first = now();
        assert!(first > Moment(0) && now() >= first);
    }
}
