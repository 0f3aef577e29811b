//! The state of one resource: combines the results of shallow and deep looks.
//!
//! The failure of a deeper look counts until a look of the same depth succeeds, or the resource is started, stopped
//! or cleaned: the next shallow look sees the same half-dead process and would call it healthy again. While a shallow
//! look says running and a deeper one says off, neither is believed: off would allow it to be started elsewhere.

use super::result::MonitorResult;
use std::collections::BTreeMap;
use tenure_core::{Power, Seen};
use tokio::time::Instant;

/// The state of one resource.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// The reported state; `None` until the first look.
    pub seen: Option<Seen>,
    /// The operation in progress, as the state that is reported meanwhile.
    pub doing: Option<Power>,
    /// Whether it was started here, and not stopped since.
    pub started: bool,
    /// No look before this time: the last operation has no visible effect until then.
    pub not_before: Option<Instant>,
    shallow: Option<Power>,
    deep: BTreeMap<String, MonitorResult>,
    late: u32,
}

/// Log index and serial number of a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub since: u64,
    pub serial: u64,
}

impl State {
    /// Takes the result of a look. Returns whether the reported state changed.
    pub(crate) fn take(&mut self, look: MonitorResult, depth: Option<&str>, moment: Moment) -> bool {
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

    /// Reports an operation in progress. Returns whether the reported state changed.
    pub(crate) fn tell_doing(&mut self, power: Power, moment: Moment) -> bool {
        self.tell(MonitorResult::new(power, ""), moment)
    }

    /// Whether the last look was late and the one before was not: then the next one follows at once.
    pub(crate) fn is_late_for_once(&self) -> bool {
        self.late == 1
    }

    /// Whether the last shallow look saw it running.
    pub(crate) fn is_up(&self) -> bool {
        self.shallow == Some(Power::Running)
    }

    /// Whether it certainly holds nothing here.
    pub(crate) fn is_inactive(&self) -> bool {
        self.seen.as_ref().is_some_and(|seen| seen.power.is_inactive())
    }

    /// Forgets the results of deeper looks: they were about the resource before it was started or stopped.
    pub(crate) fn begin_anew(&mut self) {
        self.deep.clear();
    }

    fn with_deeper(&self, look: MonitorResult) -> MonitorResult {
        let failed = self.deep.iter().next().filter(|_| look.power == Power::Running);
        failed.map_or(look, |(depth, deeper)| {
            let power = if deeper.power.is_inactive() { Power::Unknown } else { deeper.power };
            let said = match deeper.said.as_str() {
                "" => format!("a look of depth {depth} says {}", deeper.power),
                said => format!("a look of depth {depth} says {}: {said}", deeper.power),
            };
            MonitorResult::new(power, said)
        })
    }

    fn tell(&mut self, look: MonitorResult, moment: Moment) -> bool {
        let MonitorResult { power, confidence, said, late: _ } = look;
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
        assert!(state.take(MonitorResult::new(Power::Running, ""), None, MOMENT));
        assert!(state.take(MonitorResult::unknown("no answer"), Some("10"), MOMENT));
        state.take(MonitorResult::new(Power::Running, ""), None, MOMENT);
        assert_eq!(power(&state), Power::Unknown);
        assert_eq!(state.seen.as_ref().unwrap().said, "a look of depth 10 says Unknown: no answer");
        state.take(MonitorResult::new(Power::Running, ""), Some("20"), MOMENT);
        assert_eq!(power(&state), Power::Unknown, "another depth says nothing of this one");
        state.take(MonitorResult::new(Power::Running, ""), Some("10"), MOMENT);
        assert_eq!(power(&state), Power::Running);
    }

    #[test]
    fn two_looks_that_contradict_each_other_are_no_proof_of_off() {
        let mut state = State::default();
        state.take(MonitorResult::new(Power::Running, ""), None, MOMENT);
        state.take(MonitorResult::new(Power::Off, ""), Some("10"), MOMENT);
        assert_eq!(power(&state), Power::Off);
        state.take(MonitorResult::new(Power::Running, ""), None, MOMENT);
        assert_eq!(power(&state), Power::Unknown);
        state.take(MonitorResult::new(Power::Off, ""), None, MOMENT);
        assert_eq!(power(&state), Power::Off);
    }

    #[test]
    fn a_new_life_forgets_the_deeper_looks_of_the_old() {
        let mut state = State::default();
        state.take(MonitorResult::unknown("no answer"), Some("10"), MOMENT);
        state.begin_anew();
        state.take(MonitorResult::new(Power::Running, ""), None, MOMENT);
        assert_eq!(power(&state), Power::Running);
        assert!(!state.take(MonitorResult::new(Power::Running, ""), None, MOMENT), "the same is no news");
    }
}
