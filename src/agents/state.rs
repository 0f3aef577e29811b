//! What is known of one resource: how the looks at it, shallow and deep, become one state.
//!
//! A deeper look that failed counts until one of the same depth succeeds, or the resource is started, stopped or cleaned:
//! the next shallow look sees the same half-dead process and would call it healthy again. While a shallow look says that it
//! runs and a deeper one says that it is off, neither is believed: off would allow it to be started elsewhere.

use super::look::Look;
use std::collections::BTreeMap;
use tenure_core::{Power, Seen};
use tokio::time::Instant;

/// What is known of one resource.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// What is told of it; nothing until the first look.
    pub seen: Option<Seen>,
    /// What is being done to it, as the state that this is told as.
    pub doing: Option<Power>,
    /// Whether it was started here, and not stopped since.
    pub started: bool,
    /// Nothing can be seen of what was done before this.
    pub not_before: Option<Instant>,
    shallow: Option<Power>,
    deep: BTreeMap<String, Look>,
    late: u32,
}

/// When something was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub since: u64,
    pub serial: u64,
}

impl State {
    /// Takes a look in. Says whether it tells something new.
    pub(crate) fn take(&mut self, look: Look, depth: Option<&str>, moment: Moment) -> bool {
        self.late = if look.late { self.late.saturating_add(1) } else { 0 };
        let told = match depth {
            None => {
                self.shallow = Some(look.power);
                self.with_deeper(look)
            }
            Some(depth) if look.power == Power::Running => {
                self.deep.remove(depth);
                self.with_deeper(look)
            }
            Some(depth) => {
                self.deep.insert(depth.to_owned(), look.clone());
                look
            }
        };
        self.tell(told, moment)
    }

    /// Says that something is being done to it. Says whether that is new.
    pub(crate) fn tell_doing(&mut self, power: Power, moment: Moment) -> bool {
        self.tell(Look::new(power, ""), moment)
    }

    /// Whether the last look was late and the one before was not: then another one follows at once.
    pub(crate) fn is_late_for_once(&self) -> bool {
        self.late == 1
    }

    /// Whether it is up as far as a shallow look can tell.
    pub(crate) fn is_up(&self) -> bool {
        self.shallow == Some(Power::Running)
    }

    /// Whether it is known to hold nothing here.
    pub(crate) fn is_inactive(&self) -> bool {
        self.seen.as_ref().is_some_and(|seen| seen.power.is_inactive())
    }

    /// It is another life from here on: what deeper looks said is of the one before.
    pub(crate) fn begin_anew(&mut self) {
        self.deep.clear();
    }

    fn with_deeper(&self, look: Look) -> Look {
        let failed = self.deep.iter().next().filter(|_| look.power == Power::Running);
        failed.map_or(look, |(depth, deeper)| {
            let power = if deeper.power.is_inactive() { Power::Unknown } else { deeper.power };
            let said = match deeper.said.as_str() {
                "" => format!("a look of depth {depth} says {}", deeper.power),
                said => format!("a look of depth {depth} says {}: {said}", deeper.power),
            };
            Look::new(power, said)
        })
    }

    fn tell(&mut self, look: Look, moment: Moment) -> bool {
        let Look { power, confidence, said, late: _ } = look;
        let seen = Seen { power, since: moment.since, serial: moment.serial, confidence, said };
        let old = self.seen.replace(seen.clone());
        old.is_none_or(|old| (old.power, old.confidence, old.said) != (seen.power, seen.confidence, seen.said))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Moment = Moment { since: 1, serial: 1 };

    fn power(state: &State) -> Power {
        state.seen.as_ref().unwrap().power
    }

    #[test]
    fn what_a_deeper_look_found_stays_until_one_of_its_depth_succeeds() {
        let mut state = State::default();
        assert!(state.take(Look::new(Power::Running, ""), None, MOMENT));
        assert!(state.take(Look::unknown("no answer"), Some("10"), MOMENT));
        state.take(Look::new(Power::Running, ""), None, MOMENT);
        assert_eq!(power(&state), Power::Unknown);
        assert_eq!(state.seen.as_ref().unwrap().said, "a look of depth 10 says Unknown: no answer");
        state.take(Look::new(Power::Running, ""), Some("20"), MOMENT);
        assert_eq!(power(&state), Power::Unknown, "another depth says nothing of this one");
        state.take(Look::new(Power::Running, ""), Some("10"), MOMENT);
        assert_eq!(power(&state), Power::Running);
    }

    #[test]
    fn two_looks_that_contradict_each_other_are_no_proof_of_off() {
        let mut state = State::default();
        state.take(Look::new(Power::Running, ""), None, MOMENT);
        state.take(Look::new(Power::Off, ""), Some("10"), MOMENT);
        assert_eq!(power(&state), Power::Off);
        state.take(Look::new(Power::Running, ""), None, MOMENT);
        assert_eq!(power(&state), Power::Unknown);
        state.take(Look::new(Power::Off, ""), None, MOMENT);
        assert_eq!(power(&state), Power::Off);
    }

    #[test]
    fn a_new_life_forgets_the_deeper_looks_of_the_old() {
        let mut state = State::default();
        state.take(Look::unknown("no answer"), Some("10"), MOMENT);
        state.begin_anew();
        state.take(Look::new(Power::Running, ""), None, MOMENT);
        assert_eq!(power(&state), Power::Running);
        assert!(!state.take(Look::new(Power::Running, ""), None, MOMENT), "the same is no news");
    }
}
