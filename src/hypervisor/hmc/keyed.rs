//! A mutex per key, so that one server gets one mutation at a time whichever HMC carries it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// Locks by key. A key takes memory only while its lock is held or awaited.
#[derive(Default)]
pub struct KeyedMutex {
    locks: Mutex<HashMap<String, Weak<AsyncMutex<()>>>>,
}

impl KeyedMutex {
    /// Waits for the lock of this key; first come, first served.
    pub async fn lock(&self, key: &str) -> OwnedMutexGuard<()> {
        let lock = self.of(key);
        lock.lock_owned().await
    }

    fn of(&self, key: &str) -> Arc<AsyncMutex<()>> {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = locks.get(key).and_then(Weak::upgrade) {
            return lock;
        }
        locks.retain(|_, lock| lock.strong_count() > 0);
        let lock = Arc::new(AsyncMutex::new(()));
        locks.insert(key.to_owned(), Arc::downgrade(&lock));
        lock
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_key_is_exclusive_and_other_keys_are_free() {
        let keyed = KeyedMutex::default();
        let held = keyed.lock("a").await;
        let other = keyed.lock("b").await;
        assert!(keyed.of("a").try_lock().is_err());
        drop(held);
        assert!(keyed.of("a").try_lock().is_ok());
        drop(other);
    }

    #[tokio::test]
    async fn keys_nobody_holds_are_forgotten() {
        let keyed = KeyedMutex::default();
        for number in 0..100 {
            drop(keyed.lock(&number.to_string()).await);
        }
        assert!(keyed.locks.lock().unwrap().len() <= 2);
    }
}
