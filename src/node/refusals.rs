//! Refusals on this node before a request reached the log: they are written down as sums, so that nobody fills the log by being
//! refused.

use std::{
    collections::BTreeMap,
    sync::Mutex,
    time::{Duration, Instant},
};
use tenure_core::{Caller, UserName};

/// Interval at which the refusals of one kind are written down.
const EVERY: Duration = Duration::from_secs(60);
/// Number of kinds that are told apart at a time. Only holders of a certificate come this far.
const KINDS: usize = 256;

/// Who was refused, and for what.
type Kind = (UserName, u64, String);

/// The refusals that were counted and not written down yet.
#[derive(Debug, Default)]
pub struct Refusals {
    counted: Mutex<BTreeMap<Kind, (Instant, u32)>>,
}

impl Refusals {
    /// Counts one; returns the number to be written down now, if it is time.
    pub fn count(&self, caller: &Caller, code: &str) -> Option<u32> {
        self.count_at(caller, code, Instant::now())
    }

    fn count_at(&self, caller: &Caller, code: &str, now: Instant) -> Option<u32> {
        let mut counted = self.counted.lock().expect("nobody panics with it");
        let key = (caller.user.clone(), caller.id, code.to_owned());
        if !counted.contains_key(&key) {
            counted.retain(|_, (last, more)| *more > 0 || now.duration_since(*last) < EVERY);
            if counted.len() >= KINDS {
                return None;
            }
            counted.insert(key, (now, 0));
            return Some(1);
        }
        let (last, more) = counted.get_mut(&key)?;
        *more = more.saturating_add(1);
        if now.duration_since(*last) < EVERY {
            return None;
        }
        *last = now;
        Some(std::mem::take(more))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_at_once_and_the_rest_as_sums() {
        let refusals = Refusals::default();
        let bob = Caller { user: "bob".into(), id: 4, address: None };
        let began = Instant::now();
        let at = |seconds, code: &str| refusals.count_at(&bob, code, began + Duration::from_secs(seconds));
        assert_eq!([at(0, "a"), at(1, "a"), at(2, "a"), at(2, "b")], [Some(1), None, None, Some(1)]);
        assert_eq!([at(60, "a"), at(61, "a"), at(120, "a")], [Some(3), None, Some(2)]);
    }

    #[test]
    fn kinds_are_bounded() {
        let refusals = Refusals::default();
        let told = (0..1000_u64).filter(|id| {
            let caller = Caller { user: "bob".into(), id: *id, address: None };
            refusals.count(&caller, "not_a_user").is_some()
        });
        assert_eq!(told.count(), KINDS);
    }
}
