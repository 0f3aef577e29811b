//! The one user of an emulated HMC: its key, and the lock after three failed logins.

use russh::keys::PublicKey;
use std::time::Duration;
use tokio::time::Instant;

/// Number of failed logins that lock the account.
const FAILURE_LIMIT: u8 = 3;

#[derive(Debug)]
pub(super) struct Account {
    user: String,
    key: PublicKey,
    lockout: Duration,
    failures: u8,
    locked_until: Option<Instant>,
    /// Whether the key was taken away from the account.
    barred: bool,
    /// Number of logins that were refused, ever.
    refused: u64,
    /// Number of logins that were accepted, ever.
    accepted: u64,
}

impl Account {
    pub(super) fn new(user: String, key: PublicKey, lockout: Duration) -> Self {
        Account { user, key, lockout, failures: 0, locked_until: None, barred: false, refused: 0, accepted: 0 }
    }

    /// Whether a login with this key may continue. A wrong key counts as a failed login, even if it was only offered;
    /// the right one is refused without counting while the account is locked.
    pub(super) fn offer(&mut self, now: Instant, user: &str, key: &PublicKey) -> bool {
        if self.barred || user != self.user || key.key_data() != self.key.key_data() {
            self.fail(now);
            return false;
        }
        if self.is_locked(now) {
            self.refused += 1;
            return false;
        }
        self.failures = 0;
        true
    }

    /// Whether a login with this key, whose possession is proven, is accepted.
    pub(super) fn let_in(&mut self, now: Instant, user: &str, key: &PublicKey) -> bool {
        let accepted = self.offer(now, user, key);
        self.accepted += u64::from(accepted);
        accepted
    }

    /// Takes the key away from the account, or gives it back.
    pub(super) fn bar(&mut self, barred: bool) {
        self.barred = barred;
    }

    /// Records a failed login. While the account is locked, it restarts the lock's time.
    pub(super) fn fail(&mut self, now: Instant) {
        let locked = self.is_locked(now);
        self.refused += 1;
        self.failures = self.failures.saturating_add(1);
        if locked || self.failures >= FAILURE_LIMIT {
            self.locked_until = Some(now + self.lockout);
            self.failures = 0;
        }
    }

    /// Number of logins that were refused, ever.
    pub(super) fn refused(&self) -> u64 {
        self.refused
    }

    /// Number of logins that were accepted, ever.
    pub(super) fn accepted(&self) -> u64 {
        self.accepted
    }

    /// The message shown before a login while the account is locked.
    pub(super) fn notice(&self, now: Instant) -> Option<String> {
        let left = self.locked_until.filter(|&until| until > now)?.duration_since(now);
        let minutes = left.as_millis().div_ceil(60_000);
        Some(format!(
            "The account is locked due to {FAILURE_LIMIT} failed logins.\n({minutes} minutes left to unlock)\n"
        ))
    }

    fn is_locked(&self, now: Instant) -> bool {
        self.locked_until.is_some_and(|until| until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hmc::generate_key;

    #[test]
    fn three_failures_lock_and_a_wrong_key_keeps_it_locked() {
        let (right, wrong) = (generate_key(), generate_key());
        let minutes = |n: u64| Duration::from_secs(60 * n);
        let mut account = Account::new("tenure".into(), right.public_key().clone(), minutes(5));
        let start = Instant::now();
        for _ in 0..2 {
            assert!(!account.offer(start, "tenure", wrong.public_key()));
        }
        assert!(account.offer(start, "tenure", right.public_key()), "a success forgets failures");
        for _ in 0..3 {
            assert!(!account.offer(start, "tenure", wrong.public_key()));
        }
        assert!(!account.offer(start, "tenure", right.public_key()));
        let text = "The account is locked due to 3 failed logins.\n(5 minutes left to unlock)\n";
        assert_eq!(account.notice(start).as_deref(), Some(text));
        account.fail(start + minutes(4));
        assert!(!account.offer(start + minutes(6), "tenure", right.public_key()));
        assert!(account.offer(start + minutes(9), "tenure", right.public_key()));
        assert_eq!(account.notice(start + minutes(9)), None);
    }

    #[test]
    fn a_wrong_user_is_a_failed_login() {
        let key = generate_key();
        let mut account = Account::new("tenure".into(), key.public_key().clone(), Duration::from_secs(1));
        assert!(!account.offer(Instant::now(), "root", key.public_key()));
    }
}
