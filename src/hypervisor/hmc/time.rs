//! The time of a call that asks one question after the other.
//!
//! Waiting for one's turn and waiting for an answer are two things: an HMC that is busy with other commands answers, and
//! one that was asked and says nothing does not. So the time for answers runs only while a question is with the HMC.

use std::time::Duration;
use tokio::time::Instant;

/// Parts of the time for answers for which a call waits for its turns, in all.
const TURNS: u32 = 4;

/// The time that is left to a call.
#[derive(Clone, Debug)]
pub struct Time {
    /// Given for answers, and left of that.
    given: Duration,
    answers: Duration,
    /// End of waiting for turns.
    turns: Instant,
    /// When the last question had its turn.
    sent: Option<Instant>,
}

impl Time {
    /// A call that allows this long for its answers.
    pub fn new(answers: Duration) -> Self {
        Self::at(Instant::now(), answers)
    }

    fn at(now: Instant, answers: Duration) -> Self {
        Self { given: answers, answers, turns: now + answers * TURNS, sent: None }
    }

    /// One of `parts` equal parts, so that an HMC that hangs leaves time to ask the next.
    pub fn share(&self, parts: usize) -> Self {
        let parts = u32::try_from(parts.max(1)).unwrap_or(u32::MAX);
        let wait = self.turns.saturating_duration_since(Instant::now()) / parts;
        let given = self.answers / parts;
        Self { given, answers: given, turns: Instant::now() + wait, sent: None }
    }

    /// Takes off what a [share](Self::share) of it has used.
    pub fn spend(&mut self, share: &Self) {
        self.answers = self.answers.saturating_sub(share.given.saturating_sub(share.answers));
    }

    /// Until when a turn is waited for.
    pub fn turn_by(&self) -> Instant {
        self.turns
    }

    /// A question has its turn now; it must be answered by the moment that is given back.
    pub fn begins(&mut self) -> Instant {
        self.begins_at(Instant::now())
    }

    fn begins_at(&mut self, now: Instant) -> Instant {
        self.sent = Some(now);
        now + self.answers
    }

    /// The question is answered, or given up.
    pub fn ends(&mut self) {
        self.ends_at(Instant::now());
    }

    fn ends_at(&mut self, now: Instant) {
        if let Some(sent) = self.sent {
            self.answers = self.answers.saturating_sub(now.saturating_duration_since(sent));
        }
    }

    /// Whether an HMC that says nothing for so long counts as silent for others, too: a third of what was allowed.
    pub fn is_long(&self, silence: Duration) -> bool {
        silence * 3 >= self.given
    }

    /// When the last question had its turn; `None` if none had.
    pub fn sent(&self) -> Option<Instant> {
        self.sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_time_for_answers_runs_only_while_a_question_is_asked() {
        let now = Instant::now();
        let after = |seconds: u32| now + SECOND * seconds;
        let mut time = Time::at(now, SECOND * 15);
        assert_eq!(time.begins_at(after(20)), after(35), "it has waited, and nobody was asked");
        time.ends_at(after(24));
        assert_eq!(time.begins_at(after(44)), after(55), "four seconds are used up");
        assert_eq!(time.sent(), Some(after(44)));
        assert_eq!(time.turn_by(), after(60), "waiting ends, too");
        assert!(time.is_long(SECOND * 5) && !time.is_long(SECOND * 4));
    }

    #[test]
    fn what_one_hmc_leaves_is_for_the_next() {
        let now = Instant::now();
        let mut whole = Time::at(now, SECOND * 15);
        let mut first = whole.share(2);
        first.begins_at(now);
        first.ends_at(now + SECOND * 3);
        whole.spend(&first);
        assert_eq!(whole.share(1).begins_at(now), now + SECOND * 12);
    }
}
