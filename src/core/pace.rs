//! The rate of questions to servers: one rule for the daemon and for the simulation.
//!
//! Each plan lists the servers of which the planner wants a fresh look, and every answer leads to another plan. Taken
//! literally, it would ask again as soon as an answer comes that changes nothing, for as long as nothing changes: for
//! days. So the rate is limited on both sides. The node that is asked looks at once only where the log has moved
//! since its last look, and only so many times in a row ([`Gap`]). The leader asks less often the longer a question
//! has been open, down to once per monitor interval, in which each server is looked at anyway ([`Pace`]); except
//! where something is under way, whose end only looks show.

use crate::{ServerName, Span, Time};
use std::collections::{BTreeMap, BTreeSet};

/// Minimum time between two looks that follow the same entry.
const GAP: Span = Span(950);
/// Number of looks in a row that may begin sooner because the log has moved.
const HASTY: u32 = 12;
/// Time for which a question is open before it is asked less often.
const PATIENCE: Span = Span::seconds(10);
/// Divisor of the time for which a question has been open; the quotient is the pause before it is asked again.
const PART: u64 = 8;

/// The leader's question about a server: it asks for a look at it, and at what lives inside its node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Want {
    /// The log index that the look has to follow, as far as known. A greater one makes it a new question.
    pub follows: u64,
    /// Whether something is under way there whose end only looks show.
    pub under_way: bool,
}

/// The questions that a leader has asked, with their times.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    asked: BTreeMap<ServerName, Asked>,
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    follows: u64,
    since: Time,
    last: Time,
}

impl Pace {
    /// The servers to be asked now, and the time at which the next one is to be asked if no answer comes before.
    pub fn due(
        &mut self,
        wanted: &BTreeMap<ServerName, Want>,
        now: Time,
        monitor: Span,
    ) -> (BTreeSet<ServerName>, Option<Time>) {
        let (mut due, mut next) = (BTreeSet::new(), None);
        // A question that nobody has wanted for two monitor intervals counts as new.
        self.asked.retain(|server, asked| wanted.contains_key(server) || now.since(asked.last) <= monitor.times(2));
        for (server, want) in wanted {
            let known = self.asked.get(server).filter(|asked| asked.follows >= want.follows);
            let mut asked = known.copied().unwrap_or(Asked { follows: want.follows, since: now, last: now });
            let pause = asked.pause(*want, monitor);
            if known.is_none() || asked.last.after(pause) <= now {
                asked.last = now;
                self.asked.insert(server.clone(), asked);
                due.insert(server.clone());
            }
            if pause > Span(0) {
                let at = asked.last.after(pause);
                next = Some(next.map_or(at, |earlier: Time| earlier.min(at)));
            }
        }
        (due, next)
    }
}

impl Asked {
    fn pause(&self, want: Want, monitor: Span) -> Span {
        let open = self.last.since(self.since);
        if want.under_way || open < PATIENCE {
            return Span(0);
        }
        Span(open.0.checked_div(PART).unwrap_or_default()).clamp(GAP.min(monitor), monitor)
    }
}

/// The last look of a node that is asked, and the number of hasty ones in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gap {
    index: u64,
    at: Time,
    hasty: u32,
}

impl Gap {
    /// Time before the next look may begin. `index` is the last log index that the node knows.
    pub fn wait(&self, index: u64, now: Time) -> Span {
        let moved = self.index < index && self.hasty < HASTY;
        if moved { Span(0) } else { self.at.after(GAP).since(now) }
    }

    /// Records that a look begins now, asked for or not.
    pub fn begins(&mut self, index: u64, now: Time) {
        let hasty = if self.at.after(GAP) > now { self.hasty.saturating_add(1) } else { 0 };
        *self = Gap { index, at: now, hasty };
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)] // small numbers, all written here
mod tests {
    use super::*;

    const MONITOR: Span = Span::seconds(5);

    /// Number of looks at a server in so many seconds, if the leader plans each 20 ms because of an answer that
    /// changes nothing, and the log moves `moves` times a second for other reasons.
    fn looks(world: &mut (Pace, Gap), from: u64, seconds: u64, want: Want, moves: u64) -> usize {
        let wanted = BTreeMap::from([(ServerName::from("p1"), want)]);
        let mut count = 0;
        for now in (from * 1000..(from + seconds) * 1000).step_by(20) {
            let (index, at) = (now * moves / 1000 + 1, Time(now));
            let asked = !world.0.due(&wanted, at, MONITOR).0.is_empty();
            if asked && world.1.wait(index, at) == Span(0) {
                world.1.begins(index, at);
                count += 1;
            }
        }
        count
    }

    #[test]
    fn an_open_question_is_asked_each_second_and_then_ever_more_seldom() {
        let mut world = (Pace::default(), Gap::default());
        assert!((10..=11).contains(&looks(&mut world, 100, 10, Want::default(), 0)));
        looks(&mut world, 110, 60, Want::default(), 0);
        assert_eq!(looks(&mut world, 170, 60, Want::default(), 0), 12, "once in a monitor interval");
    }

    #[test]
    fn a_log_that_moves_for_other_reasons_makes_it_no_more_urgent() {
        let mut world = (Pace::default(), Gap::default());
        assert!(looks(&mut world, 100, 10, Want::default(), 25) <= 110);
        looks(&mut world, 110, 60, Want::default(), 25);
        assert_eq!(looks(&mut world, 170, 60, Want::default(), 25), 12);
    }

    #[test]
    fn what_is_under_way_is_looked_at_each_second() {
        let mut world = (Pace::default(), Gap::default());
        let want = Want { under_way: true, ..Want::default() };
        looks(&mut world, 100, 600, want, 0);
        assert!((59..=64).contains(&looks(&mut world, 700, 60, want, 0)));
    }

    #[test]
    fn a_question_that_something_new_has_to_follow_is_new() {
        let mut world = (Pace::default(), Gap::default());
        looks(&mut world, 100, 600, Want::default(), 0);
        let wanted = BTreeMap::from([(ServerName::from("p1"), Want { follows: 7, under_way: false })]);
        assert_eq!(world.0.due(&wanted, Time(700_001), MONITOR).0.len(), 1);
        assert_eq!(world.1.wait(7, Time(700_001)), Span(0));
    }
}
