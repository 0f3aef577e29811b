//! Whether the leader is believed to lead: its consensus may go on sending heartbeats when it decides nothing any more.
//!
//! Each heartbeat of this node asks the leader for a lease. A leader that grants one, or says that it does not and
//! why, decides. One that has done neither for too long does not: this node then refuses its heartbeats, so that it
//! votes for others and stands for election, and goes on asking, so that it believes the leader again if only this
//! node could not hear it.
//!
//! If no other leader is elected in that time, the old one gets another chance: it may be the only node with the
//! longest log, so that no other can be elected, and it may decide nothing because this node refuses it. The turns of
//! other nodes began at other times, and as many as elect a leader must refuse the old one at once: so a turn without
//! it is longer than one with it.

use super::Recall;
use crate::{NodeName, Span, time::Moment};

/// Least time for which all who elect another leader refuse the old one: some elections, of two seconds at most each.
const ELECTIONS: Span = Span::seconds(6);

/// This node's belief in the leader.
#[derive(Clone, Debug)]
pub struct Faith {
    /// The leader and its term.
    of: Option<(NodeName, u64)>,
    /// Time at which it last showed that it decides, or was first heard.
    since: Moment,
}

impl Faith {
    pub fn new(now: Moment) -> Self {
        Faith { of: None, since: now }
    }

    /// Takes the leader with its term, as consensus has it, and the number of voters. `true` if the leader has
    /// decided nothing for too long, and others are to have their turn.
    pub fn lost(&mut self, leader: Option<(NodeName, u64)>, voters: usize, patience: Span, now: Moment) -> bool {
        if self.of != leader {
            (self.of, self.since) = (leader, now);
        }
        // The nodes of a majority take their turns with it, at worst one after the other and evenly spread.
        let majority = u64::try_from(voters).unwrap_or(u64::MAX).div_euclid(2).saturating_add(1);
        let round = patience.plus(ELECTIONS).times(majority);
        let into = now.since(self.since).0.checked_rem(round.0).unwrap_or_default();
        self.of.is_some() && Span(into) > patience
    }

    /// Gives its state to `to`, field by field.
    pub(super) fn recall(&self, to: &mut impl Recall) {
        let Faith { of, since } = self;
        if let Some((leader, _)) = of {
            to.node(leader);
            to.moment(*since);
        }
    }

    /// Records that this leader has shown that it decides.
    pub fn note_decision(&mut self, leader: &NodeName, now: Moment) {
        if self.of.as_ref().is_some_and(|(of, _)| of == leader) {
            self.since = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Span = Span::seconds(5);

    fn at(seconds: u64) -> Moment {
        Moment(0).after(Span::seconds(seconds))
    }

    fn leader(name: &str, term: u64) -> Option<(NodeName, u64)> {
        Some((name.into(), term))
    }

    #[test]
    fn a_leader_that_decides_nothing_for_too_long_is_lost() {
        let mut faith = Faith::new(at(0));
        assert!(!faith.lost(None, 3, PATIENCE, at(100)), "nobody leads, which is no lie");
        let one = || leader("p1", 4);
        assert!(!faith.lost(one(), 3, PATIENCE, at(100)), "it has just been heard");
        faith.note_decision(&"p1".into(), at(103));
        assert!(!faith.lost(one(), 3, PATIENCE, at(108)));
        assert!(faith.lost(one(), 3, PATIENCE, at(109)));
        faith.note_decision(&"p2".into(), at(109));
        assert!(faith.lost(one(), 3, PATIENCE, at(109)), "what another says is not its own");
        faith.note_decision(&"p1".into(), at(110));
        assert!(!faith.lost(one(), 3, PATIENCE, at(110)), "it decides after all");
    }

    #[test]
    fn a_leader_that_nobody_could_replace_gets_another_chance() {
        let mut faith = Faith::new(at(0));
        let lost: Vec<u64> = (0..44).filter(|seconds| faith.lost(leader("p1", 4), 3, PATIENCE, at(*seconds))).collect();
        let turns: Vec<u64> = (6..22).chain(28..44).collect();
        assert_eq!(lost, turns);
    }

    #[test]
    fn enough_to_elect_another_refuse_it_at_once_whenever_their_turns_began() {
        let round = |voters: u64| PATIENCE.plus(ELECTIONS).0 / 1_000 * (voters / 2 + 1);
        // Second by second, whether a node refuses the leader that it first heard at this time.
        let refuses = |voters: u64, first: u64| -> Vec<bool> {
            let mut faith = Faith::new(at(0));
            let mut lost = |seconds| faith.lost(leader("p1", 4), voters as usize, PATIENCE, at(seconds));
            lost(first);
            (round(voters)..4 * round(voters)).map(lost).collect()
        };
        let longest = |all: &[Vec<bool>]| {
            let both = |one: Vec<bool>, other: &Vec<bool>| one.iter().zip(other).map(|(a, b)| *a && *b).collect();
            let at_once = all.iter().skip(1).fold(all.first().cloned().unwrap_or_default(), both);
            at_once.split(|refused| !refused).map(<[bool]>::len).max().unwrap_or_default()
        };
        for voters in [2, 3] {
            for second in 0..round(voters) {
                let all = [refuses(voters, 0), refuses(voters, second)];
                assert!(longest(&all) >= 5, "{voters} voters, {second} s apart");
            }
        }
        for (second, third) in (0..round(5)).flat_map(|second| (0..round(5)).map(move |third| (second, third))) {
            let all = [refuses(5, 0), refuses(5, second), refuses(5, third)];
            assert!(longest(&all) >= 5, "five voters, {second} s and {third} s apart");
        }
    }

    #[test]
    fn a_new_leader_has_its_own_time() {
        let mut faith = Faith::new(at(0));
        assert!(!faith.lost(leader("p1", 4), 3, PATIENCE, at(0)));
        assert!(!faith.lost(leader("p2", 5), 3, PATIENCE, at(9)));
        assert!(!faith.lost(leader("p2", 6), 3, PATIENCE, at(14)), "nor is it the same in another term");
        assert!(faith.lost(leader("p2", 6), 3, PATIENCE, at(20)));
    }
}
