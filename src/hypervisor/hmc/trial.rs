//! Trying an HMC that is to be declared: one connection, one login.
//!
//! Promises: it is apart from the connections that are in use. No login that was refused twice within the time for
//! which an HMC remembers it is offered a third time, which would lock the account.

use super::address::{HmcAddress, HmcKey};
use super::link::{self, LinkError};
use crate::hypervisor::Unfit;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tenure_core::config::Hmc;
use tokio::time::{Instant, timeout};

/// Time for which an HMC counts refused logins, with something to spare.
const REMEMBERED: Duration = Duration::from_secs(330);
/// Time that a trial may take: whoever asked for it waits.
const LONGEST: Duration = Duration::from_secs(8);
/// Refused logins of one user within that time after which no more is tried; one more locks the account.
const MOST: usize = 2;

/// The trials that were refused lately.
#[derive(Default)]
pub struct Trials(Mutex<Vec<Refused>>);

struct Refused {
    address: String,
    user: String,
    at: Instant,
}

impl Trials {
    /// Logs in once as the entry says, and out again.
    pub async fn attempt(&self, name: &str, hmc: &Hmc, key: Option<&Path>) -> Result<(), Unfit> {
        let Some(key) = key else { return Err(Unfit::NoKey) };
        if self.refused(hmc) >= MOST {
            return Err(Unfit::TooOften);
        }
        let address = HmcAddress {
            name: name.to_owned(),
            address: hmc.address.clone(),
            user: hmc.user.clone(),
            key: HmcKey::File(key.to_owned()),
            host_key_fingerprint: hmc.host_key.clone(),
        };
        // In a task of its own: a caller that gives up must not cut off an authentication.
        let login = tokio::spawn(async move {
            let session = link::connect(&address, async { Ok(()) }).await?;
            link::disconnect(&session).await;
            Ok(())
        });
        let error = match timeout(LONGEST, login).await {
            Ok(Ok(Ok(()))) => {
                self.lock().retain(|one| !one.is_of(hmc));
                return Ok(());
            }
            Ok(Ok(Err(error))) => error,
            Ok(Err(error)) => LinkError::Unreachable(error.to_string().into()),
            Err(_) => LinkError::Unfinished(format!("no answer to the login within {LONGEST:?}").into()),
        };
        if matches!(error, LinkError::Rejected(_) | LinkError::Unfinished(_)) {
            let (address, user) = (hmc.address.clone(), hmc.user.clone());
            self.lock().push(Refused { address, user, at: Instant::now() });
        }
        Err(match error {
            LinkError::Identity(why) => Unfit::OwnKey(why),
            LinkError::HostKey { presented, .. } => Unfit::HostKey { shown: presented },
            LinkError::Rejected(why) | LinkError::Held(why) => Unfit::Refused(why),
            LinkError::Unreachable(why) | LinkError::Unfinished(why) => Unfit::Silent(why),
        })
    }

    fn refused(&self, hmc: &Hmc) -> usize {
        let mut refused = self.lock();
        refused.retain(|one| one.at.elapsed() < REMEMBERED);
        refused.iter().filter(|one| one.is_of(hmc)).count()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Refused>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Refused {
    fn is_of(&self, hmc: &Hmc) -> bool {
        self.address == hmc.address && self.user == hmc.user
    }
}
