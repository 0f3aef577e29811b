//! The one connection to an HMC: when it is made, shared, given up, and left alone.
//!
//! Promises: at most one connection and at most one attempt to make one at any time, shared by all callers. A failed
//! attempt is followed by a pause that doubles. A rejected authentication is followed by none at all until
//! [`Connection::reset`] or a new configuration. Where [turns](Connection::take_turns) were set, our key is offered at their
//! beginning only, and while logins are [held](Connection::hold) it is not offered at all. A caller that gives up does not cut off an attempt that others wait for,
//! nor leave an authentication half done.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::address::HmcAddress;
use super::link::{self, LinkError, Session};
use crate::hypervisor::{Failure, Login, Turns};

/// Pause after the first failed attempt to connect; doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// Short, since an HMC that is back must be used at once, and one connection attempt costs little.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Pause after a wrong host key: it changes only by human hands.
const HOST_KEY_PAUSE: Duration = Duration::from_secs(60);

/// Authentications in a row that may end without an answer. One more could be the third failure, which locks the account.
const MAX_UNFINISHED_AUTHENTICATIONS: u32 = 2;

/// The connection to one HMC, or the lack of one.
pub struct Connection {
    address: HmcAddress,
    link: Arc<Mutex<Link>>,
    door: Door,
}

/// Whether, and when, our key may be offered. Clones are the same door.
#[derive(Clone, Default)]
struct Door(Arc<std::sync::Mutex<Knocks>>);

#[derive(Default)]
struct Knocks {
    turns: Option<Turns>,
    /// Why nothing is offered: another node was refused.
    held: Option<String>,
    /// What came of the last offer.
    last: Option<Login>,
}

impl Door {
    fn knocks(&self) -> std::sync::MutexGuard<'_, Knocks> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn held(&self) -> Option<String> {
        self.knocks().held.clone()
    }

    /// Waits for our turn. An error says why we may not knock then.
    async fn open(&self) -> Result<(), String> {
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

/// The connection's lifecycle.
enum Link {
    /// None yet, or none any more; `failures` attempts in a row failed.
    Down { failures: u32, unfinished: u32, pause: Option<(Instant, LinkError)> },
    /// Connected and authenticated, as far as is known.
    Up(Arc<Session>),
    /// Authentication failed; nothing is tried any more.
    Stopped { reason: String },
}

const FRESH: Link = Link::Down { failures: 0, unfinished: 0, pause: None };

impl Connection {
    /// To an HMC that was not contacted yet.
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

    /// When our key may be offered; at any time if `None`.
    pub fn take_turns(&self, turns: Option<Turns>) {
        self.door.knocks().turns = turns;
    }

    /// Holds logins back for this reason, or lets them go on. What is connected stays so.
    pub fn hold(&self, why: Option<String>) {
        self.door.knocks().held = why;
    }

    /// What came of the last login, unless it was [forgotten](Self::forget_login).
    pub fn login(&self) -> Option<Login> {
        self.door.knocks().last.clone()
    }

    /// Forgets what came of the last login.
    pub fn forget_login(&self) {
        self.door.knocks().last = None;
    }

    /// Logs in once, whatever came of it before it was [forgotten](Self::forget_login); beside a connection that is up, which is
    /// kept whatever comes of this. [`Self::login`] says what came of it. Must not be given up half-way.
    pub async fn try_login(&self) {
        let mut link = self.link.lock().await;
        if !matches!(&*link, Link::Up(session) if !session.is_closed()) {
            // A command may have logged in, or been refused, since then: that was the one try.
            if self.login().is_none() {
                *link = FRESH;
            }
            drop(link);
            // The door keeps what came of it.
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

    /// Ends the connection.
    pub async fn close(&self) {
        let link = std::mem::replace(&mut *self.link.lock().await, FRESH);
        if let Link::Up(session) = link {
            link::disconnect(&session).await;
        }
    }

    /// The connection, made now if there is none.
    pub async fn session(&self) -> Result<Arc<Session>, Failure> {
        let link = Arc::clone(&self.link).lock_owned().await;
        match &*link {
            Link::Up(session) if !session.is_closed() => return Ok(Arc::clone(session)),
            Link::Up(_) => info!(hmc = self.name(), "the connection has ended, connecting again"),
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
        // In a task of its own, with the lock inside: a caller that gives up must not cut off an authentication.
        let attempt = tokio::spawn(attempt(self.address.clone(), link, self.door.clone()));
        match attempt.await {
            Ok(result) => result,
            Err(error) => Err(Failure::Unreachable { reason: error.to_string() }),
        }
    }

    /// Gives up a connection that is dead; the next command connects anew.
    pub async fn discard(&self, dead: &Arc<Session>) {
        let mut link = self.link.lock().await;
        if matches!(&*link, Link::Up(session) if Arc::ptr_eq(session, dead)) {
            *link = FRESH;
        }
    }
}

/// One attempt to connect, and what follows from it for the next one.
async fn attempt(address: HmcAddress, mut link: OwnedMutexGuard<Link>, door: Door) -> Result<Arc<Session>, Failure> {
    let (failures, unfinished) = match &*link {
        Link::Down { failures, unfinished, .. } => (*failures, *unfinished),
        Link::Up(_) | Link::Stopped { .. } => (0, 0),
    };
    match link::connect(&address, door.open()).await {
        Ok(session) => {
            info!(hmc = address.name, address = address.address, "connected");
            door.note(Login::Accepted);
            let session = Arc::new(session);
            *link = Link::Up(Arc::clone(&session));
            Ok(session)
        }
        Err(error) => {
            *link = after(&address, error.clone(), failures.saturating_add(1), unfinished);
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

/// The state after a failed attempt.
fn after(address: &HmcAddress, error: LinkError, failures: u32, unfinished: u32) -> Link {
    let hmc = address.name.as_str();
    match &error {
        LinkError::Rejected(reason) => {
            error!(hmc, user = address.user, reason, "authentication rejected: stopped until reset or reconfigured");
            return Link::Stopped { reason: reason.clone() };
        }
        LinkError::Unfinished(reason) if unfinished + 1 >= MAX_UNFINISHED_AUTHENTICATIONS => {
            let reason = format!("{reason}, {MAX_UNFINISHED_AUTHENTICATIONS} times in a row");
            error!(hmc, user = address.user, reason, "authentication never ended: stopped until reset or reconfigured");
            return Link::Stopped { reason };
        }
        LinkError::HostKey { expected, presented } => {
            error!(hmc, expected, presented, "the host key is not the configured one: nothing was sent");
        }
        // Nothing was tried, and nothing is until that ends.
        LinkError::Held(_) => return Link::Down { failures: failures.saturating_sub(1), unfinished, pause: None },
        LinkError::Unreachable(reason) | LinkError::Unfinished(reason) | LinkError::Identity(reason) => {
            // Once per outage; each further attempt would say the same.
            if failures == 1 {
                warn!(hmc, reason, "cannot connect");
            }
        }
    }
    let unfinished = match &error {
        LinkError::Unfinished(_) => unfinished + 1,
        // Not reset by an HMC that could not even be asked: what counts is failures since the last success.
        _ => unfinished,
    };
    let pause = match &error {
        LinkError::HostKey { .. } => HOST_KEY_PAUSE,
        _ => pause_after(failures),
    };
    Link::Down { failures, unfinished, pause: Some((Instant::now() + pause, error)) }
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
