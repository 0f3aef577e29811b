//! One HMC as the driver sees it: its connection, how many commands it carries at once, and when to leave it alone.
//!
//! Promises: at most one connection and at most one attempt to make one at any time, shared by all callers. A failed
//! attempt is followed by a pause that doubles. A rejected authentication is followed by none at all until
//! [`Console::reset`] or a new configuration. A caller that gives up does not cut off an attempt that others wait for,
//! nor leave an authentication half done.

use std::sync::Arc;
use std::sync::Mutex as StdMutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, OwnedMutexGuard, Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};
use tracing::{error, info, warn};

use super::address::HmcAddress;
use super::command::Command;
use super::exec::{self, ExecError, Output, Slot};
use super::link::{self, LinkError, Session};
use crate::hypervisor::Failure;

/// Commands that run on one HMC at the same time. HMCs slow down badly beyond two to four.
pub const MAX_COMMANDS_PER_HMC: usize = 3;

/// How many of them may be questions, so that a command to stop something never queues behind slow questions.
pub const MAX_QUESTIONS_PER_HMC: usize = 2;

/// Pause after the first failed attempt to connect; doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// Short, since an HMC that is back must be used at once, and one connection attempt costs little.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Pause after a wrong host key: it changes only by human hands.
const HOST_KEY_PAUSE: Duration = Duration::from_secs(60);

/// Authentications in a row that may end without an answer. One more could be the third failure, which locks the account.
const MAX_UNFINISHED_AUTHENTICATIONS: u32 = 2;

/// For this long after a command got no answer the other HMCs are asked first.
const SUSPICION: Duration = Duration::from_secs(30);

/// A live connection opens a channel at once. One that does not within this time is dead or as good as dead.
const OPEN_LIMIT: Duration = Duration::from_secs(5);

/// A caller with less time than [`OPEN_LIMIT`] gives a connection up if it waited at least this long.
const SUSPICIOUS_OPEN: Duration = Duration::from_millis(500);

/// A connection is replaced after this many commands in a row got no answer on it. An SSH server can be wedged and still
/// answer probes.
const MAX_UNANSWERED: u32 = 3;

/// What a command is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It changes nothing.
    Question,
    /// It changes something.
    Mutation,
}

/// Until when things may happen.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The command must be on its way by then.
    pub send_by: Instant,
    /// It must have ended by then.
    pub end_by: Instant,
}

/// A turn: one of the questions, for a question, and one of the commands.
type Permits<'a> = (Option<SemaphorePermit<'a>>, SemaphorePermit<'a>);

/// One HMC.
pub struct Console {
    address: HmcAddress,
    commands: Semaphore,
    questions: Semaphore,
    link: Arc<Mutex<Link>>,
    unanswered: StdMutex<Unanswered>,
    /// This HMC release does not know one of the attributes that we would like to list, so everything is listed.
    lists_everything: AtomicBool,
}

/// Commands that got no answer since the last one that did.
#[derive(Default)]
struct Unanswered {
    last: Option<Instant>,
    in_a_row: u32,
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

impl Console {
    /// An HMC that was not contacted yet.
    pub fn new(address: HmcAddress) -> Self {
        Self {
            address,
            commands: Semaphore::new(MAX_COMMANDS_PER_HMC),
            questions: Semaphore::new(MAX_QUESTIONS_PER_HMC),
            link: Arc::new(Mutex::new(FRESH)),
            unanswered: StdMutex::default(),
            lists_everything: AtomicBool::new(false),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.address.name
    }

    /// Its configuration.
    pub fn address(&self) -> &HmcAddress {
        &self.address
    }

    /// Whether a command got no answer a short while ago.
    pub fn is_suspect(&self) -> bool {
        let unanswered = self.unanswered.lock().unwrap_or_else(PoisonError::into_inner);
        unanswered.last.is_some_and(|last| last.elapsed() < SUSPICION)
    }

    /// Whether list commands must go without `-F` here.
    pub fn lists_everything(&self) -> bool {
        self.lists_everything.load(Ordering::Relaxed)
    }

    /// Notes that an attribute of ours is not known here.
    pub fn list_everything(&self) {
        self.lists_everything.store(true, Ordering::Relaxed);
    }

    /// Forgets a rejected authentication and any pause; the next command connects anew.
    pub async fn reset(&self) {
        let mut link = self.link.lock().await;
        if !matches!(*link, Link::Up(_)) {
            *link = FRESH;
        }
        self.note_answer();
    }

    /// Ends the connection.
    pub async fn close(&self) {
        let link = std::mem::replace(&mut *self.link.lock().await, FRESH);
        if let Link::Up(session) = link {
            link::disconnect(&session).await;
        }
    }

    /// Runs one command.
    pub async fn run(&self, command: &Command, purpose: Purpose, limits: Limits) -> Result<Output, ExecError> {
        let (_permits, session, slot) = match self.ready(purpose, limits.send_by).await {
            Ok(ready) => ready,
            Err(failure) => {
                if failure == Failure::TimeoutBeforeSending {
                    self.note_silence();
                }
                return Err(ExecError::Before(failure));
            }
        };
        let result = slot.run(command.line(), limits.end_by).await;
        match result {
            Err(ExecError::After(Failure::Timeout)) if self.note_silence() >= MAX_UNANSWERED => {
                warn!(hmc = self.name(), "no command is answered, connecting anew");
                self.note_new_connection();
                self.discard(&session).await;
            }
            Err(ExecError::After(Failure::Timeout)) => {}
            Ok(_) | Err(_) => self.note_answer(),
        }
        result
    }

    fn note_answer(&self) {
        *self.unanswered.lock().unwrap_or_else(PoisonError::into_inner) = Unanswered::default();
    }

    /// Counts one more command without an answer, and returns how many there are in a row.
    fn note_silence(&self) -> u32 {
        let mut unanswered = self.unanswered.lock().unwrap_or_else(PoisonError::into_inner);
        unanswered.last = Some(Instant::now());
        unanswered.in_a_row = unanswered.in_a_row.saturating_add(1);
        unanswered.in_a_row
    }

    fn note_new_connection(&self) {
        self.unanswered.lock().unwrap_or_else(PoisonError::into_inner).in_a_row = 0;
    }

    /// Waits for a turn and opens a channel.
    async fn ready(&self, purpose: Purpose, send_by: Instant) -> Result<(Permits<'_>, Arc<Session>, Slot), Failure> {
        let permits = timeout_at(send_by, self.permits(purpose)).await.map_err(|_| Failure::TimeoutBeforeSending)?;
        let (session, slot) = self.open_slot(send_by).await?;
        Ok((permits, session, slot))
    }

    async fn permits(&self, purpose: Purpose) -> Permits<'_> {
        const NEVER_CLOSED: &str = "the semaphores of a console are never closed";
        let question = match purpose {
            Purpose::Question => Some(self.questions.acquire().await.expect(NEVER_CLOSED)),
            Purpose::Mutation => None,
        };
        (question, self.commands.acquire().await.expect(NEVER_CLOSED))
    }

