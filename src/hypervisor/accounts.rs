//! Logins to managers that lock an account after a few that failed: who may log in when is the cluster's to say.

use async_trait::async_trait;
use std::time::Duration;
use tokio::time::Instant;

/// What came of a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// We were let in.
    Accepted,
    /// We were not.
    Refused(String),
}

/// When this node may offer its key: all nodes are one user to a manager, and one must hear that another was refused before
/// it tries itself.
#[derive(Clone, Copy, Debug)]
pub struct Turns {
    /// One of its turns.
    pub one: Instant,
    /// From one turn to the next.
    pub every: Duration,
}

impl Turns {
    /// The next turn at or after this moment.
    pub fn next(self, now: Instant) -> Instant {
        let past = now.saturating_duration_since(self.one).as_nanos();
        let turns = past.div_ceil(self.every.as_nanos().max(1));
        self.one + self.every.saturating_mul(u32::try_from(turns).unwrap_or(u32::MAX))
    }
}

/// The logins of this node to managers, by the names of those. One that is not configured is left out.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// What came of the last login to each.
    fn logins(&self) -> Vec<(String, Option<Login>)>;

    /// When this node may log in; at any time if `None`.
    fn take_turns(&self, turns: Option<Turns>);

    /// Holds logins to one back for this reason, or lets them go on.
    fn hold(&self, manager: &str, why: Option<String>);

    /// Forgets what came of the last login to one.
    fn forget_login(&self, manager: &str);

    /// Logs in to one once, whatever came of it before; beside a connection that is up. Must not be given up half-way.
    async fn try_login(&self, manager: &str);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_comes_again_and_again() {
        let (one, every) = (Instant::now(), Duration::from_secs(3));
        let turns = Turns { one, every };
        for (now, next) in [(0, 0), (1, 3_000), (3_000, 3_000), (7_500, 9_000)] {
            let [now, next] = [now, next].map(Duration::from_millis);
            assert_eq!(turns.next(one + now), one + next);
        }
        assert_eq!(Turns { one: one + every, every }.next(one), one + every);
    }
}
