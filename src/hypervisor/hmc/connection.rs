//! The one connection to an HMC: when it is opened, shared, dropped, and not retried.
//!
//! Promises: at most one connection and at most one attempt to open one at any time, shared by all callers. A failed
//! attempt is followed by a pause that doubles. After a rejected authentication there is no further attempt until
//! [`Connection::reset`] or a new configuration. If [turns](Connection::take_turns) were set, the key is offered at
//! their beginning only, and while logins are [held](Connection::hold) it is not offered at all. A caller that gives
//! up neither cuts off an attempt that others wait for, nor leaves an authentication half done.

use std::mem::discriminant;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::address::HmcAddress;
use super::link::{self, LinkError, Session};
use crate::hypervisor::{Failure, Login, Turns};
use tenure_core::ForeignText;

/// Pause after the first failed attempt to connect; doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// Short, since an HMC that is back must be used at once, and one attempt costs little.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Pause after a wrong host key: only an administrator can mend that.
const HOST_KEY_PAUSE: Duration = Duration::from_secs(60);

/// Time before its turn at which a node connects that is not in a hurry.
const LEAD: Duration = Duration::from_millis(500);

/// Number of authentications in a row that may end without an answer. One more could be the third failure, which
/// locks the account.
const MAX_UNFINISHED_AUTHENTICATIONS: u32 = 2;

/// The connection to one HMC, or the lack of one.
pub struct Connection {
    address: HmcAddress,
    link: Arc<Mutex<Link>>,
    door: Door,
}

/// Whether, and when, the key may be offered. Clones share the state.
#[derive(Clone, Default)]
struct Door(Arc<std::sync::Mutex<Knocks>>);

#[derive(Default)]
struct Knocks {
    turns: Option<Turns>,
    /// The reason why the key is not offered: another node was refused.
    held: Option<ForeignText>,
    /// The outcome of the last offer.
    last: Option<Login>,
}

impl Door {
    fn knocks(&self) -> std::sync::MutexGuard<'_, Knocks> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn held(&self) -> Option<ForeignText> {
        self.knocks().held.clone()
    }

    /// Waits for this node's turn. The error is the reason why the key may not be offered then.
    async fn open(&self) -> Result<(), ForeignText> {
        let turns = self.knocks().turns;
        if let Some(turns) = turns {
            tokio::time::sleep_until(turns.next(Instant::now())).await;
        }
        self.held().map_or(Ok(()), Err)
    }

    fn note(&self, login: Login) {
        self.knocks().last = Some(login);
    }
}

/// The state of the connection.
enum Link {
    /// Not connected; the last `failures` attempts failed.
    Down {
        failures: u32,
        unfinished: u32,
        /// The first of them.
        since: Option<Instant>,
        pause: Option<(Instant, LinkError)>,
    },
    /// Connected and authenticated; it may have ended since.
    Up(Arc<Session>),
    /// Authentication failed; no further attempt is made.
    Stopped { reason: ForeignText },
}

const FRESH: Link = Link::Down { failures: 0, unfinished: 0, since: None, pause: None };

impl Connection {
    /// A connection to an HMC that was not contacted yet.
    pub fn new(address: HmcAddress) -> Self {
        Self { address, link: Arc::new(Mutex::new(FRESH)), door: Door::default() }
    }

    /// The HMC's name.
    pub fn name(&self) -> &str {
        &self.address.name
    }

    /// The HMC's configuration.
    pub fn address(&self) -> &HmcAddress {
        &self.address
    }

    /// Forgets a rejected authentication and any pause; the next command connects anew.
    pub async fn reset(&self) {
        let mut link = self.link.lock().await;
        if !matches!(*link, Link::Up(_)) {
            *link = FRESH;
        }
    }

    /// Sets the times at which the key may be offered; at any time if `None`.
    pub fn take_turns(&self, turns: Option<Turns>) {
        self.door.knocks().turns = turns;
    }

    /// Holds logins back, for this reason; `None` lets them go on. An open connection stays open.
    pub fn hold(&self, why: Option<ForeignText>) {
        self.door.knocks().held = why;
    }

