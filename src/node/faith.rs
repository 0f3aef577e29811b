//! Whether the leader is believed to lead: its consensus may go on beating when nothing decides any more.
//!
//! Each heartbeat of this node asks the leader for a lease. As long as it grants one, or says that it does not and why, it
//! decides. One whose consensus is heard, and that has done neither for too long, does not: this node then refuses its
//! heartbeats, so that it votes for others and stands for election, and goes on asking, so that it believes it again if it
//! was only this node that could not hear it.

use std::time::{Duration, Instant};

/// What this node makes of the leader.
#[derive(Debug)]
pub struct Faith {
    /// The leader and its term.
    of: Option<(u64, u64)>,
    /// When it last showed that it decides, or was first heard.
    since: Instant,
}

impl Faith {
    pub fn new(now: Instant) -> Self {
        Faith { of: None, since: now }
    }

    /// Who leads in which term, as consensus has it. `true` if it has decided nothing for too long.
    pub fn lost(&mut self, leader: Option<(u64, u64)>, patience: Duration, now: Instant) -> bool {
        if self.of != leader {
            (self.of, self.since) = (leader, now);
        }
        leader.is_some() && now.saturating_duration_since(self.since) > patience
    }

    /// This leader has shown that it decides.
    pub fn decides(&mut self, leader: u64, now: Instant) {
        if self.of.is_some_and(|(of, _)| of == leader) {
            self.since = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    #[test]
    fn a_leader_that_decides_nothing_for_too_long_is_lost() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let mut faith = Faith::new(begin);
        assert!(!faith.lost(None, PATIENCE, at(100)), "nobody leads, which is no lie");
        let leader = Some((1, 4));
        assert!(!faith.lost(leader, PATIENCE, at(100)), "it has just been heard");
        faith.decides(1, at(103));
        assert!(!faith.lost(leader, PATIENCE, at(108)));
        assert!(faith.lost(leader, PATIENCE, at(109)));
        faith.decides(2, at(109));
        assert!(faith.lost(leader, PATIENCE, at(109)), "what another says is not its own");
        faith.decides(1, at(110));
        assert!(!faith.lost(leader, PATIENCE, at(110)), "it decides after all");
    }

    #[test]
    fn a_new_leader_has_its_own_time() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let mut faith = Faith::new(begin);
        assert!(!faith.lost(Some((1, 4)), PATIENCE, at(0)));
        assert!(!faith.lost(Some((2, 5)), PATIENCE, at(9)));
        assert!(!faith.lost(Some((2, 6)), PATIENCE, at(14)), "nor is it the same in another term");
        assert!(faith.lost(Some((2, 6)), PATIENCE, at(20)));
    }
}