    /// Opens a channel, connecting if need be. A connection that turns out to be dead is replaced once; that is safe
    /// since nothing was sent on it.
    async fn open_slot(&self, send_by: Instant) -> Result<(Arc<Session>, Slot), Failure> {
        let too_late = |_| Failure::TimeoutBeforeSending;
        let session = timeout_at(send_by, self.session()).await.map_err(too_late)??;
        let began = Instant::now();
        match timeout_at(send_by.min(began + OPEN_LIMIT), exec::open(&session)).await {
            Ok(Ok(slot)) => return Ok((session, slot)),
            Ok(Err(russh::Error::ChannelOpenFailure(reason))) => {
                return Err(Failure::Unreachable { reason: format!("the server opens no channel: {reason:?}") });
            }
            Ok(Err(_)) => self.discard(&session).await,
            Err(_) if began.elapsed() >= SUSPICIOUS_OPEN => self.discard(&session).await,
            Err(_) => return Err(Failure::TimeoutBeforeSending),
        }
        let session = timeout_at(send_by, self.session()).await.map_err(too_late)??;
        let opened = timeout_at(send_by, exec::open(&session)).await.map_err(too_late)?;
        match opened {
            Ok(slot) => Ok((session, slot)),
            Err(error) => Err(Failure::Unreachable { reason: error.to_string() }),
        }
    }

    /// The connection, made now if there is none.
    async fn session(&self) -> Result<Arc<Session>, Failure> {
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
        // In a task of its own, with the lock inside: a caller that gives up must not cut off an authentication.
        let attempt = tokio::spawn(attempt(self.address.clone(), link));
        match attempt.await {
            Ok(result) => result,
            Err(error) => Err(Failure::Unreachable { reason: error.to_string() }),
        }
    }

    async fn discard(&self, dead: &Arc<Session>) {
        let mut link = self.link.lock().await;
        if matches!(&*link, Link::Up(session) if Arc::ptr_eq(session, dead)) {
            *link = FRESH;
        }
    }
}

/// One attempt to connect, and what follows from it for the next one.
async fn attempt(address: HmcAddress, mut link: OwnedMutexGuard<Link>) -> Result<Arc<Session>, Failure> {
    let (failures, unfinished) = match &*link {
        Link::Down { failures, unfinished, .. } => (*failures, *unfinished),
        Link::Up(_) | Link::Stopped { .. } => (0, 0),
    };
    match link::connect(&address).await {
        Ok(session) => {
            info!(hmc = address.name, address = address.address, "connected");
            let session = Arc::new(session);
            *link = Link::Up(Arc::clone(&session));
            Ok(session)
        }
        Err(error) => {
            *link = after(&address, error.clone(), failures.saturating_add(1), unfinished);
            match &*link {
                Link::Stopped { reason } => Err(Failure::AuthenticationFailed { reason: reason.clone() }),
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
        LinkError::Rejected(reason) => Failure::AuthenticationFailed { reason },
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