    /// The outcome of the last login, unless it was [forgotten](Self::forget_login).
    pub fn login(&self) -> Option<Login> {
        self.door.knocks().last.clone()
    }

    /// Forgets the outcome of the last login.
    pub fn forget_login(&self) {
        self.door.knocks().last = None;
    }

    /// Logs in once, whatever the outcome of a login that was [forgotten](Self::forget_login). If a connection is up,
    /// by a second one; the first is kept in any case. [`Self::login`] returns the outcome. The future must not be
    /// dropped half-way.
    pub async fn try_login(&self) {
        let mut link = self.link.lock().await;
        if !matches!(&*link, Link::Up(session) if !session.is_closed()) {
            // Since then a command may have logged in, or have been refused: that was the one try.
            if self.login().is_none() {
                *link = FRESH;
            }
            drop(link);
            // `login` returns the outcome.
            let _ = self.session().await;
            return;
        }
        drop(link);
        match link::connect(&self.address, self.door.open()).await {
            Ok(session) => {
                self.door.note(Login::Accepted);
                link::disconnect(&session).await;
            }
            Err(LinkError::Rejected(reason)) => self.door.note(Login::Refused(reason)),
            Err(error) => warn!(hmc = self.name(), ?error, "cannot try to log in"),
        }
    }

    /// Opens the connection, in this node's turn, unless there is one or its key was refused.
    pub async fn keep_up(&self) {
        if match &*self.link.lock().await {
            Link::Up(session) => !session.is_closed(),
            Link::Stopped { .. } => true,
            Link::Down { .. } => false,
        } {
            return;
        }
        // Connected to only then: an HMC lets few wait that have not offered their key.
        let turns = self.door.knocks().turns;
        if let Some(turns) = turns {
            tokio::time::sleep_until(turns.next(Instant::now() + LEAD) - LEAD).await;
        }
        // What came of it, `login` says, and whoever needs the connection.
        let _ = self.session().await;
    }

    /// Ends the connection.
    pub async fn close(&self) {
        let link = std::mem::replace(&mut *self.link.lock().await, FRESH);
        if let Link::Up(session) = link {
            link::disconnect(&session).await;
        }
    }

    /// The open connection; opened now if there is none.
    pub async fn session(&self) -> Result<Arc<Session>, Failure> {
        let link = Arc::clone(&self.link).lock_owned().await;
        match &*link {
            Link::Up(session) if !session.is_closed() => return Ok(Arc::clone(session)),
            Link::Up(_) => debug!(hmc = self.name(), "the connection has ended, connecting again"),
            Link::Stopped { reason } => {
                return Err(Failure::AuthenticationFailed { reason: reason.clone() });
            }
            Link::Down { pause: Some((until, error)), .. } if Instant::now() < *until => {
                return Err(failure(error.clone()));
            }
            Link::Down { .. } => {}
        }
        if let Some(reason) = self.door.held() {
            return Err(Failure::AuthenticationFailed { reason });
        }
        // In a task of its own, which holds the lock: a caller that gives up must not cut off an authentication.
        let attempt = tokio::spawn(attempt(self.address.clone(), link, self.door.clone()));
        match attempt.await {
            Ok(result) => result,
            Err(error) => Err(Failure::Unreachable { reason: error.to_string().into() }),
        }
    }

    /// Drops a dead connection; the next command connects anew.
    pub async fn discard(&self, dead: &Arc<Session>) {
        let mut link = self.link.lock().await;
        if matches!(&*link, Link::Up(session) if Arc::ptr_eq(session, dead)) {
            *link = FRESH;
        }
    }
}

