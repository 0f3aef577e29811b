//! Logins to managers that lock an account after a few failures: the cluster as a whole decides which node may log in
//! when.

use async_trait::async_trait;
use std::time::Duration;
use tenure_core::ForeignText;
use tokio::time::Instant;

/// The outcome of a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// The manager accepted the key.
    Accepted,
    /// The manager refused the key, for this reason.
    Refused(ForeignText),
}

/// The times at which this node may offer its key: to a manager all nodes are one user, and a node must learn of
/// another's refusal before it tries itself.
#[derive(Clone, Copy, Debug)]
pub struct Turns {
    /// The time of one of its turns.
    pub one: Instant,
    /// The interval between its turns.
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

/// The logins of this node to managers, by the managers' names. A name that is not configured is ignored.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// The outcome of the last login to each manager.
    fn logins(&self) -> Vec<(String, Option<Login>)>;

    /// Sets the times at which this node may log in; at any time if `None`.
    fn take_turns(&self, turns: Option<Turns>);

    /// Holds logins to a manager back, for this reason; `None` lets them go on.
    fn hold(&self, manager: &str, why: Option<ForeignText>);

    /// Forgets the outcome of the last login to a manager.
    fn forget_login(&self, manager: &str);

    /// Connects to every manager that has no connection, in this node's turns, so that none is waited for in an
    /// emergency: to a manager whose servers others read, this node has nothing to say until then.
    async fn keep_up(&self);

    /// Logs in to a manager once, whatever the outcome of the last login; if a connection is up, by a second one. The
    /// future must not be dropped half-way.
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