/// One attempt to connect; sets the state for the next one.
async fn attempt(address: HmcAddress, mut link: OwnedMutexGuard<Link>, door: Door) -> Result<Arc<Session>, Failure> {
    let (failures, unfinished, since) = match &*link {
        Link::Down { failures, unfinished, since, .. } => (*failures, *unfinished, *since),
        Link::Up(_) | Link::Stopped { .. } => (0, 0, None),
    };
    match link::connect(&address, door.open()).await {
        Ok(session) => {
            let (hmc, address) = (&address.name, &address.address);
            // That an HMC answers again, the ledger says.
            match since.map(|since| since.elapsed().as_secs()) {
                None => info!(kind = "hmc_connected", hmc, address, "HMC {hmc} is connected"),
                Some(after) => debug!(hmc, address, "connected again, after {after} s"),
            }
            door.note(Login::Accepted);
            let session = Arc::new(session);
            *link = Link::Up(Arc::clone(&session));
            Ok(session)
        }
        Err(error) => {
            let known = if let Link::Down { pause: Some((_, known)), .. } = &*link { Some(known) } else { None };
            // Logged when the reason becomes another; further attempts would only repeat it.
            let is_news = known.is_none_or(|known| discriminant(known) != discriminant(&error));
            let since = since.or_else(|| Some(Instant::now()));
            *link = after(&address, error.clone(), (failures.saturating_add(1), unfinished, since), is_news);
            match &*link {
                Link::Stopped { reason } => {
                    door.note(Login::Refused(reason.clone()));
                    Err(Failure::AuthenticationFailed { reason: reason.clone() })
                }
                Link::Down { .. } | Link::Up(_) => Err(failure(error)),
            }
        }
    }
}

/// The state after a failed attempt. What it means is told by the ledger, so that each change is told once: a silence if it
/// lasts, a wrong host key, a refused login.
fn after(
    address: &HmcAddress,
    error: LinkError,
    (failures, unfinished, since): (u32, u32, Option<Instant>),
    is_news: bool,
) -> Link {
    let hmc = address.name.as_str();
    match &error {
        LinkError::Rejected(reason) => {
            debug!(hmc, user = address.user, %reason, "authentication rejected: stopped until reset or reconfigured");
            return Link::Stopped { reason: reason.clone() };
        }
        LinkError::Unfinished(reason) if unfinished + 1 >= MAX_UNFINISHED_AUTHENTICATIONS => {
            let reason = format!("{reason}, {MAX_UNFINISHED_AUTHENTICATIONS} times in a row");
            debug!(hmc, user = address.user, %reason, "authentication never ended: stopped until reset or reconfigured");
            return Link::Stopped { reason: reason.into() };
        }
        LinkError::HostKey { expected, presented } => {
            if is_news {
                debug!(hmc, expected, %presented, "the host key is not the configured one: nothing was sent");
            }
        }
        // The key was not offered. The next command tries without a pause; while logins are held, `session` refuses
        // it.
        LinkError::Held(_) => {
            return Link::Down { failures: failures.saturating_sub(1), unfinished, since, pause: None };
        }
        LinkError::Unreachable(reason) | LinkError::Unfinished(reason) | LinkError::Identity(reason) => {
            if is_news {
                debug!(hmc, %reason, "cannot connect");
            }
        }
    }
    let unfinished = match &error {
        LinkError::Unfinished(_) => unfinished + 1,
        // An HMC that could not even be asked does not reset it: failures since the last success count.
        _ => unfinished,
    };
    let pause = match &error {
        LinkError::HostKey { .. } => HOST_KEY_PAUSE,
        _ => pause_after(failures),
    };
    Link::Down { failures, unfinished, since, pause: Some((Instant::now() + pause, error)) }
}

fn pause_after(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE)
}

fn failure(error: LinkError) -> Failure {
    match error {
        LinkError::Identity(reason) => Failure::IdentityUnusable { reason },
        LinkError::Unreachable(reason) | LinkError::Unfinished(reason) => Failure::Unreachable { reason },
        LinkError::HostKey { expected, presented } => Failure::HostKeyMismatch { expected, presented },
        LinkError::Rejected(reason) | LinkError::Held(reason) => Failure::AuthenticationFailed { reason },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit() {
        let pauses: Vec<u128> = (1..=7).map(|failures| pause_after(failures).as_millis()).collect();
        assert_eq!(pauses, [250, 500, 1000, 2000, 4000, 5000, 5000]);
        assert_eq!(pause_after(u32::MAX), LONGEST_PAUSE);
    }
}
